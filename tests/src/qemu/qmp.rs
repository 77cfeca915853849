//! QEMU's own line: pictures of the screen, key strokes, the plug.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{json, Value};

use super::failure::{Failure, Result};

/// QEMU answers at once unless it hangs.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) struct Qmp {
    commands: UnixStream,
    answers: BufReader<UnixStream>,
}

impl Qmp {
    /// Greets QEMU, which obeys nothing before that.
    pub fn new(line: UnixStream) -> Result<Qmp> {
        let halves = line
            .set_read_timeout(Some(LIMIT))
            .and_then(|()| line.try_clone());
        let commands = halves.map_err(|error| refused("its greeting", &error))?;
        let mut qmp = Qmp {
            commands,
            answers: BufReader::new(line),
        };
        qmp.ask("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Has a command done.
    ///
    /// # Errors
    /// QEMU refuses, or does not answer.
    pub fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let question = json!({ "execute": command, "arguments": arguments });
        self.commands
            .write_all(format!("{question}\n").as_bytes())
            .map_err(|error| refused(command, &error))?;
        loop {
            let mut line = String::new();
            let read = self.answers.read_line(&mut line);
            match read {
                Ok(0) => return Err(refused(command, &"it is gone")),
                Ok(_) => {}
                Err(error) => return Err(refused(command, &error)),
            }
            // Between the answers come the greeting and events, without these keys.
            let mut message: Value =
                serde_json::from_str(&line).map_err(|error| refused(command, &error))?;
            if let Some(answer) = message.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = message.get("error") {
                return Err(refused(command, &error["desc"]));
            }
        }
    }
}

fn refused(command: &str, said: &dyn std::fmt::Display) -> Failure {
    Failure::Qmp {
        command: command.to_owned(),
        said: said.to_string(),
    }
}
