//! Whether a photograph can be graded at all.
//!
//! Two steps: [`gate_pixels`] refuses only what is certain from fast measures,
//! [`gate_student`] refuses what the student's own outputs for the photograph
//! (not the eye) call ungradable.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::FieldShape;
use crate::quality::Measures;

/// Why a photograph was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateReason {
    Ok,
    NonFundus,
    TooDark,
    TooBright,
    Blurred,
    FieldOfView,
    Artefact,
    Unreadable,
}

/// Limits of both steps. A student's limit is a probability: at or above it
/// the photograph is refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateLimits {
    /// Lowest mean luminance, 0 to 1.
    pub min_luma: f32,
    /// Highest mean luminance, 0 to 1.
    pub max_luma: f32,
    /// Lowest contrast (standard deviation of the luminance).
    pub min_contrast: f32,
    /// Lowest redness of a photograph without a field.
    pub min_redness_without_field: f32,
    pub non_fundus: f32,
    pub dark: f32,
    pub bright: f32,
    pub blurred: f32,
    pub artefact: f32,
    pub low_quality: f32,
}

impl Default for GateLimits {
    fn default() -> Self {
        GateLimits {
            min_luma: 0.03,
            max_luma: 0.95,
            min_contrast: 0.01,
            min_redness_without_field: 0.05,
            non_fundus: 0.5,
            dark: 0.5,
            bright: 0.5,
            blurred: 0.5,
            artefact: 0.5,
            low_quality: 0.5,
        }
    }
}

/// The gate's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateVerdict {
    pub accepted: bool,
    /// The first reason, [`GateReason::Ok`] when accepted.
    pub reason: GateReason,
    /// Every number the verdict rests on, by name.
    pub scores: BTreeMap<String, f32>,
}

/// Step 1: refuses what is certain from pixels.
pub fn gate_pixels(measures: &Measures, limits: &GateLimits) -> GateVerdict {
    let no_field = measures.field_shape == FieldShape::None;
    let reason = if measures.mean_luma < limits.min_luma {
        GateReason::TooDark
    } else if measures.mean_luma > limits.max_luma {
        GateReason::TooBright
    } else if no_field && measures.redness < limits.min_redness_without_field {
        GateReason::NonFundus
    } else if measures.contrast < limits.min_contrast {
        GateReason::Blurred
    } else {
        GateReason::Ok
    };
    let scores = [
        ("mean_luma", measures.mean_luma),
        ("contrast", measures.contrast),
        ("redness", measures.redness),
        ("sharpness", measures.sharpness),
        ("field_coverage", measures.field_coverage),
    ];
    GateVerdict {
        accepted: reason == GateReason::Ok,
        reason,
        scores: scores.map(|(k, v)| (k.to_owned(), v)).into(),
    }
}

/// Step 2: adds the student's outputs for the photograph, by node id, as
/// probabilities. A refusal of step 1 stands.
pub fn gate_student(
    first: GateVerdict,
    quality: &[(&str, f32)],
    limits: &GateLimits,
) -> GateVerdict {
    let mut verdict = first;
    for &(id, probability) in quality {
        verdict.scores.insert(id.to_owned(), probability);
    }
    if !verdict.accepted {
        return verdict;
    }
    let by_student = [
        ("non_fundus", limits.non_fundus, GateReason::NonFundus),
        ("dark", limits.dark, GateReason::TooDark),
        ("bright", limits.bright, GateReason::TooBright),
        ("blurred", limits.blurred, GateReason::Blurred),
        ("artefact", limits.artefact, GateReason::Artefact),
    ];
    for (id, limit, reason) in by_student {
        let refused = quality.iter().any(|&(q, p)| q == id && p >= limit);
        if refused {
            verdict.accepted = false;
            verdict.reason = reason;
            break;
        }
    }
    verdict
}
