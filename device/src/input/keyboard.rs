//! From a keyboard's stream of events to keys and codes. No device is opened here.

use std::time::{Duration, SystemTime};

use evdev::{EventSummary, InputEvent as Raw, KeyCode, SynchronizationCode};
use kbvm::state_machine::{Direction, State};
use kbvm::{syms, Components, Keycode, Keysym, ModifierMask};
use unicode_normalization::char::compose;

use super::keymap::Keymap;
use super::scan::Scans;
use super::{AboutKeys, Events, Key};

/// Keys that print nothing. A camera's own button on its cable is one of the
/// last two: it photographs, as the space bar does.
const OTHERS: [(KeyCode, Key); 14] = [
    (KeyCode::KEY_ENTER, Key::Enter),
    (KeyCode::KEY_KPENTER, Key::Enter),
    (KeyCode::KEY_ESC, Key::Escape),
    (KeyCode::KEY_BACKSPACE, Key::Backspace),
    (KeyCode::KEY_DELETE, Key::Delete),
    (KeyCode::KEY_TAB, Key::Tab),
    (KeyCode::KEY_UP, Key::Up),
    (KeyCode::KEY_DOWN, Key::Down),
    (KeyCode::KEY_LEFT, Key::Left),
    (KeyCode::KEY_RIGHT, Key::Right),
    (KeyCode::KEY_PAGEUP, Key::PageUp),
    (KeyCode::KEY_PAGEDOWN, Key::PageDown),
    (KeyCode::KEY_CAMERA, Key::Char(' ')),
    (KeyCode::KEY_CAMERA_FOCUS, Key::Char(' ')),
];

/// Dead keys: the accent as it combines with the next letter, and as it stands
/// alone before a space.
const DEAD: [(Keysym, char, char); 12] = [
    (syms::dead_grave, '\u{300}', '`'),
    (syms::dead_acute, '\u{301}', '´'),
    (syms::dead_circumflex, '\u{302}', '^'),
    (syms::dead_tilde, '\u{303}', '~'),
    (syms::dead_macron, '\u{304}', '¯'),
    (syms::dead_breve, '\u{306}', '˘'),
    (syms::dead_abovedot, '\u{307}', '˙'),
    (syms::dead_diaeresis, '\u{308}', '¨'),
    (syms::dead_abovering, '\u{30a}', '°'),
    (syms::dead_doubleacute, '\u{30b}', '˝'),
    (syms::dead_caron, '\u{30c}', 'ˇ'),
    (syms::dead_cedilla, '\u{327}', '¸'),
];

/// Held with another key, these make it a command, meant for somebody else.
const COMMAND: ModifierMask =
    ModifierMask(ModifierMask::CONTROL.0 | ModifierMask::ALT.0 | ModifierMask::SUPER.0);

/// The kernel's values of a key.
const RELEASED: i32 = 0;
const PRESSED: i32 = 1;

/// Decodes one keyboard.
#[derive(Debug)]
pub struct Keyboard {
    keymap: Keymap,
    /// Which keys are held or locked, and what that makes of others.
    state: State,
    held: Components,
    /// The accent that waits for its letter: combining and alone.
    accent: Option<(char, char)>,
    scans: Scans,
    /// Events were lost: up to the end of this report nothing makes sense.
    lost: bool,
}

impl Keyboard {
    /// One with this layout; `scanner` says that codes alone come from it.
    pub fn new(keymap: Keymap, scanner: bool) -> Keyboard {
        Keyboard {
            state: keymap.machine().create_state(),
            keymap,
            held: Components::default(),
            accent: None,
            scans: Scans::new(scanner),
            lost: false,
        }
    }

    /// What it is.
    pub fn about(&self) -> AboutKeys {
        AboutKeys {
            scanner: self.scans.is_scanner(),
            layout: self.keymap.name().to_string(),
        }
    }

    /// Takes in one event; what it stands for is appended to `events`.
    pub fn feed(&mut self, raw: Raw, events: &mut Events) {
        match raw.destructure() {
            EventSummary::Synchronization(_, SynchronizationCode::SYN_DROPPED, _) => {
                self.lost = true;
                self.state = self.keymap.machine().create_state();
                self.held = Components::default();
                self.accent = None;
                self.scans.lose(raw.timestamp());
            }
            EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _) => {
                self.lost = false;
            }
            EventSummary::Key(_, code, value) if !self.lost => {
                self.key(code, value, raw.timestamp(), events);
            }
            _ => {}
        }
    }

    /// See [`Scans::pass_time`].
    pub fn pass_time(&mut self, now: SystemTime, events: &mut Events) {
        self.scans.pass_time(now, events);
    }

    /// See [`Scans::due`].
    pub fn due(&self, now: SystemTime) -> Option<Duration> {
        self.scans.due(now)
    }

    fn key(&mut self, code: KeyCode, value: i32, at: SystemTime, events: &mut Events) {
        match value {
            RELEASED => self.scans.release(code, at, events),
            PRESSED => {
                if let Some(key) = self.meaning(code) {
                    self.scans.press(code, key, at, events);
                }
            }
            _ => {
                if let Some(key) = other(code).filter(|&key| repeats(key)) {
                    self.scans.press(code, key, at, events);
                }
            }
        }
        let direction = match value {
            RELEASED => Direction::Up,
            PRESSED => Direction::Down,
            _ => return,
        };
        let mut changes = Vec::new();
        let (machine, code) = (self.keymap.machine(), keycode(code));
        machine.handle_key(&mut self.state, &mut changes, code, direction);
        for change in changes {
            self.held.apply_event(change);
        }
    }

    /// What a key that is pressed now means.
    fn meaning(&mut self, code: KeyCode) -> Option<Key> {
        if self.held.mods.0 & COMMAND.0 != 0 {
            return None;
        }
        if let Some(key) = other(code) {
            self.accent = None;
            return Some(key);
        }
        // The block of digits, as if its lock were always on.
        let mods = self.held.mods | ModifierMask::NUM_LOCK;
        let found = self
            .keymap
            .table()
            .lookup(self.held.group, mods, keycode(code));
        let symbol = found.into_iter().next()?;
        if let Some(&(_, combining, alone)) =
            DEAD.iter().find(|(dead, ..)| *dead == symbol.keysym())
        {
            self.accent = Some((combining, alone));
            return None;
        }
        let letter = symbol.char().filter(|c| !c.is_control())?;
        Some(Key::Char(match self.accent.take() {
            Some((_, alone)) if letter == ' ' => alone,
            // An accent that the letter does not take is dropped, not the letter.
            Some((combining, _)) => compose(letter, combining).unwrap_or(letter),
            None => letter,
        }))
    }
}

/// Whether a key of this code means anything here.
pub fn knows(keymap: &Keymap, code: KeyCode) -> bool {
    other(code).is_some() || keymap.prints(keycode(code))
}

fn other(code: KeyCode) -> Option<Key> {
    let found = OTHERS.iter().find(|(known, _)| *known == code);
    found.map(|&(_, key)| key)
}

fn keycode(code: KeyCode) -> Keycode {
    Keycode::from_evdev(code.code().into())
}

/// Whether a key that is held down counts again and again. A leaning folder
/// must neither fill a field nor take photographs.
fn repeats(key: Key) -> bool {
    matches!(
        key,
        Key::Backspace | Key::Up | Key::Down | Key::PageUp | Key::PageDown
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::InputEvent;
    use evdev::EventType;

    /// A keyboard with a finger on it, and its clock in milliseconds.
    struct Desk {
        keyboard: Keyboard,
        now: u64,
    }

    impl Desk {
        fn new(layout: &str) -> Desk {
            let keymap = Keymap::load(&layout.parse().unwrap()).unwrap();
            Desk {
                keyboard: Keyboard::new(keymap, false),
                now: 0,
            }
        }

        /// The keys that come of these changes, each after `pause` ms.
        fn feed(&mut self, stream: &[(KeyCode, i32)], pause: u64) -> Vec<InputEvent> {
            let mut all = Vec::new();
            let mut events = Events::new();
            for &(code, value) in stream {
                self.keyboard.key(code, value, self.at(), &mut events);
                self.now += pause;
                all.extend(std::mem::take(&mut events).iter().cloned());
            }
            self.now += 1_000;
            self.keyboard.pass_time(self.at(), &mut events);
            all.extend(events.iter().cloned());
            all
        }

        fn at(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_millis(self.now)
        }

        /// What a finger writes that presses these keys.
        fn write(&mut self, stream: &[(KeyCode, i32)]) -> String {
            let letter = |event| match event {
                InputEvent::Key(Key::Char(letter)) => letter,
                other => panic!("{other:?}"),
            };
            self.feed(stream, 80).into_iter().map(letter).collect()
        }
    }

    /// Down and up, one after the other.
    fn typed(codes: &[KeyCode]) -> Vec<(KeyCode, i32)> {
        codes.iter().flat_map(|&c| [(c, 1), (c, 0)]).collect()
    }

    /// The same with another key held.
    fn with(held: KeyCode, codes: &[KeyCode]) -> Vec<(KeyCode, i32)> {
        let mut stream = vec![(held, 1)];
        stream.extend(typed(codes));
        stream.push((held, 0));
        stream
    }

    /// Where P-1042 lies on the keyboards of three languages.
    fn number(layout: &str) -> Vec<(KeyCode, i32)> {
        let (hyphen, digits_shifted) = match layout {
            "us" => (KeyCode::KEY_MINUS, false),
            "es" => (KeyCode::KEY_SLASH, false),
            "fr" => (KeyCode::KEY_6, true),
            other => panic!("{other}"),
        };
        let mut stream = with(KeyCode::KEY_LEFTSHIFT, &[KeyCode::KEY_P]);
        stream.extend(typed(&[hyphen]));
        let digits = [
            KeyCode::KEY_1,
            KeyCode::KEY_0,
            KeyCode::KEY_4,
            KeyCode::KEY_2,
        ];
        stream.extend(if digits_shifted {
            with(KeyCode::KEY_LEFTSHIFT, &digits)
        } else {
            typed(&digits)
        });
        stream
    }

    #[test]
    fn a_number_is_what_is_printed_on_the_keys() {
        for layout in ["us", "es", "fr"] {
            let mut desk = Desk::new(layout);
            assert_eq!(desk.write(&number(layout)), "P-1042", "{layout}");
            let block = [
                KeyCode::KEY_KP1,
                KeyCode::KEY_KP0,
                KeyCode::KEY_KPMINUS,
                KeyCode::KEY_KP9,
            ];
            assert_eq!(desk.write(&typed(&block)), "10-9", "{layout}");
        }
        // What a wrong layout makes of it is why there is a setting.
        assert_eq!(Desk::new("es").write(&number("us")), "P'1042");
    }

    #[test]
    fn names_are_written_with_their_accents() {
        let mut desk = Desk::new("es");
        let mut stream = typed(&[
            KeyCode::KEY_APOSTROPHE,
            KeyCode::KEY_A,
            KeyCode::KEY_SEMICOLON,
            KeyCode::KEY_APOSTROPHE,
            KeyCode::KEY_SPACE,
            KeyCode::KEY_APOSTROPHE,
            KeyCode::KEY_X,
        ]);
        stream.extend(with(KeyCode::KEY_RIGHTALT, &[KeyCode::KEY_2]));
        assert_eq!(desk.write(&stream), "áñ´x@");
        let mut desk = Desk::new("fr");
        let stream = typed(&[KeyCode::KEY_LEFTBRACE, KeyCode::KEY_E, KeyCode::KEY_2]);
        assert_eq!(desk.write(&stream), "êé");
    }

    #[test]
    fn the_built_in_layout_prints_what_the_installed_one_does() {
        let installed = Keymap::load(&"us(basic)".parse().unwrap()).unwrap();
        let built_in = Keymap::load(&"us".parse().unwrap()).unwrap();
        for shifted in [false, true] {
            for code in (1..128).map(KeyCode::new) {
                // Of Europe's additional key the US layout has no print of its own.
                if code == KeyCode::KEY_102ND || !built_in.prints(keycode(code)) {
                    continue;
                }
                let of = |keymap: &Keymap| {
                    let mut keyboard = Keyboard::new(keymap.clone(), false);
                    let mut events = Events::new();
                    let at = SystemTime::UNIX_EPOCH;
                    if shifted {
                        keyboard.key(KeyCode::KEY_LEFTSHIFT, 1, at, &mut events);
                    }
                    keyboard.meaning(code)
                };
                let keypad = format!("{code:?}").contains("_KP");
                if !(keypad && shifted) {
                    assert_eq!(of(&built_in), of(&installed), "{code:?}");
                }
            }
        }
    }

    #[test]
    fn a_scanner_types_and_ends_with_enter() {
        // "Ab-7" as a scanner sends it, with a shift around the capital.
        let mut stream = with(KeyCode::KEY_LEFTSHIFT, &[KeyCode::KEY_A]);
        stream.extend(typed(&[
            KeyCode::KEY_B,
            KeyCode::KEY_MINUS,
            KeyCode::KEY_7,
            KeyCode::KEY_ENTER,
        ]));
        let came = Desk::new("us").feed(&stream, 4);
        assert_eq!(came, [InputEvent::Scan("Ab-7".to_owned())]);
        let came = Desk::new("us").feed(&stream, 70);
        assert_eq!(came.last(), Some(&InputEvent::Key(Key::Enter)));
        assert_eq!(came.len(), 5);
    }

    #[test]
    fn capitals_lock_letters_only_and_shift_undoes_them() {
        let mut desk = Desk::new("es");
        assert_eq!(desk.write(&typed(&[KeyCode::KEY_CAPSLOCK])), "");
        let stream = typed(&[KeyCode::KEY_Q, KeyCode::KEY_1]);
        assert_eq!(desk.write(&stream), "Q1");
        let shift = with(KeyCode::KEY_RIGHTSHIFT, &[KeyCode::KEY_Q, KeyCode::KEY_1]);
        assert_eq!(desk.write(&shift), "q!");
    }

    #[test]
    fn only_keys_that_may_repeat_do() {
        let held = |code| [(code, 1), (code, 2), (code, 2), (code, 0)];
        let count = |code| Desk::new("us").feed(&held(code), 80).len();
        assert_eq!(count(KeyCode::KEY_BACKSPACE), 3);
        assert_eq!(count(KeyCode::KEY_DOWN), 3);
        for code in [KeyCode::KEY_SPACE, KeyCode::KEY_A, KeyCode::KEY_ENTER] {
            assert_eq!(count(code), 1);
        }
    }

    #[test]
    fn commands_are_not_typed() {
        for command in [
            KeyCode::KEY_LEFTCTRL,
            KeyCode::KEY_LEFTALT,
            KeyCode::KEY_RIGHTMETA,
        ] {
            for layout in ["us", "fr"] {
                let mut desk = Desk::new(layout);
                let held = with(command, &[KeyCode::KEY_C, KeyCode::KEY_ENTER]);
                assert_eq!(desk.feed(&held, 80), []);
                assert_eq!(desk.write(&typed(&[KeyCode::KEY_C])), "c");
            }
        }
    }

    #[test]
    fn a_shift_whose_release_was_lost_is_let_go() {
        let mut desk = Desk::new("us");
        desk.feed(&[(KeyCode::KEY_LEFTSHIFT, 1)], 80);
        let mut events = Events::new();
        let mut feed = |kind: EventType, code: u16, value| {
            let raw = Raw::new(kind.0, code, value);
            desk.keyboard.feed(raw, &mut events);
        };
        let a = KeyCode::KEY_A.code();
        feed(EventType::SYNCHRONIZATION, 3, 0);
        feed(EventType::KEY, a, 1);
        feed(EventType::SYNCHRONIZATION, 0, 0);
        assert_eq!(desk.write(&typed(&[KeyCode::KEY_A])), "a");
    }

    #[test]
    fn half_a_code_is_no_number() {
        let (first, rest) = (
            [KeyCode::KEY_1, KeyCode::KEY_0, KeyCode::KEY_4],
            [KeyCode::KEY_7, KeyCode::KEY_2, KeyCode::KEY_5],
        );
        let ends = [KeyCode::KEY_ENTER];
        let mut desk = Desk::new("us");
        let mut events = Events::new();
        for (code, value) in typed(&first) {
            desk.keyboard.key(code, value, desk.at(), &mut events);
            desk.now += 2;
        }
        // At the clock's zero, as what follows.
        for code in [
            SynchronizationCode::SYN_DROPPED,
            SynchronizationCode::SYN_REPORT,
        ] {
            let raw = Raw::new(EventType::SYNCHRONIZATION.0, code.0, 0);
            desk.keyboard.feed(raw, &mut events);
        }
        assert!(events.is_empty());
        assert_eq!(desk.feed(&typed(&[&rest[..], &ends].concat()), 2), []);
        let whole = [&first[..], &rest, &ends].concat();
        let came = desk.feed(&typed(&whole), 2);
        assert_eq!(came, [InputEvent::Scan("104725".to_owned())]);
    }

    #[test]
    fn power_and_volume_are_for_the_system() {
        let keymap = Keymap::load(&"us".parse().unwrap()).unwrap();
        for code in [
            KeyCode::KEY_POWER,
            KeyCode::KEY_VOLUMEUP,
            KeyCode::BTN_TOUCH,
            KeyCode::KEY_LEFTSHIFT,
        ] {
            assert!(!knows(&keymap, code));
        }
        assert!(knows(&keymap, KeyCode::KEY_KPENTER) && knows(&keymap, KeyCode::KEY_CAMERA));
    }
}
