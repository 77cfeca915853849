//! Frames with nothing in them: dark, white, a wall.

use super::{place, Shot};
use crate::canvas::Canvas;
use crate::colour::{light, mix, plus, scaled, Light};
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::Dice;
use crate::texture::Texture;

pub fn dark_room(side: usize, dice: &mut Dice) -> Shot {
    let base: Light = scaled(light(20, 18, 22), dice.range(0.2, 1.0));
    let glows: Vec<(Point, f32, Light)> = (0..2 + (dice.unit() * 3.0) as u32)
        .map(|_| {
            let at = point(dice.sway(), dice.sway());
            let colour = mix(light(70, 90, 130), light(130, 90, 50), dice.unit());
            (
                at,
                dice.range(0.08, 0.5),
                scaled(colour, dice.range(0.05, 0.35)),
            )
        })
        .collect();
    let clouds = Texture::clouds(dice, 0.8, 2);
    let mut canvas = Canvas::new(side, side);
    canvas.fill(|x, y| {
        let p = place(x, y, side);
        let mut out = scaled(base, 1.0 + 0.4 * clouds.at(p));
        for &(at, width, colour) in &glows {
            out = plus(out, scaled(colour, bump((p - at).length(), width)));
        }
        out
    });
    Shot {
        canvas,
        round: dice.unit() < 0.5,
    }
}

pub fn white_frame(side: usize, dice: &mut Dice) -> Shot {
    let tint = mix([1.0, 1.0, 1.0], light(255, 248, 235), dice.unit());
    let aim = point(0.3 * dice.sway(), 0.3 * dice.sway());
    let strength = dice.range(1.6, 3.5);
    let falloff = dice.range(0.05, 0.3);
    let mut canvas = Canvas::new(side, side);
    canvas.fill(|x, y| {
        let r = (place(x, y, side) - aim).length();
        scaled(tint, strength * (1.0 - falloff * r))
    });
    Shot {
        canvas,
        round: dice.unit() < 0.6,
    }
}

pub fn wall(side: usize, dice: &mut Dice) -> Shot {
    let paints = [
        light(214, 208, 194),
        light(186, 198, 204),
        light(206, 212, 190),
        light(226, 220, 214),
    ];
    let paint = scaled(
        paints[dice.bits() as usize % paints.len()],
        dice.range(0.45, 0.95),
    );
    let lit_from = Point::from_angle(dice.angle());
    let slope = dice.range(0.1, 0.35);
    let plaster = Texture::clouds(dice, 16.0, 3);
    let clouds = Texture::clouds(dice, 0.6, 2);
    // The edge of a door, a shelf or a shadow falls into most such pictures.
    let edge_along =
        Point::from_angle(dice.range(-0.2, 0.2) + if dice.unit() < 0.5 { 1.57 } else { 0.0 });
    let edge_at = dice.range(0.25, 0.8) * dice.sign();
    let edge_soft = dice.range(0.01, 0.2);
    let beyond = dice.range(0.35, 0.8);
    let mut canvas = Canvas::new(side, side);
    canvas.fill(|x, y| {
        let p = place(x, y, side);
        let shade = 1.0 + slope * p.dot(lit_from) + 0.06 * clouds.at(p) + 0.025 * plaster.at(p);
        let across = edge_along.cross(p) * edge_at.signum() - edge_at.abs();
        let edge = smooth_step(-edge_soft, edge_soft, across);
        scaled(paint, shade * (1.0 + (beyond - 1.0) * edge))
    });
    let canvas = canvas.blurred(dice.range(0.0005, 0.003) * side as f32);
    Shot {
        canvas,
        round: dice.unit() < 0.4,
    }
}
