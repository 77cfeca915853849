//! A CSV file with a header, read whole.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The cells of a CSV file, trimmed; every row has a cell per column.
pub struct Table {
    path: PathBuf,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads `path`; a leading byte-order mark is passed over.
    pub fn read(path: &Path) -> Result<Table> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "{} cannot be read; check the path and that it is UTF-8",
                path.display()
            )
        })?;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let broken = || format!("{} is not a sound CSV table", path.display());
        let columns = reader
            .headers()
            .with_context(broken)?
            .iter()
            .map(str::to_owned)
            .collect();
        let rows = reader
            .records()
            .map(|row| Ok(row?.iter().map(str::to_owned).collect()))
            .collect::<Result<_>>()
            .with_context(broken)?;
        Ok(Table {
            path: path.to_path_buf(),
            columns,
            rows,
        })
    }

    /// Index of the column called `name`.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|c| c == name)
            .with_context(|| {
                format!(
                    "{} has no column {name:?}; it has {}",
                    self.path.display(),
                    self.columns.join(", ")
                )
            })
    }
}
