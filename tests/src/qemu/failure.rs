//! Why the emulated machine could not do what was asked of it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// One sentence that names the thing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{tool} is missing: run `sudo apt-get install {package}` and try again")]
    Missing {
        tool: &'static str,
        package: &'static str,
    },
    #[error("cannot {verb} {path}: {source}")]
    File {
        verb: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{program} cannot be started: {source}")]
    Start { program: String, source: io::Error },
    #[error("`{program}` failed ({status}): {said}")]
    Child {
        program: String,
        status: std::process::ExitStatus,
        said: String,
    },
    #[error("the package {package} holds no {what}")]
    Package { package: String, what: String },
    #[error("the kernel has no module {0}")]
    Module(String),
    #[error("waited {limit:?} in vain for {what}; the console's last lines were:\n{console}")]
    Late {
        what: String,
        limit: Duration,
        console: String,
    },
    #[error("the machine stopped before {what}; the console's last lines were:\n{console}")]
    Stopped { what: String, console: String },
    #[error("`{command}` failed in the machine (exit status {status}): {said}")]
    Refused {
        command: String,
        status: i32,
        said: String,
    },
    #[error("QEMU did not obey {command}: {said}")]
    Qmp { command: String, said: String },
    #[error("the log of {path} is damaged at byte {at}")]
    Log { path: PathBuf, at: u64 },
    #[error("the screen cannot be read: {0}")]
    Screen(#[from] image::ImageError),
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// For `map_err` after a file operation.
    pub(super) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_path_buf();
        move |source| Failure::File { verb, path, source }
    }
}

/// What a program prints, when it succeeds.
pub(super) fn output(command: &mut Command) -> Result<String> {
    output_bytes(command).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The same for output that is no text.
pub(super) fn output_bytes(command: &mut Command) -> Result<Vec<u8>> {
    finish(command.stdout(Stdio::piped()))
}

/// Runs a program whose output whoever runs the tests sees as it comes.
pub(super) fn shown(command: &mut Command) -> Result<()> {
    finish(command.stdout(Stdio::inherit())).map(drop)
}

/// Runs a program to its end; its output, where that is piped.
fn finish(command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Failure::Start {
            program: program.clone(),
            source,
        })?;
    if status.success() {
        return Ok(stdout);
    }
    let said = String::from_utf8_lossy(&stderr);
    Err(Failure::Child {
        program,
        status,
        said: last_line(&said).to_owned(),
    })
}

/// What a program says last is why it stopped.
fn last_line(text: &str) -> &str {
    text.trim_end().lines().next_back().unwrap_or("nothing")
}
