//! What is kept of an exam.
//!
//! All times are since the program's start; [`Clock`] puts them on the
//! calendar.

use std::fmt;
use std::time::Duration;

use fovea_core::decision::ReferralDecision;
use fovea_core::gate::GateVerdict;
use serde::{Deserialize, Serialize};

use super::outcome::{ExamOutcome, EyeOutcome};
use super::patient::Patient;
use super::shot::{ShotId, Still};
use super::words::{Action, Eye, SkipReason};
use crate::grade::record::Record;

/// Names one exam of one device for ever. The caller makes it up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExamId(pub String);

impl fmt::Display for ExamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The moment at which the exam began, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Since the program's start.
    #[serde(with = "micros")]
    pub since_start: Duration,
    /// Wall clock, milliseconds since 1970.
    pub unix_ms: i64,
}

impl Clock {
    /// A time since the program's start as milliseconds since 1970.
    pub fn unix_ms(&self, at: Duration) -> i64 {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.unix_ms
            .saturating_add(ms(at))
            .saturating_sub(ms(self.since_start))
    }
}

/// A whole exam, as it is saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExamRecord {
    /// The id it was opened under.
    pub id: ExamId,
    /// When it began.
    pub began: Clock,
    /// Since the program's start; of an interrupted exam, when it was last kept.
    #[serde(with = "micros")]
    pub ended: Duration,
    /// Whether it was completed, and if not, why.
    pub ending: Ending,
    /// What was written down of the patient.
    pub patient: Patient,
    /// The patient's right eye.
    pub right: EyeRecord,
    /// The patient's left eye.
    pub left: EyeRecord,
    /// What becomes of the patient, and which eyes that says nothing of.
    pub outcome: ExamOutcome,
    /// What the operator did, in order.
    pub operations: Vec<Operation>,
}

impl ExamRecord {
    /// Whether the operator saw it through to the summary.
    pub fn complete(&self) -> bool {
        self.ending == Ending::Completed
    }

    /// The record of one eye.
    pub fn eye(&self, eye: Eye) -> &EyeRecord {
        match eye {
            Eye::Right => &self.right,
            Eye::Left => &self.left,
        }
    }
}

/// How an exam came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Both eyes were photographed or left out for a reason.
    Completed,
    /// The operator ended it early.
    Cancelled,
    /// The operator went away.
    TimedOut,
    /// The device stopped, or the exam still goes on.
    Interrupted,
}

/// One eye, as it is saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EyeRecord {
    /// Every photograph, refused and retaken ones too, in the order taken.
    pub shots: Vec<Shot>,
    /// Why the eye was left out; `None` where it was not, or was photographed.
    pub skipped: Option<SkipReason>,
    /// Where the eye stood when the record was made.
    pub outcome: EyeOutcome,
    /// The photograph that decided ([`EyeExam::deciding`](super::EyeExam::deciding)).
    pub decided_by: Option<ShotId>,
}

/// One photograph of an eye. Its pixels are kept under its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shot {
    /// Tells it from every other photograph of the program's run.
    pub id: ShotId,
    /// The camera's id of the frame.
    pub frame: u64,
    /// Who took it.
    pub shutter: Shutter,
    /// When it passed each step of the device.
    pub stamps: Stamps,
    /// The verdict, or that there is none.
    pub judgement: Judgement,
    /// Whether the picture contradicts the eye that was chosen.
    pub side: Side,
}

impl Shot {
    pub(super) fn new(id: ShotId, shutter: Shutter, still: Still, now: Duration) -> Shot {
        Shot {
            id,
            frame: still.frame,
            shutter,
            stamps: Stamps {
                captured: still.captured,
                dequeued: still.dequeued,
                accepted: now,
                graded: None,
                shown: None,
            },
            judgement: Judgement::Pending,
            side: Side::Unquestioned,
        }
    }

    /// Its verdict, once it has one.
    pub fn verdict(&self) -> Option<&ShotVerdict> {
        match &self.judgement {
            Judgement::Given(verdict) => Some(verdict),
            Judgement::Pending | Judgement::Overdue => None,
        }
    }

    /// The decision, when the photograph could be graded.
    pub fn decision(&self) -> Option<ReferralDecision> {
        let verdict = self.verdict().filter(|verdict| verdict.gradable())?;
        Some(verdict.decision)
    }

    /// Whether there is a verdict, and it is that nothing can be said. A
    /// photograph that got no verdict was not refused: the device failed.
    pub fn refused(&self) -> bool {
        self.verdict().is_some_and(|verdict| !verdict.gradable())
    }
}

/// Who released the shutter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shutter {
    /// The operator, by a touch or a key.
    Operator,
    /// The device, because the picture had been good for long enough.
    Automatic,
}

/// A photograph's way through the device, since the program's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// Exposed, as the camera says; `None` where it does not.
    #[serde(with = "optional_micros")]
    pub captured: Option<Duration>,
    /// Taken from the camera's queue.
    #[serde(with = "micros")]
    pub dequeued: Duration,
    /// Became part of the exam.
    #[serde(with = "micros")]
    pub accepted: Duration,
    /// Its verdict came; `None` where it has none.
    #[serde(with = "optional_micros")]
    pub graded: Option<Duration>,
    /// The verdict was on the screen.
    #[serde(with = "optional_micros")]
    pub shown: Option<Duration>,
}

/// Whether a photograph of the exam has its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Being graded; in a saved exam, one that ended before it was.
    Pending,
    /// The verdict came; the gate may have refused the photograph in it.
    Given(Box<ShotVerdict>),
    /// No verdict came in time, or the student failed.
    Overdue,
}

/// The verdict on one photograph, as the exam keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShotVerdict {
    /// `Retake` where the photograph cannot be graded.
    pub decision: ReferralDecision,
    /// Calibrated probability (0..1) of any referable disease, where there is
    /// one.
    pub score: Option<f32>,
    /// Whether the gate accepts it, why not, and the numbers that rests on.
    pub gate: GateVerdict,
    /// Which eye the picture shows, where that is certain.
    pub shows: Option<Eye>,
    /// All that was found.
    pub record: Record,
}

impl ShotVerdict {
    /// What an exam keeps of a graded photograph. `shows` is the eye that the
    /// optic disc's side speaks for.
    pub fn of(record: Record, shows: Option<Eye>) -> ShotVerdict {
        ShotVerdict {
            decision: record.referral.decision,
            score: record.referral.score,
            gate: record.gate.clone(),
            shows,
            record,
        }
    }

    /// Whether the photograph was good enough for its decision to stand.
    pub fn gradable(&self) -> bool {
        self.gate.accepted && self.decision != ReferralDecision::Retake
    }
}

/// The chosen eye against the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The picture agrees with the choice or says nothing of it.
    Unquestioned,
    /// The picture looks like the other eye; nobody has answered yet.
    Questioned,
    /// It does, and the operator keeps the eye that was chosen.
    Kept,
    /// It did, and the operator moved it to the eye it looks like.
    Swapped,
    /// It does, and the operator wants another one instead. It decides nothing
    /// once that is taken; before, it is asked about again.
    Rejected,
}

/// Something the operator did that changed the exam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Since the program's start.
    #[serde(with = "micros")]
    pub at: Duration,
    /// What was asked for.
    pub action: Action,
}

/// A duration as whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        whole(*time).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }

    pub fn whole(time: Duration) -> u64 {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A duration that may be missing, as whole microseconds.
mod optional_micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(super::micros::whole).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::deserialize(from)?.map(Duration::from_micros))
    }
}
