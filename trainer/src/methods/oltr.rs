//! Open long-tailed recognition (OLTR, Liu et al., CVPR 2019): a memory of
//! class centroids lends the rare classes features of the others (see
//! [`HeadKind::Memory`]), and a loss holds features to the centroids of their
//! classes and off the others'.
//!
//! The stage starts from an ERM stage: the centroids are the means of its
//! features, as the authors' second phase begins. For many labels, ours: the
//! head's outputs are logits of sigmoids; a photograph is pulled to the mean of
//! its classes' centroids' squared distances, and pushed off the classes it is
//! known not to show.

use anyhow::{Context, Result};
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};
use tch::{no_grad, Kind, Tensor};

use super::{from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_bce;
use crate::nets::HeadKind;

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
    /// Half the squared distance to the own centroids, and what the mean over
    /// the others lacks of the margin.
    fn features(&self, features: &Tensor, targets: &Tensor, mask: &Tensor) -> Tensor {
        let squared = squared_distances(features, &self.centroids);
        let mean =
            |of: &Tensor| (&squared * of).sum(Kind::Float) / of.sum(Kind::Float).clamp_min(1.0);
        let own = targets * mask;
        let others = (1.0 - targets) * mask;
        mean(&own) / 2.0 + (self.settings.margin - mean(&others)).clamp_min(0.0)
    }
}

/// b x k, of features (b x width) and centroids (k x width).
fn squared_distances(features: &Tensor, centroids: &Tensor) -> Tensor {
    let length = |t: &Tensor| t.square().sum_dim_intlist(1, true, Kind::Float);
    let product = features.matmul(&centroids.tr());
    (length(features) + length(centroids).tr() - product * 2.0).clamp_min(0.0)
}
