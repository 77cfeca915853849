//! The names of stages, for scripts and for the log.

use crate::exam::words::{Eye, Page};
use crate::exam::{Exam, Judgement, Stage};

/// Every name there is. A script may leave out the eye.
pub const STAGES: &[&str] = &[
    "locked",
    "loading",
    "ready",
    "page today",
    "page settings",
    "patient",
    "live right",
    "live left",
    "capturing right",
    "capturing left",
    "skipping right",
    "skipping left",
    "grading right",
    "grading left",
    "result right",
    "result left",
    "wrong-eye right",
    "wrong-eye left",
    "summary",
    "saving",
    "saved",
];

/// The name of the stage that `exam` is in; as long as no exam may begin
/// (`may_start`) a device that is ready is still loading.
pub(super) fn name(exam: &Exam, may_start: bool) -> &'static str {
    let of = |eye, right, left| match eye {
        Eye::Right => right,
        Eye::Left => left,
    };
    match exam.stage() {
        Stage::Locked => "locked",
        Stage::Ready if !may_start => "loading",
        Stage::Ready => "ready",
        Stage::Page(Page::Today) => "page today",
        Stage::Page(Page::Settings) => "page settings",
        Stage::Patient { .. } => "patient",
        Stage::Live { eye } => of(eye, "live right", "live left"),
        Stage::Capturing { eye } => of(eye, "capturing right", "capturing left"),
        Stage::Skipping { eye } => of(eye, "skipping right", "skipping left"),
        Stage::Result { eye, .. } if is_pending(exam, eye) => {
            of(eye, "grading right", "grading left")
        }
        Stage::Result { eye, .. } => of(eye, "result right", "result left"),
        Stage::WrongEye { eye, .. } => of(eye, "wrong-eye right", "wrong-eye left"),
        Stage::Summary => "summary",
        Stage::Saving => "saving",
        Stage::Saved => "saved",
    }
}

fn is_pending(exam: &Exam, eye: Eye) -> bool {
    exam.latest_shot(eye)
        .is_some_and(|shot| shot.judgement == Judgement::Pending)
}
