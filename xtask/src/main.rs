//! The repository's own commands: `cargo xtask demo`, `trainer`, `test`, `bench`, `soak` and `deb`.

mod bench;
mod deb;
mod demo;
mod files;
mod libclang;
mod libtorch;
mod process;
mod samples;
mod soak;
mod steps;
mod system;
mod test;
mod trainer;
mod wheels;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use process::Failure;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Fovea's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the device and screen the sample photographs
    Demo,
    /// Time Fovea beside ONNX Runtime, OpenVINO and Python, or the trainer beside PyTorch, and write
    /// docs/benchmarks.md or docs/benchmarks-trainer.md
    Bench(bench::Options),
    /// Build the device's Debian package
    Deb,
    /// Cut the device's power many times on an emulated machine, and look for lost exams
    Soak {
        /// How many cuts
        #[arg(long, default_value_t = 50)]
        cuts: u32,
    },
    /// Build the trainer, and train a tiny student on drawn eyes or run a run file
    Trainer(trainer::Options),
    /// Fetch libtorch, then check the format, the lints and every test of every crate
    Test,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = repository().and_then(|root| match arguments.command {
        Command::Bench(options) => bench::run(&root, &options),
        Command::Deb => deb::run(&root),
        Command::Demo => demo::run(&root),
        Command::Soak { cuts } => soak::run(&root, cuts),
        Command::Test => test::run(&root),
        Command::Trainer(options) => trainer::run(&root, &options),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\ncargo xtask: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

/// The repository's root: the folder above this package, as cargo names it at run time, so that a
/// clone that was moved still finds itself.
fn repository() -> process::Result<PathBuf> {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|package| Path::new(&package).parent().map(Path::to_path_buf))
        .ok_or_else(|| Failure::sentence("start this as `cargo xtask`, from inside the repository"))
}
