//! The parts of the device for a self-test while it does not run: each is
//! opened, asked and let go.

use std::time::{Duration, SystemTime};

use fovea_core::calibration::Calibration;
use image::RgbImage;

use super::keeping::system_time;
use super::{open_display, COMMON_STILL};
use crate::camera::{self, Clock, Control, Frame};
use crate::check::Parts;
use crate::config::Config;
use crate::embedded;
use crate::grade::Grader;
use crate::record::Record;
use crate::store::{Records, Room, Stills, Store, StoreError};

/// How long a camera may take for its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(3);

/// Opens what the configuration names.
pub(crate) struct Standalone {
    config: Config,
    /// Loading takes long: once is enough.
    grader: Option<Result<Grader, String>>,
    /// What the display said of the input beside it.
    input: Result<String, String>,
}

impl Standalone {
    pub fn new(config: &Config) -> Standalone {
        Standalone {
            config: config.clone(),
            grader: None,
            input: Err("nothing is touched or typed without a display".to_owned()),
        }
    }

    fn grader(&mut self) -> Result<&Grader, String> {
        let (grader, source) = (&mut self.grader, &self.config.model.bundle);
        grader
            .get_or_insert_with(|| {
                let bundle = embedded::open(source.folder())?;
                Grader::new(bundle).map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The store; none while an appliance has it, which is no fault.
    fn store(&self) -> Result<Option<Store>, StoreError> {
        match Store::open(&self.config.store.folder) {
            Err(StoreError::InUse(_)) => Ok(None),
            store => store.map(Some),
        }
    }

    fn newest(&self) -> Result<Option<SystemTime>, StoreError> {
        let latest = match self.store()? {
            Some(store) => store.records().latest(),
            None => Records::open(&self.config.store.folder)?.latest(),
        };
        Ok(latest?.map(system_time))
    }
}

impl Parts for Standalone {
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, String> {
        let grader = self.grader()?;
        Ok(grader.grade("self-test", photograph, 0.0).record)
    }

    fn calibration(&mut self) -> Result<Calibration, String> {
        Ok(self.grader()?.calibration().clone())
    }

    fn camera(&mut self) -> Result<String, String> {
        let look = || {
            let config = &self.config.camera;
            let mut camera = camera::open(&config.source, config.levels(), &Clock::start())?;
            camera.next(&mut Frame::default(), FIRST_PICTURE)?;
            let about = [camera.describe()].into_iter();
            let controls = camera.controls().iter().map(Control::to_string);
            Ok(about.chain(controls).collect::<Vec<_>>().join("; "))
        };
        look().map_err(|error: camera::CameraError| error.to_string())
    }

    fn display(&mut self) -> Result<String, String> {
        let opened = open_display(&self.config).map_err(|error| error.to_string())?;
        self.input = Ok(opened.input.describe());
        Ok(opened.display.describe())
    }

    fn input(&mut self) -> Result<String, String> {
        self.input.clone()
    }

    fn newest_exam(&mut self) -> Result<Option<SystemTime>, String> {
        self.newest().map_err(|error| error.to_string())
    }

    fn room(&mut self) -> Result<Room, String> {
        let (width, height) = COMMON_STILL;
        let least = u64::from(self.config.store.least_free_mb.get()) * 1_000_000;
        let stills = Stills {
            width,
            height,
            corrected: matches!(self.config.camera.profile.try_exists(), Ok(true)),
        };
        Room::of(&self.config.store.folder, stills, least).map_err(|error| error.to_string())
    }
}
