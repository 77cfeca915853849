//! `fovea run`: the appliance.

use super::{args, Failure};

/// Runs it until it is told to end.
pub(super) fn run(options: &args::Run) -> Result<u8, Failure> {
    let config = options.flags.config()?;
    crate::run::run(config, options.script.as_deref())
        .map(|()| 0)
        .map_err(|error| Failure::Refused(error.to_string()))
}
