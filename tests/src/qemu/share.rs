//! The folder that host and machine both see, there under `/host`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::failure::{output, Failure, Result};

/// A folder of its own, gone when dropped.
pub struct Share {
    folder: tempfile::TempDir,
}

impl Share {
    /// An empty one below `target/`, because programs are large.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn new() -> Result<Share> {
        let target = crate::root().join("target");
        let folder = tempfile::Builder::new()
            .prefix("qemu-share-")
            .tempdir_in(&target)
            .map_err(Failure::file("create a folder in", &target))?;
        for name in ["bin", "lib"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).map_err(Failure::file("create", &path))?;
        }
        Ok(Share { folder })
    }

    /// Where `name` lies on the host; in the machine it is `/host/NAME`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, seen as `/host/NAME`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(Failure::file("write", &path))
    }

    /// Puts a program of the host and every library it is linked with into the
    /// machine, where it is then found by its name.
    ///
    /// # Errors
    /// It is no program of this system, or a file cannot be copied.
    pub fn add_program(&self, program: &Path) -> Result<()> {
        copy(program, &self.path("bin"))?;
        let listed = output(Command::new("ldd").arg(program))?;
        for library in libraries(&listed) {
            copy(Path::new(library), &self.path("lib"))?;
        }
        Ok(())
    }
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or(file.as_os_str());
    fs::copy(file, folder.join(name))
        .map(drop)
        .map_err(Failure::file("copy", file))
}

/// The absolute paths in what `ldd` prints: `libc.so.6 => /lib/… (0x…)`, and
/// the loader alone.
fn libraries(listed: &str) -> BTreeSet<&str> {
    listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_comes_with_its_libraries_and_the_loader() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                      \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n";
        let found: Vec<_> = libraries(listed).into_iter().collect();
        assert_eq!(
            found,
            [
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib64/ld-linux-x86-64.so.2"
            ]
        );
    }
}
