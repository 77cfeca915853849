//! The device's test of itself.
//!
//! One [`Check`] for each part that an exam needs, each found by a small probe.
//! `fovea check` prints them, the Ready screen shows them. None changes what it
//! tests. What lies behind a
//! part (a camera, a screen, the student) is asked through [`Parts`], so that
//! the judgement here is tested without any of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fovea_core::calibration::Calibration;
use fovea_core::decision::ReferralDecision;
use fovea_core::profile::CameraProfile;
use image::RgbImage;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;

use crate::files::{existing, may_write};
use crate::grade::record::Record;
use crate::records::Room;

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// Exams work, but somebody should look after it.
    Warn,
    /// Exams do not work, or their records could not be trusted.
    Fail,
}

impl State {
    /// As it is printed. The worst stands out.
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        }
    }
}

/// A part that an exam needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Bundle,
    /// The student's, and the camera's.
    Calibration,
    Camera,
    Display,
    Input,
    Store,
    Clock,
    Disk,
}

impl Part {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Part::Bundle => "bundle",
            Part::Calibration => "calibration",
            Part::Camera => "camera",
            Part::Display => "display",
            Part::Input => "input",
            Part::Store => "store",
            Part::Clock => "clock",
            Part::Disk => "disk",
        }
    }
}

/// What was found of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub part: Part,
    pub state: State,
    /// What it is, or what is wrong with it and the remedy.
    pub sentence: String,
}

/// The parts of the device as the self-test asks them. A refusal is one
/// sentence with the remedy.
pub trait Parts {
    /// Grades a photograph with the configured bundle.
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, String>;
    /// The calibration of the configured bundle.
    fn calibration(&mut self) -> Result<Calibration, String>;
    /// Gets a picture from the camera and describes it.
    fn camera(&mut self) -> Result<String, String>;
    /// Opens the display and describes it.
    fn display(&mut self) -> Result<String, String>;
    /// Looks for touch panels and keyboards and describes them.
    fn input(&mut self) -> Result<String, String>;
    /// Looks at the store.
    fn store(&mut self) -> Result<Stored, String>;
    /// How much room the store's disk has and an exam needs.
    fn room(&mut self) -> Result<Room, String>;
}

/// What is found of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it holds.
    pub says: String,
    /// When its newest exam ended, if it has any.
    pub newest: Option<SystemTime>,
}

/// Where the configuration has what is looked at on the disk.
#[derive(Clone, Debug)]
pub struct Places {
    /// The file of the camera's profile.
    pub profile: PathBuf,
    /// The folder of the store.
    pub store: PathBuf,
}

/// Tests every part, in the order in which an exam needs them; `now` is what
/// the clock shows.
pub fn all(places: &Places, parts: &mut dyn Parts, now: SystemTime) -> Vec<Check> {
    let stored = parts.store();
    let newest = stored.as_ref().ok().and_then(|stored| stored.newest);
    vec![
        bundle(parts),
        judged(Part::Calibration, parts.calibration(), |calibration| {
            both(points(&calibration), profile(&places.profile))
        }),
        told(Part::Camera, parts.camera()),
        told(Part::Display, parts.display()),
        told(Part::Input, parts.input()),
        judged(Part::Store, stored, |stored| {
            both((State::Ok, stored.says), writable(&places.store))
        }),
        judged(Part::Clock, Ok(newest), |newest| clock(now, newest)),
        judged(Part::Disk, parts.room(), |room| disk(&room)),
    ]
}

/// The worst state among them.
pub fn worst(checks: &[Check]) -> State {
    let states = checks.iter().map(|check| check.state);
    states.max().unwrap_or(State::Ok)
}

/// One aligned line for each.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, checks: &[Check]) -> io::Result<()> {
    let wide = checks.iter().map(|check| check.part.name().len()).max();
    let wide = wide.unwrap_or(0);
    for check in checks {
        let (state, part) = (check.state.word(), check.part.name());
        writeln!(out, "{state:<4}  {part:<wide$}  {}", check.sentence)?;
    }
    out.flush()
}

/// What a part says of itself, or its refusal.
fn told(part: Part, answer: Result<String, String>) -> Check {
    judged(part, answer, |sentence| (State::Ok, sentence))
}

/// What is judged of a part's answer, or its refusal.
fn judged<T>(
    part: Part,
    answer: Result<T, String>,
    judge: impl FnOnce(T) -> (State, String),
) -> Check {
    let (state, sentence) = match answer {
        Ok(answer) => judge(answer),
        Err(sentence) => (State::Fail, sentence),
    };
    Check {
        part,
        state,
        sentence,
    }
}

/// Two findings about one part as one: the worse state, the worse first.
fn both(one: (State, String), other: (State, String)) -> (State, String) {
    let (first, second) = if other.0 > one.0 {
        (other, one)
    } else {
        (one, other)
    };
    (first.0, format!("{}; {}", first.1, second.1))
}

/// Whether the student answers on a drawn healthy eye, and the gate refuses a
/// black frame: a network that was damaged, or swapped for another, does not
/// do both.
fn bundle(parts: &mut dyn Parts) -> Check {
    /// Side of the photograph, in pixels.
    const SIDE: u32 = 512;
    let mut ask = || -> Result<(State, String), String> {
        let healthy =
            fovea_render::by_name("healthy").ok_or("there is no drawn eye to test with")?;
        let eye = parts.grade(healthy.draw(2, SIDE))?;
        let black = parts.grade(RgbImage::new(SIDE, SIDE))?;
        Ok(sane(&eye, &black))
    };
    judged(Part::Bundle, ask(), |found| found)
}

fn sane(eye: &Record, black: &Record) -> (State, String) {
    let name = &eye.model.bundle;
    let score = eye
        .referral
        .score
        .filter(|score| (0.0..=1.0).contains(score));
    let sound =
        |finding: &fovea_core::decision::Finding| (0.0..=1.0).contains(&finding.probability);
    let remedy = "install the bundle again";
    if score.is_none() || eye.findings.is_empty() || !eye.findings.iter().all(sound) {
        let sentence = format!("{name} gives no probabilities for a drawn eye; {remedy}");
        return (State::Fail, sentence);
    }
    if !eye.gate.accepted || eye.referral.decision == ReferralDecision::Retake {
        return (State::Fail, format!("{name} refuses a drawn eye; {remedy}"));
    }
    if black.gate.accepted {
        return (
            State::Fail,
            format!("{name} accepts a black frame; {remedy}"),
        );
    }
    let spent = eye.elapsed_ms.total();
    (
        State::Ok,
        format!("{name} grades a drawn eye in {spent:.0} ms"),
    )
}

/// What the operating points rest on.
fn points(calibration: &Calibration) -> (State, String) {
    let measured = |node: &fovea_core::calibration::NodeCalibration| node.positives > 0;
    if !calibration.composites.values().any(measured) {
        let sentence = format!(
            "{} was measured on no photographs: its thresholds mean nothing; install a calibrated bundle",
            calibration.id
        );
        return (State::Warn, sentence);
    }
    if calibration.gate.pixels_only {
        let sentence = format!(
            "{} judges quality by pixels alone: expect that hazy photographs are graded",
            calibration.id
        );
        return (State::Warn, sentence);
    }
    let percent = 100.0 * calibration.target_sensitivity;
    let sentence = format!("{}, for a sensitivity of {percent:.0} %", calibration.id);
    (State::Ok, sentence)
}

/// The camera's profile. Without one photographs are graded as they come.
fn profile(path: &Path) -> (State, String) {
    if matches!(path.try_exists(), Ok(false)) {
        let sentence = "no camera profile: make one with `fovea calibrate-camera`";
        return (State::Warn, sentence.to_owned());
    }
    match CameraProfile::open(path) {
        Ok(profile) => {
            let (camera, measured) = (profile.camera, profile.measured);
            let percent = 100.0 * measured.uneven;
            let sentence = format!("profile of {camera}, even to {percent:.1} %");
            (State::Ok, sentence)
        }
        Err(error) => (State::Fail, error.to_string()),
    }
}

/// Whether a file can be written and reach the disk where exams are kept, or
/// the folder can be made where it is missing. Nothing that is there is changed,
/// not even the folder's time.
fn writable(folder: &Path) -> (State, String) {
    let place = folder.display();
    let (tried, can) = match folder.try_exists() {
        Ok(false) => (may_write(existing(folder)), "can be made"),
        _ => (write_nameless(folder), "can be written"),
    };
    match tried {
        Ok(()) => (State::Ok, format!("{place} {can}")),
        Err(error) => {
            let remedy =
                "check that the folder exists, belongs to the user fovea, and the disk works";
            (
                State::Fail,
                format!("{place} cannot be written ({error}); {remedy}"),
            )
        }
    }
}

/// Writes a file that never has a name, to the disk: so a cut of power leaves
/// nothing behind, and the folder does not change. Not every file system has
/// such files; there the permission is asked for alone.
fn write_nameless(folder: &Path) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => {
            let mut file = File::from(file);
            file.write_all(b"fovea check")?;
            file.sync_all()
        }
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => may_write(folder),
        Err(error) => Err(error.into()),
    }
}

/// When this program was built, as `FOVEA_LAST_CHANGE` said then: packages set
/// it. Without it, the day of the project's first commit, before which no
/// Fovea ran.
fn built() -> SystemTime {
    const FIRST_COMMIT: u64 = 1_795_219_200;
    let packaged = option_env!("FOVEA_LAST_CHANGE").and_then(|seconds| seconds.parse().ok());
    UNIX_EPOCH + Duration::from_secs(packaged.unwrap_or(FIRST_COMMIT))
}

/// Whether the clock can be right: neither before this program was built nor
/// before the newest exam was saved, and not beyond any device's life.
fn clock(now: SystemTime, newest_exam: Option<SystemTime>) -> (State, String) {
    /// Longer no program stays in use.
    const LIFE: Duration = Duration::from_secs(15 * 365 * 86_400);
    /// What a clock may be set back by when somebody corrects it.
    const SLACK: Duration = Duration::from_secs(300);
    let wrong = if now < built() {
        "before this program was built"
    } else if now > built() + LIFE {
        "years after this program was built"
    } else if newest_exam.is_some_and(|newest| now + SLACK < newest) {
        "before the newest exam ended"
    } else {
        return (State::Ok, "the time can be right".to_owned());
    };
    let remedy = "set it with `timedatectl set-time`, and see to the clock's battery";
    (
        State::Fail,
        format!("the clock shows a time {wrong}; {remedy}"),
    )
}

/// Whether there is room for exams. Below twice what one needs it is time to
/// see to it.
fn disk(room: &Room) -> (State, String) {
    if let Some(refusal) = room.refusal() {
        return (State::Fail, refusal);
    }
    let free = format!("{} MB free", room.free / 1_000_000);
    if room.free < room.needed.saturating_mul(2) {
        let least = room.needed / 1_000_000;
        let remedy = "export exams with `fovea records export` and free room";
        return (
            State::Warn,
            format!("{free}; below {least} no exam can begin; {remedy}"),
        );
    }
    (State::Ok, free)
}

#[cfg(test)]
mod tests;
