//! A picture in memory that embedded-graphics can draw on.

use std::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::{Rgb, RgbImage};

/// An RGB picture as a drawing target.
///
/// Everything the device shows is drawn through embedded-graphics, so that the
/// same code fills a PNG file and a screen; this is the target for files, and
/// the memory that a screen is filled from. Areas and photographs are written
/// row by row: the live picture is drawn thirty times a second. Drawing outside
/// the picture is clipped, never an error.
#[derive(Clone, Debug)]
pub struct Canvas {
    picture: RgbImage,
}

impl Canvas {
    /// A canvas of `width` x `height` pixels in one colour.
    pub fn new(width: u32, height: u32, colour: Rgb888) -> Canvas {
        Canvas {
            picture: RgbImage::from_pixel(width, height, rgb(colour)),
        }
    }

    /// Copies `photograph` so that its top left corner lies at `at`.
    pub fn paste(&mut self, photograph: &RgbImage, at: Point) {
        image::imageops::replace(
            &mut self.picture,
            photograph,
            i64::from(at.x),
            i64::from(at.y),
        );
    }

    /// The bytes of `area`, row by row; `area` lies inside the picture.
    fn rows(&mut self, area: &Rectangle) -> impl Iterator<Item = &mut [u8]> {
        let stride = 3 * self.picture.width() as usize;
        let (top, height) = (area.top_left.y as usize, area.size.height as usize);
        let (left, width) = (3 * area.top_left.x as usize, 3 * area.size.width as usize);
        self.picture
            .chunks_exact_mut(stride.max(1))
            .skip(top)
            .take(height)
            .map(move |row| &mut row[left..left + width])
    }

    /// The finished picture.
    pub fn into_picture(self) -> RgbImage {
        self.picture
    }

    /// The picture as drawn so far.
    pub fn picture(&self) -> &RgbImage {
        &self.picture
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.picture.width(), self.picture.height())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(at, colour) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) {
                if let Some(pixel) = self.picture.get_pixel_mut_checked(x, y) {
                    *pixel = rgb(colour);
                }
            }
        }
        Ok(())
    }

    fn fill_contiguous<I>(&mut self, area: &Rectangle, colours: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Rgb888>,
    {
        if area.intersection(&self.bounding_box()) != *area {
            return self.draw_iter(
                area.points()
                    .zip(colours)
                    .map(|(at, colour)| Pixel(at, colour)),
            );
        }
        let mut colours = colours.into_iter();
        for row in self.rows(area) {
            for (pixel, colour) in row.chunks_exact_mut(3).zip(&mut colours) {
                pixel.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Infallible> {
        let colour = rgb(colour).0;
        let area = area.intersection(&self.bounding_box());
        for row in self.rows(&area) {
            for pixel in row.chunks_exact_mut(3) {
                pixel.copy_from_slice(&colour);
            }
        }
        Ok(())
    }
}

fn rgb(colour: Rgb888) -> Rgb<u8> {
    Rgb([colour.r(), colour.g(), colour.b()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::primitives::PrimitiveStyle;

    #[test]
    fn drawing_reaches_the_picture_and_is_clipped() {
        let mut canvas = Canvas::new(8, 4, Rgb888::BLACK);
        Rectangle::new(Point::new(6, -2), Size::new(20, 4))
            .into_styled(PrimitiveStyle::with_fill(Rgb888::RED))
            .draw(&mut canvas)
            .unwrap();
        Pixel(Point::new(-1, 9), Rgb888::WHITE)
            .draw(&mut canvas)
            .unwrap();
        let red = canvas
            .picture()
            .enumerate_pixels()
            .filter(|(_, _, p)| p.0 == [255, 0, 0])
            .map(|(x, y, _)| (x, y))
            .collect::<Vec<_>>();
        assert_eq!(red, [(6, 0), (7, 0), (6, 1), (7, 1)]);
    }

    #[test]
    fn rows_of_colours_land_where_single_pixels_would() {
        let colours: Vec<Rgb888> = (0..12).map(|i| Rgb888::new(20 * i, i, 255 - i)).collect();
        for corner in [(0, 0), (3, 1), (4, 1), (-2, 0), (6, 2), (2, -1), (20, 20)] {
            let area = Rectangle::new(Point::new(corner.0, corner.1), Size::new(4, 3));
            let mut by_row = Canvas::new(8, 4, Rgb888::BLACK);
            by_row.fill_contiguous(&area, colours.clone()).unwrap();
            let mut by_pixel = Canvas::new(8, 4, Rgb888::BLACK);
            let pixels = area.points().zip(colours.clone());
            by_pixel
                .draw_iter(pixels.map(|(p, c)| Pixel(p, c)))
                .unwrap();
            assert_eq!(by_row.picture(), by_pixel.picture(), "{corner:?}");
        }
    }
}
