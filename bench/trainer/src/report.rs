//! The measured figures as docs/benchmarks-trainer.md and docs/benchmarks-trainer.png.

use std::path::Path;

use anyhow::Result;
use fovea_bench::chart::{Bar, Group};
use fovea_bench::page;
use fovea_bench::table::Table;

use crate::{loader, step};

const NAME: &str = "benchmarks-trainer";
const TITLE: &str = "Time as a multiple of the Fovea trainer's, all cores; shorter is faster";

const OPENING: &str = "\
# Benchmarks of the trainer

Written by `cargo xtask bench --trainer`, which repeats them on the machine at hand; nothing here is
written by hand. All programs have all cores (`OMP_NUM_THREADS` is their number), in turn: a round
gives every one its runs, so that whatever else the machine does hits all alike. The least time is
the one that was disturbed least. *x Fovea* are times as multiples of the trainer's: of the least
times, and in brackets what the middle half of the rounds lies between. Above 1, the trainer is
faster. Trainer and PyTorch compute with one release of libtorch, so that both convolve by the same
code; the versions are in `bench/python/trainer.txt`. Nothing here runs on a GPU.

![Times as multiples of the trainer's](benchmarks-trainer.png)
";

const STEPS: &str = "
## A training step

Forward pass in training, masked binary cross-entropy on 27 logits, backward pass, the gradient's
norm held to 5, AdamW; all in channels-last memory, without dropout, the batch in memory. The
trainer's are the calls of its own loop; PyTorch's (`bench/python/step.py`) are eager, with its fused
AdamW. The networks are the same: timm's `tf_efficientnet_lite0`, whose padding is that of the
published weights, and torchvision's `resnet50` with the strides where the original network and
Keras' weights have them. Both start from the same weights. Before anything is timed, the logits of
the first step must be the trainer's to rounding, and so must the losses of the first four steps;
*logits* and *losses* are the largest differences, as shares of the largest logit and of how far the
loss falls.

In bfloat16, PyTorch autocasts; the trainer convolves in bfloat16 too, but for depthwise
convolutions, whose backward pass is faster in floats on a processor. The trainer tells glibc to keep
the memory that is freed between steps. So does PyTorch's first row, by the environment; *default
malloc* is PyTorch as it comes.

";

const LOADER: &str = "
## The loader

Training photographs of 384 px, from prepared pixels in memory (the trainer's: in its memory-mapped
cache) to batches of 32, as bytes, made by as many threads or workers as there are cores. Of the
120 drawn eyes each is changed anew whenever it is drawn, as in the trainer's default `augment`
without damage. The trainer: flips, rotation, magnification, stretch and shift in one bilinear map;
at a chance of 0.25 a lower resolution; at 0.3 a step towards the mean of the neighbours or away from
it; gamma, brightness, white balance, contrast and saturation by a table for each channel; at 0.2
noise. All of it is on bytes, and leaves what is outside the field black. PyTorch
(`bench/python/loader.py`): the same in torchvision's transforms.v2 on floats in a `DataLoader` with
workers that persist, the map by `affine_grid` and `grid_sample`, then `resize` there and back on
bytes, `gaussian_blur` and a step towards it, `adjust_gamma` with the brightness as its gain, a
factor for each channel, `adjust_contrast`, `adjust_saturation` and `gaussian_noise`. It keeps freed
memory as above. A run is an epoch from its start to its last batch. Before anything is timed, nine
measures of 1,024 photographs of each, such as their light, colour and sharpness, must have like
means and deviations. That tells most of the changes, but not those of resolution and focus.

";

/// Writes both into the folder `out`.
pub fn write(
    out: &Path,
    machine: &Table,
    steps: &[step::Measured],
    loader: &loader::Measured,
) -> Result<()> {
    let text = markdown(machine, steps, loader);
    page::write(out, NAME, &text, TITLE, &groups(steps, loader))
}

fn markdown(machine: &Table, steps: &[step::Measured], loader: &loader::Measured) -> String {
    let mut made = Table::new(
        &[
            "network, batch, precision",
            "program",
            "least ms",
            "median ms",
            "x Fovea",
            "logits",
            "losses",
        ],
        2,
    );
    for network in steps {
        for row in &network.rows {
            made.row(vec![
                network.network.clone(),
                row.program.clone(),
                format!("{:.0}", row.times.least()),
                format!("{:.0}", row.times.median()),
                row.times.ratio_to(&network.rows[0].times).to_string(),
                format!("{:.0e}", row.apart.logits),
                format!("{:.0e}", row.apart.losses),
            ]);
        }
    }
    let mut loaded = Table::new(
        &["program", "images/s, best", "images/s, median", "x Fovea"],
        1,
    );
    for row in &loader.rows {
        let a_second = |ms: f64| format!("{:.0}", loader.photographs as f64 / ms * 1e3);
        loaded.row(vec![
            row.program.clone(),
            a_second(row.times.least()),
            a_second(row.times.median()),
            row.times.ratio_to(&loader.rows[0].times).to_string(),
        ]);
    }
    [
        OPENING,
        "\n",
        &machine.to_markdown(),
        STEPS,
        &made.to_markdown(),
        LOADER,
        &loaded.to_markdown(),
    ]
    .concat()
}

fn groups(steps: &[step::Measured], loader: &loader::Measured) -> Vec<Group> {
    let mut groups: Vec<Group> = steps
        .iter()
        .map(|network| Group {
            title: format!("a step: {}", network.network),
            bars: network
                .rows
                .iter()
                .map(|row| Bar::of(&row.program, &row.times, &network.rows[0].times))
                .collect(),
        })
        .collect();
    let rows = loader.rows.iter();
    groups.push(Group {
        title: format!("an epoch of {} photographs", loader.photographs),
        bars: rows
            .map(|row| Bar::of(&row.program, &row.times, &loader.rows[0].times))
            .collect(),
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use fovea_bench::times::Times;

    fn times(all: &[f64]) -> Times {
        let mut times = Times::default();
        for &time in all {
            times.push(vec![time]);
        }
        times
    }

    #[test]
    fn the_trainer_is_what_all_are_compared_with() {
        let row = |program: &str, all: &[f64]| step::Row {
            program: program.to_owned(),
            times: times(all),
            apart: step::Apart {
                logits: 1e-5,
                losses: 2e-4,
            },
        };
        let steps = [step::Measured {
            network: "net".to_owned(),
            rows: vec![row("own", &[200.0, 200.0]), row("other", &[300.0, 500.0])],
        }];
        let loader = loader::Measured {
            photographs: 512,
            rows: vec![loader::Row {
                program: "own".to_owned(),
                times: times(&[1000.0, 2000.0]),
            }],
        };
        let text = markdown(&Table::new(&["machine", ""], 2), &steps, &loader);
        assert!(text.contains("1.50 (1.75 to 2.25)"), "{text}");
        assert!(text.contains("|   1e-5 |   2e-4 |"), "{text}");
        assert!(
            text.contains("|            512 |              341 |"),
            "{text}"
        );
        let groups = groups(&steps, &loader);
        assert_eq!(groups[0].bars[1].ratio.least, 1.5);
        assert_eq!(groups[1].bars[0].least, 1000.0);
    }
}
