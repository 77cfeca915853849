//! Re-weighting (RW): every class weighs by the inverse of its training
//! photographs, the weights having a mean of one over the classes that there
//! are. Positive and negative terms alike.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::{Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_bce;

/// Settings of the method `rw`: there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reweighting {}

impl Settings for Reweighting {
    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Reweighted {
            weights: inverse_frequency(context.finest_counts(), context.device),
        }))
    }
}

struct Reweighted {
    weights: Tensor,
}

impl Method for Reweighted {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let logits = &step.output.logits;
        let (targets, mask) = step.batch.finest(logits.size()[1]);
        let weights = self.weights.expand_as(&targets);
        let loss = masked_bce(logits, &targets, &mask, Some(&weights));
        vec![Term::new(LABELS, 1.0, loss)]
    }
}

fn inverse_frequency(counts: &[f32], device: Device) -> Tensor {
    mean_of_one(counts, device, |n| 1.0 / n)
}

/// A weight per class, 1 x k, of its training photographs: scaled to a mean of
/// one over the classes that any shows. The others weigh nothing.
pub fn mean_of_one(counts: &[f32], device: Device, weight: impl Fn(f32) -> f32) -> Tensor {
    let of = |&n: &f32| if n > 0.0 { weight(n) } else { 0.0 };
    let weights: Vec<f32> = counts.iter().map(of).collect();
    let there = counts.iter().filter(|&&n| n > 0.0).count();
    let mean = weights.iter().sum::<f32>() / there.max(1) as f32;
    let scale = if mean > 0.0 { 1.0 / mean } else { 1.0 };
    let scaled: Vec<f32> = weights.iter().map(|w| w * scale).collect();
    Tensor::from_slice(&scaled).view([1, -1]).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_weigh_more_and_the_mean_is_one() {
        let weights = inverse_frequency(&[100.0, 50.0, 0.0, 25.0], Device::Cpu);
        let weights = Vec::<f32>::try_from(weights.view([-1])).unwrap();
        // 0.01, 0.02 and 0.04 have a mean of 0.07 / 3.
        let expected = [3.0 / 7.0, 6.0 / 7.0, 0.0, 12.0 / 7.0];
        for (found, expected) in weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{weights:?}");
        }
    }
}
