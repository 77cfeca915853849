//! A camera behind Video4Linux.

mod ask;
mod controls;
mod find;
mod modes;
mod stream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::v4l::device::Device;

use super::convert::{Converter, Layout};
use super::error::{ConvertError, DriverTask, Offered};
use super::negotiate::{self, Mode};
use super::{About, Camera, CameraError, Clock, Control, ControlKind, Frame, Level, Stamps};
pub use ask::Identity;
use controls::Controls;
use modes::Before;
use stream::Buffers;

/// How long a still's picture is waited for: several times what the slowest
/// mode that is chosen for stills takes.
const STILL_WAIT: Duration = Duration::from_secs(2);
/// Pictures left out after the format was changed: the first was often begun
/// before, and automatic exposure answers only to the one it has seen.
const SETTLING: u32 = 2;
/// Damaged pictures after which a still is given up.
const STILL_ATTEMPTS: u32 = 5;

/// A camera behind Video4Linux.
///
/// The preview runs in one mode; where the still's is another, a still stops
/// the preview, changes the mode, photographs, and changes back.
pub struct V4l {
    // Declared first and so dropped first: buffers go before their device.
    buffers: Option<Buffers>,
    device: Device,
    place: PathBuf,
    identity: Identity,
    preview: Mode,
    still: Mode,
    layout: Layout,
    converter: Converter,
    controls: Controls,
    clock: Clock,
    /// What the device is set to again when this is dropped.
    before: Option<Before>,
}

impl V4l {
    /// Opens the device at `place`, or the first that can be used, and sets it
    /// to its preview. `known` is a camera that was in use before: it is looked
    /// for also under another number.
    ///
    /// # Errors
    /// When there is none, it may not be opened, another program streams from
    /// it, or it offers nothing that can be used.
    pub fn open(
        place: Option<&Path>,
        known: Option<&Identity>,
        clock: &Clock,
    ) -> Result<V4l, CameraError> {
        V4l::start(find::find(place, known)?, clock, None)
    }

    /// Opens a device to be looked at: its format and rate are what they were
    /// again once this is dropped.
    ///
    /// # Errors
    /// As [`V4l::open`].
    pub fn look(place: Option<&Path>, clock: &Clock) -> Result<V4l, CameraError> {
        let found = find::find(place, None)?;
        let before = Before::of(&found.device);
        V4l::start(found, clock, before)
    }

    fn start(
        found: find::Found,
        clock: &Clock,
        before: Option<Before>,
    ) -> Result<V4l, CameraError> {
        let find::Found {
            place,
            device,
            identity,
        } = found;
        let offered = modes::offered(&device, &place)?;
        let chosen = negotiate::still(&offered)
            .and_then(|still| Some((negotiate::preview(&offered, &still)?, still)));
        let Some((preview, still)) = chosen else {
            return Err(CameraError::NoFormat {
                place: place.display().to_string(),
                offered: Offered::ImpossibleSizes,
            });
        };
        let (preview, layout) = modes::set(&device, &place, &preview)?;
        let mut camera = V4l {
            buffers: None,
            controls: controls::list(&device),
            device,
            place,
            identity,
            preview,
            still,
            layout,
            converter: Converter::default(),
            clock: *clock,
            before,
        };
        // Only now it shows whether another program streams.
        camera.map()?;
        Ok(camera)
    }

    /// What the camera is, to find it again.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    fn map(&mut self) -> Result<(), CameraError> {
        let buffers = Buffers::map(&self.device)
            .map_err(|error| CameraError::driver(&self.place, DriverTask::Start, &error))?;
        self.buffers = Some(buffers);
        Ok(())
    }

    /// Stops, sets another mode, and makes ready to start in it.
    fn change(&mut self, mode: Mode) -> Result<(), CameraError> {
        self.buffers = None;
        (_, self.layout) = modes::set(&self.device, &self.place, &mode)?;
        self.map()
    }

    /// The newest picture of the mode that is set.
    fn receive(&mut self, frame: &mut Frame, wait: Duration) -> Result<(), CameraError> {
        let V4l {
            buffers,
            layout,
            converter,
            clock,
            place,
            ..
        } = self;
        let failed = |error: &_| CameraError::driver(place, DriverTask::SendPicture, error);
        let Some(running) = buffers else {
            return Err(failed(&std::io::ErrorKind::TimedOut.into()));
        };
        let received = running.newest(wait, |bytes, about| {
            let stamps = stamps(about, clock);
            let rgb = frame.pixels(layout.width, layout.height);
            let converted = converter.convert(bytes, layout, rgb);
            frame.stamps = stamps;
            if about.damaged {
                return Err(ConvertError::Marked);
            }
            converted
        });
        match received {
            Ok(converted) => converted.map_err(|error| no_picture(place, error)),
            Err(error) => {
                // After an error the buffers are of no more use.
                *buffers = None;
                Err(failed(&error))
            }
        }
    }

    /// A picture of the still's mode, settled and whole.
    fn photograph(&mut self, frame: &mut Frame, settling: u32) -> Result<(), CameraError> {
        for _ in 0..settling {
            self.receive(frame, STILL_WAIT).or_else(|error| {
                if error.passes() {
                    Ok(())
                } else {
                    Err(error)
                }
            })?;
        }
        let mut attempt = 1;
        loop {
            match self.receive(frame, STILL_WAIT) {
                Err(error) if error.passes() && attempt < STILL_ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }
}

impl Drop for V4l {
    fn drop(&mut self) {
        let Some(before) = self.before.take() else {
            return;
        };
        // No format is set while there are buffers.
        self.buffers = None;
        before.restore(&self.device);
    }
}

impl Camera for V4l {
    fn about(&self) -> About {
        About::V4l {
            place: self.place.clone(),
            preview: self.preview,
            still: self.still,
        }
    }

    fn next(&mut self, frame: &mut Frame, wait: Duration) -> Result<(), CameraError> {
        self.receive(frame, wait)
    }

    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
        if self.still.looks_like(&self.preview) {
            // The one that is waiting may be from before the shutter.
            return self.photograph(frame, 1);
        }
        let preview = self.preview;
        let taken = self
            .change(self.still)
            .and_then(|()| self.photograph(frame, SETTLING));
        // Back, also after a failure. That there is no way back is no reason to
        // lose a photograph: without buffers, the next preview tells it.
        let _ = self.change(preview);
        taken
    }

    fn controls(&self) -> &[Control] {
        &self.controls
    }

    fn set(&mut self, control: ControlKind, level: Level) -> Result<(), CameraError> {
        let control = self
            .controls
            .iter()
            .find(|each| each.kind == control)
            .ok_or(CameraError::NoControl(control))?;
        controls::set(&self.device, &self.place, control, level)
    }
}

/// A driver's stamp is believed when it is on our clock, not before the
/// program's start and not in the future; but for a little, because drivers
/// stamp by their schedule, and hand a picture over before its end is due.
fn stamps(about: stream::About, clock: &Clock) -> Stamps {
    const AHEAD: Duration = Duration::from_millis(100);
    let dequeued = clock.now();
    Stamps {
        captured: about
            .taken
            .and_then(|taken| clock.since_start(taken))
            .filter(|&captured| captured <= dequeued + AHEAD)
            .map(|captured| captured.min(dequeued)),
        dequeued,
    }
}

fn no_picture(place: &Path, error: ConvertError) -> CameraError {
    let place = place.display().to_string();
    match error {
        ConvertError::WrongSize { got, agreed } => CameraError::WrongSize { place, got, agreed },
        reason => CameraError::Corrupt { place, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_that_cannot_be_is_no_stamp() {
        let clock = Clock::start();
        let captured = |taken| {
            let about = stream::About {
                damaged: false,
                taken,
            };
            let stamps = stamps(about, &clock);
            stamps
                .captured
                .inspect(|&at| assert!(at <= stamps.dequeued))
        };
        let start = clock.on_kernels_clock();
        let later = |milliseconds| Some(start + Duration::from_millis(milliseconds));
        for impossible in [None, Some(Duration::ZERO), later(3_600_000)] {
            assert_eq!(captured(impossible), None);
        }
        assert_eq!(captured(later(0)), Some(Duration::ZERO));
        // Ahead of its time, but not by much: now.
        assert!(captured(later(20)).is_some());
    }

    #[test]
    fn what_is_no_picture_is_told_as_what_it_is() {
        let place = Path::new("/dev/video0");
        let size = ConvertError::WrongSize {
            got: (640, 480),
            agreed: (1280, 720),
        };
        let error = no_picture(place, size);
        assert!(matches!(error, CameraError::WrongSize { .. }));
        assert!(
            error.to_string().contains("640x480 where 1280x720"),
            "{error}"
        );
        let error = no_picture(place, ConvertError::EndsEarly);
        assert!(matches!(error, CameraError::Corrupt { .. }));
    }
}
