//! Why the store cannot do what it was asked for, in no language.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::exam::{ExamId, ShotId};

/// What of a database is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is missing, although there are photographs.
    Missing,
    /// It is empty, although there are photographs.
    Empty,
    /// A photograph is named so, which is no SHA-256.
    NoHash(String),
    /// What SQLite said of it, in English.
    Said(String),
}

/// What could not be written as text or as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// An exam, as JSON.
    Exam,
    /// A photograph, as PNG.
    Photograph,
}

/// What went wrong. In words it says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another program has opened the store in this folder.
    InUse(PathBuf),
    /// There is no store in this folder.
    Missing(PathBuf),
    /// The database in this folder is not Fovea's.
    Foreign(PathBuf),
    /// A newer version of Fovea wrote the records.
    Newer {
        /// Version of the schema that the database has.
        found: usize,
        /// Newest version that this program knows.
        known: usize,
    },
    /// The records are to be brought up to date.
    Older {
        /// Version of the schema that the database has.
        found: usize,
        /// The version that this program reads.
        known: usize,
    },
    /// The database or what it names is damaged, or missing beside photographs.
    Damaged(Damage),
    /// What was kept of an exam makes no sense.
    Unreadable {
        /// The exam's place among all of the store, from 1.
        number: i64,
        /// What is wrong with its JSON, in English.
        reason: String,
    },
    /// The store's disk is full.
    Full,
    /// The disk that was exported to is full.
    TargetFull(PathBuf),
    /// The exam is saved for good.
    Ended(ExamId),
    /// An exam names a photograph that was not put into the store before.
    NoPhotograph(ShotId),
    /// An exam or a photograph cannot be turned into what is kept.
    Encode {
        /// What was to be encoded.
        what: Encoded,
        /// What the encoder said, in English.
        reason: String,
    },
    /// A file of the store cannot be read.
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said, in English.
        reason: String,
    },
    /// A file of the store cannot be written.
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said, in English.
        reason: String,
    },
    /// What is to be exported to is no empty folder.
    Occupied(PathBuf),
    /// What is to be exported to lies in the store.
    InsideStore(PathBuf),
    /// What SQLite said of the whole database.
    Database(String),
    /// What SQLite said of a row that no version of Fovea has written so.
    Row(String),
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// Whether what one exam's rows hold is to blame, not the store.
    pub(super) fn is_of_one_exam(&self) -> bool {
        matches!(self, StoreError::Unreadable { .. } | StoreError::Row(_))
    }

    /// A failure to write `path`.
    pub(super) fn write(path: &Path, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Write {
                path: path.to_owned(),
                reason: error.to_string(),
            },
        }
    }

    /// A failure to write `path` while the store in `dir` is opened.
    pub(super) fn open(dir: &Path, path: &Path, error: io::Error) -> StoreError {
        // Set where a systemd unit with a folder for its state runs the program.
        let state = env::var_os("STATE_DIRECTORY");
        StoreError::open_under(state.as_deref().map(Path::new), dir, path, error)
    }

    /// [`StoreError::open`] under a unit that lets the program write to `state`.
    /// Outside it all is read-only until the unit says otherwise; how it does is
    /// the same in every language.
    fn open_under(state: Option<&Path>, dir: &Path, path: &Path, error: io::Error) -> StoreError {
        let is_outside = state.is_some_and(|state| !dir.starts_with(state));
        if error.kind() == io::ErrorKind::ReadOnlyFilesystem && is_outside {
            return StoreError::Write {
                path: path.to_owned(),
                reason: format!("{error}; systemd: ReadWritePaths={}", dir.display()),
            };
        }
        StoreError::write(path, error)
    }

    /// A failure to read `path`.
    pub(super) fn read(path: &Path, error: io::Error) -> StoreError {
        StoreError::Read {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        let reason = error.to_string();
        match (error.sqlite_error_code(), error) {
            (Some(ErrorCode::DiskFull), _) => StoreError::Full,
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => {
                StoreError::Damaged(Damage::Said(reason))
            }
            (
                _,
                FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | Utf8Error(..),
            ) => StoreError::Row(reason),
            _ => StoreError::Database(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_the_unit_forbids_says_what_allows_it() {
        let said = |state: Option<&str>, dir: &str| {
            let error = io::ErrorKind::ReadOnlyFilesystem.into();
            let path = Path::new(dir).join("lock");
            StoreError::open_under(state.map(Path::new), Path::new(dir), &path, error).to_string()
        };
        let state = Some("/var/lib/fovea");
        let outside = said(state, "/srv/exams");
        assert!(outside.contains("ReadWritePaths=/srv/exams)"), "{outside}");
        // A disk that is read-only by itself.
        for other in [
            said(state, "/var/lib/fovea/exams"),
            said(None, "/srv/exams"),
        ] {
            assert!(!other.contains("ReadWritePaths"), "{other}");
        }
        let full = io::ErrorKind::StorageFull.into();
        let dir = Path::new("/srv/exams");
        let full = StoreError::open_under(state.map(Path::new), dir, dir, full);
        assert_eq!(full, StoreError::Full);
    }
}
