//! Where the picture is shown.
//!
//! The interface draws one picture in memory and hands it to a [`Display`]:
//! the kernel's own screen without a desktop ([`drm`]), a folder of pictures
//! for tests and demonstrations ([`png`]), or a window on a developer's desk
//! (`window`, with the cargo feature of that name). [`Target`] is how the
//! operator names one of them; [`open`] gives it together with what is touched
//! and typed on it.

pub mod drm;
mod fit;
mod pixels;
pub mod png;
#[cfg(feature = "window")]
pub mod window;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;
use thiserror::Error;

use crate::input::evdev::Evdev;
use crate::input::keymap::KeymapError;
use crate::input::Wiring;
use crate::input::{self, Input, Silent};
use crate::panel::layout::Layout;
use crate::panel::rotation::Rotation;

/// Something that shows a picture.
pub trait Display {
    /// The size that every picture must have, in pixels. It does not change
    /// while the display is open.
    fn size(&self) -> Size;

    /// Shows `frame`, the whole picture. `damage` is what has changed since
    /// the picture before; everything where none is named. An empty one shows
    /// nothing new.
    ///
    /// # Errors
    /// When the screen is gone or another program took it. The display is then
    /// of no more use; it is dropped, and [`open`] tried again until it works.
    fn present(&mut self, frame: &RgbImage, damage: Option<Rectangle>) -> Result<(), DisplayError>;

    /// Keeps the picture shown last under `name`, where the display keeps
    /// pictures at all. The caller says so once for every change of view.
    ///
    /// # Errors
    /// When it cannot be written.
    fn note(&mut self, _name: &str) -> Result<(), DisplayError> {
        Ok(())
    }

    /// What it is, for the self-test and the log.
    fn about(&self) -> About;
}

/// What a display is, and how the picture lies on its panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A screen of a graphics card.
    Screen {
        /// Path of the card's device, such as `/dev/dri/card0`.
        card: PathBuf,
        /// The card's name for its output.
        output: String,
        /// Pictures a second.
        rate: u32,
        /// The panel in its own pixels, and where the picture lies on it.
        layout: Layout,
    },
    /// A window on the desktop, as large as the layout's panel.
    Window(Layout),
    /// Pictures in a folder.
    Pictures {
        /// The folder's path.
        folder: PathBuf,
        /// The panel that the pictures are made for.
        layout: Layout,
        /// Whether the folder is not there yet: the start makes it.
        to_be_made: bool,
    },
}

/// Why nothing can be shown.
#[derive(Debug, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum DisplayError {
    #[error(transparent)]
    Keyboard(#[from] KeymapError),
    #[error("`{0}` is not a display: use drm, drm:/dev/dri/cardN, window or png:FOLDER")]
    Unknown(String),
    #[error("this fovea was built without windows: use drm or png:FOLDER, or build it with `--features window`")]
    NoWindows,
    #[error("the window cannot be opened: {0}; is DISPLAY set, and is X11 running?")]
    Window(String),
    #[error("there is no graphics card in /dev/dri: load its kernel driver, or use png:FOLDER")]
    NoCard,
    #[error(
        "{card} cannot be opened: {source}; check the name, and that the user is in group video"
    )]
    Open {
        card: PathBuf,
        source: std::io::Error,
    },
    #[error("{card}: another program owns the screen; stop it (a desktop, or a second fovea)")]
    Taken { card: PathBuf },
    #[error("{card}: no screen is connected; plug it in and switch it on")]
    NoScreen { card: PathBuf },
    #[error("{card}: the screen was unplugged; plug it in again")]
    Unplugged { card: PathBuf },
    #[error("{card}: the driver cannot {what}: {source}; use another card or driver")]
    Driver {
        card: PathBuf,
        what: &'static str,
        source: std::io::Error,
    },
    #[error("{card}: the screen did not take the picture within {waited:?}; check its driver")]
    Stalled { card: PathBuf, waited: Duration },
    #[error("a picture of {got} was drawn for a display of {wanted}")]
    WrongSize { got: Size, wanted: Size },
    #[error("{path} cannot be written: {reason}; check the folder and its free space")]
    Write { path: PathBuf, reason: String },
}

/// A display as the operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The screen of this graphics card, or of the first that has one.
    Drm(Option<PathBuf>),
    /// A window on the desktop.
    Window,
    /// Pictures in this folder.
    Png(PathBuf),
}

impl FromStr for Target {
    type Err = DisplayError;

    fn from_str(text: &str) -> Result<Target, DisplayError> {
        match text.split_once(':') {
            None if text == "drm" => Ok(Target::Drm(None)),
            None if text == "window" => Ok(Target::Window),
            Some(("drm", card)) if !card.is_empty() => Ok(Target::Drm(Some(card.into()))),
            Some(("png", folder)) if !folder.is_empty() => Ok(Target::Png(folder.into())),
            _ => Err(DisplayError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Drm(None) => write!(f, "drm"),
            Target::Drm(Some(card)) => write!(f, "drm:{}", card.display()),
            Target::Window => write!(f, "window"),
            Target::Png(folder) => write!(f, "png:{}", folder.display()),
        }
    }
}

/// A display, and what is touched and typed on it.
pub struct Screen {
    /// What pictures are shown on.
    pub display: Box<dyn Display>,
    /// What is touched, typed and scanned at it.
    pub input: Box<dyn Input>,
}

/// Opens the display that `target` names.
///
/// `size` is the panel's where the target has none of its own: a window and a
/// folder take any, a screen of the kernel has that of its mode. `rotation` is
/// how far the picture is turned to lie on the panel, and `wiring` says how
/// touch panels and keyboards belong to it.
///
/// # Errors
/// In one sentence what is missing, and what remedies it.
pub fn open(
    target: &Target,
    size: Size,
    rotation: Rotation,
    wiring: &Wiring,
) -> Result<Screen, DisplayError> {
    match target {
        Target::Drm(card) => {
            let screen = drm::Drm::open(card.as_deref(), rotation)?;
            let input = Evdev::new("/dev/input".into(), screen.layout(), wiring.clone());
            Ok(Screen {
                display: Box::new(screen),
                input: Box::new(input),
            })
        }
        Target::Png(folder) => Ok(Screen {
            display: Box::new(png::Png::open(folder, Layout::fill(size, rotation))?),
            input: Box::new(Silent),
        }),
        #[cfg(feature = "window")]
        Target::Window => window::open(Layout::fill(size, rotation)),
        #[cfg(not(feature = "window"))]
        Target::Window => Err(DisplayError::NoWindows),
    }
}

/// What is found of a display and of what is touched and typed on it.
pub struct Seen {
    /// The display.
    pub display: About,
    /// Touch panels, keyboards and scanners.
    pub input: input::About,
}

/// Looks at what [`open`] would open, and leaves it as it was found: a screen of
/// the kernel gets back what it showed, and a folder is not made.
///
/// # Errors
/// As [`open`].
pub fn look(
    target: &Target,
    size: Size,
    rotation: Rotation,
    wiring: &Wiring,
) -> Result<Seen, DisplayError> {
    if let Target::Png(folder) = target {
        return Ok(Seen {
            display: png::look(folder, Layout::fill(size, rotation))?,
            input: Silent.about(),
        });
    }
    let opened = open(target, size, rotation, wiring)?;
    Ok(Seen {
        display: opened.display.about(),
        input: opened.input.about(),
    })
}

/// Refuses a picture that was drawn for another display.
fn fits(frame: &RgbImage, wanted: Size) -> Result<(), DisplayError> {
    let got = Size::new(frame.width(), frame.height());
    if got == wanted {
        Ok(())
    } else {
        Err(DisplayError::WrongSize { got, wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_written() {
        for text in ["drm", "drm:/dev/dri/card1", "window", "png:/tmp/a:b"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!(
            "png:shots".parse::<Target>().unwrap(),
            Target::Png("shots".into())
        );
    }

    #[test]
    fn other_words_are_refused_with_what_would_do() {
        for text in ["", "fb", "png:", "png", "drm:", "window:3", "DRM"] {
            let said = text.parse::<Target>().unwrap_err().to_string();
            assert!(said.starts_with(&format!("`{text}`")), "{said}");
            assert!(said.contains("png:FOLDER"), "{said}");
        }
    }

    #[test]
    fn a_picture_for_another_display_is_refused() {
        let said = fits(&RgbImage::new(4, 3), Size::new(8, 6)).unwrap_err();
        assert_eq!(
            said.to_string(),
            "a picture of 4 x 3 was drawn for a display of 8 x 6"
        );
    }

    #[cfg(not(feature = "window"))]
    #[test]
    fn a_build_without_windows_says_so() {
        let wiring = crate::config::Input::default().wiring().unwrap();
        let rotation = Rotation::default();
        let said = open(&Target::Window, Size::new(8, 8), rotation, &wiring);
        assert!(matches!(said, Err(DisplayError::NoWindows)));
    }
}
