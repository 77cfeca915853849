//! The live gate: every preview frame is measured, and the operator is told
//! one thing at a time.
//!
//! ```text
//! frame -> assess -> guide -> auto_capture
//!          measures  one       good for long
//!                    instruction enough
//! ```
//!
//! The measures are the gate's own ([`fovea_core::quality`]), on the same
//! preparation as the network's, with two added that only a live picture
//! needs: finer focus ([`Assessor`]) and motion. Whether what is seen can be
//! graded is for the gate to say, on the photograph; the live gate leads there.
//!
//! [`laterality`] tells from a photograph which eye it is.

mod assess;
mod auto_capture;
mod guide;
pub mod laterality;
mod limits;
mod motion;

#[cfg(test)]
mod tests;

use std::time::Duration;

use image::RgbImage;

pub use assess::{Assessment, Assessor};
pub use auto_capture::AutoCapture;
pub use guide::{Guide, Instruction};
pub use limits::{AtLeast, AtMost, Bars, LiveLimits, BAR_LIMIT};

/// What the live view shows of one frame, beside the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// What was measured of it.
    pub assessment: Assessment,
    /// What the operator is told. It changes only for a reason that lasts.
    pub instruction: Instruction,
    /// Whether nothing is wrong with this very frame.
    pub good: bool,
    /// How near it comes to the limits.
    pub bars: Bars,
}

/// The live gate of one camera.
#[derive(Clone, Debug)]
pub struct LiveGate {
    limits: LiveLimits,
    assessor: Assessor,
    guide: Guide,
}

impl LiveGate {
    /// One that has seen no frame yet.
    pub fn new(limits: LiveLimits) -> LiveGate {
        LiveGate {
            limits,
            assessor: Assessor::new(),
            guide: Guide::new(limits),
        }
    }

    /// Looks at the next frame, taken at `at` (on any clock that only goes
    /// forward). After a few, only the resampler asks for memory.
    pub fn look(&mut self, frame: &RgbImage, at: Duration) -> Guidance {
        let assessment = self.assessor.assess(frame, at);
        let now = self.guide.hear(&assessment, at);
        Guidance {
            assessment,
            instruction: self.guide.shown(),
            good: now == Instruction::Ready,
            bars: Bars::of(&assessment, &self.limits),
        }
    }
}
