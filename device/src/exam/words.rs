//! The words of an exam: which eye, what the operator asks for, why an eye was
//! left out. Views offer these, keys and touches become these, the exam obeys
//! these.

use serde::{Deserialize, Serialize};

/// One of the patient's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eye {
    /// The patient's right eye (OD).
    Right,
    /// The patient's left eye (OS).
    Left,
}

impl Eye {
    /// Both, in the order they are photographed unless the operator chooses.
    pub const BOTH: [Eye; 2] = [Eye::Right, Eye::Left];

    /// The other one.
    pub fn other(self) -> Eye {
        match self {
            Eye::Right => Eye::Left,
            Eye::Left => Eye::Right,
        }
    }
}

/// Why an eye was not photographed. It goes into the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The patient did not want it.
    Declined,
    /// There is no eye, or a prosthesis.
    EyeAbsent,
    /// The eye cannot be opened, held still or seen into. Disease may be the
    /// cause, so this refers the patient.
    NotPossible,
    /// The eye is under treatment elsewhere.
    UnderTreatment,
}

impl SkipReason {
    /// In the order they are offered.
    pub const ALL: [SkipReason; 4] = [
        SkipReason::Declined,
        SkipReason::EyeAbsent,
        SkipReason::NotPossible,
        SkipReason::UnderTreatment,
    ];
}

/// What can be written down of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatientField {
    /// The patient's number, typed or scanned.
    Id,
    /// In whole years.
    Age,
    /// Free text.
    Note,
}

/// A page beside the exam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// The list of today's exams.
    Today,
    /// What can be set at the device, and what it runs.
    Settings,
}

/// Something that can be set at the device itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// The next language.
    Language,
    /// Automatic capture on or off.
    AutoCapture,
}

/// What the operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Begin an exam.
    Start,
    /// Go on: from the patient to the first eye, from a result to the next
    /// eye or the summary, from the summary to saving.
    Continue,
    /// One step back; nothing that was captured is lost by it.
    Back,
    /// End the exam early. Captured eyes are saved all the same.
    Cancel,
    /// Write into this field of the patient.
    Choose(PatientField),
    /// A character for the chosen field.
    Type(char),
    /// The patient's number was scanned. Written down only: the code itself
    /// comes with [`Event::Scanned`](super::Event::Scanned).
    Scan,
    /// Take the last character back.
    Erase,
    /// Photograph this eye now.
    Photograph(Eye),
    /// Take the photograph.
    Capture,
    /// Discard the verdict shown and photograph the same eye again. The
    /// verdict stands until a new photograph has one; that of a photograph that
    /// looks like the other eye, only until there is a new photograph.
    Retake,
    /// The photograph is of the other eye: file it there.
    Swap,
    /// Ask why the eye is to be left out.
    Skip,
    /// Leave the eye out for this reason.
    SkipFor(SkipReason),
    /// Show the photograph's attention map, or the photograph alone again.
    Attention,
    /// Open a page beside the exam; only from Ready.
    Open(Page),
    /// A row of a list.
    Select(usize),
    /// Scroll a list by rows, down when positive.
    Scroll(i8),
    /// Change a setting.
    Set(Setting),
    /// The operator has read a warning or an error.
    Acknowledge,
}
