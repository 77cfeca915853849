//! From predictions to a report: no network, no photographs, the same answer
//! every time.

mod judged;
mod section;
pub mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use fovea_core::calibration::Calibration;
use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy};

use crate::data::truth;
use crate::metrics::{Answers, ClassGroups, BOOTSTRAP_DRAWS};
use crate::plots;
use crate::predictions::Predictions;
use crate::report::Report;

pub use judged::{gate, Column, Judged};

/// Measures `predictions`. Without a calibration the network's own
/// probabilities are used, parents by the published sum of logits, and nothing
/// is said of operating points and the gate.
///
/// `groups` are the finest classes by their training photographs.
///
/// # Errors
/// Predictions or a calibration that do not belong to the taxonomy.
pub fn evaluate(
    predictions: &Predictions,
    taxonomy: &Taxonomy,
    calibration: Option<&Calibration>,
    groups: &ClassGroups,
) -> Result<Report> {
    evaluate_with(predictions, taxonomy, calibration, groups, BOOTSTRAP_DRAWS)
}

fn evaluate_with(
    predictions: &Predictions,
    taxonomy: &Taxonomy,
    calibration: Option<&Calibration>,
    groups: &ClassGroups,
    draws: usize,
) -> Result<Report> {
    predictions.check(taxonomy)?;
    let identity = identity(taxonomy);
    let used = calibration.unwrap_or(&identity);
    used.check(taxonomy)?;
    let judged = Judged::new(predictions, taxonomy, used)?;
    let section = |which: Vec<usize>| {
        section::Surveyor::new(&judged, groups, calibration.is_some(), which, draws).section()
    };
    let mut by_source: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for (i, photograph) in predictions.photographs.iter().enumerate() {
        by_source.entry(&photograph.source).or_default().push(i);
    }
    let splits: BTreeSet<&String> = predictions.photographs.iter().map(|p| &p.split).collect();
    Ok(Report {
        taxonomy: taxonomy.id.clone(),
        calibration: calibration.map(|calibration| calibration.id.clone()),
        splits: splits.into_iter().cloned().collect(),
        bootstrap_draws: draws,
        overall: section((0..predictions.len()).collect()),
        sources: by_source
            .into_iter()
            .map(|(source, which)| (source.clone(), section(which)))
            .collect(),
    })
}

/// Writes `precision_recall.png`, `roc.png` and `reliability.png` to `folder`:
/// the finest nodes of the eye and the composites, those that have both
/// answers among the photographs.
pub fn plot(
    predictions: &Predictions,
    taxonomy: &Taxonomy,
    calibration: Option<&Calibration>,
    folder: &Path,
) -> Result<()> {
    predictions.check(taxonomy)?;
    let identity = identity(taxonomy);
    let judged = Judged::new(predictions, taxonomy, calibration.unwrap_or(&identity))?;
    let all: Vec<usize> = (0..predictions.len()).collect();
    let composites = taxonomy.composites().iter().filter_map(|(id, members)| {
        let truth = |photograph: usize| -> Label {
            truth::composite(taxonomy, members, judged.labels(photograph))
        };
        let comparable = judged.comparable(&all, truth);
        judged.composite_answers(id, &comparable, truth)
    });
    let finest = taxonomy
        .level(Level::Finest)
        .filter(|&node| taxonomy.nodes()[node].subject == Subject::Eye)
        .map(|node| judged.node_answers(node, &all));
    let mut panels: Vec<Answers> = composites
        .chain(finest)
        .filter(|answers| (1..answers.len()).contains(&answers.positive_count()))
        .collect();
    if calibration.is_none() {
        for panel in &mut panels {
            panel.threshold = None;
        }
    }
    plots::precision_recall(&panels, &folder.join("precision_recall.png"))?;
    plots::roc(&panels, &folder.join("roc.png"))?;
    plots::reliability(&panels, &folder.join("reliability.png"))
}

/// Stands in where nothing was calibrated; it belongs to no student.
fn identity(taxonomy: &Taxonomy) -> Calibration {
    Calibration::identity(taxonomy, &"0".repeat(64))
}

#[cfg(test)]
pub(crate) mod synthetic;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{auc, average_precision};

    fn groups(taxonomy: &Taxonomy) -> ClassGroups {
        let id = |node: usize| taxonomy.nodes()[node].id.clone();
        ClassGroups {
            many: (0..3).map(id).collect(),
            medium: (3..10).map(id).collect(),
            few: (10..22).map(id).collect(),
        }
    }

    #[test]
    fn the_report_holds_what_the_plain_measures_give() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let predictions = synthetic::predictions(&taxonomy, "odir", 400, 1);
        let groups = groups(&taxonomy);
        let report = evaluate_with(&predictions, &taxonomy, None, &groups, 50).expect("a report");
        assert_eq!(report.overall, report.sources["odir"]);
        let section = &report.overall;
        assert_eq!((section.photographs, section.patients), (400, 200));

        let (k, width) = (taxonomy.finest_count(), taxonomy.nodes().len());
        let node = taxonomy.index("npdr_moderate").expect("a node");
        let known: Vec<usize> = (0..400)
            .filter(|i| predictions.labels[i * width + node] != Label::Unknown)
            .collect();
        let scores: Vec<f32> = known
            .iter()
            .map(|i| predictions.logits[i * k + node])
            .collect();
        let truth: Vec<bool> = known
            .iter()
            .map(|i| predictions.labels[i * width + node] == Label::Present)
            .collect();
        let scored = &section.nodes[node];
        assert_eq!(scored.known as usize, known.len());
        let ap = scored.average_precision.expect("defined");
        assert_eq!(Some(ap.value), average_precision(&scores, &truth));
        assert_eq!(scored.auc.map(|m| m.value), auc(&scores, &truth));
        let interval = ap.interval.expect("many positives");
        assert!(interval.low <= ap.value && ap.value <= interval.high);

        // The fit loop's measure and the report's are one.
        let precisions =
            crate::metrics::class_precisions(&taxonomy, &predictions.logits, &predictions.labels);
        let plain = crate::metrics::group_map(&taxonomy, &groups, &precisions);
        assert_eq!(section.groups.average.map(|m| m.value), plain.average);
        assert_eq!(section.groups.few.map(|m| m.value), plain.few);

        // Not calibrated: nothing is said of operating points and the gate.
        assert!(section.gate.is_none() && scored.sensitivity.is_none());
        let referral = section.referral.as_ref().expect("both answers");
        assert!(referral.counts.is_none() && referral.auc.is_some());
        assert!(report.to_text().contains("npdr_moderate"));
    }

    #[test]
    fn a_source_of_one_answer_is_no_test_of_the_referral() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let mut predictions = synthetic::predictions(&taxonomy, "odir", 200, 2);
        let width = taxonomy.nodes().len();
        let moderate = taxonomy.index("npdr_moderate").expect("a node");
        let mut sick = synthetic::predictions(&taxonomy, "aptos", 50, 3);
        sick.labels = vec![Label::Unknown; 50 * width];
        for row in sick.labels.chunks_exact_mut(width) {
            row[moderate] = Label::Present;
            taxonomy.complete(row).expect("no conflict");
        }
        predictions.photographs.extend(sick.photographs);
        predictions.logits.extend(sick.logits);
        predictions.labels.extend(sick.labels);
        let report =
            evaluate_with(&predictions, &taxonomy, None, &groups(&taxonomy), 20).expect("a report");
        let referral = report.overall.referral.as_ref().expect("both answers");
        assert_eq!(referral.sources, ["odir"]);
        assert!(referral.left_out >= 50);
        assert!(report.sources["aptos"].referral.is_none());
        assert_eq!(
            report.overall.referral,
            report.sources["odir"].referral.clone().map(|mut r| {
                r.left_out += 50;
                // Other patients take part in the draws: only the intervals differ.
                for (own, overall) in [
                    (&mut r.auc, referral.auc),
                    (&mut r.average_precision, referral.average_precision),
                    (&mut r.specificity_at_90, referral.specificity_at_90),
                ] {
                    own.as_mut().expect("both answers").interval =
                        overall.expect("both answers").interval;
                }
                r
            })
        );
    }

    #[test]
    fn the_column_of_a_source_is_a_truth_of_its_own() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let mut predictions = synthetic::predictions(&taxonomy, "tvhl", 90, 4);
        predictions.labels.fill(Label::Unknown);
        for (i, photograph) in predictions.photographs.iter_mut().enumerate() {
            let word = ["none", "npdr", "pdr"][i % 3];
            photograph.raw.insert("dr".to_owned(), word.to_owned());
        }
        let calibration = Calibration::identity(&taxonomy, &"0".repeat(64));
        let report = evaluate_with(
            &predictions,
            &taxonomy,
            Some(&calibration),
            &ClassGroups::default(),
            20,
        )
        .expect("a report");
        let scores = report.overall.any_dr_by_column.as_ref().expect("a column");
        assert_eq!((scores.positives, scores.negatives), (60, 30));
        assert_eq!(scores.counts.map(|c| c.positives()), Some(60));
        assert!(report.overall.referral.is_none());
        assert!(report.overall.groups.average.is_none());
        assert!(report.to_text().contains("any DR by column"));
    }

    #[test]
    fn the_gate_is_told_by_what_is_known_of_the_photographs() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let mut predictions = synthetic::predictions(&taxonomy, "eyepacs", 600, 5);
        let faulty = |i: usize| {
            let width = taxonomy.nodes().len();
            truth::faulty(&taxonomy, &predictions.labels[i * width..(i + 1) * width])
        };
        let faults: Vec<bool> = (0..600).map(|i| faulty(i) == Label::Present).collect();
        for (photograph, fault) in predictions.photographs.iter_mut().zip(&faults) {
            let word = if *fault { "reject" } else { "good" };
            photograph
                .raw
                .insert("eyeq_quality".to_owned(), word.to_owned());
        }
        let calibration = Calibration::identity(&taxonomy, &"0".repeat(64));
        let report = evaluate_with(
            &predictions,
            &taxonomy,
            Some(&calibration),
            &ClassGroups::default(),
            20,
        )
        .expect("a report");
        let gate = report.overall.gate.as_ref().expect("calibrated");
        let row = |what: &str| {
            gate.refused
                .iter()
                .find(|row| row.what == what)
                .expect(what)
        };
        let rejected = faults.iter().filter(|&&fault| fault).count() as u32;
        assert_eq!(row("EyeQ reject").refused.of, rejected);
        assert_eq!(row("no fault known of").refused, row("EyeQ good").refused);
        assert_eq!(row("every photograph").refused.of, 600);
        let reasons: u32 = row("every photograph").reasons.values().sum();
        assert_eq!(reasons, row("every photograph").refused.count);
        assert!(gate.reject_auc.expect("both").value > 0.6);
    }

    #[test]
    fn plots_are_written() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let predictions = synthetic::predictions(&taxonomy, "odir", 150, 6);
        let folder = tempfile::tempdir().expect("a folder");
        plot(&predictions, &taxonomy, None, folder.path()).expect("drawn");
        for name in ["precision_recall.png", "roc.png", "reliability.png"] {
            image::open(folder.path().join(name)).expect(name);
        }
    }
}
