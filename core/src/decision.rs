//! From a student's logits to a verdict with its reasons.
//!
//! [`raw_logits`] and [`probabilities`] are what the trainer calibrates and
//! evaluates with too, so that its figures and the device's cannot differ.

mod reasons;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, CompositeRule, NodeCalibration, ParentRule};
use crate::gate::GateReason;
use crate::taxonomy::{ids, Level, Subject, Taxonomy, Urgency};

pub use reasons::{reasons, Likeliest, Reason};

/// What one photograph says is to become of the patient: one of four answers.
///
/// Five words, one for each thing. The *decision* is this answer. The [`Verdict`]
/// on a photograph is the decision with all that it rests on. In an exam, the
/// *judgement* of a photograph says whether it has its verdict yet, and the
/// *outcome* is what the verdicts make of an eye and of the patient. The gate
/// only says whether a photograph can be judged at all
/// ([`GateVerdict`](crate::gate::GateVerdict)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralDecision {
    /// To an ophthalmologist, for a finding that cannot wait.
    ReferUrgent,
    /// To an ophthalmologist.
    Refer,
    /// Nothing was found that needs a referral.
    NoReferableDisease,
    /// The photograph cannot be judged: take it again.
    Retake,
}

/// One node of the taxonomy in one photograph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Of the taxonomy's node.
    pub id: String,
    /// The node's name in English.
    pub name: String,
    /// Of the taxonomy's node.
    pub level: Level,
    /// Calibrated, 0 to 1.
    pub probability: f32,
    /// The node's operating point, 0 to 1.
    pub threshold: f32,
    /// Whether the probability reaches the operating point.
    pub positive: bool,
}

impl Finding {
    /// The probability as a share of the operating point: 0 and up, 1 where the
    /// two meet. A difference would call every rare finding near, whose
    /// operating point is hardly above nought.
    pub fn nearness(&self) -> f32 {
        self.probability / self.threshold.max(f32::MIN_POSITIVE)
    }
}

/// The referable finest finding that came nearest to its operating point;
/// `findings` are those of every node, in the taxonomy's order. None where the
/// taxonomy refers nothing.
pub fn nearest_referable<'a>(taxonomy: &Taxonomy, findings: &'a [Finding]) -> Option<&'a Finding> {
    taxonomy
        .composite(ids::REFERABLE)
        .unwrap_or_default()
        .iter()
        .filter_map(|&node| findings.get(node))
        .max_by(|a, b| a.nearness().total_cmp(&b.nearness()))
}

/// The verdict on one photograph: the decision, and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The decision.
    pub referral: ReferralDecision,
    /// Calibrated probability, 0 to 1, that any referable disease is present.
    pub score: f32,
    /// The weightiest first; never empty.
    pub reasons: Vec<Reason>,
    /// Every node, in the taxonomy's order.
    pub findings: Vec<Finding>,
    /// How deep the verdict commits itself: the positive nodes that have no
    /// positive node below them (indices of nodes, ascending). Where no child
    /// is certain but the parent is, that is the parent alone.
    pub committed: Vec<usize>,
    /// Calibrated probability of moderate NPDR or worse; none where the
    /// taxonomy does not define it.
    pub referable_dr: Option<f32>,
}

/// Calibrated probabilities, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    /// One per node of the taxonomy.
    pub nodes: Vec<f32>,
    /// By composite id.
    pub composites: BTreeMap<String, f32>,
}

/// Why a network's output cannot be judged. There is no verdict then: one made
/// up from such an output might read as an all-clear.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum OutputError {
    #[error("the student gave {got} outputs where the taxonomy has {expected} finest nodes: bundle and taxonomy do not belong together")]
    Count { expected: usize, got: usize },
    #[error("the student's output for `{node}` is {value}, not a finite number: the photograph cannot be judged")]
    NotFinite { node: String, value: f32 },
    #[error("the calibration lacks `{id}` or its numbers are out of range: calibrate again")]
    Uncalibrated { id: String },
}

/// Uncalibrated logits of every node, in the taxonomy's order, from the
/// network's (one per finest node, any finite number).
///
/// Under [`ParentRule::SumOfLogits`] a parent's is the sum of its children's,
/// recursively (HKGL, equation 2). Under [`ParentRule::NoisyOr`] it is
/// logit(1 - prod(1 - p)) over the children's calibrated probabilities, so the
/// calibration of a level must be known before the next one up is asked for.
/// Always finite: what exceeds `f32` is held at its largest value.
///
/// # Errors
/// When `logits` are not one finite number per finest node; under
/// [`ParentRule::NoisyOr`] also when the calibration lacks a node or has
/// numbers out of range for it.
pub fn raw_logits(
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    logits: &[f32],
) -> Result<Vec<f32>, OutputError> {
    let finest = taxonomy.finest_count();
    if logits.len() != finest {
        return Err(OutputError::Count {
            expected: finest,
            got: logits.len(),
        });
    }
    if let Some(k) = logits.iter().position(|z| !z.is_finite()) {
        return Err(OutputError::NotFinite {
            node: taxonomy.nodes()[k].id.clone(),
            value: logits[k],
        });
    }
    let mut raw = logits.to_vec();
    for parent in &taxonomy.nodes()[finest..] {
        // Children come before their parents, so theirs are in `raw` already.
        let z = match calibration.parent_rule {
            ParentRule::SumOfLogits => parent.children.iter().map(|&c| f64::from(raw[c])).sum(),
            ParentRule::NoisyOr => any_of(taxonomy, calibration, &raw, &parent.children)?,
        };
        raw.push(saturated(z));
    }
    Ok(raw)
}

/// Uncalibrated logit of every composite from the calibrated probabilities of
/// its finest nodes, by the calibration's [`CompositeRule`], by composite id.
/// `raw` is [`raw_logits`]'s.
///
/// # Errors
/// When the calibration lacks a member of a composite or has numbers out of
/// range for it.
pub fn raw_composites(
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    raw: &[f32],
) -> Result<BTreeMap<String, f32>, OutputError> {
    let mut composites = BTreeMap::new();
    for (id, members) in taxonomy.composites() {
        let z = match calibration.composite_rule {
            CompositeRule::NoisyOr => any_of(taxonomy, calibration, raw, members)?,
            CompositeRule::LikeliestDisease => by_disease(taxonomy, members)
                .values()
                .map(|members| any_of(taxonomy, calibration, raw, members))
                .try_fold(f64::MIN, |most, z| Ok(most.max(z?)))?,
        };
        composites.insert(id.clone(), saturated(z));
    }
    Ok(composites)
}

/// Finest nodes by their disease. In a DAG a node that belongs to several
/// diseases is among the members of each.
fn by_disease(taxonomy: &Taxonomy, members: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut diseases: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &member in members {
        let parents = &taxonomy.nodes()[member].parents;
        let own = std::slice::from_ref(&member);
        for &disease in if parents.is_empty() { own } else { parents } {
            diseases.entry(disease).or_default().push(member);
        }
    }
    diseases
}

/// Calibrated probabilities of every node and composite from the network's
/// logits (one per finest node).
///
/// # Errors
/// As [`raw_logits`], and when the calibration lacks a node or a composite or
/// has numbers out of range for it.
pub fn probabilities(
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    logits: &[f32],
) -> Result<Probabilities, OutputError> {
    let raw = raw_logits(taxonomy, calibration, logits)?;
    let mut nodes = Vec::with_capacity(raw.len());
    for (node, &z) in taxonomy.nodes().iter().zip(&raw) {
        nodes.push(of_node(calibration, &node.id)?.probability(z));
    }
    let mut composites = BTreeMap::new();
    for (id, z) in raw_composites(taxonomy, calibration, &raw)? {
        let own = of_composite(calibration, &id)?;
        composites.insert(id, own.probability(z));
    }
    Ok(Probabilities { nodes, composites })
}

impl NodeCalibration {
    /// sigmoid(z / temperature + bias), 0 to 1, of the uncalibrated logit `z`.
    pub fn probability(&self, z: f32) -> f32 {
        (1.0 / (1.0 + (-self.scaled(z)).exp())) as f32
    }

    fn scaled(&self, z: f32) -> f64 {
        f64::from(z) / f64::from(self.temperature) + f64::from(self.bias)
    }
}

fn of_node<'a>(calibration: &'a Calibration, id: &str) -> Result<&'a NodeCalibration, OutputError> {
    usable(&calibration.nodes, id)
}

fn of_composite<'a>(
    calibration: &'a Calibration,
    id: &str,
) -> Result<&'a NodeCalibration, OutputError> {
    usable(&calibration.composites, id)
}

/// Looks at the numbers too, although [`Calibration::check`] does: a
/// temperature or threshold that is not a number would turn every comparison
/// into an all-clear.
fn usable<'a>(
    table: &'a BTreeMap<String, NodeCalibration>,
    id: &str,
) -> Result<&'a NodeCalibration, OutputError> {
    match table.get(id) {
        Some(own) if own.fault().is_none() => Ok(own),
        _ => Err(OutputError::Uncalibrated { id: id.to_owned() }),
    }
}

/// logit(1 - prod(1 - p)) over the calibrated probabilities of `members`.
fn any_of(
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    raw: &[f32],
    members: &[usize],
) -> Result<f64, OutputError> {
    // In logarithms, since 1 - p loses everything for a certain p and the
    // product underflows: ln(1 - sigmoid(u)) = -softplus(u). The bound on u
    // keeps p from becoming exactly 0 or 1, whose logits are infinite.
    let mut ln_none = 0.0;
    for &m in members {
        let own = of_node(calibration, &taxonomy.nodes()[m].id)?;
        ln_none -= softplus(own.scaled(raw[m]).clamp(-60.0, 60.0));
    }
    Ok((-f64::exp_m1(ln_none)).ln() - ln_none)
}

fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

fn saturated(z: f64) -> f32 {
    z.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// The verdict on the network's logits of one photograph.
///
/// A node is positive when its probability reaches its operating point. The
/// patient is referred when a committed finding of the eye is one that is
/// referred, or when the probability of any referable disease reaches its own
/// operating point; urgently when such a finding is urgent. Only committed
/// nodes count, because a parent's referral is that of the parent alone: mild
/// NPDR makes diabetic retinopathy certain too, and still is only mild. Where
/// no child is certain but the parent is, the parent decides: a wrong child
/// below the right parent does far less harm than a wrong parent ("shifted
/// prediction", HKGL, section V-F).
///
/// # Errors
/// As [`probabilities`].
pub fn decide(
    taxonomy: &Taxonomy,
    calibration: &Calibration,
    logits: &[f32],
) -> Result<Verdict, OutputError> {
    let probabilities = probabilities(taxonomy, calibration, logits)?;
    let mut findings = Vec::with_capacity(taxonomy.nodes().len());
    for (node, &probability) in taxonomy.nodes().iter().zip(&probabilities.nodes) {
        let threshold = of_node(calibration, &node.id)?.threshold;
        findings.push(Finding {
            id: node.id.clone(),
            name: node.name.clone(),
            level: node.level,
            probability,
            threshold,
            positive: probability >= threshold,
        });
    }
    let committed = commit(taxonomy, &findings);
    let score = composite(&probabilities, ids::REFERABLE)?;
    let referable = of_composite(calibration, ids::REFERABLE)?;

    let strongest = committed
        .iter()
        .map(|&i| &taxonomy.nodes()[i])
        .filter(|node| node.subject == Subject::Eye)
        .map(|node| node.referral)
        .max();
    let referral = match strongest {
        Some(Urgency::Urgent) => ReferralDecision::ReferUrgent,
        Some(Urgency::Routine) => ReferralDecision::Refer,
        _ if refers(taxonomy) && score >= referable.threshold => ReferralDecision::Refer,
        _ => ReferralDecision::NoReferableDisease,
    };
    let mut verdict = Verdict {
        referral,
        score,
        reasons: Vec::new(),
        findings,
        committed,
        referable_dr: probabilities.composites.get(ids::REFERABLE_DR).copied(),
    };
    verdict.reasons = reasons(taxonomy, &verdict, referable);
    Ok(verdict)
}

/// The same verdict for a photograph that the gate refused: the patient is to
/// be photographed again. Score and findings stay. Reasons that spoke for a
/// referral are kept behind the new one; those of an all-clear are dropped,
/// because no photograph that cannot be judged may read as one.
pub fn retake(mut verdict: Verdict, gate: GateReason) -> Verdict {
    if verdict.referral == ReferralDecision::NoReferableDisease {
        verdict.reasons.clear();
    }
    verdict.reasons.insert(0, Reason::Gate { gate });
    verdict.referral = ReferralDecision::Retake;
    verdict
}

fn composite(probabilities: &Probabilities, id: &str) -> Result<f32, OutputError> {
    let missing = || OutputError::Uncalibrated { id: id.to_owned() };
    probabilities
        .composites
        .get(id)
        .copied()
        .ok_or_else(missing)
}

/// Whether the taxonomy refers anything at all.
fn refers(taxonomy: &Taxonomy) -> bool {
    taxonomy
        .composite(ids::REFERABLE)
        .is_some_and(|c| !c.is_empty())
}

/// Positive nodes without a positive node anywhere below them.
fn commit(taxonomy: &Taxonomy, findings: &[Finding]) -> Vec<usize> {
    let nodes = taxonomy.nodes();
    // Whether a node or one below it is positive; children come first.
    let mut reached = vec![false; nodes.len()];
    let mut committed = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        let below = node.children.iter().any(|&c| reached[c]);
        reached[i] = below || findings[i].positive;
        if findings[i].positive && !below {
            committed.push(i);
        }
    }
    committed
}
