//! `cargo xtask bench`: Fovea beside other engines, on the machine at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::libclang::{self, Scope};
use crate::process::{self, Failure, Result};
use crate::steps::{say, Steps};
use crate::trainer::{DRAW, KINDS};
use crate::{system, wheels};

const DEVICE: &str = "fovea-device";
const PACKAGES: &str = "bench/python/requirements.txt";
const FOLDER: &str = "target/bench";
const NETS: &str = "target/bench/nets";

/// What the Python packages take.
const MEGABYTES: u64 = 700;

/// Sides in pixels of the photographs that are graded, and how many of each kind.
const PHOTOGRAPHS: [(u32, u32); 2] = [(384, 20), (3464, 1)];

#[derive(clap::Args)]
pub struct Options {
    /// How often every engine has its turn
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// The core that all is pinned to
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Folder of the table and the chart
    #[arg(long, default_value = "docs")]
    out: PathBuf,
}

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let mut steps = Steps::new("cargo xtask bench");
    steps.step("tools", || {
        system::require("taskset", &["util-linux"], || {
            process::succeeds(Command::new("taskset").arg("--version"))
        })
    })?;
    let python = steps.step("ONNX Runtime, OpenVINO and OpenCV, in Python", || {
        packages(root)
    })?;
    let libclang = libclang::ensure(&mut steps, root, Scope::Package(DEVICE))?;
    steps.step("build fovea and fovea-bench (release)", || {
        let mut build = process::cargo(root);
        build.args(["build", "--release", "--package", DEVICE, "--bin", "fovea"]);
        build.args(["--package", "fovea-bench", "--bin", "fovea-bench"]);
        build.args(["--package", "fovea-render", "--example", "photographs"]);
        // Wherever the user's builds go, these are found again.
        build.args(["--target-dir", "target"]);
        libclang::set(&mut build, libclang.as_deref());
        process::run(&mut build)
    })?;
    steps.step("networks with random weights", || {
        files::create(&root.join(NETS))?;
        let mut write = Command::new(&python);
        process::run(write.current_dir(root).args(["bench/python/nets.py", NETS]))
    })?;
    let folders = steps.step("drawn photographs", || photographs(root))?;
    steps.step("measure", || {
        let mut bench = Command::new(root.join("target/release/fovea-bench"));
        bench.current_dir(root).arg("measure");
        bench.arg("--python").arg(&python);
        bench.args(["--fovea", "target/release/fovea", "--nets", NETS]);
        for folder in &folders {
            bench.args(["--photographs", folder]);
        }
        bench.arg("--out").arg(&options.out);
        bench.args(["--rounds", &options.rounds.to_string()]);
        bench.args(["--core", &options.core.to_string()]);
        process::run(&mut bench)
    })?;
    steps.finish();
    Ok(())
}

/// A Python below `target/` with the packages at the versions that are written down; its program.
fn packages(root: &Path) -> Result<PathBuf> {
    let venv = root.join(FOLDER).join("python");
    let python = venv.join("bin/python");
    let wanted = root.join(PACKAGES);
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "--disable-pip-version-check"])
            .args(arguments);
        pip.arg("--requirement").arg(&wanted);
        pip
    };
    // With no index, what is not there already cannot be had.
    if process::succeeds(&mut pip(&["install", "--quiet", "--no-index"])) {
        say("already in target/bench/python");
        return Ok(python);
    }
    system::require_room(root, MEGABYTES)?;
    let base = wheels::python(root)?;
    say(&format!("installs {MEGABYTES} MB into target/bench/python"));
    process::run(
        Command::new(&base)
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    process::run(&mut pip(&["install", "--quiet", "--no-cache-dir"])).map_err(|_| {
        Failure::Sentence(format!(
            "pip could not install {PACKAGES} (its own words are above): they need Python 3.11 or \
             newer and the network"
        ))
    })?;
    Ok(python)
}

/// Draws all anew, since what an older renderer drew would pass for this one's; `SIDE=FOLDER` of
/// each.
fn photographs(root: &Path) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    for (side, of_each) in PHOTOGRAPHS {
        let name = format!("{FOLDER}/photographs-{side}-{of_each}");
        let (folder, staged) = (root.join(&name), root.join(format!("{name}.part")));
        files::remove(&staged)?;
        let mut draw = Command::new(root.join(DRAW));
        draw.arg(&staged);
        draw.args([&of_each.to_string(), &side.to_string(), "jpg"])
            .args(KINDS);
        process::run(&mut draw)?;
        files::put_in_place(&staged, &folder)?;
        folders.push(format!("{side}={name}"));
    }
    Ok(folders)
}
