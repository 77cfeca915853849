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
