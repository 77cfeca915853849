//! Where things are: the disc on the retina, the field in the photograph.

use crate::geometry::{point, Point, View};
use crate::rng::{Dice, Purpose};
use crate::scene::{Eye, Frame, Scene, MAX_SIZE, MIN_SIZE};

/// Radius of a 45 degree field in disc diameters.
const FIELD_RADIUS: f32 = 3.5;

#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Side of the photograph, pixels.
    pub size: u32,
    /// Pixels of canvas beyond the photograph on each side.
    pub margin: u32,
    /// Radius of the field stop, pixels.
    pub field_radius: f32,
    /// Half the height of what the sensor holds of the field, pixels.
    pub field_half_height: f32,
    pub view: View,
    /// The disc's middle on the retina.
    pub disc: Point,
}

impl Layout {
    pub fn of(scene: &Scene, travel: f32) -> Layout {
        let mut dice = Dice::new(scene.seed, Purpose::Layout);
        let size = scene.size.clamp(MIN_SIZE, MAX_SIZE);
        let side = size as f32;
        let margin = (travel.clamp(0.0, 0.5) * side).ceil() as u32;
        let radius = match scene.frame {
            Frame::Circle | Frame::CutCircle => 0.485,
            Frame::Filled => 0.56,
        };
        let disc = point(dice.range(2.4, 2.7), dice.range(0.1, 0.4));
        // Photographs for screening are centred between disc and macula, and
        // seldom exactly.
        let aim = point(
            dice.range(0.0, 0.75) + 0.15 * dice.sway(),
            0.1 + 0.2 * dice.sway(),
        );
        // Towards the temple, so that the disc leaves the field.
        let astray = Point::from_angle(std::f32::consts::PI + 1.7 * dice.sway())
            * (3.0 * scene.camera.off_centre);
        let middle = side / 2.0 + margin as f32;
        let view = View {
            scale: radius * side / (FIELD_RADIUS * dice.range(0.95, 1.05)),
            look: aim + astray,
            centre: point(middle, middle),
            roll: Point::from_angle(dice.range(-0.09, 0.09)),
            mirrored: scene.eye == Eye::Left,
        };
        // Last, so that the same seed is the same eye whatever the frame.
        let kept = match scene.frame {
            Frame::CutCircle => dice.range(0.80, 0.86),
            Frame::Circle | Frame::Filled => 1.0,
        };
        Layout {
            size,
            margin,
            field_radius: radius * side,
            field_half_height: radius * kept * side,
            view,
            disc,
        }
    }

    /// Side of the canvas, pixels.
    pub fn side(&self) -> usize {
        (self.size + 2 * self.margin) as usize
    }

    /// The point of the retina at a pixel of the canvas, where the camera can
    /// ever see it.
    pub fn on_retina(&self, x: usize, y: usize) -> Option<Point> {
        let pixel = point(x as f32 + 0.5, y as f32 + 0.5);
        // Defocus draws light from beyond the field stop.
        let reach = self.field_radius * 1.06 + self.margin as f32 * 1.5;
        let seen = (pixel - self.view.centre).length() < reach;
        seen.then(|| self.view.to_retina(pixel))
    }

    /// A point relative to the disc's middle: x towards the temple, y up.
    pub fn relative_to_disc(&self, retina: Point) -> Point {
        point(self.disc.x - retina.x, retina.y - self.disc.y)
    }

    /// The reverse of [`Layout::relative_to_disc`].
    pub fn at_disc(&self, temporal: f32, up: f32) -> Point {
        point(self.disc.x - temporal, self.disc.y + up)
    }
}
