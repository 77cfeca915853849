//! Diseases with their findings, as bars against operating points.

use std::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use fovea_core::decision::Finding;
use fovea_core::taxonomy::{Level, Subject, Taxonomy};

use super::{fill, text, FAINT, INK, LEFT, RULE, WIDTH};
use crate::canvas::Canvas;
use crate::record::Record;
use crate::text::{Align, Weight};

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
    let blocks = blocks(record, taxonomy);
    let room = ((bottom - top) / ROW).max(0) as usize;
    let mut y = top;
    let mut used = 0;
    for (i, block) in blocks.iter().enumerate() {
        // The last line is kept for the count, unless this is the last block.
        let last = i + 1 == blocks.len();
        if used + block.len() + usize::from(!last) > room {
            let left = &blocks[i..];
            let positive = left.iter().filter(|b| b[0].finding.positive).count();
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

/// Diseases of the eye with their findings, the most certain first. Findings
/// are listed only where there is more than one: a single one says the same.
fn blocks<'a>(record: &'a Record, taxonomy: &Taxonomy) -> Vec<Vec<Row<'a>>> {
    let mut blocks: Vec<Vec<Row>> = taxonomy
        .level(Level::Disease)
        .filter(|&k| taxonomy.nodes()[k].subject == Subject::Eye)
        .filter_map(|k| {
            let mut block = vec![Row {
                finding: record.findings.get(k)?,
                child: false,
            }];
            let children = &taxonomy.nodes()[k].children;
            if children.len() > 1 {
                block.extend(children.iter().filter_map(|&child| {
                    let finding = record.findings.get(child)?;
                    Some(Row {
                        finding,
                        child: true,
                    })
                }));
            }
            Some(block)
        })
        .collect();
    let rank = |block: &[Row]| {
        let positive = block.iter().any(|row| row.finding.positive);
        let share = block[0].finding.probability / block[0].finding.threshold.max(f32::EPSILON);
        (positive, share)
    };
    blocks.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    // Of a disease without anything positive its own line is enough.
    for block in &mut blocks {
        if !rank(block).0 {
            block.truncate(1);
        }
    }
    blocks
}

fn draw_row(canvas: &mut Canvas, row: &Row, y: i32) -> Result<(), Infallible> {
    let finding = row.finding;
    let weight = match (row.child, finding.positive) {
        (false, true) => Weight::Bold,
        _ => Weight::Regular,
    };
    let style = text(weight, 17.0, if finding.positive { INK } else { FAINT });
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
    let colour = if finding.positive { POSITIVE } else { NEGATIVE };
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
        if finding.positive { "+ " } else { "" },
        finding.probability
    );
    style.draw(
        canvas,
        &value,
        Point::new(LEFT + WIDTH as i32, y),
        Align::Right,
    )
}
