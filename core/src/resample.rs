//! The one resampler of photographs.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// A part of a photograph in its pixels: left, top, width, height.
pub(crate) type Part = (f64, f64, f64, f64);

/// `part` of the photograph (all of it when none is named) as `width` x
/// `height` pixels, antialiased. `None` when there is nothing to resample.
pub(crate) fn resample(
    resizer: &mut Resizer,
    rgb: &RgbImage,
    part: Option<Part>,
    width: u32,
    height: u32,
    filter: FilterType,
) -> Option<RgbImage> {
    if width == 0 || height == 0 {
        return None;
    }
    // Typed, because the untyped call compiles the resampler anew for every
    // pixel format there is, which takes minutes.
    let source =
        TypedImageRef::<U8x3>::from_buffer(rgb.width(), rgb.height(), rgb.as_raw()).ok()?;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels).ok()?;
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    if let Some((left, top, wide, high)) = part {
        options = options.crop(left, top, wide, high);
    }
    resizer.resize_typed(&source, &mut target, &options).ok()?;
    RgbImage::from_raw(width, height, pixels)
}
