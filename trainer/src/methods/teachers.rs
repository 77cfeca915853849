//! Trained networks that teach and learn no more.

use std::rc::Rc;

use anyhow::{ensure, Context, Result};
use serde::{Deserialize, Serialize};
use tch::{nn, Device, Kind, Tensor};

use super::{Classes, MethodContext};
use crate::nets::{Net, Output};

/// One teacher of a method, as a run file names it:
/// `{ stage = "teacher1", role = "features" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// Name of the stage, which must stand before the one that is taught.
    pub stage: String,
    /// What of it is taught; `logits` by default.
    #[serde(default)]
    pub role: Role,
    /// The classes it teaches: those it was trained on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
}

/// What of a teacher a method uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its logits.
    #[default]
    Logits,
    /// Its pooled features.
    Features,
    /// Its weights, of which the method `average` makes a mean.
    Weights,
}

/// A trained network.
pub struct Teacher {
    /// Owns the variables that `net` reads.
    pub store: nn::VarStore,
    /// The network, for evaluation only.
    pub net: Net,
}

impl Teacher {
    /// A teacher whose `net` reads the variables of `store`; folds the normalisations into the
    /// convolutions.
    pub fn new(store: nn::VarStore, mut net: Net) -> Teacher {
        net.fold();
        Teacher { store, net }
    }

    /// Features and logits of `images` (B x 3 x S x S, as [`Net::maps`] takes them) in evaluation,
    /// without gradients.
    pub fn look(&self, images: &Tensor) -> Output {
        tch::no_grad(|| self.net.forward(images, false))
    }
}

impl TeacherConfig {
    /// # Errors
    /// It is to teach something else than its logits, which `method` would not ask it for.
    pub fn teaches_logits(&self, method: &str) -> Result<()> {
        ensure!(
            self.role == Role::Logits,
            "teacher `{}` of {method} has a `role`, but {method} uses logits alone: leave it out",
            self.stage
        );
        Ok(())
    }

    /// # Errors
    /// It is to teach some classes only, which `method` would not heed.
    pub fn teaches_all(&self, method: &str) -> Result<()> {
        ensure!(
            self.classes.is_none(),
            "teacher `{}` of {method} has `classes`, which mean nothing there: leave them out",
            self.stage
        );
        Ok(())
    }

    /// Which finest classes it teaches, one entry per class.
    ///
    /// # Errors
    /// There is no such stage, or its classes are not in the taxonomy.
    pub fn teaches(&self, context: &MethodContext) -> Result<Vec<bool>> {
        let own = match &self.classes {
            Some(classes) => Some(classes.clone()),
            None => context.looks.classes_of(&self.stage)?,
        };
        match own {
            Some(classes) => classes
                .among(context.taxonomy, context.groups)
                .with_context(|| format!("teacher `{}`", self.stage)),
            None => Ok(vec![true; context.finest() as usize]),
        }
    }
}

/// Teachers of logits, whose mean is taught: class by class of those who teach
/// it.
pub struct Panel {
    pub teachers: Vec<Rc<Teacher>>,
    /// 1 x k per teacher: 1 where it teaches the class.
    pub teaches: Vec<Tensor>,
    /// 1 x k per teacher: what it gives to the mean.
    shares: Vec<Tensor>,
    /// 1 x k: 1 where anyone teaches the class.
    pub taught: Tensor,
}

impl Panel {
    /// The teachers that `configs` name, in their order.
    ///
    /// # Errors
    /// A teacher cannot be loaded, or the classes it teaches are not in the taxonomy.
    pub fn new<'a>(
        configs: impl IntoIterator<Item = &'a TeacherConfig>,
        context: &MethodContext,
    ) -> Result<Panel> {
        let (mut teachers, mut teaches) = (Vec::new(), Vec::new());
        for config in configs {
            teachers.push(context.looks.teacher(&config.stage)?);
            teaches.push(row(&config.teaches(context)?, context.device));
        }
        let shares = shares(&teaches);
        let none = Tensor::zeros([1, context.finest()], (Kind::Float, context.device));
        let taught = shares.iter().fold(none, |sum, share| sum + share);
        Ok(Panel {
            teachers,
            teaches,
            shares,
            taught,
        })
    }

    /// The mean logits, b x k, of what each teacher says; nought where none
    /// teaches.
    pub fn mean(&self, logits: impl Iterator<Item = Tensor>) -> Tensor {
        let shares = logits.zip(&self.shares);
        shares.map(|(logits, share)| logits * share).sum()
    }

    /// The mean logits, b x k, for `images`, b x 3 x S x S.
    pub fn look(&self, images: &Tensor) -> Tensor {
        self.mean(self.teachers.iter().map(|t| t.look(images).logits))
    }
}

/// 1 x n on `device`: 1 where `is` holds, else 0.
pub fn row(is: &[bool], device: Device) -> Tensor {
    let numbers: Vec<f32> = is.iter().map(|&is| f32::from(is)).collect();
    Tensor::from_slice(&numbers).view([1, -1]).to_device(device)
}

/// How much of each class one of several teachers gives to their mean: 1 over
/// the number of those who teach it, nought where it does not. A row per
/// teacher, 1 x k.
fn shares(teaches: &[Tensor]) -> Vec<Tensor> {
    let teaching = teaches.iter().sum::<Tensor>().clamp_min(1.0);
    teaches.iter().map(|row| row / &teaching).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teachers_share_the_classes_that_several_teach() {
        let teaches = [
            row(&[true, true, false, false], Device::Cpu),
            row(&[false, true, true, false], Device::Cpu),
        ];
        let shares = shares(&teaches);
        let numbers = |t: &Tensor| Vec::<f32>::try_from(t.view([-1])).unwrap();
        assert_eq!(numbers(&shares[0]), [1.0, 0.5, 0.0, 0.0]);
        assert_eq!(numbers(&shares[1]), [0.0, 0.5, 1.0, 0.0]);
    }
}
