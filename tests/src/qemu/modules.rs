//! Kernel modules: which files a driver needs, in the order they are loaded.
//!
//! The package brings no `modules.dep` (that is written when a kernel is
//! installed), but every module names what it depends on itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::failure::{output_bytes, Failure, Result};

/// One module, ready for `insmod`.
pub struct Module {
    /// As the kernel calls it, with underscores.
    pub name: String,
    /// The ELF file, not compressed.
    pub bytes: Vec<u8>,
}

/// The modules of one kernel.
pub struct Modules {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

impl Modules {
    /// Reads the lists of `folder`, which is `lib/modules/VERSION`.
    ///
    /// # Errors
    /// A list cannot be read.
    pub fn of(folder: &Path) -> Result<Modules> {
        let listed = |list: &str| {
            let path = folder.join(list);
            fs::read_to_string(&path).map_err(Failure::file("read", &path))
        };
        Ok(Modules {
            files: listed("modules.order")?
                .lines()
                .map(|line| (name_of(line), folder.join(line)))
                .collect(),
            builtin: listed("modules.builtin")?.lines().map(name_of).collect(),
        })
    }

    /// These modules and all they depend on, each after what it needs.
    ///
    /// # Errors
    /// The kernel has no such module, or a file cannot be read.
    pub fn needed<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Module>> {
        let mut loaded = Vec::new();
        let mut seen = BTreeSet::new();
        for name in names {
            self.add(name, &mut seen, &mut loaded)?;
        }
        Ok(loaded)
    }

    fn add(&self, name: &str, seen: &mut BTreeSet<String>, loaded: &mut Vec<Module>) -> Result<()> {
        let name = name_of(name);
        if self.builtin.contains(&name) || !seen.insert(name.clone()) {
            return Ok(());
        }
        let path = self.files.get(&name);
        let path = path.ok_or_else(|| Failure::Module(name.clone()))?;
        let bytes = read(path)?;
        for dependency in dependencies(&bytes) {
            self.add(&dependency, seen, loaded)?;
        }
        loaded.push(Module { name, bytes });
        Ok(())
    }
}

/// A file's name without folder and endings; the kernel takes `-` for `_`.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    stem.replace('-', "_")
}

/// A module as the kernel takes it. Newer Debian kernels come with compressed
/// ones, whose names end in `.xz` also where the list does not say so.
fn read(path: &Path) -> Result<Vec<u8>> {
    const ELF: &[u8] = b"\x7fELF";
    let mut compressed = path.as_os_str().to_owned();
    compressed.push(".xz");
    let file = if path.is_file() {
        path
    } else {
        Path::new(&compressed)
    };
    let bytes = fs::read(file).map_err(Failure::file("read", file))?;
    if bytes.starts_with(ELF) {
        return Ok(bytes);
    }
    output_bytes(Command::new("xz").arg("-dc").arg(file))
}

/// What `.modinfo` says: `depends=a,b` between zero bytes.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"depends=";
    let value = module
        .split(|&byte| byte == 0)
        .find_map(|string| string.strip_prefix(KEY))
        .unwrap_or_default();
    String::from_utf8_lossy(value)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modinfo(depends: &str) -> Vec<u8> {
        format!("\x7fELF\0license=GPL\0depends={depends}\0name=x\0").into_bytes()
    }

    #[test]
    fn a_module_comes_after_what_it_needs_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
        write(
            "modules.order",
            b"kernel/video-dev.ko\nkernel/mc.ko\nkernel/vivid.ko\n".to_vec(),
        );
        write("modules.builtin", b"kernel/i2c-core.ko\n".to_vec());
        fs::create_dir(folder.path().join("kernel")).unwrap();
        write("kernel/vivid.ko", modinfo("mc,video-dev,i2c-core"));
        write("kernel/video-dev.ko", modinfo("mc"));
        write("kernel/mc.ko", modinfo(""));

        let modules = Modules::of(folder.path()).unwrap();
        let needed = modules.needed(["vivid", "mc"]).unwrap();
        let names: Vec<_> = needed.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["mc", "video_dev", "vivid"]);
        assert!(modules.needed(["bochs"]).is_err());
    }
}
