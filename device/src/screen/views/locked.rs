//! After a time-out: the whole screen opens it again.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

use super::Sheet;
use crate::draw::text::{Align, Weight};
use crate::exam::words::Action;
use crate::screen::grid::{Grid, Room};
use crate::screen::model::Locked;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{CARE, FAINT, INK};
use crate::screen::touch::Touch;

impl Sheet for Locked<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        vec![Touch::own(grid.all(), Action::Acknowledge)]
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let grid = page.grid;
        let mut room = grid.page();
        let words = |weight, units, colour| {
            Words::plain(weight, (units, 15.0), colour)
                .align(Align::Centre)
                .middle()
        };
        let research = room.bottom(grid.px(24));
        let early = room.bottom(grid.px(56));
        let hint = room.bottom(grid.px(60));
        let height = room.rest().size.height as i32;
        let mut upper = Room::of(room.rest());
        let clock = upper.top(height * 2 / 3);
        page.words(&words(Weight::Bold, 120.0, INK), self.clock, clock)?;
        page.words(
            &words(Weight::Bold, 40.0, FAINT),
            &page.texts.locked.title,
            upper.rest(),
        )?;
        page.words(
            &words(Weight::Regular, 28.0, INK),
            &page.texts.locked.hint,
            hint,
        )?;
        if self.ended_early {
            page.words(
                &words(Weight::Bold, 20.0, CARE),
                &page.texts.ready.ended_early,
                early,
            )?;
        }
        page.words(
            &words(Weight::Regular, 17.0, FAINT),
            &page.texts.common.research,
            research,
        )?;
        Ok(())
    }
}
