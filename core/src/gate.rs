//! Whether a photograph can be graded at all.
//!
//! Two steps. [`gate_pixels`] refuses only what is certain from the fast
//! measures of [`crate::quality`]: nothing lit, nothing but white, one colour,
//! noise, neither a disc nor a retina's colour, hardly a vessel, light of one
//! side, or a veil of yellow light. [`gate_student`] refuses
//! what the student's own outputs for the photograph (not the eye) call
//! ungradable.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::FieldShape;
use crate::quality::Measures;
use crate::taxonomy::{ids, Subject, Taxonomy};

/// Why a photograph was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateReason {
    /// Not refused.
    Ok,
    /// No photograph of a retina.
    NonFundus,
    /// Underexposed.
    TooDark,
    /// Overexposed.
    TooBright,
    /// Out of focus or hazy.
    Blurred,
    /// The frame holds too little of the field, or one half of the field is much
    /// darker than the other while a part of it is white.
    FieldOfView,
    /// Lashes, reflections, dust.
    Artefact,
    /// The file could not be decoded; set by whoever read it.
    Unreadable,
    /// More than one field of view in the frame; see [`crate::unsuitable`].
    SeveralFields,
    /// Grey, red-free, autofluorescence, an angiogram: no colours of a retina.
    NotColour,
    /// Fewer pixels across the field than the student needs.
    TooSmall,
    /// The student failed on the photograph, which may be good; set by whoever
    /// asked it.
    StudentFailed,
}

/// Luminance below which a photograph without vessels is called too dark, and
/// above which too bright, rather than blurred: there the live picture asks for
/// other light (its usual limits).
const DIM: f32 = 0.15;
const GLARING: f32 = 0.75;

/// Limits of both steps. Those from `non_fundus` on are probabilities, at or
/// above which the student's output refuses a photograph; the others are on
/// [`Measures`] and in their units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateLimits {
    /// Least mean luminance.
    pub min_luma: f32,
    /// Most mean luminance.
    pub max_luma: f32,
    /// Least standard deviation of the luminance.
    pub min_contrast: f32,
    /// Least redness of a photograph in which no disc was found. With a disc,
    /// colour refuses nothing: red-free photographs and angiograms are grey or
    /// green.
    pub min_redness_without_field: f32,
    /// Most share of noise.
    pub max_noise: f32,
    /// Least sharpness.
    pub min_sharpness: f32,
    /// Least share of the field's disc inside the frame.
    pub min_field_coverage: f32,
    /// Least share of the field in which vessels are seen. Calibrations written
    /// before this limit and the next five have their defaults.
    #[serde(default = "defaults::min_vessel_share")]
    pub min_vessel_share: f32,
    /// The same of a photograph in which no disc was found: most pictures of
    /// other things have some dark lines.
    #[serde(default = "defaults::min_vessel_share_without_field")]
    pub min_vessel_share_without_field: f32,
    /// Least light of the darker half over the brighter one, where more than
    /// `max_burnt_share` shows nothing but white: light from the pupil's edge.
    #[serde(default = "defaults::min_light_balance")]
    pub min_light_balance: f32,
    /// Share of the field above a luminance of 0.96, 0 to 1, above which
    /// `min_light_balance` applies.
    #[serde(default = "defaults::max_burnt_share")]
    pub max_burnt_share: f32,
    /// Most green over red, up to 1, at a saturation above `veil_saturation`:
    /// yellow light comes from a lid, or from in front of the retina. Green
    /// that outshines red is red-free light.
    #[serde(default = "defaults::max_green_over_red")]
    pub max_green_over_red: f32,
    /// Saturation of the mean colour, 0 to 1, above which `max_green_over_red`
    /// applies.
    #[serde(default = "defaults::veil_saturation")]
    pub veil_saturation: f32,
    /// For the node `non_fundus`: no photograph of a retina.
    pub non_fundus: f32,
    /// For the node `dark`: underexposed.
    pub dark: f32,
    /// For the node `bright`: overexposed.
    pub bright: f32,
    /// For the node `blurred`: out of focus or hazy.
    pub blurred: f32,
    /// For the node `artefact`: lashes, reflections, dust.
    pub artefact: f32,
    /// For the parent of the four above: ungradable, though none alone is sure.
    pub low_quality: f32,
    /// The taxonomy lacks some of the six nodes above: what these would refuse is
    /// left to the measures on pixels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pixels_only: bool,
}

/// The nodes that the student refuses a photograph by, each the field of its limit.
pub(crate) const STUDENT_NODES: [&str; 6] = [
    ids::NON_FUNDUS,
    ids::DARK,
    ids::BRIGHT,
    ids::BLURRED,
    ids::ARTEFACT,
    ids::LOW_QUALITY,
];

/// The first of the nodes that the student refuses a photograph by which
/// `taxonomy` lacks, or has as a node of the eye; `None` where it has all six.
pub fn lacks(taxonomy: &Taxonomy) -> Option<&'static str> {
    STUDENT_NODES.into_iter().find(|id| {
        let node = taxonomy.index(id).map(|node| &taxonomy.nodes()[node]);
        node.is_none_or(|node| node.subject != Subject::Photograph)
    })
}

impl Default for GateLimits {
    /// The limits on pixels let pass all but the worst photographs of ODIR-5K's
    /// training split; those on the student are to be replaced by calibrated
    /// ones.
    ///
    /// Of 2,341 photographs of its training and validation splits that are not
    /// said to be poor, about four show fewer vessels; yellow light has none of
    /// them, nor any of thirteen other sources.
    fn default() -> Self {
        GateLimits {
            min_luma: 0.04,
            max_luma: 0.9,
            min_contrast: 0.01,
            min_redness_without_field: 0.1,
            max_noise: 0.45,
            min_sharpness: 0.002,
            min_field_coverage: 0.6,
            min_vessel_share: defaults::min_vessel_share(),
            min_vessel_share_without_field: defaults::min_vessel_share_without_field(),
            min_light_balance: defaults::min_light_balance(),
            max_burnt_share: defaults::max_burnt_share(),
            max_green_over_red: defaults::max_green_over_red(),
            veil_saturation: defaults::veil_saturation(),
            non_fundus: 0.5,
            dark: 0.5,
            bright: 0.5,
            blurred: 0.5,
            artefact: 0.5,
            low_quality: 0.5,
            pixels_only: false,
        }
    }
}

/// Limits that calibrations of earlier versions lack.
mod defaults {
    pub fn min_vessel_share() -> f32 {
        0.06
    }
    pub fn min_vessel_share_without_field() -> f32 {
        0.3
    }
    pub fn min_light_balance() -> f32 {
        0.4
    }
    pub fn max_burnt_share() -> f32 {
        0.04
    }
    pub fn max_green_over_red() -> f32 {
        0.74
    }
    pub fn veil_saturation() -> f32 {
        0.95
    }
}

/// The gate's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// Whether the photograph may be graded: true exactly when `reason` is
    /// [`GateReason::Ok`].
    pub accepted: bool,
    /// The first measure that refuses; else, of the student's outputs, that it is
    /// no fundus, or the one furthest over its limit. [`GateReason::Ok`] when accepted.
    pub reason: GateReason,
    /// What the verdict rests on, by name: measures, then the student's outputs by
    /// node id. The colours that tell a colour photograph from another are not kept.
    pub scores: BTreeMap<String, f32>,
}

/// Step 1: refuses what is certain from pixels.
///
/// Exposure comes first only where it leaves nothing to tell a retina by.
pub fn gate_pixels(measures: &Measures, limits: &GateLimits) -> GateVerdict {
    let m = measures;
    let no_disc = m.field_shape == FieldShape::None;
    let uniform = m.contrast < limits.min_contrast;
    let fewer_vessels = |limit: f32| m.vessel_share.is_some_and(|share| share < limit);
    let veiled = (limits.max_green_over_red..1.0).contains(&m.green_over_red)
        && m.saturation > limits.veil_saturation;
    let rules = [
        (m.mean_luma < limits.min_luma, GateReason::TooDark),
        (m.mean_luma > limits.max_luma, GateReason::TooBright),
        (no_disc && uniform, GateReason::NonFundus),
        (
            no_disc && m.redness < limits.min_redness_without_field,
            GateReason::NonFundus,
        ),
        (m.noise > limits.max_noise, GateReason::NonFundus),
        (
            uniform || m.sharpness < limits.min_sharpness,
            GateReason::Blurred,
        ),
        (
            m.field_coverage < limits.min_field_coverage,
            GateReason::FieldOfView,
        ),
        (
            no_disc && fewer_vessels(limits.min_vessel_share_without_field),
            GateReason::NonFundus,
        ),
        // Haze shows no lines; the outside of the eye shows lashes, lids and
        // the vessels on its white.
        (
            veiled && fewer_vessels(limits.min_vessel_share_without_field),
            GateReason::Blurred,
        ),
        (veiled, GateReason::NonFundus),
        (
            m.light_balance < limits.min_light_balance && m.bright_share > limits.max_burnt_share,
            GateReason::FieldOfView,
        ),
        (
            fewer_vessels(limits.min_vessel_share),
            match m.mean_luma {
                luma if luma < DIM => GateReason::TooDark,
                luma if luma > GLARING => GateReason::TooBright,
                _ => GateReason::Blurred,
            },
        ),
    ];
    let reason = rules
        .into_iter()
        .find_map(|(holds, reason)| holds.then_some(reason))
        .unwrap_or(GateReason::Ok);
    let scores = [
        ("mean_luma", m.mean_luma),
        ("dark_share", m.dark_share),
        ("bright_share", m.bright_share),
        ("contrast", m.contrast),
        ("redness", m.redness),
        ("sharpness", m.sharpness),
        ("noise", m.noise),
        ("field_coverage", m.field_coverage),
        ("light_balance", m.light_balance),
        ("green_over_red", m.green_over_red),
    ];
    let vessels = m.vessel_share.map(|share| ("vessel_share", share));
    GateVerdict {
        accepted: reason == GateReason::Ok,
        reason,
        scores: scores
            .into_iter()
            .chain(vessels)
            .map(|(name, v)| (name.to_owned(), v))
            .collect(),
    }
}

/// Step 2: the student's outputs for the photograph as `(node id,
/// probability)`. Adds them to the scores; a refusal of step 1 stands. Ids
/// without a limit are recorded and decide nothing; a probability that is not a
/// number refuses.
pub fn gate_student(
    first: GateVerdict,
    quality: &[(&str, f32)],
    limits: &GateLimits,
) -> GateVerdict {
    let mut verdict = first;
    for &(id, probability) in quality {
        verdict.scores.insert(id.to_owned(), probability);
    }
    if verdict.accepted {
        verdict.reason = student_reason(quality, limits);
        verdict.accepted = verdict.reason == GateReason::Ok;
    }
    verdict
}

fn student_reason(quality: &[(&str, f32)], limits: &GateLimits) -> GateReason {
    let probability = |id: &str| quality.iter().find(|(other, _)| *other == id).map(|q| q.1);
    let reaches = |id: &str, limit: f32| probability(id).is_some_and(|p| p >= limit || p.is_nan());
    if reaches(ids::NON_FUNDUS, limits.non_fundus) {
        return GateReason::NonFundus;
    }
    let low_quality = reaches(ids::LOW_QUALITY, limits.low_quality);
    let kinds = [
        (ids::DARK, limits.dark, GateReason::TooDark),
        (ids::BRIGHT, limits.bright, GateReason::TooBright),
        (ids::BLURRED, limits.blurred, GateReason::Blurred),
        (ids::ARTEFACT, limits.artefact, GateReason::Artefact),
    ];
    // One kind of fault looks a little like another: the one furthest over its
    // limit is named, or, where only their parent is sure, the one nearest to it.
    // Of equals the last one is the greatest, so that the list goes backwards.
    let named = kinds
        .into_iter()
        .rev()
        .filter_map(|(id, limit, reason)| Some((probability(id)?, limit, reason)))
        .filter(|&(p, limit, _)| low_quality || p >= limit || p.is_nan())
        .max_by(|a, b| odds_ratio(a.0, a.1).total_cmp(&odds_ratio(b.0, b.1)))
        .map(|(.., reason)| reason);
    match named {
        Some(reason) => reason,
        None if low_quality => GateReason::Blurred,
        None => GateReason::Ok,
    }
}

/// How far a probability is over its limit, whatever the limit is.
fn odds_ratio(probability: f32, limit: f32) -> f32 {
    let odds = |p: f32| {
        let p = p.clamp(1e-6, 1.0 - 1e-6);
        p / (1.0 - p)
    };
    odds(probability) / odds(limit)
}
