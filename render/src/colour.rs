//! Light and its way to 8 bits.

use libm::{expf, powf};

/// Linear light: red, green, blue; 1 is white.
pub type Light = [f32; 3];

/// Linear light of an 8-bit sRGB colour.
pub fn light(r: u8, g: u8, b: u8) -> Light {
    [linear(r), linear(g), linear(b)]
}

fn linear(value: u8) -> f32 {
    let v = f32::from(value) / 255.0;
    if v <= 0.040_45 {
        v / 12.92
    } else {
        powf((v + 0.055) / 1.055, 2.4)
    }
}

pub fn mix(a: Light, b: Light, share: f32) -> Light {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * share)
}

pub fn times(a: Light, b: Light) -> Light {
    std::array::from_fn(|c| a[c] * b[c])
}

pub fn scaled(a: Light, k: f32) -> Light {
    a.map(|v| v * k)
}

pub fn plus(a: Light, b: Light) -> Light {
    std::array::from_fn(|c| a[c] + b[c])
}

/// What passes through an absorber of the given density (Beer and Lambert).
pub fn through(background: Light, absorption: Light, density: f32) -> Light {
    std::array::from_fn(|c| background[c] * expf(-absorption[c] * density))
}

/// The camera's tone curve as a table: linear light to a value on 0..255.
/// Highlights roll off towards white instead of clipping hard, as disc and
/// reflexes do in photographs.
#[derive(Clone, Debug)]
pub struct ToneCurve {
    table: Vec<f32>,
}

const BRIGHTEST: f32 = 4.0;
const STEPS: usize = 4096;

impl ToneCurve {
    pub fn new() -> ToneCurve {
        let table = (0..=STEPS)
            .map(|i| {
                let x = i as f32 / STEPS as f32 * BRIGHTEST;
                let knee = 0.65;
                let y = if x < knee {
                    x
                } else {
                    knee + (1.0 - knee) * (1.0 - expf(-(x - knee) / (1.0 - knee)))
                };
                let srgb = if y <= 0.003_130_8 {
                    y * 12.92
                } else {
                    1.055 * powf(y, 1.0 / 2.4) - 0.055
                };
                srgb * 255.0
            })
            .collect();
        ToneCurve { table }
    }

    pub fn value(&self, light: f32) -> f32 {
        let at = (light.clamp(0.0, BRIGHTEST) * (STEPS as f32 / BRIGHTEST)).min(STEPS as f32 - 1.0);
        let i = at as usize;
        let part = at - i as f32;
        self.table[i] + (self.table[i + 1] - self.table[i]) * part
    }
}
