//! The self-test while the device runs, in a thread of its own: it grades and
//! asks the disk, and may take seconds.

use std::io;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use fovea_core::calibration::Calibration;
use image::RgbImage;

use super::grading::{Model, Trial};
use super::keeping::{Condition, Request};
use crate::grade::record::Record;
use crate::health::check::{self, Check, Found, Parts, Places};
use crate::records::{Glance, Room};

/// How often the device tests itself while nobody is examined.
const TEST: Duration = Duration::from_secs(60);

/// What the main loop knows of its own parts.
pub(super) struct Seen {
    pub model: Option<Arc<Model>>,
    /// Width and height of the camera's stills, in pixels.
    pub stills: (u32, u32),
    pub camera: Found,
    pub display: Found,
    pub input: Found,
}

/// The self-test's thread. It ends when this is dropped.
pub(super) struct Health {
    asks: Sender<Seen>,
    found: Receiver<Vec<Check>>,
    asked_at: Option<Duration>,
}

impl Health {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        places: Places,
        trial: Trial,
        store: Option<Sender<Request>>,
    ) -> io::Result<Health> {
        let (asks, asked) = channel::<Seen>();
        let (finding, found) = channel();
        thread::Builder::new()
            .name("self-test".to_owned())
            .spawn(move || {
                for seen in asked {
                    let mut parts = Running {
                        seen,
                        trial: &trial,
                        store: store.as_ref(),
                        condition: None,
                    };
                    let checks = check::all(&places, &mut parts, SystemTime::now());
                    if finding.send(checks).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Health {
            asks,
            found,
            asked_at: None,
        })
    }

    /// Whether it is time for a test.
    pub fn is_due(&self, now: Duration) -> bool {
        self.asked_at
            .is_none_or(|at| now.saturating_sub(at) >= TEST)
    }

    /// A part has changed: what was found before holds no more.
    pub fn test_soon(&mut self) {
        self.asked_at = None;
    }

    /// Asks for a test; the findings come later.
    pub fn ask(&mut self, seen: Seen, now: Duration) {
        self.asked_at = Some(now);
        if self.asks.send(seen).is_err() {
            tracing::error!("the self-test's thread has ended");
        }
    }

    /// The findings of a test, once it is done.
    pub fn found(&self) -> Option<Vec<Check>> {
        self.found.try_recv().ok()
    }
}

struct Running<'a> {
    seen: Seen,
    trial: &'a Trial,
    store: Option<&'a Sender<Request>>,
    /// The store is asked once for both of its lines.
    condition: Option<Condition>,
}

impl Running<'_> {
    fn condition(&mut self) -> Result<&mut Condition, Found> {
        if self.condition.is_none() {
            let (answering, answer) = channel();
            let ask = Request::Try(self.seen.stills, answering);
            let asked = self.store.map(|store| store.send(ask));
            if !matches!(asked, Some(Ok(()))) {
                return Err(Found::StoreGone);
            }
            self.condition = Some(answer.recv().map_err(|_| Found::StoreGone)?);
        }
        self.condition.as_mut().ok_or(Found::StoreGone)
    }
}

impl Parts for Running<'_> {
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, Found> {
        self.trial.grade(photograph)
    }

    fn calibration(&mut self) -> Result<Calibration, Found> {
        let model = self.seen.model.as_ref();
        model
            .map(|model| model.calibration.clone())
            .ok_or(Found::NoCalibration)
    }

    fn camera(&mut self) -> Found {
        self.seen.camera.clone()
    }

    fn display(&mut self) -> Found {
        self.seen.display.clone()
    }

    fn input(&mut self) -> Found {
        self.seen.input.clone()
    }

    fn store(&mut self) -> Result<Option<Glance>, Found> {
        self.condition()?.stored.clone().map(Some)
    }

    fn room(&mut self) -> Result<Room, Found> {
        self.condition()?.room.clone()
    }
}
