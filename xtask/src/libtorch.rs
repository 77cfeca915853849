//! libtorch below `target/`: the parts of PyTorch's wheel that the trainer computes with on a CPU.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{self, cannot};
use crate::process::{Failure, Result};
use crate::steps::say;
use crate::wheels::{self, Member, Wheel};

/// The release that the workspace's tch speaks.
pub const VERSION: &str = "2.11.0";

/// What `lib` must hold.
const LIBRARIES: [&str; 3] = ["libtorch.so", "libtorch_cpu.so", "libc10.so"];

/// What ours must hold beside them. `libtorch_cpu.so` needs the two CUDA libraries even to start on a
/// CPU; all lie in one folder because it looks for the others beside itself. A whole PyTorch has them
/// elsewhere and finds them there.
const BESIDE_THEM: [&str; 3] = ["libgomp.so.1", "libcudart.so.13", "libcupti.so.13"];

/// A header that every C++ file of torch-sys includes.
const HEADER: &str = "include/torch/csrc/api/include/torch/torch.h";

const PARTS: [(Wheel, &[Member]); 3] = [
    (
        Wheel {
            file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
            megabytes: 2,
        },
        &[("nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13")],
    ),
    (
        Wheel {
            file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
            sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
            megabytes: 11,
        },
        &[("nvidia/cu13/lib/libcupti.so.13", "lib/libcupti.so.13")],
    ),
    (
        Wheel {
            file: "torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl",
            sha256: "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
            megabytes: 531,
        },
        &[
            ("torch/include/", "include/"),
            ("torch/lib/libc10.so", "lib/libc10.so"),
            ("torch/lib/libgomp.so.1", "lib/libgomp.so.1"),
            ("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so"),
        ],
    ),
];

/// Where the fetched libtorch lies.
pub fn ours(root: &Path) -> PathBuf {
    root.join("target/libtorch")
}

/// The libtorch that the workspace is built with: the fetched one, or that of the user's own.
pub fn folder(root: &Path) -> PathBuf {
    // cargo sets LIBTORCH from .cargo/config.toml unless the user has set another.
    std::env::var_os("LIBTORCH").map_or_else(|| ours(root), PathBuf::from)
}

/// Whether nothing has to be fetched.
pub fn is_there(root: &Path) -> bool {
    lacking(root).is_none()
}

fn lacking(root: &Path) -> Option<String> {
    let (folder, ours) = (folder(root), ours(root));
    missing(&folder, folder == ours)
}

/// Makes sure that libtorch is where the workspace's build looks for it.
///
/// # Errors
/// A LIBTORCH of the user's own that lacks something, a machine PyTorch publishes no such wheel
/// for, or a download that failed.
pub fn ensure(root: &Path) -> Result<()> {
    let (folder, ours) = (folder(root), ours(root));
    let Some(missing) = lacking(root) else {
        say(&format!("already in {}", folder.display()));
        return Ok(());
    };
    if folder != ours {
        return Err(Failure::Sentence(format!(
            "LIBTORCH names {}, which lacks {missing}: \
             unset it to have libtorch {VERSION} put into target/libtorch",
            folder.display()
        )));
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Failure::Sentence(format!(
            "libtorch is fetched for Linux on x86-64 only: unpack libtorch {VERSION} for this \
             machine yourself and set LIBTORCH to its folder"
        )));
    }
    install(root, &ours)
}

/// Unpacks everything beside its final place and moves it there whole: a folder under the final
/// name is always complete.
fn install(root: &Path, folder: &Path) -> Result<()> {
    let download: u32 = PARTS.iter().map(|(wheel, _)| wheel.megabytes).sum();
    say(&format!(
        "downloads {download} MB, keeps 500 MB in target/libtorch"
    ));
    let staged = folder.with_extension("part");
    files::remove(&staged)?;
    for (wheel, members) in &PARTS {
        wheels::unpack(root, wheel, members, &staged)?;
    }
    // torch-sys links `torch`; the wheel's own libtorch.so would pull in the CUDA libraries.
    let link = staged.join("lib/libtorch.so");
    std::os::unix::fs::symlink("libtorch_cpu.so", &link)
        .map_err(|error| cannot("link", &link, &error))?;
    // torch-sys compares this file with the release that it was written for.
    let version = staged.join("build-version");
    fs::write(&version, VERSION).map_err(|error| cannot("write", &version, &error))?;
    if let Some(missing) = missing(&staged, true) {
        return Err(Failure::Sentence(format!(
            "the libtorch that was unpacked lacks {missing}: the disk may be full"
        )));
    }
    files::put_in_place(&staged, folder)
}

/// The first thing a libtorch folder lacks, `fetched` by us or not; links are followed.
fn missing(folder: &Path, fetched: bool) -> Option<String> {
    if let Ok(version) = fs::read_to_string(folder.join("build-version")) {
        // `2.11.0+cpu` in PyTorch's own archives.
        if version.trim().split('+').next() != Some(VERSION) {
            return Some(format!("release {VERSION} (it is {})", version.trim()));
        }
    }
    std::iter::once(HEADER.to_owned())
        .chain(libraries(fetched).map(|name| format!("lib/{name}")))
        .find(|name| !folder.join(name).is_file())
}

fn libraries(fetched: bool) -> impl Iterator<Item = &'static str> {
    let beside_them: &[&str] = if fetched { &BESIDE_THEM } else { &[] };
    LIBRARIES.iter().chain(beside_them).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Trial;

    fn with_everything(name: &str) -> Trial {
        let trial = Trial::new(name);
        let names = libraries(true).map(|name| format!("lib/{name}"));
        for name in names.chain([HEADER.to_owned()]) {
            let path = trial.0.join(name);
            files::create(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        trial
    }

    #[test]
    fn a_complete_folder_lacks_nothing() {
        let folder = with_everything("complete");
        assert_eq!(missing(&folder.0, true), None);
        fs::write(folder.0.join("build-version"), "2.11.0+cpu\n").unwrap();
        assert_eq!(missing(&folder.0, true), None);
    }

    #[test]
    fn a_pytorch_with_its_cuda_elsewhere_lacks_nothing() {
        let folder = with_everything("pytorch");
        for library in BESIDE_THEM {
            fs::remove_file(folder.0.join("lib").join(library)).unwrap();
        }
        assert_eq!(missing(&folder.0, false), None);
        assert_eq!(missing(&folder.0, true).unwrap(), "lib/libgomp.so.1");
    }

    #[test]
    fn another_release_is_not_taken_for_ours() {
        let folder = with_everything("release");
        fs::write(folder.0.join("build-version"), "2.1.0\n").unwrap();
        assert_eq!(
            missing(&folder.0, true).unwrap(),
            "release 2.11.0 (it is 2.1.0)"
        );
    }

    #[test]
    fn a_link_to_nothing_is_missing() {
        let folder = with_everything("dangling");
        let library = folder.0.join("lib/libc10.so");
        fs::remove_file(&library).unwrap();
        std::os::unix::fs::symlink("/no/such/file", &library).unwrap();
        assert_eq!(missing(&folder.0, true).unwrap(), "lib/libc10.so");
    }

    #[test]
    fn an_empty_folder_lacks_its_headers_first() {
        let folder = Trial::new("empty");
        assert_eq!(missing(&folder.0, true).unwrap(), HEADER);
    }

    #[test]
    fn the_wheels_bring_every_library() {
        let brought: Vec<&str> = PARTS
            .iter()
            .flat_map(|(_, members)| members.iter())
            .filter_map(|(_, name)| name.strip_prefix("lib/"))
            .collect();
        for library in libraries(true) {
            assert!(library == "libtorch.so" || brought.contains(&library));
        }
    }
}
