//! The exam of a patient from start to saved, as a state machine.
//!
//! It does nothing itself and has no clock: [`Exam::step`] takes what happened
//! and when, and gives back the exam as it is then and what is to be done. So
//! every path a technician can take can be walked in a test, and what is on
//! the screen is always a function of one value.
//!
//! ```text
//! Ready -> patient -> first eye -> its result -> second eye -> its result
//!   ^                                                              |
//!   +------------------- saved <------- saving <------- summary <--+
//! ```
//!
//! Three rules hold on every path. A photograph that was captured is saved,
//! whatever ends the exam. A result belongs to the photograph it was asked for
//! or is dropped. No exam begins before the one before it is kept.

mod cause;
mod event;
mod exam_record;
mod obey;
mod outcome;
mod patient;
mod rules;
mod session;
mod shot;
mod step;
pub mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use cause::{Cause, Trouble};
pub use event::{Effect, Event};
pub use exam_record::{
    Clock, Ending, ExamId, ExamRecord, EyeRecord, Judgement, Operation, Shot, ShotVerdict, Shutter,
    Side, Stamps,
};
pub use outcome::{ExamOutcome, EyeOutcome, PatientOutcome};
pub use patient::{Patient, HIGHEST_AGE, LONGEST_ID, LONGEST_NOTE};
pub use rules::{Rules, MOST_SHOTS, REFUSALS};
pub use session::EyeExam;
pub use shot::{ShotId, Still};

use session::Session;
use words::{Eye, Page, PatientField};

/// What the screen is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// After a time-out: nothing of any patient is shown until someone touches
    /// the screen.
    Locked,
    /// Nobody is being examined.
    Ready,
    /// A page beside the exam.
    Page(Page),
    /// Writing down the patient.
    Patient {
        /// Where keys write.
        field: PatientField,
    },
    /// The live view with its guidance.
    Live {
        /// The eye to be photographed.
        eye: Eye,
    },
    /// The photograph is being taken.
    Capturing {
        /// The eye that was chosen.
        eye: Eye,
    },
    /// Asking why an eye is left out.
    Skipping {
        /// The eye that is left out.
        eye: Eye,
    },
    /// The eye's latest photograph ([`Exam::latest_shot`]) and its verdict, or
    /// that it is being graded.
    Result {
        /// The eye that was chosen.
        eye: Eye,
        /// Whether the attention map is shown over the photograph.
        attention: bool,
    },
    /// The photograph looks like the other eye: to be acknowledged, swapped or
    /// retaken.
    WrongEye {
        /// The eye that was chosen, not the one it looks like.
        eye: Eye,
        /// The photograph that is asked about.
        shot: ShotId,
    },
    /// Both eyes. After a failed save this stage says so
    /// ([`Notice::NotSaved`]) and only saves again.
    Summary,
    /// The exam is being saved.
    Saving,
    /// It is safe; the result is still shown.
    Saved,
}

/// Something the operator is to read, beside the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No exam can begin, and why.
    Refused(Cause),
    /// There is no photograph, and why.
    CaptureFailed(Cause),
    /// The camera gave no photograph in time.
    CaptureOverdue,
    /// This eye has been photographed [`MOST_SHOTS`] times.
    NoMoreShots,
    /// The exam is not kept yet, and why. [`Stage::Summary`] saves again.
    NotSaved(Cause),
    /// A code or number was longer than [`LONGEST_ID`] characters. Nothing of it
    /// was taken.
    CodeTooLong,
    /// A code was scanned in the middle of an exam, and was not taken.
    CodeNotTaken,
    /// The last exam ended early; what was captured has been kept.
    SavedIncomplete,
}

impl Notice {
    /// Whether it takes the whole screen: what lies under it is neither seen nor
    /// answered before it is acknowledged.
    pub fn covers(&self) -> bool {
        *self != Notice::SavedIncomplete
    }
}

/// The exam, or the wait for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Exam {
    rules: Rules,
    stage: Stage,
    /// Somebody's, from the patient to saved.
    session: Option<Session>,
    notice: Option<Notice>,
    /// A new exam was asked for and not answered yet.
    opening: bool,
    /// The number that the new exam begins with, where it was asked for by a scan.
    scanned: Option<String>,
    /// The photograph that is being taken.
    capturing: Option<Capturing>,
    /// How the session ended, from then until it is saved.
    closing: Option<Closing>,
    /// The session has something new that is not kept yet; only within a step.
    unkept: bool,
    /// When the operator last did anything.
    touched: Duration,
    /// When the store was last asked for something that is waited for.
    asked: Duration,
    next_shot: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Capturing {
    shot: ShotId,
    shutter: Shutter,
    since: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Closing {
    ending: Ending,
    at: Duration,
}

impl Exam {
    /// Nobody is being examined. One such value lasts as long as the program.
    pub fn new(rules: Rules) -> Exam {
        Exam {
            rules,
            stage: Stage::Ready,
            session: None,
            notice: None,
            opening: false,
            scanned: None,
            capturing: None,
            closing: None,
            unkept: false,
            touched: Duration::ZERO,
            asked: Duration::ZERO,
            next_shot: 1,
        }
    }

    /// What the screen is to show.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// What the operator is to read; goes with the next stage or when
    /// acknowledged.
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// Whether a notice takes the whole screen ([`Notice::covers`]).
    pub fn is_covered(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::covers)
    }

    /// Names the exam; none when nobody is being examined, as with all that
    /// follows.
    pub fn id(&self) -> Option<&ExamId> {
        self.session.as_ref().map(|session| &session.id)
    }

    /// What was written down of the patient.
    pub fn patient(&self) -> Option<&Patient> {
        self.session.as_ref().map(|session| &session.patient)
    }

    /// What was photographed of an eye, or why it was left out.
    pub fn eye(&self, eye: Eye) -> Option<&EyeExam> {
        self.session.as_ref().map(|session| session.eye(eye))
    }

    /// The latest photograph of an eye; not one that was moved to it and is
    /// milder than the one that decides.
    pub fn latest_shot(&self, eye: Eye) -> Option<&Shot> {
        self.eye(eye).and_then(EyeExam::latest)
    }

    /// What the exam makes of the patient so far.
    pub fn outcome(&self) -> Option<ExamOutcome> {
        self.session.as_ref().map(Session::outcome)
    }

    /// Whether a photograph of this exam is being graded. The summary cannot
    /// be saved before.
    pub fn is_grading(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_pending)
    }
}
