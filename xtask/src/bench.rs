//! `cargo xtask bench`: Fovea beside other engines, on the machine at hand; with `--trainer` the
//! trainer beside PyTorch instead.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::libclang::{self, Scope};
use crate::libtorch;
use crate::process::{self, Failure, Result};
use crate::steps::{say, Steps};
use crate::trainer::{DRAW, KINDS};
use crate::{system, wheels};

const DEVICE: &str = "fovea-device";
const FOLDER: &str = "target/bench";
const NETS: &str = "target/bench/nets";

/// Python packages in a venv of their own.
struct Packages {
    /// At the versions that are written down here.
    list: &'static str,
    venv: &'static str,
    /// What they take on the disk.
    megabytes: u64,
}

const ENGINES: Packages = Packages {
    list: "bench/python/requirements.txt",
    venv: "target/bench/python",
    megabytes: 700,
};

/// PyPI's torch for Linux cannot be imported without the CUDA libraries, though none is used.
const PYTORCH: Packages = Packages {
    list: "bench/python/trainer.txt",
    venv: "target/bench/trainer-python",
    megabytes: 4_900,
};

/// Megabytes that libtorch takes while it is unpacked, and the build.
const TRAINER_TAKES: u64 = 2_400;

/// Sides in pixels of the photographs that are graded, and how many of each kind.
const PHOTOGRAPHS: [(u32, u32); 2] = [(384, 20), (3464, 1)];

#[derive(clap::Args)]
pub struct Options {
    /// Time the trainer beside PyTorch instead, on all cores, and write docs/benchmarks-trainer.md;
    /// installs PyTorch (4.9 GB)
    #[arg(long)]
    trainer: bool,
    /// How often every engine has its turn; 20 times, with --trainer 7 times when absent
    #[arg(long)]
    rounds: Option<u32>,
    /// The core that all is pinned to
    #[arg(long, default_value_t = 0, conflicts_with = "trainer")]
    core: usize,
    /// Folder of the table and the chart
    #[arg(long, default_value = "docs")]
    out: PathBuf,
}

pub fn run(root: &Path, options: &Options) -> Result<()> {
    match options.trainer {
        true => trainer(root, options),
        false => engines(root, options),
    }
}

fn engines(root: &Path, options: &Options) -> Result<()> {
    let mut steps = Steps::new("cargo xtask bench");
    steps.step("tools", || {
        system::require("taskset", &["util-linux"], || {
            process::succeeds(Command::new("taskset").arg("--version"))
        })
    })?;
    let python = steps.step("ONNX Runtime, OpenVINO and OpenCV, in Python", || {
        packages(root, &ENGINES)
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
    let folders = steps.step("drawn photographs", || {
        let drawn = PHOTOGRAPHS.iter().map(|&(side, of_each)| {
            let folder = photographs(root, side, of_each)?;
            Ok(format!("{side}={folder}"))
        });
        drawn.collect::<Result<Vec<_>>>()
    })?;
    steps.step("measure", || {
        let mut bench = Command::new(root.join("target/release/fovea-bench"));
        bench.current_dir(root).arg("measure");
        bench.arg("--python").arg(&python);
        bench.args(["--fovea", "target/release/fovea", "--nets", NETS]);
        for folder in &folders {
            bench.args(["--photographs", folder]);
        }
        bench.args(["--core", &options.core.to_string()]);
        measure(bench, options)
    })?;
    steps.finish();
    Ok(())
}

fn trainer(root: &Path, options: &Options) -> Result<()> {
    let mut steps = Steps::new("cargo xtask bench --trainer");
    steps.step("tools and room on the disk", || {
        system::require_cxx()?;
        if libtorch::is_there(root) {
            return Ok(());
        }
        system::require_room(root, TRAINER_TAKES)
    })?;
    let python = steps.step("PyTorch, torchvision and timm, in Python", || {
        packages(root, &PYTORCH)
    })?;
    steps.step("libtorch, which the trainer computes with", || {
        libtorch::ensure(root)
    })?;
    steps.step("build fovea-bench-trainer (release)", || {
        let mut build = process::cargo(root);
        build.args(["build", "--release", "--package", "fovea-bench-trainer"]);
        build.args(["--bin", "fovea-bench-trainer"]);
        build.args(["--package", "fovea-render", "--example", "photographs"]);
        // Wherever the user's builds go, these are found again.
        build.args(["--target-dir", "target"]);
        process::run(&mut build)
    })?;
    let folder = steps.step("drawn photographs", || {
        let (side, of_each) = PHOTOGRAPHS[0];
        photographs(root, side, of_each)
    })?;
    steps.step("measure", || {
        let mut bench = Command::new(root.join("target/release/fovea-bench-trainer"));
        bench.current_dir(root).arg("measure");
        bench.arg("--python").arg(&python);
        bench.args(["--photographs", &folder, "--work", FOLDER]);
        measure(bench, options)
    })?;
    steps.finish();
    Ok(())
}

/// Runs what measures, `bench`, with the options that both have.
fn measure(mut bench: Command, options: &Options) -> Result<()> {
    bench.arg("--out").arg(&options.out);
    if let Some(rounds) = options.rounds {
        bench.args(["--rounds", &rounds.to_string()]);
    }
    process::run(&mut bench)
}

/// A Python below `target/` with the packages; its program.
fn packages(root: &Path, packages: &Packages) -> Result<PathBuf> {
    let Packages {
        list,
        venv,
        megabytes,
    } = *packages;
    let python = root.join(venv).join("bin/python");
    let wanted = root.join(list);
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "--disable-pip-version-check"])
            .args(arguments);
        pip.arg("--requirement").arg(&wanted);
        pip
    };
    // With no index, what is not there already cannot be had.
    if process::succeeds(&mut pip(&["install", "--quiet", "--no-index"])) {
        say(&format!("already in {venv}"));
        return Ok(python);
    }
    system::require_room(root, megabytes)?;
    let base = wheels::python(root)?;
    say(&format!("installs {megabytes} MB into {venv}"));
    process::run(
        Command::new(&base)
            .args(["-m", "venv", "--clear"])
            .arg(root.join(venv)),
    )?;
    process::run(&mut pip(&["install", "--quiet", "--no-cache-dir"])).map_err(|_| {
        Failure::Sentence(format!(
            "pip could not install {list} (its own words are above): they need Python 3.11 or \
             newer and the network"
        ))
    })?;
    Ok(python)
}

/// Draws all anew, since what an older renderer drew would pass for this one's; their folder.
fn photographs(root: &Path, side: u32, of_each: u32) -> Result<String> {
    let name = format!("{FOLDER}/photographs-{side}-{of_each}");
    let (folder, staged) = (root.join(&name), root.join(format!("{name}.part")));
    files::remove(&staged)?;
    let mut draw = Command::new(root.join(DRAW));
    draw.arg(&staged);
    draw.args([&of_each.to_string(), &side.to_string(), "jpg"])
        .args(KINDS);
    process::run(&mut draw)?;
    files::put_in_place(&staged, &folder)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_compute_with_one_release_of_libtorch() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let list = std::fs::read_to_string(root.join(PYTORCH.list)).unwrap();
        let torch = format!("torch=={}", libtorch::VERSION);
        assert!(list.lines().any(|line| line == torch), "{list}");
    }
}
