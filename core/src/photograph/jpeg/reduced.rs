//! A baseline JPEG at a half, a quarter or an eighth of its size, in one walk.
//!
//! A fundus camera's photograph has ten times the pixels a network sees. Each
//! pixel here is the mean of a square of the photograph's pixels, worked out
//! from the coefficients without those pixels: the mean of part of a cosine is a
//! number, so a coefficient adds its value times a few of them. In the mean over
//! a whole block only the first coefficient is left.
//!
//! All other JPEGs (progressive ones, or colours that are not luminance and two
//! differences) are for the decoder that reads everything at full size.

use image::RgbImage;

use super::{Coefficient, Fault, Frame, Sink, Walk};

/// Decodes `bytes` to a `by`-th of its width and height, rounded down: 2, 4 or 8.
/// The picture was walked as by [`walk`](super::walk). `None` when it is not of a
/// kind that is read here.
///
/// # Errors
/// As [`walk`](super::walk).
pub fn decode(bytes: &[u8], by: usize) -> Result<Option<RgbImage>, Fault> {
    if !is_known(bytes) {
        return Ok(None);
    }
    let mut walk = Walk::new(bytes, Means::new(by));
    walk.run()?;
    let frame = walk.frame.take();
    Ok(frame.and_then(|frame| walk.sink.picture(&frame)))
}

/// Whether the headers are those of a baseline picture, grey or in luminance and
/// two colour differences, whose components are all at full or half size.
fn is_known(bytes: &[u8]) -> bool {
    let mut walk = Walk::new(bytes, ());
    let mut plain_colours = true;
    while let Ok(Some(marker)) = walk.next_marker() {
        let Some(body) = walk.segment() else {
            return false;
        };
        match marker {
            0xC0 | 0xC1 if walk.frame(body, false).is_err() => return false,
            0xC2 => return false,
            // Adobe's segment says which colours there are: 1 is these.
            0xEE if body.starts_with(b"Adobe") && body.get(11) != Some(&1) => plain_colours = false,
            0xDA => break,
            _ => {}
        }
    }
    let Some(frame) = walk.frame else {
        return false;
    };
    let components = &frame.components[..frame.count];
    let named_rgb = components.iter().map(|c| c.id).eq(*b"RGB");
    let full_or_half = |side: usize, most: usize| side == most || 2 * side == most;
    match components {
        [_] => true,
        [y, ..] if components.len() == 3 => {
            plain_colours
                && !named_rgb
                && (y.h, y.v) == (frame.h_max, frame.v_max)
                && components
                    .iter()
                    .all(|c| full_or_half(c.h, frame.h_max) && full_or_half(c.v, frame.v_max))
        }
        _ => false,
    }
}

/// The means of a picture's squares.
struct Means {
    by: usize,
    planes: Vec<Plane>,
}

/// One component at the size of the picture that is made.
struct Plane {
    values: Vec<u8>,
    stride: usize,
    /// Of a block, means across and down.
    across: usize,
    down: usize,
    /// What one step of each coefficient, in the file's order, adds to each mean.
    adds: Vec<f32>,
}

impl Means {
    fn new(by: usize) -> Means {
        Means {
            by,
            planes: Vec::new(),
        }
    }

    fn picture(&self, frame: &Frame) -> Option<RgbImage> {
        let (width, height) = (frame.width / self.by, frame.height / self.by);
        let mut rgb = RgbImage::new(width as u32, height as u32);
        let rows = rgb.chunks_exact_mut((3 * width).max(1));
        match &self.planes[..] {
            [grey] => {
                for (y, row) in rows.enumerate() {
                    for (pixel, &v) in row.chunks_exact_mut(3).zip(grey.row(y)) {
                        pixel.fill(v);
                    }
                }
            }
            [luma, blue, red] => {
                for (y, row) in rows.enumerate() {
                    let values = luma.row(y).iter().zip(blue.row(y)).zip(red.row(y));
                    for (pixel, ((&y, &cb), &cr)) in row.chunks_exact_mut(3).zip(values) {
                        pixel.copy_from_slice(&to_rgb(y, cb, cr));
                    }
                }
            }
            _ => return None,
        }
        Some(rgb)
    }
}

impl Plane {
    fn row(&self, y: usize) -> &[u8] {
        &self.values[y * self.stride..]
    }

    /// Puts the `N` means of a block at `at`.
    #[inline]
    fn put<const N: usize>(&mut self, at: usize, has: &[Coefficient]) {
        // Half is added: cutting off then rounds, and stays within 0 to 255.
        let mut means = [128.5f32; N];
        for coefficient in has {
            let value = f32::from(coefficient.value);
            let from = N * usize::from(coefficient.k);
            for (mean, add) in means.iter_mut().zip(&self.adds[from..from + N]) {
                *mean += value * add;
            }
        }
        for (y, means) in means.chunks_exact(self.across).enumerate() {
            let from = at + y * self.stride;
            let row = &mut self.values[from..from + self.across];
            for (value, mean) in row.iter_mut().zip(means) {
                *value = *mean as u8;
            }
        }
    }
}

impl Sink for Means {
    const WANTED: bool = true;

    fn scan(&mut self, frame: &Frame, quantisation: &[[u16; 64]; 4]) {
        let (columns, rows) = (
            frame.width.div_ceil(8 * frame.h_max),
            frame.height.div_ceil(8 * frame.v_max),
        );
        if self.planes.is_empty() {
            for component in &frame.components[..frame.count] {
                // Halved components are averaged over half as many of their pixels.
                let (across, down) = (
                    8 * frame.h_max / (self.by * component.h),
                    8 * frame.v_max / (self.by * component.v),
                );
                let stride = columns * component.h * across;
                self.planes.push(Plane {
                    // What no scan fills in is not whole and is never seen.
                    values: vec![0; stride * rows * component.v * down],
                    stride,
                    across,
                    down,
                    adds: Vec::new(),
                });
            }
        }
        for (plane, component) in self.planes.iter_mut().zip(&frame.components) {
            let table = &quantisation[component.quantisation];
            plane.adds = adds(table, plane.across, plane.down);
        }
    }

    #[inline]
    fn block(&mut self, component: usize, across: usize, down: usize, has: &[Coefficient]) {
        let plane = &mut self.planes[component];
        let at = down * plane.down * plane.stride + across * plane.across;
        match plane.across * plane.down {
            // The others have no mean over the whole block.
            1 => plane.put::<1>(at, &has[..1]),
            2 => plane.put::<2>(at, has),
            4 => plane.put::<4>(at, has),
            8 => plane.put::<8>(at, has),
            16 => plane.put::<16>(at, has),
            32 => plane.put::<32>(at, has),
            _ => plane.put::<64>(at, has),
        }
    }
}

/// What one step of each coefficient, in the file's order, adds to the means of a
/// block's `across` x `down` parts: the inverse transform (A.3.3 of the standard),
/// averaged. 64 times `across` x `down` numbers.
fn adds(quantisation: &[u16; 64], across: usize, down: usize) -> Vec<f32> {
    let (horizontal, vertical) = (waves(across), waves(down));
    let mut all = Vec::with_capacity(64 * across * down);
    for (&step, &place) in quantisation.iter().zip(&ZIGZAG) {
        let (u, v) = (usize::from(place % 8), usize::from(place / 8));
        for i in 0..across * down {
            all.push(f32::from(step) * horizontal[u][i % across] * vertical[v][i / across]);
        }
    }
    all
}

/// Means of the eight cosines over each of `parts` equal parts of a block's side,
/// scaled as the inverse transform has them.
fn waves(parts: usize) -> [[f32; 8]; 8] {
    let of = 8 / parts;
    let mut means = [[0.0; 8]; 8];
    for (u, means) in means.iter_mut().enumerate() {
        for (part, mean) in means[..parts].iter_mut().enumerate() {
            let sum = (part * of..(part + 1) * of)
                .map(|x| cosine((2 * x + 1) * u))
                .sum::<f32>();
            let scale = if u == 0 { COSINES[4] } else { 1.0 };
            *mean = sum / of as f32 * scale / 2.0;
            // What cancels out leaves a rounding error.
            if mean.abs() < 1e-6 {
                *mean = 0.0;
            }
        }
    }
    means
}

/// The cosine of `sixteenths` of half a turn.
fn cosine(sixteenths: usize) -> f32 {
    let n = sixteenths % 32;
    let n = n.min(32 - n);
    match n {
        0..=8 => COSINES[n],
        _ => -COSINES[16 - n],
    }
}

/// Cosines of 0 to 8 sixteenths of half a turn: written down, since mathematics
/// libraries differ in the last digit.
#[allow(clippy::approx_constant)]
const COSINES: [f32; 9] = [
    1.0,
    0.980_785_25,
    0.923_879_5,
    0.831_469_6,
    0.707_106_77,
    0.555_570_24,
    0.382_683_43,
    0.195_090_32,
    0.0,
];

/// Where the coefficients stand in a block, in the file's order.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Luminance and colour differences as JFIF has them become red, green and blue.
#[inline]
fn to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (
        (i32::from(y) << 16) + (1 << 15),
        i32::from(cb) - 128,
        i32::from(cr) - 128,
    );
    let red = y + 91_881 * cr;
    let green = y - 22_554 * cb - 46_802 * cr;
    let blue = y + 116_130 * cb;
    [red, green, blue].map(|v| (v >> 16).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    /// Retina-like: smooth, with lines and noise.
    fn drawn(width: u32, height: u32) -> RgbImage {
        let mut state = 7u32;
        RgbImage::from_fn(width, height, |x, y| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (noise, line) = ((state >> 28) as u8, u8::from((x + y / 2) % 37 < 3) * 60);
            let light = (90 + x * 90 / width) as u8;
            image::Rgb([light + 60 + noise, light - line + noise, light / 3 + noise])
        })
    }

    fn encoded(picture: &RgbImage, sampling: SamplingFactor) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 90);
        encoder.set_sampling_factor(sampling);
        let (width, height) = picture.dimensions();
        let (width, height) = (width as u16, height as u16);
        encoder
            .encode(picture, width, height, ColorType::Rgb)
            .unwrap();
        file
    }

    /// The mean of each square of the picture that the usual decoder makes.
    fn averaged(picture: &RgbImage, by: u32) -> RgbImage {
        RgbImage::from_fn(picture.width() / by, picture.height() / by, |x, y| {
            let mut sums = [0u32; 3];
            for (dx, dy) in (0..by * by).map(|i| (i % by, i / by)) {
                let pixel = picture.get_pixel(x * by + dx, y * by + dy).0;
                (0..3).for_each(|c| sums[c] += u32::from(pixel[c]));
            }
            image::Rgb(sums.map(|sum| ((sum + by * by / 2) / (by * by)) as u8))
        })
    }

    #[test]
    fn it_is_the_mean_of_what_the_decoder_of_everything_makes() {
        // Sides that are no multiple of a block, nor of the reduction.
        let picture = drawn(333, 270);
        for sampling in [
            SamplingFactor::R_4_4_4,
            SamplingFactor::R_4_2_2,
            SamplingFactor::R_4_2_0,
            SamplingFactor::R_4_4_0,
        ] {
            let file = encoded(&picture, sampling);
            let whole = image::load_from_memory(&file).unwrap().into_rgb8();
            for by in [2, 4, 8] {
                let got = decode(&file, by).unwrap().unwrap();
                let wanted = averaged(&whole, by as u32);
                assert_eq!(got.dimensions(), wanted.dimensions());
                let luma = |p: &image::Rgb<u8>| {
                    0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2])
                };
                let pixels = || got.pixels().zip(wanted.pixels());
                let light = pixels().map(|(a, b)| (luma(a) - luma(b)).abs());
                let most = light.fold(0.0, f64::max);
                let apart = got.iter().zip(wanted.iter()).map(|(a, b)| a.abs_diff(*b));
                let mean = apart.map(f64::from).sum::<f64>() / got.len() as f64;
                // The decoder of everything smooths between halved colours.
                let (most_allowed, allowed) = match sampling {
                    SamplingFactor::R_4_4_4 => (2.5, 0.6),
                    _ => (4.0, 2.0),
                };
                assert!(
                    most < most_allowed && mean < allowed,
                    "{sampling:?} by {by}: light {most:.2}, colours {mean:.2}"
                );
            }
        }
    }

    #[test]
    fn grey_is_read_and_other_colours_and_progressive_ones_are_left() {
        let picture = drawn(64, 48);
        let encode = |colour, progressive: bool| {
            let mut file = Vec::new();
            let mut encoder = Encoder::new(&mut file, 90);
            encoder.set_progressive(progressive);
            let channels = match colour {
                ColorType::Luma => 1,
                ColorType::Cmyk => 4,
                _ => 3,
            };
            let pixels: Vec<u8> = (0..64 * 48 * channels)
                .map(|i| picture.as_raw()[i % picture.len()])
                .collect();
            encoder.encode(&pixels, 64, 48, colour).unwrap();
            file
        };
        let grey = decode(&encode(ColorType::Luma, false), 2).unwrap().unwrap();
        assert!(grey.pixels().all(|p| p[0] == p[1] && p[1] == p[2]));
        assert!(decode(&encode(ColorType::Cmyk, false), 2)
            .unwrap()
            .is_none());
        assert!(decode(&encode(ColorType::Rgb, true), 2).unwrap().is_none());
    }

    #[test]
    fn the_reverse_transform_is_the_standards() {
        // At full size each wave is its cosine.
        let all = waves(8);
        for (u, wave) in all.iter().enumerate() {
            for (x, &value) in wave.iter().enumerate() {
                let scale = if u == 0 { 0.5f64.sqrt() } else { 1.0 };
                let wanted = scale / 2.0
                    * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos();
                assert!((f64::from(value) - wanted).abs() < 1e-6, "{u} at {x}");
            }
        }
        // No wave but the first has a mean over the whole block.
        assert!(waves(1)[1..].iter().all(|wave| wave[0] == 0.0));
    }
}
