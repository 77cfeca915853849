//! Diseases with their findings, as bars against operating points.

use std::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use fovea_core::decision::{Finding, ReferralDecision};
use fovea_core::taxonomy::Taxonomy;

use super::{fill, text, FAINT, INK, LEFT, RULE, WIDTH};
use crate::draw::canvas::Canvas;
use crate::draw::text::{Align, Weight};
use crate::grade::record::Record;
use crate::grade::report::findings::{listed, Row};
use crate::grade::verdict;

const ROW: i32 = 22;
/// The bar's left edge and width.
const BAR: i32 = LEFT + 330;
const BAR_WIDTH: i32 = 240;
const POSITIVE: Rgb888 = Rgb888::new(240, 150, 60);
const NEGATIVE: Rgb888 = Rgb888::new(96, 112, 130);

/// Draws as many rows as fit between `top` and `bottom`, positive diseases
/// first, and says how many diseases are left out.
pub(super) fn draw(
    canvas: &mut Canvas,
    record: &Record,
    taxonomy: &Taxonomy,
    top: i32,
    bottom: i32,
) -> Result<(), Infallible> {
    let room = ((bottom - top) / ROW).max(0) as usize;
    let listed = listed(record, taxonomy, room);
    let mut y = top;
    for row in &listed.rows {
        draw_row(canvas, &record.findings[row.node], row, y)?;
        y += ROW;
    }
    let words = match (listed.left, listed.left_positive) {
        (0, _) => return Ok(()),
        (left, 0) => format!("{left} more diseases, all below their operating points"),
        (left, n) => format!("{left} more diseases, {n} of them positive"),
    };
    let style = text(Weight::Regular, 15.0, FAINT);
    style.draw(canvas, &words, Point::new(LEFT, y), Align::Left)
}

fn draw_row(canvas: &mut Canvas, finding: &Finding, row: &Row, y: i32) -> Result<(), Infallible> {
    let weight = match (row.child, row.stands) {
        (false, true) => Weight::Bold,
        _ => Weight::Regular,
    };
    let style = text(weight, 17.0, if row.stands { INK } else { FAINT });
    let indent = if row.child { 22 } else { 0 };
    let x = LEFT + indent;
    let limit = (BAR - x - 12) as u32;
    style.draw(
        canvas,
        &style.fit(&finding.name, limit),
        Point::new(x, y),
        Align::Left,
    )?;

    let along = |p: f32| (p.clamp(0.0, 1.0) * BAR_WIDTH as f32).round() as i32;
    fill(canvas, BAR, y + 5, BAR_WIDTH as u32, 11, RULE)?;
    let colour = match (row.stands, row.harmless) {
        (false, _) => NEGATIVE,
        (true, false) => POSITIVE,
        (true, true) => verdict::colour(ReferralDecision::NoReferableDisease),
    };
    let length = along(finding.probability);
    fill(canvas, BAR, y + 5, length as u32, 11, colour)?;
    fill(
        canvas,
        BAR + along(finding.threshold) - 1,
        y + 1,
        3,
        19,
        INK,
    )?;
    // Positive is said by a mark as well as by colour and weight.
    let value = format!(
        "{}{:.2}",
        if row.stands { "+ " } else { "" },
        finding.probability
    );
    style.draw(
        canvas,
        &value,
        Point::new(LEFT + WIDTH as i32, y),
        Align::Right,
    )
}
