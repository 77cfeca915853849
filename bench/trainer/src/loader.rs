//! Batches of changed photographs, the trainer's beside torchvision's.

use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use fovea_bench::asked::{in_turn, Asked};
use fovea_bench::machine;
use fovea_bench::times::Times;
use fovea_trainer::data::Split;

use crate::batches::{self, ANSWERED, BATCH, MEASURES, SIDE};
use crate::step::KEEPS_MEMORY;
use crate::Measure;

/// How far two means may be apart, as a share of the deviation of what the trainer makes.
const MEANS: f64 = 0.2;
/// How many times a deviation may be the other. Without the rotation, the stretch, the white balance
/// or the noise, one is 1.2 times the other or more; a lower resolution and the focus are too slight
/// to be told by it.
const DEVIATIONS: f64 = 1.15;
/// The same of the colourfulness: torchvision cuts it off after every change, the trainer twice.
const OF_COLOURFULNESS: f64 = 1.35;

/// Both loaders; the trainer's is the first.
pub struct Measured {
    /// Of an epoch.
    pub photographs: usize,
    pub rows: Vec<Row>,
}

/// One loader.
pub struct Row {
    pub program: String,
    /// Of epochs.
    pub times: Times,
}

/// Measures both on the drawn eyes of the options.
pub fn measure(options: &Measure) -> Result<Measured> {
    eprintln!("loader, {SIDE} px");
    let cache = options.work.join("cache");
    let pixels = options.work.join("prepared");
    let drawn = write_pixels(&options.photographs, &cache, &pixels)?;
    let this = std::env::current_exe().context("this program cannot find itself")?;
    let mut trainer = machine::on_all_cores(&this);
    trainer.arg("loader").arg(&options.photographs).arg(&cache);
    let mut pytorch = machine::on_all_cores(&options.python);
    pytorch.arg("bench/python/loader.py").arg(&pixels);
    pytorch.args(
        [
            SIDE as usize,
            machine::cores(),
            BATCH,
            batches::draws(),
            ANSWERED,
        ]
        .map(|n| n.to_string()),
    );
    pytorch.envs(KEEPS_MEMORY);
    let rows = both(options.rounds, drawn, [trainer, pytorch])?;
    Ok(Measured {
        photographs: batches::draws(),
        rows,
    })
}

/// The prepared photographs in the order in which the trainer's loader takes them; how many.
fn write_pixels(folder: &Path, cache: &Path, to: &Path) -> Result<usize> {
    let photographs = batches::open(folder, cache)?;
    let mut all = Vec::new();
    let train = photographs.dataset.indices(Split::Train);
    for &i in &train {
        let pixels = photographs.cache.get(i).context("a drawn eye is no file")?;
        all.extend_from_slice(pixels);
    }
    std::fs::write(to, all).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(train.len())
}

fn both(rounds: u32, drawn: usize, workers: [Command; 2]) -> Result<Vec<Row>> {
    let mut asked = Vec::new();
    for mut worker in workers {
        asked.push(Asked::start(&mut worker)?);
    }
    let first = asked[0].answer()?;
    alike(&first, &asked[1].answer()?, drawn).with_context(|| asked[1].name.clone())?;
    let times = in_turn(&mut asked, rounds, (0, 1))?;
    let rows = asked.iter().zip(times).map(|(worker, times)| Row {
        program: worker.name.clone(),
        times,
    });
    Ok(rows.collect())
}

/// Refuses photographs that were changed otherwise than the `first`. Both are [`MEASURES`] of each
/// of [`ANSWERED`] photographs, which are `drawn` ones in turn, again and again.
fn alike(first: &[f64], other: &[f64], drawn: usize) -> Result<()> {
    for answer in [first, other] {
        ensure!(
            answer.len() == ANSWERED * MEASURES.len() && drawn * 2 <= ANSWERED,
            "{} numbers were answered of {drawn} photographs",
            answer.len()
        );
    }
    for (m, measure) in MEASURES.into_iter().enumerate() {
        let (mean, deviation) = moments(first, m, drawn);
        let (other_mean, other_deviation) = moments(other, m, drawn);
        let apart = (mean - other_mean).abs() / deviation;
        let times = (deviation / other_deviation).max(other_deviation / deviation);
        let most = match measure {
            "colourfulness" => OF_COLOURFULNESS,
            _ => DEVIATIONS,
        };
        ensure!(
            apart <= MEANS && times <= most,
            "{measure} is {other_mean:.4} +- {other_deviation:.4} instead of {mean:.4} +- \
             {deviation:.4}: the photographs are not changed alike"
        );
    }
    Ok(())
}

/// The mean of a measure, and its deviation from the mean of what the same photograph became: how
/// the `drawn` ones differ among each other would hide the changes.
fn moments(answer: &[f64], measure: usize, drawn: usize) -> (f64, f64) {
    let values: Vec<f64> = answer
        .iter()
        .copied()
        .skip(measure)
        .step_by(MEASURES.len())
        .collect();
    let mean = |of: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = of.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
        sum / count
    };
    let own: Vec<f64> = (0..drawn)
        .map(|i| mean(&mut values.iter().copied().skip(i).step_by(drawn)))
        .collect();
    let from_own = values.iter().zip(own.iter().cycle());
    let variance = mean(&mut from_own.map(|(v, own)| (v - own).powi(2)));
    (mean(&mut values.iter().copied()), variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of how many photographs there are pictures in these tests.
    const DRAWN: usize = 64;

    /// Measures from -1 to 1 of each photograph, beside what sets photographs apart; those of
    /// `measure` are what `of` makes of them.
    fn answer(measure: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
        let numbers = (0..ANSWERED * MEASURES.len()).map(|i| {
            let picture = i / MEASURES.len();
            let even = (picture / DRAWN) as f64 / (ANSWERED / DRAWN - 1) as f64 * 2.0 - 1.0;
            let changed = if i % MEASURES.len() == measure {
                of(even)
            } else {
                even
            };
            100.0 * (picture % DRAWN) as f64 + changed
        });
        numbers.collect()
    }

    #[test]
    fn photographs_that_are_changed_otherwise_are_told() {
        let first = answer(0, |x| x);
        for (m, measure) in MEASURES.into_iter().enumerate() {
            alike(&first, &answer(m, |x| x * 1.1 + 0.1), DRAWN).unwrap();
            for other in [
                answer(m, |x| x + 0.2),
                answer(m, |x| x * 1.4),
                answer(m, |_| 0.0),
            ] {
                let said = alike(&first, &other, DRAWN).unwrap_err().to_string();
                assert!(said.starts_with(measure), "{said}");
            }
        }
        assert!(alike(&first, &first[1..], DRAWN).is_err());
        assert!(alike(&first, &first, ANSWERED).is_err());
    }
}
