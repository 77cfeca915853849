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

/// A measure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// On the photographs as they are, 0..1.
    pub value: f64,
    /// By drawing patients again, or Wilson's for a [`Share`]; `None` where too few draws define
    /// the measure.
    pub interval: Option<Interval>,
}

/// A share of counted photographs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Photographs that count.
    pub count: u32,
    /// Photographs in all, 1 or more.
    pub of: u32,
    /// `count` over `of`, 0..1.
    pub value: f64,
    /// Wilson's 95 % interval, 0..1.
    pub interval: Interval,
}

impl Share {
    /// `count` of `of` photographs; `None` where `of` is 0.
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
    /// Id of the taxonomy.
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
    /// Number of photographs.
    pub photographs: u32,
    /// Number of different patients among them, told apart by source and patient.
    pub patients: u32,
    /// mAP by shot group.
    pub groups: GroupScores,
    /// The levels finest, disease and group, in this order.
    pub levels: Vec<LevelScores>,
    /// The class set of the HKGL paper's table II, where the taxonomy has it.
    pub paper_classes: Option<ClassSetScores>,
    /// The device's whole rule against the composite `referable`; `None` where no source has both
    /// answers.
    pub referral: Option<DecisionScores>,
    /// The composite `referable_dr` at its operating point; `None` where no source has both
    /// answers.
    pub referable_dr: Option<DecisionScores>,
    /// The `referable_dr` output against the source's own column `dr`: none
    /// against npdr and pdr. Harsher than `referable_dr`, for mild NPDR counts
    /// as positive here.
    pub any_dr_by_column: Option<DecisionScores>,
    /// What the gate refuses; `None` without a calibration.
    pub gate: Option<GateScores>,
    /// What the labels of these photographs answer both ways, composites first.
    #[serde(default)]
    pub questions: Vec<QuestionScores>,
    /// Whom the device refers without need.
    #[serde(default)]
    pub referred: ReferredScores,
    /// Every node, in the taxonomy's order.
    pub nodes: Vec<NodeScores>,
}

/// The paper's measure, over the finest classes of the eye.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupScores {
    /// mAP over the many-shot classes that have a positive here.
    pub many: Option<Measured>,
    /// mAP over the medium-shot classes that have a positive here.
    pub medium: Option<Measured>,
    /// mAP over the few-shot classes that have a positive here.
    pub few: Option<Measured>,
    /// Mean of the three groups, of those that are defined.
    pub average: Option<Measured>,
    /// Mean AUC over the classes of the three groups.
    pub macro_auc: Option<Measured>,
    /// Classes of the three groups without a positive here.
    pub left_out: Vec<String>,
}

/// Means over the nodes of the eye at one level that have a positive here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelScores {
    /// Which level.
    pub level: Level,
    /// Number of nodes with a positive here.
    pub classes: u32,
    /// Mean average precision.
    pub map: Option<Measured>,
    /// Mean AUC.
    pub macro_auc: Option<Measured>,
    /// Mean expected calibration error of the network's own probabilities, 0..1.
    pub ece_before: Option<f64>,
    /// Mean expected calibration error of the calibrated probabilities; `None` without a
    /// calibration.
    pub ece_after: Option<f64>,
}

/// A coarser set of classes, a view of the taxonomy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassSetScores {
    /// Id of the view, such as `hkgl12`.
    pub id: String,
    /// Mean average precision over the classes with a positive here.
    pub map: Option<Measured>,
    /// Mean AUC over the classes with both answers here.
    pub macro_auc: Option<Measured>,
    /// In the order of the view.
    pub classes: Vec<ClassScores>,
}

/// One class of a [`ClassSetScores`]: present where any of its nodes is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Id of the class in the view.
    pub id: String,
    /// Photographs in which it is known to be present or absent.
    pub known: u32,
    /// Photographs in which it is present.
    pub positives: u32,
    /// `None` without a positive.
    pub average_precision: Option<Measured>,
    /// `None` unless both answers are here.
    pub auc: Option<Measured>,
}

/// One node of the taxonomy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeScores {
    /// Id of the node.
    pub id: String,
    /// Its level in the taxonomy.
    pub level: Level,
    /// Whether it speaks of the eye or of the photograph.
    pub subject: Subject,
    /// Photographs in which it is known to be present or absent.
    pub known: u32,
    /// Photographs in which it is present.
    pub positives: u32,
    /// `None` without a positive.
    pub average_precision: Option<Measured>,
    /// `None` unless both answers are here.
    pub auc: Option<Measured>,
    /// Error of the network's own probability, 0..1 (see
    /// [`crate::metrics::expected_calibration_error`]).
    pub ece_before: Option<f64>,
    /// Error of the calibrated probability, 0..1; `None` without a calibration.
    pub ece_after: Option<f64>,
    /// At the shipped operating point; `None` without a calibration or without a positive.
    pub sensitivity: Option<Share>,
    /// At the same point; `None` without a calibration or without a negative.
    pub specificity: Option<Share>,
}

/// A yes-or-no verdict on a patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionScores {
    /// Sources that count: those in which both answers occur. A source of only
    /// one answer would let a network pass by telling cameras apart.
    pub sources: Vec<String>,
    /// Photographs whose answer is yes.
    pub positives: u32,
    /// Photographs whose answer is no.
    pub negatives: u32,
    /// Photographs left out: what is known of them decides nothing, or their
    /// source has only one answer.
    pub left_out: u32,
    /// Of the composite's output.
    pub auc: Option<Measured>,
    /// Of the composite's output; `None` without a positive.
    pub average_precision: Option<Measured>,
    /// The shipped rule's verdicts against the truth; `None` without a calibration.
    pub counts: Option<Counts>,
    /// Share of the positives that the shipped rule calls.
    pub sensitivity: Option<Share>,
    /// Share of the negatives that it does not call.
    pub specificity: Option<Share>,
    /// Best specificity of the score alone at a sensitivity of 90 % or more
    /// here, whatever the shipped operating point.
    pub specificity_at_90: Option<Measured>,
    /// Expected calibration error of the network's own probability, 0..1.
    pub ece_before: Option<f64>,
    /// Expected calibration error of the calibrated probability; `None` without a calibration.
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

/// How many photographs of one kind the gate refuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    /// Which photographs: `every photograph`, `no fault known of`, the id of a node that is
    /// present, or `EyeQ good`, `EyeQ usable` and `EyeQ reject` by the column `eyeq_quality`.
    pub what: String,
    /// Share of them that is refused.
    pub refused: Share,
    /// Photographs by the reason of their refusal.
    pub reasons: BTreeMap<String, u32>,
}
