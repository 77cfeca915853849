//! Files and folders that are for their owner alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use fovea_core::files::{folder_of, sync_folder};
use rustix::fs::Access;

/// Makes the folder, and those above it, where they are missing. The folder
/// has its name for good when this returns.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // Also when it was there: whoever made it may have been killed before this.
    sync_folder(folder_of(path))
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
