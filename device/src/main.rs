//! `fovea`, the screening device's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    fovea_device::cli::run()
}
