//! Empirical risk minimisation, and re-sampling (RS), which differs from it
//! only in how photographs are drawn.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_bce;
use crate::samplers::Sampling;

/// Settings of the method `erm`: there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erm {}

/// Settings of the method `rs`: there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rs {}

impl Settings for Erm {
    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Plain {
            finest: context.finest(),
            draws: Sampling::Instance,
        }))
    }
}

impl Settings for Rs {
    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Plain {
            finest: context.finest(),
            draws: Sampling::ClassBalanced,
        }))
    }
}

struct Plain {
    finest: i64,
    draws: Sampling,
}

impl Method for Plain {
    fn draws(&self) -> Sampling {
        self.draws
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let (targets, mask) = step.batch.finest(self.finest);
        let loss = masked_bce(&step.output.logits, &targets, &mask, None);
        vec![Term::new(LABELS, 1.0, loss)]
    }
}
