//! The variants that records are written in, as words for people.

use fovea_core::decision::ReferralDecision;
use serde::Serialize;
use serde_json::Value;

use crate::exam::{EyeOutcome, Overall};
use crate::grade::verdict;

/// A patient's result.
pub fn overall_words(overall: Overall) -> String {
    match overall {
        Overall::ReferUrgent => verdict::words(ReferralDecision::ReferUrgent).to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::words::{Action, SkipReason};

    #[test]
    fn variants_become_words() {
        assert_eq!(words(&Action::Type('x')), "type: x");
        assert_eq!(overall_words(Overall::CannotBeGraded), "cannot be graded");
        assert_eq!(overall_words(Overall::ReferUrgent), "refer urgently");
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
