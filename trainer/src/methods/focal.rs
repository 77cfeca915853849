//! Focal loss (Lin et al., ICCV 2017): terms that are well predicted count
//! less, by (1 - p_t)^gamma. Without its class weight alpha, as in the papers'
//! comparisons.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::{each_bce, masked_mean};

/// Settings of the method `focal`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Focal {
    /// Exponent of the focusing factor, 0 or more; 2 by default.
    #[serde(default = "default::two")]
    pub gamma: f64,
}

impl Settings for Focal {
    fn check(&self) -> Result<()> {
        from_nought("gamma", self.gamma)
    }

    fn build(&self, _: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Focused { gamma: self.gamma }))
    }
}

struct Focused {
    gamma: f64,
}

impl Method for Focused {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let logits = &step.output.logits;
        let (targets, mask) = step.batch.finest(logits.size()[1]);
        let loss = masked_mean(&each_focal(logits, &targets, self.gamma), &mask);
        vec![Term::new(LABELS, 1.0, loss)]
    }
}

/// (1 - p_t)^gamma times the cross-entropy of each label, b x k.
pub fn each_focal(logits: &Tensor, targets: &Tensor, gamma: f64) -> Tensor {
    // 1 - p_t = sigmoid(-z) where the class is present, sigmoid(z) where not,
    // by logarithms: its power has a finite slope wherever it is.
    let signs: Tensor = 1.0 - targets * 2.0;
    let wrong: Tensor = signs * logits;
    let focus = (wrong.log_sigmoid() * gamma).exp();
    focus * each_bce(logits, targets)
}
