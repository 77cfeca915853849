//! Packages from PyPI and npm through their own clients, and files out of them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, ensure, Context, Result};
use fovea_core::bundle::sha256_hex;

/// More than any file read here needs (the largest is 40 MB), and little enough to hold in memory.
const LARGEST_MEMBER: u64 = 256 << 20;

/// Downloads the wheel of `package` into `dir`.
pub fn pip(package: &str, version: &str, dir: &Path) -> Result<PathBuf> {
    let mut command = Command::new("python3");
    command.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--dest",
    ]);
    command.arg(dir).arg(format!("{package}=={version}"));
    run(command, "python3 with pip", package)?;
    only_file(dir, "whl")
}

/// Downloads the tarball of `package` into `dir`.
pub fn npm(package: &str, version: &str, dir: &Path) -> Result<PathBuf> {
    let mut command = Command::new("npm");
    command.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]);
    command.arg(dir).arg(format!("{package}@{version}"));
    run(command, "npm", package)?;
    only_file(dir, "tgz")
}

fn run(mut command: Command, client: &str, package: &str) -> Result<()> {
    let output = command.output().with_context(|| {
        format!("cannot start {client}, which fetches {package}; install it first")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it gave no reason");
        bail!("{client} could not fetch {package}: {}", last.trim());
    }
    Ok(())
}

fn only_file(dir: &Path, extension: &str) -> Result<PathBuf> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|e| e == extension))
        .with_context(|| {
            format!(
                "the registry's client left no .{extension} file in {}",
                dir.display()
            )
        })
}

/// Refuses `bytes` that are not the ones this was written for.
pub fn check(bytes: &[u8], sha256: &str, what: &str) -> Result<()> {
    let found = sha256_hex(bytes);
    ensure!(
        found == sha256,
        "{what} has the SHA-256 {found} where {sha256} was expected; it is not used"
    );
    Ok(())
}

/// One file out of a wheel.
pub fn wheel_member(wheel: &Path, name: &str) -> Result<Vec<u8>> {
    let read = || -> Result<Vec<u8>> {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(wheel)?)?;
        let member = archive.by_name(name)?;
        limited(member, name)
    };
    read().with_context(|| format!("cannot read {name} from {}", wheel.display()))
}

/// The files directly in `folder` of a gzipped tarball, by name.
pub fn tarball_folder(tarball: &[u8], folder: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(Cursor::new(tarball)));
    let mut files = BTreeMap::new();
    for entry in archive.entries().context("cannot read the tarball")? {
        let entry = entry.context("cannot read the tarball")?;
        let path = entry
            .path()
            .context("the tarball has a member without a readable name")?
            .into_owned();
        if path.parent() != Some(Path::new(folder)) || !entry.header().entry_type().is_file() {
            continue;
        }
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            let bytes = limited(entry, name)?;
            files.insert(name.to_owned(), bytes);
        }
    }
    Ok(files)
}

fn limited(member: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    member
        .take(LARGEST_MEMBER + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot unpack {name}"))?;
    ensure!(
        bytes.len() as u64 <= LARGEST_MEMBER,
        "{name} is larger than {LARGEST_MEMBER} bytes"
    );
    Ok(bytes)
}
