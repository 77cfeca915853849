//! The values of a configuration. Each is written as text or number, in the
//! file and on the command line alike, and refused where it means nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use embedded_graphics::geometry::Size;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::camera::Level;
use crate::panel::SMALLEST;

/// Why a value was refused: one sentence with what it may be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(String);

/// Width and height of a panel, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenSize(Size);

impl ScreenSize {
    /// The longest side there may be.
    const MOST: u32 = 4096;

    /// In pixels, as drawing takes it.
    pub fn size(self) -> Size {
        self.0
    }
}

/// The smallest that the views are made for.
impl Default for ScreenSize {
    fn default() -> Self {
        ScreenSize(SMALLEST)
    }
}

impl FromStr for ScreenSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (least, most) = (SMALLEST, ScreenSize::MOST);
        // Of a panel that is mounted turned the shorter side may come first.
        let allowed = |width: u32, height: u32| {
            let (long, short) = (width.max(height), width.min(height));
            (least.width..=most).contains(&long) && short >= least.height
        };
        let sides = text
            .split_once('x')
            .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
        match sides {
            Some((width, height)) if allowed(width, height) => {
                Ok(ScreenSize(Size::new(width, height)))
            }
            _ => Err(ValueError(format!(
                "\"{text}\" is no size: write WIDTHxHEIGHT, from {} or upright {} to {most}x{most}",
                ScreenSize(least),
                ScreenSize(Size::new(least.height, least.width))
            ))),
        }
    }
}

impl fmt::Display for ScreenSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.0.width, self.0.height)
    }
}

/// Where the bundle comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BundleSource {
    /// The one inside the program.
    #[default]
    BuiltIn,
    /// A folder.
    Folder(PathBuf),
}

impl BundleSource {
    /// The folder; none for the one inside the program.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            BundleSource::BuiltIn => None,
            BundleSource::Folder(folder) => Some(folder),
        }
    }
}

impl FromStr for BundleSource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "built-in" => Ok(BundleSource::BuiltIn),
            "" => Err(ValueError(
                "\"\" is no bundle: write built-in or a bundle's folder".to_owned(),
            )),
            folder => Ok(BundleSource::Folder(folder.into())),
        }
    }
}

impl fmt::Display for BundleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BundleSource::BuiltIn => f.write_str("built-in"),
            BundleSource::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// What a control of the camera is set to, whenever the camera is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Setting {
    /// Not set: it stays as the camera has it.
    #[default]
    AsIs,
    /// Set to a fixed value, or to the camera's own automatic.
    To(Level),
}

impl Setting {
    /// None where nothing is to be set.
    pub fn level(self) -> Option<Level> {
        match self {
            Setting::AsIs => None,
            Setting::To(level) => Some(level),
        }
    }
}

/// A number, or a word that stands for none.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Word(String),
}

impl TryFrom<Written> for Setting {
    type Error = ValueError;

    fn try_from(written: Written) -> Result<Self, ValueError> {
        match written {
            Written::Number(value) => Ok(Setting::To(Level::Fixed(value))),
            Written::Word(word) => match word.as_str() {
                "as-is" => Ok(Setting::AsIs),
                "auto" => Ok(Setting::To(Level::Automatic)),
                _ => Err(ValueError(format!(
                    "\"{word}\" is no setting: write as-is, auto or a whole number"
                ))),
            },
        }
    }
}

impl From<Setting> for Written {
    fn from(setting: Setting) -> Written {
        match setting {
            Setting::AsIs => Written::Word("as-is".to_owned()),
            Setting::To(Level::Automatic) => Written::Word("auto".to_owned()),
            Setting::To(Level::Fixed(value)) => Written::Number(value),
        }
    }
}

/// How long the picture must be good before it is taken by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct AutoCapture(f64);

impl AutoCapture {
    /// In seconds; longer nobody holds still.
    const MOST: f64 = 10.0;

    /// The time, or nothing where only the operator takes pictures.
    pub fn after(self) -> Option<Duration> {
        (self.0 > 0.0).then(|| Duration::from_secs_f64(self.0))
    }
}

impl Default for AutoCapture {
    fn default() -> Self {
        AutoCapture(1.0)
    }
}

impl TryFrom<f64> for AutoCapture {
    type Error = ValueError;

    fn try_from(seconds: f64) -> Result<Self, ValueError> {
        if (0.0..=AutoCapture::MOST).contains(&seconds) {
            return Ok(AutoCapture(seconds));
        }
        let most = AutoCapture::MOST;
        Err(ValueError(format!(
            "{seconds} is not from 0 to {most} seconds"
        )))
    }
}

impl From<AutoCapture> for f64 {
    fn from(auto: AutoCapture) -> f64 {
        auto.0
    }
}

impl FromStr for AutoCapture {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let seconds: f64 = text
            .parse()
            .map_err(|_| ValueError(format!("\"{text}\" is no number of seconds")))?;
        AutoCapture::try_from(seconds)
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Bounded<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Bounded<LEAST, MOST> {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// A number that the compiler knows to be in the range.
    pub const fn constant<const VALUE: u32>() -> Self {
        const { assert!(LEAST <= VALUE && VALUE <= MOST) };
        Bounded(VALUE)
    }
}

impl<const LEAST: u32, const MOST: u32> TryFrom<u32> for Bounded<LEAST, MOST> {
    type Error = ValueError;

    fn try_from(value: u32) -> Result<Self, ValueError> {
        if (LEAST..=MOST).contains(&value) {
            return Ok(Bounded(value));
        }
        Err(ValueError(format!("{value} is not from {LEAST} to {MOST}")))
    }
}

impl<const LEAST: u32, const MOST: u32> From<Bounded<LEAST, MOST>> for u32 {
    fn from(value: Bounded<LEAST, MOST>) -> u32 {
        value.0
    }
}

impl<const LEAST: u32, const MOST: u32> FromStr for Bounded<LEAST, MOST> {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let value: u32 = text
            .parse()
            .map_err(|_| ValueError(format!("\"{text}\" is no whole number")))?;
        Bounded::try_from(value)
    }
}
