//! What is minimised: one small file per method, all trained by the same loop.

pub mod average;
mod erm;
mod hybrid_kd;
mod ics;
mod mlmc;

use std::rc::Rc;

use anyhow::{bail, Result};
use serde::{Deserialize, Serialize};
use tch::{nn, Device, Tensor};

use crate::losses::{Hierarchy, LogitsLoss, Parents};
use crate::nets::{Net, Output};
use crate::samplers::Sampling;
use fovea_core::calibration::ParentRule;

use average::Average;

/// A method and its settings, as a run file names them:
/// `method = { kind = "hybrid_kd", features = "teacher1", logits = "teacher2" }`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MethodConfig {
    /// Empirical risk minimisation: plain BCE over the finest classes.
    Erm,
    /// ERM on class-balanced draws: the re-sampling baseline.
    Rs,
    /// Hierarchy-aware pre-training (HKGL section IV-B): teacher 1.
    Mlmc {
        #[serde(default)]
        marginal: ParentRule,
        /// Of each level above the finest, and of the composites, in the loss.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        parent_weight: f64,
        /// Add the composites (any referable finding, referable DR) to the
        /// levels; not in the paper.
        #[serde(default)]
        composites: bool,
    },
    /// Classifier re-training on class-balanced draws with instance-wise
    /// weights (HKGL section IV-C): teacher 2.
    Ics {
        /// Freeze the feature extractor. Its batch norms then keep their
        /// statistics: what is frozen does not move.
        #[serde(default)]
        crt: bool,
        /// Weigh positive terms only; as printed, eq. 6 weighs both.
        #[serde(default)]
        positives_only: bool,
        #[serde(default)]
        marginal: ParentRule,
        /// Of each level above the finest, in the loss.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        parent_weight: f64,
    },
    /// Both teachers into one student (HKGL section IV-D, eq. 9).
    HybridKd(HybridKd),
    /// The weights between the start's and another stage's; trains nothing.
    Average(Average),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HybridKd {
    /// The stage whose pooled features are taught: teacher 1.
    pub features: String,
    /// The stages whose logits are taught: teacher 2, or several whose mean is.
    pub logits: Stages,
    #[serde(default = "fifth")]
    pub alpha: f64,
    #[serde(default = "fifth")]
    pub beta: f64,
    #[serde(default = "ten")]
    pub gamma: f64,
    #[serde(default = "three")]
    pub temperature: f64,
    #[serde(default)]
    pub logits_loss: LogitsLoss,
    /// Multiply the logits term by T^2 (Hinton's scaling; not in the paper).
    #[serde(default)]
    pub scale_by_temperature: bool,
    #[serde(default)]
    pub positives_only: bool,
    /// Sum the classification term over all levels, as MLMC does, rather than
    /// over the finest classes alone as Algorithm 1 has it.
    #[serde(default)]
    pub hierarchy: bool,
    #[serde(default)]
    pub marginal: ParentRule,
    /// Of each level above the finest, where `hierarchy` has them, and of the
    /// composites.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub parent_weight: f64,
    /// Add the composites to the classification term, as MLMC's option does.
    #[serde(default)]
    pub composites: bool,
}

/// Names of stages; a run file writes one alone without brackets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stages {
    One(String),
    Several(Vec<String>),
}

impl Stages {
    pub fn names(&self) -> &[String] {
        match self {
            Stages::One(name) => std::slice::from_ref(name),
            Stages::Several(names) => names,
        }
    }
}

fn one() -> f64 {
    1.0
}
fn is_one(weight: &f64) -> bool {
    *weight == 1.0
}
fn fifth() -> f64 {
    0.2
}
fn ten() -> f64 {
    10.0
}
fn three() -> f64 {
    3.0
}

/// A batch on the training device. `n` counts the nodes of the taxonomy, `c`
/// its composites.
pub struct TensorBatch {
    /// b x 3 x S x S, channels last, (v - 127) / 128.
    pub images: Tensor,
    /// b x n, 1 where the node is present.
    pub targets: Tensor,
    /// b x n, 1 where the label is known.
    pub mask: Tensor,
    /// Both again for the taxonomy's composites, b x c.
    pub composite_targets: Tensor,
    pub composite_mask: Tensor,
}

/// A trained network that teaches and learns no more.
pub struct Teacher {
    /// Owns the variables that `net` reads.
    pub store: nn::VarStore,
    pub net: Net,
}

impl Teacher {
    /// `net` reads the variables of `store`.
    pub fn new(store: nn::VarStore, mut net: Net) -> Teacher {
        net.fold();
        Teacher { store, net }
    }

    pub fn look(&self, images: &Tensor) -> Output {
        tch::no_grad(|| self.net.forward(images, false))
    }
}

/// What a method may need when it is made.
pub struct MethodContext<'a> {
    pub hierarchy: Rc<Hierarchy>,
    /// Training photographs that show each node, all levels, in the mean over
    /// what is done to them.
    pub counts: &'a [f32],
    pub device: Device,
    /// Pooled features of the network in training.
    pub width: i64,
    /// Where a method puts variables of its own; they are trained and saved
    /// with the network but never exported.
    pub own: nn::Path<'a>,
    pub teacher: &'a dyn Fn(&str) -> Result<Rc<Teacher>>,
    /// Whether the second stage re-trained only the classifier of the first.
    pub one_extractor: &'a dyn Fn(&str, &str) -> bool,
}

pub trait Method {
    /// How photographs are drawn unless the run says otherwise.
    fn draws(&self) -> Sampling {
        Sampling::Instance
    }

    /// Whether the feature extractor learns; a frozen one runs as in evaluation.
    fn trains_features(&self) -> bool {
        true
    }

    /// The scalar to be minimised.
    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor;
}

impl MethodConfig {
    /// As run files write it.
    pub fn name(&self) -> &'static str {
        match self {
            MethodConfig::Erm => "erm",
            MethodConfig::Rs => "rs",
            MethodConfig::Mlmc { .. } => "mlmc",
            MethodConfig::Ics { .. } => "ics",
            MethodConfig::HybridKd(_) => "hybrid_kd",
            MethodConfig::Average(_) => "average",
        }
    }

    /// Whether it makes steps; an average of weights makes none.
    pub fn is_trained(&self) -> bool {
        !matches!(self, MethodConfig::Average(_))
    }

    /// Stages whose networks it needs beside the one it starts from.
    pub fn teachers(&self) -> Vec<&str> {
        match self {
            MethodConfig::HybridKd(kd) => std::iter::once(&kd.features)
                .chain(kd.logits.names())
                .map(String::as_str)
                .collect(),
            MethodConfig::Average(average) => vec![&average.with],
            _ => Vec::new(),
        }
    }

    /// Its settings as run files write them, kind and teachers aside.
    ///
    /// # Errors
    /// They cannot be written as TOML.
    pub fn settings(&self) -> Result<Vec<String>> {
        let table = toml::Table::try_from(self)?;
        let said = ["kind", "features", "logits", "with"];
        let settings = table
            .iter()
            .filter(|(key, _)| !said.contains(&key.as_str()));
        Ok(settings
            .map(|(key, value)| format!("{key} = {value}"))
            .collect())
    }

    /// # Errors
    /// A number is out of its range.
    pub fn check(&self) -> Result<()> {
        let parent_weight = match self {
            MethodConfig::Erm | MethodConfig::Rs => return Ok(()),
            MethodConfig::Average(average) => return average.check(),
            MethodConfig::Mlmc { parent_weight, .. } | MethodConfig::Ics { parent_weight, .. } => {
                *parent_weight
            }
            MethodConfig::HybridKd(kd) => {
                if kd.alpha < 0.0 || kd.beta < 0.0 || kd.alpha + kd.beta > 1.0 {
                    bail!(
                        "alpha = {} and beta = {} must be shares that leave something for the \
                         labels",
                        kd.alpha,
                        kd.beta
                    );
                }
                if kd.logits.names().is_empty() {
                    bail!("logits = [] names no stage whose logits could be taught");
                }
                if kd.temperature <= 0.0 {
                    bail!("temperature = {} must be above zero", kd.temperature);
                }
                kd.parent_weight
            }
        };
        if !(parent_weight.is_finite() && parent_weight >= 0.0) {
            bail!("parent_weight = {parent_weight} must be a number from nought up");
        }
        Ok(())
    }

    pub fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(match self {
            MethodConfig::Erm => Box::new(erm::Erm::new(context, Sampling::Instance)),
            MethodConfig::Rs => Box::new(erm::Erm::new(context, Sampling::ClassBalanced)),
            MethodConfig::Mlmc {
                marginal,
                parent_weight,
                composites,
            } => {
                let parents = Parents::new(*marginal, *parent_weight);
                Box::new(mlmc::Mlmc::new(context, parents, *composites))
            }
            MethodConfig::Ics {
                crt,
                positives_only,
                marginal,
                parent_weight,
            } => {
                let parents = Parents::new(*marginal, *parent_weight);
                Box::new(ics::Ics::new(context, *crt, *positives_only, parents))
            }
            MethodConfig::HybridKd(config) => Box::new(hybrid_kd::Hybrid::new(context, config)?),
            MethodConfig::Average(_) => bail!("an average of weights is not trained"),
        })
    }
}
