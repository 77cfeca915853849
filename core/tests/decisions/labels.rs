//! Tri-state labels: what completing them concludes, checked against every
//! assignment of the finest nodes that agrees with what was given.

use std::collections::BTreeSet;

use crate::common::small;
use fovea_core::taxonomy::{Label, LabelConflict, Level, Taxonomy};
use proptest::prelude::*;
use Label::{Absent, Present, Unknown};

/// Labels of `taxonomy` with some given, completed.
fn completed(taxonomy: &Taxonomy, given: &[(&str, Label)]) -> Result<Vec<Label>, LabelConflict> {
    let mut labels = vec![Unknown; taxonomy.nodes().len()];
    for &(id, label) in given {
        labels[taxonomy.index(id).unwrap()] = label;
    }
    taxonomy.complete(&mut labels).map(|()| labels)
}

/// The nodes of one label, by id.
fn ids<'a>(taxonomy: &'a Taxonomy, labels: &[Label], of: Label) -> Vec<&'a str> {
    let nodes = taxonomy.nodes().iter().zip(labels);
    nodes
        .filter(|(_, &l)| l == of)
        .map(|(n, _)| n.id.as_str())
        .collect()
}

#[test]
fn any_is_the_or_of_three_values() {
    assert_eq!(Label::any([Absent, Unknown, Present]), Present);
    assert_eq!(Label::any([Absent, Unknown]), Unknown);
    assert_eq!(Label::any([Absent, Absent]), Absent);
    assert_eq!(Label::any([]), Absent);
}

#[test]
fn a_present_child_makes_all_its_parents_present() {
    let t = small();
    let labels = completed(&t, &[("haze", Present)]).unwrap();
    assert_eq!(
        ids(&t, &labels, Present),
        ["haze", "dr", "lens_disease", "vessels", "media"]
    );
    assert!(ids(&t, &labels, Absent).is_empty());
}

#[test]
fn a_parent_alone_leaves_its_children_unknown() {
    let t = small();
    let labels = completed(&t, &[("dr", Present)]).unwrap();
    assert_eq!(ids(&t, &labels, Present), ["dr", "vessels"]);
    assert!(ids(&t, &labels, Absent).is_empty());
    // Also where there is only one child it could be.
    let labels = completed(&t, &[("dr", Present), ("mild", Absent), ("haze", Absent)]).unwrap();
    assert_eq!(labels[t.index("severe").unwrap()], Unknown);
}

#[test]
fn an_absent_parent_makes_its_children_absent_also_shared_ones() {
    let t = small();
    let labels = completed(&t, &[("vessels", Absent)]).unwrap();
    assert_eq!(
        ids(&t, &labels, Absent),
        ["mild", "severe", "haze", "dr", "vessels"]
    );
    // The other parent of haze keeps its other child.
    assert_eq!(labels[t.index("lens_disease").unwrap()], Unknown);
    let labels = completed(&t, &[("vessels", Absent), ("lens", Absent)]).unwrap();
    assert_eq!(labels[t.index("media").unwrap()], Absent);
}

#[test]
fn contradictions_are_named_and_change_nothing() {
    let t = small();
    let absent = |parent: &str, child: &str| LabelConflict::ParentAbsent {
        parent: parent.to_owned(),
        child: child.to_owned(),
    };
    let got = completed(&t, &[("haze", Present), ("lens_disease", Absent)]);
    assert_eq!(got, Err(absent("lens_disease", "haze")));
    let got = completed(&t, &[("mild", Present), ("vessels", Absent)]);
    assert_eq!(got, Err(absent("vessels", "dr")));
    let parent = "lens_disease".to_owned();
    let got = completed(
        &t,
        &[("lens_disease", Present), ("lens", Absent), ("dr", Absent)],
    );
    assert_eq!(got, Err(LabelConflict::ChildrenAbsent { parent }));

    let mut labels = vec![Unknown; t.nodes().len()];
    labels[t.index("haze").unwrap()] = Present;
    labels[t.index("dr").unwrap()] = Absent;
    let before = labels.clone();
    assert!(t.complete(&mut labels).is_err());
    assert_eq!(labels, before);
}

#[test]
fn a_wrong_number_of_labels_is_refused() {
    let t = small();
    for got in [0, 1, 13, 15] {
        let mut labels = vec![Present; got];
        assert_eq!(
            t.complete(&mut labels),
            Err(LabelConflict::Length { expected: 14, got })
        );
    }
}

/// Taxonomies of at most 6, 4 and 2 nodes with parents at random.
fn taxonomies() -> impl Strategy<Value = Taxonomy> {
    (1usize..=6, 1usize..=4, 1usize..=2).prop_flat_map(|(finest, diseases, groups)| {
        let up = |n: usize, parents: usize| {
            prop::collection::vec(prop::collection::btree_set(0..parents, 1..=parents), n)
        };
        (up(finest, diseases), up(diseases, groups)).prop_map(move |(mut finest, mut diseases)| {
            let groups = groups.min(diseases.len());
            // No parent without a child.
            for (d, _) in diseases.iter().enumerate() {
                let child = d % finest.len();
                finest[child].insert(d);
            }
            for list in &mut diseases {
                list.retain(|&g| g < groups);
                if list.is_empty() {
                    list.insert(0);
                }
            }
            for (g, list) in diseases.iter_mut().enumerate().take(groups) {
                list.insert(g);
            }
            write(&finest, &diseases, groups)
        })
    })
}

fn write(finest: &[BTreeSet<usize>], diseases: &[BTreeSet<usize>], groups: usize) -> Taxonomy {
    let mut text = String::from("format = 1\nid = \"random\"\ntitle = \"Random\"\n");
    let mut node = |id: String, level: &str, parents: Vec<String>| {
        text += &format!(
            "[[node]]\nid = {id:?}\nname = \"N\"\nlevel = {level:?}\nseverity = 0\nreferral = \"none\"\nparents = {parents:?}\n"
        );
    };
    for (i, up) in finest.iter().enumerate() {
        node(
            format!("f{i}"),
            "finest",
            up.iter().map(|d| format!("d{d}")).collect(),
        );
    }
    for (i, up) in diseases.iter().enumerate() {
        node(
            format!("d{i}"),
            "disease",
            up.iter().map(|g| format!("g{g}")).collect(),
        );
    }
    for i in 0..groups {
        node(format!("g{i}"), "group", Vec::new());
    }
    Taxonomy::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Every full assignment (one bool per node) that the definition "a parent is
/// the OR of its children" allows and that agrees with `labels`.
fn worlds(taxonomy: &Taxonomy, labels: &[Label]) -> Vec<Vec<bool>> {
    let finest = taxonomy.finest_count();
    let full = |bits: u32| {
        let mut world: Vec<bool> = (0..finest).map(|k| bits >> k & 1 == 1).collect();
        for node in &taxonomy.nodes()[finest..] {
            let any = node.children.iter().any(|&c| world[c]);
            world.push(any);
        }
        world
    };
    let agrees = |world: &Vec<bool>| {
        world.iter().zip(labels).all(|(&on, &label)| match label {
            Present => on,
            Absent => !on,
            Unknown => true,
        })
    };
    (0..1 << finest).map(full).filter(agrees).collect()
}

proptest! {
    #[test]
    fn completing_concludes_what_holds_in_every_world(
        taxonomy in taxonomies(),
        draws in prop::collection::vec(0u8..8, 12),
    ) {
        // Mostly unknown, so that many draws are free of contradictions.
        let given: Vec<Label> = draws[..taxonomy.nodes().len()]
            .iter()
            .map(|d| match d { 0 => Present, 1 | 2 => Absent, _ => Unknown })
            .collect();
        let worlds = worlds(&taxonomy, &given);
        let mut labels = given.clone();
        let result = taxonomy.complete(&mut labels);

        // A contradiction is reported exactly when no world is left.
        prop_assert_eq!(result.is_err(), worlds.is_empty());
        if result.is_err() {
            prop_assert_eq!(labels, given);
            return Ok(());
        }
        for (i, &label) in labels.iter().enumerate() {
            let present = worlds.iter().filter(|w| w[i]).count();
            match label {
                Present => prop_assert_eq!(present, worlds.len()),
                Absent => prop_assert_eq!(present, 0),
                // Everything that is certainly absent is concluded.
                Unknown => prop_assert!(present > 0),
            }
            if given[i] != Unknown {
                prop_assert_eq!(label, given[i]);
            }
        }
        // Once is enough.
        let mut again = labels.clone();
        prop_assert_eq!(taxonomy.complete(&mut again), Ok(()));
        prop_assert_eq!(again, labels);
    }

    #[test]
    fn fully_known_findings_make_every_parent_known(
        taxonomy in taxonomies(),
        bits in 0u32..64,
    ) {
        let mut labels = vec![Unknown; taxonomy.nodes().len()];
        for k in taxonomy.level(Level::Finest) {
            labels[k] = if bits >> k & 1 == 1 { Present } else { Absent };
        }
        taxonomy.complete(&mut labels).unwrap();
        for (i, node) in taxonomy.nodes().iter().enumerate().skip(taxonomy.finest_count()) {
            let any = node.children.iter().any(|&c| labels[c] == Present);
            prop_assert_eq!(labels[i], if any { Present } else { Absent });
        }
    }
}
