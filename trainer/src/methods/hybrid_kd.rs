//! The student: features of teacher 1, logits of teacher 2, and the labels
//! weighed instance-wise (HKGL section IV-D, eq. 9):
//! L = (1 - alpha - beta) L_BCE + alpha gamma L_F + beta L_C.
//!
//! Not in the paper: several teachers of logits, whose mean is taught, class by
//! class where they teach different ones.

use std::rc::Rc;

use anyhow::{bail, ensure, Result};
use fovea_core::calibration::ParentRule;
use serde::{Deserialize, Serialize};
use tch::{nn, nn::Module, Tensor};

use super::ics::LevelWeights;
use super::teachers::Panel;
use super::{
    above_nought, default, from_nought, Method, MethodContext, Role, Settings, Step, Teacher,
    TeacherConfig, Term, LABELS,
};
use crate::losses::{
    each_distillation, feature_distillation, masked_mean, Hierarchy, LogitsLoss, Parents,
};
use crate::nets::Output;
use crate::samplers::Sampling;

/// Settings of the method `hybrid_kd`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HybridKd {
    /// One teacher of the role `features`, teacher 1, unless `alpha` is 0, and one or more of the
    /// role `logits` unless `beta` is 0.
    pub teachers: Vec<TeacherConfig>,
    /// Share of the features' term in the loss, 0 or more; 0.2 by default. With `beta` at most 1.
    #[serde(default = "fifth")]
    pub alpha: f64,
    /// Share of the logits' term in the loss, 0 or more; 0.2 by default.
    #[serde(default = "fifth")]
    pub beta: f64,
    /// Factor of the features' term beside `alpha`, 0 or more; 10 by default.
    #[serde(default = "ten")]
    pub gamma: f64,
    /// T of eq. 8, above 0; 3 by default.
    #[serde(default = "three")]
    pub temperature: f64,
    /// How the student's logits are held to the teachers'; `kl` by default.
    #[serde(default)]
    pub logits_loss: LogitsLoss,
    /// Multiply the logits term by T^2 (Hinton's scaling; not in the paper); false by default.
    #[serde(default)]
    pub scale_by_temperature: bool,
    /// Weigh positive terms of the labels only, as the option of `ics` does; false by default.
    #[serde(default)]
    pub positives_only: bool,
    /// Sum the classification term over all levels, as MLMC does, rather than over the finest
    /// classes alone as Algorithm 1 has it; false by default.
    #[serde(default)]
    pub hierarchy: bool,
    /// How a parent's logit follows from its children's; `sum_of_logits` (eq. 2) by default.
    #[serde(default)]
    pub marginal: ParentRule,
    /// Weight of each level above the finest, where `hierarchy` has them, and of the composites: 0
    /// or more, 1 by default.
    #[serde(default = "default::one", skip_serializing_if = "default::is_one")]
    pub parent_weight: f64,
    /// Add the composites to the classification term, as MLMC's option does; false by default.
    #[serde(default)]
    pub composites: bool,
}

fn fifth() -> f64 {
    0.2
}
fn ten() -> f64 {
    10.0
}
fn three() -> f64 {
    3.0
}

impl HybridKd {
    fn of(&self, role: Role) -> impl Iterator<Item = &TeacherConfig> {
        self.teachers
            .iter()
            .filter(move |teacher| teacher.role == role)
    }
}

impl Settings for HybridKd {
    fn check(&self) -> Result<()> {
        let HybridKd { alpha, beta, .. } = *self;
        ensure!(
            alpha >= 0.0 && beta >= 0.0 && alpha + beta <= 1.0,
            "alpha = {alpha} and beta = {beta} must be shares from 0 up, and 1 at most together"
        );
        if self.of(Role::Weights).next().is_some() {
            bail!("a teacher of hybrid_kd has the role logits or features, not weights");
        }
        for teacher in self.of(Role::Features) {
            teacher.teaches_all("the role features")?;
        }
        let (features, logits) = (
            self.of(Role::Features).count(),
            self.of(Role::Logits).count(),
        );
        ensure!(
            features == usize::from(alpha > 0.0),
            "alpha = {alpha} needs {} of the role features; there are {features}",
            if alpha > 0.0 {
                "one teacher"
            } else {
                "no teacher"
            }
        );
        ensure!(
            (logits > 0) == (beta > 0.0),
            "beta = {beta} needs {} of the role logits; there are {logits}",
            if beta > 0.0 {
                "one teacher or more"
            } else {
                "no teacher"
            }
        );
        above_nought("temperature", self.temperature)?;
        from_nought("gamma", self.gamma)?;
        from_nought("parent_weight", self.parent_weight)
    }

    fn teachers(&self) -> &[TeacherConfig] {
        &self.teachers
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let features = self.of(Role::Features).next();
        let of_features = features
            .map(|teacher| context.looks.teacher(&teacher.stage))
            .transpose()?;
        let one_extractor = self.of(Role::Logits).map(|teacher| {
            features.is_some_and(|features| {
                context.looks.one_extractor(&features.stage, &teacher.stage)
            })
        });
        let width = context.net.width();
        let wide = of_features.as_ref().map_or(width, |t| t.net.width());
        let projection = (wide != width)
            .then(|| nn::linear(&context.own / "projection", width, wide, Default::default()));
        Ok(Box::new(Hybrid {
            config: self.clone(),
            hierarchy: context.hierarchy.clone(),
            parents: Parents::new(self.marginal, self.parent_weight),
            weights: LevelWeights::new(context, self.positives_only),
            features: of_features,
            logits: Panel::new(self.of(Role::Logits), context)?,
            one_extractor: one_extractor.collect(),
            projection,
        }))
    }
}

struct Hybrid {
    config: HybridKd,
    hierarchy: Rc<Hierarchy>,
    parents: Parents,
    weights: LevelWeights,
    features: Option<Rc<Teacher>>,
    logits: Panel,
    /// Which of them, after cRT, share the feature extractor of the teacher of
    /// features, and are only other classifiers on what that one sees.
    one_extractor: Vec<bool>,
    /// Takes the student's features to the teacher's width, where they differ.
    projection: Option<nn::Linear>,
}

impl Hybrid {
    /// The mean of the teachers' logits; `seen` is what that of features sees.
    fn taught(&self, images: &Tensor, seen: Option<&Output>) -> Tensor {
        let teachers = self.logits.teachers.iter().zip(&self.one_extractor);
        self.logits
            .mean(teachers.map(|(teacher, &one_extractor)| match seen {
                Some(seen) if one_extractor => tch::no_grad(|| teacher.net.head(&seen.features)),
                _ => teacher.look(images).logits,
            }))
    }
}

impl Method for Hybrid {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let HybridKd {
            alpha,
            beta,
            gamma,
            temperature,
            ..
        } = self.config;
        let (output, batch) = (step.output, step.batch);
        let of_labels = 1.0 - alpha - beta;
        let levels = self.config.hierarchy.then_some(self.parents);
        let labels = self.weights.loss(&self.hierarchy, levels, step);
        let mut terms = vec![Term::new(LABELS, of_labels, labels)];
        if self.config.composites {
            let composites = self.hierarchy.composite_loss(
                &output.logits,
                &batch.composite_targets,
                &batch.composite_mask,
            );
            let weight = of_labels * self.parents.weight;
            terms.push(Term::new("composites", weight, composites));
        }
        let seen = self.features.as_ref().map(|t| t.look(&batch.images));
        if let Some(seen) = &seen {
            let student = match &self.projection {
                Some(projection) => projection.forward(&output.features),
                None => output.features.shallow_clone(),
            };
            let features = feature_distillation(&seen.features, &student);
            terms.push(Term::new("features", alpha * gamma, features));
        }
        if !self.logits.teachers.is_empty() {
            let taught = self.taught(&batch.images, seen.as_ref());
            let kind = self.config.logits_loss;
            let each = each_distillation(kind, &output.logits, &taught, temperature);
            let scale = if self.config.scale_by_temperature {
                temperature * temperature
            } else {
                1.0
            };
            let logits = masked_mean(&each, &self.logits.taught.expand_as(&each));
            terms.push(Term::new("logits", beta * scale, logits));
        }
        terms
    }
}
