//! Operating points: when a node is positive, when a patient is referred.

use std::collections::BTreeMap;

use anyhow::Result;
use fovea_core::calibration::{Calibration, CompositeRule};
use fovea_core::decision::{decide, ReferralDecision};
use fovea_core::taxonomy::{ids, Label, Subject, Urgency};
use serde::{Deserialize, Serialize};

use super::scaling::OWN_POSITIVES;
use super::threshold::{at_specificity, at_weight, best_f1, Weighed};
use crate::evaluate::Judged;
use crate::metrics::Counts;

/// Specificities tried for the nodes that refer by themselves. Each must be
/// specific alone, for twenty of them add up, and because the screen names
/// them: nodes that reach the target sensitivity without the composite would
/// each be named in every sixth healthy eye, the urgent ones too.
const SPECIFICITIES: [f64; 6] = [0.98, 0.985, 0.99, 0.995, 0.998, 1.0];

/// Of nodes that refer nobody: they inform, and may err more often.
const INFORMING_SPECIFICITY: f64 = 0.8;

/// Of nodes with too few positives to choose by them.
const RARE_SPECIFICITY: f64 = 0.99;

/// A rule for whom to refer, tried on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// `nodes or composite`, or `composite only`: that one is measured for comparison and never
    /// chosen.
    pub rule: String,
    /// How the composite's probability was made.
    pub composite_rule: CompositeRule,
    /// Specificity each referable node was held to by itself, 0..1; `None` for `composite only`.
    pub node_specificity: Option<f64>,
    /// Operating point of the composite `referable`, a probability.
    pub composite_threshold: f32,
    /// Share of the photographs to be referred that are, 0..1. Each source weighs by the square
    /// root of its number of them. `None` without any.
    pub sensitivity: Option<f64>,
    /// Share of the photographs not to be referred that are not, 0..1, weighed in the same way.
    pub specificity: Option<f64>,
    /// Photographs of all sources, unweighted.
    pub counts: Counts,
    /// The same counts for each source by name.
    pub sources: BTreeMap<String, Counts>,
    /// Whether this is the one that is shipped.
    pub chosen: bool,
}

impl Tried {
    /// Compares as the rules do: first how much of the `target` (a sensitivity, 0..1) each reaches,
    /// then their specificities. Both in millionths.
    pub fn rank(&self, target: f64) -> (i64, i64) {
        let reached = self.sensitivity.unwrap_or(1.0).min(target);
        (steps(reached), steps(self.specificity.unwrap_or(0.0)))
    }
}

/// Sets the thresholds of all nodes and of `referable`, and returns what was
/// tried. Empty where the split cannot tell: then nodes get the middle of the
/// specificities and `referable` keeps one half.
///
/// A source that graded one disease alone takes part with that: an eye without it is one that
/// should not be referred, as far as was looked.
///
/// `target` is the sensitivity to reach, 0..1.
///
/// # Errors
/// The logits or the calibration do not belong to the taxonomy.
pub fn referral(judged: &Judged, calibration: &mut Calibration, target: f64) -> Result<Vec<Tried>> {
    let members = judged
        .taxonomy
        .composite(ids::REFERABLE)
        .unwrap_or_default();
    let population = Population::of(judged, members, target);
    set_nodes(&population, calibration, RARE_SPECIFICITY);
    if population.known.is_empty() {
        return Ok(Vec::new());
    }

    let mut tried = Vec::new();
    for specificity in SPECIFICITIES {
        let mut candidate = calibration.clone();
        set_nodes(&population, &mut candidate, specificity);
        tried.push(population.either(candidate, specificity)?);
    }
    let best = best_of(tried.iter().map(|(tried, _)| tried), target);
    *calibration = tried[best].1.clone();
    tried[best].0.chosen = true;

    let mut told: Vec<Tried> = tried.into_iter().map(|(tried, _)| tried).collect();
    told.push(population.composite_only());
    Ok(told)
}

/// Sets the threshold of every composite but `referable` to the highest that
/// reaches the target sensitivity (0..1); those whose truth the split cannot tell keep one half.
pub fn other_composites(judged: &Judged, calibration: &mut Calibration, target: f64) {
    for (id, members) in judged.taxonomy.composites() {
        if id == ids::REFERABLE {
            continue;
        }
        let population = Population::of(judged, members, target);
        if population.known.is_empty() {
            continue;
        }
        let threshold = population.threshold(&population.scores(id), &[]);
        if let Some(own) = calibration.composites.get_mut(id) {
            own.threshold = threshold;
        }
    }
}

/// Photographs of which it is known whether a composite is present, of sources
/// that hold both. A source weighs by the root of its photographs, on either
/// side: the largest must not decide for all, nor the smallest as much as it.
struct Population<'a> {
    judged: &'a Judged<'a>,
    known: Vec<usize>,
    positive: Vec<bool>,
    weights: Vec<f64>,
    target: f64,
}

type Candidate = (Tried, Calibration);

impl<'a> Population<'a> {
    fn of(judged: &'a Judged<'a>, members: &[usize], target: f64) -> Population<'a> {
        let truth = judged.truth_by_source(members);
        let all: Vec<usize> = (0..truth.len()).collect();
        let known = judged.comparable(&all, |p| truth[p]);
        let positive: Vec<bool> = known.iter().map(|&p| truth[p] == Label::Present).collect();
        Population {
            weights: weights(judged, &known, &positive),
            judged,
            known,
            positive,
            target,
        }
    }

    /// A composite's probabilities, of the known photographs.
    fn scores(&self, composite: &str) -> Vec<f32> {
        let column = &self.judged.composites[composite].after;
        self.known.iter().map(|&p| column[p]).collect()
    }

    fn weight(&self, of: impl Fn(usize) -> bool) -> f64 {
        let all = self.weights.iter().enumerate();
        all.filter(|&(i, _)| of(i)).map(|(_, w)| w).sum()
    }

    /// Who is referred for a node's sake, by the device's own rule.
    fn by_nodes(&self, calibration: &mut Calibration) -> Result<Vec<bool>> {
        set_composite(calibration, 1.0);
        let outputs = self.judged.taxonomy.finest_count();
        let mut referred = Vec::with_capacity(self.known.len());
        for &photograph in &self.known {
            let logits = &self.judged.predictions.logits[photograph * outputs..][..outputs];
            let decision = decide(self.judged.taxonomy, calibration, logits)?;
            referred.push(matches!(
                decision.referral,
                ReferralDecision::Refer | ReferralDecision::ReferUrgent
            ));
        }
        Ok(referred)
    }

    /// The highest threshold on `scores` at which, with `already` called, the
    /// target is reached; nobody is called where `already` is empty.
    fn threshold(&self, scores: &[f32], already: &[bool]) -> f32 {
        let called = |i: usize| already.get(i).copied().unwrap_or(false);
        let left = |present: bool| {
            (0..scores.len()).filter(move |&i| !called(i) && self.positive[i] == present)
        };
        let positives: Vec<Weighed> = left(true)
            .map(|i| Weighed {
                probability: scores[i],
                weight: self.weights[i],
            })
            .collect();
        let negatives: Vec<f32> = left(false).map(|i| scores[i]).collect();
        let found = self.weight(|i| called(i) && self.positive[i]);
        let needed = self.target * self.weight(|i| self.positive[i]);
        at_weight(&positives, &negatives, needed - found)
    }

    fn tried(
        &self,
        rule: &str,
        node_specificity: Option<f64>,
        threshold: f32,
        already: &[bool],
    ) -> Tried {
        let called: Vec<bool> = already
            .iter()
            .zip(self.scores(ids::REFERABLE))
            .map(|(&by_node, p)| by_node || p >= threshold)
            .collect();
        let share = |present: bool| {
            let whole = self.weight(|i| self.positive[i] == present);
            let right = self.weight(|i| self.positive[i] == present && called[i] == present);
            (whole > 0.0).then(|| right / whole)
        };
        let mut by_source: BTreeMap<String, Vec<(bool, bool)>> = BTreeMap::new();
        for (i, &photograph) in self.known.iter().enumerate() {
            let source = &self.judged.predictions.photographs[photograph].source;
            let pairs = by_source.entry(source.clone()).or_default();
            pairs.push((self.positive[i], called[i]));
        }
        Tried {
            rule: rule.to_owned(),
            composite_rule: self.judged.calibration.composite_rule,
            node_specificity,
            composite_threshold: threshold,
            sensitivity: share(true),
            specificity: share(false),
            counts: Counts::of(self.positive.iter().copied().zip(called)),
            sources: by_source
                .into_iter()
                .map(|(source, pairs)| (source, Counts::of(pairs)))
                .collect(),
            chosen: false,
        }
    }

    /// The composite finds whom the nodes leave out.
    fn either(&self, mut calibration: Calibration, node_specificity: f64) -> Result<Candidate> {
        let by_nodes = self.by_nodes(&mut calibration)?;
        let threshold = self.threshold(&self.scores(ids::REFERABLE), &by_nodes);
        set_composite(&mut calibration, threshold);
        let specificity = Some(node_specificity);
        let tried = self.tried("nodes or composite", specificity, threshold, &by_nodes);
        Ok((tried, calibration))
    }

    /// For comparison: it cannot be shipped, since nodes do refer.
    fn composite_only(&self) -> Tried {
        let nobody = vec![false; self.known.len()];
        let threshold = self.threshold(&self.scores(ids::REFERABLE), &nobody);
        self.tried("composite only", None, threshold, &nobody)
    }
}

/// In millionths, so that sums of roots that ought to be equal are.
pub fn steps(share: f64) -> i64 {
    (share * 1e6).round() as i64
}

/// Index of the best specificity among those that reach the target (a sensitivity, 0..1); of equals
/// the first, whose nodes are the most sensitive. 0 for an empty list.
fn best_of<'t>(tried: impl IntoIterator<Item = &'t Tried>, target: f64) -> usize {
    let mut best: Option<(usize, (i64, i64))> = None;
    for (i, tried) in tried.into_iter().enumerate() {
        let rank = tried.rank(target);
        if best.is_none_or(|(_, most)| rank > most) {
            best = Some((i, rank));
        }
    }
    best.map_or(0, |(i, _)| i)
}

/// Per photograph 1 / sqrt(n), where n of its source have the same truth.
fn weights(judged: &Judged, which: &[usize], positive: &[bool]) -> Vec<f64> {
    let source = |p: usize| judged.predictions.photographs[p].source.as_str();
    let mut counts: BTreeMap<(&str, bool), u32> = BTreeMap::new();
    for (&p, &positive) in which.iter().zip(positive) {
        *counts.entry((source(p), positive)).or_default() += 1;
    }
    let weigh = |(&p, &positive)| 1.0 / f64::from(counts[&(source(p), positive)]).sqrt();
    which.iter().zip(positive).map(weigh).collect()
}

fn set_composite(calibration: &mut Calibration, threshold: f32) {
    if let Some(own) = calibration.composites.get_mut(ids::REFERABLE) {
        own.threshold = threshold;
    }
}

/// Sets every node's threshold, level by level. Those that refer are held to
/// `specificity`: on photographs without the node, and on patients not to be
/// referred. Of the latter only those count whose verdict the node decides,
/// that is in whom nothing below it is positive: diabetic retinopathy may be
/// certain in a patient with mild NPDR without anybody being referred for it.
fn set_nodes(population: &Population, calibration: &mut Calibration, specificity: f64) {
    let judged = population.judged;
    let all: Vec<usize> = (0..judged.predictions.len()).collect();
    let (healthy, healthy_weights): (Vec<usize>, Vec<f64>) = population
        .known
        .iter()
        .zip(&population.weights)
        .zip(&population.positive)
        .filter(|(_, &referable)| !referable)
        .map(|((&photograph, &weight), _)| (photograph, weight))
        .unzip();
    // By node and healthy patient: whether it or anything below is positive.
    let mut reached: Vec<Vec<bool>> = Vec::new();
    for (node, described) in judged.taxonomy.nodes().iter().enumerate() {
        let answers = judged.node_answers(node, &all);
        // All photographs were asked for, so places are photographs.
        let weights = weights(judged, &answers.places, &answers.positives);
        let (mut positives, mut negatives) = (Vec::new(), Vec::new());
        for ((&probability, &positive), &weight) in
            answers.after.iter().zip(&answers.positives).zip(&weights)
        {
            match positive {
                true => positives.push(probability),
                false => negatives.push(Weighed {
                    probability,
                    weight,
                }),
            }
        }
        let refers = described.subject == Subject::Eye && described.referral != Urgency::None;
        let rare = positives.len() < OWN_POSITIVES;
        let wanted = match (refers, rare) {
            (true, _) => specificity,
            (false, true) => RARE_SPECIFICITY,
            (false, false) => INFORMING_SPECIFICITY,
        };
        let below: Vec<bool> = (0..healthy.len())
            .map(|i| described.children.iter().any(|&child| reached[child][i]))
            .collect();
        let said: Vec<f32> = healthy
            .iter()
            .map(|&p| judged.nodes[node].after[p])
            .collect();
        let mut lowest = at_specificity(&negatives, &positives, wanted);
        if refers {
            let deciding: Vec<Weighed> = said
                .iter()
                .zip(&below)
                .zip(&healthy_weights)
                .map(|((&p, &below), &weight)| Weighed {
                    probability: if below { 0.0 } else { p },
                    weight,
                })
                .collect();
            lowest = lowest.max(at_specificity(&deciding, &positives, wanted));
        }
        // An only child has its parent's probability, so one threshold serves
        // both.
        let only_child = match described.children[..] {
            [child] => calibration.nodes.get(&judged.taxonomy.nodes()[child].id),
            _ => None,
        };
        let threshold = if let Some(child) = only_child {
            child.threshold
        } else if negatives.is_empty() && (!refers || healthy.is_empty()) {
            // Nothing keeps it from being called always.
            0.5
        } else if rare {
            lowest
        } else {
            best_f1(&answers, lowest)
        };
        reached.push(
            said.iter()
                .zip(&below)
                .map(|(&p, &below)| below || p >= threshold)
                .collect(),
        );
        if let Some(own) = calibration.nodes.get_mut(&described.id) {
            own.threshold = threshold;
        }
    }
}
