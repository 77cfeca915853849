//! The one clock that stamps frames.

use std::time::Duration;

use rustix::time::{clock_gettime, ClockId};

/// Time since the program started, on the kernel's monotonic clock.
///
/// The standard library's `Instant` runs on the same clock but cannot be read
/// as a number, and a driver stamps its frames with that number: only by
/// asking the kernel's clock itself can the two be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Duration,
}

impl Clock {
    /// A clock that begins at zero now. One per program.
    pub fn start() -> Clock {
        Clock { start: monotonic() }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        monotonic().saturating_sub(self.start)
    }

    /// What CLOCK_MONOTONIC showed at the start.
    #[cfg(test)]
    pub(super) fn on_kernels_clock(&self) -> Duration {
        self.start
    }

    /// A reading of CLOCK_MONOTONIC as time since the start; `None` when it
    /// lies before it.
    pub fn since_start(&self, monotonic: Duration) -> Option<Duration> {
        monotonic.checked_sub(self.start)
    }
}

fn monotonic() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    // The monotonic clock counts up from zero at boot: it is never negative.
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_stamp_lands_on_the_programs_time() {
        let clock = Clock::start();
        let (before, stamp, after) = (clock.now(), monotonic(), clock.now());
        let stamp = clock.since_start(stamp).unwrap();
        assert!(before <= stamp && stamp <= after);
        assert_eq!(clock.since_start(Duration::ZERO), None);
    }
}
