//! A page of figures: its text and its chart.

use std::path::Path;

use anyhow::{Context, Result};

use crate::chart::{self, Group};

/// Writes `text` as `NAME.md` and `groups`, under `title`, as `NAME.png` into the folder `out`, and
/// prints the text.
///
/// # Errors
/// One of them cannot be written.
pub fn write(out: &Path, name: &str, text: &str, title: &str, groups: &[Group]) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let path = out.join(format!("{name}.md"));
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    chart::draw(&out.join(format!("{name}.png")), title, groups)?;
    print!("{text}");
    Ok(())
}
