//! The photograph looks like the other eye.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{beside, photograph, within_sentence, BUTTON, GAP};
use super::Sheet;
use crate::draw::shape::Sign;
use crate::draw::text::Weight;
use crate::exam::words::{Action, Eye};
use crate::language::fill;
use crate::screen::grid::{columns, Grid, Room};
use crate::screen::model::Warning;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{CARE, GROUND, INK};
use crate::screen::touch::{row, Label, Look, Touch};

struct Layout {
    sign: Rectangle,
    title: Rectangle,
    picture: Rectangle,
    words: Rectangle,
    eyes: Rectangle,
    again: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let gap = grid.px(GAP);
    let mut room = grid.page();
    let mut head = Room::of(room.top(grid.px(84)));
    room.top(gap);
    let again = room.bottom(grid.px(BUTTON));
    room.bottom(gap);
    let eyes = room.bottom(grid.px(80));
    room.bottom(gap);
    let sign = head.left(grid.px(84));
    head.left(grid.px(20));
    let picture = beside(&mut room, grid, 0, 20);
    Layout {
        sign,
        title: head.rest(),
        picture,
        words: room.rest(),
        eyes,
        again,
    }
}

impl Sheet for Warning<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        // The right eye stands at the left, as everywhere.
        let eyes = Eye::BOTH
            .into_iter()
            .zip(columns(at.eyes, 2, grid.px(GAP)))
            .map(|(eye, area)| {
                let action = match eye == self.chosen {
                    true => Action::Acknowledge,
                    false => Action::Swap,
                };
                let label: Label = match eye {
                    Eye::Right => |t| &t.eyes.right,
                    Eye::Left => |t| &t.eyes.left,
                };
                Touch::button(area, action, label, Look::Plain)
            });
        let again: (Action, Label, Look) = (Action::Retake, |t| &t.common.retake, Look::Plain);
        eyes.chain(row(at.again, grid, &[again])).collect()
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        page.sign(Sign::Warning, at.sign, CARE, GROUND)?;
        let bold = Words::plain(Weight::Bold, (44.0, 26.0), INK);
        page.words(&bold.middle(), &page.texts.warning.title, at.title)?;
        photograph(page, self.picture, at.picture)?;
        let looks = within_sentence(page, self.chosen.other());
        let chosen = within_sentence(page, self.chosen);
        let texts = &page.texts.warning;
        let lines = [
            (Weight::Bold, fill(&texts.looks, &[("eye", &looks)])),
            (Weight::Regular, fill(&texts.chosen, &[("eye", &chosen)])),
        ];
        let mut room = Room::of(at.words);
        let step = room.rest().size.height as i32 / 2;
        for (weight, words) in lines {
            let style = Words::plain(weight, (30.0, 17.0), INK).middle();
            page.words(&style, &words, room.top(step))?;
        }
        Ok(())
    }
}
