//! The exam of one patient while it lasts.

use std::time::Duration;

use fovea_core::decision::ReferralDecision;

use super::exam_record::{Clock, Ending, ExamId, ExamRecord, EyeRecord, Judgement, Operation};
use super::exam_record::{Shot, Side};
use super::outcome::{ExamOutcome, EyeOutcome, PatientOutcome};
use super::patient::Patient;
use super::rules::{MOST_SHOTS, REFUSALS};
use super::shot::ShotId;
use super::words::{Action, Eye, SkipReason};

/// One eye so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EyeExam {
    shots: Vec<Shot>,
    skipped: Option<SkipReason>,
}

impl EyeExam {
    /// Every photograph, refused and retaken ones too, in the order in which
    /// they came to the eye: one that was moved here last is the last.
    pub fn shots(&self) -> &[Shot] {
        &self.shots
    }

    /// Why the eye was left out; never set beside a photograph.
    pub fn skipped(&self) -> Option<SkipReason> {
        self.skipped
    }

    /// Whether it was photographed or left out for a reason.
    pub fn is_dealt_with(&self) -> bool {
        !self.shots.is_empty() || self.skipped.is_some()
    }

    /// Whether another photograph may be taken.
    pub fn has_room(&self) -> bool {
        self.shots.len() < MOST_SHOTS
    }

    /// How many photographs were looked at and refused.
    pub fn refusals(&self) -> usize {
        self.shots.iter().filter(|shot| shot.refused()).count()
    }

    /// The photograph that decides: the last one that could be graded, so that
    /// a retake counts as soon as it is any good and not before. One that was
    /// moved here is no retake: it decides unless it is the milder one.
    pub fn deciding(&self) -> Option<&Shot> {
        self.decided().map(|(shot, _)| shot)
    }

    /// Where the eye stands.
    pub fn outcome(&self) -> EyeOutcome {
        if let Some((_, decision)) = self.decided() {
            return EyeOutcome::Decided(decision);
        }
        match (self.refusals(), self.is_pending(), self.skipped) {
            (0, false, None) if !self.shots.is_empty() => EyeOutcome::NoVerdict,
            (0, false, None) => EyeOutcome::NotExamined,
            (0, false, Some(reason)) => EyeOutcome::Skipped(reason),
            (_, true, _) => EyeOutcome::Pending,
            (refusals, ..) if refusals < REFUSALS => EyeOutcome::Refused(refusals),
            _ => EyeOutcome::CannotBeGraded,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        let pending = |shot: &Shot| shot.judgement == Judgement::Pending;
        self.shots.iter().any(pending)
    }

    /// Whether the picture that decides looks like the other eye, and nobody
    /// has answered that yet. Not while a later one may take its place.
    pub(super) fn questioned(&self) -> Option<ShotId> {
        let asked = self.deciding()?;
        let open = matches!(asked.side, Side::Questioned | Side::Rejected);
        let mut later = self.shots.iter().skip_while(|shot| shot.id != asked.id);
        let replaced = later.any(|shot| shot.judgement == Judgement::Pending);
        (open && !replaced).then_some(asked.id)
    }

    /// The photograph whose verdict is the eye's result, or that is being graded
    /// to be it: the last one, but not one that was moved here and does not decide.
    pub(super) fn latest(&self) -> Option<&Shot> {
        let last = self.shots.last()?;
        match last.side {
            Side::Swapped => self.deciding(),
            _ => Some(last),
        }
    }

    fn decided(&self) -> Option<(&Shot, ReferralDecision)> {
        let last = self.shots.last()?.id;
        self.shots
            .iter()
            .filter(|shot| shot.side != Side::Rejected || shot.id == last)
            .filter_map(|shot| Some((shot, shot.decision()?)))
            .reduce(|before, shot| {
                let milder = gravity(before.1) > gravity(shot.1);
                match shot.0.side {
                    Side::Swapped if milder => before,
                    _ => shot,
                }
            })
    }

    /// A photograph outranks the reason there was to leave the eye out.
    fn add(&mut self, shot: Shot) {
        self.shots.push(shot);
        self.skipped = None;
    }

    fn record(&self) -> EyeRecord {
        let mut shots = self.shots.clone();
        shots.sort_by_key(|shot| shot.id);
        EyeRecord {
            shots,
            skipped: self.skipped,
            outcome: self.outcome(),
            decided_by: self.deciding().map(|shot| shot.id),
        }
    }
}

/// What a decision weighs against another one of the same eye.
fn gravity(decision: ReferralDecision) -> Option<PatientOutcome> {
    EyeOutcome::Decided(decision).weight()
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Session {
    pub id: ExamId,
    pub began: Clock,
    pub patient: Patient,
    /// The eye that is photographed first.
    pub first: Eye,
    right: EyeExam,
    left: EyeExam,
    pub operations: Vec<Operation>,
}

impl Session {
    /// The patient's number, as it was scanned.
    pub fn scan(&mut self, code: String, at: Duration) {
        self.patient.id = code;
        self.operations.push(Operation {
            at,
            action: Action::Scan,
        });
    }

    pub fn new(id: ExamId, began: Clock) -> Session {
        Session {
            id,
            began,
            patient: Patient::default(),
            first: Eye::Right,
            right: EyeExam::default(),
            left: EyeExam::default(),
            operations: Vec::new(),
        }
    }

    pub fn eye(&self, eye: Eye) -> &EyeExam {
        match eye {
            Eye::Right => &self.right,
            Eye::Left => &self.left,
        }
    }

    fn eye_mut(&mut self, eye: Eye) -> &mut EyeExam {
        match eye {
            Eye::Right => &mut self.right,
            Eye::Left => &mut self.left,
        }
    }

    pub fn shot_mut(&mut self, id: ShotId) -> Option<(Eye, &mut Shot)> {
        let right = self.right.shots.iter_mut().map(|shot| (Eye::Right, shot));
        let left = self.left.shots.iter_mut().map(|shot| (Eye::Left, shot));
        right.chain(left).find(|(_, shot)| shot.id == id)
    }

    pub fn shots_mut(&mut self) -> impl Iterator<Item = &mut Shot> {
        self.right.shots.iter_mut().chain(&mut self.left.shots)
    }

    pub fn has_shots(&self) -> bool {
        Eye::BOTH.iter().any(|&eye| !self.eye(eye).shots.is_empty())
    }

    pub fn is_pending(&self) -> bool {
        Eye::BOTH.iter().any(|&eye| self.eye(eye).is_pending())
    }

    /// The first eye, in the order they are photographed, that is still to do.
    pub fn to_do(&self) -> Option<Eye> {
        [self.first, self.first.other()]
            .into_iter()
            .find(|&eye| !self.eye(eye).is_dealt_with())
    }

    pub fn add(&mut self, eye: Eye, shot: Shot) {
        self.eye_mut(eye).add(shot);
    }

    pub fn skip(&mut self, eye: Eye, reason: SkipReason) {
        self.eye_mut(eye).skipped = Some(reason);
    }

    /// Files a photograph under the other eye, and says so in it.
    pub fn swap(&mut self, id: ShotId, from: Eye) {
        let shots = &mut self.eye_mut(from).shots;
        if let Some(at) = shots.iter().position(|shot| shot.id == id) {
            let mut shot = shots.remove(at);
            shot.side = Side::Swapped;
            self.add(from.other(), shot);
        }
    }

    pub fn outcome(&self) -> ExamOutcome {
        ExamOutcome::of(self.right.outcome(), self.left.outcome())
    }

    pub fn record(&self, ending: Ending, ended: Duration) -> ExamRecord {
        ExamRecord {
            id: self.id.clone(),
            began: self.began,
            ended,
            ending,
            patient: self.patient.clone(),
            right: self.right.record(),
            left: self.left.record(),
            outcome: self.outcome(),
            operations: self.operations.clone(),
        }
    }
}
