//! The plain hierarchical loss (HL) that HKGL's table VIII compares with: each
//! level has a classifier of its own on the same features, and the losses of the
//! levels are summed (the per-level classifier of Dhall et al., CVPR workshops
//! 2020). Nothing ties a parent's answer to its children's.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{nn, nn::Module};

use super::{Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::masked_bce;

/// Settings of the method `hl`: there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hierarchical {}

impl Settings for Hierarchical {
    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let levels = context.hierarchy.levels().to_vec();
        let parents: i64 = levels[1..].iter().map(|&(_, len)| len).sum();
        Ok(Box::new(PerLevel {
            levels,
            parents: nn::linear(
                &context.own / "parents",
                context.net.width(),
                parents,
                Default::default(),
            ),
        }))
    }
}

struct PerLevel {
    /// First node and number of nodes of each level, finest first.
    levels: Vec<(i64, i64)>,
    /// Logits of all nodes above the finest.
    parents: nn::Linear,
}

impl Method for PerLevel {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let finest = self.levels[0].1;
        let above = self.parents.forward(&step.output.features);
        let terms = self.levels.iter().enumerate().map(|(i, &(start, len))| {
            let logits = match i {
                0 => step.output.logits.shallow_clone(),
                _ => above.narrow(1, start - finest, len),
            };
            let targets = step.batch.targets.narrow(1, start, len);
            let mask = step.batch.mask.narrow(1, start, len);
            let name = [LABELS, "diseases", "groups"][i];
            Term::new(name, 1.0, masked_bce(&logits, &targets, &mask, None))
        });
        terms.collect()
    }
}
