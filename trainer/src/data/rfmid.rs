//! RFMiD's three official label files: one row per image, one column per
//! disease, `Disease_Risk` 0 for a normal eye.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use fovea_core::taxonomy::{ids, Label, Subject, Taxonomy};

use super::config::SourceConfig;
use super::labels::{finest, Sheet};
use super::table::Table;
use super::{Example, Origin, Split};

/// Label file, split, and the folders in which the official archives and
/// common repackagings keep the images of that split.
const PARTS: [(&str, Split, [&str; 3]); 3] = [
    (
        "RFMiD_Training_Labels.csv",
        Split::Train,
        ["Training_Set/Training", "Training", "train"],
    ),
    (
        "RFMiD_Validation_Labels.csv",
        Split::Val,
        ["Evaluation_Set/Validation", "Validation", "val"],
    ),
    (
        "RFMiD_Testing_Labels.csv",
        Split::Test,
        ["Test_Set/Test", "Test", "test"],
    ),
];

/// Every row of the three files, whether its image is there or not.
///
/// All diseases were looked for in every image. Quality was not graded, but
/// every image is a fundus.
///
/// # Errors
/// A missing file, a cell that is neither 0 nor 1, a column the taxonomy has
/// no alias for.
pub fn import(taxonomy: &Taxonomy, config: &SourceConfig, root: &Path) -> Result<Vec<Example>> {
    let (images, folder) = config.folders(root)?;
    let mut looked_for: Vec<usize> = finest(taxonomy, Subject::Eye).collect();
    looked_for.extend(taxonomy.index(ids::NON_FUNDUS));
    let mut examples = Vec::new();
    for (file, split, places) in PARTS {
        let path = folder.join(file);
        let table = Table::read(&path)?;
        let (id, risk) = (table.column("ID")?, table.column("Disease_Risk")?);
        let normal = alias(taxonomy, "normal").with_context(|| path.display().to_string())?;
        let diseases = table
            .columns
            .iter()
            .enumerate()
            .filter(|(column, _)| ![id, risk].contains(column))
            .map(|(column, code)| Ok((column, alias(taxonomy, code)?)))
            .collect::<Result<Vec<_>>>()
            .with_context(|| path.display().to_string())?;
        let pictures = part_folder(&images, &places);
        for row in &table.rows {
            let labels = (|| {
                let mut sheet = Sheet::new(taxonomy);
                if !flag(&row[risk])? {
                    sheet.set(normal, Label::Present)?;
                }
                for &(column, node) in &diseases {
                    if flag(&row[column])? {
                        sheet.set(node, Label::Present)?;
                    }
                }
                sheet.finish(&looked_for)
            })()
            .with_context(|| format!("{}: image {}", path.display(), row[id]))?;
            examples.push(Example {
                source: config.name.clone(),
                image: pictures.join(format!("{}.png", row[id])),
                origin: Origin::File,
                // Which images share a patient was never published.
                patient: format!("{}-{}", split.name(), row[id]),
                split,
                labels,
                aspect: config.aspect,
                raw: Default::default(),
            });
        }
    }
    Ok(examples)
}

fn part_folder(images: &Path, places: &[&str]) -> PathBuf {
    places
        .iter()
        .map(|place| images.join(place))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| images.join(places[0]))
}

fn alias(taxonomy: &Taxonomy, code: &str) -> Result<usize> {
    taxonomy.by_alias(&code.to_lowercase()).with_context(|| {
        format!(
            "RFMiD's {code:?} is not an alias of any node of the taxonomy; use one made for RFMiD"
        )
    })
}

fn flag(cell: &str) -> Result<bool> {
    match cell {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => bail!("a cell is {cell:?}; RFMiD's cells are 0 or 1"),
    }
}
