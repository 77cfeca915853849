//! In which order photographs are drawn.

use fovea_core::taxonomy::Label;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::Dataset;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draws {
    /// Every photograph alike: the original, long-tailed distribution.
    Instance,
    /// First a class, each alike, then one of its photographs (HKGL section
    /// IV-C-2). A photograph that shows nothing belongs to a class of its own.
    ClassBalanced,
    /// Half of each.
    Mixed,
}

/// Draws the photographs of an epoch; the same seed draws the same ones.
pub struct Sampler {
    /// Indices into the dataset and how often each is drawn in an epoch.
    examples: Vec<(usize, f32)>,
    classes: Vec<Vec<usize>>,
}

impl Sampler {
    /// `examples` are indices into `dataset`, `weight` says how many times one
    /// is drawn per epoch on average (1 for most).
    pub fn new(dataset: &Dataset, examples: &[usize], weight: impl Fn(usize) -> f32) -> Sampler {
        let finest = dataset.taxonomy.finest_count();
        let mut classes = vec![Vec::new(); finest + 1];
        for &i in examples {
            let labels = &dataset.examples[i].labels[..finest];
            let mut nothing = true;
            for (class, label) in labels.iter().enumerate() {
                if *label == Label::Present {
                    classes[class].push(i);
                    nothing = false;
                }
            }
            if nothing {
                classes[finest].push(i);
            }
        }
        classes.retain(|c| !c.is_empty());
        Sampler {
            examples: examples.iter().map(|&i| (i, weight(i))).collect(),
            classes,
        }
    }

    /// Photographs in an epoch, whatever the draws.
    pub fn epoch_len(&self) -> usize {
        self.examples
            .iter()
            .map(|e| e.1 as f64)
            .sum::<f64>()
            .round() as usize
    }

    pub fn epoch(&self, draws: Draws, seed: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = self.epoch_len();
        let mut order = match draws {
            Draws::Instance => self.instances(n, &mut rng),
            Draws::ClassBalanced => self.balanced(n, &mut rng),
            Draws::Mixed => {
                let mut order = self.instances(n - n / 2, &mut rng);
                order.extend(self.balanced(n / 2, &mut rng));
                order
            }
        };
        order.shuffle(&mut rng);
        order
    }

    /// Without replacement as far as `n` allows, so that an epoch sees all.
    fn instances(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut order = Vec::with_capacity(n + self.examples.len());
        for &(i, weight) in &self.examples {
            let copies =
                weight.floor() as usize + usize::from(rng.random::<f32>() < weight.fract());
            order.extend(std::iter::repeat_n(i, copies));
        }
        order.shuffle(rng);
        while order.len() < n && !self.examples.is_empty() {
            order.push(self.examples[rng.random_range(0..self.examples.len())].0);
        }
        order.truncate(n);
        order
    }

    fn balanced(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        (0..n)
            .map(|_| {
                let class = &self.classes[rng.random_range(0..self.classes.len())];
                class[rng.random_range(0..class.len())]
            })
            .collect()
    }
}
