//! One small panel per class: precision-recall, ROC, reliability.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{self, drawing, px, Area, BLUE, GRID, INK, MUTED, ORANGE, VERMILION};
use crate::metrics::{
    expected_calibration_error, reliability as bins, Answers, Counts, CALIBRATION_BINS,
};

const COLUMNS: usize = 5;
const PANEL: (u32, u32) = (300, 280);
const HEAD: u32 = 64;

/// Precision against recall. The dashed line is what guessing gives; the dot
/// is the operating point.
pub fn precision_recall(answers: &[Answers], path: &Path) -> Result<()> {
    sheet(path, "Precision and recall", answers, |area, answers| {
        let ranking = answers.ranking();
        let score = ranking.average_precision();
        let caption = caption(answers, "AP", score);
        // From the strictest call on; before it precision is not defined.
        let points: Vec<(f64, f64)> = ranking
            .curve()
            .iter()
            .map(|p| (p.sensitivity, p.precision))
            .collect();
        let guess = answers.positive_count() as f64 / answers.len().max(1) as f64;
        let guessing = [(0.0, guess), (1.0, guess)];
        let point = operating_point(answers).map(|p| (p.sensitivity, p.precision));
        let chart = axes(area, &answers.title, &caption, ("recall", "precision"))?;
        curve(chart, guessing, &points, point)
    })
}

/// Sensitivity against the share of false alarms. The dashed line is what
/// guessing gives; the dot is the operating point.
pub fn roc(answers: &[Answers], path: &Path) -> Result<()> {
    sheet(
        path,
        "Receiver operating characteristic",
        answers,
        |area, answers| {
            let ranking = answers.ranking();
            let caption = caption(answers, "AUC", ranking.auc());
            let mut points = vec![(0.0, 0.0)];
            points.extend(
                ranking
                    .curve()
                    .iter()
                    .map(|p| (p.false_positive_rate, p.sensitivity)),
            );
            let guessing = [(0.0, 0.0), (1.0, 1.0)];
            let point = operating_point(answers).map(|p| (p.false_positive_rate, p.sensitivity));
            let names = ("1 - specificity", "sensitivity");
            let chart = axes(area, &answers.title, &caption, names)?;
            curve(chart, guessing, &points, point)
        },
    )
}

/// Observed frequency against said probability, before and after calibration.
/// Dots grow with the number of photographs they stand for.
pub fn reliability(answers: &[Answers], path: &Path) -> Result<()> {
    let title = "Reliability: orange before, blue after calibration";
    sheet(path, title, answers, |area, answers| {
        let error = |probabilities: &[f32]| {
            expected_calibration_error(probabilities, &answers.positives, CALIBRATION_BINS)
                .unwrap_or_default()
        };
        let caption = format!(
            "ECE {:.3} -> {:.3}",
            error(&answers.before),
            error(&answers.after)
        );
        let mut chart = axes(area, &answers.title, &caption, ("said", "observed"))?;
        dashed(&mut chart, [(0.0, 0.0), (1.0, 1.0)])?;
        for (probabilities, colour) in [(&answers.before, ORANGE), (&answers.after, BLUE)] {
            let bins: Vec<_> = bins(probabilities, &answers.positives, CALIBRATION_BINS)
                .into_iter()
                .filter(|bin| bin.count > 0)
                .collect();
            // A line through bins of one or two photographs would only zigzag.
            let points = bins
                .iter()
                .filter(|bin| bin.count >= 5)
                .map(|bin| (bin.confidence, bin.frequency));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(px(2))))
                .map_err(drawing)?;
            let dots = bins.iter().map(|bin| {
                let radius = px(2 + f64::from(bin.count).log10().round() as u32);
                Circle::new((bin.confidence, bin.frequency), radius, colour.filled())
            });
            chart.draw_series(dots).map_err(drawing)?;
        }
        Ok(())
    })
}

/// The point of a ranking's curve that the calibrated threshold stands for.
struct OperatingPoint {
    sensitivity: f64,
    false_positive_rate: f64,
    precision: f64,
}

/// `None` without a threshold, without both answers, or where nothing passes.
fn operating_point(answers: &Answers) -> Option<OperatingPoint> {
    let counts = Counts::at_threshold(&answers.after, &answers.positives, answers.threshold?);
    let called = counts.true_positives + counts.false_positives;
    (called > 0).then_some(())?;
    Some(OperatingPoint {
        sensitivity: counts.sensitivity()?,
        false_positive_rate: 1.0 - counts.specificity()?,
        precision: f64::from(counts.true_positives) / f64::from(called),
    })
}

fn caption(answers: &Answers, measure: &str, value: Option<f64>) -> String {
    let value = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let (positives, all) = (answers.positive_count(), answers.len());
    format!("{measure} {value}   {positives} of {all}")
}

/// A sheet of panels, row by row.
fn sheet(
    path: &Path,
    title: &str,
    answers: &[Answers],
    panel: impl Fn(&Area, &Answers) -> Result<()>,
) -> Result<()> {
    let rows = answers.len().div_ceil(COLUMNS).max(1);
    let size = (
        COLUMNS as u32 * PANEL.0 + 20,
        HEAD + rows as u32 * PANEL.1 + 12,
    );
    canvas::save(path, size, |area| {
        area.draw_text(title, &canvas::bold(30, INK), at(22, 12))
            .map_err(drawing)?;
        let body = area.margin(px(HEAD), px(12), px(10), px(10));
        for (area, answers) in body.split_evenly((rows, COLUMNS)).iter().zip(answers) {
            panel(area, answers)?;
        }
        Ok(())
    })
}

type Chart<'a, 'b> = ChartContext<
    'a,
    BitMapBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn at(x: u32, y: u32) -> (i32, i32) {
    (px(x) as i32, px(y) as i32)
}

/// A unit square with the class's name and one line of figures above it.
fn axes<'a, 'b>(
    area: &'a Area<'b>,
    title: &str,
    caption: &str,
    (x, y): (&str, &str),
) -> Result<Chart<'a, 'b>> {
    area.draw_text(title, &canvas::bold(17, INK), at(50, 4))
        .and_then(|()| area.draw_text(caption, &canvas::text(15, MUTED), at(50, 25)))
        .map_err(drawing)?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(px(50))
        .margin_right(px(16))
        .margin_bottom(px(4))
        .margin_left(px(2))
        .x_label_area_size(px(40))
        .y_label_area_size(px(48))
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(px(1)))
        .axis_style(MUTED.stroke_width(px(1)))
        .set_all_tick_mark_size(px(5))
        .x_labels(3)
        .y_labels(3)
        .x_label_formatter(&|v| format!("{v:.1}"))
        .y_label_formatter(&|v| format!("{v:.1}"))
        .x_desc(x)
        .y_desc(y)
        .label_style(canvas::text(14, MUTED))
        .axis_desc_style(canvas::text(14, MUTED))
        .draw()
        .map_err(drawing)?;
    Ok(chart)
}

fn curve(
    mut chart: Chart,
    guessing: [(f64, f64); 2],
    points: &[(f64, f64)],
    operating: Option<(f64, f64)>,
) -> Result<()> {
    dashed(&mut chart, guessing)?;
    chart
        .draw_series(LineSeries::new(
            points.iter().copied(),
            BLUE.stroke_width(px(2)),
        ))
        .map_err(drawing)?;
    let dots = operating.map(|point| Circle::new(point, px(5), VERMILION.filled()));
    chart.draw_series(dots).map_err(drawing)?;
    Ok(())
}

fn dashed(chart: &mut Chart, ends: [(f64, f64); 2]) -> Result<()> {
    let line = DashedLineSeries::new(ends, px(5), px(4), MUTED.stroke_width(px(1)));
    chart.draw_series(line).map_err(drawing)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(count: usize) -> Answers {
        let scores: Vec<f32> = (0..count).map(|i| (i * 7 % 11) as f32 / 11.0).collect();
        Answers {
            title: "Moderate NPDR".to_owned(),
            positives: scores.iter().map(|&s| s > 0.6).collect(),
            before: scores.clone(),
            after: scores.clone(),
            scores,
            threshold: Some(0.5),
            ..Answers::default()
        }
    }

    /// Pixels of one colour.
    fn ink(path: &Path, colour: RGBColor) -> usize {
        let picture = image::open(path).expect("a picture").to_rgb8();
        let wanted = [colour.0, colour.1, colour.2];
        picture.pixels().filter(|p| p.0 == wanted).count()
    }

    #[test]
    fn every_class_gets_a_panel_even_one_without_photographs() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sheet.png");
        for draw in [precision_recall, roc, reliability] {
            draw(&[answers(40), answers(0)], &path).expect("drawn");
            assert!(ink(&path, BLUE) > 50);
            draw(&[answers(0)], &path).expect("drawn");
        }
        roc(&[answers(40)], &path).expect("drawn");
        assert!(ink(&path, VERMILION) > 20, "the operating point is marked");
        let unmarked = Answers {
            threshold: None,
            ..answers(40)
        };
        roc(&[unmarked], &path).expect("drawn");
        assert_eq!(ink(&path, VERMILION), 0);
    }
}
