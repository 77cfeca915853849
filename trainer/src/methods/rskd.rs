//! Relational-subset knowledge distillation (RSKD, Ju et al., MICCAI 2021):
//! teachers that each learned a subset of the classes, by shot, region or
//! feature, are distilled into one student that learns all of them (eq. 4):
//! L = L_base + sum over classes of w_i KL_i. The weight w_i of a class follows
//! what the student still lacks of its teacher, updated after every epoch
//! (eq. 3). With another base than ERM it is the plug-in form of table 3.
//!
//! The paper says Acc and measures mAP: here both are the average precision on
//! the photographs that progress is measured by. A class that none of them
//! shows keeps the weight 1. A class that several teachers teach learns their
//! mean, and measures itself by the best of them.

use anyhow::{ensure, Result};
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};
use tch::{no_grad, Kind, Tensor};

use super::teachers::Panel;
use super::{
    above_nought, below_one, default, erm, Method, MethodConfig, MethodContext, Settings, Step,
    TeacherConfig, Term,
};
use crate::losses::{each_distillation, LogitsLoss};
use crate::nets::HeadKind;
use crate::samplers::Sampling;

/// Settings of the method `rskd`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rskd {
    /// One teacher or more, each of which teaches its logits for the classes it learned.
    pub teachers: Vec<TeacherConfig>,
    /// What the student learns from the labels: a method without teachers, `erm` by default.
    #[serde(default = "erm", skip_serializing_if = "is_erm")]
    pub base: Box<MethodConfig>,
    /// T of the distillation, above 0; 10 by default.
    #[serde(default = "ten")]
    pub temperature: f64,
    /// Below this share of the teacher's precision a class weighs 1: from 0 to below 1, 0.6 by
    /// default.
    #[serde(default = "delta")]
    pub delta: f64,
    /// Follow eq. 3, true by default; without, every class weighs 1 (table 4).
    #[serde(default = "default::yes")]
    pub weighted: bool,
}

fn erm() -> Box<MethodConfig> {
    Box::new(MethodConfig::Erm(erm::Erm {}))
}
fn is_erm(base: &MethodConfig) -> bool {
    matches!(base, MethodConfig::Erm(_))
}
fn ten() -> f64 {
    10.0
}
fn delta() -> f64 {
    0.6
}

impl Settings for Rskd {
    fn learns_findings(&self) -> bool {
        self.base.settings().learns_findings()
    }

    fn learns_words(&self) -> bool {
        self.base.settings().learns_words()
    }

    fn check(&self) -> Result<()> {
        ensure!(
            !self.teachers.is_empty(),
            "teachers = [] names no stage whose logits could be taught"
        );
        for teacher in &self.teachers {
            teacher.teaches_logits("rskd")?;
        }
        let base = self.base.settings();
        ensure!(
            base.teachers().is_empty() && base.is_trained(),
            "the base of rskd is a method without teachers, not {}",
            self.base.name()
        );
        above_nought("temperature", self.temperature)?;
        below_one("delta", self.delta)?;
        base.check()
    }

    fn teachers(&self) -> &[TeacherConfig] {
        &self.teachers
    }

    fn head(&self, taxonomy: &Taxonomy) -> HeadKind {
        self.base.settings().head(taxonomy)
    }

    fn keeps_extractor(&self) -> bool {
        self.base.settings().keeps_extractor()
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let base = self.base.settings().build(context)?;
        let k = context.finest() as usize;
        let panel = Panel::new(&self.teachers, context)?;
        let mut best: Vec<Option<f64>> = vec![None; k];
        if self.weighted {
            for (config, teacher) in self.teachers.iter().zip(&panel.teachers) {
                let precisions = context.looks.precisions(&teacher.net)?;
                let classes = config.teaches(context)?;
                let own = best.iter_mut().zip(precisions).zip(classes);
                for ((best, precision), _) in own.filter(|(_, teaches)| *teaches) {
                    *best = match (*best, precision) {
                        (Some(best), Some(other)) => Some(best.max(other)),
                        (best, other) => best.or(other),
                    };
                }
            }
        }
        let weights = &context.own / "weights";
        let weights = weights.zeros_no_train("classes", &[1, k as i64]);
        // A variable, so that a stage that goes on has those of its last epoch.
        no_grad(|| weights.shallow_clone().copy_(&panel.taught));
        Ok(Box::new(Distilled {
            base,
            panel,
            weights,
            best,
            temperature: self.temperature,
            delta: self.delta,
        }))
    }
}

struct Distilled {
    base: Box<dyn Method>,
    panel: Panel,
    /// w_i of each class, 1 x k.
    weights: Tensor,
    /// The teachers' precision per class; none where it does not matter.
    best: Vec<Option<f64>>,
    temperature: f64,
    delta: f64,
}

impl Method for Distilled {
    fn draws(&self) -> Sampling {
        self.base.draws()
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let mut terms = self.base.losses(step);
        let taught = self.panel.look(&step.batch.images);
        let logits = &step.output.logits;
        let each = each_distillation(LogitsLoss::Kl, logits, &taught, self.temperature);
        // Summed over the classes, as eq. 4 has it, and the mean over photographs.
        let sum = (each * &self.weights).sum_dim_intlist(1, false, Kind::Float);
        terms.push(Term::new("teachers", 1.0, sum.mean(Kind::Float)));
        terms
    }

    fn validated(&mut self, precisions: &[Option<f64>]) {
        self.base.validated(precisions);
        let weights: Vec<f32> = self
            .best
            .iter()
            .zip(precisions)
            .map(|(teacher, student)| match (teacher, student) {
                (Some(teacher), Some(student)) => weight(*teacher, *student, self.delta) as f32,
                _ => 1.0,
            })
            .collect();
        let weights = Tensor::from_slice(&weights)
            .view([1, -1])
            .to_device(self.weights.device());
        no_grad(|| self.weights.copy_(&(weights * &self.panel.taught)));
    }
}

/// Equation 3. It is printed without a floor: a student that has passed its
/// teacher would be driven off it, so there it is nought.
fn weight(teacher: f64, student: f64, delta: f64) -> f64 {
    if student <= delta * teacher {
        return 1.0;
    }
    ((teacher - student) / (teacher * (1.0 - delta))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_weighs_what_the_student_lacks_of_its_teacher() {
        assert_eq!(weight(0.5, 0.1, 0.6), 1.0);
        assert_eq!(weight(0.5, 0.3, 0.6), 1.0);
        assert!((weight(0.5, 0.4, 0.6) - 0.5).abs() < 1e-12);
        assert!(weight(0.5, 0.5, 0.6).abs() < 1e-12);
        assert_eq!(weight(0.5, 0.7, 0.6), 0.0);
    }
}
