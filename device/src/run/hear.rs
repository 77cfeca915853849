//! What the main loop hears: the operator, and the threads' answers.

use std::sync::Arc;

use super::grading::{Answer as Student, GradedShot};
use super::keeping::{Answer as Kept, Pixels, Request};
use super::self_test::Seen;
use super::{Appliance, Arrived, RunError, LIVE_REST, REST, TEST};
use crate::camera::feed::{Status, Taken};
use crate::camera::Frame;
use crate::exam::words::{Action, Setting};
use crate::exam::{Event, Stage, Still};
use crate::health::check::{Part, State};
use crate::input::keys::{self, Focus};
use crate::input::{Events, InputEvent};
use crate::records::Fault;
use crate::screen::{self, Problem, View};

impl Appliance {
    /// Waits a little for the operator, and obeys.
    pub(super) fn hear_operator(&mut self) -> Result<(), RunError> {
        let now = self.clock.now();
        let mut wait = match self.exam.stage() {
            Stage::Live { .. } | Stage::Capturing { .. } => LIVE_REST,
            _ => REST,
        };
        let mut events = Events::new();
        let stage = self.stage_name();
        if let Some(script) = &mut self.script {
            script.poll(now, stage, &mut events)?;
            wait = wait.min(script.due(now).unwrap_or(wait));
        }
        match &mut self.output {
            Some(output) => output.input.poll(wait, &mut events),
            None => std::thread::sleep(wait),
        }
        while let Some(event) = events.pop_front() {
            self.take_in(event);
        }
        Ok(())
    }

    fn take_in(&mut self, event: InputEvent) {
        self.stale = true;
        match event {
            InputEvent::Press(point) => {
                let size = self.size;
                self.pressed = self.sight().view(|view| screen::hit(view, size, point));
            }
            InputEvent::Release => self.pressed = None,
            InputEvent::Touch(point) => {
                let size = self.size;
                self.pressed = None;
                let asked = self.sight().view(|view| screen::hit(view, size, point));
                if let Some(action) = asked {
                    self.act(action);
                }
            }
            InputEvent::Key(key) => {
                let focus = self.sight().view(focus);
                if let Some(action) = keys::action(key, focus) {
                    self.act(action);
                }
            }
            // No exam may begin yet; the view of Ready says what is missing.
            InputEvent::Scan(_) if self.exam.id().is_none() && !self.sight().may_start() => {}
            InputEvent::Scan(code) => self.tell(Event::Scanned(code)),
            InputEvent::Action(action) => self.act(action),
            InputEvent::Shot(name) => self.wanted.push(name),
            InputEvent::Quit => self.over = true,
        }
    }

    /// Does what is the loop's own, and tells the exam.
    fn act(&mut self, action: Action) {
        match (self.exam.stage(), action) {
            (Stage::Page(_), Action::Set(setting)) => self.set(setting),
            (Stage::Page(_), Action::Select(row)) => {
                self.selected = (self.selected != Some(row)).then_some(row);
            }
            (Stage::Page(_), Action::Scroll(rows)) => {
                let last = self
                    .today
                    .len()
                    .saturating_sub(screen::today_rows(self.size));
                let to = self.first_row.saturating_add_signed(isize::from(rows));
                self.first_row = to.min(last);
            }
            (Stage::Ready, Action::Start) if !self.sight().may_start() => return,
            _ => {}
        }
        self.tell(Event::Action(action));
    }

    fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Language => self.language = self.language.next(),
            Setting::AutoCapture => self.automatic = !self.automatic,
        }
    }

    pub(super) fn hear_camera(&mut self) {
        let status = self.feed.status();
        if status != self.camera {
            self.camera_changed(status);
        }
        if self.feed.take(self.live.slot()) {
            self.see();
        }
        while let Some(still) = self.feed.photograph() {
            self.photographed(still);
        }
    }

    fn camera_changed(&mut self, status: Status) {
        self.camera_says = match &status {
            Status::Connecting => "connecting".to_owned(),
            Status::Live(what) => {
                tracing::info!(camera = %what, "the camera shows pictures");
                what.to_string()
            }
            Status::Lost(why) => {
                tracing::warn!(error = %why, "the camera is lost");
                self.live.forget();
                why.to_string()
            }
        };
        self.camera = status;
        self.stale = true;
        self.tested_at = None;
    }

    /// Takes in the newest frame, and releases the shutter when it has been
    /// good for long enough.
    fn see(&mut self) {
        let automatic = self.automatic;
        let stage = self.exam.stage();
        let Some((frame, guidance)) = self.live.take() else {
            return;
        };
        let at = frame.stamps.dequeued;
        let Stage::Live { eye } = stage else {
            return;
        };
        self.stale = true;
        let due = self.auto.hear(eye, &guidance, at);
        if due && automatic {
            self.tell(Event::AutoCapture);
        }
    }

    fn photographed(&mut self, still: Taken) {
        let Some((shot, since)) = self.awaited.pop_front() else {
            return;
        };
        match still {
            Ok(frame) => {
                let Frame {
                    id,
                    stamps,
                    rgb,
                    original,
                } = frame;
                self.still_size = rgb.dimensions();
                self.arrived = Some(Arrived {
                    shot,
                    pixels: Pixels {
                        photograph: Arc::new(rgb),
                        original: original.map(Arc::new),
                    },
                    took: self.clock.now().saturating_sub(since),
                });
                let still = Still {
                    frame: id,
                    captured: stamps.captured,
                    dequeued: stamps.dequeued,
                };
                self.tell(Event::Captured { shot, still });
            }
            Err(error) => {
                tracing::warn!(error = %error, "no photograph");
                let why = error.to_string();
                self.tell(Event::CaptureFailed { shot, why });
            }
        }
    }

    pub(super) fn hear_student(&mut self) {
        while let Some(answer) = self.grading.answer() {
            self.stale = true;
            match answer {
                Student::Loaded(Ok(model)) => {
                    tracing::info!(calibration = %model.calibration.id, "the student is loaded");
                    self.model = Some(model);
                }
                Student::Loaded(Err(why)) => {
                    tracing::error!(error = %why, "the student is not loaded");
                    // The self-test shows it.
                    self.no_model = true;
                }
                Student::Failed(shot) => self.tell(Event::GradingFailed { shot }),
                Student::Prepared(shot, picture) => self.album.prepared(shot, picture),
                Student::Graded(graded) => {
                    let GradedShot {
                        shot,
                        verdict,
                        record,
                        evidence,
                    } = *graded;
                    let elapsed_ms = record.elapsed_ms.total();
                    tracing::info!(elapsed_ms, "a photograph was graded");
                    self.album.graded(shot, record, evidence);
                    let verdict = Box::new(verdict);
                    self.tell(Event::Graded { shot, verdict });
                }
            }
        }
    }

    pub(super) fn hear_store(&mut self) {
        while let Some(answer) = self.keeping.answer() {
            self.stale = true;
            match answer {
                Kept::Opened(exam) => {
                    self.disk_full = false;
                    let unix_ms = jiff::Timestamp::now().as_millisecond();
                    self.tell(Event::Opened { exam, unix_ms });
                }
                Kept::Refused { why, full } => {
                    tracing::error!(error = %why, "no exam may begin");
                    self.disk_full = full;
                    self.tell(Event::Refused(why));
                }
                Kept::Saved(exam, number) => {
                    tracing::info!(count = number, "an exam was saved");
                    self.saved_as = number.to_string();
                    self.tell(Event::Saved { exam });
                    self.keeping.ask(Request::Today);
                }
                Kept::NotSaved(exam, why) => {
                    tracing::error!(error = %why, "an exam was not saved");
                    self.tell(Event::SaveFailed { exam, why });
                }
                Kept::Today(today) => {
                    let damaged = match &today {
                        Ok(today) => today.faults.iter().map(Fault::to_string).collect(),
                        Err(why) => vec![why.clone()],
                    };
                    if damaged != self.damaged {
                        for fault in &damaged {
                            tracing::error!(error = %fault, "not all of today's exams can be listed");
                        }
                        self.damaged = damaged;
                    }
                    // What was listed before is still true where nothing can be read now.
                    if let Ok(today) = today {
                        self.today = today.exams;
                    }
                }
            }
        }
    }

    pub(super) fn hear_self_test(&mut self) {
        while let Some(checks) = self.health.found() {
            for check in &checks {
                if check.state == State::Fail {
                    let part = check.part.name();
                    tracing::error!(check = part, error = %check.sentence, "the self-test failed");
                }
                if check.part == Part::Disk {
                    self.details.disk.clone_from(&check.sentence);
                }
            }
            self.checks = checks;
            self.stale = true;
        }
        let now = self.clock.now();
        let student_told = self.model.is_some() || self.no_model;
        let idle = matches!(self.exam.stage(), Stage::Ready | Stage::Locked);
        let due = self
            .tested_at
            .is_none_or(|at| now.saturating_sub(at) >= TEST);
        // Not before the student is there and the camera has said something.
        if idle && due && student_told && self.camera != Status::Connecting {
            self.tested_at = Some(now);
            self.health.ask(self.seen());
        }
    }

    fn seen(&self) -> Seen {
        let gone = || Err("the screen is gone; plug it in".to_owned());
        let camera = match &self.camera {
            Status::Live(what) => Ok(what.to_string()),
            Status::Connecting | Status::Lost(_) => Err(self.camera_says.clone()),
        };
        Seen {
            model: self.model.clone(),
            camera,
            display: self
                .output
                .as_ref()
                .map_or_else(gone, |output| Ok(output.display.describe())),
            input: self
                .output
                .as_ref()
                .map_or_else(gone, |output| Ok(output.input.describe())),
        }
    }
}

/// What the keys go to while this view is shown.
fn focus(view: &View) -> Focus {
    match view {
        View::Ready(_) => Focus::Ready,
        View::Patient(patient) => Focus::Writing(patient.field),
        View::Locked(_) => Focus::Message,
        View::Problem(trouble) if is_message(trouble.problem) => Focus::Message,
        _ => Focus::View,
    }
}

/// Whether all there is to do is to read it.
fn is_message(problem: Problem) -> bool {
    match problem {
        Problem::CaptureFailed
        | Problem::NoMorePhotographs
        | Problem::CodeTooLong
        | Problem::CodeNotTaken
        | Problem::CannotBegin
        | Problem::DiskFull => true,
        Problem::CameraLost | Problem::GradingFailed | Problem::SaveFailed => false,
    }
}
