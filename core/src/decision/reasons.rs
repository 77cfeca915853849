//! Why a verdict is what it is: numbers and node ids, in no language. Words
//! are made where somebody reads them.

use serde::{Deserialize, Serialize};

use super::{by_disease, nearest_referable, refers, Finding, ReferralDecision, Verdict};
use crate::calibration::NodeCalibration;
use crate::gate::GateReason;
use crate::photograph::FileFault;
use crate::taxonomy::{ids, Level, Node, Subject, Taxonomy, Urgency};

/// One reason of a verdict. Probabilities are calibrated, thresholds operating
/// points, both 0 to 1; a node is named by its id in the taxonomy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// The gate refused the photograph.
    Gate {
        /// Why; never [`GateReason::Ok`].
        gate: GateReason,
    },
    /// A finding that is referred reaches its operating point.
    Refers {
        /// Id of the finding's node, of any level.
        node: String,
        /// Of the node; at or above `threshold`.
        probability: f32,
        /// Of the node.
        threshold: f32,
        /// Whether it is referred urgently.
        urgent: bool,
        /// Whether this is a disease or a group, and nothing below it reaches
        /// its own operating point: which form it has is open.
        open: bool,
    },
    /// Any referable disease (the composite `referable`) reaches its operating
    /// point.
    AnyReferable {
        /// Of the composite; at or above `threshold`.
        probability: f32,
        /// Of the composite.
        threshold: f32,
        /// The disease that it most likely is; none where another reason names
        /// that disease or one of its forms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        likeliest: Option<Likeliest>,
    },
    /// The finding that came nearest to a referral and does not reach its
    /// operating point.
    Nearest {
        /// Id of a finest node that is referred.
        node: String,
        /// Of the node.
        probability: f32,
        /// Of the node.
        threshold: f32,
    },
    /// Any referable disease stays below its operating point.
    NoneReferable {
        /// Of the composite; below `threshold`.
        probability: f32,
        /// Of the composite.
        threshold: f32,
    },
    /// A finding reaches its operating point and is not referred.
    NotReferred {
        /// Id of the finding's node, of any level.
        node: String,
        /// Of the node; at or above `threshold`.
        probability: f32,
        /// Of the node.
        threshold: f32,
    },
    /// The taxonomy holds nothing that is referred.
    NothingLookedFor,
    /// The file gave no photograph.
    File {
        /// What is wrong with the file.
        fault: FileFault,
        /// What the reader said of it, a technical sentence in English.
        detail: String,
    },
    /// The student gave no answer that can be used.
    Student {
        /// What its runtime said, a technical sentence in English.
        detail: String,
    },
    /// What a version of Fovea before typed reasons kept, as it kept it.
    Kept {
        /// The sentence of the old record, unchanged.
        english: String,
    },
}

/// The likeliest of the diseases that alone would be referred as any referable
/// disease is; where none would, the one whose referred forms are the likeliest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likeliest {
    /// Its id in the taxonomy.
    pub node: String,
    /// Calibrated, 0 to 1.
    pub probability: f32,
}

impl Reason {
    /// The id of the node that it speaks of; `None` where it speaks of none.
    pub fn node(&self) -> Option<&str> {
        match self {
            Reason::Refers { node, .. }
            | Reason::Nearest { node, .. }
            | Reason::NotReferred { node, .. } => Some(node),
            _ => None,
        }
    }

    /// The disease that it names as the likeliest; `None` where it names none.
    pub fn likeliest(&self) -> Option<&Likeliest> {
        match self {
            Reason::AnyReferable { likeliest, .. } => likeliest.as_ref(),
            _ => None,
        }
    }
}

/// The reasons of a verdict whose other fields are filled, the weightiest
/// first. `referable` calibrates the composite of that name.
pub fn reasons(taxonomy: &Taxonomy, verdict: &Verdict, referable: &NodeCalibration) -> Vec<Reason> {
    if verdict.referral == ReferralDecision::NoReferableDisease {
        return all_clear(taxonomy, verdict, referable.threshold);
    }
    let mut referred: Vec<(&Node, &Finding)> = committed(taxonomy, verdict)
        .filter(|(node, _)| node.referral != Urgency::None)
        .collect();
    // Stable: what weighs the same stays in the taxonomy's order.
    referred.sort_by_key(|(node, _)| std::cmp::Reverse((node.referral, node.severity)));

    let mut reasons: Vec<Reason> = referred
        .into_iter()
        .map(|(node, finding)| Reason::Refers {
            node: node.id.clone(),
            probability: finding.probability,
            threshold: finding.threshold,
            urgent: node.referral == Urgency::Urgent,
            open: node.level != Level::Finest,
        })
        .collect();
    if refers(taxonomy) && verdict.score >= referable.threshold {
        let likeliest = likeliest(taxonomy, verdict, referable)
            .filter(|&disease| !named(taxonomy, &reasons, disease))
            .map(|disease| Likeliest {
                node: taxonomy.nodes()[disease].id.clone(),
                probability: verdict.findings[disease].probability,
            });
        // What names a disease weighs more than a finding that can wait.
        let urgent = |reason: &&Reason| matches!(reason, Reason::Refers { urgent: true, .. });
        let place = match likeliest {
            Some(_) => reasons.iter().filter(urgent).count(),
            None => reasons.len(),
        };
        let any = Reason::AnyReferable {
            probability: verdict.score,
            threshold: referable.threshold,
            likeliest,
        };
        reasons.insert(place, any);
    }
    reasons
}

/// The likeliest of the diseases that alone would be referred as any referable
/// disease is; where none would, the one whose referred forms are the likeliest.
/// Forms that are not referred make a disease likelier, but speak for no referral.
fn likeliest(taxonomy: &Taxonomy, verdict: &Verdict, referable: &NodeCalibration) -> Option<usize> {
    let probability = |node: usize| verdict.findings[node].probability;
    let any_of = |forms: Vec<usize>| {
        let none = forms.into_iter().map(|form| 1.0 - probability(form));
        1.0 - none.product::<f32>()
    };
    let alone = |p: f32| referable.probability((p / (1.0 - p)).ln()) >= referable.threshold;
    let diseases: Vec<(usize, f32)> = by_disease(taxonomy, taxonomy.composite(ids::REFERABLE)?)
        .into_iter()
        .map(|(disease, forms)| (disease, any_of(forms)))
        .collect();
    let referred = diseases.iter().filter(|(_, p)| alone(*p));
    referred
        .max_by(|(a, _), (b, _)| probability(*a).total_cmp(&probability(*b)))
        .or_else(|| diseases.iter().max_by(|(_, a), (_, b)| a.total_cmp(b)))
        .map(|(disease, _)| *disease)
}

/// Whether one of `reasons` speaks of the disease or of one of its forms.
fn named(taxonomy: &Taxonomy, reasons: &[Reason], disease: usize) -> bool {
    let forms = taxonomy.at_or_below(disease);
    let nodes = reasons.iter().filter_map(Reason::node);
    nodes
        .filter_map(|id| taxonomy.index(id))
        .any(|node| forms.contains(&node))
}

/// What was found that needs no referral, and what came nearest to one: the
/// reader can judge the margin.
fn all_clear(taxonomy: &Taxonomy, verdict: &Verdict, operating_point: f32) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = committed(taxonomy, verdict)
        .filter(|(node, _)| node.severity > 0)
        .map(|(node, finding)| Reason::NotReferred {
            node: node.id.clone(),
            probability: finding.probability,
            threshold: finding.threshold,
        })
        .collect();
    match nearest(taxonomy, verdict) {
        None => reasons.push(Reason::NothingLookedFor),
        Some(nearest) => {
            reasons.push(nearest);
            reasons.push(Reason::NoneReferable {
                probability: verdict.score,
                threshold: operating_point,
            });
        }
    }
    reasons
}

fn nearest(taxonomy: &Taxonomy, verdict: &Verdict) -> Option<Reason> {
    let finding = nearest_referable(taxonomy, &verdict.findings)?;
    Some(Reason::Nearest {
        node: finding.id.clone(),
        probability: finding.probability,
        threshold: finding.threshold,
    })
}

/// The findings of the eye that the verdict commits to.
fn committed<'a>(
    taxonomy: &'a Taxonomy,
    verdict: &'a Verdict,
) -> impl Iterator<Item = (&'a Node, &'a Finding)> {
    verdict
        .committed
        .iter()
        .map(|&i| (&taxonomy.nodes()[i], &verdict.findings[i]))
        .filter(|(node, _)| node.subject == Subject::Eye)
}
