//! Pixels become the network's input: one function for trainer and device.
//!
//! The field's bounding square is cut out and resampled to the size asked for,
//! and everything outside the field is black. So a photograph looks the same
//! to the network whatever border, camera frame or text surrounded it.
//!
//! Bytes are exact on every machine: the resampling is integer arithmetic with
//! a polynomial filter, and no function of the platform's mathematics library
//! (sine, power) takes part in finding the field.

use std::ops::Range;
use std::time::{Duration, Instant};

use fast_image_resize::FilterType;
use image::RgbImage;

use crate::field::{Field, FieldShape, Finder};
use crate::photograph::{self, ReadError};
use crate::resample::Resampler;

/// Name of this preparation. A bundle says which one its student was trained
/// on; the name changes whenever the bytes do.
pub const PREPARATION: &str = "field-square-1";

/// How much of the field's radius is kept. The camera's mask has a bright
/// ragged rim and finding it is exact to about half a percent.
const KEPT_RADIUS: f32 = 0.98;

/// Pixels of a photograph across its field, for each pixel of the square that is
/// made of it, that are enough: more are averaged away.
const ENOUGH: u32 = 2;

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
    /// A black square of `size` x `size` pixels, with no field but its largest
    /// disc. A `size` of 0 counts as 1.
    pub fn black(size: u32) -> Prepared {
        let size = size.max(1);
        Prepared {
            rgb: RgbImage::new(size, size),
            field: Field::none((size, size)),
        }
    }

    /// The pixels of [`Prepared::rgb`] that can show retina, row by row: inside
    /// the disc, and from inside the frame. Rows without any are left out.
    pub fn field_rows(&self) -> impl Iterator<Item = (u32, Range<u32>)> {
        let size = self.rgb.width();
        let (across, down) = spans(&self.field, size);
        rows(size, &across, &down)
    }
}

/// Finds the field of a photograph and cuts it out as a `size` x `size`
/// square. A `size` of 0 counts as 1.
pub fn prepare(rgb: &RgbImage, size: u32) -> Prepared {
    let mut prepared = Prepared::black(size);
    Preparer::default().prepare(rgb, &mut prepared);
    prepared
}

/// A photograph that was decoded and prepared.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Upright pixels: of a large JPEG, the means of squares of them.
    pub photograph: RgbImage,
    /// The square made of `photograph`; its field is in the pixels of `photograph`.
    pub prepared: Prepared,
    /// Time spent decoding, both times where the file was decoded twice.
    pub decoding: Duration,
    /// Time spent finding the field and resampling it, as often as it was decoded.
    pub preparing: Duration,
}

/// Decodes the content of a file as large as a `size` x `size` square asks for, and
/// prepares it: of a JPEG with more than twice as many pixels across its field as
/// the square has, smaller ones are decoded ([`photograph::decode_for`]). Where
/// that is too few, since the field is a small part of the frame, all are.
///
/// # Errors
/// As [`photograph::decode`].
pub fn open(bytes: &[u8], size: u32) -> Result<Opened, ReadError> {
    let start = Instant::now();
    let enough = size.saturating_mul(ENOUGH);
    let mut decoded = photograph::decode_for(bytes, enough)?;
    let mut decoding = start.elapsed();
    let mut prepared = prepare(&decoded.rgb, size);
    let across = 2.0 * prepared.field.rx.min(prepared.field.ry);
    if decoded.reduced > 1 && across < enough as f32 {
        let start = Instant::now();
        decoded = photograph::decode(bytes)?;
        decoding += start.elapsed();
        prepared = prepare(&decoded.rgb, size);
    }
    Ok(Opened {
        photograph: decoded.rgb,
        prepared,
        decoding,
        preparing: start.elapsed() - decoding,
    })
}

/// [`prepare`] for photograph after photograph in the same memory: once it has
/// seen a few, only the resampler asks for any.
#[derive(Clone, Debug, Default)]
pub struct Preparer {
    finder: Finder,
    resampler: Resampler,
}

impl Preparer {
    /// Prepares a photograph at the size that `into` has.
    pub fn prepare(&mut self, rgb: &RgbImage, into: &mut Prepared) {
        into.field = self.finder.find(rgb, &mut self.resampler);
        let size = into.rgb.width();
        let (across, down) = spans(&into.field, size);
        let part = resample(&mut self.resampler, rgb, &across, &down);
        let square: &mut [u8] = &mut into.rgb;
        square.fill(0);
        let (row, part_row) = (3 * size as usize, 3 * (across.end - across.first) as usize);
        for (y, columns) in rows(size, &across, &down) {
            let length = 3 * (columns.end - columns.start) as usize;
            let to = y as usize * row + 3 * columns.start as usize;
            let from =
                (y - down.first) as usize * part_row + 3 * (columns.start - across.first) as usize;
            square[to..to + length].copy_from_slice(&part[from..from + length]);
        }
    }
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

/// The cut across and down the photograph.
fn spans(field: &Field, size: u32) -> (Span, Span) {
    // Without a field there is no rim to leave out.
    let kept = match field.shape {
        FieldShape::None => 1.0,
        _ => KEPT_RADIUS,
    };
    (
        Span::new(field.cx, field.rx * kept, field.frame.0, size),
        Span::new(field.cy, field.ry * kept, field.frame.1, size),
    )
}

/// Rows and columns of the square inside the disc and the frame.
fn rows(size: u32, across: &Span, down: &Span) -> impl Iterator<Item = (u32, Range<u32>)> {
    let (left, right) = (across.first, across.end);
    (down.first..down.end).filter_map(move |y| {
        // In half pixels from the centre, so that it is exact.
        let from_centre = (2 * u64::from(y) + 1).abs_diff(u64::from(size));
        let half = (u64::from(size).pow(2) - from_centre.pow(2)).isqrt() as u32;
        let first = (size - half).div_ceil(2).max(left);
        let end = ((size + half) / 2).min(right);
        (first < end).then_some((y, first..end))
    })
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
/// photograph.
fn resample<'a>(
    resampler: &'a mut Resampler,
    rgb: &RgbImage,
    across: &Span,
    down: &Span,
) -> &'a [u8] {
    let part = (across.from, down.from, across.length, down.length);
    let size = (across.end - across.first, down.end - down.first);
    resampler.resample(rgb, Some(part), size, FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trainer and device may run on different processors.
    #[test]
    fn every_processor_gives_the_same_bytes() {
        use fast_image_resize::CpuExtensions;

        let mut state = 1u32;
        let noise = RgbImage::from_fn(613, 401, |_, _| {
            image::Rgb([0, 0, 0].map(|_: u8| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }))
        });
        #[cfg(target_arch = "x86_64")]
        let extensions = [CpuExtensions::Sse4_1, CpuExtensions::Avx2];
        #[cfg(target_arch = "aarch64")]
        let extensions = [CpuExtensions::Neon];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let extensions: [CpuExtensions; 0] = [];

        let bytes = |extension: CpuExtensions, size: u32| {
            let mut resampler = Resampler::default();
            // SAFETY: only called with extensions that `is_supported` reports.
            unsafe { resampler.resizer.set_cpu_extensions(extension) };
            let across = Span::new(306.3, 170.9, noise.width(), size);
            let down = Span::new(200.1, 230.2, noise.height(), size);
            resample(&mut resampler, &noise, &across, &down).to_vec()
        };
        for extension in extensions {
            if !extension.is_supported() {
                println!("skipped {extension:?}: this processor lacks it");
                continue;
            }
            for size in [64, 224, 320, 513] {
                assert!(
                    bytes(extension, size) == bytes(CpuExtensions::None, size),
                    "{extension:?} at {size}"
                );
            }
        }
    }

    #[test]
    fn a_span_stays_inside_the_frame() {
        for (centre, radius, frame, size) in [
            (50.0, 20.0, 100, 64),
            (50.0, 80.0, 100, 64),
            (-10.0, 15.0, 100, 224),
            (0.5, 0.5, 1, 224),
            (99.9, 300.0, 100, 7),
            (-50.0, 10.0, 100, 8),
        ] {
            let span = Span::new(centre, radius, frame, size);
            assert!(span.first <= span.end && span.end <= size);
            assert!(span.from >= 0.0 && span.from + span.length <= f64::from(frame));
        }
    }
}
