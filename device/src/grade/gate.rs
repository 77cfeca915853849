//! The gate on the device: fast measures on pixels, then the student's own
//! outputs for the photograph.

use std::collections::BTreeMap;

use fovea_core::calibration::Calibration;
use fovea_core::decision::Finding;
use fovea_core::gate::{self, GateReason, GateVerdict};
use fovea_core::prepare::Prepared;
use fovea_core::quality;
use fovea_core::taxonomy::{Subject, Taxonomy};
use fovea_core::unsuitable;
use image::RgbImage;

/// Step 1: what the pixels alone rule out. `prepared` was made of `photograph`.
pub fn by_pixels(
    photograph: &RgbImage,
    prepared: &Prepared,
    calibration: &Calibration,
) -> GateVerdict {
    let first = gate::gate_pixels(&quality::measure(prepared), &calibration.gate);
    unsuitable::gate_photograph(first, photograph, prepared)
}

/// Step 2: adds what the student says of the photograph itself. `findings` is
/// one per node of `taxonomy`; those that speak of the photograph and not of
/// the eye count.
pub fn by_student(
    first: GateVerdict,
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    findings: &[Finding],
) -> GateVerdict {
    let about_photograph: Vec<(&str, f32)> = taxonomy
        .nodes()
        .iter()
        .zip(findings)
        .filter(|(node, _)| node.subject == Subject::Photograph)
        .map(|(node, finding)| (node.id.as_str(), finding.probability))
        .collect();
    gate::gate_student(first, &about_photograph, &calibration.gate)
}

/// The verdict where no score can stand for the photograph: on a file that is
/// none, or where the student failed.
pub fn without_scores(reason: GateReason) -> GateVerdict {
    GateVerdict {
        accepted: false,
        reason,
        scores: BTreeMap::new(),
    }
}

/// What the technician is told, and can do about it.
pub fn advice(reason: GateReason) -> &'static str {
    match reason {
        GateReason::Ok => "The photograph can be graded",
        GateReason::NonFundus => "This is not a photograph of a retina: photograph the fundus",
        GateReason::TooDark => "The photograph is too dark: use more flash or dilate the pupil",
        GateReason::TooBright => "The photograph is too bright: use less flash",
        GateReason::Blurred => "The photograph is blurred or hazy: focus and photograph again",
        GateReason::FieldOfView => "Too little of the retina is in view: centre the field",
        GateReason::Artefact => {
            "Lashes, dust or reflections hide the retina: clean the lens, open the eye wide"
        }
        GateReason::Unreadable => "The file cannot be read",
        GateReason::SeveralFields => {
            "More than one eye is in the photograph: give one eye per photograph"
        }
        GateReason::NotColour => {
            "This is not a colour photograph of the retina: take one in colour and white light"
        }
        GateReason::TooSmall => "The photograph has too few pixels: export it in full size",
        GateReason::StudentFailed => {
            "The model failed on this photograph: run the self-test, install the bundle again"
        }
    }
}
