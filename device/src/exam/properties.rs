//! What holds on every path, shown on random ones.
//!
//! A [`World`] stands for everything around the exam. It does what it is asked
//! to in its own time, in any order, twice, or not at all, and remembers what
//! really happened; after every step the exam is held against that.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fovea_core::decision::ReferralDecision;
use proptest::prelude::*;
use proptest::sample::{select, Index};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::tests::{still, verdict};
use super::words::{Action, Eye, Page, PatientField, Setting, SkipReason};
use super::*;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happening {
    /// The operator does something.
    Act(Action),
    /// The operator types the letter that belongs to this patient.
    Type,
    /// The operator scans a code.
    Scan,
    /// Something that was asked for is answered: which, and how well.
    Answer(Index, Answer),
    AutoCapture,
    /// Time passes, in seconds.
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Good(ReferralDecision, Option<Eye>),
    Bad,
}

/// Something that was asked of the world. Nothing is ever forgotten: answers
/// may come late and more than once.
#[derive(Clone, Debug)]
enum Request {
    Open,
    Still(ShotId),
    Grade(ShotId),
    Save(ExamId),
}

struct World {
    exam: Exam,
    now: Duration,
    requests: Vec<Request>,
    opened: u32,
    /// Codes that were scanned, each with the exam that it is the number of.
    scanned: Vec<Option<ExamId>>,
    /// Photographs that an exam has taken over, each with its exam.
    captured: BTreeMap<ShotId, ExamId>,
    /// Exams that are safe, those that are being saved, and all that were to be.
    saved: BTreeSet<ExamId>,
    saving: BTreeSet<ExamId>,
    ended: BTreeMap<ExamId, ExamRecord>,
    completed: usize,
}

impl World {
    fn new() -> World {
        World {
            exam: Exam::new(Rules::default()),
            now: Duration::ZERO,
            requests: Vec::new(),
            opened: 0,
            scanned: Vec::new(),
            captured: BTreeMap::new(),
            saved: BTreeSet::new(),
            saving: BTreeSet::new(),
            ended: BTreeMap::new(),
            completed: 0,
        }
    }

    fn let_happen(&mut self, happening: &Happening) {
        let event = match happening {
            Happening::Act(action) => Event::Action(*action),
            Happening::Type => {
                let number = self.exam.id().map_or(0, number);
                Event::Action(Action::Type(letter(number)))
            }
            Happening::Scan => {
                self.scanned.push(None);
                Event::Scanned(code(self.scanned.len() - 1).to_string())
            }
            Happening::AutoCapture => Event::AutoCapture,
            Happening::Wait(seconds) => {
                self.now += Duration::from_secs(*seconds);
                Event::Tick
            }
            Happening::Answer(which, how) => {
                if self.requests.is_empty() {
                    return;
                }
                // The latest is the likeliest to be answered.
                let back = which.index(2 * self.requests.len());
                let last = self.requests.len() - 1;
                let request = self.requests[last - back.saturating_sub(last + 1)].clone();
                self.answer(&request, *how)
            }
        };
        self.step(event);
    }

    fn answer(&mut self, request: &Request, how: Answer) -> Event {
        let why = Cause::from(Trouble::StoreSilent);
        match (request.clone(), how) {
            (Request::Open, Answer::Good(..)) => {
                self.opened += 1;
                Event::Opened {
                    exam: exam_id(self.opened),
                    unix_ms: 0,
                }
            }
            (Request::Open, Answer::Bad) => Event::Refused(why),
            (Request::Still(shot), Answer::Good(..)) => Event::Captured {
                shot,
                still: still(7, self.now),
            },
            (Request::Still(shot), Answer::Bad) => Event::CaptureFailed { shot, why },
            (Request::Grade(shot), how) => {
                let (decision, shows) = match how {
                    Answer::Good(decision, shows) => (decision, shows),
                    Answer::Bad => (ReferralDecision::Retake, None),
                };
                Event::Graded {
                    shot,
                    verdict: verdict(decision, shows, shot.0),
                }
            }
            (Request::Save(exam), Answer::Good(..)) => Event::Saved { exam },
            (Request::Save(exam), Answer::Bad) => Event::SaveFailed { exam, why },
        }
    }

    fn step(&mut self, event: Event) {
        self.now += Duration::from_millis(30);
        let before = self.exam.clone();
        let (exam, effects) = before.clone().step(event.clone(), self.now);
        self.exam = exam;
        self.learn(&before, &event);
        for effect in effects {
            self.do_as_asked(effect);
        }
        self.check_captured();
        self.check_patient();
        self.check_verdicts();
        self.check_all_clear();
        if let Event::Graded { .. } | Event::Shown { .. } = event {
            assert_eq!(self.exam.notice(), before.notice(), "it was not read");
        }
    }

    /// What the event made true, by the answers alone.
    fn learn(&mut self, before: &Exam, event: &Event) {
        match event {
            Event::Saved { exam } => {
                self.saving.remove(exam);
                if self.saved.insert(exam.clone()) {
                    self.completed += usize::from(self.ended[exam].complete());
                }
            }
            Event::SaveFailed { exam, .. } => {
                self.saving.remove(exam);
            }
            // It did not wait any longer: the same record may be asked for again.
            Event::Tick
                if before.stage() == Stage::Saving && self.exam.stage() != Stage::Saving =>
            {
                self.saving.retain(|id| before.id() != Some(id));
            }
            Event::Captured { shot, .. } => {
                let awaited = before.capturing.is_some_and(|c| c.shot == *shot);
                if awaited {
                    let exam = before.id().expect("photographs belong to an exam");
                    self.captured.insert(*shot, exam.clone());
                }
            }
            _ => {}
        }
    }

    fn do_as_asked(&mut self, effect: Effect) {
        match effect {
            Effect::Open => self.requests.push(Request::Open),
            Effect::TakeStill { shot, .. } => self.requests.push(Request::Still(shot)),
            Effect::Grade { shot, .. } => self.requests.push(Request::Grade(shot)),
            Effect::Discard { shot } => {
                let held = self.captured.get(&shot);
                assert!(
                    held.is_none_or(|exam| self.saved.contains(exam)),
                    "{shot:?} was let go before it was safe"
                );
            }
            Effect::Keep(record) => self.check_record(&record),
            Effect::Save(record) => {
                self.check_record(&record);
                check_complete(&record);
                let id = record.id.clone();
                assert!(!self.saved.contains(&id), "{id} was saved twice");
                assert!(self.saving.insert(id.clone()), "{id} is being saved");
                let first = self
                    .ended
                    .entry(id.clone())
                    .or_insert(record.as_ref().clone());
                assert_eq!(*first, *record, "{id} is not what it was");
                self.requests.push(Request::Save(id));
            }
            Effect::Release { exam } => {
                assert!(self.saved.contains(&exam), "{exam} was given up unsaved");
            }
        }
    }

    /// A record holds every photograph of its exam and none of another's.
    fn check_record(&self, record: &ExamRecord) {
        let recorded: BTreeSet<ShotId> = Eye::BOTH
            .iter()
            .flat_map(|&eye| &record.eye(eye).shots)
            .map(|shot| shot.id)
            .collect();
        assert_eq!(recorded, self.shots_of(&record.id));
    }

    fn shots_of(&self, id: &ExamId) -> BTreeSet<ShotId> {
        let of_exam = |(_, exam): &(&ShotId, &ExamId)| *exam == id;
        let shots = self.captured.iter().filter(of_exam);
        shots.map(|(shot, _)| *shot).collect()
    }

    /// Every captured photograph is in the exam or safe.
    fn check_captured(&self) {
        for (shot, exam) in &self.captured {
            let here = self.exam.id() == Some(exam)
                && Eye::BOTH.iter().any(|&eye| {
                    let shots = self.exam.eye(eye).map_or(&[][..], EyeExam::shots);
                    shots.iter().any(|other| other.id == *shot)
                });
            assert!(here || self.saved.contains(exam), "{shot:?} was lost");
        }
    }

    /// What was typed or scanned for one patient stays with that one.
    fn check_patient(&mut self) {
        let (Some(id), Some(patient)) = (self.exam.id(), self.exam.patient()) else {
            return;
        };
        let own = letter(number(id));
        for (place, character) in patient.id.chars().enumerate() {
            let code = (0..self.scanned.len()).find(|&scan| code(scan) == character);
            let taken_by = match code {
                Some(scan) if place == 0 => self.scanned[scan].get_or_insert_with(|| id.clone()),
                _ => {
                    assert_eq!(character, own, "{patient:?}");
                    continue;
                }
            };
            assert_eq!(taken_by, id, "{patient:?}");
        }
    }

    /// A verdict stands at the photograph it was made of.
    fn check_verdicts(&self) {
        let eyes = Eye::BOTH.iter().filter_map(|&eye| self.exam.eye(eye));
        for shot in eyes.flat_map(EyeExam::shots) {
            assert_eq!(Some(&self.captured[&shot.id]), self.exam.id());
            if let Judgement::Given(verdict) = &shot.judgement {
                assert_eq!(verdict.record.image, shot.id.0.to_string());
            }
        }
    }

    /// No all-clear while a photographed eye has none of its own, or an eye
    /// cannot be photographed.
    fn check_all_clear(&self) {
        let all_clear =
            |outcome: ExamOutcome| outcome.overall == PatientOutcome::NoReferableDisease;
        if !self.exam.outcome().is_some_and(all_clear) {
            return;
        }
        let eyes = Eye::BOTH.iter().filter_map(|&eye| self.exam.eye(eye));
        for eye in eyes {
            assert_ne!(eye.skipped(), Some(SkipReason::NotPossible));
            if eye.shots().is_empty() {
                continue;
            }
            let decision = eye.deciding().and_then(Shot::decision);
            assert_eq!(decision, Some(ReferralDecision::NoReferableDisease));
        }
    }

    /// Whoever cancels, or goes away, is soon back where an exam can begin.
    fn check_ways_out(&self) {
        for (event, later) in [(Event::Action(Action::Cancel), 0), (Event::Tick, 301)] {
            let mut exam = store_answers(self.exam.clone(), self.now);
            // Once out of the exam, once out of its result.
            for after in [later, 2 * later] {
                let now = self.now + Duration::from_secs(after);
                exam = store_answers(exam.step(event.clone(), now).0, now);
            }
            let (from, to) = (self.exam.stage(), exam.stage());
            let out = matches!(to, Stage::Ready | Stage::Locked);
            assert!(out, "{event:?} led from {from:?} to {to:?}");
        }
    }

    /// Answers to what nobody asked for change nothing.
    fn check_strangers(&self) {
        let shot = ShotId(u64::MAX);
        let exam = ExamId("nobody's".to_owned());
        let still = still(1, self.now);
        let verdict = verdict(ReferralDecision::NoReferableDisease, None, 0);
        let why = Cause::from(Trouble::CameraBusy);
        for event in [
            Event::Captured { shot, still },
            Event::CaptureFailed {
                shot,
                why: why.clone(),
            },
            Event::Graded { shot, verdict },
            Event::GradingFailed { shot },
            Event::Shown { shot },
            Event::Saved { exam: exam.clone() },
            Event::SaveFailed { exam, why },
        ] {
            let (after, effects) = self.exam.clone().step(event.clone(), self.now);
            assert_eq!(after, self.exam, "{event:?}");
            assert!(effects.is_empty() || effects == [Effect::Discard { shot }]);
        }
    }
}

/// A store that works: an exam that is being saved is saved.
fn store_answers(exam: Exam, now: Duration) -> Exam {
    let saving = exam.id().filter(|_| exam.stage() == Stage::Saving);
    match saving.cloned() {
        Some(id) => exam.step(Event::Saved { exam: id }, now).0,
        None => exam,
    }
}

/// A complete exam leaves nothing open.
fn check_complete(record: &ExamRecord) {
    for eye in Eye::BOTH.map(|eye| record.eye(eye)) {
        if record.complete() {
            let open = |shot: &Shot| {
                shot.judgement == Judgement::Pending
                    || (matches!(shot.side, Side::Questioned | Side::Rejected)
                        && eye.decided_by == Some(shot.id))
            };
            assert!(!eye.shots.iter().any(open), "{eye:?}");
            assert_ne!(eye.outcome, EyeOutcome::NotExamined);
        }
    }
}

fn exam_id(number: u32) -> ExamId {
    ExamId(number.to_string())
}

fn number(id: &ExamId) -> u32 {
    id.0.parse().expect("the world gave the exam its number")
}

fn letter(number: u32) -> char {
    char::from(b'a' + (number % 26) as u8)
}

/// What the scan of this number says: one character that nobody types.
fn code(scan: usize) -> char {
    char::from_u32(0x4e00 + scan as u32).expect("there are more than there are happenings")
}

fn action() -> impl Strategy<Value = Action> {
    let common = select(vec![
        Action::Start,
        Action::Continue,
        Action::Continue,
        Action::Capture,
        Action::Capture,
        Action::Photograph(Eye::Right),
        Action::Photograph(Eye::Left),
    ]);
    let rare = select(vec![
        Action::Back,
        Action::Cancel,
        Action::Choose(PatientField::Age),
        Action::Choose(PatientField::Id),
        Action::Erase,
        Action::Retake,
        Action::Swap,
        Action::Skip,
        Action::SkipFor(SkipReason::Declined),
        Action::SkipFor(SkipReason::NotPossible),
        Action::Attention,
        Action::Open(Page::Today),
        Action::Select(3),
        Action::Scroll(-1),
        Action::Set(Setting::AutoCapture),
        Action::Acknowledge,
    ]);
    prop_oneof![2 => common, 1 => rare]
}

fn answer() -> impl Strategy<Value = Answer> {
    let decision = select(vec![
        ReferralDecision::ReferUrgent,
        ReferralDecision::Refer,
        ReferralDecision::NoReferableDisease,
        ReferralDecision::Retake,
    ]);
    let shows = select(vec![None, Some(Eye::Right), Some(Eye::Left)]);
    let good = (decision, shows).prop_map(|(decision, shows)| Answer::Good(decision, shows));
    prop_oneof![4 => good, 1 => Just(Answer::Bad)]
}

fn happening() -> impl Strategy<Value = Happening> {
    let answer = (any::<Index>(), answer());
    prop_oneof![
        5 => action().prop_map(Happening::Act),
        1 => Just(Happening::Type),
        1 => Just(Happening::Scan),
        5 => answer.prop_map(|(which, how)| Happening::Answer(which, how)),
        1 => Just(Happening::AutoCapture),
        1 => select(vec![1, 11, 61, 301]).prop_map(Happening::Wait),
    ]
}

/// A stage without what belongs to the single exam.
fn kind(stage: Stage) -> &'static str {
    match stage {
        Stage::Locked => "locked",
        Stage::Ready => "ready",
        Stage::Page(_) => "page",
        Stage::Patient { .. } => "patient",
        Stage::Live { .. } => "live",
        Stage::Capturing { .. } => "capturing",
        Stage::Skipping { .. } => "skipping",
        Stage::Result { .. } => "result",
        Stage::WrongEye { .. } => "wrong eye",
        Stage::Summary => "summary",
        Stage::Saving => "saving",
        Stage::Saved => "saved",
    }
}

#[test]
fn nothing_is_lost_doubled_or_mixed_up() {
    let config = Config {
        cases: 1100,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let reached = RefCell::new(BTreeMap::new());
    let completed = RefCell::new(0);
    let walks = proptest::collection::vec(happening(), 1..300);
    let outcome = runner.run(&walks, |happenings| {
        let mut world = World::new();
        for happening in &happenings {
            world.let_happen(happening);
            world.check_ways_out();
            world.check_strangers();
            let kind = kind(world.exam.stage());
            *reached.borrow_mut().entry(kind).or_insert(0) += 1;
        }
        *completed.borrow_mut() += world.completed;
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // The walks say nothing of where they never were.
    let reached = reached.into_inner();
    println!("stages: {reached:?}, completed: {completed:?}");
    assert_eq!(reached.len(), 12, "{reached:?}");
    assert!(*completed.borrow() > 50, "{completed:?}");
}
