//! Every row against its seal, every photograph against its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use fovea_core::bundle::sha256_hex;
use fovea_core::files::read_at_most;
use fovea_core::photograph::MAX_FILE_BYTES;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::photographs::{place, UNDER_WAY};
use super::row::{EXAMS, ORIGINALS, PHOTOGRAPHS, PROFILES, SHOTS};
use super::{schema, shots, Records, StoreError, StoredExam, PHOTOGRAPHS_FOLDER};
use crate::exam::{Ending, ShotId};

/// What was found in a store.
#[derive(Debug, Default)]
pub struct Verification {
    /// Exams in the database, those that cannot be read included.
    pub exams: usize,
    /// Exams that never came to their end, because the device was stopped in
    /// their middle, or that still go on. No fault.
    pub interrupted: usize,
    /// Photographs that belong to an exam; two with the same pixels count once.
    pub photographs: usize,
    /// Originals of photographs that a camera's profile was applied to; counted
    /// in the same way.
    pub originals: usize,
    /// Files of photographs that are whole but not part of an exam: it still
    /// goes on, or the device was stopped before it was saved. No fault.
    pub unclaimed: Vec<PathBuf>,
    /// Everything that is not as it was saved; empty where all is well.
    pub faults: Vec<Fault>,
}

/// Something that is not as it was saved. Paths are below the store's folder.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum Fault {
    #[error("the database is damaged: {0}")]
    Database(String),
    #[error("row {key} of the table {table} was changed after it was saved")]
    Row { table: &'static str, key: String },
    #[error("exam {0} was saved but is missing")]
    ExamMissing(i64),
    #[error("exam {number} cannot be read: {reason}")]
    ExamUnreadable { number: i64, reason: String },
    #[error("exam {number} names {expected} photographs but has {found}")]
    Shots {
        number: i64,
        expected: usize,
        found: usize,
    },
    #[error("exam {number} has {expected} photographs but the originals of {found}")]
    Originals {
        number: i64,
        expected: usize,
        found: usize,
    },
    #[error("{path} is missing", path = .0.display())]
    FileMissing(PathBuf),
    #[error("{path} was changed or damaged after it was saved", path = .0.display())]
    FileChanged(PathBuf),
    #[error("{path} cannot be read: {reason}", path = path.display())]
    FileUnreadable { path: PathBuf, reason: String },
    /// Named by whoever put it there, so it is shown with its control
    /// characters escaped.
    #[error("{path:?} is not one of Fovea's files", path = .0.display())]
    FileForeign(PathBuf),
}

impl Fault {
    pub(super) fn unreadable(number: i64, error: StoreError) -> Fault {
        let reason = match error {
            StoreError::Unreadable { reason, .. } => reason,
            other => other.to_string(),
        };
        Fault::ExamUnreadable { number, reason }
    }
}

/// A sentence.
impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Records {
    /// Reads everything there is and compares it with its hash. What is wrong
    /// is in the answer; reading goes on after a fault as far as it can.
    ///
    /// # Errors
    /// When not even the database's table of contents can be read.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        // One moment's state, whatever a device writes meanwhile.
        let _moment = self.db().unchecked_transaction()?;
        let mut found = Verification::default();
        let checks = [
            Records::verify_database,
            Records::verify_rows,
            Records::verify_exams,
            Records::verify_photographs,
        ];
        for check in checks {
            if let Err(error) = check(self, &mut found) {
                let fault = Fault::Database(error.to_string());
                if !found.faults.contains(&fault) {
                    found.faults.push(fault);
                }
            }
        }
        Ok(found)
    }

    /// SQLite's own view of its file, and rows that lead nowhere.
    fn verify_database(&self, found: &mut Verification) -> Result<(), StoreError> {
        let mut query = self.db().prepare("PRAGMA integrity_check")?;
        for line in query.query_map([], |row| row.get::<_, String>(0))? {
            let line = line?;
            if line != "ok" {
                found.faults.push(Fault::Database(line));
            }
        }
        let mut query = self.db().prepare("PRAGMA foreign_key_check")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (from, to): (String, String) = (row.get(0)?, row.get(2)?);
            found.faults.push(Fault::Database(format!(
                "a row of {from} names one of {to} that is missing"
            )));
        }
        Ok(())
    }

    fn verify_rows(&self, found: &mut Verification) -> Result<(), StoreError> {
        for table in [EXAMS, PHOTOGRAPHS, SHOTS, PROFILES, ORIGINALS] {
            found.faults.extend(table.broken(self.db(), "", [])?);
        }
        Ok(())
    }

    /// Numbers without a gap, and each exam with the photographs it names.
    fn verify_exams(&self, found: &mut Verification) -> Result<(), StoreError> {
        let numbers = self.numbers()?;
        let last = self
            .db()
            .query_row(schema::LAST_NUMBER, [], |row| row.get::<_, i64>(0))?;
        let missing = (1..=last).filter(|number| !numbers.contains(number));
        found.faults.extend(missing.map(Fault::ExamMissing));
        found.exams = numbers.len();
        for number in numbers {
            self.verify_exam(number, found);
        }
        Ok(())
    }

    fn verify_exam(&self, number: i64, found: &mut Verification) {
        let exam = match self.read(number) {
            Ok(Some(exam)) => exam,
            Ok(None) => return found.faults.push(Fault::ExamMissing(number)),
            Err(error) => return found.faults.push(Fault::unreadable(number, error)),
        };
        found.interrupted += usize::from(exam.record.ending == Ending::Interrupted);
        found.faults.extend(missing(&exam));
    }

    fn verify_photographs(&self, found: &mut Verification) -> Result<(), StoreError> {
        let mut query = self.db().prepare("SELECT sha256 FROM photographs")?;
        let hashes = query
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        // The pixels of an original may be another shot's photograph.
        let only_originals = self.number(
            "SELECT count(*) FROM photographs WHERE sha256 IN (SELECT photograph FROM originals)
             AND sha256 NOT IN (SELECT photograph FROM shots)",
        )?;
        found.photographs = hashes.len() - only_originals;
        found.originals = self.number("SELECT count(DISTINCT photograph) FROM originals")?;
        // What is no hash has broken its row's seal and is reported as that.
        let mut expected: BTreeMap<PathBuf, String> = hashes
            .into_iter()
            .filter_map(|hash| Some((Path::new(PHOTOGRAPHS_FOLDER).join(place(&hash)?), hash)))
            .collect();
        for path in self.files(found) {
            let belongs = expected.remove(&path).is_some();
            match self.verify_file(&path) {
                Some(fault) => found.faults.push(fault),
                None if !belongs => found.unclaimed.push(path),
                None => {}
            }
        }
        let missing = expected.into_keys().map(Fault::FileMissing);
        found.faults.extend(missing);
        Ok(())
    }

    /// Whatever lies in the folder of photographs, in order.
    fn files(&self, found: &mut Verification) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let top = Path::new(PHOTOGRAPHS_FOLDER);
        for (path, is_folder) in self.entries(top, found) {
            if is_folder {
                let inside = self.entries(&path, found);
                files.extend(inside.into_iter().map(|(path, _)| path));
            } else if !is_under_way(&path) {
                files.push(path);
            }
        }
        files
    }

    fn entries(&self, folder: &Path, found: &mut Verification) -> Vec<(PathBuf, bool)> {
        let entry = |entry: io::Result<DirEntry>| {
            let entry = entry?;
            Ok((folder.join(entry.file_name()), entry.file_type()?.is_dir()))
        };
        let entries = fs::read_dir(self.dir().join(folder))
            .and_then(|all| all.map(entry).collect::<io::Result<BTreeMap<_, _>>>());
        match entries {
            Ok(entries) => entries.into_iter().collect(),
            Err(error) => {
                found.faults.push(Fault::FileUnreadable {
                    path: folder.to_owned(),
                    reason: error.to_string(),
                });
                Vec::new()
            }
        }
    }

    /// Compares a file with its name.
    fn verify_file(&self, path: &Path) -> Option<Fault> {
        let hash = path.file_stem()?.to_str().unwrap_or_default();
        let full = self.dir().join(path);
        let is_file = fs::symlink_metadata(&full).is_ok_and(|about| about.is_file());
        let expected = place(hash).map(|place| Path::new(PHOTOGRAPHS_FOLDER).join(place));
        if expected.as_deref() != Some(path) || !is_file {
            return Some(Fault::FileForeign(path.to_owned()));
        }
        match read_at_most(&full, MAX_FILE_BYTES) {
            Ok(Some(bytes)) if sha256_hex(&bytes) == hash => None,
            Ok(_) => Some(Fault::FileChanged(path.to_owned())),
            Err(error) => Some(Fault::FileUnreadable {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        }
    }
}

/// Whether an exam has the photographs that it names, and their originals.
pub(super) fn missing(exam: &StoredExam) -> Vec<Fault> {
    let mut faults = Vec::new();
    let expected: BTreeSet<ShotId> = shots(&exam.record).collect();
    if !exam.photographs.keys().eq(&expected) {
        faults.push(Fault::Shots {
            number: exam.number,
            expected: expected.len(),
            found: exam.photographs.len(),
        });
    }
    if exam.provenance.originals && !exam.originals.keys().eq(exam.photographs.keys()) {
        faults.push(Fault::Originals {
            number: exam.number,
            expected: exam.photographs.len(),
            found: exam.originals.len(),
        });
    }
    faults
}

/// Whether a device is writing this file, or was when it was stopped.
fn is_under_way(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(UNDER_WAY.as_bytes()))
}
