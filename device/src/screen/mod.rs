//! What the operator sees and touches.
//!
//! [`View`] holds what is to be shown as plain values, [`draw`] shows it on any
//! embedded-graphics target, [`hit`] says what a touch asks for. Both work from
//! one list of [`Touch`] areas, so that no button can be drawn in one place and
//! answer in another. [`Screen`] is the target that a display presents, drawn
//! no more than it has to be; [`Preview`] brings camera frames to its size.
//!
//! Nothing here reads a clock, a disk or a camera. Everything is laid out for
//! 800x480, or for 720x1152 where the screen is upright, and grows with it; what
//! is said stands in one file per language.

mod grid;
mod model;
mod page;
mod preview;
mod ring;
mod show;
mod theme;
mod touch;
mod views;
mod words;

#[cfg(test)]
mod tests;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

pub use grid::LEAST_TOUCH;
pub use model::*;
pub use preview::Preview;
pub use show::Screen;
pub use touch::Touch;

use crate::exam::words::Action;
use crate::language::Texts;
use grid::Grid;
use page::Page;

/// Draws `view` over the whole of `target`, in the words of `texts`. The touch
/// area that asks for `pressed` is drawn as one with a finger on it.
///
/// # Errors
/// Only the target's own.
pub fn draw<D>(
    view: &View,
    texts: &Texts,
    pressed: Option<Action>,
    target: &mut D,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let area = target.bounding_box();
    target.fill_solid(&area, theme::GROUND)?;
    let touches = touches(view, area.size);
    let mut page = Page {
        grid: Grid::of(area.size),
        target,
        texts,
        pressed,
    };
    views::draw(view, &mut page, &touches)?;
    page.touches(&touches)
}

/// What a touch at `point` on a screen of `size` asks for, if anything.
pub fn hit(view: &View, size: Size, point: Point) -> Option<Action> {
    touch::answer(&touches(view, size), point)
}

/// Everything that can be touched, in no particular order; no two overlap.
pub fn touches(view: &View, size: Size) -> Vec<Touch> {
    views::touches(view, &Grid::of(size))
}

/// The size of the live picture on a screen of `size`.
pub fn live_picture(size: Size) -> Size {
    views::live::picture(&Grid::of(size))
}

/// The size, a square, of the largest photograph that any view but the live one
/// shows on a screen of `size`. Where a view shows it smaller, it scales it.
pub fn photograph(size: Size) -> Size {
    views::grading::picture(&Grid::of(size))
}

/// How many exams the list of today's shows at once on a screen of `size`.
pub fn today_rows(size: Size) -> usize {
    views::today::rows(&Grid::of(size))
}
