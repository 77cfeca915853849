//! What the machine says on its first serial line: the kernel, and every
//! program that writes to `/dev/console`.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::failure::{Failure, Result};

/// How many lines a failure quotes.
const QUOTED: usize = 40;

/// The lines so far, read by a thread of its own so that the machine never
/// waits for us.
#[derive(Clone)]
pub struct Console {
    shared: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    /// The machine is gone: nothing more will come.
    closed: bool,
}

impl Console {
    pub(super) fn read(from: impl Read + Send + 'static) -> Console {
        let console = Console {
            shared: Arc::default(),
        };
        let reader = console.clone();
        std::thread::spawn(move || reader.follow(from));
        console
    }

    fn follow(&self, from: impl Read) {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            // A line that was cut in the middle was never said.
            if line.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line);
                self.lock().lines.push(text.trim_end().to_owned());
                self.shared.1.notify_all();
            }
            line.clear();
        }
        self.lock().closed = true;
        self.shared.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines there are: where to wait from.
    pub fn len(&self) -> usize {
        self.lock().lines.len()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every whole line so far.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// The number of the first line at or after number `from` that holds `text`.
    ///
    /// # Errors
    /// It does not come within `limit`, or the machine stopped.
    pub fn wait_for(&self, text: &str, from: usize, limit: Duration) -> Result<usize> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        let mut next = from;
        loop {
            let mut unread = state.lines.iter().skip(next);
            if let Some(found) = unread.position(|line| line.contains(text)) {
                return Ok(next + found);
            }
            next = next.max(state.lines.len());
            let left = deadline.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                let console = tail(&state.lines);
                let what = format!("`{text}`");
                return Err(if state.closed {
                    Failure::Stopped { what, console }
                } else {
                    Failure::Late {
                        what,
                        limit,
                        console,
                    }
                });
            }
            let waited = self.shared.1.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the machine is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until the machine has fallen silent for good.
    pub(super) fn wait_until_closed(&self, limit: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .shared
            .1
            .wait_timeout_while(state, limit, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.closed
    }

    /// The last lines, for a failure's sentence.
    pub fn tail(&self) -> String {
        tail(&self.lock().lines)
    }
}

fn tail(lines: &[String]) -> String {
    lines[lines.len().saturating_sub(QUOTED)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_from_where_one_asks_and_a_cut_one_never() {
        let console = Console::read(&b"ready\r\nsaved 1\nready\nsaved"[..]);
        assert!(console.wait_until_closed(Duration::from_secs(5)));
        let wait = |text, from| console.wait_for(text, from, Duration::ZERO);
        assert_eq!(wait("ready", 0).unwrap(), 0);
        assert_eq!(wait("ready", 1).unwrap(), 2);
        assert_eq!(wait("saved", 0).unwrap(), 1);
        assert!(wait("saved", 2).is_err());
        assert_eq!(console.len(), 3);
    }
}
