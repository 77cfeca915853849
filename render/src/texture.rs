//! Noise with the character of tissue.

use fastnoise_lite::{
    CellularDistanceFunction, CellularReturnType, FastNoiseLite, FractalType, NoiseType,
};

use super::geometry::{point, Point};
use super::rng::Dice;

/// A random field over the plane, about -1..1.
pub struct Texture(FastNoiseLite);

impl Texture {
    /// Cloudy mottling with features of about `1 / frequency`.
    pub fn clouds(dice: &mut Dice, frequency: f32, octaves: i32) -> Texture {
        let mut noise = base(dice, frequency);
        if octaves > 1 {
            noise.set_fractal_type(Some(FractalType::FBm));
            noise.set_fractal_octaves(Some(octaves));
        }
        Texture(noise)
    }

    /// A net of bright strands about `1 / frequency` apart.
    pub fn strands(dice: &mut Dice, frequency: f32, octaves: i32) -> Texture {
        let mut noise = base(dice, frequency);
        noise.set_fractal_type(Some(FractalType::Ridged));
        noise.set_fractal_octaves(Some(octaves));
        Texture(noise)
    }

    /// Cells of about `1 / frequency`: the value falls to -1 at a cell's middle.
    pub fn cells(dice: &mut Dice, frequency: f32) -> Texture {
        let mut noise = base(dice, frequency);
        noise.set_noise_type(Some(NoiseType::Cellular));
        noise.set_cellular_distance_function(Some(CellularDistanceFunction::Euclidean));
        noise.set_cellular_return_type(Some(CellularReturnType::Distance));
        Texture(noise)
    }

    pub fn at(&self, p: Point) -> f32 {
        self.0.get_noise_2d(p.x, p.y)
    }
}

/// A slow texture, sampled once on a coarse grid and interpolated from there.
pub struct Sheet {
    values: Vec<f32>,
}

/// A sheet covers -`REACH`..`REACH` on both axes; beyond, its edge goes on.
const REACH: f32 = 8.0;
const PITCH: f32 = 0.06;
const ACROSS: usize = (2.0 * REACH / PITCH) as usize + 2;

impl Sheet {
    pub fn of(texture: &Texture) -> Sheet {
        let place = |i: usize| i as f32 * PITCH - REACH;
        let values = (0..ACROSS * ACROSS)
            .map(|i| texture.at(point(place(i % ACROSS), place(i / ACROSS))))
            .collect();
        Sheet { values }
    }

    pub fn at(&self, p: Point) -> f32 {
        let place = |v: f32| ((v + REACH) * (1.0 / PITCH)).clamp(0.0, ACROSS as f32 - 1.01);
        let (x, y) = (place(p.x), place(p.y));
        let (column, row) = (x as usize, y as usize);
        let (across, down) = (x - column as f32, y - row as f32);
        let i = row * ACROSS + column;
        let v = &self.values;
        let top = v[i] + (v[i + 1] - v[i]) * across;
        let bottom = v[i + ACROSS] + (v[i + ACROSS + 1] - v[i + ACROSS]) * across;
        top + (bottom - top) * down
    }
}

fn base(dice: &mut Dice, frequency: f32) -> FastNoiseLite {
    // The library adds to the seed from octave to octave: leave it room.
    let mut noise = FastNoiseLite::with_seed((dice.bits() >> 2) as i32);
    noise.set_noise_type(Some(NoiseType::OpenSimplex2));
    noise.set_frequency(Some(frequency));
    noise
}
