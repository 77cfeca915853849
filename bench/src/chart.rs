//! The ratios as bars, one under the other.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{anyhow, Result};
use image::{imageops, RgbImage};
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::times::{Ratio, Times};

/// Bars under one title.
pub struct Group {
    /// Stands above the bars.
    pub title: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
pub struct Bar {
    /// Stands before it; Fovea's have the word in it and another colour.
    pub label: String,
    /// Its length.
    pub ratio: Ratio,
    /// The least time in milliseconds.
    pub least: f64,
}

impl Bar {
    /// Of `times`, beside those that all are compared with.
    pub fn of(label: &str, times: &Times, first: &Times) -> Bar {
        Bar {
            label: label.to_owned(),
            ratio: times.ratio_to(first),
            least: times.least(),
        }
    }
}

const FONT: &str = "Noto Sans";
const INK: RGBColor = RGBColor(40, 40, 40);
const MUTED: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(228, 228, 228);
/// Of Fovea's bars and of all others: told apart by colour-blind readers too (Okabe and Ito).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(230, 159, 0);

/// In pixels of the finished picture.
const WIDTH: i32 = 900;
const LEFT: i32 = 230;
const RIGHT: i32 = 150;
const TOP: i32 = 64;
const TITLE: i32 = 34;
const BAR: i32 = 22;

/// Drawn this many times larger and then shrunk: the drawing library smooths no edges.
const OVERSAMPLING: i32 = 3;

/// Draws `groups` under `title` into a PNG.
///
/// # Errors
/// It cannot be drawn or written.
pub fn draw(path: &Path, title: &str, groups: &[Group]) -> Result<()> {
    let bars: usize = groups.iter().map(|group| group.bars.len()).sum();
    let height = TOP + groups.len() as i32 * TITLE + bars as i32 * BAR + BAR;
    let (wide, high) = (
        (WIDTH * OVERSAMPLING) as u32,
        (height * OVERSAMPLING) as u32,
    );
    let mut paper = RgbImage::from_pixel(wide, high, image::Rgb([255; 3]));
    {
        let area = BitMapBackend::with_buffer(&mut paper, (wide, high)).into_drawing_area();
        let drawn = paint(&area, title, groups, height).and_then(|()| area.present());
        drawn.map_err(|error| anyhow!("cannot draw the chart: {error}"))?;
    }
    imageops::thumbnail(&paper, WIDTH as u32, height as u32)
        .save(path)
        .map_err(|error| anyhow!("cannot write {}: {error}", path.display()))
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

fn paint<'a>(area: &Area<'a>, title: &str, groups: &[Group], height: i32) -> Drawn<'a> {
    let ratios = groups.iter().flat_map(|group| &group.bars);
    let most = ratios.fold(1.0, |most: f64, bar| {
        most.max(bar.ratio.high).max(bar.ratio.least)
    });
    let end = (most * 2.0).ceil() / 2.0;
    let x = |ratio: f64| LEFT + (f64::from(WIDTH - LEFT - RIGHT) * ratio / end) as i32;
    let word = |text: &str, at: (i32, i32), style: TextStyle| {
        area.draw(&Text::new(text.to_owned(), px(at), style))
    };

    word(title, (16, 22), text(18, FontStyle::Bold, INK, HPos::Left))?;
    // At most ten lines, at whole or round ratios.
    let step = [0.5, 1.0, 2.0, 5.0, 10.0, 50.0];
    let step = step
        .into_iter()
        .find(|step| end / step <= 10.0)
        .unwrap_or(100.0);
    let mut line = 0.0;
    while line <= end {
        let colour = if line == 1.0 { MUTED } else { GRID };
        let ends = [(x(line), TOP), (x(line), height - BAR / 2)];
        area.draw(&PathElement::new(ends.map(px), colour.stroke_width(3)))?;
        let below = text(12, FontStyle::Normal, MUTED, HPos::Center);
        word(&format!("{line}"), (x(line), TOP - 9), below)?;
        line += step;
    }
    let mut y = TOP;
    for group in groups {
        let title = text(14, FontStyle::Bold, INK, HPos::Left);
        word(&group.title, (16, y + TITLE - 12), title)?;
        y += TITLE;
        for bar in &group.bars {
            let Ratio { least, low, high } = bar.ratio;
            let middle_of_bar = y + BAR / 2;
            let label = text(13, FontStyle::Normal, INK, HPos::Right);
            word(&bar.label, (LEFT - 10, middle_of_bar), label)?;
            let colour = if bar.label.to_lowercase().contains("fovea") {
                BLUE
            } else {
                ORANGE
            };
            let corners = [(x(0.0), y + 3), (x(least), y + BAR - 3)];
            area.draw(&Rectangle::new(corners.map(px), colour.filled()))?;
            let whisker = [(x(low), middle_of_bar), (x(high), middle_of_bar)];
            area.draw(&PathElement::new(whisker.map(px), INK.stroke_width(4)))?;
            let figure = text(13, FontStyle::Normal, INK, HPos::Left);
            let said = format!("{least:.2}  ({:.1} ms)", bar.least);
            word(&said, (x(least.max(high)) + 8, middle_of_bar), figure)?;
            y += BAR;
        }
    }
    Ok(())
}

fn px((x, y): (i32, i32)) -> (i32, i32) {
    (x * OVERSAMPLING, y * OVERSAMPLING)
}

/// Letters of `size` pixels, about the middle of their line.
fn text(size: i32, style: FontStyle, colour: RGBColor, side: HPos) -> TextStyle<'static> {
    // The font comes with the program: servers often have none.
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        let fonts = [
            (FontStyle::Normal, notosans::REGULAR_TTF),
            (FontStyle::Bold, notosans::BOLD_TTF),
        ];
        for (style, bytes) in fonts {
            // Refused bytes would show as an error of the first text drawn.
            let _ = register_font(FONT, style, bytes);
        }
    });
    let size = f64::from(size * OVERSAMPLING);
    FontDesc::new(FontFamily::Name(FONT), size, style)
        .color(&colour)
        .pos(Pos::new(side, VPos::Center))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_has_its_place() {
        let bar = |label: &str, least: f64| Bar {
            label: label.to_owned(),
            ratio: Ratio {
                least,
                low: least * 0.9,
                high: least * 1.1,
            },
            least: 3.0,
        };
        let groups = [Group {
            title: "a network".to_owned(),
            bars: vec![bar("Fovea, avx512", 1.0), bar("other", 3.0)],
        }];
        let path = std::env::temp_dir().join(format!("fovea-chart-{}.png", std::process::id()));
        draw(&path, "times", &groups).unwrap();
        let picture = image::open(&path).unwrap().to_rgb8();
        std::fs::remove_file(&path).unwrap();
        let row = |bar: i32| (TOP + TITLE + bar * BAR + 6) as u32;
        let width = |bar: i32, colour: RGBColor| {
            let near = |p: &image::Rgb<u8>| {
                let (r, g, b) = (colour.0, colour.1, colour.2);
                p.0.iter().zip([r, g, b]).all(|(a, b)| a.abs_diff(b) < 8)
            };
            (0..picture.width())
                .filter(|&x| near(picture.get_pixel(x, row(bar))))
                .count()
        };
        let (own, other) = (width(0, BLUE), width(1, ORANGE));
        assert!(own > 100 && other.abs_diff(3 * own) < 6, "{own} {other}");
    }
}
