//! A look that leaves no trace. What `fovea check` makes of it is tested with
//! the rest of its parts.

use std::fs;

use super::*;
use crate::language::{InWords as _, Language, Texts};

fn said(glance: &Glance) -> String {
    glance.in_words(Texts::of(Language::English))
}

#[test]
fn what_is_there_is_told() {
    let mut clinic = Clinic::with_exams(2);
    let told = |clinic: &Clinic| look(&clinic.dir()).unwrap().unwrap();
    let expected = Glance {
        exams: 2,
        latest: clinic.store().records().latest().unwrap(),
        migrates: None,
        half_written: 0,
    };
    assert!(expected.latest.is_some());
    assert_eq!(told(&clinic), expected, "while a device has it");
    assert_eq!(said(&expected), "2 exams");
    clinic.close();
    assert_eq!(told(&clinic), expected);
    for name in [".new-a", ".new-b"] {
        fs::write(clinic.dir().join(PHOTOGRAPHS_FOLDER).join(name), b"half").unwrap();
    }
    assert_eq!(
        said(&told(&clinic)),
        "2 exams; 2 half-written photographs are removed at the next start"
    );
}

#[test]
fn an_exam_that_is_in_the_log_alone_counts() {
    let mut clinic = Clinic::with_exams(1);
    let crashed = tempfile::tempdir().unwrap();
    copy_folder(&clinic.dir(), crashed.path());
    clinic.close();
    let log = crashed.path().join(format!("{DATABASE}-wal"));
    assert!(fs::metadata(log).unwrap().len() > 0);
    let glance = look(crashed.path()).unwrap().unwrap();
    assert_eq!(glance.exams, 1);
}

#[test]
fn a_device_is_not_kept_from_starting() {
    let mut clinic = Clinic::with_exams(1);
    clinic.close();
    look(&clinic.dir()).unwrap().unwrap();
    clinic.store = Some(Store::open(&clinic.dir()).unwrap());
    assert_eq!(clinic.examine(2).id.0, "exam-2");
}

#[test]
fn a_folder_of_any_name_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b", "50%?immutable=0#x", "médecin 眼"] {
        let dir = folder.path().join(name);
        drop(Store::open(&dir).unwrap());
        assert_eq!(look(&dir).unwrap().unwrap().exams, 0, "{name}");
    }
}

#[test]
fn what_a_start_would_refuse_is_refused_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(look(folder.path()).unwrap(), None);
    let path = folder.path().join(DATABASE);
    // A cut while the store was made.
    fs::write(&path, b"").unwrap();
    assert_eq!(look(folder.path()).unwrap(), None);
    fs::remove_file(&path).unwrap();
    let photographs = folder.path().join(PHOTOGRAPHS_FOLDER);
    fs::create_dir_all(photographs.join("ab")).unwrap();
    let error = look(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    fs::write(
        &path,
        "a letter to the editor, and no database, ".repeat(40),
    )
    .unwrap();
    let error = look(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    fs::remove_file(&path).unwrap();
    fs::remove_dir_all(&photographs).unwrap();

    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE accounts (owner)").unwrap();
    drop(db);
    let error = look(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");

    let mut clinic = Clinic::new();
    clinic.harm("PRAGMA user_version = 99");
    clinic.close();
    let error = look(&clinic.dir()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
}
