//! Training that is through when its time is up.
//!
//! A call has so many minutes, and its stages share what is left of them. A
//! stage's schedule follows whichever is further, its steps or its time: at
//! one cycle the learning rate comes down to nought as the time runs out,
//! however few of the planned epochs were made, and a stage that makes them
//! all sooner leaves the rest of its time to the next.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};

/// Until when a call trains.
pub struct Clock {
    minutes: f64,
    ends: Instant,
    /// The longest that validating and saving took after an epoch's last step.
    closing: Cell<Duration>,
}

impl Clock {
    /// `part` (0 to 1) of the `minutes` from `start` on; the rest is for what follows the training.
    ///
    /// # Errors
    /// No minutes, or more than a year of them.
    pub fn new(start: Instant, minutes: f64, part: f64) -> Result<Clock> {
        ensure!(
            minutes > 0.0 && minutes <= 366.0 * 24.0 * 60.0,
            "--minutes {minutes}: give a number of minutes above nought"
        );
        Ok(Clock {
            minutes,
            ends: start + Duration::from_secs_f64(part * minutes * 60.0),
            closing: Cell::new(Duration::ZERO),
        })
    }

    /// The next stage's time: `share` of what is left, where it and the stages
    /// after it have `of` together.
    ///
    /// # Errors
    /// Nothing is left.
    pub fn allot(&self, share: f64, of: f64) -> Result<StageTime<'_>> {
        let begun = Instant::now();
        let left = self.ends.saturating_duration_since(begun);
        ensure!(
            left > self.closing.get(),
            "the time of --minutes {} was over before all stages were trained; call again for the \
             rest",
            self.minutes
        );
        Ok(StageTime {
            clock: self,
            begun,
            ends: begun + left.mul_f64((share / of).clamp(0.0, 1.0)),
        })
    }
}

/// A stage's time.
pub struct StageTime<'a> {
    clock: &'a Clock,
    begun: Instant,
    ends: Instant,
}

impl StageTime<'_> {
    /// How much of it is used, 0..1. What validating and saving will take at
    /// the end counts as used, as far as it is known.
    pub fn used(&self) -> f64 {
        let all = self.ends.saturating_duration_since(self.begun);
        let all = all.saturating_sub(self.clock.closing.get());
        let used = self.begun.elapsed();
        if used >= all {
            return 1.0;
        }
        used.as_secs_f64() / all.as_secs_f64()
    }

    /// Whether all of it is used.
    pub fn over(&self) -> bool {
        self.used() >= 1.0
    }

    /// Remembers how long validating and saving took after an epoch's last step, if that is the
    /// longest.
    pub fn closed(&self, took: Duration) {
        let closing = &self.clock.closing;
        closing.set(closing.get().max(took));
    }

    /// Minutes since the stage began in this call.
    pub fn minutes(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() / 60.0
    }
}

/// What is noted of a stage that its time ended, not its epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Epochs made, with the part of the last.
    pub epochs: f64,
    /// Epochs that the stage was to make.
    pub planned: usize,
    /// Minutes that the call which ended it spent on the stage.
    pub minutes: f64,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(
            f,
            "ended by the clock after {:.2} of {} planned epochs ({:.1} minutes)",
            self.epochs, self.planned, self.minutes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_share_what_is_left() {
        let clock = Clock::new(Instant::now(), 20.0, 0.5).unwrap();
        let first = clock.allot(1.0, 4.0).unwrap();
        let seconds = |time: &StageTime| (time.ends - time.begun).as_secs_f64();
        assert!((seconds(&first) - 150.0).abs() < 1.0);
        // It took no time at all: the second has half of the whole.
        assert!((seconds(&clock.allot(1.5, 3.0).unwrap()) - 300.0).abs() < 1.0);
        assert!(!first.over() && first.used() < 0.01);
        // Closing an epoch takes nearly all of it.
        first.closed(Duration::from_secs(149));
        first.closed(Duration::from_secs(1));
        assert!(!first.over());
        first.closed(Duration::from_secs(151));
        assert!(first.over() && first.used() == 1.0);
    }

    #[test]
    fn a_call_without_time_is_refused() {
        for minutes in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Clock::new(Instant::now(), minutes, 1.0).is_err());
        }
        let clock = Clock::new(Instant::now(), 1e-9, 1.0).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        assert!(clock.allot(1.0, 1.0).is_err());
    }
}
