//! Tells systemd that the device works.
//!
//! The unit asks for a sign of life; without one, systemd kills the program
//! and starts it again. The sign comes from the loop that draws and listens,
//! never from a thread of its own: a helper would go on telling that all is
//! well while the screen stands still. Outside of systemd nothing is sent.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

/// Signs of life, at most one per half of what systemd waits.
#[derive(Debug)]
pub struct Watchdog {
    /// How often a sign is due; none when nobody waits for one.
    every: Option<Duration>,
    last: Option<Duration>,
    /// The last words about what the device does.
    said: &'static str,
    /// Whether systemd could not be reached the last time.
    unheard: bool,
}

impl Watchdog {
    /// As systemd asks for it in the environment (`WATCHDOG_USEC`).
    pub fn from_env() -> Watchdog {
        Watchdog::new(sd_notify::watchdog_enabled())
    }

    fn new(patience: Option<Duration>) -> Watchdog {
        Watchdog {
            every: patience.map(|patience| patience / 2),
            last: None,
            said: "",
            unheard: false,
        }
    }

    /// Says that the first screen is shown; systemd then counts the device as
    /// started, and begins to wait for signs.
    ///
    /// # Errors
    /// When there is a systemd and it cannot be reached.
    pub fn ready(&self) -> io::Result<()> {
        sd_notify::notify(&[NotifyState::Ready])
    }

    /// Called by the main loop on every turn, `now` being the time since the
    /// program's start. Sends a sign of life when one is due, and a few words
    /// about what the device does when they are others than before; `systemctl
    /// status` shows them. No patient's data.
    ///
    /// # Errors
    /// As [`Watchdog::ready`], once until it is reached again. What was not sent
    /// is due again at the next turn.
    pub fn turn(&mut self, words: &'static str, now: Duration) -> io::Result<()> {
        // Both are tried, whatever becomes of the other.
        let told = self.alive(now).and(self.status(words));
        let is_news = !std::mem::replace(&mut self.unheard, told.is_err());
        told.or_else(|error| if is_news { Err(error) } else { Ok(()) })
    }

    fn alive(&mut self, now: Duration) -> io::Result<()> {
        if self.due(now) {
            sd_notify::notify(&[NotifyState::Watchdog])?;
            self.last = Some(now);
        }
        Ok(())
    }

    fn status(&mut self, words: &'static str) -> io::Result<()> {
        if words != self.said {
            sd_notify::notify(&[NotifyState::Status(words)])?;
            self.said = words;
        }
        Ok(())
    }

    /// Says that the device ends because it was told to.
    ///
    /// # Errors
    /// As [`Watchdog::ready`].
    pub fn stopping(&self) -> io::Result<()> {
        sd_notify::notify(&[NotifyState::Stopping])
    }

    fn due(&self, now: Duration) -> bool {
        self.every.is_some_and(|every| {
            self.last
                .is_none_or(|last| now.saturating_sub(last) >= every)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    #[test]
    fn nobody_waits_nothing_is_due() {
        assert!(!Watchdog::new(None).due(Duration::from_secs(3_600)));
    }

    /// The child of the next test: a main loop of ten turns, 0.9 s each.
    #[test]
    #[ignore = "run by the_main_loop_gives_signs_at_half_the_interval"]
    fn ten_turns() {
        let mut watchdog = Watchdog::from_env();
        watchdog.ready().unwrap();
        for turn in 0..10 {
            let now = Duration::from_millis(900 * turn);
            watchdog.turn("waiting for a patient", now).unwrap();
        }
        watchdog.stopping().unwrap();
    }

    /// The environment belongs to the whole process, so that systemd's part
    /// needs a process of its own.
    #[test]
    fn the_main_loop_gives_signs_at_half_the_interval() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let module = module_path!().split_once("::").unwrap().1;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("{module}::ten_turns"), "--ignored"])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "4000000")
            .env_remove("WATCHDOG_PID")
            .output()
            .unwrap();
        assert!(child.status.success(), "{child:?}");

        systemd.set_nonblocking(true).unwrap();
        let mut buffer = [0; 256];
        let mut said = String::new();
        while let Ok(length) = systemd.recv(&mut buffer) {
            said += std::str::from_utf8(&buffer[..length]).unwrap();
        }
        // Due at 0, 2.7 (the first turn at or after 2) and 5.4 and 8.1 s.
        assert_eq!(
            said,
            "READY=1\nWATCHDOG=1\nSTATUS=waiting for a patient\n\
             WATCHDOG=1\nWATCHDOG=1\nWATCHDOG=1\nSTOPPING=1\n"
        );
    }
}
