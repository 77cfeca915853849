//! What a run's TOML says of a data source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::DAMAGED;

/// How a source's labels are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// ODIR-5K's annotation table: one row per patient, keywords per eye.
    Odir,
    /// RFMiD's three label files, one column per disease.
    Rfmid,
    /// One row per image: `image,label;label`, or columns read by [`SourceConfig::columns`].
    Csv,
    /// Every image of a folder, all labelled alike by [`SourceConfig::every`].
    Folder,
    /// No files: pictures that are no fundus, drawn by seed (see `scenes.rs`).
    Scenes,
}

/// What one value of a column, or membership of a source, says.
///
/// Each entry is a node id of the taxonomy, or `@eye` or `@photograph` for
/// every finest node of that subject; in `unknown` for its nodes of all levels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Statement {
    /// Nodes that are present.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<String>,
    /// Nodes that are absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Takes back what any other column said of these nodes and of all below
    /// them, and that what includes them is absent: a grade read off an
    /// ungradable photograph is worth nothing, `0` no more than another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// Shares of the patients (or, without patients, of the files) per split, 0 to 1; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fractions {
    /// Share to train on.
    pub train: f64,
    /// Share to validate and calibrate on.
    pub val: f64,
    /// Share to test on.
    pub test: f64,
}

/// How many scenes are drawn per split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draws {
    /// Scenes to train on, drawn afresh in every epoch.
    pub train: usize,
    /// Scenes to validate and calibrate on, the same every time.
    pub val: usize,
    /// Scenes to test on, the same every time.
    pub test: usize,
}

/// One `[[source]]` table. Paths are relative to the run's `data` folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Unique within a run; figures are reported under it. Letters, digits, `-` and `_`.
    pub name: String,
    /// How its labels are written; says which of the settings below are read.
    pub format: Format,
    /// Folder of the images; every format but `scenes` needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<PathBuf>,
    /// Label file; for RFMiD the folder of its three files. Needed by `odir`, `rfmid` and `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// ODIR: table `ID,split` with `train`, `val` or `test` per patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<PathBuf>,
    /// Where no table says: patients are dealt by a hash of source and patient,
    /// so that a patient keeps its split whatever else joins the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Fractions>,
    /// CSV: column of the file names. `image` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_column: Option<String>,
    /// CSV: column of the patients. Without it every file is its own patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient_column: Option<String>,
    /// CSV: what each value of each column says. Where it is empty, the column
    /// `label` holds node ids or aliases separated by `;`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, BTreeMap<String, Statement>>,
    /// Said of every image of the source.
    #[serde(default)]
    pub every: Statement,
    /// Nodes the source looked for: absent wherever nothing else is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks_for: Vec<String>,
    /// Draws per epoch of each training image, 0 to 1000, 1 by default; 0.5 draws half of them, 2
    /// each twice.
    #[serde(default = "one")]
    pub weight: f64,
    /// Factor by which the files are to be stretched horizontally before preparation, for a source
    /// that squashed its photographs: 0.25 to 4, 1 by default.
    #[serde(default = "one_f32")]
    pub aspect: f32,
    /// Random horizontal stretch in training, up to this factor either way (0.1: 0.91 to 1.1),
    /// where the source squashed by factors nobody noted: 0 (the default) to 1.
    #[serde(default)]
    pub aspect_jitter: f32,
    /// Every image is test, and training on it is refused; false by default.
    #[serde(default)]
    pub evaluate_only: bool,
    /// Go on without images that are missing or cannot be read; false by default.
    #[serde(default)]
    pub allow_broken: bool,
    /// `scenes`, which needs it: how many are drawn for each split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws: Option<Draws>,
}

fn one() -> f64 {
    1.0
}

fn one_f32() -> f32 {
    1.0
}

impl SourceConfig {
    /// Refuses settings that contradict each other or that the format does not read.
    ///
    /// # Errors
    /// There is such a setting; the message names it and the source.
    pub fn check(&self) -> anyhow::Result<()> {
        let name = &self.name;
        let sound = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        anyhow::ensure!(
            sound,
            "source name {name:?} must be made of letters, digits, `-` and `_`: it names files"
        );
        anyhow::ensure!(
            name != DAMAGED,
            "a source cannot be named {name:?}: tables call damaged photographs so"
        );
        let reads = |setting: &str| match setting {
            "images" => self.format != Format::Scenes,
            "labels" => matches!(self.format, Format::Odir | Format::Rfmid | Format::Csv),
            "splits" => self.format == Format::Odir,
            "split" => matches!(self.format, Format::Odir | Format::Csv | Format::Folder),
            "image_column" | "patient_column" | "columns" => self.format == Format::Csv,
            "every" => matches!(self.format, Format::Csv | Format::Folder | Format::Scenes),
            "looks_for" => matches!(self.format, Format::Csv | Format::Folder),
            "draws" => self.format == Format::Scenes,
            _ => true,
        };
        for (setting, given) in [
            ("images", self.images.is_some()),
            ("labels", self.labels.is_some()),
            ("splits", self.splits.is_some()),
            ("split", self.split.is_some()),
            ("image_column", self.image_column.is_some()),
            ("patient_column", self.patient_column.is_some()),
            ("columns", !self.columns.is_empty()),
            ("every", self.every != Statement::default()),
            ("looks_for", !self.looks_for.is_empty()),
            ("draws", self.draws.is_some()),
        ] {
            anyhow::ensure!(
                !given || reads(setting),
                "source {name}: a source of format {:?} does not read `{setting}`; remove it",
                self.format
            );
        }
        for (setting, given) in [
            ("images", self.images.is_some()),
            ("labels", self.labels.is_some()),
            ("draws", self.draws.is_some()),
        ] {
            anyhow::ensure!(
                given || !reads(setting),
                "source {name}: a source of format {:?} needs `{setting}`",
                self.format
            );
        }
        if self.evaluate_only {
            anyhow::ensure!(
                self.split.is_none() && self.splits.is_none() && self.draws.is_none(),
                "source {name}: evaluate_only makes every image test; remove its split"
            );
        } else if matches!(self.format, Format::Odir | Format::Csv | Format::Folder) {
            anyhow::ensure!(
                self.split.is_some() != self.splits.is_some(),
                "source {name}: give one of `split` (fractions) and `splits` (a table)"
            );
        }
        if let Some(f) = self.split {
            anyhow::ensure!(
                [f.train, f.val, f.test].iter().all(|x| *x >= 0.0)
                    && (f.train + f.val + f.test - 1.0).abs() < 1e-6,
                "source {name}: the fractions of `split` must not be negative and must sum to 1"
            );
        }
        anyhow::ensure!(
            self.weight >= 0.0 && self.weight <= 1000.0,
            "source {name}: weight is {}; give 0 to 1000 draws per image and epoch",
            self.weight
        );
        anyhow::ensure!(
            (0.25..=4.0).contains(&self.aspect),
            "source {name}: aspect is {}; give a factor from 0.25 to 4",
            self.aspect
        );
        anyhow::ensure!(
            (0.0..=1.0).contains(&self.aspect_jitter),
            "source {name}: aspect_jitter is {}; give 0 to 1",
            self.aspect_jitter
        );
        Ok(())
    }

    /// Folder of the images and label file, below `root`.
    pub(super) fn folders(&self, root: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let labels = self
            .labels
            .as_ref()
            .with_context(|| format!("source {} needs `labels`", self.name))?;
        Ok((self.image_folder(root)?, root.join(labels)))
    }

    /// Folder of the images, below `root`.
    pub(super) fn image_folder(&self, root: &Path) -> anyhow::Result<PathBuf> {
        let images = self
            .images
            .as_ref()
            .with_context(|| format!("source {} needs `images`", self.name))?;
        Ok(root.join(images))
    }
}
