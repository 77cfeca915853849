//! What a photograph shows in words, as numbers: the trainer teaches a decoder to
//! say them, and the device reads them.
//!
//! A caption is a list of words; a comma is one. Words are numbered by a
//! [`Vocabulary`], behind [`END`], [`START`] and [`OTHER`].

use serde::{Deserialize, Serialize};

/// Words of a caption at most (MTL-KD, section 4.1).
pub const LONGEST: usize = 14;
/// Steps of a decoder: the words, and the end behind them.
pub const STEPS: usize = LONGEST + 1;
/// Ends a caption, and fills it up.
pub const END: i64 = 0;
/// What a decoder hears before the first word.
pub const START: i64 = 1;
/// Any word that is not in the vocabulary.
pub const OTHER: i64 = 2;
/// Numbers before that of the first word.
const BEFORE: usize = 3;
/// Stands for a word that is not in the vocabulary.
const UNKNOWN: &str = "?";
/// Parts two findings.
const COMMA: &str = ",";
/// Longest word in bytes that a vocabulary may hold. Readers write shorter ones.
const LONGEST_WORD: usize = 64;

/// The words that a decoder can say, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vocabulary {
    words: Vec<String>,
}

/// Rows of a table with one for every word of a vocabulary of so many, and for
/// [`END`], [`START`] and [`OTHER`].
pub fn rows(vocabulary: usize) -> i64 {
    (BEFORE + vocabulary) as i64
}

/// The vocabulary that such a table has rows for.
pub fn vocabulary(rows: i64) -> usize {
    usize::try_from(rows).map_or(0, |rows| rows.saturating_sub(BEFORE))
}

impl Vocabulary {
    /// Numbers `words` in their order.
    pub fn new(words: Vec<String>) -> Vocabulary {
        Vocabulary { words }
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Every word with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (&str, i64)> {
        let words = self.words.iter().enumerate();
        words.map(|(n, word)| (word.as_str(), (BEFORE + n) as i64))
    }

    /// The first word that a screen could not show: an empty one, one with blanks or
    /// control characters in it, or one of more than 64 bytes.
    pub fn unusable(&self) -> Option<&str> {
        let unfit = |c: char| c.is_whitespace() || c.is_control();
        let words = self.words.iter().map(String::as_str);
        words
            .into_iter()
            .find(|word| word.is_empty() || word.len() > LONGEST_WORD || word.contains(unfit))
    }

    /// The words of a caption, up to its end; `?` for one that the vocabulary lacks.
    pub fn words(&self, numbers: &[i64]) -> Vec<&str> {
        let said = numbers.iter().take_while(|&&number| number != END);
        said.map(|&number| {
            usize::try_from(number)
                .ok()
                .and_then(|number| self.words.get(number.checked_sub(BEFORE)?))
                .map_or(UNKNOWN, String::as_str)
        })
        .collect()
    }

    /// A caption as a line of text; none where it has no words.
    pub fn line(&self, numbers: &[i64]) -> Option<String> {
        let mut line = String::new();
        for word in self.words(numbers) {
            if !line.is_empty() && word != COMMA {
                line.push(' ');
            }
            line.push_str(word);
        }
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(words: &[&str]) -> Vocabulary {
        Vocabulary::new(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn a_caption_ends_where_it_says_so() {
        let known = vocabulary(&["cataract", ",", "drusen"]);
        let numbers: Vec<i64> = known.numbered().map(|(_, number)| number).collect();
        assert_eq!(numbers, [3, 4, 5]);
        let line = |numbers: &[i64]| known.line(numbers);
        assert_eq!(
            line(&[3, 4, 5, END, 3]).as_deref(),
            Some("cataract, drusen")
        );
        assert_eq!(line(&[5, OTHER, 99, -7]).as_deref(), Some("drusen ? ? ?"));
        assert_eq!(line(&[END, 3]), None);
        assert_eq!(line(&[]), None);
        assert_eq!(rows(known.len()), 6);
        assert_eq!(super::vocabulary(6), known.len());
    }

    #[test]
    fn a_word_that_no_screen_can_show_is_found() {
        assert_eq!(vocabulary(&["wet", "amd"]).unusable(), None);
        let long = "a".repeat(LONGEST_WORD + 1);
        for wrong in ["", "two words", "be\u{7}ll", "a\nb", &long] {
            assert_eq!(vocabulary(&["wet", wrong]).unusable(), Some(wrong));
        }
    }
}
