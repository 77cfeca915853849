//! The verdict on one photograph: what follows from it, why, and every finding
//! against its operating point.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use fovea_core::decision::{Reason, ReferralDecision};

use super::parts::{band, beside, head, look, photograph, BUTTON, GAP, HEAD};
use super::Sheet;
use crate::draw::text::{Align, TextStyle, Weight};
use crate::exam::words::Action;
use crate::grade::report::findings::{self, Row};
use crate::grade::report::reasons;
use crate::grade::verdict;
use crate::language::{fill, Texts};
use crate::screen::grid::{centred, Grid, Room};
use crate::screen::model::Judged;
use crate::screen::page::{Page, Words};
use crate::screen::theme::{FAINT, GROUND, INK, NEGATIVE, POSITIVE, RULE};
use crate::screen::touch::{row, Label, Look, Touch};

/// Units of a line of findings.
const ROW: i32 = 22;
/// Most lines of reasons.
const REASONS: usize = 2;

struct Layout {
    head: Rectangle,
    band: Rectangle,
    picture: Rectangle,
    caption: Rectangle,
    reasons: Rectangle,
    title: Rectangle,
    findings: Rectangle,
    words: Rectangle,
    made_by: Rectangle,
    buttons: Rectangle,
}

/// `words`: whether two lines are for what the captioner says.
fn lay_out(grid: &Grid, words: bool) -> Layout {
    let gap = grid.px(GAP);
    let mut room = grid.page();
    let head = room.top(grid.px(HEAD));
    room.top(grid.px(4));
    let band = room.top(grid.px(100));
    room.top(gap);
    let buttons = room.bottom(grid.px(BUTTON));
    room.bottom(gap);
    let mut picture = Room::of(beside(&mut room, grid, grid.px(20), 16));
    let caption = picture.bottom(grid.px(20));
    let made_by = room.bottom(grid.px(20));
    let words = room.bottom(if words { grid.px(36) } else { 0 });
    let reasons = room.top(grid.px(21) * REASONS as i32);
    let title = room.top(grid.px(20));
    Layout {
        head,
        band,
        picture: picture.rest(),
        caption,
        reasons,
        title,
        findings: room.rest(),
        words,
        made_by,
        buttons,
    }
}

impl Sheet for Judged<'_> {
    fn touches(&self, grid: &Grid) -> Vec<Touch> {
        let at = self.lay_out(grid);
        let seen = self.evidence.is_some();
        let attention: Label = match self.attention && seen {
            true => |t| &t.result.photograph,
            false => |t| &t.result.attention,
        };
        let mut touches = row(
            at.buttons,
            grid,
            &[
                (Action::Back, |t| &t.common.back, Look::Plain),
                (Action::Retake, |t| &t.common.retake, Look::Plain),
                (Action::Attention, attention, Look::Plain),
                (Action::Continue, |t| &t.common.go_on, Look::Primary),
            ],
        );
        for touch in &mut touches {
            *touch = touch.when(touch.action != Action::Attention || seen);
        }
        touches.push(Touch::own(at.picture, Action::Attention).when(seen));
        touches
    }

    fn draw<D>(&self, page: &mut Page<D>, _: &[Touch]) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let at = self.lay_out(&page.grid);
        head(page, at.head, page.texts.eye(self.eye), self.patient)?;
        let decision = self.record.referral.decision;
        band(page, at.band, look(decision), page.texts.verdict(decision))?;
        self.picture(page, &at)?;
        self.reasons(page, at.reasons)?;
        let small = Words::plain(Weight::Regular, (16.0, 13.0), FAINT);
        page.words(&small.middle(), &page.texts.result.findings, at.title)?;
        self.findings(page, at.findings)?;
        if let Some(words) = &self.record.words {
            let words = fill(&page.texts.result.words, &[("words", words)]);
            page.words(&small.middle(), &words, at.words)?;
        }
        let model = &self.record.model;
        let hash = model.sha256.get(..8).unwrap_or(&model.sha256);
        let made_by = fill(
            &page.texts.result.made_by,
            &[
                ("model", &format!("{} {hash}", model.bundle)),
                ("calibration", &self.calibration),
            ],
        );
        page.words(&small.middle(), &made_by, at.made_by)?;
        Ok(())
    }
}

impl Judged<'_> {
    fn lay_out(&self, grid: &Grid) -> Layout {
        lay_out(grid, self.record.words.is_some())
    }

    /// The photograph, with the evidence over it when that is asked for.
    fn picture<D>(&self, page: &mut Page<D>, at: &Layout) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let Some(evidence) = self.evidence.filter(|_| self.attention) else {
            return photograph(page, self.picture, at.picture);
        };
        photograph(page, Some(evidence.picture), at.picture)?;
        let Some(finding) = self.record.findings.get(evidence.node) else {
            return Ok(());
        };
        let name = self.name(&finding.id, page.texts);
        let caption = fill(&page.texts.result.evidence, &[("name", &name)]);
        let small = Words::plain(Weight::Regular, (16.0, 13.0), INK);
        page.words(&small.align(Align::Centre).middle(), &caption, at.caption)?;
        Ok(())
    }

    /// The name of the node `id` in the screen's language, else in English.
    fn name<'b>(&'b self, id: &'b str, texts: &'b Texts) -> &'b str {
        match self.taxonomy.index(id) {
            Some(node) => texts.finding(&self.taxonomy.nodes()[node]),
            None => self.record.name_of(id),
        }
    }

    fn reasons<D>(&self, page: &mut Page<D>, area: Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        // What came nearest to a referral says enough of how far the whole was.
        let shown = self.record.referral.reasons.iter();
        let shown = shown.filter(|reason| !matches!(reason, Reason::NoneReferable { .. }));
        let names = |id: &str| self.name(id, page.texts).to_owned();
        let reasons = reasons::all(shown, page.texts, names);
        let bold = Words::plain(Weight::Bold, (18.0, 14.0), INK);
        let step = area.size.height as i32 / REASONS as i32;
        let mut room = Room::of(area);
        if let [only] = &reasons[..] {
            page.words(&bold, only, area)?;
            return Ok(());
        }
        for reason in reasons.iter().take(REASONS) {
            page.words(&bold, reason, room.top(step))?;
        }
        Ok(())
    }

    fn findings<D>(&self, page: &mut Page<D>, area: Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let step = page.grid.px(ROW);
        let room = area.size.height as usize / step.max(1) as usize;
        let listed = findings::listed(self.record, self.taxonomy, room);
        let mut lines = Room::of(area);
        for row in &listed.rows {
            self.finding(page, row, lines.top(step))?;
        }
        if listed.left == 0 {
            return Ok(());
        }
        let (left, positive) = (listed.left.to_string(), listed.left_positive.to_string());
        let words = match listed.left_positive {
            0 => fill(&page.texts.result.more, &[("n", &left)]),
            _ => fill(
                &page.texts.result.more_positive,
                &[("n", &left), ("m", &positive)],
            ),
        };
        let small = Words::plain(Weight::Regular, (16.0, 13.0), FAINT);
        page.words(&small.middle(), &words, lines.top(step))?;
        Ok(())
    }

    /// A finding's name, its probability as a bar with the operating point as a
    /// mark, and the number.
    fn finding<D>(&self, page: &mut Page<D>, row: &Row, area: Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let Some(finding) = self.record.findings.get(row.node) else {
            return Ok(());
        };
        let grid = page.grid;
        let mut room = Room::of(area);
        let value = room.right(grid.px(64));
        let bar = room.right(grid.px(150));
        room.right(grid.px(8));
        room.left(if row.child { grid.px(18) } else { 0 });
        let style = TextStyle {
            weight: match row.stands && !row.child {
                true => Weight::Bold,
                false => Weight::Regular,
            },
            size: grid.line(18.0),
            colour: if row.stands { INK } else { FAINT },
            background: GROUND,
        };
        let name = self.name(&finding.id, page.texts);
        let name = style.fit(name, room.rest().size.width);
        let down = (area.size.height as i32 - style.size.round() as i32) / 2;
        let at = room.rest().top_left + Point::new(0, down);
        style.draw(page.target, &name, at, Align::Left)?;

        let bar = centred(bar, Size::new(bar.size.width, grid.px(11) as u32));
        let along = |p: f32| (p.clamp(0.0, 1.0) * bar.size.width as f32).round() as i32;
        let colour = match (row.stands, row.harmless) {
            (false, _) => NEGATIVE,
            (true, false) => POSITIVE,
            (true, true) => verdict::colour(ReferralDecision::NoReferableDisease),
        };
        page.fill(bar, RULE)?;
        let mut full = Room::of(bar);
        page.fill(full.left(along(finding.probability)), colour)?;
        let mark = Rectangle::new(
            Point::new(
                bar.top_left.x + along(finding.threshold) - grid.px(1),
                bar.top_left.y - grid.px(4),
            ),
            Size::new(grid.px(3) as u32, bar.size.height + 2 * grid.px(4) as u32),
        );
        page.fill(mark, INK)?;
        // Positive is said by a mark as well as by colour and weight.
        let sign = if row.stands { "+ " } else { "" };
        let number = format!("{sign}{:.2}", finding.probability);
        let right = value.top_left + Point::new(value.size.width as i32, down);
        style.draw(page.target, &number, right, Align::Right)
    }
}
