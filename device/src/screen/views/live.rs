//! The live picture at the left; which eye, what to do, how good it is and the
//! shutter at the right. On an upright screen the picture is above them.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::parts::GAP;
use super::Sheet;
use crate::draw::shape::Sign;
use crate::draw::text::{Align, Weight};
use crate::exam::words::{Action, Eye};
use crate::live::Instruction;
use crate::screen::grid::{centred, columns, inset, rows, square, Grid, Room};
use crate::screen::model::{Live, LiveState, Measure, Panel, Ring};
use crate::screen::page::{Page, Words};
use crate::screen::ring::{self, Thickness};
use crate::screen::theme::{CARE, FAINT, GOOD, INK, NEGATIVE, PANEL, RULE};
use crate::screen::touch::{Look, Touch};

struct Layout {
    picture: Rectangle,
    right: Rectangle,
    left: Rectangle,
    patient: Rectangle,
    instruction: Rectangle,
    bars: Rectangle,
    capture: Rectangle,
    back: Rectangle,
    skip: Rectangle,
}

fn lay_out(grid: &Grid) -> Layout {
    let gap = grid.px(GAP);
    let mut room = Room::of(grid.all());
    let Size { width, height } = room.rest().size;
    let side = match grid.is_upright() {
        // The field is round: what a square cannot use is better spent here.
        true => room.bottom(grid.px(460).max(height as i32 - width as i32)),
        false => room.right(grid.px(300)),
    };
    let mut side = Room::of(inset(side, grid.px(10)));
    let mut eyes = columns(side.top(grid.px(60)), 2, gap);
    let (right, left) = (
        eyes.next().unwrap_or_default(),
        eyes.next().unwrap_or_default(),
    );
    let patient = side.top(grid.px(28));
    let mut low = columns(side.bottom(grid.px(60)), 2, gap);
    let (back, skip) = (
        low.next().unwrap_or_default(),
        low.next().unwrap_or_default(),
    );
    side.bottom(gap);
    let capture = side.bottom(grid.px(92));
    side.bottom(gap);
    let bars = side.bottom(grid.px(96));
    side.bottom(gap);
    Layout {
        picture: room.rest(),
        right,
        left,
        patient,
        instruction: side.rest(),
        bars,
        capture,
        back,
        skip,
    }
}

/// The size of the live picture on a screen of this grid.
pub(in crate::screen) fn picture(grid: &Grid) -> Size {
    lay_out(grid).picture.size
}

/// Where each bar lies, without its name.
fn bars(area: Rectangle, grid: &Grid) -> impl Iterator<Item = (Rectangle, Rectangle)> {
    let (name, high) = (grid.px(88), grid.px(12));
    rows(area, Measure::ALL.len() as u32, 0).map(move |row| {
        let mut room = Room::of(row);
        let name = room.left(name);
        let bar = room.rest();
        let size = Size::new(bar.size.width, high as u32);
        (name, centred(bar, size))
    })
}

impl Sheet for Live<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = lay_out(grid);
        let Panel {
            eye,
            state,
            may_skip,
            ..
        } = self.panel;
        let calm = state != LiveState::Taking;
        let tab = |area, own, label| {
            let look = if own == eye {
                Look::Chosen
            } else {
                Look::Plain
            };
            Touch::button(area, Action::Photograph(own), label, look).when(calm && own != eye)
        };
        vec![
            tab(at.right, Eye::Right, |t| &t.eyes.right),
            tab(at.left, Eye::Left, |t| &t.eyes.left),
            Touch::button(
                at.capture,
                Action::Capture,
                |t| &t.live.capture,
                Look::Primary,
            )
            .when(matches!(state, LiveState::Guiding(_))),
            Touch::button(at.back, Action::Back, |t| &t.common.back, Look::Plain).when(calm),
            Touch::button(at.skip, Action::Skip, |t| &t.live.skip, Look::Plain)
                .when(calm && may_skip),
        ]
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        draw_still(&self.panel, page)?;
        draw_moving(self, page)
    }
}

/// What stays from one frame to the next.
fn draw_still<D>(panel: &Panel, page: &mut Page<D>) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let at = lay_out(&page.grid);
    let patient = match panel.patient {
        "" => page.texts.common.no_id.as_str(),
        id => id,
    };
    let small = Words::plain(Weight::Regular, (17.0, 14.0), FAINT);
    page.words(&small.align(Align::Centre).middle(), patient, at.patient)?;

    page.card(at.instruction)?;
    let (sign, colour, words) = match panel.state {
        LiveState::Waiting => (Sign::Again, FAINT, page.texts.live.waiting.as_str()),
        LiveState::Taking => (Sign::Tick, INK, page.texts.live.taking.as_str()),
        LiveState::Guiding(instruction) => {
            let words = page.texts.instruction(instruction);
            match instruction {
                Instruction::Ready => (Sign::Tick, GOOD, words),
                _ => (Sign::Warning, CARE, words),
            }
        }
    };
    let mut room = Room::of(inset(at.instruction, page.grid.px(10)));
    let automatic = match panel.state {
        LiveState::Guiding(Instruction::Ready) if panel.automatic => {
            Some(room.bottom(page.grid.px(18)))
        }
        _ => None,
    };
    let mark = square(room.left(page.grid.px(48)));
    page.sign(sign, mark, colour, PANEL)?;
    room.left(page.grid.px(10));
    let bold = Words::plain(Weight::Bold, (30.0, 18.0), INK).over(PANEL);
    page.words(&bold.middle(), words, room.rest())?;
    if let Some(area) = automatic {
        let small = small.over(PANEL).align(Align::Centre);
        page.words(&small, &page.texts.live.automatic, area)?;
    }

    for (measure, (name, _)) in Measure::ALL.into_iter().zip(bars(at.bars, &page.grid)) {
        let words = Words::plain(Weight::Regular, (17.0, 13.0), INK).middle();
        page.words(&words, page.texts.measure(measure), name)?;
    }
    Ok(())
}

/// The picture with its ring, and the bars. Nothing is allocated here.
pub(in crate::screen) fn draw_moving<D>(live: &Live, page: &mut Page<D>) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let at = lay_out(&page.grid);
    draw_picture(live, page, at.picture)?;
    for (bar, (_, area)) in live.bars.iter().zip(bars(at.bars, &page.grid)) {
        let along = |share: f32| (share.clamp(0.0, 1.0) * area.size.width as f32) as i32;
        let colour = if bar.value >= bar.limit {
            GOOD
        } else {
            NEGATIVE
        };
        let mut room = Room::of(area);
        let full = room.left(along(bar.value));
        page.fill(full, colour)?;
        page.fill(room.rest(), RULE)?;
        let mark = Rectangle::new(
            area.top_left + Point::new(along(bar.limit) - page.grid.px(1), 0),
            Size::new(page.grid.px(3) as u32, area.size.height),
        );
        page.fill(mark.intersection(&area), INK)?;
    }
    Ok(())
}

fn draw_picture<D>(live: &Live, page: &mut Page<D>, area: Rectangle) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let Some(picture) = live.picture else {
        return page.fill(area, Rgb888::BLACK);
    };
    let size = Size::new(picture.width(), picture.height());
    if size != area.size {
        page.fill(area, Rgb888::BLACK)?;
    }
    page.photograph(picture, area)?;
    let Some(ring) = live.ring else {
        return Ok(());
    };
    // What is cut of a picture that is too large is cut of its ring as well.
    let whole = centred(area, size);
    if whole.intersection(&area) != whole {
        return Ok(());
    }
    let thickness = Thickness {
        ring: page.grid.line(2.5),
        progress: page.grid.line(5.0),
    };
    let ring = Ring {
        radius: ring.radius + page.grid.line(4.0),
        ..ring
    };
    ring::draw(
        page.target,
        picture,
        whole.top_left,
        &ring,
        live.progress,
        thickness,
    )
}
