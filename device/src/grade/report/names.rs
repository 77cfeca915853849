//! Names of files as people and programs are shown them: every file has its own,
//! and none changes how the text around it reads.

use std::path::Path;

/// `path` as text. What is not UTF-8 is written as `\xE9`, and a backslash in
/// such a path as `\\`, so that no two paths are written alike.
pub fn of(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut name = String::new();
    for chunk in bytes.utf8_chunks() {
        name += &chunk.valid().replace('\\', "\\\\");
        for byte in chunk.invalid() {
            name += &format!("\\x{byte:02X}");
        }
    }
    name
}

/// The bytes of `path` in hexadecimal, where it is not UTF-8: they lead back to
/// the file.
pub fn bytes_of(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let told = std::str::from_utf8(bytes).is_err();
    told.then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `path` as a sentence has it.
pub fn shown(path: &Path) -> String {
    printable(&of(path))
}

/// `text` on one line, with what cannot be seen written out: control
/// characters, and those that turn the direction of reading or take no room.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether `c` shows nothing itself but may change how other text is shown.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn no_two_files_are_written_alike() {
        let path = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes));
        assert_eq!(of(path(b"Jos\xe9.jpg")), r"Jos\xE9.jpg");
        assert_eq!(of(path(b"Jos\xe8.jpg")), r"Jos\xE8.jpg");
        assert_eq!(of(path(br"Jos\xE9\.jpg")), r"Jos\xE9\.jpg");
        assert_eq!(of(path(b"a\\b\xe9.jpg")), r"a\\b\xE9.jpg");
        assert_eq!(of(path("José.jpg".as_bytes())), "José.jpg");
        assert_eq!(bytes_of(path(b"J\xe9")).as_deref(), Some("4ae9"));
        assert_eq!(bytes_of(path("é".as_bytes())), None);
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(printable("a\u{202e}gpj.exe"), r"a\u{202e}gpj.exe");
        assert_eq!(printable("a\tb\nc"), r"a\tb\nc");
        assert_eq!(printable("\u{feff}x\u{e0041}"), r"\u{feff}x\u{e0041}");
        // Devanagari and a joiner that changes how it is written stay.
        assert_eq!(
            printable("क\u{94d}\u{200d}ष 右眼"),
            "क\u{94d}\u{200d}ष 右眼"
        );
    }
}
