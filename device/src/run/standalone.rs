//! The parts of the device for a self-test while it does not run: each is
//! opened, asked and let go as it was found. What a start would make, set or
//! bring up to date is only told.

use std::sync::Arc;
use std::time::Duration;

use fovea_core::calibration::Calibration;
use image::RgbImage;

use super::COMMON_STILL;
use crate::camera::{self, Clock, Frame};
use crate::config::Config;
use crate::display;
use crate::grade::embedded;
use crate::grade::record::Record;
use crate::grade::Grader;
use crate::health::check::{Found, Parts};
use crate::records::{self, Glance, Room, Stills};

/// How long a camera may take for its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(3);

/// Opens what the configuration names.
pub(crate) struct Standalone {
    config: Config,
    /// Loading takes long: once is enough.
    grader: Option<Result<Grader, Found>>,
    /// What was found of the input beside the display.
    input: Found,
}

impl Standalone {
    pub fn new(config: &Config) -> Standalone {
        Standalone {
            config: config.clone(),
            grader: None,
            input: Found::NothingToTouch,
        }
    }

    fn grader(&mut self) -> Result<&Grader, Found> {
        let (grader, source) = (&mut self.grader, &self.config.model.bundle);
        grader
            .get_or_insert_with(|| {
                let unusable = |detail| Found::NoStudent { detail };
                let bundle = embedded::open(source.folder()).map_err(unusable)?;
                Grader::new(bundle).map_err(|error| unusable(error.to_string()))
            })
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl Parts for Standalone {
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, Found> {
        let grader = self.grader()?;
        Ok(grader.grade("self-test", photograph, 0.0).record)
    }

    fn calibration(&mut self) -> Result<Calibration, Found> {
        Ok(self.grader()?.calibration().clone())
    }

    fn camera(&mut self) -> Found {
        let look = || {
            let config = &self.config.camera;
            let mut camera = camera::look(&config.source, config.levels(), &Clock::start())?;
            camera::patiently(|| camera.next(&mut Frame::default(), FIRST_PICTURE))?;
            Ok(Found::Camera {
                about: Arc::new(camera.about()),
                controls: camera.controls().to_vec(),
            })
        };
        look().unwrap_or_else(Found::NoCamera)
    }

    fn display(&mut self) -> Found {
        let (display, input) = (&self.config.display, &self.config.input);
        let wiring = match input.wiring() {
            Ok(wiring) => wiring,
            Err(error) => {
                let detail = error.to_string();
                self.input = Found::NoInput {
                    detail: detail.clone(),
                };
                return Found::DisplayNotTried { detail };
            }
        };
        let (size, rotation) = (display.size.size(), display.rotation);
        match display::look(&display.output, size, rotation, &wiring) {
            Ok(seen) => {
                self.input = Found::Input(seen.input);
                Found::Display(seen.display)
            }
            Err(error) => Found::NoDisplay {
                detail: error.to_string(),
            },
        }
    }

    fn input(&mut self) -> Found {
        self.input.clone()
    }

    fn store(&mut self) -> Result<Option<Glance>, Found> {
        records::look(&self.config.store.folder).map_err(Found::StoreUnusable)
    }

    fn room(&mut self) -> Result<Room, Found> {
        let (width, height) = COMMON_STILL;
        let least = u64::from(self.config.store.least_free_mb.get()) * 1_000_000;
        let stills = Stills {
            width,
            height,
            corrected: matches!(self.config.camera.profile.try_exists(), Ok(true)),
        };
        Room::of(&self.config.store.folder, stills, least).map_err(Found::StoreUnusable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    use fovea_core::bundle::sha256_hex;

    use super::*;
    use crate::config::BundleSource;
    use crate::display::Target;
    use crate::health::check::{self, Part, State};
    use crate::records::tests::{copy_folder, store_of_schema_1, Clinic};

    /// Every file and folder: its mode, size, time of change and content.
    type Listing = BTreeMap<PathBuf, (u32, u64, i64, i64, String)>;

    fn listing(dir: &Path) -> Listing {
        let mut found = Listing::new();
        list(dir, &mut found);
        found
    }

    fn list(path: &Path, found: &mut Listing) {
        let about = fs::symlink_metadata(path).unwrap();
        let content = match about.is_dir() {
            true => String::new(),
            false => sha256_hex(&fs::read(path).unwrap()),
        };
        let (seconds, nanoseconds) = (about.mtime(), about.mtime_nsec());
        let entry = (about.mode(), about.len(), seconds, nanoseconds, content);
        found.insert(path.to_owned(), entry);
        if about.is_dir() {
            for inside in fs::read_dir(path).unwrap() {
                list(&inside.unwrap().path(), found);
            }
        }
    }

    /// What a whole check says of the store in `home`, which is as it was
    /// afterwards, and so is all that the configuration names besides.
    fn check(home: &Path) -> (State, String) {
        let mut config = Config::default();
        config.camera.source = "demo:healthy".parse().unwrap();
        config.camera.profile = home.join("camera.toml");
        config.display.output = Target::Png(home.join("screens"));
        config.store.folder = home.join("exams");
        config.log.folder = home.join("log");
        // Grading changes nothing, takes long, and is tested elsewhere.
        config.model.bundle = BundleSource::Folder(home.join("bundle"));
        let before = listing(home);
        let checks = check::all(
            &config.places(),
            &mut Standalone::new(&config),
            SystemTime::now(),
        );
        assert_eq!(listing(home), before);
        let found = |part| checks.iter().find(|check| check.part == part).unwrap();
        for part in [Part::Camera, Part::Input, Part::Disk] {
            assert_ne!(found(part).state(), State::Fail, "{:?}", found(part));
        }
        let store = found(Part::Store);
        (store.state(), store.to_string())
    }

    fn home() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let exams = home.path().join("exams");
        (home, exams)
    }

    #[test]
    fn no_store_and_an_empty_folder_stay_so() {
        let (home, exams) = home();
        let none = "there is no store yet: it is made at the first start";
        let (state, said) = check(home.path());
        assert_eq!(state, State::Ok);
        assert_eq!(said, format!("{none}; {} can be made", exams.display()));
        fs::create_dir(&exams).unwrap();
        let (state, said) = check(home.path());
        assert_eq!(state, State::Ok);
        assert_eq!(said, format!("{none}; {} can be written", exams.display()));
    }

    #[test]
    fn an_older_store_is_not_brought_up_to_date() {
        let (home, exams) = home();
        store_of_schema_1(&exams);
        let (state, said) = check(home.path());
        assert_eq!(state, State::Ok);
        let expected = "1 exam in the older schema 1, which becomes 3 at the next start; ";
        assert!(said.starts_with(expected), "{said}");
    }

    #[test]
    fn what_a_cut_of_power_left_is_left() {
        let (home, exams) = home();
        let mut clinic = Clinic::with_exams(2);
        // As it is with the device running: its log holds everything.
        copy_folder(&clinic.dir(), &exams);
        clinic.close();
        fs::write(exams.join("photographs/.new-abc123"), b"half").unwrap();
        let log = exams.join("records.sqlite-wal");
        assert!(fs::metadata(&log).unwrap().len() > 0);
        let expected = "2 exams; 1 half-written photograph is removed at the next start; ";
        for rest in ["records.sqlite-shm", "lock"] {
            let (state, said) = check(home.path());
            assert_eq!(state, State::Ok);
            assert!(said.starts_with(expected), "{said}");
            fs::remove_file(exams.join(rest)).unwrap();
        }
        assert!(check(home.path()).1.starts_with(expected));
    }

    #[test]
    fn a_store_in_a_folder_that_may_not_be_written_is_read() {
        let (home, exams) = home();
        let mut clinic = Clinic::with_exams(1);
        clinic.close();
        copy_folder(&clinic.dir(), &exams);
        let mode = |mode| fs::set_permissions(&exams, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o500);
        let (state, said) = check(home.path());
        // Root may write everywhere.
        let may = fs::write(exams.join("probe"), b"").is_ok();
        mode(0o700);
        let (expected, can) = match may {
            true => (State::Ok, "1 exam; "),
            false => (State::Fail, "cannot be written"),
        };
        assert_eq!(state, expected, "{said}");
        assert!(said.contains(can) && said.contains("1 exam"), "{said}");
    }

    #[test]
    fn a_store_that_is_in_use_is_no_fault() {
        let (home, exams) = home();
        let clinic = Clinic::with_exams(1);
        std::os::unix::fs::symlink(clinic.dir(), &exams).unwrap();
        let mut config = Config::default();
        config.store.folder = exams;
        let stored = Standalone::new(&config).store().unwrap();
        assert_eq!(stored.unwrap().exams, 1);
        drop(home);
    }

    #[test]
    fn the_folder_of_the_screens_is_not_made() {
        let (home, _) = home();
        let mut config = Config::default();
        config.display.output = Target::Png(home.path().join("screens"));
        let said = Standalone::new(&config).display().to_string();
        assert!(
            said.ends_with("screens, which is made at the start"),
            "{said}"
        );
        assert!(listing(home.path()).len() == 1);
        config.display.output = Target::Png("/dev/null/screens".into());
        let said = Standalone::new(&config).display().to_string();
        assert!(
            said.starts_with("/dev/null/screens cannot be written"),
            "{said}"
        );
    }
}
