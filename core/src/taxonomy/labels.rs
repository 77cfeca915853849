//! Tri-state labels: what follows from what is known.

use super::{Label, Level, Taxonomy};

/// Why the labels of a photograph contradict each other or do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum LabelConflict {
    #[error("{got} labels were given for a taxonomy of {expected} nodes: give one per node")]
    Length { expected: usize, got: usize },
    #[error("`{child}` is labelled present but `{parent}`, which includes it, absent: correct one of the two")]
    ParentAbsent { parent: String, child: String },
    #[error("`{parent}` is labelled present but everything it consists of absent: correct one, or leave what was not looked for unknown")]
    ChildrenAbsent { parent: String },
}

impl Label {
    /// OR of tri-state labels: present when any is present, absent when all
    /// are absent (so also of none), unknown otherwise.
    pub fn any(labels: impl IntoIterator<Item = Label>) -> Label {
        let mut all = Label::Absent;
        for label in labels {
            match label {
                Label::Present => return Label::Present,
                Label::Unknown => all = Label::Unknown,
                Label::Absent => {}
            }
        }
        all
    }
}

impl Taxonomy {
    /// Adds what follows from the labels given, one per node of
    /// [`Taxonomy::nodes`].
    ///
    /// A parent is the OR of its children, and nothing more is concluded than
    /// that definition forces:
    /// - a child present makes every parent of it present;
    /// - a parent absent makes every child of it absent, also a child that has
    ///   a further parent (were the child present, both parents would be);
    /// - all children absent make the parent absent;
    /// - a parent present says nothing of its children, not even of an only
    ///   child: a source may name a disease more broadly than the taxonomy's
    ///   finest node does.
    ///
    /// # Errors
    /// When there is not one label per node, or when labels contradict each
    /// other. The labels are then left as they were.
    pub fn complete(&self, labels: &mut [Label]) -> Result<(), LabelConflict> {
        if labels.len() != self.nodes.len() {
            return Err(LabelConflict::Length {
                expected: self.nodes.len(),
                got: labels.len(),
            });
        }
        let mut done = labels.to_vec();
        // Presence upwards, then absence downwards, then absence upwards. One
        // round is complete: the last pass makes absent only what has no
        // child left that could change, and `done` is ordered by level.
        for child in 0..self.finest_count() + self.level(Level::Disease).len() {
            if done[child] != Label::Present {
                continue;
            }
            for &parent in &self.nodes[child].parents {
                if done[parent] == Label::Absent {
                    return Err(LabelConflict::ParentAbsent {
                        parent: self.nodes[parent].id.clone(),
                        child: self.nodes[child].id.clone(),
                    });
                }
                done[parent] = Label::Present;
            }
        }
        for parent in (self.finest_count()..self.nodes.len()).rev() {
            if done[parent] == Label::Absent {
                for &child in &self.nodes[parent].children {
                    done[child] = Label::Absent;
                }
            }
        }
        for parent in self.finest_count()..self.nodes.len() {
            let children = self.nodes[parent].children.iter().map(|&c| done[c]);
            if Label::any(children) == Label::Absent {
                if done[parent] == Label::Present {
                    return Err(LabelConflict::ChildrenAbsent {
                        parent: self.nodes[parent].id.clone(),
                    });
                }
                done[parent] = Label::Absent;
            }
        }
        labels.copy_from_slice(&done);
        Ok(())
    }
}
