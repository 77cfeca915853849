//! The measures over one set of photographs.

mod questions;

use std::collections::{BTreeMap, BTreeSet};

use fovea_core::taxonomy::{ids, Label, Level, Subject};

use super::judged::{Column, Judged};
use crate::data::truth;
use crate::metrics::{
    expected_calibration_error, mean, Answers, ClassGroups, Counts, Interval, PatientBootstrap,
    CALIBRATION_BINS,
};
use crate::report::{
    ClassScores, ClassSetScores, DecisionScores, GateRow, GateScores, GroupScores, LevelScores,
    Measured, NodeScores, Section, Share,
};

/// Seed of every report's draws: the same predictions give the same report.
const SEED: u64 = 20_211;

/// Class set of the HKGL paper's table II.
const PAPER_CLASSES: &str = "hkgl12";

/// Values of a measure: on the photographs as they are, and over the draws.
#[derive(Clone, Default)]
struct Drawn {
    value: Option<f64>,
    draws: Vec<Option<f64>>,
}

impl Drawn {
    fn measured(&self) -> Option<Measured> {
        Some(Measured {
            value: self.value?,
            interval: Interval::of_draws(&self.draws),
        })
    }

    /// The mean, within every draw, over those that are defined there.
    fn mean_of<'a>(parts: impl Iterator<Item = &'a Drawn> + Clone) -> Drawn {
        let draws = parts
            .clone()
            .map(|part| part.draws.len())
            .max()
            .unwrap_or(0);
        Drawn {
            value: mean(parts.clone().map(|part| part.value)),
            draws: (0..draws)
                .map(|draw| {
                    // A measure that is not defined at all was never drawn.
                    mean(
                        parts
                            .clone()
                            .map(|part| part.draws.get(draw).copied().flatten()),
                    )
                })
                .collect(),
        }
    }
}

struct NodeDraws {
    average_precision: Drawn,
    auc: Drawn,
}

pub struct Surveyor<'a> {
    judged: &'a Judged<'a>,
    groups: &'a ClassGroups,
    /// Whether there is a calibration whose operating points mean anything.
    calibrated: bool,
    which: Vec<usize>,
    bootstrap: PatientBootstrap,
}

impl<'a> Surveyor<'a> {
    pub fn new(
        judged: &'a Judged<'a>,
        groups: &'a ClassGroups,
        calibrated: bool,
        which: Vec<usize>,
        draws: usize,
    ) -> Surveyor<'a> {
        let people: Vec<String> = people(judged, &which).collect();
        Surveyor {
            judged,
            groups,
            calibrated,
            bootstrap: PatientBootstrap::new(&people, draws, SEED),
            which,
        }
    }

    pub fn section(&self) -> Section {
        let nodes = self.judged.taxonomy.nodes();
        let answers: Vec<Answers> = (0..nodes.len())
            .map(|node| self.judged.node_answers(node, &self.which))
            .collect();
        let drawn: Vec<NodeDraws> = answers.iter().map(|answers| self.draw(answers)).collect();
        let (referral, referable_dr) = (self.referral(), self.referable_dr());
        let nodes: Vec<NodeScores> = (0..nodes.len())
            .map(|node| self.node(node, &answers[node], &drawn[node]))
            .collect();
        Section {
            photographs: self.which.len() as u32,
            patients: people(self.judged, &self.which)
                .collect::<BTreeSet<_>>()
                .len() as u32,
            groups: self.groups(&drawn),
            levels: [Level::Finest, Level::Disease, Level::Group]
                .map(|level| self.level(level, &answers, &drawn))
                .into(),
            paper_classes: self.paper_classes(),
            questions: self.questions(referral.as_ref(), referable_dr.as_ref(), &nodes),
            referred: self.referred_of(),
            referral,
            referable_dr,
            any_dr_by_column: self.any_dr_by_column(),
            gate: self.calibrated.then(|| self.gate()),
            nodes,
        }
    }

    fn draw(&self, answers: &Answers) -> NodeDraws {
        let ranking = answers.ranking();
        let times = |weights: &[u16], i: usize| f64::from(weights[answers.places[i]]);
        NodeDraws {
            average_precision: Drawn {
                value: ranking.average_precision(),
                draws: self
                    .bootstrap
                    .values(|weights| ranking.weighted_average_precision(|i| times(weights, i))),
            },
            auc: Drawn {
                value: ranking.auc(),
                draws: self
                    .bootstrap
                    .values(|weights| ranking.weighted_auc(|i| times(weights, i))),
            },
        }
    }

    fn specificity_at_90(&self, answers: &Answers) -> Drawn {
        let ranking = answers.ranking();
        let times = |weights: &[u16], i: usize| f64::from(weights[answers.places[i]]);
        Drawn {
            value: ranking.specificity_at(0.9),
            draws: self
                .bootstrap
                .values(|weights| ranking.weighted_specificity_at(0.9, |i| times(weights, i))),
        }
    }

    fn groups(&self, drawn: &[NodeDraws]) -> GroupScores {
        let taxonomy = self.judged.taxonomy;
        let finest = |ids: &[String]| -> Vec<usize> {
            ids.iter()
                .filter_map(|id| taxonomy.index(id))
                .filter(|&node| node < taxonomy.finest_count())
                .collect()
        };
        let members = [&self.groups.many, &self.groups.medium, &self.groups.few].map(|g| finest(g));
        let over = |members: &[usize]| {
            Drawn::mean_of(members.iter().map(|&node| &drawn[node].average_precision))
        };
        let maps = [over(&members[0]), over(&members[1]), over(&members[2])];
        let all = members.concat();
        GroupScores {
            many: maps[0].measured(),
            medium: maps[1].measured(),
            few: maps[2].measured(),
            average: Drawn::mean_of(maps.iter()).measured(),
            macro_auc: Drawn::mean_of(all.iter().map(|&node| &drawn[node].auc)).measured(),
            left_out: all
                .iter()
                .filter(|&&node| drawn[node].average_precision.value.is_none())
                .map(|&node| taxonomy.nodes()[node].id.clone())
                .collect(),
        }
    }

    fn level(&self, level: Level, answers: &[Answers], drawn: &[NodeDraws]) -> LevelScores {
        let taxonomy = self.judged.taxonomy;
        let eye: Vec<usize> = taxonomy
            .level(level)
            .filter(|&node| taxonomy.nodes()[node].subject == Subject::Eye)
            .filter(|&node| answers[node].positive_count() > 0)
            .collect();
        let error = |pick: fn(&Answers) -> &[f32]| {
            mean(
                eye.iter()
                    .map(|&node| calibration_error(&answers[node], pick)),
            )
        };
        LevelScores {
            level,
            classes: eye.len() as u32,
            map: Drawn::mean_of(eye.iter().map(|&node| &drawn[node].average_precision)).measured(),
            macro_auc: Drawn::mean_of(eye.iter().map(|&node| &drawn[node].auc)).measured(),
            ece_before: error(|answers| &answers.before),
            ece_after: self.if_calibrated(error(|answers| &answers.after)),
        }
    }

    fn node(&self, node: usize, answers: &Answers, drawn: &NodeDraws) -> NodeScores {
        let described = &self.judged.taxonomy.nodes()[node];
        let counts = self.counts(answers);
        NodeScores {
            id: described.id.clone(),
            level: described.level,
            subject: described.subject,
            known: answers.len() as u32,
            positives: answers.positive_count() as u32,
            average_precision: drawn.average_precision.measured(),
            auc: drawn.auc.measured(),
            ece_before: calibration_error(answers, |a| &a.before),
            ece_after: self.if_calibrated(calibration_error(answers, |a| &a.after)),
            sensitivity: counts.and_then(sensitivity),
            specificity: counts.and_then(specificity),
        }
    }

    fn if_calibrated(&self, value: Option<f64>) -> Option<f64> {
        value.filter(|_| self.calibrated)
    }

    /// Calls at the operating point.
    fn counts(&self, answers: &Answers) -> Option<Counts> {
        let threshold = answers.threshold.filter(|_| self.calibrated)?;
        Some(Counts::at_threshold(
            &answers.after,
            &answers.positives,
            threshold,
        ))
    }

    fn paper_classes(&self) -> Option<ClassSetScores> {
        let judged = self.judged;
        let view = judged.taxonomy.view(PAPER_CLASSES)?;
        let (classes, drawn): (Vec<ClassScores>, Vec<NodeDraws>) = view
            .classes
            .iter()
            .map(|class| {
                let mut answers = Answers::default();
                for (place, &photograph) in self.which.iter().enumerate() {
                    let label = any_of(&class.any_of, judged.labels(photograph));
                    if label != Label::Unknown {
                        let score = any_of_score(judged, &class.any_of, photograph);
                        answers.places.push(place);
                        answers.scores.push(score);
                        answers.positives.push(label == Label::Present);
                    }
                }
                let drawn = self.draw(&answers);
                let scores = ClassScores {
                    id: class.id.clone(),
                    known: answers.len() as u32,
                    positives: answers.positive_count() as u32,
                    average_precision: drawn.average_precision.measured(),
                    auc: drawn.auc.measured(),
                };
                (scores, drawn)
            })
            .unzip();
        Some(ClassSetScores {
            id: view.id.clone(),
            map: Drawn::mean_of(drawn.iter().map(|d| &d.average_precision)).measured(),
            macro_auc: Drawn::mean_of(drawn.iter().map(|d| &d.auc)).measured(),
            classes,
        })
    }

    fn referral(&self) -> Option<DecisionScores> {
        let members = self.judged.taxonomy.composite(ids::REFERABLE)?;
        let truth =
            |p: usize| truth::composite(self.judged.taxonomy, members, self.judged.labels(p));
        let verdict = |photograph: usize| self.judged.referred[photograph];
        self.decision(ids::REFERABLE, truth, verdict)
    }

    fn referable_dr(&self) -> Option<DecisionScores> {
        let members = self.judged.taxonomy.composite(ids::REFERABLE_DR)?;
        let truth =
            |p: usize| truth::composite(self.judged.taxonomy, members, self.judged.labels(p));
        self.decision(ids::REFERABLE_DR, truth, self.passes(ids::REFERABLE_DR)?)
    }

    fn any_dr_by_column(&self) -> Option<DecisionScores> {
        let truth = |photograph: usize| {
            let raw = &self.judged.predictions.photographs[photograph].raw;
            match raw.get("dr").map(String::as_str) {
                Some("none") => Label::Absent,
                Some("npdr" | "pdr") => Label::Present,
                _ => Label::Unknown,
            }
        };
        self.decision(ids::REFERABLE_DR, truth, self.passes(ids::REFERABLE_DR)?)
    }

    /// Whether a composite's probability reaches its operating point.
    fn passes(&self, id: &str) -> Option<impl Fn(usize) -> bool + '_> {
        let column: &Column = self.judged.composites.get(id)?;
        let threshold = self.judged.calibration.composites.get(id)?.threshold;
        Some(move |photograph: usize| column.after[photograph] >= threshold)
    }

    /// `None` where no source has both answers.
    fn decision(
        &self,
        composite: &str,
        truth: impl Fn(usize) -> Label,
        verdict: impl Fn(usize) -> bool,
    ) -> Option<DecisionScores> {
        let judged = self.judged;
        let comparable = judged.comparable(&self.which, &truth);
        if comparable.is_empty() {
            return None;
        }
        let counted: BTreeSet<usize> = comparable.iter().copied().collect();
        let known = |photograph: usize| match counted.contains(&photograph) {
            true => truth(photograph),
            false => Label::Unknown,
        };
        let answers = judged.composite_answers(composite, &self.which, known)?;
        let drawn = self.draw(&answers);
        let counts = self.calibrated.then(|| {
            Counts::of(
                comparable
                    .iter()
                    .map(|&photograph| (truth(photograph) == Label::Present, verdict(photograph))),
            )
        });
        let positives = answers.positive_count() as u32;
        let sources: BTreeSet<&String> = comparable
            .iter()
            .map(|&photograph| &judged.predictions.photographs[photograph].source)
            .collect();
        Some(DecisionScores {
            sources: sources.into_iter().cloned().collect(),
            positives,
            negatives: comparable.len() as u32 - positives,
            left_out: (self.which.len() - comparable.len()) as u32,
            auc: drawn.auc.measured(),
            average_precision: drawn.average_precision.measured(),
            counts,
            sensitivity: counts.and_then(sensitivity),
            specificity: counts.and_then(specificity),
            specificity_at_90: self.specificity_at_90(&answers).measured(),
            ece_before: calibration_error(&answers, |a| &a.before),
            ece_after: self.if_calibrated(calibration_error(&answers, |a| &a.after)),
        })
    }

    fn gate(&self) -> GateScores {
        let judged = self.judged;
        let taxonomy = judged.taxonomy;
        let row = |what: &str, wanted: &dyn Fn(usize) -> bool| {
            let (mut all, mut refused) = (0, 0);
            let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
            for &photograph in self.which.iter().filter(|&&photograph| wanted(photograph)) {
                all += 1;
                let verdict = &judged.gate[photograph];
                if !verdict.accepted {
                    refused += 1;
                    *reasons.entry(reason_name(verdict.reason)).or_default() += 1;
                }
            }
            Some(GateRow {
                what: what.to_owned(),
                refused: Share::of(refused, all)?,
                reasons,
            })
        };
        let mut refused = vec![
            row("every photograph", &|_| true),
            row("no fault known of", &|p| {
                truth::faulty(taxonomy, judged.labels(p)) == Label::Absent
            }),
        ];
        for node in taxonomy.level(Level::Finest) {
            let described = &taxonomy.nodes()[node];
            if described.subject == Subject::Photograph {
                refused.push(row(&described.id, &|p| {
                    judged.labels(p)[node] == Label::Present
                }));
            }
        }
        let quality = |photograph: usize| {
            let raw = &judged.predictions.photographs[photograph].raw;
            raw.get("eyeq_quality").map(|word| word.to_lowercase())
        };
        for word in ["good", "usable", "reject"] {
            let what = format!("EyeQ {word}");
            refused.push(row(&what, &|p| quality(p).as_deref() == Some(word)));
        }
        GateScores {
            refused: refused.into_iter().flatten().collect(),
            reject_auc: self.reject_auc(|photograph| match quality(photograph).as_deref() {
                Some("good") => Label::Absent,
                Some("reject") => Label::Present,
                _ => Label::Unknown,
            }),
        }
    }

    fn reject_auc(&self, truth: impl Fn(usize) -> Label) -> Option<Measured> {
        let taxonomy = self.judged.taxonomy;
        let faults: Vec<usize> = taxonomy
            .level(Level::Finest)
            .filter(|&node| taxonomy.nodes()[node].subject == Subject::Photograph)
            .collect();
        let mut answers = Answers::default();
        for (place, &photograph) in self.which.iter().enumerate() {
            let label = truth(photograph);
            if label != Label::Unknown {
                answers.places.push(place);
                answers
                    .scores
                    .push(any_of_score(self.judged, &faults, photograph));
                answers.positives.push(label == Label::Present);
            }
        }
        self.draw(&answers).auc.measured()
    }
}

/// Whether any of `nodes` is present.
fn any_of(nodes: &[usize], labels: &[Label]) -> Label {
    Label::any(nodes.iter().map(|&node| labels[node]))
}

/// Whose each photograph is.
fn people<'a>(judged: &'a Judged, which: &'a [usize]) -> impl Iterator<Item = String> + 'a {
    let photographs = &judged.predictions.photographs;
    which.iter().map(|&i| photographs[i].person())
}

/// Ranks as 1 - prod(1 - p) over calibrated probabilities does, without losing
/// the order of probabilities near 1: -ln of the product.
fn any_of_score(judged: &Judged, nodes: &[usize], photograph: usize) -> f32 {
    nodes
        .iter()
        .map(|&node| {
            let own = &judged.calibration.nodes[&judged.taxonomy.nodes()[node].id];
            let z = f64::from(judged.nodes[node].raw[photograph]) / f64::from(own.temperature)
                + f64::from(own.bias);
            z.max(0.0) + (-z.abs()).exp().ln_1p()
        })
        .sum::<f64>() as f32
}

fn calibration_error(answers: &Answers, pick: fn(&Answers) -> &[f32]) -> Option<f64> {
    expected_calibration_error(pick(answers), &answers.positives, CALIBRATION_BINS)
}

fn sensitivity(counts: Counts) -> Option<Share> {
    Share::of(counts.true_positives, counts.positives())
}

fn specificity(counts: Counts) -> Option<Share> {
    Share::of(counts.true_negatives, counts.negatives())
}

/// As it is written in JSON.
fn reason_name(reason: fovea_core::gate::GateReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{reason:?}"),
    }
}
