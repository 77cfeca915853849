//! Trained networks that teach and learn no more.

use std::rc::Rc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::{nn, Device, Kind, Tensor};

use super::{Classes, MethodContext};
use crate::nets::{Net, Output};

/// One teacher of a method, as a run file names it:
/// `{ stage = "teacher1", role = "features" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    pub stage: String,
    /// What of it is taught.
    #[serde(default)]
    pub role: Role,
    /// The classes it teaches: those it was trained on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Logits,
    /// The pooled features.
    Features,
    /// Its weights themselves.
    Weights,
}

/// A trained network.
pub struct Teacher {
    /// Owns the variables that `net` reads.
    pub store: nn::VarStore,
    pub net: Net,
}

impl Teacher {
    /// `net` reads the variables of `store`.
    pub fn new(store: nn::VarStore, mut net: Net) -> Teacher {
        net.fold();
        Teacher { store, net }
    }

    pub fn look(&self, images: &Tensor) -> Output {
        tch::no_grad(|| self.net.forward(images, false))
    }
}

impl TeacherConfig {
    /// Which finest classes it teaches.
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

    /// The mean logits for `images`.
    pub fn look(&self, images: &Tensor) -> Tensor {
        self.mean(self.teachers.iter().map(|t| t.look(images).logits))
    }
}

/// 1 x n: 1 where it is so.
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
