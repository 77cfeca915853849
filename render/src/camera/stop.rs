//! The field stop: the black surround, the sensor's edge, the index tab.

use crate::colour::{scaled, Light};
use crate::fundus::Layout;
use crate::geometry::{point, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::{Frame, Scene};

/// Darkens `gain` and `veil` outside the field.
pub fn apply(gain: &mut [Light], veil: &mut [Light], scene: &Scene, layout: &Layout) {
    let mut dice = Dice::new(scene.seed.wrapping_add(1), Purpose::Layout);
    let side = layout.size as usize;
    let middle = side as f32 / 2.0;
    let radius = layout.field_radius;
    // Many cameras mark which way is up by a tab on the field stop.
    let tab = Point::from_angle(dice.range(-0.85, -0.65)) * (radius * 1.005);
    let tab_radius = if scene.frame == Frame::Circle && dice.unit() < 0.5 {
        0.022 * radius
    } else {
        0.0
    };
    for y in 0..side {
        for x in 0..side {
            let p = point(x as f32 + 0.5 - middle, y as f32 + 0.5 - middle);
            let distance = p.length();
            let soft = 0.0016 * layout.size as f32 + 0.4;
            let circle = (radius - distance) / soft + 0.5;
            let in_tab = (tab_radius - (p - tab).length()) / soft + 0.5;
            let cut = layout.field_half_height - p.y.abs() + 0.5;
            let open = circle.max(in_tab).min(cut).clamp(0.0, 1.0);
            if open < 1.0 {
                let i = y * side + x;
                gain[i] = scaled(gain[i], open);
                veil[i] = scaled(veil[i], open);
            }
        }
    }
}
