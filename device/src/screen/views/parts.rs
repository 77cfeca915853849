//! What several views are made of.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use fovea_core::decision::ReferralDecision;
use image::{imageops, RgbImage};

use crate::draw::shape::Sign;
use crate::draw::text::{Align, Weight};
use crate::exam::words::Eye;
use crate::exam::{EyeOutcome, PatientOutcome};
use crate::grade::verdict;
use crate::health::check::State;
use crate::language::Texts;
use crate::screen::grid::{inset, square, Grid, Room};
use crate::screen::page::{Page, Words};
use crate::screen::theme::{BAD, CARE, FAINT, GOOD, GROUND, INK};

/// Units of a button's row, of the gap beside it, of a heading.
pub(super) const BUTTON: i32 = 64;
pub(super) const GAP: i32 = 8;
pub(super) const HEAD: i32 = 34;

/// Sign and colour of a result.
pub(super) type Look = (Sign, Rgb888);

pub(super) fn look(decision: ReferralDecision) -> Look {
    (verdict::sign(decision), verdict::colour(decision))
}

/// What cannot be graded is referred, and looks so.
pub(super) fn overall_look(overall: PatientOutcome) -> Look {
    match overall {
        PatientOutcome::ReferUrgent => look(ReferralDecision::ReferUrgent),
        PatientOutcome::Refer | PatientOutcome::CannotBeGraded => look(ReferralDecision::Refer),
        PatientOutcome::NoVerdict => look(ReferralDecision::Retake),
        PatientOutcome::NoReferableDisease => look(ReferralDecision::NoReferableDisease),
    }
}

/// Nothing for an eye that there is no result of.
pub(super) fn eye_look(outcome: EyeOutcome) -> Option<Look> {
    match outcome {
        EyeOutcome::NotExamined
        | EyeOutcome::Skipped(_)
        | EyeOutcome::Pending
        | EyeOutcome::NoVerdict => None,
        EyeOutcome::Refused(_) => Some(look(ReferralDecision::Retake)),
        EyeOutcome::CannotBeGraded => Some(look(ReferralDecision::Refer)),
        EyeOutcome::Decided(decision) => Some(look(decision)),
    }
}

/// What is said beside a result that does not speak of both eyes.
pub(super) fn coverage(right: EyeOutcome, left: EyeOutcome, texts: &Texts) -> Option<&str> {
    let silent = |eye: &EyeOutcome| matches!(eye, EyeOutcome::NotExamined | EyeOutcome::Skipped(_));
    match [right, left].iter().filter(|eye| silent(eye)).count() {
        0 => None,
        1 => Some(&texts.summary.one_eye),
        _ => Some(&texts.summary.no_eye),
    }
}

/// How well something works, told by outline as well as by colour.
pub(super) fn health_look(state: State) -> (Option<Sign>, Rgb888) {
    match state {
        State::Ok => (Some(Sign::Tick), GOOD),
        State::Warn => (Some(Sign::Warning), CARE),
        State::Fail => (None, BAD),
    }
}

/// The mark of what does not work: a full square with a cross in it. The signs
/// of verdicts have no such outline.
pub(super) fn cross<D>(page: &mut Page<D>, area: Rectangle, colour: Rgb888) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let area = square(area);
    page.rounded(area, colour, GROUND)?;
    // The font's cross is small in its line.
    let units = 1.5 * area.size.height as f32 / page.grid.line(1.0);
    let words = Words::plain(Weight::Bold, (units, units), GROUND)
        .over(colour)
        .align(Align::Centre)
        .middle();
    page.words(&words, "×", area)?;
    Ok(())
}

/// Eye at the left, patient at the right.
pub(super) fn head<D>(
    page: &mut Page<D>,
    area: Rectangle,
    title: &str,
    patient: &str,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let mut room = Room::of(area);
    let left = room.left(area.size.width as i32 / 2);
    page.words(
        &Words::plain(Weight::Bold, (28.0, 20.0), INK).middle(),
        title,
        left,
    )?;
    let patient = match patient {
        "" => page.texts.common.no_id.as_str(),
        id => id,
    };
    page.words(
        &Words::plain(Weight::Regular, (22.0, 14.0), FAINT)
            .align(Align::Right)
            .middle(),
        patient,
        room.rest(),
    )?;
    Ok(())
}

/// Cuts the place of a photograph from `room`: a square with `below` pixels for
/// its caption. It is at the left and as high as the room, or above the rest
/// and as wide as the room where the screen is upright; either takes no more
/// than the rest can spare. `gap` units are left between the two.
pub(super) fn beside(room: &mut Room, grid: &Grid, below: i32, gap: i32) -> Rectangle {
    let Size { width, height } = room.rest().size;
    let (width, height) = (width as i32, height as i32);
    if grid.is_upright() {
        let area = room.top((width + below).min(height * 3 / 5));
        room.top(grid.px(gap));
        area
    } else {
        let area = room.left((height - below).min(width / 2));
        room.left(grid.px(gap));
        area
    }
}

/// A result that is read from two metres: sign and words in the ground's colour
/// on a band in the result's own. On a seven-inch screen of 800x480 pixels its
/// capitals are at least 5 mm high, a sixth of a degree from there.
pub(super) fn band<D>(
    page: &mut Page<D>,
    area: Rectangle,
    (sign, colour): Look,
    words: &str,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    page.rounded(area, colour, GROUND)?;
    let margin = page.grid.px(12);
    let mut room = Room::of(inset(area, margin));
    let side = room.rest().size.height as i32;
    let at = room.left(side);
    page.sign(sign, at, GROUND, colour)?;
    room.left(margin + margin / 2);
    let style = Words::plain(Weight::Bold, (60.0, 36.0), GROUND)
        .over(colour)
        .middle();
    page.words(&style, &words.to_uppercase(), room.rest())?;
    Ok(())
}

/// A photograph as large as fits on the black of `area`, or the black alone.
pub(super) fn photograph<D>(
    page: &mut Page<D>,
    picture: Option<&RgbImage>,
    area: Rectangle,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    page.fill(area, Rgb888::BLACK)?;
    let Some(picture) = picture.filter(|picture| !picture.is_empty()) else {
        return Ok(());
    };
    let Size { width, height } = area.size;
    let (across, down) = picture.dimensions();
    let scale = (width as f32 / across as f32).min(height as f32 / down as f32);
    if scale == 1.0 || area.is_zero_sized() {
        return page.photograph(picture, area);
    }
    let side = |side: u32, most: u32| ((side as f32 * scale).round() as u32).clamp(1, most);
    let fitted = imageops::thumbnail(picture, side(across, width), side(down, height));
    page.photograph(&fitted, area)
}

/// A share of a bar that is full at 1.
pub(super) fn progress<D>(page: &mut Page<D>, area: Rectangle, share: f32) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    page.card(area)?;
    let mut room = Room::of(inset(area, page.grid.px(4)));
    let width = room.rest().size.width as f32 * share.clamp(0.0, 1.0);
    let done = room.left(width.round() as i32);
    page.fill(done, INK)
}

/// `Right eye` as a sentence holds it.
pub(super) fn within_sentence<D>(page: &Page<D>, eye: Eye) -> String {
    page.texts.eye(eye).to_lowercase()
}
