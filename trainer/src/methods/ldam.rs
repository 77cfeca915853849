//! Label-distribution-aware margins with deferred re-weighting (LDAM-DRW, Cao
//! et al., NeurIPS 2019), for many labels: a class's margin is taken off its
//! cosine where the class is present, and nowhere else; over the last part of
//! the schedule the classes weigh by their effective number of photographs.

use anyhow::{ensure, Result};
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::class_balanced::effective;
use super::{above_nought, below_one, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_bce;
use crate::nets::HeadKind;

/// Settings of the method `ldam`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ldam {
    /// The margin of the rarest class, in cosine: 0 to 1, 0.5 by default.
    #[serde(default = "half")]
    pub margin: f64,
    /// Factor of the cosine, above 0; 30 by default.
    #[serde(default = "thirty")]
    pub scale: f64,
    /// How much of the schedule is behind when the weights begin, 0 to 1; 1 never. 0.8 by default,
    /// as the authors': 160 of 200 epochs.
    #[serde(default = "late")]
    pub deferred: f64,
    /// Of the effective number of photographs, (1 - beta^n) / (1 - beta): from 0 to below 1, 0.9999
    /// by default.
    #[serde(default = "beta")]
    pub beta: f64,
}

fn half() -> f64 {
    0.5
}
fn thirty() -> f64 {
    30.0
}
fn late() -> f64 {
    0.8
}
fn beta() -> f64 {
    0.9999
}

impl Settings for Ldam {
    fn check(&self) -> Result<()> {
        above_nought("scale", self.scale)?;
        for (name, value) in [("margin", self.margin), ("deferred", self.deferred)] {
            ensure!(
                (0.0..=1.0).contains(&value),
                "{name} = {value} must lie in 0..1"
            );
        }
        below_one("beta", self.beta)?;
        Ok(())
    }

    fn head(&self, _: &Taxonomy) -> HeadKind {
        HeadKind::Cosine { scale: self.scale }
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let (counts, device) = (context.finest_counts(), context.device);
        Ok(Box::new(Margins {
            margins: margins(counts, self.margin, device) * self.scale,
            weights: effective(counts, self.beta, device),
            deferred: self.deferred,
        }))
    }
}

struct Margins {
    /// 1 x k, in logits.
    margins: Tensor,
    weights: Tensor,
    deferred: f64,
}

impl Method for Margins {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let (targets, mask) = step.batch.finest(step.output.logits.size()[1]);
        let logits = &step.output.logits - &targets * &self.margins;
        let weights = self.weights.expand_as(&targets);
        let weights = (step.progress > self.deferred).then_some(&weights);
        let loss = masked_bce(&logits, &targets, &mask, weights);
        vec![Term::new(LABELS, 1.0, loss)]
    }
}

/// n^(-1/4), scaled so that the largest is `largest`: 1 x k. A class that no
/// photograph shows has none.
fn margins(counts: &[f32], largest: f64, device: Device) -> Tensor {
    let of = |&n: &f32| if n > 0.0 { n.powf(-0.25) } else { 0.0 };
    let margins: Vec<f32> = counts.iter().map(of).collect();
    let most = margins.iter().copied().fold(0.0, f32::max);
    let scale = if most > 0.0 {
        largest as f32 / most
    } else {
        0.0
    };
    let scaled: Vec<f32> = margins.iter().map(|m| m * scale).collect();
    Tensor::from_slice(&scaled).view([1, -1]).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_class_has_the_widest_margin() {
        let margins = margins(&[16.0, 1.0, 0.0, 256.0], 0.5, Device::Cpu);
        let margins = Vec::<f32>::try_from(margins.view([-1])).unwrap();
        assert_eq!(margins, [0.25, 0.5, 0.0, 0.125]);
    }
}
