//! A file that begins anew at a size, and keeps a few of its forerunners.
//!
//! By size and not by day: a fault that repeats thirty times a second would
//! fill the disk, and the exams' room with it, long before midnight; and the
//! clock of a device without a network may be wrong.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file under `path`; its forerunners are `path.1`, the youngest, and on.
pub(super) struct Roll {
    path: PathBuf,
    file: File,
    bytes: u64,
    most_bytes: u64,
    files: u32,
}

impl Roll {
    /// Goes on with the file at `path`, or begins it, and its folder. Before it
    /// would grow beyond `most_bytes`, the next is begun; `files` are kept,
    /// the current one included.
    pub(super) fn open(path: &Path, most_bytes: u64, files: u32) -> io::Result<Roll> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        Ok(Roll {
            path: path.to_owned(),
            bytes: file.metadata()?.len(),
            file,
            most_bytes,
            files,
        })
    }

    /// Moves every file one on; the oldest is replaced.
    fn roll(&mut self) -> io::Result<()> {
        for number in (0..self.files.saturating_sub(1)).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append(&self.path)?;
        self.bytes = 0;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// One call is one line, which is never split over two files.
impl Write for Roll {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.most_bytes {
            self.roll()?;
        }
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_small_few_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.log");
        let mut roll = Roll::open(&path, 10, 3).unwrap();
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n"] {
            roll.write_all(line.as_bytes()).unwrap();
        }
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(text(&path), "six\n");
        assert_eq!(text(&roll.numbered(1)), "four\nfive\n");
        assert_eq!(text(&roll.numbered(2)), "three\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 3);
    }

    #[test]
    fn a_restart_goes_on_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        Roll::open(&path, 10, 2)
            .unwrap()
            .write_all(b"12345\n")
            .unwrap();
        let mut roll = Roll::open(&path, 10, 2).unwrap();
        roll.write_all(b"6789\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "6789\n");
        assert_eq!(fs::read_to_string(roll.numbered(1)).unwrap(), "12345\n");
    }

    #[test]
    fn a_line_longer_than_a_file_is_written_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut roll = Roll::open(&path, 4, 2).unwrap();
        roll.write_all(b"long line\n").unwrap();
        roll.write_all(b"b\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b\n");
        assert_eq!(fs::read_to_string(roll.numbered(1)).unwrap(), "long line\n");
    }
}
