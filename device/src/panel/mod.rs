//! The panel that pictures lie on: which picture is drawn for it ([`layout`]),
//! and how it is mounted ([`rotation`]). Display, input and screens agree on it
//! here, so that none of them needs another.

pub mod layout;
pub mod rotation;

use embedded_graphics::prelude::Size;

/// The picture that every view is laid out for first. Smaller ones are drawn
/// too, but there touch areas fall below
/// [`LEAST_TOUCH`](crate::screen::LEAST_TOUCH).
pub const SMALLEST: Size = Size::new(800, 480);

/// The same for screens that are higher than they are wide. It is as wide as
/// ten keys beside each other need.
pub const SMALLEST_UPRIGHT: Size = Size::new(720, 1152);
