//! Where live pictures come from.
//!
//! A [`Camera`] is anything that shows a preview and takes a photograph: a
//! V4L2 device ([`v4l`]), a folder of photographs ([`folder`]) or a drawn eye
//! ([`demo`]). [`Source`] says which, [`Opener`] opens it, and opens it again
//! after it was lost. [`feed`] runs one in a thread of its own and hands out
//! the newest picture.
//!
//! What a camera sends is turned into RGB by [`convert`]; which of its formats
//! and sizes are used is decided by [`negotiate`]. Both are pure.

mod clock;
mod control;
pub mod convert;
mod corrected;
pub mod demo;
mod error;
pub mod feed;
pub mod folder;
mod jpeg;
pub mod negotiate;
mod pace;
mod source;
pub mod v4l;
mod words;

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Duration;

use image::RgbImage;

use crate::exam::words::Eye;
use negotiate::Mode;

pub use clock::Clock;
pub use control::{Control, ControlKind, Level};
pub use corrected::Corrected;
pub use error::{CameraError, ConvertError, DriverTask, Offered};
pub use source::{look, open, Opened, Opener, Source, SourceError};

/// When a frame was taken and when this program got it, since the program's
/// start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// When the camera took it, by its driver; `None` where the driver does
    /// not say, or says what cannot be.
    pub captured: Option<Duration>,
    /// When it was handed over.
    pub dequeued: Duration,
}

impl Stamps {
    /// Of a simulated camera, which hands a picture over as it takes it.
    fn at(moment: Duration) -> Stamps {
        Stamps {
            captured: Some(moment),
            dequeued: moment,
        }
    }
}

/// A picture with its identity. The pixels' memory is used again for the next
/// picture put into it.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Counts up, never the same twice in a [`feed::Feed`], which sets it.
    pub id: u64,
    /// When it was taken and handed over.
    pub stamps: Stamps,
    /// 8-bit RGB.
    pub rgb: RgbImage,
    /// The photograph as the camera gave it, where `rgb` was made of it.
    pub original: Option<RgbImage>,
}

impl Frame {
    /// The pixels, row by row, after making the picture `width` x `height`.
    /// Allocates only when it was never as large before.
    fn pixels(&mut self, width: u32, height: u32) -> &mut [u8] {
        if self.rgb.dimensions() != (width, height) {
            let mut bytes = std::mem::take(&mut self.rgb).into_raw();
            bytes.resize(3 * width as usize * height as usize, 0);
            // The length is exact, so the default is never taken.
            self.rgb = RgbImage::from_raw(width, height, bytes).unwrap_or_default();
        }
        self.rgb.as_mut()
    }
}

/// What a camera is and what was chosen of what it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A device of V4L2.
    V4l {
        /// The path of the device.
        place: PathBuf,
        /// How live pictures come.
        preview: Mode,
        /// How photographs come.
        still: Mode,
    },
    /// The photographs of a folder.
    Folder {
        /// The folder's path.
        folder: PathBuf,
        /// How many there are, those of its sub-folders included.
        photographs: usize,
        /// Preview pictures a second.
        rate: u32,
    },
    /// Drawn eyes.
    Drawn {
        /// The names of their presets, in the order in which they are shown.
        names: Vec<&'static str>,
        /// Side of the square preview, in pixels.
        side: u32,
        /// Preview pictures a second.
        rate: u32,
    },
}

/// Something that shows a live picture and takes photographs.
///
/// After an error that does not pass ([`CameraError::passes`]) the camera is
/// of no more use: drop it and open it again.
pub trait Camera: Send {
    /// What it is and what was chosen.
    fn about(&self) -> About;

    /// Puts the newest preview picture into `frame`, waiting for it at most
    /// `wait`. Sets pixels and stamps; the id is the caller's. After an error
    /// the pixels mean nothing.
    ///
    /// # Errors
    /// When none came in time, or what came is no picture.
    fn next(&mut self, frame: &mut Frame, wait: Duration) -> Result<(), CameraError>;

    /// Takes a photograph at the camera's full resolution. May take a second,
    /// where the camera has to change its format for it and back.
    ///
    /// # Errors
    /// As [`Camera::next`].
    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError>;

    /// The controls it has; none unless it says otherwise.
    fn controls(&self) -> &[Control] {
        &[]
    }

    /// Sets a control.
    ///
    /// # Errors
    /// When it has no such control or does not obey.
    fn set(&mut self, control: ControlKind, _level: Level) -> Result<(), CameraError> {
        Err(CameraError::NoControl(control))
    }

    /// Says which eye the operator is about to photograph. A real camera is
    /// aimed by hand; a simulated one shows that eye.
    fn aim(&mut self, _eye: Eye) {}
}

/// Asks a camera again, up to five times, after an error that passes, such as one
/// damaged picture.
///
/// # Errors
/// The last one.
pub fn patiently(mut ask: impl FnMut() -> Result<(), CameraError>) -> Result<(), CameraError> {
    const TRIES: u32 = 5;
    for _ in 1..TRIES {
        match ask() {
            Err(error) if error.passes() => {}
            other => return other,
        }
    }
    ask()
}

/// Runs what calls into drivers and decoders. One of them may panic on an
/// answer nobody has seen before: then the camera is lost, not the program.
fn guarded<T>(work: impl FnOnce() -> Result<T, CameraError>) -> Result<T, CameraError> {
    // Whatever was half done is dropped with the camera: the error does not pass.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(CameraError::BrokeDown {
            reason: said(panic.as_ref()),
        })
    })
}

/// What a panic said, if anything.
fn said(panic: &(dyn Any + Send)) -> Option<String> {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frames_memory_is_kept_when_it_shrinks_and_grows_back() {
        let mut frame = Frame::default();
        frame.pixels(64, 48);
        let memory = frame.rgb.as_raw().as_ptr();
        assert_eq!(frame.pixels(10, 10).len(), 300);
        assert_eq!(frame.rgb.dimensions(), (10, 10));
        frame.pixels(48, 64);
        assert_eq!(frame.rgb.as_raw().as_ptr(), memory);
    }

    #[test]
    fn a_panic_in_a_driver_is_an_error_that_does_not_pass() {
        let names: [&str; 0] = [];
        let error = guarded(|| Ok(names[names.len()])).unwrap_err();
        assert!(error.to_string().contains("out of bounds"), "{error}");
        assert!(!error.passes());
    }
}
