//! `fovea check`: the device's test of itself, a line for each part.

use std::io;
use std::time::SystemTime;

use super::{config::Flags, stdout_failed, Failure};
use crate::config::Config;
use crate::health::check::{self, Parts, State};

/// Tests the device: bundle, calibration, camera, display, input, store, clock, disk
///
/// Nothing is changed: what the next start will create or upgrade is only
/// reported, and the camera and the screen are left as they were found.
///
/// Exit status: 0 when every part works (warnings are for somebody to look
/// after), 1 when any fails, 2 when the command line, the configuration or the
/// output cannot be used.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub flags: Flags,
}

/// Exit status when a part fails.
const FAILED: u8 = 1;

/// Tests the parts that `parts` makes of the configuration, and prints what was
/// found.
pub(super) fn run<P: Parts>(
    options: &Options,
    parts: impl FnOnce(&Config) -> P,
) -> Result<u8, Failure> {
    let config = options.flags.config()?;
    let checks = check::all(&config.places(), &mut parts(&config), SystemTime::now());
    check::write(&mut io::stdout().lock(), &checks).map_err(stdout_failed)?;
    Ok(match check::worst(&checks) {
        State::Fail => FAILED,
        State::Ok | State::Warn => 0,
    })
}
