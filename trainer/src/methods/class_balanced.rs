//! Class-balanced focal loss (Cui et al., CVPR 2019): classes weigh by the
//! inverse of their effective number of photographs, (1 - beta^n) / (1 - beta),
//! here with a mean of one over the classes that there are.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::focal::each_focal;
use super::reweighting::mean_of_one;
use super::{below_one, default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_mean;

/// Settings of the method `cb_focal`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CbFocal {
    /// Of the effective number of photographs, (1 - beta^n) / (1 - beta): from 0 to below 1, 0.9999
    /// by default.
    #[serde(default = "beta")]
    pub beta: f64,
    /// Exponent of the focusing factor, 0 or more; 2 by default.
    #[serde(default = "default::two")]
    pub gamma: f64,
}

fn beta() -> f64 {
    0.9999
}

impl Settings for CbFocal {
    fn check(&self) -> Result<()> {
        below_one("beta", self.beta)?;
        from_nought("gamma", self.gamma)
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Balanced {
            weights: effective(context.finest_counts(), self.beta, context.device),
            gamma: self.gamma,
        }))
    }
}

struct Balanced {
    weights: Tensor,
    gamma: f64,
}

impl Method for Balanced {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let logits = &step.output.logits;
        let (targets, mask) = step.batch.finest(logits.size()[1]);
        let each = each_focal(logits, &targets, self.gamma) * &self.weights;
        vec![Term::new(LABELS, 1.0, masked_mean(&each, &mask))]
    }
}

/// Weights by the effective number of photographs, 1 x k, their mean one.
pub fn effective(counts: &[f32], beta: f64, device: Device) -> Tensor {
    mean_of_one(counts, device, |n| {
        ((1.0 - beta) / (1.0 - beta.powf(f64::from(n)))) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_effective_number() {
        let weights = effective(&[1.0, 2.0], 0.5, Device::Cpu);
        let weights = Vec::<f32>::try_from(weights.view([-1])).unwrap();
        // 0.5 / 0.5 = 1 and 0.5 / 0.75 = 2/3 have a mean of 5/6.
        assert!((weights[0] - 1.2).abs() < 1e-6 && (weights[1] - 0.8).abs() < 1e-6);
    }
}
