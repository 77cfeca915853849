//! What goes into the tables and comes out of them.

use std::collections::BTreeMap;
use std::time::Duration;

use fovea_core::bundle::Manifest;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::Row;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::row::EXAMS;
use super::{Encoded, Fault, Original, Photograph, Profile, StoreError};
use crate::exam::{Clock, Ending, ExamId, ExamRecord, EyeOutcome, Patient, PatientOutcome, ShotId};

/// What the device was that made the verdicts of an exam.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Tells this device from others.
    pub device: String,
    /// Version of the program.
    pub software: String,
    /// Name of the bundle.
    pub bundle: String,
    /// SHA-256 of each of the bundle's parts by file name: the student, its
    /// labels, its calibration.
    pub files: BTreeMap<String, String>,
    /// SHA-256 of the camera's profile, where one is applied.
    pub camera_profile: Option<String>,
    /// Whether each photograph's original is kept, which is so where a profile
    /// is applied. Exams from before that was done say nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub originals: bool,
}

impl Provenance {
    /// This program on the device of that name with the bundle of `manifest`,
    /// and with the camera's `profile` where there is one.
    pub fn new(device: &str, manifest: &Manifest, profile: Option<&Profile>) -> Provenance {
        Provenance {
            device: device.to_owned(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            bundle: manifest.name.clone(),
            files: manifest.files.clone(),
            camera_profile: profile.map(|profile| profile.sha256.clone()),
            originals: profile.is_some(),
        }
    }
}

/// What a list says of an exam, beside the whole record so that lists need not
/// read that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As written down.
    pub patient: Patient,
    /// The patient's result, which the worse eye decides.
    pub overall: PatientOutcome,
    /// Where the right eye stands.
    pub right: EyeOutcome,
    /// Where the left eye stands.
    pub left: EyeOutcome,
    /// Whether it was completed, and if not, why.
    pub ending: Ending,
}

/// Exams as a list shows them.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Those that can be read.
    pub exams: Vec<Listed>,
    /// What is damaged, among them and among those that cannot be read.
    pub faults: Vec<Fault>,
}

/// An exam as a line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its place among all of the store, from 1.
    pub number: i64,
    /// The id it was opened under.
    pub id: ExamId,
    /// On the wall clock.
    pub began: Timestamp,
    /// On the wall clock; of an interrupted exam, when it was last kept.
    pub ended: Timestamp,
    /// The patient and the outcomes.
    #[serde(flatten)]
    pub summary: Summary,
    /// Whether its row was changed after it was saved.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// An exam with all that made it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredExam {
    /// Its place among all of the store, from 1.
    pub number: i64,
    /// The exam as it was saved.
    pub record: ExamRecord,
    /// The device and the bundle that its verdicts are from.
    pub provenance: Provenance,
    /// As they were graded.
    pub photographs: BTreeMap<ShotId, Photograph>,
    /// As they were taken, of those that a camera's profile was applied to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub originals: BTreeMap<ShotId, Original>,
    /// Of its rows, those that were changed after they were saved, or are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

impl Summary {
    fn of(exam: &ExamRecord) -> Summary {
        Summary {
            patient: exam.patient.clone(),
            overall: exam.outcome.overall,
            right: exam.right.outcome,
            left: exam.left.outcome,
            ending: exam.ending,
        }
    }
}

impl Listed {
    /// Reads a row of the table of exams.
    pub(super) fn read(row: &Row) -> Result<Listed, StoreError> {
        let number = row.get(0)?;
        let summary: String = row.get(4)?;
        Ok(Listed {
            number,
            id: ExamId(row.get(1)?),
            began: timestamp(row.get(2)?),
            ended: timestamp(row.get(3)?),
            summary: from_json(number, &summary)?,
            changed: !EXAMS.intact(row)?,
        })
    }
}

/// A moment on the wall clock. One that no calendar holds becomes 1970: the
/// clock was not set.
pub(super) fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).unwrap_or_default()
}

/// A time since the program's start on the wall clock.
pub fn moment(clock: &Clock, at: Duration) -> Timestamp {
    timestamp(clock.unix_ms(at))
}

/// Which column of an exam holds its record.
pub(super) const RECORD: usize = 5;

pub(super) fn exam_row(
    number: i64,
    exam: &ExamRecord,
    provenance: &Provenance,
) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        number.into(),
        exam.id.0.clone().into(),
        exam.began.unix_ms.into(),
        exam.began.unix_ms(exam.ended).into(),
        json(&Summary::of(exam))?.into(),
        json(exam)?.into(),
        json(provenance)?.into(),
    ])
}

pub(super) fn shot_row(number: i64, shot: ShotId, photograph: &Photograph) -> Vec<Value> {
    vec![
        number.into(),
        shot.0.cast_signed().into(),
        photograph.sha256.clone().into(),
    ]
}

pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Encode {
        what: Encoded::Exam,
        reason: error.to_string(),
    })
}

/// What a column of the exam of that number holds.
pub(super) fn from_json<T: DeserializeOwned>(number: i64, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Unreadable {
        number,
        reason: error.to_string(),
    })
}
