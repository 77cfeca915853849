//! A whole exam, from pictures in front of a camera to a record on a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use fovea_tests::qemu::{self, Disk, Machine};
use fovea_tests::{fovea, root};
use image::RgbImage;
use serde_json::Value;

use crate::camera::{frame, loop_back, show};
use crate::rig::says::{stage, VERDICT};
use crate::rig::{boot, press, run, share, SOON};

/// Two processors of different abilities add up in a different order.
const TOLERANCE: f64 = 1e-3;

/// Each eye, and the photograph that is held in front of the camera for it: even seeds draw right
/// eyes.
const EYES: [(&str, &str, u64); 2] = [("right", "moderate_npdr", 2), ("left", "healthy", 1)];

/// A screen with fewer colours shows nothing to anyone.
const BLANK: usize = 16;

#[test]
fn a_scripted_exam_on_a_real_kernel() -> qemu::Result<()> {
    let Some(parts) = qemu::parts("a_scripted_exam_on_a_real_kernel") else {
        return Ok(());
    };
    let share = share()?;
    let disk = Disk::new(256)?;
    let mut machine = boot(parts, &share, true, &[&disk])?;
    loop_back(&mut machine, "/dev/video0", "/dev/video1")?;
    run(&mut machine, "--camera v4l:/dev/video0")?;

    let mut views = vec![screen(&mut machine)?];
    press(&mut machine, &["ret"], &stage("patient"))?;
    // By hand: a number that is scanned waits for the operator to look at it.
    press(
        &mut machine,
        &["4", "7", "1", "1", "ret"],
        &stage("live right"),
    )?;
    for (eye, preset, seed) in EYES {
        let picture = format!("{eye}.png");
        frame(preset, seed).save(share.path(&picture))?;
        show(&mut machine, "/dev/video1", &picture)?;
        views.push(screen(&mut machine)?);
        press(&mut machine, &["spc"], VERDICT)?;
        views.push(screen(&mut machine)?);
        press(&mut machine, &["ret"], &stage(after(eye)))?;
    }
    views.push(screen(&mut machine)?);
    press(&mut machine, &["ret"], &stage("saved"))?;
    views.push(screen(&mut machine)?);
    assert_different(&views);

    let exam = machine.ask("fovea records show 1 --json --store /disk/vda/exams", SOON)?;
    let exam: Value = serde_json::from_str(&exam).expect("a JSON object");
    assert_eq!(exam["record"]["patient"]["id"], "4711");
    for (eye, _, _) in EYES {
        let given = &exam["record"][eye]["shots"][0]["judgement"]["given"]["record"];
        assert_same_verdict(eye, given, &graded(&share.path(&format!("{eye}.png"))));
    }
    Ok(())
}

/// The stage that follows an eye's result.
fn after(eye: &str) -> &'static str {
    if eye == "right" {
        "live left"
    } else {
        "summary"
    }
}

/// The view that is shown, once it stands.
fn screen(machine: &mut Machine) -> qemu::Result<RgbImage> {
    // Longer than the device waits before it draws a view anew.
    std::thread::sleep(Duration::from_secs(2));
    machine.screen()
}

/// Each view shows something, and none what the one before it showed. They are kept for whoever
/// wants to see them.
fn assert_different(views: &[RgbImage]) {
    let folder = root().join("target/qemu/screens");
    std::fs::create_dir_all(&folder).expect("target/ can be written");
    for (number, view) in views.iter().enumerate() {
        let file = folder.join(format!("exam-{number}.png"));
        view.save(file).expect("target/ can be written");
        let colours: BTreeSet<_> = view.pixels().map(|pixel| pixel.0).collect();
        assert!(colours.len() >= BLANK, "view {number} is blank");
    }
    for (number, pair) in views.windows(2).enumerate() {
        assert!(pair[0] != pair[1], "view {number} stands still");
    }
}

/// What `fovea grade` says of a file, here. In 32-bit floats, as the machine computes, whose processor
/// has no shorter ones.
fn graded(photograph: &Path) -> Value {
    let output = fovea()
        .args(["grade", "--json", "--engine", "float"])
        .arg(photograph)
        .output()
        .expect("fovea starts");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("a JSON object")
}

fn assert_same_verdict(eye: &str, given: &Value, graded: &Value) {
    let decision = |record: &Value| record["referral"]["decision"].clone();
    assert!(decision(graded).is_string(), "{graded}");
    assert_eq!(decision(given), decision(graded), "{eye}");
    let (given, graded) = (probabilities(given), probabilities(graded));
    assert!(!graded.is_empty());
    assert!(given.keys().eq(graded.keys()), "{eye}");
    for (finding, expected) in &graded {
        let got = given[finding];
        assert!(
            (got - expected).abs() <= TOLERANCE,
            "{eye}, {finding}: {got}, `fovea grade` says {expected}"
        );
    }
}

fn probabilities(record: &Value) -> BTreeMap<String, f64> {
    let findings = record["findings"].as_array();
    let probability = |finding: &Value| {
        let id = finding["id"].as_str()?.to_owned();
        Some((id, finding["probability"].as_f64()?))
    };
    findings
        .into_iter()
        .flatten()
        .filter_map(probability)
        .collect()
}
