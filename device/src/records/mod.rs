//! The record of every exam, on disk.
//!
//! A store is a folder of three parts:
//!
//! | path | what |
//! |---|---|
//! | `records.sqlite` | one row per exam, photograph and shot, see `schema.rs` |
//! | `photographs/ab/abcd….png` | the stills, each under the SHA-256 of its file; where a camera's profile is applied, the corrected one and the original |
//! | `lock` | held by the one program that may write |
//!
//! The plug may be pulled at any moment. A photograph is on the disk, name and
//! all, before a row speaks of it; an exam and its shots are one transaction,
//! and [`Store::save`] returns after that has reached the disk. What a cut
//! leaves behind is therefore a photograph without an exam at worst, and
//! [`Records::verify`] tells it from a fault.
//!
//! Rows carry a seal, the SHA-256 of what they hold, and photographs are named
//! by theirs: a failing disk and a careless hand are found. It is no defence
//! against someone who forges both.
//!
//! The files hold patients' data and are for their owner's eyes alone (modes
//! 0700 and 0600).

mod entry;
mod error;
mod export;
mod look;
mod originals;
mod photographs;
mod read;
mod room;
mod row;
mod schema;
mod typed_reasons;
mod verify;
mod words;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fovea_core::files::sync_folder;
use image::RgbImage;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

pub use entry::{moment, Listed, Listing, Provenance, StoredExam, Summary};
pub use error::{Damage, Encoded, StoreError};
pub use export::Exported;
pub use look::{look, Glance};
pub use originals::{Original, Profile};
pub use photographs::Photograph;
pub use read::Records;
pub use room::{Room, Stills};
pub use verify::{Fault, Verification};
pub use words::{eye_words, overall_words, words};

use crate::exam::words::Eye;
use crate::exam::{Ending, ExamRecord, ShotId};
use crate::files;
use row::{EXAMS, ORIGINALS, PHOTOGRAPHS, PROFILES, SHOTS};

/// The database's file.
const DATABASE: &str = "records.sqlite";
/// The folder of the photographs.
const PHOTOGRAPHS_FOLDER: &str = "photographs";
const LOCK: &str = "lock";

/// How long to wait for a program that is just ending to let the store go, as
/// when the device is started again.
const HANDOVER: Duration = Duration::from_millis(500);

/// The store, open for writing. There is one at a time.
#[derive(Debug)]
pub struct Store {
    records: Records,
    /// Photographs that are on the disk and whose exam has not ended.
    waiting: BTreeMap<ShotId, Waiting>,
    /// Locked as long as this lives, and by no crash longer than the process.
    _lock: File,
}

/// The photographs on the disk whose exam has not ended: what a store that is opened
/// anew in the middle of an exam must be told.
#[derive(Debug, Default)]
pub struct Unended(BTreeMap<ShotId, Waiting>);

/// A photograph whose exam has not ended.
#[derive(Debug)]
struct Waiting {
    photograph: Photograph,
    /// What it was made of, where a camera's profile was applied.
    original: Option<Original>,
}

/// An exam that will survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The exam's place among all of this store, from 1.
    pub number: i64,
}

impl Store {
    /// Opens the store in `dir`, or begins one there, and brings an older
    /// schema up to date.
    ///
    /// # Errors
    /// When another program writes to it, when it was written by a newer
    /// version, and when it is damaged, not a store, or cannot be written to.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let unusable = |error| StoreError::open(dir, dir, error);
        files::private_folder(dir).map_err(unusable)?;
        let lock = lock(dir)?;
        let photographs = dir.join(PHOTOGRAPHS_FOLDER);
        files::private_folder(&photographs).map_err(unusable)?;
        photographs::sweep(&photographs).map_err(unusable)?;
        Ok(Store {
            records: Records::new(dir, open_database(dir)?),
            waiting: BTreeMap::new(),
            _lock: lock,
        })
    }

    /// Closes the store in the middle of an exam.
    pub fn into_unended(self) -> Unended {
        Unended(self.waiting)
    }

    /// Goes on with an exam that began before this store was opened.
    pub fn take_up(&mut self, unended: Unended) {
        self.waiting.extend(unended.0);
    }

    /// What is in the store.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// How much the disk has left, and how much must be free for one more exam
    /// with such `stills`: at least `least` bytes.
    ///
    /// # Errors
    /// When the disk does not say.
    pub fn room(&self, stills: Stills, least: u64) -> Result<Room, StoreError> {
        Room::of(self.records.dir(), stills, least)
    }

    /// Keeps the photograph of `shot`, so that it is on the disk when this
    /// returns. Meant for the moment after the capture: a cut before the exam
    /// is saved then loses no pixels.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left of it then.
    pub fn put_photograph(&mut self, shot: ShotId, pixels: &RgbImage) -> Result<(), StoreError> {
        let photograph = self.put(pixels)?;
        let original = None;
        let waiting = Waiting {
            photograph,
            original,
        };
        self.waiting.insert(shot, waiting);
        Ok(())
    }

    /// The same for a photograph that `profile` made of `original`, which is
    /// kept beside it.
    ///
    /// # Errors
    /// When either cannot be written. The original goes first: of the two it is
    /// the one that cannot be made again, and it may be left then.
    pub fn put_corrected(
        &mut self,
        shot: ShotId,
        pixels: &RgbImage,
        original: &RgbImage,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        let original = Original {
            photograph: self.put(original)?,
            profile: profile.clone(),
        };
        let waiting = Waiting {
            photograph: self.put(pixels)?,
            original: Some(original),
        };
        self.waiting.insert(shot, waiting);
        Ok(())
    }

    fn put(&self, pixels: &RgbImage) -> Result<Photograph, StoreError> {
        photographs::put(&self.records.dir().join(PHOTOGRAPHS_FOLDER), pixels)
    }

    /// Keeps an exam. Its photographs have been put before.
    ///
    /// One that still goes on ([`Ending::Interrupted`]) is replaced by later
    /// saves, and is what a power cut leaves. One that came to its end does not
    /// change any more; to save it again as it is does nothing and succeeds, so
    /// that a caller who missed the answer may ask again.
    ///
    /// # Errors
    /// When it cannot be kept; the store is then as it was.
    pub fn save(
        &mut self,
        exam: &ExamRecord,
        provenance: &Provenance,
    ) -> Result<Saved, StoreError> {
        let change = self
            .records
            .db_mut()
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = match earlier(&change, exam)? {
            None => next_number(&change)?,
            Some(earlier) if earlier.ending == Ending::Interrupted => earlier.number,
            Some(Earlier { number, record, .. }) if record == entry::json(exam)? => {
                return Ok(Saved { number })
            }
            Some(_) => return Err(StoreError::Ended(exam.id.clone())),
        };
        change.execute("DELETE FROM originals WHERE exam = ?1", [number])?;
        change.execute("DELETE FROM shots WHERE exam = ?1", [number])?;
        EXAMS.put(&change, entry::exam_row(number, exam, provenance)?)?;
        for shot in shots(exam) {
            let waiting = self.waiting.get(&shot);
            let Waiting {
                photograph,
                original,
            } = waiting.ok_or(StoreError::NoPhotograph(shot))?;
            PHOTOGRAPHS.put(&change, photograph.row())?;
            SHOTS.put(&change, entry::shot_row(number, shot, photograph))?;
            if let Some(original) = original {
                PHOTOGRAPHS.put(&change, original.photograph.row())?;
                PROFILES.put(&change, original.profile.row())?;
                ORIGINALS.put(&change, original.row(number, shot))?;
            }
        }
        change.commit()?;
        if exam.ending != Ending::Interrupted {
            for shot in shots(exam) {
                self.waiting.remove(&shot);
            }
        }
        Ok(Saved { number })
    }
}

/// Takes the store for this process.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let file = files::private_file(&path).map_err(|error| StoreError::open(dir, &path, error))?;
    let end = Instant::now() + HANDOVER;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                thread::sleep(HANDOVER / 20);
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(StoreError::open(dir, &path, error)),
        }
    }
}

fn open_database(dir: &Path) -> Result<Connection, StoreError> {
    let path = dir.join(DATABASE);
    let unusable = |error| StoreError::open(dir, &path, error);
    // SQLite gives its other files the mode of this one.
    files::private_file(&path).map_err(unusable)?;
    sync_folder(dir).map_err(unusable)?;
    let mut db = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Somebody else's file, or one that lost what it held, is refused before it is changed.
    schema::is_new(&db, dir)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut db, &schema::STEPS)?;
    Ok(db)
}

/// What the store has of an exam.
struct Earlier {
    number: i64,
    ending: Ending,
    record: String,
}

fn earlier(change: &Transaction, exam: &ExamRecord) -> Result<Option<Earlier>, StoreError> {
    let found: Option<(i64, String, String)> = change
        .query_row(
            "SELECT number, summary, record FROM exams WHERE id = ?1",
            [&exam.id.0],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((number, summary, record)) = found else {
        return Ok(None);
    };
    let Summary { ending, .. } = entry::from_json(number, &summary)?;
    Ok(Some(Earlier {
        number,
        ending,
        record,
    }))
}

/// Numbers are never given twice, so that a missing exam leaves a gap.
fn next_number(change: &Transaction) -> Result<i64, StoreError> {
    let last: i64 = change.query_row(schema::LAST_NUMBER, [], |row| row.get(0))?;
    Ok(last + 1)
}

fn shots(exam: &ExamRecord) -> impl Iterator<Item = ShotId> + '_ {
    Eye::BOTH
        .into_iter()
        .flat_map(|eye| &exam.eye(eye).shots)
        .map(|shot| shot.id)
}
