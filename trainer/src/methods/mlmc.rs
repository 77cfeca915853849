//! Teacher 1: the multi-label marginalisation classifier (HKGL section IV-B).

use std::rc::Rc;

use tch::Tensor;

use super::{Method, MethodContext, TensorBatch};
use crate::losses::{Hierarchy, Parents};
use crate::nets::Output;

pub struct Mlmc {
    hierarchy: Rc<Hierarchy>,
    parents: Parents,
    composites: bool,
}

impl Mlmc {
    pub fn new(context: &MethodContext, parents: Parents, composites: bool) -> Mlmc {
        Mlmc {
            hierarchy: context.hierarchy.clone(),
            parents,
            composites,
        }
    }
}

impl Method for Mlmc {
    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let (targets, mask) = (&batch.targets, &batch.mask);
        let levels = self
            .hierarchy
            .level_loss(&output.logits, targets, mask, None, self.parents);
        if self.composites {
            let composites = self.hierarchy.composite_loss(
                &output.logits,
                &batch.composite_targets,
                &batch.composite_mask,
            );
            levels + composites * self.parents.weight
        } else {
            levels
        }
    }
}
