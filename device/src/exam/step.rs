//! From one state to the next: what has happened, and what follows.

use std::time::Duration;

use super::cause::{Cause, Trouble};
use super::event::{Effect, Event};
use super::exam_record::{Clock, Ending, ExamId, Judgement, Shot, ShotVerdict, Shutter, Side};
use super::obey::result;
use super::session::Session;
use super::shot::{ShotId, Still};
use super::words::{Eye, PatientField};
use super::{Capturing, Closing, Exam, Notice, Stage};

impl Exam {
    /// The exam after `event`, which happened at `now` (since the program's
    /// start), and what the caller is to do, in order. An event that the stage
    /// does not expect changes nothing, save that any action counts as a sign
    /// of the operator.
    #[must_use]
    pub fn step(mut self, event: Event, now: Duration) -> (Exam, Vec<Effect>) {
        let mut effects = Vec::new();
        match event {
            Event::Action(action) => self.act(action, now, &mut effects),
            Event::Scanned(code) => self.scan(&code, now, &mut effects),
            Event::Opened { exam, unix_ms } => self.open(exam, unix_ms, now),
            Event::Refused(why) => self.refuse(why),
            Event::AutoCapture => self.capture(Shutter::Automatic, now, &mut effects),
            Event::Captured { shot, still } => self.captured(shot, still, now, &mut effects),
            Event::CaptureFailed { shot, why } => self.capture_failed(shot, why),
            Event::Graded { shot, verdict } => self.graded(shot, verdict, now),
            Event::GradingFailed { shot } => self.grading_failed(shot),
            Event::Shown { shot } => self.shown(shot, now),
            Event::Saved { exam } => self.saved(&exam, &mut effects),
            Event::SaveFailed { exam, why } => self.save_failed(&exam, why, now),
            Event::Tick => self.pass_time(now, &mut effects),
        }
        self.question_side();
        if self.unkept {
            self.unkept = false;
            self.keep(now, &mut effects);
        }
        (self, effects)
    }

    fn open(&mut self, exam: ExamId, unix_ms: i64, now: Duration) {
        if !self.opening || self.stage != Stage::Ready {
            return;
        }
        let began = Clock {
            since_start: now,
            unix_ms,
        };
        let mut session = Session::new(exam, began);
        let mut field = PatientField::Id;
        if let Some(code) = self.scanned.take() {
            session.scan(code, now);
            field = PatientField::Age;
        }
        self.session = Some(session);
        self.touched = now;
        self.go(Stage::Patient { field });
    }

    fn refuse(&mut self, why: Cause) {
        if self.opening && self.stage == Stage::Ready {
            self.opening = false;
            self.scanned = None;
            self.notice = Some(Notice::Refused(why));
        }
    }

    pub(super) fn capture(&mut self, shutter: Shutter, now: Duration, effects: &mut Vec<Effect>) {
        let (Stage::Live { eye }, Some(session)) = (self.stage, &self.session) else {
            return;
        };
        if !session.eye(eye).has_room() {
            self.notice = Some(Notice::NoMoreShots);
            return;
        }
        let shot = ShotId(self.next_shot);
        self.next_shot += 1;
        self.go(Stage::Capturing { eye });
        self.capturing = Some(Capturing {
            shot,
            shutter,
            since: now,
        });
        effects.push(Effect::TakeStill { shot, eye });
    }

    fn captured(&mut self, id: ShotId, still: Still, now: Duration, effects: &mut Vec<Effect>) {
        let (Stage::Capturing { eye }, Some(capturing), Some(session)) =
            (self.stage, self.awaited(id), &mut self.session)
        else {
            // One that is in the exam already must stay where it is.
            if !self.holds(id) {
                effects.push(Effect::Discard { shot: id });
            }
            return;
        };
        session.add(eye, Shot::new(id, capturing.shutter, still, now));
        self.unkept = true;
        self.touched = now;
        self.go(result(eye));
        effects.push(Effect::Grade { shot: id, eye });
    }

    fn capture_failed(&mut self, id: ShotId, why: Cause) {
        if let (Stage::Capturing { eye }, Some(_)) = (self.stage, self.awaited(id)) {
            self.go(Stage::Live { eye });
            self.notice = Some(Notice::CaptureFailed(why));
        }
    }

    fn graded(&mut self, id: ShotId, verdict: Box<ShotVerdict>, now: Duration) {
        let Some((eye, shot)) = self.open_session().and_then(|s| s.shot_mut(id)) else {
            return;
        };
        if shot.judgement != Judgement::Pending {
            return;
        }
        if verdict.gradable() && verdict.shows == Some(eye.other()) {
            shot.side = Side::Questioned;
        }
        shot.stamps.graded = Some(now);
        shot.judgement = Judgement::Given(verdict);
        self.unkept = true;
    }

    /// As where the verdict is overdue, but known at once.
    fn grading_failed(&mut self, id: ShotId) {
        let shot = self.open_session().and_then(|s| s.shot_mut(id));
        if let Some((_, shot)) = shot.filter(|(_, shot)| shot.judgement == Judgement::Pending) {
            shot.judgement = Judgement::Overdue;
            self.unkept = true;
        }
    }

    fn shown(&mut self, id: ShotId, now: Duration) {
        let shot = self.open_session().and_then(|s| s.shot_mut(id));
        if let Some((_, shot)) = shot.filter(|(_, shot)| shot.stamps.graded.is_some()) {
            shot.stamps.shown.get_or_insert(now);
        }
    }

    fn saved(&mut self, exam: &ExamId, effects: &mut Vec<Effect>) {
        // It is kept, even if that was said to have failed before.
        let Some(closing) = self.ended(exam) else {
            return;
        };
        self.closing = None;
        let stage = match closing.ending {
            Ending::Completed => return self.go(Stage::Saved),
            Ending::TimedOut => Stage::Locked,
            Ending::Cancelled | Ending::Interrupted => Stage::Ready,
        };
        self.leave(stage, effects);
        self.notice = Some(Notice::SavedIncomplete);
    }

    fn save_failed(&mut self, exam: &ExamId, why: Cause, now: Duration) {
        if self.stage == Stage::Saving && self.ended(exam).is_some() {
            self.touched = now;
            self.go(Stage::Summary);
            self.notice = Some(Notice::NotSaved(why));
        }
    }

    fn pass_time(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.give_up_capture(now);
        self.give_up_grading(now);
        self.give_up_store(now);
        if now.saturating_sub(self.touched) < self.rules.idle() {
            return;
        }
        match self.stage {
            Stage::Locked | Stage::Ready | Stage::Saving => {}
            Stage::Page(_) => self.go(Stage::Locked),
            Stage::Saved => self.leave(Stage::Locked, effects),
            _ => self.end(Ending::TimedOut, now, effects),
        }
    }

    fn give_up_capture(&mut self, now: Duration) {
        let limit = self.rules.capture();
        let overdue = |c: Capturing| now.saturating_sub(c.since) >= limit;
        if let Stage::Capturing { eye } = self.stage {
            if self.capturing.is_some_and(overdue) {
                self.go(Stage::Live { eye });
                self.notice = Some(Notice::CaptureOverdue);
            }
        }
    }

    fn give_up_grading(&mut self, now: Duration) {
        let limit = self.rules.grade();
        let mut given_up = false;
        for shot in self.open_session().into_iter().flat_map(Session::shots_mut) {
            let late = now.saturating_sub(shot.stamps.accepted) >= limit;
            if late && shot.judgement == Judgement::Pending {
                shot.judgement = Judgement::Overdue;
                given_up = true;
            }
        }
        self.unkept |= given_up;
    }

    /// A disk that does not answer must not hold the operator.
    fn give_up_store(&mut self, now: Duration) {
        if now.saturating_sub(self.asked) < self.rules.store() {
            return;
        }
        self.refuse(Trouble::StoreSilent.into());
        if let Some(exam) = self.id().cloned() {
            self.save_failed(&exam, Trouble::StoreSilent.into(), now);
        }
    }

    /// Ends the session: it is saved if there is anything to keep. One that
    /// has ended already is saved again as it was.
    pub(super) fn end(&mut self, ending: Ending, now: Duration, effects: &mut Vec<Effect>) {
        let Some(session) = &self.session else {
            return;
        };
        let closing = self.closing.unwrap_or(Closing { ending, at: now });
        if closing.ending != Ending::Completed && !session.has_shots() {
            self.session = None;
            return self.go(match ending {
                Ending::TimedOut => Stage::Locked,
                _ => Stage::Ready,
            });
        }
        self.unkept = false;
        self.closing = Some(closing);
        let record = session.record(closing.ending, closing.at);
        effects.push(Effect::Save(Box::new(record)));
        self.go(Stage::Saving);
        self.asked = now;
    }

    /// Once photographs were taken, a power cut must not cost what is known of
    /// them.
    fn keep(&self, now: Duration, effects: &mut Vec<Effect>) {
        if let Some(session) = self.session.as_ref().filter(|s| s.has_shots()) {
            let record = session.record(Ending::Interrupted, now);
            effects.push(Effect::Keep(Box::new(record)));
        }
    }

    /// Lets go of a session that is saved.
    pub(super) fn leave(&mut self, stage: Stage, effects: &mut Vec<Effect>) {
        if let Some(session) = self.session.take() {
            effects.push(Effect::Release { exam: session.id });
        }
        self.go(stage);
    }

    /// Asks about the side of the picture that is on the screen, or of either
    /// on the summary: before the operator can save, but never in the middle
    /// of something else or over a message that is not read yet.
    fn question_side(&mut self) {
        if self.is_covered() {
            return;
        }
        let Some(session) = self.session.as_ref().filter(|_| self.closing.is_none()) else {
            return;
        };
        let looked_at: &[Eye] = match &self.stage {
            Stage::Result { eye, .. } => std::slice::from_ref(eye),
            Stage::Summary => &Eye::BOTH,
            _ => return,
        };
        let question = looked_at.iter().find_map(|&eye| {
            let shot = session.eye(eye).questioned()?;
            Some(Stage::WrongEye { eye, shot })
        });
        if let Some(stage) = question {
            self.go(stage);
        }
    }

    /// A new stage: whatever was asked for in the last one is asked no more.
    pub(super) fn go(&mut self, stage: Stage) {
        self.stage = stage;
        self.notice = None;
        self.opening = false;
        self.scanned = None;
        self.capturing = None;
    }

    fn awaited(&self, id: ShotId) -> Option<Capturing> {
        self.capturing.filter(|capturing| capturing.shot == id)
    }

    fn holds(&mut self, id: ShotId) -> bool {
        self.session
            .as_mut()
            .is_some_and(|session| session.shot_mut(id).is_some())
    }

    /// The session as long as it may change: not from its end on.
    fn open_session(&mut self) -> Option<&mut Session> {
        self.session.as_mut().filter(|_| self.closing.is_none())
    }

    fn ended(&self, exam: &ExamId) -> Option<Closing> {
        self.closing.filter(|_| self.id() == Some(exam))
    }
}
