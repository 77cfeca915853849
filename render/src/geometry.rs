//! Points, and the mapping between retina and photograph.

use std::ops::{Add, Mul, Sub};

use libm::{atan2f, cosf, sinf};

/// A point or a direction, on the retina (disc diameters) or in the
/// photograph (pixels).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

pub const fn point(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Point {
    pub fn from_angle(angle: f32) -> Point {
        point(cosf(angle), sinf(angle))
    }

    pub fn angle(self) -> f32 {
        atan2f(self.y, self.x)
    }

    pub fn dot(self, other: Point) -> f32 {
        self.x * other.x + self.y * other.y
    }

    pub fn cross(self, other: Point) -> f32 {
        self.x * other.y - self.y * other.x
    }

    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    pub fn unit(self) -> Point {
        self * (1.0 / self.length().max(1e-9))
    }

    /// A quarter turn to the left.
    pub fn left(self) -> Point {
        point(-self.y, self.x)
    }

    pub fn turned(self, angle: f32) -> Point {
        self.turned_by(Point::from_angle(angle))
    }

    /// Turned by the angle of the unit vector `turn`.
    pub fn turned_by(self, turn: Point) -> Point {
        point(
            self.x * turn.x - self.y * turn.y,
            self.x * turn.y + self.y * turn.x,
        )
    }

    pub fn mix(self, other: Point, share: f32) -> Point {
        self + (other - self) * share
    }
}

impl Add for Point {
    type Output = Point;
    fn add(self, o: Point) -> Point {
        point(self.x + o.x, self.y + o.y)
    }
}

impl Sub for Point {
    type Output = Point;
    fn sub(self, o: Point) -> Point {
        point(self.x - o.x, self.y - o.y)
    }
}

impl Mul<f32> for Point {
    type Output = Point;
    fn mul(self, k: f32) -> Point {
        point(self.x * k, self.y * k)
    }
}

/// 0 below `low`, 1 above `high`, smooth between. `low` may exceed `high`,
/// which gives a falling step.
pub fn smooth_step(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bell: 1 at 0, near exp(-(x / width)^2), and much faster to compute; it is
/// evaluated many times per pixel.
pub fn bump(x: f32, width: f32) -> f32 {
    let t = x / width;
    let u = 1.0 / (1.0 + t * t * 0.125);
    let (u2, u4) = (u * u, u * u * u * u);
    u2 * u2 * u4
}

/// A smooth curve through `knots`, sampled about every `step`.
pub fn curve_through(knots: &[Point], step: f32) -> Vec<Point> {
    let mut path = Vec::new();
    let Some((&first, &last)) = knots.first().zip(knots.last()) else {
        return path;
    };
    for i in 0..knots.len().saturating_sub(1) {
        let a = if i == 0 { first } else { knots[i - 1] };
        let (b, c) = (knots[i], knots[i + 1]);
        let d = knots.get(i + 2).copied().unwrap_or(last);
        let pieces = ((c - b).length() / step).ceil().max(1.0) as u32;
        for k in 0..pieces {
            let t = k as f32 / pieces as f32;
            // Catmull-Rom.
            let (t2, t3) = (t * t, t * t * t);
            path.push(
                (b * 2.0
                    + (c - a) * t
                    + (a * 2.0 - b * 5.0 + c * 4.0 - d) * t2
                    + (b * 3.0 - a - c * 3.0 + d) * t3)
                    * 0.5,
            );
        }
    }
    path.push(last);
    path
}

/// The camera's view of the retina: a similarity between disc diameters and
/// pixels, mirrored for the left eye.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Pixels per disc diameter.
    pub scale: f32,
    /// What of the retina lies at the middle of the field.
    pub look: Point,
    /// The middle of the field in the canvas, pixels.
    pub centre: Point,
    /// The eye's roll about the line of sight: cosine and sine.
    pub roll: Point,
    /// True where the nose is to the left: the left eye.
    pub mirrored: bool,
}

impl View {
    pub fn to_pixels(self, retina: Point) -> Point {
        let p = (retina - self.look).turned_by(self.roll) * self.scale;
        let x = if self.mirrored { -p.x } else { p.x };
        self.centre + point(x, -p.y)
    }

    pub fn to_retina(self, pixels: Point) -> Point {
        let p = pixels - self.centre;
        let x = if self.mirrored { -p.x } else { p.x };
        (point(x, -p.y) * (1.0 / self.scale)).turned_by(point(self.roll.x, -self.roll.y))
            + self.look
    }
}
