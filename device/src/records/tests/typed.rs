//! A store that the release before typed reasons wrote (schema 2; four drawn
//! photographs, three exams) goes on.

use std::collections::BTreeMap;
use std::fs;

use super::*;

fn fixture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/records/tests/schema_2");
    copy_folder(&kept, folder.path());
    folder
}

fn reasons(exam: &StoredExam, eye: Eye) -> Vec<Reason> {
    let shot = &exam.record.eye(eye).shots[0];
    let Judgement::Given(verdict) = &shot.judgement else {
        panic!("no verdict: {shot:?}");
    };
    verdict.record.referral.reasons.clone()
}

fn photographs(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(&dir.join(PHOTOGRAPHS_FOLDER)).into_iter();
    files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn its_reasons_become_typed_and_nothing_else_changes() {
    let folder = fixture();
    let before = photographs(folder.path());
    let error = Records::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Older { .. }), "{error}");

    let store = Store::open(folder.path()).unwrap();
    let found = store.records().verify().unwrap();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!((found.exams, found.photographs), (3, 4));
    assert_eq!(photographs(folder.path()), before);

    let exam = |number| store.records().get(number).unwrap().unwrap();
    assert_eq!(exam(1).record.patient.id, "M7");
    assert_eq!(
        exam(1).record.outcome.overall,
        crate::exam::PatientOutcome::ReferUrgent
    );
    let refers = |node: &str, probability, threshold, urgent, open| Reason::Refers {
        node: node.to_owned(),
        probability,
        threshold,
        urgent,
        open,
    };
    assert_eq!(
        reasons(&exam(1), Eye::Right),
        [
            refers("npdr_severe", 0.4924552, 0.37176856, true, false),
            refers("macular_edema", 0.6543736, 0.613059, false, false),
            Reason::AnyReferable {
                probability: 0.8614546,
                threshold: 0.24,
                likeliest: None,
            },
        ]
    );
    assert!(matches!(
        &reasons(&exam(1), Eye::Left)[0],
        Reason::Refers { node, open: true, urgent: false, .. } if node == "lens_and_media"
    ));
    let clear = reasons(&exam(2), Eye::Left);
    assert!(matches!(
        &clear[..],
        [Reason::Nearest { .. }, Reason::NoneReferable { threshold, .. }] if *threshold == 0.24
    ));
    let refused = reasons(&exam(3), Eye::Left);
    let gate = GateReason::NotColour;
    assert_eq!(refused[0], Reason::Gate { gate });
    assert_eq!(refused.len(), 4);
    // No sentence was left over, and none is kept beside the typed reasons.
    for number in 1..=3 {
        let json = serde_json::to_string(&exam(number)).unwrap();
        assert!(
            !json.contains("because") && !json.contains("kept"),
            "{json}"
        );
    }
}

/// To seal a damaged exam again would hide the damage.
#[test]
fn a_damaged_exam_stays_one() {
    let folder = fixture();
    let db = Connection::open(folder.path().join(DATABASE)).unwrap();
    let harmed = db
        .execute("UPDATE exams SET record = replace(record, 'M8', 'M9')", [])
        .unwrap();
    assert_eq!(harmed, 3);
    drop(db);
    let store = Store::open(folder.path()).unwrap();
    let faults = store.records().verify().unwrap().faults;
    let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(
        said[0].contains("row 2 of the table exams was changed"),
        "{said:?}"
    );
}

/// An exam that was going on when the device was brought up to date is kept
/// like any other, and may be saved again.
#[test]
fn new_exams_follow_the_old_ones() {
    let folder = fixture();
    let mut store = Store::open(folder.path()).unwrap();
    put(&mut store, &exam(9));
    assert_eq!(store.save(&exam(9), &provenance()).unwrap().number, 4);
    assert!(store.records().verify().unwrap().faults.is_empty());
}
