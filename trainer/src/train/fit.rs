//! The one loop that trains every method.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use fovea_core::taxonomy::Label;
use tch::{nn, no_grad, Device, Kind, Tensor};

use super::adam::Adam;
use super::ema::Ema;
use super::looks::StageLooks;
use super::schedule::one_cycle;
use super::sources::{Adversary, Sources, WorstSource};
use super::subset::Subset;
use super::{started, write_network};
use crate::checkpoint::{self, State};
use crate::clock::{Ended, StageTime};
use crate::config::{Keep, Optimiser, RunConfig, Schedule, StageConfig, Training};
use crate::data::{Epoch, Loader, Split};
use crate::events::EventWriter;
use crate::losses::{masked_bce, Hierarchy};
use crate::methods::{Method, MethodContext, Step, Term};
use crate::nets::{Net, Output};
use crate::photographs::Photographs;
use crate::progress::progress;
use crate::report::EpochLine;
use crate::samplers::Sampler;
use crate::{metrics, plots, predict, start};

/// The terms of a step whose values the device may still be at.
struct Unread {
    terms: Vec<(&'static str, f64)>,
    values: Tensor,
    photographs: usize,
}

impl Unread {
    fn new(terms: &[Term], photographs: usize) -> Unread {
        let values: Vec<Tensor> = terms.iter().map(|term| term.value.detach()).collect();
        Unread {
            terms: terms.iter().map(|term| (term.name, term.weight)).collect(),
            values: Tensor::stack(&values, 0),
            photographs,
        }
    }
}

/// What an epoch trains on.
struct Draws {
    photographs: usize,
    batches: Epoch,
}

pub struct Fit<'a> {
    name: &'a str,
    training: Training,
    photographs: &'a Photographs,
    device: Device,
    seed: u64,
    store: nn::VarStore,
    net: Net,
    method: Box<dyn Method>,
    sources: Sources,
    adversary: Option<Adversary>,
    worst_source: Option<WorstSource>,
    /// Where the stage learns some classes only.
    classes: Option<Subset>,
    keeps_extractor: bool,
    adam: Adam,
    average: Option<Ema>,
    sampler: Sampler,
    draws: crate::samplers::Sampling,
    loader: Loader,
    /// Of the next epoch, where it has been begun.
    ahead: Option<Draws>,
    validation: Vec<usize>,
    pub state: State,
    pub time: Option<StageTime<'a>>,
    /// Schedule behind it when this call began, 0..1.
    before: f64,
    /// Epochs of steps made, with the part of the last, and when that was.
    stepped: (f64, Instant),
}

impl<'a> Fit<'a> {
    pub fn new(
        config: &'a RunConfig,
        stage: &'a StageConfig,
        shipped: Option<&start::Student>,
        photographs: &'a Photographs,
        device: Device,
    ) -> Result<Fit<'a>> {
        let training = config.training_of(stage);
        let taxonomy = &photographs.dataset.taxonomy;
        let mut train = photographs.trained_on(stage);
        let augment = config.augment_of(stage);
        let seed = config.seed_of(stage);
        let (store, mut net) = started(config, stage, shipped, photographs, device)?;

        if stage.frozen_blocks > 0 {
            net.freeze(stage.frozen_blocks);
        }

        let classes = match &stage.classes {
            Some(classes) => Some(
                Subset::new(classes, photographs, device)
                    .with_context(|| format!("the classes of stage `{}`", stage.name))?,
            ),
            None => None,
        };
        if let Some(subset) = &classes {
            train.retain(|&i| subset.takes(&photographs.dataset.examples[i].labels));
        }
        // A batch of one has no batch statistics.
        ensure!(
            train.len() > 1,
            "stage `{}` has {} photographs to train on, too few; look at its `sources`, `part` and \
             `classes`",
            stage.name,
            train.len()
        );
        let sampler = Sampler::new(&photographs.dataset, &train, |i| {
            let source = &photographs.dataset.examples[i].source;
            let factor = training.source_weight.get(source).copied().unwrap_or(1.0);
            photographs.draw_weight(i) * factor as f32
        });
        ensure!(
            sampler.epoch_len() > 1,
            "stage `{}` draws {} photographs in an epoch, too few; look at the `weight` of its sources \
             and at `source_weight`",
            stage.name,
            sampler.epoch_len()
        );
        let validation = photographs.indices(Split::Val, &config.validate_on);
        let looks = StageLooks {
            config,
            photographs,
            train: &train,
            validation: &validation,
            batch: training.predict_batch,
            device,
        };
        let method = stage.method.settings().build(&MethodContext {
            taxonomy,
            hierarchy: Rc::new(Hierarchy::new(taxonomy, device)),
            groups: &photographs.groups,
            photographs: train.len(),
            counts: &photographs.counts(&train, &augment.degrade),
            device,
            net: &net,
            own: store.root() / "method",
            looks: &looks,
        })?;
        let keeps_extractor = stage.method.settings().keeps_extractor();
        let sources = Sources::new(&photographs.dataset, &train, device);
        let own = store.root() / "method" / "sources";
        // Features that are kept cannot unlearn anything, and of one source there is nothing to tell.
        let unlearns = !keeps_extractor && sources.count > 1;
        let adversary = (training.source_adversary > 0.0 && unlearns)
            .then(|| {
                let (weight, width) = (training.source_adversary, net.width());
                Adversary::new(weight, taxonomy, &sources, width, &own / "adversary")
            })
            .transpose()?;
        let worst_source = (training.worst_source > 0.0)
            .then(|| WorstSource::new(training.worst_source, &sources, own / "worst"));

        let learns = |name: &str| {
            !Net::is_frozen(name, stage.frozen_blocks)
                && (!keeps_extractor || !name.starts_with("features"))
        };
        let variables: BTreeMap<String, Tensor> = store
            .variables()
            .into_iter()
            .filter(|(name, variable)| variable.requires_grad() && learns(name))
            .collect();
        let adam = Adam::new(
            variables,
            training.weight_decay,
            training.optimiser == Optimiser::Adamw,
        );
        let average = (training.ema > 0.0).then(|| Ema::new(&store, training.ema));
        let mut loader = photographs
            .loader(Some(augment.clone()), training.batch)
            .among(&photographs.trained_on(stage))
            .presuming(&training.presumed_healthy);
        if !training.one_sided {
            loader = loader.without_one_sided();
        }
        Ok(Fit {
            name: &stage.name,
            draws: stage.draws.unwrap_or_else(|| method.draws()),
            sampler,
            validation,
            sources,
            adversary,
            worst_source,
            classes,
            keeps_extractor,
            seed,
            state: State {
                learning_rate: training.learning_rate,
                ..State::default()
            },
            training,
            photographs,
            device,
            store,
            net,
            method,
            adam,
            average,
            loader,
            ahead: None,
            time: None,
            before: 0.0,
            stepped: (0.0, Instant::now()),
        })
    }

    pub fn run(&mut self, dir: &Path) -> Result<()> {
        let mut events = EventWriter::open(&dir.join("tensorboard"), self.state.epochs_done)?;
        if let Some(time) = &self.time {
            // What follows the last step must be known before the first is made.
            let asked = Instant::now();
            self.look()?;
            time.closed(asked.elapsed());
        }
        while self.state.epochs_done < self.training.epochs {
            let epoch = self.state.epochs_done;
            // Dropout draws from libtorch's generator: seeding it by the epoch
            // makes a resumed epoch the same as an uninterrupted one.
            tch::manual_seed((self.seed ^ ((epoch as u64 + 1) << 20)) as i64);
            let line = self.epoch(epoch)?;
            eprintln!("{}", line.to_line(self.name, self.training.epochs));
            events.epoch(&line)?;
            self.judge(&line, dir)?;
            self.state.history.push(line);
            self.state.epochs_done += 1;
            let patient = self.training.patience == 0
                || self.state.epochs_since_best < self.training.patience;
            let over = self.time.as_ref().is_some_and(StageTime::over);
            let done = self.state.epochs_done == self.training.epochs || !patient || over;
            self.state.ended = self.ended_by_the_clock(over);
            if done && self.training.keep == Keep::Last {
                self.write_network(dir)?;
            }
            self.state.finished = done;
            self.save(dir)?;
            if let Some(time) = &self.time {
                time.closed(self.stepped.1.elapsed());
            }
            if let Some(ended) = &self.state.ended {
                eprintln!("{}: {ended}", self.name);
            }
            if done {
                break;
            }
        }
        Ok(())
    }

    fn ended_by_the_clock(&self, over: bool) -> Option<Ended> {
        let (epochs, planned) = (self.stepped.0, self.training.epochs);
        let time = self.time.as_ref()?;
        (over && epochs < planned as f64).then(|| Ended {
            epochs,
            planned,
            minutes: time.minutes(),
        })
    }

    fn epoch(&mut self, epoch: usize) -> Result<EpochLine> {
        let started = Instant::now();
        let Draws {
            photographs,
            mut batches,
        } = match self.ahead.take() {
            Some(draws) => draws,
            None => self.draw(epoch)?,
        };
        let size = self.training.batch;
        // A last batch of one has no batch statistics; leave it out.
        let steps = photographs / size + usize::from(photographs % size > 1);
        let bar = progress(
            photographs as u64,
            &format!("{} {}/{}", self.name, epoch + 1, self.training.epochs),
        );
        let (mut total, mut seen, mut rate) = (0.0, 0usize, 0.0);
        let mut made = 0;
        let mut waiting = Duration::ZERO;
        let name = self.name;
        let mut by_term: BTreeMap<String, f64> = BTreeMap::new();
        let mut unread: Option<Unread> = None;
        let mut read = |unread: Option<Unread>| -> Result<()> {
            let Some(unread) = unread else {
                return Ok(());
            };
            let values = Vec::<f64>::try_from(unread.values.to_kind(Kind::Double))?;
            let terms = unread.terms.iter().zip(&values);
            let loss: f64 = terms.clone().map(|((_, weight), v)| weight * v).sum();
            if !loss.is_finite() {
                bail!(
                    "the loss of stage `{name}` is not finite in epoch {} ({loss}); lower the learning rate",
                    epoch + 1
                );
            }
            let count = unread.photographs;
            for ((term, _), value) in terms {
                *by_term.entry((*term).to_owned()).or_default() += value * count as f64;
            }
            total += loss * count as f64;
            seen += count;
            bar.inc(count as u64);
            bar.set_message(format!("loss {:.4}", total / seen as f64));
            Ok(())
        };
        for step in 0..steps {
            // One step is always made, so that every stage leaves a network.
            if step > 0 && self.time.as_ref().is_some_and(StageTime::over) {
                break;
            }
            let asked = Instant::now();
            let Some(batch) = batches.next() else { break };
            waiting += asked.elapsed();
            let count = batch.index.len();
            let mut tensors = batch.to_tensors(self.device);
            let alike = self
                .adversary
                .as_ref()
                .map(|adversary| adversary.alike(&tensors));
            if let Some(classes) = &self.classes {
                classes.hide_others(&mut tensors);
            }
            let mut output = self.forward(&tensors.images);
            let progress = self.progress(epoch * steps + step, self.training.epochs * steps);
            rate = self.learning_rate(progress);
            self.state.progress = progress;
            if let Some(worst) = &mut self.worst_source {
                output = worst.weigh(&self.sources, output, &tensors);
            }
            let mut terms = self.method.losses(&Step {
                output: &output,
                batch: &tensors,
                progress,
            });
            if let (Some(adversary), Some(alike)) = (&self.adversary, &alike) {
                let sources = self.sources.of(&tensors);
                terms.push(adversary.term(&output.features, &sources, alike, progress));
            }
            self.adam
                .step(&Term::total(&terms), rate, self.training.clip);
            if let Some(average) = &mut self.average {
                average.update();
            }
            made = step + 1;
            // Reading a loss waits for the GPU, so that of the step before is
            // read: the GPU has this one to do meanwhile.
            read(unread.replace(Unread::new(&terms, count)))?;
        }
        read(unread)?;
        bar.finish_and_clear();
        self.stepped = (
            epoch as f64 + made as f64 / steps.max(1) as f64,
            Instant::now(),
        );
        let training_seconds = started.elapsed().as_secs_f64();
        if epoch + 1 < self.training.epochs && !self.time.as_ref().is_some_and(StageTime::over) {
            // Its first batches are made while this one is validated and saved.
            self.ahead = Some(self.draw(epoch + 1)?);
        }
        let mut line = EpochLine {
            epoch: epoch as u32 + 1,
            phase: self.name.to_string(),
            train_loss: total / seen.max(1) as f64,
            terms: by_term
                .into_iter()
                .map(|(term, sum)| (term, sum / seen.max(1) as f64))
                .collect(),
            learning_rate: rate,
            images_per_second: seen as f64 / training_seconds,
            waiting: waiting.as_secs_f64() / training_seconds,
            val_loss: f64::NAN,
            val_map_average: None,
            many: None,
            medium: None,
            few: None,
            seconds: 0.0,
        };
        self.validate(&mut line)?;
        line.seconds = started.elapsed().as_secs_f64();
        Ok(line)
    }

    /// The photographs of an epoch, in batches that are made from now on.
    fn draw(&self, epoch: usize) -> Result<Draws> {
        let order = self.sampler.epoch(
            self.draws,
            self.seed.wrapping_mul(1_000_003).wrapping_add(epoch as u64),
        );
        Ok(Draws {
            photographs: order.len(),
            batches: self
                .loader
                .epoch(order, self.seed.wrapping_add(epoch as u64))?,
        })
    }

    fn forward(&self, images: &Tensor) -> Output {
        if !self.keeps_extractor {
            return self.net.forward(images, true);
        }
        let features = no_grad(|| self.net.forward(images, false).features);
        let logits = self.net.head(&features);
        Output { features, logits }
    }

    /// How much of the schedule is behind the stage when step `step` of `steps`
    /// is made, 0..1: by its steps or by its time, whichever is further.
    fn progress(&self, step: usize, steps: usize) -> f64 {
        let stepped = (step as f64 + 1.0) / steps.max(1) as f64;
        let used = self.time.as_ref().map_or(0.0, StageTime::used);
        stepped.max(self.before + (1.0 - self.before) * used)
    }

    fn learning_rate(&self, progress: f64) -> f64 {
        match self.training.schedule {
            Schedule::OneCycle => self.training.learning_rate * one_cycle(progress),
            Schedule::Plateau => self.state.learning_rate,
        }
    }

    /// What the network says of the validation photographs.
    fn look(&self) -> Result<predict::Answers> {
        predict::look(
            &self.net,
            self.photographs,
            &self.validation,
            None,
            self.training.predict_batch,
            self.device,
        )
    }

    fn validate(&mut self, line: &mut EpochLine) -> Result<()> {
        if self.validation.is_empty() {
            return Ok(());
        }
        self.swap_average();
        let answers = self.look();
        self.swap_average();
        let predict::Answers { logits, labels } = answers?;
        let taxonomy = &self.photographs.dataset.taxonomy;
        let k = taxonomy.finest_count();
        // What the stage does not learn must not choose its epoch.
        let learns = |class: usize| self.classes.as_ref().is_none_or(|only| only.learns(class));
        let (mut targets, mut mask) = (Vec::new(), Vec::new());
        for row in labels.chunks_exact(taxonomy.nodes().len()) {
            targets.extend(row[..k].iter().map(|l| f32::from(*l == Label::Present)));
            let known = row[..k].iter().map(|l| *l != Label::Unknown);
            mask.extend(
                known
                    .enumerate()
                    .map(|(class, known)| f32::from(known && learns(class))),
            );
        }
        let table = |v: &[f32]| Tensor::from_slice(v).view([-1, k as i64]);
        line.val_loss =
            masked_bce(&table(&logits), &table(&targets), &table(&mask), None).double_value(&[]);
        let mut precisions = metrics::class_precisions(taxonomy, &logits, &labels);
        for (class, precision) in precisions.iter_mut().enumerate().take(k) {
            *precision = precision.filter(|_| learns(class));
        }
        let scores = metrics::group_map(taxonomy, &self.photographs.groups, &precisions);
        self.method.validated(&precisions);
        line.many = scores.many;
        line.medium = scores.medium;
        line.few = scores.few;
        line.val_map_average = scores.average;
        Ok(())
    }

    /// Best weights, early stop and plateau, after an epoch's validation.
    fn judge(&mut self, line: &EpochLine, dir: &Path) -> Result<()> {
        // Without validation photographs every epoch counts as the best so far.
        let score = line.val_map_average.unwrap_or(f64::from(line.epoch));
        if self.state.best.is_none_or(|best| score > best) {
            self.state.best = Some(score);
            self.state.epochs_since_best = 0;
            if self.training.keep == Keep::Best {
                self.write_network(dir)?;
            }
        } else {
            self.state.epochs_since_best += 1;
        }
        // Without validation photographs there is no loss of them, and no plateau.
        if line.val_loss.is_nan() {
            return Ok(());
        }
        if self
            .state
            .lowest_loss
            .is_none_or(|lowest| line.val_loss < lowest)
        {
            self.state.lowest_loss = Some(line.val_loss);
            self.state.epochs_since_lowest = 0;
        } else {
            self.state.epochs_since_lowest += 1;
            if self.training.schedule == Schedule::Plateau && self.state.epochs_since_lowest >= 5 {
                self.state.learning_rate = (self.state.learning_rate * 0.1).max(1e-7);
                self.state.epochs_since_lowest = 0;
            }
        }
        Ok(())
    }

    /// The network, averaged where it is averaged.
    fn write_network(&mut self, dir: &Path) -> Result<()> {
        self.swap_average();
        let written = write_network(&self.store, dir);
        self.swap_average();
        written
    }

    fn save(&mut self, dir: &Path) -> Result<()> {
        let mut tensors: Vec<(String, Tensor)> = self
            .store
            .variables()
            .into_iter()
            .map(|(name, tensor)| (format!("net/{name}"), tensor))
            .collect();
        tensors.extend(self.adam.state());
        if let Some(average) = &self.average {
            tensors.extend(average.state());
        }
        let lines: Result<Vec<String>, _> = self
            .state
            .history
            .iter()
            .map(serde_json::to_string)
            .collect();
        checkpoint::write(
            &dir.join("history.jsonl"),
            (lines?.join("\n") + "\n").as_bytes(),
        )?;
        plots::curves(&self.state.history, &dir.join("curves.png"))?;
        // Last: who finds the stage finished writes nothing more.
        checkpoint::save(dir, &mut self.state, &tensors)
    }

    pub fn restore(&mut self, state: State, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, mut variable) in self.store.variables() {
            let saved = checkpoint::named(tensors, &format!("net/{name}"))?;
            no_grad(|| variable.f_copy_(saved))?;
        }
        self.adam.restore(tensors)?;
        if let Some(average) = &mut self.average {
            average.restore(tensors)?;
        }
        self.before = state.progress;
        self.state = state;
        Ok(())
    }

    fn swap_average(&mut self) {
        if let Some(average) = &mut self.average {
            average.swap();
        }
    }
}
