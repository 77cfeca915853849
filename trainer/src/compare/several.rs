//! A comparison's stages trained several at once, each by `train` in a process of
//! its own: libtorch draws from one random generator per process, and two
//! trainings that shared it would not be repeatable.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{bail, ensure, Context, Result};
use indicatif::HumanDuration;
use tch::Device;

use crate::config::RunConfig;
use crate::{card, machine, run, train, weights};

/// Which GPUs a program sees.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
/// What a training says, in its stage's folder.
const LOG: &str = "log.txt";

/// How a comparison shares the machine.
pub struct Share {
    /// Trainings at a time, one or more.
    pub at_once: usize,
    /// What `CUDA_VISIBLE_DEVICES` is for each GPU that they take in turn; of one or
    /// none nothing is chosen.
    gpus: Vec<String>,
}

impl Share {
    /// Trainings at a time as asked, else one on every GPU that the run may use.
    pub fn of_machine(config: &RunConfig, at_once: Option<usize>) -> Share {
        let count = match run::device(config) {
            Device::Cpu => 0,
            _ => tch::Cuda::device_count().max(0) as usize,
        };
        // Where some of the GPUs are set apart for this program, only those.
        let gpus = match std::env::var(VISIBLE) {
            Ok(visible) => visible.split(',').map(str::to_owned).take(count).collect(),
            Err(_) => (0..count).map(|gpu| gpu.to_string()).collect(),
        };
        Share {
            at_once: at_once.unwrap_or(count).max(1),
            gpus,
        }
    }
}

/// A stage of one seed.
struct Job<'a> {
    seeded: &'a RunConfig,
    stage: &'a str,
    /// Places of the jobs that must be done before.
    needs: Vec<usize>,
    epochs: f64,
}

/// What of the machine a worker's trainings have.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Processors that each computes on.
    threads: usize,
    /// Its GPU, where there are several.
    gpu: Option<&'a str>,
}

/// What the workers share.
struct Board {
    waiting: BTreeSet<usize>,
    done: BTreeSet<usize>,
    /// Epochs trained by this call, and those that are left.
    epochs: (f64, f64),
    failed: bool,
}

/// Trains what the stages of `wanted` need in every run of `seeds`, and what is
/// not trained yet. Each run's folder must hold its configuration.
///
/// # Errors
/// A training failed; those that ran beside it were trained to their end.
pub fn train(seeds: &[RunConfig], wanted: &[&str], share: &Share) -> Result<()> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut waiting = BTreeSet::new();
    let mut done = BTreeSet::new();
    for seeded in seeds {
        let mut stages = BTreeSet::new();
        for name in wanted {
            stages.extend(card::lineage(seeded, seeded.stage_named(name)?));
        }
        let first = jobs.len();
        // In the order of the run file, where what a stage needs stands before it.
        for stage in seeded
            .stage
            .iter()
            .filter(|s| stages.contains(s.name.as_str()))
        {
            let needs = stage.needs();
            let place = |(i, job): (usize, &Job)| needs.contains(&job.stage).then_some(first + i);
            let needs = jobs[first..].iter().enumerate().filter_map(place).collect();
            let learns = stage.method.settings().is_trained();
            if train::finished(seeded, stage)? {
                done.insert(jobs.len());
            } else {
                // Fetched once, and not by several at the same time.
                if learns && seeded.starts_from_imagenet(stage) {
                    weights::fetch(stage.arch, &seeded.weights)?;
                }
                waiting.insert(jobs.len());
            }
            jobs.push(Job {
                seeded,
                stage: &stage.name,
                needs,
                epochs: match learns {
                    true => seeded.training_of(stage).epochs as f64,
                    false => 0.0,
                },
            });
        }
    }
    let left = waiting.iter().map(|&i| jobs[i].epochs).sum();
    let workers = share.at_once.min(waiting.len());
    let threads = (machine::processors() / workers.max(1)).max(1);
    let board = Mutex::new(Board {
        waiting,
        done,
        epochs: (0.0, left),
        failed: false,
    });
    let (changed, since) = (Condvar::new(), Instant::now());
    let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
        let worker = |slot: usize| {
            let (jobs, board, changed) = (&jobs, &board, &changed);
            let gpu = (share.gpus.len() > 1).then(|| &*share.gpus[slot % share.gpus.len()]);
            let place = Place { threads, gpu };
            move || work(jobs, board, changed, place, since)
        };
        let workers: Vec<_> = (0..workers).map(|slot| scope.spawn(worker(slot))).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|outcome| outcome.unwrap_or_else(|_| bail!("a worker of the comparison failed")))
            .collect()
    });
    outcomes.into_iter().collect()
}

/// Takes one job after the other, until none is left or one has failed.
fn work(
    jobs: &[Job],
    board: &Mutex<Board>,
    changed: &Condvar,
    place: Place,
    since: Instant,
) -> Result<()> {
    while let Some(taken) = next(jobs, lock(board), changed) {
        let job = &jobs[taken];
        let outcome = spawn(job, place);
        let mut now = lock(board);
        match outcome {
            Ok(()) => {
                now.done.insert(taken);
                now.epochs.0 += job.epochs;
                now.epochs.1 -= job.epochs;
            }
            Err(_) => now.failed = true,
        }
        let (open, epochs) = (jobs.len() - now.done.len(), now.epochs);
        drop(now);
        changed.notify_all();
        outcome?;
        let time = since.elapsed().mul_f64(epochs.1 / epochs.0.max(1.0));
        eprintln!(
            "{}, seed {}: trained; {open} left, about {}",
            job.stage,
            job.seeded.seed,
            HumanDuration(time)
        );
    }
    Ok(())
}

/// The next job whose needs are done, once there is one.
fn next(jobs: &[Job], mut board: MutexGuard<Board>, changed: &Condvar) -> Option<usize> {
    loop {
        if board.failed || board.waiting.is_empty() {
            return None;
        }
        let ready = |i: &&usize| jobs[**i].needs.iter().all(|need| board.done.contains(need));
        if let Some(&place) = board.waiting.iter().find(ready) {
            board.waiting.remove(&place);
            return Some(place);
        }
        // A job's needs stand before it, so those of the first that waits are done or
        // being trained.
        board = changed.wait(board).unwrap_or_else(PoisonError::into_inner);
    }
}

/// A panic leaves the board whole, so a poisoned lock is taken all the same.
fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(job: &Job, place: Place) -> Result<()> {
    let dir = job.seeded.stage_dir(job.stage);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let log = dir.join(LOG);
    // Added to: another process may be training the stage, with the same log.
    let file = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let program = std::env::current_exe().context("cannot tell where fovea-train lies")?;
    let mut command = Command::new(program);
    command
        .arg("train")
        .arg(job.seeded.run_dir().join(run::CONFIG))
        .args(["--stages", job.stage])
        .args(["--threads", &place.threads.to_string()])
        .stdout(file.try_clone()?)
        .stderr(file);
    if let Some(packed) = &job.seeded.packed {
        command.arg("--packed").arg(packed);
    }
    if let Some(gpu) = place.gpu {
        command.env(VISIBLE, gpu);
    }
    let status = command.status().context("cannot start fovea-train")?;
    ensure!(
        status.success(),
        "{}, seed {}, could not be trained; {} tells why. Those that ran beside it were trained \
         to their end; the same command goes on from here",
        job.stage,
        job.seeded.seed,
        log.display()
    );
    Ok(())
}
