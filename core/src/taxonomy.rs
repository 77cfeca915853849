use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How fine a node is. Level 1 of the HKGL paper is [`Level::Finest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Finest,
    Disease,
    Group,
}

/// Whether a finding sends the patient on, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Referral {
    None,
    Routine,
    Urgent,
}

/// What a node speaks of: the eye, or the photograph of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    Eye,
    Photograph,
}

/// What is known of one node in one photograph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    Present,
    Absent,
    /// Not looked for. Never enters a loss or a metric.
    #[default]
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub level: Level,
    pub subject: Subject,
    pub severity: u8,
    pub referral: Referral,
    /// Words a data source uses for this node, lower case.
    pub aliases: Vec<String>,
    /// Indices into [`Taxonomy::nodes`].
    pub parents: Vec<usize>,
    pub children: Vec<usize>,
}

/// Nodes ordered finest, disease, group; within a level in file order. The
/// network's output `k` is node `k`, for `k < finest_count()`.
#[derive(Clone, Debug)]
pub struct Taxonomy {
    pub id: String,
    pub title: String,
    nodes: Vec<Node>,
    composites: BTreeMap<String, Vec<usize>>,
}

impl Taxonomy {
    pub fn nodes(&self) -> &[Node] { &self.nodes }
    pub fn finest_count(&self) -> usize { todo!() }
    pub fn level(&self, _level: Level) -> Range<usize> { todo!() }
    pub fn index(&self, _id: &str) -> Option<usize> { todo!() }
    /// Finest nodes of a named composite such as `referable_dr`; `referable` is always there.
    pub fn composite(&self, id: &str) -> Option<&[usize]> { self.composites.get(id).map(Vec::as_slice) }
}
