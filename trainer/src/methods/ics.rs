//! Teacher 2: MLMC on class-balanced draws, each term weighed instance-wise
//! (HKGL section IV-C, eq. 6), with the feature extractor frozen (cRT) or not.

use std::rc::Rc;

use tch::Tensor;

use super::{Method, MethodContext, TensorBatch};
use crate::losses::{Hierarchy, InstanceWeights, Parents};
use crate::nets::Output;
use crate::samplers::Sampling;

pub struct Ics {
    hierarchy: Rc<Hierarchy>,
    weights: LevelWeights,
    crt: bool,
    parents: Parents,
}

impl Ics {
    pub fn new(context: &MethodContext, crt: bool, positives_only: bool, parents: Parents) -> Ics {
        Ics {
            hierarchy: context.hierarchy.clone(),
            weights: LevelWeights::new(context, positives_only),
            crt,
            parents,
        }
    }
}

impl Method for Ics {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn trains_features(&self) -> bool {
        !self.crt
    }

    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let weights = self.weights.weigh(&batch.targets);
        self.hierarchy.level_loss(
            &output.logits,
            &batch.targets,
            &batch.mask,
            Some(&weights),
            self.parents,
        )
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

    /// `targets` b x n -> b x n.
    pub fn weigh(&self, targets: &Tensor) -> Tensor {
        let parts: Vec<Tensor> = self
            .levels
            .iter()
            .map(|(start, len, weights)| weights.weigh(&targets.narrow(1, *start, *len)))
            .collect();
        Tensor::cat(&parts, 1)
    }
}
