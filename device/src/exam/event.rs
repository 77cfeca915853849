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
    /// Answers [`Effect::Open`]: a new exam may begin under this id.
    /// `unix_ms` is the wall clock now, in milliseconds since 1970.
    Opened { exam: ExamId, unix_ms: i64 },
    /// Answers [`Effect::Open`]: no exam may begin, and why, such as a disk that
    /// is nearly full.
    Refused(Cause),
    /// The live view has been good for long enough to take the photograph.
    AutoCapture,
    /// Answers [`Effect::TakeStill`].
    Captured { shot: ShotId, still: Still },
    /// Answers [`Effect::TakeStill`]: there is no photograph, and why.
    CaptureFailed { shot: ShotId, why: Cause },
    /// Answers [`Effect::Grade`].
    Graded {
        shot: ShotId,
        verdict: Box<ShotVerdict>,
    },
    /// Answers [`Effect::Grade`]: there is no verdict and none will come.
    GradingFailed { shot: ShotId },
    /// The verdict on this photograph has reached the screen.
    Shown { shot: ShotId },
    /// Answers [`Effect::Save`]: the exam will survive a power cut.
    Saved { exam: ExamId },
    /// Answers [`Effect::Save`]: the exam is not kept, and why.
    SaveFailed { exam: ExamId, why: Cause },
    /// Time has passed.
    Tick,
}

/// Something the caller is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// See whether another exam can be kept, and name it.
    Open,
    /// Take a photograph at full resolution.
    TakeStill { shot: ShotId, eye: Eye },
    /// Grade this photograph.
    Grade { shot: ShotId, eye: Eye },
    /// A photograph that came too late to belong to anything: let it go.
    Discard { shot: ShotId },
    /// Keep the exam as far as it has come, in case it never comes to its end.
    /// Needs no answer.
    Keep(Box<ExamRecord>),
    /// Keep the exam and its photographs for good, then answer. After a
    /// failure the same record comes again.
    Save(Box<ExamRecord>),
    /// This exam is over: its photographs need not stay in memory.
    Release { exam: ExamId },
}
