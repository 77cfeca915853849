//! Temperature and bias of every node and composite.

use std::collections::BTreeMap;

use anyhow::Result;
use fovea_core::calibration::{Calibration, CalibrationSource, NodeCalibration, ParentRule};
use fovea_core::decision::{raw_composites, raw_logits};
use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy};

use super::platt::{self, Line, Pair};
use crate::data::truth;
use crate::metrics::mean;
use crate::predictions::Predictions;

/// Positives from which on a node is fitted by itself. With fewer, its
/// temperature is shared, and only its bias is its own, drawn towards the
/// shared one.
pub const OWN_POSITIVES: usize = 20;

/// Fits the nodes by one parent rule: finest nodes first, for a parent's logit under
/// [`ParentRule::NoisyOr`] needs its children's calibration. Thresholds stay at
/// one half.
pub fn fit(
    val: &Predictions,
    taxonomy: &Taxonomy,
    rule: ParentRule,
    student_sha256: &str,
) -> Result<Calibration> {
    let mut calibration = Calibration {
        parent_rule: rule,
        ..Calibration::identity(taxonomy, student_sha256)
    };
    for level in [Level::Finest, Level::Disease, Level::Group] {
        let raw = raw(val, taxonomy, &calibration)?;
        fit_level(val, taxonomy, level, &raw, &mut calibration);
    }
    Ok(calibration)
}

/// Fits the composites by the calibration's composite rule; its nodes are
/// fitted already.
pub fn fit_composites(
    val: &Predictions,
    taxonomy: &Taxonomy,
    calibration: &mut Calibration,
) -> Result<()> {
    let raw = raw(val, taxonomy, calibration)?;
    let mut composites = Vec::with_capacity(raw.len());
    for raw in &raw {
        composites.push(raw_composites(taxonomy, calibration, raw)?);
    }
    for (id, members) in taxonomy.composites() {
        // A source that graded one disease alone knows of no eye that it has none
        // at all; it takes part with what it looked for.
        let truth = |photograph: usize| {
            truth::as_looked_for(taxonomy, members, labels(val, taxonomy, photograph))
        };
        let z = |photograph: usize| composites[photograph][id];
        let by_source = pairs_by_source(val, Subject::Eye, truth, z);
        let pairs = by_source.concat();
        // The children's probabilities are calibrated, so their noisy-or is
        // right already if they are independent: the identity is the prior.
        let own = positives(&pairs) >= OWN_POSITIVES;
        let line = if own {
            platt::fit_sources(&by_source, Line::IDENTITY)
        } else {
            Line::IDENTITY
        };
        let source = if own {
            CalibrationSource::Own
        } else {
            CalibrationSource::Global
        };
        calibration
            .composites
            .insert(id.clone(), node(line, source, &pairs));
    }
    Ok(())
}

fn fit_level(
    val: &Predictions,
    taxonomy: &Taxonomy,
    level: Level,
    raw: &[Vec<f32>],
    calibration: &mut Calibration,
) {
    let nodes = taxonomy.nodes();
    let pairs: BTreeMap<usize, Vec<Pair>> = taxonomy
        .level(level)
        .map(|node| {
            let truth = |photograph: usize| labels(val, taxonomy, photograph)[node];
            let z = |photograph: usize| raw[photograph][node];
            (node, self::pairs(val, nodes[node].subject, truth, z))
        })
        .collect();
    let pool = |members: &mut dyn Iterator<Item = usize>| -> Vec<Pair> {
        members
            .flat_map(|member| pairs[&member].iter().copied())
            .collect()
    };
    // An only child's logit is its parent's too.
    let only_child = |node: usize| match nodes[node].children[..] {
        [child] => Some(child),
        _ => None,
    };
    for subject in [Subject::Eye, Subject::Photograph] {
        let fitted: Vec<usize> = taxonomy
            .level(level)
            .filter(|&node| nodes[node].subject == subject && only_child(node).is_none())
            .collect();
        let global = platt::fit(&pool(&mut fitted.iter().copied()), Line::IDENTITY);
        // How many photographs are damaged, and in how many ways at once, is the
        // trainer's own choice: no correction of a parent can be learned from
        // it, and the noisy-or of calibrated children stands as it is.
        let as_it_is = subject == Subject::Photograph
            && level != Level::Finest
            && calibration.parent_rule == ParentRule::NoisyOr;
        for &member in &fitted {
            let own = &pairs[&member];
            let (line, source) = if as_it_is {
                (Line::IDENTITY, CalibrationSource::Global)
            } else if positives(own) >= OWN_POSITIVES {
                (platt::fit(own, global), CalibrationSource::Own)
            } else {
                let siblings = nodes[member].parents.iter().find_map(|&parent| {
                    let mut children = nodes[parent]
                        .children
                        .iter()
                        .copied()
                        .filter(|child| fitted.contains(child));
                    let pool = pool(&mut children);
                    (positives(&pool) >= OWN_POSITIVES).then(|| platt::fit(&pool, global))
                });
                let source = match siblings {
                    Some(_) => CalibrationSource::Parent,
                    None => CalibrationSource::Global,
                };
                (platt::fit_bias(own, siblings.unwrap_or(global)), source)
            };
            let fitted = node(line, source, own);
            calibration.nodes.insert(nodes[member].id.clone(), fitted);
        }
    }
    for parent in taxonomy.level(level) {
        let Some(child) = only_child(parent) else {
            continue;
        };
        let child = calibration.nodes[&nodes[child].id];
        // The same probability as the child's, whichever rule made the logit.
        let line = match calibration.parent_rule {
            ParentRule::SumOfLogits => Line {
                scale: 1.0 / f64::from(child.temperature),
                bias: f64::from(child.bias),
            },
            ParentRule::NoisyOr => Line::IDENTITY,
        };
        let fitted = node(line, child.source, &pairs[&parent]);
        calibration.nodes.insert(nodes[parent].id.clone(), fitted);
    }
}

/// How well a fitted calibration's parents of several children do: means over
/// those of the eye that have both answers.
pub struct ParentFit {
    pub auc: Option<f64>,
    /// Negative log-likelihood per photograph, in nats.
    pub loss: Option<f64>,
}

pub fn parent_fit(
    val: &Predictions,
    taxonomy: &Taxonomy,
    calibration: &Calibration,
) -> Result<ParentFit> {
    let raw = raw(val, taxonomy, calibration)?;
    let nodes = taxonomy.nodes();
    let (mut aucs, mut losses) = (Vec::new(), Vec::new());
    for parent in taxonomy.finest_count()..nodes.len() {
        if nodes[parent].subject != Subject::Eye || nodes[parent].children.len() < 2 {
            continue;
        }
        let truth = |photograph: usize| labels(val, taxonomy, photograph)[parent];
        let pairs = pairs(val, Subject::Eye, truth, |photograph| {
            raw[photograph][parent]
        });
        if !(1..pairs.len()).contains(&positives(&pairs)) {
            continue;
        }
        let (scores, present): (Vec<f32>, Vec<bool>) = pairs
            .iter()
            .map(|&(z, present)| (z as f32, present))
            .unzip();
        let own = calibration.nodes[&nodes[parent].id];
        let line = Line {
            scale: 1.0 / f64::from(own.temperature),
            bias: f64::from(own.bias),
        };
        aucs.push(crate::metrics::auc(&scores, &present));
        losses.push(line.mean_loss(&pairs));
    }
    Ok(ParentFit {
        auc: mean(aucs),
        loss: mean(losses),
    })
}

fn raw(val: &Predictions, taxonomy: &Taxonomy, calibration: &Calibration) -> Result<Vec<Vec<f32>>> {
    let mut all = Vec::with_capacity(val.len());
    for logits in val.logits.chunks_exact(taxonomy.finest_count()) {
        all.push(raw_logits(taxonomy, calibration, logits)?);
    }
    Ok(all)
}

fn labels<'a>(val: &'a Predictions, taxonomy: &Taxonomy, photograph: usize) -> &'a [Label] {
    let width = taxonomy.nodes().len();
    &val.labels[photograph * width..(photograph + 1) * width]
}

/// Logits and truths where the truth is known. For a question about the eye,
/// sources that only ever say yes are left out: all they could teach is a base
/// rate that no clinic has.
fn pairs(
    val: &Predictions,
    subject: Subject,
    truth: impl Fn(usize) -> Label,
    z: impl Fn(usize) -> f32,
) -> Vec<Pair> {
    pairs_by_source(val, subject, truth, z).concat()
}

/// [`pairs`], of each source apart.
fn pairs_by_source(
    val: &Predictions,
    subject: Subject,
    truth: impl Fn(usize) -> Label,
    z: impl Fn(usize) -> f32,
) -> Vec<Vec<Pair>> {
    let mut sources: BTreeMap<&str, Vec<Pair>> = BTreeMap::new();
    for (photograph, told) in val.photographs.iter().enumerate() {
        let present = match truth(photograph) {
            Label::Present => true,
            Label::Absent => false,
            Label::Unknown => continue,
        };
        let pairs = sources.entry(told.source.as_str()).or_default();
        pairs.push((f64::from(z(photograph)), present));
    }
    sources
        .into_values()
        .filter(|pairs| subject == Subject::Photograph || positives(pairs) < pairs.len())
        .collect()
}

fn positives(pairs: &[Pair]) -> usize {
    pairs.iter().filter(|pair| pair.1).count()
}

fn node(line: Line, source: CalibrationSource, pairs: &[Pair]) -> NodeCalibration {
    let positives = positives(pairs) as u32;
    NodeCalibration {
        temperature: (1.0 / line.scale) as f32,
        bias: line.bias as f32,
        positives,
        negatives: pairs.len() as u32 - positives,
        source,
        ..NodeCalibration::IDENTITY
    }
}
