//! A raster of linear light, and its blurring.

use rayon::prelude::*;

use super::colour::Light;

#[derive(Clone, Debug)]
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    /// Row by row from the top.
    pub pixels: Vec<Light>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas {
            width,
            height,
            pixels: vec![[0.0; 3]; width * height],
        }
    }

    /// Fills every pixel from its position; rows in parallel.
    pub fn fill(&mut self, light: impl Fn(usize, usize) -> Light + Sync) {
        self.pixels
            .par_chunks_mut(self.width)
            .enumerate()
            .for_each(|(y, row)| {
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = light(x, y);
                }
            });
    }

    /// Changes every pixel in the box of half-width `reach` around
    /// (`x`, `y`) that lies on the canvas.
    pub fn touch(
        &mut self,
        x: f32,
        y: f32,
        reach: f32,
        mut change: impl FnMut(f32, f32, Light) -> Light,
    ) {
        let across = span(x, reach, self.width);
        for row in span(y, reach, self.height) {
            for column in across.clone() {
                let pixel = &mut self.pixels[row * self.width + column];
                *pixel = change(column as f32, row as f32, *pixel);
            }
        }
    }

    /// Gaussian blur to within a few per cent: three box blurs whose outermost
    /// taps carry a fraction (Gwosdek et al. 2011, extended box filters), so
    /// that focus can glide. `image::imageops::fast_blur` knows odd radii only,
    /// and focus would jump.
    pub fn blurred(mut self, sigma: f32) -> Canvas {
        if sigma < 0.05 {
            return self;
        }
        let tap = BoxFilter::new(sigma);
        let mut scratch = vec![[0.0; 3]; self.width * self.height];
        for _ in 0..3 {
            tap.rows(&self.pixels, &mut scratch, self.width);
            tap.columns(&scratch, &mut self.pixels, self.width, self.height);
        }
        self
    }
}

/// The pixels within `reach` of `middle`, cut to the canvas.
pub fn span(middle: f32, reach: f32, end: usize) -> std::ops::Range<usize> {
    let first = (middle - reach).ceil().max(0.0) as usize;
    let last = ((middle + reach).floor() + 1.0).max(0.0) as usize;
    first.min(end)..last.min(end)
}

struct BoxFilter {
    /// Whole taps on each side of the middle one.
    reach: usize,
    /// Weight of the tap beyond them, 0..1.
    rim: f32,
    scale: f32,
}

impl BoxFilter {
    fn new(sigma: f32) -> BoxFilter {
        let variance = sigma * sigma / 3.0;
        let l = (((1.0 + 12.0 * variance).sqrt() - 1.0) / 2.0).floor();
        let rim = (2.0 * l + 1.0) * (l * (l + 1.0) - 3.0 * variance)
            / (6.0 * (variance - (l + 1.0) * (l + 1.0)));
        BoxFilter {
            reach: l as usize,
            rim,
            scale: 1.0 / (2.0 * l + 1.0 + 2.0 * rim),
        }
    }

    fn rows(&self, from: &[Light], to: &mut [Light], width: usize) {
        to.par_chunks_mut(width)
            .zip(from.par_chunks(width))
            .for_each(|(to, from)| self.slide(from, to));
    }

    /// One column of the result needs only the same column of the source, so
    /// strips of columns are summed row by row, which keeps the cache warm.
    fn columns(&self, from: &[Light], to: &mut [Light], width: usize, height: usize) {
        let row = |y: isize| {
            let y = y.clamp(0, height as isize - 1) as usize;
            &from[y * width..(y + 1) * width]
        };
        let band = 64;
        to.par_chunks_mut(width * band)
            .enumerate()
            .for_each(|(n, rows)| {
                let top = (n * band) as isize;
                let reach = self.reach as isize;
                let mut sum = vec![[0.0f32; 3]; width];
                for y in top - reach..=top + reach {
                    add(&mut sum, row(y), 1.0);
                }
                for (k, out) in rows.chunks_mut(width).enumerate() {
                    let y = top + k as isize;
                    let (above, below) = (row(y - reach - 1), row(y + reach + 1));
                    for x in 0..width {
                        for c in 0..3 {
                            out[x][c] =
                                (sum[x][c] + self.rim * (above[x][c] + below[x][c])) * self.scale;
                        }
                    }
                    add(&mut sum, below, 1.0);
                    add(&mut sum, row(y - reach), -1.0);
                }
            });
    }

    /// A running sum along one row; beyond its ends the row goes on as it ends.
    fn slide(&self, from: &[Light], to: &mut [Light]) {
        let last = from.len() as isize - 1;
        let tap = |i: isize| from[i.clamp(0, last) as usize];
        let reach = self.reach as isize;
        let mut sum = [0.0f32; 3];
        for i in -reach..=reach {
            add_pixel(&mut sum, tap(i), 1.0);
        }
        for (i, to) in to.iter_mut().enumerate() {
            let i = i as isize;
            let (before, after) = (tap(i - reach - 1), tap(i + reach + 1));
            *to =
                std::array::from_fn(|c| (sum[c] + self.rim * (before[c] + after[c])) * self.scale);
            add_pixel(&mut sum, after, 1.0);
            add_pixel(&mut sum, tap(i - reach), -1.0);
        }
    }
}

fn add_pixel(sum: &mut Light, pixel: Light, sign: f32) {
    for c in 0..3 {
        sum[c] += sign * pixel[c];
    }
}

fn add(sum: &mut [Light], row: &[Light], sign: f32) {
    for (sum, &pixel) in sum.iter_mut().zip(row) {
        add_pixel(sum, pixel, sign);
    }
}
