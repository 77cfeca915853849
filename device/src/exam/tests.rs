//! The walks of a technician, one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use fovea_core::decision::ReferralDecision;
use fovea_core::gate::{GateReason, GateVerdict};

use super::words::{Action, Eye, Page, PatientField, SkipReason};
use super::*;
use crate::camera::CameraError;
use crate::grade::record::Record;
use crate::records::StoreError;

const SECOND: Duration = Duration::from_secs(1);

/// A verdict as the grader would give it; [`ReferralDecision::Retake`] is one
/// that the gate refused.
pub(super) fn verdict(
    decision: ReferralDecision,
    shows: Option<Eye>,
    tag: u64,
) -> Box<ShotVerdict> {
    let accepted = decision != ReferralDecision::Retake;
    let reason = if accepted {
        GateReason::Ok
    } else {
        GateReason::Blurred
    };
    Box::new(ShotVerdict {
        decision,
        score: Some(0.25),
        gate: GateVerdict {
            accepted,
            reason,
            scores: BTreeMap::from([("sharpness".to_owned(), 0.125)]),
        },
        shows,
        record: Record {
            image: tag.to_string(),
            ..Record::blank()
        },
    })
}

pub(super) fn still(frame: u64, now: Duration) -> Still {
    Still {
        frame,
        captured: Some(now),
        dequeued: now,
    }
}

/// An exam, its clock, and what it asked for last.
struct Walk {
    exam: Exam,
    now: Duration,
    effects: Vec<Effect>,
}

impl Walk {
    fn new() -> Walk {
        Walk {
            exam: Exam::new(Rules::default()),
            now: SECOND,
            effects: Vec::new(),
        }
    }

    /// In the live view of the right eye of the patient `id`.
    fn at_the_first_eye(id: &str) -> Walk {
        let mut walk = Walk::new();
        walk.begin(id);
        walk.act(Action::Continue);
        walk
    }

    fn begin(&mut self, id: &str) {
        self.act(Action::Start);
        assert_eq!(self.effects, [Effect::Open]);
        self.open(id);
        for letter in id.chars() {
            self.act(Action::Type(letter));
        }
    }

    /// The store has room for the exam of `id`.
    fn open(&mut self, id: &str) {
        self.tell(Event::Opened {
            exam: ExamId(format!("exam of {id}")),
            unix_ms: 1_000_000,
        });
    }

    fn tell(&mut self, event: Event) -> &mut Walk {
        self.now += Duration::from_millis(100);
        let (exam, effects) = self.exam.clone().step(event, self.now);
        (self.exam, self.effects) = (exam, effects);
        self
    }

    fn act(&mut self, action: Action) -> &mut Walk {
        self.tell(Event::Action(action))
    }

    fn wait(&mut self, seconds: u64) -> &mut Walk {
        self.now += Duration::from_secs(seconds);
        self.tell(Event::Tick)
    }

    fn asked_still(&self) -> ShotId {
        match self.effects[..] {
            [Effect::TakeStill { shot, .. }] => shot,
            _ => panic!("no photograph was asked for but {:?}", self.effects),
        }
    }

    fn asked_save(&self) -> ExamRecord {
        match &self.effects[..] {
            [Effect::Save(record)] => (**record).clone(),
            effects => panic!("no save was asked for but {effects:?}"),
        }
    }

    /// Takes a photograph that is then being graded.
    fn capture(&mut self) -> ShotId {
        self.act(Action::Capture);
        let shot = self.asked_still();
        let still = still(shot.0 + 100, self.now);
        self.tell(Event::Captured { shot, still });
        shot
    }

    fn grade(&mut self, shot: ShotId, decision: ReferralDecision) -> &mut Walk {
        self.tell(Event::Graded {
            shot,
            verdict: verdict(decision, None, shot.0),
        })
    }

    fn photograph(&mut self, decision: ReferralDecision) -> ShotId {
        let shot = self.capture();
        self.grade(shot, decision);
        shot
    }

    /// Grades one that looks like `shows`.
    fn grade_showing(&mut self, shot: ShotId, decision: ReferralDecision, shows: Eye) {
        self.tell(Event::Graded {
            shot,
            verdict: verdict(decision, Some(shows), shot.0),
        });
    }

    /// Takes one that looks like `shows`.
    fn photograph_showing(&mut self, shows: Eye) -> ShotId {
        let shot = self.capture();
        self.grade_showing(shot, NoReferableDisease, shows);
        shot
    }

    fn saved(&mut self) -> &mut Walk {
        let exam = self.exam.id().expect("an exam is being saved").clone();
        self.tell(Event::Saved { exam })
    }

    fn save_fails(&mut self) -> &mut Walk {
        let exam = self.exam.id().expect("an exam is being saved").clone();
        let why = Cause::from(StoreError::Full);
        self.tell(Event::SaveFailed { exam, why })
    }

    fn outcome(&self, eye: Eye) -> EyeOutcome {
        self.exam.eye(eye).expect("there is an exam").outcome()
    }

    fn overall(&self) -> PatientOutcome {
        self.exam.outcome().expect("there is an exam").overall
    }
}

use ReferralDecision::{NoReferableDisease, Refer, ReferUrgent, Retake};

const RIGHT_LIVE: Stage = Stage::Live { eye: Eye::Right };
const LEFT_LIVE: Stage = Stage::Live { eye: Eye::Left };

fn result(eye: Eye) -> Stage {
    Stage::Result {
        eye,
        attention: false,
    }
}

#[test]
fn an_exam_from_start_to_the_next() {
    let mut walk = Walk::at_the_first_eye("P-7");
    assert_eq!(walk.exam.stage(), RIGHT_LIVE);
    let right = walk.capture();
    assert_eq!(walk.exam.stage(), result(Eye::Right));
    let asked = Effect::Grade {
        shot: right,
        eye: Eye::Right,
    };
    assert!(walk.effects.contains(&asked), "{:?}", walk.effects);
    assert!(walk.exam.is_grading());
    walk.grade(right, NoReferableDisease);
    walk.tell(Event::Shown { shot: right });
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), LEFT_LIVE);
    let left = walk.photograph(Refer);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), Stage::Summary);
    assert_eq!(walk.overall(), PatientOutcome::Refer);

    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), Stage::Saving);
    let record = walk.asked_save();
    assert!(record.complete());
    assert_eq!(record.patient.id, "P-7");
    assert_eq!(record.right.decided_by, Some(right));
    assert_eq!(record.left.decided_by, Some(left));
    assert_eq!(record.outcome.not_examined, []);
    let stamps = record.right.shots[0].stamps;
    assert!(stamps.accepted < stamps.graded.unwrap() && stamps.graded < stamps.shown);
    let actions: Vec<Action> = record.operations.iter().map(|o| o.action).collect();
    let (go_on, capture) = (Action::Continue, Action::Capture);
    assert_eq!(actions, [go_on, capture, go_on, capture, go_on, go_on]);

    walk.saved();
    assert_eq!(walk.exam.stage(), Stage::Saved);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), Stage::Ready);
    assert!(matches!(walk.effects[..], [Effect::Release { .. }]));
    assert_eq!(walk.exam.patient(), None);
}

#[test]
fn a_scanned_code_begins_an_exam() {
    let pages = [None, Some(Action::Open(Page::Today))];
    for page in pages {
        let mut walk = Walk::new();
        if let Some(page) = page {
            walk.act(page);
        }
        walk.tell(Event::Scanned(" t-1042\r".to_owned()));
        assert!(walk.effects.contains(&Effect::Open));
        // Scanned twice before the store has answered: one exam, the later code.
        walk.tell(Event::Scanned("t-1043".to_owned()));
        assert!(!walk.effects.contains(&Effect::Open));
        walk.open("the next");
        assert_eq!(walk.exam.patient().unwrap().id, "t-1043");
        let field = PatientField::Age;
        assert_eq!(walk.exam.stage(), Stage::Patient { field });
        for letter in "54".chars() {
            walk.act(Action::Type(letter));
        }
        let patient = walk.exam.patient().unwrap();
        assert_eq!((patient.id.as_str(), patient.age), ("t-1043", Some(54)));
    }
}

#[test]
fn a_scan_that_no_exam_came_of_is_forgotten() {
    let mut walk = Walk::new();
    walk.tell(Event::Scanned("P-1".to_owned()));
    walk.tell(Event::Refused(Cause::from(StoreError::Full)));
    walk.act(Action::Start);
    walk.open("the next");
    assert_eq!(walk.exam.patient().unwrap().id, "");
}

#[test]
fn a_second_code_replaces_the_number_and_nothing_else() {
    let mut walk = Walk::new();
    walk.act(Action::Start);
    walk.open("the next");
    for code in ["111", "P-222"] {
        walk.tell(Event::Scanned(code.to_owned()));
        let patient = walk.exam.patient().unwrap();
        assert_eq!((patient.id.as_str(), patient.age), (code, None));
    }
    walk.tell(Event::Scanned("\n\t ".to_owned()));
    assert_eq!(walk.exam.patient().unwrap().id, "P-222");
    walk.act(Action::Continue);
    walk.photograph(Refer);
    walk.act(Action::Cancel);
    let operations = walk.asked_save().operations;
    let scans = operations.iter().filter(|o| o.action == Action::Scan);
    assert_eq!(scans.count(), 2);
}

#[test]
fn a_code_in_the_middle_of_an_exam_is_not_taken_and_that_is_said() {
    let mut walk = Walk::at_the_first_eye("P-7");
    let told = |walk: &mut Walk| {
        let before = walk.exam.stage();
        walk.tell(Event::Scanned("P-8".to_owned()));
        assert_eq!(walk.exam.notice(), Some(&Notice::CodeNotTaken));
        walk.act(Action::Acknowledge);
        assert_eq!(walk.exam.stage(), before);
        assert_eq!(walk.exam.patient().unwrap().id, "P-7");
    };
    told(&mut walk);
    walk.photograph(Refer);
    told(&mut walk);
    walk.act(Action::Continue);
    walk.photograph(Refer);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), Stage::Summary);
    told(&mut walk);
    walk.act(Action::Continue);
    walk.saved();
    walk.tell(Event::Scanned("P-8".to_owned()));
    walk.open("the next");
    assert_eq!(walk.exam.patient().unwrap().id, "P-8");
}

#[test]
fn a_number_that_is_too_long_is_refused_and_never_cut() {
    let long = "7".repeat(LONGEST_ID);
    let too_long = format!("{long}7");
    let mut walk = Walk::new();
    walk.tell(Event::Scanned(too_long.clone()));
    assert_eq!(walk.exam.notice(), Some(&Notice::CodeTooLong));
    assert_eq!(walk.exam.stage(), Stage::Ready);
    walk.act(Action::Acknowledge);
    walk.tell(Event::Scanned(long.clone()));
    walk.open("the next");
    assert_eq!(walk.exam.patient().unwrap().id, long);
    walk.tell(Event::Scanned(too_long.clone()));
    assert_eq!(walk.exam.notice(), Some(&Notice::CodeTooLong));
    assert_eq!(walk.exam.patient().unwrap().id, long);
    // Typed letter by letter, as by a scanner that is too slow to be told.
    walk.act(Action::Choose(PatientField::Id));
    walk.act(Action::Type('7'));
    assert_eq!(walk.exam.notice(), Some(&Notice::CodeTooLong));
    assert_eq!(walk.exam.patient().unwrap().id, "");
}

#[test]
fn from_saved_straight_to_the_next_patient() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue);
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue).act(Action::Continue).saved();
    walk.act(Action::Start);
    assert!(matches!(
        walk.effects[..],
        [Effect::Release { .. }, Effect::Open]
    ));
    let exam = ExamId("next".to_owned());
    walk.tell(Event::Opened { exam, unix_ms: 0 });
    assert_eq!(walk.exam.patient(), Some(&Patient::default()));
}

#[test]
fn the_left_eye_may_come_first() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.act(Action::Photograph(Eye::Left));
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), RIGHT_LIVE);
    walk.act(Action::Back);
    assert_eq!(walk.exam.stage(), result(Eye::Left));
    walk.act(Action::Back);
    assert!(matches!(walk.exam.stage(), Stage::Patient { .. }));
}

#[test]
fn a_result_need_not_be_waited_for() {
    let mut walk = Walk::at_the_first_eye("A");
    let right = walk.capture();
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), LEFT_LIVE);
    let left = walk.capture();
    walk.act(Action::Continue);
    assert_eq!(walk.overall(), PatientOutcome::NoVerdict);
    walk.act(Action::Continue);
    assert_eq!(
        walk.exam.stage(),
        Stage::Summary,
        "nothing ungraded is saved"
    );
    walk.grade(left, NoReferableDisease);
    assert_eq!(walk.overall(), PatientOutcome::NoVerdict);
    walk.grade(right, ReferUrgent);
    assert_eq!(walk.overall(), PatientOutcome::ReferUrgent);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), Stage::Saving);
}

#[test]
fn an_eye_left_out_gets_no_all_clear() {
    // Disease may be why it cannot be photographed; as with a refused photograph.
    for (reason, overall) in [
        (SkipReason::NotPossible, PatientOutcome::CannotBeGraded),
        (SkipReason::Declined, PatientOutcome::NoReferableDisease),
        (SkipReason::EyeAbsent, PatientOutcome::NoReferableDisease),
        (
            SkipReason::UnderTreatment,
            PatientOutcome::NoReferableDisease,
        ),
    ] {
        let mut walk = Walk::at_the_first_eye("A");
        walk.photograph(NoReferableDisease);
        walk.act(Action::Continue).act(Action::Skip);
        walk.act(Action::SkipFor(reason));
        let outcome = walk.exam.outcome().unwrap();
        assert_eq!(outcome.overall, overall, "{reason:?}");
        // What is said of the patient covers one eye only.
        assert_eq!(outcome.not_examined, [Eye::Left], "{reason:?}");
    }
}

#[test]
fn an_eye_left_out_may_be_photographed_after_all() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue).act(Action::Skip);
    assert_eq!(walk.exam.stage(), Stage::Skipping { eye: Eye::Left });
    walk.act(Action::SkipFor(SkipReason::Declined));
    assert_eq!(walk.exam.stage(), Stage::Summary);
    // A photograph outranks the reason.
    walk.act(Action::Back);
    assert_eq!(walk.exam.stage(), LEFT_LIVE);
    walk.photograph(Refer);
    assert_eq!(walk.exam.eye(Eye::Left).unwrap().skipped(), None);
    assert_eq!(walk.overall(), PatientOutcome::Refer);
}

#[test]
fn both_eyes_left_out_is_no_all_clear_but_a_record() {
    for (reason, overall) in [
        (SkipReason::Declined, PatientOutcome::NoVerdict),
        (SkipReason::NotPossible, PatientOutcome::CannotBeGraded),
    ] {
        let mut walk = Walk::at_the_first_eye("A");
        for _ in Eye::BOTH {
            walk.act(Action::Skip);
            walk.act(Action::SkipFor(reason));
        }
        walk.act(Action::Continue);
        let record = walk.asked_save();
        assert_eq!(record.outcome.overall, overall);
        assert_eq!(record.outcome.not_examined, Eye::BOTH);
    }
}

#[test]
fn three_refusals_refer() {
    let mut walk = Walk::at_the_first_eye("A");
    for refusals in 1..=REFUSALS {
        walk.photograph(Retake);
        let outcome = walk.exam.eye(Eye::Right).unwrap().outcome();
        if refusals < REFUSALS {
            assert_eq!(outcome, EyeOutcome::Refused(refusals));
            walk.act(Action::Retake);
            assert_eq!(walk.exam.stage(), RIGHT_LIVE);
        } else {
            assert_eq!(outcome, EyeOutcome::CannotBeGraded);
        }
    }
    walk.act(Action::Continue);
    walk.photograph(NoReferableDisease);
    assert_eq!(walk.overall(), PatientOutcome::CannotBeGraded);
    assert!(walk.overall().refers());
    walk.act(Action::Continue).act(Action::Continue);
    assert_eq!(walk.asked_save().right.shots.len(), REFUSALS);
}

#[test]
fn going_on_after_one_refusal_is_no_all_clear_either() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(Retake);
    walk.act(Action::Continue);
    walk.photograph(NoReferableDisease);
    assert_eq!(walk.overall(), PatientOutcome::CannotBeGraded);
}

#[test]
fn a_retake_counts_from_its_verdict_on() {
    let mut walk = Walk::at_the_first_eye("A");
    let first = walk.photograph(Refer);
    walk.act(Action::Retake);
    let deciding = |walk: &Walk| {
        let eye = walk.exam.eye(Eye::Right).unwrap();
        eye.deciding().map(|shot| shot.id)
    };
    assert_eq!(deciding(&walk), Some(first));
    let second = walk.capture();
    assert_eq!(deciding(&walk), Some(first));
    walk.grade(second, NoReferableDisease);
    assert_eq!(deciding(&walk), Some(second));
    // Thinking better of a retake leads back to the result.
    walk.act(Action::Retake).act(Action::Back);
    assert_eq!(walk.exam.stage(), result(Eye::Right));
}

#[test]
fn photographs_of_an_eye_come_to_an_end() {
    let mut walk = Walk::at_the_first_eye("A");
    for _ in 0..MOST_SHOTS {
        walk.photograph(Refer);
        walk.act(Action::Retake);
    }
    walk.act(Action::Capture);
    assert_eq!(walk.effects, []);
    assert_eq!(walk.exam.notice(), Some(&Notice::NoMoreShots));
}

#[test]
fn a_verdict_of_the_last_patient_is_dropped() {
    let mut walk = Walk::at_the_first_eye("A");
    let of_a = walk.capture();
    walk.act(Action::Cancel).saved();
    walk.begin("B");
    walk.act(Action::Continue);
    let of_b = walk.capture();
    let before = walk.exam.clone();
    walk.grade(of_a, ReferUrgent);
    assert_eq!(walk.exam, before);
    walk.grade(of_b, NoReferableDisease);
    assert_eq!(walk.overall(), PatientOutcome::NoReferableDisease);
}

#[test]
fn a_photograph_that_comes_too_late_is_let_go() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.act(Action::Capture);
    let shot = walk.asked_still();
    walk.wait(10);
    assert_eq!(walk.exam.stage(), RIGHT_LIVE);
    assert_eq!(walk.exam.notice(), Some(&Notice::CaptureOverdue));
    let still = still(1, walk.now);
    walk.tell(Event::Captured { shot, still });
    assert_eq!(walk.effects, [Effect::Discard { shot }]);
    assert!(walk.exam.latest_shot(Eye::Right).is_none());
}

#[test]
fn a_failed_capture_says_why() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.tell(Event::AutoCapture);
    let shot = walk.asked_still();
    let why = Cause::from(CameraError::NoneFound);
    walk.tell(Event::CaptureFailed {
        shot,
        why: why.clone(),
    });
    assert_eq!(walk.exam.stage(), RIGHT_LIVE);
    assert_eq!(walk.exam.notice(), Some(&Notice::CaptureFailed(why)));
    walk.act(Action::Acknowledge);
    assert_eq!(walk.exam.notice(), None);
}

#[test]
fn a_grader_that_does_not_answer_refers_nobody() {
    let mut walk = Walk::at_the_first_eye("A");
    for _ in 0..REFUSALS {
        walk.capture();
        walk.wait(60);
        assert!(!walk.exam.is_grading());
        walk.act(Action::Retake);
    }
    let eye = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(eye.outcome(), EyeOutcome::NoVerdict);
    assert_eq!(eye.refusals(), 0);
    assert_eq!(walk.overall(), PatientOutcome::NoVerdict);
    let shot = walk.photograph(Retake);
    let eye = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(eye.outcome(), EyeOutcome::Refused(1));
    assert_eq!(eye.shots().last().map(|shot| shot.id), Some(shot));
}

#[test]
fn a_verdict_that_comes_too_late_changes_nothing() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.capture();
    walk.wait(60);
    walk.grade(shot, NoReferableDisease);
    let eye = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(eye.shots()[0].judgement, Judgement::Overdue);
}

#[test]
fn a_grader_that_fails_is_not_waited_for() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.capture();
    walk.tell(Event::GradingFailed { shot });
    assert!(!walk.exam.is_grading());
    let eye = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(eye.shots()[0].judgement, Judgement::Overdue);
    walk.grade(shot, NoReferableDisease);
    let eye = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(eye.shots()[0].judgement, Judgement::Overdue);
}

#[test]
fn a_store_that_does_not_answer_holds_nobody() {
    let mut walk = Walk::new();
    walk.act(Action::Start);
    walk.wait(29);
    assert_eq!(walk.exam.notice(), None);
    walk.wait(1);
    assert!(matches!(walk.exam.notice(), Some(Notice::Refused(_))));
    walk.act(Action::Acknowledge);

    walk.begin("A");
    walk.act(Action::Continue);
    let shot = walk.capture();
    walk.grade(shot, Refer);
    walk.act(Action::Cancel);
    let exam = walk.exam.id().cloned();
    assert_eq!(walk.exam.stage(), Stage::Saving);
    walk.wait(29);
    assert_eq!(walk.exam.stage(), Stage::Saving);
    walk.wait(1);
    assert_eq!(walk.exam.stage(), Stage::Summary);
    assert!(matches!(walk.exam.notice(), Some(Notice::NotSaved(_))));
    // It answers after all.
    let exam = exam.unwrap();
    walk.tell(Event::Saved { exam });
    assert_ne!(walk.exam.stage(), Stage::Summary);
    assert_eq!(walk.exam.id(), None);
}

#[test]
fn cancelling_keeps_what_was_captured() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.act(Action::Cancel);
    assert_eq!(walk.exam.stage(), Stage::Ready);
    assert_eq!(walk.effects, []);

    walk.begin("B");
    walk.act(Action::Continue);
    walk.photograph(Refer);
    walk.act(Action::Cancel);
    let record = walk.asked_save();
    assert_eq!(record.ending, Ending::Cancelled);
    assert_eq!(record.operations.last().unwrap().action, Action::Cancel);
    assert_eq!(record.right.shots.len(), 1);
    assert_eq!(record.outcome.not_examined, [Eye::Left]);
    walk.saved();
    assert_eq!(walk.exam.stage(), Stage::Ready);
    assert_eq!(walk.exam.notice(), Some(&Notice::SavedIncomplete));
}

#[test]
fn whoever_goes_away_leaves_a_locked_screen() {
    let mut walk = Walk::new();
    walk.begin("A");
    walk.wait(299);
    assert!(matches!(walk.exam.stage(), Stage::Patient { .. }));
    walk.wait(1);
    assert_eq!(walk.exam.stage(), Stage::Locked);
    assert_eq!(walk.exam.patient(), None);
    walk.act(Action::Open(Page::Today));
    assert_eq!(walk.exam.stage(), Stage::Locked);
    walk.act(Action::Acknowledge);
    assert_eq!(walk.exam.stage(), Stage::Ready);
    walk.act(Action::Open(Page::Today)).wait(300);
    assert_eq!(walk.exam.stage(), Stage::Locked);

    let mut walk = Walk::at_the_first_eye("B");
    walk.photograph(NoReferableDisease);
    walk.wait(300);
    assert_eq!(walk.asked_save().ending, Ending::TimedOut);
    walk.saved();
    assert_eq!(walk.exam.stage(), Stage::Locked);
    assert_eq!(walk.exam.patient(), None);
}

#[test]
fn an_exam_that_is_not_kept_stays() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(Refer);
    walk.act(Action::Cancel);
    let record = walk.asked_save();
    walk.save_fails();
    assert_eq!(walk.exam.stage(), Stage::Summary);
    assert!(matches!(walk.exam.notice(), Some(Notice::NotSaved(_))));
    for action in [Action::Start, Action::Back, Action::Photograph(Eye::Left)] {
        walk.act(action);
        assert_eq!(walk.exam.stage(), Stage::Summary, "{action:?}");
    }
    walk.act(Action::Continue);
    assert_eq!(walk.asked_save(), record);
    walk.save_fails().wait(300);
    assert_eq!(walk.asked_save(), record);
    walk.saved();
    assert_eq!(walk.exam.stage(), Stage::Ready);
}

#[test]
fn an_exam_of_two_eyes_left_out_is_not_lost_with_a_failed_save() {
    let reach = |again: fn(&mut Walk)| {
        let mut walk = Walk::at_the_first_eye("A");
        for _ in Eye::BOTH {
            walk.act(Action::Skip);
            walk.act(Action::SkipFor(SkipReason::Declined));
        }
        walk.act(Action::Continue);
        let record = walk.asked_save();
        walk.save_fails();
        again(&mut walk);
        assert_eq!(walk.asked_save(), record);
        walk.saved();
        assert_eq!(walk.exam.stage(), Stage::Saved);
        // The next exam is its own.
        walk.act(Action::Start).open("B");
        walk.act(Action::Continue);
        walk.photograph(Refer);
        assert_eq!(walk.overall(), PatientOutcome::Refer);
    };
    reach(|walk| {
        walk.act(Action::Continue);
    });
    reach(|walk| {
        walk.act(Action::Cancel);
    });
    reach(|walk| {
        walk.wait(300);
    });
}

#[test]
fn a_message_is_acknowledged_and_not_the_question_under_it() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.photograph_showing(Eye::Left);
    let question = Stage::WrongEye {
        eye: Eye::Right,
        shot,
    };
    assert_eq!(walk.exam.stage(), question);
    walk.tell(Event::Scanned("B".to_owned()));
    assert_eq!(walk.exam.notice(), Some(&Notice::CodeNotTaken));
    assert!(walk.exam.is_covered());
    walk.act(Action::Acknowledge);
    assert_eq!((walk.exam.notice(), walk.exam.stage()), (None, question));
    walk.act(Action::Acknowledge);
    assert_eq!(walk.exam.stage(), result(Eye::Right));
}

#[test]
fn a_number_that_is_corrected_after_a_photograph_is_kept_at_once() {
    let kept = |walk: &Walk| match &walk.effects[..] {
        [Effect::Keep(record)] => record.patient.id.clone(),
        effects => panic!("nothing is kept but {effects:?}"),
    };
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(Refer);
    walk.act(Action::Back);
    walk.tell(Event::Scanned("B".to_owned()));
    assert_eq!(kept(&walk), "B");
    walk.act(Action::Choose(PatientField::Id));
    walk.act(Action::Type('7'));
    walk.act(Action::Continue);
    assert_eq!(kept(&walk), "B7");
}

#[test]
fn nobody_else_comes_in_while_an_exam_is_saved() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(Refer);
    walk.act(Action::Cancel);
    let exam = ExamId("intruder".to_owned());
    walk.act(Action::Start);
    walk.tell(Event::Opened { exam, unix_ms: 0 });
    assert_eq!(walk.exam.stage(), Stage::Saving);
    assert_eq!(walk.exam.patient().unwrap().id, "A");
    let stranger = ExamId("stranger".to_owned());
    walk.tell(Event::Saved { exam: stranger });
    assert_eq!(walk.exam.stage(), Stage::Saving);
}

#[test]
fn a_device_without_room_begins_nothing() {
    let mut walk = Walk::new();
    walk.act(Action::Start);
    let why = Cause::from(StoreError::Full);
    walk.tell(Event::Refused(why.clone()));
    assert_eq!(walk.exam.stage(), Stage::Ready);
    assert_eq!(walk.exam.notice(), Some(&Notice::Refused(why)));
    let exam = ExamId("late".to_owned());
    walk.tell(Event::Opened { exam, unix_ms: 0 });
    assert_eq!(walk.exam.stage(), Stage::Ready);
}

#[test]
fn a_picture_of_the_other_eye_is_asked_about() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.photograph_showing(Eye::Left);
    let asked = Stage::WrongEye {
        eye: Eye::Right,
        shot,
    };
    assert_eq!(walk.exam.stage(), asked);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), asked, "it must be answered");
    walk.act(Action::Acknowledge);
    assert_eq!(walk.exam.stage(), result(Eye::Right));
    assert_eq!(walk.exam.latest_shot(Eye::Right).unwrap().side, Side::Kept);
}

#[test]
fn a_picture_can_be_moved_to_its_eye() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.photograph_showing(Eye::Left);
    walk.act(Action::Swap);
    assert_eq!(walk.exam.stage(), result(Eye::Left));
    let moved = walk.exam.latest_shot(Eye::Left).unwrap();
    assert_eq!((moved.id, moved.side), (shot, Side::Swapped));
    let right = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(right.outcome(), EyeOutcome::NotExamined);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), RIGHT_LIVE);
}

#[test]
fn a_photograph_of_the_wrong_eye_decides_nothing_once_another_is_taken() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph_showing(Eye::Left);
    walk.act(Action::Retake);
    assert_eq!(walk.exam.stage(), RIGHT_LIVE);
    let second = walk.capture();
    assert_eq!(walk.exam.stage(), result(Eye::Right), "the new photograph");
    assert_eq!(walk.outcome(Eye::Right), EyeOutcome::Pending);
    walk.grade(second, Retake);
    assert_eq!(walk.exam.stage(), result(Eye::Right));
    assert_eq!(walk.outcome(Eye::Right), EyeOutcome::Refused(1));
    walk.act(Action::Retake);
    let third = walk.photograph(Refer);
    let right = walk.exam.eye(Eye::Right).unwrap();
    assert_eq!(right.outcome(), EyeOutcome::Decided(Refer));
    assert_eq!(right.deciding().map(|shot| shot.id), Some(third));
    assert_eq!(right.shots()[0].side, Side::Rejected);
}

#[test]
fn whoever_thinks_better_of_a_retake_is_asked_again() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.photograph_showing(Eye::Left);
    let asked = Stage::WrongEye {
        eye: Eye::Right,
        shot,
    };
    walk.act(Action::Retake).act(Action::Back);
    assert_eq!(walk.exam.stage(), asked);
    // Nor is it forgotten on the way to the summary.
    walk.act(Action::Retake).act(Action::Photograph(Eye::Left));
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), asked);
    let clear = EyeOutcome::Decided(NoReferableDisease);
    assert_eq!(walk.outcome(Eye::Right), clear);
    walk.act(Action::Acknowledge);
    assert_eq!(walk.exam.stage(), result(Eye::Right));
    assert_eq!(walk.exam.latest_shot(Eye::Right).unwrap().side, Side::Kept);
    assert_eq!(walk.outcome(Eye::Right), clear);
}

#[test]
fn no_question_comes_over_a_photograph_that_may_answer_it() {
    for (decision, asked) in [(NoReferableDisease, false), (Retake, true)] {
        let mut walk = Walk::at_the_first_eye("A");
        let first = walk.capture();
        walk.act(Action::Retake);
        let second = walk.capture();
        walk.grade_showing(first, Refer, Eye::Left);
        assert_eq!(walk.exam.stage(), result(Eye::Right));
        walk.grade(second, decision);
        let question = Stage::WrongEye {
            eye: Eye::Right,
            shot: first,
        };
        assert_eq!(walk.exam.stage() == question, asked);
    }
}

#[test]
fn of_a_moved_photograph_and_the_eyes_own_the_graver_decides() {
    for (own, moved, graver) in [
        (ReferUrgent, NoReferableDisease, ReferUrgent),
        (Refer, ReferUrgent, ReferUrgent),
        (NoReferableDisease, NoReferableDisease, NoReferableDisease),
    ] {
        // The eye's own comes first.
        let mut walk = Walk::at_the_first_eye("A");
        walk.act(Action::Photograph(Eye::Left));
        let first = walk.photograph(own);
        walk.act(Action::Continue);
        let second = walk.capture();
        walk.grade_showing(second, moved, Eye::Left);
        walk.act(Action::Swap);
        let decided = EyeOutcome::Decided(graver);
        assert_eq!(walk.outcome(Eye::Left), decided, "{own:?}, {moved:?}");
        // Its verdict is what is shown of the eye.
        let shown = walk.exam.latest_shot(Eye::Left).unwrap();
        assert_eq!(walk.exam.stage(), result(Eye::Left));
        assert_eq!(shown.decision(), Some(graver));
        // A retake that somebody asked for counts as ever.
        walk.act(Action::Retake);
        let third = walk.photograph(NoReferableDisease);
        assert_eq!(
            walk.outcome(Eye::Left),
            EyeOutcome::Decided(NoReferableDisease)
        );
        walk.act(Action::Cancel);
        let left = walk.asked_save().left;
        let taken: Vec<ShotId> = left.shots.iter().map(|shot| shot.id).collect();
        assert_eq!(taken, [first, second, third]);

        // The moved one comes first, and the eye's own has its verdict last.
        let mut walk = Walk::at_the_first_eye("B");
        let first = walk.capture();
        walk.act(Action::Continue);
        let second = walk.capture();
        walk.act(Action::Continue);
        walk.grade_showing(first, moved, Eye::Left);
        walk.act(Action::Swap);
        walk.grade(second, own);
        assert_eq!(walk.outcome(Eye::Left), decided, "{moved:?}, {own:?}");
        walk.act(Action::Cancel);
        let left = walk.asked_save().left;
        let taken: Vec<ShotId> = left.shots.iter().map(|shot| shot.id).collect();
        assert_eq!(taken, [first, second]);
    }
}

#[test]
fn no_question_hides_a_message_that_is_not_read() {
    let mut walk = Walk::at_the_first_eye("A");
    let right = walk.capture();
    let question = Stage::WrongEye {
        eye: Eye::Right,
        shot: right,
    };
    let graded_later = walk.exam.clone();
    walk.tell(Event::Scanned("B".to_owned()));
    walk.grade_showing(right, NoReferableDisease, Eye::Left);
    assert_eq!(walk.exam.notice(), Some(&Notice::CodeNotTaken));
    walk.act(Action::Acknowledge);
    assert_eq!((walk.exam.notice(), walk.exam.stage()), (None, question));

    // Nor does the summary save before both are answered.
    walk.exam = graded_later;
    walk.act(Action::Continue);
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue);
    walk.tell(Event::Scanned("B".to_owned()));
    walk.grade_showing(right, NoReferableDisease, Eye::Left);
    walk.act(Action::Continue);
    assert_eq!(walk.exam.stage(), Stage::Summary);
    assert_eq!(walk.exam.notice(), Some(&Notice::CodeNotTaken));
    walk.act(Action::Acknowledge);
    assert_eq!((walk.exam.notice(), walk.exam.stage()), (None, question));
}

#[test]
fn the_side_is_asked_about_when_the_verdict_comes_late() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.capture();
    walk.act(Action::Continue);
    walk.grade_showing(shot, NoReferableDisease, Eye::Left);
    assert_eq!(
        walk.exam.stage(),
        LEFT_LIVE,
        "not in the middle of the next"
    );
    walk.photograph(NoReferableDisease);
    walk.act(Action::Continue);
    let asked = Stage::WrongEye {
        eye: Eye::Right,
        shot,
    };
    assert_eq!(walk.exam.stage(), asked);
}

#[test]
fn what_is_known_is_kept_before_the_end() {
    let mut walk = Walk::at_the_first_eye("A");
    let shot = walk.capture();
    let kept = |walk: &Walk| match walk.effects.last() {
        Some(Effect::Keep(record)) => (**record).clone(),
        _ => panic!("nothing was kept: {:?}", walk.effects),
    };
    assert_eq!(kept(&walk).ending, Ending::Interrupted);
    assert_eq!(kept(&walk).right.shots[0].judgement, Judgement::Pending);
    walk.grade(shot, Refer);
    assert_eq!(kept(&walk).right.decided_by, Some(shot));
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let mut walk = Walk::at_the_first_eye("Ω-12");
    let shot = walk.photograph_showing(Eye::Left);
    walk.tell(Event::Shown { shot });
    walk.act(Action::Acknowledge).act(Action::Continue);
    walk.act(Action::Skip);
    walk.act(Action::SkipFor(SkipReason::EyeAbsent));
    walk.act(Action::Continue);
    let record = walk.asked_save();
    let text = serde_json::to_string(&record).unwrap();
    let mut read: ExamRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(read, record);
    assert_eq!(record.began.unix_ms(record.began.since_start), 1_000_000);
    read.patient.id.clear();
    assert_ne!(read, record);
}

#[test]
fn a_patient_is_typed_or_scanned() {
    let mut walk = Walk::new();
    walk.begin("AB\u{7}C");
    walk.act(Action::Erase);
    walk.act(Action::Choose(PatientField::Age));
    for letter in "1x50".chars() {
        walk.act(Action::Type(letter));
    }
    walk.act(Action::Choose(PatientField::Note));
    for _ in 0..2 * LONGEST_NOTE {
        walk.act(Action::Type('ñ'));
    }
    let patient = walk.exam.patient().unwrap();
    assert_eq!(patient.id, "AB");
    assert_eq!(patient.age, Some(15), "150 is no age");
    assert_eq!(patient.note.chars().count(), LONGEST_NOTE);
    walk.act(Action::Choose(PatientField::Age));
    walk.act(Action::Erase).act(Action::Erase);
    assert_eq!(walk.exam.patient().unwrap().age, None);
}

#[test]
fn the_attention_map_comes_and_goes() {
    let mut walk = Walk::at_the_first_eye("A");
    walk.photograph(Refer);
    for attention in [true, false] {
        walk.act(Action::Attention);
        let eye = Eye::Right;
        assert_eq!(walk.exam.stage(), Stage::Result { eye, attention });
    }
}

#[test]
fn the_worse_eye_decides() {
    let decided = EyeOutcome::Decided;
    let clear = decided(NoReferableDisease);
    for (right, left, overall) in [
        (clear, clear, PatientOutcome::NoReferableDisease),
        (clear, decided(Refer), PatientOutcome::Refer),
        (
            decided(ReferUrgent),
            decided(Refer),
            PatientOutcome::ReferUrgent,
        ),
        (
            EyeOutcome::CannotBeGraded,
            decided(ReferUrgent),
            PatientOutcome::ReferUrgent,
        ),
        (
            decided(Refer),
            EyeOutcome::CannotBeGraded,
            PatientOutcome::CannotBeGraded,
        ),
        (
            clear,
            EyeOutcome::Refused(1),
            PatientOutcome::CannotBeGraded,
        ),
        (clear, EyeOutcome::Pending, PatientOutcome::NoVerdict),
        (EyeOutcome::Pending, decided(Refer), PatientOutcome::Refer),
        (
            clear,
            EyeOutcome::NotExamined,
            PatientOutcome::NoReferableDisease,
        ),
        (
            EyeOutcome::NotExamined,
            EyeOutcome::Skipped(SkipReason::Declined),
            PatientOutcome::NoVerdict,
        ),
        (
            decided(Refer),
            EyeOutcome::Skipped(SkipReason::NotPossible),
            PatientOutcome::CannotBeGraded,
        ),
    ] {
        let one = ExamOutcome::of(right, left).overall;
        let other = ExamOutcome::of(left, right).overall;
        assert_eq!((one, other), (overall, overall), "{right:?}, {left:?}");
    }
}

#[test]
fn rules_refuse_what_they_do_not_know() {
    assert_eq!(toml::from_str::<Rules>(""), Ok(Rules::default()));
    for wrong in ["idle = 3", "idle_seconds = 0"] {
        assert!(toml::from_str::<Rules>(wrong).is_err(), "{wrong}");
    }
}
