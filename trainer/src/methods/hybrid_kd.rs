//! The student: features of teacher 1, logits of teacher 2, and the labels
//! weighed instance-wise (HKGL section IV-D, eq. 9):
//! L = (1 - alpha - beta) L_BCE + alpha gamma L_F + beta L_C.
//!
//! Not in the paper: several teachers of logits, whose mean is taught.

use std::rc::Rc;

use anyhow::Result;
use tch::{nn, nn::Module, Tensor};

use super::ics::LevelWeights;
use super::{HybridKd, Method, MethodContext, Teacher, TensorBatch};
use crate::losses::{feature_distillation, logits_distillation, masked_bce, Hierarchy, Parents};
use crate::nets::Output;
use crate::samplers::Sampling;

pub struct Hybrid {
    config: HybridKd,
    hierarchy: Rc<Hierarchy>,
    parents: Parents,
    weights: LevelWeights,
    features: Rc<Teacher>,
    logits: Vec<OfLogits>,
    /// Takes the student's features to the teacher's width, where they differ.
    projection: Option<nn::Linear>,
}

/// A teacher of logits.
struct OfLogits {
    teacher: Rc<Teacher>,
    /// After cRT it shares the feature extractor of the teacher of features,
    /// and is only another classifier on what that one sees.
    one_extractor: bool,
}

impl OfLogits {
    fn logits(&self, images: &Tensor, seen: &Output) -> Tensor {
        if self.one_extractor {
            tch::no_grad(|| self.teacher.net.head(&seen.features))
        } else {
            self.teacher.look(images).logits
        }
    }
}

impl Hybrid {
    pub fn new(context: &MethodContext, config: &HybridKd) -> Result<Hybrid> {
        let features = (context.teacher)(&config.features)?;
        let of_logits = |name: &String| {
            anyhow::Ok(OfLogits {
                teacher: (context.teacher)(name)?,
                one_extractor: (context.one_extractor)(&config.features, name),
            })
        };
        let logits = config.logits.names().iter().map(of_logits);
        let logits = logits.collect::<Result<_>>()?;
        let wide = features.net.width();
        let projection = (wide != context.width).then(|| {
            nn::linear(
                &context.own / "projection",
                context.width,
                wide,
                Default::default(),
            )
        });
        Ok(Hybrid {
            config: config.clone(),
            hierarchy: context.hierarchy.clone(),
            parents: Parents::new(config.marginal, config.parent_weight),
            weights: LevelWeights::new(context, config.positives_only),
            features,
            logits,
            projection,
        })
    }

    fn classification_loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let labels = self.labels_loss(output, batch);
        if self.config.composites {
            let composites = self.hierarchy.composite_loss(
                &output.logits,
                &batch.composite_targets,
                &batch.composite_mask,
            );
            labels + composites * self.parents.weight
        } else {
            labels
        }
    }

    fn labels_loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let weights = self.weights.weigh(&batch.targets);
        if self.config.hierarchy {
            return self.hierarchy.level_loss(
                &output.logits,
                &batch.targets,
                &batch.mask,
                Some(&weights),
                self.parents,
            );
        }
        let finest = |t: &Tensor| t.narrow(1, 0, output.logits.size()[1]);
        masked_bce(
            &output.logits,
            &finest(&batch.targets),
            &finest(&batch.mask),
            Some(&finest(&weights)),
        )
    }
}

impl Method for Hybrid {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn loss(&self, output: &Output, batch: &TensorBatch) -> Tensor {
        let HybridKd {
            alpha,
            beta,
            gamma,
            temperature,
            ..
        } = self.config;
        let seen = self.features.look(&batch.images);
        let taught = self
            .logits
            .iter()
            .map(|teacher| teacher.logits(&batch.images, &seen))
            .sum::<Tensor>()
            / self.logits.len() as f64;
        let student = match &self.projection {
            Some(projection) => projection.forward(&output.features),
            None => output.features.shallow_clone(),
        };
        let scale = if self.config.scale_by_temperature {
            temperature * temperature
        } else {
            1.0
        };
        let features = feature_distillation(&seen.features, &student);
        let logits = logits_distillation(
            self.config.logits_loss,
            &output.logits,
            &taught,
            temperature,
        );
        self.classification_loss(output, batch) * (1.0 - alpha - beta)
            + features * (alpha * gamma)
            + logits * (beta * scale)
    }
}
