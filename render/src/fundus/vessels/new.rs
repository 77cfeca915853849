//! New vessels: fine looping tufts on the disc and along the veins, the mark
//! of proliferative retinopathy.

use super::super::layout::Layout;
use super::trunks::STEP;
use super::{Kind, Node, Vessel};
use crate::geometry::Point;
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;

pub fn tufts(scene: &Scene, layout: &Layout, tree: &[Vessel]) -> Vec<Vessel> {
    let mut dice = Dice::new(scene.seed, Purpose::NewVessels);
    let strength = scene.findings.new_vessels;
    let mut out = Vec::new();
    if strength <= 0.0 {
        return out;
    }
    let on_disc = layout.at_disc(0.15 * dice.sway(), 0.3 * dice.sway());
    tuft(on_disc, 0.75, strength, &mut dice, &mut out);

    let roots: Vec<Point> = tree
        .iter()
        .filter(|v| v.kind == Kind::Vein && v.generation <= 1)
        .flat_map(|v| v.nodes.iter().map(|n| n.at))
        .filter(|&p| (1.2..3.2).contains(&(p - layout.disc).length()) && p.length() > 1.2)
        .collect();
    if roots.is_empty() {
        return out;
    }
    for _ in 0..dice.count(4.0, strength) {
        let root = roots[dice.bits() as usize % roots.len()];
        tuft(root, 0.42, strength, &mut dice, &mut out);
    }
    out
}

/// A fan of strands that curl back and cross each other.
fn tuft(root: Point, reach: f32, strength: f32, dice: &mut Dice, out: &mut Vec<Vessel>) {
    let strands = 8 + (14.0 * strength) as u32;
    let leaning = dice.angle();
    for _ in 0..strands {
        let mut heading = Point::from_angle(leaning + 2.2 * dice.sway());
        let mut at = root + Point::from_angle(dice.angle()) * (0.25 * reach * dice.unit());
        let curl = dice.sign() * dice.range(0.02, 0.13);
        let radius = dice.range(0.0075, 0.0125);
        let steps = (reach * dice.range(0.5, 1.5) / STEP * 1.6) as u32;
        let mut nodes = Vec::new();
        for i in 0..steps {
            let share = i as f32 / steps as f32;
            nodes.push(Node {
                at,
                radius: radius * (1.0 - 0.35 * share),
            });
            // Strands end in loops: the turn tightens outwards.
            heading = heading.turned(curl * (0.4 + 2.0 * share) + 0.16 * dice.sway());
            at = at + heading * (STEP * 0.7);
        }
        out.push(Vessel {
            kind: Kind::Vein,
            generation: u32::MAX,
            nodes,
        });
    }
}
