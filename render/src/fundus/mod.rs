//! What is fixed to the eye, as linear light.

mod disc;
mod fibres;
mod ground;
mod layout;
mod lesions;
mod vessels;

use super::canvas::Canvas;
use super::scene::Scene;
use disc::Disc;
use ground::Ground;
pub use layout::Layout;

/// A painted retina, larger than the photograph by the travel asked for, so
/// that the eye can move before the camera without being painted again.
#[derive(Clone, Debug)]
pub struct Fundus {
    pub(super) canvas: Canvas,
    pub(super) layout: Layout,
}

impl Fundus {
    /// Paints the retina of `scene`. `travel`, 0..0.5, is how far the eye may
    /// later move in any direction, as a share of the photograph's side.
    pub fn paint(scene: &Scene, travel: f32) -> Fundus {
        let layout = Layout::of(scene, travel);
        let tree = vessels::grow(scene, &layout);
        let ground = Ground::new(scene, &layout);
        let disc = Disc::new(scene, &layout);

        let side = layout.side();
        let mut canvas = Canvas::new(side, side);
        canvas.fill(|x, y| match layout.on_retina(x, y) {
            Some(p) => disc.over(p, ground.at(p)),
            None => [0.0; 3],
        });
        // From the choroid forwards: what lies before covers what lies behind.
        lesions::behind_vessels(&mut canvas, scene, &layout);
        vessels::paint(&mut canvas, &tree, &layout, scene);
        lesions::before_vessels(&mut canvas, scene, &layout, &tree);
        Fundus { canvas, layout }
    }
}
