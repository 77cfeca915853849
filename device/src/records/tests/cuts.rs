//! The plug is pulled.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// Where the process that is to be killed keeps its store.
const VICTIM: &str = "FOVEA_STORE_OF_A_VICTIM";

/// Nothing of a photograph that was under way stays, and one that was kept is
/// known not to be part of an exam.
#[test]
fn between_photograph_and_exam() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let under_way = clinic.dir().join("photographs/.new-abc123");
    fs::write(&under_way, b"\x89PNG\r\n\x1a\nhalf").unwrap();
    let lost = exam(2);
    put(clinic.store(), &lost);
    let found = clinic.verify();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.exams, found.photographs), (1, 2));
    assert_eq!(found.unclaimed.len(), 2);
    clinic.store = Some(Store::open(&clinic.dir()).unwrap());
    assert!(!under_way.exists());
    let error = clinic.store().save(&lost, &provenance()).unwrap_err();
    assert!(matches!(error, StoreError::NoPhotograph(_)), "{error}");
}

/// What is left then is no damage: there is no store yet. Beside photographs it is.
#[test]
fn while_the_store_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DATABASE), b"").unwrap();
    let error = Records::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Missing(_)), "{error}");
    Store::open(folder.path()).unwrap();
    Records::open(folder.path()).unwrap();

    fs::write(folder.path().join(DATABASE), b"").unwrap();
    let photographs = folder.path().join(PHOTOGRAPHS_FOLDER);
    fs::create_dir_all(photographs.join("ab")).unwrap();
    for error in [
        Records::open(folder.path()).unwrap_err(),
        Store::open(folder.path()).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    }
}

#[test]
fn in_the_middle_of_an_exam() {
    let mut clinic = Clinic::new();
    let mut begun = exam(1);
    begun.ending = Ending::Interrupted;
    put(clinic.store(), &begun);
    clinic.store().save(&begun, &provenance()).unwrap();
    let found = clinic.verify();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.exams, found.interrupted), (1, 1));
    clinic.store = Some(Store::open(&clinic.dir()).unwrap());
    assert_eq!(clinic.examine(2).id.0, "exam-2");
    let listed = clinic.store().records().all().unwrap();
    assert_eq!(
        listed
            .exams
            .iter()
            .map(|exam| exam.summary.ending)
            .collect::<Vec<_>>(),
        [Ending::Interrupted, Ending::Completed]
    );
}

/// The log of the database is cut wherever a disk may have stopped writing
/// it: the exams before the cut are all there, and nothing of the one in it.
#[test]
fn in_the_middle_of_a_write() {
    let mut clinic = Clinic::new();
    let log = |dir: &Path| dir.join(format!("{DATABASE}-wal"));
    let length = |dir: &Path| fs::metadata(log(dir)).unwrap().len();
    clinic.examine(1);
    let safe = length(&clinic.dir());
    clinic.examine(2);
    let whole = length(&clinic.dir());
    assert!(safe > 0 && whole > safe + 4096);
    let cuts = (safe..whole).step_by(512).chain([whole]);
    for cut in cuts {
        let after = tempfile::tempdir().unwrap();
        copy_folder(&clinic.dir(), after.path());
        let file = File::options().write(true).open(log(after.path())).unwrap();
        file.set_len(cut).unwrap();
        let mut store = Store::open(after.path()).unwrap();
        let found = store.records().verify().unwrap();
        assert!(found.faults.is_empty(), "cut at {cut}: {:?}", found.faults);
        let kept = if cut == whole { 2 } else { 1 };
        assert_eq!(
            (found.exams, found.photographs),
            (kept, 2 * kept),
            "cut at {cut}"
        );
        assert_eq!(found.unclaimed.len(), 4 - 2 * kept);
        put(&mut store, &exam(3));
        let saved = store.save(&exam(3), &provenance()).unwrap();
        assert_eq!(saved.number, kept as i64 + 1);
    }
}

/// A real process is killed while it saves, at once after it said so of the
/// first, the second, ... exam.
#[test]
fn at_any_moment_of_a_process() {
    for last in 1..=6 {
        let folder = tempfile::tempdir().unwrap();
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg(format!(
                "{}::victim",
                module_path!().split_once("::").unwrap().1
            ))
            .env(VICTIM, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let mut told = lines
            .map_while(Result::ok)
            .filter(|line| line.starts_with("saved "));
        let heard = told.by_ref().take(last).count();
        victim.kill().unwrap();
        victim.wait().unwrap();
        // What it said between the last line read and its death counts too.
        let heard = heard + told.count();
        assert!(heard >= last);
        let store = Store::open(folder.path()).unwrap();
        let found = store.records().verify().unwrap();
        assert!(found.faults.is_empty(), "{:?}", found.faults);
        assert!(found.exams >= heard);
        for number in 1..=heard as u64 {
            let kept = store.records().get(number as i64).unwrap().unwrap();
            assert_eq!(kept.record, exam(number));
        }
    }
}

#[test]
#[ignore = "started, and killed, by the test above"]
fn victim() {
    let Some(dir) = std::env::var_os(VICTIM) else {
        return; // run by hand: there is nobody to kill it
    };
    let mut store = Store::open(Path::new(&dir)).unwrap();
    for number in 1.. {
        let exam = exam(number);
        put(&mut store, &exam);
        store.save(&exam, &provenance()).unwrap();
        println!("saved {number}");
    }
}
