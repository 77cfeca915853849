//! What is minimised. A method is one file: it owns its settings and their
//! check, names the teachers it needs, and makes the terms of its loss.
//! [`MethodConfig`] lists the methods, a line each; the one loop of
//! [`crate::train`] trains them all.

mod asl;
pub mod average;
mod class_balanced;
mod classes;
mod crt;
mod db;
mod erm;
mod focal;
mod hierarchical;
mod hybrid_kd;
mod ics;
mod ldam;
mod mlmc;
mod mtl_kd;
mod oltr;
mod reweighting;
mod rskd;
mod sall;
mod teachers;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use anyhow::{ensure, Result};
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};
use tch::{nn, Device, Tensor};

use crate::data::{Captions, TensorBatch};
use crate::losses::Hierarchy;
use crate::metrics::ClassGroups;
use crate::nets::{HeadKind, Net, Output};
use crate::samplers::Sampling;

pub use classes::Classes;
pub use teachers::{row, Role, Teacher, TeacherConfig};

/// The methods, and their names in run files.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($settings:ty),)*) => {
        /// A method and its settings, as a run file names them:
        /// `method = { kind = "focal", gamma = 2.0 }`.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum MethodConfig {
            $($(#[$doc])* #[serde(rename = $name)] $variant($settings),)*
        }

        impl MethodConfig {
            /// As run files write it.
            pub fn name(&self) -> &'static str {
                match self {
                    $(MethodConfig::$variant(_) => $name,)*
                }
            }

            /// The settings of the method, whichever it is.
            pub fn settings(&self) -> &dyn Settings {
                match self {
                    $(MethodConfig::$variant(settings) => settings,)*
                }
            }
        }
    };
}

methods! {
    /// Empirical risk minimisation: plain BCE over the finest classes.
    "erm" => Erm(erm::Erm),
    /// ERM on class-balanced draws: the re-sampling baseline.
    "rs" => Rs(erm::Rs),
    /// Classes weighed by the inverse of their photographs.
    "rw" => Rw(reweighting::Reweighting),
    /// Focal loss.
    "focal" => Focal(focal::Focal),
    /// Asymmetric loss.
    "asl" => Asl(asl::Asl),
    /// Label-distribution-aware margins, weighed late.
    "ldam" => Ldam(ldam::Ldam),
    /// Focal loss weighed by the effective number of photographs.
    "cb_focal" => CbFocal(class_balanced::CbFocal),
    /// Distribution-balanced loss with focal loss.
    "db_focal" => DbFocal(db::DbFocal),
    /// Open long-tailed recognition: a memory of class centroids.
    "oltr" => Oltr(oltr::Oltr),
    /// A new classifier on a frozen feature extractor.
    "crt" => Crt(crt::Crt),
    /// A classifier of its own for each level: the plain hierarchical loss.
    "hl" => Hl(hierarchical::Hierarchical),
    /// Hierarchy-aware pre-training (HKGL section IV-B): teacher 1.
    "mlmc" => Mlmc(mlmc::Mlmc),
    /// Training on class-balanced draws with instance-wise weights (HKGL section
    /// IV-C): teacher 2.
    "ics" => Ics(ics::Ics),
    /// Both teachers into one student (HKGL section IV-D, eq. 9).
    "hybrid_kd" => HybridKd(hybrid_kd::HybridKd),
    /// Teachers of class subsets into one student (RSKD).
    "rskd" => Rskd(rskd::Rskd),
    /// Diseases, findings and words, each taught by those who learned it (MTL-KD).
    "mtl_kd" => MtlKd(mtl_kd::MtlKd),
    /// Tasks that lend each other their labels (SALL).
    "sall" => Sall(sall::Sall),
    /// The weights between the start's and another stage's; trains nothing.
    "average" => Average(average::Average),
}

impl MethodConfig {
    /// Its settings as run files write them, kind and teachers aside.
    ///
    /// # Errors
    /// They cannot be written as TOML.
    pub fn written(&self) -> Result<Vec<String>> {
        let table = toml::Table::try_from(self)?;
        let said = ["kind", "teachers"];
        let settings = table
            .iter()
            .filter(|(key, _)| !said.contains(&key.as_str()));
        Ok(settings
            .map(|(key, value)| format!("{key} = {value}"))
            .collect())
    }
}

/// What a run file says of a method.
pub trait Settings {
    /// # Errors
    /// A number is out of its range, or a teacher is missing.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Stages whose networks it needs beside the one it starts from.
    fn teachers(&self) -> &[TeacherConfig] {
        &[]
    }

    /// The head of the network it trains.
    fn head(&self, _taxonomy: &Taxonomy) -> HeadKind {
        HeadKind::Linear
    }

    /// Whether it leaves the feature extractor that it starts from as it is.
    fn keeps_extractor(&self) -> bool {
        false
    }

    /// Whether its network's logits for the finest classes are learned.
    fn learns_findings(&self) -> bool {
        true
    }

    /// Whether it learns captions.
    fn learns_words(&self) -> bool {
        false
    }

    /// Whether it makes steps; an average of weights makes none.
    fn is_trained(&self) -> bool {
        true
    }

    /// # Errors
    /// A teacher cannot be loaded, or lacks what the method needs.
    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>>;
}

/// What a method may need when it is made.
pub struct MethodContext<'a> {
    /// The taxonomy of the labels.
    pub taxonomy: &'a Taxonomy,
    /// Its levels and composites, as tensors on `device`.
    pub hierarchy: Rc<Hierarchy>,
    /// Finest classes by their number of training photographs.
    pub groups: &'a ClassGroups,
    /// How many photographs are trained on.
    pub photographs: usize,
    /// How many of them show each node, all levels, in the mean over what is
    /// done to them.
    pub counts: &'a [f32],
    /// Where the network and its batches are.
    pub device: Device,
    /// The network to be trained.
    pub net: &'a Net,
    /// Where a method puts variables of its own; they are trained and saved
    /// with the network but never exported.
    pub own: nn::Path<'a>,
    /// Answers questions about other stages and about photographs.
    pub looks: &'a dyn Looks,
}

impl MethodContext<'_> {
    /// Number of finest classes.
    pub fn finest(&self) -> i64 {
        self.hierarchy.levels()[0].1
    }

    /// Training photographs that show each finest class.
    pub fn finest_counts(&self) -> &[f32] {
        &self.counts[..self.finest() as usize]
    }
}

/// What a method may ask about other stages and about photographs.
pub trait Looks {
    /// The network that a stage left behind.
    ///
    /// # Errors
    /// There is no such stage, or its network cannot be loaded.
    fn teacher(&self, stage: &str) -> Result<Rc<Teacher>>;

    /// The classes that a stage was trained on, where not all.
    ///
    /// # Errors
    /// There is no such stage.
    fn classes_of(&self, stage: &str) -> Result<Option<Classes>>;

    /// Whether the second stage re-trained only the classifier of the first.
    fn one_extractor(&self, first: &str, second: &str) -> bool;

    /// Average precision of each finest class, 0..1, on the photographs that progress is measured
    /// by; `None` where none shows it.
    ///
    /// # Errors
    /// A photograph is not in the cache.
    fn precisions(&self, net: &Net) -> Result<Vec<Option<f64>>>;

    /// The captions of the photographs, in the `vocabulary` commonest words.
    fn captions(&self, vocabulary: usize) -> Captions;

    /// Mean features of the training photographs that show each finest class, k x width; nought for
    /// a class that none shows.
    ///
    /// # Errors
    /// A photograph is not in the cache.
    fn class_means(&self, net: &Net) -> Result<Tensor>;
}

/// A step of training, as a method sees it.
pub struct Step<'a> {
    /// What the network gave for the batch.
    pub output: &'a Output,
    /// The photographs and what is known of them, on the training device.
    pub batch: &'a TensorBatch,
    /// How much of the schedule is behind the stage, 0..1.
    pub progress: f64,
}

/// One term of a loss.
pub struct Term {
    /// As plots and logs name it.
    pub name: &'static str,
    /// Factor of `value` in what is minimised.
    pub weight: f64,
    /// A scalar.
    pub value: Tensor,
}

impl Term {
    /// A term of the loss; `value` is a scalar.
    pub fn new(name: &'static str, weight: f64, value: Tensor) -> Term {
        Term {
            name,
            weight,
            value,
        }
    }

    /// What is minimised, a scalar: the terms by their weights.
    pub fn total(terms: &[Term]) -> Tensor {
        terms.iter().map(|term| &term.value * term.weight).sum()
    }
}

/// A method in training.
pub trait Method {
    /// How photographs are drawn unless the run says otherwise.
    fn draws(&self) -> Sampling {
        Sampling::Instance
    }

    /// The loss of a step, the same terms every time.
    fn losses(&self, step: &Step) -> Vec<Term>;

    /// After each epoch: average precision of each finest class on the
    /// photographs that progress is measured by, `None` where none shows it.
    fn validated(&mut self, _precisions: &[Option<f64>]) {}
}

/// Name of the term that the labels give.
const LABELS: &str = "labels";

/// # Errors
/// The number is negative or not finite.
fn from_nought(name: &str, value: f64) -> Result<()> {
    ensure!(
        value.is_finite() && value >= 0.0,
        "{name} = {value} must be a number from nought up"
    );
    Ok(())
}

/// # Errors
/// The number is not above nought, or not finite.
fn above_nought(name: &str, value: f64) -> Result<()> {
    ensure!(
        value.is_finite() && value > 0.0,
        "{name} = {value} must be above nought"
    );
    Ok(())
}

/// # Errors
/// The number is not in 0..1.
fn below_one(name: &str, value: f64) -> Result<()> {
    ensure!(
        (0.0..1.0).contains(&value),
        "{name} = {value} must lie in 0..1"
    );
    Ok(())
}

/// Defaults of settings.
mod default {
    pub fn yes() -> bool {
        true
    }
    pub fn is_yes(yes: &bool) -> bool {
        *yes
    }
    pub fn one() -> f64 {
        1.0
    }
    pub fn two() -> f64 {
        2.0
    }
    pub fn is_one(weight: &f64) -> bool {
        *weight == 1.0
    }
}
