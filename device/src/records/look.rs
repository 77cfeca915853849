//! A look at a store that leaves every byte and every time of it as it was, for
//! whoever tests the device without starting it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::photographs::UNDER_WAY;
use super::read::{connect, copy_database};
use super::{schema, Damage, Records, StoreError, DATABASE, LOCK, PHOTOGRAPHS_FOLDER};

/// What there is of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Exams that are kept, interrupted ones included.
    pub exams: usize,
    /// About when the latest of them ended.
    pub latest: Option<Timestamp>,
    /// The schema that it has and the one that the next start brings it to,
    /// where these are two.
    pub migrates: Option<(usize, usize)>,
    /// Photographs that were half written when the power went; the next start
    /// removes them.
    pub half_written: usize,
}

/// Looks at the store in `dir`; nothing where there is none yet.
///
/// # Errors
/// Where [`super::Store::open`] would refuse what lies there, and when it cannot
/// be read.
pub fn look(dir: &Path) -> Result<Option<Glance>, StoreError> {
    let path = dir.join(DATABASE);
    match fs::metadata(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match schema::holds_photographs(dir)? {
                true => Err(StoreError::Damaged(Damage::Missing)),
                false => Ok(None),
            };
        }
        Err(error) => return Err(StoreError::read(&path, error)),
    }
    let hold = Hold::of(dir);
    let (db, _copy) = open(dir, &hold)?;
    if schema::is_new(&db, dir)? {
        return Ok(None);
    }
    let (found, known) = (schema::version(&db)?, schema::STEPS.len());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let records = Records::new(dir, db);
    // Before the first step there is no table of exams.
    let (exams, latest) = match found {
        0 => (0, None),
        _ => (records.count()?, records.latest()?),
    };
    Ok(Some(Glance {
        exams,
        latest,
        migrates: (found < known).then_some((found, known)),
        half_written: half_written(dir)?,
    }))
}

/// Whether a program is writing to the store, found without making its lock.
enum Hold {
    /// One does, and goes on meanwhile.
    Taken,
    /// None does, and none can begin to as long as this lives. A store without
    /// a lock was never opened by one.
    Free { _lock: Option<File> },
}

impl Hold {
    fn of(dir: &Path) -> Hold {
        let Ok(lock) = File::open(dir.join(LOCK)) else {
            return Hold::Free { _lock: None };
        };
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Hold::Taken,
            // A file system without locks has no other program's either.
            Ok(()) | Err(TryLockError::Error(_)) => Hold::Free { _lock: Some(lock) },
        }
    }
}

/// The database, for reading.
///
/// SQLite writes beside a database with a log even to read it: it makes the
/// log's index, and folds in or removes what a crash has left. So one that is at
/// rest is opened as a file that cannot change (`immutable`), which touches
/// nothing. That would not see what is in the log alone: where a crash left one,
/// both are copied, and SQLite does with the copy what it likes. One that a
/// device is using has all of this already and is changed by that device anyway:
/// only there is it read as it is, because neither of the others is sound while
/// somebody writes.
fn open(dir: &Path, hold: &Hold) -> Result<(Connection, Option<TempDir>), StoreError> {
    let path = dir.join(DATABASE);
    if let Hold::Taken = hold {
        return Ok((connect(&path)?, None));
    }
    let has_content = |end: &str| {
        let beside = dir.join(format!("{DATABASE}{end}"));
        fs::metadata(beside).is_ok_and(|about| about.len() > 0)
    };
    if has_content("-wal") || has_content("-journal") {
        let copy = copy_database(dir)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(copy.path().join(DATABASE), flags)?;
        return Ok((db, Some(copy)));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Ok((Connection::open_with_flags(immutable(&path), flags)?, None))
}

/// A file that SQLite takes for one that nobody changes.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(byte));
            }
            other => uri += &format!("%{other:02x}"),
        }
    }
    uri + "?immutable=1"
}

fn half_written(dir: &Path) -> Result<usize, StoreError> {
    let folder = dir.join(PHOTOGRAPHS_FOLDER);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(|error| StoreError::read(&folder, error))?,
    };
    let begins = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.as_encoded_bytes().starts_with(UNDER_WAY.as_bytes())
    };
    Ok(entries.flatten().filter(begins).count())
}
