//! Empirical risk minimisation, and re-sampling (RS), which differs from it
//! only in how photographs are drawn.

use tch::Tensor;

use super::{Method, MethodContext, TensorBatch};
use crate::losses::masked_bce;
use crate::nets::Output;
use crate::samplers::Sampling;

pub struct Erm {
    finest: i64,
    draws: Sampling,
}

impl Erm {
    pub fn new(context: &MethodContext, draws: Sampling) -> Erm {
        Erm {
            finest: context.hierarchy.levels()[0].1,
            draws,
        }
    }
}

impl Method for Erm {
    fn draws(&self) -> Sampling {
        self.draws
    }

    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let finest = |t: &Tensor| t.narrow(1, 0, self.finest);
        masked_bce(
            &output.logits,
            &finest(&batch.targets),
            &finest(&batch.mask),
            None,
        )
    }
}
