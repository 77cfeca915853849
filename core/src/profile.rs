//! What a camera does to every photograph, measured once and undone before
//! preparation.
//!
//! A camera lights the middle of the retina more than its rim, and its sensor
//! and lamp give white a tint. Photographs of an evenly lit white target show
//! both: [`CameraProfile::measure`] turns them into a profile, a TOML file with
//! the field of view, the white balance and the illumination, which
//! [`CameraProfile::apply`] takes out of a photograph again.
//!
//! Factors are applied to the values that the file has. A camera encodes light
//! as nearly a power of it, and the power of a product is the product of the
//! powers, so what was multiplied in light can be divided out of the values.
//!
//! `apply` gives the same bytes on every machine: it adds, multiplies and
//! divides 32-bit floats, one after the other, and calls no function of the
//! platform's mathematics library.

mod fit;
mod measure;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::files::{self, read_text_at_most, Readers};
use crate::photograph::MAX_SIDE;
use crate::versioned;

pub use measure::{MeasureError, MIN_FRAMES};

/// The format this version writes and reads.
pub const FORMAT: u32 = 1;

/// A profile has a few dozen numbers: anything longer is no profile.
const MAX_BYTES: u64 = 64 << 10;

/// Monomials u^i v^j with i + j of at most 4.
const TERMS: usize = 15;

/// How far from the circle's centre the profile is applied, in radii: the
/// circle is found exactly to about half a percent, and its rim may not stay
/// behind as a ring.
const REACH: f32 = 1.02;

/// White balance that a lamp and a sensor can need. More is a coloured target.
const WHITE_BALANCE: std::ops::RangeInclusive<f32> = 0.4..=2.5;
/// Illumination in proportion to the centre's. Below a quarter too little is
/// left to amplify; above one and a half the lamp is not centred.
const ILLUMINATION: std::ops::RangeInclusive<f32> = 0.25..=1.5;
/// Least share of the circle that the frame holds, as for a photograph.
const MIN_COVERAGE: f32 = 0.6;
/// Least radius of the circle, in pixels.
const MIN_RADIUS: f32 = 32.0;
/// How far two aspect ratios may differ, as a share: frames of one camera are
/// rounded to whole blocks when they are scaled.
const SAME_ASPECT: f32 = 0.01;

/// A camera's profile. One that was parsed or measured has passed
/// [`CameraProfile::check`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraProfile {
    /// [`FORMAT`].
    pub format: u32,
    /// The camera as the configuration names it.
    pub camera: String,
    /// Size of the frames measured on. Photographs of another size are taken
    /// as the same view scaled.
    pub frame: FrameSize,
    /// The field of view.
    pub circle: Circle,
    /// What makes the target grey.
    pub white_balance: WhiteBalance,
    /// How the light falls off towards the rim.
    pub illumination: Illumination,
    /// What the frames were like.
    pub measured: Measured,
}

/// Size of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameSize {
    /// Pixels across; in a profile that passed [`CameraProfile::check`] 1 to [`MAX_SIDE`].
    pub width: u32,
    /// Pixels down, within the same limits.
    pub height: u32,
}

/// A circle in a frame; (0, 0) is the outer corner of the first pixel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circle {
    /// Centre, in pixels from the frame's left edge.
    pub cx: f32,
    /// Centre, in pixels from the frame's top edge.
    pub cy: f32,
    /// In pixels; in a profile 32 or more.
    pub radius: f32,
}

/// Factors that make the target grey. Green stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhiteBalance {
    /// Multiplies the red channel, 0.4 to 2.5.
    pub red: f32,
    /// Multiplies the blue channel, 0.4 to 2.5.
    pub blue: f32,
}

/// Brightness over the field in proportion to its centre's, as a polynomial in
/// u (to the right) and v (down), both in radii from the circle's centre.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Illumination {
    /// Of 1, v, v^2, v^3, v^4, u, u v, u v^2, u v^3, u^2, u^2 v, u^2 v^2, u^3,
    /// u^3 v, u^4. The first is 1.
    pub coefficients: [f32; TERMS],
}

/// How good the measurement was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// How many frames.
    pub frames: u32,
    /// Mean luminance of the field, 0 to 1.
    pub brightness: f32,
    /// Grain of the green channel, as a share of its mean.
    pub noise: f32,
    /// What the profile leaves uneven: root mean square over the field and the
    /// channels, as a share of the mean.
    pub uneven: f32,
}

/// Why a profile was refused, could not be used, read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum ProfileError {
    #[error("cannot read {path}: {source}; {}", remedy(source), path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}: {source}; check that the folder exists, has room and may be written", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the camera profile is larger than {MAX_BYTES} bytes: it cannot be one")]
    TooLarge,
    #[error("the camera profile is not valid: {0}; calibrate the camera again")]
    Syntax(String),
    #[error("cannot write the camera profile as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
    #[error("the camera profile has format {found} but this version of Fovea reads format {FORMAT}: calibrate the camera again")]
    Format { found: u32 },
    #[error(
        "the camera profile's {field} is {value} but must be {range}: calibrate the camera again"
    )]
    Value {
        field: &'static str,
        value: f32,
        range: String,
    },
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// A photograph of another aspect ratio than the frames that a profile was
/// measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the camera profile was made for frames of {}, and this one is {}: calibrate the camera again at the size it now has", size(.expected), size(.found))]
pub struct OtherFrame {
    /// Of the frames that were measured on.
    pub expected: FrameSize,
    /// Of the photograph.
    pub found: FrameSize,
}

fn size(frame: &FrameSize) -> String {
    format!("{} x {} pixels", frame.width, frame.height)
}

/// What helps against a failure to read a profile.
fn remedy(failure: &io::Error) -> &'static str {
    match failure.kind() {
        io::ErrorKind::PermissionDenied => {
            "run this as a user who may read it, or name another profile"
        }
        _ => "check that it exists, or make one with `fovea calibrate-camera`",
    }
}

const HEADING: &str = "\
# Profile of a camera, made by `fovea calibrate-camera` from photographs of an
# evenly lit white target. Lengths are pixels of the frame; factors multiply
# values as the file has them; brightness and noise are shares.

";

impl CameraProfile {
    /// Measures the profile of `camera` on photographs of an evenly lit white
    /// target that fills its field of view.
    ///
    /// # Errors
    /// When the frames are fewer than [`MIN_FRAMES`], show no field, or are too
    /// dark, clipped, noisy, uneven or unlike each other; when what they give
    /// fails [`CameraProfile::check`].
    pub fn measure(camera: &str, frames: &[RgbImage]) -> Result<CameraProfile, ProfileError> {
        let profile = measure::measure(camera, frames)?;
        profile.check()?;
        Ok(profile)
    }

    /// Reads a profile and checks it.
    ///
    /// # Errors
    /// When the text has another format than [`FORMAT`] or is no TOML of this
    /// form, and as [`CameraProfile::check`].
    pub fn parse(toml: &str) -> Result<CameraProfile, ProfileError> {
        let other = |found| ProfileError::Format { found };
        let profile: CameraProfile = versioned::parse(toml, FORMAT, ProfileError::Syntax, other)?;
        profile.check()?;
        Ok(profile)
    }

    /// Reads the profile in the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read as UTF-8 text or is larger than 64 KiB, and
    /// as [`CameraProfile::parse`].
    pub fn open(path: &Path) -> Result<CameraProfile, ProfileError> {
        let failed = |source| ProfileError::Read {
            path: path.to_owned(),
            source,
        };
        let text = read_text_at_most(path, MAX_BYTES).map_err(failed)?;
        CameraProfile::parse(&text.ok_or(ProfileError::TooLarge)?)
    }

    /// The file's text, with a heading for its reader.
    ///
    /// # Errors
    /// Those of the TOML serialiser.
    pub fn to_toml(&self) -> Result<String, ProfileError> {
        Ok(HEADING.to_owned() + &toml::to_string(self)?)
    }

    /// Writes the file at `path`, all or nothing: an earlier one is replaced
    /// only by a whole new one. Every user may read it.
    ///
    /// # Errors
    /// As [`CameraProfile::to_toml`], and when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ProfileError> {
        let text = self.to_toml()?;
        let failed = |source| ProfileError::Write {
            path: path.to_owned(),
            source,
        };
        // It is read by the service that runs as another user, and holds no secret.
        files::write_atomically(path, Readers::Everyone, |file| {
            file.write_all(text.as_bytes())
        })
        .map_err(failed)
    }

    /// Whether every number is one that a camera can have.
    ///
    /// # Errors
    /// When `format` is not [`FORMAT`] or a number is out of its range: the first
    /// that is.
    pub fn check(&self) -> Result<(), ProfileError> {
        if self.format != FORMAT {
            let found = self.format;
            return Err(ProfileError::Format { found });
        }
        let (frame, circle, white) = (&self.frame, &self.circle, &self.white_balance);
        let side = 1.0..=MAX_SIDE as f32;
        let (width, height) = (frame.width as f32, frame.height as f32);
        within("frame.width", width, &side)?;
        within("frame.height", height, &side)?;
        within("circle.cx", circle.cx, &(0.0..=width))?;
        within("circle.cy", circle.cy, &(0.0..=height))?;
        let most = width.max(height);
        within("circle.radius", circle.radius, &(MIN_RADIUS..=most))?;
        let coverage = circle.coverage(frame);
        within(
            "circle's share inside the frame",
            coverage,
            &(MIN_COVERAGE..=1.0),
        )?;
        within("white_balance.red", white.red, &WHITE_BALANCE)?;
        within("white_balance.blue", white.blue, &WHITE_BALANCE)?;
        let centre = self.illumination.coefficients[0];
        within("illumination.coefficients[0]", centre, &(0.99..=1.01))?;
        let measured = &self.measured;
        let any = 0.0..=f32::MAX;
        within("measured.brightness", measured.brightness, &(0.0..=1.0))?;
        within("measured.noise", measured.noise, &any)?;
        within("measured.uneven", measured.uneven, &any)?;
        for (u, v) in disc_points() {
            let light = self.illumination.at(u * REACH, v * REACH);
            within("illumination somewhere in the field", light, &ILLUMINATION)?;
        }
        Ok(())
    }

    /// Takes the camera's illumination and tint out of a photograph, in place.
    /// Only the field of view changes. A value of 255 stays: it was clipped and
    /// says nothing of the light, and the gate must still see it as such.
    ///
    /// # Errors
    /// When the photograph has another aspect ratio than the frames that the
    /// profile was measured on.
    pub fn apply(&self, photograph: &mut RgbImage) -> Result<(), OtherFrame> {
        let found = FrameSize {
            width: photograph.width(),
            height: photograph.height(),
        };
        if !self.frame.same_view(&found) {
            let expected = self.frame;
            return Err(OtherFrame { expected, found });
        }
        let circle = self.circle.scaled(&self.frame, &found);
        let white = [self.white_balance.red, 1.0, self.white_balance.blue];
        let row_bytes = 3 * found.width as usize;
        for (y, row) in photograph.chunks_exact_mut(row_bytes).enumerate() {
            let v = (y as f32 + 0.5 - circle.cy) / circle.radius;
            let across = self.illumination.across(v);
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                let u = (x as f32 + 0.5 - circle.cx) / circle.radius;
                if u * u + v * v > REACH * REACH {
                    continue;
                }
                let gain = 1.0 / polynomial(&across, u);
                for (value, white) in pixel.iter_mut().zip(white) {
                    if *value != u8::MAX {
                        // `as` saturates, so that too much becomes 255.
                        *value = (f32::from(*value) * (white * gain) + 0.5) as u8;
                    }
                }
            }
        }
        Ok(())
    }
}

impl FrameSize {
    fn same_view(&self, other: &FrameSize) -> bool {
        let ours = self.width as f32 * other.height as f32;
        let theirs = other.width as f32 * self.height as f32;
        theirs > 0.0 && (ours - theirs).abs() <= SAME_ASPECT * ours.max(theirs)
    }
}

impl Circle {
    /// The same circle in a frame of another size.
    fn scaled(&self, from: &FrameSize, to: &FrameSize) -> Circle {
        let sx = to.width as f32 / from.width as f32;
        let sy = to.height as f32 / from.height as f32;
        Circle {
            cx: self.cx * sx,
            cy: self.cy * sy,
            radius: self.radius * (sx + sy) / 2.0,
        }
    }

    /// Share of the circle inside the frame, 0 to 1.
    fn coverage(&self, frame: &FrameSize) -> f32 {
        let (mut inside, mut all) = (0u32, 0u32);
        for (u, v) in disc_points() {
            let (x, y) = (self.cx + u * self.radius, self.cy + v * self.radius);
            let across = (0.0..=frame.width as f32).contains(&x);
            inside += u32::from(across && (0.0..=frame.height as f32).contains(&y));
            all += 1;
        }
        inside as f32 / all as f32
    }
}

impl Illumination {
    /// Brightness at (u, v) in proportion to the centre's.
    fn at(&self, u: f32, v: f32) -> f32 {
        polynomial(&self.across(v), u)
    }

    /// The polynomial in u that is left on the line of one v.
    fn across(&self, v: f32) -> [f32; fit::DEGREE + 1] {
        let mut across = [0.0; fit::DEGREE + 1];
        let mut rest = self.coefficients.as_slice();
        for (i, coefficient) in across.iter_mut().enumerate() {
            let (down, after) = rest.split_at(fit::DEGREE + 1 - i);
            *coefficient = polynomial(down, v);
            rest = after;
        }
        across
    }
}

/// The polynomial with these coefficients, the constant first, at `x`.
fn polynomial(coefficients: &[f32], x: f32) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// Points spread evenly over the unit disc.
fn disc_points() -> impl Iterator<Item = (f32, f32)> {
    const STEPS: i16 = 24;
    let all = (-STEPS..=STEPS).flat_map(|y| (-STEPS..=STEPS).map(move |x| (x, y)));
    all.filter(|(x, y)| x * x + y * y <= STEPS * STEPS)
        .map(|(x, y)| {
            (
                f32::from(x) / f32::from(STEPS),
                f32::from(y) / f32::from(STEPS),
            )
        })
}

/// Refuses a value outside of its range, also one that is not a number.
fn within(
    field: &'static str,
    value: f32,
    range: &std::ops::RangeInclusive<f32>,
) -> Result<(), ProfileError> {
    if range.contains(&value) {
        return Ok(());
    }
    let range = format!("from {} to {}", range.start(), range.end());
    Err(ProfileError::Value {
        field,
        value,
        range,
    })
}
