//! A photograph with its verdict beside it, as one picture.

pub(crate) mod attention;
mod findings;

use std::convert::Infallible;
use std::io;
use std::path::Path;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
use fovea_core::files::{write_atomically, Readers};
use fovea_core::gate::GateReason;
use fovea_core::taxonomy::Taxonomy;
use image::imageops::{self, FilterType};
use image::RgbImage;

use crate::draw::canvas::Canvas;
use crate::draw::text::{Align, TextStyle, Weight};
use crate::grade::record::Record;
use crate::grade::report::reasons;
use crate::grade::verdict;
use crate::grade::{Graded, Seen};

/// Size of the whole picture in pixels.
const SIZE: Size = Size::new(1600, 900);
/// Width of the photograph's part, at the left.
const PHOTOGRAPH: u32 = 900;
/// Left edge and width of what is written in the panel at the right.
const LEFT: i32 = 932;
const WIDTH: u32 = 636;
/// Top of the panel's last part: the photograph's quality and the attention.
const FOOT: i32 = 640;
/// Side of the attention picture.
const ATTENTION: u32 = 200;

const GROUND: Rgb888 = Rgb888::new(16, 20, 26);
const RULE: Rgb888 = Rgb888::new(52, 60, 70);
const INK: Rgb888 = Rgb888::new(236, 240, 244);
const FAINT: Rgb888 = Rgb888::new(158, 168, 180);

/// The text in every picture that is saved, and what it says.
const MADE_BY: (&str, &str) = ("Software", "fovea grade");

/// Writes a drawn picture to the PNG file `path`, marked as one.
///
/// # Errors
/// When it cannot be written; nothing is left of it then, and an older file of
/// that name stays.
pub fn save(picture: &RgbImage, path: &Path) -> io::Result<()> {
    write_atomically(path, Readers::Usual, |file| {
        let mut encoder = png::Encoder::new(file, picture.width(), picture.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.add_text_chunk(MADE_BY.0.to_owned(), MADE_BY.1.to_owned())?;
        let mut writer = encoder.write_header()?;
        writer.write_image_data(picture)?;
        writer.finish()
    })
    .map_err(|error: png::EncodingError| error.into())
}

/// Whether a file that begins with `start` is a picture that [`save`] wrote.
pub fn is_drawn(start: &[u8]) -> bool {
    let mark = [MADE_BY.0.as_bytes(), b"\0", MADE_BY.1.as_bytes()].concat();
    start.starts_with(b"\x89PNG") && start.windows(mark.len()).any(|part| part == mark)
}

/// Draws `graded` beside its photograph; `taxonomy` is the one it was graded
/// by. The picture is 1600 x 900 pixels, whatever the photograph's size.
pub fn draw(graded: &Graded, taxonomy: &Taxonomy) -> RgbImage {
    let mut canvas = Canvas::new(SIZE.width, SIZE.height, GROUND);
    match page(&mut canvas, graded, taxonomy) {
        Ok(()) => canvas.into_picture(),
        Err(never) => match never {},
    }
}

fn page(canvas: &mut Canvas, graded: &Graded, taxonomy: &Taxonomy) -> Result<(), Infallible> {
    let Graded { record, seen } = graded;
    fill(canvas, 0, 0, PHOTOGRAPH, SIZE.height, Rgb888::BLACK)?;
    match seen {
        Some(seen) => {
            let fitted = fit(&seen.photograph, PHOTOGRAPH, SIZE.height);
            let at = Point::new(
                ((PHOTOGRAPH - fitted.width()) / 2) as i32,
                ((SIZE.height - fitted.height()) / 2) as i32,
            );
            canvas.paste(&fitted, at);
        }
        None => text(Weight::Regular, 28.0, FAINT)
            .over(Rgb888::BLACK)
            .draw(
                canvas,
                "no photograph",
                Point::new(PHOTOGRAPH as i32 / 2, SIZE.height as i32 / 2 - 14),
                Align::Centre,
            )?,
    }

    let below = head(canvas, record)?;
    if !record.findings.is_empty() {
        let heading = if record.gate.accepted {
            "Findings: probability, and operating point as a mark"
        } else {
            "Findings that do not count: the photograph is refused"
        };
        title(canvas, heading, below)?;
        findings::draw(canvas, record, taxonomy, below + 30, FOOT - 14)?;
        foot(canvas, record, seen.as_ref(), taxonomy)?;
    }
    let small = text(Weight::Regular, 15.0, FAINT);
    let model = format!(
        "{}  {}",
        record.model.bundle,
        record
            .model
            .sha256
            .get(..12)
            .unwrap_or(&record.model.sha256)
    );
    let time = format!("{:.0} ms", record.elapsed_ms.total());
    let last = SIZE.height as i32 - 30;
    small.draw(
        canvas,
        &small.fit(&model, WIDTH - 100),
        Point::new(LEFT, last),
        Align::Left,
    )?;
    small.draw(
        canvas,
        &time,
        Point::new(LEFT + WIDTH as i32, last),
        Align::Right,
    )
}

/// Name, verdict and reasons; returns where the next part may begin.
fn head(canvas: &mut Canvas, record: &Record) -> Result<i32, Infallible> {
    let decision = record.referral.decision;
    let name = text(Weight::Regular, 18.0, FAINT);
    let file = record
        .image
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(&record.image);
    name.draw(
        canvas,
        &name.fit(file, WIDTH),
        Point::new(LEFT, 20),
        Align::Left,
    )?;

    let colour = verdict::colour(decision);
    verdict::sign(decision).draw(canvas, Point::new(LEFT, 58), 84, colour, GROUND)?;
    let big = text(Weight::Bold, 52.0, colour);
    let lines = big.wrap(&verdict::words(decision).to_uppercase(), WIDTH - 108);
    let mut y = if lines.len() > 1 { 48 } else { 72 };
    for line in &lines {
        big.draw(canvas, line, Point::new(LEFT + 108, y), Align::Left)?;
        y += 50;
    }

    let mut y = 164;
    if let Some(score) = record.referral.score {
        let style = match record.gate.accepted {
            true => text(Weight::Bold, 20.0, INK),
            false => text(Weight::Regular, 20.0, FAINT),
        };
        let score = format!("Any referable disease: {score:.2}");
        style.draw(canvas, &score, Point::new(LEFT, y), Align::Left)?;
        y += 30;
    }
    let style = text(Weight::Regular, 18.0, INK);
    let lines: Vec<String> = reasons::in_english(record)
        .iter()
        .flat_map(|reason| style.wrap(reason, WIDTH))
        .collect();
    // An unreadable file has nothing below its reason.
    let most = if record.findings.is_empty() { 20 } else { 5 };
    for (i, line) in lines.iter().take(most).enumerate() {
        let line = if i + 1 == most && lines.len() > most {
            style.fit(&format!("{line} … (more in the JSON record)"), WIDTH)
        } else {
            line.clone()
        };
        style.draw(canvas, &line, Point::new(LEFT, y), Align::Left)?;
        y += 23;
    }
    Ok(y + 12)
}

/// The photograph's quality at the left, what the student looked at at the
/// right.
fn foot(
    canvas: &mut Canvas,
    record: &Record,
    seen: Option<&Seen>,
    taxonomy: &Taxonomy,
) -> Result<(), Infallible> {
    let quality = match record.gate.reason {
        GateReason::Ok => "Photograph: can be graded",
        _ => "Photograph: refused",
    };
    title(canvas, quality, FOOT)?;
    let attended = seen.and_then(|seen| {
        let node = attention::node(record, taxonomy)?;
        let picture = attention::picture(seen, taxonomy, node, ATTENTION)?;
        Some((node, picture))
    });

    let column = 200;
    let (label, value) = (
        text(Weight::Regular, 15.0, FAINT),
        text(Weight::Regular, 15.0, INK),
    );
    // Nine rows of two columns leave room for the attention picture.
    for (i, (id, score)) in record.gate.scores.iter().take(18).enumerate() {
        let at = Point::new(
            LEFT + (i as i32 / 9) * (column + 16),
            FOOT + 34 + (i as i32 % 9) * 21,
        );
        let name = taxonomy
            .index(id)
            .map_or_else(|| spelled(id), |k| taxonomy.nodes()[k].name.clone());
        label.draw(
            canvas,
            &label.fit(&name, column as u32 - 45),
            at,
            Align::Left,
        )?;
        let right = at + Point::new(column, 0);
        value.draw(canvas, &format!("{score:.2}"), right, Align::Right)?;
    }

    if let Some((node, picture)) = attended {
        let corner = Point::new(LEFT + WIDTH as i32 - ATTENTION as i32, FOOT + 8);
        canvas.paste(&picture, corner);
        let caption = format!("Evidence: {}", record.findings[node].name);
        label.draw(
            canvas,
            &label.fit(&caption, ATTENTION),
            corner + Point::new(ATTENTION as i32 / 2, ATTENTION as i32 + 2),
            Align::Centre,
        )?;
    }
    Ok(())
}

/// A measure's name as words: `mean_luma` as "Mean luma".
fn spelled(id: &str) -> String {
    let mut letters = id.chars();
    match letters.next() {
        Some(first) => {
            first.to_uppercase().collect::<String>() + &letters.as_str().replace('_', " ")
        }
        None => String::new(),
    }
}

/// The heading of a part, under a rule.
fn title(canvas: &mut Canvas, words: &str, y: i32) -> Result<(), Infallible> {
    fill(canvas, LEFT, y - 4, WIDTH, 1, RULE)?;
    let style = text(Weight::Bold, 17.0, FAINT);
    style.draw(
        canvas,
        &style.fit(words, WIDTH),
        Point::new(LEFT, y + 4),
        Align::Left,
    )
}

fn fill(
    canvas: &mut Canvas,
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    colour: Rgb888,
) -> Result<(), Infallible> {
    Rectangle::new(Point::new(x, y), Size::new(width, height))
        .into_styled(PrimitiveStyle::with_fill(colour))
        .draw(canvas)
}

fn text(weight: Weight, size: f32, colour: Rgb888) -> TextStyle {
    TextStyle {
        weight,
        size,
        colour,
        background: GROUND,
    }
}

/// `photograph` as large as fits into `width` x `height`.
fn fit(photograph: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (w, h) = photograph.dimensions();
    let scale = (f64::from(width) / f64::from(w)).min(f64::from(height) / f64::from(h));
    let side = |v: u32, most: u32| ((f64::from(v) * scale).round() as u32).clamp(1, most);
    let (width, height) = (side(w, width), side(h, height));
    if scale < 1.0 {
        imageops::thumbnail(photograph, width, height)
    } else {
        imageops::resize(photograph, width, height, FilterType::Triangle)
    }
}
