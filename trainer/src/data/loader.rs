//! Batches, made ahead on worker threads.
//!
//! Plain bytes, no tensors. What a batch holds depends on the order and the
//! seed only, not on how many threads made it or how fast they were.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::mpsc::{sync_channel, Receiver};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{ensure, Result};
use fovea_core::taxonomy::{ids, Label, Subject, Taxonomy};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::augment::AugmentConfig;
use super::batch::Batch;
use super::degrade::{self, DegradeConfig};
use super::{scenes, truth, Cache, Dataset, Origin, Split};

/// Batches each thread may be ahead.
const AHEAD: usize = 2;

/// Makes batches of a [`Dataset`].
pub struct Loader {
    work: Arc<Work>,
    batch: usize,
    threads: usize,
}

/// What is done to photographs on the way.
enum Change {
    Nothing,
    Train(AugmentConfig),
    /// Evaluation of the quality outputs on damage that does not vary.
    Damage(DegradeConfig),
}

struct Work {
    dataset: Arc<Dataset>,
    cache: Arc<Cache>,
    change: Change,
    /// What may be trained on.
    train: Vec<usize>,
    /// Photographs that are no fundus, per split, for scenes to build on.
    ordinary: Vec<(Split, usize)>,
    /// Training photographs of retinas by source, whose looks others may take.
    looks: BTreeMap<String, Vec<usize>>,
    /// Questions about the eye that a source has one answer to, by source;
    /// empty where these are learned all the same.
    one_sided: BTreeMap<String, OneSided>,
    /// By source, the weight with which an eye in which it found nothing counts
    /// as one without the findings that it did not look for.
    presumed: BTreeMap<String, f32>,
}

impl Loader {
    /// A loader of batches of `batch`, made by `threads` threads. With
    /// `augment` it is for training, and hands out training examples only.
    pub fn new(
        dataset: Arc<Dataset>,
        cache: Arc<Cache>,
        augment: Option<AugmentConfig>,
        batch: usize,
        threads: usize,
    ) -> Loader {
        let change = augment.map_or(Change::Nothing, Change::Train);
        Loader::with(dataset, cache, change, batch, threads)
    }

    /// A loader for evaluation that damages photographs as `config` says and
    /// labels them accordingly.
    pub fn degraded(
        dataset: Arc<Dataset>,
        cache: Arc<Cache>,
        config: DegradeConfig,
        batch: usize,
        threads: usize,
    ) -> Loader {
        Loader::with(dataset, cache, Change::Damage(config), batch, threads)
    }

    /// The same loader, for which there are no other training photographs than
    /// `train`: looks and what scenes build on are taken from these alone, and
    /// what a source says to one side is judged by them. Comes before
    /// [`Loader::without_one_sided`].
    pub fn among(mut self, train: &[usize]) -> Loader {
        if let Some(work) = Arc::get_mut(&mut self.work) {
            work.train_among(train.to_vec());
        }
        self
    }

    /// The same loader, for which what a source says yes to only, or no to only,
    /// is unknown: such an answer teaches nothing about the eye and everything
    /// about the source's look.
    pub fn without_one_sided(mut self) -> Loader {
        let work = &self.work;
        let one_sided = OneSided::by_source(&work.dataset, &work.train, &work.presumed);
        if let Some(work) = Arc::get_mut(&mut self.work) {
            work.one_sided = one_sided;
        }
        self
    }

    /// The same loader, for which a composite that a source looked for in part
    /// counts as absent, with this weight by source, where it found nothing at
    /// all. Comes before [`Loader::without_one_sided`]: it is an answer.
    pub fn presuming(mut self, weights: &BTreeMap<String, f64>) -> Loader {
        if let Some(work) = Arc::get_mut(&mut self.work) {
            work.presumed = weights
                .iter()
                .map(|(source, &weight)| (source.clone(), weight as f32))
                .filter(|&(_, weight)| weight > 0.0)
                .collect();
        }
        self
    }

    fn with(
        dataset: Arc<Dataset>,
        cache: Arc<Cache>,
        change: Change,
        batch: usize,
        threads: usize,
    ) -> Loader {
        let train = dataset.indices(Split::Train);
        let mut work = Work {
            dataset,
            cache,
            change,
            train: Vec::new(),
            ordinary: Vec::new(),
            looks: BTreeMap::new(),
            one_sided: BTreeMap::new(),
            presumed: BTreeMap::new(),
        };
        work.train_among(train);
        Loader {
            work: Arc::new(work),
            batch: batch.max(1),
            threads: threads.max(1),
        }
    }

    /// The examples of `order`, batch by batch, in order.
    ///
    /// # Errors
    /// Settings that cannot be drawn from, an index the dataset lacks, or a
    /// training loader asked for an example that is not for training.
    pub fn epoch(&self, order: Vec<usize>, seed: u64) -> Result<Epoch> {
        match &self.work.change {
            Change::Nothing => {}
            Change::Train(augment) => augment.check()?,
            Change::Damage(damage) => damage.check()?,
        }
        let examples = &self.work.dataset.examples;
        for &i in &order {
            ensure!(
                i < examples.len(),
                "example {i} was asked for; the dataset has {}",
                examples.len()
            );
            ensure!(
                examples[i].origin != Origin::File || self.work.cache.get(i).is_some(),
                "{} is not in the cache; build the cache from this dataset",
                examples[i].image.display()
            );
            ensure!(
                !matches!(self.work.change, Change::Train(_)) || examples[i].split == Split::Train,
                "{} of source {} is for {} and must not be trained on",
                examples[i].image.display(),
                examples[i].source,
                examples[i].split.name()
            );
        }
        let order = Arc::new(order);
        let batches = order.len().div_ceil(self.batch);
        let threads = self.threads.min(batches);
        let mut queues = Vec::with_capacity(threads);
        let mut workers = Vec::with_capacity(threads);
        for first in 0..threads {
            let (send, receive) = sync_channel(AHEAD);
            let (work, order, size) = (self.work.clone(), order.clone(), self.batch);
            workers.push(std::thread::spawn(move || {
                for k in (first..batches).step_by(threads) {
                    let at = k * size..((k + 1) * size).min(order.len());
                    let batch = work.batch(&order[at.clone()], at.start, seed);
                    // Nobody listens any more: the epoch was left early.
                    if send.send(batch).is_err() {
                        return;
                    }
                }
            }));
            queues.push(receive);
        }
        Ok(Epoch {
            queues,
            workers,
            next: 0,
            batches,
        })
    }
}

/// The batches of one epoch.
pub struct Epoch {
    queues: Vec<Receiver<Batch>>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    batches: usize,
}

impl Iterator for Epoch {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == self.batches {
            return None;
        }
        // Thread t makes batches t, t + threads, ...
        let thread = self.next % self.queues.len();
        match self.queues[thread].recv() {
            Ok(batch) => {
                self.next += 1;
                Some(batch)
            }
            Err(_) => {
                // The thread ended before its work: pass its panic on, rather
                // than end the epoch short.
                self.next = self.batches;
                match self.workers.swap_remove(thread).join() {
                    Err(panic) => resume_unwind(panic),
                    Ok(()) => None,
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batches - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Epoch {}

impl Drop for Epoch {
    fn drop(&mut self) {
        // Closes the queues, so that the threads stop at their next batch.
        self.queues.clear();
        for worker in self.workers.drain(..) {
            // A panic that nobody waited for has been printed already.
            let _ = worker.join();
        }
    }
}

impl Work {
    /// Whose looks there are and what scenes build on, where only `train` is
    /// trained on.
    fn train_among(&mut self, train: Vec<usize>) {
        let examples = &self.dataset.examples;
        let non_fundus = self.dataset.taxonomy.index(ids::NON_FUNDUS);
        let shows_none =
            |i: usize| non_fundus.is_some_and(|node| examples[i].labels[node] == Label::Present);
        let on_file = |i: &usize| examples[*i].origin == Origin::File;
        let mut looks: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for i in train.iter().copied().filter(on_file) {
            if !shows_none(i) {
                looks.entry(examples[i].source.clone()).or_default().push(i);
            }
        }
        let judged = (0..examples.len()).filter(|&i| examples[i].split != Split::Train);
        self.ordinary = judged
            .chain(train.iter().copied())
            .filter(on_file)
            .filter(|&i| shows_none(i))
            .map(|i| (examples[i].split, i))
            .collect();
        self.looks = looks;
        self.train = train;
    }

    fn batch(&self, indices: &[usize], start: usize, seed: u64) -> Batch {
        let taxonomy = &self.dataset.taxonomy;
        let side = self.cache.size() as usize;
        let nodes = taxonomy.nodes().len();
        let mut batch = Batch {
            size: self.cache.size(),
            pixels: vec![0; indices.len() * side * side * 3],
            labels: Vec::with_capacity(indices.len() * nodes),
            composites: Vec::new(),
            composite_weights: Vec::new(),
            index: indices.to_vec(),
        };
        let pictures = batch.pixels.chunks_exact_mut(side * side * 3);
        for (k, (&index, target)) in indices.iter().zip(pictures).enumerate() {
            let mut rng = ChaCha8Rng::seed_from_u64(mixed(seed, (start + k) as u64, index as u64));
            let mut labels = self.fill(taxonomy, index, target, &mut rng);
            let mut composites: Vec<Label> = taxonomy
                .composites()
                .values()
                .map(|members| truth::composite(taxonomy, members, &labels))
                .collect();
            let source = &self.dataset.examples[index].source;
            let mut presumed: Vec<f32> = match self.presumed.get(source) {
                Some(&weight) => taxonomy
                    .composites()
                    .values()
                    .map(|m| f32::from(truth::is_presumed_absent(taxonomy, m, &labels)) * weight)
                    .collect(),
                None => vec![0.0; composites.len()],
            };
            if let Some(one_sided) = self.one_sided.get(source) {
                one_sided.hide(&mut labels, &mut composites, &mut presumed);
            }
            let weights = composites.iter().zip(&presumed);
            batch
                .composite_weights
                .extend(weights.map(|(label, &presumed)| match label {
                    Label::Unknown => presumed,
                    _ => 1.0,
                }));
            batch.labels.extend(labels);
            batch.composites.extend(composites);
        }
        batch
    }

    /// Writes the picture of an example into `target`; its labels as they are
    /// after whatever was done to it.
    fn fill(
        &self,
        taxonomy: &Taxonomy,
        index: usize,
        target: &mut [u8],
        rng: &mut ChaCha8Rng,
    ) -> Vec<Label> {
        let example = &self.dataset.examples[index];
        let side = self.cache.size() as usize;
        let source = match (example.origin, self.cache.get(index)) {
            (Origin::File, Some(pixels)) => Cow::Borrowed(pixels),
            (Origin::Scene { seed }, _) => Cow::Owned(match self.change {
                Change::Train(_) => self.scene(example.split, rng),
                _ => self.scene(example.split, &mut ChaCha8Rng::seed_from_u64(seed)),
            }),
            (Origin::File, None) => unreachable!("`epoch` looked for it"),
        };
        let mut labels = example.labels.clone();
        let damage = match &self.change {
            Change::Nothing => {
                target.copy_from_slice(&source);
                return labels;
            }
            Change::Damage(damage) => {
                target.copy_from_slice(&source);
                damage
            }
            Change::Train(augment) => {
                let jitter = self
                    .dataset
                    .source(&example.source)
                    .map_or(0.0, |s| s.aspect_jitter);
                let partner = self.partner(index, augment.look, rng);
                augment.apply(&source, partner, target, side, jitter, rng);
                &augment.degrade
            }
        };
        if degrade::is_sound(taxonomy, &labels) {
            // In training, where nobody looked for faults, a labelled one would
            // teach that the source's look is a fault.
            let unseen = truth::faulty(taxonomy, &labels) != Label::Absent;
            let damage = match &self.change {
                Change::Train(_) if unseen => Cow::Owned(damage.without_labels()),
                _ => Cow::Borrowed(damage),
            };
            degrade::degrade(&damage, target, side, rng).apply(taxonomy, &mut labels);
        }
        if let Change::Train(augment) = &self.change {
            augment.finish(target, side, rng);
        }
        labels
    }

    /// A training photograph of another source, by the chance of an exchanged
    /// look; sources alike, whatever they hold.
    fn partner(&self, index: usize, chance: f64, rng: &mut ChaCha8Rng) -> Option<&[u8]> {
        let own = &self.dataset.examples[index].source;
        // What is no retina keeps its own look.
        if chance == 0.0 || !self.looks.contains_key(own) || !rng.random_bool(chance) {
            return None;
        }
        let others: Vec<&Vec<usize>> = self
            .looks
            .iter()
            .filter(|(source, _)| *source != own)
            .map(|(_, photographs)| photographs)
            .collect();
        let photographs = others.choose(rng)?;
        self.cache.get(*photographs.choose(rng)?)
    }

    /// A drawn scene, which may build on an ordinary photograph of its split.
    fn scene(&self, split: Split, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let side = self.cache.size();
        let photographs: Vec<&[u8]> = self
            .ordinary
            .iter()
            .filter(|(s, _)| *s == split)
            .filter_map(|(_, i)| self.cache.get(*i))
            .collect();
        scenes::draw(side, &photographs, rng).into_raw()
    }
}

/// Which nodes of the eye and which composites a source only ever answers with
/// yes, or only ever with no.
struct OneSided {
    nodes: Vec<bool>,
    composites: Vec<bool>,
}

impl OneSided {
    /// From the labels of the photographs `train`.
    fn by_source(
        dataset: &Dataset,
        train: &[usize],
        presumed: &BTreeMap<String, f32>,
    ) -> BTreeMap<String, OneSided> {
        let taxonomy = &dataset.taxonomy;
        let composites = taxonomy.composites();
        let widths = (taxonomy.nodes().len(), composites.len());
        // By node and composite: whether yes was said, and whether no was.
        let mut said: BTreeMap<&String, Vec<(bool, bool)>> = BTreeMap::new();
        for example in train.iter().map(|&i| &dataset.examples[i]) {
            let answers = said
                .entry(&example.source)
                .or_insert_with(|| vec![(false, false); widths.0 + widths.1]);
            let presumes = presumed.contains_key(&example.source);
            let composites = composites.values().map(|members| {
                match truth::is_presumed_absent(taxonomy, members, &example.labels) {
                    true if presumes => Label::Absent,
                    _ => truth::composite(taxonomy, members, &example.labels),
                }
            });
            let labels = example.labels.iter().copied().chain(composites);
            for (answer, label) in answers.iter_mut().zip(labels) {
                answer.0 |= label == Label::Present;
                answer.1 |= label == Label::Absent;
            }
        }
        said.into_iter()
            .map(|(source, answers)| {
                let one_sided = |&(yes, no): &(bool, bool)| yes != no;
                let (nodes, composites) = answers.split_at(widths.0);
                let of_eye = taxonomy.nodes().iter().map(|n| n.subject == Subject::Eye);
                let hidden = OneSided {
                    nodes: nodes
                        .iter()
                        .zip(of_eye)
                        .map(|(a, eye)| eye && one_sided(a))
                        .collect(),
                    composites: composites.iter().map(one_sided).collect(),
                };
                (source.clone(), hidden)
            })
            .collect()
    }

    /// Takes the answers back, `presumed` ones (a weight by composite) as well.
    fn hide(&self, labels: &mut [Label], composites: &mut [Label], presumed: &mut [f32]) {
        let nodes = labels.iter_mut().zip(&self.nodes);
        for (label, _) in nodes
            .chain(composites.iter_mut().zip(&self.composites))
            .filter(|(_, &h)| h)
        {
            *label = Label::Unknown;
        }
        for (weight, _) in presumed
            .iter_mut()
            .zip(&self.composites)
            .filter(|(_, &h)| h)
        {
            *weight = 0.0;
        }
    }
}

/// One seed from three numbers, each bit of which matters (SplitMix64's mixer).
fn mixed(a: u64, b: u64, c: u64) -> u64 {
    [a, b, c]
        .into_iter()
        .fold(0x9E37_79B9_7F4A_7C15, |state, value| {
            let mut z = (state ^ value).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        })
}
