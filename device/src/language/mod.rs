//! The languages in which Fovea speaks, one file each: a screen shows any of
//! them, a terminal and a log English.

mod texts;

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use texts::tests::english_words;
pub use texts::{Keyboard, Texts};

/// A language of the screen. A new one is its file, and its name,
/// its place and its file here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// `en` in the configuration.
    #[default]
    #[serde(rename = "en")]
    English,
    /// `es` in the configuration.
    #[serde(rename = "es")]
    Spanish,
}

impl Language {
    /// In the order in which the settings go through them, which is the order
    /// above.
    pub const ALL: [Language; 2] = [Language::English, Language::Spanish];

    /// The one after this, and after the last the first.
    pub fn next(self) -> Language {
        Language::ALL[(self as usize + 1) % Language::ALL.len()]
    }

    /// The file of its texts, in TOML.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Language::English => include_str!("en.toml"),
            Language::Spanish => include_str!("es.toml"),
        }
    }
}

/// Something that is kept in no language and said in the one of who reads it.
pub trait InWords: fmt::Debug {
    /// What it is in the language of `texts`: a sentence without its stop, or a
    /// part of one.
    fn in_words(&self, texts: &Texts) -> String;
}

/// [`Display`](std::fmt::Display) in English, for a log and a terminal.
macro_rules! shown_in_english {
    ($($type:ty),+ $(,)?) => {
        $(
            impl std::fmt::Display for $type {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    use $crate::language::{InWords as _, Language, Texts};
                    f.write_str(&self.in_words(Texts::of(Language::English)))
                }
            }
        )+
    };
}

pub(crate) use shown_in_english;

/// `template` with every `{name}` replaced by the value of that name. What
/// stands in braces inside a value, such as a file's name, stays.
pub(crate) fn fill(template: &str, values: &[(&str, &dyn fmt::Display)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let value = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value, after))
        });
        rest = match value {
            Some((value, after)) => {
                filled += &value.to_string();
                after
            }
            None => {
                filled.push('{');
                after
            }
        };
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_are_gone_through_and_come_back() {
        let mut language = Language::English;
        for expected in Language::ALL.into_iter().skip(1) {
            language = language.next();
            assert_eq!(language, expected);
        }
        assert_eq!(language.next(), Language::English);
    }

    #[test]
    fn placeholders_are_filled_by_name() {
        let filled = fill("{n} of {m}, {n}", &[("n", &1), ("m", &3)]);
        assert_eq!(filled, "1 of 3, 1");
        let values: [(&str, &dyn fmt::Display); 2] = [("a", &"{b}"), ("b", &"x")];
        assert_eq!(fill("{a} {b} {c} {", &values), "{b} x {c} {");
    }
}
