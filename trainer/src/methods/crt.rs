//! Classifier re-training (cRT, Kang et al., ICLR 2020): the feature extractor
//! of another stage stays as it is, and a new classifier learns on
//! class-balanced draws. The extractor's normalisations keep their statistics:
//! what is frozen does not move.
//!
//! With `hierarchy`, on all levels as MLMC learns them; by the paper's table VI
//! that is MLMC and cRT without ICS. With `keep`, the classifier that came with the
//! extractor learns on, which serves rows that [`super::average`] is to mix.

use std::rc::Rc;

use anyhow::Result;
use fovea_core::calibration::ParentRule;
use serde::{Deserialize, Serialize};
use tch::{nn, no_grad};

use super::{default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::{masked_bce, Hierarchy, Parents};
use crate::samplers::Sampling;

/// Settings of the method `crt`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crt {
    /// Sum the loss over all levels, as MLMC does, rather than over the finest classes alone; false
    /// by default.
    #[serde(default)]
    pub hierarchy: bool,
    /// With `hierarchy`, how a parent's logit follows from its children's; `sum_of_logits` (eq. 2)
    /// by default.
    #[serde(default)]
    pub marginal: ParentRule,
    /// With `hierarchy`, the weight of each level above the finest in the loss: 0 or more, 1 by
    /// default.
    #[serde(default = "default::one", skip_serializing_if = "default::is_one")]
    pub parent_weight: f64,
    /// Train the classifier that came with the extractor on, rather than a new one; false by
    /// default.
    #[serde(default)]
    pub keep: bool,
}

impl Settings for Crt {
    fn check(&self) -> Result<()> {
        from_nought("parent_weight", self.parent_weight)
    }

    fn keeps_extractor(&self) -> bool {
        true
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        if !self.keep {
            // The classifier it came with has learned the long tail.
            forget(context.net.classifier()?);
        }
        Ok(Box::new(Retrained {
            hierarchy: context.hierarchy.clone(),
            finest: context.finest(),
            parents: self
                .hierarchy
                .then(|| Parents::new(self.marginal, self.parent_weight)),
        }))
    }
}

/// Makes a new classifier of it.
fn forget(classifier: &nn::Linear) {
    no_grad(|| {
        let stdev = nn::Init::Randn {
            mean: 0.0,
            stdev: 0.01,
        };
        classifier.ws.shallow_clone().init(stdev);
        if let Some(bias) = &classifier.bs {
            let _ = bias.shallow_clone().zero_();
        }
    });
}

struct Retrained {
    hierarchy: Rc<Hierarchy>,
    finest: i64,
    /// How the levels above the finest enter, where they do.
    parents: Option<Parents>,
}

impl Method for Retrained {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let (logits, batch) = (&step.output.logits, step.batch);
        let loss = match self.parents {
            Some(parents) => {
                self.hierarchy
                    .level_loss(logits, &batch.targets, &batch.mask, None, parents)
            }
            None => {
                let (targets, mask) = batch.finest(self.finest);
                masked_bce(logits, &targets, &mask, None)
            }
        };
        vec![Term::new(LABELS, 1.0, loss)]
    }
}
