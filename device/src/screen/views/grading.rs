//! The photograph is being graded; nobody has to wait for it.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{beside, head, photograph, progress, BUTTON, GAP, HEAD};
use super::Sheet;
use crate::draw::text::Weight;
use crate::exam::words::Action;
use crate::screen::grid::{square, Grid, Room};
use crate::screen::model::Grading;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{FAINT, INK};
use crate::screen::touch::{row, Look, Touch};

struct Layout {
    head: Rectangle,
    picture: Rectangle,
    side: Rectangle,
    buttons: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let mut room = grid.page();
    let head = room.top(grid.px(HEAD));
    room.top(grid.px(GAP));
    let buttons = room.bottom(grid.px(BUTTON));
    room.bottom(grid.px(GAP));
    let picture = square(beside(&mut room, grid, 0, 20));
    Layout {
        head,
        picture,
        side: room.rest(),
        buttons,
    }
}

/// The size of the photograph on a screen of this grid: of all views the
/// largest.
pub(in crate::screen) fn picture(grid: &Grid) -> Size {
    lay_out(grid).picture.size
}

impl Sheet for Grading<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        row(
            lay_out(grid).buttons,
            grid,
            &[
                (Action::Back, |t| &t.common.back, Look::Plain),
                (Action::Retake, |t| &t.common.retake, Look::Plain),
                (Action::Continue, |t| &t.common.go_on, Look::Plain),
            ],
        )
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        head(page, at.head, page.texts.eye(self.eye), self.patient)?;
        photograph(page, self.picture, at.picture)?;
        let mut side = Room::of(at.side);
        side.top(side.rest().size.height as i32 / 4);
        let title = side.top(page.grid.px(84));
        page.words(
            &Words::plain(Weight::Bold, (34.0, 22.0), INK).middle(),
            &page.texts.grading.title,
            title,
        )?;
        side.top(page.grid.px(GAP));
        let bar = side.top(page.grid.px(28));
        progress(page, bar, self.progress)?;
        side.top(page.grid.px(GAP));
        let hint = side.top(page.grid.px(52));
        page.words(
            &Words::plain(Weight::Regular, (22.0, 16.0), FAINT),
            &page.texts.grading.hint,
            hint,
        )?;
        Ok(())
    }
}
