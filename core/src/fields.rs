//! Whether a frame shows more than one field of view.
//!
//! Both eyes side by side, stereo pairs and exports of reports put several
//! photographs into one picture. [`crate::field`] would find the largest and
//! the others would go unseen, or the verdict of one eye would stand for two.

use fast_image_resize::FilterType;
use image::{imageops, Rgb, RgbImage};

use crate::field::{find_field, Field, FieldShape};
use crate::resample::Resampler;

/// Longest side of the copy that is cut in two, in pixels.
const WORKING_SIDE: u32 = 512;
/// Least radius of a field, as a share of the frame's shorter side.
const LEAST_RADIUS: f32 = 0.2;
/// Support at which the field of the whole frame is believed.
const CERTAIN: f32 = 0.8;
/// Least share of a field's edge that lies on its outline.
const LEAST_SUPPORT: f32 = 0.5;
/// Least share of a field's disc in its part of the frame.
const LEAST_COVERAGE: f32 = 0.6;
/// Most that one field is larger than the other.
const MOST_LARGER: f32 = 2.2;
/// Two fields of one frame are this far from each other at least, as a share
/// of their radii together: cut ones lie a little closer than round ones.
const LEAST_APART: f32 = 0.8;
/// Most radii that the frame of a single field is wide or high, where that goes
/// without saying.
const ROOM: f32 = 4.5;

/// Whether there are two fields of view side by side or one above the other,
/// or more of them. `field` is the one that [`find_field`] finds in `rgb`: where
/// it is certain, holds the middle of the frame and leaves no room beside it, it
/// is the only one.
///
/// Each part of the frame is searched for a field of its own. Of a single
/// field both parts show the same disc, or only one shows any.
pub fn is_several(rgb: &RgbImage, field: &Field) -> bool {
    let (width, height) = rgb.dimensions();
    let alone = holds_middle(field) && fills(field);
    if field.support >= CERTAIN && alone && !is_page(rgb) {
        return false;
    }
    let longest = u64::from(width.max(height)).max(1);
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(WORKING_SIDE).min(longest) / longest;
        (side as u32).max(1)
    };
    let size = (scaled(width), scaled(height));
    let mut resampler = Resampler::default();
    let copy = resampler
        .resample(rgb, None, size, FilterType::Box)
        .to_vec();
    let Some(copy) = RgbImage::from_raw(size.0, size.1, copy) else {
        return false;
    };
    if is_page(rgb) && has_panels(&copy) {
        return true;
    }
    let copy = without_margins(&copy);
    [true, false].into_iter().any(|across| {
        let length = if across { copy.width() } else { copy.height() };
        let sixteenths = [8, 7, 9, 6, 10].map(|n| length * n / 16);
        let mut places = sixteenths.into_iter().chain(seams(&copy, across));
        places.any(|at| is_pair(&copy, across, at))
    })
}

/// Whether the frame's middle is well inside the disc.
fn holds_middle(field: &Field) -> bool {
    let (x, y) = (
        (field.cx - field.frame.0 as f32 / 2.0) / field.rx.max(0.5),
        (field.cy - field.frame.1 as f32 / 2.0) / field.ry.max(0.5),
    );
    x * x + y * y < 0.25
}

/// Whether no disc of its size has room on both sides of it, or above and below:
/// three in a row are six radii wide, one in a frame of 16 to 9 less than four.
fn fills(field: &Field) -> bool {
    field.frame.0 as f32 <= ROOM * field.rx && field.frame.1 as f32 <= ROOM * field.ry
}

/// Level of paper in every channel.
const PAPER: u8 = 200;

fn is_paper(pixel: &Rgb<u8>) -> bool {
    pixel.0.iter().all(|&v| v >= PAPER)
}

/// Whether a corner is paper: what was found may then be the page's print.
fn is_page(rgb: &RgbImage) -> bool {
    let (right, bottom) = (
        rgb.width().saturating_sub(1),
        rgb.height().saturating_sub(1),
    );
    [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        .into_iter()
        .any(|(x, y)| rgb.get_pixel_checked(x, y).is_some_and(is_paper))
}

/// Whether a page has two pictures with paper between them. In a picture no
/// paper shows over a good part of a line; in text it shows between any two
/// letters.
fn has_panels(page: &RgbImage) -> bool {
    /// Least length of a picture, as a share of the page's.
    const LEAST_PANEL: f32 = 0.12;
    let (width, height) = page.dimensions();
    let paper = |x: u32, y: u32| is_paper(page.get_pixel(x, y));
    let long = |run: usize, length: u32| run as f32 >= LEAST_PANEL * length as f32;
    let longest = |line: Vec<bool>| {
        let runs = line.chunk_by(|a, b| a == b).filter(|run| !run[0]);
        runs.map(<[bool]>::len).max().unwrap_or(0)
    };
    let columns = (0..width)
        .map(|x| long(longest((0..height).map(|y| paper(x, y)).collect()), height))
        .collect::<Vec<_>>();
    let rows = (0..height)
        .map(|y| long(longest((0..width).map(|x| paper(x, y)).collect()), width))
        .collect::<Vec<_>>();
    [columns, rows].into_iter().any(|lines| {
        let pictures = lines.chunk_by(|a, b| a == b).filter(|run| run[0]);
        let panels = pictures.filter(|run| long(run.len(), lines.len() as u32));
        panels.count() > 1
    })
}

/// The frame without the white margins of a page, text in them included.
fn without_margins(copy: &RgbImage) -> RgbImage {
    /// Share of a margin's line that is paper.
    const FILLED: f32 = 0.6;
    let (width, height) = copy.dimensions();
    let is_paper = |x: u32, y: u32| is_paper(copy.get_pixel(x, y));
    let is_margin = |papers: usize, length: u32| papers as f32 >= FILLED * length as f32;
    // A line that is only partly paper goes with the margin before it.
    let within = |kept: Vec<u32>, length: u32| {
        let (&first, &last) = (kept.first()?, kept.last()?);
        let first = first + u32::from(first > 0);
        let end = last + u32::from(last + 1 == length);
        (first < end).then_some(first..end)
    };
    let rows = (0..height)
        .filter(|&y| !is_margin((0..width).filter(|&x| is_paper(x, y)).count(), width))
        .collect();
    let Some(rows) = within(rows, height) else {
        return copy.clone();
    };
    let high = rows.end - rows.start;
    let columns = (0..width)
        .filter(|&x| !is_margin(rows.clone().filter(|&y| is_paper(x, y)).count(), high))
        .collect();
    let Some(columns) = within(columns, width) else {
        return copy.clone();
    };
    let wide = columns.end - columns.start;
    imageops::crop_imm(copy, columns.start, rows.start, wide, high).to_image()
}

/// Where two pictures may join, in the middle half of the frame: the line with
/// the least light, and the one that differs most from the line before.
fn seams(copy: &RgbImage, across: bool) -> [u32; 2] {
    let (length, depth) = match across {
        true => copy.dimensions(),
        false => (copy.height(), copy.width()),
    };
    let level = |line: u32, i: u32| {
        let pixel = match across {
            true => copy.get_pixel(line, i),
            false => copy.get_pixel(i, line),
        };
        pixel.0.into_iter().max().unwrap_or(0)
    };
    let light = |&line: &u32| (0..depth).map(|i| u64::from(level(line, i))).sum::<u64>();
    let step = |&line: &u32| {
        let steps = (0..depth).map(|i| level(line, i).abs_diff(level(line.max(1) - 1, i)));
        steps.map(u64::from).sum::<u64>()
    };
    let lines = length / 4..length - length / 4;
    [
        lines.clone().min_by_key(light).unwrap_or(length / 2),
        lines.max_by_key(step).unwrap_or(length / 2),
    ]
}

/// Whether each of the two parts has a field of its own.
fn is_pair(copy: &RgbImage, across: bool, at: u32) -> bool {
    let (width, height) = copy.dimensions();
    let (before, after) = match across {
        true => ((0, 0, at, height), (at, 0, width - at, height)),
        false => ((0, 0, width, at), (0, at, width, height - at)),
    };
    let find = |(x, y, w, h): (u32, u32, u32, u32)| {
        let mut field = find_field(&imageops::crop_imm(copy, x, y, w, h).to_image());
        field.cx += x as f32;
        field.cy += y as f32;
        plain(&field, width.min(height)).then_some(field)
    };
    let Some((a, b)) = find(before).and_then(|a| Some((a, find(after)?))) else {
        return false;
    };
    let (ra, rb) = match across {
        true => (a.rx, b.rx),
        false => (a.ry, b.ry),
    };
    let apart = ((a.cx - b.cx).powi(2) + (a.cy - b.cy).powi(2)).sqrt();
    ra.max(rb) <= MOST_LARGER * ra.min(rb) && apart >= LEAST_APART * (ra + rb)
}

/// Whether a field is certain and large enough to be a photograph.
fn plain(field: &Field, side: u32) -> bool {
    field.shape != FieldShape::None
        && field.support >= LEAST_SUPPORT
        && field.coverage >= LEAST_COVERAGE
        && field.rx.min(field.ry) >= LEAST_RADIUS * side as f32
}
