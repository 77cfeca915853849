//! The one training loop. A method says what is minimised and how photographs
//! are drawn; everything else about training is here.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use fovea_core::taxonomy::Label;
use tch::{nn, no_grad, Device, Tensor};

use crate::adam::Adam;
use crate::checkpoint::{self, State};
use crate::clock::{Ended, StageTime};
use crate::config::{Keep, Optimiser, RunConfig, Schedule, StageConfig, Training};
use crate::data::{Epoch, Loader, Split};
use crate::events::EventWriter;
use crate::losses::{masked_bce, Hierarchy};
use crate::methods::average::{self, Average};
use crate::methods::{Method, MethodConfig, MethodContext, Teacher};
use crate::metrics;
use crate::nets::{Net, NetOptions, Output};
use crate::photographs::Photographs;
use crate::progress::progress;
use crate::report::EpochLine;
use crate::samplers::Sampler;
use crate::{export, machine, plots, predict, start, weights};

/// The network a stage leaves behind, in its folder.
pub const FINAL: &str = "final.safetensors";
/// Photographs that give a shipped student its normalisation statistics back.
const RECENTRED_ON: usize = 128;

/// Trains one stage, or goes on where it was left; to the end of `time`, where
/// it has one.
pub fn stage(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    device: Device,
    time: Option<StageTime>,
) -> Result<()> {
    let dir = config.stage_dir(&stage.name);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let shipped = start::student(stage, &dir, &photographs.dataset.taxonomy)?;
    let fingerprint = photographs.fingerprint(config, stage)?;
    let saved = checkpoint::state(&dir)?;
    if let Some(state) = &saved {
        if state.fingerprint != fingerprint {
            bail!(
                "{} holds a stage trained with other settings or data; delete it, or give the run another name",
                dir.display()
            );
        }
        if state.finished {
            eprintln!("{}: trained already", stage.name);
            return Ok(());
        }
    }
    if let MethodConfig::Average(method) = &stage.method {
        average(config, stage, method, shipped.as_ref(), photographs, device)?;
        let mut state = State {
            fingerprint,
            machine: Some(machine::name()),
            finished: true,
            ..State::default()
        };
        return checkpoint::save(&dir, &mut state, &[]);
    }
    let mut fit = Fit::new(config, stage, shipped.as_ref(), photographs, device)?;
    fit.time = time;
    fit.state.fingerprint = fingerprint;
    fit.state.machine = Some(machine::name());
    if let Some(state) = saved {
        let tensors = checkpoint::tensors(&dir, &state)?;
        fit.restore(state, &tensors)?;
        eprintln!(
            "{}: going on after epoch {}",
            stage.name, fit.state.epochs_done
        );
    }
    fit.run(&dir)
}

/// About `count` of `all`, evenly spread.
fn every_nth(all: &[usize], count: usize) -> Vec<usize> {
    let step = (all.len() / count).max(1);
    all.iter().copied().step_by(step).take(count).collect()
}

/// The network of `stage` before its first step: from a stage, a bundle's
/// student `shipped`, ImageNet or nothing.
fn started(
    config: &RunConfig,
    stage: &StageConfig,
    shipped: Option<&start::Student>,
    photographs: &Photographs,
    device: Device,
) -> Result<(nn::VarStore, Net)> {
    let training = config.training_of(stage);
    let taxonomy = &photographs.dataset.taxonomy;
    let train = photographs.indices(Split::Train, &stage.sources);
    if train.is_empty() {
        bail!("stage `{}` has no photograph to train on", stage.name);
    }
    tch::manual_seed(config.seed_of(stage) as i64);
    let mut store = nn::VarStore::new(device);
    let options = NetOptions {
        dropout: training.dropout,
        ..NetOptions::default()
    };
    let net = Net::with_options(
        &store.root(),
        stage.arch,
        taxonomy.finest_count() as i64,
        training.precision,
        options,
    );
    match (&stage.from, shipped) {
        (_, Some(student)) => {
            let few = every_nth(&train, RECENTRED_ON);
            let few = predict::plain(photographs, few, device)?;
            let finest = &taxonomy.nodes()[..taxonomy.finest_count()];
            let rows: Vec<Option<usize>> = finest
                .iter()
                .map(|node| student.outputs.iter().position(|id| *id == node.id))
                .collect();
            export::adopt(&student.onnx, &net, &rows, &few)
                .with_context(|| format!("stage `{}` starts from a bundle", stage.name))?;
        }
        (Some(from), _) => {
            let path = config.stage_dir(from).join(FINAL);
            store.load(&path).with_context(|| {
                format!("stage `{}` starts from {}", stage.name, path.display())
            })?;
        }
        _ if config.starts_from_imagenet(stage) => {
            let path = weights::fetch(stage.arch, &config.weights)?;
            weights::load_imagenet(&mut store, stage.arch, &path)?;
        }
        _ => {}
    }
    Ok((store, net))
}

/// The network that stage `name` left behind.
fn trained(
    config: &RunConfig,
    name: &str,
    photographs: &Photographs,
    device: Device,
) -> Result<(nn::VarStore, Net)> {
    let stage = config.stage_named(name)?;
    let classes = photographs.dataset.taxonomy.finest_count() as i64;
    let precision = config.training_of(stage).precision;
    let path = config.stage_dir(name).join(FINAL);
    predict::load(&path, stage.arch, classes, precision, device)
}

/// Leaves the network alone, without what a method added: what later stages load.
fn write_network(store: &nn::VarStore, dir: &Path) -> Result<()> {
    let network: Vec<(String, Tensor)> = store
        .variables()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("method"))
        .collect();
    checkpoint::write_tensors(&dir.join(FINAL), &network)
}

/// A stage whose weights lie between those it starts from and another's.
fn average(
    config: &RunConfig,
    stage: &StageConfig,
    method: &Average,
    shipped: Option<&start::Student>,
    photographs: &Photographs,
    device: Device,
) -> Result<()> {
    let (store, mut net) = started(config, stage, shipped, photographs, device)?;
    let (other, _) = trained(config, &method.with, photographs, device)?;
    average::mix(&store, &other, method.share)
        .with_context(|| format!("stages `{}` and `{}`", stage.name, method.with))?;
    // What the other stage did not train, normalisation included, is in both.
    let frozen = config.stage_named(&method.with)?.frozen_blocks;
    if frozen > 0 {
        net.freeze(frozen);
    }
    let train = photographs.indices(Split::Train, &stage.sources);
    let draw = (config.training_of(stage).batch, config.seed_of(stage));
    average::measure(&net, photographs, &train, draw, device)?;
    write_network(&store, &config.stage_dir(&stage.name))
}

/// What an epoch trains on.
struct Draws {
    photographs: usize,
    batches: Epoch,
}

struct Fit<'a> {
    name: &'a str,
    training: Training,
    photographs: &'a Photographs,
    device: Device,
    seed: u64,
    store: nn::VarStore,
    net: Net,
    method: Box<dyn Method>,
    adam: Adam,
    average: Option<Ema>,
    sampler: Sampler,
    draws: crate::samplers::Sampling,
    loader: Loader,
    /// Of the next epoch, where it has been begun.
    ahead: Option<Draws>,
    validation: Vec<usize>,
    state: State,
    time: Option<StageTime<'a>>,
    /// Schedule behind it when this call began, 0..1.
    before: f64,
    /// Epochs of steps made, with the part of the last, and when that was.
    stepped: (f64, Instant),
}

impl<'a> Fit<'a> {
    fn new(
        config: &'a RunConfig,
        stage: &'a StageConfig,
        shipped: Option<&start::Student>,
        photographs: &'a Photographs,
        device: Device,
    ) -> Result<Fit<'a>> {
        let training = config.training_of(stage);
        let taxonomy = &photographs.dataset.taxonomy;
        let train = photographs.indices(Split::Train, &stage.sources);
        let augment = config.augment_of(stage);
        let seed = config.seed_of(stage);
        let (store, mut net) = started(config, stage, shipped, photographs, device)?;

        if stage.frozen_blocks > 0 {
            net.freeze(stage.frozen_blocks);
        }

        let teacher = |name: &str| -> Result<Rc<Teacher>> {
            let (store, net) = trained(config, name, photographs, device)?;
            Ok(Rc::new(Teacher::new(store, net)))
        };
        let one_extractor = |first: &str, second: &str| {
            config.stage_named(second).is_ok_and(|s| {
                matches!(s.method, MethodConfig::Ics { crt: true, .. })
                    && s.from.as_deref() == Some(first)
            })
        };
        let method = stage.method.build(&MethodContext {
            hierarchy: Rc::new(Hierarchy::new(taxonomy, device)),
            counts: &photographs.counts(&train, &augment.degrade),
            device,
            width: net.width(),
            own: store.root() / "method",
            teacher: &teacher,
            one_extractor: &one_extractor,
        })?;

        let learns = |name: &str| {
            !Net::is_frozen(name, stage.frozen_blocks)
                && (method.trains_features() || !name.starts_with("features"))
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
            .presuming(&training.presumed_healthy);
        if !training.one_sided {
            loader = loader.without_one_sided();
        }
        Ok(Fit {
            name: &stage.name,
            draws: stage.draws.unwrap_or_else(|| method.draws()),
            sampler: Sampler::new(&photographs.dataset, &train, |i| {
                let source = &photographs.dataset.examples[i].source;
                let factor = training.source_weight.get(source).copied().unwrap_or(1.0);
                photographs.draw_weight(i) * factor as f32
            }),
            validation: photographs.indices(Split::Val, &config.validate_on),
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

    fn run(&mut self, dir: &Path) -> Result<()> {
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
        let mut unread: Option<(Tensor, usize)> = None;
        let mut read = |unread: Option<(Tensor, usize)>| -> Result<()> {
            let Some((loss, count)) = unread else {
                return Ok(());
            };
            let loss = loss.double_value(&[]);
            if !loss.is_finite() {
                bail!(
                    "the loss of stage `{name}` is not finite in epoch {} ({loss}); lower the learning rate",
                    epoch + 1
                );
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
            let tensors = predict::to_tensors(&batch, self.photographs.size, self.device);
            let output = self.forward(&tensors.images);
            let loss = self.method.loss(&output, &tensors);
            let progress = self.progress(epoch * steps + step, self.training.epochs * steps);
            rate = self.learning_rate(progress);
            self.state.progress = progress;
            self.adam.step(&loss, rate, self.training.clip);
            if let Some(average) = &mut self.average {
                average.update();
            }
            made = step + 1;
            // Reading a loss waits for the GPU, so that of the step before is
            // read: the GPU has this one to do meanwhile.
            read(unread.replace((loss.detach(), count)))?;
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
        if self.method.trains_features() {
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
        let (mut targets, mut mask) = (Vec::new(), Vec::new());
        for row in labels.chunks_exact(taxonomy.nodes().len()) {
            targets.extend(row[..k].iter().map(|l| f32::from(*l == Label::Present)));
            mask.extend(row[..k].iter().map(|l| f32::from(*l != Label::Unknown)));
        }
        let table = |v: &[f32]| Tensor::from_slice(v).view([-1, k as i64]);
        line.val_loss =
            masked_bce(&table(&logits), &table(&targets), &table(&mask), None).double_value(&[]);
        let scores = metrics::group_map(taxonomy, &self.photographs.groups, &logits, &labels);
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
        checkpoint::save(dir, &mut self.state, &tensors)?;
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
        plots::curves(&self.state.history, &dir.join("curves.png"))
    }

    fn restore(&mut self, state: State, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
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

/// Linear warm-up over a tenth of the way, then half a cosine to nought.
fn one_cycle(at: f64) -> f64 {
    const WARM: f64 = 0.1;
    if at < WARM {
        return at / WARM;
    }
    let down = (at - WARM) / (1.0 - WARM);
    (0.5 * (1.0 + (std::f64::consts::PI * down).cos())).max(1e-3)
}

/// Exponential moving average of weights and of batch-norm statistics.
struct Ema {
    keep: f64,
    updates: i64,
    pairs: Vec<(String, Tensor, Tensor)>,
}

impl Ema {
    fn new(store: &nn::VarStore, keep: f64) -> Ema {
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

    fn update(&mut self) {
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
    fn swap(&mut self) {
        no_grad(|| {
            for (_, variable, average) in &mut self.pairs {
                let held = variable.copy();
                variable.copy_(average);
                average.copy_(&held);
            }
        });
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![("average/updates".to_string(), Tensor::from(self.updates))];
        state.extend(
            self.pairs
                .iter()
                .map(|(name, _, average)| (format!("average/{name}"), average.shallow_clone())),
        );
        state
    }

    fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
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
