//! The list of today's exams, the latest first, and the chosen one beside it, or
//! below it on an upright screen.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{coverage, eye_look, overall_look, BUTTON, GAP};
use super::Sheet;
use crate::draw::text::{Align, Weight};
use crate::exam::words::{Action, Eye};
use crate::exam::{EyeOutcome, PatientOutcome};
use crate::language::{fill, Texts};
use crate::screen::grid::{columns, inset, rows as rows_of, Grid, Room};
use crate::screen::model::{ExamLine, ListTrouble, Today};
use crate::screen::page::{Page, Words};
use crate::screen::theme::{CARE, FAINT, INK, PANEL, RULE};
use crate::screen::touch::{Look, Touch};

struct Layout {
    title: Rectangle,
    range: Rectangle,
    list: Rectangle,
    detail: Rectangle,
    back: Rectangle,
    note: Rectangle,
    up: Rectangle,
    down: Rectangle,
}

/// Units of a row, with the gap below it.
const ROW: i32 = 66;

fn lay_out(grid: &Grid) -> Layout {
    let gap = grid.px(GAP);
    let mut room = grid.page();
    let mut head = Room::of(room.top(grid.px(34)));
    room.top(grid.px(6));
    let mut foot = Room::of(room.bottom(grid.px(BUTTON)));
    room.bottom(gap);
    let back = foot.left(grid.px(200));
    let mut scroll = columns(foot.right(grid.px(330)), 2, gap);
    foot.left(gap);
    foot.right(gap);
    let detail = match grid.is_upright() {
        true => room.bottom(grid.px(330)),
        false => room.right(grid.px(290)),
    };
    match grid.is_upright() {
        true => room.bottom(grid.px(12)),
        false => room.right(grid.px(12)),
    };
    Layout {
        range: head.right(grid.px(290)),
        title: head.rest(),
        list: room.rest(),
        detail,
        back,
        note: foot.rest(),
        up: scroll.next().unwrap_or_default(),
        down: scroll.next().unwrap_or_default(),
    }
}

/// How many exams the list shows at once.
pub(in crate::screen) fn rows(grid: &Grid) -> usize {
    let step = grid.px(ROW).max(1) as usize;
    lay_out(grid).list.size.height as usize / step
}

impl<'a> Today<'a> {
    /// The exams that are shown, under their place in the whole list.
    fn shown(&self, grid: &Grid) -> impl Iterator<Item = (usize, &'a ExamLine<'a>)> {
        self.exams
            .iter()
            .enumerate()
            .skip(self.first)
            .take(rows(grid))
    }
}

impl Sheet for Today<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let shown = rows(grid);
        let step = i8::try_from(shown).unwrap_or(i8::MAX);
        let scroll = |area, by, label| Touch::button(area, Action::Scroll(by), label, Look::Plain);
        let mut touches = vec![
            Touch::button(at.back, Action::Back, |t| &t.common.back, Look::Plain),
            scroll(at.up, -step, |t| &t.today.up).when(self.first > 0),
            scroll(at.down, step, |t| &t.today.down).when(self.first + shown < self.exams.len()),
        ];
        let mut room = Room::of(at.list);
        for (i, _) in self.shown(grid) {
            let area = room.top(grid.px(ROW) - grid.px(6));
            room.top(grid.px(6));
            touches.push(Touch::own(area, Action::Select(i)));
        }
        touches
    }

    fn draw<D>(&self, page: &mut Page<D>, touches: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        let texts = page.texts;
        let bold = Words::plain(Weight::Bold, (28.0, 20.0), INK).middle();
        page.words(&bold, &texts.today.title, at.title)?;
        let plain = Words::plain(Weight::Regular, (20.0, 15.0), FAINT);
        if let Some(trouble) = self.trouble {
            let said = match trouble {
                ListTrouble::Damaged(n) => fill(&texts.today.damaged, &[("n", &n)]),
                ListTrouble::Unread => texts.today.unread.clone(),
            };
            let warning = Words::plain(Weight::Bold, (17.0, 12.0), CARE).middle();
            page.words(&warning, &said, at.note)?;
        }
        if self.exams.is_empty() {
            if self.trouble.is_none() {
                page.words(&plain, &texts.today.none, at.list)?;
            }
            return Ok(());
        }
        let last = self.shown(&page.grid).last().map_or(0, |(i, _)| i + 1);
        let range = fill(
            &texts.today.range,
            &[
                ("from", &(self.first + 1)),
                ("to", &last),
                ("n", &self.exams.len()),
            ],
        );
        page.words(&plain.align(Align::Right).middle(), &range, at.range)?;
        for touch in touches {
            if let Action::Select(i) = touch.action {
                if let Some(exam) = self.exams.get(i) {
                    line(page, exam, touch.area, self.selected == Some(i))?;
                }
            }
        }
        match self.selected.and_then(|i| self.exams.get(i)) {
            Some(exam) => detail(page, exam, at.detail),
            None => {
                page.words(&plain, &texts.today.hint, at.detail)?;
                Ok(())
            }
        }
    }
}

/// Time, patient and what became of it, and whether that speaks of both eyes.
fn line<D>(
    page: &mut Page<D>,
    exam: &ExamLine,
    area: Rectangle,
    selected: bool,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let (edge, thick) = if selected { (INK, 3) } else { (RULE, 1) };
    page.framed(area, PANEL, edge, thick)?;
    let mut room = Room::of(inset(area, page.grid.px(8)));
    let (sign, colour) = overall_look(exam.overall);
    let mark = room.left(page.grid.px(40));
    page.sign(sign, mark, colour, PANEL)?;
    room.left(page.grid.px(12));
    let time = room.left(page.grid.px(70));
    let bold = Words::plain(Weight::Bold, (24.0, 16.0), INK).over(PANEL);
    page.words(&bold.middle(), exam.time, time)?;
    let words = page.texts.overall(exam.overall);
    let patient = patient_of(exam, page.texts);
    let height = room.rest().size.height as i32;
    let Some(coverage) = coverage(exam.right, exam.left, page.texts) else {
        let bold = Words::plain(Weight::Bold, (20.0, 15.0), INK).over(PANEL);
        page.words(&bold.middle(), patient, room.top(height / 2))?;
        let plain = Words::plain(Weight::Regular, (18.0, 14.0), colour).over(PANEL);
        page.words(&plain.middle(), words, room.rest())?;
        return Ok(());
    };
    let line = |weight, ink| Words::plain(weight, (15.0, 14.0), ink).over(PANEL).middle();
    let said = [
        (line(Weight::Bold, INK), patient),
        (line(Weight::Regular, colour), words),
        (line(Weight::Bold, CARE), coverage),
    ];
    for ((style, words), area) in said.into_iter().zip(rows_of(room.rest(), 3, 0)) {
        page.words(&style, words, area)?;
    }
    Ok(())
}

fn detail<D>(page: &mut Page<D>, exam: &ExamLine, area: Rectangle) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    page.card(area)?;
    let grid = page.grid;
    let texts = page.texts;
    let mut room = Room::of(inset(area, grid.px(12)));
    let bold = Words::plain(Weight::Bold, (22.0, 15.0), INK).over(PANEL);
    let plain = Words::plain(Weight::Regular, (18.0, 14.0), FAINT).over(PANEL);
    page.words(&bold, patient_of(exam, texts), room.top(grid.px(48)))?;
    if let Some(age) = exam.age {
        let age = fill(&texts.today.age, &[("n", &age)]);
        page.words(&plain, &age, room.top(grid.px(22)))?;
    }
    let record = fill(&texts.today.number, &[("id", &exam.record)]);
    page.words(&plain, &record, room.bottom(grid.px(22)))?;
    for (eye, outcome) in [(Eye::Right, exam.right), (Eye::Left, exam.left)] {
        room.top(grid.px(4));
        page.words(&plain, texts.eye(eye), room.top(grid.px(22)))?;
        let mut row = Room::of(room.top(grid.px(42)));
        let colour = match eye_look(outcome) {
            Some((sign, colour)) => {
                let mark = row.left(grid.px(34));
                page.sign(sign, mark, colour, PANEL)?;
                row.left(grid.px(8));
                colour
            }
            None => INK,
        };
        let words = Words::plain(Weight::Bold, (19.0, 14.0), colour).over(PANEL);
        page.words(&words.middle(), eye_words(outcome, texts), row.rest())?;
    }
    room.top(grid.px(6));
    let note = Words::plain(Weight::Regular, (17.0, 14.0), INK).over(PANEL);
    page.words(&note, exam.note, room.rest())?;
    Ok(())
}

fn patient_of<'a>(exam: &'a ExamLine, texts: &'a Texts) -> &'a str {
    match exam.patient {
        "" => &texts.common.no_id,
        id => id,
    }
}

fn eye_words(outcome: EyeOutcome, texts: &Texts) -> &str {
    match outcome {
        EyeOutcome::NotExamined => &texts.summary.not_examined,
        EyeOutcome::Skipped(reason) => texts.skip(reason),
        EyeOutcome::Pending => &texts.summary.pending,
        EyeOutcome::NoVerdict => texts.overall(PatientOutcome::NoVerdict),
        EyeOutcome::Refused(_) => &texts.summary.refused,
        EyeOutcome::CannotBeGraded => texts.overall(PatientOutcome::CannotBeGraded),
        EyeOutcome::Decided(decision) => texts.verdict(decision),
    }
}
