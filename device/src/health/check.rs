//! The device's test of itself.
//!
//! One [`Check`] for each part that an exam needs, each found by a small probe.
//! `fovea check` prints them, the Ready screen shows them. None changes what it
//! tests. What lies behind a
//! part (a camera, a screen, the student) is asked through [`Parts`], so that
//! what is made of it here is tested without any of them.

mod words;

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fovea_core::calibration::Calibration;
use fovea_core::decision::ReferralDecision;
use fovea_core::profile::CameraProfile;
use image::RgbImage;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::camera::{self, CameraError, Control};
use crate::files::{existing, may_write};
use crate::grade::record::Record;
use crate::records::{Glance, Room, StoreError};
use crate::{display, input};

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It works.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The bundle, and whether its student answers.
    Bundle,
    /// The student's, and the camera's.
    Calibration,
    /// Whether pictures come.
    Camera,
    /// Whether there is a screen.
    Display,
    /// What is touched and typed on.
    Input,
    /// Whether exams can be kept.
    Store,
    /// Whether its time is plausible.
    Clock,
    /// Whether there is room for exams.
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
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The part that was tested.
    pub part: Part,
    /// The worst first; never empty.
    pub found: Vec<Found>,
}

impl Check {
    /// How the part is.
    pub fn state(&self) -> State {
        worst_of(&self.found)
    }
}

/// One thing that was found, good or bad.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The bundle grades a drawn eye.
    Grades {
        /// The bundle's name.
        bundle: String,
        /// Time that grading took, in milliseconds.
        ms: f64,
    },
    /// The bundle gives no probabilities for a drawn eye.
    NoProbabilities {
        /// The bundle's name.
        bundle: String,
    },
    /// The bundle takes a drawn eye for none.
    RefusesEye {
        /// The bundle's name.
        bundle: String,
    },
    /// The bundle takes a black frame for an eye.
    AcceptsBlack {
        /// The bundle's name.
        bundle: String,
    },
    /// This program was built without the eye to test with.
    NoDrawnEye,
    /// The bundle, or the student in it, cannot be used.
    NoStudent {
        /// The error in English.
        detail: String,
    },
    /// The student panicked.
    StudentBrokeDown {
        /// What the panic said, in English.
        detail: String,
    },
    /// The student's thread has ended.
    StudentGone,

    /// The operating points were measured on photographs, and the gate asks the student.
    Calibrated {
        /// The calibration's id.
        id: String,
        /// The sensitivity that the operating points were chosen for, 0 to 1.
        sensitivity: f32,
    },
    /// No photographs stand behind the operating points.
    NotMeasured {
        /// The calibration's id.
        id: String,
    },
    /// The quality of a photograph is judged by its pixels alone.
    PixelsOnly {
        /// The calibration's id.
        id: String,
    },
    /// There is no calibration without a bundle.
    NoCalibration,
    /// There is a profile of the camera that can be used.
    Profile {
        /// The camera as the profile names it.
        camera: String,
        /// Unevenness that it leaves: root mean square, as a share of the mean.
        uneven: f32,
    },
    /// There is no profile of the camera.
    NoProfile,
    /// There is a profile of the camera, but it cannot be used.
    ProfileUnusable {
        /// The error in English.
        detail: String,
    },

    /// The camera shows pictures.
    Camera {
        /// What the camera is and what was chosen of what it offers.
        about: Arc<camera::About>,
        /// What can be set at it; empty where that was not asked, as in a running device.
        controls: Vec<Control>,
    },
    /// The camera is being opened for the first time.
    Connecting,
    /// No pictures come.
    NoCamera(CameraError),

    /// What is shown on.
    Display(display::About),
    /// It was working before.
    DisplayGone,
    /// The display cannot be opened.
    NoDisplay {
        /// The error in English.
        detail: String,
    },
    /// It was not looked for, because a keyboard layout of the configuration
    /// cannot be loaded.
    DisplayNotTried {
        /// What is wrong with the layout, in English.
        detail: String,
    },
    /// What is touched and typed on.
    Input(input::About),
    /// Nothing is touched or typed without a display.
    NothingToTouch,
    /// A keyboard layout of the configuration cannot be loaded.
    NoInput {
        /// What is wrong with the layout, in English.
        detail: String,
    },

    /// What the store holds.
    Store(Glance),
    /// The first start makes it.
    NoStore,
    /// The store cannot be used, or the disk does not say how much room it has.
    StoreUnusable(StoreError),
    /// The store's thread has ended.
    StoreGone,
    /// Files can be written in the store's folder.
    Writable(PathBuf),
    /// The store's folder can be made.
    CanBeMade(PathBuf),
    /// Files cannot be written in the store's folder, or it cannot be made.
    NotWritable {
        /// The store's folder.
        path: PathBuf,
        /// What the system said, in English.
        reason: String,
    },

    /// The clock's time is plausible.
    ClockRight,
    /// The clock shows a time before this program was built.
    ClockBeforeBuilt,
    /// The clock shows a time beyond this program's life.
    ClockBeyondLife,
    /// The clock shows a time before the newest exam ended.
    ClockBeforeExam,

    /// How much room the store's disk has.
    Room(Room),
}

impl Found {
    /// What it means for exams.
    pub fn state(&self) -> State {
        match self {
            Found::Grades { .. }
            | Found::Calibrated { .. }
            | Found::Profile { .. }
            | Found::Camera { .. }
            | Found::Display(_)
            | Found::Input(_)
            | Found::Store(_)
            | Found::NoStore
            | Found::Writable(_)
            | Found::CanBeMade(_)
            | Found::ClockRight => State::Ok,
            Found::NotMeasured { .. }
            | Found::PixelsOnly { .. }
            | Found::NoProfile
            | Found::Connecting => State::Warn,
            Found::NoProbabilities { .. }
            | Found::RefusesEye { .. }
            | Found::AcceptsBlack { .. }
            | Found::NoDrawnEye
            | Found::NoStudent { .. }
            | Found::StudentBrokeDown { .. }
            | Found::StudentGone
            | Found::NoCalibration
            | Found::ProfileUnusable { .. }
            | Found::NoCamera(_)
            | Found::DisplayGone
            | Found::NoDisplay { .. }
            | Found::DisplayNotTried { .. }
            | Found::NothingToTouch
            | Found::NoInput { .. }
            | Found::StoreUnusable(_)
            | Found::StoreGone
            | Found::NotWritable { .. }
            | Found::ClockBeforeBuilt
            | Found::ClockBeyondLife
            | Found::ClockBeforeExam => State::Fail,
            Found::Room(room) if !room.suffices() => State::Fail,
            Found::Room(room) if room.is_scarce() => State::Warn,
            Found::Room(_) => State::Ok,
        }
    }
}

/// The parts of the device as the self-test asks them.
pub trait Parts {
    /// Grades a photograph with the configured bundle.
    ///
    /// # Errors
    /// [`Found::NoStudent`], [`Found::StudentBrokeDown`] or [`Found::StudentGone`]
    /// when no student answers.
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, Found>;
    /// The calibration of the configured bundle.
    ///
    /// # Errors
    /// [`Found::NoCalibration`] or [`Found::NoStudent`] when no bundle is loaded.
    fn calibration(&mut self) -> Result<Calibration, Found>;
    /// Gets a picture from the camera.
    fn camera(&mut self) -> Found;
    /// Opens the display.
    fn display(&mut self) -> Found;
    /// Looks for touch panels and keyboards.
    fn input(&mut self) -> Found;
    /// Looks at the store; nothing where there is none yet.
    ///
    /// # Errors
    /// [`Found::StoreUnusable`] or [`Found::StoreGone`] when it cannot be read.
    fn store(&mut self) -> Result<Option<Glance>, Found>;
    /// How much room the store's disk has and an exam needs.
    ///
    /// # Errors
    /// [`Found::StoreUnusable`] when the store cannot be used or the disk does not
    /// say, [`Found::StoreGone`] when nobody can be asked.
    fn room(&mut self) -> Result<Room, Found>;
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
    let newest = stored
        .as_ref()
        .ok()
        .and_then(|glance| glance.as_ref()?.latest);
    let calibration = match parts.calibration() {
        Ok(calibration) => vec![points(calibration), profile(&places.profile)],
        Err(found) => vec![found],
    };
    let store = match stored {
        Ok(glance) => vec![
            glance.map_or(Found::NoStore, Found::Store),
            writable(&places.store),
        ],
        Err(found) => vec![found],
    };
    let room = parts.room().map_or_else(|found| found, Found::Room);
    let checks = [
        (Part::Bundle, vec![bundle(parts)]),
        (Part::Calibration, calibration),
        (Part::Camera, vec![parts.camera()]),
        (Part::Display, vec![parts.display()]),
        (Part::Input, vec![parts.input()]),
        (Part::Store, store),
        (Part::Clock, vec![clock(now, newest.map(system_time))]),
        (Part::Disk, vec![room]),
    ];
    let check = |(part, mut found): (Part, Vec<Found>)| {
        // Stable: of two that are as bad, the first stays first.
        found.sort_by_key(|found| Reverse(found.state()));
        Check { part, found }
    };
    checks.into_iter().map(check).collect()
}

/// The worst state among them.
pub fn worst(checks: &[Check]) -> State {
    let states = checks.iter().map(Check::state);
    states.max().unwrap_or(State::Ok)
}

fn worst_of(found: &[Found]) -> State {
    let states = found.iter().map(Found::state);
    states.max().unwrap_or(State::Ok)
}

/// One aligned line for each, in English.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, checks: &[Check]) -> io::Result<()> {
    let wide = checks.iter().map(|check| check.part.name().len()).max();
    let wide = wide.unwrap_or(0);
    for check in checks {
        let (state, part) = (check.state().word(), check.part.name());
        writeln!(out, "{state:<4}  {part:<wide$}  {check}")?;
    }
    out.flush()
}

/// Whether the student answers on a drawn healthy eye, and the gate refuses a
/// black frame: a network that was damaged, or swapped for another, does not
/// do both.
fn bundle(parts: &mut dyn Parts) -> Found {
    /// Side of the photograph, in pixels.
    const SIDE: u32 = 512;
    let Some(healthy) = fovea_render::by_name("healthy") else {
        return Found::NoDrawnEye;
    };
    let eye = parts.grade(healthy.draw(2, SIDE));
    let asked = eye.and_then(|eye| Ok((eye, parts.grade(RgbImage::new(SIDE, SIDE))?)));
    asked.map_or_else(|found| found, |(eye, black)| sane(&eye, &black))
}

fn sane(eye: &Record, black: &Record) -> Found {
    let bundle = eye.model.bundle.clone();
    let score = eye
        .referral
        .score
        .filter(|score| (0.0..=1.0).contains(score));
    let sound =
        |finding: &fovea_core::decision::Finding| (0.0..=1.0).contains(&finding.probability);
    if score.is_none() || eye.findings.is_empty() || !eye.findings.iter().all(sound) {
        return Found::NoProbabilities { bundle };
    }
    if !eye.gate.accepted || eye.referral.decision == ReferralDecision::Retake {
        return Found::RefusesEye { bundle };
    }
    if black.gate.accepted {
        return Found::AcceptsBlack { bundle };
    }
    let ms = eye.elapsed_ms.total();
    Found::Grades { bundle, ms }
}

/// What the operating points rest on.
fn points(calibration: Calibration) -> Found {
    let measured = |node: &fovea_core::calibration::NodeCalibration| node.positives > 0;
    let id = calibration.id;
    if !calibration.composites.values().any(measured) {
        return Found::NotMeasured { id };
    }
    if calibration.gate.pixels_only {
        return Found::PixelsOnly { id };
    }
    Found::Calibrated {
        id,
        sensitivity: calibration.target_sensitivity,
    }
}

/// The camera's profile. Without one photographs are graded as they come.
fn profile(path: &Path) -> Found {
    if matches!(path.try_exists(), Ok(false)) {
        return Found::NoProfile;
    }
    match CameraProfile::open(path) {
        Ok(profile) => Found::Profile {
            camera: profile.camera,
            uneven: profile.measured.uneven,
        },
        Err(error) => Found::ProfileUnusable {
            detail: error.to_string(),
        },
    }
}

/// Whether a file can be written and reach the disk where exams are kept, or
/// the folder can be made where it is missing. Nothing that is there is changed,
/// not even the folder's time.
fn writable(folder: &Path) -> Found {
    let path = folder.to_owned();
    let missing = matches!(folder.try_exists(), Ok(false));
    let tried = match missing {
        true => may_write(existing(folder)),
        false => write_nameless(folder),
    };
    match tried {
        Ok(()) if missing => Found::CanBeMade(path),
        Ok(()) => Found::Writable(path),
        Err(error) => Found::NotWritable {
            path,
            reason: error.to_string(),
        },
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

/// A moment of the calendar as the system's clock has it.
fn system_time(at: Timestamp) -> SystemTime {
    // Before 1970 there was no exam.
    UNIX_EPOCH + Duration::from_millis(at.as_millisecond().unsigned_abs())
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
fn clock(now: SystemTime, newest_exam: Option<SystemTime>) -> Found {
    /// Longer no program stays in use.
    const LIFE: Duration = Duration::from_secs(15 * 365 * 86_400);
    /// What a clock may be set back by when somebody corrects it.
    const SLACK: Duration = Duration::from_secs(300);
    if now < built() {
        Found::ClockBeforeBuilt
    } else if now > built() + LIFE {
        Found::ClockBeyondLife
    } else if newest_exam.is_some_and(|newest| now + SLACK < newest) {
        Found::ClockBeforeExam
    } else {
        Found::ClockRight
    }
}

#[cfg(test)]
mod tests;
