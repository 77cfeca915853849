//! Lengths that grow with the screen, and areas cut from one another.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use crate::panel::{SMALLEST, SMALLEST_UPRIGHT};

/// Least side of a touch area in pixels, on [`SMALLEST`], [`SMALLEST_UPRIGHT`]
/// and anything larger.
pub const LEAST_TOUCH: u32 = 60;

/// A screen and its unit of length. On the smallest a unit is a pixel; larger
/// screens keep the proportions and give what is left over to what can grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    size: Size,
    scale: f32,
}

impl Grid {
    pub(super) fn of(size: Size) -> Grid {
        let smallest = match size.height > size.width {
            true => SMALLEST_UPRIGHT,
            false => SMALLEST,
        };
        let across = size.width as f32 / smallest.width as f32;
        let down = size.height as f32 / smallest.height as f32;
        Grid {
            size,
            scale: across.min(down),
        }
    }

    /// Whether the screen is higher than it is wide: what lies side by side on
    /// others lies one below the other then.
    pub(super) fn is_upright(&self) -> bool {
        self.size.height > self.size.width
    }

    /// `units` in pixels.
    pub(super) fn px(&self, units: i32) -> i32 {
        (units as f32 * self.scale).round() as i32
    }

    /// The height of a line of text that is `units` high on the smallest
    /// screen.
    pub(super) fn line(&self, units: f32) -> f32 {
        units * self.scale
    }

    /// The whole screen.
    pub(super) fn all(&self) -> Rectangle {
        Rectangle::new(Point::zero(), self.size)
    }

    /// The screen without its margin.
    pub(super) fn page(&self) -> Room {
        Room::of(inset(self.all(), self.px(12)))
    }
}

/// What is left of an area while parts are cut off its sides. Asking for more
/// than there is gives what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    area: Rectangle,
}

impl Room {
    pub(super) fn of(area: Rectangle) -> Room {
        Room { area }
    }

    /// What is left.
    pub(super) fn rest(self) -> Rectangle {
        self.area
    }

    pub(super) fn top(&mut self, height: i32) -> Rectangle {
        let height = at_most(height, self.area.size.height);
        let part = Rectangle::new(self.area.top_left, Size::new(self.area.size.width, height));
        self.area.top_left.y += height as i32;
        self.area.size.height -= height;
        part
    }

    pub(super) fn bottom(&mut self, height: i32) -> Rectangle {
        let height = at_most(height, self.area.size.height);
        self.area.size.height -= height;
        let below = Point::new(0, self.area.size.height as i32);
        Rectangle::new(
            self.area.top_left + below,
            Size::new(self.area.size.width, height),
        )
    }

    pub(super) fn left(&mut self, width: i32) -> Rectangle {
        let width = at_most(width, self.area.size.width);
        let part = Rectangle::new(self.area.top_left, Size::new(width, self.area.size.height));
        self.area.top_left.x += width as i32;
        self.area.size.width -= width;
        part
    }

    pub(super) fn right(&mut self, width: i32) -> Rectangle {
        let width = at_most(width, self.area.size.width);
        self.area.size.width -= width;
        let beside = Point::new(self.area.size.width as i32, 0);
        Rectangle::new(
            self.area.top_left + beside,
            Size::new(width, self.area.size.height),
        )
    }
}

fn at_most(asked: i32, there: u32) -> u32 {
    u32::try_from(asked).unwrap_or(0).min(there)
}

/// `area` without `margin` on every side.
pub(super) fn inset(area: Rectangle, margin: i32) -> Rectangle {
    let mut room = Room::of(area);
    room.top(margin);
    room.bottom(margin);
    room.left(margin);
    room.right(margin);
    room.rest()
}

/// `area` as `count` columns of one width, `gap` apart.
pub(super) fn columns(area: Rectangle, count: u32, gap: i32) -> impl Iterator<Item = Rectangle> {
    let (count, width) = (count.max(1) as i32, area.size.width as i32);
    let edge = move |i: i32| i * (width + gap) / count;
    (0..count).map(move |i| {
        Rectangle::new(
            area.top_left + Point::new(edge(i), 0),
            Size::new(
                at_most(edge(i + 1) - gap - edge(i), u32::MAX),
                area.size.height,
            ),
        )
    })
}

/// `area` as `count` rows of one height, `gap` apart.
pub(super) fn rows(area: Rectangle, count: u32, gap: i32) -> impl Iterator<Item = Rectangle> {
    let (count, height) = (count.max(1) as i32, area.size.height as i32);
    let edge = move |i: i32| i * (height + gap) / count;
    (0..count).map(move |i| {
        Rectangle::new(
            area.top_left + Point::new(0, edge(i)),
            Size::new(
                area.size.width,
                at_most(edge(i + 1) - gap - edge(i), u32::MAX),
            ),
        )
    })
}

/// The largest square in the middle of `area`.
pub(super) fn square(area: Rectangle) -> Rectangle {
    let side = area.size.width.min(area.size.height);
    centred(area, Size::new_equal(side))
}

/// An area of `size` in the middle of `area`.
pub(super) fn centred(area: Rectangle, size: Size) -> Rectangle {
    let free = Point::new(
        (area.size.width as i32 - size.width as i32) / 2,
        (area.size.height as i32 - size.height as i32) / 2,
    );
    Rectangle::new(area.top_left + free, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_an_area_and_keep_their_gap() {
        let area = Rectangle::new(Point::new(12, 5), Size::new(777, 60));
        let columns: Vec<Rectangle> = columns(area, 10, 6).collect();
        assert_eq!(columns.len(), 10);
        assert_eq!(columns[0].top_left, area.top_left);
        let right = |r: &Rectangle| r.top_left.x + r.size.width as i32;
        assert_eq!(right(&columns[9]), right(&area));
        for pair in columns.windows(2) {
            assert_eq!(pair[1].top_left.x - right(&pair[0]), 6);
        }
    }

    #[test]
    fn cutting_more_than_there_is_gives_what_there_is() {
        let mut room = Room::of(Rectangle::new(Point::zero(), Size::new(10, 10)));
        assert_eq!(room.bottom(4).top_left, Point::new(0, 6));
        assert_eq!(room.top(20).size, Size::new(10, 6));
        assert_eq!(room.left(3).size, Size::new(3, 0));
        assert_eq!(room.top(-1).size.height, 0);
    }
}
