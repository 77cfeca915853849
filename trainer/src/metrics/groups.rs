//! The HKGL paper's measure: mAP over many-, medium- and few-shot classes.

use fovea_core::taxonomy::{Label, Taxonomy};
use serde::{Deserialize, Serialize};

use super::{mean, Ranking};

/// Ids of finest classes by how many training photographs they have (section III), as
/// [`crate::data::ShotCuts`] parts them. Ids that the taxonomy lacks are counted nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassGroups {
    /// Classes with many training photographs.
    pub many: Vec<String>,
    /// Classes with a medium number of training photographs.
    pub medium: Vec<String>,
    /// Classes with few training photographs.
    pub few: Vec<String>,
}

/// Mean average precision per shot group, 0..1. A class without a positive
/// among the photographs at hand has no AP and is left out; a group of only
/// such classes is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupMap {
    /// Over the classes with many training photographs.
    pub many: Option<f64>,
    /// Over the classes with a medium number of training photographs.
    pub medium: Option<f64>,
    /// Over the classes with few training photographs.
    pub few: Option<f64>,
    /// Mean of the three groups (not of the classes), as in the paper's
    /// tables; of those that are defined.
    pub average: Option<f64>,
}

impl GroupMap {
    /// `precision` gives the average precision of the class of an id, 0..1, where it is defined.
    pub fn of(groups: &ClassGroups, mut precision: impl FnMut(&str) -> Option<f64>) -> GroupMap {
        let mut over = |ids: &[String]| mean(ids.iter().map(|id| precision(id)));
        let (many, medium, few) = (over(&groups.many), over(&groups.medium), over(&groups.few));
        GroupMap {
            many,
            medium,
            few,
            average: mean([many, medium, few]),
        }
    }
}

/// Average precision of each finest class, 0..1, straight from a network's
/// outputs; `None` where no photograph shows it.
///
/// `logits` is photographs x finest nodes, `labels` photographs x all nodes,
/// both row-major; unknown labels are left out.
pub fn class_precisions(taxonomy: &Taxonomy, logits: &[f32], labels: &[Label]) -> Vec<Option<f64>> {
    let outputs = taxonomy.finest_count();
    let width = taxonomy.nodes().len();
    let precision = |node: usize| {
        let (scores, positives): (Vec<f32>, Vec<bool>) = logits
            .chunks_exact(outputs)
            .zip(labels.chunks_exact(width))
            .filter(|(_, row)| row[node] != Label::Unknown)
            .map(|(row, truth)| (row[node], truth[node] == Label::Present))
            .unzip();
        Ranking::new(&scores, &positives).average_precision()
    };
    (0..outputs).map(precision).collect()
}

/// [`GroupMap`] of what [`class_precisions`] gives: `precisions` holds one entry per finest class.
pub fn group_map(
    taxonomy: &Taxonomy,
    groups: &ClassGroups,
    precisions: &[Option<f64>],
) -> GroupMap {
    GroupMap::of(groups, |id| {
        let node = taxonomy.index(id)?;
        *precisions.get(node)?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn the_average_is_over_groups_and_leaves_out_classes_without_positives() {
        let groups = ClassGroups {
            many: ids(&["a"]),
            medium: ids(&["b", "c", "none"]),
            few: ids(&["none"]),
        };
        let map = GroupMap::of(&groups, |id| match id {
            "a" => Some(0.9),
            "b" => Some(0.5),
            "c" => Some(0.1),
            _ => None,
        });
        assert_eq!(map.medium, Some(0.3));
        assert_eq!(map.few, None);
        assert!((map.average.expect("two groups") - 0.6).abs() < 1e-12);
    }
}
