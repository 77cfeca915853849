//! From the shutter to a photograph that the exam can have graded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::keeping::Pixels;
use super::COMMON_STILL;
use crate::camera::feed::{Feed, Taken};
use crate::camera::{About, Frame};
use crate::exam::words::Eye;
use crate::exam::{Event, ShotId, Still, Trouble};
use crate::live::Guidance;

/// The photographs that were asked for and are not handed on yet.
pub(super) struct Shutter {
    /// Those that the camera owes, in order, and when each was asked for.
    awaited: VecDeque<(ShotId, Duration)>,
    /// One that has come.
    arrived: Option<Arrived>,
    /// The eye that the camera was told of.
    aimed: Option<Eye>,
    /// Width and height of the stills, in pixels.
    size: (u32, u32),
}

/// A photograph fresh from the camera.
pub(super) struct Arrived {
    shot: ShotId,
    pub pixels: Pixels,
    /// From the shutter until its pixels were there.
    pub took: Duration,
}

impl Shutter {
    pub fn new() -> Shutter {
        Shutter {
            awaited: VecDeque::new(),
            arrived: None,
            aimed: None,
            size: COMMON_STILL,
        }
    }

    /// A camera shows pictures: as large as it says its stills will be, where
    /// it says that.
    pub fn expect(&mut self, about: &About) {
        if let About::V4l { still, .. } = about {
            self.size = (still.width, still.height);
        }
    }

    /// Tells the camera which eye comes next, unless it knows.
    pub fn aim(&mut self, camera: &Feed<Guidance>, eye: Eye) {
        if self.aimed != Some(eye) && camera.aim(eye) {
            self.aimed = Some(eye);
        }
    }

    /// The next patient is another one, whichever eye comes first.
    pub fn forget_eye(&mut self) {
        self.aimed = None;
    }

    /// Asks for a photograph. Where the camera does not hear, that is what
    /// happened.
    pub fn release(
        &mut self,
        camera: &Feed<Guidance>,
        shot: ShotId,
        now: Duration,
    ) -> Option<Event> {
        if camera.still() {
            self.awaited.push_back((shot, now));
            return None;
        }
        let why = Trouble::CameraBusy.into();
        Some(Event::CaptureFailed { shot, why })
    }

    /// Takes in what the camera answered, and says what happened; nothing where
    /// nobody waits for it.
    pub fn hear(&mut self, still: Taken, now: Duration) -> Option<Event> {
        let (shot, since) = self.awaited.pop_front()?;
        match still {
            Ok(frame) => {
                let Frame {
                    id,
                    stamps,
                    rgb,
                    original,
                } = frame;
                self.size = rgb.dimensions();
                self.arrived = Some(Arrived {
                    shot,
                    pixels: Pixels {
                        photograph: Arc::new(rgb),
                        original: original.map(Arc::new),
                    },
                    took: now.saturating_sub(since),
                });
                let still = Still {
                    frame: id,
                    captured: stamps.captured,
                    dequeued: stamps.dequeued,
                };
                Some(Event::Captured { shot, still })
            }
            Err(error) => {
                tracing::warn!(error = %error, "no photograph");
                let why = error.into();
                Some(Event::CaptureFailed { shot, why })
            }
        }
    }

    /// Hands on the photograph of this shot, if it is the one that has come.
    pub fn take(&mut self, shot: ShotId) -> Option<Arrived> {
        self.arrived.take_if(|arrived| arrived.shot == shot)
    }

    /// Lets the photograph go that has come.
    pub fn discard(&mut self) {
        self.arrived = None;
    }

    /// Width and height of the stills in pixels: the last one's, or what the
    /// camera said, or a common camera's.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::negotiate::{Mode, PixelFormat};

    #[test]
    fn a_camera_says_how_large_its_stills_are_before_the_first() {
        let mode = |width, height| Mode {
            format: PixelFormat::Mjpg,
            width,
            height,
            interval: None,
        };
        let mut shutter = Shutter::new();
        assert_eq!(shutter.size(), COMMON_STILL);
        shutter.expect(&About::V4l {
            place: "/dev/video0".into(),
            preview: mode(640, 480),
            still: mode(4608, 3456),
        });
        assert_eq!(shutter.size(), (4608, 3456));
    }
}
