//! Pixels become the network's input: one function for trainer and device.
//!
//! The field's bounding square is cut out and resampled to the size asked for,
//! and everything outside the field is black. So a photograph looks the same
//! to the network whatever border, camera frame or text surrounded it.
//!
//! Bytes are exact on every machine: the resampling is integer arithmetic with
//! a polynomial filter, and no function of the platform's mathematics library
//! (sine, power) takes part in finding the field.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use crate::field::{find_field, Field, FieldShape};

/// Name of this preparation. A bundle says which one its student was trained
/// on; the name changes whenever the bytes do.
pub const PREPARATION: &str = "field-square-1";

/// How much of the field's radius is kept. The camera's mask has a bright
/// ragged rim and finding it is exact to about half a percent.
const KEPT_RADIUS: f32 = 0.98;

/// A photograph as the network sees it, before it becomes numbers.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Square, 8-bit RGB. Outside the inscribed circle, and where the frame
    /// cuts the field, black.
    pub rgb: RgbImage,
    /// Where the field lay in the photograph.
    pub field: Field,
}

impl Prepared {
    /// Whether pixel (`x`, `y`) of [`Prepared::rgb`] can show retina: it lies
    /// inside the field and came from inside the frame.
    pub fn shows_field(&self, x: u32, y: u32) -> bool {
        let size = self.rgb.width();
        let [left, top, right, bottom] = self.visible();
        x >= left && x < right && y >= top && y < bottom && inside_circle(size, x, y)
    }

    /// The part of the square that came from inside the frame: left, top,
    /// right, bottom in pixels, the last two exclusive.
    fn visible(&self) -> [u32; 4] {
        let size = self.rgb.width();
        let across = Span::new(
            self.field.cx,
            kept_radius(&self.field, self.field.rx),
            self.field.frame.0,
            size,
        );
        let down = Span::new(
            self.field.cy,
            kept_radius(&self.field, self.field.ry),
            self.field.frame.1,
            size,
        );
        [across.first, down.first, across.end, down.end]
    }
}

/// Finds the field of a photograph and cuts it out as a `size` x `size`
/// square. `size` is at least 1.
pub fn prepare(rgb: &RgbImage, size: u32) -> Prepared {
    let size = size.max(1);
    let field = find_field(rgb);
    let across = Span::new(field.cx, kept_radius(&field, field.rx), rgb.width(), size);
    let down = Span::new(field.cy, kept_radius(&field, field.ry), rgb.height(), size);
    let mut square = RgbImage::new(size, size);
    if let Some(part) = resample(rgb, &across, &down) {
        for y in 0..part.height() {
            for x in 0..part.width() {
                let (to_x, to_y) = (across.first + x, down.first + y);
                if inside_circle(size, to_x, to_y) {
                    square.put_pixel(to_x, to_y, *part.get_pixel(x, y));
                }
            }
        }
    }
    Prepared { rgb: square, field }
}

/// The input of every network here: channels first (3 x height x width),
/// `(value - 127) / 128`, so -0.992 to 1.
pub fn to_tensor(rgb: &RgbImage) -> Vec<f32> {
    let plane = rgb.width() as usize * rgb.height() as usize;
    let mut tensor = vec![0.0; 3 * plane];
    for (i, pixel) in rgb.pixels().enumerate() {
        for (channel, &value) in pixel.0.iter().enumerate() {
            tensor[channel * plane + i] = (f32::from(value) - 127.0) / 128.0;
        }
    }
    tensor
}

fn kept_radius(field: &Field, radius: f32) -> f32 {
    // Without a field there is no rim to leave out.
    match field.shape {
        FieldShape::None => radius,
        _ => radius * KEPT_RADIUS,
    }
}

/// One axis of the cut: which output pixels the frame can fill, and from where.
struct Span {
    /// Output pixels `first..end` lie inside the frame.
    first: u32,
    end: u32,
    /// Where `first` begins in the photograph, in pixels.
    from: f64,
    /// How much of the photograph `first..end` covers, in pixels.
    length: f64,
}

impl Span {
    fn new(centre: f32, radius: f32, frame: u32, size: u32) -> Span {
        let (centre, radius) = (f64::from(centre), f64::from(radius));
        let start = centre - radius;
        let step = 2.0 * radius / f64::from(size);
        let index = |v: f64| (v.max(0.0) as u32).min(size);
        let first = index((-start / step).ceil());
        let end = index(((f64::from(frame) - start) / step).floor()).max(first);
        let from = (start + f64::from(first) * step).max(0.0);
        let length = (f64::from(end - first) * step).min(f64::from(frame) - from);
        Span {
            first,
            end,
            from,
            length,
        }
    }
}

/// Resamples with Catmull-Rom (cubic, antialiased when shrinking): sharper
/// than a triangle, which would smear the microaneurysms of a small
/// photograph. `None` when no pixel of the square lies inside the frame.
fn resample(rgb: &RgbImage, across: &Span, down: &Span) -> Option<RgbImage> {
    let (width, height) = (across.end - across.first, down.end - down.first);
    if width == 0 || height == 0 {
        return None;
    }
    let source = ImageRef::new(rgb.width(), rgb.height(), rgb.as_raw(), PixelType::U8x3).ok()?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .crop(across.from, down.from, across.length, down.length);
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    RgbImage::from_raw(width, height, target.into_vec())
}

fn inside_circle(size: u32, x: u32, y: u32) -> bool {
    // In half pixels, so that it is exact.
    let from_centre = |v: u32| i64::from(2 * v + 1) - i64::from(size);
    from_centre(x).pow(2) + from_centre(y).pow(2) <= i64::from(size).pow(2)
}
