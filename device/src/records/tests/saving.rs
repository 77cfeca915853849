//! What goes in comes out, once, and under no other name.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::tz::TimeZone;
use jiff::Timestamp;

use super::*;

#[test]
fn an_exam_comes_back_as_it_was_saved() {
    let mut clinic = Clinic::new();
    let saved = clinic.examine(1);
    clinic.examine(2);
    clinic.close();
    let records = Records::open(&clinic.dir()).unwrap();
    let exam = records.get(1).unwrap().unwrap();
    assert_eq!(exam.record, saved);
    assert_eq!(exam.provenance, provenance());
    assert_eq!(exam.photographs.len(), 2);
    for (&shot, photograph) in &exam.photographs {
        let path = records.photograph_path(photograph).unwrap();
        assert_eq!(image::open(path).unwrap().to_rgb8(), picture(shot));
    }
    assert_eq!(records.get(3).unwrap(), None);
    assert_eq!(
        records.latest().unwrap(),
        Some(moment(&saved.began, saved.ended))
    );
}

#[test]
fn exams_are_found_by_number_and_by_id() {
    let mut clinic = Clinic::new();
    clinic.examine(5);
    let mut other = exam(6);
    other.id = ExamId("1".to_owned());
    put(clinic.store(), &other);
    clinic.store().save(&other, &provenance()).unwrap();
    let records = clinic.store().records();
    assert_eq!(records.find("exam-5").unwrap(), Some(1));
    assert_eq!(records.find("2").unwrap(), Some(2));
    assert_eq!(records.find("1").unwrap(), Some(2), "an id before a number");
    for unknown in ["3", "exam", "", "%", "1 OR 1=1", "99999999999999999999"] {
        assert_eq!(records.find(unknown).unwrap(), None, "{unknown}");
    }
}

#[test]
fn saving_again_changes_nothing() {
    let mut clinic = Clinic::new();
    let saved = clinic.examine(1);
    let again = clinic.store().save(&saved, &provenance()).unwrap();
    assert_eq!(again, Saved { number: 1 });
    let mut changed = saved.clone();
    changed.patient.id = "someone else".to_owned();
    let mut late = saved.clone();
    late.ending = Ending::Interrupted;
    put(clinic.store(), &saved);
    for other in [changed, late] {
        let error = clinic.store().save(&other, &provenance()).unwrap_err();
        assert!(error.to_string().contains("does not change"), "{error}");
    }
    let kept = clinic.store().records().get(1).unwrap().unwrap();
    assert_eq!(kept.record, saved);
    assert!(clinic.verify().faults.is_empty());
}

#[test]
fn an_exam_is_replaced_as_it_goes_on() {
    let mut clinic = Clinic::new();
    let whole = exam(1);
    let mut begun = whole.clone();
    begun.right.shots.truncate(1);
    begun.ending = Ending::Interrupted;
    put(clinic.store(), &whole);
    let store = clinic.store();
    let first = store.save(&begun, &provenance()).unwrap();
    let kept = store.records().get(first.number).unwrap().unwrap();
    assert_eq!((&kept.record, kept.photographs.len()), (&begun, 1));
    let listed = store.records().all().unwrap();
    assert_eq!(listed.exams[0].summary.ending, Ending::Interrupted);
    assert_eq!(store.save(&whole, &provenance()).unwrap(), first);
    let kept = store.records().get(first.number).unwrap().unwrap();
    assert_eq!((&kept.record, kept.photographs.len()), (&whole, 2));
    let found = clinic.verify();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.exams, found.interrupted), (1, 0));
}

#[test]
fn an_exam_without_its_photograph_is_not_saved() {
    let mut clinic = Clinic::new();
    let exam = exam(1);
    let shot = exam.right.shots[0].id;
    clinic.store().put_photograph(shot, &picture(shot)).unwrap();
    let error = clinic.store().save(&exam, &provenance()).unwrap_err();
    assert!(
        matches!(error, StoreError::NoPhotograph(ShotId(3))),
        "{error}"
    );
    assert!(clinic.store().records().all().unwrap().exams.is_empty());
    put(clinic.store(), &exam);
    let saved = clinic.store().save(&exam, &provenance()).unwrap();
    assert_eq!(saved.number, 1, "the failure used no number up");
}

#[test]
fn shots_of_the_same_pixels_share_a_file() {
    let mut clinic = Clinic::new();
    for number in [1, 2] {
        let exam = exam(number);
        for shot in shots(&exam) {
            let same = picture(ShotId(7));
            clinic.store().put_photograph(shot, &same).unwrap();
        }
        clinic.store().save(&exam, &provenance()).unwrap();
    }
    let found = clinic.verify();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.exams, found.photographs), (2, 1));
}

#[test]
fn today_begins_at_midnight_where_the_device_stands() {
    let mut clinic = Clinic::new();
    let hour = 3_600_000;
    // 03:04:05 UTC; in this zone the day began at 23:00 UTC.
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    for (number, began) in [
        (1, BEGAN - 5 * hour),
        (2, BEGAN - 4 * hour),
        (3, BEGAN),
        (4, BEGAN - 24 * hour),
    ] {
        let mut exam = exam(number);
        exam.began.unix_ms = began;
        put(clinic.store(), &exam);
        clinic.store().save(&exam, &provenance()).unwrap();
    }
    let now = Timestamp::from_millisecond(BEGAN + hour).unwrap();
    let today = clinic
        .store()
        .records()
        .today(&now.to_zoned_datetime(zone))
        .unwrap();
    let ids: Vec<&str> = today.exams.iter().map(|exam| exam.id.0.as_str()).collect();
    assert_eq!(ids, ["exam-3", "exam-2"]);
    assert_eq!(today.exams[0].summary.patient.age, Some(54));
    assert_eq!(
        today.exams[0].summary.left,
        EyeOutcome::Skipped(SkipReason::Declined)
    );
}

#[test]
fn any_text_is_kept_as_it_is() {
    let mut clinic = Clinic::new();
    let hostile = [
        "",
        "Ægir Ñandú 眼科 مريض 👁\u{200d}🗨",
        "'; DROP TABLE exams; --",
        "../../etc/passwd",
        "a\0b\n\u{1b}[2J\"\\",
        "\u{202e}gnp.exe",
        &"x".repeat(100_000),
    ];
    for (number, text) in (1..).zip(hostile) {
        let mut exam = exam(number);
        exam.id = ExamId(text.to_owned());
        exam.patient.id = text.to_owned();
        exam.patient.note = text.to_owned();
        put(clinic.store(), &exam);
        clinic.store().save(&exam, &provenance()).unwrap();
    }
    for (number, text) in (1..).zip(hostile) {
        let records = clinic.store().records();
        assert_eq!(records.find(text).unwrap(), Some(number));
        let exam = records.get(number).unwrap().unwrap();
        assert_eq!(exam.record.patient.id, text);
        let listed = &records.all().unwrap().exams[number as usize - 1];
        assert_eq!(listed.summary.patient.note, text);
    }
    assert!(clinic.verify().faults.is_empty());
}

#[test]
fn only_one_program_writes_and_any_reads() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let dir = clinic.dir();
    let error = Store::open(&dir).unwrap_err();
    assert!(error.to_string().contains("another fovea"), "{error}");
    let reader = Records::open(&dir).unwrap();
    clinic.examine(2);
    assert_eq!(reader.all().unwrap().exams.len(), 2);
    assert!(reader.verify().unwrap().faults.is_empty());
    clinic.close();
    clinic.store = Some(Store::open(&dir).unwrap());
    assert_eq!(clinic.store().records().all().unwrap().exams.len(), 2);
}

#[test]
fn nobody_else_may_look_into_the_files() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = files_below(&clinic.dir());
    assert!(
        files.len() >= 5,
        "database, log, lock, photographs: {files:?}"
    );
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(mode(&clinic.dir()), 0o700);
    assert_eq!(mode(&clinic.dir().join(PHOTOGRAPHS_FOLDER)), 0o700);
}

#[test]
fn the_store_is_as_durable_as_sqlite_can_be() {
    let mut clinic = Clinic::new();
    let db = clinic.store().records().db();
    let setting = |name: &str| {
        db.query_row(&format!("PRAGMA {name}"), [], |row| {
            row.get::<_, rusqlite::types::Value>(0)
        })
        .unwrap()
    };
    assert_eq!(setting("journal_mode"), "wal".to_owned().into());
    assert_eq!(setting("synchronous"), 2.into());
    assert_eq!(setting("foreign_keys"), 1.into());
}

#[test]
fn a_store_that_is_opened_anew_goes_on_with_the_exam() {
    let mut clinic = Clinic::new();
    let exam = exam(1);
    put(clinic.store(), &exam);
    let unended = clinic.store.take().unwrap().into_unended();
    let mut store = Store::open(&clinic.dir()).unwrap();
    let lost = store.save(&exam, &provenance());
    assert!(matches!(lost, Err(StoreError::NoPhotograph(_))), "{lost:?}");
    store.take_up(unended);
    store.save(&exam, &provenance()).unwrap();
    assert_eq!(
        store.records().get(1).unwrap().unwrap().photographs.len(),
        2
    );
}
