//! Reading the store, also while a device writes to it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ZonedDateTime};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Params};
use tempfile::TempDir;

use super::{
    entry, photographs, schema, Listed, Photograph, StoreError, StoredExam, DATABASE,
    PHOTOGRAPHS_FOLDER,
};
use crate::exam::ShotId;

/// The exams of a store.
#[derive(Debug)]
pub struct Records {
    dir: PathBuf,
    db: Connection,
    /// Where the database was copied to from a disk that is read-only.
    _copy: Option<TempDir>,
}

impl Records {
    /// Opens the store in `dir` for reading. Nothing in it is changed; a
    /// device may be writing to it meanwhile.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or not by this version.
    pub fn open(dir: &Path) -> Result<Records, StoreError> {
        let path = dir.join(DATABASE);
        if !path.is_file() {
            return Err(StoreError::Missing(dir.to_owned()));
        }
        let (db, copy) = match connect(&path) {
            // SQLite needs to write beside the database even to read it.
            Err(error) if needs_writing(&error) => {
                let copy = copy_database(dir)?;
                (connect(&copy.path().join(DATABASE))?, Some(copy))
            }
            db => (db?, None),
        };
        schema::check(&db, dir)?;
        Ok(Records {
            _copy: copy,
            ..Records::new(dir, db)
        })
    }

    pub(super) fn new(dir: &Path, db: Connection) -> Records {
        Records {
            dir: dir.to_owned(),
            db,
            _copy: None,
        }
    }

    /// The store's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    pub(super) fn db_mut(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// Every exam, in the order they were first kept.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&self) -> Result<Vec<Listed>, StoreError> {
        self.list("ORDER BY number", [])
    }

    /// The exams that began since midnight where `now` is, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn today(&self, now: &ZonedDateTime) -> Result<Vec<Listed>, StoreError> {
        // A calendar without this midnight has no exams on that day either.
        let midnight = now.start_of_day().unwrap_or_else(|_| now.clone());
        self.list(
            "WHERE began_ms >= ?1 ORDER BY began_ms DESC, number DESC",
            [midnight.timestamp().as_millisecond()],
        )
    }

    /// When the latest exam ended; none when there is no exam.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        let latest: Option<i64> =
            self.db
                .query_row("SELECT max(ended_ms) FROM exams", [], |row| row.get(0))?;
        Ok(latest.map(entry::timestamp))
    }

    /// The number of the exam that `name` names: its id, or else its number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let number = name.parse::<i64>().ok();
        let found = self
            .db
            .query_row(
                "SELECT number FROM exams WHERE id = ?1 OR number = ?2 ORDER BY id = ?1 DESC",
                (name, number),
                |row| row.get(0),
            )
            .optional()?;
        Ok(found)
    }

    /// The exam of that number; none when there is no such exam.
    ///
    /// # Errors
    /// When the database, or what it holds of the exam, cannot be read.
    pub fn get(&self, number: i64) -> Result<Option<StoredExam>, StoreError> {
        let row: Option<(String, String)> = self
            .db
            .query_row(
                "SELECT record, provenance FROM exams WHERE number = ?1",
                [number],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((record, provenance)) = row else {
            return Ok(None);
        };
        Ok(Some(StoredExam {
            number,
            record: entry::from_json(number, &record)?,
            provenance: entry::from_json(number, &provenance)?,
            photographs: self.photographs(number)?.into_iter().collect(),
        }))
    }

    /// The file of a photograph.
    ///
    /// # Errors
    /// When its hash is none.
    pub fn photograph_path(&self, photograph: &Photograph) -> Result<PathBuf, StoreError> {
        match photographs::place(&photograph.sha256) {
            Some(place) => Ok(self.dir.join(PHOTOGRAPHS_FOLDER).join(place)),
            None => Err(StoreError::Damaged(format!(
                "{:?} is not a SHA-256",
                photograph.sha256
            ))),
        }
    }

    fn photographs(&self, exam: i64) -> Result<Vec<(ShotId, Photograph)>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT shot, sha256, bytes, width, height
             FROM shots JOIN photographs ON photograph = sha256 WHERE exam = ?1",
        )?;
        let rows = query.query_map([exam], |row| {
            let photograph = Photograph {
                sha256: row.get(1)?,
                bytes: row.get(2)?,
                width: row.get(3)?,
                height: row.get(4)?,
            };
            Ok((ShotId(row.get::<_, i64>(0)?.cast_unsigned()), photograph))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn list(&self, which: &str, parameters: impl Params) -> Result<Vec<Listed>, StoreError> {
        let sql = format!("SELECT {} FROM exams {which}", Listed::COLUMNS);
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query(parameters)?;
        let mut listed = Vec::new();
        while let Some(row) = rows.next()? {
            listed.push(Listed::read(row)?);
        }
        Ok(listed)
    }
}

/// Opens a database for reading and reads from it, so that it is known to work.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(db)
}

fn needs_writing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

/// The database with the log of what is not folded into it yet, in a temporary
/// folder for the owner's eyes alone.
fn copy_database(dir: &Path) -> Result<TempDir, StoreError> {
    let temporary = std::env::temp_dir();
    let copy = TempDir::new().map_err(|error| StoreError::write(&temporary, error))?;
    for name in [DATABASE.to_owned(), format!("{DATABASE}-wal")] {
        let (from, to) = (dir.join(&name), copy.path().join(&name));
        if from.is_file() {
            let bytes = fs::read(&from).map_err(|error| StoreError::read(&from, error))?;
            fs::write(&to, bytes).map_err(|error| StoreError::write(&to, error))?;
        }
    }
    Ok(copy)
}
