//! `cargo xtask deb`: the device as a Debian package.
//!
//! The package is a folder tree handed to `dpkg-deb`: program, bundle,
//! calibration, systemd unit, configuration. What it depends on is read from
//! the program itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::libclang::{self, Scope};
use crate::process::{self, Failure, Result};
use crate::steps::{say, Steps};
use crate::system;

const DEVICE: &str = "fovea-device";
/// Where the package lies, below the repository.
const FOLDER: &str = "target/deb";
/// The workspace has one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where each file of the repository goes. A folder goes with the files in it.
const INSTALLED: [(&str, &str); 8] = [
    ("device/packaging/fovea.toml", "etc/fovea.toml"),
    (
        "device/packaging/fovea.service",
        "usr/lib/systemd/system/fovea.service",
    ),
    ("models/student", "usr/share/fovea/bundle"),
    ("calibration", "usr/share/fovea/calibration"),
    ("README.md", "usr/share/doc/fovea/README.md"),
    ("LICENSE-MIT", "usr/share/doc/fovea/LICENSE-MIT"),
    ("LICENSE-APACHE", "usr/share/doc/fovea/LICENSE-APACHE"),
    (
        "device/packaging/copyright",
        "usr/share/doc/fovea/copyright",
    ),
];
/// What dpkg runs before and after.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
/// What dpkg asks about before it overwrites a person's changes.
const CONFFILES: &str = "/etc/fovea.toml\n";

/// Mode of programs and folders, and of all other files, whatever the umask.
const RUNS: u32 = 0o755;
const IS_READ: u32 = 0o644;

pub fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new("cargo xtask deb");
    steps.step("tools", || {
        for (tool, package) in [("dpkg-deb", "dpkg"), ("objdump", "binutils")] {
            system::require(tool, &[package], || is_there(tool))?;
        }
        Ok(())
    })?;
    let libclang = libclang::ensure(&mut steps, root, Scope::Package(DEVICE))?;
    steps.step("build the device (fovea, release)", || {
        let mut build = process::cargo(root);
        build.args(["build", "--release", "--package", DEVICE, "--bin", "fovea"]);
        build.args(["--target-dir", "target"]);
        // The device takes no clock for right that is before this. SOURCE_DATE_EPOCH would have
        // every C library built anew after each commit.
        build.env("FOVEA_LAST_CHANGE", last_change(root)?);
        libclang::set(&mut build, libclang.as_deref());
        process::run(&mut build)
    })?;
    let package = steps.step("package", || {
        let program = root.join("target/release/fovea");
        package(root, &program, &root.join(FOLDER))
    })?;
    steps.finish();
    let file = package.strip_prefix(root).unwrap_or(&package);
    println!("\n   Install it: sudo apt-get install ./{}", file.display());
    Ok(())
}

fn is_there(tool: &str) -> bool {
    process::succeeds(Command::new(tool).arg("--version"))
}

/// When the repository was changed last, in seconds since 1970.
fn last_change(root: &Path) -> Result<String> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["log", "-1", "--format=%ct"]);
    Ok(process::output(&mut git)?.trim().to_owned())
}

/// Makes the package of `program` in `folder`; its path.
fn package(root: &Path, program: &Path, folder: &Path) -> Result<PathBuf> {
    let architecture = process::output(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let objdump = process::output(Command::new("objdump").arg("-p").arg(program))?;
    let libraries = libraries(&objdump)?;

    let name = format!("fovea_{VERSION}_{architecture}");
    let staged = folder.join(&name);
    files::remove(&staged)?;
    put(program, &staged.join("usr/bin/fovea"), RUNS)?;
    for (from, to) in INSTALLED {
        put_all(&root.join(from), &staged.join(to))?;
    }
    let kilobytes = bytes_below(&staged)?.div_ceil(1024);

    let control = staged.join("DEBIAN");
    let packaging = root.join("device/packaging");
    for script in SCRIPTS {
        put(&packaging.join(script), &control.join(script), RUNS)?;
    }
    let template = packaging.join("control");
    let text = fs::read_to_string(&template)
        .map_err(|error| files::cannot("read", &template, &error))?
        .replace("@VERSION@", VERSION)
        .replace("@ARCHITECTURE@", architecture)
        .replace("@LIBRARIES@", &libraries)
        .replace("@KILOBYTES@", &kilobytes.to_string());
    write(&control.join("control"), &text)?;
    write(&control.join("conffiles"), CONFFILES)?;
    open_folders(&staged)?;

    let package = folder.join(format!("{name}.deb"));
    process::run(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .args([&staged, &package]),
    )?;
    files::remove(&staged)?;
    say(&format!("{kilobytes} kB installed, needs {libraries}"));
    Ok(package)
}

/// The packages that bring the libraries of a program, from what `objdump -p`
/// says of it.
///
/// # Errors
/// It needs a library that nobody has named a package for.
fn libraries(objdump: &str) -> Result<String> {
    let mut packages = BTreeSet::new();
    for line in objdump.lines() {
        let Some(library) = line.trim().strip_prefix("NEEDED ") else {
            continue;
        };
        match library.trim() {
            "libgcc_s.so.1" => packages.insert("libgcc-s1".to_owned()),
            "libc.so.6" | "libm.so.6" => packages.insert(libc6(objdump)?),
            // The loader comes with the C library.
            loader if loader.starts_with("ld-linux") => false,
            other => {
                return Err(Failure::Sentence(format!(
                    "fovea needs {other}: name the package that brings it in xtask/src/deb.rs"
                )))
            }
        };
    }
    Ok(packages.into_iter().collect::<Vec<_>>().join(", "))
}

/// The C library, no older than the newest of its functions that are used.
fn libc6(objdump: &str) -> Result<String> {
    let versions = objdump.split_whitespace().filter_map(|word| {
        let (major, minor) = word.strip_prefix("GLIBC_")?.split_once('.')?;
        // The third number, where there is one, is not counted on any more.
        let minor = minor.split('.').next()?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    });
    match versions.max() {
        Some((major, minor)) => Ok(format!("libc6 (>= {major}.{minor})")),
        None => Err(Failure::sentence(
            "objdump names no version of the C library: is target/release/fovea a program for Linux with glibc?",
        )),
    }
}

/// Copies a file, or the files in a folder.
fn put_all(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return put(from, to, IS_READ);
    }
    let entries = fs::read_dir(from).map_err(|error| files::cannot("read", from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| files::cannot("read", from, &error))?;
        put(&entry.path(), &to.join(entry.file_name()), IS_READ)?;
    }
    Ok(())
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        files::create(folder)?;
    }
    fs::copy(from, to).map_err(|error| files::cannot("copy", from, &error))?;
    set_mode(to, mode)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| files::cannot("write", path, &error))?;
    set_mode(path, IS_READ)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| files::cannot("set the mode of", path, &error))
}

/// Lets everyone into the folders of a tree, whatever the umask made of them.
fn open_folders(folder: &Path) -> Result<()> {
    set_mode(folder, RUNS)?;
    for path in below(folder)? {
        if path.is_dir() {
            open_folders(&path)?;
        }
    }
    Ok(())
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for path in below(folder)? {
        bytes += if path.is_dir() {
            bytes_below(&path)?
        } else {
            let about =
                fs::metadata(&path).map_err(|error| files::cannot("read", &path, &error))?;
            about.len()
        };
    }
    Ok(bytes)
}

fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| files::cannot("read", folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Trial;
    use std::io::Write as _;

    fn root() -> PathBuf {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        package.parent().unwrap().to_owned()
    }

    /// Whether a test can go on; says so where it cannot.
    fn has(tools: &[&str], test: &str) -> bool {
        let missing = tools.iter().find(|tool| !is_there(tool));
        if let Some(tool) = missing {
            // What `println!` says in a test that passes is never shown.
            let _ = writeln!(std::io::stderr(), "{test}: skipped, {tool} is not here");
        }
        missing.is_none()
    }

    #[test]
    fn the_package_holds_what_the_device_needs() {
        if !has(
            &["dpkg-deb", "objdump"],
            "the_package_holds_what_the_device_needs",
        ) {
            return;
        }
        let trial = Trial::new("deb");
        // Any program will do for the staging: this one.
        let program = std::env::current_exe().unwrap();
        let package = package(&root(), &program, &trial.0).unwrap();
        assert_eq!(
            fs::read_dir(&trial.0).unwrap().count(),
            1,
            "only the package stays"
        );

        let ask =
            |flag: &str| process::output(Command::new("dpkg-deb").arg(flag).arg(&package)).unwrap();
        let contents = ask("--contents");
        for (mode, path) in [
            ("-rwxr-xr-x", "./usr/bin/fovea"),
            ("-rw-r--r--", "./etc/fovea.toml"),
            ("-rw-r--r--", "./usr/lib/systemd/system/fovea.service"),
            ("-rw-r--r--", "./usr/share/fovea/bundle/student.onnx"),
            ("-rw-r--r--", "./usr/share/fovea/bundle/manifest.toml"),
            ("-rw-r--r--", "./usr/share/doc/fovea/copyright"),
            ("drwxr-xr-x", "./usr/share/fovea/"),
        ] {
            let holds = |line: &&str| line.ends_with(&format!(" {path}"));
            let line = contents.lines().find(holds).expect(path);
            assert!(line.starts_with(&format!("{mode} root/root ")), "{line}");
        }
        // Whatever was measured goes with it.
        let measured = fs::read_dir(root().join("calibration")).unwrap();
        let measured: Vec<String> = measured
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(!measured.is_empty());
        for name in measured {
            let path = format!(" ./usr/share/fovea/calibration/{name}");
            assert!(contents.lines().any(|line| line.ends_with(&path)), "{name}");
        }
        let about = ask("--field");
        assert!(about.contains(&format!("Version: {VERSION}\n")), "{about}");
        assert!(about.contains("Depends: libc6 (>= 2."), "{about}");
        for placeholder in ["@VERSION@", "@ARCHITECTURE@", "@LIBRARIES@", "@KILOBYTES@"] {
            assert!(!about.contains(placeholder), "{about}");
        }
        let info = ask("--info");
        for script in SCRIPTS {
            assert!(info.contains(script), "{info}");
        }
        let conffiles = process::output(
            Command::new("dpkg-deb")
                .arg("--info")
                .arg(&package)
                .arg("conffiles"),
        );
        assert_eq!(conffiles.unwrap(), CONFFILES);
    }

    #[test]
    fn the_maintainers_scripts_are_shell() {
        for script in SCRIPTS {
            let path = root().join("device/packaging").join(script);
            process::run(Command::new("sh").arg("-n").arg(path)).unwrap();
        }
    }

    #[test]
    fn systemd_understands_the_unit() {
        if !has(&["systemd-analyze"], "systemd_understands_the_unit") {
            return;
        }
        let unit = fs::read_to_string(root().join("device/packaging/fovea.service")).unwrap();
        let trial = Trial::new("unit");
        // The program need not be installed where this is tested.
        let path = trial.0.join("fovea.service");
        fs::write(&path, unit.replace("/usr/bin/fovea run", "/bin/true")).unwrap();
        let mut verify = Command::new("systemd-analyze");
        let output = verify
            .args(["verify", "--man=no"])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let about_ours: Vec<&str> = said.lines().filter(|l| l.contains("fovea")).collect();
        assert!(output.status.success() && about_ours.is_empty(), "{said}");
    }

    #[test]
    fn libraries_come_from_their_packages() {
        let objdump = "  NEEDED               libgcc_s.so.1\n  NEEDED               libm.so.6\n  \
                       NEEDED               libc.so.6\n  NEEDED               ld-linux-x86-64.so.2\n\
                       Version References:\n  required from libc.so.6:\n    \
                       0x06969194 0x00 05 GLIBC_2.34\n    0x09691a75 0x00 04 GLIBC_2.2.5\n";
        assert_eq!(libraries(objdump).unwrap(), "libc6 (>= 2.34), libgcc-s1");
        let failure = libraries("  NEEDED               libudev.so.1\n").unwrap_err();
        assert!(failure
            .to_string()
            .starts_with("fovea needs libudev.so.1: "));
        assert!(libraries("  NEEDED               libc.so.6\n").is_err());
    }
}
