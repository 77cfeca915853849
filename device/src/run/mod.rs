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
mod live;
mod pulse;
mod self_test;
mod show;
mod stages;
mod standalone;
mod views;

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use embedded_graphics::prelude::Size;
use fovea_core::profile::{CameraProfile, ProfileError};
use thiserror::Error;

use crate::camera::feed::{Feed, Status};
use crate::camera::{Clock, Corrected, Opened, Opener};
use crate::config::Config;
use crate::display::{self, DisplayError};
use crate::exam::words::{Action, Eye, Page};
use crate::exam::{Effect, Event, Exam, ShotId, Stage};
use crate::grade::embedded;
use crate::health::check::Check;
use crate::health::watchdog::Watchdog;
use crate::input::script::{Script, ScriptError};
use crate::input::ShotName;
use crate::live::{AutoCapture, Guidance, LiveGate, LiveLimits};
use crate::log::{self, LogError};
use crate::records::{Listed, Profile, Provenance};
use crate::screen::{self, Language};

use album::Album;
use grading::{Grading, Job, Model};
use keeping::{Keeping, Pixels, Request};
use live::LivePicture;
use self_test::Health;
pub use stages::STAGES;
pub(crate) use standalone::Standalone;
use views::Details;

/// How long the loop may rest while pictures come: short enough for thirty of
/// them a second.
const LIVE_REST: Duration = Duration::from_millis(8);
/// And while none are shown.
const REST: Duration = Duration::from_millis(40);
/// How often a view that stands still is drawn all the same: its clock goes on.
const REFRESH: Duration = Duration::from_secs(1);
/// How often a view with a progress bar is drawn.
const PROGRESS: Duration = Duration::from_millis(100);
/// How often a display that is gone is looked for.
const RETRY: Duration = Duration::from_secs(1);
/// How often the device tests itself while nobody is examined.
const TEST: Duration = Duration::from_secs(60);
/// How long the picture must be good where the configuration leaves the shutter
/// to the operator, who can still switch automatic capture on.
const BY_DEFAULT: Duration = Duration::from_secs(1);
/// Stills of a common camera; until the first frame says otherwise.
const COMMON_STILL: (u32, u32) = (2592, 1944);

/// A thread that is busy with one thing for so long will not come back: far
/// beyond the time-outs after which the operator is told.
const STUCK: Duration = Duration::from_secs(600);

/// Why the appliance does not start, or ended.
#[derive(Debug, Error)]
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

    exam: Exam,
    feed: Feed<Guidance>,
    grading: Grading,
    /// Before `keeping`, whose end waits until nobody can ask it any more.
    health: Health,
    keeping: Keeping,

    /// None while the display is gone.
    output: Option<display::Screen>,
    opened_at: Duration,
    size: Size,
    screen: screen::Screen,
    live: LivePicture,
    /// When the live view was entered, and how many of its pictures were shown.
    live_since: Duration,
    live_shown: u32,
    auto: AutoCapture,
    camera: Status,
    camera_says: String,

    album: Album,
    model: Option<Arc<Model>>,
    /// There will never be one: the bundle's student does not load.
    no_model: bool,
    checks: Vec<Check>,
    tested_at: Option<Duration>,
    details: Details,
    today: Vec<Listed>,
    /// What is wrong with their records.
    damaged: Vec<String>,
    first_row: usize,
    selected: Option<usize>,
    language: Language,
    automatic: bool,
    disk_full: bool,
    saved_as: String,

    /// Photographs that were asked for, in order, and when.
    awaited: VecDeque<(ShotId, Duration)>,
    /// One that has come and is not handed on yet.
    arrived: Option<Arrived>,
    aimed: Option<Eye>,
    still_size: (u32, u32),
    pressed: Option<Action>,
    /// Whether the view may have changed since it was drawn.
    stale: bool,
    drawn_at: Duration,
    /// The stage that the display was last told of.
    noted: &'static str,
    /// Names under which the script wants the picture kept.
    wanted: Vec<ShotName>,
    /// Whether the first picture was shown.
    ready: bool,
    /// Whether every thread got on, the last time it was looked.
    well: bool,
    over: bool,
}

/// A photograph fresh from the camera.
struct Arrived {
    shot: ShotId,
    pixels: Pixels,
    /// From the shutter until its pixels were there.
    took: Duration,
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
            disk: String::new(),
        };
        let output = open_display(&config)?;
        let size = output.display.size();
        let limits = LiveLimits::default().within(&bundle.calibration.gate);
        let feed = start_feed(&config, &clock, profile, limits).map_err(RunError::Threads)?;
        let grading = Grading::start(bundle).map_err(RunError::Threads)?;
        let keeping =
            Keeping::start(config.store.clone(), provenance, kept).map_err(RunError::Threads)?;
        let health = Health::start(config.places(), grading.trial(), keeping.requests())
            .map_err(RunError::Threads)?;
        keeping.ask(Request::Today);
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            camera = %config.camera.source,
            display = output.display.describe(),
            "started"
        );
        Ok(Appliance {
            exam: Exam::new(config.exam),
            language: config.display.language,
            automatic: config.capture.auto_seconds.after().is_some(),
            auto: AutoCapture::new(config.capture.auto_seconds.after().unwrap_or(BY_DEFAULT)),
            script,
            watchdog: Watchdog::from_env(),
            feed,
            grading,
            keeping,
            health,
            output: Some(output),
            opened_at: clock.now(),
            size,
            screen: screen::Screen::new(size),
            live: LivePicture::new(screen::live_picture(size)),
            live_since: Duration::ZERO,
            live_shown: 0,
            camera: Status::Connecting,
            camera_says: "connecting".to_owned(),
            album: Album::default(),
            model: None,
            no_model: false,
            checks: Vec::new(),
            tested_at: None,
            details,
            today: Vec::new(),
            damaged: Vec::new(),
            first_row: 0,
            selected: None,
            disk_full: false,
            saved_as: String::new(),
            awaited: VecDeque::new(),
            arrived: None,
            aimed: None,
            still_size: COMMON_STILL,
            pressed: None,
            stale: true,
            drawn_at: Duration::ZERO,
            noted: "",
            wanted: Vec::new(),
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
        let (stage, now) = (self.stage_name(), self.clock.now());
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

    /// Tells the exam what happened, and does what it asks for.
    fn tell(&mut self, event: Event) {
        let before = (self.exam.stage(), self.exam.notice().is_some());
        let now = self.clock.now();
        let exam = std::mem::replace(&mut self.exam, Exam::new(self.config.exam));
        let (exam, effects) = exam.step(event, now);
        self.exam = exam;
        for effect in effects {
            self.obey(effect);
        }
        if before != (self.exam.stage(), self.exam.notice().is_some()) {
            self.stale = true;
            self.leave_live();
            self.enter_stage();
        }
    }

    /// Whoever wonders how smooth the live view is finds it in the log.
    fn leave_live(&mut self) {
        let now = self.clock.now();
        let seconds = now.saturating_sub(self.live_since).as_secs_f64();
        if self.live_shown > 0 && seconds > 0.0 {
            let rate = f64::from(self.live_shown) / seconds;
            tracing::info!(count = self.live_shown, rate, "the live view was left");
        }
        (self.live_since, self.live_shown) = (now, 0);
    }

    fn enter_stage(&mut self) {
        let stage = self.stage_name();
        tracing::info!(state = stage, "stage");
        self.pressed = None;
        match self.exam.stage() {
            Stage::Live { eye } if self.aimed != Some(eye) && self.feed.aim(eye) => {
                self.aimed = Some(eye);
            }
            Stage::Patient { .. } => self.auto.arm(),
            Stage::Ready => {
                self.aimed = None;
                self.keeping.ask(Request::Today);
            }
            Stage::Page(Page::Today) => {
                (self.first_row, self.selected) = (0, None);
                self.keeping.ask(Request::Today);
            }
            _ => {}
        }
    }

    fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Open => {
                let (width, height) = self.still_size;
                self.keeping.ask(Request::Open(width, height));
            }
            Effect::TakeStill { shot, .. } => self.take_still(shot),
            Effect::Grade { shot, eye } => self.grade(shot, eye),
            Effect::Discard { .. } => self.arrived = None,
            Effect::Keep(exam) => self.keeping.ask(Request::Keep(exam)),
            Effect::Save(exam) => self.keeping.ask(Request::Save(exam)),
            Effect::Release { .. } => {
                self.album.clear();
                self.keeping.ask(Request::Release);
            }
        }
    }

    fn take_still(&mut self, shot: ShotId) {
        if self.feed.still() {
            self.awaited.push_back((shot, self.clock.now()));
        } else {
            let why = "The camera is busy; try again.".to_owned();
            self.tell(Event::CaptureFailed { shot, why });
        }
    }

    /// Hands a photograph to the store and to the student, in this order: it
    /// is to be on the disk before anything else can go wrong.
    fn grade(&mut self, shot: ShotId, eye: Eye) {
        let Some(arrived) = self.arrived.take_if(|arrived| arrived.shot == shot) else {
            return;
        };
        let shutter = self.clock.now().saturating_sub(arrived.took);
        self.album.add(shot, shutter);
        self.keeping
            .ask(Request::Photograph(shot, arrived.pixels.clone()));
        self.grading.grade(Job {
            shot,
            eye,
            photograph: arrived.pixels.photograph,
            read_ms: arrived.took.as_secs_f64() * 1e3,
            shown: screen::photograph(self.size),
        });
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

fn open_display(config: &Config) -> Result<display::Screen, DisplayError> {
    display::open(
        &config.display.output,
        config.display.size.size(),
        config.display.rotation,
        &config.input.wiring()?,
    )
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
