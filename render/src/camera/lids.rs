//! The upper lid and its lashes in the light's path. The camera's image is
//! upside down with respect to the pupil, so they appear from below; from above in
//! a quarter of the scenes.

use crate::colour::{mix, plus, scaled, Light};
use crate::fundus::Layout;
use crate::geometry::{curve_through, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;
use crate::shadow::Shadow;

/// Shades `gain` and `veil` under lashes and covers them under the lid.
pub fn apply(gain: &mut [Light], veil: &mut [Light], scene: &Scene, layout: &Layout) {
    let strength = scene.camera.lashes;
    if strength <= 0.0 {
        return;
    }
    let mut dice = Dice::new(scene.seed, Purpose::Lids);
    let side = layout.size as usize;
    let from_below = if dice.unit() < 0.75 { 1.0 } else { -1.0 };
    let slope = 0.14 * dice.sway();
    let bow = dice.range(0.06, 0.2);
    let rim = 1.0 - 0.58 * strength + 0.06 * dice.sway();
    let unit = layout.field_radius;
    let middle = point(side as f32 / 2.0, side as f32 / 2.0);
    // Where the lid begins, in field radii from the middle, at `x`.
    let border = |x: f32| rim + slope * x + bow * x * x;

    let mut shadow = Shadow::new(side);
    let lashes = 7 + (13.0 * strength) as u32;
    for i in 0..lashes {
        let x = -0.95 + 1.9 * (i as f32 + 0.8 * dice.unit()) / lashes as f32;
        let root = point(x, border(x) + 0.30);
        let lean = 0.45 * x + 0.55 * dice.sway();
        let length = dice.range(0.38, 0.82) * (0.5 + 0.5 * strength);
        let knots: Vec<Point> = [0.0f32, 0.35, 0.7, 1.0]
            .iter()
            .map(|&t| {
                let p = point(root.x + lean * t * t * length * 1.6, root.y - length * t);
                middle + point(p.x, p.y * from_below) * unit
            })
            .collect();
        let width = dice.range(0.012, 0.030) * unit;
        shadow.stroke(&curve_through(&knots, 2.0), width, dice.range(0.3, 0.75));
    }

    for y in 0..side {
        for x in 0..side {
            let i = y * side + x;
            let p = (point(x as f32 + 0.5, y as f32 + 0.5) - middle) * (1.0 / unit);
            let inside = p.y * from_below - border(p.x);
            let covered = smooth_step(-0.14, 0.20, inside);
            let dim = smooth_step(-0.6, 0.05, inside);
            // The lid itself is far too near and lit far too brightly.
            let skin = mix(
                [0.55, 0.26, 0.15],
                [1.25, 1.05, 0.8],
                smooth_step(0.0, 0.42, inside),
            );
            let lash = 1.0 - shadow.depth[i];
            // Roots drown in the glare of the lid.
            let root = 1.0 - 0.75 * shadow.depth[i] * smooth_step(0.20, -0.10, inside);
            gain[i] = scaled(gain[i], (1.0 - covered) * (1.0 - 0.45 * dim) * lash);
            veil[i] = scaled(veil[i], (1.0 - covered) * lash);
            veil[i] = plus(veil[i], scaled(skin, covered * root));
        }
    }
}
