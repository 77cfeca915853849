//! Fast operations on square RGB pictures (`size * size * 3` bytes, by rows).

use rand::Rng;

/// A channel value below this in all channels lies outside the field of view,
/// which preparation leaves black; colour changes and noise must keep it so.
const OUTSIDE: u8 = 8;

/// Whether a pixel shows anything.
pub fn inside(pixel: &[u8]) -> bool {
    pixel.iter().any(|&v| v >= OUTSIDE)
}

/// An affine map in pixel coordinates, from a place in the result to the place
/// in the source its colour comes from: `(a x + b y + c, d x + e y + f)`.
#[derive(Clone, Copy, Debug)]
pub struct Affine {
    pub a: f32,
    pub b: f32,
    pub c: f32,
    pub d: f32,
    pub e: f32,
    pub f: f32,
}

/// Resamples `source` (side `from`) through `map` into `target` (side `to`),
/// bilinearly; what lies outside the source is black.
pub fn warp(source: &[u8], from: usize, map: &Affine, target: &mut [u8], to: usize) {
    const ONE: f32 = 256.0;
    let limit = (from as i32 - 1) * ONE as i32;
    for (y, row) in target.chunks_exact_mut(to * 3).enumerate() {
        let (start_x, start_y) = (map.b * y as f32 + map.c, map.e * y as f32 + map.f);
        for (x, out) in row.chunks_exact_mut(3).enumerate() {
            // Places in 1/256 pixel: as fine as 8-bit colours can show.
            let sx = ((map.a * x as f32 + start_x) * ONE) as i32;
            let sy = ((map.d * x as f32 + start_y) * ONE) as i32;
            if sx < 0 || sy < 0 || sx >= limit || sy >= limit {
                out.fill(0);
                continue;
            }
            let (wx, wy) = (sx & 255, sy & 255);
            let at = ((sy >> 8) as usize * from + (sx >> 8) as usize) * 3;
            let upper = &source[at..at + 6];
            let lower = &source[at + from * 3..at + from * 3 + 6];
            for channel in 0..3 {
                let mix = |pair: &[u8]| {
                    i32::from(pair[channel]) * (256 - wx) + i32::from(pair[channel + 3]) * wx
                };
                out[channel] =
                    ((mix(upper) * (256 - wy) + mix(lower) * wy + (1 << 15)) >> 16) as u8;
            }
        }
    }
}

/// Shrinks to `small` pixels a side by averaging and enlarges again: what a
/// source of that resolution would have delivered.
pub fn lower_resolution(pixels: &mut [u8], size: usize, small: usize) {
    let small = small.clamp(2, size);
    let mut shrunk = vec![0; small * small * 3];
    let bounds = |k: usize| (k * size / small, ((k + 1) * size / small));
    for (j, row) in shrunk.chunks_exact_mut(small * 3).enumerate() {
        let (top, bottom) = bounds(j);
        for (i, out) in row.chunks_exact_mut(3).enumerate() {
            let (left, right) = bounds(i);
            let mut sum = [0u32; 3];
            for y in top..bottom {
                for pixel in pixels[(y * size + left) * 3..(y * size + right) * 3].chunks_exact(3) {
                    (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
                }
            }
            let count = ((bottom - top) * (right - left)) as u32;
            (0..3).for_each(|c| out[c] = ((sum[c] + count / 2) / count) as u8);
        }
    }
    let step = (small - 1) as f32 / size as f32;
    let map = Affine {
        a: step,
        b: 0.0,
        c: 0.5 * step,
        d: 0.0,
        e: step,
        f: 0.5 * step,
    };
    warp(&shrunk, small, &map, pixels, size);
}

/// Moves every pixel by `amount` towards the mean of its 3 x 3 neighbourhood:
/// 1 is a slight blur, -0.7 sharpens.
pub fn focus(pixels: &mut [u8], size: usize, amount: f32) {
    let source = pixels.to_vec();
    let weight = (amount * 256.0) as i32;
    let stride = size * 3;
    for y in 1..size - 1 {
        for k in y * stride + 3..(y + 1) * stride - 3 {
            let at = |i: usize| i32::from(source[i]);
            let row = |i: usize| at(i - 3) + 2 * at(i) + at(i + 3);
            let mean = (row(k - stride) + 2 * row(k) + row(k + stride)) / 16;
            pixels[k] = (at(k) + (mean - at(k)) * weight / 256).clamp(0, 255) as u8;
        }
    }
}

/// Blurs with a Gaussian of `sigma_x`, `sigma_y` pixels, approximated by three
/// running means, whose cost does not grow with sigma.
pub fn blur(pixels: &mut [u8], size: usize, sigma_x: f32, sigma_y: f32) {
    let radius = |sigma: f32| ((sigma * sigma * 4.0 + 1.0).sqrt() / 2.0 - 0.5).round() as usize;
    let mut line = vec![0u8; size * 3];
    let mut means = vec![0u8; size * 3];
    for _ in 0..3 {
        if radius(sigma_x) > 0 {
            for row in pixels.chunks_exact_mut(size * 3) {
                running_mean(row, &mut means, radius(sigma_x));
                row.copy_from_slice(&means);
            }
        }
        if radius(sigma_y) > 0 {
            for x in 0..size {
                for y in 0..size {
                    let at = (y * size + x) * 3;
                    line[y * 3..y * 3 + 3].copy_from_slice(&pixels[at..at + 3]);
                }
                running_mean(&line, &mut means, radius(sigma_y));
                for y in 0..size {
                    let at = (y * size + x) * 3;
                    pixels[at..at + 3].copy_from_slice(&means[y * 3..y * 3 + 3]);
                }
            }
        }
    }
}

fn running_mean(line: &[u8], means: &mut [u8], radius: usize) {
    let count = line.len() / 3;
    let radius = radius.min(count - 1);
    let scale = (1 << 16) / (2 * radius as u32 + 1);
    for channel in 0..3 {
        let at = |i: isize| {
            let i = i.clamp(0, count as isize - 1) as usize;
            u32::from(line[i * 3 + channel])
        };
        let r = radius as isize;
        let mut sum: u32 = (-r..=r).map(at).sum();
        for i in 0..count as isize {
            means[i as usize * 3 + channel] = ((sum * scale + (1 << 15)) >> 16) as u8;
            sum = sum + at(i + r + 1) - at(i - r);
        }
    }
}

/// Adds noise of about `sigma` grey levels inside the field, the same in all
/// channels by half (a sensor's luminance noise weighs most after JPEG).
pub fn noise(pixels: &mut [u8], sigma: f32, rng: &mut impl Rng) {
    // A fast generator of its own: one draw per pixel from the run's would
    // cost more than everything else.
    let mut state: u64 = rng.random::<u64>() | 1;
    // The sum of two uniform bytes has a deviation of 104, of two such sums 148.
    let scale = (sigma * 65536.0 / 148.0) as i32;
    for pixel in pixels.chunks_exact_mut(3) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if !inside(pixel) {
            continue;
        }
        let b = state.to_le_bytes();
        let pair = |i: usize| i32::from(b[i]) + i32::from(b[i + 1]) - 255;
        let common = pair(0);
        for (c, value) in pixel.iter_mut().enumerate() {
            let shift = ((common + pair(2 + 2 * c)) * scale) >> 16;
            *value = (i32::from(*value) + shift).clamp(0, 255) as u8;
        }
    }
}
