//! Why the store cannot do what it was asked for.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use super::DATABASE;
use crate::exam::{ExamId, ShotId};

/// What went wrong, as a sentence for whoever keeps the device.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("another fovea is using the store {path}: end it first", path = .0.display())]
    InUse(PathBuf),
    #[error("there is no store in {path}: `fovea run` makes one; name another with --store DIR", path = .0.display())]
    Missing(PathBuf),
    #[error("{path} holds a database that is not Fovea's: choose another folder", path = .0.display())]
    Foreign(PathBuf),
    #[error("the records have schema {found} but this version of Fovea knows {known}: use the newer version that wrote them")]
    Newer { found: usize, known: usize },
    #[error("the records have schema {found} and this version of Fovea reads {known}: start `fovea run` once to bring them up to date")]
    Older { found: usize, known: usize },
    #[error(
        "the records are damaged ({0}): keep a copy of the whole folder, then begin a new store"
    )]
    Damaged(String),
    #[error(
        "exam {number} cannot be read ({reason}): `fovea records verify` says what is damaged"
    )]
    Unreadable { number: i64, reason: String },
    #[error(
        "the disk of the store is full and nothing was kept of this: make room and save again"
    )]
    Full,
    #[error("{path} is full and nothing was exported: name a folder on a disk with more room", path = .0.display())]
    TargetFull(PathBuf),
    #[error("exam {0} has ended and is saved: it does not change any more")]
    Ended(ExamId),
    #[error("photograph {} was never put into the store: put it before its exam", .0 .0)]
    NoPhotograph(ShotId),
    #[error("cannot encode {what} ({reason})")]
    Encode { what: &'static str, reason: String },
    #[error("cannot read {path} ({source}): check the disk and who may read it", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path} ({source}): check the disk and who may write there", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} is not an empty folder: name a new one to export to", path = .0.display())]
    Occupied(PathBuf),
    #[error("{path} is inside the store: export to a folder elsewhere", path = .0.display())]
    InsideStore(PathBuf),
    #[error("cannot use {DATABASE} of the store ({0}): check the disk and who may use it")]
    Database(rusqlite::Error),
}

impl StoreError {
    /// Whether what one exam's rows hold is to blame, not the store.
    pub(super) fn is_of_one_exam(&self) -> bool {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        matches!(
            self,
            StoreError::Unreadable { .. }
                | StoreError::Database(
                    FromSqlConversionFailure(..)
                        | IntegralValueOutOfRange(..)
                        | InvalidColumnType(..)
                        | Utf8Error(..)
                )
        )
    }

    /// A failure to write `path`.
    pub(super) fn write(path: &Path, source: io::Error) -> StoreError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Write {
                path: path.to_owned(),
                source,
            },
        }
    }

    /// A failure to read `path`.
    pub(super) fn read(path: &Path, source: io::Error) -> StoreError {
        StoreError::Read {
            path: path.to_owned(),
            source,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged(error.to_string())
            }
            _ => StoreError::Database(error),
        }
    }
}
