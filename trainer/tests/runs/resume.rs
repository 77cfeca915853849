//! A run killed at any moment goes on to the same result.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use tch::{Kind, Tensor};

/// A disc on black whose colour says which class it is.
fn photograph(class: usize, seed: u32) -> RgbImage {
    RgbImage::from_fn(64, 64, |x, y| {
        let (dx, dy) = (x as f32 - 31.5, y as f32 - 31.5);
        if dx * dx + dy * dy > 29.0 * 29.0 {
            return Rgb([0, 0, 0]);
        }
        // No two alike, or one would be taken for a copy of the other.
        let cell = (x / 4) * 73 + (y / 4) * 1_511 + seed * 50_021 + 1;
        let grain = ((cell.wrapping_mul(2_654_435_761) >> 16) % 40) as u8;
        [
            Rgb([150 + grain, 70 + grain, 30]),
            Rgb([120, 90 + grain, 60]),
        ][class]
    })
}

fn write_run(dir: &Path, name: &str) -> PathBuf {
    let images = dir.join("images");
    std::fs::create_dir_all(&images).unwrap();
    let mut labels = [String::from("image,label\n"), String::from("image,label\n")];
    for i in 0..40u32 {
        let class = (i % 2) as usize;
        photograph(class, i)
            .save(images.join(format!("{i}.png")))
            .unwrap();
        labels[(i / 20) as usize] += &format!("{i}.png,{}\n", ["normal", "glaucoma"][class]);
    }
    for (source, labels) in ["discs", "more"].iter().zip(labels) {
        std::fs::write(dir.join(format!("{source}.csv")), labels).unwrap();
    }
    let run = dir.join(format!("{name}.toml"));
    let text = format!(
        r#"
name = "{name}"
data = {dir:?}
cache = {cache:?}
out = {out:?}
size = 32
device = "cpu"

[training]
epochs = 3
batch = 8
ema = 0.9
source_adversary = 0.1
worst_source = 0.01
pretrained = false

[[source]]
name = "discs"
format = "csv"
images = "images"
labels = "discs.csv"
split = {{ train = 0.7, val = 0.2, test = 0.1 }}
looks_for = ["normal", "glaucoma"]

[[source]]
name = "more"
format = "csv"
images = "images"
labels = "more.csv"
split = {{ train = 0.7, val = 0.2, test = 0.1 }}
looks_for = ["normal", "glaucoma"]

[[stage]]
name = "first"
arch = "resnet18"
method = {{ kind = "mlmc" }}

[[stage]]
name = "wide"
arch = "efficientnet_lite0"
method = {{ kind = "mlmc", composites = true }}
epochs = 1

[[stage]]
name = "wide_crt"
arch = "efficientnet_lite0"
method = {{ kind = "ics", crt = true }}
from = "wide"
epochs = 1

[[stage]]
name = "between"
arch = "efficientnet_lite0"
method = {{ kind = "average", teachers = [{{ stage = "wide_crt", role = "weights" }}], share = 0.25 }}
from = "wide"

[[stage]]
name = "one_class"
arch = "efficientnet_lite0"
method = {{ kind = "average", teachers = [{{ stage = "wide_crt", role = "weights", classes = ["glaucoma"] }}], share = 1.0 }}
from = "wide"

[[stage]]
name = "second"
arch = "resnet18"
method = {{ kind = "hybrid_kd", teachers = [{{ stage = "wide", role = "features" }}, {{ stage = "wide_crt" }}] }}

[[stage]]
name = "subset"
arch = "resnet18"
method = {{ kind = "erm" }}
classes = ["glaucoma"]
epochs = 1

[[stage]]
name = "third"
arch = "resnet18"
method = {{ kind = "rskd", teachers = [{{ stage = "subset" }}], base = {{ kind = "oltr" }} }}
from = "first"

[compare]
seeds = [1, 2]
methods = [{{ name = "MLMC", stage = "first" }}, {{ name = "Subset", stage = "subset" }}]
baseline = "MLMC"
"#,
        cache = dir.join("cache"),
        out = dir.join("runs"),
    );
    std::fs::write(&run, text).unwrap();
    run
}

fn train(run: &Path) -> Command {
    let mut command = command("train", run);
    command.stderr(Stdio::null());
    command
}

fn command(step: &str, run: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea-train"));
    // One thread: the order of sums is then the same in every process.
    command.env("OMP_NUM_THREADS", "1").arg(step).arg(run);
    command
}

#[test]
fn a_killed_run_ends_as_one_that_was_not() {
    let dir = tempfile::tempdir().unwrap();
    let whole = write_run(dir.path(), "whole");
    assert!(train(&whole).status().unwrap().success());

    let cut = write_run(dir.path(), "cut");
    let mut kills = 0;
    // Killed later and later, until it is through.
    for pause in (1..200).map(|n| Duration::from_millis(n * 200)) {
        let mut child = train(&cut).spawn().unwrap();
        let started = Instant::now();
        while started.elapsed() < pause && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(
        kills > 1,
        "the run was over before it could be killed twice"
    );
    let file = |run: &str, stage: &str| {
        let stage = dir.path().join("runs").join(run).join(stage);
        stage.join("final.safetensors")
    };
    for stage in [
        "first",
        "wide",
        "wide_crt",
        "between",
        "one_class",
        "second",
        "subset",
        "third",
    ] {
        let network = |run: &str| std::fs::read(file(run, stage)).unwrap();
        assert!(
            network("whole") == network("cut"),
            "{stage} differs after {kills} kills"
        );
    }

    let classifier = |stage: &str| {
        let tensors = Tensor::read_safetensors(file("whole", stage)).unwrap();
        let of = |(name, tensor): (String, Tensor)| (name == "classifier.weight").then_some(tensor);
        tensors.into_iter().find_map(of).unwrap()
    };
    let (start, other) = (classifier("wide"), classifier("wide_crt"));
    assert!(start != other, "nothing was re-trained");
    let apart = classifier("between") - (&start * 0.75 + &other * 0.25);
    assert!(apart.abs().max().double_value(&[]) < 1e-6);
    let moved = (classifier("one_class") - &start)
        .abs()
        .sum_dim_intlist(1, false, Kind::Float);
    assert_eq!(moved.count_nonzero(0).int64_value(&[]), 1, "{moved:?}");

    let mut explain = command("explain", &whole);
    let asked = explain
        .args(["--stages", "first,wide", "--layer", "2"])
        .output();
    let said = asked.unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let of_run = dir.path().join("runs/whole");
    for picture in [
        "first/explain/gradcam.png",
        "first/explain/probabilities.png",
        "wide/explain/gradcam.png",
        "features.png",
    ] {
        let drawn = image::open(of_run.join(picture)).expect(picture).to_rgb8();
        let ink = drawn.pixels().filter(|p| p.0 != [255; 3]).count();
        assert!(ink > 2000, "{picture} has {ink} pixels of ink");
    }
    let list = dir.path().join("list.txt");
    std::fs::write(&list, "no-such.png\n").unwrap();
    let mut explain = command("explain", &whole);
    let said = explain.arg("--photographs").arg(&list).output().unwrap();
    assert!(!said.status.success());
    assert!(String::from_utf8_lossy(&said.stderr).contains("no-such.png"));
}

#[test]
fn a_comparison_trains_what_is_missing_and_reports_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = write_run(dir.path(), "both");
    let folder = dir.path().join("runs/both/compare");
    let compare = |more: &[&str]| {
        let out = command("compare", &run).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        let report = std::fs::read_to_string(folder.join("report.json")).unwrap();
        (said, report)
    };
    let (_, first) = compare(&[]);
    let report: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(report["seeds"], serde_json::json!([1, 2]));
    assert_eq!(report["split"], "val");
    let methods = report["methods"].as_array().unwrap();
    assert_eq!(methods.len(), 2);
    for method in methods {
        assert!(method["average"]["mean"].is_f64(), "{method}");
        assert!(method["average"]["deviation"].is_f64(), "{method}");
        assert!(method["seconds"].as_f64().unwrap() > 0.0);
    }
    for file in [
        "report.html",
        "report.md",
        "gains.png",
        "classes.png",
        "curves.png",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }

    // What is there is not trained again; what is gone is, to the same end.
    std::fs::remove_dir_all(folder.join("seed-2/subset")).unwrap();
    let (said, second) = compare(&[]);
    assert_eq!(said.matches("trained already").count(), 3, "{said}");
    let without_times = |report: &str| -> serde_json::Value {
        let mut report: serde_json::Value = serde_json::from_str(report).unwrap();
        for method in report["methods"].as_array_mut().unwrap() {
            method["seconds"].take();
        }
        report
    };
    assert_eq!(without_times(&second), without_times(&first));

    // So many at once that each has one processor, as those before.
    std::fs::remove_dir_all(&folder).unwrap();
    let (said, third) = compare(&["--at-once", "64"]);
    assert_eq!(said.matches("trained already").count(), 4, "{said}");
    assert_eq!(without_times(&third), without_times(&first));
    let log = |stage: &str| std::fs::read_to_string(folder.join(stage).join("log.txt")).unwrap();
    assert!(log("seed-1/first").contains("first"));

    // A stage that another process trains is left to it, and the sentence says where to look.
    let stage = folder.join("seed-2/first");
    std::fs::remove_file(stage.join("state.json")).unwrap();
    let other = std::fs::File::create(stage.join("lock")).unwrap();
    other.lock().unwrap();
    let out = command("compare", &run)
        .args(["--at-once", "2"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success(), "{said}");
    assert!(
        said.contains("first, seed 2") && said.contains("log.txt"),
        "{said}"
    );
    assert!(log("seed-2/first").contains("another process is training"));
}
