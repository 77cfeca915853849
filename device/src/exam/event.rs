//! What an exam is told and what it asks for.

use super::cause::Cause;
use super::exam_record::{ExamId, ExamRecord, ShotVerdict};
use super::shot::{ShotId, Still};
use super::words::{Action, Eye};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The operator asks for something.
    Action(Action),
    /// A code was scanned: the patient's number. Control characters in it are
    /// left out.
    Scanned(String),
    /// Answers [`Effect::Open`]: a new exam may begin.
    Opened {
        /// The id that it is to have.
        exam: ExamId,
        /// The wall clock now, in milliseconds since 1970.
        unix_ms: i64,
    },
    /// Answers [`Effect::Open`]: no exam may begin, and why, such as a disk that
    /// is nearly full.
    Refused(Cause),
    /// The live view has been good for long enough to take the photograph.
    AutoCapture,
    /// Answers [`Effect::TakeStill`]: the photograph was taken.
    Captured {
        /// The request that this answers.
        shot: ShotId,
        /// The frame's id and times.
        still: Still,
    },
    /// Answers [`Effect::TakeStill`]: there is no photograph.
    CaptureFailed {
        /// The request that this answers.
        shot: ShotId,
        /// The reason that the operator reads.
        why: Cause,
    },
    /// Answers [`Effect::Grade`]: there is a verdict, which may be the gate's refusal.
    Graded {
        /// The photograph that was graded.
        shot: ShotId,
        /// The verdict on it.
        verdict: Box<ShotVerdict>,
    },
    /// Answers [`Effect::Grade`]: there is no verdict and none will come.
    GradingFailed {
        /// The photograph that was to be graded.
        shot: ShotId,
    },
    /// The verdict on a photograph has reached the screen.
    Shown {
        /// The photograph.
        shot: ShotId,
    },
    /// Answers [`Effect::Save`]: the exam will survive a power cut.
    Saved {
        /// The exam that was to be saved.
        exam: ExamId,
    },
    /// Answers [`Effect::Save`]: the exam is not kept.
    SaveFailed {
        /// The exam that was to be saved.
        exam: ExamId,
        /// The reason that the operator reads.
        why: Cause,
    },
    /// Time has passed.
    Tick,
}

/// Something the caller is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// See whether another exam can be kept, and name it.
    Open,
    /// Take a photograph at full resolution.
    TakeStill {
        /// The id that the answer has to name.
        shot: ShotId,
        /// The eye that the operator chose.
        eye: Eye,
    },
    /// Grade a photograph.
    Grade {
        /// The photograph that was captured under this id.
        shot: ShotId,
        /// The eye that the operator chose.
        eye: Eye,
    },
    /// A photograph that came too late to belong to anything: let it go.
    Discard {
        /// The request that it answered.
        shot: ShotId,
    },
    /// Keep the exam as far as it has come, in case it never comes to its end.
    /// Needs no answer.
    Keep(Box<ExamRecord>),
    /// Keep the exam and its photographs for good, then answer. After a
    /// failure the same record comes again.
    Save(Box<ExamRecord>),
    /// An exam is over: its photographs need not stay in memory.
    Release {
        /// The exam.
        exam: ExamId,
    },
}
