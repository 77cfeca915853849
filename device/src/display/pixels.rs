//! From the picture's pixels to the panel's.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;

/// How a panel keeps a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Four bytes: blue, green, red, unused.
    Xrgb8888,
    /// Two bytes, the low one first: five bits of red, six of green, five of
    /// blue.
    Rgb565,
}

impl Format {
    /// Bytes of a pixel.
    pub fn bytes(self) -> usize {
        match self {
            Format::Xrgb8888 => 4,
            Format::Rgb565 => 2,
        }
    }

    /// Writes a row of RGB pixels; the shorter of both ends it.
    fn write(self, rgb: &[u8], row: &mut [u8]) {
        let pixels = rgb.chunks_exact(3);
        match self {
            Format::Xrgb8888 => {
                for (pixel, out) in pixels.zip(row.chunks_exact_mut(4)) {
                    out.copy_from_slice(&[pixel[2], pixel[1], pixel[0], 0]);
                }
            }
            Format::Rgb565 => {
                for (pixel, out) in pixels.zip(row.chunks_exact_mut(2)) {
                    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u16::from);
                    let packed = (r >> 3) << 11 | (g >> 2) << 5 | b >> 3;
                    out.copy_from_slice(&packed.to_le_bytes());
                }
            }
        }
    }
}

/// A panel's memory.
pub struct Surface<'a> {
    pub format: Format,
    /// Bytes from a row to the next.
    pub pitch: usize,
    pub memory: &'a mut [u8],
}

impl Surface<'_> {
    /// Copies `part` of `picture`, whose top left corner lies at `at`. What
    /// would lie outside the picture or the memory is left out.
    ///
    /// The memory is only written, and from front to back: reading a graphics
    /// card's memory back is slow.
    pub fn paint(&mut self, picture: &RgbImage, part: Rectangle, at: Point) {
        let whole = Rectangle::new(Point::zero(), Size::new(picture.width(), picture.height()));
        let part = part.intersection(&whole);
        let (left, width) = (part.top_left.x as usize, part.size.width as usize);
        let pixel = self.format.bytes();
        for y in part.rows() {
            let from = (y as usize * picture.width() as usize + left) * 3;
            let to = (at.y + y) as usize * self.pitch + (at.x as usize + left) * pixel;
            let Some(row) = self.memory.get_mut(to..to + width * pixel) else {
                return;
            };
            self.format
                .write(&picture.as_raw()[from..from + width * 3], row);
        }
    }
}

/// The smallest rectangle around both; an empty one counts for nothing.
pub fn around(a: Rectangle, b: Rectangle) -> Rectangle {
    match (a.bottom_right(), b.bottom_right()) {
        (None, _) => b,
        (_, None) => a,
        (Some(end), Some(other)) => Rectangle::with_corners(
            a.top_left.component_min(b.top_left),
            end.component_max(other),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn rectangle(x: i32, y: i32, width: u32, height: u32) -> Rectangle {
        Rectangle::new(Point::new(x, y), Size::new(width, height))
    }

    #[test]
    fn colours_land_in_their_bits() {
        let rgb = [255, 0, 0, 0, 255, 0, 0, 0, 255, 18, 52, 86];
        let mut row = [9; 16];
        Format::Xrgb8888.write(&rgb, &mut row);
        assert_eq!(row[..12], [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0]);
        assert_eq!(row[12..], [86, 52, 18, 0]);

        let mut row = [0; 8];
        Format::Rgb565.write(&rgb, &mut row);
        let packed = row
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
            .collect::<Vec<_>>();
        assert_eq!(packed, [0xf800, 0x07e0, 0x001f, 0x11aa]);
    }

    #[test]
    fn only_the_part_is_written_where_it_belongs() {
        let picture = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8, y as u8, 7]));
        let mut memory = [0xee; 6 * 32];
        let mut surface = Surface {
            format: Format::Xrgb8888,
            pitch: 32,
            memory: &mut memory,
        };
        surface.paint(&picture, rectangle(1, 1, 9, 1), Point::new(2, 3));
        for (index, pixel) in memory.chunks_exact(4).enumerate() {
            let (x, y) = (index % 8, index / 8);
            if y == 4 && (3..6).contains(&x) {
                assert_eq!(pixel, [7, 1, (x - 2) as u8, 0]);
            } else {
                assert_eq!(pixel, [0xee; 4]);
            }
        }
    }

    #[test]
    fn memory_that_is_too_small_is_not_overrun() {
        let picture = RgbImage::from_pixel(4, 3, Rgb([100, 100, 100]));
        let mut memory = [0; 20];
        let mut surface = Surface {
            format: Format::Rgb565,
            pitch: 8,
            memory: &mut memory,
        };
        surface.paint(&picture, rectangle(0, 0, 4, 3), Point::zero());
        assert!(memory[..16].iter().any(|&b| b != 0));
        assert_eq!(memory[16..], [0; 4]);
    }

    #[test]
    fn rectangles_join() {
        let a = rectangle(2, 3, 4, 5);
        assert_eq!(around(a, rectangle(0, 10, 1, 1)), rectangle(0, 3, 6, 8));
        assert_eq!(around(a, rectangle(-9, -9, 0, 3)), a);
        assert_eq!(around(Rectangle::zero(), a), a);
    }
}
