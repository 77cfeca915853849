//! Predictions carried to probabilities and verdicts by the device's own code.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use fovea_core::calibration::Calibration;
use fovea_core::decision::{self, ReferralDecision};
use fovea_core::gate::{gate_student, GateReason, GateVerdict};
use fovea_core::taxonomy::{Label, Subject, Taxonomy};

use crate::data::truth;
use crate::metrics::Answers;
use crate::predictions::Predictions;

/// One number per photograph, three ways.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Uncalibrated logit.
    pub raw: Vec<f32>,
    /// Probability without calibration, 0..1: temperature 1 and bias 0, but the calibration's rules
    /// for parents and composites.
    pub before: Vec<f32>,
    /// Calibrated probability, 0..1.
    pub after: Vec<f32>,
}

/// Everything that is said of every photograph.
pub struct Judged<'a> {
    /// The logits and labels that are judged.
    pub predictions: &'a Predictions,
    /// The taxonomy they are over.
    pub taxonomy: &'a Taxonomy,
    /// What turns the logits into probabilities and verdicts.
    pub calibration: &'a Calibration,
    /// By node, in the taxonomy's order.
    pub nodes: Vec<Column>,
    /// By composite id.
    pub composites: BTreeMap<String, Column>,
    /// Whether the device refers, by photograph, without regard to the gate.
    pub referred: Vec<bool>,
    /// The verdict of the gate's second step, by photograph.
    pub gate: Vec<GateVerdict>,
}

impl<'a> Judged<'a> {
    /// Judges every photograph of `predictions`.
    ///
    /// # Errors
    /// The logits or the calibration do not belong to `taxonomy`.
    pub fn new(
        predictions: &'a Predictions,
        taxonomy: &'a Taxonomy,
        calibration: &'a Calibration,
    ) -> Result<Judged<'a>> {
        let identity = Calibration {
            parent_rule: calibration.parent_rule,
            composite_rule: calibration.composite_rule,
            ..Calibration::identity(taxonomy, &calibration.student_sha256)
        };
        let mut judged = Judged {
            predictions,
            taxonomy,
            calibration,
            nodes: vec![Column::default(); taxonomy.nodes().len()],
            composites: BTreeMap::new(),
            referred: Vec::new(),
            gate: Vec::new(),
        };
        for logits in predictions.logits.chunks_exact(taxonomy.finest_count()) {
            let raw = decision::raw_logits(taxonomy, calibration, logits)?;
            let before = decision::probabilities(taxonomy, &identity, logits)?;
            let after = decision::probabilities(taxonomy, calibration, logits)?;
            for (node, column) in judged.nodes.iter_mut().enumerate() {
                column.raw.push(raw[node]);
                column.before.push(before.nodes[node]);
                column.after.push(after.nodes[node]);
            }
            for (id, z) in decision::raw_composites(taxonomy, calibration, &raw)? {
                let column = judged.composites.entry(id.clone()).or_default();
                column.raw.push(z);
                column.before.push(before.composites[&id]);
                column.after.push(after.composites[&id]);
            }
            let verdict = decision::decide(taxonomy, calibration, logits)?;
            judged.referred.push(matches!(
                verdict.referral,
                ReferralDecision::Refer | ReferralDecision::ReferUrgent
            ));
            judged.gate.push(gate(taxonomy, calibration, &after.nodes));
        }
        Ok(judged)
    }

    /// What is known of the photograph of that index, per node of the taxonomy.
    pub fn labels(&self, photograph: usize) -> &'a [Label] {
        let width = self.taxonomy.nodes().len();
        &self.predictions.labels[photograph * width..(photograph + 1) * width]
    }

    /// A node's answers over the photographs `which` that it is known for.
    pub fn node_answers(&self, node: usize, which: &[usize]) -> Answers {
        let described = &self.taxonomy.nodes()[node];
        let threshold = self
            .calibration
            .nodes
            .get(&described.id)
            .map(|own| own.threshold);
        let truth = |photograph: usize| self.labels(photograph)[node];
        answers(&described.name, &self.nodes[node], threshold, which, truth)
    }

    /// A composite's answers over the photographs `which` whose `truth` is
    /// known; `None` for a composite that the taxonomy lacks.
    pub fn composite_answers(
        &self,
        id: &str,
        which: &[usize],
        truth: impl Fn(usize) -> Label,
    ) -> Option<Answers> {
        let threshold = self.calibration.composites.get(id).map(|own| own.threshold);
        let column = self.composites.get(id)?;
        Some(answers(id, column, threshold, which, truth))
    }

    /// By photograph, whether a composite (finest nodes) is present. A source that
    /// knows both answers is taken at its word; of another one that counts which
    /// it looked for ([`truth::as_looked_for`]).
    pub fn truth_by_source(&self, members: &[usize]) -> Vec<Label> {
        let all: Vec<usize> = (0..self.predictions.len()).collect();
        let strict = |p: usize| truth::composite(self.taxonomy, members, self.labels(p));
        let source = |p: usize| self.predictions.photographs[p].source.as_str();
        let complete: BTreeSet<&str> = self
            .comparable(&all, strict)
            .into_iter()
            .map(source)
            .collect();
        all.into_iter()
            .map(|p| match complete.contains(source(p)) {
                true => strict(p),
                false => truth::as_looked_for(self.taxonomy, members, self.labels(p)),
            })
            .collect()
    }

    /// Photographs whose truth is known, of sources in which both answers
    /// occur.
    pub fn comparable(&self, which: &[usize], truth: impl Fn(usize) -> Label) -> Vec<usize> {
        let source = |photograph: usize| self.predictions.photographs[photograph].source.as_str();
        let mut seen: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for &photograph in which {
            let both = seen.entry(source(photograph)).or_default();
            both.0 |= truth(photograph) == Label::Present;
            both.1 |= truth(photograph) == Label::Absent;
        }
        which
            .iter()
            .copied()
            .filter(|&p| truth(p) != Label::Unknown && seen[source(p)] == (true, true))
            .collect()
    }
}

fn answers(
    title: &str,
    column: &Column,
    threshold: Option<f32>,
    which: &[usize],
    truth: impl Fn(usize) -> Label,
) -> Answers {
    let mut answers = Answers {
        title: title.to_owned(),
        threshold,
        ..Answers::default()
    };
    for (place, &photograph) in which.iter().enumerate() {
        let label = truth(photograph);
        if label != Label::Unknown {
            answers.places.push(place);
            answers.scores.push(column.raw[photograph]);
            answers.before.push(column.before[photograph]);
            answers.after.push(column.after[photograph]);
            answers.positives.push(label == Label::Present);
        }
    }
    answers
}

/// The gate's second step, as on the device, after a first step that found nothing. `probabilities`
/// are calibrated, one per node of the taxonomy.
pub fn gate(taxonomy: &Taxonomy, calibration: &Calibration, probabilities: &[f32]) -> GateVerdict {
    let about_photograph: Vec<(&str, f32)> = taxonomy
        .nodes()
        .iter()
        .zip(probabilities)
        .filter(|(node, _)| node.subject == Subject::Photograph)
        .map(|(node, &probability)| (node.id.as_str(), probability))
        .collect();
    let passed = GateVerdict {
        accepted: true,
        reason: GateReason::Ok,
        scores: BTreeMap::new(),
    };
    gate_student(passed, &about_photograph, &calibration.gate)
}
