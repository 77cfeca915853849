//! `fovea run` as it is run: the real program with the student inside it, a
//! drawn patient, and a script in the operator's stead.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use fovea_device::records::Records;
use serde_json::Value;

const SCRIPT: &str = "\
wait-for ready
scan SECRET-77
wait-for patient
key Enter
wait-for live right
wait-for result right 120s
shot right
key Enter
wait-for live left
action skip
wait-for skipping left
action skip-for declined
wait-for summary
key Enter
wait-for saved 30s
quit
";

fn fovea(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.current_dir(dir).args(words);
    command.output().unwrap()
}

/// Runs `script` with the drawn patient `camera` and records in `exams`.
fn run(dir: &Path, camera: &str, script: &str) -> Output {
    fs::write(dir.join("script.txt"), script).unwrap();
    let mut words = vec!["run", "--script", "script.txt", "--camera", camera];
    words.extend(["--display", "png:screens", "--store", "exams"]);
    words.extend(["--log-folder", "log", "--profile", "none.toml"]);
    fovea(dir, &words)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_exam_goes_from_camera_to_a_record_that_can_be_reproduced() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(dir.path(), "demo:moderate_npdr", SCRIPT);
    assert!(ran.status.success(), "{}", said(&ran));

    let records = Records::open(&dir.path().join("exams")).unwrap();
    let exams = records.all().unwrap().exams;
    assert_eq!(exams.len(), 1);
    assert_eq!(exams[0].summary.patient.id, "SECRET-77");
    let exam = records.get(exams[0].number).unwrap().unwrap();
    let shot = &exam.record.right.shots[0];
    let stamps = shot.stamps;
    assert!(stamps.dequeued <= stamps.accepted);
    assert!(stamps.graded.unwrap() <= stamps.shown.unwrap());
    assert!(exam.record.left.shots.is_empty() && exam.record.left.skipped.is_some());

    // What is kept of the photograph gives the same verdict again.
    let photograph = records
        .photograph_path(&exam.photographs[&shot.id])
        .unwrap();
    let graded = fovea(
        dir.path(),
        &["grade", "--json", photograph.to_str().unwrap()],
    );
    let again: Value = serde_json::from_slice(&graded.stdout).unwrap();
    let fovea_device::exam::Judgement::Given(verdict) = &shot.judgement else {
        panic!("no verdict: {shot:?}");
    };
    let kept: Value =
        serde_json::from_str(&serde_json::to_string(&verdict.record).unwrap()).unwrap();
    for key in ["gate", "findings", "referable_dr", "model"] {
        assert_eq!(kept[key], again[key], "{key}");
    }
    for key in ["decision", "score", "reasons"] {
        assert_eq!(kept["referral"][key], again["referral"][key], "{key}");
    }
    // Words are made for who reads them, and not kept.
    assert!(kept["referral"]["because"].is_null());

    let verified = fovea(dir.path(), &["records", "verify", "--store", "exams"]);
    assert!(verified.status.success(), "{}", said(&verified));

    // Every stage was shown, and nothing of the patient was logged.
    let shown: Vec<String> = fs::read_dir(dir.path().join("screens"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for stage in [
        "ready",
        "patient",
        "live-right",
        "result-right",
        "summary",
        "saved",
    ] {
        assert!(
            shown
                .iter()
                .any(|name| name.ends_with(&format!("-{stage}.png"))),
            "{stage}: {shown:?}"
        );
    }
    let log = fs::read_to_string(dir.path().join("log/fovea.log")).unwrap();
    assert!(log.contains("an exam was saved"), "{log}");
    assert!(!log.contains("SECRET") && !said(&ran).contains("SECRET"));
}

#[test]
fn a_script_that_waits_in_vain_fails_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(
        dir.path(),
        "demo:healthy",
        "wait-for ready\nwait-for saved 300ms\n",
    );
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        said(&ran).contains("line 2 of the script"),
        "{}",
        said(&ran)
    );
}

#[test]
fn a_camera_that_is_not_there_is_said_and_hinders_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let script = "wait-for ready\nwait 1s\nkey t\nwait-for page today\nquit\n";
    let ran = run(dir.path(), "v4l:/dev/video_none", script);
    assert!(ran.status.success(), "{}", said(&ran));
    assert!(
        said(&ran).contains("there is no camera at /dev/video_none"),
        "{}",
        said(&ran)
    );
}
