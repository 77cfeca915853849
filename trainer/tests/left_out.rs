//! Nothing is taken for trained that was trained otherwise, no photograph is
//! both trained on and judged by, and a group of sources can be left out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use fovea_trainer::config::RunConfig;
use fovea_trainer::data::{deal, Fractions, Split};
use fovea_trainer::photographs::Photographs;
use fovea_trainer::report::Report;
use fovea_trainer::{leave_out, run, train};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

const SPLIT: Fractions = Fractions {
    train: 0.5,
    val: 0.25,
    test: 0.25,
};
const EACH: u32 = 32;

/// A disc on black with spots where `seed` puts them; of the diseased class it
/// is redder.
fn photograph(diseased: bool, seed: u32) -> RgbImage {
    let spot = |n: u32| {
        let mixed = (seed * 97 + n + 1).wrapping_mul(2_654_435_761);
        ((mixed >> 8) % 64, (mixed >> 20) % 64)
    };
    let spots: Vec<(u32, u32)> = (0..24).map(spot).collect();
    RgbImage::from_fn(64, 64, |x, y| {
        let (dx, dy) = (x as f32 - 31.5, y as f32 - 31.5);
        if dx * dx + dy * dy > 29.0 * 29.0 {
            return Rgb([0, 0, 0]);
        }
        let near = |&(a, b): &(u32, u32)| x.abs_diff(a).pow(2) + y.abs_diff(b).pow(2) < 12;
        let dark = if spots.iter().any(near) { 50 } else { 0 };
        let red = if diseased { 220 } else { 150 };
        Rgb([red - dark, 110 - dark, 60])
    })
}

/// Three sources below `dir` and a run file with `more` at its end.
fn write_run(dir: &Path, top: &str, more: &str) -> PathBuf {
    let mut sources = String::new();
    for (s, source) in ["a", "b", "c"].into_iter().enumerate() {
        let images = dir.join(source);
        std::fs::create_dir_all(&images).unwrap();
        let mut labels = String::from("image,label\n");
        for i in 0..EACH {
            let diseased = i % 2 == 1;
            let path = images.join(format!("{i}.png"));
            if !path.exists() {
                photograph(diseased, s as u32 * EACH + i)
                    .save(path)
                    .unwrap();
            }
            labels += &format!("{i}.png,{}\n", ["normal", "npdr_moderate"][i as usize % 2]);
        }
        let path = dir.join(format!("{source}.csv"));
        if !path.exists() {
            std::fs::write(path, labels).unwrap();
        }
        sources += &format!(
            r#"
[[source]]
name = "{source}"
format = "csv"
images = "{source}"
labels = "{source}.csv"
split = {{ train = 0.5, val = 0.25, test = 0.25 }}
looks_for = ["@eye"]
"#
        );
    }
    let file = dir.join("run.toml");
    let text = format!(
        r#"
name = "tiny"
data = {dir:?}
cache = {cache:?}
out = {out:?}
weights = {weights:?}
size = 32
device = "cpu"
{top}
{sources}
[[stage]]
name = "student"
arch = "resnet18"
method = {{ kind = "erm" }}

[ship]
stage = "student"
calibration = {calibration:?}
{more}"#,
        cache = dir.join("cache"),
        out = dir.join("runs"),
        weights = dir.join("weights"),
        calibration = dir.join("calibration"),
    );
    std::fs::write(&file, text).unwrap();
    file
}

const SMALL: &str = "training = { epochs = 1, batch = 8, pretrained = false }";

fn read(dir: &Path, top: &str, more: &str) -> RunConfig {
    RunConfig::read(&write_run(dir, top, more)).unwrap()
}

/// Gives one photograph of `split` in source `a` the other label, or its own
/// back.
fn turn_one_label(dir: &Path, photographs: &Photographs, split: Split) {
    let mut of_split = photographs.indices(split, &["a".to_owned()]).into_iter();
    let first = &photographs.dataset.examples[of_split.next().unwrap()];
    let name = first.image.file_name().unwrap().to_str().unwrap();
    let file = dir.join("a.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    let turned: Vec<String> = text
        .lines()
        .map(|line| match line.split_once(',') {
            Some((image, "normal")) if image == name => format!("{image},npdr_moderate"),
            Some((image, "npdr_moderate")) if image == name => format!("{image},normal"),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(&file, turned.join("\n") + "\n").unwrap();
}

fn fingerprint(config: &RunConfig) -> String {
    let photographs = Photographs::open(config).unwrap();
    photographs.fingerprint(config, &config.stage[0]).unwrap()
}

#[test]
fn a_stage_with_other_labels_or_settings_is_another_stage() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let config = read(dir, SMALL, "");
    let photographs = Photographs::open(&config).unwrap();
    let plain = fingerprint(&config);
    assert_eq!(plain, fingerprint(&config));

    for (split, same) in [
        (Split::Train, false),
        (Split::Val, false),
        (Split::Test, true),
    ] {
        turn_one_label(dir, &photographs, split);
        assert_eq!(plain == fingerprint(&config), same, "{}", split.name());
        turn_one_label(dir, &photographs, split);
        assert_eq!(plain, fingerprint(&config));
    }
    for top in ["validate_on = [\"a\"]", "groups_from = \"a\"", "seed = 2"] {
        let other = read(dir, &format!("{top}\n{SMALL}"), "");
        assert_ne!(plain, fingerprint(&other), "{top}");
    }

    // Weights to start from are told by what is in them.
    let weights = dir.join("weights/resnet18-imagenet.safetensors");
    std::fs::create_dir_all(weights.parent().unwrap()).unwrap();
    std::fs::write(&weights, "one").unwrap();
    let pretrained = read(dir, "training = { epochs = 1, batch = 8 }", "");
    let one = fingerprint(&pretrained);
    std::fs::write(&weights, "another").unwrap();
    assert_ne!(one, fingerprint(&pretrained));
}

#[test]
fn what_was_trained_or_calibrated_otherwise_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let config = read(dir, SMALL, "");
    let photographs = run::prepare(&config).unwrap();
    run::train(&config, &photographs, &[], None).unwrap();
    run::calibrate(&config, &photographs).unwrap();
    run::evaluate(&config, &photographs).unwrap();
    let told = std::fs::read_to_string(config.run_dir().join("stages.txt")).unwrap();
    assert!(
        told.contains("worst of eyes") && told.contains("mean of 3"),
        "{told}"
    );
    run::probe(&config, &photographs).unwrap();
    let told = std::fs::read_to_string(config.stage_dir("student").join("probe.txt")).unwrap();
    assert!(told.contains("mean, all"), "{told}");

    let file = dir.join("calibration/tiny.toml");
    let own = std::fs::read_to_string(&file).unwrap();
    let line = own
        .lines()
        .find(|l| l.starts_with("student_sha256"))
        .unwrap();
    let other = format!("student_sha256 = \"{}\"", "a".repeat(64));
    std::fs::write(&file, own.replace(line, &other)).unwrap();
    let refused = run::evaluate(&config, &photographs).unwrap_err();
    assert!(
        format!("{refused:#}").contains("another student"),
        "{refused:#}"
    );
    std::fs::write(&file, own).unwrap();

    turn_one_label(dir, &photographs, Split::Val);
    let photographs = run::prepare(&config).unwrap();
    for refused in [
        run::train(&config, &photographs, &[], None).unwrap_err(),
        run::evaluate(&config, &photographs).unwrap_err(),
    ] {
        let said = format!("{refused:#}");
        assert!(said.contains("other settings or data"), "{said}");
    }
}

#[test]
fn the_settings_of_a_trained_stage_outlive_a_call_that_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let config = read(dir, SMALL, "");
    let photographs = run::prepare(&config).unwrap();
    run::train(&config, &photographs, &[], None).unwrap();

    let other = read(dir, &SMALL.replace("batch = 8", "batch = 4"), "");
    let photographs = run::prepare(&other).unwrap();
    let refused = run::train(&other, &photographs, &[], None).unwrap_err();
    let said = format!("{refused:#}");
    assert!(said.contains("other settings or data"), "{said}");

    let kept = RunConfig::read(&config.stage_dir("student").join(run::CONFIG)).unwrap();
    assert_eq!(kept.training.batch, 8);
    let photographs = run::prepare(&kept).unwrap();
    run::evaluate(&kept, &photographs).unwrap();
}

#[test]
fn what_can_be_refused_is_refused_before_the_training() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let weightless = SMALL.replace("}", ", source_weight = { a = 0, b = 0, c = 0 } }");
    let config = read(dir, &weightless, "");
    let photographs = run::prepare(&config).unwrap();
    let refused = run::train(&config, &photographs, &[], None).unwrap_err();
    let said = format!("{refused:#}");
    assert!(said.contains("source_weight"), "{said}");

    let mut config = read(dir, SMALL, "");
    config.ship = None;
    let start = (Instant::now(), None);
    let refused = run::whole(&config, &photographs, &[], start).unwrap_err();
    let said = format!("{refused:#}");
    assert!(said.contains("[ship]"), "{said}");
    assert!(!train::finished(&config, &config.stage[0]).unwrap());
}

#[test]
fn a_copy_of_a_test_photograph_is_not_trained_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_run(dir, SMALL, "");
    // A larger, mirrored copy of a photograph that is trained on.
    let trained = (0..EACH)
        .map(|i| format!("{i}.png"))
        .find(|name| deal("a", name, SPLIT) == Split::Train)
        .unwrap();
    let copy = (0..)
        .map(|i| format!("copy-{i}.png"))
        .find(|name| deal("b", name, SPLIT) == Split::Test)
        .unwrap();
    let original = image::open(dir.join("a").join(&trained)).unwrap().to_rgb8();
    let larger = imageops::resize(&original, 100, 100, FilterType::Triangle);
    imageops::flip_horizontal(&larger)
        .save(dir.join("b").join(&copy))
        .unwrap();
    let labels = std::fs::read_to_string(dir.join("b.csv")).unwrap();
    std::fs::write(dir.join("b.csv"), format!("{labels}{copy},normal\n")).unwrap();

    let refused = Photographs::open(&read(dir, SMALL, "")).err().unwrap();
    let said = format!("{refused:#}");
    for word in [
        trained.as_str(),
        copy.as_str(),
        "mirrored",
        "drop_training",
        "1 pairs",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }

    let config = read(dir, &format!("leaks = \"drop_training\"\n{SMALL}"), "");
    let photographs = run::prepare(&config).unwrap();
    let has = |file: &Path| {
        let examples = &photographs.dataset.examples;
        examples.iter().any(|example| example.image == file)
    };
    assert!(!has(&dir.join("a").join(&trained)) && has(&dir.join("b").join(&copy)));
    assert_eq!(photographs.cache.len(), photographs.dataset.examples.len());
    let left_out = std::fs::read_to_string(config.run_dir().join("left_out.txt")).unwrap();
    assert!(
        left_out.contains(&trained) && left_out.contains(&copy),
        "{left_out}"
    );
}

#[test]
fn groups_are_left_out_in_turn_and_not_twice() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let groups = "[leave_out]\ngroups = [[\"a\"], [\"b\", \"c\"]]\nstage = \"student\"\nepochs = 1";
    let config = read(dir, SMALL, groups);
    leave_out::run(&config).unwrap();
    let folder = config.run_dir().join("leave-out");
    let text = std::fs::read_to_string(folder.join("report.txt")).unwrap();
    for word in ["referable_dr", "mean of 2", "worst", "b+c", "Within b+c"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let reports: std::collections::BTreeMap<String, Report> = serde_json::from_str(&json).unwrap();
    assert_eq!(reports["a"].overall.photographs, EACH);
    assert_eq!(reports["b+c"].overall.photographs, 2 * EACH);
    assert!(reports["b+c"].sources.contains_key("c"));
    let calibrated = reports["a"].overall.questions.iter();
    assert!(calibrated.clone().all(|q| q.referred_positives.is_some()));
    assert!(calibrated.count() > 2);

    // What is done is not done again; other labels of the group ask again.
    let judged = folder.join("a/left_out.json");
    let written = || std::fs::metadata(&judged).unwrap().modified().unwrap();
    let before = written();
    leave_out::run(&config).unwrap();
    assert_eq!(before, written());
    let photographs = Photographs::open(&config).unwrap();
    turn_one_label(dir, &photographs, Split::Test);
    let mut only_a = config.clone();
    only_a.leave_out.as_mut().unwrap().groups.truncate(1);
    leave_out::run(&only_a).unwrap();
    assert_ne!(before, written());
}

#[test]
fn groups_that_cannot_be_left_out_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |more: &str| {
        let file = write_run(dir.path(), SMALL, more);
        format!("{:#}", RunConfig::read(&file).unwrap_err())
    };
    for (groups, named) in [
        ("[]", "no `groups`"),
        ("[[\"d\"]]", "`d`"),
        ("[[\"a\"], [\"a\", \"b\"]]", "twice"),
        ("[[\"a\", \"b\", \"c\"]]", "no source to train on"),
    ] {
        let said = refused(&format!(
            "[leave_out]\nstage = \"student\"\ngroups = {groups}"
        ));
        assert!(said.contains(named), "{said}");
    }
    for (own, named) in [
        ("batch = 0", "batches of two or more"),
        ("epochs = 0", "at least one epoch"),
        ("size = 8", "`size = 8`"),
    ] {
        let said = refused(&format!(
            "[leave_out]\nstage = \"student\"\ngroups = [[\"a\"]]\n{own}"
        ));
        assert!(said.contains("without a") && said.contains(named), "{said}");
    }
    let said = refused(
        "[[stage]]\nname = \"next\"\narch = \"resnet18\"\nmethod = { kind = \"erm\" }\n\
         from_bundle = \"models/student\"\n[leave_out]\nstage = \"next\"\ngroups = [[\"a\"]]",
    );
    assert!(said.contains("starts from a bundle"), "{said}");
}
