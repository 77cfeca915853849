//! Averaged weights.

use std::collections::BTreeMap;

use anyhow::Result;
use tch::{nn, no_grad, Tensor};

use crate::checkpoint;

/// Exponential moving average of weights and of batch-norm statistics.
pub struct Ema {
    keep: f64,
    updates: i64,
    pairs: Vec<(String, Tensor, Tensor)>,
}

impl Ema {
    pub fn new(store: &nn::VarStore, keep: f64) -> Ema {
        let pairs = store
            .variables()
            .into_iter()
            .map(|(name, variable)| {
                let average = no_grad(|| variable.copy());
                (name, variable, average)
            })
            .collect();
        Ema {
            keep,
            updates: 0,
            pairs,
        }
    }

    pub fn update(&mut self) {
        self.updates += 1;
        // Early on a long average would be mostly the starting point.
        let keep = self
            .keep
            .min((1.0 + self.updates as f64) / (10.0 + self.updates as f64));
        no_grad(|| {
            for (_, variable, average) in &mut self.pairs {
                let _ = average.lerp_(variable, 1.0 - keep);
            }
        });
    }

    /// Exchanges the average with the weights in training; twice is nothing.
    pub fn swap(&mut self) {
        no_grad(|| {
            for (_, variable, average) in &mut self.pairs {
                let held = variable.copy();
                variable.copy_(average);
                average.copy_(&held);
            }
        });
    }

    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![("average/updates".to_string(), Tensor::from(self.updates))];
        state.extend(
            self.pairs
                .iter()
                .map(|(name, _, average)| (format!("average/{name}"), average.shallow_clone())),
        );
        state
    }

    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let find = |name: &str| checkpoint::named(state, name);
        self.updates = find("average/updates")?.int64_value(&[]);
        no_grad(|| {
            for (name, _, average) in &mut self.pairs {
                average.f_copy_(find(&format!("average/{name}"))?)?;
            }
            Ok(())
        })
    }
}
