//! Random numbers: one independent stream per purpose.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for. Each purpose has its own stream, so
/// that asking for one more microaneurysm does not move a single vessel.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    Anatomy,
    Layout,
    Texture,
    Vessels,
    Disc,
    Microaneurysms,
    Haemorrhages,
    Exudates,
    CottonWool,
    Drusen,
    Atrophy,
    NewVessels,
    Illumination,
    Lids,
    Dust,
    Noise,
    NonFundus,
}

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64, purpose: Purpose) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(purpose as u64);
        Dice(rng)
    }

    /// Sensor noise of one row of one frame.
    pub fn for_row(seed: u64, frame: u64, row: u64) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ frame.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.set_stream(1_000 + row);
        Dice(rng)
    }

    pub fn bits(&mut self) -> u32 {
        self.0.random()
    }

    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f32 {
        self.0.random()
    }

    /// Uniform between `low` and `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in -1..1.
    pub fn sway(&mut self) -> f32 {
        self.range(-1.0, 1.0)
    }

    /// -1 or 1.
    pub fn sign(&mut self) -> f32 {
        if self.unit() < 0.5 {
            -1.0
        } else {
            1.0
        }
    }

    /// Bell-shaped around 0 with standard deviation 1 and no tails beyond
    /// 3.5: the sum of four uniform numbers.
    pub fn bell(&mut self) -> f32 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 1.732_050_8
    }

    /// How many of a finding there are: around `most` at full strength, none
    /// at strength 0, at least one otherwise.
    pub fn count(&mut self, most: f32, strength: f32) -> u32 {
        if strength <= 0.0 {
            return 0;
        }
        (most * strength * self.range(0.8, 1.2)).max(1.0) as u32
    }

    pub fn angle(&mut self) -> f32 {
        self.range(0.0, std::f32::consts::TAU)
    }
}
