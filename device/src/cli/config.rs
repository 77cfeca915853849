//! `fovea config`: what is set up; and the flags that win over the file.

use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::de::value::{Error as NoSuch, StrDeserializer};
use serde::de::IntoDeserializer as _;
use serde::Deserialize as _;
use tracing::Level;

use super::{stdout_failed, Failure};
use crate::camera::Source;
use crate::config::{AutoCapture, BundleSource, Config, ScreenSize, EXAMPLE};
use crate::display::Target;
use crate::input::surface::Orientation;
use crate::language::Language;
use crate::panel::rotation::Rotation;

/// Shows the configuration in effect, as a configuration file
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Print a file with every key, its default and what it means instead
    #[arg(long)]
    pub example: bool,
    #[command(flatten)]
    pub flags: Flags,
}

/// What the command line says over the configuration file. [`Flags::config`]
/// makes the two one [`Config`], and nothing else looks at them.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Flags {
    /// Read this file [default: /etc/fovea.toml, where it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Name of this device in records
    #[arg(long, value_name = "NAME")]
    pub device_id: Option<String>,
    /// v4l, v4l:/dev/videoN, folder:DIR, demo or demo:PRESET,PRESET
    #[arg(long, value_name = "CAMERA")]
    pub camera: Option<Source>,
    /// Use this camera profile where the file is there
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// drm, drm:/dev/dri/cardN, window or png:DIR
    #[arg(long, value_name = "DISPLAY")]
    pub display: Option<Target>,
    /// Size of a window or of pictures, such as 800x480
    #[arg(long, value_name = "WxH")]
    pub size: Option<ScreenSize>,
    /// Turn the picture clockwise for a panel mounted turned: 0, 90, 180 or 270
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    pub rotation: Option<Rotation>,
    /// Language of the screens: en or es
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    pub language: Option<Language>,
    /// How the touch panel is mounted: swap, flip-x, flip-y or several of them
    #[arg(long, value_name = "WORDS")]
    pub orientation: Option<Orientation>,
    /// Seconds of good picture before automatic capture; 0: only by hand
    #[arg(long, value_name = "SECONDS")]
    pub auto_capture: Option<AutoCapture>,
    /// Seconds without a touch before the exam is saved and the screen locked
    #[arg(long, value_name = "SECONDS")]
    pub time_out: Option<NonZeroU32>,
    /// Grade with the bundle in this folder instead of the one inside the program
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<BundleSource>,
    /// Keep exams in this folder
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Write the log into this folder
    #[arg(long, value_name = "DIR")]
    pub log_folder: Option<PathBuf>,
    /// error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<Level>,
}

impl Flags {
    /// The configuration file with these flags over it.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let file = Config::load(self.config.as_deref());
        let mut config = file.map_err(|error| Failure::Refused(error.to_string()))?;
        set(&mut config.device.id, &self.device_id);
        set(&mut config.camera.source, &self.camera);
        set(&mut config.camera.profile, &self.profile);
        set(&mut config.display.output, &self.display);
        set(&mut config.display.size, &self.size);
        set(&mut config.display.rotation, &self.rotation);
        set(&mut config.display.language, &self.language);
        set(&mut config.input.orientation, &self.orientation);
        set(&mut config.capture.auto_seconds, &self.auto_capture);
        set(&mut config.exam.idle_seconds, &self.time_out);
        set(&mut config.model.bundle, &self.bundle);
        set(&mut config.store.folder, &self.store);
        set(&mut config.log.folder, &self.log_folder);
        set(&mut config.log.level, &self.log_level);
        Ok(config)
    }
}

/// A language by the code that stands in the file.
fn language(code: &str) -> Result<Language, NoSuch> {
    let code: StrDeserializer<NoSuch> = code.into_deserializer();
    Language::deserialize(code)
}

fn set<T: Clone>(value: &mut T, flag: &Option<T>) {
    if let Some(flag) = flag {
        value.clone_from(flag);
    }
}

/// Prints what is in effect, or the example.
pub(super) fn run(options: &Options) -> Result<u8, Failure> {
    let text = if options.example {
        EXAMPLE.to_owned()
    } else {
        toml::to_string(&options.flags.config()?)
            .map_err(|error| Failure::Refused(format!("cannot show the configuration: {error}")))?
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(stdout_failed)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(words: &str) -> Result<Flags, clap::Error> {
        let words = std::iter::once("fovea").chain(words.split_whitespace());
        Line::try_parse_from(words).map(|line| line.flags)
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fovea.toml");
        std::fs::write(
            &file,
            "[device]\nid = \"north\"\n[exam]\nidle_seconds = 3\n",
        )
        .unwrap();
        let words = format!(
            "--config {} --camera demo:hand --display png:out --size 1024x600 --rotation 90 --orientation swap \
             --auto-capture 0 --time-out 7 --bundle b --log-level debug --language es",
            file.display()
        );
        let config = flags(&words).unwrap().config().unwrap();
        assert_eq!(config.device.id, "north");
        assert_eq!(config.camera.source.to_string(), "demo:hand");
        assert_eq!(config.camera.profile, Config::default().camera.profile);
        assert_eq!(config.display.output, Target::Png("out".into()));
        assert_eq!(config.display.size.to_string(), "1024x600");
        assert_eq!(config.display.rotation, Rotation::Quarter);
        assert_eq!(config.display.language, Language::Spanish);
        assert_eq!(config.input.orientation.to_string(), "swap");
        assert_eq!(config.capture.auto_seconds.after(), None);
        assert_eq!(config.exam.idle_seconds.get(), 7);
        assert_eq!(config.model.bundle, BundleSource::Folder("b".into()));
        assert_eq!(config.log.level, Level::DEBUG);
    }

    #[test]
    fn a_flag_that_means_nothing_is_refused_in_the_files_words() {
        for (words, said) in [
            ("--language de", "expected `en` or `es`"),
            ("--size big", "\"big\" is no size"),
            ("--rotation 45", "use 0, 90, 180 or 270 degrees"),
            ("--rotation -90", "use 0, 90, 180 or 270 degrees"),
            ("--orientation tilted", "cannot be mounted `tilted`"),
            ("--auto-capture -1", "not from 0 to 10 seconds"),
        ] {
            let error = flags(&words.replacen(' ', "=", 1)).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_file_that_was_refused_is_a_sentence() {
        let error = flags("--config /no/such/file")
            .unwrap()
            .config()
            .unwrap_err();
        assert!(error.to_string().contains("/no/such/file"), "{error}");
    }
}
