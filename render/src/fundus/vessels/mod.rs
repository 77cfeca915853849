//! The retinal vessels: grown as a tree, then inked onto the ground.

mod grow;
mod ink;
mod new;
mod trunks;

use super::layout::Layout;
use crate::canvas::Canvas;
use crate::geometry::Point;
use crate::scene::Scene;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Artery,
    Vein,
}

/// One vessel without its branches, from its origin outwards.
#[derive(Clone, Debug)]
pub struct Vessel {
    pub kind: Kind,
    /// 0 leaves the disc, 1 leaves such a one, and so on.
    pub generation: u32,
    pub nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub at: Point,
    /// Disc diameters.
    pub radius: f32,
}

/// All vessels of the eye, on the retina.
pub fn grow(scene: &Scene, layout: &Layout) -> Vec<Vessel> {
    let mut tree = grow::grow(scene, layout);
    let tufts = new::tufts(scene, layout, &tree);
    tree.extend(tufts);
    tree
}

/// Lays the vessels over what is painted so far.
pub fn paint(canvas: &mut Canvas, tree: &[Vessel], layout: &Layout, scene: &Scene) {
    ink::paint(canvas, tree, layout, scene);
}
