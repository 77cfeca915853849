//! What becomes of an eye and of the patient: the worse eye decides.

use fovea_core::decision::ReferralDecision;
use serde::{Deserialize, Serialize};

use super::words::{Eye, SkipReason};

/// Where one eye stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EyeOutcome {
    /// Neither photographed nor left out for a reason.
    NotExamined,
    /// Left out, for this reason.
    Skipped(SkipReason),
    /// A photograph is being graded, and no earlier one could be.
    Pending,
    /// It was photographed and the student gave no verdict, which is the
    /// device's fault and says nothing of the eye.
    NoVerdict,
    /// No photograph could be graded yet, after this many.
    Refused(usize),
    /// So many photographs were refused that the eye needs another's look.
    CannotBeGraded,
    /// The decision of the photograph that decides
    /// ([`EyeExam::deciding`](super::EyeExam::deciding)). Never
    /// [`ReferralDecision::Retake`].
    Decided(ReferralDecision),
}

/// What becomes of the patient, in the order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatientOutcome {
    /// Nothing that needs a referral was found in any eye that was examined.
    NoReferableDisease,
    /// No eye was examined, or an eye was not judged: before the exam ended, or
    /// because the student gave no verdict.
    NoVerdict,
    /// A finding that an ophthalmologist should see.
    Refer,
    /// An eye cannot be graded, or not even be photographed: a referral, because
    /// disease may be the cause.
    CannotBeGraded,
    /// A finding that cannot wait.
    ReferUrgent,
}

impl PatientOutcome {
    /// Whether the patient is to be seen by an ophthalmologist.
    pub fn refers(self) -> bool {
        self >= PatientOutcome::Refer
    }
}

/// What the exam makes of the patient, and which eyes no photograph speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExamOutcome {
    /// The worse eye's.
    pub overall: PatientOutcome,
    /// Eyes that were not photographed.
    pub not_examined: Vec<Eye>,
}

impl ExamOutcome {
    /// From where both eyes stand.
    pub fn of(right: EyeOutcome, left: EyeOutcome) -> ExamOutcome {
        let eyes = [(Eye::Right, right), (Eye::Left, left)];
        let weights = eyes.iter().filter_map(|(_, outcome)| outcome.weight());
        ExamOutcome {
            overall: weights.max().unwrap_or(PatientOutcome::NoVerdict),
            not_examined: eyes
                .iter()
                .filter(|(_, outcome)| outcome.is_not_examined())
                .map(|(eye, _)| *eye)
                .collect(),
        }
    }
}

impl EyeOutcome {
    fn is_not_examined(self) -> bool {
        matches!(self, EyeOutcome::NotExamined | EyeOutcome::Skipped(_))
    }

    /// What the eye alone would make of the patient; nothing when it was not
    /// photographed, unless it could not be.
    pub(super) fn weight(self) -> Option<PatientOutcome> {
        match self {
            EyeOutcome::Skipped(SkipReason::NotPossible) => Some(PatientOutcome::CannotBeGraded),
            EyeOutcome::NotExamined | EyeOutcome::Skipped(_) => None,
            EyeOutcome::Pending | EyeOutcome::NoVerdict => Some(PatientOutcome::NoVerdict),
            EyeOutcome::Refused(_)
            | EyeOutcome::CannotBeGraded
            | EyeOutcome::Decided(ReferralDecision::Retake) => Some(PatientOutcome::CannotBeGraded),
            EyeOutcome::Decided(ReferralDecision::Refer) => Some(PatientOutcome::Refer),
            EyeOutcome::Decided(ReferralDecision::ReferUrgent) => Some(PatientOutcome::ReferUrgent),
            EyeOutcome::Decided(ReferralDecision::NoReferableDisease) => {
                Some(PatientOutcome::NoReferableDisease)
            }
        }
    }
}
