//! Why an eye is left out.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{BUTTON, GAP, HEAD};
use super::Sheet;
use crate::draw::text::Weight;
use crate::exam::words::{Action, SkipReason};
use crate::screen::grid::{columns, rows, Grid, Room};
use crate::screen::model::Skip;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{FAINT, INK};
use crate::screen::touch::{Label, Look, Touch};

struct Layout {
    head: Rectangle,
    hint: Rectangle,
    reasons: Rectangle,
    back: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let mut room = grid.page();
    let head = room.top(grid.px(HEAD));
    let hint = room.top(grid.px(40));
    let mut foot = Room::of(room.bottom(grid.px(BUTTON)));
    room.bottom(grid.px(GAP));
    Layout {
        head,
        hint,
        reasons: room.rest(),
        back: foot.left(grid.px(200)),
    }
}

fn label(reason: SkipReason) -> Label {
    match reason {
        SkipReason::Declined => |t| &t.skips.declined,
        SkipReason::EyeAbsent => |t| &t.skips.eye_absent,
        SkipReason::NotPossible => |t| &t.skips.not_possible,
        SkipReason::UnderTreatment => |t| &t.skips.under_treatment,
    }
}

impl Sheet for Skip {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let gap = grid.px(GAP);
        let (down, across) = match grid.is_upright() {
            true => (4, 1),
            false => (2, 2),
        };
        let places = rows(at.reasons, down, gap).flat_map(|row| columns(row, across, gap));
        let reasons = SkipReason::ALL
            .into_iter()
            .zip(places)
            .map(|(reason, area)| {
                Touch::button(area, Action::SkipFor(reason), label(reason), Look::Plain)
            });
        let back = Touch::button(at.back, Action::Back, |t| &t.common.back, Look::Plain);
        reasons.chain([back]).collect()
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        let title = format!(
            "{}: {}",
            page.texts.eye(self.eye),
            page.texts.skip.title.to_lowercase()
        );
        let whole = Words::plain(Weight::Bold, (28.0, 18.0), INK);
        page.words(&whole.middle(), &title, at.head)?;
        let hint = Words::plain(Weight::Regular, (20.0, 15.0), FAINT);
        page.words(&hint.middle(), &page.texts.skip.hint, at.hint)?;
        Ok(())
    }
}
