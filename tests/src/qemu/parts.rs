//! What an emulated machine is made of, fetched once.
//!
//! QEMU and `mkfs.ext4` are programs of the system, installed where we may;
//! kernel and busybox are Debian packages that are unpacked below `target/` and
//! never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::failure::{output, shown, Failure, Result};
use crate::say;

/// The metapackage that always names Debian's newest kernel.
const KERNEL: &str = "linux-image-amd64";
const BUSYBOX: &str = "busybox-static";

/// apt waits for a dead mirror for minutes unless it is told otherwise.
const PATIENCE: [&str; 4] = [
    "-o",
    "Acquire::http::Timeout=20",
    "-o",
    "Acquire::Retries=1",
];

/// Where everything lies.
#[derive(Debug)]
pub struct Parts {
    /// The compressed kernel.
    pub kernel: PathBuf,
    /// The folder of its modules: `lib/modules/VERSION`.
    pub modules: PathBuf,
    /// A statically linked busybox.
    pub busybox: PathBuf,
}

impl Parts {
    /// Brings together what is missing; `folder` keeps it between runs.
    ///
    /// # Errors
    /// A program is missing and we may not install it, or a package cannot be
    /// fetched: this is no Debian, or there is no network.
    pub fn get(folder: &Path) -> Result<Parts> {
        require("qemu-system-x86_64", "--version", "qemu-system-x86")?;
        require("mkfs.ext4", "-V", "e2fsprogs")?;
        let kernel = folder.join("kernel");
        if !kernel.is_dir() {
            unpack(&depends_on(KERNEL)?, &kernel)?;
        }
        let busybox = folder.join("busybox");
        if !busybox.is_dir() {
            unpack(BUSYBOX, &busybox)?;
        }
        Ok(Parts {
            modules: only_entry(&kernel, &["lib/modules", "usr/lib/modules"], "")?,
            kernel: only_entry(&kernel, &["boot"], "vmlinuz-")?,
            busybox: only_entry(&busybox, &["bin", "usr/bin"], "busybox")?,
        })
    }
}

/// A program that may lie where only root's PATH reaches.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

fn require(tool: &'static str, version: &str, package: &'static str) -> Result<()> {
    let present = || output(program(tool).arg(version)).is_ok();
    if present() {
        return Ok(());
    }
    if install(package).is_ok() && present() {
        return Ok(());
    }
    Err(Failure::Missing { tool, package })
}

/// Fails at once for everyone but root: apt-get cannot write its lists.
fn install(package: &str) -> Result<()> {
    output(apt_get().arg("update"))?;
    say(&format!(
        "installing the Debian package {package}: apt-get says the sizes"
    ));
    shown(apt_get().args(["-y", "--no-install-recommends", "install", package]))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.arg("-q").args(PATIENCE);
    command
}

/// The first package that a metapackage stands for.
fn depends_on(metapackage: &str) -> Result<String> {
    let listed = output(Command::new("apt-cache").args(["depends", metapackage]))?;
    let first = listed
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    first.map(str::to_owned).ok_or_else(|| Failure::Package {
        package: metapackage.to_owned(),
        what: "dependency".to_owned(),
    })
}

/// Fetches a package and lays out its files in `folder`, which appears only
/// when it is whole.
fn unpack(package: &str, folder: &Path) -> Result<()> {
    let staged = folder.with_extension("part");
    if staged.is_dir() {
        fs::remove_dir_all(&staged).map_err(Failure::file("remove", &staged))?;
    }
    let files = staged.join("files");
    fs::create_dir_all(&files).map_err(Failure::file("create", &files))?;
    say(&format!(
        "fetching the Debian package {package}, into {}: apt-get says the size",
        folder.display()
    ));
    shown(apt_get().current_dir(&staged).args(["download", package]))?;
    let archive = only_entry(&staged, &["."], package)?;
    output(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&files))?;
    fs::rename(&files, folder).map_err(Failure::file("create", folder))?;
    fs::remove_dir_all(&staged).map_err(Failure::file("remove", &staged))
}

/// The first entry whose name begins with `prefix`, in whichever of these
/// folders below `base` there is.
fn only_entry(base: &Path, folders: &[&str], prefix: &str) -> Result<PathBuf> {
    let begins = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    folders
        .iter()
        .filter_map(|folder| fs::read_dir(base.join(folder)).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .find(begins)
        .ok_or_else(|| Failure::Package {
            package: base.display().to_string(),
            what: format!("{}/{prefix}*", folders[0]),
        })
}
