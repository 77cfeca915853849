//! A run killed at any moment goes on to the same result.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use tch::Tensor;

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
    let mut labels = String::from("image,label\n");
    for i in 0..40u32 {
        let class = (i % 2) as usize;
        photograph(class, i)
            .save(images.join(format!("{i}.png")))
            .unwrap();
        labels += &format!("{i}.png,{}\n", ["normal", "glaucoma"][class]);
    }
    std::fs::write(dir.join("labels.csv"), labels).unwrap();
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
pretrained = false

[[source]]
name = "discs"
format = "csv"
images = "images"
labels = "labels.csv"
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
method = {{ kind = "average", with = "wide_crt", share = 0.25 }}
from = "wide"

[[stage]]
name = "second"
arch = "resnet18"
method = {{ kind = "hybrid_kd", features = "wide", logits = "wide_crt" }}
"#,
        cache = dir.join("cache"),
        out = dir.join("runs"),
    );
    std::fs::write(&run, text).unwrap();
    run
}

fn train(run: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea-train"));
    // One thread: the order of sums is then the same in every process.
    command
        .env("OMP_NUM_THREADS", "1")
        .arg("train")
        .arg(run)
        .stderr(Stdio::null());
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
    for stage in ["first", "wide", "wide_crt", "between", "second"] {
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
    let apart = classifier("between") - (start * 0.75 + other * 0.25);
    assert!(apart.abs().max().double_value(&[]) < 1e-6);
}
