//! From photographs of a target to the numbers of a profile.

use image::RgbImage;

use super::{
    fit, polynomial, CameraProfile, Circle, FrameSize, Illumination, Measured, WhiteBalance,
    FORMAT, MIN_COVERAGE,
};
use crate::field::{find_field, Field, FieldShape};

/// Fewest frames that show whether the camera gives the same twice.
pub const MIN_FRAMES: usize = 3;

/// Cells along a side of the circle's bounding square, in which pixels are
/// averaged before anything is fitted.
const CELLS: usize = 32;
/// Cells count whose centre lies within this many radii: the rim is left out.
const KEPT_RADIUS: f64 = 0.95;

/// Least mean luminance of the field, 0 to 1.
const MIN_BRIGHTNESS: f64 = 0.25;
/// Least mean of each channel, 0 to 1: a channel without light has no balance.
const MIN_CHANNEL: f64 = 0.1;
/// From this value on a channel counts as clipped.
const CLIPPED: u8 = 252;
/// Most clipped pixels, as a share of the field.
const MAX_CLIPPED: f64 = 0.005;
/// Most grain, as a share of the mean.
const MAX_NOISE: f64 = 0.06;
/// How far circles of two frames may lie apart, in radii.
const SAME_CIRCLE: f64 = 0.02;
/// How far brightness of two frames may differ, as a share: a flash varies.
const SAME_BRIGHTNESS: f64 = 0.25;
/// Most difference between two frames of equal brightness and between the
/// target and the fitted surface: root mean square over the cells, as a share.
/// What remains above it is a shadow, a stain or a target that was moved.
const MAX_UNEVEN: f64 = 0.03;
/// How far the field may be from round, as a share of its radius.
const ROUND: f32 = 0.03;

/// Why frames make no profile. Frames are counted from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum MeasureError {
    #[error(
        "there are {found} frames of the target but at least {MIN_FRAMES} are needed: take more"
    )]
    TooFew { found: usize },
    #[error("frame {frame} is {} x {} pixels and the first {} x {}: take all with one camera at one size", found.0, found.1, first.0, first.1)]
    OtherSize {
        frame: usize,
        found: (u32, u32),
        first: (u32, u32),
    },
    #[error("frame {frame} shows no round field of view: hold a plain white target close before the lens, in a dark room, so that it fills the whole disc")]
    NoField { frame: usize },
    #[error("frame {frame} holds only {percent:.0} % of the field of view: centre the disc of light on the sensor")]
    CutField { frame: usize, percent: f64 },
    #[error("frame {frame} is too dark ({percent:.0} % of white): use more light")]
    TooDark { frame: usize, percent: f64 },
    #[error("frame {frame} has too little {channel} light ({percent:.0} % of the most it could have): use a white target and a white lamp")]
    Coloured {
        frame: usize,
        channel: &'static str,
        percent: f64,
    },
    #[error("frame {frame} is clipped on {percent:.1} % of the field: use less light")]
    Clipped { frame: usize, percent: f64 },
    #[error("frame {frame} is grainy ({percent:.1} %): use more light and less gain, and a target without texture")]
    Noisy { frame: usize, percent: f64 },
    #[error("frame {frame} has its field elsewhere than the first: fix the camera and take all frames again")]
    Moved { frame: usize },
    #[error("frame {frame} differs from the first by {percent:.1} %: keep light and target still and take all frames again")]
    Disagrees { frame: usize, percent: f64 },
    #[error("the target is not evenly lit: {percent:.1} % remains that no lens explains; remove shadows, stains and reflections")]
    Uneven { percent: f64 },
}

/// The profile that `frames` give, its numbers not checked yet.
pub(super) fn measure(camera: &str, frames: &[RgbImage]) -> Result<CameraProfile, MeasureError> {
    let found = frames.len();
    let [first, ..] = frames else {
        return Err(MeasureError::TooFew { found });
    };
    if found < MIN_FRAMES {
        return Err(MeasureError::TooFew { found });
    }
    let numbered = || (1..).zip(frames);
    let mut circles = Vec::new();
    for (frame, picture) in numbered() {
        if picture.dimensions() != first.dimensions() {
            return Err(MeasureError::OtherSize {
                frame,
                found: picture.dimensions(),
                first: first.dimensions(),
            });
        }
        circles.push(circle(frame, &find_field(picture))?);
    }
    for (frame, circle) in (1..).zip(&circles) {
        if !same_circle(&circles[0], circle) {
            return Err(MeasureError::Moved { frame });
        }
    }
    let circle = mean_circle(&circles);
    let mut targets = Vec::new();
    for (frame, picture) in numbered() {
        let target = Target::of(picture, &circle);
        target.check(frame)?;
        targets.push(target);
    }
    for (frame, target) in (1..).zip(&targets) {
        let apart = targets[0].difference(target);
        let ratio = target.brightness() / targets[0].brightness();
        let brightness = (ratio - 1.0).abs();
        if apart > MAX_UNEVEN || brightness > SAME_BRIGHTNESS {
            let percent = 100.0
                * if apart > MAX_UNEVEN {
                    apart
                } else {
                    brightness
                };
            return Err(MeasureError::Disagrees { frame, percent });
        }
    }
    profile(camera, first, circle, &Target::mean(&targets), found as u32)
}

fn profile(
    camera: &str,
    first: &RgbImage,
    circle: Circle,
    target: &Target,
    frames: u32,
) -> Result<CameraProfile, MeasureError> {
    let no_field = MeasureError::NoField { frame: 1 };
    let samples = target
        .cells
        .iter()
        .map(|cell| (cell.u, cell.v, cell.luma()));
    let surface = fit::surface(samples).ok_or(no_field)?;
    let illumination = Illumination {
        coefficients: surface.map(|coefficient| (coefficient / surface[0]) as f32),
    };
    let [red, green, blue] = target.mean_colour();
    let white_balance = WhiteBalance {
        red: (green / red) as f32,
        blue: (green / blue) as f32,
    };
    let uneven = target.uneven(&illumination);
    if uneven.is_nan() || uneven > MAX_UNEVEN {
        let percent = 100.0 * uneven;
        return Err(MeasureError::Uneven { percent });
    }
    Ok(CameraProfile {
        format: FORMAT,
        camera: camera.to_owned(),
        frame: FrameSize {
            width: first.width(),
            height: first.height(),
        },
        circle,
        white_balance,
        illumination,
        measured: Measured {
            frames,
            brightness: target.brightness() as f32,
            noise: target.noise as f32,
            uneven: uneven as f32,
        },
    })
}

fn circle(frame: usize, field: &Field) -> Result<Circle, MeasureError> {
    let round = (field.rx - field.ry).abs() <= ROUND * field.ry;
    if field.shape == FieldShape::None || !round {
        return Err(MeasureError::NoField { frame });
    }
    if field.coverage < MIN_COVERAGE {
        let percent = 100.0 * f64::from(field.coverage);
        return Err(MeasureError::CutField { frame, percent });
    }
    Ok(Circle {
        cx: field.cx,
        cy: field.cy,
        radius: (field.rx + field.ry) / 2.0,
    })
}

fn same_circle(a: &Circle, b: &Circle) -> bool {
    let apart = [a.cx - b.cx, a.cy - b.cy, a.radius - b.radius];
    let most = SAME_CIRCLE * f64::from(a.radius);
    apart.iter().all(|d| f64::from(d.abs()) <= most)
}

fn mean_circle(circles: &[Circle]) -> Circle {
    let mean = |of: fn(&Circle) -> f32| {
        let sum: f64 = circles.iter().map(|circle| f64::from(of(circle))).sum();
        (sum / circles.len() as f64) as f32
    };
    Circle {
        cx: mean(|c| c.cx),
        cy: mean(|c| c.cy),
        radius: mean(|c| c.radius),
    }
}

/// The target in one frame, or its mean over several. Channels 0 to 1.
struct Target {
    /// Always the same cells for one circle and frame size.
    cells: Vec<Cell>,
    clipped: f64,
    noise: f64,
}

/// Mean colour of one cell, and where the pixels lie, in radii.
#[derive(Clone, Copy, Default)]
struct Cell {
    u: f64,
    v: f64,
    rgb: [f64; 3],
    pixels: f64,
}

impl Cell {
    fn luma(&self) -> f64 {
        let [r, g, b] = self.rgb;
        0.299 * r + 0.587 * g + 0.114 * b
    }
}

impl Target {
    fn of(picture: &RgbImage, circle: &Circle) -> Target {
        let [cx, cy, radius] = [circle.cx, circle.cy, circle.radius].map(f64::from);
        let place = |x: u32, centre: f64| (f64::from(x) + 0.5 - centre) / radius;
        let mut cells = vec![Cell::default(); CELLS * CELLS];
        let (mut pixels, mut clipped, mut grain, mut green) = (0.0, 0.0, 0.0, 0.0);
        for (y, row) in (0..).zip(picture.rows()) {
            let v = place(y, cy);
            let mut left = None;
            for (x, pixel) in (0..).zip(row) {
                let u = place(x, cx);
                if u * u + v * v > KEPT_RADIUS * KEPT_RADIUS {
                    continue;
                }
                let index = |p: f64| ((p + 1.0) / 2.0 * CELLS as f64) as usize;
                let cell = &mut cells[index(v) * CELLS + index(u)];
                let rgb = pixel.0.map(|value| f64::from(value) / 255.0);
                cell.u += u;
                cell.v += v;
                cell.pixels += 1.0;
                for (sum, value) in cell.rgb.iter_mut().zip(rgb) {
                    *sum += value;
                }
                pixels += 1.0;
                clipped += f64::from(u8::from(pixel.0.iter().any(|v| *v >= CLIPPED)));
                green += rgb[1];
                if let Some(left) = left.replace(rgb[1]) {
                    grain += (rgb[1] - left) * (rgb[1] - left);
                }
            }
        }
        // A cell that the rim or the frame cuts off is mostly noise.
        let full = cells.iter().map(|cell| cell.pixels).fold(1.0, f64::max);
        cells.retain(|cell| cell.pixels >= full / 4.0);
        for cell in &mut cells {
            cell.u /= cell.pixels;
            cell.v /= cell.pixels;
            cell.rgb = cell.rgb.map(|sum| sum / cell.pixels);
        }
        // The difference of two pixels holds the noise of both.
        let deviation = (grain / 2.0 / f64::max(pixels, 1.0)).sqrt();
        Target {
            cells,
            clipped: clipped / f64::max(pixels, 1.0),
            noise: deviation / (green / f64::max(pixels, 1.0)).max(1.0 / 255.0),
        }
    }

    /// Whether one frame is fit to be measured on.
    fn check(&self, frame: usize) -> Result<(), MeasureError> {
        let percent = 100.0 * self.clipped;
        if self.clipped > MAX_CLIPPED {
            return Err(MeasureError::Clipped { frame, percent });
        }
        let percent = 100.0 * self.brightness();
        if self.brightness() < MIN_BRIGHTNESS {
            return Err(MeasureError::TooDark { frame, percent });
        }
        for (channel, mean) in ["red", "green", "blue"].into_iter().zip(self.mean_colour()) {
            if mean < MIN_CHANNEL {
                let percent = 100.0 * mean;
                return Err(MeasureError::Coloured {
                    frame,
                    channel,
                    percent,
                });
            }
        }
        let percent = 100.0 * self.noise;
        if self.noise > MAX_NOISE {
            return Err(MeasureError::Noisy { frame, percent });
        }
        Ok(())
    }

    /// The mean of targets that have the same cells.
    fn mean(targets: &[Target]) -> Target {
        let share = 1.0 / targets.len() as f64;
        let mut cells = targets[0].cells.clone();
        for (i, cell) in cells.iter_mut().enumerate() {
            cell.rgb = [0, 1, 2].map(|channel| {
                let sum: f64 = targets.iter().map(|t| t.cells[i].rgb[channel]).sum();
                sum * share
            });
        }
        let mean = |of: fn(&Target) -> f64| targets.iter().map(of).sum::<f64>() * share;
        Target {
            cells,
            clipped: mean(|t| t.clipped),
            noise: mean(|t| t.noise),
        }
    }

    fn mean_colour(&self) -> [f64; 3] {
        let n = self.cells.len() as f64;
        [0, 1, 2].map(|c| self.cells.iter().map(|cell| cell.rgb[c]).sum::<f64>() / n)
    }

    fn brightness(&self) -> f64 {
        self.cells.iter().map(Cell::luma).sum::<f64>() / self.cells.len() as f64
    }

    /// How far another frame's cells are from these once it is as bright.
    fn difference(&self, other: &Target) -> f64 {
        let scale = self.brightness() / other.brightness();
        let pairs = self.cells.iter().zip(&other.cells);
        let squares: f64 = pairs
            .map(|(a, b)| (b.luma() * scale - a.luma()).powi(2))
            .sum();
        (squares / self.cells.len() as f64).sqrt() / self.brightness()
    }

    /// How far the channels are from flat once the illumination is taken out.
    fn uneven(&self, illumination: &Illumination) -> f64 {
        let mut squares = 0.0;
        for channel in 0..3 {
            let flat = self.cells.iter().map(|cell| {
                let across = illumination.across(cell.v as f32);
                cell.rgb[channel] / f64::from(polynomial(&across, cell.u as f32))
            });
            let mean = flat.clone().sum::<f64>() / self.cells.len() as f64;
            squares += flat.map(|value| (value / mean - 1.0).powi(2)).sum::<f64>();
        }
        (squares / (3 * self.cells.len()) as f64).sqrt()
    }
}
