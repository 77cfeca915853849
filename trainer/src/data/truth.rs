//! What the labels say of questions that are no node.

use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy};

/// Whether any member of a composite (finest nodes) is present. Beside the
/// members themselves a parent decides when it is present and every child it
/// may stand for is a member: glaucoma without a stage is referable, diabetic
/// retinopathy without a grade may be mild.
pub fn composite(taxonomy: &Taxonomy, members: &[usize], labels: &[Label]) -> Label {
    let by_members = Label::any(members.iter().map(|&node| labels[node]));
    if by_members != Label::Unknown {
        return by_members;
    }
    let parents = taxonomy
        .level(Level::Disease)
        .chain(taxonomy.level(Level::Group));
    let decided = parents.into_iter().any(|parent| {
        labels[parent] == Label::Present
            && taxonomy
                .finest_below(parent)
                .iter()
                .all(|&child| labels[child] == Label::Absent || members.contains(&child))
    });
    if decided {
        Label::Present
    } else {
        Label::Unknown
    }
}

/// [`composite`], judged by what the source looked for: absent too where some
/// member is known to be absent and none is known to be present. A clinic that
/// graded diabetic retinopathy alone says of an eye without it that nothing was
/// found, not that nothing else is there. An eye with a disease that was found
/// without its kind, of which a member may be the kind, stays unknown.
pub fn as_looked_for(taxonomy: &Taxonomy, members: &[usize], labels: &[Label]) -> Label {
    match composite(taxonomy, members, labels) {
        Label::Unknown
            if members.iter().any(|&node| labels[node] == Label::Absent)
                && !may_be_one_of(taxonomy, members, labels) =>
        {
            Label::Absent
        }
        known => known,
    }
}

/// Whether a disease was found without its kind, and one of the `members` may be the kind.
pub fn may_be_one_of(taxonomy: &Taxonomy, members: &[usize], labels: &[Label]) -> bool {
    found(taxonomy, labels).any(|node| {
        let kinds = taxonomy.finest_below(node);
        kinds
            .iter()
            .any(|kind| members.contains(kind) && labels[*kind] != Label::Absent)
    })
}

/// What was found, at the level its source names: nodes that are present and have no child that is.
pub fn found<'a>(taxonomy: &'a Taxonomy, labels: &'a [Label]) -> impl Iterator<Item = usize> + 'a {
    let present = |node: usize| labels[node] == Label::Present;
    (0..labels.len()).filter(move |&node| {
        let children = &taxonomy.nodes()[node].children;
        present(node) && !children.iter().any(|&child| present(child))
    })
}

/// Whether nothing was found in the eye by a source that looked for some of the
/// `members` of a composite, but not for all. That the others are absent too is
/// likely, and no more.
pub fn is_presumed_absent(taxonomy: &Taxonomy, members: &[usize], labels: &[Label]) -> bool {
    let found = taxonomy
        .nodes()
        .iter()
        .zip(labels)
        .any(|(node, &label)| node.subject == Subject::Eye && label == Label::Present);
    !found
        && composite(taxonomy, members, labels) == Label::Unknown
        && members.iter().any(|&node| labels[node] == Label::Absent)
}

/// Whether the photograph itself has a fault.
pub fn faulty(taxonomy: &Taxonomy, labels: &[Label]) -> Label {
    let faults: Vec<usize> = taxonomy
        .level(Level::Finest)
        .filter(|&node| taxonomy.nodes()[node].subject == Subject::Photograph)
        .collect();
    if faults.is_empty() {
        return Label::Unknown;
    }
    composite(taxonomy, &faults, labels)
}

/// A label as files write it: present `1`, absent `0`, unknown `?`.
pub fn letter(label: &Label) -> char {
    match label {
        Label::Present => '1',
        Label::Absent => '0',
        Label::Unknown => '?',
    }
}

/// The label that a file wrote as `letter`; none for any other character.
pub fn label(letter: char) -> Option<Label> {
    match letter {
        '1' => Some(Label::Present),
        '0' => Some(Label::Absent),
        '?' => Some(Label::Unknown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(taxonomy: &Taxonomy, default: Label, some: &[(&str, Label)]) -> Vec<Label> {
        let mut labels = vec![default; taxonomy.nodes().len()];
        for (id, label) in some {
            labels[taxonomy.index(id).expect("a node")] = *label;
        }
        labels
    }

    #[test]
    fn a_parent_decides_when_all_it_may_stand_for_is_referable() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let referable = taxonomy.composite("referable").expect("derived");
        let truth = |some: &[(&str, Label)]| {
            composite(
                &taxonomy,
                referable,
                &labels(&taxonomy, Label::Unknown, some),
            )
        };
        use Label::{Absent, Present, Unknown};
        assert_eq!(truth(&[("npdr_moderate", Present)]), Present);
        assert_eq!(truth(&[("glaucoma_any", Present)]), Present);
        assert_eq!(truth(&[("diabetic_retinopathy", Present)]), Unknown);
        let not_mild = [("diabetic_retinopathy", Present), ("npdr_mild", Absent)];
        assert_eq!(truth(&not_mild), Present);
        assert_eq!(truth(&[("npdr_mild", Present)]), Unknown);
        assert_eq!(truth(&[]), Unknown);
        let healthy = labels(&taxonomy, Absent, &[("normal", Present)]);
        assert_eq!(composite(&taxonomy, referable, &healthy), Absent);
    }

    #[test]
    fn what_a_source_did_not_look_for_counts_as_not_found() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let referable = taxonomy.composite("referable").expect("derived");
        use Label::{Absent, Present, Unknown};
        for (some, strict, looked_for) in [
            (vec![("npdr_moderate", Absent)], Unknown, Absent),
            (vec![("npdr_moderate", Present)], Present, Present),
            (vec![("glaucoma_any", Present)], Present, Present),
            (vec![("npdr_mild", Present)], Unknown, Unknown),
            (vec![], Unknown, Unknown),
            // Graded as mild: nothing referable. Not graded: it may be.
            (
                vec![
                    ("npdr_mild", Present),
                    ("npdr_moderate", Absent),
                    ("npdr_severe", Absent),
                    ("pdr", Absent),
                    ("diabetic_retinopathy", Present),
                    ("retinal_vessels", Present),
                ],
                Unknown,
                Absent,
            ),
            (
                vec![
                    ("diabetic_retinopathy", Present),
                    ("retinal_vessels", Present),
                    ("glaucoma", Absent),
                ],
                Unknown,
                Unknown,
            ),
            (
                vec![("amd", Present), ("glaucoma", Absent)],
                Unknown,
                Unknown,
            ),
        ] {
            let labels = labels(&taxonomy, Unknown, &some);
            assert_eq!(composite(&taxonomy, referable, &labels), strict, "{some:?}");
            assert_eq!(
                as_looked_for(&taxonomy, referable, &labels),
                looked_for,
                "{some:?}"
            );
        }
    }

    #[test]
    fn a_photograph_is_faulty_or_not_or_nobody_looked() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let blurred = labels(&taxonomy, Label::Unknown, &[("blurred", Label::Present)]);
        let poor = labels(
            &taxonomy,
            Label::Unknown,
            &[("low_quality", Label::Present)],
        );
        let good = labels(&taxonomy, Label::Absent, &[]);
        let unseen = labels(&taxonomy, Label::Unknown, &[]);
        assert_eq!(faulty(&taxonomy, &blurred), Label::Present);
        assert_eq!(faulty(&taxonomy, &poor), Label::Present);
        assert_eq!(faulty(&taxonomy, &good), Label::Absent);
        assert_eq!(faulty(&taxonomy, &unseen), Label::Unknown);
    }
}
