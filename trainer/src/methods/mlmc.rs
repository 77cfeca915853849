//! Teacher 1: the multi-label marginalisation classifier (HKGL section IV-B).

use std::rc::Rc;

use tch::Tensor;

use super::{Method, Setting, TensorBatch};
use crate::losses::{Hierarchy, Marginal};
use crate::nets::Output;

pub struct Mlmc {
    hierarchy: Rc<Hierarchy>,
    marginal: Marginal,
}

impl Mlmc {
    pub fn new(setting: &Setting, marginal: Marginal) -> Mlmc {
        Mlmc {
            hierarchy: setting.hierarchy.clone(),
            marginal,
        }
    }
}

impl Method for Mlmc {
    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let logits = self.hierarchy.marginalise(&output.logits, self.marginal);
        self.hierarchy
            .level_loss(&logits, &batch.targets, &batch.mask, None)
    }
}
