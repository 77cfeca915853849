//! ODIR-5K's own annotation table: one row per patient, a list of diagnostic
//! keywords per eye. The eight letter columns are per patient and not used.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{bail, Context, Result};
use fovea_core::taxonomy::{ids, Label, Subject, Taxonomy, Urgency};

use super::config::SourceConfig;
use super::labels::{finest, Sheet};
use super::table::Table;
use super::{split, Example, Origin, Split};

/// What a keyword that speaks of the photograph says. Ids that the taxonomy
/// lacks are passed over: a taxonomy without quality nodes has nothing to label.
struct PhotographWord {
    word: &'static str,
    present: &'static [&'static str],
    unknown: &'static [&'static str],
    /// The photograph shows too little for an unnamed disease to be absent.
    ungradable: bool,
}

const QUALITY: &[&str] = &[
    ids::LOW_QUALITY,
    ids::DARK,
    ids::BRIGHT,
    ids::BLURRED,
    ids::ARTEFACT,
];

const PHOTOGRAPH_WORDS: &[PhotographWord] = &[
    // Specks that the readers looked past: no reason to refuse, and no good
    // example of a clean photograph either.
    PhotographWord {
        word: "lens dust",
        present: &[],
        unknown: &[ids::ARTEFACT],
        ungradable: false,
    },
    // Says that something is wrong but not what.
    PhotographWord {
        word: "low image quality",
        present: &[ids::LOW_QUALITY],
        unknown: &[ids::DARK, ids::BRIGHT, ids::BLURRED, ids::ARTEFACT],
        ungradable: true,
    },
    // The field is decentred; the readers graded what they saw.
    PhotographWord {
        word: "image offset",
        present: &[],
        unknown: QUALITY,
        ungradable: false,
    },
    // Without the disc nothing can be said of glaucoma.
    PhotographWord {
        word: "optic disk photographically invisible",
        present: &[],
        unknown: &[
            ids::LOW_QUALITY,
            ids::DARK,
            ids::BRIGHT,
            ids::BLURRED,
            ids::ARTEFACT,
            "glaucoma_any",
        ],
        ungradable: false,
    },
    PhotographWord {
        word: "no fundus image",
        present: &[ids::NON_FUNDUS],
        unknown: QUALITY,
        ungradable: true,
    },
    PhotographWord {
        word: "anterior segment image",
        present: &[ids::NON_FUNDUS],
        unknown: QUALITY,
        ungradable: true,
    },
];

/// Splits a keyword cell; the separator is the ASCII or the full-width comma.
pub fn keywords(cell: &str) -> Vec<String> {
    cell.split([',', '，'])
        .map(|word| {
            word.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// Labels of one eye from its keywords.
///
/// The readers looked for everything, so a finest eye node that no keyword
/// names is absent, and the photograph is sound where no keyword complains. A
/// node that has no keyword at all stays unknown beside a finding that is
/// referred: macular edema comes with retinopathy or an occlusion, and the
/// readers had no word for it.
/// `suspected X` leaves X and, where nothing else speaks, its parents unknown,
/// unless the taxonomy knows the whole phrase. A keyword that names a parent
/// only leaves its children unknown.
///
/// # Errors
/// A keyword the taxonomy has no alias for.
pub fn labels(taxonomy: &Taxonomy, words: &[String]) -> Result<Vec<Label>> {
    let mut sheet = Sheet::new(taxonomy);
    let mut gradable = true;
    let mut certain = false;
    let mut suspected = false;
    for word in words {
        if let Some(said) = PHOTOGRAPH_WORDS.iter().find(|p| p.word == word) {
            gradable &= !said.ungradable;
            for node in said.present.iter().filter_map(|id| taxonomy.index(id)) {
                sheet.set(node, Label::Present)?;
            }
            for node in said.unknown.iter().filter_map(|id| taxonomy.index(id)) {
                sheet.doubt(node);
            }
        } else if let Some(node) = taxonomy.by_alias(word) {
            sheet.set(node, Label::Present)?;
            certain = true;
        } else if let Some(node) = word
            .strip_prefix("suspected ")
            .or_else(|| word.strip_prefix("suspicious "))
            .and_then(|rest| taxonomy.by_alias(rest))
        {
            suspected = true;
            sheet.doubt(node);
        } else {
            bail!(
                "keyword {word:?} is unknown to the taxonomy; add it to the aliases of the node it means"
            );
        }
    }
    if suspected && !certain {
        // 'suspected cataract' alone does not say that the eye is not normal.
        if let Some(normal) = taxonomy.by_alias("normal fundus") {
            sheet.doubt(normal);
        }
    }
    let mut looked_for: Vec<usize> = finest(taxonomy, Subject::Photograph).collect();
    if gradable {
        let referred = taxonomy
            .nodes()
            .iter()
            .enumerate()
            .any(|(i, node)| node.referral != Urgency::None && sheet.says(i) == Label::Present);
        let has_keyword = |&node: &usize| !taxonomy.nodes()[node].aliases.is_empty();
        looked_for
            .extend(finest(taxonomy, Subject::Eye).filter(|node| !referred || has_keyword(node)));
    }
    sheet.finish(&looked_for)
}

/// Every eye of the table, whether its image is there or not.
pub fn import(taxonomy: &Taxonomy, config: &SourceConfig, root: &Path) -> Result<Vec<Example>> {
    let (images, labels_path) = config.folders(root)?;
    let table = Table::read(&labels_path)?;
    let splits = match &config.splits {
        Some(path) => Some(read_splits(&root.join(path))?),
        None => None,
    };
    let id_column = table.column("ID")?;
    let carried = [
        ("age", table.column("Patient Age")?),
        ("sex", table.column("Patient Sex")?),
    ];
    let eyes = [
        (
            "left",
            table.column("Left-Fundus")?,
            table.column("Left-Diagnostic Keywords")?,
        ),
        (
            "right",
            table.column("Right-Fundus")?,
            table.column("Right-Diagnostic Keywords")?,
        ),
    ];
    let mut examples = Vec::with_capacity(2 * table.rows.len());
    for row in &table.rows {
        let id = &row[id_column];
        let split = match &splits {
            Some(splits) => *splits.get(id.as_str()).with_context(|| {
                format!(
                    "source {}: the splits table has no patient {id}",
                    config.name
                )
            })?,
            None => split::of(config, id)?,
        };
        for (eye, image, cell) in eyes {
            let words = keywords(&row[cell]);
            let labels = labels(taxonomy, &words)
                .with_context(|| format!("{}: patient {id}, {eye} eye", labels_path.display()))?;
            let mut raw: std::collections::BTreeMap<String, String> = carried
                .iter()
                .map(|(name, column)| (name.to_string(), row[*column].clone()))
                .collect();
            raw.insert("eye".into(), eye.into());
            raw.insert("keywords".into(), words.join(";"));
            examples.push(Example {
                source: config.name.clone(),
                image: images.join(&row[image]),
                origin: Origin::File,
                patient: id.clone(),
                split,
                labels,
                aspect: config.aspect,
                raw,
            });
        }
    }
    Ok(examples)
}

fn read_splits(path: &Path) -> Result<HashMap<String, Split>> {
    let table = Table::read(path)?;
    let (id, split) = (table.column("ID")?, table.column("split")?);
    table
        .rows
        .iter()
        .map(|row| {
            let split = row[split]
                .parse()
                .with_context(|| format!("{}: patient {}", path.display(), row[id]))?;
            Ok((row[id].clone(), split))
        })
        .collect()
}
