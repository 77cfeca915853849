//! Fast measures of a prepared photograph, before any network sees it.

use serde::{Deserialize, Serialize};

use crate::field::FieldShape;
use crate::prepare::Prepared;

/// Measures over the pixels of the field.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    pub field_shape: FieldShape,
    /// Share of the field's disc that the frame holds, 0 to 1.
    pub field_coverage: f32,
    /// Mean luminance, 0 (black) to 1 (white).
    pub mean_luma: f32,
    /// Standard deviation of the luminance, 0 (uniform) to 0.5.
    pub contrast: f32,
    /// Share of pixels with a luminance below 0.08, 0 to 1.
    pub dark_share: f32,
    /// Share of pixels with a luminance above 0.95, 0 to 1.
    pub bright_share: f32,
    /// How far red stands above green and blue: (R - (G + B) / 2) over the
    /// brightest channel, averaged, -1 to 1.
    pub redness: f32,
    /// Mean absolute difference of neighbouring green values over their
    /// standard deviation, 0 (no detail) upwards; about 1 is noise.
    pub sharpness: f32,
}

/// Measures a prepared photograph.
pub fn measure(prepared: &Prepared) -> Measures {
    let size = prepared.rgb.width();
    let (mut n, mut sum, mut squares, mut dark, mut bright) = (0.0f64, 0.0, 0.0, 0.0, 0.0);
    let mut redness = 0.0f64;
    let (mut pairs, mut steps, mut green, mut green_squares) = (0.0f64, 0.0, 0.0, 0.0);
    for y in 0..size {
        let mut last: Option<f64> = None;
        for x in 0..size {
            if !prepared.shows_field(x, y) {
                last = None;
                continue;
            }
            let [r, g, b] = prepared.rgb.get_pixel(x, y).0.map(|v| f64::from(v) / 255.0);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            n += 1.0;
            sum += luma;
            squares += luma * luma;
            dark += f64::from(u8::from(luma < 0.08));
            bright += f64::from(u8::from(luma > 0.95));
            redness += (r - (g + b) / 2.0) / r.max(g).max(b).max(1.0 / 255.0);
            green += g;
            green_squares += g * g;
            if let Some(last) = last {
                pairs += 1.0;
                steps += (g - last).abs();
            }
            last = Some(g);
        }
    }
    let n = n.max(1.0);
    let deviation = |sum: f64, squares: f64| (squares / n - (sum / n).powi(2)).max(0.0).sqrt();
    let green_deviation = deviation(green, green_squares).max(1.0 / 255.0);
    Measures {
        field_shape: prepared.field.shape,
        field_coverage: prepared.field.coverage,
        mean_luma: (sum / n) as f32,
        contrast: deviation(sum, squares) as f32,
        dark_share: (dark / n) as f32,
        bright_share: (bright / n) as f32,
        redness: (redness / n) as f32,
        sharpness: (steps / pairs.max(1.0) / green_deviation) as f32,
    }
}
