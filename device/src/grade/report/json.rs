//! JSON Lines.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::names;

/// Writes `value` as one line of JSON. What a terminal would not show is
/// escaped, such as a character that turns the direction of reading.
///
/// # Errors
/// Only those of `out`.
pub fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Shown))?;
    out.write_all(b"\n")?;
    out.flush()
}

struct Shown;

impl Formatter for Shown {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| names::is_hidden(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_come_back() {
        let name = "a\u{202e}b\u{e0041}c\n\"é\"";
        let mut line = Vec::new();
        write(&mut line, &name).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, "\"a\\u202eb\\udb40\\udc41c\\n\\\"é\\\"\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
    }
}
