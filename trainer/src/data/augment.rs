//! Random changes of training photographs that leave their labels true.
//!
//! Strong enough that a network cannot tell cameras apart by colour, sharpness
//! or scale: sources differ in all of these and in which diseases they show.

use std::f32::consts::PI;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::degrade::DegradeConfig;
use super::looks;
use super::pixels::{self, Affine, Window};

/// Strengths of every change; each is drawn evenly from its range unless it
/// says otherwise. The `augment` table of a run's TOML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Chance of a left-right flip, 0..1.
    pub flip_horizontal: f64,
    /// Chance of a top-bottom flip, 0..1.
    pub flip_vertical: f64,
    /// Largest rotation either way, in degrees.
    pub rotate: f32,
    /// Smallest and largest magnification.
    pub scale: [f32; 2],
    /// Largest shift either way on each axis, as a share of the side.
    pub shift: f32,
    /// Largest stretch of one axis against the other, 0.05: factor 0.95 to
    /// 1.05; a source's `aspect_jitter` adds to it.
    pub aspect: f32,
    /// Chance that the field is cut straight at top and bottom, or on all four
    /// sides, as other cameras frame it, 0..1. In a source of nothing but
    /// disease, the frame alone would else give the disease away.
    #[serde(skip_serializing_if = "is_off")]
    pub cut: f64,
    /// Least share of the field's height that a cut leaves.
    pub lowest_cut: f32,
    /// Chance of a dark notch at the rim of the field, 0..1.
    #[serde(skip_serializing_if = "is_off")]
    pub notch: f64,
    /// Chance of the colour, illumination and contrast of a photograph of
    /// another source, 0..1.
    #[serde(skip_serializing_if = "is_off")]
    pub look: f64,
    /// Chance of a levelled illumination, 0..1.
    #[serde(skip_serializing_if = "is_off")]
    pub level: f64,
    /// Exposure: factor `exp(+-brightness)`.
    pub brightness: f32,
    /// Spread about the middle grey of the field: factor `exp(+-contrast)`.
    pub contrast: f32,
    /// Exponent `exp(+-gamma)`.
    pub gamma: f32,
    /// Distance from grey: factor `exp(+-saturation)`.
    pub saturation: f32,
    /// White balance: factor `exp(+-white_balance)` per channel.
    pub white_balance: f32,
    /// Chance of a change of focus, 0..1.
    pub focus: f64,
    /// Chance of a lower resolution, 0..1.
    pub low_resolution: f64,
    /// Lowest resolution, as a share of the side.
    pub lowest_resolution: f32,
    /// Chance of noise, 0..1.
    pub noise: f64,
    /// Largest deviation of the noise, in grey levels of 255.
    pub noise_sigma: f32,
    /// Chance of being compressed again as a JPEG of quality 25 to 90, last of
    /// all, 0..1.
    #[serde(skip_serializing_if = "is_off")]
    pub recompress: f64,
    /// Damage that changes the labels.
    pub degrade: DegradeConfig,
}

fn is_off(chance: &f64) -> bool {
    *chance == 0.0
}

impl Default for AugmentConfig {
    fn default() -> Self {
        AugmentConfig {
            flip_horizontal: 0.5,
            flip_vertical: 0.5,
            rotate: 180.0,
            scale: [0.85, 1.2],
            shift: 0.04,
            aspect: 0.05,
            cut: 0.0,
            lowest_cut: 0.75,
            notch: 0.0,
            look: 0.0,
            level: 0.0,
            brightness: 0.3,
            contrast: 0.25,
            gamma: 0.25,
            saturation: 0.3,
            white_balance: 0.15,
            focus: 0.3,
            low_resolution: 0.25,
            lowest_resolution: 0.45,
            noise: 0.2,
            noise_sigma: 6.0,
            recompress: 0.0,
            degrade: DegradeConfig::default(),
        }
    }
}

impl AugmentConfig {
    /// Refuses chances outside 0..1 and ranges that cannot be drawn from.
    pub fn check(&self) -> anyhow::Result<()> {
        for (name, chance) in [
            ("flip_horizontal", self.flip_horizontal),
            ("flip_vertical", self.flip_vertical),
            ("cut", self.cut),
            ("notch", self.notch),
            ("look", self.look),
            ("level", self.level),
            ("recompress", self.recompress),
            ("focus", self.focus),
            ("low_resolution", self.low_resolution),
            ("noise", self.noise),
        ] {
            anyhow::ensure!(
                (0.0..=1.0).contains(&chance),
                "augment.{name} is {chance}; a chance lies in 0..1"
            );
        }
        for (name, strength, most) in [
            ("rotate", self.rotate, 180.0),
            ("shift", self.shift, 0.5),
            ("aspect", self.aspect, 0.5),
            ("brightness", self.brightness, 2.0),
            ("contrast", self.contrast, 2.0),
            ("gamma", self.gamma, 2.0),
            ("saturation", self.saturation, 2.0),
            ("white_balance", self.white_balance, 2.0),
            ("noise_sigma", self.noise_sigma, 64.0),
        ] {
            anyhow::ensure!(
                (0.0..=most).contains(&strength),
                "augment.{name} is {strength}; give 0 to {most}"
            );
        }
        let [low, high] = self.scale;
        anyhow::ensure!(
            0.1 <= low && low <= high && high <= 10.0,
            "augment.scale is [{low}, {high}]; give the smaller first, from 0.1 to 10"
        );
        for (name, share) in [
            ("lowest_resolution", self.lowest_resolution),
            ("lowest_cut", self.lowest_cut),
        ] {
            anyhow::ensure!(
                (0.05..=1.0).contains(&share),
                "augment.{name} is {share}; give 0.05 to 1"
            );
        }
        self.degrade.check()
    }

    /// Draws one variant of `source` into `target`, both `size` a side, as far
    /// as the light that enters the camera goes. `aspect_jitter` is the source's
    /// own; `partner` is a photograph of another source whose look it may take.
    pub(super) fn apply(
        &self,
        source: &[u8],
        partner: Option<&[u8]>,
        target: &mut [u8],
        size: usize,
        aspect_jitter: f32,
        rng: &mut ChaCha8Rng,
    ) {
        let map = self.geometry(size as f32, aspect_jitter, rng);
        let window = self.window(size, rng);
        pixels::warp(source, size, &window, &map, target, size);
        // No draw where it is off, so that its being there changes no run.
        if let Some(partner) = partner {
            let share = rng.random_range(0.3..=1.0);
            looks::exchange(target, size, partner, size, share, rng);
        }
        if self.level > 0.0 && rng.random_bool(self.level) {
            looks::level(target, size, rng.random_range(0.3..=1.0));
        }
        if self.notch > 0.0 && rng.random_bool(self.notch) {
            pixels::notch(target, size, rng);
        }
        if rng.random_bool(self.low_resolution) {
            let share = rng.random_range(self.lowest_resolution..=1.0);
            pixels::lower_resolution(target, size, (share * size as f32) as usize);
        }
        if rng.random_bool(self.focus) {
            pixels::focus(target, size, rng.random_range(-0.8..=1.0));
        }
        self.colour(target, rng);
    }

    /// What sensor and file add, after everything that happens before them.
    pub(super) fn finish(&self, target: &mut [u8], size: usize, rng: &mut ChaCha8Rng) {
        if rng.random_bool(self.noise) {
            pixels::noise(target, rng.random_range(0.0..=self.noise_sigma), rng);
        }
        if self.recompress > 0.0 && rng.random_bool(self.recompress) {
            looks::recompress(target, size, rng.random_range(25..=90));
        }
    }

    /// The part of the photograph that a camera with a smaller frame would show.
    fn window(&self, size: usize, rng: &mut ChaCha8Rng) -> Window {
        let mut window = Window::whole(size);
        // No draw where it is off, so that its being there changes no run.
        if self.cut > 0.0 && rng.random_bool(self.cut) {
            // EyePACS and APTOS show 0.75 to 1 of the field's height.
            let margin = (1.0 - rng.random_range(self.lowest_cut..=1.0)) / 2.0 * size as f32;
            (window.top, window.bottom) = (window.top + margin, window.bottom - margin);
            if rng.random_bool(0.4) {
                (window.left, window.right) = (window.left + margin, window.right - margin);
            }
        }
        window
    }

    fn geometry(&self, size: f32, aspect_jitter: f32, rng: &mut ChaCha8Rng) -> Affine {
        let angle = either(rng, self.rotate) * PI / 180.0;
        let scale = rng.random_range(self.scale[0]..=self.scale[1]);
        let aspect = (1.0 + self.aspect + aspect_jitter).ln();
        let stretch = either(rng, aspect).exp().sqrt();
        let flip = |chance: f64, rng: &mut ChaCha8Rng| match rng.random_bool(chance) {
            true => -1.0,
            false => 1.0,
        };
        let fx = flip(self.flip_horizontal, rng) / (scale * stretch);
        let fy = flip(self.flip_vertical, rng) / (scale / stretch);
        let (dx, dy) = (
            either(rng, self.shift) * size,
            either(rng, self.shift) * size,
        );
        let (sin, cos) = angle.sin_cos();
        // About the centre: rotate back, then undo stretch and magnification,
        // so that the stretch acts along the camera's own axes.
        let centre = (size - 1.0) / 2.0;
        let (a, b, d, e) = (fx * cos, fx * sin, -fy * sin, fy * cos);
        Affine {
            a,
            b,
            c: centre - a * (centre + dx) - b * (centre + dy),
            d,
            e,
            f: centre - d * (centre + dx) - e * (centre + dy),
        }
    }

    fn colour(&self, pixels: &mut [u8], rng: &mut ChaCha8Rng) {
        let gain = either(rng, self.brightness).exp();
        let contrast = either(rng, self.contrast).exp();
        let gamma = either(rng, self.gamma).exp();
        let saturation = (either(rng, self.saturation).exp() * 256.0) as i32;
        let balance = [0; 3].map(|_| either(rng, self.white_balance).exp());
        let middle = mean_inside(pixels);
        let curves: [[u8; 256]; 3] = std::array::from_fn(|c| {
            std::array::from_fn(|v| {
                let x = (v as f32 / 255.0).powf(gamma) * gain * balance[c];
                let pivot = (middle[c] / 255.0).powf(gamma) * gain * balance[c];
                (((x - pivot) * contrast + pivot) * 255.0).clamp(0.0, 255.0) as u8
            })
        });
        for pixel in pixels.chunks_exact_mut(3) {
            if !pixels::inside(pixel) {
                continue;
            }
            let v: [i32; 3] = std::array::from_fn(|c| i32::from(curves[c][pixel[c] as usize]));
            let luma = (77 * v[0] + 150 * v[1] + 29 * v[2]) >> 8;
            for c in 0..3 {
                pixel[c] = (luma + (((v[c] - luma) * saturation) >> 8)).clamp(0, 255) as u8;
            }
        }
    }
}

/// Evenly from `-most` to `most`.
fn either(rng: &mut ChaCha8Rng, most: f32) -> f32 {
    rng.random_range(-1.0..=1.0) * most
}

/// Mean of each channel over a sample of the pixels inside the field.
fn mean_inside(pixels: &[u8]) -> [f32; 3] {
    let mut sum = [0u32; 3];
    let mut count = 0u32;
    for pixel in pixels
        .chunks_exact(3)
        .step_by(7)
        .filter(|p| pixels::inside(p))
    {
        (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
        count += 1;
    }
    sum.map(|s| s as f32 / count.max(1) as f32)
}
