//! What a dataset holds, in the measures of the HKGL paper's section III:
//! counts per class, imbalance ratio rho, label cardinality, and the groups
//! many, medium and few.

use std::fmt;

use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy};
use serde::{Deserialize, Serialize};

use super::{Dataset, Example, Split};

/// Where the groups part, as shares of the largest class' count.
///
/// The paper assigns a class "depending on the ratio of the number of samples
/// in a category to the category with the largest number of samples" but prints
/// no ratio for its public sets, only how many classes fall into each group:
/// 6/8/15 on RFMiD and 3/6/3 on ODIR. A first cut at 0.3 gives both. No second
/// cut does: RFMiD needs one above OTHER (0.085) and up to CSR (0.092), ODIR one
/// above severe NPDR (0.055) and up to hypertensive retinopathy (0.065).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShotCuts {
    /// A class with at least this share, 0..1, is `many`.
    pub many: f64,
    /// A class with less than this share, 0..1, is `few`.
    pub few: f64,
}

impl ShotCuts {
    /// Gives the paper's 6/8/15 classes on RFMiD.
    pub const RFMID: ShotCuts = ShotCuts {
        many: 0.3,
        few: 0.09,
    };
    /// Gives the paper's 3/6/3 classes on ODIR's 12.
    pub const ODIR: ShotCuts = ShotCuts {
        many: 0.3,
        few: 0.06,
    };

    /// The paper's cuts for a taxonomy: RFMiD's for `rfmid`, else ODIR's.
    pub fn of(taxonomy: &Taxonomy) -> ShotCuts {
        match taxonomy.id.as_str() {
            "rfmid" => ShotCuts::RFMID,
            _ => ShotCuts::ODIR,
        }
    }

    /// The group of a class with `count` examples where the largest has `largest`.
    pub fn group(&self, count: usize, largest: usize) -> Shot {
        let share = count as f64 / largest.max(1) as f64;
        if share >= self.many {
            Shot::Many
        } else if share >= self.few {
            Shot::Medium
        } else {
            Shot::Few
        }
    }
}

/// How many training photographs a class has beside the largest class (HKGL section III).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shot {
    /// At least the share [`ShotCuts::many`].
    Many,
    /// Between the two cuts.
    Medium,
    /// Less than the share [`ShotCuts::few`].
    Few,
}

impl Shot {
    /// As files and tables write it: `many`, `medium` or `few`.
    pub fn name(self) -> &'static str {
        match self {
            Shot::Many => "many",
            Shot::Medium => "medium",
            Shot::Few => "few",
        }
    }
}

/// Examples by what is known of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub present: usize,
    pub absent: usize,
    pub unknown: usize,
}

impl Counts {
    fn add(&mut self, label: Label) {
        match label {
            Label::Present => self.present += 1,
            Label::Absent => self.absent += 1,
            Label::Unknown => self.unknown += 1,
        }
    }
}

/// One node of the taxonomy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatistics {
    pub id: String,
    pub level: Level,
    /// Of finest eye nodes with a training example.
    pub shot: Option<Shot>,
    pub train: Counts,
    pub val: Counts,
    pub test: Counts,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatistics {
    pub name: String,
    /// Examples per split.
    pub train: usize,
    pub val: usize,
    pub test: usize,
    /// Patients over all splits.
    pub patients: usize,
}

/// Everything about a dataset that can be told before training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// In the order of the run file.
    pub sources: Vec<SourceStatistics>,
    /// Every node, in the taxonomy's order.
    pub nodes: Vec<NodeStatistics>,
    /// Count of the largest finest eye class over that of the smallest, of
    /// those with a training example; none without any.
    pub rho: Option<f64>,
    /// Finest eye classes present per training example, over the examples
    /// whose eye was looked at.
    pub cardinality: Option<f64>,
    /// Where the shot groups part.
    pub cuts: ShotCuts,
}

impl Statistics {
    /// Statistics of `dataset`, or of the one source named.
    pub fn of(dataset: &Dataset, source: Option<&str>, cuts: ShotCuts) -> Statistics {
        let taxonomy = &dataset.taxonomy;
        let examples: Vec<&Example> = dataset
            .examples
            .iter()
            .filter(|e| source.is_none_or(|s| e.source == s))
            .collect();
        let count = |node: usize, split: Split| {
            let mut counts = Counts::default();
            let of_split = examples.iter().filter(|e| e.split == split);
            of_split.for_each(|e| counts.add(e.labels[node]));
            counts
        };
        let mut nodes: Vec<NodeStatistics> = taxonomy
            .nodes()
            .iter()
            .enumerate()
            .map(|(i, node)| NodeStatistics {
                id: node.id.clone(),
                level: node.level,
                shot: None,
                train: count(i, Split::Train),
                val: count(i, Split::Val),
                test: count(i, Split::Test),
            })
            .collect();
        let eye: Vec<usize> = super::labels::finest(taxonomy, Subject::Eye).collect();
        let present = |node: usize| nodes[node].train.present;
        let held: Vec<usize> = eye.iter().copied().filter(|&n| present(n) > 0).collect();
        let largest = held.iter().map(|&n| present(n)).max();
        let smallest = held.iter().map(|&n| present(n)).min();
        let looked_at: Vec<&&Example> = examples
            .iter()
            .filter(|e| e.split == Split::Train)
            .filter(|e| eye.iter().any(|&n| e.labels[n] != Label::Unknown))
            .collect();
        let labels: usize = held.iter().map(|&n| present(n)).sum();
        let cardinality = (!looked_at.is_empty()).then(|| labels as f64 / looked_at.len() as f64);
        for node in held {
            let count = nodes[node].train.present;
            nodes[node].shot = largest.map(|largest| cuts.group(count, largest));
        }
        Statistics {
            sources: dataset
                .sources
                .iter()
                .filter(|s| source.is_none_or(|name| s.name == name))
                .map(|s| source_statistics(&s.name, &examples))
                .collect(),
            nodes,
            rho: largest.zip(smallest).map(|(l, s)| l as f64 / s as f64),
            cardinality,
            cuts,
        }
    }

    /// Ids of the finest eye classes of a group, in the taxonomy's order.
    pub fn group(&self, shot: Shot) -> Vec<String> {
        let of_group = self.nodes.iter().filter(|n| n.shot == Some(shot));
        of_group.map(|n| n.id.clone()).collect()
    }
}

fn source_statistics(name: &str, examples: &[&Example]) -> SourceStatistics {
    let own: Vec<&&Example> = examples.iter().filter(|e| e.source == name).collect();
    let count = |split| own.iter().filter(|e| e.split == split).count();
    let patients: std::collections::HashSet<&str> =
        own.iter().map(|e| e.patient.as_str()).collect();
    SourceStatistics {
        name: name.to_owned(),
        train: count(Split::Train),
        val: count(Split::Val),
        test: count(Split::Test),
        patients: patients.len(),
    }
}

/// The aligned table of `data.txt`, which `prepare` prints.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let widest = |names: &mut dyn Iterator<Item = usize>| names.max().unwrap_or(0).max(6);
        let width = widest(&mut self.sources.iter().map(|s| s.name.len()));
        writeln!(
            f,
            "{:width$} {:>7} {:>7} {:>7} {:>8}",
            "source", "train", "val", "test", "patients"
        )?;
        for s in &self.sources {
            writeln!(
                f,
                "{:width$} {:>7} {:>7} {:>7} {:>8}",
                s.name, s.train, s.val, s.test, s.patients
            )?;
        }
        let width = widest(&mut self.nodes.iter().map(|n| n.id.len()));
        writeln!(f, "\nPresent / known:")?;
        writeln!(
            f,
            "{:width$} {:>7} {:>13} {:>13} {:>13}  group",
            "node", "level", "train", "val", "test"
        )?;
        for n in &self.nodes {
            let cell = |c: Counts| format!("{} / {}", c.present, c.present + c.absent);
            let level = match n.level {
                Level::Finest => "finest",
                Level::Disease => "disease",
                Level::Group => "group",
            };
            writeln!(
                f,
                "{:width$} {level:>7} {:>13} {:>13} {:>13}  {}",
                n.id,
                cell(n.train),
                cell(n.val),
                cell(n.test),
                n.shot.map_or("", Shot::name)
            )?;
        }
        let number = |v: Option<f64>, digits: usize| match v {
            Some(v) => format!("{v:.digits$}"),
            None => "-".to_owned(),
        };
        writeln!(
            f,
            "\nimbalance ratio rho {}, label cardinality {}",
            number(self.rho, 1),
            number(self.cardinality, 4)
        )
    }
}
