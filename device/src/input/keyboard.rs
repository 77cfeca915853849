//! From a keyboard's stream of events to keys. No device is opened here.
//!
//! The layout is the US one: it is what bar code scanners speak unless they
//! are told otherwise.

use evdev::{EventSummary, InputEvent as Raw, KeyCode, SynchronizationCode};

use super::Key;

/// Keys that print: alone, and with shift.
const PRINTING: [(KeyCode, char, char); 63] = [
    (KeyCode::KEY_1, '1', '!'),
    (KeyCode::KEY_2, '2', '@'),
    (KeyCode::KEY_3, '3', '#'),
    (KeyCode::KEY_4, '4', '$'),
    (KeyCode::KEY_5, '5', '%'),
    (KeyCode::KEY_6, '6', '^'),
    (KeyCode::KEY_7, '7', '&'),
    (KeyCode::KEY_8, '8', '*'),
    (KeyCode::KEY_9, '9', '('),
    (KeyCode::KEY_0, '0', ')'),
    (KeyCode::KEY_MINUS, '-', '_'),
    (KeyCode::KEY_EQUAL, '=', '+'),
    (KeyCode::KEY_Q, 'q', 'Q'),
    (KeyCode::KEY_W, 'w', 'W'),
    (KeyCode::KEY_E, 'e', 'E'),
    (KeyCode::KEY_R, 'r', 'R'),
    (KeyCode::KEY_T, 't', 'T'),
    (KeyCode::KEY_Y, 'y', 'Y'),
    (KeyCode::KEY_U, 'u', 'U'),
    (KeyCode::KEY_I, 'i', 'I'),
    (KeyCode::KEY_O, 'o', 'O'),
    (KeyCode::KEY_P, 'p', 'P'),
    (KeyCode::KEY_LEFTBRACE, '[', '{'),
    (KeyCode::KEY_RIGHTBRACE, ']', '}'),
    (KeyCode::KEY_A, 'a', 'A'),
    (KeyCode::KEY_S, 's', 'S'),
    (KeyCode::KEY_D, 'd', 'D'),
    (KeyCode::KEY_F, 'f', 'F'),
    (KeyCode::KEY_G, 'g', 'G'),
    (KeyCode::KEY_H, 'h', 'H'),
    (KeyCode::KEY_J, 'j', 'J'),
    (KeyCode::KEY_K, 'k', 'K'),
    (KeyCode::KEY_L, 'l', 'L'),
    (KeyCode::KEY_SEMICOLON, ';', ':'),
    (KeyCode::KEY_APOSTROPHE, '\'', '"'),
    (KeyCode::KEY_GRAVE, '`', '~'),
    (KeyCode::KEY_BACKSLASH, '\\', '|'),
    (KeyCode::KEY_Z, 'z', 'Z'),
    (KeyCode::KEY_X, 'x', 'X'),
    (KeyCode::KEY_C, 'c', 'C'),
    (KeyCode::KEY_V, 'v', 'V'),
    (KeyCode::KEY_B, 'b', 'B'),
    (KeyCode::KEY_N, 'n', 'N'),
    (KeyCode::KEY_M, 'm', 'M'),
    (KeyCode::KEY_COMMA, ',', '<'),
    (KeyCode::KEY_DOT, '.', '>'),
    (KeyCode::KEY_SLASH, '/', '?'),
    (KeyCode::KEY_SPACE, ' ', ' '),
    // The block of digits, as if its lock were always on.
    (KeyCode::KEY_KP0, '0', '0'),
    (KeyCode::KEY_KP1, '1', '1'),
    (KeyCode::KEY_KP2, '2', '2'),
    (KeyCode::KEY_KP3, '3', '3'),
    (KeyCode::KEY_KP4, '4', '4'),
    (KeyCode::KEY_KP5, '5', '5'),
    (KeyCode::KEY_KP6, '6', '6'),
    (KeyCode::KEY_KP7, '7', '7'),
    (KeyCode::KEY_KP8, '8', '8'),
    (KeyCode::KEY_KP9, '9', '9'),
    (KeyCode::KEY_KPDOT, '.', '.'),
    (KeyCode::KEY_KPMINUS, '-', '-'),
    (KeyCode::KEY_KPPLUS, '+', '+'),
    (KeyCode::KEY_KPASTERISK, '*', '*'),
    (KeyCode::KEY_KPSLASH, '/', '/'),
];

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

/// The kernel's values of a key.
const RELEASED: i32 = 0;
const PRESSED: i32 = 1;

/// Decodes one keyboard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyboard {
    held: Held,
    capitals: bool,
    /// Events were lost: up to the end of this report nothing makes sense.
    lost: bool,
}

/// Keys that are held while others are typed.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    shift: [bool; 2],
    /// Control, alt and logo keys: what is typed with them is meant for
    /// somebody else.
    command: [bool; 6],
}

impl Held {
    fn key(&mut self, code: KeyCode) -> Option<&mut bool> {
        Some(match code {
            KeyCode::KEY_LEFTSHIFT => &mut self.shift[0],
            KeyCode::KEY_RIGHTSHIFT => &mut self.shift[1],
            KeyCode::KEY_LEFTCTRL => &mut self.command[0],
            KeyCode::KEY_RIGHTCTRL => &mut self.command[1],
            KeyCode::KEY_LEFTALT => &mut self.command[2],
            KeyCode::KEY_RIGHTALT => &mut self.command[3],
            KeyCode::KEY_LEFTMETA => &mut self.command[4],
            KeyCode::KEY_RIGHTMETA => &mut self.command[5],
            _ => return None,
        })
    }
}

impl Keyboard {
    /// Takes in one event; the key it stands for, if any.
    pub fn feed(&mut self, raw: Raw) -> Option<Key> {
        match raw.destructure() {
            EventSummary::Synchronization(_, SynchronizationCode::SYN_DROPPED, _) => {
                self.lost = true;
                self.held = Held::default();
                None
            }
            EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _) => {
                self.lost = false;
                None
            }
            EventSummary::Key(_, code, value) if !self.lost => self.key(code, value),
            _ => None,
        }
    }

    fn key(&mut self, code: KeyCode, value: i32) -> Option<Key> {
        if let Some(held) = self.held.key(code) {
            *held = value != RELEASED;
            return None;
        }
        if code == KeyCode::KEY_CAPSLOCK {
            self.capitals ^= value == PRESSED;
            return None;
        }
        let key = self.meaning(code)?;
        let again = value > PRESSED && repeats(key);
        let command = self.held.command.contains(&true);
        ((value == PRESSED || again) && !command).then_some(key)
    }

    fn meaning(&self, code: KeyCode) -> Option<Key> {
        if let Some(&(_, plain, shifted)) = PRINTING.iter().find(|(known, ..)| *known == code) {
            let shift = self.held.shift.contains(&true);
            let upper = shift != (self.capitals && plain.is_ascii_lowercase());
            return Some(Key::Char(if upper { shifted } else { plain }));
        }
        let other = OTHERS.iter().find(|(known, _)| *known == code);
        other.map(|&(_, key)| key)
    }
}

/// Whether a key of this code means anything here.
pub fn knows(code: KeyCode) -> bool {
    Keyboard::default().meaning(code).is_some()
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
    use evdev::EventType;

    fn key(code: KeyCode, value: i32) -> Raw {
        Raw::new(EventType::KEY.0, code.0, value)
    }

    fn fed(keyboard: &mut Keyboard, stream: &[(KeyCode, i32)]) -> Vec<Key> {
        stream
            .iter()
            .filter_map(|&(code, value)| keyboard.feed(key(code, value)))
            .collect()
    }

    /// Down and up, one after the other.
    fn typed(codes: &[KeyCode]) -> Vec<(KeyCode, i32)> {
        codes.iter().flat_map(|&c| [(c, 1), (c, 0)]).collect()
    }

    #[test]
    fn a_scanner_types_and_ends_with_enter() {
        // "Ab-7" as a scanner sends it, with a shift around the capital.
        let mut stream = vec![(KeyCode::KEY_LEFTSHIFT, 1)];
        stream.extend(typed(&[KeyCode::KEY_A]));
        stream.push((KeyCode::KEY_LEFTSHIFT, 0));
        stream.extend(typed(&[
            KeyCode::KEY_B,
            KeyCode::KEY_MINUS,
            KeyCode::KEY_7,
            KeyCode::KEY_ENTER,
        ]));
        assert_eq!(
            fed(&mut Keyboard::default(), &stream),
            [
                Key::Char('A'),
                Key::Char('b'),
                Key::Char('-'),
                Key::Char('7'),
                Key::Enter
            ]
        );
    }

    #[test]
    fn capitals_lock_letters_only_and_shift_undoes_them() {
        let mut keyboard = Keyboard::default();
        let lock = typed(&[KeyCode::KEY_CAPSLOCK]);
        assert_eq!(fed(&mut keyboard, &lock), []);
        assert_eq!(
            fed(&mut keyboard, &typed(&[KeyCode::KEY_Q, KeyCode::KEY_1])),
            [Key::Char('Q'), Key::Char('1')]
        );
        let shift = [(KeyCode::KEY_RIGHTSHIFT, 1), (KeyCode::KEY_Q, 1)];
        assert_eq!(fed(&mut keyboard, &shift), [Key::Char('q')]);
        assert_eq!(fed(&mut keyboard, &[(KeyCode::KEY_1, 1)]), [Key::Char('!')]);
    }

    #[test]
    fn only_keys_that_may_repeat_do() {
        let held = |code| [(code, 1), (code, 2), (code, 2), (code, 0)];
        let count = |code| fed(&mut Keyboard::default(), &held(code)).len();
        assert_eq!(count(KeyCode::KEY_BACKSPACE), 3);
        assert_eq!(count(KeyCode::KEY_DOWN), 3);
        for code in [KeyCode::KEY_SPACE, KeyCode::KEY_A, KeyCode::KEY_ENTER] {
            assert_eq!(count(code), 1);
        }
    }

    #[test]
    fn commands_are_not_typed() {
        let mut keyboard = Keyboard::default();
        let held = [
            (KeyCode::KEY_LEFTCTRL, 1),
            (KeyCode::KEY_C, 1),
            (KeyCode::KEY_C, 0),
        ];
        assert_eq!(fed(&mut keyboard, &held), []);
        let after = [(KeyCode::KEY_LEFTCTRL, 0), (KeyCode::KEY_C, 1)];
        assert_eq!(fed(&mut keyboard, &after), [Key::Char('c')]);
    }

    #[test]
    fn a_shift_whose_release_was_lost_is_let_go() {
        let mut keyboard = Keyboard::default();
        fed(&mut keyboard, &[(KeyCode::KEY_LEFTSHIFT, 1)]);
        let syn = |code| Raw::new(EventType::SYNCHRONIZATION.0, code, 0);
        assert_eq!(keyboard.feed(syn(3)), None);
        assert_eq!(fed(&mut keyboard, &[(KeyCode::KEY_A, 1)]), []);
        assert_eq!(keyboard.feed(syn(0)), None);
        assert_eq!(fed(&mut keyboard, &[(KeyCode::KEY_A, 1)]), [Key::Char('a')]);
    }

    #[test]
    fn power_and_volume_are_for_the_system() {
        for code in [
            KeyCode::KEY_POWER,
            KeyCode::KEY_VOLUMEUP,
            KeyCode::BTN_TOUCH,
        ] {
            assert!(!knows(code));
        }
        assert!(knows(KeyCode::KEY_KPENTER) && knows(KeyCode::KEY_CAMERA));
    }
}
