//! Training steps, the trainer's beside PyTorch's.

use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use fovea_bench::asked::{in_turn, Asked};
use fovea_bench::machine;
use fovea_bench::times::Times;
use fovea_trainer::config::Training;
use fovea_trainer::nets::Arch;

use crate::training::{self, LOSSES, RATE};
use crate::Measure;

/// Network, its name, and the photographs of a step.
const NETS: [(Arch, &str, i64); 2] = [
    (Arch::EfficientnetLite0, "EfficientNet-Lite0", 32),
    (Arch::Resnet50, "ResNet-50", 16),
];
const SIDE: i64 = 224;
const CLASSES: i64 = 27;

/// Steps of a worker in one round that are timed, after one that is not: it finds the caches full
/// of another worker's things.
const RUNS: usize = 2;

/// How glibc is told by the environment what `fovea_trainer::memory` tells it in the trainer.
pub const KEEPS_MEMORY: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

/// A network in one precision with every worker; the trainer is the first.
pub struct Measured {
    pub network: String,
    pub rows: Vec<Row>,
}

/// One worker.
pub struct Row {
    pub program: String,
    pub times: Times,
    /// How far its answer is from the trainer's.
    pub apart: Apart,
}

/// The largest differences between two workers' answers.
#[derive(Clone, Copy, Debug)]
pub struct Apart {
    /// Of the first step's logits, as a share of the largest.
    pub logits: f64,
    /// Of the losses, as a share of how far they fall.
    pub losses: f64,
}

impl Apart {
    /// `first` and `other` are logits and then [`LOSSES`] losses.
    fn of(first: &[f64], other: &[f64]) -> Result<Apart> {
        ensure!(
            first.len() == other.len() && first.len() > LOSSES,
            "{} numbers were answered where {} were expected",
            other.len(),
            first.len()
        );
        let (logits, losses) = first.split_at(first.len() - LOSSES);
        let (other_logits, other_losses) = other.split_at(logits.len());
        let apart = |a: &[f64], b: &[f64]| {
            let each = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            each.fold(0.0, f64::max)
        };
        let largest = logits.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let high = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = losses.iter().copied().fold(f64::INFINITY, f64::min);
        ensure!(
            largest > 0.0 && high > low,
            "the logits are nought or the loss does not change: nothing can be told from them"
        );
        Ok(Apart {
            logits: apart(logits, other_logits) / largest,
            losses: apart(losses, other_losses) / (high - low),
        })
    }

    /// Whether it is what is left between two ways to the same end.
    fn within(self, most: Apart) -> bool {
        self.logits <= most.logits && self.losses <= most.losses
    }
}

/// Rounding in floats, which every step makes more of. A tenth more of learning rate, or one layer
/// that does not learn, moves the losses by 3e-2 or more; another epsilon of the normalisations, the
/// logits by 2e-2 or more.
const IN_FLOATS: Apart = Apart {
    logits: 1e-3,
    losses: 1e-2,
};
/// Rounding in bfloat16, whose steps are otherwise those that were checked in floats.
const IN_BFLOAT16: Apart = Apart {
    logits: 0.3,
    losses: 0.2,
};

/// Measures the networks of [`NETS`], in floats and, where the processor has it, in bfloat16.
pub fn measure(options: &Measure) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for (arch, name, batch) in NETS {
        let start = options.work.join(format!("start-{arch}.safetensors"));
        training::write_start(&start, arch, CLASSES, batch, SIDE)?;
        for bfloat16 in [false, true] {
            // Elsewhere it is made of floats, and takes many times as long.
            if bfloat16 && !machine::has("avx512_bf16") {
                continue;
            }
            let kind = if bfloat16 { "bfloat16" } else { "float" };
            let network = format!("{name}, {batch} x {SIDE} px, {kind}");
            eprintln!("{network}");
            let rows = one(options, arch, &start, bfloat16).with_context(|| network.clone())?;
            measured.push(Measured { network, rows });
        }
        std::fs::remove_file(&start)
            .with_context(|| format!("cannot remove {}", start.display()))?;
    }
    Ok(measured)
}

fn one(options: &Measure, arch: Arch, start: &Path, bfloat16: bool) -> Result<Vec<Row>> {
    let most = if bfloat16 { IN_BFLOAT16 } else { IN_FLOATS };
    let mut asked = Vec::new();
    for mut worker in workers(options, arch, start, bfloat16)? {
        asked.push(Asked::start(&mut worker)?);
    }
    asked[2].name += ", default malloc";
    let mut rows = Vec::new();
    let first = asked[0].answer()?;
    for worker in &mut asked {
        let apart = Apart::of(&first, &worker.answer()?).with_context(|| worker.name.clone())?;
        ensure!(
            apart.within(most),
            "the logits of {} are {:.1e} apart and its losses {:.1e}: it does not make the same step",
            worker.name,
            apart.logits,
            apart.losses
        );
        rows.push(Row {
            program: worker.name.clone(),
            times: Times::default(),
            apart,
        });
    }
    let times = in_turn(&mut asked, options.rounds, (1, RUNS))?;
    for (row, times) in rows.iter_mut().zip(times) {
        row.times = times;
    }
    Ok(rows)
}

/// The trainer; PyTorch that keeps the memory it frees, as the trainer does; PyTorch as it comes.
fn workers(options: &Measure, arch: Arch, start: &Path, bfloat16: bool) -> Result<[Command; 3]> {
    let this = std::env::current_exe().context("this program cannot find itself")?;
    let mut trainer = machine::on_all_cores(&this);
    trainer.args(["step", arch.name()]).arg(start);
    if bfloat16 {
        trainer.arg("--bfloat16");
    }
    let training = Training::default();
    let numbers = [RATE, training.weight_decay, training.clip];
    let pytorch = || {
        let mut worker = machine::on_all_cores(&options.python);
        worker.args(["bench/python/step.py", arch.name()]);
        worker.arg(if bfloat16 { "bfloat16" } else { "float" });
        worker.arg(start).args(numbers.map(|n| n.to_string()));
        worker
    };
    let mut keeping = pytorch();
    keeping.envs(KEEPS_MEMORY);
    Ok([trainer, keeping, pytorch()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [f64; 7] = [0.5, -2.0, 1.0, 0.9, 0.8, 0.75, 0.7];

    #[test]
    fn a_step_of_another_network_or_rate_is_told() {
        let same = Apart::of(&FIRST, &FIRST).unwrap();
        assert!(same.within(IN_FLOATS));
        let mut other = FIRST;
        other[0] += 0.1;
        let apart = Apart::of(&FIRST, &other).unwrap();
        assert!((apart.logits - 0.05).abs() < 1e-9 && apart.losses == 0.0);
        assert!(!apart.within(IN_FLOATS));
        // The same network, whose loss falls half as far.
        let slow = [0.5, -2.0, 1.0, 0.9, 0.85, 0.825, 0.8];
        let apart = Apart::of(&FIRST, &slow).unwrap();
        assert!((apart.losses - 0.5).abs() < 1e-9);
        assert!(!apart.within(IN_FLOATS) && !apart.within(IN_BFLOAT16));
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        assert!(Apart::of(&FIRST, &FIRST[1..]).is_err());
        assert!(Apart::of(&[0.0, 0.9, 0.8, 0.7, 0.6], &[0.0; 5]).is_err());
        assert!(Apart::of(&[0.1, 0.7, 0.7, 0.7, 0.7], &[0.0; 5]).is_err());
    }
}
