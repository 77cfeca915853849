//! A comparison's stages trained several at once, each by `train` in a process of
//! its own: libtorch draws from one random generator per process, and two
//! trainings that shared it would not be repeatable.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{bail, ensure, Context, Result};
use indicatif::HumanDuration;

use crate::config::RunConfig;
use crate::{card, checkpoint, run, weights};

/// How a comparison shares the machine.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Trainings at a time, one or more.
    pub at_once: usize,
    /// Processors that each of them computes on.
    pub threads: usize,
    /// GPUs that they take in turn; with none or one nothing is chosen.
    pub gpus: usize,
}

impl Share {
    /// Trainings at a time as asked, else one on every GPU.
    pub fn of_machine(at_once: Option<usize>) -> Share {
        let gpus = tch::Cuda::device_count().max(0) as usize;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = at_once.unwrap_or(gpus).max(1);
        Share {
            at_once,
            threads: (processors / at_once).max(1),
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
pub fn train(seeds: &[RunConfig], wanted: &[&str], share: Share) -> Result<()> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut waiting = BTreeSet::new();
    let mut done = BTreeSet::new();
    for seeded in seeds {
        for arch in weights::wanted(seeded) {
            weights::fetch(arch, &seeded.weights)?;
        }
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
            let state = checkpoint::state(&seeded.stage_dir(&stage.name))?;
            let trained = state.is_some_and(|state| state.finished);
            if trained { &mut done } else { &mut waiting }.insert(jobs.len());
            jobs.push(Job {
                seeded,
                stage: &stage.name,
                needs,
                epochs: seeded.training_of(stage).epochs as f64,
            });
        }
    }
    let left = waiting.iter().map(|&i| jobs[i].epochs).sum();
    let board = Mutex::new(Board {
        waiting,
        done,
        epochs: (0.0, left),
        failed: false,
    });
    let (changed, since) = (Condvar::new(), Instant::now());
    let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
        let worker = |slot| {
            let (jobs, board, changed) = (&jobs, &board, &changed);
            move || work(jobs, board, changed, share, slot, since)
        };
        let workers: Vec<_> = (0..share.at_once.min(jobs.len()))
            .map(|slot| scope.spawn(worker(slot)))
            .collect();
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
    share: Share,
    slot: usize,
    since: Instant,
) -> Result<()> {
    loop {
        let Some(place) = next(jobs, lock(board), changed) else {
            return Ok(());
        };
        let job = &jobs[place];
        let outcome = spawn(job, share, slot);
        let mut board = lock(board);
        match &outcome {
            Ok(()) => {
                board.done.insert(place);
                board.epochs.0 += job.epochs;
                board.epochs.1 -= job.epochs;
                let (trained, left) = board.epochs;
                eprintln!(
                    "{}, seed {}: trained; {} left, about {}",
                    job.stage,
                    job.seeded.seed,
                    jobs.len() - board.done.len(),
                    HumanDuration(since.elapsed().mul_f64(left / trained))
                );
            }
            Err(_) => board.failed = true,
        }
        changed.notify_all();
        drop(board);
        outcome?;
    }
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
        // What is waited for is being trained: the first that waits needs only such.
        board = changed.wait(board).unwrap_or_else(PoisonError::into_inner);
    }
}

/// A worker that panicked left the board as whole as one that did not.
fn lock<'a>(board: &'a Mutex<Board>) -> MutexGuard<'a, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(job: &Job, share: Share, slot: usize) -> Result<()> {
    let dir = job.seeded.stage_dir(job.stage);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let log: PathBuf = dir.join("log.txt");
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let program = std::env::current_exe().context("cannot tell where fovea-train lies")?;
    let mut command = Command::new(program);
    command
        .arg("train")
        .arg(job.seeded.run_dir().join(run::CONFIG))
        .args(["--stages", job.stage])
        .args(["--threads", &share.threads.to_string()])
        .stdout(file.try_clone()?)
        .stderr(file);
    if let Some(packed) = &job.seeded.packed {
        command.arg("--packed").arg(packed);
    }
    if share.gpus > 1 {
        command.env("CUDA_VISIBLE_DEVICES", (slot % share.gpus).to_string());
    }
    let status = command.status().context("cannot start fovea-train")?;
    ensure!(
        status.success(),
        "{}, seed {}, could not be trained; {} tells why. The others were trained as far as they \
         had begun; the same command goes on from here",
        job.stage,
        job.seeded.seed,
        log.display()
    );
    Ok(())
}
