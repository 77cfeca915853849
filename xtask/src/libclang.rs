//! libclang, for builds that hold bindgen.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::process::{self, Failure, Result};
use crate::steps::{say, Steps};
use crate::system;
use crate::wheels::{self, Wheel};

#[cfg(target_arch = "x86_64")]
const WHEEL: Option<Wheel> = Some(Wheel {
    file: "libclang-18.1.1-py2.py3-none-manylinux2010_x86_64.whl",
    sha256: "c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b",
    megabytes: 25,
});
#[cfg(target_arch = "aarch64")]
const WHEEL: Option<Wheel> = Some(Wheel {
    file: "libclang-18.1.1-py2.py3-none-manylinux2014_aarch64.whl",
    sha256: "54dda940a4a0491a9d1532bf071ea3ef26e6dbaf03b5000ed94dd7174e8f9592",
    megabytes: 24,
});
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const WHEEL: Option<Wheel> = None;

/// The one file of the wheel that matters.
const MEMBER: &str = "libclang-18.1.1.data/platlib/clang/native/libclang.so";

/// Which packages are about to be built.
#[derive(Clone, Copy)]
pub enum Scope {
    Package(&'static str),
    Workspace,
}

/// Gets libclang where the build needs it and the system lacks it. `Some` is what LIBCLANG_PATH
/// must be for the build.
///
/// # Errors
/// libclang is needed, is not there, and could neither be installed nor fetched.
pub fn ensure(steps: &mut Steps, root: &Path, scope: Scope) -> Result<Option<PathBuf>> {
    if !needed(&tree(root, scope)?) || installed() {
        return Ok(None);
    }
    steps.step("libclang: bindgen reads C headers with it", || get(root))
}

/// What the build depends on, one `name version` a line.
fn tree(root: &Path, scope: Scope) -> Result<String> {
    let mut cargo = process::cargo(root);
    cargo.args(["tree", "--prefix", "none", "--format", "{p}"]);
    match scope {
        Scope::Package(name) => cargo.args(["--edges", "normal,build", "--package", name]),
        Scope::Workspace => cargo.args(["--edges", "normal,build,dev", "--workspace"]),
    };
    process::output(&mut cargo)
}

/// Whether the build holds clang-sys, through which every bindgen loads libclang.
fn needed(tree: &str) -> bool {
    tree.lines().any(|line| line.starts_with("clang-sys "))
}

/// Whether clang-sys will find libclang by itself: in LIBCLANG_PATH or where Debian, or a person
/// with `make install`, puts it.
fn installed() -> bool {
    if let Some(path) = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from) {
        return path.is_file() || holds_libclang(&path);
    }
    let machine = std::env::consts::ARCH;
    let mut folders = vec![
        PathBuf::from(format!("/usr/lib/{machine}-linux-gnu")),
        PathBuf::from("/usr/lib64"),
        PathBuf::from("/usr/lib"),
        PathBuf::from("/usr/local/lib"),
    ];
    let versions = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.extend(
        versions
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
            .map(|entry| entry.path().join("lib")),
    );
    folders.iter().any(|folder| holds_libclang(folder))
}

fn holds_libclang(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    // A link that Debian left behind when the library went does not count.
    entries
        .into_iter()
        .any(|entry| is_libclang(&entry.file_name()) && entry.path().is_file())
}

/// `libclang.so`, `libclang-14.so`, `libclang.so.1`, but not `libclang-cpp.so.14`.
fn is_libclang(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let Some((stem, _version)) = name.split_once(".so") else {
        return false;
    };
    match stem.strip_prefix("libclang") {
        Some(rest) => !rest.contains("cpp") && (rest.is_empty() || rest.starts_with('-')),
        None => false,
    }
}

/// The system's package as root, else the wheel's library below `target/`.
fn get(root: &Path) -> Result<Option<PathBuf>> {
    let ours = root.join("target/libclang");
    if holds_libclang(&ours) {
        say("already in target/libclang");
        return Ok(Some(ours));
    }
    if system::can_install() && system::install(&["libclang-dev"]).is_ok() && installed() {
        return Ok(None);
    }
    let wheel = WHEEL.ok_or_else(|| {
        Failure::sentence("libclang is missing: install the package libclang-dev and try again")
    })?;
    say("keeps 64 MB in target/libclang");
    let staged = ours.with_extension("part");
    files::remove(&staged)?;
    wheels::unpack(root, &wheel, &[(MEMBER, "libclang.so")], &staged)?;
    files::put_in_place(&staged, &ours)?;
    Ok(Some(ours))
}

/// Hands what [`ensure`] found on to a build.
pub fn set(build: &mut Command, libclang: Option<&Path>) {
    if let Some(folder) = libclang {
        build.env("LIBCLANG_PATH", folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Trial;

    #[test]
    fn only_a_build_with_clang_sys_needs_libclang() {
        assert!(needed("fovea-device v0.1.0\nclang-sys v1.9.1\n"));
        assert!(!needed("fovea-device v0.1.0\nclang-sys-like v1.0.0\n"));
        assert!(!needed(""));
    }

    #[test]
    fn libclang_is_known_by_all_its_names() {
        for name in [
            "libclang.so",
            "libclang-14.so",
            "libclang.so.1",
            "libclang-18.so.18",
        ] {
            assert!(is_libclang(OsStr::new(name)), "{name}");
        }
        for name in [
            "libclang-cpp.so.14",
            "libclang.a",
            "libclangAST.so",
            "libc.so",
        ] {
            assert!(!is_libclang(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_dangling_link_is_no_libclang() {
        let trial = Trial::new("libclang");
        let library = trial.0.join("libclang.so");
        std::os::unix::fs::symlink("/no/such/file", &library).unwrap();
        assert!(!holds_libclang(&trial.0));
        fs::remove_file(&library).unwrap();
        fs::write(&library, "").unwrap();
        assert!(holds_libclang(&trial.0));
    }
}
