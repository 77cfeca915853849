//! Reading files that anybody may have put there, and writing files that a cut
//! of power leaves whole.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// How the names of files begin that are being written.
pub const UNDER_WAY: &str = ".new-";

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone.
    Owner,
    /// Whom the umask lets, as with any new file.
    Usual,
    /// Everyone, whatever the umask says.
    Everyone,
}

/// The content of a file of at most `most` bytes; nothing when it holds more.
///
/// What is read is bounded, not what the file system said before: a file may
/// grow or be another one by the time it is opened.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large from one that
    // just fits.
    let read = File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 <= most).then_some(bytes))
}

/// [`read_at_most`], for text.
///
/// # Errors
/// Also when the content is not UTF-8.
pub fn read_text_at_most(path: &Path, most: u64) -> io::Result<Option<String>> {
    let text = |bytes| String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into());
    read_at_most(path, most)?.map(text).transpose()
}

/// Writes the file at `path`, all or nothing: what is there is replaced only by
/// what `fill` has written to its end, and that survives a cut of power once
/// this returns.
///
/// # Errors
/// Those of `fill`, and when the file cannot be written. What was there stays,
/// except where all that failed was to wait for the folder's names.
pub fn write_atomically<E: From<io::Error>>(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut Unfinished) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = Unfinished::new_in(folder_of(path), readers)?;
    fill(&mut file)?;
    Ok(file.keep_as(path)?)
}

/// A file on its way to its name, buffered. It is removed when it is dropped
/// before it has it.
#[derive(Debug)]
pub struct Unfinished(BufWriter<NamedTempFile>);

impl Unfinished {
    /// A new one in `folder`, under a name that begins with [`UNDER_WAY`].
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new_in(folder: &Path, readers: Readers) -> io::Result<Unfinished> {
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Usual | Readers::Everyone => 0o666,
        };
        let file = tempfile::Builder::new()
            .prefix(UNDER_WAY)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        if readers == Readers::Everyone {
            let mode = Permissions::from_mode(0o644);
            file.as_file().set_permissions(mode)?;
        }
        Ok(Unfinished(BufWriter::new(file)))
    }

    /// Where it lies, for what can write to a path only. That must write into
    /// this file, not put another in its stead.
    pub fn path(&self) -> &Path {
        self.0.get_ref().path()
    }

    /// Gives it its name, for good, in the stead of what has it. The name must
    /// be on the file system that it was made on.
    ///
    /// # Errors
    /// When it cannot be brought to the disk or renamed.
    pub fn keep_as(self, path: &Path) -> io::Result<()> {
        let file = self.0.into_inner().map_err(|error| error.into_error())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // Only with its folder on the disk does the name survive a cut.
        sync_folder(folder_of(path))
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The folder in which `path` is a name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Waits until the names in a folder are on the disk.
///
/// # Errors
/// When it cannot be opened or written.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Waits until a folder is on the disk with all files and folders in it.
///
/// # Errors
/// When one of them cannot be opened or written.
pub fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Gives a folder that was filled elsewhere on the same file system its name,
/// for good: under that name it is always whole. Nothing but an empty folder
/// may have the name.
///
/// # Errors
/// When something in it cannot be brought to the disk, or it cannot be renamed.
pub fn put_in_place(staged: &Path, folder: &Path) -> io::Result<()> {
    sync_tree(staged)?;
    fs::rename(staged, folder)?;
    sync_folder(folder_of(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_content_takes_the_place_of_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        for text in ["a long one, written first", "short"] {
            write_atomically(&path, Readers::Usual, |file| {
                file.write_all(text.as_bytes())
            })
            .unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(names(folder.path()), ["report"]);
        }
    }

    #[test]
    fn what_was_there_stays_until_the_new_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        fs::write(&path, "before").unwrap();
        let error = write_atomically(&path, Readers::Usual, |file| {
            file.write_all(b"half")?;
            file.flush()?;
            assert_eq!(fs::read_to_string(file.path())?, "half");
            assert_eq!(fs::read_to_string(&path)?, "before");
            Err(io::Error::other("no more"))
        });
        assert_eq!(error.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(names(folder.path()), ["report"]);
    }

    #[test]
    fn nothing_is_left_of_a_file_that_cannot_have_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        fs::create_dir(&path).unwrap();
        let write = |path: &Path| write_atomically(path, Readers::Usual, |f| f.write_all(b"text"));
        write(&path).unwrap_err();
        assert_eq!(names(folder.path()), ["report"]);
        let error = write(&folder.path().join("none/report")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_writes_to_a_path_writes_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tensors");
        write_atomically(&path, Readers::Owner, |file| {
            fs::write(file.path(), "1 2 3")
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1 2 3");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_has_the_readers_it_was_written_for() {
        let folder = tempfile::tempdir().unwrap();
        let usual = folder.path().join("usual");
        fs::write(&usual, "").unwrap();
        let path = folder.path().join("file");
        for (readers, expected) in [
            (Readers::Everyone, 0o644),
            (Readers::Owner, 0o600),
            (Readers::Usual, mode(&usual)),
        ] {
            write_atomically(&path, readers, |file| file.write_all(b"text")).unwrap();
            assert_eq!(mode(&path), expected, "{readers:?}");
        }
    }

    #[test]
    fn a_file_is_removed_when_it_gets_no_name_and_moves_to_another_folder_with_one() {
        let folder = tempfile::tempdir().unwrap();
        let drawer = folder.path().join("ab");
        fs::create_dir(&drawer).unwrap();
        let file = Unfinished::new_in(folder.path(), Readers::Owner).unwrap();
        assert!(names(folder.path())[0].starts_with(UNDER_WAY));
        drop(file);
        assert_eq!(names(folder.path()), ["ab"]);
        let mut file = Unfinished::new_in(folder.path(), Readers::Owner).unwrap();
        file.write_all(b"text").unwrap();
        file.keep_as(&drawer.join("abcd")).unwrap();
        assert_eq!(names(folder.path()), ["ab"]);
        assert_eq!(names(&drawer), ["abcd"]);
    }

    #[test]
    fn a_folder_comes_to_its_name_with_all_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let (staged, path) = (folder.path().join(".staged"), folder.path().join("taken"));
        fs::create_dir_all(staged.join("photographs/ab")).unwrap();
        fs::write(staged.join("photographs/ab/abcd"), "pixels").unwrap();
        std::os::unix::fs::symlink("nowhere", staged.join("link")).unwrap();
        put_in_place(&staged, &path).unwrap();
        assert_eq!(names(folder.path()), ["taken"]);
        assert_eq!(names(&path), ["link", "photographs"]);

        fs::create_dir(&staged).unwrap();
        put_in_place(&staged, &path).unwrap_err();
        assert_eq!(
            fs::read(path.join("photographs/ab/abcd")).unwrap(),
            b"pixels"
        );
    }

    #[test]
    fn a_bare_name_is_in_the_current_folder() {
        assert_eq!(folder_of(Path::new("report")), Path::new("."));
        assert_eq!(folder_of(Path::new("run/report")), Path::new("run"));
        assert_eq!(folder_of(Path::new("/")), Path::new("."));
    }

    #[test]
    fn what_just_fits_is_read_and_a_byte_more_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(
            read_text_at_most(&path, 4).unwrap().as_deref(),
            Some("four")
        );
        assert_eq!(read_at_most(&path, 3).unwrap(), None);
        assert!(read_at_most(&folder.path().join("none"), 3).is_err());
        std::fs::write(&path, b"\xff").unwrap();
        assert!(read_text_at_most(&path, 4).is_err());
        // Endless, and of no length as the file system has it.
        assert_eq!(read_at_most(Path::new("/dev/zero"), 10).unwrap(), None);
    }
}
