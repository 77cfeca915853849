use std::fs;

use clap::Parser;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::exam::Ending;
use crate::records::tests::{exam, files_below, provenance, put, Clinic};

/// What a command printed, and its exit status.
fn said(command: impl FnOnce(&mut Vec<u8>) -> Result<u8, Failure>) -> (String, u8) {
    let mut out = Vec::new();
    let status = command(&mut out).unwrap();
    (String::from_utf8(out).unwrap(), status)
}

#[test]
fn the_store_may_be_named_before_or_after_what_to_do() {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }
    for words in [
        ["fovea", "--store", "here", "verify"],
        ["fovea", "verify", "--store", "here"],
    ] {
        let line = Line::try_parse_from(words).unwrap();
        assert_eq!(line.options.store().unwrap(), Path::new("here"));
    }
    assert!(Line::try_parse_from(["fovea", "show"]).is_err());
}

#[test]
fn a_list_lines_up_and_nothing_in_it_breaks_the_screen() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let mut odd = exam(2);
    odd.patient.id = "眼\u{1b}[2J\n科".to_owned();
    put(clinic.store(), &odd);
    odd.ending = Ending::Interrupted;
    clinic.store().save(&odd, &provenance()).unwrap();
    let (text, status) = said(|out| list(&clinic.dir(), false, true, out));
    assert_eq!(status, 0);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let column = |line: &str, word: &str| line[..line.find(word).unwrap()].width();
    let patients = [
        column(lines[0], "PATIENT"),
        column(lines[1], "P1"),
        column(lines[2], "眼"),
    ];
    assert_eq!(patients, [patients[0]; 3], "{text}");
    assert!(lines[1].contains("completed") && lines[2].contains("interrupted"));
    assert!(!text.contains('\u{1b}'));

    let (json, _) = said(|out| list(&clinic.dir(), true, true, out));
    let exams: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(exams.len(), 2);
    assert_eq!(exams[1]["patient"]["id"], odd.patient.id);
    assert_eq!(exams[0]["began"], "2026-01-02T03:05:05Z");
}

#[test]
fn an_exam_is_shown_with_its_reasons() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    for name in ["1", "exam-1"] {
        let (text, status) = said(|out| show(&clinic.dir(), name, false, out));
        assert_eq!(status, 0);
        for part in [
            "patient      P1\nage          54\n",
            "result       refer\n",
            "right eye: refer\n",
            "left eye: skipped: declined\n",
            "    retake, 0.812\n    gate: blurred\n",
            "    Moderate NPDR 0.750, from 0.500\n",
            "    this photograph decides\n",
            "  type: P\n",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert!(!text.contains("Drusen"), "{text}");
    }
    let (json, _) = said(|out| show(&clinic.dir(), "1", true, out));
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(shown["record"], serde_json::to_value(exam(1)).unwrap());
    let error = show(&clinic.dir(), "9\n", false, &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no exam \"9\\n\"; `fovea records list` shows those there are"
    );
}

#[test]
fn verifying_ends_with_a_status_and_a_sum() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    put(clinic.store(), &exam(2));
    let (text, status) = said(|out| verify(&clinic.dir(), out));
    assert_eq!(status, 0);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[..2]
        .iter()
        .all(|line| line.contains("not part of an exam yet, or the device was stopped")));
    assert_eq!(lines[2], "1 exam, 2 photographs: all as saved");

    for file in files_below(&clinic.dir().join("photographs")) {
        fs::write(file, b"").unwrap();
    }
    let (text, status) = said(|out| verify(&clinic.dir(), out));
    assert_eq!(status, FAULTY);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.ends_with("1 exam, 2 photographs: 4 faults\n"),
        "{text}"
    );

    clinic.close();
    let database = clinic.dir().join("records.sqlite");
    fs::write(database, b"nothing like it").unwrap();
    let (text, status) = said(|out| verify(&clinic.dir(), out));
    assert_eq!((status, text.lines().count()), (FAULTY, 1), "{text}");
}

#[test]
fn an_export_says_where_it_is_and_what_it_lacks() {
    let mut clinic = Clinic::new();
    clinic.examine(1);
    let folder = clinic.dir().with_file_name("copy");
    let (text, status) = said(|out| export(&clinic.dir(), &folder, out));
    assert_eq!(status, 0);
    assert_eq!(
        text,
        format!("1 exam and 2 photographs are in {}\n", folder.display())
    );
    let error = export(&clinic.dir(), &folder, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("not an empty folder"), "{error}");

    fs::remove_file(files_below(&clinic.dir().join("photographs")).remove(0)).unwrap();
    let again = folder.with_file_name("again");
    let (text, status) = said(|out| export(&clinic.dir(), &again, out));
    assert_eq!(status, FAULTY);
    assert!(text.starts_with("1 exam and 1 photograph are in"), "{text}");
}

#[test]
fn where_there_is_no_store_there_is_a_sentence() {
    let nowhere = tempfile::tempdir().unwrap();
    for result in [
        list(nowhere.path(), false, false, &mut Vec::new()),
        show(nowhere.path(), "1", false, &mut Vec::new()),
        export(nowhere.path(), &nowhere.path().join("to"), &mut Vec::new()),
        verify(nowhere.path(), &mut Vec::new()),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("there is no store in"), "{error}");
    }
}
