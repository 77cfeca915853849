//! Fovea's trainer beside PyTorch, in one run and in turn, so that whatever else the machine does
//! hits both alike. `cargo xtask bench --trainer` brings what is needed and calls this.

mod batches;
mod loader;
mod report;
mod step;
mod training;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use fovea_bench::machine;
use fovea_trainer::memory;

#[derive(Parser)]
#[command(name = "fovea-bench-trainer", version)]
#[command(about = "Fovea's trainer beside PyTorch")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything, and write the table and the chart
    Measure(Measure),
    /// Make a training step when standard input says so; `measure` starts these
    Step(training::Options),
    /// Make batches when standard input says so; `measure` starts this
    Loader(batches::Options),
}

/// Where everything is. Paths are relative to the repository, which is the current folder.
#[derive(clap::Args)]
pub struct Measure {
    /// A Python that has the packages of bench/python/trainer.txt
    #[arg(long)]
    python: PathBuf,
    /// Folder of drawn eyes with their labels.csv
    #[arg(long)]
    photographs: PathBuf,
    /// A folder for what the workers share
    #[arg(long)]
    work: PathBuf,
    /// Where the table and the chart are written
    #[arg(long)]
    out: PathBuf,
    /// How often every worker has its turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
}

fn main() -> ExitCode {
    // As in `fovea-train`.
    memory::keep_freed_memory();
    let done = match Arguments::parse().command {
        Command::Measure(options) => measure(&options),
        Command::Step(options) => training::run(&options),
        Command::Loader(options) => batches::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fovea-bench-trainer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Measure) -> Result<()> {
    let before = machine::load();
    let steps = step::measure(options)?;
    let loader = loader::measure(options)?;
    let on = "all runs on all of them";
    let machine = machine::describe(&before, &machine::load(), on, &["tch"]);
    report::write(&options.out, &machine, &steps, &loader)
}
