//! Puts the shipped bundle inside the binary.
//!
//! The device must screen from any folder, with nothing beside it, so the
//! parts of `models/student` are embedded as they are. A checkout without a
//! trained student still builds: then nothing is embedded and `fovea` says
//! that it needs `--bundle`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

/// The parts of a bundle; which of them must be there is for the bundle's own
/// opening to say, so that a half-filled folder is refused in one place.
const PARTS: [&str; 6] = [
    "student.onnx",
    "captioner.onnx",
    "manifest.toml",
    "taxonomy.toml",
    "calibration.toml",
    "MODEL_CARD.md",
];

fn main() -> io::Result<()> {
    let models = PathBuf::from(env_path("CARGO_MANIFEST_DIR")?).join("../models");
    // The parent of `student`, because cargo rebuilds every time when told to
    // watch a folder that is not there.
    println!("cargo::rerun-if-changed={}", models.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut source = String::from("pub(super) const PARTS: &[(&str, &[u8])] = &[\n");
    for part in PARTS {
        let path = models.join("student").join(part);
        if path.is_file() {
            let path = fs::canonicalize(&path)?;
            let _ = writeln!(
                source,
                "    ({part:?}, include_bytes!({:?})),",
                path.display().to_string()
            );
        }
    }
    source.push_str("];\n");
    fs::write(
        PathBuf::from(env_path("OUT_DIR")?).join("embedded.rs"),
        source,
    )
}

/// A variable that cargo sets for build scripts.
fn env_path(name: &str) -> io::Result<std::ffi::OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo did not set {name}")))
}
