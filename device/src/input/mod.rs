//! What the operator does: touches, keys, and scripts that do both.
//!
//! An [`Input`] hands over what happened since it was asked last: the kernel's
//! devices ([`evdev`]), the keys and the mouse of a window, or nothing at all.
//! A keyboard's [`keymap`] is a setting, and what a bar code scanner types is
//! one event.
//! A [`script`] stands in for the operator in tests and demonstrations.
//! [`keys`] is the one table that says what a key asks for.

pub mod evdev;
mod keyboard;
pub mod keymap;
pub mod keys;
mod scan;
pub mod script;
pub mod surface;
pub mod tap;
mod touch;
mod words;

use std::thread;
use std::time::Duration;

use embedded_graphics::prelude::Point;

use crate::exam::words::Action;
pub use evdev::Wiring;
pub use keys::Key;

/// Something the operator did. Points are in pixels of the picture shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// A finger came down here: what lies there is to look pressed.
    Press(Point),
    /// A tap: the finger that came down here was lifted again.
    Touch(Point),
    /// The finger was not lifted where it came down: nothing is asked for.
    Release,
    /// A key was pressed, or is held and repeats.
    Key(Key),
    /// A code was scanned: all of it, without what ends a line.
    Scan(String),
    /// Asked for directly, by a script.
    Action(Action),
    /// A script wants the picture that is shown kept under this name.
    Shot(ShotName),
    /// The program is to end.
    Quit,
}

/// The name of a picture that a script asks for.
pub type ShotName = heapless::String<40>;

/// What happened, oldest first. What does not fit waits where it came from.
pub type Events = heapless::Deque<InputEvent, 64>;

/// Something the operator touches or types on.
pub trait Input {
    /// Appends what happened to `events`. Waits for something to happen, but
    /// at most for `wait`; it may return earlier with nothing.
    fn poll(&mut self, wait: Duration, events: &mut Events);

    /// What it is, for the self-test and the log.
    fn about(&self) -> About;
}

/// What is touched and typed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Nothing, where there is nothing to be touched.
    None,
    /// The kernel's devices; there may be none yet.
    Devices(Vec<AboutDevice>),
    /// The keys and the mouse of a window.
    Window,
}

/// A touch panel, a keyboard or a scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutDevice {
    /// As the device calls itself, if it does.
    pub name: Option<String>,
    /// `None` where it is only touched.
    pub keys: Option<AboutKeys>,
}

/// The keys of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutKeys {
    /// Whether a scanner types them.
    pub scanner: bool,
    /// The layout, as the configuration names it.
    pub layout: String,
}

/// An input that nobody touches, for pictures in a folder.
pub struct Silent;

impl Input for Silent {
    fn poll(&mut self, wait: Duration, _: &mut Events) {
        thread::sleep(wait);
    }

    fn about(&self) -> About {
        About::None
    }
}
