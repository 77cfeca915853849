//! `cargo xtask soak`: the power cuts of the tests, many more of them.

use std::path::Path;

use crate::libclang;
use crate::process::{self, Result};
use crate::steps::Steps;
use crate::{system, test};

pub fn run(root: &Path, cuts: u32) -> Result<()> {
    let mut steps = Steps::new("cargo xtask soak");
    steps.step("tools", system::require_cxx)?;
    let libclang = test::ensure_libraries(&mut steps, root)?;
    steps.step(&format!("{cuts} power cuts"), || {
        let mut cargo = process::cargo(root);
        // All of the workspace, so that what its tests were built with is used again.
        cargo.args(["test", "--workspace", "--test", "qemu"]);
        cargo.args(["--", "--nocapture", "a_power_cut_loses_no_saved_exam"]);
        cargo.env("FOVEA_CUTS", cuts.to_string());
        libclang::set(&mut cargo, libclang.as_deref());
        process::run(&mut cargo)
    })?;
    steps.finish();
    Ok(())
}
