//! The ageing macula: drusen and geographic atrophy.

use super::super::layout::Layout;
use super::spot::Spot;
use crate::canvas::Canvas;
use crate::colour::{light, mix, scaled, times};
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::texture::Texture;

pub fn drusen(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    let mut dice = Dice::new(scene.seed, Purpose::Drusen);
    let outline = Texture::clouds(&mut dice, 1.0, 1);
    let strength = scene.findings.drusen;
    let pale = light(250, 196, 122);
    for _ in 0..dice.count(190.0, strength) {
        let at = point(dice.bell() * 0.85, dice.bell() * 0.62);
        // Large and soft towards the fovea, small and hard outside.
        let central = bump(at.length(), 0.9);
        let size = dice.unit();
        let mut spot = Spot::round(
            at,
            0.014 + 0.05 * size * size * (0.3 + 0.7 * central * strength),
        );
        spot.soft = 0.35 + 0.3 * central;
        spot.stretch = dice.range(1.0, 1.3);
        spot.along = Point::from_angle(dice.angle());
        let opacity = dice.range(0.18, 0.5);
        spot.stamp(canvas, layout, &outline, |cover, _, under| {
            mix(under, pale, opacity * cover)
        });
    }
}

/// Patches without pigment epithelium, sharply bordered, in which the large
/// choroidal vessels stand out; clumps of pigment along their border.
pub fn atrophy(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    let strength = scene.findings.atrophy;
    if strength <= 0.0 {
        return;
    }
    let mut dice = Dice::new(scene.seed, Purpose::Atrophy);
    let outline = Texture::clouds(&mut dice, 0.8, 3);
    let choroid = Texture::strands(&mut dice, 1.3, 2);
    let clumps = Texture::clouds(&mut dice, 5.0, 2);
    let lobes: Vec<Spot> = (0..3 + (3.0 * strength) as u32)
        .map(|_| {
            let away = dice.range(0.05, 0.45) * (0.6 + strength);
            let mut lobe = Spot::round(
                Point::from_angle(dice.angle()) * away,
                dice.range(0.2, 0.42) * (0.45 + 0.55 * strength),
            );
            lobe.soft = 0.08;
            lobe
        })
        .collect();
    let middle = layout.view.to_pixels(point(0.0, 0.0));
    canvas.touch(
        middle.x,
        middle.y,
        2.0 * layout.view.scale,
        |x, y, under| {
            let p = layout.view.to_retina(point(x + 0.5, y + 0.5));
            let (mut cover, mut border) = (0.0f32, 0.0f32);
            for lobe in &lobes {
                cover = cover.max(lobe.cover(p, layout, &outline));
                let edge = (p - lobe.at).length() / lobe.radius;
                border = border.max(bump(edge - 1.05, 0.2));
            }
            let vessel = smooth_step(0.15, 0.7, choroid.at(p));
            let bed = mix(light(226, 154, 98), light(214, 116, 76), 0.7 * vessel);
            let bare = mix(under, scaled(bed, 1.0 + 0.05 * clumps.at(p)), 0.72 * cover);
            let clump = border * smooth_step(0.35, 0.75, clumps.at(p)) * (1.0 - 0.6 * cover);
            times(
                bare,
                [1.0 - 0.5 * clump, 1.0 - 0.5 * clump, 1.0 - 0.45 * clump],
            )
        },
    );
}
