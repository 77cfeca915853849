//! The look of one camera given to a photograph of another.
//!
//! A *light* is the coarse colour of the field, cell by cell: what the flash,
//! the lens and the lens of the eye make of a retina. Exchanging it between
//! sources, and sometimes levelling it, leaves vessels and lesions where they
//! are and takes away what tells cameras apart (after the amplitude exchange of
//! FACT, Xu et al., CVPR 2021, on a grid instead of in the frequency domain).

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::pixels;

/// Cells a side of a light that is exchanged: coarse enough that the partner's
/// disc leaves no ghost.
const EXCHANGED: usize = 4;
/// Cells a side of the light that is levelled.
const LEVELLED: usize = 12;
/// Every third pixel of every third row tells a light well enough.
const STEP: usize = 3;
/// A spread is never scaled further than by this factor.
const MOST_GAIN: f32 = 1.8;

/// Mean colour of the field by cells of a square grid, and how far the pixels
/// stray from it, in grey levels of 255.
struct Light {
    side: usize,
    /// side x side cells by rows; where a cell holds no field, the overall mean.
    cells: Vec<[f32; 3]>,
    mean: [f32; 3],
    spread: [f32; 3],
}

impl Light {
    /// The light of a square RGB picture; none where it shows no field at all.
    fn of(picture: &[u8], size: usize, side: usize) -> Option<Light> {
        let mut sums = vec![([0f32; 3], 0f32); side * side];
        let mut squares = [0f32; 3];
        let inside = |x: usize, y: usize| {
            let at = (y * size + x) * 3;
            let pixel = &picture[at..at + 3];
            pixels::inside(pixel).then(|| [0, 1, 2].map(|c| f32::from(pixel[c])))
        };
        let places = || (0..size).step_by(STEP);
        for y in places() {
            for x in places() {
                if let Some(pixel) = inside(x, y) {
                    let cell = &mut sums[(y * side / size) * side + x * side / size];
                    (0..3).for_each(|c| cell.0[c] += pixel[c]);
                    cell.1 += 1.0;
                }
            }
        }
        let count: f32 = sums.iter().map(|cell| cell.1).sum();
        if count == 0.0 {
            return None;
        }
        let mean = [0, 1, 2].map(|c| sums.iter().map(|cell| cell.0[c]).sum::<f32>() / count);
        let cells: Vec<[f32; 3]> = sums
            .iter()
            .map(|(sum, count)| match count {
                0.0 => mean,
                _ => sum.map(|s| s / count),
            })
            .collect();
        for y in places() {
            for x in places() {
                if let Some(pixel) = inside(x, y) {
                    let cell = cells[(y * side / size) * side + x * side / size];
                    (0..3).for_each(|c| squares[c] += (pixel[c] - cell[c]).powi(2));
                }
            }
        }
        Some(Light {
            side,
            cells,
            mean,
            spread: squares.map(|s| (s / count).sqrt()),
        })
    }

    /// Mirrored left to right, top to bottom, or neither.
    fn mirrored(mut self, across: bool, down: bool) -> Light {
        if across {
            self.cells
                .chunks_exact_mut(self.side)
                .for_each(<[_]>::reverse);
        }
        if down {
            let rows: Vec<[f32; 3]> = self
                .cells
                .chunks_exact(self.side)
                .rev()
                .flatten()
                .copied()
                .collect();
            self.cells = rows;
        }
        self
    }
}

/// Places in the field between the centres of `side` cells: the cell before and
/// the weight of the one after it.
fn between_cells(size: usize, side: usize) -> Vec<(usize, f32)> {
    let last = side - 1;
    (0..size)
        .map(|i| {
            let place = (i as f32 + 0.5) * side as f32 / size as f32 - 0.5;
            let place = place.clamp(0.0, last as f32);
            let cell = (place as usize).min(last.saturating_sub(1));
            (cell, place - cell as f32)
        })
        .collect()
}

/// `own + (pixel - own) * gain + shift` at every place of the field, where
/// `shift` is given by cell and interpolated as the light itself is.
fn relight(picture: &mut [u8], size: usize, own: &Light, shift: &[[f32; 3]], gain: [f32; 3]) {
    let side = own.side;
    let places = between_cells(size, side);
    for (y, row) in picture.chunks_exact_mut(size * 3).enumerate() {
        let (top, down) = places[y];
        // One row of cells at this height: own light and shift.
        let line: Vec<[f32; 6]> = (0..side)
            .map(|i| {
                let upper = top * side + i;
                let lower = upper + side;
                std::array::from_fn(|c| {
                    let (a, b) = match c {
                        0..3 => (own.cells[upper][c], own.cells[lower][c]),
                        _ => (shift[upper][c - 3], shift[lower][c - 3]),
                    };
                    a + (b - a) * down
                })
            })
            .collect();
        for (pixel, &(left, along)) in row.chunks_exact_mut(3).zip(&places) {
            if !pixels::inside(pixel) {
                continue;
            }
            let (a, b) = (&line[left], &line[left + 1]);
            for c in 0..3 {
                let light = a[c] + (b[c] - a[c]) * along;
                let shift = a[c + 3] + (b[c + 3] - a[c + 3]) * along;
                let value = light + (f32::from(pixel[c]) - light) * gain[c] + shift;
                pixel[c] = value.clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// Gives `picture` the light and contrast of `partner` by `share` (0 leaves it
/// alone, 1 exchanges all); both are squares, `size` and `partner_size` a side.
pub fn exchange(
    picture: &mut [u8],
    size: usize,
    partner: &[u8],
    partner_size: usize,
    share: f32,
    rng: &mut ChaCha8Rng,
) {
    let (across, down) = (rng.random(), rng.random());
    let (Some(own), Some(other)) = (
        Light::of(picture, size, EXCHANGED),
        Light::of(partner, partner_size, EXCHANGED),
    ) else {
        return;
    };
    let other = other.mirrored(across, down);
    let gain = std::array::from_fn(|c| {
        let gain = (other.spread[c] / own.spread[c].max(0.5)).clamp(1.0 / MOST_GAIN, MOST_GAIN);
        gain.powf(share)
    });
    let shift: Vec<[f32; 3]> = own
        .cells
        .iter()
        .zip(&other.cells)
        .map(|(own, other)| std::array::from_fn(|c| (other[c] - own[c]) * share))
        .collect();
    relight(picture, size, &own, &shift, gain);
}

/// Levels the illumination of the field by `share`: 0 leaves it alone, 1 brings
/// every cell to the overall mean and raises the contrast a little, as the
/// local-mean subtraction that is common for diabetic retinopathy does.
pub fn level(picture: &mut [u8], size: usize, share: f32) {
    let Some(own) = Light::of(picture, size, LEVELLED) else {
        return;
    };
    let shift: Vec<[f32; 3]> = own
        .cells
        .iter()
        .map(|cell| std::array::from_fn(|c| (own.mean[c] - cell[c]) * share))
        .collect();
    relight(picture, size, &own, &shift, [1.0 + 0.5 * share; 3]);
}

/// Writes the picture as a JPEG of `quality` (1..=100) and reads it back.
pub fn recompress(picture: &mut [u8], size: usize, quality: u8) {
    let side = size as u32;
    let mut file = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut file, quality).encode(
        picture,
        side,
        side,
        ExtendedColorType::Rgb8,
    );
    let read = written.and_then(|()| image::load_from_memory_with_format(&file, ImageFormat::Jpeg));
    // Encoding into memory cannot fail, and what it wrote can be read.
    let Ok(read) = read else { return };
    let read = read.into_rgb8();
    for (pixel, new) in picture.chunks_exact_mut(3).zip(read.chunks_exact(3)) {
        // Outside the field preparation leaves black, whatever a file rings there.
        if pixels::inside(pixel) {
            pixel.copy_from_slice(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SIZE: usize = 96;

    /// A disc of one colour, lit more on the right, with dark spots.
    fn disc(colour: [f32; 3], slope: f32) -> Vec<u8> {
        let mut picture = vec![0; SIZE * SIZE * 3];
        for (k, pixel) in picture.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((k % SIZE) as f32 - 47.5, (k / SIZE) as f32 - 47.5);
            if x.hypot(y) < 46.0 {
                let spot = if (k % SIZE) % 8 < 2 && (k / SIZE) % 8 < 2 {
                    0.7
                } else {
                    1.0
                };
                let light = (1.0 + slope * x / 48.0) * spot;
                (0..3).for_each(|c| pixel[c] = (colour[c] * light) as u8);
            }
        }
        picture
    }

    fn mean(picture: &[u8]) -> [f32; 3] {
        Light::of(picture, SIZE, 1).expect("a field").mean
    }

    #[test]
    fn an_exchanged_look_is_the_partners_and_spots_stay() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let partner = disc([90.0, 80.0, 70.0], 0.0);
        let mut picture = disc([200.0, 100.0, 40.0], 0.0);
        exchange(&mut picture, SIZE, &partner, SIZE, 1.0, &mut rng);
        for (got, wanted) in mean(&picture).into_iter().zip(mean(&partner)) {
            assert!((got - wanted).abs() < 3.0, "{got} is not {wanted}");
        }
        let at = |x: usize, y: usize| picture[(y * SIZE + x) * 3];
        assert!(
            at(41, 41) + 10 < at(44, 44),
            "{} {}",
            at(41, 41),
            at(44, 44)
        );
        assert_eq!(at(0, 0), 0, "outside stays black");
        let mut alone = disc([200.0, 100.0, 40.0], 0.0);
        exchange(&mut alone, SIZE, &partner, SIZE, 0.0, &mut rng);
        let before = disc([200.0, 100.0, 40.0], 0.0);
        let most = alone
            .iter()
            .zip(&before)
            .map(|(&a, &b)| a.abs_diff(b))
            .max();
        assert!(most <= Some(1));
    }

    #[test]
    fn levelling_takes_the_slope_and_keeps_the_mean() {
        let mut picture = disc([150.0, 90.0, 50.0], 0.5);
        let before = mean(&picture);
        let side = |picture: &[u8], x: usize| f32::from(picture[(46 * SIZE + x) * 3]);
        assert!(side(&picture, 86) - side(&picture, 6) > 80.0);
        level(&mut picture, SIZE, 1.0);
        assert!((side(&picture, 86) - side(&picture, 6)).abs() < 25.0);
        for (got, wanted) in mean(&picture).into_iter().zip(before) {
            assert!((got - wanted).abs() < 4.0, "{got} is not {wanted}");
        }
    }

    #[test]
    fn a_photograph_without_a_field_is_left_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut black = vec![0; SIZE * SIZE * 3];
        level(&mut black, SIZE, 1.0);
        exchange(&mut black, SIZE, &disc([99.0; 3], 0.0), SIZE, 1.0, &mut rng);
        assert!(black.iter().all(|&v| v == 0));
    }

    #[test]
    fn recompression_changes_little_at_high_and_more_at_low_quality() {
        let before = disc([180.0, 90.0, 50.0], 0.3);
        let change = |quality: u8| -> u64 {
            let mut after = before.clone();
            recompress(&mut after, SIZE, quality);
            after
                .iter()
                .zip(&before)
                .map(|(&a, &b)| u64::from(a.abs_diff(b)))
                .sum()
        };
        assert!(0 < change(95) && change(95) < change(25));
        let mut after = before.clone();
        recompress(&mut after, SIZE, 25);
        assert_eq!(after[..3], [0, 0, 0]);
    }
}
