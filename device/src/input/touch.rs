//! From a touch panel's stream of events to taps. No device is opened here.

use evdev::{
    AbsoluteAxisCode as Axis, EventSummary, InputEvent as Raw, KeyCode, SynchronizationCode,
};

use super::surface::Surface;
use super::tap::Tap;
use super::Events;

/// Fingers that are told apart; more than a hand are no operator.
pub const FINGERS: usize = 10;

/// Decodes one touch panel.
///
/// The kernel sends changes only, grouped into reports: what did not change
/// since the last finger, such as a coordinate, is not sent again, so it is
/// remembered while the finger is up.
pub struct Touch {
    surface: Surface,
    /// Whether fingers are told apart (the kernel's protocol B); else there is
    /// one, and its button says whether it is down.
    several: bool,
    fingers: [Finger; FINGERS],
    /// The finger that is spoken of. A number that is too high is spoken of
    /// and ignored.
    current: usize,
    /// Events were lost: up to the end of this report nothing makes sense.
    lost: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Finger {
    x: i32,
    y: i32,
    down: bool,
    tap: Tap,
}

impl Touch {
    /// A panel where several fingers are told apart; `current` is the one that
    /// is spoken of now.
    pub fn several(surface: Surface, current: i32) -> Touch {
        Touch {
            several: true,
            ..Touch::single(surface, 0, 0).speaking_of(current)
        }
    }

    /// A panel that knows one finger, or a pointer with absolute coordinates,
    /// such as a virtual machine's. It is at `x`, `y` now.
    pub fn single(surface: Surface, x: i32, y: i32) -> Touch {
        let mut fingers = [Finger::default(); FINGERS];
        fingers[0] = Finger {
            x,
            y,
            ..Finger::default()
        };
        Touch {
            surface,
            several: false,
            fingers,
            current: 0,
            lost: false,
        }
    }

    fn speaking_of(mut self, slot: i32) -> Touch {
        self.current = usize::try_from(slot).unwrap_or(usize::MAX);
        self
    }

    /// Takes in one event; what it completes is appended to `events`.
    pub fn feed(&mut self, raw: Raw, events: &mut Events) {
        match raw.destructure() {
            EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _) => {
                self.report(events);
            }
            EventSummary::Synchronization(_, SynchronizationCode::SYN_DROPPED, _) => {
                self.forget(events);
            }
            _ if self.lost => {}
            EventSummary::AbsoluteAxis(_, axis, value) => self.moved(axis, value),
            EventSummary::Key(_, KeyCode::BTN_TOUCH | KeyCode::BTN_LEFT, value)
                if !self.several =>
            {
                self.fingers[0].down = value != 0;
            }
            _ => {}
        }
    }

    fn moved(&mut self, axis: Axis, value: i32) {
        if self.several && axis == Axis::ABS_MT_SLOT {
            self.current = usize::try_from(value).unwrap_or(usize::MAX);
            return;
        }
        let Some(finger) = self.fingers.get_mut(self.current) else {
            return;
        };
        match (self.several, axis) {
            (true, Axis::ABS_MT_TRACKING_ID) => finger.down = value >= 0,
            (true, Axis::ABS_MT_POSITION_X) | (false, Axis::ABS_X) => finger.x = value,
            (true, Axis::ABS_MT_POSITION_Y) | (false, Axis::ABS_Y) => finger.y = value,
            _ => {}
        }
    }

    /// The end of a report: every finger is where it is.
    fn report(&mut self, events: &mut Events) {
        if std::mem::take(&mut self.lost) {
            return;
        }
        for finger in &mut self.fingers {
            let at = self.surface.point(finger.x, finger.y);
            let size = self.surface.layout.picture;
            finger.tap.follow(finger.down, at, size, events);
        }
    }

    /// Events were lost: no finger is trusted until it comes down anew.
    fn forget(&mut self, events: &mut Events) {
        self.lost = true;
        for finger in &mut self.fingers {
            finger.down = false;
            finger.tap.forget(events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::surface::{self, Orientation};
    use super::super::InputEvent;
    use super::*;
    use crate::panel::layout::Layout;
    use crate::panel::rotation::Rotation;
    use embedded_graphics::prelude::*;
    use evdev::EventType;

    const ABS: EventType = EventType::ABSOLUTE;
    const KEY: EventType = EventType::KEY;
    const SYN: EventType = EventType::SYNCHRONIZATION;
    const REPORT: (EventType, u16, i32) = (SYN, 0, 0);
    const DROPPED: (EventType, u16, i32) = (SYN, 3, 0);
    const SLOT: u16 = Axis::ABS_MT_SLOT.0;
    const ID: u16 = Axis::ABS_MT_TRACKING_ID.0;
    const X: u16 = Axis::ABS_MT_POSITION_X.0;
    const Y: u16 = Axis::ABS_MT_POSITION_Y.0;
    const TOUCH: u16 = KeyCode::BTN_TOUCH.0;

    /// A panel whose units are the pixels of the picture.
    fn surface(layout: Layout) -> Surface {
        let axis = |length: u32| surface::Axis {
            least: 0,
            most: length as i32 - 1,
        };
        Surface {
            x: axis(layout.panel.width),
            y: axis(layout.panel.height),
            orientation: Orientation::default(),
            layout,
        }
    }

    fn several() -> Touch {
        Touch::several(surface(Layout::exact(Size::new(800, 480))), 0)
    }

    fn fed(touch: &mut Touch, stream: &[(EventType, u16, i32)]) -> Vec<InputEvent> {
        let mut events = Events::new();
        for &(kind, code, value) in stream {
            touch.feed(Raw::new(kind.0, code, value), &mut events);
        }
        events.iter().cloned().collect()
    }

    fn press(x: i32, y: i32) -> InputEvent {
        InputEvent::Press(Point::new(x, y))
    }

    fn tap(x: i32, y: i32) -> InputEvent {
        InputEvent::Touch(Point::new(x, y))
    }

    #[test]
    fn a_finger_down_and_up_is_a_tap() {
        let mut touch = several();
        // As an FT5x06 panel sends it; the pointer emulation comes along.
        let down = [
            (ABS, ID, 45),
            (ABS, X, 400),
            (ABS, Y, 300),
            (KEY, TOUCH, 1),
            (ABS, Axis::ABS_X.0, 400),
            (ABS, Axis::ABS_Y.0, 300),
            REPORT,
        ];
        assert_eq!(fed(&mut touch, &down), [press(400, 300)]);
        assert_eq!(fed(&mut touch, &[(ABS, X, 404), REPORT]), []);
        assert_eq!(
            fed(&mut touch, &[(ABS, ID, -1), (KEY, TOUCH, 0), REPORT]),
            [tap(400, 300)]
        );
    }

    #[test]
    fn coordinates_that_stay_the_same_are_not_sent_again() {
        let mut touch = several();
        fed(
            &mut touch,
            &[(ABS, ID, 1), (ABS, X, 50), (ABS, Y, 60), REPORT],
        );
        fed(&mut touch, &[(ABS, ID, -1), REPORT]);
        assert_eq!(
            fed(&mut touch, &[(ABS, ID, 2), (ABS, Y, 90), REPORT]),
            [press(50, 90)]
        );
    }

    #[test]
    fn a_resting_palm_does_not_keep_a_finger_from_tapping() {
        let mut touch = several();
        fed(
            &mut touch,
            &[(ABS, ID, 1), (ABS, X, 790), (ABS, Y, 470), REPORT],
        );
        let both = [
            (ABS, SLOT, 1),
            (ABS, ID, 2),
            (ABS, X, 100),
            (ABS, Y, 100),
            (ABS, SLOT, 0),
            (ABS, X, 791),
            REPORT,
            (ABS, SLOT, 1),
            (ABS, ID, -1),
            REPORT,
        ];
        assert_eq!(fed(&mut touch, &both), [press(100, 100), tap(100, 100)]);
    }

    #[test]
    fn a_swipe_is_no_tap() {
        let mut touch = several();
        fed(
            &mut touch,
            &[(ABS, ID, 1), (ABS, X, 100), (ABS, Y, 100), REPORT],
        );
        let swipe = [
            (ABS, X, 140),
            REPORT,
            (ABS, X, 180),
            REPORT,
            (ABS, ID, -1),
            REPORT,
        ];
        assert_eq!(fed(&mut touch, &swipe), [InputEvent::Release]);
    }

    #[test]
    fn an_eleventh_finger_is_ignored() {
        let mut touch = several();
        let eleventh = [
            (ABS, SLOT, 10),
            (ABS, ID, 1),
            (ABS, X, 5),
            (ABS, Y, 5),
            REPORT,
        ];
        assert_eq!(fed(&mut touch, &eleventh), []);
    }

    #[test]
    fn a_single_touch_panel_and_a_tablet_tap_too() {
        for button in [TOUCH, KeyCode::BTN_LEFT.0] {
            let layout = Layout::exact(Size::new(800, 480));
            let mut touch = Touch::single(surface(layout), 20, 30);
            let (x, y) = (Axis::ABS_X.0, Axis::ABS_Y.0);
            // Its x has not changed since before it was opened. The button may
            // come before the place.
            let stream = [
                (KEY, button, 1),
                (ABS, y, 77),
                REPORT,
                (KEY, button, 0),
                REPORT,
                (ABS, x, 500),
                REPORT,
            ];
            assert_eq!(fed(&mut touch, &stream), [press(20, 77), tap(20, 77)]);
        }
    }

    #[test]
    fn the_border_around_the_picture_cannot_be_touched() {
        let layout = Layout::fit(Size::new(1024, 768), Rotation::None);
        let mut touch = Touch::several(surface(layout), 0);
        let border = [
            (ABS, ID, 1),
            (ABS, X, 9),
            (ABS, Y, 40),
            REPORT,
            (ABS, ID, -1),
            REPORT,
        ];
        assert_eq!(fed(&mut touch, &border), []);
        let inside = [(ABS, ID, 2), (ABS, Y, 84), REPORT];
        assert_eq!(fed(&mut touch, &inside), [press(9, 0)]);
    }

    /// Fingers on the four corners of a panel that is mounted turned.
    #[test]
    fn corners_are_tapped_where_they_are_seen_at_every_angle() {
        for rotation in Rotation::ALL {
            let native = rotation.size(Size::new(800, 480));
            let layout = Layout::fit(native, rotation);
            let mut touch = Touch::several(surface(layout), 0);
            let (right, below) = (native.width as i32 - 1, native.height as i32 - 1);
            // Clockwise from the corner that is seen at the top left.
            let mut corners = [(0, 0), (right, 0), (right, below), (0, below)];
            corners.rotate_left((rotation.degrees() / 90) as usize);
            let seen = [(0, 0), (799, 0), (799, 479), (0, 479)];
            for ((x, y), (seen_x, seen_y)) in corners.into_iter().zip(seen) {
                let down = [(ABS, ID, 1), (ABS, X, x), (ABS, Y, y), REPORT];
                assert_eq!(fed(&mut touch, &down), [press(seen_x, seen_y)]);
                let up = [(ABS, ID, -1), REPORT];
                assert_eq!(fed(&mut touch, &up), [tap(seen_x, seen_y)], "{rotation:?}");
            }
        }
    }

    #[test]
    fn lost_events_are_no_tap() {
        let mut touch = several();
        fed(
            &mut touch,
            &[(ABS, ID, 1), (ABS, X, 100), (ABS, Y, 100), REPORT],
        );
        let lost = [
            DROPPED,
            (ABS, ID, 7),
            (ABS, X, 300),
            REPORT,
            (ABS, X, 301),
            REPORT,
            (ABS, ID, -1),
            REPORT,
        ];
        assert_eq!(fed(&mut touch, &lost), [InputEvent::Release]);
        assert_eq!(
            fed(&mut touch, &[(ABS, ID, 8), (ABS, X, 200), REPORT]),
            [press(200, 100)]
        );
    }
}
