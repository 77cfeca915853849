//! Methods compared on the same photographs: every method of a run file, over
//! several seeds, beside a baseline.
//!
//! Each seed is a run of its own below the compared run's folder, so that a
//! killed comparison goes on where it was and what is done is not done again.
//! After every seed the report is written with what there is; where several stages
//! are trained at once, after all.

mod measure;
mod page;
mod several;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use indicatif::HumanDuration;
use serde::{Deserialize, Serialize};

use crate::config::{RunConfig, StageConfig};
use crate::data::{ShotCuts, Split, Statistics};
use crate::evaluate::tasks::TaskScores;
use crate::metrics::ClassGroups;
use crate::photographs::Photographs;
use crate::predictions::Predictions;
use crate::report::EpochLine;
use crate::{card, checkpoint, run, train};

pub use measure::{Class, Compared, Comparison};
use several::Share;

/// The `[compare]` table of a run file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Each trains all methods anew, in the place of the run's seed.
    pub seeds: Vec<u64>,
    /// What the report's tables call each method, and the stage that it ends
    /// with; the stages that one needs are trained too.
    pub methods: Vec<Entry>,
    /// Name of the method that the others are measured against.
    pub baseline: String,
    /// Source whose photographs of the split are judged; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Choices are made on val; test is looked at once, at the end.
    #[serde(default)]
    pub split: Judged,
}

/// A method that is compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// As the report calls it.
    pub name: String,
    /// The stage it ends with; those this one needs are trained as well.
    pub stage: String,
}

/// Whose photographs the methods are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// Those that choices are made on.
    #[default]
    Val,
    /// Those that are looked at once, at the end.
    Test,
}

impl Judged {
    fn split(self) -> Split {
        match self {
            Judged::Val => Split::Val,
            Judged::Test => Split::Test,
        }
    }
}

impl Compare {
    /// # Errors
    /// A method or the baseline is not there, or named twice.
    pub fn check(&self, config: &RunConfig) -> Result<()> {
        ensure!(!self.seeds.is_empty(), "[compare] has no `seeds`");
        let seeds: BTreeSet<u64> = self.seeds.iter().copied().collect();
        ensure!(
            seeds.len() == self.seeds.len(),
            "[compare] names a seed twice"
        );
        let mut names = BTreeSet::new();
        for method in &self.methods {
            config
                .stage_named(&method.stage)
                .with_context(|| format!("[compare] cannot train {}", method.name))?;
            for name in card::lineage(config, config.stage_named(&method.stage)?) {
                ensure!(
                    self.seeds.len() < 2 || config.stage_named(name)?.seed.is_none(),
                    "[compare] has several seeds, but the stage `{name}` has a `seed` of its own and \
                     would be trained alike with each: take it out"
                );
            }
            ensure!(
                names.insert(&method.name),
                "[compare] names {} twice",
                method.name
            );
        }
        ensure!(
            names.contains(&self.baseline),
            "[compare] has the baseline {}, which is not among its `methods`",
            self.baseline
        );
        for method in self.methods.iter().filter(|m| m.name == self.baseline) {
            let stage = config.stage_named(&method.stage)?;
            ensure!(
                stage.method.settings().learns_findings(),
                "[compare] has the baseline {}, which learns no findings to compare by",
                self.baseline
            );
        }
        if let Some(source) = &self.on {
            ensure!(
                config.source.iter().any(|s| &s.name == source),
                "[compare] judges on `{source}`, which is not among the [[source]] tables"
            );
        }
        Ok(())
    }
}

/// What one method and seed gave.
pub struct Trained {
    /// Place of the method in [`Compare::methods`].
    pub method: usize,
    /// Of the training's random numbers.
    pub seed: u64,
    /// Logits and labels of the photographs compared by.
    pub predictions: Predictions,
    /// Of a network of several tasks.
    pub tasks: Option<TaskScores>,
    /// Epochs of the method's last stage.
    pub history: Vec<EpochLine>,
    /// Wall-clock seconds of training, those of the stages it needs included.
    pub seconds: f64,
}

/// Trains what is not trained yet, `at_once` stages at a time (one on every GPU
/// where that is not said), and writes the report.
pub fn run(config: &RunConfig, at_once: Option<usize>) -> Result<()> {
    let compare = config.compare.as_ref().context(
        "the run file has no [compare] table; give it `seeds`, `methods` and a `baseline`",
    )?;
    let folder = config.run_dir().join("compare");
    let with_seed = |&seed| with_seed(config, &folder, seed);
    let seeds: Vec<RunConfig> = compare.seeds.iter().map(with_seed).collect();
    let share = Share::of_machine(config, at_once);
    if share.at_once > 1 {
        for seeded in &seeds {
            run::prepare(seeded)?;
        }
        let wanted: Vec<&str> = compare.methods.iter().map(|m| m.stage.as_str()).collect();
        several::train(&seeds, &wanted, &share)?;
    }
    let mut trained = Vec::new();
    let total = compare.seeds.len() * compare.methods.len();
    let mut pace = Pace::new(total);
    for seeded in &seeds {
        let seed = seeded.seed;
        let photographs = run::prepare(seeded)?;
        for (method, entry) in compare.methods.iter().enumerate() {
            eprintln!("{}, seed {seed}: {}", entry.name, pace.say());
            let stage = seeded.stage_named(&entry.stage)?;
            let fresh = one(seeded, stage, &photographs)?;
            trained.push(judged(compare, seeded, &photographs, method, seed)?);
            pace.done(fresh);
        }
        write(config, compare, &photographs, &trained, &folder)?;
    }
    Ok(())
}

/// The run with another seed, in a folder of its own.
fn with_seed(config: &RunConfig, folder: &Path, seed: u64) -> RunConfig {
    let mut seeded = config.clone();
    seeded.name = format!("seed-{seed}");
    seeded.out = folder.to_path_buf();
    seeded.seed = seed;
    seeded.compare = None;
    seeded
}

/// Trains a stage and those it needs; whether anything was left to train.
fn one(config: &RunConfig, stage: &StageConfig, photographs: &Photographs) -> Result<bool> {
    let lineage = card::lineage(config, stage);
    let wanted: Vec<String> = lineage.into_iter().map(str::to_owned).collect();
    let mut fresh = false;
    for name in &wanted {
        fresh |= !train::finished(config, config.stage_named(name)?)?;
    }
    run::train(config, photographs, &wanted, None)?;
    Ok(fresh)
}

/// What a trained method says of the photographs it is judged by.
fn judged(
    compare: &Compare,
    config: &RunConfig,
    photographs: &Photographs,
    method: usize,
    seed: u64,
) -> Result<Trained> {
    let stage = config.stage_named(&compare.methods[method].stage)?;
    let which = photographs.indices(compare.split.split(), compare.on.as_slice());
    ensure!(
        !which.is_empty(),
        "there is no photograph to compare the methods by; give the sources a split for it"
    );
    let predictions = run::predictions_of(config, stage, photographs, &which)?;
    let tasks = run::tasks_of(config, stage, photographs, &which)?;
    let mut seconds = 0.0;
    let mut history = Vec::new();
    for name in card::lineage(config, stage) {
        let state = checkpoint::state(&config.stage_dir(name))?.unwrap_or_default();
        seconds += state.history.iter().map(|line| line.seconds).sum::<f64>();
        history = state.history;
    }
    Ok(Trained {
        method,
        seed,
        predictions,
        tasks,
        history,
        seconds,
    })
}

fn write(
    config: &RunConfig,
    compare: &Compare,
    photographs: &Photographs,
    trained: &[Trained],
    folder: &Path,
) -> Result<()> {
    let taxonomy = &photographs.dataset.taxonomy;
    // The photographs that the groups were made by.
    let (source, cuts) = (config.groups_from.as_deref(), ShotCuts::of(taxonomy));
    let grouped = Statistics::of(&photographs.dataset, source, cuts);
    let groups = commonest_first(&photographs.groups, |id| {
        let node = taxonomy.index(id);
        node.map_or(0, |node| grouped.nodes[node].train.present)
    });
    let comparison = Comparison::of(config, compare, taxonomy, &groups, trained)?;
    let file = |name: &str| -> PathBuf { folder.join(name) };
    checkpoint::write(
        &file("report.json"),
        serde_json::to_string_pretty(&comparison)?.as_bytes(),
    )?;
    let pictures = page::read(page::draw(&comparison, folder)?, folder)?;
    checkpoint::write(&file("report.md"), comparison.to_markdown().as_bytes())?;
    checkpoint::write(
        &file("report.html"),
        page::html(&comparison, &pictures)?.as_bytes(),
    )?;
    println!("{}", comparison.to_text());
    println!("the report is in {}", file("report.html").display());
    Ok(())
}

/// The groups with the classes that have most photographs, which `count` gives, at the front of
/// each; of equals the first in the taxonomy.
fn commonest_first(groups: &ClassGroups, count: impl Fn(&str) -> usize) -> ClassGroups {
    let mut sorted = groups.clone();
    for ids in [&mut sorted.many, &mut sorted.medium, &mut sorted.few] {
        ids.sort_by_key(|id| Reverse(count(id)));
    }
    sorted
}

/// How long a comparison still takes.
struct Pace {
    left: usize,
    /// Trainings of this call and the time they took.
    made: (u32, Duration),
    since: Instant,
}

impl Pace {
    fn new(total: usize) -> Pace {
        Pace {
            left: total,
            made: (0, Duration::ZERO),
            since: Instant::now(),
        }
    }

    fn say(&self) -> String {
        let left = match self.left {
            1 => "the last training".to_owned(),
            left => format!("{left} trainings left"),
        };
        let (made, took) = self.made;
        match took.checked_div(made) {
            Some(each) => format!("{left}, about {}", HumanDuration(each * self.left as u32)),
            None => left,
        }
    }

    /// One is done; `fresh` where it was not done before this call.
    fn done(&mut self, fresh: bool) {
        self.left -= 1;
        if fresh {
            self.made.0 += 1;
            self.made.1 += self.since.elapsed();
        }
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_from_the_commonest_down_within_their_group() {
        let ids = |words: &[&str]| words.iter().map(|id| id.to_string()).collect::<Vec<_>>();
        let groups = ClassGroups {
            many: ids(&["c", "aa"]),
            medium: Vec::new(),
            few: ids(&["a", "bbb", "dd", "ee"]),
        };
        // As many photographs as letters.
        let sorted = commonest_first(&groups, str::len);
        assert_eq!(sorted.many, ["aa", "c"]);
        assert!(sorted.medium.is_empty());
        assert_eq!(sorted.few, ["bbb", "dd", "ee", "a"]);
    }
}
