//! The limits an exam is held to.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Refused photographs after which an eye cannot be graded, which refers the
/// patient. Cleared screening systems ask for as many.
pub const REFUSALS: usize = 3;

/// Most photographs of one eye: they stay in memory until they are saved.
pub const MOST_SHOTS: usize = 2 * REFUSALS;

/// Time-outs, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Without the operator for this long, an exam is ended and the screen
    /// locked.
    pub idle_seconds: NonZeroU32,
    /// How long the camera may take to send a photograph.
    pub capture_seconds: NonZeroU32,
    /// How long grading may take; after that the photograph stays without a verdict.
    pub grade_seconds: NonZeroU32,
    /// How long the store may take to answer; after that the operator is told that
    /// it does not, and can ask again.
    pub store_seconds: NonZeroU32,
}

impl Default for Rules {
    /// Five minutes are enough to seat a patient and focus; ten seconds, a
    /// minute and half a minute are far beyond what a camera that works, a slow
    /// computer and a slow disk need.
    fn default() -> Rules {
        let seconds = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Rules {
            idle_seconds: seconds(300),
            capture_seconds: seconds(10),
            grade_seconds: seconds(60),
            store_seconds: seconds(30),
        }
    }
}

impl Rules {
    pub(super) fn idle(&self) -> Duration {
        duration(self.idle_seconds)
    }

    pub(super) fn capture(&self) -> Duration {
        duration(self.capture_seconds)
    }

    pub(super) fn grade(&self) -> Duration {
        duration(self.grade_seconds)
    }

    pub(super) fn store(&self) -> Duration {
        duration(self.store_seconds)
    }
}

fn duration(seconds: NonZeroU32) -> Duration {
    Duration::from_secs(u64::from(seconds.get()))
}
