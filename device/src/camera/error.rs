//! Why there is no picture, in sentences a technician can act on.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::control::ControlKind;
use super::negotiate::PixelFormat;

/// What kind of trouble it is: what the screen shows, and whether pictures can
/// still come, depends on this and not on the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no camera, or no folder, where it was looked for.
    Missing,
    /// It was there and is gone.
    Unplugged,
    /// Another program holds it.
    Busy,
    /// It may not be opened.
    NoPermission,
    /// What is there gives no picture that can be used.
    Unusable,
    /// No picture came in time.
    Stalled,
    /// A picture of another size than agreed came.
    WrongSize,
    /// A damaged picture came.
    Corrupt,
    /// A control was not obeyed; pictures go on.
    Control,
    /// The driver, or this program, failed in another way.
    Failed,
}

/// Why the bytes of a buffer are no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConvertError {
    #[error("{}x{} where {}x{} was agreed", got.0, got.1, agreed.0, agreed.1)]
    WrongSize { got: (u32, u32), agreed: (u32, u32) },
    #[error("{have} bytes where {need} are needed")]
    Short { have: usize, need: usize },
    #[error("{format} cannot be {width}x{height}: both have to be even")]
    OddSize {
        format: PixelFormat,
        width: u32,
        height: u32,
    },
    #[error("rows of {stride} bytes are too short for {width} pixels")]
    NarrowRows { stride: usize, width: u32 },
    #[error("it is no JPEG")]
    NoJpeg,
    #[error("it ends early")]
    EndsEarly,
    #[error("{0}")]
    Damaged(String),
}

/// Why there is no picture, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CameraError {
    #[error("there is no camera at {place}; plug it in and switch it on")]
    Missing { place: String },
    #[error("no camera was found; plug one in and switch it on")]
    NoneFound,
    #[error("{place} was unplugged; check its cable: it is used again as soon as it is back")]
    Unplugged { place: String },
    #[error("another program is using {place}; close it")]
    Busy { place: String },
    #[error("{place} is being set up by the system; wait a moment")]
    SettingUp { place: String },
    #[error("{place} may not be opened; add the user that runs fovea to the group \"video\"")]
    NoPermission { place: String },
    #[error("{place} is not a camera; name one that sends pictures")]
    NoCamera { place: String },
    #[error(
        "{place} sends its pictures by V4L2's multi-planar interface alone, which cannot be used \
         here; use a camera of the USB video class"
    )]
    Planes { place: String },
    #[error("{place} sends only {offered}; one of MJPG, YUYV, NV12, RGB3 or GREY is needed")]
    NoFormat { place: String, offered: String },
    #[error("{place} sends no pictures; check its cable, or switch it off and on again")]
    Stalled { place: String },
    #[error(
        "{place} sent a picture of {got} where {agreed} was agreed; switch it off and on again"
    )]
    WrongSize {
        place: String,
        got: String,
        agreed: String,
    },
    #[error("{place} sent a damaged picture ({reason}); check its cable")]
    Corrupt { place: String, reason: String },
    #[error("this camera has no control for {0}; set it to \"as-is\" in the configuration")]
    NoControl(ControlKind),
    #[error(
        "{place} refused to set {control} to {value} ({reason}); choose another value in the \
         configuration, or \"as-is\""
    )]
    ControlRefused {
        place: String,
        control: ControlKind,
        value: i64,
        reason: String,
    },
    #[error("{place} failed to {action} ({reason}); switch it off and on again")]
    Driver {
        place: String,
        action: &'static str,
        reason: String,
    },
    #[error(
        "the camera's driver or decoder broke down ({reason}); switch the camera off and on again"
    )]
    BrokeDown { reason: String },
    #[error("the photograph cannot be corrected: {reason}")]
    Profile { reason: String },
    #[error("the folder \"{}\" holds no photographs; put some in or name another", .0.display())]
    EmptyFolder(PathBuf),
    #[error("\"{}\" is not a folder; name one that holds photographs", .0.display())]
    NoFolder(PathBuf),
    #[error("photograph \"{}\": {reason}", path.display())]
    Photograph { path: PathBuf, reason: String },
}

impl CameraError {
    /// What kind of trouble it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CameraError::Missing { .. }
            | CameraError::NoneFound
            | CameraError::SettingUp { .. }
            | CameraError::NoFolder(_) => ErrorKind::Missing,
            CameraError::Unplugged { .. } => ErrorKind::Unplugged,
            CameraError::Busy { .. } => ErrorKind::Busy,
            CameraError::NoPermission { .. } => ErrorKind::NoPermission,
            CameraError::NoCamera { .. }
            | CameraError::Planes { .. }
            | CameraError::NoFormat { .. }
            | CameraError::EmptyFolder(_) => ErrorKind::Unusable,
            CameraError::Stalled { .. } => ErrorKind::Stalled,
            CameraError::WrongSize { .. } | CameraError::Profile { .. } => ErrorKind::WrongSize,
            CameraError::Corrupt { .. } | CameraError::Photograph { .. } => ErrorKind::Corrupt,
            CameraError::NoControl(_) | CameraError::ControlRefused { .. } => ErrorKind::Control,
            CameraError::Driver { .. } | CameraError::BrokeDown { .. } => ErrorKind::Failed,
        }
    }

    /// Whether the camera is as good as before: the next picture may be fine.
    /// After any other error it has to be opened again.
    pub fn passes(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::WrongSize | ErrorKind::Corrupt | ErrorKind::Control
        )
    }

    /// The driver's refusal to `action` ("start", "send a picture") at `place`.
    pub(super) fn driver(place: &Path, action: &'static str, error: &io::Error) -> CameraError {
        use rustix::io::Errno;

        let place = place.display().to_string();
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) => CameraError::Missing { place },
            Some(Errno::NODEV | Errno::NXIO) => CameraError::Unplugged { place },
            Some(Errno::BUSY) => CameraError::Busy { place },
            Some(Errno::ACCESS | Errno::PERM) => CameraError::NoPermission { place },
            // What a device that is no video device answers to every question.
            Some(Errno::NOTTY) => CameraError::NoCamera { place },
            Some(Errno::AGAIN) => CameraError::Stalled { place },
            None if error.kind() == io::ErrorKind::TimedOut => CameraError::Stalled { place },
            _ => CameraError::Driver {
                place,
                action,
                reason: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_numbers_become_sentences_that_name_the_remedy() {
        let place = Path::new("/dev/video3");
        for (number, kind, remedy) in [
            (2, ErrorKind::Missing, "plug it in"),
            (19, ErrorKind::Unplugged, "check its cable"),
            (16, ErrorKind::Busy, "close it"),
            (13, ErrorKind::NoPermission, "group \"video\""),
            (25, ErrorKind::Unusable, "name one that sends pictures"),
            (5, ErrorKind::Failed, "failed to start"),
        ] {
            let error = io::Error::from_raw_os_error(number);
            let said = CameraError::driver(place, "start", &error);
            let sentence = said.to_string();
            assert_eq!(said.kind(), kind, "{sentence}");
            assert!(
                sentence.contains("/dev/video3") && sentence.contains(remedy),
                "{sentence}"
            );
        }
        let late = io::Error::new(io::ErrorKind::TimedOut, "VIDIOC_DQBUF");
        assert_eq!(
            CameraError::driver(place, "send a picture", &late).kind(),
            ErrorKind::Stalled
        );
    }

    #[test]
    fn only_a_bad_picture_leaves_the_camera_as_it_was() {
        let place = "/dev/video0".to_owned();
        let corrupt = CameraError::Corrupt {
            place: place.clone(),
            reason: "it ends early".to_owned(),
        };
        assert!(corrupt.passes());
        assert!(!CameraError::Stalled { place }.passes());
    }
}
