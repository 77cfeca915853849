//! The flash: its falloff, its tint, what the lens scatters, the pupil's shade.

use libm::exp2f;
use rayon::prelude::*;

use crate::colour::{light, mix, plus, scaled, times, Light};
use crate::fundus::Layout;
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::texture::Texture;

/// Multiplies `gain` and adds to `veil` what light and media do.
pub fn apply(gain: &mut [Light], veil: &mut [Light], scene: &Scene, layout: &Layout, mean: Light) {
    let mut dice = Dice::new(scene.seed, Purpose::Illumination);
    let faults = &scene.camera;
    let side = layout.size as usize;
    let green = dice.range(0.88, 1.34);
    let tint = [dice.range(0.92, 1.05), green, green * dice.range(0.75, 1.1)];
    let aim = point(0.16 * dice.sway(), 0.16 * dice.sway());
    let falloff = dice.range(0.28, 0.46);
    // Light that missed the pupil comes back from the iris as a crescent.
    let crescent = Point::from_angle(dice.angle());
    let crescent_light = dice.range(0.0, 0.10) + 0.25 * faults.over_exposure;
    let shaded = Point::from_angle(dice.angle());
    let clouds = Texture::clouds(&mut dice, 0.8, 2);

    let haze = faults.haze;
    let uneven = faults.uneven_light;
    // A clouded lens is yellow: it holds back blue, and what it spreads is yellow
    // too, greenish where the light enters by the pupil's edge.
    let lens = [1.0 - 0.15 * haze, 1.0 - 0.22 * haze, 1.0 - 0.85 * haze];
    let fog = mix(scaled(mean, 0.7), light(150, 118, 40), 0.75);
    let rim = light(150, 150, 60);

    let at = |x: usize, y: usize| -> (Light, Light) {
        let p = point(x as f32 + 0.5, y as f32 + 0.5) - point(side as f32 / 2.0, side as f32 / 2.0);
        let p = p * (1.0 / layout.field_radius);
        if p.length() > 1.1 {
            return ([0.0; 3], [0.0; 3]);
        }
        let r = (p - aim).length();
        let mut lit = 1.0 - falloff * r * r * (0.65 + 0.35 * r * r);
        let mut shade = 0.0;
        if uneven > 0.0 {
            let from_shade = p.dot(shaded) + 0.25 * clouds.at(p);
            shade = uneven * smooth_step(-1.0, 0.7, from_shade);
            lit *= exp2f(-4.5 * shade);
        }
        let mut thick = 0.0;
        if haze > 0.0 {
            thick = haze * (1.0 + 0.18 * clouds.at(p * 1.3)).clamp(0.0, 1.2);
        }
        let passed = (1.0 - 0.93 * thick).max(0.03);
        let edge = smooth_step(0.72, 1.02, p.length());
        let flare = crescent_light * edge * smooth_step(-0.4, 1.0, p.dot(crescent));
        let glare = 0.35 * faults.over_exposure * bump(1.0 - p.length(), 0.5);
        let fog = mix(fog, rim, 0.8 * bump(1.0 - p.length(), 0.3));
        let mut add = scaled(times(fog, tint), 0.95 * thick * lit);
        add = plus(add, scaled([0.75, 1.0, 0.80], flare));
        add = plus(add, scaled([0.16, 0.22, 0.17], glare));
        // What is left in the shade is stray, bluish light.
        add = plus(add, scaled([0.010, 0.014, 0.018], shade));
        (scaled(times(tint, lens), lit * passed), add)
    };
    gain.par_chunks_mut(side)
        .zip(veil.par_chunks_mut(side))
        .enumerate()
        .for_each(|(y, (gain, veil))| {
            for (x, (gain, veil)) in gain.iter_mut().zip(veil).enumerate() {
                let (factor, add) = at(x, y);
                *gain = times(*gain, factor);
                *veil = plus(*veil, add);
            }
        });
}
