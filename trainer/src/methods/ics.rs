//! Teacher 2: MLMC on class-balanced draws, each term weighed instance-wise
//! (HKGL section IV-C, eq. 6), with the feature extractor frozen (cRT) or not.

use std::rc::Rc;

use anyhow::Result;
use fovea_core::calibration::ParentRule;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::{masked_bce, Hierarchy, InstanceWeights, Parents};
use crate::samplers::Sampling;

/// Settings of the method `ics`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// Freeze the feature extractor; false by default. Its batch norms then keep their statistics:
    /// what is frozen does not move.
    #[serde(default)]
    pub crt: bool,
    /// Weigh positive terms only; as printed, eq. 6 weighs both. False by default.
    #[serde(default)]
    pub positives_only: bool,
    /// Sum the loss over all levels, as teacher 2 does; true by default. Without, over the finest
    /// classes alone: ICS without MLMC in the paper's table VI.
    #[serde(default = "default::yes", skip_serializing_if = "default::is_yes")]
    pub hierarchy: bool,
    /// How a parent's logit follows from its children's; `sum_of_logits` (eq. 2) by default.
    #[serde(default)]
    pub marginal: ParentRule,
    /// Weight of each level above the finest in the loss: 0 or more, 1 by default.
    #[serde(default = "default::one", skip_serializing_if = "default::is_one")]
    pub parent_weight: f64,
}

impl Settings for Ics {
    fn check(&self) -> Result<()> {
        from_nought("parent_weight", self.parent_weight)
    }

    fn keeps_extractor(&self) -> bool {
        self.crt
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(InstanceWise {
            hierarchy: context.hierarchy.clone(),
            weights: LevelWeights::new(context, self.positives_only),
            parents: self
                .hierarchy
                .then(|| Parents::new(self.marginal, self.parent_weight)),
        }))
    }
}

struct InstanceWise {
    hierarchy: Rc<Hierarchy>,
    weights: LevelWeights,
    /// How the levels above the finest enter, where they do.
    parents: Option<Parents>,
}

impl Method for InstanceWise {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let loss = self.weights.loss(&self.hierarchy, self.parents, step);
        vec![Term::new(LABELS, 1.0, loss)]
    }
}

/// Equation 6 applied to each level by that level's own counts.
pub struct LevelWeights {
    levels: Vec<(i64, i64, InstanceWeights)>,
}

impl LevelWeights {
    pub fn new(context: &MethodContext, positives_only: bool) -> LevelWeights {
        let levels = context
            .hierarchy
            .levels()
            .iter()
            .map(|&(start, len)| {
                let counts = &context.counts[start as usize..(start + len) as usize];
                (
                    start,
                    len,
                    InstanceWeights::new(counts, positives_only, context.device),
                )
            })
            .collect();
        LevelWeights { levels }
    }

    /// The labels' loss with these weights: over all levels where `parents`
    /// says how, else over the finest.
    pub fn loss(&self, hierarchy: &Hierarchy, parents: Option<Parents>, step: &Step) -> Tensor {
        let (logits, batch) = (&step.output.logits, step.batch);
        let weights = self.weigh(&batch.targets);
        match parents {
            Some(parents) => {
                hierarchy.level_loss(logits, &batch.targets, &batch.mask, Some(&weights), parents)
            }
            None => {
                let k = logits.size()[1];
                let (targets, mask) = batch.finest(k);
                masked_bce(logits, &targets, &mask, Some(&weights.narrow(1, 0, k)))
            }
        }
    }

    /// `targets` b x n -> b x n.
    fn weigh(&self, targets: &Tensor) -> Tensor {
        let parts: Vec<Tensor> = self
            .levels
            .iter()
            .map(|(start, len, weights)| weights.weigh(&targets.narrow(1, *start, *len)))
            .collect();
        Tensor::cat(&parts, 1)
    }
}
