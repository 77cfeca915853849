//! Smooth text on any embedded-graphics target.
//!
//! Bitmap fonts do not scale from a line of findings to a verdict that is read
//! from two metres, so text is set from an outline font (Noto Sans) with
//! anti-aliased edges. A drawing target cannot be read back, so the colour
//! behind the text is named by the caller and the edges are mixed against it.

use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

use crate::draw::shape::mix;

/// The weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Noto Sans in its normal weight.
    Regular,
    /// Noto Sans Bold.
    Bold,
}

/// Where a text lies relative to its anchor's x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The text begins at x.
    Left,
    /// The middle of the text lies at x.
    Centre,
    /// The text ends at x.
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle {
    /// Regular or bold.
    pub weight: Weight,
    /// Height of a line, ascender to descender, in pixels.
    pub size: f32,
    /// The colour of the letters.
    pub colour: Rgb888,
    /// The colour the text is drawn over.
    pub background: Rgb888,
}

impl TextStyle {
    /// The same text over another colour.
    pub fn over(self, background: Rgb888) -> TextStyle {
        TextStyle { background, ..self }
    }

    /// Width of `text` in pixels, rounded up.
    pub fn width(&self, text: &str) -> u32 {
        self.lay_out(text).1.ceil() as u32
    }

    /// `text`, shortened with an ellipsis at its end where it is wider than
    /// `limit` pixels.
    pub fn fit(&self, text: &str, limit: u32) -> String {
        if self.width(text) <= limit {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let shorter = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(&shorter) <= limit {
                return shorter;
            }
        }
        String::new()
    }

    /// `text` broken at spaces into lines of at most `limit` pixels. A single
    /// word wider than that is shortened.
    pub fn wrap(&self, text: &str, limit: u32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= limit => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(self.fit(word, limit)),
            }
        }
        lines
    }

    /// Draws `text` in one line, the top of its line at `at.y`; where it lies
    /// along x, `align` says. `at` is in pixels of the target.
    ///
    /// Characters that the font lacks are drawn as its empty box; control
    /// characters are left out, so that a file name cannot break the layout.
    ///
    /// # Errors
    /// Only the target's own.
    pub fn draw<D>(
        &self,
        target: &mut D,
        text: &str,
        at: Point,
        align: Align,
    ) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let font = font(self.weight);
        let (glyphs, width) = self.lay_out(text);
        let shift = match align {
            Align::Left => 0.0,
            Align::Centre => -width / 2.0,
            Align::Right => -width,
        };
        for mut glyph in glyphs {
            glyph.position.x += at.x as f32 + shift;
            glyph.position.y += at.y as f32;
            let Some(outline) = font.outline_glyph(glyph) else {
                continue; // a space
            };
            let corner = outline.px_bounds().min;
            let corner = Point::new(corner.x as i32, corner.y as i32);
            let mut pixels = Vec::new();
            outline.draw(|x, y, coverage| {
                if coverage > 0.0 {
                    pixels.push(Pixel(
                        corner + Point::new(x as i32, y as i32),
                        mix(self.background, self.colour, coverage),
                    ));
                }
            });
            target.draw_iter(pixels)?;
        }
        Ok(())
    }

    /// Glyphs of one line from x = 0, its top at y = 0, and its width.
    fn lay_out(&self, text: &str) -> (Vec<Glyph>, f32) {
        let scale = PxScale::from(self.size);
        let font = font(self.weight).as_scaled(scale);
        let mut glyphs: Vec<Glyph> = Vec::new();
        let mut x = 0.0;
        for c in text.chars().filter(|c| !c.is_control()) {
            let id = font.glyph_id(c);
            if let Some(before) = glyphs.last() {
                x += font.kern(before.id, id);
            }
            glyphs.push(id.with_scale_and_position(scale, ab_glyph::point(x, font.ascent())));
            x += font.h_advance(id);
        }
        (glyphs, x)
    }
}

/// The embedded font of one weight.
fn font(weight: Weight) -> &'static FontRef<'static> {
    static REGULAR: OnceLock<FontRef<'static>> = OnceLock::new();
    static BOLD: OnceLock<FontRef<'static>> = OnceLock::new();
    let (cell, bytes) = match weight {
        Weight::Regular => (&REGULAR, notosans::REGULAR_TTF),
        Weight::Bold => (&BOLD, notosans::BOLD_TTF),
    };
    // The bytes are compiled in: they are a font, or no test passes.
    cell.get_or_init(|| FontRef::try_from_slice(bytes).expect("the embedded font is a font"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::canvas::Canvas;

    fn style(weight: Weight) -> TextStyle {
        TextStyle {
            weight,
            size: 20.0,
            colour: Rgb888::WHITE,
            background: Rgb888::BLACK,
        }
    }

    #[test]
    fn text_is_drawn_inside_its_line() {
        for weight in [Weight::Regular, Weight::Bold] {
            let style = style(weight);
            let mut canvas = Canvas::new(200, 40, Rgb888::BLACK);
            style
                .draw(&mut canvas, "Refer Ágil", Point::new(10, 8), Align::Left)
                .unwrap();
            let lit: Vec<(u32, u32)> = canvas
                .picture()
                .enumerate_pixels()
                .filter(|(_, _, p)| p.0[0] > 0)
                .map(|(x, y, _)| (x, y))
                .collect();
            assert!(lit.len() > 200);
            assert!(lit
                .iter()
                .all(|&(x, y)| (9..=11 + style.width("Refer Ágil")).contains(&x)
                    && (8..28).contains(&y)));
        }
    }

    #[test]
    fn long_text_is_shortened_and_wrapped() {
        let style = style(Weight::Regular);
        let long = "severe non-proliferative diabetic retinopathy";
        let short = style.fit(long, 150);
        assert!(short.ends_with('…') && style.width(&short) <= 150);
        assert_eq!(style.fit("glaucoma", 150), "glaucoma");
        let lines = style.wrap(long, 150);
        assert!(lines.len() > 2 && lines.iter().all(|l| style.width(l) <= 150));
        assert_eq!(style.fit(long, 1), "");
        assert!(style.wrap("", 150).is_empty());
    }

    #[test]
    fn control_characters_take_no_room() {
        let style = style(Weight::Bold);
        assert_eq!(style.width("a\nb\u{7}"), style.width("ab"));
    }
}
