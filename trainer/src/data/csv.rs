//! One row per image: `image,label;label`, or columns whose values the run's
//! TOML translates.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{anyhow, bail, Context, Result};
use fovea_core::taxonomy::{Label, Taxonomy};

use super::config::{SourceConfig, Statement};
use super::labels::{nodes, Said, Sheet};
use super::table::Table;
use super::{split, Example, Origin};

/// Every row of the table, whether its image is there or not.
pub fn import(taxonomy: &Taxonomy, config: &SourceConfig, root: &Path) -> Result<Vec<Example>> {
    let (images, labels_path) = config.folders(root)?;
    let table = Table::read(&labels_path)?;
    let source = &config.name;
    let every = Said::resolve(
        taxonomy,
        &config.every,
        &format!("source {source}: `every`"),
    )?;
    let looked_for = nodes(
        taxonomy,
        &config.looks_for,
        &format!("source {source}: `looks_for`"),
    )?;
    let image = table.column(config.image_column.as_deref().unwrap_or("image"))?;
    let patient = match &config.patient_column {
        Some(name) => Some(table.column(name)?),
        None => None,
    };
    let rules = config
        .columns
        .iter()
        .map(|(name, values)| Rule::resolve(taxonomy, source, &table, name, values))
        .collect::<Result<Vec<_>>>()?;
    let plain = if rules.is_empty() {
        Some(table.column("label")?)
    } else {
        None
    };
    let mut examples = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let mut sheet = Sheet::new(taxonomy);
        let labels = (|| {
            sheet.apply(&every)?;
            for rule in &rules {
                sheet.apply(rule.said(&row[rule.column])?)?;
            }
            if let Some(column) = plain {
                for word in row[column]
                    .split(';')
                    .map(str::trim)
                    .filter(|w| !w.is_empty())
                {
                    let node = taxonomy
                        .index(word)
                        .or_else(|| taxonomy.by_alias(&word.to_lowercase()))
                        .ok_or_else(|| {
                            anyhow!("label {word:?} is neither an id nor an alias of the taxonomy")
                        })?;
                    sheet.set(node, Label::Present)?;
                }
            }
            sheet.finish(&looked_for)
        })()
        .with_context(|| format!("{}: {}", labels_path.display(), row[image]))?;
        let patient = match patient {
            Some(column) => row[column].clone(),
            None => row[image].clone(),
        };
        examples.push(Example {
            source: source.clone(),
            image: images.join(&row[image]),
            origin: Origin::File,
            split: split::of(config, &patient)?,
            patient,
            labels,
            aspect: config.aspect,
            raw: table
                .columns
                .iter()
                .cloned()
                .zip(row.iter().cloned())
                .collect(),
        });
    }
    Ok(examples)
}

/// One column's values and what they say.
struct Rule {
    name: String,
    column: usize,
    values: BTreeMap<String, Said>,
}

impl Rule {
    fn resolve(
        taxonomy: &Taxonomy,
        source: &str,
        table: &Table,
        name: &str,
        values: &BTreeMap<String, Statement>,
    ) -> Result<Rule> {
        let values = values
            .iter()
            .map(|(value, statement)| {
                let place = format!("source {source}: column {name}, value {value:?}");
                Ok((value.clone(), Said::resolve(taxonomy, statement, &place)?))
            })
            .collect::<Result<_>>()?;
        Ok(Rule {
            name: name.to_owned(),
            column: table.column(name)?,
            values,
        })
    }

    fn said(&self, value: &str) -> Result<&Said> {
        match self.values.get(value) {
            Some(said) => Ok(said),
            None => bail!(
                "column {} has the value {value:?}, which the source's `columns` does not translate",
                self.name
            ),
        }
    }
}
