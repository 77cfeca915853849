//! Fits a disc, possibly squashed, to the edge of the lit area.

use super::edge::Plane;

/// An edge point this near the outline lies on it, in working pixels.
pub const TOLERANCE: f32 = 1.5;

/// A place in the working copy, from its left and top edge, in its pixels.
pub type Point = (f32, f32);

/// A disc, possibly squashed horizontally.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    pub cx: f32,
    pub cy: f32,
    /// Vertical radius.
    pub r: f32,
    /// Horizontal radius over vertical radius.
    pub squash: f32,
}

impl Outline {
    /// Distance from the outline, outside positive, in vertical pixels.
    pub fn distance(&self, (x, y): Point) -> f32 {
        let (dx, dy) = ((x - self.cx) / self.squash, y - self.cy);
        (dx * dx + dy * dy).sqrt() - self.r
    }

    fn holds(&self, point: Point) -> bool {
        self.distance(point).abs() <= TOLERANCE
    }

    fn count(&self, points: &[Point]) -> usize {
        points.iter().filter(|&&p| self.holds(p)).count()
    }

    /// Share of the disc's area inside a frame, 0 to 1.
    pub fn coverage(&self, width: usize, height: usize) -> f32 {
        let mut held = 0.0;
        for y in 0..height {
            // The disc's chord in this row, cut to the frame.
            let dy = y as f32 + 0.5 - self.cy;
            let half = (self.r * self.r - dy * dy).max(0.0).sqrt() * self.squash;
            let (left, right) = (self.cx - half, self.cx + half);
            held += (right.min(width as f32) - left.max(0.0)).max(0.0);
        }
        let whole = std::f32::consts::PI * self.r * self.r * self.squash;
        (held / whole).min(1.0)
    }

    /// The outline through three points, given the squash.
    fn through(a: Point, b: Point, c: Point, squash: f32) -> Option<Outline> {
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

    /// Least squares over the points near the outline (Gauss-Newton); the
    /// squash moves too when it is `free`.
    fn refined(&self, points: &[Point], free: bool) -> Outline {
        const STEPS: usize = 6;
        let mut now = *self;
        for _ in 0..STEPS {
            let mut normal = [[0.0f64; 5]; 4];
            for &p in points.iter().filter(|&&p| now.holds(p)) {
                let (u, v) = ((p.0 - now.cx) / now.squash, p.1 - now.cy);
                let distance = (u * u + v * v).sqrt().max(1.0);
                let slope = [
                    -u / (distance * now.squash),
                    -v / distance,
                    -1.0,
                    -u * u / (distance * now.squash),
                ]
                .map(f64::from);
                let residual = f64::from(distance - now.r);
                for i in 0..4 {
                    for j in 0..4 {
                        normal[i][j] += slope[i] * slope[j];
                    }
                    normal[i][4] -= slope[i] * residual;
                }
            }
            if !free {
                normal[3] = [0.0, 0.0, 0.0, 1.0, 0.0];
            }
            let Some([dx, dy, dr, dq]) = solve(normal) else {
                break;
            };
            now.cx += dx as f32;
            now.cy += dy as f32;
            now.r += dr as f32;
            now.squash += dq as f32;
        }
        now
    }
}

/// The disc that the edge points agree on and the share of them that lie on
/// it, or `None` when too few do or they leave the disc open.
///
/// A squashed disc is taken only on clear evidence: it explains many more
/// points than any circle.
pub fn fit(plane: &Plane, points: &[Point]) -> Option<(Outline, f32)> {
    /// Fewer edge points than this are no outline.
    const LEAST_POINTS: usize = 24;
    /// Share of the edge a disc must explain.
    const LEAST_SUPPORT: f32 = 0.4;
    /// Share that some circle must explain, usable or not, to go on looking:
    /// on one arc of a squashed disc it does.
    const LEAST_ARC: f32 = 0.25;
    /// A circle with this support is not doubted.
    const SURE_CIRCLE: f32 = 0.92;
    /// How many more points a squashed disc must explain than a circle, and
    /// what share of the edge: two photographs laid over each other make
    /// something like an ellipse.
    const CLEAR: f32 = 1.12;
    const LEAST_SQUASHED: f32 = 0.48;
    /// Squashes tried; the refinement fills the gaps.
    const SQUASHES: [f32; 10] = [0.96, 0.92, 0.88, 0.84, 0.8, 0.76, 0.72, 0.68, 0.64, 0.6];
    /// Squashes believed, and how near 1 is none at all.
    const BELIEVED: std::ops::RangeInclusive<f32> = 0.6..=1.05;
    const NEGLIGIBLE: f32 = 0.02;

    if points.len() < LEAST_POINTS {
        return None;
    }
    let share = |count: usize| count as f32 / points.len() as f32;
    let usable = |outline: &Outline| outline.fits(plane) && outline.is_closed_by(points);

    let nearest = consensus(plane, points, &[1.0], 150)?.refined(points, false);
    if share(nearest.count(points)) < LEAST_ARC {
        return None;
    }
    let circle = Some(nearest).filter(usable);
    let in_circle = circle.map_or(0, |circle| circle.count(points));
    if share(in_circle) < SURE_CIRCLE {
        let squashed = consensus(plane, points, &SQUASHES, 400)
            .map(|outline| outline.refined(points, true))
            .filter(|o| BELIEVED.contains(&o.squash) && (o.squash - 1.0).abs() > NEGLIGIBLE)
            .filter(usable);
        if let Some(squashed) = squashed {
            let count = squashed.count(points);
            if count as f32 > CLEAR * in_circle as f32 && share(count) >= LEAST_SQUASHED {
                return Some((squashed, share(count)));
            }
        }
    }
    circle
        .filter(|_| share(in_circle) >= LEAST_SUPPORT)
        .map(|circle| (circle, share(in_circle)))
}

impl Outline {
    /// Whether a camera could have made it: neither a small thing in the
    /// picture nor so large that the frame holds only a part of its middle.
    fn fits(&self, plane: &Plane) -> bool {
        const LEAST_RADIUS: f32 = 0.15;
        const LEAST_COVERAGE: f32 = 0.5;
        let shorter = plane.width.min(plane.height) as f32;
        let rx = self.r * self.squash;
        rx.min(self.r) >= LEAST_RADIUS * shorter
            && self.coverage(plane.width, plane.height) >= LEAST_COVERAGE
    }

    /// Whether edge points are found all around: the widest gap between them,
    /// seen from the centre, stays below about 220 degrees.
    fn is_closed_by(&self, points: &[Point]) -> bool {
        const SECTORS: usize = 36;
        const WIDEST_GAP: usize = 22;
        const LEAST_SECTORS: usize = 3;
        let mut seen = [false; SECTORS];
        for &p in points.iter().filter(|&&p| self.holds(p)) {
            seen[sector((p.0 - self.cx) / self.squash, p.1 - self.cy)] = true;
        }
        let mut widest = 0;
        let mut gap = 0;
        for i in 0..2 * SECTORS {
            gap = if seen[i % SECTORS] { 0 } else { gap + 1 };
            widest = widest.max(gap);
        }
        seen.iter().filter(|&&s| s).count() >= LEAST_SECTORS && widest <= WIDEST_GAP
    }
}

/// Which of 36 sectors around the origin a direction lies in. The sectors are
/// equal steps around a diamond, not equal angles, so that no trigonometry is
/// needed whose last digit differs between platforms.
fn sector(x: f32, y: f32) -> usize {
    let around = x.abs() + y.abs();
    if around == 0.0 {
        return 0;
    }
    let turn = match (x >= 0.0, y >= 0.0) {
        (true, true) => y / around,
        (false, true) => 1.0 - x / around,
        (false, false) => 2.0 - y / around,
        (true, false) => 3.0 + x / around,
    };
    ((turn * 9.0) as usize).min(35)
}

/// The best of `draws` discs through three random edge points each, at the
/// given squashes in turn.
fn consensus(plane: &Plane, points: &[Point], squashes: &[f32], draws: usize) -> Option<Outline> {
    /// Enough to tell outlines apart, and few enough to be quick.
    const SAMPLE: usize = 250;
    let stride = points.len().div_ceil(SAMPLE);
    let mut sample = [(0.0, 0.0); SAMPLE];
    for (drawn, &point) in sample.iter_mut().zip(points.iter().step_by(stride)) {
        *drawn = point;
    }
    let sample = &sample[..points.len().div_ceil(stride)];
    // A fixed generator: the same photograph always gives the same field.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sample[(state % sample.len() as u64) as usize]
    };
    let longest = plane.width.max(plane.height) as f32;
    let mut best: Option<(usize, Outline)> = None;
    for i in 0..draws {
        let squash = squashes[i % squashes.len()];
        let Some(outline) = Outline::through(draw(), draw(), draw(), squash) else {
            continue;
        };
        if outline.r > longest {
            continue;
        }
        let count = outline.count(sample);
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, outline));
        }
    }
    best.map(|(_, outline)| outline)
}

/// Solves four linear equations given as rows of coefficients and right-hand
/// side, by Gaussian elimination. `None` when they do not determine a solution.
fn solve(mut rows: [[f64; 5]; 4]) -> Option<[f64; 4]> {
    for i in 0..4 {
        let pivot = (i..4).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() < 1e-9 {
            return None;
        }
        let pivot = rows[i];
        for row in rows.iter_mut().enumerate().filter(|(k, _)| *k != i) {
            let factor = row.1[i] / pivot[i];
            for (v, p) in row.1.iter_mut().zip(pivot) {
                *v -= factor * p;
            }
        }
    }
    Some([0, 1, 2, 3].map(|i| rows[i][4] / rows[i][i]))
}
