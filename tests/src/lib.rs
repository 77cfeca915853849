//! Helpers the end-to-end tests share.

pub mod qemu;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// The research data beside the repository, or `None`, with the reason printed, where it is not:
/// its owners allow no redistribution, so a fresh clone has none.
///
/// `path` is relative to `../shared`, such as `data/odir`; `test` is what is skipped.
pub fn shared(path: &str, test: &str) -> Option<PathBuf> {
    let found = root().parent()?.join("shared").join(path);
    if found.exists() {
        return Some(found);
    }
    println!("{test}: skipped, {} is not here", found.display());
    None
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
