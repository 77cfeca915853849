//! Light to bytes: shot and read noise, tone curve, rounding.

use image::RgbImage;
use rayon::prelude::*;

use crate::colour::{Light, ToneCurve};
use crate::rng::{Dice, Purpose};

/// Standard deviation of the noise in the dark, and what light adds, in linear light.
const READ: f32 = 0.000_7;
const SHOT: f32 = 0.006;

/// Length of the table of noise, a power of two well above a row's length.
const GRAINS: usize = 1 << 16;

#[derive(Clone, Debug)]
pub struct Sensor {
    seed: u64,
    tone: ToneCurve,
    /// Noise of the three channels. Every row of every frame reads it from
    /// another place: a live camera cannot afford to roll dice per pixel.
    grains: Vec<[f32; 3]>,
}

impl Sensor {
    pub fn new(seed: u64) -> Sensor {
        let mut dice = Dice::new(seed, Purpose::Noise);
        let grains = (0..GRAINS)
            .map(|_| {
                // Noise is shared in part between the channels: demosaicing
                // mixes neighbours of all colours.
                let shared = dice.bell();
                std::array::from_fn(|_| 0.75 * shared + 0.6 * dice.bell())
            })
            .collect();
        Sensor {
            seed,
            tone: ToneCurve::new(),
            grains,
        }
    }

    /// The photograph whose pixel `i`, row by row, receives `light(i)`.
    pub fn expose(
        &self,
        width: u32,
        height: u32,
        frame: u64,
        light: impl Fn(usize) -> Light + Sync,
    ) -> RgbImage {
        let mut out = RgbImage::new(width, height);
        let across = width as usize;
        out.par_chunks_mut(across * 3)
            .enumerate()
            .for_each(|(y, row)| {
                let first = Dice::for_row(self.seed, frame, y as u64).bits() as usize;
                for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                    let received = light(y * across + x);
                    let grain = self.grains[(first + x) % GRAINS];
                    for c in 0..3 {
                        let v = received[c].max(0.0);
                        let noise = (READ + SHOT * v.sqrt()) * grain[c];
                        pixel[c] = (self.tone.value(v + noise) + 0.5) as u8;
                    }
                }
            });
        out
    }
}
