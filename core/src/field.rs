//! Where in the frame the retina is.
//!
//! A fundus camera shows a disc, the field of view, on a black frame. The disc
//! may be cut at the top and bottom or at the sides, or fill the frame so that
//! only the corners are black; dates and names may be burnt in beside it; and
//! some data sets were squashed to a square, so that the disc is a tall
//! ellipse. The outline is fitted to the edge of the lit area by consensus
//! (RANSAC), so that notches, text, shadows and the camera's orientation tab
//! do not move it.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::{Deserialize, Serialize};

/// How the field of view lies in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldShape {
    /// The whole disc is inside the frame.
    Circle,
    /// The frame cuts the disc on one to three sides.
    CutCircle,
    /// The frame cuts the disc on all four sides: only corners are black.
    FillsFrame,
    /// No disc was found: no photograph of a retina, or one without a border.
    None,
}

/// The field of view of a photograph, in the photograph's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Centre, from the frame's left edge. May lie outside the frame's middle.
    pub cx: f32,
    /// Centre, from the frame's top edge.
    pub cy: f32,
    /// Horizontal radius. Differs from `ry` only where the photograph was
    /// plainly squashed: `rx / ry` is then between 0.6 and 1.05.
    pub rx: f32,
    /// Vertical radius.
    pub ry: f32,
    pub shape: FieldShape,
    /// Share of the disc's area that the frame holds, 0 to 1. With
    /// [`FieldShape::None`] 1: the disc is then the largest one in the frame.
    pub coverage: f32,
    /// Share of the lit area's edge that lies on the outline, 0 to 1; 0 with
    /// [`FieldShape::None`].
    pub support: f32,
    /// Width and height of the frame.
    pub frame: (u32, u32),
}

/// Longest side of the copy that the search works on, in pixels.
const WORKING_SIDE: u32 = 256;
/// A boundary point this near the outline lies on it, in working pixels.
const TOLERANCE: f32 = 1.5;
/// Thresholds tried between border and field, as a share of the difference:
/// low ones for a dark field, high ones for a border that glows.
const THRESHOLDS: [f32; 5] = [0.06, 0.1, 0.16, 0.25, 0.4];

/// Finds the field of view. Always gives a usable field: where there is none,
/// the largest disc in the middle of the frame.
pub fn find_field(rgb: &RgbImage) -> Field {
    let frame = (rgb.width(), rgb.height());
    let middle = Field {
        cx: frame.0 as f32 / 2.0,
        cy: frame.1 as f32 / 2.0,
        rx: frame.0.min(frame.1) as f32 / 2.0,
        ry: frame.0.min(frame.1) as f32 / 2.0,
        shape: FieldShape::None,
        coverage: 1.0,
        support: 0.0,
        frame,
    };
    let Some(small) = shrink(rgb) else {
        return middle;
    };
    let Some((outline, support)) = find_outline(&small) else {
        return middle;
    };
    let (sx, sy) = (
        frame.0 as f32 / small.width as f32,
        frame.1 as f32 / small.height as f32,
    );
    Field {
        cx: outline.cx * sx,
        cy: outline.cy * sy,
        rx: outline.r * outline.squash * sx,
        ry: outline.r * sy,
        shape: outline.shape(small.width as f32, small.height as f32),
        coverage: outline.coverage(small.width, small.height),
        support,
        frame,
    }
}

/// A small copy: the brightest channel of each pixel.
struct Plane {
    width: usize,
    height: usize,
    value: Vec<u8>,
}

impl Plane {
    fn at(&self, x: usize, y: usize) -> f32 {
        f32::from(self.value[y * self.width + x])
    }
}

fn shrink(rgb: &RgbImage) -> Option<Plane> {
    let longest = rgb.width().max(rgb.height());
    if longest == 0 {
        return None;
    }
    let scale = |side: u32| {
        let side = u64::from(side) * u64::from(WORKING_SIDE) / u64::from(longest);
        (side as u32).max(1)
    };
    let (width, height) = (scale(rgb.width()), scale(rgb.height()));
    let source = ImageRef::new(rgb.width(), rgb.height(), rgb.as_raw(), PixelType::U8x3).ok()?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    Some(Plane {
        width: width as usize,
        height: height as usize,
        value: target
            .buffer()
            .chunks_exact(3)
            .map(|p| p[0].max(p[1]).max(p[2]))
            .collect(),
    })
}

/// A disc, seen through a horizontal squash.
#[derive(Clone, Copy, Debug)]
struct Outline {
    cx: f32,
    cy: f32,
    /// Vertical radius.
    r: f32,
    /// Horizontal radius over vertical radius.
    squash: f32,
}

impl Outline {
    /// Signed distance from the outline, outside positive.
    fn distance(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.cx) / self.squash, y - self.cy);
        (dx * dx + dy * dy).sqrt() - self.r
    }

    fn shape(&self, width: f32, height: f32) -> FieldShape {
        let slack = 0.01 * self.r;
        let rx = self.r * self.squash;
        let cuts = [
            self.cx - rx < -slack,
            self.cx + rx > width + slack,
            self.cy - self.r < -slack,
            self.cy + self.r > height + slack,
        ];
        match cuts.iter().filter(|&&cut| cut).count() {
            0 => FieldShape::Circle,
            4 => FieldShape::FillsFrame,
            _ => FieldShape::CutCircle,
        }
    }

    fn coverage(&self, width: usize, height: usize) -> f32 {
        let held = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .filter(|&(x, y)| self.distance(x as f32 + 0.5, y as f32 + 0.5) <= 0.0)
            .count();
        let whole = std::f32::consts::PI * self.r * self.r * self.squash;
        (held as f32 / whole).min(1.0)
    }
}

fn find_outline(plane: &Plane) -> Option<(Outline, f32)> {
    if plane.width < 16 || plane.height < 16 {
        return None;
    }
    let border = border_level(plane);
    let lit = percentile(plane, 0.9);
    if lit - border < 10.0 {
        return None;
    }
    let mut best: Option<(f32, Outline, f32)> = None;
    for share in THRESHOLDS {
        let threshold = border + (share * (lit - border)).max(4.0);
        let mask = largest_component(plane, threshold);
        let points = edge_points(plane, &mask, threshold);
        let Some((outline, inliers)) = consensus(plane, &points) else {
            continue;
        };
        let support = inliers as f32 / points.len() as f32;
        if !plausible(plane, &mask, &outline, support) {
            continue;
        }
        let score = inliers as f32 * support;
        if best.is_none_or(|(other, ..)| score > other) {
            best = Some((score, outline, support));
        }
    }
    best.map(|(_, outline, support)| (outline, support))
}

/// Brightness of the darkest corner.
fn border_level(plane: &Plane) -> f32 {
    let k = (plane.width.min(plane.height) / 64).max(2);
    let mean = |x0: usize, y0: usize| {
        let sum: f32 = (0..k * k).map(|i| plane.at(x0 + i % k, y0 + i / k)).sum();
        sum / (k * k) as f32
    };
    let (right, bottom) = (plane.width - k, plane.height - k);
    mean(0, 0)
        .min(mean(right, 0))
        .min(mean(0, bottom))
        .min(mean(right, bottom))
}

fn percentile(plane: &Plane, share: f32) -> f32 {
    let mut histogram = [0usize; 256];
    for &v in &plane.value {
        histogram[usize::from(v)] += 1;
    }
    let wanted = (share * plane.value.len() as f32) as usize;
    let mut seen = 0;
    for (value, count) in histogram.iter().enumerate() {
        seen += count;
        if seen > wanted {
            return value as f32;
        }
    }
    255.0
}

/// The largest connected area at or above the threshold. Burnt-in text and
/// dates are smaller areas and drop out.
fn largest_component(plane: &Plane, threshold: f32) -> Vec<bool> {
    let (w, h) = (plane.width, plane.height);
    let mut label = vec![0u32; w * h];
    let mut stack = Vec::new();
    let (mut labels, mut largest, mut largest_label) = (0u32, 0usize, 0u32);
    for start in 0..w * h {
        if label[start] != 0 || f32::from(plane.value[start]) < threshold {
            continue;
        }
        labels += 1;
        label[start] = labels;
        stack.push(start);
        let mut area = 0;
        while let Some(i) = stack.pop() {
            area += 1;
            let (x, y) = (i % w, i / w);
            let mut visit = |j: usize| {
                if label[j] == 0 && f32::from(plane.value[j]) >= threshold {
                    label[j] = labels;
                    stack.push(j);
                }
            };
            if x > 0 {
                visit(i - 1);
            }
            if x + 1 < w {
                visit(i + 1);
            }
            if y > 0 {
                visit(i - w);
            }
            if y + 1 < h {
                visit(i + w);
            }
        }
        if area > largest {
            (largest, largest_label) = (area, labels);
        }
    }
    label
        .iter()
        .map(|&l| l != 0 && l == largest_label)
        .collect()
}

/// Outermost edge of the area in every row and column, to a fraction of a
/// pixel. Where the area reaches the frame there is no edge to see.
fn edge_points(plane: &Plane, mask: &[bool], threshold: f32) -> Vec<(f32, f32)> {
    let (w, h) = (plane.width, plane.height);
    let mut points = Vec::with_capacity(2 * (w + h));
    // Where between the dark pixel `a` and the lit pixel `b` the threshold is.
    let between = |a: f32, b: f32| {
        let t = (threshold - a) / (b - a).max(1.0);
        t.clamp(0.0, 1.0) - 0.5
    };
    for y in 0..h {
        let row = &mask[y * w..(y + 1) * w];
        let at = y as f32 + 0.5;
        if let Some(x) = row.iter().position(|&m| m).filter(|&x| x >= 2) {
            points.push((x as f32 + between(plane.at(x - 1, y), plane.at(x, y)), at));
        }
        if let Some(x) = row.iter().rposition(|&m| m).filter(|&x| x + 2 < w) {
            let t = between(plane.at(x + 1, y), plane.at(x, y));
            points.push((x as f32 + 1.0 - t, at));
        }
    }
    for x in 0..w {
        let at = x as f32 + 0.5;
        let lit = |y: &usize| mask[*y * w + x];
        if let Some(y) = (0..h).find(lit).filter(|&y| y >= 2) {
            points.push((at, y as f32 + between(plane.at(x, y - 1), plane.at(x, y))));
        }
        if let Some(y) = (0..h).rev().find(lit).filter(|&y| y + 2 < h) {
            let t = between(plane.at(x, y + 1), plane.at(x, y));
            points.push((at, y as f32 + 1.0 - t));
        }
    }
    points
}

/// The disc most edge points agree on, and how many do.
fn consensus(plane: &Plane, points: &[(f32, f32)]) -> Option<(Outline, usize)> {
    const DRAWS: usize = 200;
    const ENOUGH_POINTS: usize = 24;
    if points.len() < ENOUGH_POINTS {
        return None;
    }
    let (w, h) = (plane.width as f32, plane.height as f32);
    let (smallest, largest) = (0.2 * w.min(h), 0.9 * w.max(h));
    // A fixed generator: the same photograph always gives the same field.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        points[(state % points.len() as u64) as usize]
    };
    let mut best: Option<(Outline, usize)> = None;
    for _ in 0..DRAWS {
        let Some(outline) = through(draw(), draw(), draw(), 1.0) else {
            continue;
        };
        if outline.r < smallest || outline.r > largest {
            continue;
        }
        let inliers = count_near(&outline, points);
        if best.is_none_or(|(_, most)| inliers > most) {
            best = Some((outline, inliers));
        }
    }
    best
}

fn count_near(outline: &Outline, points: &[(f32, f32)]) -> usize {
    points
        .iter()
        .filter(|&&(x, y)| outline.distance(x, y).abs() <= TOLERANCE)
        .count()
}

/// The outline through three points, given the squash.
fn through(a: (f32, f32), b: (f32, f32), c: (f32, f32), squash: f32) -> Option<Outline> {
    let (ax, ay) = (a.0 / squash, a.1);
    let (bx, by) = (b.0 / squash - ax, b.1 - ay);
    let (cx, cy) = (c.0 / squash - ax, c.1 - ay);
    let d = 2.0 * (bx * cy - by * cx);
    if d.abs() < 1.0 {
        return None;
    }
    let (bb, cc) = (bx * bx + by * by, cx * cx + cy * cy);
    let (ux, uy) = ((cy * bb - by * cc) / d, (bx * cc - cx * bb) / d);
    Some(Outline {
        cx: (ax + ux) * squash,
        cy: ay + uy,
        r: (ux * ux + uy * uy).sqrt(),
        squash,
    })
}

/// A disc on an empty border, and not one of the many circles that can be laid
/// through the edges of an ordinary picture.
fn plausible(plane: &Plane, mask: &[bool], outline: &Outline, support: f32) -> bool {
    let (mut inside, mut filled, mut outside, mut spilled) = (0u32, 0u32, 0u32, 0u32);
    for y in 0..plane.height {
        for x in 0..plane.width {
            let distance = outline.distance(x as f32 + 0.5, y as f32 + 0.5);
            let lit = mask[y * plane.width + x];
            if distance < -TOLERANCE {
                inside += 1;
                filled += u32::from(lit);
            } else if distance > 2.0 * TOLERANCE {
                outside += 1;
                spilled += u32::from(lit);
            }
        }
    }
    support > 0.4
        && outside > 0
        && (spilled as f32) < 0.1 * outside as f32
        && (filled as f32) > 0.4 * inside as f32
}
