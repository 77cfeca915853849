//! Writing down the patient: three fields and a keyboard on the screen. A
//! real keyboard writes into the same fields, a scanner into the number.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{BUTTON, GAP};
use super::Sheet;
use crate::draw::text::{TextStyle, Weight};
use crate::exam::words::{Action, PatientField};
use crate::screen::grid::{columns, inset, rows, Grid, Room};
use crate::screen::model::Patient;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{FAINT, GROUND, INK, PANEL, RULE};
use crate::screen::touch::{Look, Touch};

struct Layout {
    leave: Rectangle,
    title: Rectangle,
    go_on: Rectangle,
    id: Rectangle,
    age: Rectangle,
    note: Rectangle,
    keys: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let mut room = grid.page();
    let gap = grid.px(GAP);
    let mut head = Room::of(room.top(grid.px(BUTTON)));
    room.top(gap);
    let mut fields = Room::of(room.top(grid.px(68)));
    room.top(gap);
    let leave = head.left(grid.px(150));
    let go_on = head.right(grid.px(200));
    head.left(2 * gap);
    let id = fields.left(grid.px(300));
    fields.left(gap);
    let age = fields.left(grid.px(100));
    fields.left(gap);
    Layout {
        leave,
        title: head.rest(),
        go_on,
        id,
        age,
        note: fields.rest(),
        // No higher than a finger needs, and near it.
        keys: room.bottom(grid.px(480)),
    }
}

impl Patient<'_> {
    fn keys(&self, area: Rectangle, grid: &Grid) -> Vec<Touch> {
        let gap = grid.px(6);
        let last = match self.field {
            PatientField::Note => &self.keyboard.note,
            PatientField::Id | PatientField::Age => &self.keyboard.number,
        };
        let mut touches = Vec::new();
        let letters = self.keyboard.rows.iter().chain([last]);
        for (letters, row) in letters.zip(rows(area, 4, gap)) {
            let mut places = columns(row, 10, gap);
            for (letter, place) in letters.chars().zip(&mut places) {
                let allowed = self.field != PatientField::Age || letter.is_ascii_digit();
                touches.push(Touch::key(place, self.cased(letter)).when(allowed));
            }
            let erase =
                |place| Touch::button(place, Action::Erase, |t| &t.patient.erase, Look::Plain);
            let space = |place| {
                let action = Action::Type(' ');
                Touch::button(place, action, |t| &t.patient.space, Look::Plain)
            };
            match (places.next(), places.next()) {
                (Some(first), Some(second)) => touches.extend([space(first), erase(second)]),
                (Some(only), None) => touches.push(erase(only)),
                _ => {}
            }
        }
        touches
    }

    /// Numbers are written in capitals, a note begins with one.
    fn cased(&self, letter: char) -> char {
        match self.field {
            PatientField::Note if !self.note.is_empty() => letter,
            _ => letter.to_uppercase().next().unwrap_or(letter),
        }
    }

    fn value(&self, field: PatientField) -> String {
        match field {
            PatientField::Id => self.id.to_owned(),
            PatientField::Age => self.age.map(|age| age.to_string()).unwrap_or_default(),
            PatientField::Note => self.note.to_owned(),
        }
    }
}

impl Sheet for Patient<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let leave = match self.photographed {
            true => Touch::button(at.leave, Action::Cancel, |t| &t.common.end, Look::Plain),
            false => Touch::button(at.leave, Action::Back, |t| &t.common.back, Look::Plain),
        };
        let mut touches = vec![
            leave,
            Touch::button(
                at.go_on,
                Action::Continue,
                |t| &t.common.go_on,
                Look::Primary,
            ),
            Touch::own(at.id, Action::Choose(PatientField::Id)),
            Touch::own(at.age, Action::Choose(PatientField::Age)),
            Touch::own(at.note, Action::Choose(PatientField::Note)),
        ];
        touches.extend(self.keys(at.keys, grid));
        touches
    }

    fn draw<D>(&self, page: &mut Page<D>, touches: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        let mut title = Room::of(at.title);
        let upper = title.top(page.grid.px(34));
        let bold = Words::plain(Weight::Bold, (28.0, 20.0), INK).middle();
        page.words(&bold, &page.texts.patient.title, upper)?;
        let plain = Words::plain(Weight::Regular, (18.0, 14.0), FAINT);
        page.words(&plain, &page.texts.patient.hint, title.rest())?;
        for touch in touches {
            if let Action::Choose(field) = touch.action {
                self.field(page, field, touch.area)?;
            }
        }
        Ok(())
    }
}

impl Patient<'_> {
    /// A field's name and what is written in it, with the caret where the keys
    /// write.
    fn field<D>(
        &self,
        page: &mut Page<D>,
        field: PatientField,
        area: Rectangle,
    ) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let chosen = self.field == field;
        let (body, edge, thick) = match chosen {
            true => (GROUND, INK, 3),
            false => (PANEL, RULE, 1),
        };
        page.framed(area, body, edge, thick)?;
        let mut room = Room::of(inset(area, page.grid.px(8)));
        let name = room.top(page.grid.px(20));
        let texts = page.texts;
        let label = match field {
            PatientField::Id => &texts.patient.id,
            PatientField::Age => &texts.patient.age,
            PatientField::Note => &texts.patient.note,
        };
        let small = Words::plain(Weight::Regular, (16.0, 14.0), FAINT).over(body);
        page.words(&small, label, name)?;

        let style = TextStyle {
            weight: Weight::Bold,
            size: page.grid.line(26.0),
            colour: INK,
            background: body,
        };
        let caret = page.grid.px(2).max(1);
        let value = room.rest();
        let limit = value.size.width.saturating_sub((3 * caret) as u32);
        let shown = tail(&style, &self.value(field), limit);
        style.draw(
            page.target,
            &shown,
            value.top_left,
            crate::draw::text::Align::Left,
        )?;
        if chosen {
            let at = value.top_left + Point::new(style.width(&shown) as i32 + caret, 0);
            let high = Size::new(caret as u32, style.size as u32);
            page.fill(Rectangle::new(at, high), INK)?;
        }
        Ok(())
    }
}

/// The end of `text`, where the keys write, as far as it fits.
fn tail(style: &TextStyle, text: &str, limit: u32) -> String {
    if style.width(text) <= limit {
        return text.to_owned();
    }
    text.char_indices()
        .map(|(at, _)| format!("…{}", &text[at..]))
        .find(|shown| style.width(shown) <= limit)
        .unwrap_or_default()
}
