//! A copy of the store for other programs: tables, JSON, photographs.
//!
//! | file | what |
//! |---|---|
//! | `exams.csv` | one line per exam |
//! | `photographs.csv` | one line per photograph, with its verdict and its files |
//! | `exams.jsonl` | one JSON object per exam, with all that is kept of it |
//! | `photographs/ab/abcd….png` | the photographs, as they were graded |
//! | `originals/ab/abcd….png` | those that a camera's profile was applied to, as they were taken |
//! | `profiles/abcd….toml` | the profiles that were applied |
//!
//! In the CSV files a text that a spreadsheet would take for a formula begins
//! with an apostrophe; the JSON has every text as it was written.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use fovea_core::bundle::sha256_hex;
use fovea_core::decision::ReferralDecision;
use fovea_core::files::{folder_of, put_in_place, read_at_most, sync_folder, sync_tree};
use fovea_core::gate::GateReason;
use fovea_core::photograph::MAX_FILE_BYTES;
use serde::Serialize;
use tempfile::TempDir;

use super::{
    eye_words, files, moment, photographs, Fault, Original, Photograph, Records, StoreError,
    StoredExam, PHOTOGRAPHS_FOLDER,
};
use crate::exam::words::Eye;
use crate::exam::{Ending, Judgement, PatientOutcome, Shot, Shutter, Side};
use crate::grade::report::reasons;

/// Where an export has the photographs as they were taken.
const ORIGINALS_FOLDER: &str = "originals";
/// And what made the graded ones of them.
const PROFILES_FOLDER: &str = "profiles";

/// How the names of folders begin in which exports are made.
const STAGING: &str = ".fovea-export-";

/// What an export came to.
#[derive(Debug, Default)]
pub struct Exported {
    /// Exams that were copied. One that cannot be read is left out.
    pub exams: usize,
    /// Files of photographs; two shots of the same pixels share one.
    pub photographs: usize,
    /// Files of their originals, where a camera's profile was applied.
    pub originals: usize,
    /// What could not go along or is not as it was saved, a sentence each.
    pub troubles: Vec<String>,
}

/// A line of `exams.csv`.
#[derive(Serialize)]
struct ExamLine<'a> {
    exam: i64,
    id: &'a str,
    began: String,
    ended: String,
    ending: Ending,
    patient: String,
    age: Option<u8>,
    note: String,
    overall: PatientOutcome,
    right: String,
    left: String,
    device: &'a str,
    software: &'a str,
    bundle: &'a str,
    /// Whether any of its rows was changed after it was saved, or is missing.
    changed: bool,
}

/// A line of `photographs.csv`.
#[derive(Serialize)]
struct PhotographLine {
    exam: i64,
    shot: u64,
    eye: Eye,
    file: String,
    width: Option<u32>,
    height: Option<u32>,
    taken: String,
    shutter: Shutter,
    side: Side,
    decides: bool,
    decision: Option<ReferralDecision>,
    score: Option<f32>,
    gate: Option<GateReason>,
    because: String,
    /// The photograph as it was taken, where `file` is a corrected one.
    original: String,
    /// What corrected it.
    profile: String,
}

/// Where the files of a photograph lie in the export; nothing where there is
/// none.
#[derive(Default)]
struct Places {
    file: String,
    original: String,
    profile: String,
}

impl Records {
    /// Copies every exam and photograph to `to`, which must be new or empty.
    ///
    /// The copy is made in a hidden folder and moved to its place when it is
    /// whole and on the disk: a new folder gets its name then, and a folder that
    /// is there, such as the top of a memory stick, its content. What an export
    /// left there that was killed is removed first. What is missing or damaged is
    /// left out and named in the answer.
    ///
    /// # Errors
    /// When the store cannot be read or the copy cannot be written.
    pub fn export(&self, to: &Path) -> Result<Exported, StoreError> {
        // One moment's state, whatever a device writes meanwhile.
        let _moment = self.db().unchecked_transaction()?;
        let parent = self.check_target(to)?;
        let unusable = |error: io::Error| match StoreError::write(to, error) {
            StoreError::Full => StoreError::TargetFull(to.to_owned()),
            other => other,
        };
        let is_there = to.is_dir();
        let staging = match is_there {
            true => Staging::new(to, || is_empty(to)),
            false => Staging::new(&parent, || true),
        };
        let Some(staging) = staging.map_err(unusable)? else {
            return Err(StoreError::Occupied(to.to_owned()));
        };
        let exported = Writer::new(self, staging.path())
            .and_then(|writer| writer.write())
            .map_err(|error| match error {
                Trouble::Store(error) => error,
                Trouble::Output(error) => unusable(error),
            })?;
        let moved = match is_there {
            // It may be where a disk is mounted: then it cannot be replaced.
            true => move_content(staging.path(), to),
            false => put_in_place(staging.path(), to),
        };
        moved.map_err(unusable)?;
        Ok(exported)
    }

    /// The folder in which `to` is to appear.
    fn check_target(&self, to: &Path) -> Result<PathBuf, StoreError> {
        if fs::symlink_metadata(to).is_ok() && !is_empty(to) {
            return Err(StoreError::Occupied(to.to_owned()));
        }
        let parent = folder_of(to);
        let parent = fs::canonicalize(parent).map_err(|error| StoreError::write(parent, error))?;
        let store = fs::canonicalize(self.dir()).map_err(|e| StoreError::read(self.dir(), e))?;
        if parent.starts_with(store) {
            return Err(StoreError::InsideStore(to.to_owned()));
        }
        Ok(parent)
    }
}

/// The hidden folder in which an export is made. It is locked as long as this
/// lives, and by no crash longer than the process: so others can tell it from
/// what an export left that was killed.
struct Staging {
    folder: TempDir,
    /// None on a file system without locks.
    _lock: Option<File>,
}

impl Staging {
    /// One in `place`, without what killed exports left there; nothing where
    /// `may_begin` denies it then.
    fn new(place: &Path, may_begin: impl FnOnce() -> bool) -> io::Result<Option<Staging>> {
        // One at a time: until a folder is locked it looks like one that was left.
        let door = File::open(place)?;
        let alone = door.lock().is_ok();
        for left in fs::read_dir(place)? {
            let left = left?.path();
            if alone && is_left_over(&left) {
                fs::remove_dir_all(&left)?;
            }
        }
        if !may_begin() {
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix(STAGING).tempdir_in(place)?;
        let lock = File::open(folder.path())?;
        // Waits: another may be asking just now whether it was left.
        let is_locked = lock.lock().is_ok();
        Ok(Some(Staging {
            folder,
            _lock: is_locked.then_some(lock),
        }))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Whether an export that was killed left this folder.
fn is_left_over(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(STAGING.as_bytes())
        && fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
        && File::open(path).is_ok_and(|folder| folder.try_lock().is_ok())
}

/// Whether nothing is in a folder but what systems put on an empty disk, and
/// what an export left that was killed.
fn is_empty(folder: &Path) -> bool {
    const OF_SYSTEMS: [&str; 4] = [
        "lost+found",
        "System Volume Information",
        ".Spotlight-V100",
        ".fseventsd",
    ];
    let of_systems = |name: &OsStr| {
        OF_SYSTEMS.iter().any(|own| name == *own) || name.as_encoded_bytes().starts_with(b".Trash")
    };
    fs::read_dir(folder).is_ok_and(|mut inside| {
        inside.all(|entry| {
            entry.is_ok_and(|entry| of_systems(&entry.file_name()) || is_left_over(&entry.path()))
        })
    })
}

/// Moves all that is in `from` to `to`, or nothing of it, for good.
fn move_content(from: &Path, to: &Path) -> io::Result<()> {
    sync_tree(from)?;
    let mut moved = Vec::new();
    let entries: Vec<_> = fs::read_dir(from)?.collect::<io::Result<_>>()?;
    for entry in entries {
        let target = to.join(entry.file_name());
        if let Err(error) = fs::rename(entry.path(), &target) {
            for target in moved {
                let _ = fs::remove_dir_all(&target).or_else(|_| fs::remove_file(&target));
            }
            return Err(error);
        }
        moved.push(target);
    }
    sync_folder(to)
}

/// What can stop an export.
enum Trouble {
    Store(StoreError),
    Output(io::Error),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Output(error)
    }
}

impl From<csv::Error> for Trouble {
    fn from(error: csv::Error) -> Trouble {
        Trouble::Output(error.into())
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Trouble {
        Trouble::Output(error.into())
    }
}

/// The files of an export.
struct Writer<'a> {
    records: &'a Records,
    folder: &'a Path,
    exams: csv::Writer<File>,
    photographs: csv::Writer<File>,
    json: BufWriter<File>,
    exported: Exported,
}

impl<'a> Writer<'a> {
    fn new(records: &'a Records, folder: &'a Path) -> Result<Writer<'a>, Trouble> {
        let file = |name| files::private_file(&folder.join(name));
        Ok(Writer {
            records,
            folder,
            exams: csv::Writer::from_writer(file("exams.csv")?),
            photographs: csv::Writer::from_writer(file("photographs.csv")?),
            json: BufWriter::new(file("exams.jsonl")?),
            exported: Exported::default(),
        })
    }

    fn write(mut self) -> Result<Exported, Trouble> {
        files::private_folder(&self.folder.join(PHOTOGRAPHS_FOLDER))?;
        let mut failure = None;
        for number in self.records.numbers()? {
            match self.records.get(number) {
                Ok(Some(exam)) => self.exam(&exam)?,
                Ok(None) => {}
                // Whatever keeps one exam from being read must not keep the others.
                Err(error) => {
                    if !error.is_of_one_exam() {
                        failure.get_or_insert_with(|| error.clone());
                    }
                    let fault = Fault::unreadable(number, error);
                    self.exported
                        .troubles
                        .push(format!("{fault}; it was left out"));
                }
            }
        }
        // Where none can be read, it is not the exams that are damaged.
        if let Some(error) = failure.filter(|_| self.exported.exams == 0) {
            return Err(error.into());
        }
        let output = |error: csv::IntoInnerError<_>| error.into_error();
        self.exams.into_inner().map_err(output)?;
        self.photographs.into_inner().map_err(output)?;
        self.json.flush()?;
        Ok(self.exported)
    }

    fn exam(&mut self, exam: &StoredExam) -> Result<(), Trouble> {
        self.exams.serialize(exam_line(exam))?;
        serde_json::to_writer(&mut self.json, exam)?;
        self.json.write_all(b"\n")?;
        for eye in Eye::BOTH {
            for shot in &exam.record.eye(eye).shots {
                let photograph = exam.photographs.get(&shot.id);
                let mut places = Places::default();
                if let Some(photograph) = photograph {
                    let copied = self.copy(exam.number, photograph, PHOTOGRAPHS_FOLDER)?;
                    self.exported.photographs += usize::from(copied.is_new);
                    places.file = copied.name;
                }
                if let Some(original) = exam.originals.get(&shot.id) {
                    let copied = self.copy(exam.number, &original.photograph, ORIGINALS_FOLDER)?;
                    self.exported.originals += usize::from(copied.is_new);
                    places.original = copied.name;
                    places.profile = self.profile(original)?;
                }
                let line = photograph_line(exam, eye, shot, photograph, places);
                self.photographs.serialize(line)?;
            }
        }
        self.exported.exams += 1;
        let faults = exam.faults.iter().map(Fault::to_string);
        self.exported.troubles.extend(faults);
        Ok(())
    }

    /// Copies a photograph that is as it was saved below `folder`.
    fn copy(
        &mut self,
        exam: i64,
        photograph: &Photograph,
        folder: &str,
    ) -> Result<Copied, Trouble> {
        let source = match self.records.photograph_path(photograph) {
            Ok(source) => source,
            Err(error) => {
                let trouble = format!("a photograph of exam {exam} was left out: {error}");
                self.exported.troubles.push(trouble);
                return Ok(Copied::default());
            }
        };
        let intact = read_at_most(&source, MAX_FILE_BYTES)
            .ok()
            .flatten()
            .filter(|bytes| sha256_hex(bytes) == photograph.sha256);
        let place = photographs::place(&photograph.sha256);
        let (Some(bytes), Some(place)) = (intact, place) else {
            self.exported.troubles.push(format!(
                "{} of exam {exam} is missing or damaged and was left out",
                source.display()
            ));
            return Ok(Copied::default());
        };
        self.put(&Path::new(folder).join(place), &bytes)
    }

    /// Puts down the profile that was applied to `original`, and says under
    /// which name.
    fn profile(&mut self, original: &Original) -> Result<String, Trouble> {
        let profile = &original.profile;
        if sha256_hex(profile.toml.as_bytes()) != profile.sha256 {
            // Its row is named among the exam's faults.
            return Ok(String::new());
        }
        let place = Path::new(PROFILES_FOLDER).join(format!("{}.toml", profile.sha256));
        Ok(self.put(&place, profile.toml.as_bytes())?.name)
    }

    /// Writes a file at `place` of the export, unless it is there already.
    fn put(&self, place: &Path, bytes: &[u8]) -> Result<Copied, Trouble> {
        let target = self.folder.join(place);
        let is_new = !target.exists();
        if is_new {
            target.parent().map_or(Ok(()), files::private_folder)?;
            files::private_file(&target)?.write_all(bytes)?;
        }
        Ok(Copied {
            name: place.to_string_lossy().into_owned(),
            is_new,
        })
    }
}

/// A file of an export; without a name where it was left out.
#[derive(Default)]
struct Copied {
    name: String,
    /// Whether no shot before had the same.
    is_new: bool,
}

fn exam_line(exam: &StoredExam) -> ExamLine<'_> {
    let record = &exam.record;
    let moment = |at| moment(&record.began, at).to_string();
    ExamLine {
        exam: exam.number,
        id: &record.id.0,
        began: moment(record.began.since_start),
        ended: moment(record.ended),
        ending: record.ending,
        patient: plain(&record.patient.id),
        age: record.patient.age,
        note: plain(&record.patient.note),
        overall: record.outcome.overall,
        right: eye_words(record.right.outcome),
        left: eye_words(record.left.outcome),
        device: &exam.provenance.device,
        software: &exam.provenance.software,
        bundle: &exam.provenance.bundle,
        changed: !exam.faults.is_empty(),
    }
}

fn photograph_line(
    exam: &StoredExam,
    eye: Eye,
    shot: &Shot,
    photograph: Option<&Photograph>,
    places: Places,
) -> PhotographLine {
    let verdict = match &shot.judgement {
        Judgement::Given(verdict) => Some(&**verdict),
        Judgement::Pending | Judgement::Overdue => None,
    };
    PhotographLine {
        exam: exam.number,
        shot: shot.id.0,
        eye,
        file: places.file,
        width: photograph.map(|photograph| photograph.width),
        height: photograph.map(|photograph| photograph.height),
        taken: moment(&exam.record.began, shot.stamps.accepted).to_string(),
        shutter: shot.shutter,
        side: shot.side,
        decides: exam.record.eye(eye).decided_by == Some(shot.id),
        decision: verdict.map(|verdict| verdict.decision),
        score: verdict.and_then(|verdict| verdict.score),
        gate: verdict.map(|verdict| verdict.gate.reason),
        because: verdict.map_or_else(String::new, |verdict| {
            reasons::in_english(&verdict.record).join("; ")
        }),
        original: places.original,
        profile: places.profile,
    }
}

/// `text`, with an apostrophe where a spreadsheet would run it as a formula.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
