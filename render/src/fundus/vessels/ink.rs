//! Vessels as the camera sees them: columns of blood that absorb light, with a
//! bright streak where the arterial wall reflects it.

use rayon::prelude::*;

use super::super::layout::Layout;
use super::{Kind, Vessel};
use crate::canvas::{span, Canvas};
use crate::colour::{scaled, through, Light};
use crate::geometry::{bump, Point};
use crate::scene::Scene;

/// Absorption of a full-width column, red, green, blue: oxygenated blood lets
/// more red through.
const ARTERIAL: Light = [0.24, 1.12, 0.80];
const VENOUS: Light = [0.50, 1.42, 0.92];
/// Radius, in disc diameters, at which a column counts as full.
const FULL: f32 = 0.06;
/// How much brighter the line beside a vessel is.
const BORDER: f32 = 0.09;

/// Density and reflex at every pixel, for one kind of vessel.
struct Layer {
    density: Vec<f32>,
    reflex: Vec<f32>,
    /// The brighter line that wall and camera leave beside a large vessel.
    border: Vec<f32>,
}

pub fn paint(canvas: &mut Canvas, tree: &[Vessel], layout: &Layout, scene: &Scene) {
    let (veins, arteries) = rayon::join(
        || layer(canvas.width, tree, layout, Kind::Vein, 0.22),
        || {
            layer(
                canvas.width,
                tree,
                layout,
                Kind::Artery,
                0.34 + 0.2 * scene.anatomy.sheen,
            )
        },
    );
    canvas
        .pixels
        .par_iter_mut()
        .enumerate()
        .for_each(|(i, pixel)| {
            let (vein, artery) = (veins.density[i], arteries.density[i]);
            let border = veins.border[i].max(arteries.border[i]);
            if vein + artery + border <= 0.0 {
                return;
            }
            let beside = BORDER * border * (1.0 - 1.5 * (vein + artery)).max(0.0);
            let ground = scaled(*pixel, 1.0 + beside);
            // An artery lies before the vein that it crosses and hides it in part.
            let hidden = 1.0 - 0.45 * artery.min(1.0);
            let behind = through(ground, VENOUS, vein * hidden);
            let behind = scaled(behind, 1.0 + veins.reflex[i] * hidden);
            let front = through(behind, ARTERIAL, artery);
            let shine = arteries.reflex[i];
            *pixel = [
                front[0] * (1.0 + 0.55 * shine),
                front[1] * (1.0 + 1.5 * shine),
                front[2] * (1.0 + 1.2 * shine),
            ];
        });
}

fn layer(side: usize, tree: &[Vessel], layout: &Layout, kind: Kind, shine: f32) -> Layer {
    let mut out = Layer {
        density: vec![0.0; side * side],
        reflex: vec![0.0; side * side],
        border: vec![0.0; side * side],
    };
    for vessel in tree.iter().filter(|v| v.kind == kind) {
        let nodes: Vec<(Point, f32)> = vessel
            .nodes
            .iter()
            .map(|n| (layout.view.to_pixels(n.at), n.radius * layout.view.scale))
            .collect();
        for pair in nodes.windows(2) {
            segment(&mut out, side, layout, pair[0], pair[1], shine);
        }
    }
    out
}

fn thickness_of(radius: f32, layout: &Layout) -> f32 {
    (radius / layout.view.scale / FULL).min(1.2)
}

fn segment(
    out: &mut Layer,
    side: usize,
    layout: &Layout,
    a: (Point, f32),
    b: (Point, f32),
    shine: f32,
) {
    // Thinner than a pixel: as wide as one, and fainter.
    let drawn = |r: f32| r.max(0.75);
    let reach = drawn(a.1.max(b.1)) * 1.5 + 1.5;
    let (low, high) = (
        (a.0.x.min(b.0.x), a.0.y.min(b.0.y)),
        (a.0.x.max(b.0.x), a.0.y.max(b.0.y)),
    );
    let across = span((low.0 + high.0) / 2.0, (high.0 - low.0) / 2.0 + reach, side);
    let along = b.0 - a.0;
    let square = along.dot(along).max(1e-9);
    for y in span((low.1 + high.1) / 2.0, (high.1 - low.1) / 2.0 + reach, side) {
        for x in across.clone() {
            let p = Point {
                x: x as f32 + 0.5,
                y: y as f32 + 0.5,
            };
            let t = ((p - a.0).dot(along) / square).clamp(0.0, 1.0);
            let distance = (p - (a.0 + along * t)).length();
            let radius = a.1 + (b.1 - a.1) * t;
            let wide = drawn(radius);
            let share = distance / wide;
            let i = y * side + x;
            if radius > 1.6 && share > 0.9 {
                out.border[i] =
                    out.border[i].max(bump(share - 1.2, 0.2) * thickness_of(radius, layout));
            }
            if distance > wide + 1.0 {
                continue;
            }
            let column = (1.0 - (share * share).min(1.0) * 0.88).sqrt();
            let cover = ((wide - distance) * 0.7 + 0.5).clamp(0.0, 1.0);
            let thickness = thickness_of(radius, layout);
            let strength = thickness.sqrt() * (radius / wide);
            out.density[i] = out.density[i].max(strength * column * cover);
            if radius > 1.6 {
                let streak =
                    shine * bump(distance, 0.30 * radius) * (0.35 + 0.65 * thickness.min(1.0));
                out.reflex[i] = out.reflex[i].max(streak);
            }
        }
    }
}
