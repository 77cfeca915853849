//! What a run and an evaluation write down, and how it is printed.

use serde::{Deserialize, Serialize};

/// One line of a run's `history.jsonl`: what an epoch gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// From 1, within the phase.
    pub epoch: u32,
    /// Which part of the method ran: "teacher1", "student", "erm", ...
    pub phase: String,
    /// Mean over the epoch's batches, in the phase's own loss.
    pub train_loss: f64,
    /// Plain masked BCE over the validation split.
    pub val_loss: f64,
    /// Mean of `many`, `medium` and `few`.
    pub val_map_average: Option<f64>,
    /// mAP 0..1 over the classes of a shot group that have a positive in the
    /// validation split; `None` where no class has.
    pub many: Option<f64>,
    pub medium: Option<f64>,
    pub few: Option<f64>,
    pub learning_rate: f64,
    /// Training photographs per second, loading included.
    pub images_per_second: f64,
    /// Wall-clock time of the epoch with its validation.
    pub seconds: f64,
}
