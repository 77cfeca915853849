//! The course of the retinal nerve fibres: radial at the disc, then arching
//! around the macula to the raphe.

use crate::geometry::{point, smooth_step, Point};

/// How fast the arcuate fibres turn towards the raphe, radians per disc diameter.
const ARCH: f32 = 0.21;

/// Where the fibre through a point leaves the disc.
#[derive(Clone, Copy, Debug)]
pub struct Fibre {
    /// Angle at the disc's edge, radians: 0 temporal, positive above, pi nasal.
    pub origin: f32,
    /// Distance from the disc's middle.
    pub distance: f32,
    /// The fibre's direction here, away from the disc, in the axes of
    /// [`super::Layout::relative_to_disc`].
    pub direction: Point,
}

/// The fibre through `q`, given as in [`super::Layout::relative_to_disc`].
pub fn through(q: Point) -> Fibre {
    let distance = q.length();
    let angle = q.angle();
    let across = angle.abs();
    let arching = smooth_step(0.1, 0.7, across) * (1.0 - smooth_step(1.5, 2.3, across));
    let turn = if q.y < 0.0 { -ARCH } else { ARCH } * arching;
    let radial = q.unit();
    Fibre {
        origin: angle + turn * (distance - 0.5).max(0.0),
        distance,
        direction: (radial + radial.left() * (-turn * distance)).unit(),
    }
}

/// `direction` of a fibre on the retina's own axes.
pub fn on_retina(direction: Point) -> Point {
    point(-direction.x, direction.y)
}
