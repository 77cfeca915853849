//! Weights between two networks: those a stage starts from and those of another
//! stage that was trained from the same ones. Nothing is trained. A fine-tuned
//! network forgets some of what it knew, and the way between the two has better
//! networks than either end (WiSE-FT, Wortsman et al., CVPR 2022).

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Result};
use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{nn, no_grad, Device, Tensor};

use super::{Method, MethodContext, Role, Settings, TeacherConfig};
use crate::nets::{Net, CLASSIFIER};
use crate::photographs::Photographs;

/// Batches that the normalisations are measured on. They keep a running mean
/// over about the last twenty.
const MEASURED_ON: usize = 40;

/// Settings of the method `average`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    /// The stage that was trained from the same weights, of the role `weights`. With `classes`, its
    /// rows of the classifier alone are mixed, those of these classes: it must have kept the feature
    /// extractor as it was.
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

/// Moves every variable of `store` by `share` (0..1) of the way to its namesake in `other`. With
/// `classes`, one entry for each finest class, only the classifier's rows of those that are true.
///
/// # Errors
/// The two are of different networks, or differ in more than their classifiers where only rows of
/// these are to be mixed.
pub fn mix(
    store: &nn::VarStore,
    other: &nn::VarStore,
    share: f64,
    classes: Option<&[bool]>,
) -> Result<()> {
    let others: BTreeMap<String, Tensor> = other.variables().into_iter().collect();
    for (name, mut variable) in store.variables() {
        let Some(other) = others.get(&name) else {
            bail!("the one network has `{name}` and the other lacks it");
        };
        ensure!(
            variable.size() == other.size(),
            "`{name}` differs in shape: {:?} and {:?}",
            variable.size(),
            other.size()
        );
        let Some(classes) = classes else {
            let _ = no_grad(|| variable.f_lerp_(other, share))?;
            continue;
        };
        if !name.starts_with(CLASSIFIER) {
            ensure!(
                variable.equal(other),
                "`{name}` was trained on: where `classes` are given, the stages may differ in the \
                 classifier alone (`ics` with `crt = true` leaves the rest as it is)"
            );
            continue;
        }
        for (row, _) in classes.iter().enumerate().filter(|(_, &mixed)| mixed) {
            let mut row_of = variable.f_get(row as i64)?;
            let _ = no_grad(|| row_of.f_lerp_(&other.get(row as i64), share))?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::{Arch, Precision};

    /// A network of three classes, all of whose variables are `value`.
    fn all(value: f64) -> nn::VarStore {
        let store = nn::VarStore::new(Device::Cpu);
        Net::new(&store.root(), Arch::Resnet18, 3, Precision::Float);
        for (_, mut variable) in store.variables() {
            let _ = no_grad(|| variable.fill_(value));
        }
        store
    }

    /// Smallest and largest value of each variable, the classifier's apart.
    fn ends(store: &nn::VarStore) -> (Vec<f64>, Vec<f64>) {
        let mut ends = (Vec::new(), Vec::new());
        for (name, variable) in store.variables() {
            let of = if name.starts_with(CLASSIFIER) {
                &mut ends.1
            } else {
                &mut ends.0
            };
            of.extend([&variable.min(), &variable.max()].map(|t| t.double_value(&[])));
        }
        ends
    }

    #[test]
    fn a_share_of_the_way_is_gone_in_every_variable() {
        let store = all(1.0);
        mix(&store, &all(3.0), 0.25, None).unwrap();
        let (extractor, classifier) = ends(&store);
        assert!(extractor.iter().chain(&classifier).all(|&v| v == 1.5));
    }

    #[test]
    fn of_some_classes_only_their_rows_are_mixed() {
        let (store, other) = (all(1.0), all(1.0));
        for (name, mut variable) in other.variables() {
            if name.starts_with(CLASSIFIER) {
                let _ = no_grad(|| variable.fill_(3.0));
            }
        }
        mix(&store, &other, 0.5, Some(&[false, true, false])).unwrap();
        let mean = store.variables()["classifier.weight"].mean_dim(1, false, tch::Kind::Float);
        assert_eq!(Vec::<f32>::try_from(mean).unwrap(), [1.0, 2.0, 1.0]);
        let bias = &store.variables()["classifier.bias"];
        assert_eq!(Vec::<f32>::try_from(bias).unwrap(), [1.0, 2.0, 1.0]);
        let (extractor, _) = ends(&store);
        assert!(extractor.iter().all(|&v| v == 1.0));
    }

    #[test]
    fn rows_of_networks_that_see_otherwise_are_not_mixed() {
        let refused = mix(&all(1.0), &all(3.0), 0.5, Some(&[true; 3])).unwrap_err();
        assert!(
            format!("{refused}").contains("classifier alone"),
            "{refused}"
        );
    }
}
