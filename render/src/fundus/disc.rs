//! The optic disc: rim, cup, pores of the lamina, and the crescents about it.

use libm::{cosf, sinf};

use super::layout::Layout;
use crate::colour::{light, mix, scaled, times, Light};
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::texture::Texture;

/// Vertical cup-to-disc ratio at full cupping.
const DEEPEST_CUP: f32 = 0.92;

pub struct Disc {
    layout: Layout,
    half_width: f32,
    half_height: f32,
    tilt: f32,
    cup: f32,
    cup_middle: Point,
    cup_depth: f32,
    cupping: f32,
    pallor: f32,
    crescent: f32,
    clumps: f32,
    outline: Texture,
    tissue: Texture,
    pores: Texture,
}

impl Disc {
    pub fn new(scene: &Scene, layout: &Layout) -> Disc {
        let mut dice = Dice::new(scene.seed, Purpose::Disc);
        let cupping = scene.findings.cupping;
        let healthy = scene.anatomy.cup_ratio.clamp(0.0, DEEPEST_CUP);
        let cup = healthy + (DEEPEST_CUP - healthy) * cupping;
        Disc {
            layout: *layout,
            half_width: dice.range(0.44, 0.49),
            half_height: dice.range(0.50, 0.55),
            tilt: 0.2 * dice.sway(),
            cup,
            // Cups open to the temple; a deep one fills the disc.
            cup_middle: point(0.13 * (1.0 - cup), 0.05 * dice.sway()),
            cup_depth: dice.range(0.45, 0.9).max(cupping),
            cupping,
            pallor: dice.range(0.0, 0.3) + 0.5 * cupping,
            crescent: (dice.range(-0.6, 0.9) + 0.6 * cupping).clamp(0.0, 1.0),
            clumps: dice.range(-0.5, 1.0).max(0.0),
            outline: Texture::clouds(&mut dice, 1.6, 2),
            tissue: Texture::clouds(&mut dice, 5.0, 3),
            pores: Texture::cells(&mut dice, 17.0),
        }
    }

    /// The disc and what surrounds it, over the retina's `ground` at `p`.
    pub fn over(&self, p: Point, ground: Light) -> Light {
        // x to the temple, in units that make the disc a unit circle.
        let q = self.layout.relative_to_disc(p).turned(self.tilt);
        if q.dot(q) > 1.2 {
            return ground;
        }
        let q = point(q.x / self.half_width, q.y / self.half_height);
        let distance = q.length();
        let angle = q.angle();
        let edge = 1.0 + 0.035 * self.outline.at(point(cosf(angle), sinf(angle)));
        let rho = distance / edge;
        let temporal = 0.5 + 0.5 * cosf(angle);

        let around = self.crescents(q, rho, temporal, ground);
        // The nasal edge is the softer one: more fibres cross it.
        let soft = 0.07 + 0.09 * (1.0 - temporal);
        let inside = smooth_step(1.0 + soft, 1.0 - soft, rho);
        if inside <= 0.0 {
            return around;
        }
        mix(around, self.surface(p, q, rho, temporal), inside)
    }

    fn crescents(&self, q: Point, rho: f32, temporal: f32, ground: Light) -> Light {
        let side = temporal * temporal;
        // A thin pale ring of sclera all round, wider to the temple.
        let ring = bump(rho - 1.02, 0.05) * (0.10 + 0.35 * side);
        let mut out = mix(ground, light(240, 180, 124), ring);
        let width = 0.10 + 0.28 * self.crescent;
        let ragged = 0.05 * self.tissue.at(q);
        let zone = smooth_step(
            1.0 + width * side + ragged,
            0.9 + width * side + ragged,
            rho,
        );
        out = mix(out, light(226, 146, 98), 0.55 * zone * self.crescent * side);
        let clump = smooth_step(0.1, 0.5, self.tissue.at(q * 0.9 + point(7.0, 3.0)))
            * bump(rho - 1.06 - 0.6 * width * side, 0.07)
            * smooth_step(0.55, 0.85, temporal);
        times(
            out,
            [
                1.0 - 0.55 * clump * self.clumps,
                1.0 - 0.5 * clump * self.clumps,
                1.0 - 0.4 * clump * self.clumps,
            ],
        )
    }

    fn surface(&self, p: Point, q: Point, rho: f32, temporal: f32) -> Light {
        let pink = mix(
            light(232, 128, 88),
            light(246, 178, 118),
            0.25 + 0.7 * temporal * (0.5 + 0.5 * rho),
        );
        let rim = mix(pink, light(242, 190, 140), self.pallor);
        let tissue = 1.0 + 0.06 * self.tissue.at(p);
        // Thicker fibres above and below redden the rim there.
        let poles = q.y * q.y * (1.0 - self.pallor);
        let rim = scaled(
            times(rim, [1.0, 1.0 - 0.12 * poles, 1.0 - 0.12 * poles]),
            tissue * (1.0 - 0.07 * rho * rho),
        );

        // Glaucoma takes the rim above and below first: the cup grows upright.
        let c = q - self.cup_middle;
        let c = point(
            c.x * (1.0 + 0.18 * self.cupping),
            c.y * (1.0 - 0.05 * self.cupping),
        );
        let wall = 0.12 + 0.30 * (1.0 - self.cup_depth) * (1.0 - self.cupping);
        let radius = c.length();
        let inside = smooth_step(self.cup + wall, (self.cup - wall).max(0.0), radius);
        let mut cup = mix(light(250, 196, 136), light(254, 222, 176), self.cup_depth);
        let pore = smooth_step(-0.25, -0.95, self.pores.at(p));
        cup = scaled(
            cup,
            1.0 - 0.10 * pore * self.cup_depth * smooth_step(self.cup, self.cup * 0.4, radius),
        );
        // The nasal wall overhangs and casts a shade.
        let shade = self.cup_depth * bump(radius - self.cup, 0.09) * smooth_step(0.2, -0.6, q.x);
        let out = mix(rim, cup, inside * (0.45 + 0.55 * self.cup_depth));
        times(
            out,
            [1.0 - 0.10 * shade, 1.0 - 0.2 * shade, 1.0 - 0.22 * shade],
        )
    }
}
