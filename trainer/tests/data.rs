//! Importers, splits, statistics, cache and loader on small made-up sources,
//! and the published figures of the real ones where they are there.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fovea_core::taxonomy::{Label, Subject, Taxonomy};
use fovea_trainer::data::{
    AugmentConfig, Batch, Cache, Dataset, DegradeConfig, Loader, Shot, ShotCuts, SourceConfig,
    Split, Statistics,
};
use image::{Rgb, RgbImage};
use indicatif::ProgressBar;
use serde::Deserialize;
use tempfile::TempDir;

const SIZE: u32 = 48;

#[derive(Deserialize)]
struct Sources {
    source: Vec<SourceConfig>,
}

fn sources(toml: &str) -> Vec<SourceConfig> {
    toml::from_str::<Sources>(toml).expect("sources").source
}

fn taxonomy() -> Arc<Taxonomy> {
    Arc::new(Taxonomy::builtin("odir").expect("built in"))
}

/// A round field with a dark spot, so that changes of place can be told.
fn fundus(path: &Path, shade: u8) {
    let picture = RgbImage::from_fn(80, 80, |x, y| {
        let (dx, dy) = (x as f32 - 39.5, y as f32 - 39.5);
        let spot = (dx - 12.0).hypot(dy + 6.0) < 6.0;
        match dx.hypot(dy) {
            r if r > 38.0 => Rgb([0, 0, 0]),
            _ if spot => Rgb([60, 20, 10]),
            _ => Rgb([shade, shade / 2, shade / 4]),
        }
    });
    picture.save(path).expect("written");
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

/// Labels of a one-patient ODIR table whose left eye has these keywords.
fn odir(keywords: &str) -> anyhow::Result<impl Fn(&str) -> Label> {
    let root = TempDir::new()?;
    let head = "ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,Right-Diagnostic Keywords,Normal ";
    write(
        root.path().join("odir.csv"),
        &format!("{head}\n7,60,Male,7_left.jpg,7_right.jpg,\"{keywords}\",normal fundus,0\n"),
    );
    let config = "[[source]]
        name = 'odir'
        format = 'odir'
        images = 'images'
        labels = 'odir.csv'
        split = { train = 1.0, val = 0.0, test = 0.0 }";
    let dataset = Dataset::import(taxonomy(), &sources(config), root.path())?;
    let labels = dataset.examples[0].labels.clone();
    let taxonomy = taxonomy();
    Ok(move |id: &str| labels[taxonomy.index(id).expect("a node")])
}

use Label::{Absent, Present, Unknown};

#[test]
fn odir_keywords_split_at_either_comma_and_what_is_not_named_is_absent() {
    let label =
        odir("moderate non proliferative retinopathy，laser spot, drusen").expect("imported");
    for id in [
        "npdr_moderate",
        "laser_scars",
        "drusen",
        "diabetic_retinopathy",
        "retinal_vessels",
        "amd",
    ] {
        assert_eq!(label(id), Present, "{id}");
    }
    for id in [
        "normal",
        "npdr_mild",
        "cataract",
        "optic_disc",
        "non_fundus",
        "blurred",
        "low_quality",
        "photograph",
    ] {
        assert_eq!(label(id), Absent, "{id}");
    }
}

#[test]
fn odir_suspicion_is_unknown_unless_the_phrase_is_a_class_of_its_own() {
    let label = odir("suspected cataract").expect("imported");
    for id in ["cataract", "lens_and_media", "media", "normal"] {
        assert_eq!(label(id), Unknown, "{id}");
    }
    assert_eq!(label("media_opacity"), Absent);
    let label = odir("suspicious diabetic retinopathy，drusen").expect("imported");
    assert_eq!(
        (label("pdr"), label("diabetic_retinopathy"), label("normal")),
        (Unknown, Unknown, Absent)
    );
    let label = odir("suspected glaucoma").expect("imported");
    assert_eq!(
        (
            label("glaucoma_suspect"),
            label("glaucoma"),
            label("glaucoma_any")
        ),
        (Present, Absent, Present)
    );
    // Other evidence wins over doubt.
    let label = odir("suspected cataract, refractive media opacity").expect("imported");
    assert_eq!(
        (label("cataract"), label("lens_and_media")),
        (Unknown, Present)
    );
}

#[test]
fn odir_parent_keyword_leaves_its_children_unknown() {
    let label = odir("diabetic retinopathy").expect("imported");
    assert_eq!(label("diabetic_retinopathy"), Present);
    for id in ["npdr_mild", "npdr_moderate", "npdr_severe", "pdr"] {
        assert_eq!(label(id), Unknown, "{id}");
    }
    assert_eq!(label("glaucoma"), Absent);
    let label =
        odir("diabetic retinopathy，severe nonproliferative retinopathy").expect("imported");
    assert_eq!(
        (label("npdr_severe"), label("npdr_mild")),
        (Present, Absent)
    );
}

#[test]
fn odir_words_on_the_photograph_label_the_photograph() {
    let label = odir("lens dust，normal fundus").expect("imported");
    assert_eq!((label("normal"), label("cataract")), (Present, Absent));
    assert_eq!(
        (label("artefact"), label("blurred"), label("low_quality")),
        (Unknown, Absent, Unknown)
    );
    let label = odir("low image quality，maculopathy").expect("imported");
    assert_eq!(
        (label("low_quality"), label("dark"), label("non_fundus")),
        (Present, Unknown, Absent)
    );
    assert_eq!((label("maculopathy"), label("drusen")), (Present, Unknown));
    let label = odir("anterior segment image").expect("imported");
    assert_eq!(
        (label("non_fundus"), label("normal"), label("blurred")),
        (Present, Unknown, Unknown)
    );
    let label = odir("optic disk photographically invisible，drusen").expect("imported");
    assert_eq!(
        (
            label("glaucoma"),
            label("glaucoma_suspect"),
            label("drusen")
        ),
        (Unknown, Unknown, Present)
    );
}

#[test]
fn odir_keyword_that_nobody_knows_is_named() {
    let error = format!("{:#}", odir("martian retinopathy").err().expect("refused"));
    assert!(
        error.contains("martian retinopathy") && error.contains("patient 7"),
        "{error}"
    );
}

const GRADED: &str = "[[source]]
    name = 'graded'
    format = 'csv'
    images = 'images'
    labels = 'labels.csv'
    patient_column = 'patient'
    split = { train = 0.5, val = 0.25, test = 0.25 }
    every = { absent = ['non_fundus'] }
    [source.columns.grade]
    0 = { absent = ['diabetic_retinopathy'] }
    2 = { present = ['npdr_moderate'], absent = ['normal', 'pdr'] }
    [source.columns.quality]
    '' = {}
    good = { absent = ['dark', 'bright', 'blurred', 'artefact'] }
    reject = { present = ['low_quality'], unknown = ['@eye'] }";

fn graded(rows: &str) -> anyhow::Result<Dataset> {
    let root = TempDir::new()?;
    write(
        root.path().join("labels.csv"),
        &format!("image,patient,grade,quality,eye\n{rows}"),
    );
    Dataset::import(taxonomy(), &sources(GRADED), root.path())
}

#[test]
fn csv_columns_say_what_the_table_translates_and_nothing_else() {
    let dataset =
        graded("a.jpg,1,0,good,left\nb.jpg,1,2,,right\nc.jpg,2,2,reject,left\n").expect("imported");
    let label = |i: usize, id: &str| {
        dataset.examples[i].labels[dataset.taxonomy.index(id).expect("a node")]
    };
    assert_eq!(
        (
            label(0, "pdr"),
            label(0, "diabetic_retinopathy"),
            label(0, "normal")
        ),
        (Absent, Absent, Unknown)
    );
    assert_eq!(
        (
            label(0, "glaucoma"),
            label(0, "low_quality"),
            label(0, "photograph")
        ),
        (Unknown, Absent, Absent)
    );
    assert_eq!(
        (label(1, "npdr_moderate"), label(1, "retinal_vessels")),
        (Present, Present)
    );
    assert_eq!(
        (
            label(1, "npdr_mild"),
            label(1, "normal"),
            label(1, "blurred")
        ),
        (Unknown, Absent, Unknown)
    );
    // A grade read off a rejected photograph is taken back.
    assert!((0..dataset.taxonomy.nodes().len())
        .filter(|&n| dataset.taxonomy.nodes()[n].subject == Subject::Eye)
        .all(|n| dataset.examples[2].labels[n] == Unknown));
    assert_eq!(
        (
            label(2, "low_quality"),
            label(2, "dark"),
            label(2, "non_fundus")
        ),
        (Present, Unknown, Absent)
    );
    assert_eq!(dataset.examples[1].raw["eye"], "right");
}

#[test]
fn csv_value_without_translation_is_named() {
    let error = format!(
        "{:#}",
        graded("a.jpg,1,3,good,left\n").err().expect("refused")
    );
    assert!(
        error.contains("grade") && error.contains("\"3\"") && error.contains("a.jpg"),
        "{error}"
    );
}

#[test]
fn plain_csv_takes_ids_and_aliases_and_what_it_looked_for_is_absent() {
    let root = TempDir::new().expect("a folder");
    write(
        root.path().join("labels.csv"),
        "image,label\na.png,cataract;Normal fundus\nb.png,\n",
    );
    let config = "[[source]]
        name = 'plain'
        format = 'csv'
        images = '.'
        labels = 'labels.csv'
        looks_for = ['cataract', 'glaucoma']
        split = { train = 0.0, val = 0.0, test = 1.0 }";
    let dataset = Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let label = |i: usize, id: &str| {
        dataset.examples[i].labels[dataset.taxonomy.index(id).expect("a node")]
    };
    assert_eq!(
        (
            label(0, "cataract"),
            label(0, "normal"),
            label(0, "glaucoma")
        ),
        (Present, Present, Absent)
    );
    assert_eq!(
        (
            label(1, "cataract"),
            label(1, "normal"),
            label(1, "lens_and_media")
        ),
        (Absent, Unknown, Unknown)
    );
    assert!(dataset.examples.iter().all(|e| e.split == Split::Test));
}

#[test]
fn both_photographs_of_a_patient_fall_together_and_shares_come_out() {
    let rows: String = (0..2000)
        .map(|n| format!("{n}.jpg,p{},0,,left\n", n / 2))
        .collect();
    let dataset = graded(&rows).expect("imported");
    for pair in dataset.examples.chunks(2) {
        assert_eq!(pair[0].split, pair[1].split);
    }
    let share = |split| dataset.indices(split).len() as f64 / 2000.0;
    assert!((share(Split::Train) - 0.5).abs() < 0.05 && (share(Split::Val) - 0.25).abs() < 0.05);
}

#[test]
fn contradictory_sources_are_refused_with_their_name() {
    let refused = |toml: &str, part: &str| {
        let error = match toml::from_str::<Sources>(toml) {
            Ok(s) => format!(
                "{:#}",
                Dataset::import(taxonomy(), &s.source, Path::new("."))
                    .err()
                    .expect("refused")
            ),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(part), "{error}");
    };
    let base = "[[source]]\nname = 'x'\nformat = 'folder'\nimages = '.'\n";
    refused(base, "split");
    refused(
        &format!("{base}split = {{ train = 0.5, val = 0.1, test = 0.1 }}"),
        "sum to 1",
    );
    refused(
        &format!("{base}evaluate_only = true\nsplit = {{ train = 1.0, val = 0.0, test = 0.0 }}"),
        "evaluate_only",
    );
    refused(
        &format!("{base}evaluate_only = true\nlabels = 'x.csv'"),
        "does not read `labels`",
    );
    refused(&format!("{base}evaluate_only = true\ncolour = 1"), "colour");
    refused(
        &format!("{base}evaluate_only = true\nevery = {{ present = ['tooth'] }}"),
        "tooth",
    );
    refused(
        &format!("{base}evaluate_only = true\nweight = -1"),
        "weight",
    );
}

/// Two folders of drawn eyes and one of scenes, all for training, in a cache.
fn small() -> (TempDir, Arc<Dataset>, Arc<Cache>) {
    let root = TempDir::new().expect("a folder");
    for (folder, count) in [("eyes", 10), ("others", 4)] {
        fs::create_dir(root.path().join(folder)).expect("made");
        for n in 0..count {
            fundus(&root.path().join(format!("{folder}/{n}.png")), 120 + 10 * n);
        }
    }
    let config = "[[source]]
        name = 'eyes'
        format = 'folder'
        images = 'eyes'
        split = { train = 1.0, val = 0.0, test = 0.0 }
        every = { absent = ['@photograph', 'glaucoma'], present = ['cataract'] }
        [[source]]
        name = 'others'
        format = 'folder'
        images = 'others'
        evaluate_only = true
        every = { present = ['non_fundus'] }
        [[source]]
        name = 'scenes'
        format = 'scenes'
        draws = { train = 6, val = 2, test = 0 }";
    let mut dataset = Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let (cache, broken) = Cache::build(
        &mut dataset,
        SIZE,
        &root.path().join("cache"),
        false,
        &ProgressBar::hidden(),
    )
    .expect("built");
    assert!(broken.is_empty());
    (root, Arc::new(dataset), Arc::new(cache))
}

#[test]
fn a_cache_is_used_again_until_a_photograph_changes() {
    let (root, dataset, cache) = small();
    let folder = root.path().join("cache");
    let files = || -> HashSet<(PathBuf, std::time::SystemTime)> {
        let entry = |e: fs::DirEntry| {
            (
                e.path(),
                e.metadata().and_then(|m| m.modified()).expect("a time"),
            )
        };
        fs::read_dir(&folder)
            .expect("a folder")
            .map(|e| entry(e.expect("an entry")))
            .collect()
    };
    let before = files();
    let open = || {
        let mut again = (*dataset).clone();
        Cache::build(&mut again, SIZE, &folder, false, &ProgressBar::hidden())
            .expect("opened")
            .0
    };
    assert_eq!(open().get(3), cache.get(3));
    assert_eq!(files(), before);
    // Another photograph in its place: other pixels, not the old ones.
    fundus(&dataset.examples[3].image, 255);
    let other = open();
    assert_ne!(other.get(3), cache.get(3));
    assert_eq!(other.get(4), cache.get(4));
    // A cache cut short by a full disk is made anew.
    for (path, _) in files() {
        let bytes = fs::read(&path).expect("read");
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    }
    assert_eq!(open().get(3), other.get(3));
}

#[test]
fn missing_and_broken_images_stop_the_run_unless_told_otherwise() {
    let root = TempDir::new().expect("a folder");
    fundus(&root.path().join("good.png"), 200);
    write(root.path().join("cut.png"), "not a picture");
    write(
        root.path().join("labels.csv"),
        "image,label\ngone.png,\ngood.png,cataract\ncut.png,\n",
    );
    let config = "[[source]]
        name = 'plain'
        format = 'csv'
        images = '.'
        labels = 'labels.csv'
        split = { train = 1.0, val = 0.0, test = 0.0 }";
    let import = || Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let cache = root.path().join("cache");
    let mut dataset = import();
    let error = Cache::build(&mut dataset, SIZE, &cache, false, &ProgressBar::hidden())
        .err()
        .expect("refused");
    let error = error.to_string();
    assert!(
        error.contains("gone.png") && error.contains("cut.png") && error.contains("allow_broken"),
        "{error}"
    );
    // Twice: the second time what is broken is known from the cache alone.
    for _ in 0..2 {
        let mut dataset = import();
        let (cache, broken) =
            Cache::build(&mut dataset, SIZE, &cache, true, &ProgressBar::hidden())
                .expect("allowed");
        assert_eq!(broken.len(), 2);
        assert_eq!(dataset.examples.len(), 1);
        assert!(dataset.examples[0].image.ends_with("good.png"));
        assert!(cache.get(0).is_some_and(|p| p.iter().any(|&v| v > 100)) && cache.get(1).is_none());
    }
}

fn batches(loader: &Loader, order: &[usize], seed: u64) -> Vec<Batch> {
    loader
        .epoch(order.to_vec(), seed)
        .expect("an epoch")
        .collect()
}

#[test]
fn batches_depend_on_the_seed_and_not_on_the_threads() {
    let (_root, dataset, cache) = small();
    let order: Vec<usize> = dataset.indices(Split::Train).repeat(3);
    let loader = |threads| {
        Loader::new(
            dataset.clone(),
            cache.clone(),
            Some(AugmentConfig::default()),
            7,
            threads,
        )
    };
    let one = batches(&loader(1), &order, 5);
    assert_eq!(one, batches(&loader(3), &order, 5));
    assert_ne!(one, batches(&loader(1), &order, 6));
    let indices: Vec<usize> = one.iter().flat_map(|b| b.index.clone()).collect();
    assert_eq!(indices, order);
    // The same photograph twice in an epoch is not the same picture twice.
    let side = (SIZE * SIZE * 3) as usize;
    let pictures: HashSet<&[u8]> = one
        .iter()
        .flat_map(|b| b.pixels.chunks_exact(side))
        .collect();
    assert_eq!(pictures.len(), order.len());
}

#[test]
fn evaluation_hands_out_the_prepared_pixels_and_all_labels() {
    let (_root, dataset, cache) = small();
    let loader = Loader::new(dataset.clone(), cache.clone(), None, 4, 2);
    let nodes = dataset.taxonomy.nodes().len();
    let order: Vec<usize> = (0..dataset.examples.len()).collect();
    let first = batches(&loader, &order, 1);
    assert_eq!(first, batches(&loader, &order, 2));
    for batch in first {
        for (k, &i) in batch.index.iter().enumerate() {
            if let Some(pixels) = cache.get(i) {
                assert_eq!(
                    &batch.pixels[k * pixels.len()..(k + 1) * pixels.len()],
                    pixels
                );
            }
            for n in 0..nodes {
                let known = (batch.targets[k * nodes + n], batch.mask[k * nodes + n]);
                let expected = match dataset.examples[i].labels[n] {
                    Present => (1.0, 1.0),
                    Absent => (0.0, 1.0),
                    Unknown => (0.0, 0.0),
                };
                assert_eq!(known, expected);
            }
        }
    }
}

#[test]
fn training_on_what_is_not_for_training_is_refused() {
    let (_root, dataset, cache) = small();
    let test = dataset.indices(Split::Test);
    assert!(!test.is_empty());
    let loader = Loader::new(
        dataset.clone(),
        cache.clone(),
        Some(AugmentConfig::default()),
        4,
        1,
    );
    let error = loader
        .epoch(test.clone(), 1)
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.contains("others") && error.contains("must not be trained on"),
        "{error}"
    );
    let weird = AugmentConfig {
        noise: 1.5,
        ..AugmentConfig::default()
    };
    let loader = Loader::new(dataset.clone(), cache.clone(), Some(weird), 4, 1);
    assert!(loader.epoch(dataset.indices(Split::Train), 1).is_err());
    assert!(Loader::new(dataset, cache, None, 4, 1)
        .epoch(test, 1)
        .is_ok());
}

#[test]
fn damage_makes_its_kind_present_and_the_eye_unknown() {
    let (_root, dataset, cache) = small();
    let order: Vec<usize> = (0..dataset.examples.len())
        .filter(|&i| dataset.examples[i].source == "eyes")
        .collect::<Vec<_>>()
        .repeat(10);
    let nodes = dataset.taxonomy.nodes().len();
    let at = |id: &str| dataset.taxonomy.index(id).expect("a node");
    let kinds = ["dark", "bright", "blurred", "artefact"].map(at);
    let damaged = |severe, mild| {
        let config = DegradeConfig {
            chance: 1.0,
            severe,
            mild,
            combined: 0.0,
        };
        let batches = batches(
            &Loader::degraded(dataset.clone(), cache.clone(), config, 8, 2),
            &order,
            9,
        );
        let targets: Vec<f32> = batches.iter().flat_map(|b| b.targets.clone()).collect();
        let mask: Vec<f32> = batches.iter().flat_map(|b| b.mask.clone()).collect();
        (targets, mask)
    };
    let (targets, mask) = damaged(1.0, 0.0);
    let mut seen = [0; 4];
    for (t, m) in targets.chunks_exact(nodes).zip(mask.chunks_exact(nodes)) {
        let present: Vec<usize> = (0..4).filter(|&k| t[kinds[k]] == 1.0).collect();
        assert_eq!(present.len(), 1);
        seen[present[0]] += 1;
        assert_eq!(
            (
                t[at("low_quality")],
                t[at("photograph")],
                t[at("non_fundus")]
            ),
            (1.0, 1.0, 0.0)
        );
        assert_eq!(
            (
                m[at("cataract")],
                m[at("glaucoma")],
                m[at("media")],
                m[at("non_fundus")]
            ),
            (0.0, 0.0, 0.0, 1.0)
        );
    }
    assert!(seen.iter().all(|&n| n > 0), "{seen:?}");
    let (targets, mask) = damaged(0.0, 0.0);
    for (t, m) in targets.chunks_exact(nodes).zip(mask.chunks_exact(nodes)) {
        assert!(kinds.iter().all(|&k| t[k] == 0.0));
        assert_eq!(kinds.iter().filter(|&&k| m[k] == 0.0).count(), 1);
        assert_eq!((m[at("low_quality")], m[at("cataract")]), (0.0, 0.0));
    }
    let (targets, mask) = damaged(0.0, 1.0);
    for (t, m) in targets.chunks_exact(nodes).zip(mask.chunks_exact(nodes)) {
        assert_eq!(
            (
                t[at("cataract")],
                t[at("low_quality")],
                m[at("low_quality")]
            ),
            (1.0, 0.0, 1.0)
        );
    }
}

#[test]
fn augmentation_keeps_the_outside_black_and_the_field_lit() {
    let (_root, dataset, cache) = small();
    let mut augment = AugmentConfig::default();
    augment.degrade.chance = 0.0;
    let order: Vec<usize> = (0..10).collect::<Vec<_>>().repeat(5);
    let loader = Loader::new(dataset.clone(), cache.clone(), Some(augment), 10, 2);
    for batch in batches(&loader, &order, 3) {
        for picture in batch.pixels.chunks_exact((SIZE * SIZE * 3) as usize) {
            let corner = &picture[..3];
            let centre = ((SIZE / 2 * SIZE + SIZE / 2) * 3) as usize;
            assert_eq!(corner, [0, 0, 0]);
            assert!(picture[centre] > 30);
        }
    }
}

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
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
