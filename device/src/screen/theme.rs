//! The colours of the screen: those of the pictures that `fovea grade` draws,
//! and what a screen that is touched needs besides.

use embedded_graphics::pixelcolor::Rgb888;

pub(super) const GROUND: Rgb888 = Rgb888::new(16, 20, 26);
/// What lies on the ground: cards, fields, plain buttons.
pub(super) const PANEL: Rgb888 = Rgb888::new(36, 44, 54);
pub(super) const RULE: Rgb888 = Rgb888::new(70, 80, 92);
pub(super) const INK: Rgb888 = Rgb888::new(236, 240, 244);
pub(super) const FAINT: Rgb888 = Rgb888::new(170, 180, 192);
/// The step that most operators take next.
pub(super) const ACCENT: Rgb888 = Rgb888::new(30, 104, 190);
/// A touch area while a finger is on it.
pub(super) const PRESSED: Rgb888 = Rgb888::new(90, 150, 220);
/// Words on a touch area that does nothing now.
pub(super) const ASLEEP: Rgb888 = Rgb888::new(104, 112, 122);
/// As it should be.
pub(super) const GOOD: Rgb888 = Rgb888::new(40, 190, 140);
/// Needs the operator's eye.
pub(super) const CARE: Rgb888 = Rgb888::new(240, 190, 40);
/// Does not work.
pub(super) const BAD: Rgb888 = Rgb888::new(240, 98, 48);
/// A finding above its operating point, and one below it.
pub(super) const POSITIVE: Rgb888 = Rgb888::new(240, 150, 60);
pub(super) const NEGATIVE: Rgb888 = Rgb888::new(96, 112, 130);
