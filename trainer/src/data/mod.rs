//! Photographs and what is known of them: importers, cache, augmentation, loader.
//!
//! A run lists its sources ([`SourceConfig`]); [`Dataset::import`] turns them
//! into [`Example`]s whose labels are complete over the taxonomy,
//! [`Cache::build`] prepares every photograph once, and a [`Loader`] hands out
//! batches.

mod augment;
mod batch;
mod cache;
mod captions;
mod config;
mod csv;
mod degrade;
mod folder;
mod labels;
mod loader;
mod looks;
mod odir;
mod pack;
mod pixels;
mod rfmid;
mod scenes;
mod split;
mod stats;
mod table;
pub mod truth;
mod twins;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{bail, Context, Result};
use fovea_core::taxonomy::{Label, Taxonomy};
use serde::{Deserialize, Serialize};

pub use augment::AugmentConfig;
pub use batch::{Batch, TensorBatch};
pub use cache::Cache;
pub use captions::Captions;
pub use config::{Draws, Format, Fractions, SourceConfig, Statement};
pub use degrade::{is_sound, Damage, DegradeConfig, Expected, Outcome};
pub use loader::{Epoch, Loader};
pub use pack::{vacant, LeftOut, Pack, Packed};
pub use split::{deal, place, Split};
pub use stats::{Shot, ShotCuts, Statistics};
pub use twins::{Leaks, Pair};

/// Source name of sound photographs that were damaged to see them refused.
pub const DAMAGED: &str = "damaged";

/// Where the pixels of an example come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The file [`Example::image`].
    File,
    /// Drawn by `scenes`, in training afresh every epoch.
    Scene {
        /// Seed of the drawing outside training; different in every scene of a source.
        seed: u64,
    },
}

/// One photograph and what is known of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// Name of its [`SourceConfig`].
    pub source: String,
    /// The file; for a drawn scene a name that no file has.
    pub image: PathBuf,
    /// Where its pixels come from.
    pub origin: Origin,
    /// Names its patient within the source; where patients are not known, the photograph alone.
    pub patient: String,
    /// What it may be used for; the same for all photographs of a patient.
    pub split: Split,
    /// Per node of the taxonomy, complete in the sense of [`Taxonomy::complete`].
    pub labels: Vec<Label>,
    /// Factor by which the file is stretched horizontally before preparation.
    pub aspect: f32,
    /// The source's own columns, for evaluation beyond the taxonomy's labels.
    pub raw: BTreeMap<String, String>,
}

/// A photograph that is left out: its file is missing or cannot be read, or it is a copy of one in
/// another split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Name of its source.
    pub source: String,
    /// Path of its file.
    pub path: PathBuf,
    /// Why it is left out, in words.
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.source,
            self.path.display(),
            self.reason
        )
    }
}

/// All photographs of a run.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The taxonomy that the labels are over.
    pub taxonomy: Arc<Taxonomy>,
    /// Source by source; everything else names a photograph by its index in this list.
    pub examples: Vec<Example>,
    /// Settings of the sources, in the order of the run file.
    pub sources: Vec<SourceConfig>,
}

impl Dataset {
    /// Reads every source's labels. Label files are read; images are not
    /// looked at, [`Cache::build`] does that. `root` is what the sources' paths
    /// are relative to.
    ///
    /// # Errors
    /// A contradictory source, a label file that is missing or says something
    /// the taxonomy or the source's rules do not know.
    pub fn import(
        taxonomy: Arc<Taxonomy>,
        sources: &[SourceConfig],
        root: &Path,
    ) -> Result<Dataset> {
        let mut names = HashSet::new();
        let mut examples = Vec::new();
        for source in sources {
            source.check()?;
            if !names.insert(&source.name) {
                bail!("two sources are called {}; rename one", source.name);
            }
            let mut imported = match source.format {
                Format::Odir => odir::import(&taxonomy, source, root),
                Format::Rfmid => rfmid::import(&taxonomy, source, root),
                Format::Csv => csv::import(&taxonomy, source, root),
                Format::Folder => folder::import(&taxonomy, source, root),
                Format::Scenes => scenes::import(&taxonomy, source),
            }
            .with_context(|| format!("source {} cannot be imported", source.name))?;
            // A format whose splits are its own must not train on it either.
            if source.evaluate_only {
                imported.iter_mut().for_each(|e| e.split = Split::Test);
            }
            examples.extend(imported);
        }
        one_split_per_patient(&examples)?;
        Ok(Dataset {
            taxonomy,
            examples,
            sources: sources.to_vec(),
        })
    }

    /// Finds the photographs that are here twice, and returns all such pairs. Where one copy is
    /// trained on and the other is in val or test, the one that `leaks` names is dropped from the
    /// dataset and its `cache` and returned with the reason. `dir` is the folder of the cache.
    ///
    /// # Errors
    /// There are such copies and `leaks` does not allow to drop them, or `dir` cannot be written.
    pub fn settle_twins(
        &mut self,
        cache: &mut Cache,
        dir: &Path,
        leaks: Leaks,
    ) -> Result<(Vec<Pair>, Vec<Broken>)> {
        let twins = twins::find(cache, dir)?;
        twins::settle(self, cache, &twins, leaks)
    }

    /// Indices of the examples of `split`, in order.
    pub fn indices(&self, split: Split) -> Vec<usize> {
        (0..self.examples.len())
            .filter(|&i| self.examples[i].split == split)
            .collect()
    }

    /// The settings of a source.
    pub fn source(&self, name: &str) -> Option<&SourceConfig> {
        self.sources.iter().find(|s| s.name == name)
    }
}

/// Two eyes of one patient are much alike: no patient may both be trained on
/// and be judged by.
fn one_split_per_patient(examples: &[Example]) -> Result<()> {
    let mut first: HashMap<(&str, &str), &Example> = HashMap::new();
    for example in examples {
        let of_patient = (example.source.as_str(), example.patient.as_str());
        let before = *first.entry(of_patient).or_insert(example);
        if before.split != example.split {
            bail!(
                "source {}: patient {} is in {} ({}) and in {} ({}); give all photographs of a \
                 patient one split",
                example.source,
                example.patient,
                before.split.name(),
                before.image.display(),
                example.split.name(),
                example.image.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_in_two_splits_is_refused() {
        let example = |patient: &str, split: Split| Example {
            source: "odir".to_owned(),
            image: PathBuf::from(format!("{patient}-{}.jpg", split.name())),
            origin: Origin::File,
            patient: patient.to_owned(),
            split,
            labels: Vec::new(),
            aspect: 1.0,
            raw: BTreeMap::new(),
        };
        let sound = [example("7", Split::Train), example("8", Split::Test)];
        one_split_per_patient(&sound).expect("two patients");
        let torn = [example("7", Split::Train), example("7", Split::Test)];
        let said = one_split_per_patient(&torn)
            .expect_err("refused")
            .to_string();
        assert!(
            said.contains("patient 7") && said.contains("7-test.jpg"),
            "{said}"
        );
    }
}
