//! The command line.

mod bundle;
mod calibrate_camera;
mod check;
mod config;
mod draw;
mod grade;
mod records;
mod run;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fovea_core::bundle::Bundle;
use thiserror::Error;

use crate::camera::{self, Clock};
use crate::config::Camera as CameraConfig;
use crate::grade::embedded;
use crate::grade::report::names;
use crate::run::Standalone;

/// Screens photographs of the retina, offline.
#[derive(Debug, Parser)]
#[command(name = "fovea", version, arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Options),
    Grade(grade::Options),
    Records(records::Options),
    Check(check::Options),
    CalibrateCamera(calibrate_camera::Options),
    Config(config::Options),
    Draw(draw::Options),
    Bundle(bundle::Options),
}

/// Why a command could not do its work.
#[derive(Debug, Error)]
enum Failure {
    #[error("{0}")]
    Refused(String),
    #[error("cannot write {what} ({error}); check that the place exists and has room")]
    Output { what: String, error: io::Error },
}

impl Failure {
    /// A failure to write the file or folder at `path`.
    fn output(path: &Path, error: io::Error) -> Failure {
        Failure::Output {
            what: names::shown(path),
            error,
        }
    }
}

/// Exit status when a photograph could not be read.
const UNREADABLE: u8 = 1;
/// Exit status when the model failed on a photograph that could be read.
const MODEL_FAILED: u8 = 3;
/// Exit status when the command line, the bundle or the output is no good.
const USAGE: u8 = 2;

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    // clap itself ends the process with 2 for usage, 0 for --help.
    let result = match Args::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Grade(options) => grade::run(&options),
        Command::Records(options) => records::run(&options),
        Command::Check(options) => check::run(&options, Standalone::new),
        Command::CalibrateCamera(options) => {
            let open = |config: &CameraConfig| {
                camera::open(&config.source, config.levels(), &Clock::start())
            };
            calibrate_camera::run(&options, open)
        }
        Command::Config(options) => config::run(&options),
        Command::Draw(options) => draw::run(&options),
        Command::Bundle(options) => bundle::run(&options),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        // Whoever read our output has seen enough: `fovea grade ... | head`.
        Err(Failure::Output { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::from(USAGE)
        }
    }
}

/// Opens the bundle in `folder`, or the one inside the binary.
fn open_bundle(folder: Option<&Path>) -> Result<Bundle, Failure> {
    embedded::open(folder).map_err(Failure::Refused)
}

/// A failure of standard output.
fn stdout_failed(error: io::Error) -> Failure {
    Failure::Output {
        what: "to standard output".to_owned(),
        error,
    }
}

/// Says one line on standard error; that nobody listens there is no failure.
fn say(line: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "fovea: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
