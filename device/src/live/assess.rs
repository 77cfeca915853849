//! One frame's measures.

use std::time::Duration;

use fovea_core::field::{Field, FieldShape};
use fovea_core::prepare::{Prepared, Preparer};
use fovea_core::quality::{Measurer, Measures};
use image::{GenericImage, GenericImageView, RgbImage};

use super::motion::{Motion, Thumbnail};

/// Side of the prepared frame in pixels: twice what [`Measurer`] looks at, so
/// that the middle of it alone is measured at twice the scale.
const SIDE: u32 = 256;
/// Side of the middle.
const MIDDLE: u32 = SIDE / 2;

/// Redness at which a disc looks nothing like a retina, and at which it looks
/// wholly like one. The usual limit in between turns away 4 in 1,000
/// photographs of ODIR-5K and 12 of EyePACS, and 597 of 600 pictures that are
/// no photographs of a retina.
const NO_RETINA: f32 = 0.05;
const RETINA: f32 = 0.15;

/// What was measured of one frame. Every number is finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// Where the retina is in the frame.
    pub field: Field,
    /// The gate's measures.
    pub measures: Measures,
    /// Radius of the field over half of the frame's shorter side: 1 when it
    /// just fits.
    pub size: f32,
    /// Detail in the middle of the field: [`Measures::sharpness`] of its inner
    /// half at twice the scale. Where the gate's measure loses a quarter, this
    /// one loses a half.
    pub focus: f32,
    /// Distance of the light's middle from the field's, in radii: the pupil's
    /// edge shades one side.
    pub shade: f32,
    /// Speed of the picture in field diameters per second; `None` while there
    /// is no earlier frame to compare with.
    pub motion: Option<f32>,
    /// How much this looks like a retina, 0 to 1: a disc of light that is red
    /// rather than grey. Skin is red too: only the student tells it apart, on
    /// the photograph.
    pub retina: f32,
}

/// Measures frame after frame; keeps what it needs from one to the next, its
/// memory among it.
#[derive(Clone, Debug)]
pub struct Assessor {
    preparer: Preparer,
    measurer: Measurer,
    prepared: Prepared,
    middle: Prepared,
    motion: Motion,
}

impl Assessor {
    /// One that has seen no frame yet.
    pub fn new() -> Assessor {
        Assessor {
            preparer: Preparer::default(),
            measurer: Measurer::default(),
            prepared: Prepared::black(SIDE),
            middle: Prepared::black(MIDDLE),
            motion: Motion::default(),
        }
    }

    /// Measures a frame that was taken at `at` (on any clock that only goes
    /// forward).
    pub fn assess(&mut self, frame: &RgbImage, at: Duration) -> Assessment {
        self.preparer.prepare(frame, &mut self.prepared);
        let thumbnail = Thumbnail::of(&self.prepared);
        let measures = self.measurer.measure(&self.prepared);
        let field = self.prepared.field;
        Assessment {
            field,
            measures,
            size: 2.0 * field.rx.max(field.ry) / field.frame.0.min(field.frame.1).max(1) as f32,
            focus: self.focus(),
            shade: thumbnail.shade(),
            motion: self.motion.next(thumbnail, at),
            retina: retina(&measures),
        }
    }

    fn focus(&mut self) -> f32 {
        let from = (SIDE - MIDDLE) / 2;
        let middle = self.prepared.rgb.view(from, from, MIDDLE, MIDDLE);
        // Fails only where sizes differ, and they are the same.
        match self.middle.rgb.copy_from(&*middle, 0, 0) {
            Ok(()) => self.measurer.measure(&self.middle).sharpness,
            Err(_) => 0.0,
        }
    }
}

impl Default for Assessor {
    fn default() -> Assessor {
        Assessor::new()
    }
}

fn retina(measures: &Measures) -> f32 {
    match measures.field_shape {
        FieldShape::None => 0.0,
        _ => ((measures.redness - NO_RETINA) / (RETINA - NO_RETINA)).clamp(0.0, 1.0),
    }
}
