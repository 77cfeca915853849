//! `cargo xtask demo`: from a machine with Rust to a screened eye.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::libclang::{self, Scope};
use crate::process::{self, Result};
use crate::samples;
use crate::steps::{say, Steps};

const DEVICE: &str = "fovea-device";
const PICTURES: &str = "target/demo/pictures";
/// Of the scripted exam: its screens, its records, its log.
const SCREENS: &str = "target/demo/screens";
const STORE: &str = "target/demo/exams";
const LOG: &str = "target/demo/log";
const SCRIPT: &str = "xtask/exam.txt";

pub fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new("cargo xtask demo");
    let libclang = libclang::ensure(&mut steps, root, Scope::Package(DEVICE))?;

    steps.step("build the device (fovea, release)", || {
        let mut build = process::cargo(root);
        build.args(["build", "--release", "--package", DEVICE, "--bin", "fovea"]);
        // Wherever the user's builds go, this one is found again.
        build.args(["--target-dir", "target"]);
        libclang::set(&mut build, libclang.as_deref());
        process::run(&mut build)
    })?;
    let program = root.join("target/release/fovea");
    let fovea = || {
        let mut fovea = Command::new(&program);
        fovea.current_dir(root);
        fovea
    };

    let photographs = steps.step("sample photographs", || photographs(root, fovea))?;
    steps.step("screen them", || {
        let pictures = root.join(PICTURES);
        // Pictures of an earlier run would pass for this one's.
        files::remove(&pictures)?;
        files::create(&pictures)?;
        process::run(
            fovea()
                .args(["grade", "--pictures", PICTURES])
                .args(&photographs),
        )
    })?;
    steps.step("examine both eyes of a drawn patient, by a script", || {
        for folder in [SCREENS, STORE, LOG] {
            files::remove(&root.join(folder))?;
            files::create(&root.join(folder))?;
        }
        let display = format!("png:{SCREENS}");
        process::run(
            fovea()
                .args([
                    "run",
                    "--camera",
                    "demo",
                    "--display",
                    &display,
                    "--store",
                    STORE,
                ])
                .args(["--log-folder", LOG, "--script", SCRIPT]),
        )?;
        process::run(fovea().args(["records", "list", "--store", STORE]))
    })?;
    steps.finish();
    println!("\n   Each photograph with its verdict beside it: {PICTURES}");
    println!("   Every screen of the exam: {SCREENS}");
    println!("   Your own: target/release/fovea grade --pictures DIR PHOTOGRAPHS...");
    Ok(())
}

/// The photograph, where it can be had, and the drawings.
fn photographs(root: &Path, fovea: impl Fn() -> Command) -> Result<Vec<PathBuf>> {
    files::create(&root.join(samples::FOLDER))?;
    let mut photographs = Vec::new();
    match samples::photograph(root) {
        Ok(file) => photographs.push(file),
        Err(failure) => {
            say(&failure.to_string());
            say("going on without retina.jpg: the drawn photographs need no network");
        }
    }
    for drawing in samples::drawings() {
        process::run(fovea().arg("draw").args(drawing.arguments()))?;
        photographs.push(drawing.file());
    }
    say(&format!(
        "{} photographs in {}",
        photographs.len(),
        samples::FOLDER
    ));
    Ok(photographs)
}
