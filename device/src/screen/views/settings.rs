//! What can be set at the device, and what the device is.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::{BUTTON, GAP, HEAD};
use super::Sheet;
use crate::draw::text::Weight;
use crate::exam::words::{Action, Setting};
use crate::language::InWords as _;
use crate::screen::grid::{rows, Grid, Room};
use crate::screen::model::Settings;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{FAINT, INK};
use crate::screen::touch::{Label, Look, Touch};

struct Layout {
    title: Rectangle,
    language: Rectangle,
    automatic: Rectangle,
    names: [Rectangle; 2],
    about: Rectangle,
    back: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let gap = grid.px(GAP);
    let mut room = grid.page();
    let title = room.top(grid.px(HEAD));
    room.top(gap);
    let mut foot = Room::of(room.bottom(grid.px(BUTTON)));
    room.bottom(gap);
    let mut line = || {
        let mut row = Room::of(room.top(grid.px(60)));
        room.top(grid.px(6));
        let value = row.right(grid.px(300));
        (row.rest(), value)
    };
    let (language_name, language) = line();
    let (automatic_name, automatic) = line();
    Layout {
        title,
        language,
        automatic,
        names: [language_name, automatic_name],
        about: room.top(grid.px(6 * 44)),
        back: foot.left(grid.px(200)),
    }
}

impl Sheet for Settings<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let set =
            |area, setting, label| Touch::button(area, Action::Set(setting), label, Look::Plain);
        let automatic: Label = match self.automatic {
            true => |t| &t.settings.on,
            false => |t| &t.settings.off,
        };
        vec![
            set(at.language, Setting::Language, |t| t.language()),
            set(at.automatic, Setting::AutoCapture, automatic),
            Touch::button(at.back, Action::Back, |t| &t.common.back, Look::Plain),
        ]
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = lay_out(&page.grid);
        let texts = &page.texts.settings;
        let title = Words::plain(Weight::Bold, (28.0, 20.0), INK).middle();
        page.words(&title, &texts.title, at.title)?;
        let name = Words::plain(Weight::Bold, (24.0, 16.0), INK).middle();
        let names = [&texts.language, &texts.automatic];
        for (area, words) in at.names.into_iter().zip(names) {
            page.words(&name, words, area)?;
        }

        let disk = self.disk.in_words(page.texts);
        let about = [
            (&texts.device, self.device),
            (&texts.version, self.version),
            (&texts.model, self.model),
            (&texts.calibration, self.calibration),
            (&texts.profile, self.profile),
            (&texts.disk, disk.as_str()),
        ];
        for ((name, value), area) in about.into_iter().zip(rows(at.about, 6, 0)) {
            let mut room = Room::of(area);
            let left = room.left(page.grid.px(170));
            let faint = Words::plain(Weight::Regular, (18.0, 14.0), FAINT).middle();
            page.words(&faint, name, left)?;
            let ink = Words::plain(Weight::Regular, (18.0, 14.0), INK).middle();
            page.words(&ink, value, room.rest())?;
        }
        Ok(())
    }
}
