//! The plan for a machine with a GPU, rehearsed on the processor: a pack, the
//! run file of the plan made small, the script, and the results put together.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use fovea_core::bundle::Bundle;
use fovea_trainer::checkpoint;
use image::{Rgb, RgbImage};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fovea-train");

/// 160 discs of two colours as a source, and the plan's run file at 32 pixels
/// with one network for all; `epochs` of each stage.
fn write_run(dir: &Path, epochs: usize, arch: &str) -> PathBuf {
    let images = dir.join("data/discs");
    std::fs::create_dir_all(&images).unwrap();
    let mut labels = String::from("image,label\n");
    for n in 0..160u32 {
        let disc = RgbImage::from_fn(48, 48, |x, y| {
            let grain = ((x * 7 + y * 13 + n * 31) % 40) as u8;
            match (x as f32 - 23.5).hypot(y as f32 - 23.5) < 22.0 {
                true if n % 2 == 0 => Rgb([150 + grain, 70, 30]),
                true => Rgb([120, 90 + grain, 60]),
                false => Rgb([0, 0, 0]),
            }
        });
        disc.save(images.join(format!("{n}.png"))).unwrap();
        labels += &format!("{n}.png,{}\n", ["normal", "glaucoma"][n as usize % 2]);
    }
    std::fs::write(dir.join("data/labels.csv"), labels).unwrap();
    let sources = r#"
[[source]]
name = "odir"
format = "csv"
images = "discs"
labels = "labels.csv"
split = { train = 0.4, val = 0.5, test = 0.1 }
looks_for = ["@eye", "@photograph"]
"#;
    std::fs::write(dir.join("sources.toml"), sources).unwrap();
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/student-384.toml");
    let mut plan = std::fs::read_to_string(plan).unwrap();
    let line = |key: &str| {
        let found = plan.lines().find(|line| line.starts_with(key));
        found.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let calibrate_on = line("calibrate_on = ");
    let weights = line("source_weight = ");
    let presumed = line("presumed_healthy = ");
    for (large, small) in [
        ("size = 384", "size = 32\ndata = \"data\"".to_owned()),
        ("\"cuda\"", "\"cpu\"".to_owned()),
        // Some discs look alike, and enough must be left to judge by.
        ("drop_judged", "drop_training".to_owned()),
        (
            "epochs = 100",
            format!("epochs = {epochs}\npretrained = false"),
        ),
        ("batch = 128", "batch = 16".to_owned()),
        ("\"resnet50\"", format!("\"{arch}\"")),
        ("\"efficientnet_lite2\"", format!("\"{arch}\"")),
        ("\"efficientnet_lite0\"", format!("\"{arch}\"")),
        (&calibrate_on, "calibrate_on = [\"odir\"]".to_owned()),
        (&weights, String::new()),
        (&presumed, String::new()),
    ] {
        assert!(plan.contains(large), "the plan has no {large} any more");
        plan = plan.replace(large, &small);
    }
    let file = dir.join("run.toml");
    std::fs::write(&file, plan).unwrap();
    file
}

/// Runs a command in `dir`; what it said on both streams, and whether it went well.
fn said(dir: &Path, command: &mut Command) -> (bool, String) {
    // Small networks are faster without threads that wait for each other.
    let done = command.current_dir(dir).env("OMP_NUM_THREADS", "1");
    let done = done.output().unwrap();
    let mut said = String::from_utf8_lossy(&done.stdout).into_owned();
    said += &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), said)
}

fn well(dir: &Path, command: &mut Command) -> String {
    let (well, said) = said(dir, command);
    assert!(well, "{said}");
    said
}

fn script(name: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("gpu");
    Command::new(scripts.join(name))
}

#[test]
fn the_plan_for_a_gpu_leaves_a_bundle_in_small_parts() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write_run(dir, 1, "resnet18");
    let packed = well(
        dir,
        Command::new(PROGRAM).args(["pack", "run.toml", "--dir", "pack", "--part-mib", "1"]),
    );
    // Some of the 160 discs look alike; the copy to be trained on is left out.
    let count: usize = packed.split(' ').next().unwrap().parse().expect(&packed);
    assert!((100..=160).contains(&count), "{packed}");
    // Nothing else is at hand where it is trained.
    for folder in ["data/discs", "data/cache"] {
        std::fs::remove_dir_all(dir.join(folder)).unwrap();
    }
    std::fs::remove_file(dir.join("data/labels.csv")).unwrap();
    let plan = [
        "--program",
        PROGRAM,
        "--config",
        "run.toml",
        "--pack",
        "pack",
    ];
    let more = ["--part-mib", "15", "--results", "results/"];
    let told = well(dir, script("plan.sh").args(plan).args(more));
    assert!(told.contains("parts.sh join"), "{told}");

    let results = dir.join("results");
    for part in std::fs::read_dir(&results).unwrap() {
        assert!(part.unwrap().metadata().unwrap().len() <= 15 << 20);
    }
    well(dir, script("parts.sh").args(["join", "results", "run.tar"]));
    well(
        dir,
        script("parts.sh").args(["split", "run.tar", "split/", "15"]),
    );
    assert!(dir.join("split/SHA256SUMS").is_file());
    let home = dir.join("home");
    std::fs::create_dir(&home).unwrap();
    well(&home, Command::new("tar").args(["-xf", "../run.tar"]));
    Bundle::open(&home.join("runs/student-384/bundle")).unwrap();
    let network = "runs/student-384/student/final.safetensors";
    let read = |root: &Path| std::fs::read(root.join(network)).unwrap();
    assert!(read(&home) == read(dir));
    assert!(!home
        .join("runs/student-384/teacher1_a/final.safetensors")
        .exists());
    assert!(home
        .join("runs/student-384/teacher1_a/history.jsonl")
        .exists());

    // What came home is measured; the teachers' networks stayed behind.
    let told = well(
        &home,
        Command::new(PROGRAM).args(["evaluate", "../run.toml", "--packed", "../pack"]),
    );
    assert!(
        told.contains("teacher1_a: not trained to its end here"),
        "{told}"
    );

    let cut = results.join("part-000");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[1..]).unwrap();
    let (well, told) = said(
        dir,
        script("parts.sh").args(["join", "results", "again.tar"]),
    );
    assert!(!well && told.contains("part-000"), "{told}");
}

#[test]
fn a_run_ends_with_its_minutes_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // Its checkpoints are small: saving takes little of the time.
    write_run(dir, 100_000, "efficientnet_lite0");
    let call = |minutes: &str, stages: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["run", "run.toml", "--minutes", minutes, "--stages", stages]);
        command
    };
    let started = Instant::now();
    let told = well(dir, &mut call("0.2", "teacher1_a,teacher1_b"));
    assert!(told.contains("no bundle is written"), "{told}");
    // Half a minute more is for a busy machine.
    assert!(started.elapsed().as_secs() < 42, "{told}");
    well(dir, &mut call("0.3", "teacher2_a,teacher2_b,student"));
    let run = dir.join("runs/student-384");
    for stage in ["teacher1_a", "teacher1_b", "student"] {
        let state = checkpoint::state(&run.join(stage)).unwrap().unwrap();
        let ended = state.ended.expect("by the clock");
        assert!(state.finished && ended.planned == 100_000);
        assert!(ended.epochs > 0.0 && ended.minutes < 1.0, "{ended}");
        // The schedule went with the time, though nearly all epochs were left. On a busy
        // machine the last step begins long before the end.
        assert!(state.progress > 0.5, "{stage}: {}", state.progress);
    }
    let card = std::fs::read_to_string(run.join("bundle/MODEL_CARD.md")).unwrap();
    assert!(card.contains("ended by the clock after"), "{card}");
    // What is finished stays so.
    let told = well(dir, &mut call("0.01", "student"));
    assert!(told.contains("student: trained already"), "{told}");
}
