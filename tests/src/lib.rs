//! Helpers the end-to-end tests share.

pub mod qemu;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Says a line to whoever runs the tests. What `println!` and `eprintln!` say in a test that passes
/// is never shown.
pub fn say(line: &str) {
    // A test does not fail because nobody listens.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The device's program, built with the profile of the test that asks: `cargo test` alone leaves
/// an old one in place.
///
/// # Panics
/// The program does not build.
pub fn fovea() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
        // With a test, so that cargo chooses the dependencies' features as `cargo test
        // --workspace` does: the device on its own would compile tract a second time.
        .args(["build", "--quiet", "--workspace"])
        .args(["--bin", "fovea", "--test", "house"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "fovea does not build");

    // Tests lie in `deps`, programs in the folder above.
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("a test lies in deps");
    Command::new(folder.join("fovea"))
}
