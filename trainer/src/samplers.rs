//! In which order photographs are drawn.

use std::collections::BTreeMap;

use fovea_core::taxonomy::{Label, Subject, Taxonomy};
use rand::distr::weighted::WeightedIndex;
use rand::distr::Distribution;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::{truth, Dataset};

/// How the photographs of an epoch are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Every photograph alike: the original, long-tailed distribution.
    Instance,
    /// First a class, each alike, then one of its photographs (HKGL section
    /// IV-C-2). A photograph that shows nothing belongs to a class of its own.
    ClassBalanced,
    /// Half of each.
    Mixed,
    /// First a source, then whether the eye shows anything, then what, then one
    /// of its photographs: by source and class together (GDRNet, Che et al.,
    /// MICCAI 2023), so that no source's look tells that an eye is sick. Sources
    /// and classes count by the root of their photographs: the small ones weigh
    /// more than they hold, and are not learned by heart.
    BySource,
}

/// Share of a source's draws that show something, where it holds both.
const SICK: f64 = 0.6;

/// Draws the photographs of an epoch; the same seed draws the same ones.
pub struct Sampler {
    /// Indices into the dataset and how often each is drawn in an epoch.
    examples: Vec<(usize, f32)>,
    classes: Vec<Class>,
    sources: Vec<Cells>,
    /// Chances of the sources, in the same order.
    by_source: Option<WeightedIndex<f64>>,
}

/// The photographs of one source by what they show.
struct Cells {
    sound: Vec<usize>,
    sick: Vec<Vec<usize>>,
    /// Chances of the cells of `sick`; none where nothing is sick.
    by_cell: Option<WeightedIndex<f64>>,
}

impl Cells {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Option<usize> {
        let cell = match &self.by_cell {
            Some(by_cell) if self.sound.is_empty() || rng.random_bool(SICK) => {
                &self.sick[by_cell.sample(rng)]
            }
            _ => &self.sound,
        };
        cell.choose(rng).copied()
    }
}

/// The photographs that show a class, and how often each is drawn beside the others.
struct Class {
    examples: Vec<usize>,
    weights: WeightedIndex<f32>,
}

impl Class {
    fn new(photographs: Vec<(usize, f32)>) -> Option<Class> {
        let weights = WeightedIndex::new(photographs.iter().map(|&(_, weight)| weight)).ok()?;
        Some(Class {
            examples: photographs.into_iter().map(|(i, _)| i).collect(),
            weights,
        })
    }
}

impl Sampler {
    /// `examples` are indices into `dataset`, `weight` says how many times one
    /// is drawn per epoch on average (1 for most).
    pub fn new(dataset: &Dataset, examples: &[usize], weight: impl Fn(usize) -> f32) -> Sampler {
        let finest = dataset.taxonomy.finest_count();
        let mut classes = vec![Vec::new(); finest + 1];
        let examples: Vec<(usize, f32)> = examples.iter().map(|&i| (i, weight(i))).collect();
        for &(i, weight) in &examples {
            let labels = &dataset.examples[i].labels[..finest];
            let mut nothing = true;
            for (class, label) in labels.iter().enumerate() {
                if *label == Label::Present {
                    classes[class].push((i, weight));
                    nothing = false;
                }
            }
            if nothing {
                classes[finest].push((i, weight));
            }
        }
        // A class whose photographs all weigh nothing is drawn as little as one without any.
        let classes = classes.into_iter().filter_map(Class::new).collect();
        let (sources, weights) = by_source(dataset, &examples);
        Sampler {
            examples,
            classes,
            sources,
            by_source: WeightedIndex::new(weights).ok(),
        }
    }

    /// Photographs in an epoch, whatever the draws: the sum of the weights, rounded.
    pub fn epoch_len(&self) -> usize {
        self.examples
            .iter()
            .map(|e| e.1 as f64)
            .sum::<f64>()
            .round() as usize
    }

    /// The examples of an epoch, by index into the dataset, in the order they come. Their number is
    /// [`Sampler::epoch_len`].
    pub fn epoch(&self, draws: Sampling, seed: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = self.epoch_len();
        let mut order = match draws {
            Sampling::Instance => self.instances(n, &mut rng),
            Sampling::ClassBalanced => self.balanced(n, &mut rng),
            Sampling::Mixed => {
                let mut order = self.instances(n - n / 2, &mut rng);
                order.extend(self.balanced(n / 2, &mut rng));
                order
            }
            Sampling::BySource => (0..n).filter_map(|_| self.of_a_source(&mut rng)).collect(),
        };
        order.shuffle(&mut rng);
        order
    }

    fn of_a_source(&self, rng: &mut ChaCha8Rng) -> Option<usize> {
        let source = self.by_source.as_ref()?.sample(rng);
        self.sources[source].draw(rng)
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
        // Chance may leave some places open: for any that are drawn at all.
        let drawn = self.examples.iter().filter(|&&(_, weight)| weight > 0.0);
        let drawn: Vec<usize> = drawn.map(|&(i, _)| i).collect();
        while order.len() < n && !drawn.is_empty() {
            order.push(drawn[rng.random_range(0..drawn.len())]);
        }
        order.truncate(n);
        order
    }

    fn balanced(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        (0..n)
            .map(|_| {
                let class = &self.classes[rng.random_range(0..self.classes.len())];
                class.examples[class.weights.sample(rng)]
            })
            .collect()
    }
}

/// The cells of every source and the sources' weights: the roots of how many
/// photographs each draws in an epoch.
fn by_source(dataset: &Dataset, examples: &[(usize, f32)]) -> (Vec<Cells>, Vec<f64>) {
    let mut sources: BTreeMap<&str, (f64, Vec<usize>)> = BTreeMap::new();
    for &(i, weight) in examples {
        let source = sources.entry(&dataset.examples[i].source).or_default();
        source.0 += f64::from(weight);
        source.1.push(i);
    }
    let cells = |photographs: &[usize]| {
        let mut sound = Vec::new();
        let mut sick: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &i in photographs {
            let shown = shown(&dataset.taxonomy, &dataset.examples[i].labels);
            if shown.is_empty() {
                sound.push(i);
            }
            for node in shown {
                sick.entry(node).or_default().push(i);
            }
        }
        let sick: Vec<Vec<usize>> = sick.into_values().collect();
        let weights = sick.iter().map(|cell| (cell.len() as f64).sqrt());
        Cells {
            sound,
            by_cell: WeightedIndex::new(weights).ok(),
            sick,
        }
    };
    sources
        .values()
        .map(|(draws, photographs)| (cells(photographs), draws.sqrt()))
        .unzip()
}

/// What a photograph shows, at the level its source names. A normal eye shows nothing.
fn shown(taxonomy: &Taxonomy, labels: &[Label]) -> Vec<usize> {
    let normal = |node: usize| {
        let node = &taxonomy.nodes()[node];
        node.subject == Subject::Eye && node.severity == 0
    };
    truth::found(taxonomy, labels)
        .filter(|&node| !normal(node))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{Example, Origin, Split};

    /// `count` photographs of a source that show `id`, or nothing.
    fn photographs(source: &str, id: Option<&str>, count: usize) -> Vec<Example> {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let mut labels = vec![Label::Unknown; taxonomy.nodes().len()];
        if let Some(id) = id {
            labels[taxonomy.index(id).unwrap()] = Label::Present;
        }
        let example = Example {
            source: source.to_owned(),
            image: "a.png".into(),
            origin: Origin::File,
            patient: "a".to_owned(),
            split: Split::Train,
            labels,
            aspect: 1.0,
            raw: Default::default(),
        };
        vec![example; count]
    }

    #[test]
    fn by_source_a_look_tells_nothing_of_the_eye() {
        let examples = [
            photographs("sick", None, 100),
            photographs("sick", Some("pdr"), 880),
            photographs("sick", Some("glaucoma_any"), 20),
            photographs("sound", Some("normal"), 90),
            photographs("sound", Some("pdr"), 10),
            photographs("cats", Some("non_fundus"), 400),
        ]
        .concat();
        let dataset = Dataset {
            taxonomy: Arc::new(Taxonomy::builtin("odir").unwrap()),
            examples,
            sources: Vec::new(),
        };
        let all: Vec<usize> = (0..dataset.examples.len()).collect();
        let sampler = Sampler::new(&dataset, &all, |_| 20.0);
        let order = sampler.epoch(Sampling::BySource, 7);
        assert_eq!(order.len(), 30_000);
        let share = |of: &dyn Fn(&Example) -> bool| {
            let count = order.iter().filter(|&&i| of(&dataset.examples[i])).count();
            count as f64 / order.len() as f64
        };
        let shows = |example: &Example, id: &str| {
            example.labels[dataset.taxonomy.index(id).unwrap()] == Label::Present
        };
        let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 0.01, "{got} {wanted}");
        // Roots of 1000, 100 and 400 photographs.
        let total = 1000f64.sqrt() + 100f64.sqrt() + 400f64.sqrt();
        let of_sick = 1000f64.sqrt() / total;
        close(share(&|e| e.source == "sick"), of_sick);
        close(share(&|e| e.source == "cats"), 400f64.sqrt() / total);
        let pdr = 880f64.sqrt() / (880f64.sqrt() + 20f64.sqrt());
        close(
            share(&|e| e.source == "sick" && shows(e, "pdr")),
            of_sick * SICK * pdr,
        );
        close(
            share(&|e| e.source == "sound" && shows(e, "pdr")),
            100f64.sqrt() / total * SICK,
        );
        assert_eq!(sampler.epoch(Sampling::BySource, 7), order);
    }

    #[test]
    fn class_balanced_draws_take_a_class_first() {
        let examples = [
            photographs("odir", None, 60),
            photographs("odir", Some("pdr"), 90),
            photographs("odir", Some("glaucoma"), 10),
        ]
        .concat();
        let dataset = Dataset {
            taxonomy: Arc::new(Taxonomy::builtin("odir").unwrap()),
            examples,
            sources: Vec::new(),
        };
        let all: Vec<usize> = (0..160).collect();
        let sampler = Sampler::new(&dataset, &all, |_| 200.0);
        let draws = |sampling: Sampling| {
            let order = sampler.epoch(sampling, 3);
            let share = |range: std::ops::Range<usize>| {
                let count = order.iter().filter(|i| range.contains(i)).count();
                count as f64 / order.len() as f64
            };
            [share(0..60), share(60..150), share(150..160)]
        };
        let close = |found: [f64; 3], expected: [f64; 3]| {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 0.01, "{found} is not {expected}");
            }
        };
        let third = 1.0 / 3.0;
        close(draws(Sampling::ClassBalanced), [third; 3]);
        let long_tailed = [60.0 / 160.0, 90.0 / 160.0, 10.0 / 160.0];
        close(draws(Sampling::Instance), long_tailed);
        let half = |k: usize| (long_tailed[k] + third) / 2.0;
        close(draws(Sampling::Mixed), [half(0), half(1), half(2)]);
    }
}
