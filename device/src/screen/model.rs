//! What a view shows, as plain values: nothing here knows a camera, a clock or
//! a disk. Texts that the device made up, such as an id, are borrowed as they
//! are; what the screen says itself comes from the language's table.

use fovea_core::decision::ReferralDecision;
use fovea_core::gate::GateReason;
use fovea_core::taxonomy::{Node, Taxonomy};
use image::RgbImage;

use crate::exam::words::{Eye, PatientField};
use crate::exam::{EyeOutcome, PatientOutcome};
use crate::grade::record::Record;
use crate::health::check::{Found, Part, State};
use crate::language::{InWords, Keyboard};
use crate::live::Instruction;

/// One screenful.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// The home page, with the self-test and the way to an exam.
    Ready(Ready<'a>),
    /// The screen after a time-out; a touch anywhere opens it.
    Locked(Locked<'a>),
    /// The form for the patient's number, age and note.
    Patient(Patient<'a>),
    /// The live picture with its guidance, also while the photograph is taken.
    Live(Live<'a>),
    /// The latest photograph while it is being graded.
    Grading(Grading<'a>),
    /// The verdict on a photograph that could be graded.
    Result(Judged<'a>),
    /// Why a photograph could not be graded, and what to do about it.
    Refused(Refused<'a>),
    /// The choice of reasons for leaving an eye out.
    Skip(Skip),
    /// Both eyes and the patient's result, before the exam is saved.
    Summary(Summary<'a>),
    /// The store is waited for. Nothing can be touched.
    Saving,
    /// The exam is on the disk; its result is still shown.
    Saved(Saved<'a>),
    /// The list of today's exams.
    Today(Today<'a>),
    /// Language and automatic capture, and what the device runs.
    Settings(Settings<'a>),
    /// What does not work and what to do about it, in place of the stage's own view.
    Problem(Trouble<'a>),
    /// The photograph looks like the other eye: keep, file under the other, or retake.
    Warning(Warning<'a>),
}

/// Nobody is being examined.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'a> {
    /// Names this device.
    pub device: &'a str,
    /// Wall clock as it is to be read, such as `14:32`.
    pub clock: &'a str,
    /// The self-test, a line each.
    pub health: &'a [HealthLine<'a>],
    /// Whether an exam may begin.
    pub may_start: bool,
    /// Exams saved today.
    pub saved_today: usize,
    /// Whether the last exam ended before its summary.
    pub ended_early: bool,
}

/// One line of the self-test.
#[derive(Clone, Copy, Debug)]
pub struct HealthLine<'a> {
    /// The part that was tested.
    pub part: Part,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: &'a [Found],
}

/// After a time-out. Nothing of any patient is shown.
#[derive(Clone, Copy, Debug)]
pub struct Locked<'a> {
    /// The wall clock as it is to be read, such as `14:32`.
    pub clock: &'a str,
    /// Whether an exam was open; what was photographed of it is kept.
    pub ended_early: bool,
}

/// Writing down the patient.
#[derive(Clone, Copy, Debug)]
pub struct Patient<'a> {
    /// The number as far as it is written; empty before.
    pub id: &'a str,
    /// In years, where it was written down.
    pub age: Option<u8>,
    /// What was noted; empty where nothing was.
    pub note: &'a str,
    /// Where the keys write.
    pub field: PatientField,
    /// The keys on the screen, those of the operator's language.
    pub keyboard: &'a Keyboard,
    /// Whether something was photographed already: the exam can then only be
    /// ended, not left.
    pub photographed: bool,
}

/// The live picture with its guidance.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// What stands still from one frame to the next.
    pub panel: Panel<'a>,
    /// The newest frame, best of the size that [`super::live_picture`] names
    /// (see [`super::Preview`]); nothing before the first.
    pub picture: Option<&'a RgbImage>,
    /// Where the field lies in that picture.
    pub ring: Option<Ring>,
    /// How good the frame is, in the order of [`Measure::ALL`].
    pub bars: [Bar; 4],
    /// How much of the time until automatic capture has passed, 0 to 1.
    pub progress: f32,
}

/// The part of the live view that is drawn again only when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Panel<'a> {
    /// The eye that was chosen.
    pub eye: Eye,
    /// The patient's id; empty when there is none.
    pub patient: &'a str,
    /// What the operator is told.
    pub state: LiveState,
    /// Whether the device takes the photograph by itself.
    pub automatic: bool,
    /// Whether the eye can be left out: not once it has been photographed.
    pub may_skip: bool,
}

/// What the live view tells the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveState {
    /// No frame has come yet.
    Waiting,
    /// What is to be done, or that all is well.
    Guiding(Instruction),
    /// The photograph is being taken.
    Taking,
}

/// What the bars of the live view measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// How sharp the picture is.
    Focus,
    /// Neither too dark nor too bright.
    Light,
    /// How much of the retina is in view, and how well it is centred.
    Field,
    /// How little the picture moves.
    Steady,
}

impl Measure {
    /// In the order of [`Live::bars`].
    pub const ALL: [Measure; 4] = [
        Measure::Focus,
        Measure::Light,
        Measure::Field,
        Measure::Steady,
    ];
}

/// A measure against its limit, both 0 to 1, more being better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// As measured.
    pub value: f32,
    /// At or above it the measure is good enough.
    pub limit: f32,
}

/// The field of view in a live picture, in that picture's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// To the right and down.
    pub centre: (f32, f32),
    /// From the centre to the rim.
    pub radius: f32,
    /// Whether the frame is good enough for a photograph.
    pub good: bool,
}

/// The photograph is being graded.
#[derive(Clone, Copy, Debug)]
pub struct Grading<'a> {
    /// The eye that was chosen.
    pub eye: Eye,
    /// The patient's number; empty when there is none.
    pub patient: &'a str,
    /// Best of the size that [`super::photograph`] names, as in every view below;
    /// each scales it to its own.
    pub picture: Option<&'a RgbImage>,
    /// How much of the usual time has passed, 0 to 1.
    pub progress: f32,
}

/// A photograph that could be graded.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The eye that was chosen.
    pub eye: Eye,
    /// The patient's number; empty when there is none.
    pub patient: &'a str,
    /// What was found, and by which model.
    pub record: &'a Record,
    /// The taxonomy it was graded by.
    pub taxonomy: &'a Taxonomy,
    /// Names the calibration.
    pub calibration: &'a str,
    /// As for [`Grading`]; nothing where there is none.
    pub picture: Option<&'a RgbImage>,
    /// The same picture with the evidence over it; nothing where no finding
    /// has a place in it.
    pub evidence: Option<Evidence<'a>>,
    /// Whether the evidence is shown.
    pub attention: bool,
}

/// Where the evidence for a finding lies.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Of the size that [`super::photograph`] names.
    pub picture: &'a RgbImage,
    /// The finding's index in the taxonomy.
    pub node: usize,
}

/// A photograph that could not be graded.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The eye that was chosen.
    pub eye: Eye,
    /// The patient's number; empty when there is none.
    pub patient: &'a str,
    /// Why the gate refused it.
    pub reason: GateReason,
    /// As for [`Grading`]; nothing where there is none.
    pub picture: Option<&'a RgbImage>,
    /// How many photographs of the eye were refused, this one among them.
    pub refusals: usize,
    /// At how many the eye counts as one that cannot be graded.
    pub most: usize,
    /// The decision on an earlier photograph of the eye, which holds; nothing
    /// where none could be graded.
    pub stands: Option<ReferralDecision>,
}

impl Refused<'_> {
    /// Whether the eye is referred because it cannot be graded.
    pub fn ungradable(&self) -> bool {
        self.stands.is_none() && self.refusals >= self.most
    }
}

/// Asking why an eye is left out.
#[derive(Clone, Copy, Debug)]
pub struct Skip {
    /// The eye that was chosen.
    pub eye: Eye,
}

/// Both eyes.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// The patient's number; empty when there is none.
    pub patient: &'a str,
    /// What becomes of the patient: the worse eye decides.
    pub overall: PatientOutcome,
    /// Whether a photograph is still being graded, which may change that: nothing
    /// can be saved before.
    pub grading: bool,
    /// The right eye.
    pub right: EyeSummary<'a>,
    /// The left eye.
    pub left: EyeSummary<'a>,
}

/// One eye on the summary.
#[derive(Clone, Copy, Debug)]
pub struct EyeSummary<'a> {
    /// Where the eye stands.
    pub outcome: EyeOutcome,
    /// As for [`Grading`]; nothing where there is none.
    pub picture: Option<&'a RgbImage>,
    /// The gravest finding.
    pub finding: Option<&'a Node>,
    /// Whether it is only the likeliest disease: the verdict does not commit to
    /// it.
    pub likeliest: bool,
}

/// The exam is kept.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// Names the record.
    pub record: &'a str,
    /// The patient's number; empty when there is none.
    pub patient: &'a str,
    /// What becomes of the patient.
    pub overall: PatientOutcome,
    /// Where the right eye stands.
    pub right: EyeOutcome,
    /// Where the left eye stands.
    pub left: EyeOutcome,
}

/// The list of today's exams, the latest first.
#[derive(Clone, Copy, Debug)]
pub struct Today<'a> {
    /// Those that can be read.
    pub exams: &'a [ExamLine<'a>],
    /// The first one shown; [`super::today_rows`] says how many are.
    pub first: usize,
    /// The one whose details are shown.
    pub selected: Option<usize>,
    /// What is wrong with it, where something is.
    pub trouble: Option<ListTrouble>,
}

/// What is wrong with the list of today's exams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListTrouble {
    /// So many records are damaged, listed or not.
    Damaged(usize),
    /// The list cannot be read now; what is shown was read before.
    Unread,
}

/// A saved exam.
#[derive(Clone, Copy, Debug)]
pub struct ExamLine<'a> {
    /// When it began, such as `09:15`.
    pub time: &'a str,
    /// Names the record.
    pub record: &'a str,
    /// The patient's number; empty when there is none.
    pub patient: &'a str,
    /// In years, where it was written down.
    pub age: Option<u8>,
    /// What was noted; empty where nothing was.
    pub note: &'a str,
    /// What becomes of the patient.
    pub overall: PatientOutcome,
    /// Where the right eye stands.
    pub right: EyeOutcome,
    /// Where the left eye stands.
    pub left: EyeOutcome,
}

/// What can be set at the device, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Whether the device takes photographs by itself.
    pub automatic: bool,
    /// Names this device.
    pub device: &'a str,
    /// This program's version.
    pub version: &'a str,
    /// Names the bundle, with the first digits of its hash.
    pub model: &'a str,
    /// Names the calibration.
    pub calibration: &'a str,
    /// Names the camera that the profile is of; empty without a profile.
    pub profile: &'a str,
    /// What the self-test found of the disk; empty before it has.
    pub disk: &'a [Found],
}

/// Something does not work.
#[derive(Clone, Copy, Debug)]
pub struct Trouble<'a> {
    /// What does not work.
    pub problem: Problem,
    /// What exactly happened, where that is known.
    pub detail: Option<&'a dyn InWords>,
}

/// What does not work. The screen adds what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// No frames come; the device keeps trying.
    CameraLost,
    /// There is no photograph, or it did not come in time.
    CaptureFailed,
    /// The eye has been photographed as often as an exam can hold.
    NoMorePhotographs,
    /// What was scanned or typed is no number of a patient: it is too long.
    CodeTooLong,
    /// A code was scanned in the middle of an exam.
    CodeNotTaken,
    /// The student failed, or gave no verdict in time.
    GradingFailed,
    /// No exam can begin, for another reason than the disk's room.
    CannotBegin,
    /// No exam can begin: the disk has no room for one.
    DiskFull,
    /// The exam could not be kept, for another reason than the disk's room.
    SaveFailed,
    /// The exam could not be kept: the disk has no room for it.
    SaveDiskFull,
}

impl Problem {
    /// Every problem, in the order above.
    pub const ALL: [Problem; 10] = [
        Problem::CameraLost,
        Problem::CaptureFailed,
        Problem::NoMorePhotographs,
        Problem::CodeTooLong,
        Problem::CodeNotTaken,
        Problem::GradingFailed,
        Problem::CannotBegin,
        Problem::DiskFull,
        Problem::SaveFailed,
        Problem::SaveDiskFull,
    ];
}

/// The photograph looks like the other eye.
#[derive(Clone, Copy, Debug)]
pub struct Warning<'a> {
    /// The eye that was chosen.
    pub chosen: Eye,
    /// As for [`Grading`]; nothing where there is none.
    pub picture: Option<&'a RgbImage>,
}
