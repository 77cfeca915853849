//! The store as the device uses it, and as disks, hands and plugs treat it.

mod cuts;
mod damage;
mod disk;
mod export;
mod look;
mod originals;
mod saving;
mod typed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fovea_core::decision::{Finding, Reason, ReferralDecision};
use fovea_core::gate::{GateReason, GateVerdict};
use fovea_core::taxonomy::Level;
use image::RgbImage;

use super::*;
use crate::exam::words::{Action, SkipReason};
use crate::exam::{
    Clock, Ending, ExamId, ExamOutcome, EyeOutcome, EyeRecord, Judgement, Operation, Patient, Shot,
    ShotVerdict, Shutter, Side, Stamps,
};
use crate::grade::record::{Record, Referral};

/// 2026-01-02 03:04:05 UTC.
const BEGAN: i64 = 1_767_323_045_000;

/// A store in a folder of its own, with the shots of its exams put.
pub(crate) struct Clinic {
    folder: tempfile::TempDir,
    store: Option<Store>,
}

impl Clinic {
    pub(crate) fn new() -> Clinic {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(Store::open(&folder.path().join("store")).unwrap());
        Clinic { folder, store }
    }

    /// With the exams 1 to `count`.
    pub(crate) fn with_exams(count: u64) -> Clinic {
        let mut clinic = Clinic::new();
        for number in 1..=count {
            clinic.examine(number);
        }
        clinic
    }

    /// Changes rows behind the store's back.
    fn harm(&mut self, sql: &str) {
        self.store().records().db().execute_batch(sql).unwrap();
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    /// Saves the `number`th exam and its photographs.
    pub(crate) fn examine(&mut self, number: u64) -> ExamRecord {
        let exam = exam(number);
        put(self.store(), &exam);
        self.store().save(&exam, &provenance()).unwrap();
        exam
    }

    /// Ends the program.
    pub(crate) fn close(&mut self) {
        self.store = None;
    }

    /// Ends the program and looks at what it left.
    fn verify(&mut self) -> Verification {
        self.close();
        Records::open(&self.dir()).unwrap().verify().unwrap()
    }
}

pub(crate) fn put(store: &mut Store, exam: &ExamRecord) {
    for shot in shots(exam) {
        store.put_photograph(shot, &picture(shot)).unwrap();
    }
}

/// Pixels that differ from shot to shot.
fn picture(shot: ShotId) -> RgbImage {
    RgbImage::from_fn(48, 32, |x, y| {
        image::Rgb([(x * 5) as u8, (y * 7) as u8, shot.0 as u8])
    })
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        device: "north".to_owned(),
        software: "0.1.0".to_owned(),
        bundle: "tiny".to_owned(),
        files: BTreeMap::from([("student.onnx".to_owned(), "ab".repeat(32))]),
        camera_profile: None,
        originals: false,
    }
}

/// The `number`th exam: two photographs of the right eye, the first refused;
/// the left eye left out. It begins `number` minutes after [`BEGAN`].
pub(crate) fn exam(number: u64) -> ExamRecord {
    let started = Duration::from_secs(60 * number);
    let refused = shot(2 * number, started, ReferralDecision::Retake);
    let decided = shot(2 * number + 1, started, ReferralDecision::Refer);
    let right = EyeOutcome::Decided(ReferralDecision::Refer);
    let left = EyeOutcome::Skipped(SkipReason::Declined);
    ExamRecord {
        id: ExamId(format!("exam-{number}")),
        began: Clock {
            since_start: started,
            unix_ms: BEGAN + started.as_millis() as i64,
        },
        ended: started + Duration::from_secs(50),
        ending: Ending::Completed,
        patient: Patient {
            id: format!("P{number}"),
            age: Some(54),
            note: "sees worse since June".to_owned(),
        },
        right: EyeRecord {
            decided_by: Some(decided.id),
            shots: vec![refused, decided],
            skipped: None,
            outcome: right,
        },
        left: EyeRecord {
            shots: Vec::new(),
            skipped: Some(SkipReason::Declined),
            outcome: left,
            decided_by: None,
        },
        outcome: ExamOutcome::of(right, left),
        operations: vec![Operation {
            at: started + Duration::from_secs(2),
            action: Action::Type('P'),
        }],
    }
}

fn shot(id: u64, started: Duration, decision: ReferralDecision) -> Shot {
    let at = |ms| started + Duration::from_millis(ms);
    let accepted = decision != ReferralDecision::Retake;
    let reason = if accepted {
        GateReason::Ok
    } else {
        GateReason::Blurred
    };
    Shot {
        id: ShotId(id),
        frame: 100 + id,
        shutter: Shutter::Automatic,
        stamps: Stamps {
            captured: Some(at(10_000)),
            dequeued: at(10_020),
            accepted: at(10_050),
            graded: Some(at(10_250)),
            shown: Some(at(10_300)),
        },
        judgement: Judgement::Given(Box::new(ShotVerdict {
            decision,
            score: Some(0.8125),
            gate: GateVerdict {
                accepted,
                reason,
                scores: BTreeMap::from([("contrast".to_owned(), 0.25)]),
            },
            shows: None,
            record: record(decision, accepted, reason),
        })),
        side: Side::Unquestioned,
    }
}

fn record(decision: ReferralDecision, accepted: bool, reason: GateReason) -> Record {
    let finding = |id: &str, name: &str, probability: f32| Finding {
        id: id.to_owned(),
        name: name.to_owned(),
        level: Level::Finest,
        probability,
        threshold: 0.5,
        positive: probability >= 0.5,
    };
    Record {
        gate: GateVerdict {
            accepted,
            reason,
            scores: BTreeMap::new(),
        },
        referral: Referral {
            decision,
            score: Some(0.8125),
            reasons: vec![
                Reason::Refers {
                    node: "npdr_moderate".to_owned(),
                    probability: 0.75,
                    threshold: 0.5,
                    urgent: false,
                    open: false,
                },
                Reason::AnyReferable {
                    probability: 0.8125,
                    threshold: 0.25,
                    likeliest: None,
                },
            ],
        },
        findings: vec![
            finding("npdr_moderate", "Moderate NPDR", 0.75),
            finding("drusen", "Drusen", 0.125),
        ],
        ..Record::blank()
    }
}

/// Makes a store as it was when there was one step of the schema, with the
/// first exam.
pub(crate) fn store_of_schema_1(dir: &Path) {
    let folder = dir.join(PHOTOGRAPHS_FOLDER);
    files::private_folder(&folder).unwrap();
    let mut db = Connection::open(dir.join(DATABASE)).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    schema::migrate(&mut db, &schema::STEPS[..1]).unwrap();
    let exam = exam(1);
    let row = entry::exam_row(1, &exam, &provenance()).unwrap();
    EXAMS.put(&db, row).unwrap();
    for shot in shots(&exam) {
        let photograph = photographs::put(&folder, &picture(shot)).unwrap();
        PHOTOGRAPHS.put(&db, photograph.row()).unwrap();
        let row = entry::shot_row(1, shot, &photograph);
        SHOTS.put(&db, row).unwrap();
    }
}

/// Every file below `dir`, in order.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}
