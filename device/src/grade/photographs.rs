//! From the paths on the command line to the list of photographs to grade.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fovea_core::photograph::foreign::{self, START};

use crate::grade::picture;

/// Endings of files that claim to be photographs. Those that cannot be read are
/// among them: each is to be named, not passed over.
const ENDINGS: [&str; 49] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "bmp", "gif", "tif", "tiff", "webp", "pnm", "ppm",
    "pgm", "dib", "heic", "heif", "hif", "avif", "jp2", "j2k", "j2c", "jpf", "jpx", "jpm", "jpc",
    "jxl", "jxr", "wdp", "hdp", "jls", "dcm", "dicom", "psd", "tga", "exr", "dng", "raw", "cr2",
    "cr3", "nef", "nrw", "arw", "orf", "rw2", "raf", "pef", "srw", "mjpeg",
];

/// What the paths came to.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Photographs in the order they are to be reported.
    pub photographs: Vec<PathBuf>,
    /// Folders in which no photograph lies.
    pub empty: Vec<PathBuf>,
    /// Pictures in folders that were left out, because `fovea grade` drew them.
    pub drawn: usize,
}

/// Lists the photographs that `paths` name.
///
/// A file that is named stays in the list whatever it is, also when it does
/// not exist: it then gets a record that says so. A folder stands for the
/// photographs in it and in its sub-folders, sorted by path; hidden entries
/// are left out, and links to folders are not followed, so that no loop can
/// arise. In a folder a file counts as a photograph by its content, or by its
/// name: a damaged `eye.jpg` must be reported, not passed over, and so must a
/// file that may not be opened. Pictures that this program drew are left out
/// there.
pub fn list(paths: &[PathBuf]) -> Inputs {
    let mut inputs = Inputs::default();
    for path in paths {
        if path.is_dir() {
            let before = inputs.photographs.len();
            walk(path, &mut inputs);
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
fn walk(folder: &Path, inputs: &mut Inputs) {
    let entries = fs::read_dir(folder).and_then(|all| all.collect::<io::Result<Vec<_>>>());
    let Ok(mut entries) = entries else {
        inputs.photographs.push(folder.to_owned());
        return;
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, inputs);
        } else if path.is_dir() {
            // A link to a folder.
        } else {
            match content(&path) {
                Content::Drawn => inputs.drawn += 1,
                Content::Picture => inputs.photographs.push(path),
                Content::Other if named_as_photograph(&path) => inputs.photographs.push(path),
                Content::Other => {}
            }
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

/// Whether a file lies at `path` that is no picture of Fovea's own.
pub fn is_foreign(path: &Path) -> bool {
    path.is_file() && !matches!(content(path), Content::Drawn)
}

/// What the first bytes of a file say it is.
enum Content {
    /// A picture, read here or not; or there is no telling, because the file
    /// cannot be opened.
    Picture,
    /// One that `fovea grade --pictures` drew.
    Drawn,
    Other,
}

fn content(path: &Path) -> Content {
    // Only regular files: opening a pipe would wait for its other end.
    if !fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return Content::Other;
    }
    let mut start = Vec::with_capacity(START);
    let read = File::open(path).and_then(|file| file.take(START as u64).read_to_end(&mut start));
    if read.is_err() {
        return Content::Picture;
    }
    if picture::is_drawn(&start) {
        return Content::Drawn;
    }
    match image::guess_format(&start).is_ok() || foreign::format(&start).is_some() {
        true => Content::Picture,
        false => Content::Other,
    }
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
        touch(&root.join("b/d.heic"), b"damaged");
        touch(&root.join("b/e"), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
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
                root.join("b/d.heic"),
                root.join("b/e"),
                missing,
            ]
        );
        assert_eq!(inputs.empty, [root.join("a")]);
    }

    #[test]
    fn what_was_drawn_is_left_out_of_folders_alone() {
        let dir = tempfile::tempdir().unwrap();
        let drawn = dir.path().join("eye.png");
        picture::save(&image::RgbImage::new(8, 8), &drawn).unwrap();
        let inputs = list(&[dir.path().to_owned()]);
        assert_eq!((inputs.photographs.len(), inputs.drawn), (0, 1));
        let inputs = list(std::slice::from_ref(&drawn));
        assert_eq!((inputs.photographs.len(), inputs.drawn), (1, 0));
    }
}
