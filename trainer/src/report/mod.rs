//! What a run and an evaluation write down, and how it is printed.

mod by_source;
mod epoch;
mod stages;
mod table;

use std::collections::BTreeMap;

use fovea_core::taxonomy::{Level, Subject};
use serde::{Deserialize, Serialize};

use crate::metrics::{wilson_interval, Counts, Interval};

pub use by_source::{by_source, QuestionScores, ReferredScores};
pub use epoch::EpochLine;
pub use stages::side_by_side;
pub(crate) use table::{error, percent, Table};

/// A measure with its 95 % interval, drawn again by patient. Without one where
/// too few draws define the measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub value: f64,
    pub interval: Option<Interval>,
}

/// A share of counted photographs with Wilson's 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub count: u32,
    pub of: u32,
    /// 0..1
    pub value: f64,
    pub interval: Interval,
}

impl Share {
    /// `None` of nothing.
    pub fn of(count: u32, of: u32) -> Option<Share> {
        (of > 0).then(|| Share {
            count,
            of,
            value: f64::from(count) / f64::from(of),
            interval: wilson_interval(count, of),
        })
    }
}

impl From<Share> for Measured {
    fn from(share: Share) -> Measured {
        Measured {
            value: share.value,
            interval: Some(share.interval),
        }
    }
}

/// How good a network's answers are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub taxonomy: String,
    /// Id of the calibration; without one, nothing is told that needs it.
    pub calibration: Option<String>,
    /// Splits the photographs are of.
    pub splits: Vec<String>,
    /// Draws of patients behind every bootstrap interval.
    pub bootstrap_draws: usize,
    /// All photographs together.
    pub overall: Section,
    /// The photographs of each source by themselves.
    pub sources: BTreeMap<String, Section>,
}

/// The measures over one set of photographs. A measure is over the photographs
/// whose truth is known; a mean leaves out classes that have none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub photographs: u32,
    pub patients: u32,
    pub groups: GroupScores,
    pub levels: Vec<LevelScores>,
    /// The class set of the HKGL paper's table II, where the taxonomy has it.
    pub paper_classes: Option<ClassSetScores>,
    pub referral: Option<DecisionScores>,
    pub referable_dr: Option<DecisionScores>,
    /// The `referable_dr` output against the source's own column `dr`: none
    /// against npdr and pdr. Harsher than `referable_dr`, for mild NPDR counts
    /// as positive here.
    pub any_dr_by_column: Option<DecisionScores>,
    pub gate: Option<GateScores>,
    /// What the labels of these photographs answer both ways, composites first.
    #[serde(default)]
    pub questions: Vec<QuestionScores>,
    #[serde(default)]
    pub referred: ReferredScores,
    /// Every node, in the taxonomy's order.
    pub nodes: Vec<NodeScores>,
}

/// The paper's measure, over the finest classes of the eye.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupScores {
    /// mAP over the classes of a shot group that have a positive here.
    pub many: Option<Measured>,
    pub medium: Option<Measured>,
    pub few: Option<Measured>,
    /// Mean of the three groups.
    pub average: Option<Measured>,
    /// Mean AUC over all of them.
    pub macro_auc: Option<Measured>,
    /// Classes of the three groups without a positive here.
    pub left_out: Vec<String>,
}

/// Means over the nodes of the eye at one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelScores {
    pub level: Level,
    /// Nodes with a positive here.
    pub classes: u32,
    pub map: Option<Measured>,
    pub macro_auc: Option<Measured>,
    pub ece_before: Option<f64>,
    pub ece_after: Option<f64>,
}

/// A coarser set of classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassSetScores {
    pub id: String,
    pub map: Option<Measured>,
    pub macro_auc: Option<Measured>,
    pub classes: Vec<ClassScores>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    pub id: String,
    pub known: u32,
    pub positives: u32,
    pub average_precision: Option<Measured>,
    pub auc: Option<Measured>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeScores {
    pub id: String,
    pub level: Level,
    pub subject: Subject,
    /// Photographs in which it is known to be present or absent.
    pub known: u32,
    pub positives: u32,
    pub average_precision: Option<Measured>,
    pub auc: Option<Measured>,
    /// Expected calibration error of the network's own probability, and of the
    /// calibrated one (see [`crate::metrics::expected_calibration_error`]).
    pub ece_before: Option<f64>,
    pub ece_after: Option<f64>,
    /// At the shipped operating point.
    pub sensitivity: Option<Share>,
    pub specificity: Option<Share>,
}

/// A yes-or-no verdict on a patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionScores {
    /// Sources that count: those in which both answers occur. A source of only
    /// one answer would let a network pass by telling cameras apart.
    pub sources: Vec<String>,
    pub positives: u32,
    pub negatives: u32,
    /// Photographs left out: what is known of them decides nothing, or their
    /// source has only one answer.
    pub left_out: u32,
    pub auc: Option<Measured>,
    pub average_precision: Option<Measured>,
    /// The shipped rule's verdicts against the truth.
    pub counts: Option<Counts>,
    pub sensitivity: Option<Share>,
    pub specificity: Option<Share>,
    /// Best specificity of the score alone at a sensitivity of 90 % or more
    /// here, whatever the shipped operating point.
    pub specificity_at_90: Option<Measured>,
    pub ece_before: Option<f64>,
    pub ece_after: Option<f64>,
}

/// What the student's own outputs make of the photographs as photographs. The
/// fast measures on pixels come before it on the device and are not in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateScores {
    /// By what is known of the photographs.
    pub refused: Vec<GateRow>,
    /// `reject` against `good` in the source's own column `eyeq_quality`, by
    /// the probability of any fault of the photograph.
    pub reject_auc: Option<Measured>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    pub what: String,
    pub refused: Share,
    /// Photographs by the reason of their refusal.
    pub reasons: BTreeMap<String, u32>,
}
