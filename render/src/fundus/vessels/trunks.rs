//! The vessels that leave the disc: four arcades, and the small ones between.

use super::super::layout::Layout;
use super::Kind;
use crate::geometry::{curve_through, point, Point};
use crate::rng::Dice;

/// The planned course of a vessel that leaves the disc.
pub struct Trunk {
    pub kind: Kind,
    pub path: Vec<Point>,
    /// At the disc, disc diameters. The widest vein is an eighth of the disc.
    pub radius: f32,
    /// True for the arcades, which carry the tree.
    pub arcade: bool,
}

/// Spacing of the nodes of a vessel, disc diameters.
pub const STEP: f32 = 0.03;

pub fn trunks(dice: &mut Dice, layout: &Layout) -> Vec<Trunk> {
    let mut out = Vec::new();
    for up in [1.0, -1.0] {
        temporal_arcade(dice, layout, up, &mut out);
        nasal_arcade(dice, layout, up, &mut out);
        macular(dice, layout, up, &mut out);
    }
    nasal_twigs(dice, layout, &mut out);
    out
}

/// Knots are (towards the temple, up) from the disc's middle.
fn push(
    out: &mut Vec<Trunk>,
    layout: &Layout,
    kind: Kind,
    radius: f32,
    arcade: bool,
    knots: &[Point],
) {
    let knots: Vec<Point> = knots.iter().map(|k| layout.at_disc(k.x, k.y)).collect();
    out.push(Trunk {
        kind,
        path: curve_through(&knots, STEP),
        radius,
        arcade,
    });
}

fn temporal_arcade(dice: &mut Dice, layout: &Layout, up: f32, out: &mut Vec<Trunk>) {
    let height = dice.range(1.85, 2.3) + if up < 0.0 { 0.2 } else { 0.0 };
    let reach = dice.range(-0.35, 0.5);
    let lean = 0.12 * dice.sway();
    let course = |aside: f32, wobble: [f32; 3]| {
        [
            point(-0.09 - aside * 0.25, up * 0.01),
            point(-0.07 + aside * 0.3, up * 0.30),
            point(0.06 + lean + aside * 0.55, up * (0.72 + wobble[0] * 0.1)),
            point(
                0.50 + lean + aside,
                up * (1.30 - 0.3 * aside + 0.1 * wobble[0]),
            ),
            point(1.40, up * (height - 0.18 - aside + 0.15 * wobble[1])),
            point(2.60, up * (height + 0.06 - aside * 0.7 + 0.2 * wobble[2])),
            point(
                4.00,
                up * (height + 0.3 * reach + 0.25 * wobble[1] - aside * 0.4),
            ),
            point(6.20, up * (height + reach + 0.4 * wobble[0] + 0.3)),
        ]
    };
    // The artery runs beside the vein and changes side where they cross.
    let side = dice.sign();
    let aside = side * dice.range(0.10, 0.17);
    let vein = course(0.0, [dice.sway(), dice.sway(), dice.sway()]);
    let mut artery = course(aside, [dice.sway(), dice.sway(), dice.sway()]);
    let crossing = dice.range(-0.3, 0.35);
    for (i, knot) in artery.iter_mut().enumerate().skip(4) {
        knot.y += up * crossing * (i as f32 - 3.0) * 0.5;
    }
    push(
        out,
        layout,
        Kind::Vein,
        dice.range(0.054, 0.062),
        true,
        &vein,
    );
    push(
        out,
        layout,
        Kind::Artery,
        dice.range(0.041, 0.048),
        true,
        &artery,
    );
}

fn nasal_arcade(dice: &mut Dice, layout: &Layout, up: f32, out: &mut Vec<Trunk>) {
    let spread = dice.range(-0.2, 0.3);
    let course = |aside: f32, bow: f32| {
        [
            point(-0.11 + aside * 0.2, up * 0.03),
            point(-0.21 + aside * 0.4, up * 0.32),
            point(-0.42 + aside, up * (0.72 + 0.5 * aside)),
            point(-0.95 + aside + 0.15 * bow, up * (1.35 + spread)),
            point(-1.75 - 0.2 * bow, up * (2.15 + spread + 0.3 * bow)),
            point(-2.90, up * (2.9 + 1.6 * spread + 0.4 * bow)),
        ]
    };
    let aside = dice.sign() * dice.range(0.09, 0.16);
    let vein = course(0.0, dice.sway());
    let artery = course(aside, dice.sway());
    push(
        out,
        layout,
        Kind::Vein,
        dice.range(0.036, 0.046),
        true,
        &vein,
    );
    push(
        out,
        layout,
        Kind::Artery,
        dice.range(0.028, 0.036),
        true,
        &artery,
    );
}

/// Small vessels from the disc's temporal edge towards the macula.
fn macular(dice: &mut Dice, layout: &Layout, up: f32, out: &mut Vec<Trunk>) {
    for kind in [Kind::Artery, Kind::Vein] {
        if dice.unit() < 0.15 {
            continue;
        }
        let lift = dice.range(0.2, 0.65);
        let bow = dice.range(0.1, 0.5);
        let knots = [
            point(0.12, up * 0.16),
            point(0.36, up * (0.20 + 0.25 * lift)),
            point(0.90, up * (0.25 + 0.7 * lift + 0.3 * bow)),
            point(1.60, up * (0.30 + lift + 0.4 * bow)),
            point(2.15, up * (0.45 + 0.8 * lift)),
            point(2.40 + 0.2 * bow, up * (0.40 + 0.3 * lift)),
        ];
        push(out, layout, kind, dice.range(0.014, 0.022), false, &knots);
    }
}

/// Small vessels that run straight to the nasal side.
fn nasal_twigs(dice: &mut Dice, layout: &Layout, out: &mut Vec<Trunk>) {
    let count = 5 + (3.0 * dice.unit()) as u32;
    for i in 0..count {
        let share = (i as f32 + 0.5 + 0.35 * dice.sway()) / count as f32;
        let angle = (share - 0.5) * 2.0;
        let away = Point::from_angle(angle);
        let bow = 0.25 * dice.sway();
        let knots: Vec<Point> = [0.26f32, 0.45, 0.9, 1.6, 2.4, 3.2]
            .iter()
            .map(|&r| {
                let p = away.turned(bow * r * 0.4) * r;
                point(-p.x - 0.04, p.y * (1.0 + 0.12 * r))
            })
            .collect();
        let kind = if i % 2 == 0 { Kind::Artery } else { Kind::Vein };
        push(out, layout, kind, dice.range(0.013, 0.026), false, &knots);
    }
}
