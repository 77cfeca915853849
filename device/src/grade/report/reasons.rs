//! Why a verdict is what it is, in words: the same for a screen, a picture, a
//! table and a list of records, each in the language of who reads it.

use fovea_core::decision::Reason;

use crate::grade::record::Record;
use crate::language::{fill, InWords, Language, Texts};

/// The reasons of `record` in English, for who reads a terminal or a file.
pub fn in_english(record: &Record) -> Vec<String> {
    let names = |id: &str| record.name_of(id).to_owned();
    all(
        &record.referral.reasons,
        Texts::of(Language::English),
        names,
    )
}

/// The first of them, where there is one.
pub fn first_in_english(record: &Record) -> Option<String> {
    let names = |id: &str| record.name_of(id).to_owned();
    let first = record.referral.reasons.first()?;
    Some(one(first, Texts::of(Language::English), names))
}

/// One sentence for each of `reasons`; `names` gives the name of a node by its
/// id, in the language of `texts`.
pub(crate) fn all<'a>(
    reasons: impl IntoIterator<Item = &'a Reason>,
    texts: &Texts,
    names: impl Fn(&str) -> String,
) -> Vec<String> {
    let said = reasons.into_iter().map(|reason| one(reason, texts, &names));
    said.collect()
}

fn one(reason: &Reason, texts: &Texts, names: impl Fn(&str) -> String) -> String {
    let table = &texts.reasons;
    let (template, p, t) = match reason {
        Reason::Gate { gate } => return texts.advice(*gate),
        Reason::NothingLookedFor => return table.nothing_looked_for.clone(),
        Reason::File { fault, detail } => {
            let fault = fault.in_words(texts);
            return fill(&table.file, &[("fault", &fault), ("detail", detail)]);
        }
        Reason::Student { detail } => return fill(&table.student, &[("detail", detail)]),
        Reason::Kept { english } => return english.clone(),
        Reason::Refers {
            probability,
            threshold,
            urgent,
            open,
            ..
        } => {
            let template = match (urgent, open) {
                (false, false) => &table.refers,
                (false, true) => &table.refers_open,
                (true, false) => &table.urgent,
                (true, true) => &table.urgent_open,
            };
            (template, probability, threshold)
        }
        Reason::AnyReferable {
            probability,
            threshold,
            likeliest: None,
        } => (&table.any_referable, probability, threshold),
        Reason::AnyReferable {
            probability,
            threshold,
            likeliest: Some(likeliest),
        } => {
            let (p, t) = apart(*probability, *threshold);
            let (name, share) = (
                names(&likeliest.node),
                format!("{:.2}", likeliest.probability),
            );
            return fill(
                &table.any_likeliest,
                &[("p", &p), ("t", &t), ("name", &name), ("share", &share)],
            );
        }
        Reason::NoneReferable {
            probability,
            threshold,
        } => (&table.none_referable, probability, threshold),
        Reason::Nearest {
            probability,
            threshold,
            ..
        } => (&table.nearest, probability, threshold),
        Reason::NotReferred {
            probability,
            threshold,
            ..
        } => (&table.not_referred, probability, threshold),
    };
    let id = reason.node().unwrap_or_default();
    let (p, t) = apart(*p, *t);
    fill(template, &[("name", &names(id)), ("p", &p), ("t", &t)])
}

/// Two numbers with two digits, or with as many as it takes (up to six) to
/// show that they differ.
fn apart(a: f32, b: f32) -> (String, String) {
    (2..=6)
        .map(|digits| (format!("{a:.digits$}"), format!("{b:.digits$}")))
        .find(|(shown, other)| a == b || shown != other)
        .unwrap_or_else(|| (a.to_string(), b.to_string()))
}

#[cfg(test)]
mod tests {
    use fovea_core::decision::Likeliest;
    use fovea_core::gate::GateReason;
    use fovea_core::photograph::FileFault;

    use super::*;

    /// One of each kind.
    fn every() -> Vec<Reason> {
        let (probability, threshold) = (0.5, 0.25);
        let node = || "pdr".to_owned();
        let refers = |urgent, open| Reason::Refers {
            node: node(),
            probability,
            threshold,
            urgent,
            open,
        };
        vec![
            Reason::Gate {
                gate: GateReason::TooDark,
            },
            refers(false, false),
            refers(false, true),
            refers(true, false),
            refers(true, true),
            Reason::AnyReferable {
                probability,
                threshold,
                likeliest: None,
            },
            Reason::AnyReferable {
                probability,
                threshold,
                likeliest: Some(Likeliest {
                    node: node(),
                    probability: 0.4375,
                }),
            },
            Reason::Nearest {
                node: node(),
                probability,
                threshold,
            },
            Reason::NoneReferable {
                probability,
                threshold,
            },
            Reason::NotReferred {
                node: node(),
                probability,
                threshold,
            },
            Reason::NothingLookedFor,
            Reason::File {
                fault: FileFault::Empty,
                detail: "the file is empty".to_owned(),
            },
            Reason::Student {
                detail: "an output is infinite".to_owned(),
            },
            Reason::Kept {
                english: "Cataract 0.70".to_owned(),
            },
        ]
    }

    fn said(language: Language) -> Vec<String> {
        all(&every(), Texts::of(language), |id| format!("Name of {id}"))
    }

    #[test]
    fn english_says_what_was_found_and_how_it_weighs() {
        assert_eq!(
            said(Language::English),
            [
                "The photograph is too dark: use more flash or dilate the pupil",
                "Name of pdr: 0.50, limit 0.25",
                "Name of pdr: 0.50, limit 0.25; its form is open",
                "Name of pdr: 0.50, limit 0.25; urgent",
                "Name of pdr: 0.50, limit 0.25; urgent, its form is open",
                "Any referable disease: 0.50, limit 0.25",
                "Any referable disease: 0.50, limit 0.25; most likely Name of pdr (0.44)",
                "Nearest to its limit: Name of pdr, 0.50 of 0.25",
                "Any referable disease: 0.50, below its limit 0.25",
                "Name of pdr: 0.50, limit 0.25; not referred",
                "This model looks for nothing that is referred",
                "the file is empty",
                "The model said: an output is infinite",
                "Cataract 0.70",
            ]
        );
    }

    /// Only what was kept as an English sentence, and technical details, stay
    /// in English.
    #[test]
    fn every_reason_is_said_in_every_language() {
        let english = said(Language::English);
        for language in Language::ALL.into_iter().skip(1) {
            let own = said(language);
            for (i, (own, english)) in own.iter().zip(&english).enumerate().take(11) {
                assert_ne!(own, english, "{language:?} {i}");
            }
            assert!(own.iter().all(|text| !text.contains(['{', '}'])), "{own:?}");
        }
    }

    #[test]
    fn numbers_that_differ_are_not_written_alike() {
        assert_eq!(apart(0.3996, 0.4), ("0.3996".into(), "0.4000".into()));
        assert_eq!(apart(0.5, 0.5), ("0.50".into(), "0.50".into()));
        assert_eq!(apart(0.1, 0.9), ("0.10".into(), "0.90".into()));
    }
}
