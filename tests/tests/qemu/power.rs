//! The plug is pulled while exams are being saved.
//!
//! A machine saves exam after exam until QEMU is killed. What it had written is
//! then cut again and again at random moments: after each, the disk holds what
//! was flushed before, and of the rest whatever chance leaves. The next machine
//! starts with all of these disks; every exam that had been shown as saved
//! before the cut must be on its disk, whole. The first of the disks goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use fovea_tests::qemu::{self, Disk, Fate, Machine};
use rand::seq::IndexedRandom as _;
use rand::Rng;
use serde_json::Value;

use crate::camera::frame;
use crate::rig::{boot, names, press, run, says, share, PATIENCE};

/// How often the power goes, unless `FOVEA_CUTS` says how often.
const CUTS: usize = 6;

/// Cuts of what one machine had written.
const CUTS_A_MACHINE: usize = 6;

/// Exams that a machine has saved before it is killed.
const EXAMS: usize = 3;

/// Roughly what one exam takes: the kill falls anywhere within it.
const ONE_EXAM: Duration = Duration::from_secs(10);

/// A disk after a power cut.
struct Left {
    disk: Disk,
    /// The patients whose exams had been shown as saved.
    saved: BTreeSet<String>,
}

#[test]
fn a_power_cut_loses_no_saved_exam() -> qemu::Result<()> {
    let Some(parts) = qemu::parts("a_power_cut_loses_no_saved_exam") else {
        return Ok(());
    };
    let wanted = cuts();
    let share = share()?;
    let photographs = share.path("photographs");
    std::fs::create_dir(&photographs).expect("the share can be written");
    frame("moderate_npdr", 2).save(photographs.join("right.png"))?;

    let mut chance = rand::rng();
    let mut left = vec![Left {
        disk: Disk::new(256)?,
        saved: BTreeSet::new(),
    }];
    let mut survived = 0;
    for round in 0.. {
        let disks: Vec<&Disk> = left.iter().map(|left| &left.disk).collect();
        let mut machine = boot(parts, &share, false, &disks)?;
        for (left, disk) in left.iter().zip(names(left.len())) {
            assert_whole(&mut machine, &disk, &left.saved)?;
        }
        if round > 0 {
            survived += left.len();
        }
        if survived >= wanted {
            break;
        }
        let before = left.swap_remove(0);
        let begun = before.disk.now()?;
        share.write("script", script(round).as_bytes())?;
        run(
            &mut machine,
            "--camera folder:/host/photographs --script /host/script",
        )?;
        press(&mut machine, &["ret"], &says::stage("patient"))?;
        let mut saved = wait_for_exams(&machine, round, &before.disk)?;
        std::thread::sleep(ONE_EXAM.mul_f64(chance.random()));
        let said = machine.cut();
        let mut moments = before.disk.moments()?;
        moments.retain(|&moment| moment >= begun);
        let killed = moments.last().copied().unwrap_or(begun);
        // Those that it saved while we slept.
        let shown = said
            .iter()
            .filter(|line| line.contains(says::SAVED))
            .count();
        saved.extend((saved.len()..shown).map(|exam| (patient(round, exam), killed)));
        left = cut(&before, killed, &moments, &saved, &mut chance)?;
    }
    println!("{survived} power cuts, and every exam that was shown as saved is there");
    Ok(())
}

fn cuts() -> usize {
    match std::env::var("FOVEA_CUTS") {
        Ok(cuts) => cuts.parse().expect("FOVEA_CUTS is a whole number"),
        Err(_) => CUTS,
    }
}

fn patient(round: usize, exam: usize) -> String {
    format!("{round}-{exam}")
}

/// One exam, from the patient on: a photograph of the right eye, and no left one.
const EXAM: &str = "
wait-for patient 120s
type PATIENT
action continue
wait-for live right
action capture
wait-for result right 120s
action continue
wait-for live left
action skip
action skip-for eye-absent
wait-for summary
action continue
wait-for saved 120s
action start
";

/// More exams than the machine will live to save.
fn script(round: usize) -> String {
    (0..10 * EXAMS)
        .map(|exam| EXAM.replace("PATIENT", &patient(round, exam)))
        .collect()
}

/// Each exam as it is shown as saved, and how far the disk's log had come then.
fn wait_for_exams(
    machine: &Machine,
    round: usize,
    disk: &Disk,
) -> qemu::Result<Vec<(String, u64)>> {
    let mut saved = Vec::new();
    let mut line = 0;
    while saved.len() < EXAMS {
        line = machine.console().wait_for(says::SAVED, line, PATIENCE)? + 1;
        saved.push((patient(round, saved.len()), disk.now()?));
    }
    Ok(saved)
}

/// The disk as it is left by the kill, and by cuts at random moments before it.
fn cut(
    before: &Left,
    killed: u64,
    moments: &[u64],
    saved: &[(String, u64)],
    chance: &mut impl Rng,
) -> qemu::Result<Vec<Left>> {
    (0..CUTS_A_MACHINE)
        .map(|cut| {
            let random = moments.choose(chance).filter(|_| cut > 0);
            let moment = random.copied().unwrap_or(killed);
            let shown = saved.iter().filter(|(_, shown)| *shown <= moment);
            let shown = shown.map(|(patient, _)| patient.clone());
            Ok(Left {
                disk: before.disk.cut_at(moment, || fate(chance))?,
                saved: before.saved.iter().cloned().chain(shown).collect(),
            })
        })
        .collect()
}

fn fate(chance: &mut impl Rng) -> Fate {
    match chance.random_range(0..3) {
        0 => Fate::Kept,
        1 => Fate::Lost,
        _ => Fate::Torn(chance.random()),
    }
}

/// Nothing on the disk is damaged, and no exam of these patients is missing.
fn assert_whole(machine: &mut Machine, disk: &str, saved: &BTreeSet<String>) -> qemu::Result<()> {
    let store = format!("--store /disk/{disk}/exams");
    let verified = machine.run(&format!("fovea records verify {store}"), PATIENCE)?;
    if saved.is_empty() && verified.text.contains(says::NO_STORE) {
        // The power went while the store was being made.
        return Ok(());
    }
    assert_eq!(
        verified.status, 0,
        "{disk}, with {saved:?} shown as saved: {}",
        verified.text
    );
    let listed = machine.ask(&format!("fovea records list --json {store}"), PATIENCE)?;
    let finished: BTreeSet<String> = listed.lines().filter_map(finished).collect();
    let lost: Vec<_> = saved.difference(&finished).collect();
    assert!(
        lost.is_empty(),
        "{disk}: {lost:?} were shown as saved and are lost"
    );
    Ok(())
}

/// The patient of an exam that came to its end.
fn finished(line: &str) -> Option<String> {
    let exam: Value = serde_json::from_str(line).ok()?;
    let patient = exam["patient"]["id"].as_str()?;
    (exam["ending"] == "completed").then(|| patient.to_owned())
}
