//! The machine's shell, on its second serial line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::console::Console;
use super::failure::{Failure, Result};

/// What a command in the machine said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: i32,
    /// Its standard output and standard error.
    pub text: String,
}

pub(super) struct Shell {
    commands: UnixStream,
    said: BufReader<UnixStream>,
    /// Tells the end of one command from that of an earlier one that was late.
    number: u32,
}

impl Shell {
    pub fn new(line: UnixStream) -> Result<Shell> {
        let commands = line.try_clone();
        Ok(Shell {
            commands: commands.map_err(Failure::file("read", Path::new("the shell's line")))?,
            said: BufReader::new(line),
            number: 0,
        })
    }

    /// Runs `command`, of one line or several, to its end; what is to go on is put behind `&` with its
    /// output sent elsewhere.
    pub fn run(&mut self, command: &str, limit: Duration, console: &Console) -> Result<Answer> {
        self.number += 1;
        let mark = format!("@end {} ", self.number);
        let line = format!("{command}\n@run {}\n", self.number);
        let failed = |error: &std::io::Error| {
            let (what, console) = (format!("the end of `{command}`"), console.tail());
            match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => Failure::Late {
                    what,
                    limit,
                    console,
                },
                _ => Failure::Stopped { what, console },
            }
        };
        self.ask(&line, &mark, limit)
            .map_err(|error| failed(&error))
    }

    fn ask(&mut self, line: &str, mark: &str, limit: Duration) -> std::io::Result<Answer> {
        let deadline = std::time::Instant::now() + limit;
        self.commands.write_all(line.as_bytes())?;
        let mut text = String::new();
        let mut line = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            self.said.get_ref().set_read_timeout(Some(left))?;
            if self.said.read_until(b'\n', &mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let said = String::from_utf8_lossy(&line).replace('\r', "");
            if let Some(status) = said.strip_prefix(mark) {
                return Ok(Answer {
                    status: status.trim().parse().unwrap_or(-1),
                    text: text.trim_end().to_owned(),
                });
            }
            text.push_str(&said);
            line.clear();
        }
    }
}
