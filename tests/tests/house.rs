//! What runs in a clinic does not depend on what trains.

use std::path::PathBuf;
use std::process::Command;

use fovea_core::bundle::Bundle;
use fovea_tests::root;

/// Every crate that `package` is built from.
fn built_from(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none"])
        .args(["--edges", "normal,build", "--package", package])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect()
}

#[test]
fn the_device_needs_no_libtorch() {
    let crates = built_from("fovea-device");
    assert!(crates.iter().any(|name| name == "fovea-core"));
    assert!(crates.iter().any(|name| name == "fovea-engine"));
    for trains in ["fovea-trainer", "tch", "torch-sys"] {
        assert!(!crates.iter().any(|name| name == trains), "{trains}");
    }
}

/// The engine runs students for the device and for whoever checks them; it knows
/// nothing of photographs, verdicts and training.
#[test]
fn the_engine_needs_tract_and_nothing_of_ours() {
    let crates = built_from("fovea-engine");
    assert!(crates.iter().any(|name| name == "tract-onnx"));
    for other in [
        "fovea-core",
        "fovea-device",
        "fovea-render",
        "fovea-trainer",
        "tch",
        "torch-sys",
    ] {
        assert!(!crates.iter().any(|name| name == other), "{other}");
    }
}

/// Drawn eyes are for whoever needs a photograph, so that drawing one takes
/// nothing of what judges it.
#[test]
fn the_renderer_needs_nothing_of_ours() {
    let crates = built_from("fovea-render");
    assert!(crates.iter().any(|name| name == "fovea-render"));
    let ours: Vec<_> = crates
        .iter()
        .filter(|name| name.starts_with("fovea-") && *name != "fovea-render")
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
    for engine in ["tract-onnx", "tch", "torch-sys"] {
        assert!(!crates.iter().any(|name| name == engine), "{engine}");
    }
}

#[test]
fn the_core_runs_no_network_of_either_kind() {
    let crates = built_from("fovea-core");
    assert!(crates.iter().any(|name| name == "fovea-core"));
    for engine in [
        "fovea-engine",
        "tract-onnx",
        "tract-core",
        "tch",
        "torch-sys",
    ] {
        assert!(!crates.iter().any(|name| name == engine), "{engine}");
    }
}

/// What was measured for the shipped bundle is what it carries.
#[test]
fn the_shipped_bundle_has_the_calibration_that_is_kept_beside_it() {
    let student = root().join("models/student");
    let bundle = Bundle::open(&student).expect("the shipped bundle is whole");
    let kept = format!("calibration/{}.toml", bundle.manifest.training.run);
    let read = |path: PathBuf| std::fs::read_to_string(&path).expect("a file of this repository");
    assert_eq!(
        read(student.join("calibration.toml")),
        read(root().join(kept))
    );
}
