//! `cargo xtask test`: everything that must hold before a change lands.

use std::path::{Path, PathBuf};

use crate::libclang::{self, Scope};
use crate::libtorch;
use crate::process::{self, Failure, Result};
use crate::steps::Steps;
use crate::system;

/// What is run once everything is in place: the step's name is the command.
const CHECKS: [&str; 3] = [
    "fmt --all --check",
    "clippy --workspace --all-targets -- -D warnings",
    "test --workspace",
];

pub fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new("cargo xtask test");
    steps.step("tools", || {
        require_components(root)?;
        system::require_cxx()?;
        system::require("a set of keyboard layouts", &["xkb-data"], || {
            Path::new("/usr/share/X11/xkb/symbols/es").is_file()
        })
    })?;
    let libclang = ensure_libraries(&mut steps, root)?;
    for check in CHECKS {
        steps.step(&format!("cargo {check}"), || {
            let mut cargo = process::cargo(root);
            cargo.args(check.split(' '));
            // Everything is compiled once: what would make the next build faster only takes room.
            cargo.env("CARGO_INCREMENTAL", "0");
            // Tests run beside each other: libtorch's waiting threads would keep the processors
            // from the other tests.
            cargo.env("OMP_NUM_THREADS", "1");
            libclang::set(&mut cargo, libclang.as_deref());
            process::run(&mut cargo)
        })?;
    }
    steps.finish();
    Ok(())
}

/// What the whole workspace is built with; where libclang is, if it must be told.
pub fn ensure_libraries(steps: &mut Steps, root: &Path) -> Result<Option<PathBuf>> {
    steps.step("libtorch, which the trainer computes with", || {
        libtorch::ensure(root)
    })?;
    libclang::ensure(steps, root, Scope::Workspace)
}

/// Rust's minimal profile comes without both.
fn require_components(root: &Path) -> Result<()> {
    for component in ["fmt", "clippy"] {
        if !process::succeeds(process::cargo(root).args([component, "--version"])) {
            return Err(Failure::Sentence(format!(
                "cargo {component} is missing: run `rustup component add rustfmt clippy` \
                 and try again"
            )));
        }
    }
    Ok(())
}
