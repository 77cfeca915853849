//! Classifier re-training (cRT, Kang et al., ICLR 2020): the feature extractor
//! of another stage stays as it is, and a new classifier learns on
//! class-balanced draws. The extractor's normalisations keep their statistics:
//! what is frozen does not move.
//!
//! With `hierarchy`, on all levels as MLMC learns them; by the paper's table VI
//! that is MLMC and cRT without ICS.

use std::rc::Rc;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{nn, no_grad};

use super::{Method, MethodContext, Settings, Step, Term, LABELS};
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
}

impl Settings for Crt {
    fn keeps_extractor(&self) -> bool {
        true
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        // The classifier it came with has learned the long tail.
        let linear = context.net.classifier()?;
        no_grad(|| {
            let mut weight = linear.ws.shallow_clone();
            let stdev = nn::Init::Randn {
                mean: 0.0,
                stdev: 0.01,
            };
            weight.init(stdev);
            if let Some(bias) = &linear.bs {
                let _ = bias.shallow_clone().zero_();
            }
        });
        Ok(Box::new(Retrained {
            hierarchy: context.hierarchy.clone(),
            finest: context.finest(),
            levels: self.hierarchy,
        }))
    }
}

struct Retrained {
    hierarchy: Rc<Hierarchy>,
    finest: i64,
    levels: bool,
}

impl Method for Retrained {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let (logits, batch) = (&step.output.logits, step.batch);
        let loss = if self.levels {
            let parents = Parents::new(Default::default(), 1.0);
            self.hierarchy
                .level_loss(logits, &batch.targets, &batch.mask, None, parents)
        } else {
            let (targets, mask) = batch.finest(self.finest);
            masked_bce(logits, &targets, &mask, None)
        };
        vec![Term::new(LABELS, 1.0, loss)]
    }
}
