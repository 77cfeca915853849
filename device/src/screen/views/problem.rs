//! Something does not work: what, what is to be done, and the way on.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{cross, GAP};
use super::Sheet;
use crate::draw::text::Weight;
use crate::exam::words::Action;
use crate::screen::grid::{Grid, Room};
use crate::screen::model::{Problem, Trouble};
use crate::screen::page::{Page, Words};
use crate::screen::theme::{BAD, FAINT, INK};
use crate::screen::touch::{row, Look, Touch};

struct Layout {
    sign: Rectangle,
    what: Rectangle,
    remedy: Rectangle,
    detail: Rectangle,
    buttons: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let mut room = grid.page();
    let buttons = room.bottom(grid.px(80));
    room.bottom(grid.px(GAP));
    let detail = room.bottom(grid.px(66));
    room.bottom(grid.px(GAP));
    let mut upper = Room::of(room.top(grid.px(140)));
    let sign = upper.left(grid.px(120));
    upper.left(grid.px(24));
    room.top(grid.px(GAP));
    Layout {
        sign,
        what: upper.rest(),
        remedy: room.rest(),
        detail,
        buttons,
    }
}

impl Sheet for Trouble<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let area = lay_out(grid).buttons;
        match self.problem {
            Problem::CameraLost => row(
                area,
                grid,
                &[
                    (Action::Back, |t| &t.common.back, Look::Plain),
                    (Action::Cancel, |t| &t.common.end, Look::Plain),
                ],
            ),
            Problem::GradingFailed => row(
                area,
                grid,
                &[
                    (Action::Continue, |t| &t.common.go_on, Look::Plain),
                    (Action::Retake, |t| &t.common.retake, Look::Primary),
                ],
            ),
            Problem::SaveFailed | Problem::SaveDiskFull => row(
                area,
                grid,
                &[(Action::Continue, |t| &t.problems.try_again, Look::Primary)],
            ),
            Problem::CaptureFailed
            | Problem::NoMorePhotographs
            | Problem::CodeTooLong
            | Problem::CodeNotTaken
            | Problem::CannotBegin
            | Problem::DiskFull => row(
                area,
                grid,
                &[(
                    Action::Acknowledge,
                    |t| &t.problems.understood,
                    Look::Primary,
                )],
            ),
        }
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        cross(page, at.sign, BAD)?;
        let (what, remedy) = page.texts.problem(self.problem);
        let bold = Words::plain(Weight::Bold, (44.0, 26.0), INK);
        page.words(&bold.middle(), what, at.what)?;
        let plain = Words::plain(Weight::Regular, (30.0, 18.0), INK);
        page.words(&plain, remedy, at.remedy)?;
        let faint = Words::plain(Weight::Regular, (20.0, 15.0), FAINT);
        if let Some(detail) = self.detail {
            let detail = detail.in_words(page.texts);
            page.words(&faint.middle(), &detail, at.detail)?;
        }
        Ok(())
    }
}
