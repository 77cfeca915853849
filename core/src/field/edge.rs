//! The lit area of a photograph and its edge.

use fast_image_resize::{FilterType, Resizer};
use image::RgbImage;

use crate::resample::resample;

/// Longest side of the copy that the search works on, in pixels.
const WORKING_SIDE: u32 = 256;
/// Least short side: below it there is no edge to speak of.
const LEAST_SIDE: usize = 16;
/// An edge this near the frame may be the frame's own.
const FRAME_MARGIN: usize = 2;

/// A small copy of a photograph: how far each pixel stands out from the
/// border, 0 to 255.
pub struct Plane {
    pub width: usize,
    pub height: usize,
    value: Vec<u8>,
}

impl Plane {
    /// `None` when the photograph is too narrow to show a field.
    pub fn of(rgb: &RgbImage) -> Option<Plane> {
        let longest = u64::from(rgb.width().max(rgb.height())).max(1);
        let scaled = |side: u32| (u64::from(side) * u64::from(WORKING_SIDE) / longest) as u32;
        let (width, height) = (scaled(rgb.width()), scaled(rgb.height()));
        if (width.min(height) as usize) < LEAST_SIDE {
            return None;
        }
        let copy = resample(
            &mut Resizer::new(),
            rgb,
            None,
            width,
            height,
            FilterType::Box,
        )?;
        let (width, height) = (width as usize, height as usize);
        let border = Border::of(copy.as_raw(), width, height);
        Some(Plane {
            width,
            height,
            value: copy
                .as_raw()
                .chunks_exact(3)
                .map(|p| border.distance([p[0], p[1], p[2]]))
                .collect(),
        })
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        f32::from(self.value[y * self.width + x])
    }

    /// The value that `share` (0 to 1) of the pixels do not exceed.
    pub fn percentile(&self, share: f32) -> f32 {
        let mut histogram = [0usize; 256];
        for &v in &self.value {
            histogram[usize::from(v)] += 1;
        }
        let wanted = (share * self.value.len() as f32) as usize;
        let mut seen = 0;
        let at = histogram.iter().position(|count| {
            seen += count;
            seen > wanted
        });
        at.unwrap_or(255) as f32
    }

    /// Which pixels belong to the largest connected area at or above the
    /// threshold. Burnt-in text and dates are smaller areas and drop out.
    pub fn largest_area(&self, threshold: f32) -> Vec<bool> {
        let (w, h) = (self.width, self.height);
        let threshold = threshold.ceil() as u8;
        // 0 below the threshold or not yet seen, else the number of the area.
        let mut label = vec![0u32; w * h];
        let mut stack = Vec::new();
        let (mut labels, mut largest, mut largest_label) = (0u32, 0usize, u32::MAX);
        for start in 0..w * h {
            if label[start] != 0 || self.value[start] < threshold {
                continue;
            }
            labels += 1;
            label[start] = labels;
            stack.push(start);
            let mut size = 0;
            while let Some(i) = stack.pop() {
                size += 1;
                let mut visit = |j: usize| {
                    if label[j] == 0 && self.value[j] >= threshold {
                        label[j] = labels;
                        stack.push(j);
                    }
                };
                let x = i % w;
                if x > 0 {
                    visit(i - 1);
                }
                if x + 1 < w {
                    visit(i + 1);
                }
                if i >= w {
                    visit(i - w);
                }
                if i + w < w * h {
                    visit(i + w);
                }
            }
            if size > largest {
                (largest, largest_label) = (size, labels);
            }
        }
        label.iter().map(|&l| l == largest_label).collect()
    }

    /// Outermost edge of the area in every row and every column, to a fraction
    /// of a pixel. Where the area reaches the frame, or is cut straight, there
    /// is no edge of the field to see.
    pub fn edge_points(&self, area: &[bool], threshold: f32) -> Vec<(f32, f32)> {
        let (w, h) = (self.width, self.height);
        // From the lit pixel's middle towards its dark neighbour's, in pixels.
        let step_out = |lit: f32, dark: f32| {
            let t = (lit - threshold) / (lit - dark).max(1.0);
            t.clamp(0.0, 1.0)
        };
        let (mut left, mut right, mut top, mut bottom) = (vec![], vec![], vec![], vec![]);
        for y in 0..h {
            let row = &area[y * w..(y + 1) * w];
            let at = y as f32 + 0.5;
            if let Some(x) = row.iter().position(|&m| m).filter(|&x| x >= FRAME_MARGIN) {
                let out = step_out(self.at(x, y), self.at(x - 1, y));
                left.push((x as f32 + 0.5 - out, at));
            }
            let last = row.iter().rposition(|&m| m);
            if let Some(x) = last.filter(|&x| x + FRAME_MARGIN < w) {
                let out = step_out(self.at(x, y), self.at(x + 1, y));
                right.push((x as f32 + 0.5 + out, at));
            }
        }
        for x in 0..w {
            let lit = |y: &usize| area[y * w + x];
            let at = x as f32 + 0.5;
            if let Some(y) = (0..h).find(lit).filter(|&y| y >= FRAME_MARGIN) {
                let out = step_out(self.at(x, y), self.at(x, y - 1));
                top.push((at, y as f32 + 0.5 - out));
            }
            let last = (0..h).rev().find(lit);
            if let Some(y) = last.filter(|&y| y + FRAME_MARGIN < h) {
                let out = step_out(self.at(x, y), self.at(x, y + 1));
                bottom.push((at, y as f32 + 0.5 + out));
            }
        }
        let mut points = without_straight_cut(left, h, |p| p.0);
        points.extend(without_straight_cut(right, h, |p| p.0));
        points.extend(without_straight_cut(top, w, |p| p.1));
        points.extend(without_straight_cut(bottom, w, |p| p.1));
        points
    }
}

/// Drops the points that lie on one straight line along the frame, where a
/// black bar or a camera's mask cuts the field. `across` is the coordinate that
/// such a line shares and `length` the length of the frame's side.
fn without_straight_cut(
    points: Vec<(f32, f32)>,
    length: usize,
    across: impl Fn(&(f32, f32)) -> f32,
) -> Vec<(f32, f32)> {
    /// Width of the line, in pixels.
    const WIDTH: f32 = 1.5;
    /// Share of the side it runs along: an arc stays that straight over a
    /// quarter at most.
    const RUN: f32 = 0.35;
    let mut sorted: Vec<f32> = points.iter().map(&across).collect();
    sorted.sort_by(f32::total_cmp);
    let run = |start: usize| sorted[start..].partition_point(|v| v - sorted[start] <= WIDTH);
    let longest = (0..sorted.len()).max_by_key(|&start| run(start));
    let Some(start) = longest.filter(|&start| run(start) as f32 > RUN * length as f32) else {
        return points;
    };
    let line = sorted[start]..=sorted[start] + WIDTH;
    points
        .into_iter()
        .filter(|p| !line.contains(&across(p)))
        .collect()
}

/// The colour around the field.
enum Border {
    /// Nearly black: as bright as the darkest corner. The other corners may be
    /// covered by the field.
    Dark(u8),
    /// White, grey or coloured, as a report or a slide has it: believed only
    /// where all four corners agree.
    Light([u8; 3]),
}

impl Border {
    /// Brightest level that is still called nearly black.
    const DARK: u8 = 60;
    /// Corners that agree differ by no more than this in any channel.
    const AGREE: u8 = 16;

    fn of(rgb: &[u8], width: usize, height: usize) -> Border {
        let k = (width.min(height) / 64).max(2);
        let corner = |x0: usize, y0: usize| {
            let mut sum = [0usize; 3];
            for i in 0..k * k {
                let at = 3 * ((y0 + i / k) * width + x0 + i % k);
                for (sum, &v) in sum.iter_mut().zip(&rgb[at..at + 3]) {
                    *sum += usize::from(v);
                }
            }
            sum.map(|s| (s / (k * k)) as u8)
        };
        let corners = [
            corner(0, 0),
            corner(width - k, 0),
            corner(0, height - k),
            corner(width - k, height - k),
        ];
        let level = |c: &[u8; 3]| c[0].max(c[1]).max(c[2]);
        let darkest = corners.iter().map(level).min().unwrap_or(0);
        let agree = corners.iter().all(|c| {
            c.iter()
                .zip(&corners[0])
                .all(|(a, b)| a.abs_diff(*b) <= Self::AGREE)
        });
        if darkest > Self::DARK && agree {
            Border::Light(corners[0])
        } else {
            Border::Dark(darkest)
        }
    }

    fn distance(&self, [r, g, b]: [u8; 3]) -> u8 {
        match self {
            Border::Dark(level) => r.max(g).max(b).saturating_sub(*level),
            Border::Light([br, bg, bb]) => {
                (r.abs_diff(*br)).max(g.abs_diff(*bg)).max(b.abs_diff(*bb))
            }
        }
    }
}
