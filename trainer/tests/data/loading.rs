//! The cache, and what the loader makes of it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fovea_core::taxonomy::Label;
use fovea_trainer::data::{
    truth, AugmentConfig, Batch, Cache, Damage, Dataset, DegradeConfig, Expected, Loader, Split,
};
use image::{Rgb, RgbImage};
use indicatif::ProgressBar;
use tempfile::TempDir;

use crate::{sources, taxonomy, write};

const SIZE: u32 = 48;

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

/// Target and mask of a label, as methods see it.
fn as_numbers(label: Label) -> (f32, f32) {
    match label {
        Label::Present => (1.0, 1.0),
        Label::Absent => (0.0, 1.0),
        Label::Unknown => (0.0, 0.0),
    }
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

#[test]
fn a_file_that_cannot_be_read_now_is_not_kept_as_broken() {
    let root = TempDir::new().expect("a folder");
    fundus(&root.path().join("good.png"), 200);
    // It looks like a file, and its first byte cannot be read.
    std::os::unix::fs::symlink("/proc/self/mem", root.path().join("bad.png")).expect("linked");
    write(
        root.path().join("labels.csv"),
        "image,label\ngood.png,cataract\nbad.png,cataract\n",
    );
    let config = "[[source]]
        name = 'eyes'
        format = 'csv'
        images = '.'
        labels = 'labels.csv'
        split = { train = 1.0, val = 0.0, test = 0.0 }";
    let mut dataset = Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let cache = root.path().join("cache");
    // Not even where broken photographs are allowed.
    let refused = Cache::build(&mut dataset, SIZE, &cache, true, &ProgressBar::hidden());
    let said = format!("{:#}", refused.err().expect("refused"));
    assert!(
        said.contains("bad.png") && said.contains("cannot be read"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&cache).expect("a folder").count(), 0);
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
    let composites = dataset.taxonomy.composites();
    for batch in first {
        for (k, &i) in batch.index.iter().enumerate() {
            if let Some(pixels) = cache.get(i) {
                assert_eq!(
                    &batch.pixels[k * pixels.len()..(k + 1) * pixels.len()],
                    pixels
                );
            }
            for n in 0..nodes {
                let known = batch.labels[k * nodes + n];
                assert_eq!(known, dataset.examples[i].labels[n]);
            }
            for (c, members) in composites.values().enumerate() {
                let at = k * composites.len() + c;
                let labels = &dataset.examples[i].labels;
                let expected = truth::composite(&dataset.taxonomy, members, labels);
                assert_eq!(batch.composites[at], expected);
                let weight = f32::from(expected != Label::Unknown);
                assert_eq!(batch.composite_weights[at], weight);
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
            kinds: Vec::new(),
        };
        let batches = batches(
            &Loader::degraded(dataset.clone(), cache.clone(), config, 8, 2),
            &order,
            9,
        );
        let labels = batches.iter().flat_map(|b| &b.labels);
        let numbers = labels.map(|&label| as_numbers(label));
        numbers.unzip::<f32, f32, Vec<f32>, Vec<f32>>()
    };
    let (targets, mask) = damaged(1.0, 0.0);
    let (mut seen, mut told) = ([0; 4], [0; 2]);
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
            (m[at("cataract")], m[at("glaucoma")], m[at("media")]),
            (0.0, 0.0, 0.0)
        );
        // Some are so dark that it could be an empty room.
        told[m[at("non_fundus")] as usize] += 1;
    }
    assert!(
        seen.iter().chain(&told).all(|&n| n > 0),
        "{seen:?} {told:?}"
    );
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

#[test]
fn damage_is_as_frequent_as_expected() {
    let (_root, dataset, cache) = small();
    let eye = (0..dataset.examples.len())
        .find(|&i| dataset.examples[i].source == "eyes")
        .expect("an eye");
    let config = DegradeConfig {
        chance: 0.9,
        severe: 0.6,
        mild: 0.25,
        combined: 0.5,
        kinds: Vec::new(),
    };
    let draws = 4000;
    let loader = Loader::degraded(dataset.clone(), cache, config.clone(), 50, 2);
    let batches = batches(&loader, &vec![eye; draws], 3);
    let nodes = dataset.taxonomy.nodes().len();
    let share = |of: fn(Label) -> bool, node: usize| {
        let rows = batches.iter().flat_map(|b| b.labels.chunks_exact(nodes));
        rows.filter(|row| of(row[node])).count() as f64 / draws as f64
    };
    let expected = Expected::of(&config, &dataset.taxonomy);
    let at = |id: &str| dataset.taxonomy.index(id).expect("a node");
    let faults = ["dark", "bright", "blurred", "artefact", "low_quality"];
    for node in faults.map(at) {
        let (found, expected) = (
            share(|label| label == Label::Present, node),
            expected.present[node],
        );
        // Over four deviations of the share.
        assert!(
            expected > 0.05 && (found - expected).abs() < 0.035,
            "{found} {expected}"
        );
    }
    let kept = share(|label| label != Label::Unknown, at("cataract"));
    assert!((kept - expected.kept).abs() < 0.035, "{kept}");
    assert_eq!(expected.present[at("cataract")], 0.0);
}

#[test]
fn only_the_kinds_asked_for_are_done() {
    let (_root, dataset, cache) = small();
    let order: Vec<usize> = (0..10).collect::<Vec<_>>().repeat(6);
    for (kind, id) in [
        (Damage::Pinhole, "dark"),
        (Damage::Motion, "blurred"),
        (Damage::Veil, "blurred"),
        (Damage::Uneven, "artefact"),
    ] {
        let config = DegradeConfig {
            chance: 1.0,
            severe: 1.0,
            mild: 0.0,
            combined: 0.5,
            kinds: vec![kind],
        };
        let node = dataset.taxonomy.index(id).expect("a node");
        let nodes = dataset.taxonomy.nodes().len();
        let loader = Loader::degraded(dataset.clone(), cache.clone(), config, 10, 2);
        let plain = Loader::new(dataset.clone(), cache.clone(), None, 10, 2);
        let both = batches(&loader, &order, 4).into_iter();
        for (damaged, before) in both.zip(batches(&plain, &order, 4)) {
            assert!(damaged
                .labels
                .chunks_exact(nodes)
                .all(|row| row[node] == Label::Present));
            assert_ne!(damaged.pixels, before.pixels, "{kind:?}");
        }
    }
}

/// A source of eyes of these grades; `meaning` says what `every` eye and each
/// grade is.
fn graded(grades: &[usize], meaning: &str) -> (TempDir, Arc<Dataset>, Arc<Cache>) {
    let root = TempDir::new().expect("a folder");
    let mut labels = "image,grade\n".to_owned();
    for (n, grade) in grades.iter().enumerate() {
        fundus(&root.path().join(format!("{n}.png")), 120 + 10 * n as u8);
        labels += &format!("{n}.png,{grade}\n");
    }
    write(root.path().join("labels.csv"), &labels);
    let config = "[[source]]
        name = 'graded'
        format = 'csv'
        images = '.'
        labels = 'labels.csv'
        split = { train = 1.0, val = 0.0, test = 0.0 }
        "
    .to_owned()
        + meaning;
    let mut dataset =
        Dataset::import(taxonomy(), &sources(&config), root.path()).expect("imported");
    let cache = root.path().join("cache");
    let (cache, _) =
        Cache::build(&mut dataset, SIZE, &cache, false, &ProgressBar::hidden()).expect("built");
    (root, Arc::new(dataset), Arc::new(cache))
}

/// A source of eyes that all show one disease, and in which nobody looked for
/// faults of the photograph.
fn one_sided() -> (TempDir, Arc<Dataset>, Arc<Cache>) {
    graded(
        &[1, 2, 1, 2, 1, 2, 1, 2],
        "every = { absent = ['non_fundus'], present = ['cataract'] }
        [source.columns.grade]
        '1' = { present = ['glaucoma'] }
        '2' = { absent = ['glaucoma'] }",
    )
}

#[test]
fn what_a_source_only_answers_one_way_can_be_left_unlearned() {
    let (_root, dataset, cache) = one_sided();
    let order = dataset.indices(Split::Train);
    let at = |id: &str| dataset.taxonomy.index(id).expect("a node");
    let nodes = dataset.taxonomy.nodes().len();
    let referable = dataset
        .taxonomy
        .composites()
        .keys()
        .position(|id| id == "referable")
        .expect("a composite");
    let composites = dataset.taxonomy.composites().len();
    let mut plain = AugmentConfig::default();
    plain.degrade.chance = 0.0;
    let known = |loader: Loader, id: &str| -> usize {
        let batches = batches(&loader, &order, 2);
        let rows = batches.iter().flat_map(|b| b.labels.chunks_exact(nodes));
        rows.filter(|row| row[at(id)] != Label::Unknown).count()
    };
    let all = || Loader::new(dataset.clone(), cache.clone(), Some(plain.clone()), 4, 2);
    for (id, learned, hidden) in [
        ("cataract", 8, 0),
        ("glaucoma", 8, 8),
        // A question about the photograph is not about the eye.
        ("non_fundus", 8, 8),
        ("pdr", 0, 0),
    ] {
        assert_eq!(known(all(), id), learned, "{id}");
        assert_eq!(known(all().without_one_sided(), id), hidden, "{id}");
    }
    // Every eye is referable here: that too tells the source and nothing else.
    let composite = |loader: Loader| -> f32 {
        let batches = batches(&loader, &order, 2);
        let rows = batches
            .iter()
            .flat_map(|b| b.composite_weights.chunks_exact(composites));
        rows.map(|row| row[referable]).sum()
    };
    assert_eq!(composite(all()), 8.0);
    assert_eq!(composite(all().without_one_sided()), 0.0);
}

#[test]
fn eyes_in_which_a_source_found_nothing_can_be_presumed_healthy() {
    let (_root, dataset, cache) = graded(
        &[0, 1, 2, 0, 1, 2],
        "[source.columns.grade]
        '0' = { absent = ['diabetic_retinopathy'] }
        '1' = { present = ['npdr_mild'], absent = ['npdr_moderate', 'npdr_severe', 'pdr'] }
        '2' = { present = ['npdr_moderate'], absent = ['npdr_mild', 'npdr_severe', 'pdr'] }",
    );
    let mut plain = AugmentConfig::default();
    plain.degrade.chance = 0.0;
    let order: Vec<usize> = dataset.indices(Split::Train);
    let names: Vec<&String> = dataset.taxonomy.composites().keys().collect();
    // Target and mask of each photograph, by grade.
    let taught = |weight: f64, hide: bool, id: &str| -> Vec<(f32, f32)> {
        let mut loader = Loader::new(dataset.clone(), cache.clone(), Some(plain.clone()), 6, 2);
        loader = loader.presuming(&[("graded".to_owned(), weight)].into());
        if hide {
            loader = loader.without_one_sided();
        }
        let at = names
            .iter()
            .position(|name| *name == id)
            .expect("a composite");
        let batch = batches(&loader, &order, 2).remove(0);
        (0..3)
            .map(|grade| {
                let has = |&k: &usize| {
                    let image = &dataset.examples[batch.index[k]].raw["grade"];
                    *image == grade.to_string()
                };
                let k = (0..6).find(has).expect("every grade is there");
                let at = k * names.len() + at;
                (
                    as_numbers(batch.composites[at]).0,
                    batch.composite_weights[at],
                )
            })
            .collect()
    };
    let unknown = (0.0, 0.0);
    assert_eq!(
        taught(0.0, false, "referable"),
        [unknown, unknown, (1.0, 1.0)]
    );
    // All that is known is yes.
    assert_eq!(taught(0.0, true, "referable"), [unknown; 3]);
    // Mild retinopathy was found: what else there is nobody can presume.
    for hide in [false, true] {
        assert_eq!(
            taught(0.3, hide, "referable"),
            [(0.0, 0.3), unknown, (1.0, 1.0)]
        );
    }
    // What was looked for is known and weighs as ever.
    let known = [(0.0, 1.0), (0.0, 1.0), (1.0, 1.0)];
    assert_eq!(taught(0.3, true, "referable_dr"), known);
}

#[test]
fn faults_are_taught_only_where_they_were_looked_for() {
    let (_root, dataset, cache) = one_sided();
    let order: Vec<usize> = dataset.indices(Split::Train).repeat(5);
    let mut augment = AugmentConfig::default();
    augment.degrade.chance = 1.0;
    let loader = Loader::new(dataset.clone(), cache, Some(augment), 10, 2);
    let nodes = dataset.taxonomy.nodes().len();
    let at = |id: &str| dataset.taxonomy.index(id).expect("a node");
    for batch in batches(&loader, &order, 5) {
        for row in batch.labels.chunks_exact(nodes) {
            for id in ["blurred", "low_quality"] {
                assert_eq!(row[at(id)], Label::Unknown);
            }
            assert_ne!(
                row[at("cataract")],
                Label::Unknown,
                "the eye keeps its labels"
            );
        }
    }
}

#[test]
fn a_look_is_another_sources() {
    let (_root, dataset, cache) = two_looks();
    let order = dataset.indices(Split::Train);
    let mut augment = AugmentConfig::default();
    augment.degrade.chance = 0.0;
    augment.look = 1.0;
    augment.saturation = 0.0;
    augment.white_balance = 0.0;
    let loader = Loader::new(dataset.clone(), cache, Some(augment), 4, 2);
    let greener = greener(&dataset, &batches(&loader, &order, 6));
    assert!(greener >= 4, "{greener} of 8 took the green look");
}

#[test]
fn looks_and_answers_are_those_of_what_is_trained_on() {
    let (_root, dataset, cache) = two_looks();
    let red: Vec<usize> = (0..dataset.examples.len())
        .filter(|&i| dataset.examples[i].source == "red")
        .collect();
    let mut augment = AugmentConfig::default();
    augment.degrade.chance = 0.0;
    augment.saturation = 0.0;
    augment.white_balance = 0.0;
    let with_looks = |look: f64| {
        let augment = AugmentConfig {
            look,
            ..augment.clone()
        };
        Loader::new(dataset.clone(), cache.clone(), Some(augment), 8, 2)
    };
    let of = |loader: Loader| batches(&loader, &red, 6);
    // With all that there is, nothing is drawn otherwise.
    let all = dataset.indices(Split::Train);
    assert_eq!(of(with_looks(1.0).among(&all)), of(with_looks(1.0)));
    assert!(greener(&dataset, &of(with_looks(1.0))) > 0);
    assert_eq!(greener(&dataset, &of(with_looks(1.0).among(&red))), 0);

    let (_root, dataset, cache) = one_sided();
    let all = dataset.indices(Split::Train);
    let glaucoma = dataset.taxonomy.index("glaucoma").expect("a node");
    let with: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&i| dataset.examples[i].labels[glaucoma] == Label::Present)
        .collect();
    let nodes = dataset.taxonomy.nodes().len();
    for (train, learned) in [(&all, 4), (&with, 0)] {
        let loader = Loader::new(dataset.clone(), cache.clone(), Some(augment.clone()), 4, 2);
        let batches = batches(&loader.among(train).without_one_sided(), &with, 2);
        let rows = batches.iter().flat_map(|b| b.labels.chunks_exact(nodes));
        let known = rows.filter(|row| row[glaucoma] != Label::Unknown);
        assert_eq!(known.count(), learned);
    }
}

/// How many pictures of the source `red` took a green look.
fn greener(dataset: &Dataset, batches: &[Batch]) -> usize {
    let side = (SIZE * SIZE * 3) as usize;
    let pictures = batches
        .iter()
        .flat_map(|batch| batch.pixels.chunks_exact(side).zip(&batch.index));
    pictures
        .filter(|(picture, &index)| {
            let sum = |c: usize| -> u64 {
                let channel = picture.iter().skip(c).step_by(3);
                channel.map(|&v| u64::from(v)).sum()
            };
            dataset.examples[index].source == "red" && sum(1) * 100 > sum(0) * 55
        })
        .count()
}

/// Eight red eyes and eight green ones.
fn two_looks() -> (TempDir, Arc<Dataset>, Arc<Cache>) {
    let root = TempDir::new().expect("a folder");
    for (folder, colour) in [("red", [180, 80, 40]), ("green", [90, 150, 60])] {
        fs::create_dir(root.path().join(folder)).expect("made");
        for n in 0..8u8 {
            let picture = RgbImage::from_fn(80, 80, |x, y| {
                let (dx, dy) = (x as f32 - 39.5, y as f32 - 39.5);
                match dx.hypot(dy) {
                    r if r > 38.0 => Rgb([0, 0, 0]),
                    _ => Rgb(colour.map(|v: u8| v - 2 * n)),
                }
            });
            let path = root.path().join(folder).join(format!("{n}.png"));
            picture.save(path).expect("written");
        }
    }
    let config = "[[source]]
        name = 'red'
        format = 'folder'
        images = 'red'
        split = { train = 1.0, val = 0.0, test = 0.0 }
        every = { absent = ['@photograph'] }
        [[source]]
        name = 'green'
        format = 'folder'
        images = 'green'
        split = { train = 1.0, val = 0.0, test = 0.0 }
        every = { absent = ['@photograph'] }";
    let mut dataset = Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let cache = root.path().join("cache");
    let (cache, _) =
        Cache::build(&mut dataset, SIZE, &cache, false, &ProgressBar::hidden()).expect("built");
    (root, Arc::new(dataset), Arc::new(cache))
}
