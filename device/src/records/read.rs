//! Reading the store, also while a device writes to it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ZonedDateTime};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Params, Row};
use tempfile::TempDir;

use super::row::{EXAMS, ORIGINALS, PHOTOGRAPHS, PROFILES, SHOTS};
use super::{
    entry, photographs, schema, verify, Damage, Fault, Listed, Listing, Original, Photograph,
    Profile, StoreError, StoredExam, DATABASE, PHOTOGRAPHS_FOLDER,
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
        match fs::metadata(&path) {
            Ok(about) if about.is_file() => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(StoreError::read(&path, error));
            }
            _ => return Err(StoreError::Missing(dir.to_owned())),
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
    pub fn all(&self) -> Result<Listing, StoreError> {
        self.list("ORDER BY number", [])
    }

    /// The number of every exam.
    pub(super) fn numbers(&self) -> Result<BTreeSet<i64>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT number FROM exams")?;
        let numbers = query.query_map([], |row| row.get(0))?;
        Ok(numbers.collect::<rusqlite::Result<_>>()?)
    }

    /// How many exams there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&self) -> Result<usize, StoreError> {
        self.number("SELECT count(*) FROM exams")
    }

    /// The number that a query for nothing else gives.
    pub(super) fn number(&self, query: &str) -> Result<usize, StoreError> {
        let number: i64 = self.db.query_row(query, [], |row| row.get(0))?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    /// The exams that began since midnight where `now` is, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn today(&self, now: &ZonedDateTime) -> Result<Listing, StoreError> {
        // A calendar without this midnight has no exams on that day either.
        let midnight = now.start_of_day().unwrap_or_else(|_| now.clone());
        self.list(
            "WHERE began_ms >= ?1 ORDER BY began_ms DESC, number DESC",
            [midnight.timestamp().as_millisecond()],
        )
    }

    /// About when the latest exams ended: of the last five that were kept the
    /// one in the middle, so that one exam under a wrong clock does not count.
    /// None when there is no exam.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn latest(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT ended_ms FROM exams ORDER BY number DESC LIMIT 5")?;
        let ended = query.query_map([], |row| row.get(0))?;
        let mut ended: Vec<i64> = ended.collect::<rusqlite::Result<_>>()?;
        ended.sort_unstable();
        let middle = ended.len().saturating_sub(1) / 2;
        Ok(ended.get(middle).copied().map(entry::timestamp))
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
        let mut exam = self.read(number)?;
        if let Some(exam) = &mut exam {
            exam.faults = self.broken_rows(number)?;
            exam.faults.extend(verify::missing(exam));
        }
        Ok(exam)
    }

    /// [`Records::get`] without a look at the seals and for what is missing.
    pub(super) fn read(&self, number: i64) -> Result<Option<StoredExam>, StoreError> {
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
            originals: self.originals(number)?.into_iter().collect(),
            faults: Vec::new(),
        }))
    }

    /// The rows of an exam that were changed after they were saved.
    fn broken_rows(&self, exam: i64) -> Result<Vec<Fault>, StoreError> {
        let mut broken = EXAMS.broken(&self.db, "WHERE number = ?1", [exam])?;
        broken.extend(SHOTS.broken(&self.db, "WHERE exam = ?1", [exam])?);
        broken.extend(ORIGINALS.broken(&self.db, "WHERE exam = ?1", [exam])?);
        let its = "WHERE sha256 IN (SELECT photograph FROM shots WHERE exam = ?1
                   UNION SELECT photograph FROM originals WHERE exam = ?1)";
        broken.extend(PHOTOGRAPHS.broken(&self.db, its, [exam])?);
        let its = "WHERE sha256 IN (SELECT profile FROM originals WHERE exam = ?1)";
        broken.extend(PROFILES.broken(&self.db, its, [exam])?);
        Ok(broken)
    }

    /// The file of a photograph.
    ///
    /// # Errors
    /// When its hash is none.
    pub fn photograph_path(&self, photograph: &Photograph) -> Result<PathBuf, StoreError> {
        match photographs::place(&photograph.sha256) {
            Some(place) => Ok(self.dir.join(PHOTOGRAPHS_FOLDER).join(place)),
            None => Err(StoreError::Damaged(Damage::NoHash(
                photograph.sha256.clone(),
            ))),
        }
    }

    fn photographs(&self, exam: i64) -> Result<Vec<(ShotId, Photograph)>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT shot, sha256, bytes, width, height
             FROM shots JOIN photographs ON photograph = sha256 WHERE exam = ?1",
        )?;
        let rows = query.query_map([exam], photograph_of_shot)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn originals(&self, exam: i64) -> Result<Vec<(ShotId, Original)>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT shot, photographs.sha256, bytes, width, height,
                    profiles.sha256, camera, format, toml
             FROM originals
             JOIN photographs ON photograph = photographs.sha256
             JOIN profiles ON profile = profiles.sha256
             WHERE exam = ?1",
        )?;
        let rows = query.query_map([exam], |row| {
            let (shot, photograph) = photograph_of_shot(row)?;
            let profile = Profile {
                sha256: row.get(5)?,
                camera: row.get(6)?,
                format: row.get(7)?,
                toml: row.get(8)?,
            };
            let original = Original {
                photograph,
                profile,
            };
            Ok((shot, original))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Exams that cannot be read do not keep the others from being listed.
    fn list(&self, which: &str, parameters: impl Params) -> Result<Listing, StoreError> {
        let mut query = self.db.prepare_cached(&EXAMS.select(which))?;
        let mut rows = query.query(parameters)?;
        let mut listing = Listing::default();
        loop {
            let row = match rows.next().map_err(StoreError::from) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(listing),
                Err(StoreError::Damaged(damage)) => {
                    listing.faults.push(Fault::Database(damage.to_string()));
                    return Ok(listing);
                }
                Err(error) => return Err(error),
            };
            match Listed::read(row) {
                Ok(exam) => {
                    listing.faults.extend(exam.changed.then(|| Fault::Row {
                        table: EXAMS.name,
                        key: exam.number.to_string(),
                    }));
                    listing.exams.push(exam);
                }
                Err(error) => {
                    let number = row.get(0).unwrap_or_default();
                    listing.faults.push(Fault::unreadable(number, error));
                }
            }
        }
    }
}

/// A shot and its photograph, from a row that begins with `shot`, `sha256`,
/// `bytes`, `width` and `height`.
fn photograph_of_shot(row: &Row<'_>) -> rusqlite::Result<(ShotId, Photograph)> {
    let photograph = Photograph {
        sha256: row.get(1)?,
        bytes: row.get(2)?,
        width: row.get(3)?,
        height: row.get(4)?,
    };
    Ok((ShotId(row.get::<_, i64>(0)?.cast_unsigned()), photograph))
}

/// Opens a database for reading and reads from it, so that it is known to work.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
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

/// The database with the log of what is not folded into it yet, or of what is
/// not taken back, in a temporary folder for the owner's eyes alone.
pub(super) fn copy_database(dir: &Path) -> Result<TempDir, StoreError> {
    let temporary = std::env::temp_dir();
    let copy = TempDir::new().map_err(|error| StoreError::write(&temporary, error))?;
    for end in ["", "-wal", "-journal"] {
        let name = format!("{DATABASE}{end}");
        let (from, to) = (dir.join(&name), copy.path().join(&name));
        if from.is_file() {
            fs::copy(&from, &to).map_err(|error| StoreError::write(&to, error))?;
        }
    }
    Ok(copy)
}
