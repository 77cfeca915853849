//! Reading files that anybody may have put there.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

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
