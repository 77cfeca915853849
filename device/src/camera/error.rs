//! Why there is no picture, in no language; [`super::words`] makes sentences of
//! it that a technician can act on.

use std::io;
use std::path::{Path, PathBuf};

use fovea_core::photograph::FileFault;
use fovea_core::profile::OtherFrame;

use super::control::ControlKind;
use super::negotiate::PixelFormat;

/// Why the bytes of a buffer are no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConvertError {
    /// It has another size than agreed.
    WrongSize {
        /// Its width and height in pixels.
        got: (u32, u32),
        /// The width and height agreed with the driver, in pixels.
        agreed: (u32, u32),
    },
    /// There are too few bytes, or there is too little memory for its pixels.
    Short {
        /// Bytes there are.
        have: usize,
        /// Bytes that are needed.
        need: usize,
    },
    /// The format keeps one colour for neighbouring pixels, and a side is odd.
    OddSize {
        /// YUYV, which needs an even width, or NV12, which needs both sides even.
        format: PixelFormat,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The bytes of a row are too few for its pixels.
    NarrowRows {
        /// Bytes from the start of a row to the start of the next.
        stride: usize,
        /// Pixels of a row.
        width: u32,
    },
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

/// Why there is no picture. In words it says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraError {
    /// There is none at the place that was named.
    Missing {
        /// Path of the camera's device.
        place: String,
    },
    /// None was named, and there is none at all.
    NoneFound,
    /// It was there and is gone.
    Unplugged {
        /// Path of the camera's device.
        place: String,
    },
    /// Another program uses it.
    Busy {
        /// Path of the camera's device.
        place: String,
    },
    /// It was plugged in a moment ago and has no permissions yet.
    SettingUp {
        /// Path of the camera's device.
        place: String,
    },
    /// The system does not let this program open it.
    NoPermission {
        /// Path of the camera's device.
        place: String,
    },
    /// It sends no pictures.
    NoCamera {
        /// Path of the camera's device.
        place: String,
    },
    /// It sends its pictures by V4L2's multi-planar interface alone.
    Planes {
        /// Path of the camera's device.
        place: String,
    },
    /// Nothing that it sends can be used.
    NoFormat {
        /// Path of the camera's device.
        place: String,
        /// What it sends instead.
        offered: Offered,
    },
    /// No picture came in time.
    Stalled {
        /// Path of the camera's device.
        place: String,
    },
    /// A picture of another size than agreed came.
    WrongSize {
        /// Path of the camera's device.
        place: String,
        /// Width and height of the picture that came, in pixels.
        got: (u32, u32),
        /// The width and height agreed with the driver, in pixels.
        agreed: (u32, u32),
    },
    /// A damaged picture came.
    Corrupt {
        /// Path of the camera's device.
        place: String,
        /// What is wrong with the picture.
        reason: ConvertError,
    },
    /// The camera has no such control.
    NoControl(ControlKind),
    /// The driver did not set a control to this value.
    ControlRefused {
        /// Path of the camera's device.
        place: String,
        /// The control that was to be set.
        control: ControlKind,
        /// In the camera's own unit, or the driver's number for a mode.
        value: i64,
        /// What the system said, in English.
        reason: String,
    },
    /// The driver failed in another way.
    Driver {
        /// Path of the camera's device.
        place: String,
        /// What it was asked to do.
        task: DriverTask,
        /// What the system said, in English.
        reason: String,
    },
    /// The driver or the decoder panicked.
    BrokeDown {
        /// The panic's message; `None` where it is not known.
        reason: Option<String>,
    },
    /// The camera's profile does not fit its photographs.
    Profile(OtherFrame),
    /// This folder holds no photographs.
    EmptyFolder(PathBuf),
    /// This is no folder.
    NoFolder(PathBuf),
    /// A file of a folder cannot be read.
    Photograph {
        /// The file's path.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
}

impl std::error::Error for ConvertError {}
impl std::error::Error for CameraError {}

impl CameraError {
    /// Whether the camera is as good as before: the next picture may be fine.
    /// After any other error it has to be opened again.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            CameraError::WrongSize { .. }
                | CameraError::Profile(_)
                | CameraError::Corrupt { .. }
                | CameraError::Photograph { .. }
                | CameraError::NoControl(_)
                | CameraError::ControlRefused { .. }
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
        for (number, remedy) in [
            (2, "plug it in"),
            (19, "check its cable"),
            (16, "close it"),
            (13, "group \"video\""),
            (25, "name one that sends pictures"),
            (5, "failed to start"),
        ] {
            let error = io::Error::from_raw_os_error(number);
            let said = CameraError::driver(place, DriverTask::Start, &error);
            let sentence = said.to_string();
            assert!(
                sentence.contains("/dev/video3") && sentence.contains(remedy),
                "{sentence}"
            );
        }
        let late = io::Error::new(io::ErrorKind::TimedOut, "VIDIOC_DQBUF");
        let said = CameraError::driver(place, DriverTask::SendPicture, &late);
        assert!(matches!(said, CameraError::Stalled { .. }), "{said}");
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
