//! What is on the screen: one view, made of the exam and of all that is known
//! beside it.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::ZonedDateTime;

use super::album::Entry;
use super::known::Known;
use super::live::LivePicture;
use crate::camera::feed::Status;
use crate::exam::words::{Eye, Page};
use crate::exam::{
    EyeOutcome, Judgement, Notice, Patient, PatientOutcome, Shot, ShotId, Stage, REFUSALS,
};
use crate::grade::picture::attention;
use crate::grade::record::Record;
use crate::health::check::{Check, Found, Part, State};
use crate::language::{InWords, Texts};
use crate::screen::{
    Evidence, ExamLine, EyeSummary, Grading, HealthLine, Judged, Live, LiveState, Locked, Panel,
    Problem, Ready, Refused, Saved, Settings, Skip, Summary, Today, Trouble, View, Warning,
};

/// How long grading usually takes; the bar of the view fills in that time.
const USUAL: Duration = Duration::from_millis(1500);

impl Known {
    /// Calls `with` with the view that is to be shown `now`.
    pub fn view<R>(&self, now: Duration, with: impl FnOnce(&View) -> R) -> R {
        if let Some(trouble) = self.trouble() {
            return with(&View::Problem(trouble));
        }
        match self.exam.stage() {
            Stage::Locked => with(&View::Locked(Locked {
                clock: &clock(),
                ended_early: self.ended_early(),
            })),
            Stage::Ready => self.ready(with),
            Stage::Page(Page::Today) => self.list(with),
            Stage::Page(Page::Settings) => with(&View::Settings(Settings {
                automatic: self.live.is_automatic(),
                device: &self.device,
                version: env!("CARGO_PKG_VERSION"),
                model: &self.details.model,
                calibration: &self.details.calibration,
                profile: &self.details.profile,
                disk: self.disk(),
            })),
            Stage::Patient { field } => with(&View::Patient(crate::screen::Patient {
                id: self.patient(),
                age: self.written().and_then(|patient| patient.age),
                note: self.written().map_or("", |patient| &patient.note),
                field,
                keyboard: &Texts::of(self.language).keyboard,
                photographed: self.has_photographs(),
            })),
            Stage::Live { eye } => with(&View::Live(self.live(eye, None))),
            Stage::Capturing { eye } => with(&View::Live(self.live(eye, Some(LiveState::Taking)))),
            Stage::Skipping { eye } => with(&View::Skip(Skip { eye })),
            Stage::Result { eye, attention } => with(&self.result(eye, attention, now)),
            Stage::WrongEye { eye, shot } => with(&View::Warning(Warning {
                chosen: eye,
                picture: self.entry(shot).and_then(|entry| entry.picture.as_ref()),
            })),
            Stage::Summary => with(&View::Summary(Summary {
                patient: self.patient(),
                overall: self.overall(),
                grading: self.exam.is_grading(),
                right: self.eye(Eye::Right),
                left: self.eye(Eye::Left),
            })),
            Stage::Saving => with(&View::Saving),
            Stage::Saved => with(&View::Saved(Saved {
                record: &self.saved_as,
                patient: self.patient(),
                overall: self.overall(),
                right: self.eye(Eye::Right).outcome,
                left: self.eye(Eye::Left).outcome,
            })),
        }
    }

    /// What stands before the stage's own view.
    fn trouble(&self) -> Option<Trouble<'_>> {
        fn trouble<'a>(problem: Problem, detail: Option<&'a dyn InWords>) -> Option<Trouble<'a>> {
            Some(Trouble { problem, detail })
        }
        match self.exam.notice() {
            Some(Notice::Refused(why)) if why.is_full_disk() => {
                trouble(Problem::DiskFull, Some(why))
            }
            Some(Notice::Refused(why)) => trouble(Problem::CannotBegin, Some(why)),
            Some(Notice::CaptureFailed(why)) => trouble(Problem::CaptureFailed, Some(why)),
            Some(Notice::CaptureOverdue) => trouble(Problem::CaptureFailed, None),
            Some(Notice::NoMoreShots) => trouble(Problem::NoMorePhotographs, None),
            Some(Notice::CodeTooLong) => trouble(Problem::CodeTooLong, None),
            Some(Notice::CodeNotTaken) => trouble(Problem::CodeNotTaken, None),
            Some(Notice::NotSaved(why)) if why.is_full_disk() => {
                trouble(Problem::SaveDiskFull, Some(why))
            }
            Some(Notice::NotSaved(why)) => trouble(Problem::SaveFailed, Some(why)),
            Some(Notice::SavedIncomplete) | None => {
                match (self.exam.stage(), &self.camera.status) {
                    (Stage::Live { .. }, Status::Lost(why)) => {
                        trouble(Problem::CameraLost, Some(why))
                    }
                    _ => None,
                }
            }
        }
    }

    fn ended_early(&self) -> bool {
        self.exam.notice() == Some(&Notice::SavedIncomplete)
    }

    fn written(&self) -> Option<&Patient> {
        self.exam.patient()
    }

    fn patient(&self) -> &str {
        self.written().map_or("", |patient| &patient.id)
    }

    fn overall(&self) -> PatientOutcome {
        let outcome = self.exam.outcome();
        outcome.map_or(PatientOutcome::NoVerdict, |outcome| outcome.overall)
    }

    fn entry(&self, shot: ShotId) -> Option<&Entry> {
        self.album.get(shot)
    }

    fn ready<R>(&self, with: impl FnOnce(&View) -> R) -> R {
        let health: Vec<HealthLine> = self
            .checks
            .iter()
            .map(|check| {
                // The camera may have come or gone since it was tested.
                let (state, found) = match check.part {
                    Part::Camera => (
                        self.camera.found.state(),
                        std::slice::from_ref(&self.camera.found),
                    ),
                    _ => (check.state(), check.found.as_slice()),
                };
                HealthLine {
                    part: check.part,
                    state,
                    found,
                }
            })
            .collect();
        with(&View::Ready(Ready {
            device: &self.device,
            clock: &clock(),
            health: &health,
            may_start: self.may_start(),
            saved_today: self.today.exams().len(),
            ended_early: self.ended_early(),
        }))
    }

    /// Whether verdicts can be given at all. What else is wrong is said on the
    /// way: a camera can be plugged in while the patient is written down.
    pub fn may_start(&self) -> bool {
        self.student.model().is_some() && can_judge(&self.checks)
    }

    /// What the self-test found of the disk.
    fn disk(&self) -> &[Found] {
        let mut checks = self.checks.iter();
        let disk = checks.find(|check| check.part == Part::Disk);
        disk.map_or(&[], |check| &check.found)
    }

    fn list<R>(&self, with: impl FnOnce(&View) -> R) -> R {
        let written: Vec<(String, String)> = self
            .today
            .exams()
            .iter()
            .map(|exam| (time(exam.began), exam.number.to_string()))
            .collect();
        let exams: Vec<ExamLine> = self
            .today
            .exams()
            .iter()
            .zip(&written)
            .map(|(exam, (time, record))| ExamLine {
                time,
                record,
                patient: &exam.summary.patient.id,
                age: exam.summary.patient.age,
                note: &exam.summary.patient.note,
                overall: exam.summary.overall,
                right: exam.summary.right,
                left: exam.summary.left,
            })
            .collect();
        with(&View::Today(Today {
            exams: &exams,
            first: self.today.first_row(),
            selected: self.today.selected(),
            trouble: self.today.trouble(),
        }))
    }

    fn live(&self, eye: Eye, state: Option<LiveState>) -> Live<'_> {
        let seen = Some(&self.live.picture).filter(|picture| picture.is_live());
        let told = seen.map_or(LiveState::Waiting, |seen| {
            LiveState::Guiding(seen.instruction())
        });
        let untouched = self.exam.latest_shot(eye).is_none();
        Live {
            panel: Panel {
                eye,
                patient: self.patient(),
                state: state.unwrap_or(told),
                automatic: self.live.is_automatic(),
                may_skip: untouched,
            },
            picture: seen.map(LivePicture::picture),
            ring: seen.and_then(LivePicture::ring),
            bars: seen.map_or_else(super::live::no_bars, LivePicture::bars),
            progress: self.live.progress(),
        }
    }

    fn result(&self, eye: Eye, attention: bool, now: Duration) -> View<'_> {
        let shot = self.exam.latest_shot(eye);
        let entry = shot.and_then(|shot| self.entry(shot.id));
        let picture = entry.and_then(|entry| entry.picture.as_ref());
        let failed = View::Problem(Trouble {
            problem: Problem::GradingFailed,
            detail: None,
        });
        let (Some(shot), Some(entry)) = (shot, entry) else {
            return failed;
        };
        match (&shot.judgement, self.student.model()) {
            (Judgement::Pending, _) => View::Grading(Grading {
                eye,
                patient: self.patient(),
                picture,
                progress: graded_share(entry, now),
            }),
            (Judgement::Given(verdict), Some(model)) if verdict.gradable() => {
                View::Result(Judged {
                    eye,
                    patient: self.patient(),
                    record: &verdict.record,
                    taxonomy: &model.taxonomy,
                    calibration: &model.calibration.id,
                    picture,
                    evidence: entry.evidence.as_ref().map(|(picture, node)| Evidence {
                        picture,
                        node: *node,
                    }),
                    attention,
                })
            }
            (Judgement::Given(verdict), _) if !verdict.gradable() => View::Refused(Refused {
                eye,
                patient: self.patient(),
                reason: verdict.gate.reason,
                picture,
                refusals: self.exam.eye(eye).map_or(1, |eye| eye.refusals()),
                most: REFUSALS,
                stands: match self.exam.eye(eye).map(|eye| eye.outcome()) {
                    Some(EyeOutcome::Decided(decision)) => Some(decision),
                    _ => None,
                },
            }),
            _ => failed,
        }
    }

    fn eye(&self, eye: Eye) -> EyeSummary<'_> {
        let exam = self.exam.eye(eye);
        let shot = exam.and_then(|exam| exam.deciding().or(exam.shots().last()));
        let entry = shot.and_then(|shot| self.entry(shot.id));
        let record = shot
            .and_then(Shot::verdict)
            .filter(|verdict| verdict.gate.accepted)
            .map(|verdict| &verdict.record);
        let finding = record.and_then(|record| {
            let taxonomy = &self.student.model()?.taxonomy;
            let node = attention::node(record, taxonomy)?;
            taxonomy.nodes().get(node)
        });
        let likeliest = record.and_then(Record::likeliest);
        EyeSummary {
            outcome: exam.map_or(EyeOutcome::NotExamined, |exam| exam.outcome()),
            picture: entry.and_then(|entry| entry.picture.as_ref()),
            finding,
            likeliest: finding.is_some_and(|node| likeliest.is_some_and(|l| l.node == node.id)),
        }
    }
}

/// Whether neither the student nor its calibration has failed its test.
fn can_judge(checks: &[Check]) -> bool {
    let mut judge = checks
        .iter()
        .filter(|check| matches!(check.part, Part::Bundle | Part::Calibration));
    judge.all(|check| check.state() != State::Fail)
}

fn graded_share(entry: &Entry, now: Duration) -> f32 {
    let spent = now.saturating_sub(entry.since);
    (spent.as_secs_f32() / USUAL.as_secs_f32()).min(1.0)
}

/// The wall clock, as it is read.
fn clock() -> String {
    ZonedDateTime::now().strftime("%H:%M").to_string()
}

fn time(at: jiff::Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::system())
        .strftime("%H:%M")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exam_begins_with_a_student_that_failed_its_test() {
        let check = |part, found: Found| Check {
            part,
            found: vec![found],
        };
        let grades = check(
            Part::Bundle,
            Found::Grades {
                bundle: "b".to_owned(),
                ms: 40.0,
            },
        );
        // Something to look after holds nothing up.
        let uncertain = check(Part::Calibration, Found::NotMeasured { id: "c".to_owned() });
        let uncalibrated = check(Part::Calibration, Found::NoCalibration);
        let gone = check(Part::Bundle, Found::StudentGone);
        let no_camera = check(Part::Camera, Found::Connecting);
        for (checks, expected) in [
            (vec![], true),
            (vec![no_camera.clone()], true),
            (vec![uncertain.clone()], true),
            (vec![gone, uncertain.clone()], false),
            (vec![grades.clone(), uncalibrated], false),
            (vec![grades, uncertain, no_camera], true),
        ] {
            assert_eq!(can_judge(&checks), expected, "{checks:?}");
        }
    }
}
