//! Why the store cannot do what it was asked for, in no language.

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
