//! Trained networks that teach and learn no more.

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

/// How much of each class one of several teachers gives to their mean: 1 over
/// the number of those who teach it, nought where it does not. A row per
/// teacher, 1 x k.
pub fn shares(teaches: &[Vec<bool>], device: Device) -> Vec<Tensor> {
    let row = |classes: &Vec<bool>| {
        let numbers: Vec<f32> = classes.iter().map(|&teaches| f32::from(teaches)).collect();
        Tensor::from_slice(&numbers).view([1, -1]).to_device(device)
    };
    let rows: Vec<Tensor> = teaches.iter().map(row).collect();
    let Some(first) = rows.first() else {
        return rows;
    };
    let teaching = rows.iter().fold(first.zeros_like(), |sum, row| sum + row);
    let teaching = teaching.clamp_min(1.0).to_kind(Kind::Float);
    rows.iter().map(|row| row / &teaching).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teachers_share_the_classes_that_several_teach() {
        let teaches = [
            vec![true, true, false, false],
            vec![false, true, true, false],
        ];
        let shares = shares(&teaches, Device::Cpu);
        let row = |t: &Tensor| Vec::<f32>::try_from(t.view([-1])).unwrap();
        assert_eq!(row(&shares[0]), [1.0, 0.5, 0.0, 0.0]);
        assert_eq!(row(&shares[1]), [0.0, 0.5, 1.0, 0.0]);
    }
}
