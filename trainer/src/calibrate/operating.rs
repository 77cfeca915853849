//! Operating points: when a node is positive, when a patient is referred.

use anyhow::Result;
use fovea_core::calibration::Calibration;
use fovea_core::decision::{decide, ReferralDecision};
use fovea_core::taxonomy::{Label, Referral, Subject};
use serde::{Deserialize, Serialize};

use super::scaling::OWN_POSITIVES;
use super::threshold::{at_count, at_specificity, best_f1};
use crate::data::truth;
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
    pub rule: String,
    /// Specificity each referable node was held to by itself.
    pub node_specificity: Option<f64>,
    /// Operating point of the composite `referable`.
    pub composite_threshold: f32,
    pub counts: Counts,
    /// Whether this is the one that is shipped.
    pub chosen: bool,
}

/// Sets the thresholds of all nodes and of `referable`, and returns what was
/// tried. Empty where the split cannot tell: then nodes get the middle of the
/// specificities and `referable` keeps one half.
pub fn referral(judged: &Judged, calibration: &mut Calibration, target: f64) -> Result<Vec<Tried>> {
    let taxonomy = judged.taxonomy;
    let members = taxonomy.composite("referable").unwrap_or_default();
    let truth = |p: usize| truth::composite(taxonomy, members, judged.labels(p));
    let all: Vec<usize> = (0..judged.predictions.len()).collect();
    let known = judged.comparable(&all, truth);
    let population = Population {
        judged,
        positive: known.iter().map(|&p| truth(p) == Label::Present).collect(),
        known,
        target,
    };
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
    let best = population.choose(&tried);
    *calibration = tried[best].1.clone();
    tried[best].0.chosen = true;

    let mut told: Vec<Tried> = tried.into_iter().map(|(tried, _)| tried).collect();
    told.push(population.composite_only());
    Ok(told)
}

/// Sets the threshold of every composite but `referable` to the highest that
/// reaches the target sensitivity; those whose truth the split cannot tell keep
/// one half.
pub fn other_composites(judged: &Judged, calibration: &mut Calibration, target: f64) {
    let all: Vec<usize> = (0..judged.predictions.len()).collect();
    for (id, members) in judged.taxonomy.composites() {
        if id == "referable" {
            continue;
        }
        let truth = |p: usize| truth::composite(judged.taxonomy, members, judged.labels(p));
        let known = judged.comparable(&all, truth);
        let Some(answers) = judged.composite_answers(id, &known, truth) else {
            continue;
        };
        let scores = |present: bool| -> Vec<f32> {
            let pairs = answers.after.iter().zip(&answers.positives);
            pairs
                .filter(|(_, &p)| p == present)
                .map(|(&s, _)| s)
                .collect()
        };
        let positives = scores(true);
        if let Some(own) = calibration
            .composites
            .get_mut(id)
            .filter(|_| !positives.is_empty())
        {
            own.threshold = at_count(&positives, &scores(false), wanted(target, positives.len()));
        }
    }
}

/// How many of `count` positives make the target sensitivity.
fn wanted(target: f64, count: usize) -> usize {
    // The sliver keeps 0.9 of 10 from becoming ten.
    (target * count as f64 - 1e-6).ceil().max(0.0) as usize
}

/// Photographs of which it is known whether they are referable.
struct Population<'a> {
    judged: &'a Judged<'a>,
    known: Vec<usize>,
    positive: Vec<bool>,
    target: f64,
}

type Candidate = (Tried, Calibration);

impl Population<'_> {
    fn composite_scores(&self) -> Vec<f32> {
        let column = &self.judged.composites["referable"].after;
        self.known
            .iter()
            .map(|&photograph| column[photograph])
            .collect()
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

    /// The composite's highest threshold at which, with `already` referred, the
    /// target is reached.
    fn composite_threshold(&self, already: &[bool]) -> f32 {
        let scores = self.composite_scores();
        let left = |present: bool| -> Vec<f32> {
            (0..scores.len())
                .filter(|&i| !already[i] && self.positive[i] == present)
                .map(|i| scores[i])
                .collect()
        };
        let count = |of: &dyn Fn(usize) -> bool| (0..scores.len()).filter(|&i| of(i)).count();
        let found = count(&|i| already[i] && self.positive[i]);
        let needed = wanted(self.target, count(&|i| self.positive[i]));
        at_count(&left(true), &left(false), needed.saturating_sub(found))
    }

    fn counts(&self, already: &[bool], threshold: f32) -> Counts {
        let scores = self.composite_scores();
        let called = already
            .iter()
            .zip(scores)
            .map(|(&by_node, p)| by_node || p >= threshold);
        Counts::of(self.positive.iter().copied().zip(called))
    }

    /// The composite finds whom the nodes leave out.
    fn either(&self, mut calibration: Calibration, node_specificity: f64) -> Result<Candidate> {
        let by_nodes = self.by_nodes(&mut calibration)?;
        let threshold = self.composite_threshold(&by_nodes);
        set_composite(&mut calibration, threshold);
        let tried = Tried {
            rule: "nodes or composite".to_owned(),
            node_specificity: Some(node_specificity),
            composite_threshold: threshold,
            counts: self.counts(&by_nodes, threshold),
            chosen: false,
        };
        Ok((tried, calibration))
    }

    /// For comparison: it cannot be shipped, since nodes do refer.
    fn composite_only(&self) -> Tried {
        let nobody = vec![false; self.known.len()];
        let threshold = self.composite_threshold(&nobody);
        Tried {
            rule: "composite only".to_owned(),
            node_specificity: None,
            composite_threshold: threshold,
            counts: self.counts(&nobody, threshold),
            chosen: false,
        }
    }

    /// The best specificity among those that reach the target; of equals the
    /// first, whose nodes are the most sensitive.
    fn choose(&self, tried: &[Candidate]) -> usize {
        let mut best = 0;
        for (i, (tried_here, _)) in tried.iter().enumerate() {
            let rank = |tried: &Tried| {
                let missed = wanted(self.target, tried.counts.positives() as usize)
                    .saturating_sub(tried.counts.true_positives as usize);
                (std::cmp::Reverse(missed), tried.counts.true_negatives)
            };
            if rank(tried_here) > rank(&tried[best].0) {
                best = i;
            }
        }
        best
    }
}

fn set_composite(calibration: &mut Calibration, threshold: f32) {
    if let Some(own) = calibration.composites.get_mut("referable") {
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
    let healthy: Vec<usize> = population
        .known
        .iter()
        .zip(&population.positive)
        .filter(|(_, &referable)| !referable)
        .map(|(&photograph, _)| photograph)
        .collect();
    // By node and healthy patient: whether it or anything below is positive.
    let mut reached: Vec<Vec<bool>> = Vec::new();
    for (node, described) in judged.taxonomy.nodes().iter().enumerate() {
        let answers = judged.node_answers(node, &all);
        let of = |present: bool| -> Vec<f32> {
            let pairs = answers.after.iter().zip(&answers.positives);
            pairs
                .filter(|(_, &p)| p == present)
                .map(|(&s, _)| s)
                .collect()
        };
        let (positives, negatives) = (of(true), of(false));
        let refers = described.subject == Subject::Eye && described.referral != Referral::None;
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
            let deciding: Vec<f32> = said
                .iter()
                .zip(&below)
                .map(|(&p, &below)| if below { 0.0 } else { p })
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
        } else if answers.is_empty() {
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
