//! What a calibration was chosen by, and what it does on its split.

use anyhow::Result;
use fovea_core::calibration::{
    Calibration, CalibrationSource, CompositeRule, NodeCalibration, ParentRule,
};
use fovea_core::taxonomy::{Label, Taxonomy};
use serde::{Deserialize, Serialize};

use super::gate::GateFit;
use super::operating::Tried;
use crate::data::truth;
use crate::evaluate::Judged;
use crate::metrics::{expected_calibration_error, Answers, Counts, CALIBRATION_BINS};
use crate::predictions::Predictions;
use crate::report::{error, percent, Table};

/// A parent rule on the validation split: means over the parents of the eye
/// that have several children and both answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleScores {
    /// How a parent's logit follows from its children's.
    pub rule: ParentRule,
    /// 0..1; `None` where the split has no such parent.
    pub mean_auc: Option<f64>,
    /// Negative log-likelihood per photograph, in nats.
    pub mean_loss: Option<f64>,
    /// Whether the calibration uses this rule.
    pub chosen: bool,
}

/// A node or composite on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeLine {
    /// Id of the node or composite.
    pub id: String,
    /// Its temperature, bias and operating point.
    pub calibration: NodeCalibration,
    /// 0..1; `None` unless both answers are among the photographs.
    pub auc: Option<f64>,
    /// Expected calibration error of the uncalibrated probability, 0..1; `None` where nothing is
    /// known.
    pub ece_before: Option<f64>,
    /// Expected calibration error of the calibrated probability, 0..1.
    pub ece_after: Option<f64>,
    /// Share of the positives at or above the operating point, 0..1; `None` without positives.
    /// Measured on the split that the operating point was chosen on, so another split may give
    /// less.
    pub sensitivity: Option<f64>,
    /// Share of the negatives below it, 0..1; `None` without negatives.
    pub specificity: Option<f64>,
}

/// What a calibration was chosen by, and what it does on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Sources and splits of the photographs, such as `eyepacs val, odir val`.
    pub split: String,
    /// Number of photographs calibrated on.
    pub photographs: u32,
    /// Sensitivity that the referral had to reach, 0..1.
    pub target_sensitivity: f32,
    /// The two rules that were compared; one is chosen.
    pub parent_rules: Vec<RuleScores>,
    /// Rules for whom to refer; empty where the split cannot tell.
    pub decisions: Vec<Tried>,
    /// What the gate's limits refuse.
    pub gate: GateFit,
    /// In the order of their ids.
    pub composites: Vec<NodeLine>,
    /// In the taxonomy's order.
    pub nodes: Vec<NodeLine>,
}

/// Measures the finished `calibration` on the predictions `val` it was fitted on.
///
/// # Errors
/// The predictions or the calibration do not belong to `taxonomy`.
pub fn of(
    val: &Predictions,
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    parent_rules: Vec<RuleScores>,
    decisions: Vec<Tried>,
    gate: GateFit,
) -> Result<Summary> {
    let judged = Judged::new(val, taxonomy, calibration)?;
    let all: Vec<usize> = (0..val.len()).collect();
    let nodes = taxonomy
        .nodes()
        .iter()
        .enumerate()
        .map(|(node, described)| {
            let own = calibration.nodes[&described.id];
            line(&described.id, own, &judged.node_answers(node, &all))
        });
    let composites = taxonomy.composites().iter().filter_map(|(id, members)| {
        let truth = |p: usize| -> Label { truth::composite(taxonomy, members, judged.labels(p)) };
        let known = judged.comparable(&all, truth);
        let answers = judged.composite_answers(id, &known, truth)?;
        Some(line(id, calibration.composites[id], &answers))
    });
    Ok(Summary {
        split: calibration.split.clone(),
        photographs: val.len() as u32,
        target_sensitivity: calibration.target_sensitivity,
        parent_rules,
        decisions,
        gate,
        composites: composites.collect(),
        nodes: nodes.collect(),
    })
}

fn line(id: &str, calibration: NodeCalibration, answers: &Answers) -> NodeLine {
    let counts = Counts::at_threshold(&answers.after, &answers.positives, calibration.threshold);
    let error = |probabilities: &[f32]| {
        expected_calibration_error(probabilities, &answers.positives, CALIBRATION_BINS)
    };
    NodeLine {
        id: id.to_owned(),
        calibration,
        auc: answers.ranking().auc(),
        ece_before: error(&answers.before),
        ece_after: error(&answers.after),
        sensitivity: counts.sensitivity(),
        specificity: counts.specificity(),
    }
}

impl Summary {
    /// As aligned text, shares in percent.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "Calibrated on {} photographs ({}), for a sensitivity of {} %.\n\nParent rule\n",
            self.photographs,
            self.split,
            percent(Some(f64::from(self.target_sensitivity)))
        );
        let mut rules = Table::new(&["", "mean AUC", "mean loss", ""]);
        for scores in &self.parent_rules {
            let name = match scores.rule {
                ParentRule::SumOfLogits => "sum of logits",
                ParentRule::NoisyOr => "noisy-or",
            };
            rules.row([
                name.to_owned(),
                percent(scores.mean_auc),
                error(scores.mean_loss),
                mark(scores.chosen),
            ]);
        }
        text.push_str(&rules.to_text());

        text.push_str("\nReferral\n");
        if self.decisions.is_empty() {
            text.push_str(
                "  no source of this split has photographs known to be referable and known not to be;\n  \
                 the operating point stays at one half\n",
            );
        } else {
            let header = [
                "",
                "composite",
                "nodes held to",
                "composite from",
                "sensitivity",
                "specificity",
                "",
            ];
            let mut table = Table::new(&header);
            for tried in &self.decisions {
                table.row([
                    tried.rule.clone(),
                    match tried.composite_rule {
                        CompositeRule::NoisyOr => "noisy-or",
                        CompositeRule::LikeliestDisease => "likeliest disease",
                    }
                    .to_owned(),
                    percent(tried.node_specificity),
                    format!("{:.4}", tried.composite_threshold),
                    percent(tried.sensitivity),
                    percent(tried.specificity),
                    mark(tried.chosen),
                ]);
            }
            text.push_str(&table.to_text());
            if let Some(chosen) = self.decisions.iter().find(|tried| tried.chosen) {
                text.push_str("\nReferral by source, at the chosen rule\n");
                let header = ["", "to be referred", "sensitivity", "not", "specificity"];
                let mut table = Table::new(&header);
                for (source, counts) in &chosen.sources {
                    table.row([
                        source.clone(),
                        counts.positives().to_string(),
                        percent(counts.sensitivity()),
                        counts.negatives().to_string(),
                        percent(counts.specificity()),
                    ]);
                }
                text.push_str(&table.to_text());
            }
        }

        let gate = &self.gate;
        text.push_str(&format!(
            "\nGate (the student's own outputs)\n  refuses {} of {} photographs without a fault and {} of {} with one\n\n",
            gate.good_refused, gate.good, gate.faulty_refused, gate.faulty
        ));

        let mut table = Table::new(&[
            "node",
            "positive",
            "negative",
            "T",
            "bias",
            "from",
            "threshold",
            "AUC",
            "sensitivity",
            "specificity",
            "ECE before",
            "after",
        ]);
        for line in self.composites.iter().chain(&self.nodes) {
            let own = &line.calibration;
            let source = match own.source {
                CalibrationSource::Own => "own",
                CalibrationSource::Parent => "siblings",
                CalibrationSource::Global => "global",
            };
            table.row([
                line.id.clone(),
                own.positives.to_string(),
                own.negatives.to_string(),
                format!("{:.2}", own.temperature),
                format!("{:.2}", own.bias),
                source.to_owned(),
                format!("{:.4}", own.threshold),
                percent(line.auc),
                percent(line.sensitivity),
                percent(line.specificity),
                error(line.ece_before),
                error(line.ece_after),
            ]);
        }
        text.push_str(&table.to_text());
        text
    }
}

fn mark(chosen: bool) -> String {
    if chosen { "chosen" } else { "" }.to_owned()
}
