//! Adam and AdamW with moments that can be saved: libtorch's own optimiser,
//! as tch binds it, keeps them to itself, and a run that is killed must go on
//! exactly as it would have.

use std::collections::BTreeMap;

use anyhow::Result;
use tch::{no_grad, Kind, Tensor};

use crate::checkpoint;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Adam or AdamW over the variables of one network, with beta 0.9 and 0.999 and epsilon 1e-8.
pub struct Adam {
    slots: Vec<Slot>,
    steps: i32,
    weight_decay: f64,
    /// AdamW: decay the weight itself, not through the gradient's moments.
    decoupled: bool,
}

struct Slot {
    name: String,
    variable: Tensor,
    /// Running means of the gradient and of its square.
    mean: Tensor,
    square: Tensor,
}

impl Adam {
    /// An optimiser of `variables`, by name, with moments of nought. `weight_decay` works on
    /// tensors of two dimensions or more; `decoupled` makes it AdamW.
    pub fn new(variables: BTreeMap<String, Tensor>, weight_decay: f64, decoupled: bool) -> Adam {
        let slots = variables
            .into_iter()
            .map(|(name, variable)| Slot {
                mean: no_grad(|| variable.zeros_like()),
                square: no_grad(|| variable.zeros_like()),
                name,
                variable,
            })
            .collect();
        Adam {
            slots,
            steps: 0,
            weight_decay,
            decoupled,
        }
    }

    /// One step along the gradients of `loss`, a scalar, their whole norm held to `clip` (0 leaves
    /// it free).
    pub fn step(&mut self, loss: &Tensor, learning_rate: f64, clip: f64) {
        for slot in &mut self.slots {
            slot.variable.zero_grad();
        }
        loss.backward();
        no_grad(|| {
            if clip > 0.0 {
                self.clip(clip);
            }
            self.update(learning_rate);
        });
    }

    fn clip(&self, most: f64) {
        let norms: Vec<Tensor> = self.grads().map(|g| g.norm()).collect();
        if norms.is_empty() {
            return;
        }
        let scale = (most / (Tensor::stack(&norms, 0).norm() + 1e-6)).clamp_max(1.0);
        for mut grad in self.grads() {
            let _ = grad.multiply_(&scale);
        }
    }

    fn grads(&self) -> impl Iterator<Item = Tensor> + '_ {
        self.slots
            .iter()
            .map(|s| s.variable.grad())
            .filter(Tensor::defined)
    }

    fn update(&mut self, learning_rate: f64) {
        self.steps += 1;
        let (unbias1, unbias2) = (1.0 - BETA1.powi(self.steps), 1.0 - BETA2.powi(self.steps));
        for slot in &mut self.slots {
            let mut grad = slot.variable.grad();
            if !grad.defined() {
                continue;
            }
            // Norms and biases are left alone: decaying them only shifts what
            // batch normalisation has set.
            let decay = if slot.variable.dim() > 1 {
                self.weight_decay
            } else {
                0.0
            };
            if decay > 0.0 && self.decoupled {
                let _ = slot.variable.multiply_scalar_(1.0 - learning_rate * decay);
            } else if decay > 0.0 {
                grad += &slot.variable * decay;
            }
            let _ = slot.mean.lerp_(&grad, 1.0 - BETA1);
            let _ = slot
                .square
                .multiply_scalar_(BETA2)
                .addcmul_(&(&grad * (1.0 - BETA2)), &grad);
            let root = (&slot.square / unbias2).sqrt() + EPSILON;
            let _ = slot
                .variable
                .addcdiv_(&(&slot.mean * (-learning_rate / unbias1)), &root);
        }
    }

    /// Everything a later process needs to go on, by name: the moments and the count of steps.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![(
            "adam/steps".to_string(),
            Tensor::from(i64::from(self.steps)),
        )];
        for slot in &self.slots {
            state.push((
                format!("adam/mean/{}", slot.name),
                slot.mean.shallow_clone(),
            ));
            state.push((
                format!("adam/square/{}", slot.name),
                slot.square.shallow_clone(),
            ));
        }
        state
    }

    /// Takes over the moments and the count of steps that [`Adam::state`] gave.
    ///
    /// # Errors
    /// A moment is missing or does not fit its variable.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let find = |name: &str| checkpoint::named(state, name);
        self.steps = find("adam/steps")?.to_kind(Kind::Int64).int64_value(&[]) as i32;
        no_grad(|| {
            for slot in &mut self.slots {
                slot.mean
                    .f_copy_(find(&format!("adam/mean/{}", slot.name))?)?;
                slot.square
                    .f_copy_(find(&format!("adam/square/{}", slot.name))?)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{nn, Device};

    /// Both walk the same way down the same slope as libtorch's own.
    #[test]
    fn walks_as_libtorch_does() {
        for decoupled in [false, true] {
            let ours = nn::VarStore::new(Device::Cpu);
            let theirs = nn::VarStore::new(Device::Cpu);
            let start = Tensor::from_slice(&[0.5f32, -1.0, 2.0, 0.1]).view([2, 2]);
            let a = ours.root().var_copy("w", &start);
            let b = theirs.root().var_copy("w", &start);
            let mut mine = Adam::new(
                BTreeMap::from([("w".to_string(), a.shallow_clone())]),
                0.1,
                decoupled,
            );
            let mut libtorch = if decoupled {
                nn::OptimizerConfig::build(nn::adamw(BETA1, BETA2, 0.1), &theirs, 0.01).unwrap()
            } else {
                nn::OptimizerConfig::build(nn::adam(BETA1, BETA2, 0.1), &theirs, 0.01).unwrap()
            };
            for _ in 0..20 {
                let slope = |w: &Tensor| (w.sin() * 3.0).sum(Kind::Float);
                mine.step(&slope(&a), 0.01, 0.0);
                libtorch.backward_step(&slope(&b));
            }
            let apart = (a - b).abs().max().double_value(&[]);
            assert!(apart < 1e-5, "{apart} apart, decoupled {decoupled}");
        }
    }
}
