//! Fast measures of a prepared photograph, before any network sees it.
//!
//! They are taken on a copy of 128 x 128 pixels, so that detail means the same
//! share of the retina (vessels are one to three pixels wide there) whatever
//! the camera's resolution or the network's input size.

use fast_image_resize::FilterType;
use serde::{Deserialize, Serialize};

use crate::field::FieldShape;
use crate::prepare::Prepared;
use crate::resample::Resampler;
use crate::vessels::vessel_share;

/// Side of the copy that is measured, in pixels.
const SIDE: usize = 128;
/// Luminance below which a pixel is dark.
const DARK: f64 = 0.08;
/// Luminance above which a pixel is bright: nothing is left to see.
const BRIGHT: f64 = 0.96;

/// Measures over the pixels that show the field. Luminance is that of Rec. 601
/// on the file's own values, 0 (black) to 1 (white).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// How the field lies in the frame.
    pub field_shape: FieldShape,
    /// Share of the field's disc that the frame holds, 0 to 1.
    pub field_coverage: f32,
    /// Distance of the disc's centre from the frame's, in radii of the disc:
    /// 0 in the middle, 1 when the frame's middle is on the rim.
    pub off_centre: f32,
    /// Mean luminance, 0 to 1.
    pub mean_luma: f32,
    /// Share of pixels with a luminance below 0.08, 0 to 1.
    pub dark_share: f32,
    /// Share of pixels with a luminance above 0.96, 0 to 1.
    pub bright_share: f32,
    /// Standard deviation of the luminance, 0 (uniform) to 0.5.
    pub contrast: f32,
    /// How far red stands above the mean of green and blue, over the brightest
    /// channel, of the mean colour: -1 to 1, 0 for grey.
    pub redness: f32,
    /// How far the strongest channel stands above the weakest, over the
    /// strongest, of the mean colour: 0 (grey) to 1.
    pub saturation: f32,
    /// Green over red of the mean colour, 0 to about 1 for a retina: red-free
    /// light gives more. 1 where there is no colour.
    pub green_over_red: f32,
    /// Mean luminance of the darker half of the field over that of the
    /// brighter one, 0 to 1: the left and the right half, or the upper and the
    /// lower, whichever differ more. 1 where nothing is lit.
    pub light_balance: f32,
    /// Root mean square of the green detail that is finer than 3 of the 128
    /// pixels, over the mean green: 0 (nothing in focus) to about 1.
    pub sharpness: f32,
    /// Share of the green variance that this detail makes up, 0 to 1: small
    /// for a picture of anything, about 0.9 for noise.
    pub noise: f32,
    /// Share of the field in which vessels can be seen, 0 to 1
    /// ([`vessel_share`]); `None` where it was not looked for.
    pub vessel_share: Option<f32>,
}

/// Measures a prepared photograph. Every measure is finite; where no pixel
/// shows the field, `saturation`, `green_over_red` and `light_balance` are 1
/// and all others but the field's own are 0.
pub fn measure(prepared: &Prepared) -> Measures {
    Measures {
        vessel_share: Some(vessel_share(prepared)),
        ..Measurer::default().measure(prepared)
    }
}

/// [`measure`] for photograph after photograph in the same memory: once it has
/// seen one, only the resampler asks for any. It looks for no vessels, which
/// takes as long as all else together many times over: a live picture does
/// without.
#[derive(Clone, Debug, Default)]
pub struct Measurer {
    resampler: Resampler,
    /// Columns of each row of the prepared photograph that show the field, in
    /// pixels of the copy.
    shown: Vec<Option<(f32, f32)>>,
}

impl Measurer {
    /// Measures a prepared photograph.
    pub fn measure(&mut self, prepared: &Prepared) -> Measures {
        let copy = self.copy(prepared);
        let (mut tally, mut halves) = (Tally::default(), Halves::default());
        for (y, &(from, to)) in copy.rows.iter().enumerate() {
            for x in from..to {
                tally.pixel(copy.at(x, y));
                halves.pixel(x, y, luma(copy.at(x, y)));
                if let Some(around) = copy.green_around(x, y) {
                    tally.detail(f64::from(copy.at(x, y)[1]) / 255.0 - around);
                }
            }
        }
        let field = &prepared.field;
        let (dx, dy) = (
            (field.cx - field.frame.0 as f32 / 2.0) / field.rx.max(0.5),
            (field.cy - field.frame.1 as f32 / 2.0) / field.ry.max(0.5),
        );
        let [r, g, b] = tally.mean_colour();
        let strongest = r.max(g).max(b).max(1.0 / 255.0);
        let green_variance = tally.variance(tally.colour[1], tally.green_squares);
        Measures {
            field_shape: field.shape,
            field_coverage: field.coverage,
            off_centre: (dx * dx + dy * dy).sqrt(),
            mean_luma: tally.share(tally.luma),
            dark_share: tally.share(tally.dark),
            bright_share: tally.share(tally.bright),
            contrast: tally.variance(tally.luma, tally.luma_squares).sqrt() as f32,
            redness: ((r - (g + b) / 2.0) / strongest) as f32,
            saturation: ((strongest - r.min(g).min(b)) / strongest) as f32,
            green_over_red: ((g + 1e-6) / (r + 1e-6)) as f32,
            light_balance: halves.balance(),
            sharpness: (tally.mean_detail().sqrt() / g.max(1.0 / 255.0)) as f32,
            noise: (tally.mean_detail() / green_variance.max(1e-6)).min(1.0) as f32,
            vessel_share: None,
        }
    }

    fn copy(&mut self, prepared: &Prepared) -> Copy<'_> {
        let size = prepared.rgb.width();
        let side = (SIDE as u32, SIDE as u32);
        let rgb = self
            .resampler
            .resample(&prepared.rgb, None, side, FilterType::Box);
        let mut rows = [(0, 0); SIDE];
        let scale = SIDE as f32 / size as f32;
        self.shown.clear();
        self.shown.resize(size as usize, None);
        for (y, columns) in prepared.field_rows() {
            self.shown[y as usize] =
                Some((columns.start as f32 * scale, columns.end as f32 * scale));
        }
        for (y, row) in rows.iter_mut().enumerate() {
            // All rows of the photograph that this one is made of, and a margin.
            let first = ((y as f32 - 1.0) / scale).floor();
            let last = ((y as f32 + 2.0) / scale).ceil();
            if first < 0.0 || last > size as f32 {
                continue;
            }
            let mut inside = Some((0.0f32, SIDE as f32));
            for source in &self.shown[first as usize..last as usize] {
                inside = inside
                    .zip(*source)
                    .map(|((a, b), (c, d))| (a.max(c), b.min(d)));
            }
            if let Some((from, to)) = inside {
                let (from, to) = (from.ceil() as usize + 1, to.floor() as usize);
                *row = (from, to.saturating_sub(1).max(from));
            }
        }
        Copy { rgb, rows }
    }
}

/// Luminance of Rec. 601, 0 to 1.
fn luma(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Luminance and pixels of the left, right, upper and lower half.
#[derive(Default)]
struct Halves([(f64, f64); 4]);

impl Halves {
    fn pixel(&mut self, x: usize, y: usize, luma: f64) {
        let across = usize::from(2 * x >= SIDE);
        let down = 2 + usize::from(2 * y >= SIDE);
        for half in [across, down] {
            self.0[half].0 += luma;
            self.0[half].1 += 1.0;
        }
    }

    fn balance(&self) -> f32 {
        let mean = self.0.map(|(sum, pixels)| sum / pixels.max(1.0));
        let balance = |a: f64, b: f64| (a.min(b) + 1e-6) / (a.max(b) + 1e-6);
        balance(mean[0], mean[1]).min(balance(mean[2], mean[3])) as f32
    }
}

/// Sums over the pixels of the field, channels and luminance 0 to 1.
#[derive(Default)]
struct Tally {
    pixels: f64,
    colour: [f64; 3],
    green_squares: f64,
    luma: f64,
    luma_squares: f64,
    dark: f64,
    bright: f64,
    details: f64,
    detail_squares: f64,
}

impl Tally {
    fn pixel(&mut self, rgb: [u8; 3]) {
        let luma = luma(rgb);
        let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
        self.pixels += 1.0;
        for (sum, v) in self.colour.iter_mut().zip([r, g, b]) {
            *sum += v;
        }
        self.green_squares += g * g;
        self.luma += luma;
        self.luma_squares += luma * luma;
        self.dark += f64::from(u8::from(luma < DARK));
        self.bright += f64::from(u8::from(luma > BRIGHT));
    }

    fn detail(&mut self, difference: f64) {
        self.details += 1.0;
        self.detail_squares += difference * difference;
    }

    fn share(&self, sum: f64) -> f32 {
        (sum / self.pixels.max(1.0)) as f32
    }

    fn mean_colour(&self) -> [f64; 3] {
        self.colour.map(|sum| sum / self.pixels.max(1.0))
    }

    fn variance(&self, sum: f64, squares: f64) -> f64 {
        let n = self.pixels.max(1.0);
        (squares / n - (sum / n) * (sum / n)).max(0.0)
    }

    fn mean_detail(&self) -> f64 {
        self.detail_squares / self.details.max(1.0)
    }
}

/// The prepared photograph at the scale that is measured.
struct Copy<'a> {
    /// Row by row.
    rgb: &'a [u8],
    /// Columns of each row that show the field, first and one past the last;
    /// its edge, which blends into the black, is left out.
    rows: [(usize, usize); SIDE],
}

impl Copy<'_> {
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let i = 3 * (y * SIDE + x);
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }

    /// Mean green of the 3 x 3 pixels around, 0 to 1, where all show the field.
    fn green_around(&self, x: usize, y: usize) -> Option<f64> {
        let mut sum = 0u32;
        for y in y.checked_sub(1)?..=y + 1 {
            let &(from, to) = self.rows.get(y)?;
            if x <= from || x + 1 >= to {
                return None;
            }
            sum += (x - 1..=x + 1)
                .map(|x| u32::from(self.at(x, y)[1]))
                .sum::<u32>();
        }
        Some(f64::from(sum) / (9.0 * 255.0))
    }
}
