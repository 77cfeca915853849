//! The ring around the field of a live picture.

use std::f32::consts::TAU;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use image::RgbImage;

use super::model::Ring;
use super::theme::{CARE, GOOD, INK};
use crate::draw::shape::mix;

/// Half the ring's thickness in pixels, and half that of the part that shows
/// how soon the photograph is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thickness {
    pub(super) ring: f32,
    pub(super) progress: f32,
}

/// Draws `ring` over `picture`, whose top left corner lies at `corner`; the
/// first `progress` (0 to 1) of it, from the top clockwise, stands out. Nothing
/// outside the picture is touched, and nothing is allocated: this is drawn
/// thirty times a second.
pub(super) fn draw<D>(
    target: &mut D,
    picture: &RgbImage,
    corner: Point,
    ring: &Ring,
    progress: f32,
    thickness: Thickness,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let (cx, cy) = ring.centre;
    if !(cx + cy + ring.radius).is_finite() || ring.radius <= 0.0 {
        return Ok(());
    }
    let widest = thickness.ring.max(thickness.progress) + 1.0;
    let (outer, inner) = (ring.radius + widest, (ring.radius - widest).max(0.0));
    let colour = if ring.good { GOOD } else { CARE };
    let within = |v: f32, most: f32| v.clamp(0.0, most) as u32;
    let rows = within(cy - outer, height)..within(cy + outer + 1.0, height);
    let pixels = rows.flat_map(move |y| {
        let dy = y as f32 + 0.5 - cy;
        let reach = |radius: f32| (radius * radius - dy * dy).max(0.0).sqrt();
        let (far, near) = (reach(outer), reach(inner));
        let left = within(cx - far, width)..within(cx - near + 1.0, width);
        let right = within(cx + near, width).max(left.end)..within(cx + far + 1.0, width);
        left.chain(right).filter_map(move |x| {
            let dx = x as f32 + 0.5 - cx;
            let done = progress > 0.0 && turn(dx, dy) < progress;
            let (half, colour) = match done {
                true => (thickness.progress, INK),
                false => (thickness.ring, colour),
            };
            let off = (dx.hypot(dy) - ring.radius).abs();
            let covered = (half + 0.5 - off).clamp(0.0, 1.0);
            (covered > 0.0).then(|| {
                let [r, g, b] = picture.get_pixel(x, y).0;
                Pixel(
                    corner + Point::new(x as i32, y as i32),
                    mix(Rgb888::new(r, g, b), colour, covered),
                )
            })
        })
    });
    target.draw_iter(pixels)
}

/// How far around, from the top clockwise, a point lies: 0 to 1.
fn turn(dx: f32, dy: f32) -> f32 {
    (dx.atan2(-dy) / TAU).rem_euclid(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::canvas::Canvas;

    const THICKNESS: Thickness = Thickness {
        ring: 2.0,
        progress: 4.0,
    };

    fn drawn(ring: Ring, progress: f32) -> RgbImage {
        let mut canvas = Canvas::new(100, 100, Rgb888::BLACK);
        let picture = RgbImage::new(80, 80);
        draw(
            &mut canvas,
            &picture,
            Point::new(10, 10),
            &ring,
            progress,
            THICKNESS,
        )
        .unwrap();
        canvas.into_picture()
    }

    #[test]
    fn a_ring_is_lit_where_it_runs_and_nowhere_else() {
        let ring = Ring {
            centre: (40.0, 40.0),
            radius: 30.0,
            good: false,
        };
        let picture = drawn(ring, 0.0);
        for (x, y, pixel) in picture.enumerate_pixels() {
            let (dx, dy) = (x as f32 - 49.5, y as f32 - 49.5);
            let off = (dx.hypot(dy) - 30.0).abs();
            assert_eq!(pixel.0 != [0; 3], off < 2.5, "{x} {y}");
        }
    }

    #[test]
    fn progress_runs_clockwise_from_the_top() {
        let ring = Ring {
            centre: (40.0, 40.0),
            radius: 30.0,
            good: true,
        };
        let picture = drawn(ring, 0.5);
        let ink = [INK.r(), INK.g(), INK.b()];
        assert_eq!(picture.get_pixel(80, 50).0, ink);
        assert_ne!(picture.get_pixel(20, 50).0, ink);
    }

    #[test]
    fn a_ring_beyond_the_picture_is_cut() {
        for centre in [(0.0, 0.0), (90.0, 40.0), (-500.0, 3.0), (f32::NAN, 1.0)] {
            let ring = Ring {
                centre,
                radius: 60.0,
                good: true,
            };
            let picture = drawn(ring, 1.0);
            let outside = picture
                .enumerate_pixels()
                .filter(|(x, y, _)| !(10..90).contains(x) || !(10..90).contains(y));
            assert!(outside.into_iter().all(|(_, _, p)| p.0 == [0; 3]));
        }
    }
}
