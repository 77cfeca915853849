//! Drawing on one screen: fills, words, buttons, photographs.

use embedded_graphics::image::{Image, ImageRaw};
use embedded_graphics::pixelcolor::raw::BigEndian;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;

use super::grid::{centred, inset, Grid};
use super::theme::{ACCENT, ASLEEP, GROUND, INK, PANEL, PRESSED, RULE};
use super::touch::{Face, Look, Touch};
use crate::draw::shape::{mix, Sign};
use crate::draw::text::{Align, TextStyle, Weight};
use crate::exam::words::Action;
use crate::language::Texts;

/// A target being drawn on, with what every part of a view needs.
pub(super) struct Page<'a, D> {
    pub(super) target: &'a mut D,
    pub(super) grid: Grid,
    pub(super) texts: &'a Texts,
    /// What the finger on the screen asks for when it is lifted.
    pub(super) pressed: Option<Action>,
}

/// Words that are to fit into an area: as large as they can be between two
/// sizes, on as many lines as there is room for.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) weight: Weight,
    /// Largest and smallest height of a line, in units.
    pub(super) sizes: (f32, f32),
    pub(super) colour: Rgb888,
    pub(super) background: Rgb888,
    pub(super) align: Align,
    /// Whether the lines lie in the middle of the area's height.
    pub(super) middle: bool,
}

impl Words {
    /// Words at the left and the top of their area.
    pub(super) fn plain(weight: Weight, sizes: (f32, f32), colour: Rgb888) -> Words {
        Words {
            weight,
            sizes,
            colour,
            background: GROUND,
            align: Align::Left,
            middle: false,
        }
    }

    pub(super) fn over(self, background: Rgb888) -> Words {
        Words { background, ..self }
    }

    pub(super) fn align(self, align: Align) -> Words {
        Words { align, ..self }
    }

    pub(super) fn middle(self) -> Words {
        Words {
            middle: true,
            ..self
        }
    }

    /// The style and the lines of `text` in `size`. Where even the smallest
    /// letters leave no room, long words are broken, and the last line that
    /// fits ends with an ellipsis.
    fn set(&self, grid: &Grid, text: &str, size: Size) -> (TextStyle, Vec<String>) {
        let (largest, smallest) = self.sizes;
        let mut units = largest;
        loop {
            let style = TextStyle {
                weight: self.weight,
                size: grid.line(units),
                colour: self.colour,
                background: self.background,
            };
            let mut lines = style.wrap(text, size.width);
            let room = ((size.height as f32 / style.size) as usize).max(1);
            let whole = text
                .split_whitespace()
                .all(|word| style.width(word) <= size.width);
            if whole && lines.len() <= room {
                return (style, lines);
            }
            if units - 1.0 < smallest {
                if !whole {
                    lines = style.wrap(&broken(&style, text, size.width), size.width);
                }
                if lines.len() > room {
                    let cut = lines.drain(room - 1..).collect::<Vec<_>>().join(" ");
                    lines.push(style.fit(&cut, size.width));
                }
                return (style, lines);
            }
            units -= 1.0;
        }
    }
}

impl<D: DrawTarget<Color = Rgb888>> Page<'_, D> {
    pub(super) fn fill(&mut self, area: Rectangle, colour: Rgb888) -> Result<(), D::Error> {
        self.target.fill_solid(&area, colour)
    }

    /// `area` with rounded corners, on `background`.
    pub(super) fn rounded(
        &mut self,
        area: Rectangle,
        colour: Rgb888,
        background: Rgb888,
    ) -> Result<(), D::Error> {
        self.with_corners(area, self.grid.px(8), colour, background)
    }

    fn with_corners(
        &mut self,
        area: Rectangle,
        radius: i32,
        colour: Rgb888,
        background: Rgb888,
    ) -> Result<(), D::Error> {
        let radius = radius
            .min(area.size.width as i32 / 2)
            .min(area.size.height as i32 / 2);
        // A cross of two bars leaves the corners free: what lies beyond their
        // arcs stays as it is.
        let (across, down) = (Point::new(radius, 0), Point::new(0, radius));
        let less = Size::new_equal((2 * radius) as u32);
        let size = area.size.saturating_sub(less);
        let upright = Size::new(size.width, area.size.height);
        let level = Size::new(area.size.width, size.height);
        self.fill(Rectangle::new(area.top_left + across, upright), colour)?;
        self.fill(Rectangle::new(area.top_left + down, level), colour)?;
        let (width, height) = (area.size.width as i32, area.size.height as i32);
        let corner = move |x: i32, y: i32| {
            // Distance of the pixel's middle from the middle of its corner.
            let (dx, dy) = (
                radius as f32 - x as f32 - 0.5,
                radius as f32 - y as f32 - 0.5,
            );
            let inside = (radius as f32 - dx.hypot(dy) + 0.5).clamp(0.0, 1.0);
            let colour = mix(background, colour, inside);
            let (right, below) = (width - 1 - x, height - 1 - y);
            [(x, y), (right, y), (x, below), (right, below)]
                .into_iter()
                .filter(move |_| inside > 0.0)
                .map(move |(x, y)| Pixel(area.top_left + Point::new(x, y), colour))
        };
        self.target.draw_iter(
            (0..radius)
                .flat_map(|y| (0..radius).map(move |x| (x, y)))
                .flat_map(|(x, y)| corner(x, y)),
        )
    }

    /// `area` with rounded corners and a thin edge, on the ground.
    pub(super) fn card(&mut self, area: Rectangle) -> Result<(), D::Error> {
        self.framed(area, PANEL, RULE, 1)
    }

    /// The same in any colours, its edge so many units thick.
    pub(super) fn framed(
        &mut self,
        area: Rectangle,
        colour: Rgb888,
        edge: Rgb888,
        thick: i32,
    ) -> Result<(), D::Error> {
        let thick = self.grid.px(thick).max(1);
        self.rounded(area, edge, GROUND)?;
        let radius = self.grid.px(8) - thick;
        self.with_corners(inset(area, thick), radius, colour, edge)
    }

    /// Words inside `area`; returns how far down they reach.
    pub(super) fn words(
        &mut self,
        words: &Words,
        text: &str,
        area: Rectangle,
    ) -> Result<i32, D::Error> {
        let (style, lines) = words.set(&self.grid, text, area.size);
        let step = style.size.round() as i32;
        let height = step * lines.len() as i32;
        let mut at = area.top_left;
        at.x += match words.align {
            Align::Left => 0,
            Align::Centre => area.size.width as i32 / 2,
            Align::Right => area.size.width as i32,
        };
        if words.middle {
            at.y += (area.size.height as i32 - height) / 2;
        }
        for line in &lines {
            style.draw(self.target, line, at, words.align)?;
            at.y += step;
        }
        Ok(at.y)
    }

    pub(super) fn sign(
        &mut self,
        sign: Sign,
        area: Rectangle,
        colour: Rgb888,
        background: Rgb888,
    ) -> Result<(), D::Error> {
        let side = area.size.width.min(area.size.height);
        let at = centred(area, Size::new_equal(side)).top_left;
        sign.draw(self.target, at, side, colour, background)
    }

    /// A photograph in the middle of `area`; what is larger is cut.
    pub(super) fn photograph(
        &mut self,
        photograph: &RgbImage,
        area: Rectangle,
    ) -> Result<(), D::Error> {
        let size = Size::new(photograph.width(), photograph.height());
        let whole = centred(area, size);
        let shown = whole.intersection(&area);
        if shown.is_zero_sized() {
            return Ok(());
        }
        // The width was given by the picture that owns these bytes.
        let raw = ImageRaw::<Rgb888, BigEndian>::new(photograph.as_raw(), size.width);
        if shown == whole {
            return Image::new(&raw, whole.top_left).draw(self.target);
        }
        let part = raw.sub_image(&Rectangle::new(shown.top_left - whole.top_left, shown.size));
        Image::new(&part, shown.top_left).draw(self.target)
    }

    /// Draws those of `touches` that look like buttons and keys.
    pub(super) fn touches(&mut self, touches: &[Touch]) -> Result<(), D::Error> {
        for touch in touches {
            match touch.face {
                Face::Button(label, look) => self.button(touch, label(self.texts), look)?,
                Face::Key(letter) => {
                    let mut bytes = [0; 4];
                    self.button(touch, letter.encode_utf8(&mut bytes), Look::Plain)?;
                }
                Face::Own => {}
            }
        }
        Ok(())
    }

    fn button(&mut self, touch: &Touch, label: &str, look: Look) -> Result<(), D::Error> {
        let pressed = touch.enabled && self.pressed == Some(touch.action);
        let body = match look {
            _ if pressed => PRESSED,
            Look::Primary if touch.enabled => ACCENT,
            Look::Primary | Look::Plain => PANEL,
            Look::Chosen => INK,
        };
        let (edge, thick) = match look {
            _ if pressed => (INK, 2),
            Look::Primary if touch.enabled => (PRESSED, 2),
            _ => (RULE, 1),
        };
        let ink = match look {
            Look::Chosen => GROUND,
            _ if pressed => GROUND,
            _ if touch.enabled => INK,
            _ => ASLEEP,
        };
        self.framed(touch.area, body, edge, thick)?;
        let tall = touch.area.size.height > self.grid.px(80) as u32;
        let words = Words::plain(
            Weight::Bold,
            button_sizes(tall, matches!(touch.face, Face::Key(_))),
            ink,
        );
        let inside = inset(touch.area, self.grid.px(6));
        self.words(
            &words.over(body).align(Align::Centre).middle(),
            label,
            inside,
        )?;
        Ok(())
    }

    /// Whether a button's words are shown whole.
    #[cfg(test)]
    pub(super) fn fits(&self, touch: &Touch) -> bool {
        let Face::Button(label, _) = touch.face else {
            return true;
        };
        let tall = touch.area.size.height > self.grid.px(80) as u32;
        let words = Words::plain(Weight::Bold, button_sizes(tall, false), INK);
        let inside = inset(touch.area, self.grid.px(6));
        let (_, lines) = words.set(&self.grid, label(self.texts), inside.size);
        !lines.is_empty() && lines.iter().all(|line| !line.ends_with('…'))
    }
}

/// `text` with a space wherever a word would be wider than `limit` pixels.
fn broken(style: &TextStyle, text: &str, limit: u32) -> String {
    let mut pieces: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut piece = String::new();
        for letter in word.chars() {
            piece.push(letter);
            if style.width(&piece) > limit && piece.chars().count() > 1 {
                piece.pop();
                pieces.push(std::mem::replace(&mut piece, letter.to_string()));
            }
        }
        pieces.push(piece);
    }
    pieces.join(" ")
}

/// Largest and smallest letters of a button, in units.
fn button_sizes(tall: bool, key: bool) -> (f32, f32) {
    match (key, tall) {
        (true, _) => (30.0, 30.0),
        (false, true) => (36.0, 18.0),
        (false, false) => (24.0, 15.0),
    }
}
