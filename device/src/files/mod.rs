//! Files and folders that are for their owner alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use fovea_core::files::{folder_of, sync_folder};
use rustix::fs::Access;

/// Makes the folder, and those above it, where they are missing. Each has its
/// name for good when this returns.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let names = folders_of_new(path);
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    names.into_iter().try_for_each(sync_folder)
}

/// The folders that get a name when `path` is made, the uppermost first, and
/// the one that has its name already: whoever made it may have been killed
/// before that was on the disk.
fn folders_of_new(path: &Path) -> Vec<&Path> {
    let above = path.ancestors().skip(1);
    let missing = above.take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let mut folders: Vec<&Path> = missing.map(folder_of).collect();
    folders.reverse();
    folders.push(folder_of(path));
    folders
}

/// The folder itself, or the nearest one above it that is there: where a folder
/// that is missing will be made.
pub(crate) fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."))
}

/// Opens the file for writing; makes it, empty, where it is missing.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Whether files may be made in `folder`, without making one.
pub(crate) fn may_write(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(rustix::fs::access(
        folder,
        Access::WRITE_OK | Access::EXEC_OK,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn every_folder_that_is_made_gets_its_name_for_good() {
        let trial = tempfile::tempdir().unwrap();
        let top = trial.path();
        let [first, second, third] = ["a", "a/b", "a/b/c"].map(|name| top.join(name));
        assert_eq!(folders_of_new(&third), [top, &first, &second]);
        private_folder(&third).unwrap();
        for folder in [&first, &second, &third] {
            let about = fs::metadata(folder).unwrap();
            assert_eq!(about.permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(folders_of_new(&third), [&second]);
        assert_eq!(folders_of_new(&second.join("d")), [&second]);
    }

    #[test]
    fn a_name_alone_lies_here() {
        let here = Path::new(".");
        let [inner, name] = ["no-such-folder/b", "no-such-folder"].map(Path::new);
        assert_eq!(folders_of_new(name), [here]);
        assert_eq!(folders_of_new(inner), [here, name]);
    }
}
