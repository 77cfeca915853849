//! Photographs that are whole and well exposed, and not what a student can
//! grade: several eyes in one frame, too few pixels, no colour photograph.
//!
//! This is a part of the gate's first step that needs the photograph itself,
//! not only its measures.

use image::RgbImage;

use crate::field::FieldShape;
use crate::fields;
use crate::gate::{GateReason, GateVerdict};
use crate::prepare::Prepared;

/// Fewest pixels across the field. The smallest photographs that students were
/// trained on have 150; below this, what is small in a retina is not there.
pub const LEAST_FIELD_PIXELS: f32 = 128.0;

/// Adds to the verdict on pixels what the photograph itself rules out.
/// `prepared` was made of it.
///
/// Several eyes explain every other refusal, a photograph that is too small
/// explains blur. Exposure comes before colour: black is grey too.
pub fn gate_photograph(first: GateVerdict, rgb: &RgbImage, prepared: &Prepared) -> GateVerdict {
    let mut verdict = first;
    let field = &prepared.field;
    let pixels = 2.0 * field.rx.min(field.ry);
    let exposed = matches!(
        verdict.reason,
        GateReason::Ok | GateReason::Blurred | GateReason::FieldOfView
    );
    let reason = if fields::is_several(rgb, field) {
        GateReason::SeveralFields
    } else if exposed && pixels < LEAST_FIELD_PIXELS {
        verdict.scores.insert("field_pixels".to_owned(), pixels);
        GateReason::TooSmall
    } else if exposed && field.shape != FieldShape::None && !Colours::of(prepared).is_retina() {
        GateReason::NotColour
    } else {
        return verdict;
    };
    verdict.reason = reason;
    verdict.accepted = false;
    verdict
}

/// Sums over the lit pixels of the field, channels 0 to 255: whole numbers, which floats hold
/// exactly.
struct Colours {
    pixels: f64,
    sums: [f64; 3],
    products: [[f64; 3]; 3],
    /// Of the differences between red and green and between green and blue.
    differences: [f64; 2],
}

impl Colours {
    fn of(prepared: &Prepared) -> Colours {
        /// Darker pixels have no colour to speak of.
        const LIT: u8 = 16;
        let width = prepared.rgb.width() as usize;
        let mut pixels = 0u64;
        let (mut sums, mut squares, mut differences) = ([0u64; 3], [0u64; 3], [0u64; 2]);
        // Red and green, green and blue, red and blue.
        let mut products = [0u64; 3];
        for (y, columns) in prepared.field_rows() {
            let row = &prepared.rgb.as_raw()[3 * width * y as usize..];
            let row = &row[3 * columns.start as usize..3 * columns.end as usize];
            for &[r, g, b] in row.as_chunks().0 {
                // Black adds nothing to any sum.
                let lit = r.max(g).max(b) >= LIT;
                let [r, g, b] = [r, g, b].map(|v| if lit { u32::from(v) } else { 0 });
                pixels += u64::from(lit);
                for (sum, v) in sums.iter_mut().zip([r, g, b]) {
                    *sum += u64::from(v);
                }
                for (sum, v) in squares.iter_mut().zip([r, g, b]) {
                    *sum += u64::from(v * v);
                }
                for (sum, v) in products.iter_mut().zip([r * g, g * b, r * b]) {
                    *sum += u64::from(v);
                }
                for (sum, v) in differences.iter_mut().zip([r.abs_diff(g), g.abs_diff(b)]) {
                    *sum += u64::from(v);
                }
            }
        }
        let [rr, gg, bb] = squares.map(|sum| sum as f64);
        let [rg, gb, rb] = products.map(|sum| sum as f64);
        Colours {
            pixels: pixels as f64,
            sums: sums.map(|sum| sum as f64),
            products: [[rr, rg, rb], [rg, gg, gb], [rb, gb, bb]],
            differences: differences.map(|sum| sum as f64),
        }
    }

    /// Whether these may be the colours of a retina in white light. The limits
    /// leave room around every photograph of the public data sets, pale and
    /// greenish ones included.
    fn is_retina(&self) -> bool {
        /// Mean difference between neighbouring channels, in levels.
        const LEAST_DIFFERENCE: f64 = 2.5;
        /// How far red stands above the mean of green and blue, over the
        /// brightest. Red-free light and inverted colours are below.
        const LEAST_REDNESS: f64 = -0.15;
        /// What of one channel the others do not tell, in levels. Nothing where
        /// a grey picture was given one tint.
        const LEAST_OWN: f64 = 0.9;
        /// Standard deviation of a channel that shows anything, in levels.
        const LEAST_SEEN: f64 = 4.0;
        if self.pixels == 0.0 {
            return true;
        }
        let [r, g, b] = self.sums.map(|sum| sum / self.pixels);
        let redness = (r - (g + b) / 2.0) / r.max(g).max(b);
        let grey = self
            .differences
            .iter()
            .all(|sum| sum / self.pixels < LEAST_DIFFERENCE);
        let seen = (0..3).filter(|&i| self.covariance(i, i) >= LEAST_SEEN * LEAST_SEEN);
        let tinted = seen.count() > 1
            && [(0, 1), (1, 2), (0, 2)]
                .into_iter()
                .all(|(i, j)| self.own(i, j).min(self.own(j, i)) < LEAST_OWN);
        redness >= LEAST_REDNESS && !grey && !tinted
    }

    /// Standard deviation of channel `i` around the best line over channel `j`.
    fn own(&self, i: usize, j: usize) -> f64 {
        let along = self.covariance(i, j).powi(2) / self.covariance(j, j).max(1e-9);
        (self.covariance(i, i) - along).max(0.0).sqrt()
    }

    fn covariance(&self, i: usize, j: usize) -> f64 {
        let means = self.sums[i] * self.sums[j] / (self.pixels * self.pixels);
        self.products[i][j] / self.pixels - means
    }
}
