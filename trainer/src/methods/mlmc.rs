//! Teacher 1: the multi-label marginalisation classifier (HKGL section IV-B).

use std::rc::Rc;

use tch::Tensor;

use super::{Method, Setting, TensorBatch};
use crate::losses::{Hierarchy, Marginal};
use crate::nets::Output;

pub struct Mlmc {
    hierarchy: Rc<Hierarchy>,
    marginal: Marginal,
    composites: bool,
}

impl Mlmc {
    pub fn new(setting: &Setting, marginal: Marginal, composites: bool) -> Mlmc {
        Mlmc {
            hierarchy: setting.hierarchy.clone(),
            marginal,
            composites,
        }
    }
}

impl Method for Mlmc {
    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let (targets, mask) = (&batch.targets, &batch.mask);
        let logits = self.hierarchy.marginalise(&output.logits, self.marginal);
        let levels = self.hierarchy.level_loss(&logits, targets, mask, None);
        if self.composites {
            levels + self.hierarchy.composite_loss(&output.logits, targets, mask)
        } else {
            levels
        }
    }
}
