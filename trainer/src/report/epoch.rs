//! What an epoch of training gave.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::table::percent;

/// One line of a run's `history.jsonl`: what an epoch gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// From 1, within the stage.
    pub epoch: u32,
    /// Name of the stage that was trained.
    pub phase: String,
    /// What the stage's method minimises, the mean over the epoch's photographs.
    pub train_loss: f64,
    /// Mean of each of its terms, before their weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, f64>,
    /// Plain masked BCE of the finest classes over the validation photographs; NaN (`null` in JSON)
    /// for a run without any.
    #[serde(deserialize_with = "null_is_nan")]
    pub val_loss: f64,
    /// Mean of `many`, `medium` and `few`, of those that are defined.
    pub val_map_average: Option<f64>,
    /// mAP, 0..1, over the many-shot classes that have a positive in the validation split; `None`
    /// where no class has.
    pub many: Option<f64>,
    /// The same over the medium-shot classes.
    pub medium: Option<f64>,
    /// The same over the few-shot classes.
    pub few: Option<f64>,
    /// Of the epoch's last step.
    pub learning_rate: f64,
    /// Training photographs per second, loading included.
    pub images_per_second: f64,
    /// Share of the training time spent waiting for the loader, 0..1.
    #[serde(default)]
    pub waiting: f64,
    /// Wall-clock seconds of the epoch, its validation included.
    pub seconds: f64,
}

impl EpochLine {
    /// For the terminal; `epochs` is how many the stage has at most.
    pub fn to_line(&self, stage: &str, epochs: usize) -> String {
        format!(
            "{stage} {:>3}/{epochs}  loss {:.4}  val {:.4}  mAP {} (many {}  medium {}  few {})  \
             lr {:.1e}  {:.0} images/s (waiting {:.0} %)  {:.0} s",
            self.epoch,
            self.train_loss,
            self.val_loss,
            percent(self.val_map_average),
            percent(self.many),
            percent(self.medium),
            percent(self.few),
            self.learning_rate,
            self.images_per_second,
            100.0 * self.waiting,
            self.seconds
        )
    }
}

fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_validation_survives_json() {
        let line = EpochLine {
            epoch: 2,
            phase: "erm".to_owned(),
            train_loss: 0.25,
            terms: [("labels".to_owned(), 0.25)].into(),
            val_loss: f64::NAN,
            val_map_average: None,
            many: Some(0.4),
            medium: None,
            few: None,
            learning_rate: 1e-3,
            images_per_second: 10.0,
            waiting: 0.01,
            seconds: 60.0,
        };
        let json = serde_json::to_string(&line).expect("plain data");
        let back: EpochLine = serde_json::from_str(&json).expect("its own JSON");
        assert!(back.val_loss.is_nan());
        assert_eq!(back.many, line.many);
        assert!(line.to_line("erm", 10).contains("many 40.0  medium -"));
    }
}
