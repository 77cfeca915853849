//! A hand before the camera.

use super::skin::Skin;
use super::{place, Shot};
use crate::canvas::Canvas;
use crate::colour::{light, mix, scaled, times};
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::Dice;
use crate::texture::Texture;

/// A finger, or a part of the palm: a rod with a round end.
struct Rod {
    from: Point,
    to: Point,
    radius: f32,
    /// Where along it the joints crease, 0..1.
    creases: &'static [f32],
}

impl Rod {
    /// Distance to the surface in radii, 0 on the middle line, 1 at the edge,
    /// and how far along, 0..1.
    fn measure(&self, p: Point) -> (f32, f32) {
        let along = self.to - self.from;
        let t = ((p - self.from).dot(along) / along.dot(along).max(1e-6)).clamp(0.0, 1.0);
        let radius = self.radius * (1.0 - 0.14 * t);
        ((p - (self.from + along * t)).length() / radius, t)
    }
}

pub fn palm(side: usize, dice: &mut Dice) -> Shot {
    let skin = Skin::new(dice);
    let behind = scaled(light(60, 58, 66), dice.range(0.05, 0.6));
    let lean = dice.range(-0.7, 0.7);
    let size = dice.range(0.9, 1.3);
    let middle = point(0.2 * dice.sway(), -0.35 + 0.2 * dice.sway());
    let mirror = dice.sign();
    let joints: &'static [f32] = &[0.08, 0.38, 0.68];
    let mut rods = Vec::new();
    let mut rod = |from: Point, to: Point, radius: f32, creases: &'static [f32]| {
        let turn = |p: Point| middle + point(p.x * mirror, p.y).turned(lean) * size;
        rods.push(Rod {
            from: turn(from),
            to: turn(to),
            radius: radius * size,
            creases,
        });
    };
    rod(point(-0.13, -0.5), point(-0.15, 0.12), 0.22, &[]);
    rod(point(0.13, -0.5), point(0.13, 0.08), 0.22, &[]);
    rod(point(0.0, -0.9), point(0.0, -0.2), 0.27, &[]);
    rod(point(-0.22, -0.45), point(-0.50, 0.02), 0.115, &[0.55]);
    let spread = dice.range(0.03, 0.10);
    for (i, (length, radius)) in [(0.52, 0.088), (0.60, 0.092), (0.55, 0.088), (0.42, 0.075)]
        .into_iter()
        .enumerate()
    {
        let x = -0.27 + 0.175 * i as f32;
        let away = spread * (i as f32 - 1.4) + 0.02 * dice.sway();
        let bend = dice.range(0.85, 1.0);
        let base = point(x, 0.22 - 0.03 * (i as f32 - 1.2) * (i as f32 - 1.2));
        rod(
            base,
            base + point(away * 2.0, length * bend),
            radius,
            joints,
        );
    }

    let lines = Texture::strands(dice, 1.1, 1);
    let ridges = Texture::clouds(dice, 30.0, 2);
    let mut canvas = Canvas::new(side, side);
    canvas.fill(|x, y| {
        let p = place(x, y, side);
        // Rods overlap smoothly in the palm, and shade each other at their sides.
        let mut nearest = 9.0f32;
        let mut crease = 0.0f32;
        for rod in &rods {
            let (distance, along) = rod.measure(p);
            if distance < 1.0 {
                for c in rod.creases {
                    crease = crease.max(bump(along - c, 0.018));
                }
            }
            nearest = nearest.min(distance);
        }
        let inside = smooth_step(1.03, 0.97, nearest);
        let relief = 1.0 - 0.5 * nearest.min(1.0) * nearest.min(1.0) * nearest.min(1.0);
        let line = smooth_step(0.72, 0.95, lines.at(p)) * 0.5;
        let worn = 1.0 + 0.05 * ridges.at(p);
        let flesh = times(skin.at(p), [1.1, 1.0, 0.95]);
        let dark = 1.0 - 0.35 * crease.max(line);
        mix(behind, scaled(flesh, relief * dark * worn), inside)
    });
    let canvas = canvas.blurred(dice.range(0.001, 0.008) * side as f32);
    Shot {
        canvas,
        round: dice.unit() < 0.5,
    }
}
