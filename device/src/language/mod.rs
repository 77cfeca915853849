//! The languages in which Fovea speaks, one file each, and what it says of a
//! verdict in each: a screen shows it, and a terminal in English.

use std::sync::OnceLock;

use fovea_core::gate::GateReason;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A language of the screen. A new one is its file, and three lines here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
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

    /// What is said in this language of a verdict, on a screen or off it.
    pub(crate) fn wording(self) -> Wording<'static> {
        static EACH: Once<Tables> = [const { OnceLock::new() }; Language::ALL.len()];
        self.read_once(&EACH).wording()
    }

    /// The texts of this language as `T`, read the first time that somebody asks.
    pub(crate) fn read_once<T: DeserializeOwned>(self, each: &Once<T>) -> &T {
        // The files are compiled in: they are whole, or no test passes.
        each[self as usize]
            .get_or_init(|| toml::from_str(self.source()).expect("a file of texts is whole"))
    }

    /// The file of its texts, in TOML.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Language::English => include_str!("en.toml"),
            Language::Spanish => include_str!("es.toml"),
        }
    }
}

/// Something for each language, in the order of [`Language::ALL`].
pub(crate) type Once<T> = [OnceLock<T>; Language::ALL.len()];

/// `template` with every `{name}` replaced by the value of that name.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
}

/// Tables of texts. Every key must be there and no other may be.
macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident { $($key:ident),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $table {
                $(pub(crate) $key: String,)+
            }
        )+
    };
}

pub(crate) use tables;

tables! {
    /// Why a photograph was refused, or what to do about it.
    Refusals {
        ok, non_fundus, too_dark, too_bright, blurred, field_of_view, artefact, unreadable,
        several_fields, not_colour, too_small, student_failed,
    }
    /// Why a verdict is what it is.
    Reasons {
        refers, refers_open, urgent, urgent_open, any_referable, nearest, none_referable,
        not_referred, nothing_looked_for, file, student,
    }
}

/// The tables of a language's file that speak of verdicts; the others are the
/// screen's.
#[derive(Debug, Deserialize)]
struct Tables {
    refusals: Refusals,
    remedies: Refusals,
    reasons: Reasons,
}

impl Tables {
    fn wording(&self) -> Wording<'_> {
        Wording {
            refusals: &self.refusals,
            remedies: &self.remedies,
            reasons: &self.reasons,
        }
    }
}

/// What is said of a verdict in one language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording<'a> {
    pub(crate) refusals: &'a Refusals,
    pub(crate) remedies: &'a Refusals,
    pub(crate) reasons: &'a Reasons,
}

impl Wording<'_> {
    /// Why a photograph was refused and what to do about it, as one sentence.
    pub(crate) fn advice(&self, reason: GateReason) -> String {
        let (refusal, remedy) = (self.refusals.of(reason), self.remedies.of(reason));
        format!("{refusal}: {}", lowered(remedy))
    }
}

/// `text` as it reads in the middle of a sentence.
fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

impl Refusals {
    pub(crate) fn of(&self, reason: GateReason) -> &str {
        match reason {
            GateReason::Ok => &self.ok,
            GateReason::NonFundus => &self.non_fundus,
            GateReason::TooDark => &self.too_dark,
            GateReason::TooBright => &self.too_bright,
            GateReason::Blurred => &self.blurred,
            GateReason::FieldOfView => &self.field_of_view,
            GateReason::Artefact => &self.artefact,
            GateReason::Unreadable => &self.unreadable,
            GateReason::SeveralFields => &self.several_fields,
            GateReason::NotColour => &self.not_colour,
            GateReason::TooSmall => &self.too_small,
            GateReason::StudentFailed => &self.student_failed,
        }
    }
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
        let filled = fill("{n} of {m}, {n}", &[("n", "1"), ("m", "3")]);
        assert_eq!(filled, "1 of 3, 1");
    }
}
