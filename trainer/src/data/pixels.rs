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

/// The part of a source that is shown, in pixels: `left..right`, `top..bottom`.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
}

impl Window {
    /// All of a picture of `size` pixels a side.
    pub fn whole(size: usize) -> Window {
        Window {
            left: 0.0,
            right: (size - 1) as f32,
            top: 0.0,
            bottom: (size - 1) as f32,
        }
    }
}

/// Resamples `source` (side `from`) through `map` into `target` (side `to`),
/// bilinearly; what lies outside `window` is black.
pub fn warp(
    source: &[u8],
    from: usize,
    window: &Window,
    map: &Affine,
    target: &mut [u8],
    to: usize,
) {
    // Places in 1/65536 pixel, of which 1/256 is as fine as 8-bit colours can show.
    const ONE: f32 = 65536.0;
    let fixed = |v: f32| (v * ONE) as i32;
    // Never past the last pixel but one: its right and lower neighbour is read.
    let place = |v: f32| fixed(v).clamp(0, (from as i32 - 1) << 16);
    let columns = place(window.left)..place(window.right);
    let rows = place(window.top)..place(window.bottom);
    let (dx, dy) = (fixed(map.a), fixed(map.d));
    for (y, row) in target.chunks_exact_mut(to * 3).enumerate() {
        let x0 = fixed(map.b * y as f32 + map.c);
        let y0 = fixed(map.e * y as f32 + map.f);
        let at = |x: usize| (x0 + dx * x as i32, y0 + dy * x as i32);
        // A row's places lie on a line and the window is convex: those inside
        // it follow one another.
        let inside = |x: &usize| {
            let (sx, sy) = at(*x);
            columns.contains(&sx) && rows.contains(&sy)
        };
        let first = (0..to).find(inside).unwrap_or(to);
        let end = (first..to).rfind(inside).map_or(first, |last| last + 1);
        row[..first * 3].fill(0);
        row[end * 3..].fill(0);
        for (x, out) in (first..end).zip(row[first * 3..].chunks_exact_mut(3)) {
            let (sx, sy) = at(x);
            let (wx, wy) = ((sx >> 8) as u32 & 255, (sy >> 8) as u32 & 255);
            let upper = ((sy >> 16) as usize * from + (sx >> 16) as usize) * 3;
            let lower = upper + from * 3;
            let (Some(upper), Some(lower)) = (
                source[upper..].first_chunk::<6>(),
                source[lower..].first_chunk::<6>(),
            ) else {
                continue;
            };
            let (w11, w01) = (wx * wy, (256 - wx) * wy);
            let (w10, w00) = (256 * wx - w11, 256 * (256 - wx) - w01);
            for c in 0..3 {
                let mixed = u32::from(upper[c]) * w00
                    + u32::from(upper[c + 3]) * w10
                    + u32::from(lower[c]) * w01
                    + u32::from(lower[c + 3]) * w11;
                out[c] = ((mixed + (1 << 15)) >> 16) as u8;
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
    warp(&shrunk, small, &Window::whole(small), &map, pixels, size);
}

/// Moves every pixel by `amount` towards the mean of its 3 x 3 neighbourhood:
/// 1 is a slight blur, -0.7 sharpens.
pub fn focus(pixels: &mut [u8], size: usize, amount: f32) {
    let source = pixels.to_vec();
    let weight = (amount * 256.0) as i32;
    let stride = size * 3;
    // A value with what is left and right of it, in its own channel.
    let around = |y: usize| source[y * stride..(y + 1) * stride].windows(7);
    let three = |w: &[u8]| i32::from(w[0]) + 2 * i32::from(w[3]) + i32::from(w[6]);
    for y in 1..size - 1 {
        let row = &mut pixels[y * stride + 3..];
        let rows = around(y - 1).zip(around(y)).zip(around(y + 1));
        for (((above, here), below), value) in rows.zip(row) {
            let mean = (three(above) + 2 * three(here) + three(below)) / 16;
            let old = i32::from(here[3]);
            *value = (old + (mean - old) * weight / 256).clamp(0, 255) as u8;
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

/// Smears every pixel along the vector (dx, dy), in pixels: the mean of up to 24
/// places on it.
pub fn smear(pixels: &mut [u8], size: usize, dx: f32, dy: f32) {
    let source = pixels.to_vec();
    let count = (dx.hypot(dy).ceil() as usize).clamp(1, 24);
    let steps: Vec<(isize, isize)> = (0..count)
        .map(|k| {
            let along = (k as f32 + 0.5) / count as f32 - 0.5;
            ((dx * along).round() as isize, (dy * along).round() as isize)
        })
        .collect();
    let last = size as isize - 1;
    for (y, row) in pixels.chunks_exact_mut(size * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let mut sum = [0u32; 3];
            for (sx, sy) in &steps {
                let x = (x as isize + sx).clamp(0, last) as usize;
                let y = (y as isize + sy).clamp(0, last) as usize;
                let at = (y * size + x) * 3;
                (0..3).for_each(|c| sum[c] += u32::from(source[at + c]));
            }
            (0..3).for_each(|c| pixel[c] = (sum[c] / count as u32) as u8);
        }
    }
}

/// The mean of each pixel of `line` and `radius` neighbours on both sides, by
/// channel; beyond the ends the last pixel goes on.
fn running_mean(line: &[u8], means: &mut [u8], radius: usize) {
    let count = line.len() / 3;
    let radius = radius.min(count - 1);
    let scale = (1 << 16) / (2 * radius as u32 + 1);
    let pixel = |i: usize| [0, 1, 2].map(|c| u32::from(line[i * 3 + c]));
    let (first, last) = (pixel(0), pixel(count - 1));
    let mut sum = first.map(|v| v * (radius as u32 + 1));
    for i in 1..=radius {
        let next = pixel(i);
        (0..3).for_each(|c| sum[c] += next[c]);
    }
    for (i, mean) in means.chunks_exact_mut(3).take(count).enumerate() {
        let next = match i + radius + 1 {
            i if i < count => pixel(i),
            _ => last,
        };
        let gone = match i.checked_sub(radius) {
            Some(i) => pixel(i),
            None => first,
        };
        for c in 0..3 {
            mean[c] = ((sum[c] * scale + (1 << 15)) >> 16) as u8;
            sum[c] = sum[c] + next[c] - gone[c];
        }
    }
}

/// Darkens a small disc or a straight-sided tab at the rim of the inscribed
/// circle, as some cameras mark which way is up.
pub fn notch(pixels: &mut [u8], size: usize, rng: &mut impl Rng) {
    let centre = size as f32 / 2.0;
    let angle = rng.random_range(0.0..std::f32::consts::TAU);
    let (sin, cos) = angle.sin_cos();
    let reach = rng.random_range(0.03..0.1f32) * centre;
    let width = rng.random_range(0.03..0.08f32) * centre;
    let round = rng.random_bool(0.5);
    let rim = rng.random_range(0.94..1.0f32) * centre;
    for (y, row) in pixels.chunks_exact_mut(size * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let (dx, dy) = (x as f32 - centre, y as f32 - centre);
            let (out, along) = (dx * cos + dy * sin - rim, dy * cos - dx * sin);
            let inside = match round {
                true => out.hypot(along) < reach,
                false => out > -reach && along.abs() < width,
            };
            if inside {
                pixel.fill(0);
            }
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const SIZE: usize = 64;

    fn grey(value: u8) -> Vec<u8> {
        vec![value; SIZE * SIZE * 3]
    }

    /// Mean and deviation of the first channel.
    fn moments(pixels: &[u8]) -> (f64, f64) {
        let values = || pixels.iter().step_by(3).map(|&v| f64::from(v));
        let count = (pixels.len() / 3) as f64;
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn warp_moves_by_whole_pixels_without_loss_and_keeps_to_its_window() {
        let source: Vec<u8> = (0..SIZE * SIZE * 3).map(|k| (k % 251) as u8).collect();
        let by_two = Affine {
            a: 1.0,
            b: 0.0,
            c: 2.0,
            d: 0.0,
            e: 1.0,
            f: 1.0,
        };
        let mut target = grey(7);
        let mut window = Window::whole(SIZE);
        window.right = 40.0;
        warp(&source, SIZE, &window, &by_two, &mut target, SIZE);
        let at = |pixels: &[u8], x: usize, y: usize| pixels[(y * SIZE + x) * 3];
        assert_eq!(at(&target, 10, 20), at(&source, 12, 21));
        assert_eq!(at(&target, 37, 20), at(&source, 39, 21));
        assert_eq!(at(&target, 38, 20), 0);
        assert_eq!(at(&target, 10, SIZE - 1), 0);
    }

    #[test]
    fn blur_spreads_a_line_by_the_sigma_asked_for() {
        let mut pixels = grey(0);
        for y in 0..SIZE {
            pixels[(y * SIZE + 32) * 3] = 255;
        }
        blur(&mut pixels, SIZE, 4.0, 0.0);
        let row: Vec<f64> = (0..SIZE)
            .map(|x| f64::from(pixels[(32 * SIZE + x) * 3]))
            .collect();
        let total: f64 = row.iter().sum();
        let spread = |x: usize| (x as f64 - 32.0).powi(2);
        let variance = (0..SIZE).map(|x| row[x] * spread(x)).sum::<f64>() / total;
        assert!((total - 255.0).abs() < 25.0, "{total}");
        assert!((variance.sqrt() - 4.0).abs() < 0.6, "{}", variance.sqrt());
    }

    #[test]
    fn noise_has_the_deviation_asked_for_and_stays_in_the_field() {
        let mut pixels = grey(128);
        pixels[..300].fill(0);
        noise(&mut pixels, 10.0, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(pixels[..300].iter().all(|&v| v == 0));
        let (mean, deviation) = moments(&pixels[300..]);
        assert!(
            (mean - 128.0).abs() < 1.0 && (deviation - 10.0).abs() < 0.5,
            "{mean} {deviation}"
        );
    }

    #[test]
    fn focus_and_resolution_leave_an_even_picture_alone_and_soften_an_edge() {
        let mut even = grey(90);
        focus(&mut even, SIZE, 1.0);
        assert_eq!(even, grey(90));
        let edge = || -> Vec<u8> {
            let bright = |k: usize| if k / 3 % SIZE < 30 { 40 } else { 200 };
            (0..SIZE * SIZE * 3).map(bright).collect()
        };
        let step = |pixels: &[u8]| {
            let row = &pixels[32 * SIZE * 3..33 * SIZE * 3];
            let slope = |k: usize| i32::from(row[k + 3]) - i32::from(row[k]);
            (3..SIZE * 3 - 9).map(slope).max()
        };
        let (mut soft, mut sharp, mut coarse) = (edge(), edge(), edge());
        focus(&mut soft, SIZE, 1.0);
        focus(&mut sharp, SIZE, -0.7);
        lower_resolution(&mut coarse, SIZE, 20);
        assert!(step(&soft) < step(&edge()) && step(&edge()) < step(&sharp));
        assert!(step(&coarse) < step(&edge()));
    }
}
