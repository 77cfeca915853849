//! What is said of records: the variants that they are written in, and what is
//! wrong with the store.

use std::path::Path;

use fovea_core::decision::ReferralDecision;
use serde::Serialize;
use serde_json::Value;

use crate::exam::{Cause, EyeOutcome, PatientOutcome};
use crate::grade::verdict;
use crate::language::{fill, shown_in_english, InWords, Texts};

use super::{Damage, Encoded, Glance, Room, StoreError, DATABASE};

/// A patient's result.
pub fn overall_words(overall: PatientOutcome) -> String {
    match overall {
        PatientOutcome::ReferUrgent => verdict::words(ReferralDecision::ReferUrgent).to_owned(),
        other => words(&other),
    }
}

/// Where an eye stands; of one that was judged, the decision alone.
pub fn eye_words(outcome: EyeOutcome) -> String {
    match outcome {
        EyeOutcome::Decided(decision) => verdict::words(decision).to_owned(),
        other => words(&other),
    }
}

/// `cannot_be_graded` becomes "cannot be graded", and what a variant holds
/// follows it: "skipped: declined".
pub fn words(value: &impl Serialize) -> String {
    // What has no JSON has no words either.
    serde_json::to_value(value).map_or_else(|_| String::new(), |value| say(&value))
}

fn say(value: &Value) -> String {
    match value {
        Value::String(word) => word.replace('_', " "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{}: {}", name.replace('_', " "), say(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

shown_in_english!(Damage, StoreError);

impl InWords for Damage {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.damage;
        match self {
            Damage::Missing => table.missing.clone(),
            Damage::Empty => table.empty.clone(),
            Damage::NoHash(name) => fill(&table.no_hash, &[("name", &format!("{name:?}"))]),
            Damage::Said(detail) => fill(&table.said, &[("detail", detail)]),
        }
    }
}

impl From<StoreError> for Cause {
    fn from(error: StoreError) -> Cause {
        match error {
            StoreError::Full => Cause::full_disk(error),
            _ => Cause::new(error),
        }
    }
}

/// The disk has less room than an exam may need.
impl From<Room> for Cause {
    fn from(room: Room) -> Cause {
        Cause::full_disk(room)
    }
}

impl InWords for StoreError {
    fn in_words(&self, texts: &Texts) -> String {
        use StoreError as E;

        let table = &texts.store_errors;
        let at = |template: &str, path: &Path| fill(template, &[("path", &path.display())]);
        let why = |template: &str, reason: &str| fill(template, &[("reason", &reason)]);
        match self {
            E::InUse(path) => at(&table.in_use, path),
            E::Missing(path) => at(&table.missing, path),
            E::Foreign(path) => at(&table.foreign, path),
            E::Newer { found, known } => fill(&table.newer, &[("found", found), ("known", known)]),
            E::Older { found, known } => fill(&table.older, &[("found", found), ("known", known)]),
            E::Damaged(damage) => why(&table.damaged, &damage.in_words(texts)),
            E::Unreadable { number, reason } => {
                fill(&table.unreadable, &[("number", number), ("reason", reason)])
            }
            E::Full => table.full.clone(),
            E::TargetFull(path) => at(&table.target_full, path),
            E::Ended(exam) => fill(&table.ended, &[("exam", exam)]),
            E::NoPhotograph(shot) => fill(&table.no_photograph, &[("shot", &shot.0)]),
            E::Encode { what, reason } => match what {
                Encoded::Exam => why(&table.encode_exam, reason),
                Encoded::Photograph => why(&table.encode_photograph, reason),
            },
            E::Read { path, reason } => fill(
                &table.read,
                &[("path", &path.display()), ("reason", reason)],
            ),
            E::Write { path, reason } => fill(
                &table.write,
                &[("path", &path.display()), ("reason", reason)],
            ),
            E::Occupied(path) => at(&table.occupied, path),
            E::InsideStore(path) => at(&table.inside_store, path),
            E::Database(reason) | E::Row(reason) => {
                fill(&table.database, &[("file", &DATABASE), ("reason", reason)])
            }
        }
    }
}

/// How many exams there are, and what the next start will do to them.
impl InWords for Glance {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.store;
        let mut said = match self.exams {
            1 => table.exams_one.clone(),
            n => fill(&table.exams_many, &[("n", &n)]),
        };
        if let Some((from, to)) = self.migrates {
            said += &fill(&table.migrates, &[("from", &from), ("to", &to)]);
        }
        said += &match self.half_written {
            0 => String::new(),
            1 => table.half_written_one.clone(),
            n => fill(&table.half_written_many, &[("n", &n)]),
        };
        said
    }
}

/// How much room there is, and what to do where it is little.
impl InWords for Room {
    fn in_words(&self, texts: &Texts) -> String {
        const MB: u64 = 1_000_000;
        let table = &texts.room;
        let template = match self {
            _ if !self.suffices() => &table.full,
            _ if self.is_scarce() => &table.scarce,
            _ => &table.enough,
        };
        let (free, needed) = (self.free / MB, self.needed.div_ceil(MB));
        fill(template, &[("free", &free), ("needed", &needed)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::words::{Action, SkipReason};

    #[test]
    fn variants_become_words() {
        assert_eq!(words(&Action::Type('x')), "type: x");
        assert_eq!(
            overall_words(PatientOutcome::CannotBeGraded),
            "cannot be graded"
        );
        assert_eq!(overall_words(PatientOutcome::ReferUrgent), "refer urgently");
        for (outcome, said) in [
            (
                EyeOutcome::Skipped(SkipReason::EyeAbsent),
                "skipped: eye absent",
            ),
            (EyeOutcome::Refused(2), "refused: 2"),
            (EyeOutcome::Decided(ReferralDecision::Refer), "refer"),
        ] {
            assert_eq!(eye_words(outcome), said);
        }
    }
}
