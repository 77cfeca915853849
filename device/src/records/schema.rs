//! The tables, and how an older file comes to have them.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{typed_reasons, Damage, StoreError, PHOTOGRAPHS_FOLDER};

/// Marks the database as Fovea's: "Fove".
const APPLICATION: i32 = i32::from_be_bytes(*b"Fove");

/// The steps from an empty file to the newest schema; the schema's version is
/// how many were taken. A released step stays as it is, a change is one more.
///
/// What is newly known of an exam goes into its `record` or `provenance`, which
/// are JSON, and needs no step. A step that changes what a sealed row holds
/// seals it again, but only where its old seal was right: damage stays visible.
pub(super) const STEPS: [Step; 3] = [
    Step::Sql(
        "
    CREATE TABLE exams (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        began_ms INTEGER NOT NULL,
        ended_ms INTEGER NOT NULL,
        summary TEXT NOT NULL,
        record TEXT NOT NULL,
        provenance TEXT NOT NULL,
        seal TEXT NOT NULL
    ) STRICT;
    CREATE INDEX exams_by_time ON exams (began_ms);
    CREATE TABLE photographs (
        sha256 TEXT PRIMARY KEY,
        bytes INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        seal TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE shots (
        exam INTEGER NOT NULL REFERENCES exams (number),
        shot INTEGER NOT NULL,
        photograph TEXT NOT NULL REFERENCES photographs (sha256),
        seal TEXT NOT NULL,
        PRIMARY KEY (exam, shot)
    ) STRICT, WITHOUT ROWID;
",
    ),
    // Beside the shots and not a part of their rows: those keep their seals.
    Step::Sql(
        "
    CREATE TABLE profiles (
        sha256 TEXT PRIMARY KEY,
        camera TEXT NOT NULL,
        format INTEGER NOT NULL,
        toml TEXT NOT NULL,
        seal TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE originals (
        exam INTEGER NOT NULL,
        shot INTEGER NOT NULL,
        photograph TEXT NOT NULL REFERENCES photographs (sha256),
        profile TEXT NOT NULL REFERENCES profiles (sha256),
        seal TEXT NOT NULL,
        PRIMARY KEY (exam, shot),
        FOREIGN KEY (exam, shot) REFERENCES shots (exam, shot)
    ) STRICT, WITHOUT ROWID;
",
    ),
    Step::Rewrite(typed_reasons::rewrite),
];

/// One step from a schema to the next.
pub(super) enum Step {
    Sql(&'static str),
    /// Changes what rows hold and seals them again.
    Rewrite(fn(&Connection) -> Result<(), StoreError>),
}

/// The highest number that any exam was ever given, 0 before the first.
pub(super) const LAST_NUMBER: &str =
    "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'exams'";

/// Whether nobody has begun this database: one that somebody else has begun is
/// refused, and so is one without content beside photographs, for it has lost
/// what it held.
pub(super) fn is_new(db: &Connection, dir: &Path) -> Result<bool, StoreError> {
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application(db)?, tables) {
        (APPLICATION, _) => Ok(false),
        (0, 0) if holds_photographs(dir)? => Err(StoreError::Damaged(Damage::Empty)),
        (0, 0) => Ok(true),
        _ => Err(StoreError::Foreign(dir.to_owned())),
    }
}

pub(super) fn holds_photographs(dir: &Path) -> Result<bool, StoreError> {
    let folder = dir.join(PHOTOGRAPHS_FOLDER);
    match fs::read_dir(&folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::read(&folder, error)),
    }
}

/// Takes the steps that the file lacks, all or none.
pub(super) fn migrate(db: &mut Connection, steps: &[Step]) -> Result<(), StoreError> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&change)?;
    let missing = steps.get(found..).ok_or(StoreError::Newer {
        found,
        known: steps.len(),
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    for step in missing {
        match step {
            Step::Sql(sql) => change.execute_batch(sql)?,
            Step::Rewrite(rewrite) => rewrite(&change)?,
        }
    }
    change.pragma_update(None, "application_id", APPLICATION)?;
    change.pragma_update(None, "user_version", steps.len() as i64)?;
    change.commit()?;
    Ok(())
}

/// Refuses a file that this version cannot read as it is.
pub(super) fn check(db: &Connection, dir: &Path) -> Result<(), StoreError> {
    // A power cut may leave this of a store that was just being made.
    if is_new(db, dir)? {
        return Err(StoreError::Missing(dir.to_owned()));
    }
    let (found, known) = (version(db)?, STEPS.len());
    match found.cmp(&known) {
        Ordering::Greater => Err(StoreError::Newer { found, known }),
        Ordering::Less => Err(StoreError::Older { found, known }),
        Ordering::Equal => Ok(()),
    }
}

fn application(db: &Connection) -> rusqlite::Result<i32> {
    db.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// How many steps the file has taken. A negative number is nobody's: it counts
/// as one from the far future.
pub(super) fn version(db: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EYES: &str =
        "CREATE TABLE eyes (id INTEGER PRIMARY KEY) STRICT; INSERT INTO eyes VALUES (7);";
    const MADE_UP: [Step; 2] = [
        Step::Sql(EYES),
        Step::Sql("ALTER TABLE eyes ADD COLUMN side TEXT NOT NULL DEFAULT 'right';"),
    ];

    fn side(db: &Connection) -> rusqlite::Result<String> {
        db.query_row("SELECT side FROM eyes WHERE id = 7", [], |row| row.get(0))
    }

    #[test]
    fn an_older_file_takes_the_steps_it_lacks() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, &MADE_UP[..1]).unwrap();
        assert_eq!(version(&db).unwrap(), 1);
        assert!(side(&db).is_err());
        migrate(&mut db, &MADE_UP).unwrap();
        assert_eq!(version(&db).unwrap(), 2);
        assert_eq!(side(&db).unwrap(), "right");
        migrate(&mut db, &MADE_UP).unwrap();
        assert_eq!(version(&db).unwrap(), 2);
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, &MADE_UP[..1]).unwrap();
        let wrong = [
            Step::Sql(EYES),
            Step::Sql("DROP TABLE eyes; ALTER TABLE nowhere ADD COLUMN x;"),
        ];
        migrate(&mut db, &wrong).unwrap_err();
        assert_eq!(version(&db).unwrap(), 1);
        migrate(&mut db, &MADE_UP).unwrap();
        assert_eq!(side(&db).unwrap(), "right");
    }

    #[test]
    fn a_newer_file_is_refused_and_not_touched() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, &MADE_UP).unwrap();
        let error = migrate(&mut db, &MADE_UP[..1]).unwrap_err();
        assert!(
            error.to_string().contains("schema 2") && error.to_string().contains("newer version"),
            "{error}"
        );
        assert_eq!(version(&db).unwrap(), 2);
    }
}
