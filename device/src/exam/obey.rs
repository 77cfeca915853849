//! What the operator may do in each stage.

use std::time::Duration;

use super::event::Effect;
use super::exam_record::{Ending, Operation, Shutter, Side};
use super::patient::LONGEST_ID;
use super::session::Session;
use super::shot::ShotId;
use super::words::{Action, Eye, PatientField, SkipReason};
use super::{Exam, Notice, Stage};

impl Exam {
    /// Obeys the operator, and writes down what had an effect. It is written
    /// down first, so that an action that saves is in what it saves.
    pub(super) fn act(&mut self, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        self.touched = now;
        let before = self.stage;
        let noted = self.closing.is_none();
        if let Some(session) = self.session.as_mut().filter(|_| noted) {
            session.operations.push(Operation { at: now, action });
        }
        self.obey(action, now, effects);
        let idle = self.stage == before && effects.is_empty();
        if let Some(session) = self.session.as_mut().filter(|_| noted && idle) {
            session.operations.pop();
        }
    }

    fn obey(&mut self, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        if action == Action::Acknowledge {
            let read = self.notice.take();
            // It answers the message, not the question that the message lies over.
            if read.as_ref().is_some_and(Notice::covers) {
                return;
            }
        }
        match self.stage {
            Stage::Locked => self.obey_locked(action),
            Stage::Ready => self.obey_ready(action, now, effects),
            Stage::Page(_) => self.obey_page(action),
            Stage::Saving => {}
            Stage::Saved => self.obey_saved(action, now, effects),
            Stage::Summary if self.closing.is_some() => self.obey_unsaved(action, now, effects),
            _ if action == Action::Cancel => self.end(Ending::Cancelled, now, effects),
            Stage::Patient { field } => self.obey_patient(field, action),
            Stage::Live { eye } => self.obey_live(eye, action, now, effects),
            Stage::Capturing { .. } => {}
            Stage::Skipping { eye } => self.obey_skipping(eye, action),
            Stage::Result { eye, attention } => self.obey_result(eye, attention, action),
            Stage::WrongEye { eye, shot } => self.obey_wrong_eye(eye, shot, action),
            Stage::Summary => self.obey_summary(action, now, effects),
        }
    }

    /// A scanned code is the number of the patient who is written down, or of
    /// the next one; in between it is neither. It never goes on by itself: the
    /// operator looks at the number first.
    pub(super) fn scan(&mut self, code: &str, now: Duration, effects: &mut Vec<Effect>) {
        self.touched = now;
        let code: String = code.chars().filter(|c| !c.is_control()).collect();
        let code = code.trim();
        if code.is_empty() {
            return;
        }
        let too_long = code.chars().count() > LONGEST_ID;
        match self.stage {
            // The photograph or the disk is waited for: the next view says more.
            Stage::Capturing { .. } | Stage::Saving => {}
            // A save that failed must stay what the operator reads.
            Stage::Summary if self.closing.is_some() => {}
            Stage::Live { .. }
            | Stage::Skipping { .. }
            | Stage::Result { .. }
            | Stage::WrongEye { .. }
            | Stage::Summary => self.notice = Some(Notice::CodeNotTaken),
            _ if too_long => self.notice = Some(Notice::CodeTooLong),
            Stage::Patient { .. } => {
                if let Some(session) = &mut self.session {
                    session.scan(code.to_owned(), now);
                }
                self.unkept = true;
                // What is typed next is not to be added to the number.
                self.go(Stage::Patient {
                    field: PatientField::Age,
                });
            }
            Stage::Locked | Stage::Ready | Stage::Page(_) | Stage::Saved => {
                let asked = self.stage == Stage::Ready && self.opening;
                if !asked {
                    self.leave(Stage::Ready, effects);
                    self.obey_ready(Action::Start, now, effects);
                }
                self.scanned = Some(code.to_owned());
            }
        }
    }

    fn obey_locked(&mut self, action: Action) {
        if let Action::Acknowledge | Action::Start | Action::Continue = action {
            self.go(Stage::Ready);
        }
    }

    fn obey_ready(&mut self, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        match action {
            Action::Start => {
                self.opening = true;
                self.asked = now;
                effects.push(Effect::Open);
            }
            Action::Open(page) => self.go(Stage::Page(page)),
            _ => {}
        }
    }

    fn obey_page(&mut self, action: Action) {
        if let Action::Back | Action::Cancel = action {
            self.go(Stage::Ready);
        }
    }

    fn obey_saved(&mut self, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        match action {
            Action::Start => {
                self.leave(Stage::Ready, effects);
                self.obey_ready(action, now, effects);
            }
            Action::Continue | Action::Back | Action::Cancel | Action::Acknowledge => {
                self.leave(Stage::Ready, effects);
            }
            _ => {}
        }
    }

    /// A save has failed: nothing but trying again may happen to the exam.
    fn obey_unsaved(&mut self, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        if let Action::Continue | Action::Cancel = action {
            self.end(Ending::Cancelled, now, effects);
        }
    }

    fn obey_patient(&mut self, field: PatientField, action: Action) {
        let Some(session) = &mut self.session else {
            return;
        };
        match action {
            Action::Choose(field) => self.go(Stage::Patient { field }),
            Action::Type(letter) => {
                let taken = session.patient.type_into(field, letter);
                if !taken {
                    self.notice = Some(Notice::CodeTooLong);
                }
            }
            Action::Erase => session.patient.erase(field),
            Action::Continue => {
                let stage = place(session, session.first);
                self.go(stage);
            }
            Action::Back if !session.has_shots() => {
                self.session = None;
                self.go(Stage::Ready);
            }
            Action::Photograph(eye) => self.turn_to(eye),
            _ => {}
        }
        // What was typed is kept when the field is left.
        self.unkept |= self.stage != Stage::Patient { field };
    }

    fn obey_live(&mut self, eye: Eye, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        let Some(session) = &self.session else {
            return;
        };
        let photographed = !session.eye(eye).shots().is_empty();
        match action {
            Action::Capture => self.capture(Shutter::Operator, now, effects),
            Action::Photograph(eye) => self.turn_to(eye),
            Action::Skip if !photographed => self.go(Stage::Skipping { eye }),
            Action::Continue | Action::Back if photographed => self.go(result(eye)),
            Action::Continue if session.eye(eye).skipped().is_some() => self.go_on(),
            Action::Back => {
                let stage = before(session, eye);
                self.go(stage);
            }
            _ => {}
        }
    }

    fn obey_skipping(&mut self, eye: Eye, action: Action) {
        match action {
            Action::SkipFor(reason) => self.skip(eye, reason),
            Action::Back => self.go(Stage::Live { eye }),
            Action::Photograph(eye) => self.turn_to(eye),
            _ => {}
        }
    }

    fn obey_result(&mut self, eye: Eye, attention: bool, action: Action) {
        let Some(session) = &self.session else {
            return;
        };
        match action {
            Action::Continue => self.go_on(),
            Action::Back => {
                let stage = before(session, eye);
                self.go(stage);
            }
            Action::Retake => self.go(Stage::Live { eye }),
            Action::Photograph(eye) => self.turn_to(eye),
            Action::Attention => {
                self.stage = Stage::Result {
                    eye,
                    attention: !attention,
                };
            }
            _ => {}
        }
    }

    fn obey_wrong_eye(&mut self, eye: Eye, shot: ShotId, action: Action) {
        let Some(session) = &mut self.session else {
            return;
        };
        match action {
            Action::Acknowledge => {
                if let Some((_, shot)) = session.shot_mut(shot) {
                    shot.side = Side::Kept;
                }
                self.unkept = true;
                self.go(result(eye));
            }
            Action::Swap => {
                session.swap(shot, eye);
                self.unkept = true;
                self.go(result(eye.other()));
            }
            Action::Retake => {
                if let Some((_, shot)) = session.shot_mut(shot) {
                    shot.side = Side::Rejected;
                }
                self.unkept = true;
                self.go(Stage::Live { eye });
            }
            _ => {}
        }
    }

    fn obey_summary(&mut self, action: Action, now: Duration, effects: &mut Vec<Effect>) {
        let Some(session) = &self.session else {
            return;
        };
        match action {
            // There may be a question that waits until the message is read.
            Action::Continue if self.is_covered() => {}
            Action::Continue => match session.to_do() {
                Some(eye) => self.go(Stage::Live { eye }),
                None if session.is_pending() => {}
                None => self.end(Ending::Completed, now, effects),
            },
            Action::Back => {
                let stage = place(session, session.first.other());
                self.go(stage);
            }
            Action::Photograph(eye) => self.turn_to(eye),
            _ => {}
        }
    }

    fn skip(&mut self, eye: Eye, reason: SkipReason) {
        if let Some(session) = &mut self.session {
            session.skip(eye, reason);
            self.unkept = true;
            self.go_on();
        }
    }

    /// To the eye that is still to do, or the summary.
    fn go_on(&mut self) {
        let to_do = self.session.as_ref().and_then(Session::to_do);
        self.go(to_do.map_or(Stage::Summary, |eye| Stage::Live { eye }));
    }

    /// To the live view of an eye. It becomes the first one if the other is
    /// still to do.
    fn turn_to(&mut self, eye: Eye) {
        if let Some(session) = &mut self.session {
            if !session.eye(eye.other()).is_dealt_with() {
                session.first = eye;
            }
            self.go(Stage::Live { eye });
        }
    }
}

pub(super) fn result(eye: Eye) -> Stage {
    Stage::Result {
        eye,
        attention: false,
    }
}

/// Where an eye is looked at: its result, or the live view to get one.
fn place(session: &Session, eye: Eye) -> Stage {
    if session.eye(eye).shots().is_empty() {
        Stage::Live { eye }
    } else {
        result(eye)
    }
}

/// One step back from an eye.
fn before(session: &Session, eye: Eye) -> Stage {
    if eye == session.first {
        Stage::Patient {
            field: PatientField::Id,
        }
    } else {
        place(session, session.first)
    }
}
