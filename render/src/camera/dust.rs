//! Dust and smears on the front lens, and the camera's own reflex.

use crate::canvas::span;
use crate::colour::{plus, scaled, Light};
use crate::fundus::Layout;
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;

pub fn apply(gain: &mut [Light], veil: &mut [Light], scene: &Scene, layout: &Layout) {
    let mut dice = Dice::new(scene.seed, Purpose::Dust);
    let side = layout.size as usize;
    let unit = layout.field_radius;
    let middle = point(side as f32 / 2.0, side as f32 / 2.0);
    let strength = scene.camera.dust;

    // A faint bluish ghost near the middle is in most photographs.
    let ghost = middle + point(0.12 * dice.sway(), 0.12 * dice.sway()) * unit;
    let ghost_light = dice.range(-0.02, 0.045).max(0.0) + 0.10 * strength;
    let ghost_radius = dice.range(0.05, 0.08) * unit;
    each(side, ghost, ghost_radius * 2.5, |i, d| {
        let k = ghost_light * bump(d, ghost_radius);
        veil[i] = plus(veil[i], scaled([0.80, 0.9, 1.1], k));
    });

    // Out of focus, a grain is a disc with a brighter rim.
    for _ in 0..dice.count(26.0, strength) {
        let at = middle + Point::from_angle(dice.angle()) * (dice.unit().sqrt() * 0.95 * unit);
        let radius = dice.range(0.010, 0.045) * unit;
        let bright = dice.unit() < 0.6;
        let depth = dice.range(0.10, 0.40) * (0.4 + 0.6 * strength);
        each(side, at, radius * 1.4, |i, d| {
            let rho = d / radius;
            let disc = smooth_step(1.12, 0.82, rho) * (0.7 + 0.3 * bump(rho - 0.85, 0.2));
            if bright {
                veil[i] = plus(veil[i], scaled([0.22, 0.24, 0.26], depth * disc));
            } else {
                gain[i] = scaled(gain[i], 1.0 - depth * disc);
            }
        });
    }

    for _ in 0..dice.count(4.0, strength) {
        let from = middle + Point::from_angle(dice.angle()) * (0.8 * unit * dice.unit());
        let along = Point::from_angle(dice.angle());
        let (length, width) = (dice.range(0.15, 0.5) * unit, dice.range(0.03, 0.07) * unit);
        let depth = dice.range(0.04, 0.10) * strength;
        let reach = length * 1.6;
        for y in span(from.y, reach, side) {
            for x in span(from.x, reach, side) {
                let d = point(x as f32, y as f32) - from;
                let k = bump(d.dot(along), length) * bump(d.cross(along), width);
                let i = y * side + x;
                veil[i] = plus(veil[i], scaled([0.75, 0.85, 0.9], depth * k));
            }
        }
    }
}

/// Calls `touch` with index and distance for every pixel within `reach`.
fn each(side: usize, at: Point, reach: f32, mut touch: impl FnMut(usize, f32)) {
    for y in span(at.y, reach, side) {
        for x in span(at.x, reach, side) {
            let d = (point(x as f32 + 0.5, y as f32 + 0.5) - at).length();
            if d < reach {
                touch(y * side + x, d);
            }
        }
    }
}
