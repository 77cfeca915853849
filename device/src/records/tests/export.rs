//! The copy for other programs.

use std::fs;

use super::*;

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn export(clinic: &mut Clinic) -> (PathBuf, Exported) {
    let to = clinic.folder.path().join("copy");
    let exported = clinic.store().records().export(&to).unwrap();
    (to, exported)
}

#[test]
fn everything_goes_along() {
    let mut clinic = Clinic::new();
    let first = clinic.examine(1);
    clinic.examine(2);
    let (to, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (2, 4));
    assert!(exported.troubles.is_empty());

    let json = text(&to.join("exams.jsonl"));
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["record"], serde_json::to_value(&first).unwrap());
    assert_eq!(lines[0]["provenance"]["device"], "north");

    let exams = text(&to.join("exams.csv"));
    assert_eq!(exams.lines().count(), 3);
    assert_eq!(
        exams.lines().nth(1).unwrap(),
        "1,exam-1,2026-01-02T03:05:05Z,2026-01-02T03:05:55Z,completed,P1,54,\
         sees worse since June,refer,refer,skipped: declined,north,0.1.0,tiny,false"
    );
    let mut photographs = csv::Reader::from_path(to.join("photographs.csv")).unwrap();
    let head = photographs.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = photographs.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let cell = |row: usize, name: &str| {
        let column = head.iter().position(|other| other == name).unwrap();
        rows[row][column].to_owned()
    };
    assert_eq!(cell(0, "decision"), "retake");
    assert_eq!(cell(0, "gate"), "blurred");
    assert_eq!(cell(0, "decides"), "false");
    assert_eq!(cell(1, "decides"), "true");
    assert_eq!(cell(1, "score"), "0.8125");
    assert_eq!(
        cell(1, "because"),
        "Moderate NPDR: 0.75, limit 0.50; Any referable disease: 0.81, limit 0.25"
    );
    for (row, shot) in [(0, 2), (1, 3), (2, 4), (3, 5)] {
        let file = to.join(cell(row, "file"));
        assert_eq!(image::open(file).unwrap().to_rgb8(), picture(ShotId(shot)));
    }
    assert_eq!(files_below(&to).len(), 7);
}

#[test]
fn a_spreadsheet_is_given_no_formula_to_run() {
    let mut clinic = Clinic::new();
    let mut exam = exam(1);
    exam.patient.id = "=HYPERLINK(\"http://x\",\"1,2\")".to_owned();
    exam.patient.note = "@SUM(A1)\nsecond line".to_owned();
    put(clinic.store(), &exam);
    clinic.store().save(&exam, &provenance()).unwrap();
    let (to, _) = export(&mut clinic);
    let mut exams = csv::Reader::from_path(to.join("exams.csv")).unwrap();
    let row = exams.records().next().unwrap().unwrap();
    assert_eq!(&row[5], "'=HYPERLINK(\"http://x\",\"1,2\")");
    assert_eq!(&row[7], "'@SUM(A1)\nsecond line");
    assert!(text(&to.join("exams.jsonl")).contains("\"=HYPERLINK("));
}

#[test]
fn a_half_export_never_stands_under_its_name() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    clinic.harm("DROP TABLE shots");
    let to = clinic.folder.path().join("copy");
    for made in [false, true] {
        if made {
            fs::create_dir(&to).unwrap();
        }
        let error = clinic.store().records().export(&to).unwrap_err();
        assert!(matches!(error, StoreError::Database(_)), "{error}");
        assert_eq!(to.exists(), made);
    }
    assert_eq!(fs::read_dir(&to).unwrap().count(), 0);
    let left: Vec<_> = fs::read_dir(clinic.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "only the store and the folder: {left:?}");
}

/// What an export has in a hidden folder of `place` when it is killed.
fn half_export(place: &Path) -> PathBuf {
    let folder = place.join(".fovea-export-aB3xYz");
    fs::create_dir_all(folder.join("photographs/ab")).unwrap();
    fs::write(folder.join("photographs/ab/abcd.png"), b"half").unwrap();
    folder
}

#[test]
fn what_a_killed_export_left_is_removed_and_keeps_none_from_beginning() {
    let mut clinic = Clinic::with_exams(1);
    let stick = clinic.folder.path().join("copy");
    fs::create_dir(&stick).unwrap();
    let left = half_export(&stick);
    let (to, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (1, 2));
    assert!(!left.exists());
    assert_eq!(files_below(&to).len(), 5);

    // And beside a folder that is new.
    let place = clinic.folder.path().join("place");
    let left = half_export(&place);
    let records = clinic.store().records();
    records.export(&place.join("new")).unwrap();
    assert!(!left.exists());
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);

    // A file that is named so is somebody else's.
    let other = clinic.folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join(".fovea-export-notes"), b"call back").unwrap();
    let error = clinic.store().records().export(&other).unwrap_err();
    assert!(matches!(error, StoreError::Occupied(_)), "{error}");
    assert_eq!(files_below(&other).len(), 1);
}

#[test]
fn an_export_that_goes_on_is_left_alone() {
    let mut clinic = Clinic::with_exams(1);
    let stick = clinic.folder.path().join("stick");
    let running = half_export(&stick);
    let lock = File::open(&running).unwrap();
    lock.lock().unwrap();
    let records = clinic.store().records();
    let error = records.export(&stick).unwrap_err();
    assert!(matches!(error, StoreError::Occupied(_)), "{error}");
    records.export(&stick.join("new")).unwrap();
    assert_eq!(files_below(&running).len(), 1);
}

#[test]
fn a_row_that_is_missing_is_named_and_the_rest_goes_along() {
    let mut clinic = Clinic::with_exams(3);
    clinic.harm(
        "PRAGMA foreign_keys = off;
         DELETE FROM shots WHERE shot = 2;
         DELETE FROM photographs WHERE sha256 = (SELECT photograph FROM shots WHERE shot = 4);",
    );
    let (to, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (3, 4));
    let lacking = [1, 2].map(|exam| format!("exam {exam} names 2 photographs but has 1"));
    assert_eq!(exported.troubles, lacking);
    let exams = text(&to.join("exams.csv"));
    let changed = exams.lines().filter(|line| line.ends_with(",true"));
    assert_eq!(changed.count(), 2);
    for (number, said) in (1..).zip(&lacking) {
        let shown = clinic.store().records().get(number).unwrap().unwrap();
        assert_eq!(shown.faults[0].to_string(), *said);
    }
}

#[test]
fn a_photograph_whose_hash_is_none_is_left_out_and_named() {
    let mut clinic = Clinic::with_exams(2);
    clinic.harm(
        "PRAGMA foreign_keys = off;
         UPDATE photographs SET sha256 = '../../etc/passwd'
         WHERE sha256 = (SELECT photograph FROM shots WHERE exam = 1 LIMIT 1);
         UPDATE shots SET photograph = '../../etc/passwd'
         WHERE photograph NOT IN (SELECT sha256 FROM photographs);",
    );
    let (_, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (2, 3));
    let named = |trouble: &String| trouble.starts_with("a photograph of exam 1 was left out");
    assert!(
        exported.troubles.iter().any(named),
        "{:?}",
        exported.troubles
    );
}

#[test]
fn a_damaged_exam_is_left_out_and_named_and_a_changed_one_marked() {
    let mut clinic = Clinic::with_exams(3);
    let sql = "UPDATE exams SET record = '{' WHERE number = 1;
               UPDATE exams SET ended_ms = ended_ms + 1 WHERE number = 3;";
    clinic.harm(sql);
    let (to, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (2, 4));
    let [left_out, changed] = &exported.troubles[..] else {
        panic!("{:?}", exported.troubles);
    };
    assert!(left_out.starts_with("exam 1 cannot be read"), "{left_out}");
    assert!(left_out.ends_with("it was left out"), "{left_out}");
    assert_eq!(
        changed,
        "row 3 of the table exams was changed after it was saved"
    );
    let exams = text(&to.join("exams.csv"));
    let ends: Vec<&str> = exams
        .lines()
        .map(|line| line.rsplit(',').next().unwrap())
        .collect();
    assert_eq!(ends, ["changed", "false", "true"]);
}

#[test]
fn an_empty_disk_is_exported_to_as_it_is() {
    use std::os::unix::fs::MetadataExt as _;
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let stick = clinic.folder.path().join("copy");
    fs::create_dir_all(stick.join("lost+found")).unwrap();
    // Where a disk is mounted, the folder cannot be replaced by another.
    let before = fs::metadata(&stick).unwrap().ino();
    let (to, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (1, 2));
    assert_eq!(fs::metadata(&to).unwrap().ino(), before);
    let mut names: Vec<_> = fs::read_dir(&to)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    let whole = [
        "exams.csv",
        "exams.jsonl",
        "lost+found",
        "photographs",
        "photographs.csv",
    ];
    assert_eq!(names, whole);
}

#[test]
fn a_damaged_photograph_is_left_out_and_named() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let victim = files_below(&clinic.dir().join(PHOTOGRAPHS_FOLDER)).remove(0);
    fs::write(&victim, b"damaged").unwrap();
    let (to, exported) = export(&mut clinic);
    assert_eq!((exported.exams, exported.photographs), (1, 1));
    let name = victim.file_name().unwrap().to_str().unwrap();
    let [line] = &exported.troubles[..] else {
        panic!("{:?}", exported.troubles);
    };
    assert!(line.contains(name) && line.contains("exam 1"), "{line}");
    assert!(!text(&to.join("photographs.csv")).contains(name));
}

#[test]
fn only_a_new_or_empty_folder_elsewhere_is_written_to() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let [taken, empty] = ["taken", "empty"].map(|name| clinic.folder.path().join(name));
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("thesis.txt"), b"years of work").unwrap();
    let file = taken.join("thesis.txt");
    let (inside, store) = (clinic.dir().join("photographs/copy"), clinic.dir());
    let records = clinic.store().records();
    for occupied in [&taken, &file, &store] {
        let error = records.export(occupied).unwrap_err();
        assert!(matches!(error, StoreError::Occupied(_)), "{error}");
    }
    let error = records.export(&inside).unwrap_err();
    assert!(matches!(error, StoreError::InsideStore(_)), "{error}");
    let error = records.export(&taken.join("no/such/place")).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    assert_eq!(files_below(&taken), [file]);
    fs::create_dir(&empty).unwrap();
    records.export(&empty).unwrap();
    assert!(empty.join("exams.csv").is_file());
}
