//! The one resampler of photographs.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// A part of a photograph in its pixels: left, top, width, height.
pub(crate) type Part = (f64, f64, f64, f64);

/// Resamples photograph after photograph in the same memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resampler {
    pub resizer: Resizer,
    pixels: Vec<u8>,
}

impl Resampler {
    /// `part` of the photograph (all of it when none is named) as `width` x
    /// `height` pixels, antialiased: 8-bit RGB, row by row. Black when there is
    /// nothing to resample.
    pub fn resample(
        &mut self,
        rgb: &RgbImage,
        part: Option<Part>,
        (width, height): (u32, u32),
        filter: FilterType,
    ) -> &[u8] {
        self.pixels.clear();
        self.pixels.resize(width as usize * height as usize * 3, 0);
        let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        if let Some((left, top, wide, high)) = part {
            options = options.crop(left, top, wide, high);
        }
        // Typed, because the untyped call compiles the resampler anew for every
        // pixel format there is, which takes minutes.
        let source = TypedImageRef::<U8x3>::from_buffer(rgb.width(), rgb.height(), rgb.as_raw());
        let target = TypedImage::<U8x3>::from_buffer(width, height, &mut self.pixels);
        if let (Ok(source), Ok(mut target)) = (source, target) {
            // Refused is only a part that is empty or outside the photograph,
            // before any pixel is written.
            let done = self.resizer.resize_typed(&source, &mut target, &options);
            debug_assert!(done.is_ok() || width == 0 || height == 0, "{done:?}");
        }
        &self.pixels
    }
}
