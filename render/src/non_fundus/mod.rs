//! What clinics photograph when there is no fundus before the camera.

mod hand;
mod outside_eye;
mod skin;
mod surfaces;

use image::RgbImage;

use super::camera::Sensor;
use super::canvas::Canvas;
use super::colour::scaled;
use super::geometry::{point, Point};
use super::rng::{Dice, Purpose};
use super::scene::{MAX_SIZE, MIN_SIZE};

/// A scene without a fundus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonFundus {
    /// Lids, lashes, sclera, iris, pupil: the camera is too far away.
    OutsideEye,
    /// The closed lid with its lashes: the patient blinked.
    ClosedLid,
    /// Nothing before the camera, or the flash did not fire.
    DarkRoom,
    /// Sensor flooded with light.
    WhiteFrame,
    /// A painted wall with an edge or a shadow across it.
    Wall,
    /// The palm of a hand with its fingers.
    Hand,
}

/// A drawn scene before the sensor.
struct Shot {
    canvas: Canvas,
    /// True where the camera's round field stop is in the path.
    round: bool,
}

/// The photograph of `kind` for `seed`, `size` pixels square, held within
/// [`MIN_SIZE`] and [`MAX_SIZE`]. The same arguments give the same bytes, as
/// with [`super::draw`].
pub fn draw_non_fundus(kind: NonFundus, seed: u64, size: u32) -> RgbImage {
    let size = size.clamp(MIN_SIZE, MAX_SIZE);
    let side = size as usize;
    let mut dice = Dice::new(seed, Purpose::NonFundus);
    let shot = match kind {
        NonFundus::OutsideEye => outside_eye::open(side, &mut dice),
        NonFundus::ClosedLid => outside_eye::closed(side, &mut dice),
        NonFundus::DarkRoom => surfaces::dark_room(side, &mut dice),
        NonFundus::WhiteFrame => surfaces::white_frame(side, &mut dice),
        NonFundus::Wall => surfaces::wall(side, &mut dice),
        NonFundus::Hand => hand::palm(side, &mut dice),
    };
    let radius = 0.485 * side as f32;
    Sensor::new(seed).expose(size, size, 0, |i| {
        let pixel = shot.canvas.pixels[i];
        if !shot.round {
            return pixel;
        }
        let p = point((i % side) as f32 + 0.5, (i / side) as f32 + 0.5);
        let middle = side as f32 / 2.0;
        let inside = radius - (p - point(middle, middle)).length();
        scaled(pixel, (inside * 0.5 + 0.5).clamp(0.0, 1.0))
    })
}

/// Where a pixel lies: the middle is 0, the frame's edge 1, y upwards.
fn place(x: usize, y: usize, side: usize) -> Point {
    let half = side as f32 / 2.0;
    point((x as f32 + 0.5) / half - 1.0, 1.0 - (y as f32 + 0.5) / half)
}

/// The reverse of [`place`].
fn pixel(p: Point, side: usize) -> Point {
    let half = side as f32 / 2.0;
    point((p.x + 1.0) * half, (1.0 - p.y) * half)
}
