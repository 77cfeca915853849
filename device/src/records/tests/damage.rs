//! What verification finds, and what it says of it.

use std::fs;
use std::os::unix::fs::symlink;

use rusqlite::Connection;

use super::*;

/// What `verify` says of a store of three exams after `harm`.
fn faults_after(harm: impl FnOnce(&Path, &Connection)) -> Vec<String> {
    let mut clinic = Clinic::with_exams(3);
    clinic.close();
    let db = Connection::open(clinic.dir().join(DATABASE)).unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    harm(&clinic.dir(), &db);
    drop(db);
    let found = clinic.verify();
    found.faults.iter().map(Fault::to_string).collect()
}

fn after_sql(sql: &str) -> Vec<String> {
    faults_after(|_, db| db.execute_batch(sql).unwrap())
}

fn photograph(dir: &Path) -> PathBuf {
    files_below(&dir.join(PHOTOGRAPHS_FOLDER)).remove(0)
}

#[test]
fn a_store_that_was_left_alone_is_whole() {
    assert_eq!(faults_after(|_, _| {}), [""; 0]);
}

#[test]
fn every_column_is_sealed() {
    for (table, change, key) in [
        ("exams", "id = 'other'", "2"),
        ("exams", "began_ms = began_ms + 1", "2"),
        ("exams", "ended_ms = ended_ms + 1", "2"),
        (
            "exams",
            "summary = replace(summary, 'refer', 'no_verdict')",
            "2",
        ),
        ("exams", "record = replace(record, '0.8125', '0.0125')", "2"),
        (
            "exams",
            "provenance = replace(provenance, 'north', 'south')",
            "2",
        ),
        ("exams", "seal = 'none'", "2"),
        ("photographs", "bytes = bytes + 1", ""),
        ("photographs", "width = width + 1", ""),
        ("photographs", "height = height + 1", ""),
    ] {
        let which = match table {
            "exams" => "number = 2",
            _ => "sha256 = (SELECT min(sha256) FROM photographs)",
        };
        let faults = after_sql(&format!("UPDATE {table} SET {change} WHERE {which}"));
        let [fault] = &faults[..] else {
            panic!("{change}: {faults:?}");
        };
        let said = format!("row {key}");
        assert!(fault.starts_with(&said) && fault.contains(table), "{fault}");
    }
}

#[test]
fn a_shot_cannot_be_given_another_photograph() {
    let faults = after_sql(
        "UPDATE shots SET photograph = (SELECT photograph FROM shots WHERE shot = 2) WHERE shot = 5",
    );
    assert_eq!(
        faults,
        ["row 2 5 of the table shots was changed after it was saved"]
    );
}

#[test]
fn rows_that_are_gone_are_missed() {
    for number in [2, 3] {
        let faults = after_sql(&format!(
            "DELETE FROM shots WHERE exam = {number}; DELETE FROM exams WHERE number = {number};"
        ));
        assert_eq!(faults, [format!("exam {number} was saved but is missing")]);
    }
    assert_eq!(
        after_sql("DELETE FROM shots WHERE shot = 4"),
        ["exam 2 names 2 photographs but has 1"]
    );
    let faults = after_sql(
        "DELETE FROM photographs WHERE sha256 = (SELECT photograph FROM shots WHERE shot = 4)",
    );
    assert_eq!(
        faults,
        [
            "the database is damaged: a row of shots names one of photographs that is missing",
            "exam 2 names 2 photographs but has 1"
        ]
    );
}

#[test]
fn a_record_that_is_none_is_said_to_be_so_and_the_others_are_read() {
    let faults = after_sql("UPDATE exams SET record = '{', seal = seal WHERE number = 1");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("row 1 of the table exams"),
        "{faults:?}"
    );
    assert!(faults[1].starts_with("exam 1 cannot be read"), "{faults:?}");
}

#[test]
fn a_hash_that_leads_elsewhere_opens_nothing() {
    let faults = after_sql(
        "UPDATE photographs SET sha256 = '../../../../etc/passwd'
         WHERE sha256 = (SELECT photograph FROM shots WHERE shot = 4)",
    );
    assert!(
        faults[1].starts_with("row ../../../../etc/passwd of the table photographs"),
        "{faults:?}"
    );
    assert!(!faults.iter().any(|fault| fault.starts_with("/etc")));
}

#[test]
fn a_photograph_that_changed_or_went_is_named() {
    let said = |dir: &Path, path: &Path| path.strip_prefix(dir).unwrap().display().to_string();
    let mut expected = String::new();
    let faults = faults_after(|dir, _| {
        let path = photograph(dir);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        expected = format!(
            "{} was changed or damaged after it was saved",
            said(dir, &path)
        );
    });
    assert_eq!(faults, [expected.clone()]);
    let faults = faults_after(|dir, _| {
        fs::write(photograph(dir), b"").unwrap();
    });
    assert_eq!(faults, [expected.clone()]);
    let faults = faults_after(|dir, _| {
        let path = photograph(dir);
        fs::remove_file(&path).unwrap();
        expected = format!("{} is missing", said(dir, &path));
    });
    assert_eq!(faults, [expected]);
}

#[test]
fn files_of_others_are_named() {
    let faults = faults_after(|dir, _| {
        let photographs = dir.join(PHOTOGRAPHS_FOLDER);
        let name = format!("{}.png", "ab".repeat(32));
        fs::write(photographs.join("notes.txt"), b"call back").unwrap();
        fs::write(photographs.join(&name), b"in the wrong place").unwrap();
        fs::create_dir_all(photographs.join("ab/deeper")).unwrap();
        symlink("/etc/passwd", photographs.join("ab").join(&name)).unwrap();
        fs::write(photographs.join("ab/\u{1b}[2J.png"), b"").unwrap();
    });
    assert_eq!(faults.len(), 5, "{faults:?}");
    for fault in &faults {
        assert!(fault.ends_with("is not one of Fovea's files"), "{fault}");
        assert!(!fault.contains('\u{1b}'), "{fault:?}");
    }
}

#[test]
fn a_database_that_was_cut_short_is_said_to_be_damaged() {
    let mut clinic = Clinic::with_exams(20);
    clinic.close();
    let path = clinic.dir().join(DATABASE);
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 100, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..length]).unwrap();
        let damaged = match Records::open(&clinic.dir()).and_then(|records| records.verify()) {
            Ok(found) => found.faults.iter().any(|f| matches!(f, Fault::Database(_))),
            Err(StoreError::Damaged(_)) => true,
            Err(other) => panic!("{length}: {other}"),
        };
        assert!(damaged, "{length}");
        if let Err(error) = Store::open(&clinic.dir()) {
            assert!(matches!(error, StoreError::Damaged(_)), "{length}: {error}");
        }
        assert_eq!(fs::read(&path).unwrap(), &whole[..length], "{length}");
    }
}

#[test]
fn what_is_not_a_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let error = Records::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("there is no store"), "{error}");
    let path = folder.path().join(DATABASE);
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE accounts (owner)").unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    for error in [
        Store::open(folder.path()).unwrap_err(),
        Records::open(folder.path()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("not Fovea's"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(
        &path,
        "a letter to the editor, long enough to be taken for a header of a file of records",
    )
    .unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[test]
fn a_store_of_another_version_is_refused() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    clinic.close();
    let set = |version: i64| {
        let db = Connection::open(clinic.dir().join(DATABASE)).unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
    };
    let known = schema::STEPS.len() as i64;
    for newer in [known + 1, i64::from(i32::MAX), -1] {
        set(newer);
        for error in [
            Store::open(&clinic.dir()).unwrap_err(),
            Records::open(&clinic.dir()).unwrap_err(),
        ] {
            assert!(error.to_string().contains("newer version"), "{error}");
        }
    }
    set(0);
    let error = Records::open(&clinic.dir()).unwrap_err();
    assert!(
        error.to_string().contains("start `fovea run` once"),
        "{error}"
    );
    set(known);
    assert_eq!(
        Records::open(&clinic.dir())
            .unwrap()
            .all()
            .unwrap()
            .exams
            .len(),
        1
    );
}

#[test]
fn one_damaged_row_hides_no_other() {
    let mut clinic = Clinic::with_exams(5);
    let sql = "UPDATE exams SET summary = '{' WHERE number = 2;
               UPDATE exams SET began_ms = began_ms + 1 WHERE number = 4;
               UPDATE exams SET summary = CAST(x'7bff' AS TEXT) WHERE number = 5;";
    clinic.harm(sql);
    let listing = clinic.store().records().all().unwrap();
    let listed: Vec<(i64, bool)> = listing
        .exams
        .iter()
        .map(|e| (e.number, e.changed))
        .collect();
    assert_eq!(listed, [(1, false), (3, false), (4, true)]);
    let said: Vec<String> = listing.faults.iter().map(Fault::to_string).collect();
    assert!(said[0].starts_with("exam 2 cannot be read"), "{said:?}");
    assert_eq!(
        said[1],
        "row 4 of the table exams was changed after it was saved"
    );
    assert!(said[2].starts_with("exam 5 cannot be read"), "{said:?}");

    let shown = clinic.store().records().get(4).unwrap().unwrap();
    assert_eq!(shown.faults.len(), 1);
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["faults"][0], said[1]);
    assert!(clinic
        .store()
        .records()
        .get(3)
        .unwrap()
        .unwrap()
        .faults
        .is_empty());
}

#[test]
fn one_exam_under_a_wrong_clock_does_not_set_the_time() {
    let mut clinic = Clinic::new();
    assert_eq!(clinic.store().records().latest().unwrap(), None);
    let ends = |number: u64, unix_ms: i64, clinic: &mut Clinic| {
        let mut exam = exam(number);
        exam.began.unix_ms = unix_ms;
        put(clinic.store(), &exam);
        clinic.store().save(&exam, &provenance()).unwrap();
        clinic.store().records().latest().unwrap().unwrap()
    };
    const YEAR: i64 = 365 * 86_400_000;
    let usual = ends(1, BEGAN, &mut clinic);
    for (number, wrong) in [(2, BEGAN + 30 * YEAR), (5, BEGAN + 30 * YEAR)] {
        assert_eq!(ends(number, wrong, &mut clinic), usual);
        assert_eq!(ends(number + 1, BEGAN, &mut clinic), usual);
    }
    let mut back = Clinic::new();
    for number in 1..=4 {
        ends(number, BEGAN, &mut back);
    }
    assert_eq!(ends(5, 0, &mut back), usual);
}
