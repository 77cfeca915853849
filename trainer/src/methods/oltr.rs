//! Open long-tailed recognition (OLTR, Liu et al., CVPR 2019): a memory of
//! class centroids lends the rare classes features of the others (see
//! [`HeadKind::Memory`]), and a loss holds features to the centroids of their
//! classes and off the others'.
//!
//! The stage starts from an ERM stage: the centroids are the means of its
//! features, as the authors' second phase begins, and draws are class-aware as
//! theirs are. The loss on the features alone moves the centroids; the head only
//! reads them. For many labels, ours: the head's outputs are logits of sigmoids;
//! a photograph is pulled to the mean of its classes' centroids' squared
//! distances, and pushed off the classes it is known not to show. Theirs and not
//! here: attention on the maps, and a hallucinator that starts as the first
//! phase's classifier.

use anyhow::{Context, Result};
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};
use tch::{no_grad, Kind, Tensor};

use super::{from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_bce;
use crate::nets::HeadKind;
use crate::samplers::Sampling;

/// Share of what lacks of the margin in the loss on the features, the authors'.
const REPEL: f64 = 0.01;

/// Settings of the method `oltr`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oltr {
    /// Weight of the loss on the features, 0 or more; 0.01 by default.
    #[serde(default = "hundredth")]
    pub feature_weight: f64,
    /// Mean squared distance at which other classes are far enough, 0 or more; 10 by default.
    #[serde(default = "ten")]
    pub margin: f64,
}

fn hundredth() -> f64 {
    0.01
}
fn ten() -> f64 {
    10.0
}

impl Settings for Oltr {
    fn check(&self) -> Result<()> {
        from_nought("feature_weight", self.feature_weight)?;
        from_nought("margin", self.margin)
    }

    fn head(&self, _: &Taxonomy) -> HeadKind {
        HeadKind::Memory
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let memory = context.net.memory().context("OLTR needs its memory head")?;
        let means = context.looks.class_means(context.net)?;
        no_grad(|| memory.centroids.shallow_clone().f_copy_(&means))?;
        Ok(Box::new(Remembering {
            centroids: memory.centroids.shallow_clone(),
            settings: self.clone(),
        }))
    }
}

struct Remembering {
    /// k x width.
    centroids: Tensor,
    settings: Oltr,
}

impl Method for Remembering {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let output = step.output;
        let (targets, mask) = step.batch.finest(output.logits.size()[1]);
        let labels = masked_bce(&output.logits, &targets, &mask, None);
        let features = self.features(&output.features, &targets, &mask);
        vec![
            Term::new(LABELS, 1.0, labels),
            Term::new("features", self.settings.feature_weight, features),
        ]
    }
}

impl Remembering {
    /// Half the squared distance to the own centroids, and [`REPEL`] times what
    /// the mean over the others lacks of the margin.
    fn features(&self, features: &Tensor, targets: &Tensor, mask: &Tensor) -> Tensor {
        let squared = squared_distances(features, &self.centroids);
        let mean =
            |of: &Tensor| (&squared * of).sum(Kind::Float) / of.sum(Kind::Float).clamp_min(1.0);
        let own = targets * mask;
        let others = (1.0 - targets) * mask;
        let lacking = (self.settings.margin - mean(&others)).clamp_min(0.0);
        mean(&own) / 2.0 + lacking * REPEL
    }
}

/// b x k, of features (b x width) and centroids (k x width).
fn squared_distances(features: &Tensor, centroids: &Tensor) -> Tensor {
    let length = |t: &Tensor| t.square().sum_dim_intlist(1, true, Kind::Float);
    let product = features.matmul(&centroids.tr());
    (length(features) + length(centroids).tr() - product * 2.0).clamp_min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_pulled_a_hundred_times_as_hard_as_pushed() {
        let table = |values: &[f32]| Tensor::from_slice(values).view([-1, 2]);
        // Of a photograph at (1, 0) that shows the class at (0, 0).
        let loss = |other: [f32; 2]| {
            let remembering = Remembering {
                centroids: table(&[0.0, 0.0, other[0], other[1]]),
                settings: toml::from_str("").unwrap(),
            };
            let [seen, shows, known] = [[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]];
            let loss = remembering.features(&table(&seen), &table(&shows), &table(&known));
            loss.double_value(&[])
        };
        // The other class is farther than the margin of 10, then 6 too near.
        for (other, expected) in [([3.0, 4.0], 0.5), ([1.0, 2.0], 0.5 + 0.01 * 6.0)] {
            let loss = loss(other);
            assert!((loss - expected).abs() < 1e-6, "{loss} is not {expected}");
        }
    }
}
