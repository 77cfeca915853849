//! The picture as a panel takes it: at its size, and turned as it is mounted.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use crate::panel::layout::Layout;

/// Scales and turns pictures for a panel, where either is needed.
pub struct Fit {
    layout: Layout,
    scaled: Option<Scaled>,
    /// The picture as it lies on the panel, where that is mounted turned.
    turned: Option<RgbImage>,
}

impl Fit {
    pub fn new(layout: Layout) -> Fit {
        let on_panel = layout.on_panel().size;
        Fit {
            layout,
            scaled: (!layout.is_exact()).then(|| Scaled::new(layout.area.size)),
            turned: layout
                .is_turned()
                .then(|| RgbImage::new(on_panel.width, on_panel.height)),
        }
    }

    /// `frame` with the pixels of [`Layout::on_panel`], and which of them are
    /// new where `damage` is what is new of `frame`.
    pub fn bring<'a>(
        &'a mut self,
        frame: &'a RgbImage,
        damage: Rectangle,
    ) -> (&'a RgbImage, Rectangle) {
        let (picture, damage) = match &mut self.scaled {
            None => (frame, damage),
            // A changed pixel changes its neighbours too: everything is new.
            Some(scaled) => (
                scaled.scale(frame),
                Rectangle::new(Point::zero(), self.layout.area.size),
            ),
        };
        match &mut self.turned {
            None => (picture, damage),
            Some(turned) => {
                let damage = self.layout.rotation.turn(picture, damage, turned);
                (turned, damage)
            }
        }
    }
}

/// The picture at the panel's size, where that is another.
struct Scaled {
    resizer: Resizer,
    picture: RgbImage,
}

impl Scaled {
    fn new(size: Size) -> Scaled {
        Scaled {
            resizer: Resizer::new(),
            picture: RgbImage::new(size.width, size.height),
        }
    }

    /// `frame` at the size of the panel's area.
    fn scale(&mut self, frame: &RgbImage) -> &RgbImage {
        let (width, height) = self.picture.dimensions();
        let from = TypedImageRef::<U8x3>::from_buffer(frame.width(), frame.height(), frame);
        let to = TypedImage::<U8x3>::from_buffer(width, height, &mut self.picture);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        if let (Ok(from), Ok(mut to)) = (from, to) {
            // Buffers of their own pictures' sizes: there is nothing that
            // could be refused.
            let _ = self.resizer.resize_typed(&from, &mut to, &options);
        }
        &self.picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::rotation::Rotation;

    #[test]
    fn a_scaled_picture_keeps_its_colours() {
        let frame = RgbImage::from_pixel(80, 48, image::Rgb([10, 200, 90]));
        let mut scaled = Scaled::new(Size::new(108, 65));
        let picture = scaled.scale(&frame);
        assert_eq!(picture.dimensions(), (108, 65));
        assert!(picture.pixels().all(|p| p.0 == [10, 200, 90]));
    }

    #[test]
    fn a_picture_is_scaled_and_then_turned_to_the_panels_pixels() {
        // Scaled down, with a bar at both sides of the panel's shorter edge.
        let layout = Layout::fit(Size::new(480, 640), Rotation::Quarter);
        let whole = Rectangle::new(Point::zero(), layout.picture);
        let Size { width, height } = layout.picture;
        // Red at the top, blue below.
        let frame = RgbImage::from_fn(width, height, |_, y| {
            image::Rgb(if y < height / 2 {
                [250, 0, 0]
            } else {
                [0, 0, 250]
            })
        });
        let mut fit = Fit::new(layout);
        let (picture, new) = fit.bring(&frame, Rectangle::new(Point::zero(), Size::new(1, 1)));
        let on_panel = layout.on_panel();
        assert_eq!(on_panel.top_left, Point::new(48, 0));
        assert_eq!(picture.dimensions(), (384, 640));
        assert_eq!(new, Rectangle::new(Point::zero(), on_panel.size));
        assert_eq!(picture.get_pixel(383, 320).0, [250, 0, 0]);
        assert_eq!(picture.get_pixel(0, 320).0, [0, 0, 250]);

        let exact = Layout::exact(layout.picture);
        let mut fit = Fit::new(exact);
        let (same, new) = fit.bring(&frame, whole);
        assert!(std::ptr::eq(same, &frame) && new == whole);
    }
}
