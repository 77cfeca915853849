//! A folder of images that are all labelled alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fovea_core::taxonomy::Taxonomy;

use super::config::SourceConfig;
use super::labels::{nodes, Said, Sheet};
use super::{split, Example, Origin};

/// Every file of the folder, in order of name; hidden files are passed over.
pub fn import(taxonomy: &Taxonomy, config: &SourceConfig, root: &Path) -> Result<Vec<Example>> {
    let folder = config.image_folder(root)?;
    let place = |what: &str| format!("source {}: `{what}`", config.name);
    let mut sheet = Sheet::new(taxonomy);
    sheet.apply(&Said::resolve(taxonomy, &config.every, &place("every"))?)?;
    let labels = sheet.finish(&nodes(taxonomy, &config.looks_for, &place("looks_for"))?)?;
    list(&folder)?
        .into_iter()
        .map(|image| {
            let patient = image
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            Ok(Example {
                source: config.name.clone(),
                split: split::of(config, &patient)?,
                image,
                origin: Origin::File,
                patient,
                labels: labels.clone(),
                aspect: config.aspect,
                raw: BTreeMap::new(),
            })
        })
        .collect()
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("folder {} cannot be read; check the path", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
