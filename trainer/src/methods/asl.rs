//! Asymmetric loss (Ridnik et al., ICCV 2021): negatives are focused harder
//! than positives, and those below a probability of `clip` count nothing. No
//! gradient flows through the focusing weights, as in the authors' training.
//!
//! The authors sum over labels and photographs; here the mean over the known
//! labels is taken, times the classes, so that what a photograph weighs does not
//! depend on how many of its labels are known.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{below_one, default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_mean;

/// Settings of the method `asl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asl {
    /// Exponent of the focusing factor of negatives, 0 or more; 4 by default.
    #[serde(default = "four")]
    pub negative_gamma: f64,
    /// Exponent of the focusing factor of positives, 0 or more; 1 by default.
    #[serde(default = "default::one")]
    pub positive_gamma: f64,
    /// Taken off the probability of a negative: from 0 to below 1, 0.05 by default.
    #[serde(default = "twentieth")]
    pub clip: f64,
}

fn four() -> f64 {
    4.0
}
fn twentieth() -> f64 {
    0.05
}

impl Settings for Asl {
    fn check(&self) -> Result<()> {
        from_nought("negative_gamma", self.negative_gamma)?;
        from_nought("positive_gamma", self.positive_gamma)?;
        below_one("clip", self.clip)?;
        Ok(())
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Asymmetric {
            settings: self.clone(),
            classes: context.finest() as f64,
        }))
    }
}

struct Asymmetric {
    settings: Asl,
    classes: f64,
}

impl Method for Asymmetric {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let logits = &step.output.logits;
        let (targets, mask) = step.batch.finest(logits.size()[1]);
        let each = each_asymmetric(logits, &targets, &self.settings);
        vec![Term::new(LABELS, self.classes, masked_mean(&each, &mask))]
    }
}

/// The loss of each label, b x k.
fn each_asymmetric(logits: &Tensor, targets: &Tensor, settings: &Asl) -> Tensor {
    let p = logits.sigmoid();
    // 1 - p of a negative, shifted up.
    let absent: Tensor = 1.0 - &p + settings.clip;
    let absent = absent.clamp_max(1.0);
    let yes = targets * logits.log_sigmoid();
    let no = (1.0 - targets) * absent.clamp_min(1e-8).log();
    let focus = tch::no_grad(|| {
        let right = &p * targets + &absent * (1.0 - targets);
        let gamma = targets * settings.positive_gamma + (1.0 - targets) * settings.negative_gamma;
        let wrong: Tensor = 1.0 - right;
        wrong.clamp_min(0.0).pow(&gamma)
    });
    let likelihood: Tensor = yes + no;
    -likelihood * focus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_of_the_authors() {
        let settings: Asl = toml::from_str("").unwrap();
        let logits = Tensor::from_slice(&[0.5f64, -4.0, -1.0, 30.0]);
        let targets = Tensor::from_slice(&[1.0f64, 0.0, 0.0, 0.0]);
        let each = Vec::<f64>::try_from(each_asymmetric(&logits, &targets, &settings)).unwrap();
        let p = |z: f64| 1.0 / (1.0 + (-z).exp());
        let expected = [
            -(p(0.5).ln()) * (1.0 - p(0.5)),
            // Below the clip: nothing.
            0.0,
            -((1.05 - p(-1.0)).ln()) * (p(-1.0) - 0.05).powi(4),
            -((1.05 - p(30.0)).ln()) * (p(30.0) - 0.05).powi(4),
        ];
        for (found, expected) in each.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }
}
