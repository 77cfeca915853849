//! From a touch panel's own units to the pixels of the picture.

use std::fmt;
use std::str::FromStr;

use embedded_graphics::prelude::*;

use crate::panel::layout::Layout;

/// How a touch panel is mounted on its screen. Written as the words `swap`,
/// `flip-x` and `flip-y` in any order; no words for a panel that is mounted
/// straight. The screen is meant as it was made: how far it is mounted turned is
/// its layout's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation {
    /// Its x runs along the screen's height.
    pub swap: bool,
    /// After that, the screen's x runs the other way.
    pub flip_x: bool,
    /// After that, the screen's y runs the other way.
    pub flip_y: bool,
}

impl FromStr for Orientation {
    /// What to say instead.
    type Err = String;

    fn from_str(text: &str) -> Result<Orientation, String> {
        let mut orientation = Orientation::default();
        for word in text.split_whitespace() {
            match word {
                "swap" => orientation.swap = true,
                "flip-x" => orientation.flip_x = true,
                "flip-y" => orientation.flip_y = true,
                _ => {
                    return Err(format!(
                        "a touch panel cannot be mounted `{word}`: \
                         use swap, flip-x, flip-y or several of them"
                    ))
                }
            }
        }
        Ok(orientation)
    }
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.swap, "swap"),
            (self.flip_x, "flip-x"),
            (self.flip_y, "flip-y"),
        ];
        let chosen = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word);
        f.write_str(&chosen.collect::<Vec<_>>().join(" "))
    }
}

/// The values that one direction of a panel takes, ends included. Some panels
/// report a little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// In the panel's own unit.
    pub least: i32,
    /// In the panel's own unit.
    pub most: i32,
}

impl Axis {
    /// Where `value` lies between the ends, 0..1.
    fn share(self, value: i32) -> f32 {
        let length = i64::from(self.most) - i64::from(self.least);
        let way = i64::from(value) - i64::from(self.least);
        (way as f32 / length.max(1) as f32).clamp(0.0, 1.0)
    }
}

/// A touch panel on a screen.
#[derive(Clone, Copy, Debug)]
pub struct Surface {
    /// Along the panel's own x.
    pub x: Axis,
    /// Along the panel's own y.
    pub y: Axis,
    /// How the panel is mounted on its screen.
    pub orientation: Orientation,
    /// Where the picture lies on the screen.
    pub layout: Layout,
}

impl Surface {
    /// The pixel of the picture that the panel means by `x`, `y`, which are in
    /// its own unit. It may lie outside the picture.
    pub fn point(&self, x: i32, y: i32) -> Point {
        let (mut x, mut y) = (self.x.share(x), self.y.share(y));
        let Orientation {
            swap,
            flip_x,
            flip_y,
        } = self.orientation;
        if swap {
            (x, y) = (y, x);
        }
        let turned = |share: f32, flip: bool| if flip { 1.0 - share } else { share };
        self.layout.to_picture(turned(x, flip_x), turned(y, flip_y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::rotation::Rotation;

    #[test]
    fn orientations_are_read_as_they_are_written() {
        for text in ["", "swap", "flip-y", "swap flip-x flip-y"] {
            assert_eq!(text.parse::<Orientation>().unwrap().to_string(), text);
        }
        assert_eq!(
            "flip-x swap".parse::<Orientation>().unwrap().to_string(),
            "swap flip-x"
        );
        let said = "upside-down".parse::<Orientation>().unwrap_err();
        assert!(said.contains("`upside-down`") && said.contains("flip-x"));
    }

    fn corners(orientation: &str) -> [Point; 3] {
        touched(orientation, Layout::exact(Size::new(800, 480)))
    }

    fn touched(orientation: &str, layout: Layout) -> [Point; 3] {
        let surface = Surface {
            x: Axis {
                least: 0,
                most: 4095,
            },
            y: Axis {
                least: -100,
                most: 100,
            },
            orientation: orientation.parse().unwrap(),
            layout,
        };
        [(0, -100), (4095, -100), (9999, 100)].map(|(x, y)| surface.point(x, y))
    }

    #[test]
    fn every_mounting_finds_its_corners() {
        let at = Point::new;
        assert_eq!(corners(""), [at(0, 0), at(799, 0), at(799, 479)]);
        assert_eq!(corners("flip-x"), [at(799, 0), at(0, 0), at(0, 479)]);
        assert_eq!(
            corners("flip-x flip-y"),
            [at(799, 479), at(0, 479), at(0, 0)]
        );
        // A quarter turn: the panel's x runs down the screen.
        assert_eq!(corners("swap"), [at(0, 0), at(0, 479), at(799, 479)]);
        assert_eq!(
            corners("swap flip-x"),
            [at(799, 0), at(799, 479), at(0, 479)]
        );
    }

    /// The panel's own top left, top right and bottom right, on a screen whose
    /// native pixels are 480 x 800.
    #[test]
    fn touches_turn_with_the_screen() {
        let at = Point::new;
        for (rotation, orientation, expected) in [
            (Rotation::Quarter, "", [at(0, 479), at(0, 0), at(799, 0)]),
            (
                Rotation::ThreeQuarters,
                "",
                [at(799, 0), at(799, 479), at(0, 479)],
            ),
            // A touch panel that lies on the screen as it is seen.
            (
                Rotation::Quarter,
                "swap flip-x",
                [at(0, 0), at(799, 0), at(799, 479)],
            ),
        ] {
            let layout = Layout::fit(Size::new(480, 800), rotation);
            assert_eq!(touched(orientation, layout), expected, "{rotation:?}");
        }
        let half = Layout::fit(Size::new(800, 480), Rotation::Half);
        assert_eq!(touched("", half), corners("flip-x flip-y"));
        assert_eq!(touched("flip-x flip-y", half), corners(""));
    }

    #[test]
    fn a_panel_that_promises_nothing_is_no_panic() {
        let axis = Axis { least: 7, most: 7 };
        assert_eq!(axis.share(i32::MIN), 0.0);
        assert_eq!(axis.share(i32::MAX), 1.0);
    }
}
