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
    /// Node of the photograph: it shows no retina.
    pub const NON_FUNDUS: &str = "non_fundus";
    /// Node of the photograph: it is underexposed.
    pub const DARK: &str = "dark";
    /// Node of the photograph: it is overexposed.
    pub const BRIGHT: &str = "bright";
    /// Node of the photograph: it is out of focus or hazy.
    pub const BLURRED: &str = "blurred";
    /// Node of the photograph: it has lashes, reflections or dust on it.
    pub const ARTEFACT: &str = "artefact";
    /// Node of the photograph: the parent of the four faults above.
    pub const LOW_QUALITY: &str = "low_quality";
}

/// How fine a node is. Level 1 of the HKGL paper is [`Level::Finest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Single findings and grades, such as mild NPDR: the network's outputs.
    Finest,
    /// Parents of finest nodes, such as diabetic retinopathy.
    Disease,
    /// Parents of diseases; they have no parent themselves.
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

/// Whether a finding sends the patient on, and how fast. Ordered from none to
/// urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// To nobody: a yearly screening may follow it.
    None,
    /// To an ophthalmologist.
    Routine,
    /// To an ophthalmologist soon: it threatens sight within weeks.
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
    /// A finding of the eye.
    #[default]
    Eye,
    /// A property of the photograph, such as blur, which refers nobody.
    Photograph,
}

/// What is known of one node in one photograph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// It is there: seen, or concluded from other labels.
    Present,
    /// It is not there: looked for and not seen, or concluded from other labels.
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
    /// Exactly one below that of its parents.
    pub level: Level,
    /// The same as that of its parents and children.
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
    /// Lower-case letters, digits and `_`; unique among the taxonomy's views.
    pub id: String,
    /// For people, in English.
    pub title: String,
    /// In the order of the file, never empty.
    pub classes: Vec<ViewClass>,
}

/// One class of a [`View`]: present when any of its nodes is.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewClass {
    /// Lower-case letters, digits and `_`; unique in the view.
    pub id: String,
    /// For people, in English.
    pub name: String,
    /// Indices into [`Taxonomy::nodes`], ascending, never empty.
    pub any_of: Vec<usize>,
}

/// Nodes ordered finest, disease, group; within a level in file order. The
/// network's output `k` is node `k`, for `k < finest_count()`.
#[derive(Clone, Debug)]
pub struct Taxonomy {
    /// Lower-case letters, digits and `_`; manifests and calibrations name it.
    pub id: String,
    /// For people, in English.
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
    /// One of the taxonomies that ship with Fovea, `odir` or `rfmid`; `None` for
    /// any other id.
    pub fn builtin(id: &str) -> Option<Taxonomy> {
        let text = match id {
            "odir" => include_str!("../../models/taxonomies/odir.toml"),
            "rfmid" => include_str!("../../models/taxonomies/rfmid.toml"),
            _ => return None,
        };
        // Compiled in, and parsed by a test: it cannot fail on a device.
        Taxonomy::parse(text).ok()
    }

    /// Every node: finest, then diseases, then groups; within a level in file order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many outputs the network has.
    pub fn finest_count(&self) -> usize {
        self.bounds[1]
    }

    /// Where a level lies in [`Taxonomy::nodes`], as a range of indices.
    pub fn level(&self, level: Level) -> Range<usize> {
        match level {
            Level::Finest => self.bounds[0]..self.bounds[1],
            Level::Disease => self.bounds[1]..self.bounds[2],
            Level::Group => self.bounds[2]..self.bounds[3],
        }
    }

    /// `node` and every node below it, each once, `node` first and coarser ones
    /// before finer ones. All are indices into [`Taxonomy::nodes`].
    ///
    /// # Panics
    /// When there is no node `node`.
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

    /// The finest nodes at or below `node`, as indices; none where there is no node
    /// `node`. One that is reached by two ways comes twice, as it counts twice in
    /// the parent's logit (HKGL, equation 2).
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

    /// The index in [`Taxonomy::nodes`] of the node with this id; `None` where no
    /// node has it.
    pub fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The index of the node that a data source's word stands for; `None` where
    /// it is no node's alias. Case and the amount of white space do not matter.
    pub fn by_alias(&self, word: &str) -> Option<usize> {
        self.by_alias.get(&read::normal_form(word)).copied()
    }

    /// Indices of the finest nodes of a named composite, ascending; `None` where
    /// there is no such composite. `referable`, every finest finding of the eye
    /// that is referred, is derived and always there (empty when nothing is
    /// referred); others, such as `referable_dr`, are those of the file.
    pub fn composite(&self, id: &str) -> Option<&[usize]> {
        self.composites.get(id).map(Vec::as_slice)
    }

    /// All composites by id, `referable` among them: indices of finest nodes.
    pub fn composites(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.composites
    }

    /// A named view of the file, such as `hkgl12`; `None` where the file has none
    /// of that name.
    pub fn view(&self, id: &str) -> Option<&View> {
        self.views.get(id)
    }

    /// The text this was parsed from, so that a bundle can carry and hash it.
    pub fn source(&self) -> &str {
        &self.source
    }
}
