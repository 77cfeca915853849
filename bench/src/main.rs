//! Fovea beside other engines, in one run and in turn, so that whatever else the machine
//! does hits all of them alike. `cargo xtask bench` brings what is needed and calls this.

mod engines;
mod grading;
mod report;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use fovea_bench::machine;

#[derive(Parser)]
#[command(name = "fovea-bench", version, about = "Fovea beside other engines")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything, and write the table and the chart
    Measure(Measure),
    /// Run a network when standard input says so; `measure` starts these
    Worker(worker::Options),
}

/// Where everything is. Paths are relative to the repository, which is the current folder.
#[derive(clap::Args)]
pub struct Measure {
    /// A Python that has the packages of bench/python/requirements.txt
    #[arg(long)]
    python: PathBuf,
    /// The program that grades
    #[arg(long)]
    fovea: PathBuf,
    /// Folder of the networks that bench/python/nets.py wrote
    #[arg(long)]
    nets: PathBuf,
    /// A folder of JPEGs for every size in pixels of their sides that is graded
    #[arg(long, value_name = "SIDE=DIR", required = true, value_parser = grading::folder)]
    photographs: Vec<grading::Folder>,
    /// Where the table and the chart are written
    #[arg(long)]
    out: PathBuf,
    /// How often every engine has its turn
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// The core that all is pinned to
    #[arg(long, default_value_t = 0)]
    core: usize,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Measure(options) => measure(&options),
        Command::Worker(options) => worker::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fovea-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Measure) -> Result<()> {
    let before = machine::load();
    let nets = engines::measure(options)?;
    let graded = grading::measure(options)?;
    let on = format!("all runs on core {}, one thread", options.core);
    let machine = machine::describe(&before, &machine::load(), &on, &["tract-onnx"]);
    report::write(&options.out, &machine, &nets, &graded)
}
