//! A photograph that cannot be used: why, and what to do about it. After enough
//! of them the eye cannot be graded, which is a referral, unless an earlier
//! photograph of it could be.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use fovea_core::decision::ReferralDecision;

use super::parts::{band, beside, head, look, overall_look, photograph, BUTTON, GAP, HEAD};
use super::Sheet;
use crate::draw::text::Weight;
use crate::exam::words::Action;
use crate::exam::PatientOutcome;
use crate::language::fill;
use crate::screen::grid::{Grid, Room};
use crate::screen::model::Refused;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{FAINT, INK};
use crate::screen::touch::{row, Label, Look, Touch};

struct Layout {
    head: Rectangle,
    band: Rectangle,
    picture: Rectangle,
    side: Rectangle,
    buttons: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let gap = grid.px(GAP);
    let mut room = grid.page();
    let head = room.top(grid.px(HEAD));
    room.top(grid.px(4));
    let band = room.top(grid.px(100));
    room.top(gap);
    let buttons = room.bottom(grid.px(BUTTON));
    room.bottom(gap);
    let picture = beside(&mut room, grid, 0, 20);
    Layout {
        head,
        band,
        picture,
        side: room.rest(),
        buttons,
    }
}

impl Sheet for Refused<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let (again, on, skip): (_, _, Label) = match (self.ungradable(), self.stands) {
            (true, _) => (Look::Plain, Look::Primary, |t| &t.common.go_on),
            (false, Some(_)) => (Look::Primary, Look::Plain, |t| &t.common.go_on),
            (false, None) => (Look::Primary, Look::Plain, |t| &t.refused.skip),
        };
        row(
            lay_out(grid).buttons,
            grid,
            &[
                (Action::Back, |t| &t.common.back, Look::Plain),
                (Action::Retake, |t| &t.common.retake, again),
                (Action::Continue, skip, on),
            ],
        )
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        let texts = page.texts;
        head(page, at.head, texts.eye(self.eye), self.patient)?;
        photograph(page, self.picture, at.picture)?;
        let why = texts.refusal(self.reason);
        let (first, second, last);
        if self.ungradable() {
            let overall = PatientOutcome::CannotBeGraded;
            band(page, at.band, overall_look(overall), texts.overall(overall))?;
            first = fill(&texts.ungradable.why, &[("n", &self.refusals)]);
            second = String::new();
            last = fill(&texts.ungradable.hint, &[("why", &why.to_lowercase())]);
        } else {
            let retake = ReferralDecision::Retake;
            band(page, at.band, look(retake), texts.verdict(retake))?;
            first = format!("{why}.");
            second = format!("{}.", texts.remedy(self.reason));
            last = match self.stands {
                Some(earlier) => fill(
                    &texts.refused.stands,
                    &[("verdict", &texts.verdict(earlier))],
                ),
                None => fill(
                    &texts.refused.attempt,
                    &[("n", &self.refusals), ("m", &self.most)],
                ),
            };
        }
        let mut room = Room::of(at.side);
        let foot = room.bottom(page.grid.px(26));
        let plain = Words::plain(Weight::Regular, (20.0, 15.0), FAINT);
        page.words(&plain.middle(), &last, foot)?;
        let upper = match second.is_empty() {
            true => room.rest(),
            false => room.top(room.rest().size.height as i32 / 2),
        };
        let bold = Words::plain(Weight::Bold, (30.0, 18.0), INK);
        page.words(&bold.middle(), &first, upper)?;
        let plain = Words::plain(Weight::Regular, (30.0, 18.0), INK);
        page.words(&plain.middle(), &second, room.rest())?;
        Ok(())
    }
}
