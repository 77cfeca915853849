//! The photographs of a run as its stages see them: labels, prepared pixels,
//! who is trained on and who is asked.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use fovea_core::bundle::sha256_hex;
use fovea_core::photograph::READING;
use fovea_core::prepare::PREPARATION;
use fovea_core::taxonomy::Label;

use crate::checkpoint;
use crate::config::{RunConfig, StageConfig};
use crate::data::{
    place, truth, AugmentConfig, Broken, Cache, Dataset, DegradeConfig, Expected, LeftOut, Loader,
    Pack, Pair, Shot, ShotCuts, Split, Statistics,
};
use crate::metrics::ClassGroups;
use crate::progress::progress;
use crate::{machine, start, weights};

/// The photographs of a run, prepared, and what is known of them.
pub struct Photographs {
    /// Every photograph with its labels and its split.
    pub dataset: Arc<Dataset>,
    /// The prepared pixels of each.
    pub cache: Arc<Cache>,
    /// Side of the prepared photographs in pixels.
    pub size: u32,
    /// Threads that decode and augment.
    pub threads: usize,
    /// How many photographs show each node, by split and source.
    pub statistics: Statistics,
    /// Finest classes of the eye by their number of training photographs.
    pub groups: ClassGroups,
    /// Photographs that were skipped because `allow_broken` is set, or left out
    /// of train or of val and test as `leaks` says; of a pack also when it was made.
    pub left_out: LeftOut,
}

impl Photographs {
    /// Batches of `batch` photographs, varied as `augment` says or as they are.
    pub fn loader(&self, augment: Option<AugmentConfig>, batch: usize) -> Loader {
        Loader::new(
            Arc::clone(&self.dataset),
            Arc::clone(&self.cache),
            augment,
            batch,
            self.threads,
        )
    }

    /// Reads the labels, from the sources or from a pack, prepares what the
    /// cache lacks, and counts.
    pub fn open(config: &RunConfig) -> Result<Photographs> {
        let taxonomy = Arc::new(config.load_taxonomy()?);
        let bar = progress(0, "prepare");
        let (mut dataset, mut cache, mut left_out) = match &config.packed {
            Some(dir) => {
                let (sources, size) = (&config.source, config.size);
                Pack::open(dir)?.unpack(taxonomy, sources, size, &config.cache, &bar)?
            }
            None => {
                let mut dataset = Dataset::import(taxonomy, &config.source, &config.data)?;
                let allowed = config.allow_broken;
                let (cache, broken) =
                    Cache::build(&mut dataset, config.size, &config.cache, allowed, &bar)?;
                let left_out = LeftOut {
                    broken,
                    ..LeftOut::default()
                };
                (dataset, cache, left_out)
            }
        };
        bar.finish_and_clear();
        let (pairs, leaks) = dataset.settle_twins(&mut cache, &config.cache, config.leaks)?;
        left_out.leaks.extend(leaks);
        // Of what is in a pack the pairs were known before.
        let known = std::mem::take(&mut left_out.pairs);
        let new = |pair: &Pair| !known.iter().any(|other| other.same_files(pair));
        let new: Vec<Pair> = pairs.into_iter().filter(new).collect();
        left_out.pairs = [known, new].concat();
        let cuts = ShotCuts::of(&dataset.taxonomy);
        let mut statistics = Statistics::of(&dataset, None, cuts);
        let grouped = Statistics::of(&dataset, config.groups_from.as_deref(), cuts);
        // The groups that are told are those that are measured by.
        for (node, grouped) in statistics.nodes.iter_mut().zip(&grouped.nodes) {
            node.shot = grouped.shot;
        }
        let groups = ClassGroups {
            many: grouped.group(Shot::Many),
            medium: grouped.group(Shot::Medium),
            few: grouped.group(Shot::Few),
        };
        let threads = config.threads.unwrap_or_else(machine::processors);
        Ok(Photographs {
            dataset: Arc::new(dataset),
            cache: Arc::new(cache),
            size: config.size,
            threads,
            statistics,
            groups,
            left_out,
        })
    }

    /// Examples of a split that come of the named sources, of all when none is named.
    pub fn indices(&self, split: Split, sources: &[String]) -> Vec<usize> {
        let wanted = |source: &String| sources.is_empty() || sources.contains(source);
        self.dataset
            .indices(split)
            .into_iter()
            .filter(|&i| wanted(&self.dataset.examples[i].source))
            .collect()
    }

    /// Examples that a stage trains on, before it leaves out those of other classes.
    pub fn trained_on(&self, stage: &StageConfig) -> Vec<usize> {
        let mut train = self.indices(Split::Train, &stage.sources);
        if stage.part < 1.0 {
            let examples = &self.dataset.examples;
            train.retain(|&i| place(&examples[i].source, &examples[i].patient) < stage.part);
        }
        train
    }

    /// How many of `which` show each node, all levels, when each is drawn once
    /// and damaged as `damage` says: the mean over all draws.
    pub fn counts(&self, which: &[usize], damage: &DegradeConfig) -> Vec<f32> {
        let taxonomy = &self.dataset.taxonomy;
        let expected = Expected::of(damage, taxonomy);
        let mut counts = vec![0.0; taxonomy.nodes().len()];
        for &i in which {
            let labels = &self.dataset.examples[i].labels;
            // As the loader does: only these are damaged so that labels change.
            let sound = truth::faulty(taxonomy, labels) == Label::Absent;
            let kept = if sound { expected.kept } else { 1.0 };
            for (n, count) in counts.iter_mut().enumerate() {
                *count += kept * f64::from(u8::from(labels[n] == Label::Present));
                *count += if sound { expected.present[n] } else { 0.0 };
            }
        }
        counts.into_iter().map(|count| count as f32).collect()
    }

    /// Draws per epoch of a photograph, as its source says.
    pub fn draw_weight(&self, example: usize) -> f32 {
        self.dataset
            .source(&self.dataset.examples[example].source)
            .map_or(1.0, |s| s.weight as f32)
    }

    /// The statistics as a table to read and as JSON, and what was left out.
    pub fn write_statistics(&self, dir: &Path) -> Result<()> {
        let LeftOut {
            broken,
            leaks,
            pairs,
        } = &self.left_out;
        let left_out: Vec<&Broken> = broken.iter().chain(leaks).collect();
        let path = dir.join("left_out.txt");
        let list: String = left_out.iter().map(|b| format!("{b}\n")).collect();
        checkpoint::write(&path, list.as_bytes())?;
        if !left_out.is_empty() {
            eprintln!(
                "{} photographs are missing or broken and {} show what one of another split shows; \
                 they were left out: {}",
                broken.len(),
                leaks.len(),
                path.display()
            );
        }
        let path = dir.join("near_duplicates.txt");
        let list: String = pairs.iter().map(|pair| format!("{pair}\n")).collect();
        checkpoint::write(&path, list.as_bytes())?;
        if !pairs.is_empty() {
            let count = |of: fn(&Pair) -> bool| pairs.iter().filter(|pair| of(pair)).count();
            eprintln!(
                "{} pairs of files show one photograph, {} of them across sources, {} between train \
                 and val or test, {} between val and test, {} of two patients: {}",
                pairs.len(),
                count(Pair::across_sources),
                count(Pair::leaks),
                count(Pair::judged_twice),
                count(|pair| !pair.of_one_patient()),
                path.display()
            );
        }
        checkpoint::write(
            &dir.join("data.txt"),
            self.statistics.to_string().as_bytes(),
        )?;
        checkpoint::write(
            &dir.join("data.json"),
            serde_json::to_string_pretty(&self.statistics)?.as_bytes(),
        )
    }

    /// Hash of what decides what comes out of a stage, and of the stages it
    /// builds on: settings, preparation, the weights it starts from, and the
    /// names and labels of those it is trained on and validated by. Not of their
    /// pixels: another photograph under the same name goes unnoticed.
    ///
    /// # Errors
    /// What the stage starts from is not there and cannot be fetched.
    pub fn fingerprint(&self, config: &RunConfig, stage: &StageConfig) -> Result<String> {
        let mut all = Vec::new();
        for needed in stage.needs() {
            all.extend(
                self.fingerprint(config, config.stage_named(needed)?)?
                    .bytes(),
            );
        }
        let settings = serde_json::to_string(&(
            stage,
            config.training_of(stage),
            &config.augment,
            config.seed,
            config.size,
            (PREPARATION, READING),
            &config.validate_on,
            &config.groups_from,
            &self.groups,
        ))?;
        all.extend(settings.bytes());
        all.extend(serde_json::to_string(&config.source)?.bytes());
        all.extend(self.dataset.taxonomy.source().bytes());
        let start = start::sha256(stage, &config.stage_dir(&stage.name))?;
        all.extend(start.unwrap_or_default().bytes());
        if config.starts_from_imagenet(stage) {
            let path = weights::fetch(stage.arch, &config.weights)?;
            let bytes = std::fs::read(&path)
                .with_context(|| format!("cannot read the weights {}", path.display()))?;
            all.extend(sha256_hex(&bytes).bytes());
        }
        // Validation chooses the epoch that is kept, and by the paper's schedule the learning rate.
        for (split, sources) in [
            (Split::Train, &stage.sources),
            (Split::Val, &config.validate_on),
        ] {
            for i in self.indices(split, sources) {
                all.extend(self.known_of(i));
                if stage.method.settings().learns_words() {
                    all.extend(self.caption_of(i));
                }
            }
        }
        Ok(sha256_hex(&all))
    }

    /// Its caption as its source writes it; nothing of one without.
    pub fn caption_of(&self, example: usize) -> &[u8] {
        let caption = self.dataset.examples[example].raw.get("keywords");
        caption.map_or(&[], |words| words.as_bytes())
    }

    /// One line of all that the labels say of a photograph.
    pub fn known_of(&self, example: usize) -> Vec<u8> {
        let example = &self.dataset.examples[example];
        let mut line = example.image.as_os_str().as_encoded_bytes().to_vec();
        let labels: String = example.labels.iter().map(truth::letter).collect();
        let split = example.split.name();
        line.extend(format!("\0{}\0{split}\0{labels}\n", example.patient).bytes());
        line
    }
}
