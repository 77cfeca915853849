//! An exam is being kept, and is kept.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{band, coverage, head, overall_look, GAP, HEAD};
use super::Sheet;
use crate::draw::shape::Sign;
use crate::draw::text::{Align, Weight};
use crate::exam::words::Action;
use crate::language::fill;
use crate::screen::grid::{inset, Grid, Room};
use crate::screen::model::Saved;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{CARE, FAINT, GROUND, INK};
use crate::screen::touch::{row, Look, Touch};

/// The exam is on its way to the disk.
pub(super) struct Saving;

impl Sheet for Saving {
    fn touches(&self, _: &Grid) -> Vec<Touch> {
        Vec::new()
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let mut room = page.grid.page();
        let height = room.rest().size.height as i32;
        let upper = room.top(height / 2);
        let words = Words::plain(Weight::Bold, (64.0, 30.0), INK).align(Align::Centre);
        page.words(&words.middle(), &page.texts.save.saving, upper)?;
        let hint = Words::plain(Weight::Bold, (34.0, 20.0), CARE).align(Align::Centre);
        page.words(&hint, &page.texts.save.saving_hint, room.rest())?;
        Ok(())
    }
}

struct Layout {
    head: Rectangle,
    band: Rectangle,
    /// Below the result: that it does not speak of both eyes.
    coverage: Rectangle,
    sign: Rectangle,
    words: Rectangle,
    buttons: Rectangle,
}

/// The buttons lie the same whether the result is `partial` or not.
fn lay_out(grid: &Grid, partial: bool) -> Layout {
    let mut room = grid.page();
    let head = room.top(grid.px(HEAD));
    room.top(grid.px(4));
    let band = room.top(grid.px(100));
    room.top(grid.px(GAP));
    let coverage = room.top(if partial { grid.px(40) } else { 0 });
    let buttons = room.bottom(grid.px(96));
    room.bottom(grid.px(GAP));
    let sign = room.left(grid.px(140));
    room.left(grid.px(24));
    Layout {
        head,
        band,
        coverage,
        sign,
        words: room.rest(),
        buttons,
    }
}

impl Sheet for Saved<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        row(
            lay_out(grid, false).buttons,
            grid,
            &[
                (Action::Continue, |t| &t.save.home, Look::Plain),
                (Action::Start, |t| &t.save.next, Look::Primary),
            ],
        )
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let texts = page.texts;
        let coverage = coverage(self.right, self.left, texts);
        let at = lay_out(&page.grid, coverage.is_some());
        let number = fill(&texts.save.number, &[("id", &self.record)]);
        let patient = match self.patient {
            "" => texts.common.no_id.as_str(),
            id => id,
        };
        head(page, at.head, patient, &number)?;
        band(
            page,
            at.band,
            overall_look(self.overall),
            texts.overall(self.overall),
        )?;
        if let Some(coverage) = coverage {
            let care = Words::plain(Weight::Bold, (30.0, 18.0), CARE).align(Align::Centre);
            page.words(&care.middle(), coverage, at.coverage)?;
        }
        // In no result's colour: that it is kept says nothing of the patient.
        page.sign(Sign::Tick, inset(at.sign, page.grid.px(16)), INK, GROUND)?;
        let mut room = Room::of(at.words);
        let height = room.rest().size.height as i32;
        let upper = room.top(height * 3 / 5);
        let bold = Words::plain(Weight::Bold, (60.0, 30.0), INK).middle();
        page.words(&bold, &texts.save.saved, upper)?;
        let plain = Words::plain(Weight::Regular, (24.0, 16.0), FAINT);
        page.words(&plain, &texts.save.saved_hint, room.rest())?;
        Ok(())
    }
}
