//! `fovea run`: the appliance.

use std::path::PathBuf;

use super::config::Flags;
use super::Failure;

/// Runs the appliance, from the camera to the verdict on the screen, until it is stopped
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Let this script stand in for the operator
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    #[command(flatten)]
    pub flags: Flags,
}

/// Runs it until it is told to end.
pub(super) fn run(options: &Options) -> Result<u8, Failure> {
    let config = options.flags.config()?;
    crate::run::run(config, options.script.as_deref())
        .map(|()| 0)
        .map_err(|error| Failure::Refused(error.to_string()))
}
