//! The labels: a directed acyclic graph over three levels, read from TOML.
//!
//! A network has one output per finest node. Everything coarser follows from
//! those: a disease is present when one of its finest findings is, a group
//! when one of its diseases is (section IV-B of the HKGL paper). A node may
//! have several parents, as the signs in RFMiD's tree do.
//!
//! [`Taxonomy::parse`] documents and checks the file format.

mod labels;
mod read;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use labels::LabelConflict;
pub use read::TaxonomyError;

/// Ids that the program itself knows. All others are the taxonomy's own.
pub mod ids {
    /// The composite of every finest finding of the eye that is referred; every
    /// taxonomy has it.
    pub const REFERABLE: &str = "referable";
    /// The composite of moderate NPDR or worse.
    pub const REFERABLE_DR: &str = "referable_dr";
    /// Nodes on the photograph: it shows no retina, has one of four faults, or
    /// is of low quality, which is the parent of the four.
    pub const NON_FUNDUS: &str = "non_fundus";
    pub const DARK: &str = "dark";
    pub const BRIGHT: &str = "bright";
    pub const BLURRED: &str = "blurred";
    pub const ARTEFACT: &str = "artefact";
    pub const LOW_QUALITY: &str = "low_quality";
}

/// How fine a node is. Level 1 of the HKGL paper is [`Level::Finest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Finest,
    Disease,
    Group,
}

impl Level {
    /// All levels, finest first: the order of [`Taxonomy::nodes`].
    pub const ALL: [Level; 3] = [Level::Finest, Level::Disease, Level::Group];

    fn name(self) -> &'static str {
        match self {
            Level::Finest => "finest",
            Level::Disease => "disease",
            Level::Group => "group",
        }
    }
}

/// Whether a finding sends the patient on, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    None,
    Routine,
    Urgent,
}

impl Urgency {
    fn name(self) -> &'static str {
        match self {
            Urgency::None => "none",
            Urgency::Routine => "routine",
            Urgency::Urgent => "urgent",
        }
    }
}

/// What a node speaks of: the eye, or the photograph of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    #[default]
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

/// One label of the taxonomy.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Lower-case letters, digits and `_`; unique in the taxonomy.
    pub id: String,
    /// For people, in English.
    pub name: String,
    pub level: Level,
    pub subject: Subject,
    /// 0 (nothing) to 4 (threatens sight), on the scale of the HKGL paper.
    pub severity: u8,
    /// What follows from this finding. For a parent: what follows when the
    /// parent is certain and nothing below it is.
    pub referral: Urgency,
    /// Words a data source uses for this node, in the form of
    /// [`Taxonomy::by_alias`].
    pub aliases: Vec<String>,
    /// Codes in other systems, by the system's id: `icd10`, `snomed`.
    pub codes: BTreeMap<String, String>,
    /// Names in other languages, by the language's code of ISO 639: `es`.
    pub names: BTreeMap<String, String>,
    /// What the finding looks like, by ids of the file's own: `haemorrhage`.
    /// Findings that share a look may be far apart in the tree.
    pub features: Vec<String>,
    /// Indices into [`Taxonomy::nodes`], one level up.
    pub parents: Vec<usize>,
    /// Indices into [`Taxonomy::nodes`], one level down, ascending.
    pub children: Vec<usize>,
}

/// A named coarser list of classes, to compare with results published on it.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub id: String,
    pub title: String,
    pub classes: Vec<ViewClass>,
}

/// One class of a [`View`]: present when any of its nodes is.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewClass {
    pub id: String,
    pub name: String,
    /// Indices into [`Taxonomy::nodes`], ascending, never empty.
    pub any_of: Vec<usize>,
}

/// Nodes ordered finest, disease, group; within a level in file order. The
/// network's output `k` is node `k`, for `k < finest_count()`.
#[derive(Clone, Debug)]
pub struct Taxonomy {
    pub id: String,
    pub title: String,
    nodes: Vec<Node>,
    /// Start of each level in `nodes`, and the end of the last.
    bounds: [usize; 4],
    by_id: HashMap<String, usize>,
    by_alias: HashMap<String, usize>,
    composites: BTreeMap<String, Vec<usize>>,
    views: BTreeMap<String, View>,
    source: String,
}

impl Taxonomy {
    /// One of the taxonomies that ship with Fovea: `odir` or `rfmid`.
    pub fn builtin(id: &str) -> Option<Taxonomy> {
        let text = match id {
            "odir" => include_str!("../../models/taxonomies/odir.toml"),
            "rfmid" => include_str!("../../models/taxonomies/rfmid.toml"),
            _ => return None,
        };
        // Compiled in, and parsed by a test: it cannot fail on a device.
        Taxonomy::parse(text).ok()
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many outputs the network has.
    pub fn finest_count(&self) -> usize {
        self.bounds[1]
    }

    /// Where a level lies in [`Taxonomy::nodes`].
    pub fn level(&self, level: Level) -> Range<usize> {
        match level {
            Level::Finest => self.bounds[0]..self.bounds[1],
            Level::Disease => self.bounds[1]..self.bounds[2],
            Level::Group => self.bounds[2]..self.bounds[3],
        }
    }

    /// `node` and every node below it, each once, `node` first and coarser ones
    /// before finer ones.
    pub fn at_or_below(&self, node: usize) -> Vec<usize> {
        let mut found = vec![node];
        let mut next = 0;
        while next < found.len() {
            for &child in &self.nodes[found[next]].children {
                if !found.contains(&child) {
                    found.push(child);
                }
            }
            next += 1;
        }
        found
    }

    /// The finest nodes at or below `node`. One that is reached by two ways comes
    /// twice, as it counts twice in the parent's logit (HKGL, equation 2).
    pub fn finest_below(&self, node: usize) -> Vec<usize> {
        if node < self.finest_count() {
            return vec![node];
        }
        let children = self.nodes.get(node).map_or(&[][..], |node| &node.children);
        children
            .iter()
            .flat_map(|&child| self.finest_below(child))
            .collect()
    }

    pub fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The node a data source's word stands for. Case and the amount of white
    /// space do not matter.
    pub fn by_alias(&self, word: &str) -> Option<usize> {
        self.by_alias.get(&read::normal_form(word)).copied()
    }

    /// Finest nodes of a named composite, ascending. `referable`, every finest
    /// finding of the eye that is referred, is derived and always there (empty
    /// when nothing is referred); others, such as `referable_dr`, are those of
    /// the file.
    pub fn composite(&self, id: &str) -> Option<&[usize]> {
        self.composites.get(id).map(Vec::as_slice)
    }

    /// All composites by id, `referable` among them.
    pub fn composites(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.composites
    }

    /// A named view of the file, such as `hkgl12`.
    pub fn view(&self, id: &str) -> Option<&View> {
        self.views.get(id)
    }

    /// The text this was parsed from, so that a bundle can carry and hash it.
    pub fn source(&self) -> &str {
        &self.source
    }
}
