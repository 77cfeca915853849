//! Weights between two networks: those a stage starts from and those of another
//! stage that was trained from the same ones. Nothing is trained. A fine-tuned
//! network forgets some of what it knew, and the way between the two has better
//! networks than either end (WiSE-FT, Wortsman et al., CVPR 2022).

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};
use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{nn, no_grad, Device, Tensor};

use super::{Method, MethodContext, Role, Settings, TeacherConfig};
use crate::nets::Net;
use crate::photographs::Photographs;

/// Batches that the normalisations are measured on. They keep a running mean
/// over about the last twenty.
const MEASURED_ON: usize = 40;

/// Settings of the method `average`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    /// The stage that was trained from the same weights, of the role `weights`.
    pub teachers: [TeacherConfig; 1],
    /// Its share, 0 to 1, without a default; the rest is the start's.
    pub share: f64,
}

impl Average {
    /// Name of the other stage.
    pub fn with(&self) -> &str {
        &self.teachers[0].stage
    }
}

impl Settings for Average {
    fn check(&self) -> Result<()> {
        ensure!(
            self.teachers[0].role == Role::Weights,
            "the stage to average with has the role weights"
        );
        ensure!(
            (0.0..=1.0).contains(&self.share),
            "share = {} must lie in 0..1",
            self.share
        );
        Ok(())
    }

    fn teachers(&self) -> &[TeacherConfig] {
        &self.teachers
    }

    fn is_trained(&self) -> bool {
        false
    }

    fn build(&self, _: &MethodContext) -> Result<Box<dyn Method>> {
        bail!("an average of weights is not trained")
    }
}

/// Moves every variable of `store` by `share` (0..1) of the way to its namesake in `other`.
///
/// # Errors
/// The two are of different networks.
pub fn mix(store: &nn::VarStore, other: &nn::VarStore, share: f64) -> Result<()> {
    let others: BTreeMap<String, Tensor> = other.variables().into_iter().collect();
    for (name, mut variable) in store.variables() {
        let Some(other) = others.get(&name) else {
            bail!("the one network has `{name}` and the other lacks it");
        };
        let _ = no_grad(|| variable.f_lerp_(other, share))
            .with_context(|| format!("`{name}` differs in shape"))?;
    }
    Ok(())
}

/// Measures the running statistics of the normalisations that are not frozen anew, on photographs
/// of `train` as they are: those of mixed weights are not the mixed statistics. At most 40 batches
/// of `batch` photographs are drawn by `seed`.
///
/// # Errors
/// A photograph is not in the cache.
pub fn measure(
    net: &Net,
    photographs: &Photographs,
    train: &[usize],
    (batch, seed): (usize, u64),
    device: Device,
) -> Result<()> {
    let mut order = train.to_vec();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order.truncate(MEASURED_ON * batch);
    for batch in photographs.loader(None, batch).epoch(order, seed)? {
        // A batch of one has no statistics.
        if batch.index.len() > 1 {
            let images = batch.images(device);
            no_grad(|| net.forward(&images, true));
        }
    }
    Ok(())
}
