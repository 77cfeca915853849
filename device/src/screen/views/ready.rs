//! Nobody is being examined: what works, and the way into an exam.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{cross, health_look, BUTTON, GAP};
use super::Sheet;
use crate::draw::text::{Align, Weight};
use crate::exam::words::{Action, Page as Beside};
use crate::language::{fill, InWords as _};
use crate::screen::grid::{rows, square, Grid, Room};
use crate::screen::model::{HealthLine, Ready};
use crate::screen::page::{Page, Words};
use crate::screen::theme::{BAD, CARE, FAINT, GROUND, INK, RULE};
use crate::screen::touch::{Look, Touch};

struct Layout {
    head: Rectangle,
    health: Rectangle,
    state: Rectangle,
    research: Rectangle,
    start: Rectangle,
    today: Rectangle,
    settings: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let mut room = grid.page();
    let head = room.top(grid.px(44));
    room.top(grid.px(GAP));
    let research = room.bottom(grid.px(24));
    room.bottom(grid.px(GAP));
    let side = match grid.is_upright() {
        true => room.bottom(grid.px(2 * BUTTON + 2 * GAP + 200)),
        false => room.right(grid.px(280)),
    };
    let mut side = Room::of(side);
    match grid.is_upright() {
        true => room.bottom(grid.px(16)),
        false => room.right(grid.px(16)),
    };
    let settings = side.bottom(grid.px(BUTTON));
    side.bottom(grid.px(GAP));
    let today = side.bottom(grid.px(BUTTON));
    side.bottom(grid.px(GAP));
    let state = room.bottom(grid.px(44));
    Layout {
        head,
        health: room.rest(),
        state,
        research,
        start: side.rest(),
        today,
        settings,
    }
}

impl Sheet for Ready<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let open = |area, page, label| Touch::button(area, Action::Open(page), label, Look::Plain);
        vec![
            Touch::button(at.start, Action::Start, |t| &t.ready.start, Look::Primary)
                .when(self.may_start),
            open(at.today, Beside::Today, |t| &t.ready.today),
            open(at.settings, Beside::Settings, |t| &t.ready.settings),
        ]
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        let mut head = Room::of(at.head);
        let clock = head.right(page.grid.px(120));
        let name = head.left(page.grid.px(130));
        let bold = Words::plain(Weight::Bold, (36.0, 20.0), INK).middle();
        page.words(&bold, "Fovea", name)?;
        page.words(
            &Words::plain(Weight::Regular, (20.0, 14.0), FAINT).middle(),
            self.device,
            head.rest(),
        )?;
        page.words(&bold.align(Align::Right), self.clock, clock)?;
        page.fill(
            Rectangle::new(
                at.head.top_left + Point::new(0, at.head.size.height as i32),
                Size::new(at.head.size.width, 1),
            ),
            RULE,
        )?;

        let lines = u32::try_from(self.health.len()).unwrap_or(u32::MAX);
        let high = (at.health.size.height / lines.max(1)).min(page.grid.px(44) as u32);
        let list = Rectangle::new(
            at.health.top_left,
            Size::new(at.health.size.width, high * lines),
        );
        for (line, row) in self.health.iter().zip(rows(list, lines, 0)) {
            health(page, line, row)?;
        }
        if self.is_testing() {
            let style = Words::plain(Weight::Regular, (24.0, 16.0), FAINT).middle();
            page.words(
                &style.align(Align::Centre),
                &page.texts.ready.testing,
                at.health,
            )?;
        } else {
            self.state(page, at.state)?;
        }
        page.words(
            &Words::plain(Weight::Regular, (17.0, 13.0), FAINT).middle(),
            &page.texts.common.research,
            at.research,
        )?;
        Ok(())
    }
}

impl Ready<'_> {
    /// Nothing is known yet, so nothing is wrong.
    fn is_testing(&self) -> bool {
        self.health.is_empty()
    }

    /// What holds an exam up, what the last one left, or how many there were.
    fn state<D>(&self, page: &mut Page<D>, area: Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let texts = page.texts;
        let count = match self.saved_today {
            1 => texts.ready.saved_one.clone(),
            n => fill(&texts.ready.saved_many, &[("n", &n)]),
        };
        let (words, colour) = match self {
            _ if !self.may_start => (texts.ready.not_ready.as_str(), BAD),
            _ if self.ended_early => (texts.ready.ended_early.as_str(), CARE),
            _ => (count.as_str(), INK),
        };
        let style = Words::plain(Weight::Bold, (20.0, 15.0), colour).middle();
        page.words(&style, words, area)?;
        Ok(())
    }
}

/// One line of the self-test: sign, what was looked at, what was found.
fn health<D>(page: &mut Page<D>, line: &HealthLine, area: Rectangle) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let mut room = Room::of(area);
    let (sign, colour) = health_look(line.state);
    let mark = square(room.left(page.grid.px(26)));
    match sign {
        Some(sign) => page.sign(sign, mark, colour, GROUND)?,
        None => cross(page, mark, colour)?,
    }
    room.left(page.grid.px(10));
    let name = room.left(page.grid.px(136));
    let bold = Words::plain(Weight::Bold, (19.0, 15.0), INK).middle();
    page.words(&bold, page.texts.check(line.part), name)?;
    let ink = if sign.is_none() { colour } else { FAINT };
    let plain = Words::plain(Weight::Regular, (18.0, 15.0), ink).middle();
    page.words(&plain, &line.found.in_words(page.texts), room.rest())?;
    Ok(())
}
