//! A picture turned on its way to a panel that is mounted turned.

use std::fmt;
use std::str::FromStr;

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// How far the picture is turned clockwise to lie on the panel.
///
/// Named by whoever mounts the panel: where its own top edge is at the left,
/// the picture has to be turned by a quarter to be upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// The picture lies on the panel as it is drawn.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

/// A number of degrees that is none of the four.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a display cannot be rotated by {0}: use 0, 90, 180 or 270 degrees")]
pub struct NoRotation(String);

/// Side of the blocks that are turned one after the other, in pixels: what one
/// reads and writes stays in the processor's cache, though one of the two runs
/// across the rows.
const BLOCK: u32 = 32;

impl Rotation {
    /// From 0 to 270 degrees.
    pub const ALL: [Rotation; 4] = [
        Rotation::None,
        Rotation::Quarter,
        Rotation::Half,
        Rotation::ThreeQuarters,
    ];

    /// 0, 90, 180 or 270.
    pub fn degrees(self) -> u32 {
        match self {
            Rotation::None => 0,
            Rotation::Quarter => 90,
            Rotation::Half => 180,
            Rotation::ThreeQuarters => 270,
        }
    }

    fn of(degrees: i64) -> Option<Rotation> {
        Rotation::ALL
            .into_iter()
            .find(|rotation| i64::from(rotation.degrees()) == degrees)
    }

    /// The size of a picture of `size` once it is turned; and back, since two
    /// such turns give the size that it had.
    pub fn size(self, size: Size) -> Size {
        match self {
            Rotation::None | Rotation::Half => size,
            Rotation::Quarter | Rotation::ThreeQuarters => Size::new(size.height, size.width),
        }
    }

    /// Where an `area` of a picture of `size` lies in the turned picture.
    pub fn area(self, area: Rectangle, size: Size) -> Rectangle {
        let (x, y) = (area.top_left.x, area.top_left.y);
        let right = size.width as i32 - x - area.size.width as i32;
        let below = size.height as i32 - y - area.size.height as i32;
        let top_left = match self {
            Rotation::None => Point::new(x, y),
            Rotation::Quarter => Point::new(below, x),
            Rotation::Half => Point::new(right, below),
            Rotation::ThreeQuarters => Point::new(y, right),
        };
        Rectangle::new(top_left, self.size(area.size))
    }

    /// A place on the turned picture, as shares (0..1) of its width and height,
    /// as shares of the picture before it was turned.
    pub fn undo(self, x: f32, y: f32) -> (f32, f32) {
        match self {
            Rotation::None => (x, y),
            Rotation::Quarter => (y, 1.0 - x),
            Rotation::Half => (1.0 - x, 1.0 - y),
            Rotation::ThreeQuarters => (1.0 - y, x),
        }
    }

    /// Turns `part` of `picture` into its place in `turned`, a picture of
    /// [`Rotation::size`]; what lies outside of either is left out. Says which
    /// part of `turned` is new.
    pub fn turn(self, picture: &RgbImage, part: Rectangle, turned: &mut RgbImage) -> Rectangle {
        let size = Size::new(picture.width(), picture.height());
        let part = part.intersection(&Rectangle::new(Point::zero(), size));
        let there = Rectangle::new(Point::zero(), Size::new(turned.width(), turned.height()));
        let part = self.area(part, size).intersection(&there);
        if self.size(size) != there.size || part.is_zero_sized() {
            return Rectangle::zero();
        }
        // Index of the pixel that comes to the turned picture's corner, and the
        // steps to those that come to its right and below it.
        let width = size.width as isize;
        let pixels = width * size.height as isize;
        let (first, right, down) = match self {
            Rotation::None => (0, 1, width),
            Rotation::Quarter => (pixels - width, -width, 1),
            Rotation::Half => (pixels - 1, -1, -width),
            Rotation::ThreeQuarters => (width - 1, width, -1),
        };
        let across = turned.width() as usize;
        let (from, to) = (picture.as_raw(), &mut **turned);
        for block in blocks(part) {
            let columns = block.columns();
            for y in block.rows() {
                let start = y as usize * across + columns.start as usize;
                let row = &mut to[3 * start..3 * (start + columns.len())];
                let mut at = first + y as isize * down + columns.start as isize * right;
                for pixel in row.chunks_exact_mut(3) {
                    let source = 3 * at as usize;
                    pixel.copy_from_slice(&from[source..source + 3]);
                    at += right;
                }
            }
        }
        part
    }
}

/// `area` in blocks.
fn blocks(area: Rectangle) -> impl Iterator<Item = Rectangle> {
    let step = BLOCK as usize;
    area.rows().step_by(step).flat_map(move |y| {
        area.columns().step_by(step).map(move |x| {
            Rectangle::new(Point::new(x, y), Size::new_equal(BLOCK)).intersection(&area)
        })
    })
}

impl FromStr for Rotation {
    type Err = NoRotation;

    fn from_str(text: &str) -> Result<Rotation, NoRotation> {
        let degrees = text.parse().ok();
        degrees
            .and_then(Rotation::of)
            .ok_or_else(|| NoRotation(format!("`{text}`")))
    }
}

/// As the configuration has it: `90`.
impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.degrees())
    }
}

impl Serialize for Rotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.degrees())
    }
}

impl<'de> Deserialize<'de> for Rotation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rotation, D::Error> {
        deserializer.deserialize_i64(Degrees)
    }
}

/// Reads a number; whatever else stands there is told the four that there are.
struct Degrees;

impl Visitor<'_> for Degrees {
    type Value = Rotation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rotation of 0, 90, 180 or 270 degrees")
    }

    fn visit_i64<E: serde::de::Error>(self, degrees: i64) -> Result<Rotation, E> {
        Rotation::of(degrees).ok_or_else(|| E::custom(NoRotation(degrees.to_string())))
    }

    fn visit_u64<E: serde::de::Error>(self, degrees: u64) -> Result<Rotation, E> {
        let found = i64::try_from(degrees).ok();
        found
            .and_then(Rotation::of)
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(degrees), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A picture from rows of letters, a letter a colour.
    fn picture(rows: &[&str]) -> RgbImage {
        RgbImage::from_fn(rows[0].len() as u32, rows.len() as u32, |x, y| {
            Rgb([rows[y as usize].as_bytes()[x as usize], x as u8, y as u8])
        })
    }

    fn letters(picture: &RgbImage) -> Vec<String> {
        picture
            .rows()
            .map(|row| row.map(|pixel| char::from(pixel[0])).collect())
            .collect()
    }

    fn turned(rotation: Rotation, picture: &RgbImage) -> RgbImage {
        let size = Size::new(picture.width(), picture.height());
        let Size { width, height } = rotation.size(size);
        let mut turned = RgbImage::new(width, height);
        let new = rotation.turn(picture, Rectangle::new(Point::zero(), size), &mut turned);
        assert_eq!(new.size, rotation.size(size));
        turned
    }

    const L: [&str; 5] = ["L..", "L..", "L..", "L..", "LL#"];

    #[test]
    fn a_letter_is_turned_clockwise() {
        let upright = picture(&L);
        for (rotation, expected) in [
            (Rotation::None, &L[..]),
            (Rotation::Quarter, &["LLLLL", "L....", "#...."]),
            (Rotation::Half, &["#LL", "..L", "..L", "..L", "..L"]),
            (Rotation::ThreeQuarters, &["....#", "....L", "LLLLL"]),
        ] {
            assert_eq!(letters(&turned(rotation, &upright)), expected);
        }
    }

    /// Larger than a block, and no multiple of one.
    #[test]
    fn every_pixel_of_an_odd_size_comes_to_its_place() {
        let upright = RgbImage::from_fn(101, 67, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]));
        for rotation in Rotation::ALL {
            let found = turned(rotation, &upright);
            let expected = match rotation {
                Rotation::None => upright.clone(),
                Rotation::Quarter => image::imageops::rotate90(&upright),
                Rotation::Half => image::imageops::rotate180(&upright),
                Rotation::ThreeQuarters => image::imageops::rotate270(&upright),
            };
            assert!(found == expected, "{rotation:?}");
        }
    }

    #[test]
    fn a_part_is_turned_where_the_whole_would_have_it_and_nothing_else_is() {
        let upright = RgbImage::from_fn(50, 41, |x, y| Rgb([x as u8, y as u8, 7]));
        let part = Rectangle::new(Point::new(33, 4), Size::new(40, 36));
        for rotation in Rotation::ALL {
            let whole = turned(rotation, &upright);
            let mut found = RgbImage::new(whole.width(), whole.height());
            let new = rotation.turn(&upright, part, &mut found);
            assert_eq!(rotation.size(new.size), Size::new(17, 36));
            for (x, y, pixel) in found.enumerate_pixels() {
                let expected = match new.contains(Point::new(x as i32, y as i32)) {
                    true => *whole.get_pixel(x, y),
                    false => Rgb([0; 3]),
                };
                assert_eq!(*pixel, expected, "{rotation:?} {x} {y}");
            }
        }
    }

    #[test]
    fn a_picture_that_does_not_fit_is_not_turned() {
        let mut small = RgbImage::new(3, 3);
        let whole = Rectangle::new(Point::zero(), Size::new(3, 5));
        for rotation in Rotation::ALL {
            let new = rotation.turn(&picture(&L), whole, &mut small);
            assert!(new.is_zero_sized());
        }
    }

    #[test]
    fn other_angles_are_refused_with_those_there_are() {
        for rotation in Rotation::ALL {
            assert_eq!(rotation.to_string().parse(), Ok(rotation));
        }
        for text in ["", "45", "360", "-90", "90.0", "left"] {
            let said = text.parse::<Rotation>().unwrap_err().to_string();
            assert!(said.contains(&format!("`{text}`")), "{said}");
            assert!(said.ends_with("use 0, 90, 180 or 270 degrees"), "{said}");
        }
    }
}
