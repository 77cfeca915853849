//! From a finger's way over the screen to a tap, or none.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::{Events, InputEvent};

/// How far a finger may roll while it taps, in pixels of the picture: half of
/// the smallest thing there is to touch.
const ROLL: i32 = 30;

/// One finger, or the button of a mouse, on a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tap {
    /// No finger is down.
    #[default]
    Up,
    /// Down since it touched this point.
    Down(Point),
    /// Down, and too far from where it came down to mean that.
    Strayed,
}

impl Tap {
    /// The finger is at `at`, `down` or not; what it does by that to a picture
    /// of `size` is appended to `events`. Whoever reads a device leaves room
    /// for it.
    pub fn follow(&mut self, down: bool, at: Point, size: Size, events: &mut Events) {
        let picture = Rectangle::new(Point::zero(), size);
        match self.moved(down, at) {
            Some(InputEvent::Press(at) | InputEvent::Touch(at)) if !picture.contains(at) => {}
            Some(event) => {
                let _ = events.push_back(event);
            }
            None => {}
        }
    }

    /// A tap lies where the finger came down: it rolls while it is lifted.
    fn moved(&mut self, down: bool, at: Point) -> Option<InputEvent> {
        match (*self, down) {
            (Tap::Up, true) => {
                *self = Tap::Down(at);
                Some(InputEvent::Press(at))
            }
            (Tap::Down(start), true) if far(start, at) => {
                *self = Tap::Strayed;
                Some(InputEvent::Release)
            }
            (Tap::Down(start), false) => {
                *self = Tap::Up;
                Some(InputEvent::Touch(start))
            }
            (Tap::Strayed, false) => {
                *self = Tap::Up;
                None
            }
            _ => None,
        }
    }

    /// Forgets the finger: it is not known any more what it did.
    pub fn forget(&mut self, events: &mut Events) {
        if let Tap::Down(_) = std::mem::take(self) {
            let _ = events.push_back(InputEvent::Release);
        }
    }
}

fn far(a: Point, b: Point) -> bool {
    let way = (a - b).abs();
    way.x > ROLL || way.y > ROLL
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a finger does that is at these points, down until the last.
    fn done(tap: &mut Tap, way: &[(i32, i32)]) -> Vec<InputEvent> {
        let mut events = Events::new();
        for (index, &(x, y)) in way.iter().enumerate() {
            let down = index + 1 < way.len();
            tap.follow(down, Point::new(x, y), Size::new(800, 480), &mut events);
        }
        events.iter().cloned().collect()
    }

    #[test]
    fn a_finger_that_rolls_taps_where_it_came_down() {
        let down = Point::new(100, 100);
        assert_eq!(
            done(&mut Tap::default(), &[(100, 100), (129, 71), (129, 71)]),
            [InputEvent::Press(down), InputEvent::Touch(down)]
        );
        assert_eq!(done(&mut Tap::default(), &[(100, 100)]), []);
    }

    #[test]
    fn a_finger_that_slides_away_asks_for_nothing() {
        let mut tap = Tap::default();
        let down = Point::new(100, 100);
        assert_eq!(
            done(&mut tap, &[(100, 100), (100, 140), (100, 100), (100, 100)]),
            [InputEvent::Press(down), InputEvent::Release]
        );
        assert_eq!(
            done(&mut tap, &[(100, 100), (100, 100)]),
            [InputEvent::Press(down), InputEvent::Touch(down)]
        );
    }

    #[test]
    fn outside_the_picture_there_is_nothing_to_touch() {
        for at in [(-1, 5), (800, 5), (5, 480)] {
            assert_eq!(done(&mut Tap::default(), &[at, at]), []);
        }
    }

    #[test]
    fn a_forgotten_finger_releases_what_it_pressed() {
        let mut tap = Tap::default();
        let mut events = Events::new();
        tap.forget(&mut events);
        assert!(events.is_empty());
        tap.follow(true, Point::zero(), Size::new(1, 1), &mut events);
        tap.forget(&mut events);
        assert_eq!(events.pop_back(), Some(InputEvent::Release));
        assert_eq!(done(&mut tap, &[(0, 0)]), []);
    }
}
