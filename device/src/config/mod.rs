//! How the device is set up: one TOML file, and the command line over it.
//!
//! [`Config`] is typed through and through, so that what was accepted can be
//! used: a camera is a [`Source`] and not a text that may be one. A file
//! is accepted whole or refused with the line and the remedy. [`EXAMPLE`] shows
//! every key; it is the file that the Debian package installs.

mod text;
mod value;

use std::io;
use std::path::{Path, PathBuf};

use fovea_core::files::read_text_at_most;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::Level;

use crate::camera::{self, ControlKind, Source};
use crate::display::Target;
use crate::exam::Rules;
use crate::health::check::Places;
use crate::input::keymap::{KeymapError, LayoutName};
use crate::input::surface::Orientation;
use crate::input::Wiring;
use crate::language::Language;
use crate::panel::rotation::Rotation;

pub use value::{AutoCapture, Bounded, BundleSource, ScreenSize, Setting, ValueError};

/// Where the configuration lies unless the command line says otherwise.
pub const DEFAULT_PATH: &str = "/etc/fovea.toml";

/// Every key with its default and what it means.
pub const EXAMPLE: &str = include_str!("../../packaging/fovea.toml");

/// Nobody writes more by hand.
const MAX_BYTES: u64 = 1 << 20;

/// The configuration, by table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Table `[device]`.
    pub device: Device,
    /// Table `[camera]`.
    pub camera: Camera,
    /// Table `[display]`.
    pub display: Display,
    /// Table `[input]`.
    pub input: Input,
    /// Table `[capture]`.
    pub capture: Capture,
    /// Table `[exam]`: the time-outs.
    pub exam: Rules,
    /// Table `[model]`.
    pub model: Model,
    /// Table `[store]`.
    pub store: Store,
    /// Table `[log]`.
    pub log: Log,
}

/// What tells this device from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Device {
    /// Written into every record; each device needs its own.
    pub id: String,
}

/// Which camera is used, and what it is set to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Camera {
    /// Where pictures come from.
    #[serde(with = "text")]
    pub source: Source,
    /// The camera's profile; none is applied when the file is not there.
    pub profile: PathBuf,
    /// Exposure time in the camera's own unit, often 0.1 ms.
    pub exposure: Setting,
    /// Amplification of the sensor's signal, in the camera's own unit.
    pub gain: Setting,
    /// Distance in focus, in the camera's own unit.
    pub focus: Setting,
    /// Colour temperature taken for white, in kelvin.
    pub white_balance: Setting,
}

impl Camera {
    /// The controls that are to be set, and to what. Those left "as-is" are not among them.
    pub fn levels(&self) -> impl Iterator<Item = (ControlKind, camera::Level)> {
        let settings = [
            (ControlKind::Exposure, self.exposure),
            (ControlKind::Gain, self.gain),
            (ControlKind::Focus, self.focus),
            (ControlKind::WhiteBalance, self.white_balance),
        ];
        settings
            .into_iter()
            .filter_map(|(control, setting)| Some((control, setting.level()?)))
    }
}

/// What the interface is shown on, and in which language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Display {
    /// A graphics card's screen, a window, or a folder of pictures.
    #[serde(with = "text")]
    pub output: Target,
    /// In pixels, of a window or of pictures; a graphics card's screen has its own.
    #[serde(with = "text")]
    pub size: ScreenSize,
    /// How far the picture is turned clockwise for a panel that is mounted turned.
    pub rotation: Rotation,
    /// Of the screen; terminals and the log are in English.
    pub language: Language,
}

/// How touch panels, keyboards and bar code scanners are wired.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// How the touch panel is mounted on the screen.
    #[serde(with = "text")]
    pub orientation: Orientation,
    /// What the keys of a keyboard print.
    #[serde(with = "text")]
    pub keyboard: LayoutName,
    /// The layout that the bar code scanner is set to.
    #[serde(with = "text")]
    pub scanner: LayoutName,
    /// Part of the scanner's name, where that does not say what it is; else empty.
    pub scanner_name: String,
}

impl Input {
    /// The layouts themselves.
    ///
    /// # Errors
    /// When there is no layout of a name.
    pub fn wiring(&self) -> Result<Wiring, KeymapError> {
        Wiring::new(
            self.orientation,
            &self.keyboard,
            &self.scanner,
            &self.scanner_name,
        )
    }
}

/// When the device takes a photograph by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capture {
    /// Seconds for which the picture must be good before it is taken, 0 to 10;
    /// 0 leaves the shutter to the operator.
    pub auto_seconds: AutoCapture,
}

/// What photographs are graded with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// The bundle inside the program, or one in a folder.
    #[serde(with = "text")]
    pub bundle: BundleSource,
}

/// Where exams are kept, and the room they need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The store's folder; made at the first start.
    pub folder: PathBuf,
    /// Least free room at which an exam may begin, in megabytes (10^6 bytes).
    pub least_free_mb: Bounded<50, 1_000_000>,
}

/// What the device writes down about itself. No patient's data goes into it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The folder of the log's files; made where it is missing.
    pub folder: PathBuf,
    /// The least that is written.
    #[serde(with = "text")]
    pub level: Level,
    /// Size at which a new file is begun, in megabytes (10^6 bytes).
    pub file_mb: Bounded<1, 1_000>,
    /// Files kept, the current one included.
    pub files: Bounded<2, 100>,
}

impl Default for Device {
    fn default() -> Self {
        Device {
            id: "fovea".to_owned(),
        }
    }
}

impl Default for Camera {
    fn default() -> Self {
        Camera {
            source: Source::V4l(None),
            profile: "/var/lib/fovea/camera.toml".into(),
            exposure: Setting::default(),
            gain: Setting::default(),
            focus: Setting::default(),
            white_balance: Setting::default(),
        }
    }
}

impl Default for Display {
    fn default() -> Self {
        Display {
            output: Target::Drm(None),
            size: ScreenSize::default(),
            rotation: Rotation::default(),
            language: Language::default(),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Store {
            folder: "/var/lib/fovea/exams".into(),
            least_free_mb: Bounded::constant::<500>(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log {
            folder: "/var/log/fovea".into(),
            level: Level::INFO,
            file_mb: Bounded::constant::<5>(),
            files: Bounded::constant::<6>(),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum ConfigError {
    #[error("cannot read the configuration {path} ({source}); check that it exists and may be read, or write one with `fovea config --example`", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the configuration {path} is larger than {MAX_BYTES} bytes: it cannot be one", path = path.display())]
    TooLarge { path: PathBuf },
    #[error("{path}{place}: {reason}; correct it, `fovea config --example` shows every key", path = path.display())]
    Content {
        path: PathBuf,
        /// A space, then the line by its number and its text; empty where it is not known.
        place: String,
        reason: String,
    },
}

impl Config {
    /// The configuration in `path`, or in [`DEFAULT_PATH`] when none is named.
    /// Only the default file may be missing: then every default holds.
    ///
    /// # Errors
    /// When the file cannot be read, has a key that is not known or a value
    /// that is out of its range.
    pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
        let default = Path::new(DEFAULT_PATH);
        match read(path.unwrap_or(default)) {
            Err(ConfigError::Read { source, .. })
                if path.is_none() && source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Config::default())
            }
            text => Config::parse(path.unwrap_or(default), &text?),
        }
    }

    /// Where the self-test looks on the disk.
    pub fn places(&self) -> Places {
        Places {
            profile: self.camera.profile.clone(),
            store: self.store.folder.clone(),
        }
    }

    /// The configuration that `text` holds; `path` is where it came from, for the error alone.
    ///
    /// # Errors
    /// [`ConfigError::Content`] when it is not TOML, has a key that is not known
    /// or a value that is out of its range.
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Content {
            path: path.to_owned(),
            place: place(text, &error),
            reason: error.message().lines().collect::<Vec<_>>().join(" "),
        })
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let text = read_text_at_most(path, MAX_BYTES).map_err(failed)?;
    text.ok_or_else(|| ConfigError::TooLarge {
        path: path.to_owned(),
    })
}

/// The line that an error lies on, by number and as it stands there: it holds
/// the key also where the error speaks of the value alone.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else {
        return String::new();
    };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    format!(" line {}, `{line}`", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Level;
    use std::fs;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("here.toml"), text).map_err(|error| error.to_string())
    }

    /// Every key of a table, with the tables above it.
    fn keys(table: &toml::Table, above: &str, into: &mut Vec<String>) {
        for (key, value) in table {
            match value {
                toml::Value::Table(inner) => keys(inner, &format!("{above}{key}."), into),
                _ => into.push(format!("{above}{key}")),
            }
        }
    }

    #[test]
    fn the_example_has_every_key_and_every_default() {
        let written = |config| toml::Table::try_from(config).unwrap();
        let defaults = written(Config::default());
        assert_eq!(written(parse(EXAMPLE).unwrap()), defaults);
        let (mut shown, mut known) = (Vec::new(), Vec::new());
        keys(&EXAMPLE.parse().unwrap(), "", &mut shown);
        keys(&defaults, "", &mut known);
        assert_eq!(shown, known);
    }

    #[test]
    fn every_key_of_the_example_is_explained() {
        let mut explained = false;
        for line in EXAMPLE.lines() {
            if line.contains('=') && !line.starts_with('#') {
                assert!(explained, "nothing is said of `{line}`");
            }
            explained = line.starts_with('#');
        }
    }

    #[test]
    fn a_configuration_written_out_reads_back() {
        let config = parse(
            "[camera]\nsource = \"folder:/photos\"\ngain = 40\nfocus = \"auto\"\n[display]\noutput = \"png:out\"\n\
             size = \"1024x600\"\nrotation = 270\nlanguage = \"es\"\n[input]\norientation = \"swap\"\n\
             [capture]\nauto_seconds = 0\n[exam]\nidle_seconds = 90\n\
             [model]\nbundle = \"b\"\n[log]\nlevel = \"warn\"",
        )
        .unwrap();
        assert!(
            matches!(&config.camera.source, Source::Folder(dir) if dir == Path::new("/photos"))
        );
        assert_eq!(config.camera.exposure.level(), None);
        assert_eq!(config.camera.gain.level(), Some(Level::Fixed(40)));
        assert_eq!(config.camera.focus.level(), Some(Level::Automatic));
        assert_eq!(config.display.rotation, Rotation::ThreeQuarters);
        assert_eq!(config.capture.auto_seconds.after(), None);
        assert_eq!(config.exam.idle_seconds.get(), 90);
        assert_eq!(config.exam.grade_seconds, Rules::default().grade_seconds);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::to_string(&parse(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_the_remedy() {
        for (text, expected) in [
            (
                "[camera]\n\nsauce = \"demo\"",
                "line 3, `sauce = \"demo\"`: unknown field `sauce`",
            ),
            ("[kamera]\n", "line 1, `[kamera]`: unknown field `kamera`"),
            (
                "[camera]\nsource = \"usb\"",
                "line 2, `source = \"usb\"`: \"usb\" ",
            ),
            (
                "[camera]\ngain = \"loud\"",
                "`gain = \"loud\"`: \"loud\" is no setting: write as-is, auto or a whole number",
            ),
            (
                "[display]\noutput = \"tv\"",
                "`output = \"tv\"`: `tv` is not a display",
            ),
            (
                "[display]\nsize = \"80x40\"",
                "`size = \"80x40\"`: \"80x40\" is no size",
            ),
            (
                "[display]\nrotation = 45",
                "`rotation = 45`: a display cannot be rotated by 45: use 0, 90, 180 or 270 degrees",
            ),
            (
                "[display]\nrotation = \"left\"",
                "expected a rotation of 0, 90, 180 or 270 degrees",
            ),
            (
                "[display]\nrotation = 90.5",
                "expected a rotation of 0, 90, 180 or 270 degrees",
            ),
            ("[display]\nlanguage = \"English\"", "expected `en` or `es`"),
            (
                "[input]\norientation = \"tilted\"",
                "cannot be mounted `tilted`",
            ),
            (
                "[input]\nkeyboard = \"Spanish layout\"",
                "`Spanish layout` is not the name of a keyboard layout",
            ),
            (
                "[capture]\nauto_seconds = nan",
                "NaN is not from 0 to 10 seconds",
            ),
            ("[exam]\nidle_seconds = 0", "`idle_seconds = 0`: "),
            ("[model]\nbundle = \"\"", "\"\" is no bundle"),
            (
                "[store]\nleast_free_mb = 1",
                "`least_free_mb = 1`: 1 is not from 50 to 1000000",
            ),
            (
                "[log]\nlevel = \"loud\"",
                "`level = \"loud\"`: error parsing level",
            ),
            ("[device]\nid = 7", "`id = 7`: invalid type: integer `7`"),
            ("camera = \n", "line 1"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.starts_with("here.toml line "), "{said}");
            assert!(said.contains(expected), "{said}");
            assert!(
                said.ends_with("`fovea config --example` shows every key"),
                "{said}"
            );
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.toml");
        let said = Config::load(Some(&path)).unwrap_err().to_string();
        assert!(said.contains("none.toml"), "{said}");
        fs::write(&path, "[device]\nid = \"north\"").unwrap();
        assert_eq!(Config::load(Some(&path)).unwrap().device.id, "north");
    }
}
