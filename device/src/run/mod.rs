//! The appliance: camera to verdict on a screen.
//!
//! ```text
//! camera ──newest frame──> main loop ──still──> grade ──verdict──┐
//!   ^  └─ live gate           │  ^ └─exam───> store ──saved──────┤
//!   └───────still, aim────────┘  └───────────────────────────────┘
//! ```
//!
//! Four threads beside the main loop own what may be slow: camera, student,
//! store and self-test. The main loop owns what must answer at once: display,
//! input and the exam. It never waits for one of the others: it asks, goes on
//! drawing, and hears the answer on a later turn.

mod album;
mod grading;
mod hear;
mod keeping;
mod known;
mod live;
mod output;
mod pulse;
mod self_test;
mod shutter;
mod stages;
mod standalone;
mod today;
mod views;

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use fovea_core::profile::{CameraProfile, ProfileError};
use thiserror::Error;

use crate::camera::feed::Feed;
use crate::camera::{Clock, Corrected, Opened, Opener};
use crate::config::Config;
use crate::display::DisplayError;
use crate::exam::words::Page;
use crate::exam::{Effect, Event, Exam, ShotId, Stage};
use crate::grade::embedded;
use crate::health::watchdog::Watchdog;
use crate::input::script::{Script, ScriptError};
use crate::live::{Guidance, LiveGate, LiveLimits};
use crate::log::{self, LogError};
use crate::records::{Profile, Provenance};
use crate::screen;

use album::Album;
use grading::{Grading, Job};
use keeping::{Request, StoreThread};
use known::{Camera, Details, Known, Student};
use live::LiveView;
use output::Output;
use self_test::Health;
use shutter::Shutter;
pub use stages::STAGES;
pub(crate) use standalone::Standalone;
use today::Today;

/// How often a view that stands still is drawn all the same: its clock goes on.
const REFRESH: Duration = Duration::from_secs(1);
/// How often a view with a progress bar is drawn.
const PROGRESS: Duration = Duration::from_millis(100);
/// Stills of a common camera; until the camera or a photograph says otherwise.
const COMMON_STILL: (u32, u32) = (2592, 1944);

/// A thread that is busy with one thing for so long will not come back: far
/// beyond the time-outs after which the operator is told.
const STUCK: Duration = Duration::from_secs(600);

/// Why the appliance does not start, or ended.
#[derive(Debug, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum RunError {
    #[error("{0}")]
    Bundle(String),
    #[error(transparent)]
    Display(#[from] DisplayError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("the camera's profile cannot be used: {0}")]
    Profile(#[from] ProfileError),
    #[error("the system gives no more threads ({0}); end other programs")]
    Threads(io::Error),
    #[error("cannot listen for the system's signal to end ({0})")]
    Signals(io::Error),
}

/// Runs the appliance until it is told to end: by a signal, by closing its
/// window, or by `script`, which stands in for the operator.
///
/// # Errors
/// When it cannot start, or the script does not find what it waits for.
pub fn run(config: Config, script: Option<&Path>) -> Result<(), RunError> {
    let clock = Clock::start();
    let script = script.map(|path| Script::read(path, STAGES)).transpose()?;
    let _log = log::start(&config.log)?;
    let stop = stop_signal().map_err(RunError::Signals)?;
    let mut appliance = Appliance::start(config, clock, script)?;
    while !stop.load(Ordering::Relaxed) && !appliance.over {
        appliance.turn()?;
    }
    appliance.end();
    Ok(())
}

/// Set when the system asks the program to end.
fn stop_signal() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

struct Appliance {
    config: Config,
    clock: Clock,
    script: Option<Script>,
    watchdog: Watchdog,

    feed: Feed<Guidance>,
    grading: Grading,
    /// Before `keeping`, whose end waits until nobody can ask it any more.
    health: Health,
    keeping: StoreThread,

    output: Output,
    shutter: Shutter,
    known: Known,
    /// Whether the first picture was shown.
    ready: bool,
    /// Whether every thread got on, the last time it was looked.
    well: bool,
    over: bool,
}

impl Appliance {
    fn start(config: Config, clock: Clock, script: Option<Script>) -> Result<Appliance, RunError> {
        let bundle = embedded::open(config.model.bundle.folder()).map_err(RunError::Bundle)?;
        let profile = profile(&config.camera.profile)?;
        let kept = profile.as_deref().map(Profile::of).transpose()?;
        let provenance = Provenance::new(&config.device.id, &bundle.manifest, kept.as_ref());
        let details = Details {
            model: format!(
                "{} {}",
                bundle.manifest.name,
                bundle.sha256.get(..12).unwrap_or_default()
            ),
            calibration: bundle.calibration.id.clone(),
            profile: match &profile {
                Some(profile) => profile.camera.clone(),
                None => String::new(),
            },
        };
        let output = Output::open(&config, clock)?;
        let limits = LiveLimits::default().within(&bundle.calibration.gate);
        let feed = start_feed(&config, &clock, profile, limits).map_err(RunError::Threads)?;
        let grading = Grading::start(bundle).map_err(RunError::Threads)?;
        let keeping = StoreThread::start(config.store.clone(), provenance, kept)
            .map_err(RunError::Threads)?;
        let health = Health::start(config.places(), grading.trial(), keeping.requests())
            .map_err(RunError::Threads)?;
        keeping.ask(Request::Today);
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            camera = %config.camera.source,
            display = output.about().map(|(display, _)| display.to_string()),
            "started"
        );
        Ok(Appliance {
            known: Known {
                exam: Exam::new(config.exam),
                album: Album::default(),
                student: Student::Loading,
                camera: Camera::connecting(),
                live: LiveView::new(output.size(), config.capture.auto_seconds.after()),
                checks: Vec::new(),
                today: Today::default(),
                language: config.display.language,
                saved_as: String::new(),
                device: config.device.id.clone(),
                details,
            },
            script,
            watchdog: Watchdog::from_env(),
            feed,
            grading,
            health,
            keeping,
            output,
            shutter: Shutter::new(),
            ready: false,
            well: true,
            over: false,
            config,
            clock,
        })
    }

    /// One turn of the loop: hear, think, draw.
    fn turn(&mut self) -> Result<(), RunError> {
        self.hear_operator()?;
        self.hear_camera();
        self.hear_student();
        self.hear_store();
        self.hear_self_test();
        self.tell(Event::Tick);
        self.draw();
        let now = self.clock.now();
        let stage = self.known.stage_name();
        if !self.is_well() {
            return Ok(());
        }
        if let Err(error) = self.watchdog.turn(stage, now) {
            tracing::warn!(error = %error, "systemd cannot be reached");
        }
        Ok(())
    }

    /// Whether every thread gets on. Where one does not, systemd is given no
    /// sign of life any more and starts the program again.
    fn is_well(&mut self) -> bool {
        let stuck = [
            ("grade", self.grading.busy()),
            ("store", self.keeping.busy()),
            ("camera", Some(self.feed.silent())),
        ]
        .into_iter()
        .find(|(_, busy)| busy.is_none_or(|busy| busy > STUCK));
        let well = stuck.is_none();
        if let Some((thread, _)) = stuck.filter(|_| self.well) {
            tracing::error!(
                thread,
                "a thread does not get on; the watchdog is told no more"
            );
        }
        self.well = well;
        well
    }

    /// Tells the exam what happened, and does what it asks for. What comes of
    /// that at once is told after it, one thing at a time.
    fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.clock.now();
            let exam = std::mem::replace(&mut self.known.exam, Exam::new(self.config.exam));
            let before = (exam.stage(), exam.notice().is_some());
            let (exam, effects) = exam.step(event, now);
            let after = (exam.stage(), exam.notice().is_some());
            self.known.exam = exam;
            events.extend(effects.into_iter().filter_map(|effect| self.obey(effect)));
            if before != after {
                self.output.out_of_date();
                self.known.live.leave(self.clock.now());
                self.enter_stage();
            }
        }
    }

    fn enter_stage(&mut self) {
        let stage = self.known.stage_name();
        tracing::info!(state = stage, "stage");
        self.output.press(None);
        match self.known.exam.stage() {
            Stage::Live { eye } => self.shutter.aim(&self.feed, eye),
            Stage::Capturing { .. } => self.known.live.disarm(),
            // Not again on the way back from an eye that still sits there.
            Stage::Patient { .. } if !self.known.has_photographs() => self.known.live.arm(),
            Stage::Ready => {
                self.shutter.forget_eye();
                self.keeping.ask(Request::Today);
            }
            Stage::Page(Page::Today) => {
                self.known.today.open();
                self.keeping.ask(Request::Today);
            }
            _ => {}
        }
    }

    /// Does one thing; what came of it, where that is known at once.
    fn obey(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Open => {
                self.keeping.ask(Request::Open(self.shutter.size()));
            }
            Effect::TakeStill { shot, .. } => {
                return self.shutter.release(&self.feed, shot, self.clock.now());
            }
            Effect::Grade { shot, .. } => self.grade(shot),
            Effect::Discard { .. } => self.shutter.discard(),
            Effect::Keep(exam) => self.keeping.ask(Request::Keep(exam)),
            Effect::Save(exam) => self.keeping.ask(Request::Save(exam)),
            Effect::Release { .. } => {
                self.known.album.clear();
                self.keeping.ask(Request::Release);
            }
        }
        None
    }

    /// Hands a photograph to the store and to the student, in this order: it
    /// is to be on the disk before anything else can go wrong.
    fn grade(&mut self, shot: ShotId) {
        let Some(arrived) = self.shutter.take(shot) else {
            return;
        };
        let shutter = self.clock.now().saturating_sub(arrived.took);
        self.known.album.add(shot, shutter);
        self.keeping
            .ask(Request::Photograph(shot, arrived.pixels.clone()));
        self.grading.grade(Job {
            shot,
            photograph: arrived.pixels.photograph,
            read_ms: arrived.took.as_secs_f64() * 1e3,
            shown: screen::photograph(self.output.size()),
        });
    }

    /// Draws and presents, where there is something new to see.
    fn draw(&mut self) {
        if self.output.is_gone() && !self.reopen() {
            return;
        }
        let exam = &self.known.exam;
        let every = match exam.stage() {
            Stage::Result { .. } if exam.is_grading() => PROGRESS,
            _ => REFRESH,
        };
        if !self.output.is_due(every) {
            return;
        }
        let shown = self.output.show(&self.known);
        if shown && !self.ready {
            self.ready = true;
            let waited_ms = millis(self.clock.now());
            tracing::info!(waited_ms, "the first picture is shown");
            if let Err(error) = self.watchdog.ready() {
                tracing::warn!(error = %error, "systemd cannot be reached");
            }
        }
        if matches!(self.known.exam.stage(), Stage::Live { .. }) {
            self.known.live.count();
        }
        let seen = shown && !self.known.exam.is_covered();
        if let Some((shot, since)) = self.known.newly_shown().filter(|_| seen) {
            let waited_ms = millis(self.clock.now().saturating_sub(since));
            tracing::info!(waited_ms, "a verdict is shown");
            self.tell(Event::Shown { shot });
        }
    }

    /// Looks for a display that was lost; whether there is one.
    fn reopen(&mut self) -> bool {
        let size = self.output.size();
        if !self.output.reopen(&self.config) {
            return false;
        }
        if self.output.size() != size {
            self.known.live.resize(self.output.size());
        }
        // What the self-test said of a screen that was gone holds no more.
        self.health.test_soon();
        true
    }

    /// Ends in order: what was asked of the store is done before.
    fn end(self) {
        if let Err(error) = self.watchdog.stopping() {
            tracing::warn!(error = %error, "systemd cannot be reached");
        }
        tracing::info!("ended");
    }
}

/// The camera's profile, where the file is there.
fn profile(path: &Path) -> Result<Option<Arc<CameraProfile>>, RunError> {
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    Ok(Some(Arc::new(CameraProfile::open(path)?)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The camera's thread, with the live gate in it.
fn start_feed(
    config: &Config,
    clock: &Clock,
    profile: Option<Arc<CameraProfile>>,
    limits: LiveLimits,
) -> io::Result<Feed<Guidance>> {
    let camera = &config.camera;
    let mut opener = Opener::new(camera.source.clone(), camera.levels(), clock);
    let mut gate = LiveGate::new(limits);
    Feed::start(
        move || {
            let Opened { camera, refused } = opener.open()?;
            for error in refused {
                tracing::warn!(error = %error, "a control was not set");
            }
            Ok(match &profile {
                Some(profile) => Box::new(Corrected::new(camera, profile.clone())),
                None => camera,
            })
        },
        move |frame| gate.look(&frame.rgb, frame.stamps.dequeued),
    )
}
