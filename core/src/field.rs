//! Where in the frame the retina is.
//!
//! A fundus camera shows a disc, the field of view, on a black frame. The disc
//! may be cut at the top and bottom or at the sides, or fill the frame so that
//! only the corners are black; dates and names may be burnt in beside it; and
//! some data sets were squashed to a square, so that the disc is a tall
//! ellipse. The outline is fitted to the edge of the lit area by consensus
//! (RANSAC), so that notches, text, shadows and the camera's orientation tab
//! do not move it.

mod edge;
mod outline;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use edge::{Area, Edge, Plane};
use outline::Outline;

use crate::resample::Resampler;

/// How the field of view lies in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldShape {
    /// The whole disc is inside the frame, but for slivers.
    Circle,
    /// The frame cuts the disc on one to three sides.
    CutCircle,
    /// The frame cuts the disc on all four sides: only corners are border.
    FillsFrame,
    /// No disc was found: no photograph of a retina, or one without a border.
    None,
}

/// The field of view of a photograph, in the photograph's pixels; (0, 0) is
/// the outer corner of the first pixel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Centre of the disc, from the frame's left edge.
    pub cx: f32,
    /// Centre of the disc, from the frame's top edge.
    pub cy: f32,
    /// Horizontal radius. Differs from `ry` only where the photograph was
    /// plainly squashed: `rx / ry` is then between 0.6 and 1.05.
    pub rx: f32,
    /// Vertical radius.
    pub ry: f32,
    /// How the disc lies in the frame.
    pub shape: FieldShape,
    /// Share of the disc's area that the frame holds, 0 to 1. With
    /// [`FieldShape::None`] 1: the disc is then the largest one in the frame.
    pub coverage: f32,
    /// Share of the lit area's visible edge that lies on the outline, 0 to 1;
    /// 0 with [`FieldShape::None`].
    pub support: f32,
    /// Width and height of the frame.
    pub frame: (u32, u32),
}

/// Thresholds tried between border and field, as a share of the difference:
/// low ones for a dark field, high ones for a border that glows. The usual one
/// first.
const THRESHOLDS: [f32; 5] = [0.16, 0.1, 0.25, 0.06, 0.4];
/// Least difference between border and field, of 255.
const LEAST_CONTRAST: f32 = 6.0;
/// Support at which no other threshold is tried.
const CERTAIN: f32 = 0.95;

impl Field {
    /// The field of a frame in which none is seen: the largest disc in its
    /// middle.
    pub(crate) fn none(frame: (u32, u32)) -> Field {
        let radius = frame.0.min(frame.1) as f32 / 2.0;
        Field {
            cx: frame.0 as f32 / 2.0,
            cy: frame.1 as f32 / 2.0,
            rx: radius,
            ry: radius,
            shape: FieldShape::None,
            coverage: 1.0,
            support: 0.0,
            frame,
        }
    }
}

/// Finds the field of view. Always gives a usable field: where there is none,
/// the largest disc in the middle of the frame.
///
/// Works on a copy of at most 256 pixels a side, so the cost hardly depends on
/// the photograph's size.
pub fn find_field(rgb: &RgbImage) -> Field {
    Finder::default().find(rgb, &mut Resampler::default())
}

/// [`find_field`] in photograph after photograph in the same memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finder {
    plane: Plane,
    area: Area,
    edge: Edge,
}

impl Finder {
    pub fn find(&mut self, rgb: &RgbImage, resampler: &mut Resampler) -> Field {
        let frame = rgb.dimensions();
        let found = self.plane.fill(rgb, resampler);
        let Some((outline, support)) = found.and_then(|()| self.find_outline()) else {
            return Field::none(frame);
        };
        let plane = &self.plane;
        let (sx, sy) = (
            frame.0 as f32 / plane.width as f32,
            frame.1 as f32 / plane.height as f32,
        );
        // The copy's pixels need not be exactly square: a circle stays a circle.
        let rx = outline.r * outline.squash * sx;
        let ry = outline.r * sy;
        let (rx, ry) = if outline.squash == 1.0 {
            ((rx + ry) / 2.0, (rx + ry) / 2.0)
        } else {
            (rx, ry)
        };
        let coverage = outline.coverage(plane.width, plane.height);
        Field {
            cx: outline.cx * sx,
            cy: outline.cy * sy,
            rx,
            ry,
            shape: shape_in_frame(&outline, plane, coverage),
            coverage,
            support,
            frame,
        }
    }

    /// The outline with the most edge behind it, and its support.
    fn find_outline(&mut self) -> Option<(Outline, f32)> {
        let Finder { plane, area, edge } = self;
        // A small field may be a twentieth of the frame.
        let lit = plane.percentile(0.9).max(plane.percentile(0.97) / 2.0);
        if lit < LEAST_CONTRAST {
            return None;
        }
        let mut best: Option<(f32, Outline, f32)> = None;
        for share in THRESHOLDS {
            let threshold = (share * lit).max(LEAST_CONTRAST / 2.0);
            area.find(plane, threshold);
            edge.find(plane, area, threshold);
            let Some((outline, support)) = outline::fit(plane, &edge.points) else {
                continue;
            };
            if !stands_out(plane, area, &outline) {
                continue;
            }
            let score = support * support * edge.points.len() as f32;
            if best.is_none_or(|(other, ..)| score > other) {
                best = Some((score, outline, support));
            }
            if support > CERTAIN {
                break;
            }
        }
        best.map(|(_, outline, support)| (outline, support))
    }
}

/// Whether the outline is a lit disc on an empty border, and not one of the
/// many circles that can be laid through the edges of an ordinary picture.
fn stands_out(plane: &Plane, area: &Area, outline: &Outline) -> bool {
    /// Of the disc, at least this much is lit: a retina may be half in shadow.
    const LEAST_LIT: f32 = 0.4;
    /// Of the border, at most this much is: orientation tabs, a glow.
    const MOST_SPILLED: f32 = 0.1;
    let (mut inside, mut lit, mut outside, mut spilled) = (0u32, 0u32, 0u32, 0u32);
    for y in 0..plane.height {
        for x in 0..plane.width {
            let distance = outline.distance((x as f32 + 0.5, y as f32 + 0.5));
            let is_lit = u32::from(area.holds(y * plane.width + x));
            if distance < -outline::TOLERANCE {
                inside += 1;
                lit += is_lit;
            } else if distance > 2.0 * outline::TOLERANCE {
                outside += 1;
                spilled += is_lit;
            }
        }
    }
    outside > 0
        && spilled as f32 <= MOST_SPILLED * outside as f32
        && lit as f32 >= LEAST_LIT * inside as f32
}

fn shape_in_frame(outline: &Outline, plane: &Plane, coverage: f32) -> FieldShape {
    /// A disc that was cropped to its bounding box loses slivers.
    const WHOLE: f32 = 0.98;
    if coverage >= WHOLE {
        return FieldShape::Circle;
    }
    let rx = outline.r * outline.squash;
    let all_sides_cut = outline.cx - rx < 0.0
        && outline.cx + rx > plane.width as f32
        && outline.cy - outline.r < 0.0
        && outline.cy + outline.r > plane.height as f32;
    if all_sides_cut {
        FieldShape::FillsFrame
    } else {
        FieldShape::CutCircle
    }
}
