//! What has to come from the system: Debian packages, installed only as root, and a sentence with
//! the remedy for everyone else.

use std::path::Path;
use std::process::Command;

use crate::process::{self, Failure, Result};
use crate::steps::say;

/// Whether Debian packages can be installed from here: apt-get is there and we are root.
pub fn can_install() -> bool {
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    root && process::succeeds(Command::new("apt-get").arg("--version"))
}

/// Installs Debian packages as root; apt-get prints what it fetches and how large that is.
pub fn install(packages: &[&str]) -> Result<()> {
    say(&format!(
        "as root: apt-get install {} (apt-get says the sizes)",
        packages.join(" ")
    ));
    // Old lists are good enough when the mirror is away: the installation itself tells.
    if process::run(Command::new("apt-get").args(["-q", "update"])).is_err() {
        say("apt-get update failed: going on with the package lists that are there");
    }
    process::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-q", "-y", "--no-install-recommends", "install"])
            .args(packages),
    )
}

/// Makes sure that a tool is there: `present` says whether it is, `packages` bring it.
///
/// # Errors
/// The tool is missing and cannot be installed; the sentence names the packages.
pub fn require(tool: &str, packages: &[&str], present: impl Fn() -> bool) -> Result<()> {
    if present() {
        return Ok(());
    }
    if can_install() {
        say(&format!("{tool} is missing"));
        install(packages)?;
        if present() {
            return Ok(());
        }
    }
    Err(Failure::Sentence(format!(
        "{tool} is missing: run `sudo apt-get install {}` and try again",
        packages.join(" ")
    )))
}

/// Makes sure that so many megabytes (1e6 bytes) are free where `folder` lies.
///
/// # Errors
/// They are not. Where nothing tells how many are, it is left at that.
pub fn require_room(folder: &Path, megabytes: u64) -> Result<()> {
    let Ok(table) = process::output(Command::new("df").arg("-Pk").arg(folder)) else {
        return Ok(());
    };
    match free_megabytes(&table) {
        Some(free) if free < megabytes => Err(Failure::Sentence(format!(
            "{} MB are needed below {}, but {free} MB are free there: make room and try again",
            megabytes,
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// What `df -Pk` says is available, the fourth column under its heading.
fn free_megabytes(table: &str) -> Option<u64> {
    let kibibytes: u64 = table
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kibibytes * 1024 / 1_000_000)
}

/// torch-sys compiles C++ with what CXX names, else with `c++`, as its build script does.
pub fn require_cxx() -> Result<()> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    require(&format!("the C++ compiler `{compiler}`"), &["g++"], || {
        process::succeeds(Command::new(&compiler).arg("--version"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_room_is_read_off_the_table() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                     /dev/vda 264212084 65376600 29909288 69% /\n";
        assert_eq!(free_megabytes(table), Some(30_627));
        assert_eq!(free_megabytes("df: no such file\n"), None);
    }

    #[test]
    fn room_that_no_disk_has_is_refused_by_name() {
        let folder = std::env::temp_dir();
        require_room(&folder, 0).unwrap();
        let failure = require_room(&folder, u64::MAX / 2).unwrap_err().to_string();
        assert!(failure.contains(folder.to_str().unwrap()), "{failure}");
    }

    #[test]
    fn what_is_there_is_not_installed() {
        require("the shell", &["no-such-package"], || true).unwrap();
    }
}
