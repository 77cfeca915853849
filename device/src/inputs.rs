//! From the paths on the command line to the list of photographs to grade.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Endings of files that claim to be photographs.
const ENDINGS: [&str; 14] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "tif", "tiff", "webp", "pnm", "ppm", "pgm",
    "dib",
];

/// What the paths came to.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Photographs in the order they are to be reported.
    pub photographs: Vec<PathBuf>,
    /// Folders in which no photograph lies.
    pub empty: Vec<PathBuf>,
}

/// Lists the photographs that `paths` name.
///
/// A file that is named stays in the list whatever it is, also when it does
/// not exist: it then gets a record that says so. A folder stands for the
/// photographs in it and in its sub-folders, sorted by path; hidden entries
/// are left out, and links to folders are not followed, so that no loop can
/// arise. In a folder a file counts as a photograph by its content, or by its
/// name: a damaged `eye.jpg` must be reported, not passed over.
pub fn list(paths: &[PathBuf]) -> Inputs {
    let mut inputs = Inputs::default();
    for path in paths {
        if path.is_dir() {
            let before = inputs.photographs.len();
            walk(path, &mut inputs.photographs);
            if inputs.photographs.len() == before {
                inputs.empty.push(path.clone());
            }
        } else {
            inputs.photographs.push(path.clone());
        }
    }
    inputs
}

/// Appends the photographs below `folder`. A sub-folder that cannot be listed
/// is appended itself, so that it shows up as unreadable.
fn walk(folder: &Path, photographs: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).and_then(|all| all.collect::<io::Result<Vec<_>>>());
    let Ok(mut entries) = entries else {
        photographs.push(folder.to_owned());
        return;
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, photographs);
        } else if path.is_dir() {
            // A link to a folder.
        } else if named_as_photograph(&path) || holds_photograph(&path) {
            photographs.push(path);
        }
    }
}

fn named_as_photograph(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| {
            ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        })
}

/// Whether a regular file begins like a picture.
fn holds_photograph(path: &Path) -> bool {
    // Only regular files: opening a pipe would wait for its other end.
    if !fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return false;
    }
    let mut start = Vec::with_capacity(32);
    File::open(path)
        .and_then(|file| file.take(32).read_to_end(&mut start))
        .is_ok_and(|_| image::guess_format(&start).is_ok_and(|format| format.reading_enabled()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path, content: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn folders_are_walked_in_order_and_files_kept_as_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let png = b"\x89PNG\r\n\x1a\n and more";
        touch(&root.join("b/2.jpg"), b"");
        touch(&root.join("b/10"), png);
        touch(&root.join("b/notes.txt"), b"nothing here");
        touch(&root.join("b/.hidden.png"), png);
        touch(&root.join("b/c/眼.PNG"), png);
        touch(&root.join("a/readme"), b"");
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("b"), root.join("b/loop")).unwrap();

        let missing = root.join("missing.png");
        let inputs = list(&[
            missing.clone(),
            root.join("b"),
            root.join("a"),
            missing.clone(),
        ]);
        assert_eq!(
            inputs.photographs,
            [
                missing.clone(),
                root.join("b/10"),
                root.join("b/2.jpg"),
                root.join("b/c/眼.PNG"),
                missing,
            ]
        );
        assert_eq!(inputs.empty, [root.join("a")]);
    }
}
