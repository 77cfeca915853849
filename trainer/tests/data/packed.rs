//! Out of a pack comes what the sources give.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fovea_trainer::data::{
    deal, AugmentConfig, Batch, Cache, Dataset, Fractions, Leaks, LeftOut, Loader, Pack, Packed,
    SourceConfig, Split,
};
use image::{Rgb, RgbImage};
use indicatif::ProgressBar;
use tempfile::TempDir;

use crate::{sources, taxonomy, write};

const SIZE: u32 = 48;
/// Small enough for more than one part.
const PART: u64 = 40_000;
/// Of the source `eyes`.
const SPLIT: Fractions = Fractions {
    train: 0.7,
    val: 0.2,
    test: 0.1,
};

struct Made {
    root: TempDir,
    sources: Vec<SourceConfig>,
    dataset: Dataset,
    cache: Cache,
    left_out: LeftOut,
    packed: Packed,
}

/// A field of noise: hard to compress, and unlike any other.
fn fundus(path: &Path, seed: u32) {
    let picture = RgbImage::from_fn(90, 70, |x, y| {
        if (x as f32 - 44.5).hypot(y as f32 - 34.5) > 34.0 {
            return Rgb([0, 0, 0]);
        }
        let grain = (x * 7919 + y * 104_729 + seed * 1_299_709) % 61;
        Rgb([130 + grain as u8, 60 + (grain / 2) as u8, 30])
    });
    picture.save(path).expect("written");
}

fn made() -> Made {
    let root = TempDir::new().expect("a folder");
    let mut labels = String::from("image,patient,dr\n");
    for (folder, count) in [("eyes", 12), ("others", 4)] {
        fs::create_dir(root.path().join(folder)).expect("made");
        for n in 0..count {
            fundus(&root.path().join(format!("{folder}/{n}.png")), n);
        }
    }
    for n in 0..12 {
        labels += &format!("{n}.png,p{},{}\n", n / 2, n % 2);
    }
    labels += "gone.png,p9,0\n";
    // One photograph is both trained on and judged by.
    let trained = |patient: &str| deal("eyes", patient, SPLIT) == Split::Train;
    let mut patients = (0..).map(|n| format!("q{n}"));
    let other = patients.find(|patient| trained(patient) != trained("p0"));
    fs::copy(
        root.path().join("eyes/0.png"),
        root.path().join("eyes/copy.png"),
    )
    .expect("copied");
    labels += &format!("copy.png,{},0\n", other.expect("some"));
    write(root.path().join("labels.csv"), &labels);
    let sources = sources(
        "[[source]]
        name = 'eyes'
        format = 'csv'
        images = 'eyes'
        labels = 'labels.csv'
        patient_column = 'patient'
        split = { train = 0.7, val = 0.2, test = 0.1 }
        aspect = 1.332
        aspect_jitter = 0.1
        allow_broken = true
        every = { absent = ['@photograph'] }
        columns.dr = { '0' = { absent = ['diabetic_retinopathy'] }, '1' = { present = ['pdr'] } }
        [[source]]
        name = 'others'
        format = 'folder'
        images = 'others'
        split = { train = 0.5, val = 0.5, test = 0.0 }
        every = { present = ['non_fundus'] }
        [[source]]
        name = 'scenes'
        format = 'scenes'
        draws = { train = 6, val = 2, test = 0 }",
    );
    let mut dataset = Dataset::import(taxonomy(), &sources, root.path()).expect("imported");
    let folder = root.path().join("cache");
    let bar = ProgressBar::hidden();
    let (mut cache, broken) =
        Cache::build(&mut dataset, SIZE, &folder, false, &bar).expect("built");
    assert_eq!(broken.len(), 1);
    let (pairs, leaks) = dataset
        .settle_twins(&mut cache, &folder, Leaks::DropTraining)
        .expect("settled");
    assert!(!leaks.is_empty() && pairs.len() >= leaks.len());
    let left_out = LeftOut {
        broken,
        leaks,
        pairs,
    };
    let pack = root.path().join("pack");
    let packed = Packed::write(&dataset, &cache, &left_out, &pack, PART, &bar).expect("packed");
    // Whatever is read from here on, the photographs are not.
    fs::remove_dir_all(root.path().join("eyes")).expect("removed");
    fs::remove_dir_all(root.path().join("others")).expect("removed");
    Made {
        root,
        sources,
        dataset,
        cache,
        left_out,
        packed,
    }
}

/// A pack opened and unpacked, or why not.
fn unpacked(made: &Made, size: u32) -> Result<(Dataset, Cache), String> {
    let folder = made.root.path().join("elsewhere");
    let pack = Pack::open(&made.root.path().join("pack")).map_err(|e| format!("{e:#}"))?;
    let bar = ProgressBar::hidden();
    pack.unpack(taxonomy(), &made.sources, size, &folder, &bar)
        .map(|(dataset, cache, left_out)| {
            assert_eq!(left_out, made.left_out);
            (dataset, cache)
        })
        .map_err(|e| format!("{e:#}"))
}

#[test]
fn batches_of_a_pack_are_those_of_the_sources_byte_by_byte() {
    let made = made();
    assert!(made.packed.parts > 1);
    assert_eq!(made.packed.photographs, made.dataset.examples.len());
    for file in fs::read_dir(made.root.path().join("pack")).expect("a folder") {
        assert!(file.expect("a file").metadata().expect("one").len() <= PART);
    }
    let (dataset, cache) = unpacked(&made, SIZE).expect("whole");
    for (theirs, ours) in dataset.examples.iter().zip(&made.dataset.examples) {
        assert_eq!(format!("{theirs:?}"), format!("{ours:?}"));
    }
    let train = made.dataset.indices(Split::Train).repeat(3);
    let all: Vec<usize> = (0..made.dataset.examples.len()).collect();
    let (ours, theirs) = (
        (Arc::new(made.dataset), Arc::new(made.cache)),
        (Arc::new(dataset), Arc::new(cache)),
    );
    for (order, augment) in [(train, Some(AugmentConfig::default())), (all, None)] {
        let batches = |(dataset, cache): &(Arc<Dataset>, Arc<Cache>)| -> Vec<Batch> {
            let (dataset, cache) = (dataset.clone(), cache.clone());
            let loader = Loader::new(dataset, cache, augment.clone(), 5, 2);
            loader.epoch(order.clone(), 7).expect("an epoch").collect()
        };
        assert!(batches(&ours) == batches(&theirs));
    }
}

#[test]
fn a_pack_serves_other_sizes_and_its_cache_is_used_again() {
    let made = made();
    let (_, large) = unpacked(&made, 2 * SIZE).expect("whole");
    let side = (2 * SIZE * 2 * SIZE * 3) as usize;
    assert_eq!(large.get(0).map(<[u8]>::len), Some(side));
    let times = || -> Vec<_> {
        let files = fs::read_dir(made.root.path().join("elsewhere")).expect("a folder");
        files
            .map(|f| f.expect("a file").metadata().and_then(|m| m.modified()))
            .map(|time| time.expect("a time"))
            .collect()
    };
    let before = times();
    let (_, again) = unpacked(&made, 2 * SIZE).expect("whole");
    assert_eq!((large.get(3), before), (again.get(3), times()));
}

#[test]
fn what_is_missing_cut_short_or_altered_is_named() {
    let made = made();
    let pack = made.root.path().join("pack");
    let file = |name: &str| pack.join(name);
    let whole = |name: &str| fs::read(file(name)).expect("read");
    let first = whole("part-001.bin");
    fs::write(file("part-001.bin"), &first[..first.len() - 9]).expect("written");
    let second = whole("part-002.bin");
    fs::remove_file(file("part-002.bin")).expect("removed");
    let said = unpacked(&made, SIZE).err().expect("refused");
    assert!(said.contains("part-001.bin: cut short"), "{said}");
    assert!(said.contains("part-002.bin: missing"), "{said}");
    assert!(said.contains("copy these files of it again"), "{said}");
    fs::write(file("part-001.bin"), &first).expect("written");
    fs::write(file("part-002.bin"), &second).expect("written");
    for name in ["part-002.bin", "examples.json.gz"] {
        let bytes = whole(name);
        let mut other = bytes.clone();
        other[bytes.len() / 2] ^= 4;
        fs::write(file(name), other).expect("written");
        let said = unpacked(&made, SIZE).err().expect("refused");
        assert!(said.contains(&format!("{name}: altered")), "{said}");
        fs::write(file(name), bytes).expect("written");
    }
    let list = String::from_utf8(whole("pack.json")).expect("text");
    let other = list.replace(&made.packed.sha256, &"0".repeat(64));
    fs::write(file("pack.json"), other).expect("written");
    let said = unpacked(&made, SIZE).err().expect("refused");
    assert!(said.contains("pack.json was altered"), "{said}");
    fs::remove_file(file("pack.json")).expect("removed");
    let said = unpacked(&made, SIZE).err().expect("refused");
    assert!(said.contains("fovea-train pack"), "{said}");
}

#[test]
fn a_pack_of_other_sources_is_refused() {
    let mut made = made();
    made.sources[0].weight = 2.0;
    let said = unpacked(&made, SIZE).err().expect("refused");
    assert!(said.contains("pack again"), "{said}");
}

#[test]
fn a_file_larger_than_a_part_or_a_folder_in_use_is_refused() {
    let made = made();
    let pack = |dir: &str, bytes| {
        let (dir, bar) = (made.root.path().join(dir), ProgressBar::hidden());
        Packed::write(
            &made.dataset,
            &made.cache,
            &made.left_out,
            &dir,
            bytes,
            &bar,
        )
        .err()
        .map(|e| format!("{e:#}"))
    };
    assert!(pack("pack", PART).is_some_and(|said| said.contains("there already")));
    fs::create_dir(made.root.path().join("eyes")).expect("made");
    for n in 0..12 {
        fundus(&made.root.path().join(format!("eyes/{n}.png")), n);
    }
    assert!(pack("other", 100).is_some_and(|said| said.contains("larger parts")));
    assert!(!made.root.path().join("other").exists());
}
