//! Methods beside each other.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{self, drawing, px, Area, BLUE, GREEN, GRID, INK, MUTED, ORANGE, VERMILION};
use crate::compare::{Compared, Comparison};

const ROW: u32 = 30;
const WIDTH: u32 = 1100;
/// Room for the names beside a row.
const NAMES: u32 = 300;
const HEAD: u32 = 24;
const FOOT: u32 = 60;

/// One thing on a row of its own.
struct Row {
    name: String,
    value: f64,
    interval: Option<(f64, f64)>,
    colour: RGBColor,
}

/// Every method's gain over the baseline, with its interval.
pub fn gains(comparison: &Comparison, path: &Path) -> Result<()> {
    let row = |method: &Compared| {
        let gain = method.gain?;
        Some(Row {
            name: method.name.clone(),
            value: 100.0 * gain.value,
            interval: gain.interval.map(|i| (100.0 * i.low, 100.0 * i.high)),
            colour: if gain.value < 0.0 { VERMILION } else { BLUE },
        })
    };
    let rows: Vec<Row> = comparison.methods.iter().filter_map(row).collect();
    rows_of(&rows, "points of average mAP", path)
}

/// The gain of one method over the baseline, class by class in the order of the
/// comparison.
pub fn class_gains(comparison: &Comparison, method: usize, path: &Path) -> Result<()> {
    let base = &comparison.methods[comparison.baseline].precisions;
    let own = &comparison.methods[method].precisions;
    let classes = comparison.classes.iter().zip(own.iter().zip(base));
    let row = |(class, (own, base)): (&crate::compare::Class, (&f64, &f64))| Row {
        name: format!("{} ({}, {})", class.name, class.shot, class.positives),
        value: 100.0 * (own - base),
        interval: None,
        colour: match class.shot.as_str() {
            "many" => BLUE,
            "medium" => GREEN,
            _ => ORANGE,
        },
    };
    let rows: Vec<Row> = classes.map(row).collect();
    rows_of(&rows, "points of average precision", path)
}

/// Bars from nought, a row each.
fn rows_of(rows: &[Row], unit: &str, path: &Path) -> Result<()> {
    let ends = rows.iter().flat_map(|row| {
        let (low, high) = row.interval.unwrap_or((row.value, row.value));
        [low, high, row.value]
    });
    let (low, high) = ends.fold((0.0f64, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
    let air = (0.06 * (high - low)).max(0.5);
    let height = HEAD + FOOT + ROW * rows.len().max(1) as u32;
    canvas::save(path, (WIDTH, height), |area| {
        let count = rows.len().max(1) as f64;
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(HEAD))
            .margin_right(px(24))
            .x_label_area_size(px(FOOT))
            .y_label_area_size(px(NAMES))
            .build_cartesian_2d(low - air..high + air, count..0.0)
            .map_err(drawing)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(px(1)))
            .axis_style(MUTED.stroke_width(px(1)))
            .set_all_tick_mark_size(px(5))
            .x_label_formatter(&|v| match v.round() == 0.0 {
                true => "0".to_owned(),
                false => format!("{v:+.0}"),
            })
            .x_desc(unit)
            .label_style(canvas::text(16, INK))
            .axis_desc_style(canvas::text(17, INK))
            .draw()
            .map_err(drawing)?;
        for (place, row) in rows.iter().enumerate() {
            let (top, bottom) = (place as f64 + 0.2, place as f64 + 0.8);
            let middle = place as f64 + 0.5;
            let bar = Rectangle::new(
                [(0.0, top), (row.value, bottom)],
                row.colour.mix(0.75).filled(),
            );
            chart.draw_series([bar]).map_err(drawing)?;
            if let Some((low, high)) = row.interval {
                let line =
                    PathElement::new([(low, middle), (high, middle)], INK.stroke_width(px(2)));
                chart.draw_series([line]).map_err(drawing)?;
            }
            let y = px(HEAD + place as u32 * ROW + 6) as i32;
            area.draw_text(&row.name, &canvas::text(16, INK), (px(12) as i32, y))
                .map_err(drawing)?;
        }
        let nought = PathElement::new([(0.0, 0.0), (0.0, count)], INK.stroke_width(px(1)));
        chart.draw_series([nought]).map_err(drawing)?;
        Ok(())
    })
}

const COLUMNS: usize = 4;
const PANEL: (u32, u32) = (275, 220);

/// Validation mAP over the epochs, a panel per method.
pub fn methods(comparison: &Comparison, path: &Path) -> Result<()> {
    let rows = comparison.methods.len().div_ceil(COLUMNS).max(1);
    let size = (PANEL.0 * COLUMNS as u32, PANEL.1 * rows as u32);
    let base = &comparison.methods[comparison.baseline].curve;
    let curves = || comparison.methods.iter().map(|m| &m.curve);
    let epochs = curves().map(Vec::len).max().unwrap_or(0);
    let top = curves().flatten().copied().fold(0.1, f64::max);
    canvas::save(path, size, |area| {
        let panels = area.split_evenly((rows, COLUMNS));
        for (panel, method) in panels.iter().zip(&comparison.methods) {
            curve(panel, method, base, (epochs, top))?;
        }
        Ok(())
    })
}

fn curve(area: &Area, method: &Compared, base: &[f64], (epochs, top): (usize, f64)) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(&method.name, canvas::bold(17, INK))
        .margin(px(8))
        .x_label_area_size(px(28))
        .y_label_area_size(px(36))
        .build_cartesian_2d(0.5..epochs.max(2) as f64 + 0.5, 0.0..110.0 * top)
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(px(1)))
        .axis_style(MUTED.stroke_width(px(1)))
        .x_labels(4)
        .y_labels(4)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(canvas::text(14, MUTED))
        .draw()
        .map_err(drawing)?;
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        let at = |(i, v): (usize, &f64)| ((i + 1) as f64, 100.0 * v);
        values.iter().enumerate().map(at).collect()
    };
    for (values, colour) in [(base, MUTED.mix(0.5)), (&method.curve, BLUE.mix(1.0))] {
        chart
            .draw_series(LineSeries::new(points(values), colour.stroke_width(px(2))))
            .map_err(drawing)?;
    }
    Ok(())
}
