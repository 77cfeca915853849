//! Why there is no picture, in no language; [`super::words`] makes sentences of
//! it that a technician can act on.

use std::io;
use std::path::{Path, PathBuf};

use fovea_core::photograph::FileFault;
use fovea_core::profile::OtherFrame;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConvertError {
    /// Width and height in pixels.
    WrongSize { got: (u32, u32), agreed: (u32, u32) },
    /// In bytes.
    Short { have: usize, need: usize },
    /// The format needs both to be even.
    OddSize {
        format: PixelFormat,
        width: u32,
        height: u32,
    },
    /// Rows of so many bytes are too short for so many pixels.
    NarrowRows { stride: usize, width: u32 },
    /// It does not begin like a JPEG.
    NoJpeg,
    /// The JPEG is incomplete.
    EndsEarly,
    /// The driver marked it as damaged.
    Marked,
    /// What the decoder said of it, in English.
    Damaged(String),
}

/// What a camera sends that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Formats by their four characters, with commas between them.
    Formats(String),
    /// It lists no format.
    NoFormats,
    /// No size that it lists is one of a picture.
    ImpossibleSizes,
}

/// What a driver was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverTask {
    /// Open the device.
    Open,
    /// Say which formats and sizes it sends.
    Tell,
    /// Send another format or size.
    ChangeFormat,
    /// Set a control, such as the exposure.
    SetControl,
    /// Begin to send pictures.
    Start,
    /// Send the next picture.
    SendPicture,
}

/// Why there is no picture. In words it says what to do about it. `place` is the
/// path of the camera's device, `reason` what the system said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraError {
    /// There is none at the place that was named.
    Missing { place: String },
    /// None was named, and there is none at all.
    NoneFound,
    /// It was there and is gone.
    Unplugged { place: String },
    /// Another program uses it.
    Busy { place: String },
    /// It was plugged in a moment ago and has no permissions yet.
    SettingUp { place: String },
    /// The system does not let this program open it.
    NoPermission { place: String },
    /// It sends no pictures.
    NoCamera { place: String },
    /// It sends its pictures by V4L2's multi-planar interface alone.
    Planes { place: String },
    /// Nothing that it sends can be used.
    NoFormat { place: String, offered: Offered },
    /// No picture came in time.
    Stalled { place: String },
    /// Width and height in pixels.
    WrongSize {
        place: String,
        got: (u32, u32),
        agreed: (u32, u32),
    },
    /// A damaged picture came.
    Corrupt { place: String, reason: ConvertError },
    /// The camera has no such control.
    NoControl(ControlKind),
    /// The driver did not set a control to this value.
    ControlRefused {
        place: String,
        control: ControlKind,
        value: i64,
        reason: String,
    },
    /// The driver failed in another way.
    Driver {
        place: String,
        task: DriverTask,
        reason: String,
    },
    /// The driver or the decoder panicked, and what it said, if anything.
    BrokeDown { reason: Option<String> },
    /// The camera's profile does not fit its photographs.
    Profile(OtherFrame),
    /// This folder holds no photographs.
    EmptyFolder(PathBuf),
    /// This is no folder.
    NoFolder(PathBuf),
    /// A file of a folder cannot be read.
    Photograph { path: PathBuf, fault: FileFault },
}

impl std::error::Error for ConvertError {}
impl std::error::Error for CameraError {}

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
            CameraError::WrongSize { .. } | CameraError::Profile(_) => ErrorKind::WrongSize,
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

    /// The driver's refusal to do `task` at `place`.
    pub(super) fn driver(place: &Path, task: DriverTask, error: &io::Error) -> CameraError {
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
                task,
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
            let said = CameraError::driver(place, DriverTask::Start, &error);
            let sentence = said.to_string();
            assert_eq!(said.kind(), kind, "{sentence}");
            assert!(
                sentence.contains("/dev/video3") && sentence.contains(remedy),
                "{sentence}"
            );
        }
        let late = io::Error::new(io::ErrorKind::TimedOut, "VIDIOC_DQBUF");
        assert_eq!(
            CameraError::driver(place, DriverTask::SendPicture, &late).kind(),
            ErrorKind::Stalled
        );
    }

    #[test]
    fn only_a_bad_picture_leaves_the_camera_as_it_was() {
        let place = "/dev/video0".to_owned();
        let corrupt = CameraError::Corrupt {
            place: place.clone(),
            reason: ConvertError::EndsEarly,
        };
        assert!(corrupt.passes());
        assert!(!CameraError::Stalled { place }.passes());
    }
}
