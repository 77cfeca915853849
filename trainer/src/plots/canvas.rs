//! What all plots share: paper, ink, letters, and the way into a file.

use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{anyhow, Result};
use image::{imageops, ImageFormat, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use crate::checkpoint;

pub type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

const FONT: &str = "Noto Sans";

/// Colours told apart by colour-blind readers too (Okabe and Ito).
pub const INK: RGBColor = RGBColor(40, 40, 40);
pub const MUTED: RGBColor = RGBColor(110, 110, 110);
pub const GRID: RGBColor = RGBColor(228, 228, 228);
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub const SKY: RGBColor = RGBColor(86, 180, 233);
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub const YELLOW: RGBColor = RGBColor(240, 228, 66);

/// Plots are drawn this many times larger and then shrunk, which gives lines
/// smooth edges and letters even gaps; the drawing library does neither.
const OVERSAMPLING: u32 = 3;

/// A length on the finished picture as one on the drawing.
pub fn px(length: u32) -> u32 {
    length * OVERSAMPLING
}

/// Text of `size` pixels on the finished picture.
pub fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    styled(size, FontStyle::Normal, colour)
}

/// As [`text`], bold.
pub fn bold(size: u32, colour: RGBColor) -> TextStyle<'static> {
    styled(size, FontStyle::Bold, colour)
}

fn styled(size: u32, style: FontStyle, colour: RGBColor) -> TextStyle<'static> {
    // The font comes with the program: machines that train often have none.
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
    FontDesc::new(FontFamily::Name(FONT), f64::from(px(size)), style).color(&colour)
}

/// Draws on white paper and writes it as a PNG of `size` pixels (width,
/// height); a failure leaves an older picture as it was.
pub fn save(path: &Path, size: (u32, u32), draw: impl FnOnce(&Area) -> Result<()>) -> Result<()> {
    let drawn = (px(size.0), px(size.1));
    let mut paper = RgbImage::from_pixel(drawn.0, drawn.1, image::Rgb([255; 3]));
    {
        let area = BitMapBackend::with_buffer(&mut paper, drawn).into_drawing_area();
        draw(&area)?;
        area.present().map_err(drawing)?;
    }
    let mut png = Cursor::new(Vec::new());
    imageops::thumbnail(&paper, size.0, size.1).write_to(&mut png, ImageFormat::Png)?;
    checkpoint::write(path, png.get_ref())
}

/// Plotters' errors borrow from the drawing area, so only their words go on.
pub fn drawing(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw the plot: {error}")
}
