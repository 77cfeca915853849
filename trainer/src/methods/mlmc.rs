//! Teacher 1: the multi-label marginalisation classifier (HKGL section IV-B,
//! eq. 1).

use std::rc::Rc;

use anyhow::Result;
use fovea_core::calibration::ParentRule;
use serde::{Deserialize, Serialize};

use super::{default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS};
use crate::losses::{Hierarchy, Parents};

/// Settings of the method `mlmc`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mlmc {
    /// How a parent's logit follows from its children's; `sum_of_logits` (eq. 2) by default.
    #[serde(default)]
    pub marginal: ParentRule,
    /// Weight of each level above the finest, and of the composites, in the loss: 0 or more, 1 by
    /// default.
    #[serde(default = "default::one", skip_serializing_if = "default::is_one")]
    pub parent_weight: f64,
    /// Add the composites (any referable finding, referable DR) to the levels; not in the paper,
    /// and false by default.
    #[serde(default)]
    pub composites: bool,
}

impl Settings for Mlmc {
    fn check(&self) -> Result<()> {
        from_nought("parent_weight", self.parent_weight)
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        Ok(Box::new(Marginalised {
            hierarchy: context.hierarchy.clone(),
            parents: Parents::new(self.marginal, self.parent_weight),
            composites: self.composites,
        }))
    }
}

struct Marginalised {
    hierarchy: Rc<Hierarchy>,
    parents: Parents,
    composites: bool,
}

impl Method for Marginalised {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let (logits, batch) = (&step.output.logits, step.batch);
        let levels =
            self.hierarchy
                .level_loss(logits, &batch.targets, &batch.mask, None, self.parents);
        let mut terms = vec![Term::new(LABELS, 1.0, levels)];
        if self.composites {
            let composites = self.hierarchy.composite_loss(
                logits,
                &batch.composite_targets,
                &batch.composite_mask,
            );
            terms.push(Term::new("composites", self.parents.weight, composites));
        }
        terms
    }
}
