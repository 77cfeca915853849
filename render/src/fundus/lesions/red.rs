//! Blood outside the vessels, and microaneurysms.

use super::super::fibres;
use super::super::layout::Layout;
use super::super::vessels::Vessel;
use super::spot::{about_fovea, beside_arcade, Spot};
use crate::canvas::Canvas;
use crate::colour::{light, mix, through, Light};
use crate::geometry::{point, smooth_step};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::texture::Texture;

/// Absorption of a thin sheet of blood, red, green, blue.
const BLOOD: Light = [0.55, 1.5, 1.0];

pub fn microaneurysms(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    let mut dice = Dice::new(scene.seed, Purpose::Microaneurysms);
    let outline = Texture::clouds(&mut dice, 1.0, 1);
    for _ in 0..dice.count(70.0, scene.findings.microaneurysms) {
        let at = about_fovea(&mut dice, layout, 0.35, 3.2);
        let mut spot = Spot::round(at, dice.range(0.011, 0.023));
        spot.soft = 0.45;
        let density = dice.range(0.5, 0.95);
        spot.stamp(canvas, layout, &outline, |cover, _, under| {
            through(under, BLOOD, density * cover)
        });
    }
}

pub fn blots(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    let mut dice = Dice::new(scene.seed, Purpose::Haemorrhages);
    let outline = Texture::clouds(&mut dice, 1.0, 2);
    for _ in 0..dice.count(42.0, scene.findings.blot_haemorrhages) {
        let at = about_fovea(&mut dice, layout, 0.5, 3.6);
        let size = dice.unit();
        let mut spot = Spot::round(at, 0.022 + 0.055 * size * size * size);
        spot.ragged = 0.2;
        spot.soft = dice.range(0.45, 0.85);
        spot.stretch = dice.range(1.0, 1.7);
        spot.along = layout.disc.mix(at, 2.0).turned(dice.sway()).unit();
        let density = dice.range(0.55, 0.95);
        spot.stamp(canvas, layout, &outline, |cover, p, under| {
            let uneven = 1.0 + 0.25 * outline.at(p * 14.0);
            through(under, BLOOD, density * cover * uneven)
        });
    }
}

/// Blood between the nerve fibres takes their direction and frays at its ends.
pub fn flames(canvas: &mut Canvas, scene: &Scene, layout: &Layout, tree: &[Vessel]) {
    let mut dice = Dice::new(scene.seed.wrapping_add(1), Purpose::Haemorrhages);
    let outline = Texture::clouds(&mut dice, 1.0, 2);
    let fibre_noise = Texture::clouds(&mut dice, 1.0, 2);
    for _ in 0..dice.count(16.0, scene.findings.flame_haemorrhages) {
        let Some(at) = beside_arcade(&mut dice, layout, tree, 0.65, 2.6) else {
            return;
        };
        let along = fibres::on_retina(fibres::through(layout.relative_to_disc(at)).direction);
        let mut spot = Spot::round(at, dice.range(0.035, 0.085));
        spot.stretch = dice.range(2.2, 4.0);
        spot.along = along;
        spot.ragged = 0.5;
        spot.soft = 0.55;
        let density = dice.range(0.7, 1.15);
        let (radius, stretch) = (spot.radius, spot.stretch);
        spot.stamp(canvas, layout, &outline, |cover, p, under| {
            let d = p - at;
            let (u, v) = (d.dot(along), d.cross(along));
            let streak = fibre_noise.at(point(u * 3.0, v * 75.0));
            let end = smooth_step(0.2, 1.0, u.abs() / (radius * stretch));
            let frayed = (cover * (1.0 + 0.9 * streak * (0.25 + end)) - 0.25 * end).clamp(0.0, 1.0);
            through(under, BLOOD, density * frayed)
        });
    }
}

/// Blood held before the retina settles: a level above, a bowl below. It hides
/// what lies behind.
pub fn preretinal(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    let strength = scene.findings.preretinal_haemorrhage;
    if strength <= 0.0 {
        return;
    }
    let mut dice = Dice::new(scene.seed.wrapping_add(2), Purpose::Haemorrhages);
    let outline = Texture::clouds(&mut dice, 0.6, 2);
    let below = point(dice.range(-1.0, 1.6), -dice.range(1.4, 2.0));
    let mut spot = Spot::round(below, 0.3 + 0.55 * strength);
    spot.stretch = dice.range(1.2, 1.7);
    spot.soft = 0.05;
    spot.ragged = 0.1;
    let level = below.y + spot.radius * dice.range(-0.1, 0.25);
    spot.stamp(canvas, layout, &outline, |cover, p, under| {
        let wave = 0.02 * outline.at(p * 3.0);
        let depth = level - p.y + wave;
        let filled = cover * smooth_step(-0.02, 0.03, depth);
        let settled = 0.75 + 0.25 * smooth_step(0.0, 0.5, depth);
        let blood = through(mix(under, light(196, 74, 48), 0.75), BLOOD, settled);
        mix(under, blood, filled)
    });
}
