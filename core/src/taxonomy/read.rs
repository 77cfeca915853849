//! The taxonomy's file format and everything a file is checked for.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{ids, Level, Node, Subject, Taxonomy, Urgency, View, ViewClass};
use crate::versioned;

/// The format this version reads.
const FORMAT: u32 = 1;

// Limits on hostile files. The largest published tree has some hundred nodes.
const MAX_BYTES: usize = 1 << 20;
const MAX_NODES: usize = 4096;
const MAX_PARENTS: usize = 64;
const MAX_ALIASES: usize = 1024;
const MAX_LISTS: usize = 256;
const MAX_ID: usize = 64;
const MAX_TEXT: usize = 200;

/// Why a taxonomy file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum TaxonomyError {
    #[error("the taxonomy has {bytes} bytes, more than the {MAX_BYTES} that are read: shorten it")]
    TooLarge { bytes: usize },
    #[error("the taxonomy is not valid: {0}")]
    Syntax(String),
    #[error("the taxonomy has format {found} but this version of Fovea reads format {FORMAT}: use a version made for it")]
    Format { found: u32 },
    #[error("the taxonomy has {count} {what}, more than the {limit} allowed: remove some")]
    TooMany {
        what: String,
        count: usize,
        limit: usize,
    },
    #[error("the taxonomy has no finest node, so a network would have no output: add one")]
    NoFinest,
    #[error(
        "the id {id:?} of {what} is not 1 to {MAX_ID} lower-case letters, digits or `_`: rename it"
    )]
    Id { what: &'static str, id: String },
    #[error("the {field} of `{id}` is empty, longer than {MAX_TEXT} characters or has control characters: rewrite it")]
    Text { field: &'static str, id: String },
    #[error("two nodes have the id `{id}`: rename one")]
    DuplicateId { id: String },
    #[error("node `{node}` names the parent `{parent}`, which is not in the file: add it or correct the name")]
    UnknownParent { node: String, parent: String },
    #[error("node `{node}` names the parent `{parent}` twice: remove one")]
    RepeatedParent { node: String, parent: String },
    #[error("the parents of `{node}` lead back to itself: break the cycle")]
    Cycle { node: String },
    #[error("node `{node}` is of level {level} but its parent `{parent}` of level {parent_level}: a parent is exactly one level up (finest, disease, group)")]
    LevelOrder {
        node: String,
        level: &'static str,
        parent: String,
        parent_level: &'static str,
    },
    #[error(
        "node `{node}` is of level {level} and has no parent, so it reaches no group: give it one"
    )]
    Orphan { node: String, level: &'static str },
    #[error("node `{node}` is of level {level} and nothing has it as a parent, so it can never be present: add a child or remove it")]
    Childless { node: String, level: &'static str },
    #[error("node `{node}` and its parent `{parent}` speak one of the eye and one of the photograph: they must agree")]
    Subject { node: String, parent: String },
    #[error("the severity {severity} of `{node}` is outside 0 to 4: correct it")]
    Severity { node: String, severity: i64 },
    #[error("the severity {severity} of `{node}` is not that of its most severe child, {expected}: correct it")]
    ParentSeverity {
        node: String,
        severity: u8,
        expected: u8,
    },
    #[error("the referral `{referral}` of `{node}` must lie between `{weakest}` and `{strongest}`, since that is what its children allow: correct it")]
    ParentReferral {
        node: String,
        referral: &'static str,
        weakest: &'static str,
        strongest: &'static str,
    },
    #[error(
        "node `{node}` speaks of the photograph, which refers nobody: set its referral to none"
    )]
    PhotographReferral { node: String },
    #[error("the alias {alias:?} of `{node}` must be written {expected:?}: aliases are lower case with single spaces")]
    AliasForm {
        node: String,
        alias: String,
        expected: String,
    },
    #[error("the alias `{alias}` stands for both `{first}` and `{second}`: give it to one")]
    DuplicateAlias {
        alias: String,
        first: String,
        second: String,
    },
    #[error(
        "the composite `referable` is derived from the nodes' referrals: remove it from the file"
    )]
    ReservedComposite,
    #[error("{what} `{id}` lists nothing: fill it or remove it")]
    Empty { what: &'static str, id: String },
    #[error("{what} `{id}` names the node `{node}`, which is not in the file: correct the name")]
    UnknownMember {
        what: &'static str,
        id: String,
        node: String,
    },
    #[error("{what} `{id}` names the node `{node}` twice: remove one")]
    RepeatedMember {
        what: &'static str,
        id: String,
        node: String,
    },
    #[error("the composite `{id}` names `{node}`, which is not a finest node of the eye: name its finest nodes")]
    CompositeLevel { id: String, node: String },
    #[error("the view `{view}` has two classes with the id `{class}`: rename one")]
    DuplicateClass { view: String, class: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format")]
    _format: u32,
    id: String,
    title: String,
    #[serde(default)]
    node: Vec<FileNode>,
    #[serde(default)]
    composite: BTreeMap<String, FileComposite>,
    #[serde(default)]
    view: BTreeMap<String, FileView>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileNode {
    id: String,
    name: String,
    level: Level,
    #[serde(default)]
    subject: Subject,
    severity: i64,
    referral: Urgency,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    codes: BTreeMap<String, String>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    #[serde(default)]
    features: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileComposite {
    any_of: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileView {
    title: String,
    #[serde(default)]
    class: Vec<FileClass>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileClass {
    id: String,
    name: String,
    any_of: Vec<String>,
}

/// The form in which aliases are kept and compared: lower case, white space
/// trimmed and single.
pub(super) fn normal_form(word: &str) -> String {
    let lower = word.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Taxonomy {
    /// Reads a taxonomy.
    ///
    /// ```toml
    /// format = 1
    /// id = "odir"
    /// title = "ODIR-5K keywords"
    ///
    /// [[node]]                    # one for each label, in the order of the outputs
    /// id = "npdr_mild"            # lower-case letters, digits, `_`
    /// name = "Mild NPDR"
    /// level = "finest"            # finest, disease or group
    /// subject = "eye"             # or "photograph"; eye when left out
    /// severity = 3                # 0 to 4; a parent has its most severe child's
    /// referral = "none"           # none, routine or urgent
    /// parents = ["diabetic_retinopathy"]  # one level up; none for a group
    /// aliases = ["mild nonproliferative retinopathy"]
    /// codes = { icd10 = "E11.329" }       # in other systems, by their names
    /// names = { es = "RDNP leve" }        # in other languages, by ISO 639
    /// features = ["haemorrhage"]          # what it looks like, in ids of the file's own
    ///
    /// [composite.referable_dr]    # finest nodes whose OR is of interest
    /// any_of = ["npdr_moderate", "npdr_severe", "pdr"]
    ///
    /// [view.hkgl12]               # a coarser list of classes
    /// title = "HKGL, table II"
    /// [[view.hkgl12.class]]
    /// id = "glaucoma"
    /// name = "Glaucoma"
    /// any_of = ["glaucoma", "glaucoma_suspect"]   # nodes of any level
    /// ```
    ///
    /// Levels being strict, every path from a finest node ends in exactly one
    /// group.
    ///
    /// # Errors
    /// Refused, with the node named: unknown keys, another format, a repeated
    /// id or alias, an unknown parent, a cycle, a parent that is not exactly
    /// one level up, a finest node or disease without a parent, a parent
    /// without children, an eye node below a photograph node or the reverse, a
    /// severity outside its range, and a parent whose referral its children do
    /// not allow: with any child referred it must be routine at least (which
    /// child it is being open is no all-clear), and it must not exceed its
    /// most urgent child. Refused as well: no finest node, ids and texts of the
    /// wrong form or length, composites and views with nothing or anything
    /// unknown in them, and more of anything than the limits allow (1 MiB and
    /// 4096 nodes).
    pub fn parse(toml: &str) -> Result<Taxonomy, TaxonomyError> {
        if toml.len() > MAX_BYTES {
            return Err(TaxonomyError::TooLarge { bytes: toml.len() });
        }
        let other = |found| TaxonomyError::Format { found };
        let file: File = versioned::parse(toml, FORMAT, TaxonomyError::Syntax, other)?;
        check_sizes(&file)?;
        check_words(&file)?;

        let mut rows = file.node;
        rows.sort_by_key(|node| node.level); // stable: file order within a level
        let by_id = index_ids(&rows)?;
        let parents = link_parents(&rows, &by_id)?;
        check_cycles(&rows, &parents)?;
        check_edges(&rows, &parents)?;
        let nodes = build_nodes(rows, parents)?;
        check_parents(&nodes)?;
        let by_alias = index_aliases(&nodes)?;
        let composites = read_composites(file.composite, &nodes, &by_id)?;
        let views = read_views(file.view, &by_id)?;

        let count = |level| nodes.iter().filter(|n| n.level == level).count();
        let finest = count(Level::Finest);
        let diseases = finest + count(Level::Disease);
        Ok(Taxonomy {
            id: file.id,
            title: file.title,
            bounds: [0, finest, diseases, nodes.len()],
            nodes,
            by_id,
            by_alias,
            composites,
            views,
            source: toml.to_owned(),
        })
    }
}

fn check_sizes(file: &File) -> Result<(), TaxonomyError> {
    let within = |what: &str, count: usize, limit: usize| {
        if count <= limit {
            return Ok(());
        }
        Err(TaxonomyError::TooMany {
            what: what.to_owned(),
            count,
            limit,
        })
    };
    within("nodes", file.node.len(), MAX_NODES)?;
    within("composites", file.composite.len(), MAX_LISTS)?;
    within("views", file.view.len(), MAX_LISTS)?;
    for node in &file.node {
        let (parents, aliases) = (node.parents.len(), node.aliases.len());
        within(&format!("parents of {:?}", node.id), parents, MAX_PARENTS)?;
        within(&format!("aliases of {:?}", node.id), aliases, MAX_ALIASES)?;
        let (codes, names) = (node.codes.len(), node.names.len());
        within(&format!("codes of {:?}", node.id), codes, MAX_LISTS)?;
        within(&format!("names of {:?}", node.id), names, MAX_LISTS)?;
        let features = node.features.len();
        within(&format!("features of {:?}", node.id), features, MAX_LISTS)?;
    }
    if !file.node.iter().any(|n| n.level == Level::Finest) {
        return Err(TaxonomyError::NoFinest);
    }
    Ok(())
}

fn check_words(file: &File) -> Result<(), TaxonomyError> {
    check_id("the taxonomy", &file.id)?;
    check_text("title", &file.id, &file.title)?;
    for node in &file.node {
        check_id("a node", &node.id)?;
        check_text("name", &node.id, &node.name)?;
        for alias in &node.aliases {
            check_text("alias", &node.id, alias)?;
        }
        for (system, code) in &node.codes {
            check_id("a system of codes", system)?;
            check_text("code", &node.id, code)?;
        }
        for (language, name) in &node.names {
            check_id("a language", language)?;
            check_text("name", &node.id, name)?;
        }
        for feature in &node.features {
            check_id("a feature", feature)?;
        }
    }
    for id in file.composite.keys() {
        check_id("a composite", id)?;
    }
    for (id, view) in &file.view {
        check_id("a view", id)?;
        check_text("title", id, &view.title)?;
        for class in &view.class {
            check_id("a class", &class.id)?;
            check_text("name", &class.id, &class.name)?;
        }
    }
    Ok(())
}

fn check_id(what: &'static str, id: &str) -> Result<(), TaxonomyError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(());
    }
    let id = id.chars().take(MAX_ID).collect();
    Err(TaxonomyError::Id { what, id })
}

fn check_text(field: &'static str, id: &str, text: &str) -> Result<(), TaxonomyError> {
    let short = text.chars().count() <= MAX_TEXT;
    if short && !text.trim().is_empty() && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let id = id.to_owned();
    Err(TaxonomyError::Text { field, id })
}

fn index_ids(rows: &[FileNode]) -> Result<HashMap<String, usize>, TaxonomyError> {
    let mut by_id = HashMap::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        if by_id.insert(row.id.clone(), i).is_some() {
            return Err(TaxonomyError::DuplicateId { id: row.id.clone() });
        }
    }
    Ok(by_id)
}

fn link_parents(
    rows: &[FileNode],
    by_id: &HashMap<String, usize>,
) -> Result<Vec<Vec<usize>>, TaxonomyError> {
    let mut links = Vec::with_capacity(rows.len());
    for row in rows {
        let mut parents: Vec<usize> = Vec::with_capacity(row.parents.len());
        for parent in &row.parents {
            let (node, name) = (row.id.clone(), parent.clone());
            match by_id.get(parent) {
                None => return Err(TaxonomyError::UnknownParent { node, parent: name }),
                Some(p) if parents.contains(p) => {
                    return Err(TaxonomyError::RepeatedParent { node, parent: name })
                }
                Some(&p) => parents.push(p),
            }
        }
        links.push(parents);
    }
    Ok(links)
}

/// A cycle always breaks the order of levels too; it is looked for first
/// because "leads back to itself" is the message that helps. Nodes are removed
/// once they have no parent left (Kahn); what cannot be removed lies on a
/// cycle or below one.
fn check_cycles(rows: &[FileNode], parents: &[Vec<usize>]) -> Result<(), TaxonomyError> {
    let mut children = vec![Vec::new(); rows.len()];
    for (child, list) in parents.iter().enumerate() {
        for &parent in list {
            children[parent].push(child);
        }
    }
    let mut left: Vec<usize> = parents.iter().map(Vec::len).collect();
    let mut free: Vec<usize> = (0..rows.len()).filter(|&i| left[i] == 0).collect();
    while let Some(parent) = free.pop() {
        for &child in &children[parent] {
            left[child] -= 1;
            if left[child] == 0 {
                free.push(child);
            }
        }
    }
    let Some(mut on_cycle) = left.iter().position(|&n| n > 0) else {
        return Ok(());
    };
    // Every node that is left has a parent that is left: walking up for as
    // many steps as there are nodes ends on the cycle itself.
    for _ in 0..rows.len() {
        if let Some(&up) = parents[on_cycle].iter().find(|&&p| left[p] > 0) {
            on_cycle = up;
        }
    }
    Err(TaxonomyError::Cycle {
        node: rows[on_cycle].id.clone(),
    })
}

fn check_edges(rows: &[FileNode], parents: &[Vec<usize>]) -> Result<(), TaxonomyError> {
    let above = |level| match level {
        Level::Finest => Some(Level::Disease),
        Level::Disease => Some(Level::Group),
        Level::Group => None,
    };
    for (row, list) in rows.iter().zip(parents) {
        if list.is_empty() && above(row.level).is_some() {
            return Err(TaxonomyError::Orphan {
                node: row.id.clone(),
                level: row.level.name(),
            });
        }
        for parent in list.iter().map(|&p| &rows[p]) {
            if above(row.level) != Some(parent.level) {
                return Err(TaxonomyError::LevelOrder {
                    node: row.id.clone(),
                    level: row.level.name(),
                    parent: parent.id.clone(),
                    parent_level: parent.level.name(),
                });
            }
            if row.subject != parent.subject {
                return Err(TaxonomyError::Subject {
                    node: row.id.clone(),
                    parent: parent.id.clone(),
                });
            }
        }
    }
    Ok(())
}

fn build_nodes(rows: Vec<FileNode>, parents: Vec<Vec<usize>>) -> Result<Vec<Node>, TaxonomyError> {
    let mut nodes = Vec::with_capacity(rows.len());
    for (row, parents) in rows.into_iter().zip(parents) {
        let severity = match u8::try_from(row.severity) {
            Ok(severity @ 0..=4) => severity,
            _ => {
                return Err(TaxonomyError::Severity {
                    node: row.id,
                    severity: row.severity,
                })
            }
        };
        if row.subject == Subject::Photograph && row.referral != Urgency::None {
            return Err(TaxonomyError::PhotographReferral { node: row.id });
        }
        nodes.push(Node {
            id: row.id,
            name: row.name,
            level: row.level,
            subject: row.subject,
            severity,
            referral: row.referral,
            aliases: row.aliases,
            codes: row.codes,
            names: row.names,
            features: row.features,
            parents,
            children: Vec::new(),
        });
    }
    for child in 0..nodes.len() {
        for parent in nodes[child].parents.clone() {
            nodes[parent].children.push(child);
        }
    }
    Ok(nodes)
}

fn check_parents(nodes: &[Node]) -> Result<(), TaxonomyError> {
    for node in nodes.iter().filter(|n| n.level != Level::Finest) {
        let children = || node.children.iter().map(|&c| &nodes[c]);
        let (Some(severity), Some(strongest)) = (
            children().map(|c| c.severity).max(),
            children().map(|c| c.referral).max(),
        ) else {
            return Err(TaxonomyError::Childless {
                node: node.id.clone(),
                level: node.level.name(),
            });
        };
        if node.severity != severity {
            return Err(TaxonomyError::ParentSeverity {
                node: node.id.clone(),
                severity: node.severity,
                expected: severity,
            });
        }
        let weakest = strongest.min(Urgency::Routine);
        if !(weakest..=strongest).contains(&node.referral) {
            return Err(TaxonomyError::ParentReferral {
                node: node.id.clone(),
                referral: node.referral.name(),
                weakest: weakest.name(),
                strongest: strongest.name(),
            });
        }
    }
    Ok(())
}

fn index_aliases(nodes: &[Node]) -> Result<HashMap<String, usize>, TaxonomyError> {
    let mut by_alias: HashMap<String, usize> = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        for alias in &node.aliases {
            let expected = normal_form(alias);
            if *alias != expected {
                return Err(TaxonomyError::AliasForm {
                    node: node.id.clone(),
                    alias: alias.clone(),
                    expected,
                });
            }
            if let Some(first) = by_alias.insert(expected, i) {
                return Err(TaxonomyError::DuplicateAlias {
                    alias: alias.clone(),
                    first: nodes[first].id.clone(),
                    second: node.id.clone(),
                });
            }
        }
    }
    Ok(by_alias)
}

/// Indices of the nodes a composite or class names, ascending.
fn members(
    what: &'static str,
    id: &str,
    names: &[String],
    by_id: &HashMap<String, usize>,
) -> Result<Vec<usize>, TaxonomyError> {
    let id = || id.to_owned();
    if names.is_empty() {
        return Err(TaxonomyError::Empty { what, id: id() });
    }
    let mut found = Vec::with_capacity(names.len().min(MAX_NODES));
    for name in names {
        let node = || name.clone();
        let Some(&i) = by_id.get(name) else {
            let (id, node) = (id(), node());
            return Err(TaxonomyError::UnknownMember { what, id, node });
        };
        if found.contains(&i) {
            let (id, node) = (id(), node());
            return Err(TaxonomyError::RepeatedMember { what, id, node });
        }
        found.push(i);
    }
    found.sort_unstable();
    Ok(found)
}

fn read_composites(
    file: BTreeMap<String, FileComposite>,
    nodes: &[Node],
    by_id: &HashMap<String, usize>,
) -> Result<BTreeMap<String, Vec<usize>>, TaxonomyError> {
    let mut composites = BTreeMap::new();
    for (id, composite) in file {
        if id == ids::REFERABLE {
            return Err(TaxonomyError::ReservedComposite);
        }
        let list = members("the composite", &id, &composite.any_of, by_id)?;
        let stranger = list
            .iter()
            .map(|&i| &nodes[i])
            .find(|node| node.level != Level::Finest || node.subject != Subject::Eye);
        if let Some(node) = stranger {
            let node = node.id.clone();
            return Err(TaxonomyError::CompositeLevel { id, node });
        }
        composites.insert(id, list);
    }
    let referred =
        |i: &usize| nodes[*i].level == Level::Finest && nodes[*i].referral != Urgency::None;
    let referable = (0..nodes.len()).filter(referred).collect();
    composites.insert(ids::REFERABLE.to_owned(), referable);
    Ok(composites)
}

fn read_views(
    file: BTreeMap<String, FileView>,
    by_id: &HashMap<String, usize>,
) -> Result<BTreeMap<String, View>, TaxonomyError> {
    let mut views = BTreeMap::new();
    for (id, view) in file {
        if view.class.is_empty() {
            return Err(TaxonomyError::Empty {
                what: "the view",
                id,
            });
        }
        let mut classes: Vec<ViewClass> = Vec::with_capacity(view.class.len());
        for class in view.class {
            if classes.iter().any(|c| c.id == class.id) {
                let class = class.id;
                return Err(TaxonomyError::DuplicateClass { view: id, class });
            }
            classes.push(ViewClass {
                any_of: members("the class", &class.id, &class.any_of, by_id)?,
                id: class.id,
                name: class.name,
            });
        }
        let title = view.title;
        views.insert(id.clone(), View { id, title, classes });
    }
    Ok(views)
}
