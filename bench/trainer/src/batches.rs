//! The worker that makes the trainer's batches; loader.py is that for PyTorch. The answer is what
//! each photograph has become, in numbers.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fovea_bench::asked::{serve, Work};
use fovea_bench::machine;
use fovea_trainer::config::RunConfig;
use fovea_trainer::data::{AugmentConfig, Format, Fractions, Loader, Split};
use fovea_trainer::photographs::Photographs;

/// Side of the prepared photographs, as the shipped student has them.
pub const SIDE: u32 = 384;
pub const BATCH: usize = 32;

/// Photographs whose changes are measured.
pub const ANSWERED: usize = 1024;

/// The run file that reads drawn eyes.
const RUN: &str = "trainer/configs/drawn.toml";

#[derive(clap::Args)]
pub struct Options {
    /// Folder of drawn eyes with their labels.csv
    photographs: PathBuf,
    /// Where they are kept prepared
    cache: PathBuf,
}

/// Answers until standard input ends.
pub fn run(options: &Options) -> Result<()> {
    let photographs = open(&options.photographs, &options.cache)?;
    let mut augment = AugmentConfig::default();
    augment.degrade.chance = 0.0;
    let mut work = Batches {
        loader: photographs.loader(Some(augment), BATCH),
        photographs: photographs.dataset.indices(Split::Train),
        epochs: 0,
    };
    serve("Fovea's trainer", &mut work)
}

/// The drawn eyes of a folder as the trainer sees them, all to be trained on.
pub fn open(folder: &Path, cache: &Path) -> Result<Photographs> {
    let mut config = RunConfig::read(Path::new(RUN))?;
    config.size = SIDE;
    config.data = folder.to_path_buf();
    config.cache = cache.to_path_buf();
    config.threads = Some(machine::cores());
    config.source.retain(|source| source.format == Format::Csv);
    for source in &mut config.source {
        source.split = Some(Fractions {
            train: 1.0,
            val: 0.0,
            test: 0.0,
        });
    }
    Photographs::open(&config).with_context(|| format!("{} cannot be read", folder.display()))
}

/// Photographs of an epoch: every thread makes eight batches.
pub fn draws() -> usize {
    8 * machine::cores() * BATCH
}

struct Batches {
    loader: Loader,
    photographs: Vec<usize>,
    epochs: u64,
}

impl Batches {
    /// An epoch of `draws` photographs, each in its turn and changed otherwise than before.
    fn epoch(&mut self, draws: usize) -> Result<fovea_trainer::data::Epoch> {
        self.epochs += 1;
        let order = self.photographs.iter().copied().cycle().take(draws);
        self.loader.epoch(order.collect(), self.epochs)
    }
}

impl Work for Batches {
    fn run(&mut self) -> Result<()> {
        for batch in self.epoch(draws())? {
            black_box(batch);
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<Vec<f64>> {
        let mut answer = Vec::new();
        for batch in self.epoch(ANSWERED)? {
            let side = batch.size as usize;
            for pixels in batch.pixels.chunks_exact(side * side * 3) {
                answer.extend(measured(pixels, side));
            }
        }
        Ok(answer)
    }
}

/// What [`measured`] measures: each moves with other changes.
pub const MEASURES: [&str; 9] = [
    "share of the field",
    "light",
    "contrast",
    "red to green",
    "colourfulness",
    "sharpness",
    "centre of light across",
    "centre of light down",
    "width to height",
];

/// Darker than this in all channels is outside the field.
const OUTSIDE: u8 = 8;

/// Of a photograph of `side` x `side` pixels; `measured` of loader.py is the same.
fn measured(pixels: &[u8], side: usize) -> [f64; MEASURES.len()] {
    let inside = |pixel: &[u8]| pixel.iter().any(|&v| v >= OUTSIDE);
    let middle = (side as f64 - 1.0) / 2.0;
    let (mut red, mut green) = (0.0, 0.0);
    let (mut count, mut light, mut light_squared, mut colourful) = (0.0, 0.0, 0.0, 0.0);
    let (mut x_light, mut y_light) = (0.0, 0.0);
    let (mut xs, mut ys, mut x_squared, mut y_squared) = (0.0, 0.0, 0.0, 0.0);
    let (mut steps, mut pairs) = (0.0, 0.0);
    for (y, row) in pixels.chunks_exact(side * 3).enumerate() {
        let mut left: Option<&[u8]> = None;
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            if !inside(pixel) {
                left = None;
                continue;
            }
            let v = [0, 1, 2].map(|c| f64::from(pixel[c]));
            let (x, y) = (x as f64 - middle, y as f64 - middle);
            let mean = (v[0] + v[1] + v[2]) / 3.0;
            count += 1.0;
            (red, green) = (red + v[0], green + v[1]);
            light += mean;
            light_squared += mean * mean;
            colourful += v[0].max(v[1]).max(v[2]) - v[0].min(v[1]).min(v[2]);
            x_light += x * mean;
            y_light += y * mean;
            (xs, ys) = (xs + x, ys + y);
            (x_squared, y_squared) = (x_squared + x * x, y_squared + y * y);
            if let Some(left) = left {
                steps += f64::from(pixel[1].abs_diff(left[1]));
                pairs += 1.0;
            }
            left = Some(pixel);
        }
    }
    let deviation = |sum: f64, squared: f64| (squared / count - (sum / count).powi(2)).sqrt();
    [
        count / (side * side) as f64,
        (light / count).ln(),
        deviation(light, light_squared).ln(),
        (red / green).ln(),
        (colourful / count).ln(),
        (steps / pairs).ln(),
        x_light / light / side as f64,
        y_light / light / side as f64,
        (deviation(xs, x_squared) / deviation(ys, y_squared)).ln(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_measured() {
        // Two pixels of a field in the upper half of 4 x 4.
        let mut pixels = vec![0; 4 * 4 * 3];
        pixels[3..6].copy_from_slice(&[40, 20, 30]);
        pixels[6..9].copy_from_slice(&[80, 40, 60]);
        let found = measured(&pixels, 4);
        let expected = [
            2.0 / 16.0,
            45f64.ln(),
            15f64.ln(),
            2f64.ln(),
            30f64.ln(),
            20f64.ln(),
            (60.0 - 30.0) / 2.0 / 90.0 / 4.0,
            -1.5 / 4.0,
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
