//! From what a source says to the tri-state labels of one photograph.

use anyhow::{anyhow, bail, Result};
use fovea_core::taxonomy::{Label, Subject, Taxonomy};

use super::config::Statement;

/// The finest nodes that speak of `subject`.
pub fn finest(taxonomy: &Taxonomy, subject: Subject) -> impl Iterator<Item = usize> + '_ {
    (0..taxonomy.finest_count()).filter(move |&i| taxonomy.nodes()[i].subject == subject)
}

/// A [`Statement`] with its node ids looked up.
#[derive(Clone, Debug, Default)]
pub struct Said {
    present: Vec<usize>,
    absent: Vec<usize>,
    unknown: Vec<usize>,
}

impl Said {
    /// Looks up every id of `statement`; `place` names it in errors.
    pub fn resolve(taxonomy: &Taxonomy, statement: &Statement, place: &str) -> Result<Said> {
        let list = |ids: &[String]| nodes(taxonomy, ids, place);
        Ok(Said {
            present: list(&statement.present)?,
            absent: list(&statement.absent)?,
            unknown: all_levels(taxonomy, &statement.unknown, place)?,
        })
    }
}

/// Node ids looked up; `@eye` and `@photograph` are the finest nodes of that subject.
pub fn nodes(taxonomy: &Taxonomy, ids: &[String], place: &str) -> Result<Vec<usize>> {
    among(taxonomy, taxonomy.finest_count(), ids, place)
}

/// As [`nodes`], but `@eye` and `@photograph` are the subject's nodes of all levels: what is taken
/// back of all findings must not stay known of a disease or a group.
fn all_levels(taxonomy: &Taxonomy, ids: &[String], place: &str) -> Result<Vec<usize>> {
    among(taxonomy, taxonomy.nodes().len(), ids, place)
}

/// A subject stands for its nodes among the first `count`.
fn among(taxonomy: &Taxonomy, count: usize, ids: &[String], place: &str) -> Result<Vec<usize>> {
    let of = |subject| (0..count).filter(move |&i| taxonomy.nodes()[i].subject == subject);
    let mut found = Vec::new();
    for id in ids {
        match id.as_str() {
            "@eye" => found.extend(of(Subject::Eye)),
            "@photograph" => found.extend(of(Subject::Photograph)),
            _ => found.push(
                taxonomy
                    .index(id)
                    .ok_or_else(|| anyhow!("{place} names {id:?}, which the taxonomy lacks"))?,
            ),
        }
    }
    Ok(found)
}

/// The labels of one photograph while they are gathered.
///
/// Evidence is collected first and weighed at the end, so that the order in
/// which columns or keywords come does not matter.
pub struct Sheet<'a> {
    taxonomy: &'a Taxonomy,
    labels: Vec<Label>,
    doubted: Vec<usize>,
    taken_back: Vec<usize>,
}

impl<'a> Sheet<'a> {
    pub fn new(taxonomy: &'a Taxonomy) -> Self {
        Sheet {
            taxonomy,
            labels: vec![Label::Unknown; taxonomy.nodes().len()],
            doubted: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// Adds what `said` states.
    pub fn apply(&mut self, said: &Said) -> Result<()> {
        for &node in &said.present {
            self.set(node, Label::Present)?;
        }
        for &node in &said.absent {
            self.set(node, Label::Absent)?;
        }
        for &node in &said.unknown {
            self.take_back(node);
        }
        Ok(())
    }

    /// States that `node` is present or absent. Fails where the opposite was stated.
    pub fn set(&mut self, node: usize, label: Label) -> Result<()> {
        let old = self.labels[node];
        if old != Label::Unknown && old != label {
            bail!(
                "{:?} is said to be both present and absent",
                self.taxonomy.nodes()[node].id
            );
        }
        self.labels[node] = label;
        Ok(())
    }

    /// What was stated of `node` so far.
    pub fn says(&self, node: usize) -> Label {
        self.labels[node]
    }

    /// Leaves `node` and all below it unknown where they are not stated present.
    pub fn doubt(&mut self, node: usize) {
        self.doubted.push(node);
    }

    /// Makes `node` and all below it unknown, whatever else is stated of them.
    pub fn take_back(&mut self, node: usize) {
        self.taken_back.push(node);
    }

    /// Of `looked_for`, what nothing was said of is absent; then parents and
    /// children follow ([`Taxonomy::complete`]).
    ///
    /// A node stays unknown where one of its ancestors is present and none of
    /// that ancestor's finest nodes is: the source looked, but named no child.
    pub fn finish(mut self, looked_for: &[usize]) -> Result<Vec<Label>> {
        let mut open = vec![false; self.labels.len()];
        for parent in self.taxonomy.finest_count()..self.labels.len() {
            if self.labels[parent] != Label::Present {
                continue;
            }
            let children = self.taxonomy.at_or_below(parent);
            if children[1..]
                .iter()
                .all(|&c| self.labels[c] != Label::Present)
            {
                children[1..].iter().for_each(|&c| open[c] = true);
            }
        }
        for &node in looked_for {
            if self.labels[node] == Label::Unknown && !open[node] {
                self.labels[node] = Label::Absent;
            }
        }
        for node in std::mem::take(&mut self.doubted) {
            self.open_above(node);
            for n in self.taxonomy.at_or_below(node) {
                if self.labels[n] == Label::Absent {
                    self.labels[n] = Label::Unknown;
                }
            }
        }
        for node in std::mem::take(&mut self.taken_back) {
            self.open_above(node);
            for n in self.taxonomy.at_or_below(node) {
                self.labels[n] = Label::Unknown;
            }
        }
        self.taxonomy
            .complete(&mut self.labels)
            .map_err(|conflict| anyhow!("{conflict}"))?;
        Ok(self.labels)
    }

    /// Makes what is absent above `node`, and above what is below it, unknown: else `node` would
    /// follow from it again. All else that is below an absent node stays absent.
    fn open_above(&mut self, node: usize) {
        let mut reached = self.taxonomy.at_or_below(node);
        let mut next = 0;
        while next < reached.len() {
            for &parent in &self.taxonomy.nodes()[reached[next]].parents {
                if !reached.contains(&parent) {
                    reached.push(parent);
                }
            }
            next += 1;
        }
        // The coarsest first: an absent group makes its diseases absent.
        reached.sort_unstable_by(|a, b| b.cmp(a));
        for above in reached {
            if self.labels[above] != Label::Absent {
                continue;
            }
            for &child in &self.taxonomy.nodes()[above].children {
                if self.labels[child] == Label::Unknown {
                    self.labels[child] = Label::Absent;
                }
            }
            self.labels[above] = Label::Unknown;
        }
    }
}
