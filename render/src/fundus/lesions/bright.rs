//! Lipid and swollen nerve fibres: hard exudates, cotton-wool spots.

use super::super::fibres;
use super::super::layout::Layout;
use super::super::vessels::Vessel;
use super::spot::{about_fovea, beside_arcade, Spot};
use crate::canvas::Canvas;
use crate::colour::{light, mix};
use crate::geometry::{point, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::texture::Texture;

/// Waxy specks in clusters, some in a ring about the leak that feeds them.
pub fn hard_exudates(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    let mut dice = Dice::new(scene.seed, Purpose::Exudates);
    let outline = Texture::clouds(&mut dice, 1.0, 2);
    let strength = scene.findings.hard_exudates;
    let wax = light(246, 214, 142);
    for _ in 0..dice.count(7.0, strength) {
        let leak = about_fovea(&mut dice, layout, 0.6, 1.9);
        let ring = dice.range(0.15, 0.42);
        let begin = dice.angle();
        let arc = dice.range(1.2, 4.5);
        for _ in 0..dice.count(48.0, 0.3 + 0.7 * strength) {
            let away = Point::from_angle(begin + arc * dice.unit());
            let at = leak + away * (ring * (1.0 + 0.45 * dice.bell() * 0.6));
            if at.length() < 0.12 {
                continue;
            }
            let size = dice.unit();
            let mut spot = Spot::round(at, 0.008 + 0.030 * size * size * size * size);
            spot.ragged = 0.4;
            spot.stretch = dice.range(1.0, 1.6);
            spot.along = Point::from_angle(dice.angle());
            let opacity = dice.range(0.45, 0.85);
            spot.stamp(canvas, layout, &outline, |cover, _, under| {
                mix(under, wax, opacity * cover)
            });
        }
    }
}

/// Fluffy, grey-white, along the fibres, beside the arcades.
pub fn cotton_wool_spots(canvas: &mut Canvas, scene: &Scene, layout: &Layout, tree: &[Vessel]) {
    let mut dice = Dice::new(scene.seed, Purpose::CottonWool);
    let outline = Texture::clouds(&mut dice, 1.0, 3);
    let wool = light(240, 212, 176);
    for _ in 0..dice.count(10.0, scene.findings.cotton_wool_spots) {
        let Some(at) = beside_arcade(&mut dice, layout, tree, 0.9, 2.9) else {
            return;
        };
        let along = fibres::on_retina(fibres::through(layout.relative_to_disc(at)).direction);
        let mut spot = Spot::round(at, dice.range(0.07, 0.14));
        // Across the fibres, where the axons swell.
        spot.along = along.left();
        spot.stretch = dice.range(1.0, 1.7);
        spot.ragged = 0.4;
        spot.soft = 0.8;
        let opacity = dice.range(0.4, 0.65);
        spot.stamp(canvas, layout, &outline, |cover, p, under| {
            let d = p - at;
            let fray = 0.75 + 0.4 * outline.at(point(d.dot(along) * 5.0, d.cross(along) * 40.0));
            mix(under, wool, (opacity * cover * fray).clamp(0.0, 1.0))
        });
    }
}
