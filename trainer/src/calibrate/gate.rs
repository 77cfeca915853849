//! The gate's limits on the student's own outputs.

use fovea_core::calibration::Calibration;
use fovea_core::gate::GateLimits;
use fovea_core::taxonomy::{ids, Label, Subject, Taxonomy};
use serde::{Deserialize, Serialize};

use super::threshold::between;
use crate::data::truth;
use crate::evaluate::Judged;

/// Share of the good photographs that may be refused.
const REFUSED_GOOD: f64 = 0.01;

/// No limit on a fault is lower, however rare doubts that small were on the
/// validation split: another camera's photographs raise more of them. One
/// photograph too many costs seconds, and three refusals refer; a verdict on
/// one that cannot be judged may cost sight.
const DOUBTFUL: f32 = 0.05;

/// The same of the parent of the four kinds, which four such doubts make: by
/// noisy-or, 1 - (1 - 0.05)^4.
const FOUR_DOUBTS: f32 = 0.185;

/// No limit on anything else is lower, such as on what is no photograph of a
/// retina: told so of a retina, an operator can do nothing.
const LIKELIER_THAN_NOT: f32 = 0.5;

fn lowest(id: &str) -> f32 {
    match id {
        ids::DARK | ids::BRIGHT | ids::BLURRED | ids::ARTEFACT => DOUBTFUL,
        ids::LOW_QUALITY => FOUR_DOUBTS,
        _ => LIKELIER_THAN_NOT,
    }
}

/// Photographs of the validation split that the limits refuse.
///
/// All 0 where no photograph is known to be good: the limits are then left as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFit {
    /// Photographs known to have no fault.
    pub good: u32,
    /// Those of `good` that the gate refuses.
    pub good_refused: u32,
    /// Photographs known to have a fault, such as blur, or to show no retina.
    pub faulty: u32,
    /// Those of `faulty` that the gate refuses.
    pub faulty_refused: u32,
}

/// One output of the student and its probabilities.
struct Output {
    id: String,
    good: Vec<f32>,
    faulty: Vec<f32>,
    /// The good photographs' probabilities, falling; the first `spent` of them
    /// are refused.
    ranked: Vec<f32>,
    spent: usize,
    /// Whether a photograph with this fault is at hand.
    seen: bool,
}

impl Output {
    /// The limit that refuses the `spent` good photographs it must.
    fn limit(&self, spent: usize, default: f32) -> f32 {
        let stopped = self.ranked.get(spent).copied().unwrap_or(0.0);
        let above = |all: &[f32]| {
            all.iter()
                .copied()
                .filter(|&p| p > stopped)
                .fold(1.0, f32::min)
        };
        let next = above(&self.faulty).min(above(&self.good));
        let limit = between(stopped, next);
        // A fault that no photograph shows gives no reason to be stricter.
        if self.seen {
            limit.max(lowest(&self.id))
        } else {
            limit.max(default)
        }
    }
}

/// Chooses the limits greedily: first none refuses a good photograph, then the
/// share that may be refused is spent, step by step, on the limit that refuses
/// most faulty ones for it. Limits for outputs that the taxonomy lacks stay.
pub fn fit(judged: &Judged, limits: &mut GateLimits) -> GateFit {
    let taxonomy = judged.taxonomy;
    let of = |wanted: Label| -> Vec<usize> {
        (0..judged.predictions.len())
            .filter(|&p| truth::faulty(taxonomy, judged.labels(p)) == wanted)
            .collect()
    };
    let (good, faulty) = (of(Label::Absent), of(Label::Present));
    let mut outputs: Vec<Output> = taxonomy
        .nodes()
        .iter()
        .enumerate()
        .filter(|(_, node)| node.subject == Subject::Photograph)
        .filter(|(_, node)| limit_of(limits, &node.id).is_some())
        .map(|(node, described)| {
            let scores = |which: &[usize]| -> Vec<f32> {
                which.iter().map(|&p| judged.nodes[node].after[p]).collect()
            };
            let mut ranked = scores(&good);
            ranked.sort_by(|a, b| b.total_cmp(a));
            Output {
                id: described.id.clone(),
                good: scores(&good),
                faulty: scores(&faulty),
                ranked,
                spent: 0,
                seen: faulty
                    .iter()
                    .any(|&p| judged.labels(p)[node] == Label::Present),
            }
        })
        .collect();
    if good.is_empty() {
        return GateFit::default();
    }
    let budget = (REFUSED_GOOD * good.len() as f64 + 1e-6) as usize;
    let defaults: Vec<f32> = outputs
        .iter()
        .map(|output| limit_of(limits, &output.id).map_or(0.5, |limit| *limit))
        .collect();
    loop {
        let spent: Vec<usize> = outputs.iter().map(|output| output.spent).collect();
        let now = refused(&outputs, &spent, &defaults);
        let mut best: Option<(f64, usize, usize)> = None;
        for (k, output) in outputs.iter().enumerate().filter(|(_, output)| output.seen) {
            for more in 1..=budget.min(good.len() - output.spent) {
                let mut tried = spent.clone();
                tried[k] += more;
                let then = refused(&outputs, &tried, &defaults);
                if then.0 > budget {
                    break;
                }
                let gain = (then.1 - now.1.min(then.1)) as f64
                    / (then.0 - now.0.min(then.0)).max(1) as f64;
                if gain > 0.0 && best.is_none_or(|(known, _, _)| gain > known) {
                    best = Some((gain, k, more));
                }
            }
        }
        let Some((_, k, more)) = best else {
            break;
        };
        outputs[k].spent += more;
    }
    for (output, default) in outputs.iter().zip(&defaults) {
        if let Some(limit) = limit_of(limits, &output.id) {
            *limit = output.limit(output.spent, *default);
        }
    }
    // Counted with the gate itself, not with the search's own idea of it.
    let calibration = Calibration {
        gate: *limits,
        ..judged.calibration.clone()
    };
    let count = |which: &[usize]| {
        which
            .iter()
            .filter(|&&photograph| {
                let probabilities: Vec<f32> = judged
                    .nodes
                    .iter()
                    .map(|node| node.after[photograph])
                    .collect();
                !crate::evaluate::gate(taxonomy, &calibration, &probabilities).accepted
            })
            .count() as u32
    };
    GateFit {
        good: good.len() as u32,
        good_refused: count(&good),
        faulty: faulty.len() as u32,
        faulty_refused: count(&faulty),
    }
}

/// Makes a node of the photograph positive where it is reason enough for the
/// gate to refuse; one that the gate has no limit for, where it is likelier
/// than not.
pub fn share_limits(taxonomy: &Taxonomy, calibration: &mut Calibration) {
    let mut limits = calibration.gate;
    for node in taxonomy.nodes() {
        if node.subject != Subject::Photograph {
            continue;
        }
        let limit = limit_of(&mut limits, &node.id).map_or(LIKELIER_THAN_NOT, |limit| *limit);
        if let Some(own) = calibration.nodes.get_mut(&node.id) {
            own.threshold = limit;
        }
    }
}

/// Good and faulty photographs refused when `spent` of each output's good ones
/// may be.
fn refused(outputs: &[Output], spent: &[usize], defaults: &[f32]) -> (usize, usize) {
    let limits: Vec<f32> = outputs
        .iter()
        .zip(spent)
        .zip(defaults)
        .map(|((output, &spent), &default)| output.limit(spent, default))
        .collect();
    let count = |pick: &dyn Fn(&Output) -> &[f32]| {
        let length = outputs.first().map_or(0, |output| pick(output).len());
        (0..length)
            .filter(|&i| {
                outputs
                    .iter()
                    .zip(&limits)
                    .any(|(output, &limit)| pick(output)[i] >= limit)
            })
            .count()
    };
    (
        count(&|output| &output.good),
        count(&|output| &output.faulty),
    )
}

fn limit_of<'a>(limits: &'a mut GateLimits, id: &str) -> Option<&'a mut f32> {
    Some(match id {
        ids::NON_FUNDUS => &mut limits.non_fundus,
        ids::DARK => &mut limits.dark,
        ids::BRIGHT => &mut limits.bright,
        ids::BLURRED => &mut limits.blurred,
        ids::ARTEFACT => &mut limits.artefact,
        ids::LOW_QUALITY => &mut limits.low_quality,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good photographs that raise next to no doubt ask for next to no limit.
    #[test]
    fn no_limit_falls_below_its_floor() {
        for (id, floor) in [
            ("artefact", 0.05),
            ("low_quality", 0.185),
            ("non_fundus", 0.5),
        ] {
            let output = Output {
                id: id.to_owned(),
                good: vec![1e-6; 3],
                faulty: vec![2e-6],
                ranked: vec![1e-6; 3],
                spent: 0,
                seen: true,
            };
            assert_eq!(output.limit(0, 0.5), floor, "{id}");
        }
    }
}
