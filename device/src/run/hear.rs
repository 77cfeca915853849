//! What the main loop hears: the operator, and the threads' answers.

use std::time::Duration;

use super::grading::{Answer as StudentSays, GradedShot};
use super::keeping::{Answer as StoreSays, Request};
use super::known::Student;
use super::self_test::Seen;
use super::{Appliance, RunError};
use crate::camera::feed::Status;
use crate::exam::words::{Action, Setting};
use crate::exam::{Event, Notice, Stage};
use crate::health::check::Found;
use crate::input::keys::{self, Focus};
use crate::input::{Events, InputEvent};
use crate::screen::{self, Problem, View};

/// How long the loop may rest while pictures come: short enough for thirty of
/// them a second.
const LIVE_REST: Duration = Duration::from_millis(8);
/// And while none are shown.
const REST: Duration = Duration::from_millis(40);

impl Appliance {
    /// Waits a little for the operator, and obeys.
    pub(super) fn hear_operator(&mut self) -> Result<(), RunError> {
        let now = self.clock.now();
        let mut wait = match self.known.exam.stage() {
            Stage::Live { .. } | Stage::Capturing { .. } => LIVE_REST,
            _ => REST,
        };
        let mut events = Events::new();
        let stage = self.known.stage_name();
        if let Some(script) = &mut self.script {
            script.poll(now, stage, &mut events)?;
            wait = wait.min(script.due(now).unwrap_or(wait));
        }
        self.output.poll(wait, &mut events);
        while let Some(event) = events.pop_front() {
            self.take_in(event);
        }
        Ok(())
    }

    fn take_in(&mut self, event: InputEvent) {
        self.output.out_of_date();
        let size = self.output.size();
        let (known, now) = (&self.known, self.clock.now());
        match event {
            InputEvent::Press(point) => {
                let pressed = known.view(now, |view| screen::hit(view, size, point));
                self.output.press(pressed);
            }
            InputEvent::Release => self.output.press(None),
            InputEvent::Touch(point) => {
                let asked = known.view(now, |view| screen::hit(view, size, point));
                self.output.press(None);
                if let Some(action) = asked {
                    self.act(action);
                }
            }
            InputEvent::Key(key) => {
                let focus = known.view(now, focus);
                if let Some(action) = keys::action(key, focus) {
                    self.act(action);
                }
            }
            // No exam may begin; the view of Ready says what is missing.
            InputEvent::Scan(_) if known.exam.id().is_none() && !known.may_start() => {}
            InputEvent::Scan(_) if known.exam.stage() == Stage::Saved && !known.may_start() => {
                self.act(Action::Start);
            }
            InputEvent::Scan(code) => self.tell(Event::Scanned(code)),
            InputEvent::Action(action) => self.act(action),
            InputEvent::Shot(name) => self.output.keep(name),
            InputEvent::Quit => self.over = true,
        }
    }

    /// Does what is the loop's own, and tells the exam.
    fn act(&mut self, action: Action) {
        let known = &mut self.known;
        match (known.exam.stage(), action) {
            (Stage::Page(_), Action::Set(Setting::Language)) => {
                known.language = known.language.next();
            }
            (Stage::Page(_), Action::Set(Setting::AutoCapture)) => known.live.switch(),
            (Stage::Page(_), Action::Select(row)) => known.today.select(row),
            (Stage::Page(_), Action::Scroll(rows)) => {
                let at_once = screen::today_rows(self.output.size());
                known.today.scroll(rows.into(), at_once);
            }
            (Stage::Ready, Action::Start) if !known.may_start() => return,
            // A test that was under way as the last exam began may have failed.
            (Stage::Saved, Action::Start) if !known.may_start() => {
                return self.tell(Event::Action(Action::Continue));
            }
            // Nothing was photographed, and the eye may have come into place meanwhile.
            (Stage::Live { .. }, Action::Acknowledge)
                if matches!(
                    known.exam.notice(),
                    Some(Notice::CaptureFailed(_) | Notice::CaptureOverdue)
                ) =>
            {
                known.live.arm();
            }
            _ => {}
        }
        self.tell(Event::Action(action));
    }

    pub(super) fn hear_camera(&mut self) {
        let status = self.feed.status();
        if status != self.known.camera.status {
            if let Status::Lost(_) = status {
                self.known.live.picture.forget();
            }
            if let Status::Live(about) = &status {
                self.shutter.expect(about);
            }
            self.known.camera.hear(status);
            self.output.out_of_date();
            self.health.test_soon();
        }
        if self.feed.take(self.known.live.picture.slot()) {
            self.see();
        }
        while let Some(still) = self.feed.photograph() {
            if let Some(event) = self.shutter.hear(still, self.clock.now()) {
                self.tell(event);
            }
        }
    }

    /// Takes in the newest frame, and releases the shutter when it has been
    /// good for long enough.
    fn see(&mut self) {
        let exam = &self.known.exam;
        let eye = match exam.stage() {
            // Under a message nobody sees what would be photographed.
            Stage::Live { eye } if !exam.is_covered() => Some(eye),
            _ => None,
        };
        if eye.is_some() {
            self.output.out_of_date();
        }
        if self.known.live.see(eye) {
            self.tell(Event::AutoCapture);
        }
    }

    pub(super) fn hear_student(&mut self) {
        while let Some(answer) = self.grading.answer() {
            self.output.out_of_date();
            match answer {
                StudentSays::Loaded(Ok(model)) => {
                    tracing::info!(calibration = %model.calibration.id, "the student is loaded");
                    self.known.student = Student::Loaded(model);
                }
                StudentSays::Loaded(Err(why)) => {
                    tracing::error!(error = %why, "the student is not loaded");
                    // The self-test shows it.
                    self.known.student = Student::Missing;
                }
                StudentSays::Failed(shot) => self.tell(Event::GradingFailed { shot }),
                StudentSays::Prepared(shot, picture) => self.known.album.prepared(shot, picture),
                StudentSays::Graded(graded) => {
                    let GradedShot {
                        shot,
                        verdict,
                        evidence,
                    } = *graded;
                    let elapsed_ms = verdict.record.elapsed_ms.total();
                    tracing::info!(elapsed_ms, "a photograph was graded");
                    self.known.album.graded(shot, evidence);
                    let verdict = Box::new(verdict);
                    self.tell(Event::Graded { shot, verdict });
                }
            }
        }
    }

    pub(super) fn hear_store(&mut self) {
        while let Some(answer) = self.keeping.answer() {
            self.output.out_of_date();
            match answer {
                StoreSays::Opened(exam) => {
                    let unix_ms = jiff::Timestamp::now().as_millisecond();
                    self.tell(Event::Opened { exam, unix_ms });
                }
                StoreSays::Refused(why) => {
                    tracing::error!(error = %why, "no exam may begin");
                    self.tell(Event::Refused(why));
                }
                StoreSays::Saved(exam, number) => {
                    tracing::info!(count = number, "an exam was saved");
                    self.known.saved_as = number.to_string();
                    self.tell(Event::Saved { exam });
                    self.keeping.ask(Request::Today);
                }
                StoreSays::NotSaved(exam, why) => {
                    tracing::error!(error = %why, "an exam was not saved");
                    self.tell(Event::SaveFailed { exam, why });
                }
                StoreSays::Today(listing) => self.known.today.hear(listing),
            }
        }
    }

    pub(super) fn hear_self_test(&mut self) {
        while let Some(checks) = self.health.found() {
            self.known.hear_checks(checks);
            self.output.out_of_date();
        }
        let known = &self.known;
        let idle = matches!(known.exam.stage(), Stage::Ready | Stage::Locked);
        // Not before the student is there and the camera has said something.
        let student_told = !matches!(known.student, Student::Loading);
        let camera_told = known.camera.status != Status::Connecting;
        let now = self.clock.now();
        if idle && student_told && camera_told && self.health.is_due(now) {
            let seen = self.seen();
            self.health.ask(seen, now);
            // What was today's may be yesterday's.
            self.keeping.ask(Request::Today);
        }
    }

    fn seen(&self) -> Seen {
        let (display, input) = self.output.about().unzip();
        Seen {
            model: self.known.student.model().cloned(),
            stills: self.shutter.size(),
            camera: self.known.camera.found.clone(),
            display: display.map_or(Found::DisplayGone, Found::Display),
            input: input.map_or(Found::DisplayGone, Found::Input),
        }
    }
}

/// What the keys go to while this view is shown.
fn focus(view: &View) -> Focus {
    match view {
        View::Ready(_) => Focus::Ready,
        View::Patient(patient) => Focus::Writing(patient.field),
        View::Locked(_) => Focus::Message,
        View::Skip(_) => Focus::Skipping,
        View::Warning(_) => Focus::Side,
        View::Settings(_) => Focus::Settings,
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
        Problem::CameraLost
        | Problem::GradingFailed
        | Problem::SaveFailed
        | Problem::SaveDiskFull => false,
    }
}
