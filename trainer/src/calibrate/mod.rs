//! From predictions on the validation split to a calibration: temperatures and
//! biases, the parent rule, operating points, the gate's limits.

mod gate;
mod operating;
mod platt;
mod scaling;
mod summary;
mod threshold;

use std::collections::BTreeSet;

use anyhow::{ensure, Result};
use fovea_core::calibration::{Calibration, CompositeRule, ParentRule};
use fovea_core::taxonomy::Taxonomy;

use crate::evaluate::Judged;
use crate::predictions::Predictions;

pub use gate::GateFit;
pub use operating::Tried;
pub use summary::{NodeLine, RuleScores, Summary};

/// Mean AUCs of the parent rules nearer than this are equal; then the
/// likelihood decides.
const SAME_AUC: f64 = 0.002;

/// Specificities of the composite rules nearer than this are equal: a split has some hundreds of
/// photographs to measure them on.
const SAME_SPECIFICITY: f64 = 0.01;

/// Calibrates the student whose `student.onnx` has the hash `student_sha256`
/// on its predictions for the validation split.
///
/// Temperatures and biases are fitted by maximum likelihood, a node with fewer
/// than 20 positives sharing the temperature of its siblings or of its level.
/// The parent rule is the one whose parents rank and fit better. Operating
/// points and the composite rule, unless `composite_rule` says which, make the
/// referral decision reach `target_sensitivity` (0..1) with the best specificity.
/// The gate may refuse 1 % of the good photographs.
///
/// # Errors
/// Predictions over another taxonomy, none at all, or a target or hash that is
/// not one.
pub fn fit(
    val: &Predictions,
    taxonomy: &Taxonomy,
    (target_sensitivity, composite_rule): (f32, Option<CompositeRule>),
    student_sha256: &str,
) -> Result<(Calibration, Summary)> {
    val.check(taxonomy)?;
    ensure!(
        !val.is_empty(),
        "there is no photograph to calibrate on; give the run a validation split"
    );
    ensure!(
        target_sensitivity > 0.0 && target_sensitivity <= 1.0,
        "the target sensitivity is {target_sensitivity} but must be above 0 and at most 1"
    );

    let mut rules = Vec::new();
    let mut candidates = Vec::new();
    for rule in [ParentRule::SumOfLogits, ParentRule::NoisyOr] {
        let calibration = scaling::fit(val, taxonomy, rule, student_sha256)?;
        let scores = scaling::parent_fit(val, taxonomy, &calibration)?;
        rules.push(RuleScores {
            rule,
            mean_auc: scores.auc,
            mean_loss: scores.loss,
            chosen: false,
        });
        candidates.push(calibration);
    }
    let chosen = usize::from(second_is_better(&rules[0], &rules[1]));
    rules[chosen].chosen = true;
    let mut calibration = candidates.swap_remove(chosen);
    calibration.id = format!(
        "{}-{}",
        taxonomy.id,
        student_sha256.get(..8).unwrap_or_default()
    );
    calibration.split = described_split(val);
    calibration.target_sensitivity = target_sensitivity;

    let target = f64::from(target_sensitivity);
    let mut candidates = Vec::new();
    for rule in [CompositeRule::NoisyOr, CompositeRule::LikeliestDisease] {
        if composite_rule.is_some_and(|only| only != rule) {
            continue;
        }
        let mut calibration = calibration.clone();
        calibration.composite_rule = rule;
        scaling::fit_composites(val, taxonomy, &mut calibration)?;
        let probabilities = calibration.clone();
        let judged = Judged::new(val, taxonomy, &probabilities)?;
        let decisions = operating::referral(&judged, &mut calibration, target)?;
        candidates.push((calibration, decisions));
    }
    let told: Vec<&Tried> = candidates
        .iter()
        .filter_map(|(_, decisions)| decisions.iter().find(|tried| tried.chosen))
        .collect();
    let chosen = match told[..] {
        [noisy_or, likeliest] => usize::from(!adds_up(noisy_or, likeliest, target)),
        _ => 0,
    };
    let mut calibration = candidates[chosen].0.clone();
    let mut decisions = Vec::new();
    for (i, (_, tried)) in candidates.into_iter().enumerate() {
        decisions.extend(tried.into_iter().map(|tried| Tried {
            chosen: tried.chosen && i == chosen,
            ..tried
        }));
    }

    // Only thresholds and limits change from here on, so the probabilities
    // judged now stay those of the finished calibration.
    let probabilities = calibration.clone();
    let judged = Judged::new(val, taxonomy, &probabilities)?;
    operating::other_composites(&judged, &mut calibration, target);
    let gate = gate::fit(&judged, &mut calibration.gate);
    gate::share_limits(taxonomy, &mut calibration);
    calibration.check(taxonomy)?;
    let summary = summary::of(val, taxonomy, &calibration, rules, decisions, gate)?;
    Ok((calibration, summary))
}

/// Whether the second rule is to be preferred. What one rule cannot be measured
/// on, the other cannot either: then the first, the published one, stays.
fn second_is_better(first: &RuleScores, second: &RuleScores) -> bool {
    let auc = match (first.mean_auc, second.mean_auc) {
        (Some(first), Some(second)) => second - first,
        _ => 0.0,
    };
    if auc.abs() > SAME_AUC {
        return auc > 0.0;
    }
    matches!((first.mean_loss, second.mean_loss), (Some(a), Some(b)) if b < a)
}

/// Whether noisy-or is worth its price over the likeliest disease: under it the small doubts of
/// every disease add up, and photographs of a camera that was never seen raise many.
fn adds_up(noisy_or: &Tried, likeliest: &Tried, target: f64) -> bool {
    let (reached, specificity) = likeliest.rank(target);
    noisy_or.rank(target) > (reached, specificity + operating::steps(SAME_SPECIFICITY))
}

/// Such as "eyepacs val, odir val".
fn described_split(val: &Predictions) -> String {
    let names: BTreeSet<String> = val
        .photographs
        .iter()
        .map(|photograph| format!("{} {}", photograph.source, photograph.split))
        .collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use fovea_core::calibration::CalibrationSource;

    use std::collections::BTreeMap;

    use super::*;
    use crate::evaluate::evaluate;
    use crate::evaluate::synthetic::{self, SHARPNESS};
    use crate::metrics::{ClassGroups, Counts};

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn known_misjudgement_is_found_and_mended() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let val = synthetic::predictions(&taxonomy, "odir", 1500, 11);
        let (calibration, summary) = fit(&val, &taxonomy, (0.9, None), HASH).expect("calibrated");
        assert_eq!(calibration.check(&taxonomy), Ok(()));
        assert_eq!(calibration.split, "odir val");

        let normal = &calibration.nodes["normal"];
        assert_eq!(normal.source, CalibrationSource::Own);
        let expected = SHARPNESS as f32;
        assert!((normal.temperature - expected).abs() < 0.4, "{normal:?}");
        let rare = calibration
            .nodes
            .iter()
            .find(|(_, node)| node.positives < 20 && node.temperature != 1.0);
        let (id, node) = rare.expect("falling prevalence leaves some with few");
        assert_ne!(node.source, CalibrationSource::Own, "{id}");
        assert!((node.temperature - expected).abs() < 0.8, "{id}: {node:?}");

        // On photographs it was not fitted on.
        let test = synthetic::predictions(&taxonomy, "odir", 1500, 12);
        let groups = ClassGroups::default();
        let report = evaluate(&test, &taxonomy, Some(&calibration), &groups).expect("a report");
        let finest = &report.overall.levels[0];
        let (before, after) = (
            finest.ece_before.expect("eye"),
            finest.ece_after.expect("eye"),
        );
        assert!(after < before / 3.0, "{before} -> {after}");
        let referral = report.overall.referral.as_ref().expect("both answers");
        let sensitivity = referral.sensitivity.expect("positives").value;
        assert!((0.84..=0.96).contains(&sensitivity), "{sensitivity}");

        assert!(summary.to_text().contains("npdr_moderate"));
    }

    #[test]
    fn doubts_add_up_only_where_that_pays() {
        let tried = |composite_rule, sensitivity, specificity| Tried {
            rule: "nodes or composite".to_owned(),
            composite_rule,
            node_specificity: Some(0.98),
            composite_threshold: 0.3,
            sensitivity: Some(sensitivity),
            specificity: Some(specificity),
            counts: Counts::default(),
            sources: BTreeMap::new(),
            chosen: true,
        };
        let noisy_or =
            |sensitivity, specificity| tried(CompositeRule::NoisyOr, sensitivity, specificity);
        let likeliest = tried(CompositeRule::LikeliestDisease, 0.9, 0.7);
        assert!(!adds_up(&noisy_or(0.9, 0.705), &likeliest, 0.9));
        // Sums of roots miss what they equal by a rounding.
        let nearly = tried(CompositeRule::LikeliestDisease, 0.9 - 1e-9, 0.7);
        assert!(!adds_up(&noisy_or(0.9, 0.705), &nearly, 0.9));
        assert!(adds_up(&noisy_or(0.9, 0.72), &likeliest, 0.9));
        assert!(!adds_up(&noisy_or(0.9, 0.6), &likeliest, 0.9));
        assert!(!adds_up(&noisy_or(0.8, 0.9), &likeliest, 0.9));
        assert!(adds_up(&noisy_or(0.95, 0.5), &likeliest, 0.95));
    }

    #[test]
    fn the_decision_reaches_its_target_on_the_split_it_was_chosen_on() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let val = synthetic::predictions(&taxonomy, "odir", 600, 13);
        for target in [0.8, 0.9, 0.95] {
            let (calibration, summary) =
                fit(&val, &taxonomy, (target, None), HASH).expect("calibrated");
            let chosen: Vec<&Tried> = summary.decisions.iter().filter(|t| t.chosen).collect();
            assert_eq!(chosen.len(), 1);
            let told = chosen[0].counts;
            assert!(told.sensitivity().expect("positives") >= f64::from(target));
            let threshold = |id: &str| calibration.nodes[id].threshold;
            assert_eq!(
                threshold("hypertensive"),
                threshold("hypertensive_retinopathy")
            );
            // Mild NPDR does not make its parent all but unreachable.
            assert!(threshold("diabetic_retinopathy") < 0.95);
            // What is told is what the device's rule does.
            let report = evaluate(&val, &taxonomy, Some(&calibration), &ClassGroups::default())
                .expect("a report");
            let referral = report.overall.referral.as_ref().expect("both answers");
            assert_eq!(referral.counts, Some(told));
            let no_better = summary.decisions.iter().filter(|tried| {
                tried.rule != "composite only"
                    && tried.counts.sensitivity() >= Some(f64::from(target))
            });
            let negatives = told.true_negatives + told.false_positives;
            for tried in no_better {
                let other_rule = tried.composite_rule != chosen[0].composite_rule;
                let slack = if other_rule { negatives / 100 } else { 0 };
                assert!(
                    tried.counts.true_negatives <= told.true_negatives + slack,
                    "{tried:?}"
                );
            }
            let dr = report.overall.referable_dr.as_ref().expect("both answers");
            assert!(dr.sensitivity.expect("positives").value >= f64::from(target));
        }
    }

    #[test]
    fn the_composite_follows_the_rule_that_is_asked_for() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let val = synthetic::predictions(&taxonomy, "odir", 600, 13);
        for rule in [CompositeRule::NoisyOr, CompositeRule::LikeliestDisease] {
            let asked = (0.9, Some(rule));
            let (calibration, summary) = fit(&val, &taxonomy, asked, HASH).expect("calibrated");
            assert_eq!(calibration.composite_rule, rule);
            let tried = &summary.decisions;
            assert!(tried.iter().all(|tried| tried.composite_rule == rule));
            assert_eq!(tried.iter().filter(|tried| tried.chosen).count(), 1);
        }
    }

    #[test]
    fn the_gate_spares_good_photographs() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let val = synthetic::predictions(&taxonomy, "odir", 800, 14);
        let (calibration, summary) = fit(&val, &taxonomy, (0.9, None), HASH).expect("calibrated");
        assert!(summary.gate.good > 600 && summary.gate.faulty > 50);
        assert!(summary.gate.good_refused * 100 <= summary.gate.good);
        // Two deviations apart, 1 % false alarms find 37 % of one fault; here
        // five kinds of fault share that 1 %.
        assert!(
            summary.gate.faulty_refused * 4 > summary.gate.faulty,
            "{:?}",
            summary.gate
        );
        let report = evaluate(&val, &taxonomy, Some(&calibration), &ClassGroups::default())
            .expect("a report");
        let gate = report.overall.gate.as_ref().expect("calibrated");
        let row = gate
            .refused
            .iter()
            .find(|row| row.what == "no fault known of")
            .expect("good");
        assert_eq!(row.refused.count, summary.gate.good_refused);
    }

    #[test]
    fn a_split_that_knows_little_is_no_reason_to_fail() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let mut val = synthetic::predictions(&taxonomy, "odir", 6, 15);
        val.labels.fill(fovea_core::taxonomy::Label::Unknown);
        let (calibration, summary) = fit(&val, &taxonomy, (0.9, None), HASH).expect("calibrated");
        assert!(summary.decisions.is_empty());
        assert_eq!(calibration.composites["referable"].threshold, 0.5);
        assert_eq!(calibration.nodes["pdr"].temperature, 1.0);

        let nothing = val.filter(|_| false);
        assert!(fit(&nothing, &taxonomy, (0.9, None), HASH).is_err());
        assert!(fit(&val, &taxonomy, (1.5, None), HASH).is_err());
        assert!(fit(&val, &taxonomy, (0.9, None), "short").is_err());
    }

    #[test]
    fn ranking_comes_before_likelihood_among_parent_rules() {
        let scores = |auc, loss| RuleScores {
            rule: ParentRule::NoisyOr,
            mean_auc: Some(auc),
            mean_loss: Some(loss),
            chosen: false,
        };
        assert!(second_is_better(&scores(0.80, 0.2), &scores(0.85, 0.3)));
        assert!(!second_is_better(&scores(0.85, 0.3), &scores(0.80, 0.2)));
        assert!(second_is_better(&scores(0.800, 0.3), &scores(0.799, 0.2)));
        assert!(!second_is_better(&scores(0.8, 0.2), &scores(0.8, 0.2)));
    }
}
