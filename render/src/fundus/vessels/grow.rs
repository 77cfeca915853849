//! Growth of the tree: trunks along their planned course, then generation by
//! generation of branches that seek the macula or the periphery and keep away
//! from vessels of their own kind.

use libm::{cbrtf, sinf};

use super::super::layout::Layout;
use super::trunks::{trunks, STEP};
use super::{Kind, Node, Vessel};
use crate::geometry::{bump, point, smooth_step, Point};
use crate::rng::{Dice, Purpose};
use crate::scene::Scene;

/// Vessels thinner than this cannot be seen at 45 degrees.
const THINNEST: f32 = 0.0055;
const GENERATIONS: u32 = 4;
/// Half the side of the square of retina in which vessels grow.
const EXTENT: f32 = 7.0;

#[derive(Clone, Copy)]
enum Goal {
    Fovea,
    Periphery,
}

struct Bud {
    kind: Kind,
    generation: u32,
    parent: usize,
    at: Point,
    heading: Point,
    radius: f32,
    goal: Goal,
}

pub fn grow(scene: &Scene, layout: &Layout) -> Vec<Vessel> {
    let mut dice = Dice::new(scene.seed, Purpose::Vessels);
    let mut tree = Vec::new();
    let mut taken = Taken::new();
    let mut buds = Vec::new();
    let winding = scene.anatomy.tortuosity;
    for trunk in trunks(&mut dice, layout) {
        let path = wind(&trunk.path, winding, &mut dice);
        let shrink = if trunk.arcade { 0.25 } else { 0.6 };
        let count = path.len().max(2) as f32;
        let nodes: Vec<Node> = path
            .iter()
            .enumerate()
            .map(|(i, &at)| {
                let share = i as f32 / count;
                // Small vessels come out of the disc's depth little by little.
                let deep = if trunk.arcade { 0.45 } else { 0.1 };
                let surfacing = deep + (1.0 - deep) * smooth_step(0.0, 0.3, i as f32 * STEP);
                Node {
                    at,
                    radius: trunk.radius * (1.0 - shrink * share) * surfacing,
                }
            })
            .collect();
        let mut vessel = Vessel {
            kind: trunk.kind,
            generation: 0,
            nodes,
        };
        taken.note(&vessel, tree.len());
        bud(&mut vessel, tree.len(), layout, &mut dice, &mut buds);
        tree.push(vessel);
    }
    for _ in 0..GENERATIONS {
        for b in std::mem::take(&mut buds) {
            let mut vessel = branch(&b, tree.len(), layout, winding, &taken, &mut dice);
            // Shorter than this it would look like a thorn.
            if (vessel.nodes.len() as f32) * STEP < 0.15 + 13.0 * b.radius {
                continue;
            }
            taken.note(&vessel, tree.len());
            bud(&mut vessel, tree.len(), layout, &mut dice, &mut buds);
            tree.push(vessel);
        }
    }
    tree
}

/// A planned course with the windings of a real vessel.
fn wind(path: &[Point], winding: f32, dice: &mut Dice) -> Vec<Point> {
    let waves: [(f32, f32, f32); 3] = [
        (dice.range(1.1, 1.8), dice.range(0.03, 0.07), dice.angle()),
        (
            dice.range(0.55, 0.9),
            dice.range(0.010, 0.026),
            dice.angle(),
        ),
        (
            dice.range(0.25, 0.4),
            dice.range(0.002, 0.006),
            dice.angle(),
        ),
    ];
    let mut run = 0.0;
    let mut out = Vec::with_capacity(path.len());
    for (i, &p) in path.iter().enumerate() {
        let before = path[i.saturating_sub(1)];
        let after = path[(i + 1).min(path.len() - 1)];
        run += (p - before).length();
        let side: f32 = waves
            .iter()
            .map(|(length, height, phase)| {
                height * sinf(std::f32::consts::TAU * run / length + phase)
            })
            .sum();
        let free = smooth_step(0.3, 1.0, run) * (0.35 + 1.3 * winding);
        out.push(p + (after - before).unit().left() * (side * free));
    }
    out
}

/// Sets buds along a vessel, alternately left and right. What a branch takes,
/// the vessel loses (Murray: the cubes of the radii add up).
fn bud(vessel: &mut Vessel, index: usize, layout: &Layout, dice: &mut Dice, buds: &mut Vec<Bud>) {
    if vessel.generation >= GENERATIONS || vessel.nodes.len() < 4 {
        return;
    }
    let mut side = dice.sign();
    let spacing = |radius: f32, dice: &mut Dice| (0.16 + 6.0 * radius) * dice.range(0.6, 1.5);
    let mut next = spacing(vessel.nodes[0].radius, dice) * 0.7;
    let mut run = 0.0;
    for i in 1..vessel.nodes.len() - 1 {
        let node = vessel.nodes[i];
        run += STEP;
        let clear_of_disc = (node.at - layout.disc).length() > 0.75;
        if run < next || !clear_of_disc {
            continue;
        }
        next = run + spacing(node.radius, dice);
        if dice.unit() < 0.85 {
            side = -side;
        }
        let fork = dice.unit() < 0.22;
        let share = if fork {
            dice.range(0.6, 0.78)
        } else {
            dice.range(0.28, 0.55)
        };
        let radius = node.radius * share;
        if radius < THINNEST {
            continue;
        }
        let rest = cbrtf(1.0 - share * share * share);
        for later in &mut vessel.nodes[i + 1..] {
            later.radius *= rest;
        }
        let turn = if fork {
            dice.range(0.4, 0.7)
        } else {
            dice.range(0.7, 1.25)
        };
        let ahead = (vessel.nodes[i + 1].at - vessel.nodes[i - 1].at).unit();
        let heading = ahead.turned(side * turn);
        // The side that faces the fovea feeds the macula.
        let inwards = heading.dot((node.at * -1.0).unit()) > 0.15 && node.at.length() < 3.4;
        buds.push(Bud {
            kind: vessel.kind,
            generation: vessel.generation + 1,
            parent: index,
            at: node.at,
            heading,
            radius,
            goal: if inwards {
                Goal::Fovea
            } else {
                Goal::Periphery
            },
        });
    }
}

fn branch(
    bud: &Bud,
    index: usize,
    layout: &Layout,
    winding: f32,
    taken: &Taken,
    dice: &mut Dice,
) -> Vessel {
    let budget = (bud.radius * 95.0).clamp(0.35, 4.2) * dice.range(0.7, 1.3);
    let avascular = dice.range(0.27, 0.55);
    let mut at = bud.at;
    let mut heading = bud.heading;
    let mut sway = 0.0f32;
    let mut turned = 0.0f32;
    let mut nodes = vec![Node {
        at,
        radius: bud.radius,
    }];
    let steps = (budget / STEP) as u32;
    for i in 0..steps {
        let run = i as f32 * STEP;
        sway = 0.88 * sway + 0.40 * dice.sway();
        let pull = match bud.goal {
            Goal::Fovea => (at * -1.0).unit() * 0.035,
            Goal::Periphery => ((at - layout.disc).unit() + at.unit() * 0.6) * 0.02,
        };
        let push = taken.push(at, bud.kind, index, bud.parent, run) * 0.02;
        let next = (heading.turned(sway * 0.11 * (0.5 + winding)) + pull + push).unit();
        turned += heading.cross(next);
        heading = next;
        at = at + heading * STEP;
        let outside = at.x.abs().max(at.y.abs()) > EXTENT;
        let on_disc = (at - layout.disc).length() < 0.52;
        // Healthy vessels wind but do not curl up.
        let curled = turned.abs() > 2.2;
        if outside
            || on_disc
            || curled
            || at.length() < avascular
            || taken.touches(at, bud.kind, bud.parent, run)
        {
            break;
        }
        nodes.push(Node {
            at,
            radius: bud.radius,
        });
    }
    // However short it came to be, it ends thin.
    let count = nodes.len() as f32;
    for (i, node) in nodes.iter_mut().enumerate() {
        let share = i as f32 / count;
        let ending = smooth_step(1.0, 0.75, share);
        node.radius =
            (node.radius * (1.0 - 0.55 * share) * (0.35 + 0.65 * ending)).max(THINNEST * 0.5);
    }
    Vessel {
        kind: bud.kind,
        generation: bud.generation,
        nodes,
    }
}

/// Where vessels run already, for those that come later.
struct Taken {
    cells: Vec<Vec<(Point, Kind, usize)>>,
}

const CELL: f32 = 0.25;
const SIDE: i32 = (2.0 * EXTENT / CELL) as i32 + 1;

impl Taken {
    fn new() -> Taken {
        Taken {
            cells: vec![Vec::new(); (SIDE * SIDE) as usize],
        }
    }

    fn cell(p: Point) -> (i32, i32) {
        let place = |v: f32| ((v + EXTENT) / CELL) as i32;
        (place(p.x), place(p.y))
    }

    fn note(&mut self, vessel: &Vessel, index: usize) {
        for node in &vessel.nodes {
            let (x, y) = Taken::cell(node.at);
            if (0..SIDE).contains(&x) && (0..SIDE).contains(&y) {
                self.cells[(y * SIDE + x) as usize].push((node.at, vessel.kind, index));
            }
        }
    }

    fn near(&self, p: Point) -> impl Iterator<Item = &(Point, Kind, usize)> {
        let (x, y) = Taken::cell(p);
        (y - 1..=y + 1)
            .filter(|y| (0..SIDE).contains(y))
            .flat_map(move |y| {
                (x - 1..=x + 1)
                    .filter(|x| (0..SIDE).contains(x))
                    .map(move |x| (y * SIDE + x) as usize)
            })
            .flat_map(|i| self.cells[i].iter())
    }

    /// Pushes a growing tip away from its own kind; its parent only once it
    /// has left it.
    fn push(&self, p: Point, kind: Kind, own: usize, parent: usize, run: f32) -> Point {
        let mut force = point(0.0, 0.0);
        for &(q, other, index) in self.near(p) {
            if other != kind || index == own || (index == parent && run < 0.25) {
                continue;
            }
            let away = p - q;
            force = force + away.unit() * bump(away.length(), 0.14);
        }
        force
    }

    fn touches(&self, p: Point, kind: Kind, parent: usize, run: f32) -> bool {
        self.near(p).any(|&(q, other, index)| {
            let own_parent = index == parent && run < 0.2;
            other == kind && !own_parent && (p - q).length() < 0.035
        })
    }
}
