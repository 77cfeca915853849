//! The beat of cameras that have no sensor to wait for.

use std::thread;
use std::time::Duration;

use super::clock::Clock;

/// Pictures a second of a simulated camera.
pub const RATE: u32 = 30;

/// Lets one picture pass per beat. One that is late starts the beat anew, so
/// that no burst follows.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    clock: Clock,
    interval: Duration,
    due: Duration,
}

impl Pace {
    /// A beat of [`RATE`].
    pub fn new(clock: &Clock) -> Pace {
        Pace::of(clock, Duration::from_secs(1) / RATE)
    }

    /// A beat of one per `interval`; with zero, nobody waits.
    pub fn of(clock: &Clock, interval: Duration) -> Pace {
        Pace {
            clock: *clock,
            interval,
            due: clock.now(),
        }
    }

    /// Waits for the next beat and says when it was.
    pub fn wait(&mut self) -> Duration {
        let now = self.clock.now();
        if let Some(early) = self.due.checked_sub(now) {
            thread::sleep(early);
        }
        let beat = now.max(self.due);
        self.due = beat + self.interval;
        beat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_an_interval_apart() {
        let interval = Duration::from_millis(2);
        let mut pace = Pace::of(&Clock::start(), interval);
        let beats: Vec<Duration> = (0..4).map(|_| pace.wait()).collect();
        assert!(
            beats.windows(2).all(|w| w[1] - w[0] >= interval),
            "{beats:?}"
        );
    }
}
