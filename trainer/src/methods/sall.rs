//! Synergic adversarial label learning (SALL, Ju et al., IEEE JBHI 2021): tasks
//! that were labelled apart, such as grading DR and grading AMD, lend each other
//! their labels as signals in label space and in feature space.
//!
//! Only the abstract and a part of the code are public. What is ours:
//! - A task is a class subset, that of one teacher: a single-task network,
//!   trained on its classes alone.
//! - In label space every photograph learns the soft labels of all teachers,
//!   whichever task it was labelled for: the divergence of eq. 8 of HKGL per
//!   class, at the T of 3 of the released code, the mean over the classes taught.
//! - The binary head, a linear classifier on the features, says whether the eye
//!   shows a class of any task.
//! - In feature space a discriminator of two layers tells whose task's disease a
//!   photograph shows, and its gradient is reversed before it reaches the
//!   features (Ganin and Lempitsky, ICML 2015), so that they cease to tell. The
//!   reversal grows with the schedule as theirs does. Photographs that show
//!   classes of no task or of several take no part. `adversarial = 0` leaves this
//!   out.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};
use tch::{nn, nn::Module, Kind, Reduction, Tensor};

use super::teachers::Panel;
use super::{
    above_nought, default, from_nought, Method, MethodContext, Settings, Step, TeacherConfig, Term,
    LABELS,
};
use crate::losses::{each_distillation, masked_bce, masked_mean, reversal, reversed, LogitsLoss};

/// Settings of the method `sall`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sall {
    /// One single-task teacher per task, two or more.
    pub teachers: Vec<TeacherConfig>,
    /// T of the soft labels, above 0; 3 by default.
    #[serde(default = "three")]
    pub temperature: f64,
    /// Weight of the soft labels, 0 or more, 1 by default; times T^2, as their slope falls with it.
    #[serde(default = "default::one")]
    pub soft: f64,
    /// Weight of the binary head, 0 or more; 0.5 by default.
    #[serde(default = "half")]
    pub binary: f64,
    /// Weight of the discriminator, and of its reversed gradient at the end: 0 or more, 0.1 by
    /// default.
    #[serde(default = "tenth")]
    pub adversarial: f64,
}

fn three() -> f64 {
    3.0
}
fn half() -> f64 {
    0.5
}
fn tenth() -> f64 {
    0.1
}

/// Hidden units of the discriminator.
const HIDDEN: i64 = 128;

impl Settings for Sall {
    fn check(&self) -> Result<()> {
        ensure!(
            self.teachers.len() > 1,
            "sall needs two `teachers` or more, one per task; there are {}",
            self.teachers.len()
        );
        for teacher in &self.teachers {
            teacher.teaches_logits("sall")?;
        }
        above_nought("temperature", self.temperature)?;
        from_nought("soft", self.soft)?;
        from_nought("binary", self.binary)?;
        from_nought("adversarial", self.adversarial)
    }

    fn teachers(&self) -> &[TeacherConfig] {
        &self.teachers
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let width = context.net.width();
        let own = &context.own;
        let count = self.teachers.len() as i64;
        Ok(Box::new(Synergic {
            settings: self.clone(),
            panel: Panel::new(&self.teachers, context)?,
            binary: nn::linear(own / "binary", width, 1, Default::default()),
            discriminator: nn::seq()
                .add(nn::linear(
                    own / "hidden",
                    width,
                    HIDDEN,
                    Default::default(),
                ))
                .add_fn(|x| x.relu())
                .add(nn::linear(own / "task", HIDDEN, count, Default::default())),
        }))
    }
}

struct Synergic {
    settings: Sall,
    /// A teacher per task, whose classes are the task's.
    panel: Panel,
    binary: nn::Linear,
    discriminator: nn::Sequential,
}

impl Method for Synergic {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let (output, batch) = (step.output, step.batch);
        let (targets, mask) = batch.finest(output.logits.size()[1]);
        let labels = masked_bce(&output.logits, &targets, &mask, None);

        let taught = self.panel.look(&batch.images);
        let temperature = self.settings.temperature;
        let each = each_distillation(LogitsLoss::Kl, &output.logits, &taught, temperature);
        let teaching = self.panel.taught.expand_as(&each);
        let soft = masked_mean(&each, &teaching);

        // b x tasks: whether the photograph shows a class of each.
        let shows: Vec<Tensor> = self
            .panel
            .teaches
            .iter()
            .map(|task| (&targets * task).amax([1i64].as_slice(), false))
            .collect();
        let shows = Tensor::stack(&shows, 1);
        let any = shows.amax([1i64].as_slice(), true);
        // Known where it shows one, or where every class of every task is known.
        let hidden: Tensor = (1.0 - &mask) * &self.panel.taught;
        let unknown = hidden.sum_dim_intlist(1, true, Kind::Float);
        let known = any.maximum(&unknown.eq(0.0).to_kind(Kind::Float));
        let binary = self.binary.forward(&output.features);
        let binary = masked_bce(&binary, &any, &known, None);

        let mut terms = vec![
            Term::new(LABELS, 1.0, labels),
            Term::new("soft", self.settings.soft * temperature * temperature, soft),
            Term::new("binary", self.settings.binary, binary),
        ];
        if self.settings.adversarial > 0.0 {
            let told = self
                .discriminator
                .forward(&reversed(&output.features, reversal(step.progress)));
            let one = shows.sum_dim_intlist(1, false, Kind::Float).eq(1.0);
            let task = shows.argmax(1, false);
            let each = told.cross_entropy_loss::<Tensor>(&task, None, Reduction::None, -100, 0.0);
            let discriminator = masked_mean(&each, &one.to_kind(Kind::Float));
            let weight = self.settings.adversarial;
            terms.push(Term::new("discriminator", weight, discriminator));
        }
        terms
    }
}
