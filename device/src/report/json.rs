//! JSON Lines.

use std::io::{self, Write};

use crate::record::Record;

/// Writes `record` as one line of JSON.
///
/// # Errors
/// Only those of `out`.
pub fn write(out: &mut impl Write, record: &Record) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")?;
    out.flush()
}
