//! The retina without vessels and disc: pigment, choroid, macula, nerve fibres.

use super::fibres;
use super::layout::Layout;
use crate::colour::{light, mix, plus, scaled, times, Light};
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::texture::{Sheet, Texture};

/// Where the choroidal vessels run out from.
const POLE: Point = point(0.9, 0.1);
/// Weights below this cannot be seen.
const FAINT: f32 = 0.02;

pub struct Ground {
    layout: Layout,
    base: Light,
    tessellation: f32,
    sheen: f32,
    mottling: Sheet,
    grain: Texture,
    choroid: Texture,
    choroid_net: Texture,
    choroid_warp: Sheet,
    striae: Texture,
    /// Nerve fibres lost to glaucoma: wedges by their origin at the disc,
    /// (middle, half-width, depth).
    lost: [(f32, f32, f32); 2],
    macula: Macula,
}

struct Macula {
    width: f32,
    depth: f32,
    core: f32,
    reflex: Point,
}

impl Ground {
    pub fn new(scene: &Scene, layout: &Layout) -> Ground {
        let mut dice = Dice::new(scene.seed, Purpose::Texture);
        let anatomy = &scene.anatomy;
        let base = mix(light(232, 122, 84), light(150, 68, 36), anatomy.pigment);
        let loss = scene.findings.cupping;
        Ground {
            layout: *layout,
            base,
            tessellation: anatomy.tessellation,
            sheen: anatomy.sheen,
            mottling: Sheet::of(&Texture::clouds(&mut dice, 0.45, 3)),
            grain: Texture::clouds(&mut dice, 9.0, 3),
            choroid: Texture::clouds(&mut dice, 1.9, 2),
            choroid_net: Texture::strands(&mut dice, 1.0, 2),
            choroid_warp: Sheet::of(&Texture::clouds(&mut dice, 1.1, 1)),
            striae: Texture::clouds(&mut dice, 1.0, 2),
            lost: [
                (dice.range(-1.15, -0.9), dice.range(0.16, 0.26), loss),
                (
                    dice.range(0.9, 1.15),
                    dice.range(0.1, 0.2),
                    loss * dice.range(0.2, 0.9),
                ),
            ],
            macula: Macula {
                width: dice.range(0.65, 0.85),
                depth: dice.range(0.85, 1.35) * (0.75 + 0.5 * anatomy.pigment),
                core: dice.range(0.20, 0.28),
                reflex: point(0.03 * dice.sway(), 0.03 * dice.sway()),
            },
        }
    }

    pub fn at(&self, p: Point) -> Light {
        let to_fovea = p.length();
        let q = self.layout.relative_to_disc(p);
        let fibre = fibres::through(q);

        let mottled = 0.14 * self.mottling.at(p);
        let grain = 0.09 * self.grain.at(p);
        // Pigment takes green and blue before red.
        let tissue = [
            1.0 + 0.7 * mottled + 0.6 * grain,
            1.0 + mottled + grain,
            1.0 + mottled + grain,
        ];
        let mut out = times(self.base, tissue);
        out = times(out, self.choroid(p, to_fovea, fibre.distance));
        out = times(out, self.macula(p, to_fovea));
        // The disc's neighbourhood scatters more light than the periphery.
        let glow = bump((fibre.distance - 0.4).max(0.0), 0.75);
        out = times(
            out,
            [1.0 + 0.16 * glow, 1.0 + 0.26 * glow, 1.0 + 0.26 * glow],
        );
        plus(out, self.sheen(p, to_fovea, fibre))
    }

    /// Choroidal vessels, bright orange between dark pigment: broad bands that
    /// run out from the posterior pole and join. The macula's denser pigment
    /// hides them.
    fn choroid(&self, p: Point, to_fovea: f32, to_disc: f32) -> Light {
        let out = p - POLE;
        let distance = out.length();
        let clear = smooth_step(0.5, 1.9, distance) * smooth_step(0.4, 2.2, to_fovea);
        let shown = clear * smooth_step(0.45, 0.9, to_disc);
        let shown = shown * (0.08 + 0.92 * self.tessellation);
        if shown < FAINT {
            return [1.0; 3];
        }
        let warp = self.choroid_warp.at(p);
        // Noise that is long outwards and short across.
        let along = out.unit().turned(0.035 * warp) * (5.0 + 0.8 * distance);
        let band = smooth_step(-0.45, 0.45, self.choroid.at(along)) * 2.0 - 1.0;
        let net = self.choroid_net.at(along);
        let k = shown * (0.6 * band + 0.5 * net);
        [1.0 + 0.12 * k, 1.0 + 0.36 * k, 1.0 + 0.28 * k]
    }

    fn macula(&self, p: Point, to_fovea: f32) -> Light {
        let m = &self.macula;
        let oval = point(p.x * 0.9, p.y).length();
        let yellow = m.depth * bump(oval, m.width);
        let pit = m.depth * bump(to_fovea, m.core);
        [
            1.0 - 0.20 * yellow - 0.13 * pit,
            1.0 - 0.30 * yellow - 0.24 * pit,
            1.0 - 0.34 * yellow - 0.22 * pit,
        ]
    }

    /// Light that the surface of the retina returns: striated over the arcuate
    /// fibres, a ring about the macula, a point in the foveal pit.
    fn sheen(&self, p: Point, to_fovea: f32, fibre: fibres::Fibre) -> Light {
        let mut out = scaled([0.10, 0.105, 0.095], self.fibre_layer(p, fibre));

        let oval = point(p.x * 0.85, p.y).length();
        let young = smooth_step(0.45, 1.0, self.sheen) * bump(oval - 0.95, 0.13);
        if young > FAINT {
            let around = p.unit() * 2.2;
            let broken =
                (0.45 + 0.9 * self.mottling.at(around)) * (0.75 + 0.35 * self.striae.at(p * 5.0));
            let broken = broken.max(0.0);
            out = plus(out, scaled([0.07, 0.075, 0.065], young * broken));
        }

        let from_reflex = p - self.macula.reflex;
        if to_fovea < 0.3 {
            let spot = bump(from_reflex.length(), 0.035);
            let crescent =
                bump(from_reflex.length() - 0.09, 0.02) * smooth_step(0.0, 0.08, from_reflex.y);
            out = plus(
                out,
                scaled([0.16, 0.11, 0.07], self.sheen * (spot + 0.3 * crescent)),
            );
        }
        out
    }

    fn fibre_layer(&self, p: Point, fibre: fibres::Fibre) -> f32 {
        let across = fibre.origin.abs();
        let bundle = bump(across - 1.15, 0.55) + 0.25 * bump(across - 2.4, 0.5);
        let falloff =
            smooth_step(0.45, 0.8, fibre.distance) * bump((fibre.distance - 0.6).max(0.0), 1.9);
        let mut layer = bundle * falloff * self.sheen;
        if layer < FAINT {
            return 0.0;
        }
        // Long along the fibre, fine across it.
        let stria = self
            .striae
            .at(point(fibre.origin * 26.0, fibre.distance * 0.9));
        let clumps = 0.7 + 0.5 * self.mottling.at(point(p.y * 2.0, p.x * 2.0));
        layer *= clumps * (0.55 + 0.6 * stria);
        for (middle, half_width, depth) in self.lost {
            let wedge = smooth_step(
                half_width * 1.3,
                half_width * 0.8,
                (fibre.origin - middle).abs(),
            );
            layer *= 1.0 - wedge * depth;
        }
        layer.max(0.0)
    }
}
