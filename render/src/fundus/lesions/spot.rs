//! An irregular spot, the brush of most findings, and where findings may lie.

use super::super::layout::Layout;
use super::super::vessels::Vessel;
use crate::canvas::Canvas;
use crate::colour::Light;
use crate::geometry::{point, smooth_step, Point};
use crate::rng::Dice;
use crate::texture::Texture;

pub struct Spot {
    pub at: Point,
    /// Disc diameters.
    pub radius: f32,
    /// How many times longer than wide, along `along`.
    pub stretch: f32,
    pub along: Point,
    /// Waviness of the outline, as a share of the radius.
    pub ragged: f32,
    /// Half-width of the edge, as a share of the radius.
    pub soft: f32,
}

impl Spot {
    pub fn round(at: Point, radius: f32) -> Spot {
        Spot {
            at,
            radius,
            stretch: 1.0,
            along: point(1.0, 0.0),
            ragged: 0.25,
            soft: 0.25,
        }
    }

    /// How far `p` lies inside: 0 outside, 1 well inside.
    pub fn cover(&self, p: Point, layout: &Layout, outline: &Texture) -> f32 {
        let d = p - self.at;
        let d = point(d.dot(self.along) / self.stretch, d.cross(self.along)) * (1.0 / self.radius);
        // The outline is sampled per spot, so that neighbours differ.
        let wave = self.ragged * outline.at(d * 0.9 + self.at * 13.0);
        let soft = self.soft.max(0.6 / (self.radius * layout.view.scale));
        smooth_step(1.0 + soft, 1.0 - soft, d.length() + wave)
    }

    /// Changes the light under the spot; `change` gets the cover and the point.
    pub fn stamp(
        &self,
        canvas: &mut Canvas,
        layout: &Layout,
        outline: &Texture,
        mut change: impl FnMut(f32, Point, Light) -> Light,
    ) {
        let middle = layout.view.to_pixels(self.at);
        let size = self.radius * self.stretch.max(1.0) * layout.view.scale;
        let reach = size * (1.0 + self.ragged + self.soft) + 2.0;
        canvas.touch(middle.x, middle.y, reach, |x, y, light| {
            let p = layout.view.to_retina(point(x + 0.5, y + 0.5));
            let cover = self.cover(p, layout, outline);
            if cover > 0.0 {
                change(cover, p, light)
            } else {
                light
            }
        });
    }
}

/// A point between `near` and `far` from the fovea and off the disc.
pub fn about_fovea(dice: &mut Dice, layout: &Layout, near: f32, far: f32) -> Point {
    for _ in 0..16 {
        let r = (near * near + (far * far - near * near) * dice.unit()).sqrt();
        let p = Point::from_angle(dice.angle()) * r;
        if (p - layout.disc).length() > 0.75 {
            return p;
        }
    }
    point(-near, 0.0)
}

/// A point beside a large vessel, between `near` and `far` from the disc.
pub fn beside_arcade(
    dice: &mut Dice,
    layout: &Layout,
    tree: &[Vessel],
    near: f32,
    far: f32,
) -> Option<Point> {
    let along: Vec<Point> = tree
        .iter()
        .filter(|v| v.generation <= 1)
        .flat_map(|v| v.nodes.iter())
        .map(|n| n.at)
        .filter(|&p| (near..far).contains(&(p - layout.disc).length()) && p.length() > 0.9)
        .collect();
    if along.is_empty() {
        return None;
    }
    let p = along[dice.bits() as usize % along.len()];
    Some(p + Point::from_angle(dice.angle()) * dice.range(0.05, 0.3))
}
