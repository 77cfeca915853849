//! A driver's buffers, mapped, and always the newest of them.
//!
//! Around `v4l`'s stream, because it has sharp edges: without a time-out it
//! waits for ever; after one it asks for a buffer twice and has to be built
//! anew; and its destructor panics when a driver refuses to stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::v4l::buffer::{Flags, Metadata, Type};
use ::v4l::device::{Device, Handle};
use ::v4l::io::traits::{CaptureStream as _, Stream as _};
use ::v4l::prelude::MmapStream;
use rustix::io::Errno;

/// Buffers asked for: one being looked at, one being filled, two between, so
/// that a late reader costs no frame.
const BUFFERS: u32 = 4;
/// What `poll` is asked to wait for: a filled buffer (POLLIN).
const FILLED: i16 = 0x001;

/// What a driver says of a picture that it hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The driver knows the picture to be damaged.
    pub damaged: bool,
    /// When it was taken, on CLOCK_MONOTONIC; `None` on another clock.
    pub taken: Option<Duration>,
}

/// A running stream.
pub struct Buffers {
    /// `None` only while dropping.
    stream: Option<MmapStream<'static>>,
    handle: Arc<Handle>,
    /// Whether the driver has handed over a buffer before.
    running: bool,
}

impl Buffers {
    /// Maps the device's buffers, in the format that is set.
    ///
    /// # Errors
    /// The driver's own, above all that another program streams.
    pub fn map(device: &Device) -> io::Result<Buffers> {
        Ok(Buffers {
            stream: Some(MmapStream::with_buffers(
                device,
                Type::VideoCapture,
                BUFFERS,
            )?),
            handle: device.handle(),
            running: false,
        })
    }

    /// Hands the newest picture to `look`, waiting at most `wait` for it. Older
    /// ones that are waiting are given back unseen.
    ///
    /// # Errors
    /// `TimedOut` when none came, else the driver's own. After any error the
    /// buffers are of no more use.
    pub fn newest<T>(
        &mut self,
        wait: Duration,
        look: impl FnOnce(&[u8], About) -> T,
    ) -> io::Result<T> {
        let stream = self.stream.as_mut().ok_or(Errno::NODEV)?;
        if self.running {
            // Asked here and not in `next`, which would have given a buffer
            // back already and could not be called again.
            if !is_filled(&self.handle, wait)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
        } else {
            stream.set_timeout(wait.min(Duration::from_secs(3600)));
        }
        let mut passed = 0;
        loop {
            let (bytes, about) = stream.next()?;
            self.running = true;
            passed += 1;
            let newer = if passed == BUFFERS - 1 {
                // Every buffer that the driver had was full: for how long, and
                // how much it has left out since, nobody knows. It has room now.
                if !is_filled(&self.handle, wait)? {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                true
            } else {
                // No more than there are buffers: a driver that is always
                // ready, or says so, must not keep us here.
                passed < BUFFERS && is_filled(&self.handle, Duration::ZERO)?
            };
            if !newer {
                // What lies behind the bytes in use is of an older picture.
                let used = bytes.len().min(about.bytesused as usize);
                return Ok(look(&bytes[..used], About::of(about)));
            }
        }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        match stream.stop() {
            Ok(()) => drop(stream),
            // The stream's own destructor knows a device that is gone.
            Err(error) if is_gone(&error) => drop(stream),
            // It would panic, and perhaps once more while unwinding, which
            // ends the program. Better to leave its memory mapped.
            Err(_) => std::mem::forget(stream),
        }
    }
}

impl About {
    fn of(about: &Metadata) -> About {
        let clock = about.flags & Flags::TIMESTAMP_MASK;
        let taken = about.timestamp;
        About {
            damaged: about.flags.contains(Flags::ERROR),
            taken: (clock == Flags::TIMESTAMP_MONOTONIC).then(|| {
                Duration::from_secs(taken.sec.unsigned_abs())
                    + Duration::from_micros(taken.usec.unsigned_abs())
            }),
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

/// Whether the device has something to say within `wait`: a filled buffer, or
/// that it is broken or gone, which the next call then tells.
fn is_filled(handle: &Handle, wait: Duration) -> io::Result<bool> {
    let milliseconds = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    loop {
        match handle.poll(FILLED, milliseconds) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer.map(|ready| ready > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::v4l::Timestamp;

    fn about(flags: Flags) -> About {
        About::of(&Metadata {
            flags,
            timestamp: Timestamp::new(12, 345_678),
            ..Metadata::default()
        })
    }

    #[test]
    fn only_the_monotonic_clock_is_believed() {
        let start_of_exposure = Flags::TSTAMP_SRC_SOE;
        let told = about(Flags::TIMESTAMP_MONOTONIC | start_of_exposure);
        assert_eq!(told.taken, Some(Duration::from_micros(12_345_678)));
        assert!(!told.damaged);
        for flags in [
            Flags::TIMESTAMP_UNKNOWN,
            Flags::TIMESTAMP_COPY | Flags::ERROR,
        ] {
            let told = about(flags);
            assert_eq!(told.taken, None);
            assert_eq!(told.damaged, flags.contains(Flags::ERROR));
        }
    }

    #[test]
    fn a_device_without_buffers_is_an_error() {
        let null = Device::with_path("/dev/null").unwrap();
        assert!(Buffers::map(&null).is_err());
    }
}
