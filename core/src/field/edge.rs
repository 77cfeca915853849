//! The lit area of a photograph and its edge.

use fast_image_resize::FilterType;
use image::RgbImage;

use super::outline::Point;
use crate::resample::Resampler;

/// Longest side of the copy that the search works on, in pixels.
const WORKING_SIDE: u32 = 256;
/// Least short side: below it there is no edge to speak of.
const LEAST_SIDE: usize = 16;
/// An edge this near the frame may be the frame's own.
const FRAME_MARGIN: usize = 2;

/// A small copy of a photograph: how far each pixel stands out from the
/// border, 0 to 255.
#[derive(Clone, Debug, Default)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    value: Vec<u8>,
}

impl Plane {
    /// Becomes the copy of this photograph. `None` when it is too narrow to
    /// show a field.
    pub fn fill(&mut self, rgb: &RgbImage, resampler: &mut Resampler) -> Option<()> {
        let longest = u64::from(rgb.width().max(rgb.height())).max(1);
        let scaled = |side: u32| (u64::from(side) * u64::from(WORKING_SIDE) / longest) as u32;
        let size = (scaled(rgb.width()), scaled(rgb.height()));
        (self.width, self.height) = (size.0 as usize, size.1 as usize);
        if self.width.min(self.height) < LEAST_SIDE {
            return None;
        }
        let copy = resampler.resample(rgb, None, size, FilterType::Box);
        let border = Border::of(copy, self.width, self.height);
        self.value.clear();
        self.value.extend(
            copy.chunks_exact(3)
                .map(|p| border.distance([p[0], p[1], p[2]])),
        );
        Some(())
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
}

/// The largest connected area that stands out from the border. Burnt-in text
/// and dates are smaller areas and drop out.
#[derive(Clone, Debug, Default)]
pub struct Area {
    /// 0 below the threshold, else the number of the area that a pixel is in.
    label: Vec<u32>,
    /// The largest one's number; no pixel's where there is none.
    largest: u32,
    /// Pixels whose neighbours are still to be seen.
    stack: Vec<usize>,
}

impl Area {
    /// Becomes the area of pixels at or above the threshold.
    pub fn find(&mut self, plane: &Plane, threshold: f32) {
        let (w, h) = (plane.width, plane.height);
        let threshold = threshold.ceil() as u8;
        let Area { label, stack, .. } = self;
        label.clear();
        label.resize(w * h, 0);
        let (mut labels, mut most) = (0, 0);
        self.largest = u32::MAX;
        for start in 0..w * h {
            if label[start] != 0 || plane.value[start] < threshold {
                continue;
            }
            labels += 1;
            label[start] = labels;
            stack.push(start);
            let mut size = 0;
            while let Some(i) = stack.pop() {
                size += 1;
                let mut visit = |j: usize| {
                    if label[j] == 0 && plane.value[j] >= threshold {
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
            if size > most {
                (most, self.largest) = (size, labels);
            }
        }
    }

    /// Whether it holds this pixel, counted row by row.
    pub fn holds(&self, pixel: usize) -> bool {
        self.label[pixel] == self.largest
    }
}

/// The edge of a lit area.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// Its points on the left, the right, the top and the bottom in turn.
    pub points: Vec<Point>,
    /// Those on one side.
    side: Vec<Point>,
    sorted: Vec<f32>,
}

impl Edge {
    /// Becomes the outermost edge of the area in every row and every column, to
    /// a fraction of a pixel. Where the area reaches the frame, or is cut
    /// straight, there is no edge of the field to see.
    pub fn find(&mut self, plane: &Plane, area: &Area, threshold: f32) {
        let (w, h) = (plane.width, plane.height);
        self.points.clear();
        for (in_rows, from_far) in [(true, false), (true, true), (false, false), (false, true)] {
            let (lines, length) = if in_rows { (h, w) } else { (w, h) };
            // The pixel that lies this many steps inwards.
            let pixel = |line: usize, step: usize| {
                let at = if from_far { length - 1 - step } else { step };
                if in_rows {
                    (at, line)
                } else {
                    (line, at)
                }
            };
            for line in 0..lines {
                let is_lit = |&step: &usize| {
                    let (x, y) = pixel(line, step);
                    area.holds(y * w + x)
                };
                let first = (0..length).find(is_lit);
                let Some(step) = first.filter(|&step| step >= FRAME_MARGIN) else {
                    continue;
                };
                let (lit, dark) = (pixel(line, step), pixel(line, step - 1));
                let (x, y) = (lit.0 as f32 + 0.5, lit.1 as f32 + 0.5);
                let (lit, dark) = (plane.at(lit.0, lit.1), plane.at(dark.0, dark.1));
                // From the lit pixel's middle towards its dark neighbour's.
                let out = ((lit - threshold) / (lit - dark).max(1.0)).clamp(0.0, 1.0);
                let out = if from_far { out } else { -out };
                self.side
                    .push(if in_rows { (x + out, y) } else { (x, y + out) });
            }
            self.take_side(lines, |p| if in_rows { p.0 } else { p.1 });
        }
    }

    /// Moves the side's points to the others, but for those that lie on one
    /// straight line along the frame, where a black bar or a camera's mask cuts
    /// the field. `across` is the coordinate that such a line shares and
    /// `length` the length of the frame's side.
    fn take_side(&mut self, length: usize, across: impl Fn(&Point) -> f32) {
        /// Width of the line, in pixels.
        const WIDTH: f32 = 1.5;
        /// Share of the side it runs along: an arc stays that straight over a
        /// quarter at most.
        const RUN: f32 = 0.35;
        let Edge {
            points,
            side,
            sorted,
        } = self;
        sorted.clear();
        sorted.extend(side.iter().map(&across));
        sorted.sort_unstable_by(f32::total_cmp);
        let run = |start: usize| sorted[start..].partition_point(|v| v - sorted[start] <= WIDTH);
        let longest = (0..sorted.len()).max_by_key(|&start| run(start));
        if let Some(start) = longest.filter(|&start| run(start) as f32 > RUN * length as f32) {
            let line = sorted[start]..=sorted[start] + WIDTH;
            side.retain(|p| !line.contains(&across(p)));
        }
        points.append(side);
    }
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
