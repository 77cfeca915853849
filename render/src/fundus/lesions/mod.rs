//! What disease leaves on the retina, each finding from its own stream of
//! random numbers: more of one does not move another.

mod bright;
mod macular;
mod red;
mod spot;

use super::layout::Layout;
use super::vessels::Vessel;
use crate::canvas::Canvas;
use crate::scene::Scene;

/// Findings of pigment epithelium and deep retina.
pub fn behind_vessels(canvas: &mut Canvas, scene: &Scene, layout: &Layout) {
    macular::atrophy(canvas, scene, layout);
    macular::drusen(canvas, scene, layout);
    bright::hard_exudates(canvas, scene, layout);
}

/// Findings of superficial retina, and what lies before it.
pub fn before_vessels(canvas: &mut Canvas, scene: &Scene, layout: &Layout, tree: &[Vessel]) {
    red::microaneurysms(canvas, scene, layout);
    red::blots(canvas, scene, layout);
    red::flames(canvas, scene, layout, tree);
    bright::cotton_wool_spots(canvas, scene, layout, tree);
    red::preretinal(canvas, scene, layout);
}
