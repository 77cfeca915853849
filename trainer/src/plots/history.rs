//! Loss and mAP over the epochs of a stage.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{
    self, drawing, px, Area, BLUE, GREEN, GRID, INK, MUTED, ORANGE, PURPLE, SKY, VERMILION, YELLOW,
};
use crate::report::EpochLine;

/// Of the terms of a loss, in their order; MTL-KD with a source adversary has as many.
const TERMS: [RGBColor; 7] = [INK, GREEN, ORANGE, MUTED, SKY, PURPLE, YELLOW];

struct Line {
    name: String,
    colour: RGBColor,
    width: u32,
    /// (epoch, value), only where defined.
    points: Vec<(f64, f64)>,
}

/// Draws a history's losses and validation mAPs side by side. Epochs are
/// counted through, whatever phase they belong to.
pub fn curves(history: &[EpochLine], path: &Path) -> Result<()> {
    let line = |name: &str, colour, width, value: &dyn Fn(&EpochLine) -> Option<f64>| {
        Line::of(history, name, colour, width, value)
    };
    let losses = losses(history);
    let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
    let maps = [
        line("average of the groups", INK, 3, &|e| {
            percent(e.val_map_average)
        }),
        line("many", BLUE, 2, &|e| percent(e.many)),
        line("medium", GREEN, 2, &|e| percent(e.medium)),
        line("few", ORANGE, 2, &|e| percent(e.few)),
    ];
    canvas::save(path, (1400, 560), |area| {
        let (left, right) = area.split_horizontally(px(700));
        let epochs = history.len();
        panel(&left, "Loss", "loss", epochs, loss_range(&losses), &losses)?;
        let title = "mAP on the validation split";
        panel(&right, title, "mAP, %", epochs, 0.0..100.0, &maps)
    })
}

impl Line {
    fn of(
        history: &[EpochLine],
        name: &str,
        colour: RGBColor,
        width: u32,
        value: &dyn Fn(&EpochLine) -> Option<f64>,
    ) -> Line {
        let points = history.iter().enumerate();
        Line {
            name: name.to_owned(),
            colour,
            width,
            points: points
                .filter_map(|(i, epoch)| Some(((i + 1) as f64, value(epoch)?)))
                .filter(|point| point.1.is_finite())
                .collect(),
        }
    }
}

fn losses(history: &[EpochLine]) -> Vec<Line> {
    let mut losses = vec![
        Line::of(history, "training (the method's own)", BLUE, 2, &|e| {
            Some(e.train_loss)
        }),
        Line::of(history, "validation (plain BCE)", VERMILION, 2, &|e| {
            Some(e.val_loss)
        }),
    ];
    let terms: BTreeSet<&String> = history.iter().flat_map(|e| e.terms.keys()).collect();
    // A loss of one term is that term.
    if terms.len() > 1 {
        for (term, colour) in terms.into_iter().zip(TERMS.into_iter().cycle()) {
            let name = format!("its term {term}");
            let value = |e: &EpochLine| e.terms.get(term).copied();
            losses.push(Line::of(history, &name, colour, 1, &value));
        }
    }
    losses
}

/// From 0, with some air above. An early epoch many times worse than all the
/// others would press the rest flat, so the range ends at four times the
/// median.
fn loss_range(lines: &[Line]) -> Range<f64> {
    let mut values: Vec<f64> = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|point| point.1))
        .collect();
    values.sort_by(f64::total_cmp);
    let (Some(&highest), Some(&median)) = (values.last(), values.get(values.len() / 2)) else {
        return 0.0..1.0;
    };
    let top = 1.08 * highest.min(4.0 * median);
    0.0..if top > 0.0 { top } else { 1.0 }
}

fn panel(
    area: &Area,
    title: &str,
    unit: &str,
    epochs: usize,
    range: Range<f64>,
    lines: &[Line],
) -> Result<()> {
    let fine = range.end < 5.0;
    let mut chart = ChartBuilder::on(area)
        .caption(title, canvas::bold(26, INK))
        .margin(px(16))
        .margin_right(px(28))
        .x_label_area_size(px(52))
        .y_label_area_size(px(72))
        .build_cartesian_2d(0.5..epochs.max(2) as f64 + 0.5, range)
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(px(1)))
        .axis_style(MUTED.stroke_width(px(1)))
        .set_all_tick_mark_size(px(5))
        .x_labels(epochs.clamp(2, 12))
        .x_label_formatter(&|x| {
            if (x - x.round()).abs() < 1e-6 {
                format!("{x:.0}")
            } else {
                String::new()
            }
        })
        .y_label_formatter(&|y| {
            if fine {
                format!("{y:.2}")
            } else {
                format!("{y:.0}")
            }
        })
        .x_desc("epoch")
        .y_desc(unit)
        .label_style(canvas::text(18, INK))
        .axis_desc_style(canvas::text(19, INK))
        .draw()
        .map_err(drawing)?;
    for line in lines.iter().filter(|line| !line.points.is_empty()) {
        let style = line.colour.stroke_width(px(line.width));
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), style))
            .map_err(drawing)?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + px(24) as i32, y)], style));
        // A lone epoch has no line; its dot shows it.
        if let [point] = line.points[..] {
            chart
                .draw_series([Circle::new(point, px(4), line.colour.filled())])
                .map_err(drawing)?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .legend_area_size(px(34))
        .margin(px(10))
        .background_style(WHITE.mix(0.85))
        .label_font(canvas::text(18, INK))
        .draw()
        .map_err(drawing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(epochs: u32) -> Vec<EpochLine> {
        (1..=epochs)
            .map(|epoch| EpochLine {
                epoch,
                phase: "student".to_owned(),
                train_loss: 0.4 / f64::from(epoch),
                terms: [("logits".to_owned(), 0.3), ("labels".to_owned(), 0.1)].into(),
                val_loss: f64::NAN,
                val_map_average: Some(0.05 * f64::from(epoch)),
                many: Some(0.4),
                medium: None,
                few: None,
                learning_rate: 1e-3,
                images_per_second: 10.0,
                waiting: 0.0,
                seconds: 1.0,
            })
            .collect()
    }

    #[test]
    fn any_history_gives_a_picture_with_ink_on_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("curves.png");
        for epochs in [0, 1, 9] {
            curves(&history(epochs), &path).expect("drawn");
            let picture = image::open(&path).expect("a picture").to_rgb8();
            assert_eq!(picture.dimensions(), (1400, 560));
            // Blue is no part of axes and letters: only of a line.
            let blue = picture.pixels().any(|p| p.0 == [0, 114, 178]);
            assert_eq!(blue, epochs > 0, "{epochs} epochs");
        }
    }

    #[test]
    fn every_term_of_a_loss_has_a_line_and_a_colour_of_its_own() {
        let mut history = history(3);
        for epoch in &mut history {
            // As many as MTL-KD has with labels, teachers and a source adversary.
            epoch.terms = (0..7).map(|term| (format!("term {term}"), 0.1)).collect();
        }
        let lines = losses(&history);
        assert_eq!(lines.len(), 2 + 7);
        for (i, line) in lines.iter().enumerate() {
            assert_eq!(line.points.len(), if i == 1 { 0 } else { 3 });
            assert!(lines[..i].iter().all(|other| other.colour != line.colour));
        }
    }

    #[test]
    fn one_wild_epoch_does_not_flatten_the_rest() {
        let line = Line {
            name: String::new(),
            colour: INK,
            width: 1,
            points: vec![(1.0, 50.0), (2.0, 0.3), (3.0, 0.2)],
        };
        assert!((loss_range(&[line]).end - 1.08 * 4.0 * 0.3).abs() < 1e-9);
        assert_eq!(loss_range(&[]), 0.0..1.0);
    }
}
