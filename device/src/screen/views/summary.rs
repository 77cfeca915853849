//! Both eyes, and what becomes of the patient: the worse eye decides.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{band, coverage, eye_look, head, overall_look, photograph, BUTTON, GAP, HEAD};
use super::Sheet;
use crate::draw::text::{Align, Weight};
use crate::exam::words::{Action, Eye};
use crate::exam::{EyeOutcome, PatientOutcome};
use crate::language::{fill, Texts};
use crate::screen::grid::{columns, inset, rows, Grid, Room};
use crate::screen::model::{EyeSummary, Summary};
use crate::screen::page::{Page, Words};
use crate::screen::theme::{CARE, FAINT, INK, PANEL};
use crate::screen::touch::{row, Label, Look, Touch};

struct Layout {
    head: Rectangle,
    band: Rectangle,
    /// The right eye at the left, as the examiner faces the patient, or above.
    right: Card,
    left: Card,
    buttons: Rectangle,
}

#[derive(Clone, Copy)]
struct Card {
    /// The card without the button below it.
    all: Rectangle,
    title: Rectangle,
    inside: Rectangle,
    photograph: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let gap = grid.px(GAP);
    let mut room = grid.page();
    let head = room.top(grid.px(HEAD));
    room.top(grid.px(4));
    let band = room.top(grid.px(92));
    room.top(gap);
    let buttons = room.bottom(grid.px(BUTTON));
    room.bottom(gap);
    let cards: Vec<Rectangle> = match grid.is_upright() {
        true => rows(room.rest(), 2, gap).collect(),
        false => columns(room.rest(), 2, gap).collect(),
    };
    let mut cards = cards.into_iter().map(|all| card(all, grid));
    let empty = card(Rectangle::zero(), grid);
    Layout {
        head,
        band,
        right: cards.next().unwrap_or(empty),
        left: cards.next().unwrap_or(empty),
        buttons,
    }
}

fn card(all: Rectangle, grid: &Grid) -> Card {
    let mut column = Room::of(all);
    let photograph = column.bottom(grid.px(60));
    column.bottom(grid.px(4));
    let mut room = Room::of(inset(column.rest(), grid.px(8)));
    let title = room.top(grid.px(26));
    Card {
        all: column.rest(),
        title,
        inside: room.rest(),
        photograph,
    }
}

impl Sheet for Summary<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let eye = |card: Card, eye, summary: &EyeSummary| {
            let label: Label = match summary.outcome {
                EyeOutcome::NotExamined | EyeOutcome::Skipped(_) => |t| &t.summary.photograph,
                _ => |t| &t.summary.again,
            };
            Touch::button(card.photograph, Action::Photograph(eye), label, Look::Plain)
        };
        let mut touches = row(
            at.buttons,
            grid,
            &[
                (Action::Back, |t| &t.common.back, Look::Plain),
                (Action::Continue, |t| &t.summary.save, Look::Primary),
            ],
        );
        for touch in &mut touches {
            *touch = touch.when(touch.action != Action::Continue || !self.grading);
        }
        touches.extend([
            eye(at.right, Eye::Right, &self.right),
            eye(at.left, Eye::Left, &self.left),
        ]);
        touches
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        self.heading(page, at.head)?;
        let words = match self.overall {
            _ if self.grading => page.texts.summary.pending.as_str(),
            overall => page.texts.overall(overall),
        };
        let look = match self.grading {
            true => overall_look(PatientOutcome::NoVerdict),
            false => overall_look(self.overall),
        };
        band(page, at.band, look, words)?;
        eye(page, at.right, Eye::Right, &self.right)?;
        eye(page, at.left, Eye::Left, &self.left)
    }
}

impl Summary<'_> {
    /// The patient, and how many eyes the result speaks of.
    fn heading<D>(&self, page: &mut Page<D>, area: Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let texts = page.texts;
        let patient = match self.patient {
            "" => texts.common.no_id.as_str(),
            id => id,
        };
        let Some(words) = coverage(self.right.outcome, self.left.outcome, texts) else {
            return head(page, area, patient, " ");
        };
        let mut room = Room::of(area);
        let left = room.left(area.size.width as i32 / 2);
        let bold = Words::plain(Weight::Bold, (28.0, 16.0), INK).middle();
        page.words(&bold, patient, left)?;
        let care = Words::plain(Weight::Bold, (22.0, 16.0), CARE);
        page.words(&care.align(Align::Right).middle(), words, room.rest())?;
        Ok(())
    }
}

fn eye<D>(page: &mut Page<D>, at: Card, eye: Eye, summary: &EyeSummary) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    page.card(at.all)?;
    let bold = Words::plain(Weight::Bold, (22.0, 16.0), INK).over(PANEL);
    page.words(&bold.middle(), page.texts.eye(eye), at.title)?;
    let mut room = Room::of(at.inside);
    if summary.picture.is_some() {
        let Size { width, height } = room.rest().size;
        let side = height.min(width / 2) as i32;
        photograph(page, summary.picture, room.left(side))?;
        room.left(page.grid.px(10));
    }
    let texts = page.texts;
    let (verdict, detail) = said(summary, texts);
    let ink = match eye_look(summary.outcome) {
        Some((sign, colour)) => {
            let mark = room.left(page.grid.px(46));
            page.sign(sign, mark, colour, PANEL)?;
            room.left(page.grid.px(10));
            colour
        }
        None => FAINT,
    };
    let height = room.rest().size.height as i32;
    let upper = room.top(if detail.is_empty() {
        height
    } else {
        height * 3 / 5
    });
    let bold = Words::plain(Weight::Bold, (26.0, 16.0), ink).over(PANEL);
    page.words(&bold.middle(), verdict, upper)?;
    let plain = Words::plain(Weight::Regular, (18.0, 14.0), INK).over(PANEL);
    page.words(&plain, &detail, room.rest())?;
    Ok(())
}

/// The eye's result in words, and what stands behind it.
fn said<'a>(summary: &EyeSummary, texts: &'a Texts) -> (&'a str, String) {
    let finding = || match summary.finding {
        None => String::new(),
        Some(node) if summary.likeliest => {
            fill(&texts.summary.likeliest, &[("name", &texts.finding(node))])
        }
        Some(node) => texts.finding(node).to_owned(),
    };
    let alone = |words: &'a str| (words, String::new());
    match summary.outcome {
        EyeOutcome::NotExamined => alone(&texts.summary.not_examined),
        EyeOutcome::Skipped(reason) => (&texts.summary.skipped, texts.skip(reason).to_owned()),
        EyeOutcome::Pending => alone(&texts.summary.pending),
        EyeOutcome::NoVerdict => alone(texts.overall(PatientOutcome::NoVerdict)),
        EyeOutcome::Refused(_) => alone(&texts.summary.refused),
        EyeOutcome::CannotBeGraded => alone(texts.overall(PatientOutcome::CannotBeGraded)),
        EyeOutcome::Decided(decision) => (texts.verdict(decision), finding()),
    }
}
