//! What the device knows: all that a view is made of.

use std::sync::Arc;
use std::time::Duration;

use super::album::Album;
use super::grading::Model;
use super::live::LiveView;
use super::stages;
use super::today::Today;
use crate::camera::feed::Status;
use crate::exam::words::Eye;
use crate::exam::{Exam, Judgement, ShotId, Stage};
use crate::health::check::{Check, Found, State};
use crate::language::Language;

/// Changed by what the main loop hears, and by nothing else.
pub(super) struct Known {
    pub exam: Exam,
    pub album: Album,
    pub student: Student,
    pub camera: Camera,
    pub live: LiveView,
    pub checks: Vec<Check>,
    pub today: Today,
    pub language: Language,
    pub saved_as: String,
    pub device: String,
    pub details: Details,
}

/// What settings show of the device.
#[derive(Default)]
pub(super) struct Details {
    pub model: String,
    pub calibration: String,
    pub profile: String,
}

/// How far the student is.
pub(super) enum Student {
    Loading,
    Loaded(Arc<Model>),
    /// There will never be one: it does not load.
    Missing,
}

impl Student {
    pub fn model(&self) -> Option<&Arc<Model>> {
        match self {
            Student::Loaded(model) => Some(model),
            Student::Loading | Student::Missing => None,
        }
    }
}

/// How the camera is.
pub(super) struct Camera {
    pub status: Status,
    /// The same, as the self-test finds it.
    pub found: Found,
}

impl Camera {
    pub fn connecting() -> Camera {
        Camera {
            status: Status::Connecting,
            found: Found::Connecting,
        }
    }

    pub fn hear(&mut self, status: Status) {
        self.found = match &status {
            Status::Connecting => Found::Connecting,
            Status::Live(what) => {
                tracing::info!(camera = %what, "the camera shows pictures");
                Found::Camera {
                    about: what.clone(),
                    controls: Vec::new(),
                }
            }
            Status::Lost(why) => {
                tracing::warn!(error = %why, "the camera is lost");
                Found::NoCamera(why.clone())
            }
        };
        self.status = status;
    }
}

impl Known {
    /// The stage's name, for scripts, the log and pictures.
    pub fn stage_name(&self) -> &'static str {
        stages::name(&self.exam, self.may_start())
    }

    /// Whether the exam has a photograph of either eye.
    pub fn has_photographs(&self) -> bool {
        Eye::BOTH
            .iter()
            .any(|&eye| self.exam.latest_shot(eye).is_some())
    }

    /// Takes in what the self-test found.
    pub fn hear_checks(&mut self, checks: Vec<Check>) {
        for check in &checks {
            if check.state() == State::Fail {
                let part = check.part.name();
                tracing::error!(check = part, error = %check, "the self-test failed");
            }
        }
        self.checks = checks;
    }

    /// The photograph whose verdict is on the screen for the first time, and
    /// when its shutter was released.
    pub fn newly_shown(&self) -> Option<(ShotId, Duration)> {
        let Stage::Result { eye, .. } = self.exam.stage() else {
            return None;
        };
        let shot = self.exam.latest_shot(eye)?;
        let given = matches!(shot.judgement, Judgement::Given(_));
        let since = self.album.get(shot.id)?.since;
        (given && shot.stamps.shown.is_none()).then_some((shot.id, since))
    }
}
