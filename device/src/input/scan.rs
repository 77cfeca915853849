//! Tells a scanner from a hand, by how long each key is held.
//!
//! A bar code scanner is a keyboard to the kernel. It lets go of a key before
//! the next of its reports, within a few milliseconds, where a finger rests on
//! a key for a tenth of a second. What it sends is one code, and goes to the
//! patient's number whatever is shown or chosen: letter by letter it would be
//! taken for commands, or for an age.

use std::time::{Duration, SystemTime};

use evdev::KeyCode;

use super::{Events, InputEvent, Key};

/// Longest that a scanner holds a key; no finger is as quick.
const HELD: Duration = Duration::from_millis(40);

/// Longest pause within a code.
const PAUSE: Duration = Duration::from_millis(100);

/// The same for a device that is known to be a scanner, wireless ones included.
const PAUSE_OF_SCANNER: Duration = Duration::from_millis(400);

/// Fewest characters of a code. Fewer are keys, however quick.
const LEAST: usize = 3;

/// Most characters that are passed on as keys after all: so quickly, no hand has
/// typed more.
const MOST_KEYS: usize = 16;

/// More characters than any code has. What follows them is not kept; the code
/// is too long for a patient's number by then.
const MOST: usize = 4096;

/// Puts the characters of one keyboard together to codes, or passes them on as
/// keys.
#[derive(Debug)]
pub struct Scans {
    /// Whether the device is known to be a scanner: then nobody types on it.
    scanner: bool,
    /// Characters that may be the beginning of a code.
    code: String,
    /// The last of them: where it came from, and when it was pressed and let go.
    last: Option<Last>,
    /// A code has just ended: what ends a line after it belongs to it.
    ended: Option<SystemTime>,
    /// Part of a code is lost, and when the latest of what is left of it came: a
    /// part would be another patient's number.
    lost: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    key: KeyCode,
    pressed: SystemTime,
    released: bool,
}

impl Scans {
    pub fn new(scanner: bool) -> Scans {
        Scans {
            scanner,
            code: String::new(),
            last: None,
            ended: None,
            lost: None,
        }
    }

    /// Whether the device is known to be a scanner.
    pub fn is_scanner(&self) -> bool {
        self.scanner
    }

    /// Most events that one call of [`Scans::press`] appends.
    pub const MOST_EVENTS: usize = MOST_KEYS + 1;

    /// A key was pressed, or counts again because it is held.
    pub fn press(&mut self, code: KeyCode, key: Key, at: SystemTime, events: &mut Events) {
        self.pass_time(at, events);
        if self.is_held() {
            self.flush_held(at, events);
        }
        match key {
            Key::Char(_) if self.lost.is_some() => self.lost = Some(at),
            Key::Enter | Key::Tab if self.lost.is_some() => {
                self.lost = None;
                self.ended = Some(at);
            }
            // No code begins with a space, and the shutter must not wait.
            Key::Char(letter) if letter != ' ' || !self.code.is_empty() => {
                if self.code.len() < MOST {
                    self.code.push(letter);
                }
                self.last = Some(Last {
                    key: code,
                    pressed: at,
                    released: false,
                });
            }
            Key::Enter | Key::Tab if self.is_code() => {
                self.flush(events);
                self.ended = Some(at);
            }
            // Some scanners end a line twice.
            Key::Enter | Key::Tab if self.ended.is_some() => {}
            key => {
                self.lost = None;
                self.flush(events);
                push(events, InputEvent::Key(key));
            }
        }
    }

    /// What was pressed up to `at` is not all known. What there is of a code is
    /// dropped, and so is the rest of it, up to a pause or the end of its line.
    pub fn lose(&mut self, at: SystemTime) {
        self.code.clear();
        self.last = None;
        self.ended = None;
        self.lost = Some(at);
    }

    /// A key was let go.
    pub fn release(&mut self, code: KeyCode, at: SystemTime, events: &mut Events) {
        self.pass_time(at, events);
        if let Some(last) = self.last.as_mut().filter(|last| last.key == code) {
            last.released = true;
        }
    }

    /// Time has passed until `now`: passes on what is no code, or no longer one.
    pub fn pass_time(&mut self, now: SystemTime, events: &mut Events) {
        if self.due(now).is_some_and(|left| left.is_zero()) {
            if self.is_held() {
                self.ended = None;
                self.flush_held(now, events);
            } else {
                self.ended = self.is_code().then_some(now);
                self.flush(events);
            }
        }
        if self.lost.is_some_and(|at| since(at, now) >= self.pause()) {
            self.lost = None;
        }
        if self.ended.is_some_and(|at| since(at, now) >= self.pause()) {
            self.ended = None;
        }
    }

    /// How long until [`Scans::pass_time`] has something to tell.
    pub fn due(&self, now: SystemTime) -> Option<Duration> {
        let last = self.last?;
        let limit = if last.released || self.scanner {
            self.pause()
        } else {
            HELD
        };
        Some(limit.saturating_sub(since(last.pressed, now)))
    }

    /// Whether what is there so far is a code.
    fn is_code(&self) -> bool {
        self.scanner && !self.code.is_empty() || self.code.chars().nth(LEAST - 1).is_some()
    }

    /// Whether the last key is still down, on a device that may be a keyboard.
    fn is_held(&self) -> bool {
        !self.scanner && self.last.is_some_and(|last| !last.released)
    }

    fn pause(&self) -> Duration {
        if self.scanner {
            PAUSE_OF_SCANNER
        } else {
            PAUSE
        }
    }

    /// Passes on what is there, as a code or as keys.
    fn flush(&mut self, events: &mut Events) {
        let is_code = self.is_code();
        let code = std::mem::take(&mut self.code);
        self.last = None;
        if is_code {
            push(events, InputEvent::Scan(code));
        } else {
            push_keys(events, &code);
        }
    }

    /// Passes on as keys what is there when the last key was held too long, or
    /// while the next was pressed: no scanner does so. What no hand has typed
    /// either is a code that came out of step, and not to be trusted.
    fn flush_held(&mut self, at: SystemTime, events: &mut Events) {
        if self.code.chars().nth(MOST_KEYS).is_some() {
            return self.lose(at);
        }
        self.last = None;
        push_keys(events, &std::mem::take(&mut self.code));
    }
}

fn push_keys(events: &mut Events, letters: &str) {
    for letter in letters.chars() {
        push(events, InputEvent::Key(Key::Char(letter)));
    }
}

/// Whoever reads a device leaves room.
fn push(events: &mut Events, event: InputEvent) {
    let _ = events.push_back(event);
}

/// A clock that was set back in between is no pause.
fn since(earlier: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(earlier).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types `text` with every key held for `held` ms and a press every `every`
    /// ms; keys are told apart by their place. What came of it a second later.
    fn typed(scans: &mut Scans, text: &str, held: u64, every: u64) -> Vec<InputEvent> {
        let ms = Duration::from_millis;
        let mut at = SystemTime::UNIX_EPOCH + ms(10_000);
        let mut all = Vec::new();
        let mut events = Events::new();
        for (place, letter) in text.chars().enumerate() {
            let code = KeyCode::new(u16::try_from(place).unwrap());
            let key = match letter {
                '\n' => Key::Enter,
                '\t' => Key::Tab,
                letter => Key::Char(letter),
            };
            scans.press(code, key, at, &mut events);
            scans.release(code, at + ms(held), &mut events);
            at += ms(every);
            all.extend(std::mem::take(&mut events).iter().cloned());
        }
        scans.pass_time(at + ms(1_000), &mut events);
        all.extend(events.iter().cloned());
        all
    }

    fn keys(text: &str) -> Vec<InputEvent> {
        let key = |letter| match letter {
            '\n' => Key::Enter,
            '\t' => Key::Tab,
            letter => Key::Char(letter),
        };
        text.chars().map(|c| InputEvent::Key(key(c))).collect()
    }

    fn scan(code: &str) -> Vec<InputEvent> {
        vec![InputEvent::Scan(code.to_owned())]
    }

    #[test]
    fn what_is_let_go_at_once_is_a_code() {
        for (held, every) in [(0, 1), (2, 4), (10, 20), (30, 60)] {
            for end in ["", "\n", "\t", "\n\n", "\t\n"] {
                let sent = format!("P-1042 t{end}");
                let came = typed(&mut Scans::new(false), &sent, held, every);
                assert_eq!(came, scan("P-1042 t"), "{held} {every} {end:?}");
            }
        }
    }

    #[test]
    fn what_a_finger_types_stays_keys() {
        for (held, every) in [(41, 45), (60, 55), (90, 80), (120, 300)] {
            let text = "stop it\n";
            assert_eq!(
                typed(&mut Scans::new(false), text, held, every),
                keys(text),
                "{held} {every}"
            );
        }
        // Quick taps with pauses between them.
        assert_eq!(typed(&mut Scans::new(false), "abcd", 10, 150), keys("abcd"));
        assert_eq!(typed(&mut Scans::new(false), "ab\n", 10, 20), keys("ab\n"));
    }

    /// Presses the keys of `text` every `every` ms and lets go of them all
    /// `held` ms after the last. What came of it a second later.
    fn together(scans: &mut Scans, text: &str, held: u64, every: u64) -> Vec<InputEvent> {
        let ms = Duration::from_millis;
        let mut at = SystemTime::UNIX_EPOCH + ms(10_000);
        let mut events = Events::new();
        for (letter, code) in text.chars().zip(1..) {
            scans.press(KeyCode::new(code), Key::Char(letter), at, &mut events);
            at += ms(every);
        }
        for (_, code) in text.chars().zip(1..) {
            scans.release(KeyCode::new(code), at + ms(held), &mut events);
        }
        scans.pass_time(at + ms(1_000), &mut events);
        events.iter().cloned().collect()
    }

    #[test]
    fn keys_that_are_pressed_together_are_no_code() {
        for (held, every) in [(0, 0), (5, 1), (20, 8), (35, 3), (90, 10)] {
            let came = together(&mut Scans::new(false), "asdfg", held, every);
            assert_eq!(came, keys("asdfg"), "{held} {every}");
        }
        // A scanner that is known may do as it likes.
        let came = together(&mut Scans::new(true), "P-1042", 20, 8);
        assert_eq!(came, scan("P-1042"));
    }

    /// Scans all of `code`, but holds its last key for `held` ms.
    fn last_held(code: &str, held: u64) -> Vec<InputEvent> {
        let ms = Duration::from_millis;
        let mut scans = Scans::new(false);
        let mut at = SystemTime::UNIX_EPOCH;
        let mut events = Events::new();
        let last = code.chars().count() - 1;
        for (place, letter) in code.chars().enumerate() {
            let (key, held) = match place == last {
                true => (2, held),
                false => (1, 2),
            };
            let key = KeyCode::new(key);
            scans.press(key, Key::Char(letter), at, &mut events);
            scans.release(key, at + ms(held), &mut events);
            at += ms(4);
        }
        scans.pass_time(at + ms(1_000), &mut events);
        events.iter().cloned().collect()
    }

    #[test]
    fn what_ends_with_a_key_that_is_held_is_no_code() {
        let longest = "8".repeat(MOST_KEYS);
        for text in ["abc", "P-1042", &longest] {
            assert_eq!(last_held(text, 20), scan(text));
            assert_eq!(last_held(text, 60), keys(text));
        }
        // Neither what a hand types nor a whole code.
        assert_eq!(last_held(&"8".repeat(MOST_KEYS + 1), 60), []);
    }

    #[test]
    fn what_is_left_of_a_code_in_part_is_dropped() {
        let ms = Duration::from_millis;
        let start = SystemTime::UNIX_EPOCH + ms(10_000);
        for (rest, then, came) in [
            ("042\n", "P-7\n", scan("P-7")),
            // A line may end twice.
            ("042\t\n", "P-7\n", scan("P-7")),
            // Without the end of a line, the rest ends with a pause.
            ("042 x", "", vec![]),
            ("", "P-7", vec![]),
        ] {
            let mut scans = Scans::new(false);
            let mut events = Events::new();
            let code = KeyCode::KEY_P;
            for letter in "P-1".chars() {
                scans.press(code, Key::Char(letter), start - ms(5), &mut events);
                scans.release(code, start - ms(4), &mut events);
            }
            scans.lose(start - ms(3));
            assert!(events.is_empty());
            // Both follow at once.
            let all = typed(&mut scans, &format!("{rest}{then}"), 2, 4);
            assert_eq!(all, came, "{rest:?} {then:?}");
            assert_eq!(typed(&mut scans, "P-1042\n", 2, 4), scan("P-1042"));
        }
        // What is no part of a code is not held up.
        let mut scans = Scans::new(false);
        let mut events = Events::new();
        scans.lose(start);
        scans.press(KeyCode::KEY_ESC, Key::Escape, start, &mut events);
        assert_eq!(events.pop_front(), Some(InputEvent::Key(Key::Escape)));
        assert_eq!(typed(&mut scans, "x", 90, 100), keys("x"));
    }

    #[test]
    fn two_codes_are_two() {
        let mut scans = Scans::new(false);
        assert_eq!(typed(&mut scans, "100\n200\n", 2, 8).len(), 2);
        assert_eq!(typed(&mut scans, "\n", 90, 100), keys("\n"));
    }

    #[test]
    fn a_known_scanner_may_be_slow_and_its_codes_short() {
        let sent = "7q\n";
        assert_eq!(typed(&mut Scans::new(true), sent, 90, 200), scan("7q"));
    }

    #[test]
    fn the_shutter_does_not_wait() {
        let mut scans = Scans::new(false);
        let mut events = Events::new();
        let at = SystemTime::UNIX_EPOCH;
        scans.press(KeyCode::KEY_SPACE, Key::Char(' '), at, &mut events);
        assert_eq!(events.pop_front(), Some(InputEvent::Key(Key::Char(' '))));
        scans.press(KeyCode::KEY_R, Key::Char('r'), at, &mut events);
        assert_eq!(scans.due(at), Some(HELD));
        scans.pass_time(at + HELD, &mut events);
        assert_eq!(events.pop_front(), Some(InputEvent::Key(Key::Char('r'))));
    }

    #[test]
    fn a_code_without_end_is_kept_to_a_bound() {
        let endless = "8".repeat(10_000);
        let came = typed(&mut Scans::new(false), &endless, 0, 1);
        assert_eq!(came, scan(&endless[..MOST]));
    }
}
