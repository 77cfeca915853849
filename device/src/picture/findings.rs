//! Diseases with their findings, as bars against operating points.

use std::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use fovea_core::decision::{Finding, ReferralDecision};
use fovea_core::taxonomy::{Level, Subject, Taxonomy};

use super::{fill, text, FAINT, INK, LEFT, RULE, WIDTH};
use crate::canvas::Canvas;
use crate::record::Record;
use crate::text::{Align, Weight};
use crate::verdict;

const ROW: i32 = 22;
/// The bar's left edge and width.
const BAR: i32 = LEFT + 330;
const BAR_WIDTH: i32 = 240;
const POSITIVE: Rgb888 = Rgb888::new(240, 150, 60);
const NEGATIVE: Rgb888 = Rgb888::new(96, 112, 130);

/// One line: a disease, or a finding under it.
struct Row<'a> {
    finding: &'a Finding,
    child: bool,
    /// Whether it stands above its operating point in a photograph that can be
    /// graded: nothing found in a refused one may look like a result.
    stands: bool,
    /// Whether the finding is good news, as that of a normal fundus is.
    harmless: bool,
}

/// Draws as many rows as fit between `top` and `bottom`, positive diseases
/// first, and says how many diseases are left out.
pub(super) fn draw(
    canvas: &mut Canvas,
    record: &Record,
    taxonomy: &Taxonomy,
    top: i32,
    bottom: i32,
) -> Result<(), Infallible> {
    let mut blocks = blocks(record, taxonomy);
    let room = ((bottom - top) / ROW).max(0) as usize;
    let positive = blocks.iter().take_while(|block| rank(block).0);
    if positive.map(Vec::len).sum::<usize>() >= room {
        // Where much is positive, what is not makes way for it.
        for block in &mut blocks {
            block.retain(|row| !row.child || row.stands);
        }
    }
    let mut y = top;
    let mut used = 0;
    for (i, block) in blocks.iter().enumerate() {
        // The last line is kept for the count, unless this is the last block.
        let last = i + 1 == blocks.len();
        if used + block.len() + usize::from(!last) > room {
            let left = &blocks[i..];
            let positive = left.iter().filter(|block| rank(block).0).count();
            let words = match positive {
                0 => format!(
                    "{} more diseases, all below their operating points",
                    left.len()
                ),
                n => format!("{} more diseases, {n} of them positive", left.len()),
            };
            text(Weight::Regular, 15.0, FAINT).draw(
                canvas,
                &words,
                Point::new(LEFT, y),
                Align::Left,
            )?;
            return Ok(());
        }
        for row in block {
            draw_row(canvas, row, y)?;
            y += ROW;
        }
        used += block.len();
    }
    Ok(())
}

/// Diseases of the eye with their findings: those with anything positive first,
/// and of these the one furthest above its operating point.
fn blocks<'a>(record: &'a Record, taxonomy: &Taxonomy) -> Vec<Vec<Row<'a>>> {
    let row = |k: usize, child: bool| {
        let finding = record.findings.get(k)?;
        Some(Row {
            finding,
            child,
            stands: finding.positive && record.gate.accepted,
            harmless: taxonomy.nodes()[k].severity == 0,
        })
    };
    let mut blocks: Vec<Vec<Row>> = Vec::new();
    for disease in taxonomy.level(Level::Disease) {
        let node = &taxonomy.nodes()[disease];
        let (Subject::Eye, Some(head)) = (node.subject, row(disease, false)) else {
            continue;
        };
        let children: Vec<Row> = node.children.iter().filter_map(|&k| row(k, true)).collect();
        // Where nothing is positive the disease's own line is enough, and where
        // there is one finding that agrees with it too.
        let listed = match &children[..] {
            [only] => only.stands != head.stands,
            several => head.stands || several.iter().any(|c| c.stands),
        };
        let mut block = vec![head];
        if listed {
            block.extend(children);
        }
        blocks.push(block);
    }
    blocks.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    blocks
}

/// Whether anything in a block is positive, and how far its highest probability
/// lies above the operating point, as a quotient.
fn rank(block: &[Row]) -> (bool, f32) {
    let share = |row: &Row| row.finding.probability / row.finding.threshold.max(f32::EPSILON);
    (
        block.iter().any(|row| row.stands),
        block.iter().map(share).fold(0.0, f32::max),
    )
}

fn draw_row(canvas: &mut Canvas, row: &Row, y: i32) -> Result<(), Infallible> {
    let finding = row.finding;
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
