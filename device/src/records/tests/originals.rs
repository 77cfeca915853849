//! Photographs that a camera's profile was applied to are kept as they were
//! taken, too.

use std::fs;

use super::*;

fn profile() -> Profile {
    let toml = "format = 1\ncamera = \"north\"\n".to_owned();
    Profile {
        sha256: fovea_core::bundle::sha256_hex(toml.as_bytes()),
        camera: "north".to_owned(),
        format: 1,
        toml,
    }
}

fn corrected() -> Provenance {
    Provenance {
        camera_profile: Some(profile().sha256),
        originals: true,
        ..provenance()
    }
}

/// What the camera gave for [`picture`].
fn taken(shot: ShotId) -> RgbImage {
    let mut pixels = picture(shot);
    pixels.pixels_mut().for_each(|pixel| pixel[2] += 100);
    pixels
}

fn put_corrected(store: &mut Store, exam: &ExamRecord) {
    for shot in shots(exam) {
        store
            .put_corrected(shot, &picture(shot), &taken(shot), &profile())
            .unwrap();
    }
}

/// A store with one exam of two corrected photographs.
fn clinic() -> Clinic {
    let mut clinic = Clinic::new();
    put_corrected(clinic.store(), &exam(1));
    clinic.store().save(&exam(1), &corrected()).unwrap();
    clinic
}

fn read(records: &Records, photograph: &Photograph) -> RgbImage {
    let path = records.photograph_path(photograph).unwrap();
    image::open(path).unwrap().to_rgb8()
}

#[test]
fn both_come_back_with_the_profile_between_them() {
    let mut clinic = clinic();
    clinic.close();
    let records = Records::open(&clinic.dir()).unwrap();
    let exam = records.get(1).unwrap().unwrap();
    assert!(exam.faults.is_empty());
    assert_eq!(exam.originals.len(), 2);
    for (&shot, photograph) in &exam.photographs {
        assert_eq!(read(&records, photograph), picture(shot));
        let original = &exam.originals[&shot];
        assert_eq!(read(&records, &original.photograph), taken(shot));
        assert_eq!(original.profile, profile());
    }
    let json = serde_json::to_value(&exam).unwrap();
    assert_eq!(json["originals"]["2"]["profile"]["camera"], "north");
    assert_eq!(json["originals"]["2"]["width"], 48);

    let found = records.verify().unwrap();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.photographs, found.originals), (2, 2));
    assert!(found.unclaimed.is_empty());
    assert_eq!(files_below(&clinic.dir().join(PHOTOGRAPHS_FOLDER)).len(), 4);
}

#[test]
fn without_a_profile_nothing_is_kept_twice() {
    let mut clinic = Clinic::with_exams(1);
    let exam = clinic.store().records().get(1).unwrap().unwrap();
    assert!(exam.originals.is_empty());
    assert!(serde_json::to_value(&exam).unwrap()["originals"].is_null());
    assert_eq!(files_below(&clinic.dir().join(PHOTOGRAPHS_FOLDER)).len(), 2);
    assert_eq!(clinic.verify().originals, 0);
}

#[test]
fn an_exam_that_goes_on_keeps_its_originals() {
    let mut clinic = Clinic::new();
    let whole = exam(1);
    let mut begun = whole.clone();
    begun.right.shots.truncate(1);
    begun.ending = Ending::Interrupted;
    put_corrected(clinic.store(), &whole);
    clinic.store().save(&begun, &corrected()).unwrap();
    let kept = clinic.store().records().get(1).unwrap().unwrap();
    assert_eq!(kept.originals.len(), 1);
    clinic.store().save(&whole, &corrected()).unwrap();
    let found = clinic.verify();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(found.originals, 2);
}

#[test]
fn a_cut_before_the_exam_leaves_both_unclaimed() {
    let mut clinic = Clinic::new();
    put_corrected(clinic.store(), &exam(1));
    let found = clinic.verify();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(found.unclaimed.len(), 4);
}

#[test]
fn every_change_of_an_original_is_found() {
    let original = "(SELECT photograph FROM originals WHERE shot = 2)";
    for (sql, expected) in [
        (
            "UPDATE originals SET photograph = (SELECT photograph FROM originals WHERE shot = 3)
             WHERE shot = 2"
                .to_owned(),
            "row 1 2 of the table originals was changed after it was saved",
        ),
        (
            "UPDATE profiles SET toml = replace(toml, 'north', 'south')".to_owned(),
            "of the table profiles was changed after it was saved",
        ),
        (
            "DELETE FROM originals WHERE shot = 2".to_owned(),
            "exam 1 has 2 photographs but the originals of 1",
        ),
        (
            "PRAGMA foreign_keys = off; DELETE FROM profiles".to_owned(),
            "a row of originals names one of profiles that is missing",
        ),
        (
            format!("UPDATE photographs SET width = 7 WHERE sha256 = {original}"),
            "of the table photographs was changed after it was saved",
        ),
    ] {
        let mut clinic = clinic();
        clinic.harm(&sql);
        // Who shows the exam or copies it is told as well.
        let to = clinic.folder.path().join("copy");
        let records = clinic.store().records();
        assert!(!records.get(1).unwrap().unwrap().faults.is_empty(), "{sql}");
        let exported = records.export(&to).unwrap();
        assert!(!exported.troubles.is_empty(), "{sql}");
        let faults = clinic.verify().faults;
        let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert!(said[0].contains(expected), "{sql}: {said:?}");
    }

    let mut clinic = clinic();
    let exam = clinic.store().records().get(1).unwrap().unwrap();
    let victim = &exam.originals[&ShotId(2)].photograph;
    let path = clinic.store().records().photograph_path(victim).unwrap();
    fs::write(&path, b"damaged").unwrap();
    let faults = clinic.verify().faults;
    assert!(matches!(&faults[..], [Fault::FileChanged(_)]), "{faults:?}");
    fs::remove_file(&path).unwrap();
    let faults = clinic.verify().faults;
    assert!(matches!(&faults[..], [Fault::FileMissing(_)]), "{faults:?}");
}

#[test]
fn an_export_names_both_and_what_is_between_them() {
    let mut clinic = clinic();
    clinic.examine(2);
    let to = clinic.folder.path().join("copy");
    let exported = clinic.store().records().export(&to).unwrap();
    assert!(exported.troubles.is_empty(), "{:?}", exported.troubles);
    assert_eq!((exported.photographs, exported.originals), (4, 2));
    let mut photographs = csv::Reader::from_path(to.join("photographs.csv")).unwrap();
    let head = photographs.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = photographs.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let column = head.iter().position(|other| other == name).unwrap();
        rows[row][column].to_owned()
    };
    for (row, shot) in [(0, ShotId(2)), (1, ShotId(3))] {
        let file = |name: &str| to.join(cell(row, name));
        let pixels = |name: &str| image::open(file(name)).unwrap().to_rgb8();
        assert!(cell(row, "file").starts_with("photographs/"));
        assert!(cell(row, "original").starts_with("originals/"));
        assert_eq!(pixels("file"), picture(shot));
        assert_eq!(pixels("original"), taken(shot));
        assert_eq!(fs::read_to_string(file("profile")).unwrap(), profile().toml);
    }
    assert_eq!(
        (cell(2, "original"), cell(2, "profile")),
        Default::default()
    );
    // Four photographs, two originals, a profile and three tables.
    assert_eq!(files_below(&to).len(), 10);

    let lost = files_below(&to.join("originals")).remove(0);
    let name = lost.file_name().unwrap().to_str().unwrap();
    let kept = clinic.dir().join(PHOTOGRAPHS_FOLDER).join(&name[..2]);
    fs::remove_file(kept.join(name)).unwrap();
    let to = clinic.folder.path().join("again");
    let exported = clinic.store().records().export(&to).unwrap();
    assert_eq!((exported.photographs, exported.originals), (4, 1));
    assert!(exported.troubles[0].contains(name), "{exported:?}");
}

#[test]
fn room_is_kept_for_both() {
    let mut clinic = Clinic::new();
    let mut needed = |corrected| {
        let stills = Stills {
            width: 2592,
            height: 1944,
            corrected,
        };
        clinic.store().room(stills, 0).unwrap().needed
    };
    assert_eq!(needed(true) - needed(false), 12 * 2592 * 1944 * 3);
}

#[test]
fn a_store_of_the_first_schema_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    store_of_schema_1(folder.path());
    let error = Records::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Older { .. }), "{error}");
    let mut store = Store::open(folder.path()).unwrap();
    let kept = store.records().get(1).unwrap().unwrap();
    assert_eq!((kept.record, kept.provenance), (exam(1), provenance()));
    assert!(kept.originals.is_empty() && kept.faults.is_empty());
    put_corrected(&mut store, &exam(2));
    assert_eq!(store.save(&exam(2), &corrected()).unwrap().number, 2);
    let found = store.records().verify().unwrap();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.exams, found.photographs, found.originals), (2, 4, 2));
}

/// Before originals were kept, an exam named its profile all the same.
#[test]
fn an_exam_from_before_is_not_missed_its_originals() {
    let mut clinic = Clinic::new();
    let before = Provenance {
        originals: false,
        ..corrected()
    };
    put(clinic.store(), &exam(1));
    clinic.store().save(&exam(1), &before).unwrap();
    assert!(clinic.verify().faults.is_empty());
}
