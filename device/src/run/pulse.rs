//! Whether a thread gets on with its work.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shared by a thread and whoever watches it.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    base: Instant,
    /// When the job began that the thread is busy with, in milliseconds since
    /// `base` and one more; 0 while there is none.
    began: Arc<AtomicU64>,
}

impl Pulse {
    pub fn new() -> Pulse {
        Pulse {
            base: Instant::now(),
            began: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Does one job of the thread's; the panic's message where it panics, for
    /// then the next job may go well.
    pub fn job<T>(&self, job: impl FnOnce() -> T) -> Result<T, String> {
        let now = self.base.elapsed().as_millis() as u64;
        self.began.store(now + 1, Ordering::Relaxed);
        let done = panic::catch_unwind(AssertUnwindSafe(job));
        self.began.store(0, Ordering::Relaxed);
        done.map_err(|panic| {
            let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            said.unwrap_or_else(|| "a panic without a message".to_owned())
        })
    }

    /// How long the thread has been busy with one job; nothing while it waits.
    pub fn busy(&self) -> Duration {
        match self.began.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            began => {
                let began = Duration::from_millis(began - 1);
                self.base.elapsed().saturating_sub(began)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_timed_and_its_panic_is_no_end() {
        let pulse = Pulse::new();
        assert_eq!(pulse.busy(), Duration::ZERO);
        let inside = pulse.job(|| {
            std::thread::sleep(Duration::from_millis(20));
            pulse.busy()
        });
        assert!(inside.unwrap() >= Duration::from_millis(15));
        assert_eq!(pulse.busy(), Duration::ZERO);
        let failed = pulse.job(|| assert_eq!(1, 2, "the disk said no"));
        assert!(failed.unwrap_err().contains("the disk said no"));
        assert_eq!(pulse.busy(), Duration::ZERO);
        assert_eq!(pulse.job(|| 7), Ok(7));
    }
}
