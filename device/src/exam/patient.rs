//! What the operator writes down of a patient. None of it is required.

use serde::{Deserialize, Serialize};

use super::words::PatientField;

/// Longest id in characters: more than any bar code that a clinic prints.
pub const LONGEST_ID: usize = 64;
/// Longest note in characters: what a screen can show at once.
pub const LONGEST_NOTE: usize = 160;
/// Highest age in years that is taken for one.
pub const HIGHEST_AGE: u8 = 130;

/// The patient as written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Empty when none was given; at most [`LONGEST_ID`] characters.
    pub id: String,
    /// In years, at most [`HIGHEST_AGE`].
    pub age: Option<u8>,
    /// At most [`LONGEST_NOTE`] characters.
    pub note: String,
}

impl Patient {
    /// Adds a character to a field. What does not belong there is ignored: a
    /// control character, a letter in an age, more of a note than the longest.
    /// An id is taken whole or not at all: half of one is another patient's.
    /// One that becomes too long is emptied; the answer is then `false`.
    #[must_use]
    pub fn type_into(&mut self, field: PatientField, letter: char) -> bool {
        match field {
            PatientField::Id => {
                push(&mut self.id, letter, LONGEST_ID + 1);
                if self.id.chars().count() > LONGEST_ID {
                    self.id.clear();
                    return false;
                }
            }
            PatientField::Note => push(&mut self.note, letter, LONGEST_NOTE),
            PatientField::Age => self.age = with_digit(self.age, letter).or(self.age),
        }
        true
    }

    /// Takes the last character of a field back.
    pub fn erase(&mut self, field: PatientField) {
        match field {
            PatientField::Id => drop(self.id.pop()),
            PatientField::Note => drop(self.note.pop()),
            PatientField::Age => self.age = self.age.map(|age| age / 10).filter(|&age| age > 0),
        }
    }
}

fn push(text: &mut String, letter: char, longest: usize) {
    if !letter.is_control() && text.chars().count() < longest {
        text.push(letter);
    }
}

fn with_digit(age: Option<u8>, letter: char) -> Option<u8> {
    let digit = letter.to_digit(10)?;
    let years = u32::from(age.unwrap_or(0)) * 10 + digit;
    u8::try_from(years).ok().filter(|&age| age <= HIGHEST_AGE)
}
