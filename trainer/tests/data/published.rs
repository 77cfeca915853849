//! The published figures of RFMiD and ODIR, from their own label files.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fovea_core::taxonomy::Label::{self, Present};
use fovea_core::taxonomy::Taxonomy;
use fovea_trainer::data::{Dataset, Shot, ShotCuts, Split, Statistics};

use crate::{sources, taxonomy};

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        // What `eprintln!` says in a test that passes is never shown.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {} is not there",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

#[test]
fn rfmid_has_the_published_measures() {
    let Some(root) = shared() else { return };
    let rfmid = Arc::new(Taxonomy::builtin("rfmid").expect("built in"));
    let config = "[[source]]
        name = 'rfmid'
        format = 'rfmid'
        images = 'rfmid'
        labels = 'rfmid'";
    let dataset = Dataset::import(rfmid.clone(), &sources(config), &root).expect("imported");
    let counts = Split::ALL.map(|split| dataset.indices(split).len());
    assert_eq!(counts, [1920, 640, 640]);
    let statistics = Statistics::of(&dataset, None, ShotCuts::of(&rfmid));
    // Section III: rho 80, cardinality 1.2864, groups 6 / 8 / 15.
    assert_eq!(statistics.rho.map(f64::round), Some(80.0));
    let cardinality = statistics.cardinality.expect("labels");
    assert!((cardinality - 1.2864).abs() < 0.01, "{cardinality}");
    let groups = [Shot::Many, Shot::Medium, Shot::Few].map(|shot| statistics.group(shot).len());
    assert_eq!(groups, [6, 8, 15]);
}

/// The 12 classes of table II fall into groups as published.
#[test]
fn odir_has_the_published_groups() {
    let Some(root) = shared() else { return };
    let taxonomy = taxonomy();
    let config = "[[source]]
        name = 'odir'
        format = 'odir'
        images = 'odir/images'
        labels = 'odir/annotations.csv'
        splits = 'odir/splits.csv'";
    let dataset = Dataset::import(taxonomy.clone(), &sources(config), &root).expect("imported");
    let view = taxonomy.view("hkgl12").expect("a view");
    let counts: Vec<usize> = view
        .classes
        .iter()
        .map(|class| {
            let shows = |labels: &[Label]| class.any_of.iter().any(|&n| labels[n] == Present);
            dataset
                .examples
                .iter()
                .filter(|e| e.split == Split::Train && shows(&e.labels))
                .count()
        })
        .collect();
    let largest = *counts.iter().max().expect("classes");
    let groups: Vec<Shot> = counts
        .iter()
        .map(|&c| ShotCuts::ODIR.group(c, largest))
        .collect();
    let sizes =
        [Shot::Many, Shot::Medium, Shot::Few].map(|s| groups.iter().filter(|g| **g == s).count());
    assert_eq!(sizes, [3, 6, 3], "{counts:?}");
}

#[test]
fn the_shipped_sources_can_be_imported() {
    let Some(root) = shared() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/sources.toml");
    let text = fs::read_to_string(path).expect("the sources");
    let dataset = Dataset::import(taxonomy(), &sources(&text), &root).expect("imported");
    assert!(dataset
        .examples
        .iter()
        .filter(|e| e.source == "tvhl")
        .all(|e| e.split == Split::Test));
    let patients = |split| -> HashSet<(String, String)> {
        let of = dataset.indices(split).into_iter();
        of.map(|i| {
            (
                dataset.examples[i].source.clone(),
                dataset.examples[i].patient.clone(),
            )
        })
        .collect()
    };
    let (train, val, test) = (
        patients(Split::Train),
        patients(Split::Val),
        patients(Split::Test),
    );
    assert!(train.is_disjoint(&val) && train.is_disjoint(&test) && val.is_disjoint(&test));
}
