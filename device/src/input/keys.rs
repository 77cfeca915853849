//! What keys ask for.

use std::fmt;
use std::str::FromStr;

use crate::exam::words::{Action, Eye, Page, PatientField, Setting, SkipReason};

/// A key, whatever keyboard it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable character, a space included.
    Char(char),
    /// The next step; begins an exam where none is open, and closes a message.
    Enter,
    /// One step back; closes a message.
    Escape,
    /// Deletes the last character of the field.
    Backspace,
    /// Ends the exam early, unless a field is being written.
    Delete,
    /// To the next field of the patient.
    Tab,
    /// Scrolls a list up by one row.
    Up,
    /// Scrolls a list down by one row; in a field of the patient, to the next field.
    Down,
    /// Turns to the patient's right eye, which is on the left as one looks at the patient.
    Left,
    /// Turns to the patient's left eye.
    Right,
    /// Scrolls a list up by five rows.
    PageUp,
    /// Scrolls a list down by five rows.
    PageDown,
}

/// Keys that print nothing, by the names that scripts use.
const NAMES: [(&str, Key); 12] = [
    ("Enter", Key::Enter),
    ("Escape", Key::Escape),
    ("Backspace", Key::Backspace),
    ("Delete", Key::Delete),
    ("Tab", Key::Tab),
    ("Up", Key::Up),
    ("Down", Key::Down),
    ("Left", Key::Left),
    ("Right", Key::Right),
    ("PageUp", Key::PageUp),
    ("PageDown", Key::PageDown),
    ("Space", Key::Char(' ')),
];

impl FromStr for Key {
    /// What to say instead.
    type Err = String;

    fn from_str(name: &str) -> Result<Key, String> {
        let mut letters = name.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            return Ok(Key::Char(letter));
        }
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, key)| key)
            .ok_or_else(|| {
                let known = NAMES.map(|(known, _)| known).join(", ");
                format!("no key is called `{name}`: use a character or {known}")
            })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (NAMES.iter().find(|(_, key)| key == self), self) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Key::Char(letter)) => write!(f, "{letter}"),
            (None, key) => write!(f, "{key:?}"),
        }
    }
}

/// What the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// A message that has to be read first.
    Message,
    /// Nobody is being examined.
    Ready,
    /// A field of the patient is being written.
    Writing(PatientField),
    /// Why an eye is left out is asked.
    Skipping,
    /// Which eye a photograph shows is asked.
    Side,
    /// The page of what can be set.
    Settings,
    /// Any other view.
    View,
}

/// What `key` asks for; `None` where it means nothing. This is the one table of keys.
///
/// Letters count in lower case only: codes on wristbands are printed in upper
/// case, so that one scanned at the wrong moment asks for nothing on its way
/// to its Enter.
pub fn action(key: Key, focus: Focus) -> Option<Action> {
    match focus {
        Focus::Message => in_message(key),
        Focus::Ready => in_ready(key),
        Focus::Writing(field) => in_field(key, field),
        Focus::Skipping => in_skipping(key).or_else(|| in_view(key)),
        Focus::Side => in_side(key),
        Focus::Settings => in_settings(key).or_else(|| in_view(key)),
        Focus::View => in_view(key),
    }
}

/// The reasons in the order in which they are offered, from `a` on.
fn in_skipping(key: Key) -> Option<Action> {
    let Key::Char(letter @ 'a'..='z') = key else {
        return None;
    };
    let place = letter as usize - 'a' as usize;
    SkipReason::ALL.get(place).copied().map(Action::SkipFor)
}

/// The question comes by itself: only keys that mean nothing else may answer it, or
/// one meant for the view before would.
fn in_side(key: Key) -> Option<Action> {
    match key {
        Key::Char('k') => Some(Action::Acknowledge),
        Key::Char('x') => Some(Action::Swap),
        Key::Char('r') => Some(Action::Retake),
        Key::Delete => Some(Action::Cancel),
        _ => None,
    }
}

fn in_settings(key: Key) -> Option<Action> {
    match key {
        Key::Char('l') => Some(Action::Set(Setting::Language)),
        Key::Char('a') => Some(Action::Set(Setting::AutoCapture)),
        _ => None,
    }
}

fn in_message(key: Key) -> Option<Action> {
    match key {
        Key::Enter | Key::Escape | Key::Char(' ') => Some(Action::Acknowledge),
        _ => None,
    }
}

fn in_ready(key: Key) -> Option<Action> {
    match key {
        Key::Enter | Key::Char(' ') => Some(Action::Start),
        Key::Char('t') => Some(Action::Open(Page::Today)),
        Key::Char('s') => Some(Action::Open(Page::Settings)),
        _ => None,
    }
}

fn in_field(key: Key, field: PatientField) -> Option<Action> {
    match key {
        Key::Char(letter) => Some(Action::Type(letter)),
        Key::Backspace => Some(Action::Erase),
        Key::Enter => Some(Action::Continue),
        Key::Escape => Some(Action::Back),
        Key::Tab | Key::Down => Some(Action::Choose(after(field))),
        _ => None,
    }
}

/// The field below, or the topmost again.
fn after(field: PatientField) -> PatientField {
    match field {
        PatientField::Id => PatientField::Age,
        PatientField::Age => PatientField::Note,
        PatientField::Note => PatientField::Id,
    }
}

fn in_view(key: Key) -> Option<Action> {
    Some(match key {
        Key::Enter => Action::Continue,
        Key::Escape => Action::Back,
        Key::Delete => Action::Cancel,
        Key::Char(' ') => Action::Capture,
        Key::Char('r') => Action::Retake,
        Key::Char('n') => Action::Start,
        Key::Char('s') => Action::Skip,
        Key::Char('a') => Action::Attention,
        Key::Char('x') => Action::Swap,
        // As one looks at the patient: the right eye is on the left.
        Key::Left => Action::Photograph(Eye::Right),
        Key::Right => Action::Photograph(Eye::Left),
        Key::Up => Action::Scroll(-1),
        Key::Down => Action::Scroll(1),
        Key::PageUp => Action::Scroll(-5),
        Key::PageDown => Action::Scroll(5),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, key) in NAMES {
            assert_eq!(name.parse(), Ok(key));
            assert_eq!(name.to_lowercase().parse(), Ok(key));
            assert_eq!(key.to_string(), name);
        }
        assert_eq!("r".parse(), Ok(Key::Char('r')));
        assert_eq!(Key::Char('é').to_string(), "é");
        let said = "Retrun".parse::<Key>().unwrap_err();
        assert!(
            said.contains("`Retrun`") && said.contains("Enter"),
            "{said}"
        );
    }

    #[test]
    fn letters_are_written_only_into_a_field() {
        let field = Focus::Writing(PatientField::Id);
        assert_eq!(action(Key::Char('r'), field), Some(Action::Type('r')));
        assert_eq!(action(Key::Char(' '), field), Some(Action::Type(' ')));
        assert_eq!(action(Key::Char('r'), Focus::View), Some(Action::Retake));
        assert_eq!(action(Key::Char(' '), Focus::View), Some(Action::Capture));
        assert_eq!(
            action(Key::Tab, Focus::Writing(PatientField::Note)),
            Some(Action::Choose(PatientField::Id))
        );
    }

    #[test]
    fn enter_takes_the_usual_next_step_everywhere() {
        assert_eq!(action(Key::Enter, Focus::Ready), Some(Action::Start));
        assert_eq!(action(Key::Enter, Focus::View), Some(Action::Continue));
        assert_eq!(
            action(Key::Enter, Focus::Message),
            Some(Action::Acknowledge)
        );
    }

    #[test]
    fn every_question_has_its_keys() {
        let keep = action(Key::Char('k'), Focus::Side);
        assert_eq!(keep, Some(Action::Acknowledge));
        let swap = action(Key::Char('x'), Focus::Side);
        assert_eq!(swap, Some(Action::Swap));
        for key in [Key::Enter, Key::Left, Key::Right, Key::Char(' ')] {
            assert_eq!(action(key, Focus::Side), None);
        }
        for (letter, reason) in ('a'..).zip(SkipReason::ALL) {
            let asked = action(Key::Char(letter), Focus::Skipping);
            assert_eq!(asked, Some(Action::SkipFor(reason)));
        }
        assert_eq!(action(Key::Escape, Focus::Skipping), Some(Action::Back));
        let language = Some(Action::Set(Setting::Language));
        assert_eq!(action(Key::Char('l'), Focus::Settings), language);
        assert_eq!(action(Key::Escape, Focus::Settings), Some(Action::Back));
    }

    #[test]
    fn a_scanned_code_asks_for_nothing_outside_its_field() {
        for focus in [
            Focus::Message,
            Focus::Ready,
            Focus::Skipping,
            Focus::Side,
            Focus::Settings,
            Focus::View,
        ] {
            for letter in ('A'..='Z').chain('0'..='9').chain("-./+%$".chars()) {
                assert_eq!(action(Key::Char(letter), focus), None, "{letter}");
            }
        }
    }
}
