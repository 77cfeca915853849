//! A verdict from quicker arithmetic, where that cannot change it.
//!
//! A processor that multiplies bfloat16 runs the student in two thirds of the time, to some
//! hundredths in its logits. Such an answer counts only if the gate, the referral and the finding
//! named first would be the same for logits [`APART`] lower and higher; else the student is asked
//! again in 32-bit floats. Every probability rises with each logit, whatever the parent rule, so
//! what holds at both ends for each finding holds between them. What decides nothing may still
//! differ from one processor to another: which of two findings that are alike is named first, and
//! whether one near its operating point is shown.

use fovea_core::calibration::Calibration;
use fovea_core::decision::{self, OutputError, Verdict};
use fovea_core::gate::{GateReason, GateVerdict};
use fovea_core::taxonomy::Taxonomy;

use super::gate;

/// How far a logit in bfloat16 may be from that in floats. Over 2,588 photographs the shipped
/// student's furthest finding, calibrated, was 0.04 apart in the middle, 0.16 in one of a thousand
/// and 0.25 at most (`device/tests/quick.rs` holds the logits of some to it).
pub const APART: f32 = 0.25;

/// Whether the gate, the referral and the finding named first are the same for logits [`APART`] below
/// and above `logits`, of which there is one per finest node. `first` is what the gate said of the
/// pixels.
pub fn is_sure(
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    first: &GateVerdict,
    logits: &[f32],
) -> bool {
    let end = |by: f32| -> Result<_, OutputError> {
        let moved: Vec<f32> = logits.iter().map(|logit| logit + by).collect();
        let verdict = decision::decide(taxonomy, calibration, &moved)?;
        let gate = gate::by_student(first.clone(), taxonomy, calibration, &verdict.findings);
        Ok((verdict, gate.reason))
    };
    match (end(-APART), end(APART)) {
        (Ok(low), Ok(high)) => says(&low) == says(&high),
        _ => false,
    }
}

/// What a verdict comes down to, without its numbers.
fn says((verdict, gate): &(Verdict, GateReason)) -> impl PartialEq + use<'_> {
    let named = verdict.reasons.first().map(|reason| {
        let likeliest = reason.likeliest().map(|likeliest| likeliest.node.as_str());
        reason.node().or(likeliest)
    });
    (verdict.referral, named, *gate)
}
