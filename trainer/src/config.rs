//! The one TOML file that describes a run, made into one typed value.
//!
//! Unknown keys are refused, every key has a default that can be read here, and
//! the effective values are saved beside the run's results, so that a run can
//! be repeated from what it left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use fovea_core::calibration::CompositeRule;
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};

use crate::compare::Compare;
use crate::data::{AugmentConfig, Leaks, SourceConfig};
use crate::leave_out::LeaveOut;
use crate::methods::{Classes, MethodConfig};
use crate::nets::{Arch, HeadKind, Precision};
use crate::samplers::Sampling;

/// A whole run, as its TOML file describes it. Relative paths start from the working directory,
/// unless a field says otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Names the folder of results below `out`: not empty, no `/` or `\`, no dot at its start.
    pub name: String,
    /// `odir` (the default), `rfmid`, or the path of a taxonomy file.
    #[serde(default = "odir")]
    pub taxonomy: String,
    /// What relative paths of the sources start from; `../shared/data` by default.
    #[serde(default = "data")]
    pub data: PathBuf,
    /// Where prepared photographs are kept between runs; `data/cache` by default.
    #[serde(default = "cache")]
    pub cache: PathBuf,
    /// Where converted ImageNet weights are kept; `data/weights` by default.
    #[serde(default = "weights")]
    pub weights: PathBuf,
    /// Where the run's folder of results is made; `runs` by default.
    #[serde(default = "out")]
    pub out: PathBuf,
    /// Folder of a pack that the photographs are taken from instead of from
    /// the sources; given on the command line.
    #[serde(skip)]
    pub packed: Option<PathBuf>,
    /// Processors that training and loading use, all when absent; given on the
    /// command line.
    #[serde(skip)]
    pub threads: Option<usize>,
    /// Seed of initial weights, draws and augmentation, and of the bootstrap of a comparison; 1 by
    /// default. A stage may have its own.
    #[serde(default = "one")]
    pub seed: u64,
    /// Side of the network's square input, 32 to 1024 pixels.
    pub size: u32,
    /// What networks are trained and run on; `auto` by default.
    #[serde(default)]
    pub device: DeviceChoice,
    /// Go on without photographs that are missing or broken; false by default.
    #[serde(default)]
    pub allow_broken: bool,
    /// What becomes of photographs that are in train and in val or test as well; `refuse` by
    /// default.
    #[serde(default)]
    pub leaks: Leaks,
    /// A file of further `[[source]]` tables, which runs share; its path is relative to the run file.
    #[serde(default, skip_serializing)]
    pub sources: Option<PathBuf>,
    /// Where the photographs come from; at least one source, those of `sources` included.
    #[serde(default)]
    pub source: Vec<SourceConfig>,
    /// How training photographs are varied, unless a stage has its own table.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// How stages are trained, unless a stage says otherwise.
    #[serde(default)]
    pub training: Training,
    /// At least one, in the order they are trained: a stage builds on earlier ones only.
    pub stage: Vec<StageConfig>,
    /// Source whose training photographs make the many, medium and few groups;
    /// all sources when absent.
    #[serde(default)]
    pub groups_from: Option<String>,
    /// Sources whose validation photographs measure progress; all when empty.
    #[serde(default)]
    pub validate_on: Vec<String>,
    /// What is calibrated and exported; without it `calibrate`, `export`, `probe` and `run` are
    /// refused.
    #[serde(default)]
    pub ship: Option<Ship>,
    /// Methods that `compare` trains over several seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
    /// Groups of sources that `leave-out` leaves out in turn, to judge by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_out: Option<LeaveOut>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedSources {
    source: Vec<SourceConfig>,
}

/// How every stage is trained, unless the stage says otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// 1 or more; 10 by default. An epoch draws every photograph as often as its source's `weight`
    /// says.
    pub epochs: usize,
    /// Photographs per step, 2 or more; 32 by default.
    pub batch: usize,
    /// `adamw` by default.
    pub optimiser: Optimiser,
    /// Highest learning rate of the one-cycle schedule, first one of the plateau schedule: above 0,
    /// 1e-3 by default.
    pub learning_rate: f64,
    /// Decoupled for AdamW, added to the gradient for Adam; biases and normalisations have none.
    /// 0.01 by default.
    pub weight_decay: f64,
    /// How the learning rate changes over a stage; `one_cycle` by default.
    pub schedule: Schedule,
    /// Largest norm of the whole gradient, 5 by default; 0 leaves it as it is.
    pub clip: f64,
    /// Share of the old average of the weights that every step keeps, from 0 to below 1, and less
    /// in the first steps. 0, the default, trains without averaging.
    pub ema: f64,
    /// Epochs without a better validation mAP after which a stage ends; 0, the default, never ends
    /// it.
    pub patience: usize,
    /// Which weights a stage leaves behind; `best` by default.
    pub keep: Keep,
    /// Start from ImageNet weights where a stage starts from no other stage and no bundle; true by
    /// default.
    pub pretrained: bool,
    /// What convolutions compute in while training, `float` by default; what follows training is in
    /// float.
    pub precision: Precision,
    /// Chance of dropping a pooled feature before the classifier, from 0 to below 1; 0.2 by
    /// default. A stage that keeps its feature extractor, as `crt` and `ics` with `crt` do, drops
    /// none.
    pub dropout: f64,
    /// Photographs per forward pass when only predicting, 1 or more; 64 by default.
    pub predict_batch: usize,
    /// Learn answers about the eye that a source only ever gives one way; true by default. They
    /// teach nothing but the source's look where other sources give both ways.
    pub one_sided: bool,
    /// By source, a factor to its own `weight`: 0 to 100, and 1 for a source not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_weight: BTreeMap<String, f64>,
    /// By source, the weight (0 to 1) with which an eye in which the source found
    /// nothing of what it looked for counts as not referable. It looked for one
    /// disease only, so that is likely, not known; unless it is said, nothing
    /// teaches that the healthy eyes of its cameras are healthy. In training
    /// alone: calibration and evaluation go by what is known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub presumed_healthy: BTreeMap<String, f64>,
    /// Weight of a discriminator that tells the source from the features of photographs alike in
    /// being referable, and whose slope is turned round: 0 or more; 0, the default, has none, nor has
    /// a stage that keeps its feature extractor, as `crt` and `ics` with `crt` do.
    #[serde(skip_serializing_if = "is_nought")]
    pub source_adversary: f64,
    /// Rate at which the weights of sources follow their losses (group DRO): 0 or more, 0.01 in
    /// the paper; 0, the default, weighs them alike.
    #[serde(skip_serializing_if = "is_nought")]
    pub worst_source: f64,
}

impl Default for Training {
    fn default() -> Self {
        Training {
            epochs: 10,
            batch: 32,
            optimiser: Optimiser::Adamw,
            learning_rate: 1e-3,
            weight_decay: 1e-2,
            schedule: Schedule::OneCycle,
            clip: 5.0,
            ema: 0.0,
            patience: 0,
            keep: Keep::Best,
            pretrained: true,
            precision: Precision::Float,
            dropout: 0.2,
            predict_batch: 64,
            one_sided: true,
            source_weight: BTreeMap::new(),
            presumed_healthy: BTreeMap::new(),
            source_adversary: 0.0,
            worst_source: 0.0,
        }
    }
}

/// Which optimiser trains a stage; both with beta 0.9 and 0.999 and epsilon 1e-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// Adam: the weight decay is added to the gradient.
    Adam,
    /// AdamW: the weight decay shrinks the weights themselves.
    Adamw,
}

/// How the learning rate changes over a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Linear warm-up over 10 % of the steps, then half a cosine down to a thousandth of the
    /// highest rate.
    OneCycle,
    /// The paper's: x0.1 when the validation loss has not fallen for 5 epochs,
    /// down to 1e-7 (HKGL section V-A).
    Plateau,
}

/// Which weights a stage leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those with the best validation mAP (average of the three groups).
    Best,
    /// The last ones: steadier where few validation photographs show a class
    /// and the schedule ends at a learning rate of nought.
    Last,
}

/// What networks are trained and run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// CUDA where libtorch finds it, else the CPU.
    #[default]
    Auto,
    /// The CPU, even where there is a GPU.
    Cpu,
    /// No training without CUDA; what follows it goes on without.
    Cuda,
}

/// One network to be trained, by one method.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    /// Unique in the run; names the stage's folder: not empty, without `/`, `\` and `.`.
    pub name: String,
    /// Architecture of the network.
    pub arch: Arch,
    /// What the stage minimises, with the settings of that method.
    pub method: MethodConfig,
    /// The earlier stage whose weights this one starts from; ImageNet's when absent.
    #[serde(default)]
    pub from: Option<String>,
    /// A bundle whose student this stage starts from, instead of a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_bundle: Option<PathBuf>,
    /// How photographs are drawn; each method has its own default.
    #[serde(default)]
    pub draws: Option<Sampling>,
    /// In place of the run's [`Training::epochs`].
    #[serde(default)]
    pub epochs: Option<usize>,
    /// In place of the run's [`RunConfig::seed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Its share of the time when training against the clock, beside those of the other stages: any
    /// number above 0; its epochs when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// In place of the run's [`Training::learning_rate`].
    #[serde(default)]
    pub learning_rate: Option<f64>,
    /// In place of the run's [`Training::precision`].
    #[serde(default)]
    pub precision: Option<Precision>,
    /// In place of the run's [`Training::presumed_healthy`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presumed_healthy: Option<BTreeMap<String, f64>>,
    /// The stem and so many blocks after it are not trained; 0, the default, trains all, and a
    /// number above that of the blocks freezes every block. They are the costly ones, and what they
    /// see, edges and colours, is common to all cameras.
    #[serde(default, skip_serializing_if = "is_none_frozen")]
    pub frozen_blocks: usize,
    /// Sources this stage trains on; all of them when empty.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Share of its photographs that it trains on, above 0 and at most 1 (the default), chosen by
    /// patient: a smaller part lies within a larger one. Shows what fewer labels give (MTL-KD
    /// tables 3 to 5, HKGL figure 8).
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub part: f64,
    /// The classes this stage learns, from the photographs that show one of them
    /// or a sound eye; all classes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// How this stage's photographs are changed; as the run's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<AugmentConfig>,
}

/// What becomes of the run: which stage is calibrated and exported.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ship {
    /// Name of the stage.
    pub stage: String,
    /// Name of a stage of `mtl_kd` with the task `words`, whose captions go into the bundle as a
    /// second network: words that are shown and never decide. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captioner: Option<String>,
    /// Sources whose validation photographs calibrate; all when empty. A source
    /// that holds only disease would set the operating points too high.
    #[serde(default)]
    pub calibrate_on: Vec<String>,
    /// Share of referable photographs that must be referred, measured on val: from 0.5 to below 1,
    /// 0.9 by default.
    #[serde(default = "target_sensitivity")]
    pub target_sensitivity: f64,
    /// How the probability of any referable disease is made; by default the one of both rules that
    /// is the more specific on val. Val shows the cameras that were trained on: what is known of
    /// others may speak against its choice.
    #[serde(default)]
    pub composite_rule: Option<CompositeRule>,
    /// Folder that the bundle is written to; `models/student` by default.
    #[serde(default = "bundle_dir")]
    pub bundle: PathBuf,
    /// Folder of the calibration's file, which is named after the run; `calibration` by default.
    #[serde(default = "calibration_dir")]
    pub calibration: PathBuf,
}

fn all() -> f64 {
    1.0
}
fn is_nought(number: &f64) -> bool {
    *number == 0.0
}
fn is_all(part: &f64) -> bool {
    *part == 1.0
}
fn is_none_frozen(blocks: &usize) -> bool {
    *blocks == 0
}
fn odir() -> String {
    "odir".into()
}
fn data() -> PathBuf {
    "../shared/data".into()
}
fn cache() -> PathBuf {
    "data/cache".into()
}
fn weights() -> PathBuf {
    "data/weights".into()
}
fn out() -> PathBuf {
    "runs".into()
}
fn one() -> u64 {
    1
}
fn target_sensitivity() -> f64 {
    0.9
}
fn bundle_dir() -> PathBuf {
    "models/student".into()
}
fn calibration_dir() -> PathBuf {
    "calibration".into()
}

impl RunConfig {
    /// Reads a run file and the sources it shares, and checks all settings.
    ///
    /// # Errors
    /// A file cannot be read or is not what it should be, or a setting is out of its range or
    /// contradicts another; the message names it.
    pub fn read(path: &Path) -> Result<RunConfig> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the run file {}", path.display()))?;
        let mut config: RunConfig = toml::from_str(&text)
            .with_context(|| format!("{} is not a run file", path.display()))?;
        if let Some(shared) = &config.sources {
            let shared = path.parent().unwrap_or(Path::new(".")).join(shared);
            let text = std::fs::read_to_string(&shared)
                .with_context(|| format!("cannot read the sources {}", shared.display()))?;
            let shared: SharedSources = toml::from_str(&text).with_context(|| {
                format!("{} is not a file of [[source]] tables", shared.display())
            })?;
            config.source.extend(shared.source);
        }
        config
            .check()
            .with_context(|| format!("{} cannot be run", path.display()))?;
        Ok(config)
    }

    /// Everything that can be known to be wrong before a photograph is read.
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.contains(['/', '\\']) || self.name.starts_with('.') {
            bail!("`name = {:?}` must be a plain folder name", self.name);
        }
        if !(32..=1024).contains(&self.size) {
            bail!("`size = {}` must lie between 32 and 1024 pixels", self.size);
        }
        if self.source.is_empty() {
            bail!("there is no [[source]] of photographs");
        }
        if self.stage.is_empty() {
            bail!("there is no [[stage]] to train");
        }
        let mut known = BTreeSet::new();
        for stage in &self.stage {
            for needed in stage.needs() {
                if !known.contains(needed) {
                    bail!(
                        "stage `{}` needs stage `{needed}`, which must stand before it",
                        stage.name
                    );
                }
            }
            if stage.name.is_empty() || stage.name.contains(['/', '\\', '.']) {
                bail!("stage name {:?} must be a plain folder name", stage.name);
            }
            if !known.insert(stage.name.as_str()) {
                bail!("two stages are named `{}`", stage.name);
            }
            for source in stage
                .sources
                .iter()
                .chain(&self.validate_on)
                .chain(&self.groups_from)
                .chain(self.training.source_weight.keys())
                .chain(self.training_of(stage).presumed_healthy.keys())
            {
                if !self.source.iter().any(|s| &s.name == source) {
                    bail!("`{source}` is not among the [[source]] tables");
                }
            }
            if stage.from.is_some() && stage.from_bundle.is_some() {
                bail!(
                    "stage `{}` can start `from` a stage or `from_bundle`, not both",
                    stage.name
                );
            }
            if !(stage.part > 0.0 && stage.part <= 1.0) {
                bail!(
                    "stage `{}` trains on the part {} of its photographs, which must lie above 0 \
                     and be 1 at most",
                    stage.name,
                    stage.part
                );
            }
            stage
                .method
                .settings()
                .check()
                .with_context(|| format!("the method of stage `{}` cannot be used", stage.name))?;
            if matches!(&stage.method, MethodConfig::Crt(crt) if crt.keep) {
                let start = match (&stage.from, &stage.from_bundle) {
                    (Some(from), _) => Some(self.head_of(from, &self.load_taxonomy()?)?),
                    (None, Some(_)) => Some(HeadKind::Linear),
                    (None, None) => None,
                };
                ensure!(
                    start == Some(HeadKind::Linear),
                    "stage `{}` has `keep = true`, but starts from no linear classifier that it \
                     could keep; let it start from another stage or a bundle, or take `keep` out",
                    stage.name
                );
            }
            self.augment_of(stage)
                .check()
                .with_context(|| format!("stage `{}` cannot be augmented so", stage.name))?;
            let t = self.training_of(stage);
            if t.epochs == 0 || t.batch < 2 || t.predict_batch == 0 {
                bail!(
                    "stage `{}` needs at least one epoch and batches of two or more",
                    stage.name
                );
            }
            if !(t.learning_rate > 0.0 && t.learning_rate.is_finite()) {
                bail!("stage `{}` needs a learning rate above zero", stage.name);
            }
            if let Some((source, weight)) = t
                .source_weight
                .iter()
                .find(|(_, weight)| !(0.0..=100.0).contains(*weight))
            {
                bail!("`source_weight` of {source} is {weight}; give a factor from 0 to 100");
            }
            if let Some((source, weight)) = t
                .presumed_healthy
                .iter()
                .find(|(_, weight)| !(0.0..=1.0).contains(*weight))
            {
                bail!("`presumed_healthy` of {source} is {weight}; give a weight from 0 to 1");
            }
            let judged = t.keep == Keep::Best || t.patience > 0 || t.schedule == Schedule::Plateau;
            if judged && !stage.method.settings().learns_findings() {
                bail!(
                    "stage `{}` learns no findings, so validation cannot judge its epochs; set `keep = \
                     \"last\"`, `schedule = \"one_cycle\"` and no `patience`",
                    stage.name
                );
            }
            for (name, value) in [
                ("weight_decay", t.weight_decay),
                ("clip", t.clip),
                ("source_adversary", t.source_adversary),
                ("worst_source", t.worst_source),
            ] {
                if !(value.is_finite() && value >= 0.0) {
                    bail!("`{name}` is {value}; give a number from 0 up");
                }
            }
            if stage
                .share
                .is_some_and(|share| !(share > 0.0 && share.is_finite()))
            {
                bail!("stage `{}` needs a `share` above zero", stage.name);
            }
            if !(0.0..1.0).contains(&t.ema) || !(0.0..1.0).contains(&t.dropout) {
                bail!("`ema` and `dropout` must lie in 0..1");
            }
        }
        if let Some(ship) = &self.ship {
            if !known.contains(ship.stage.as_str()) {
                bail!("[ship] names an unknown stage `{}`", ship.stage);
            }
            if let Some(source) = ship
                .calibrate_on
                .iter()
                .find(|&name| self.source.iter().all(|s| &s.name != name))
            {
                bail!("[ship] calibrates on `{source}`, which is not among the [[source]] tables");
            }
            let head = self.head_of(&ship.stage, &self.load_taxonomy()?)?;
            if head != HeadKind::Linear {
                bail!(
                    "[ship] names the stage `{}`, whose classifier is not linear: a bundle cannot hold \
                     it",
                    ship.stage
                );
            }
            if let Some(captioner) = &ship.captioner {
                if !known.contains(captioner.as_str()) {
                    bail!("[ship] names an unknown stage `{captioner}` as its captioner");
                }
                let says_words = self
                    .stage_named(captioner)?
                    .method
                    .settings()
                    .learns_words();
                ensure!(
                    says_words,
                    "[ship] names the stage `{captioner}` as its captioner, which says no captions: \
                     name one of mtl_kd with the task \"words\""
                );
            }
            if !(0.5..1.0).contains(&ship.target_sensitivity) {
                bail!("`target_sensitivity` must lie in 0.5..1");
            }
        }
        if let Some(compare) = &self.compare {
            compare.check(self)?;
        }
        if let Some(leave_out) = &self.leave_out {
            leave_out.check(self)?;
        }
        Ok(())
    }

    /// The run's training settings with the stage's own laid over them.
    pub fn training_of(&self, stage: &StageConfig) -> Training {
        let mut training = self.training.clone();
        training.epochs = stage.epochs.unwrap_or(training.epochs);
        training.learning_rate = stage.learning_rate.unwrap_or(training.learning_rate);
        training.precision = stage.precision.unwrap_or(training.precision);
        if let Some(weights) = &stage.presumed_healthy {
            training.presumed_healthy.clone_from(weights);
        }
        training
    }

    /// The stage's own seed, or the run's.
    pub fn seed_of(&self, stage: &StageConfig) -> u64 {
        stage.seed.unwrap_or(self.seed)
    }

    /// The stage's share of the time of a call that trains against the clock, beside the shares of
    /// the other stages: its [`StageConfig::share`], or its epochs.
    pub fn share_of(&self, stage: &StageConfig) -> f64 {
        let epochs = stage.epochs.unwrap_or(self.training.epochs);
        stage.share.unwrap_or(epochs as f64)
    }

    /// Whether a stage starts from ImageNet weights: from no stage and no bundle.
    pub fn starts_from_imagenet(&self, stage: &StageConfig) -> bool {
        stage.from.is_none() && stage.from_bundle.is_none() && self.training.pretrained
    }

    /// How the stage's photographs are varied: its own table, or the run's.
    pub fn augment_of<'a>(&'a self, stage: &'a StageConfig) -> &'a AugmentConfig {
        stage.augment.as_ref().unwrap_or(&self.augment)
    }

    /// The stage called `name`.
    ///
    /// # Errors
    /// The run file has no stage of that name.
    pub fn stage_named(&self, name: &str) -> Result<&StageConfig> {
        self.stage
            .iter()
            .find(|s| s.name == name)
            .with_context(|| format!("the run file has no stage `{name}`"))
    }

    /// The head of the network that stage `name` leaves behind.
    ///
    /// # Errors
    /// The run file has no stage of that name.
    pub fn head_of(&self, name: &str, taxonomy: &Taxonomy) -> Result<HeadKind> {
        Ok(self.stage_named(name)?.method.settings().head(taxonomy))
    }

    /// The built-in taxonomy of that id, or else the one in the file of that path.
    ///
    /// # Errors
    /// There is neither, or the file is not a taxonomy.
    pub fn load_taxonomy(&self) -> Result<Taxonomy> {
        if let Some(taxonomy) = Taxonomy::builtin(&self.taxonomy) {
            return Ok(taxonomy);
        }
        let text = std::fs::read_to_string(&self.taxonomy).with_context(|| {
            format!(
                "taxonomy `{}` is neither built in nor a file that can be read",
                self.taxonomy
            )
        })?;
        Taxonomy::parse(&text).with_context(|| format!("{} is not a taxonomy", self.taxonomy))
    }

    /// The folder of the run's results: `name` below `out`.
    pub fn run_dir(&self) -> PathBuf {
        self.out.join(&self.name)
    }

    /// The folder of a stage's results, below [`RunConfig::run_dir`].
    pub fn stage_dir(&self, stage: &str) -> PathBuf {
        self.run_dir().join(stage)
    }
}

impl Ship {
    /// The defaults for `stage`.
    pub fn of(stage: &str) -> Ship {
        Ship {
            stage: stage.to_owned(),
            captioner: None,
            calibrate_on: Vec::new(),
            target_sensitivity: target_sensitivity(),
            composite_rule: None,
            bundle: bundle_dir(),
            calibration: calibration_dir(),
        }
    }
}

impl StageConfig {
    /// Stages that must have been trained before this one.
    pub fn needs(&self) -> Vec<&str> {
        self.from
            .as_deref()
            .into_iter()
            .chain(
                self.method
                    .settings()
                    .teachers()
                    .iter()
                    .map(|t| t.stage.as_str()),
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_file_of_the_house_can_be_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if !path.ends_with("sources.toml") {
                RunConfig::read(&path).unwrap();
                read += 1;
            }
        }
        assert!(read > 2);
    }

    #[test]
    fn what_cannot_be_run_is_said_before_a_photograph_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        let refused = |more: &str| {
            let text = format!(
                r#"
name = "a"
size = 64
[[source]]
name = "discs"
format = "folder"
images = "images"
[[stage]]
name = "only"
arch = "resnet18"
method = {{ kind = "erm" }}
{more}"#
            );
            std::fs::write(&file, text).unwrap();
            RunConfig::read(&file).err().map(|e| format!("{e:#}"))
        };
        assert_eq!(refused(""), None);
        for (more, named) in [
            ("augment = { noise = 1.5 }", "augment.noise"),
            ("from = \"nothing\"", "`nothing`"),
            ("sources = [\"others\"]", "`others`"),
            (
                "[ship]\nstage = \"only\"\ncalibrate_on = [\"disks\"]",
                "`disks`",
            ),
            ("[ship]\nstage = \"none\"", "`none`"),
            (
                "[ship]\nstage = \"only\"\ncaptioner = \"mute\"",
                "unknown stage `mute`",
            ),
            (
                "[ship]\nstage = \"only\"\ncaptioner = \"only\"",
                "says no captions",
            ),
        ] {
            let said = refused(more).expect("refused");
            assert!(said.contains(named), "{said}");
        }
    }
}
