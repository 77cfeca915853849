//! The views, a file each. Every one says what can be touched and draws what
//! lies around it, both from one layout.

pub(super) mod grading;
pub(super) mod live;
mod locked;
mod parts;
mod patient;
mod problem;
mod ready;
mod refused;
mod result;
mod save;
mod settings;
mod skip;
mod summary;
pub(super) mod today;
mod warning;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

use super::grid::Grid;
use super::model::View;
use super::page::Page;
use super::touch::Touch;

/// A view that can be laid out and drawn.
trait Sheet {
    /// What can be touched.
    fn touches(&self, grid: &Grid) -> Vec<Touch>;

    /// Draws everything but the buttons and keys among `touches`, which are
    /// [`Sheet::touches`]'s.
    fn draw<D>(&self, page: &mut Page<D>, touches: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>;
}

/// `$do` with the view that there is as `$sheet`.
macro_rules! with_sheet {
    ($view:expr, $sheet:ident => $do:expr) => {
        match $view {
            View::Ready($sheet) => $do,
            View::Locked($sheet) => $do,
            View::Patient($sheet) => $do,
            View::Live($sheet) => $do,
            View::Grading($sheet) => $do,
            View::Result($sheet) => $do,
            View::Refused($sheet) => $do,
            View::Skip($sheet) => $do,
            View::Summary($sheet) => $do,
            View::Saving => {
                let $sheet = &save::Saving;
                $do
            }
            View::Saved($sheet) => $do,
            View::Today($sheet) => $do,
            View::Settings($sheet) => $do,
            View::Problem($sheet) => $do,
            View::Warning($sheet) => $do,
        }
    };
}

pub(super) fn touches(view: &View, grid: &Grid) -> Vec<Touch> {
    with_sheet!(view, sheet => sheet.touches(grid))
}

pub(super) fn draw<D>(view: &View, page: &mut Page<D>, touches: &[Touch]) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    with_sheet!(view, sheet => sheet.draw(page, touches))
}
