//! Stages: each trains one network by one method, in the one loop of `fit`,
//! and leaves the network and its history in its folder.

mod adam;
mod ema;
mod fit;
mod looks;
mod schedule;
mod sources;
mod subset;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use tch::{nn, no_grad, Device, Tensor};

use crate::checkpoint::{self, State};
use crate::clock::StageTime;
use crate::config::{RunConfig, StageConfig};
use crate::methods::average::{self, Average};
use crate::methods::MethodConfig;
use crate::nets::{Net, NetOptions, Precision};
use crate::photographs::Photographs;
use crate::{export, machine, predict, run, start, weights};

pub use adam::Adam;
use fit::Fit;

/// The network a stage leaves behind, in its folder.
pub const FINAL: &str = "final.safetensors";
/// Photographs that give a shipped student its normalisation statistics back.
const RECENTRED_ON: usize = 128;

/// Whether `stage` is trained to its end. Whether with the settings that the run file has now is
/// for who uses it to ask.
///
/// # Errors
/// Its state cannot be read.
pub fn finished(config: &RunConfig, stage: &StageConfig) -> Result<bool> {
    let state = checkpoint::state(&config.stage_dir(&stage.name))?;
    Ok(state.is_some_and(|state| state.finished))
}

/// The network that a stage left behind, which is trained to its end and as the run file has it now.
///
/// # Errors
/// It is not.
fn left_behind(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
) -> Result<PathBuf> {
    let dir = config.stage_dir(&stage.name);
    let state = checkpoint::state(&dir)?
        .filter(|state| state.finished)
        .with_context(|| {
            format!(
                "stage `{}` is not trained to its end; run `fovea-train train` first",
                stage.name
            )
        })?;
    ensure!(
        state.fingerprint == photographs.fingerprint(config, stage)?,
        "{} was trained with other settings or data than the run file now says; put them back, or \
         train under another name",
        dir.display()
    );
    Ok(dir.join(FINAL))
}

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
    let _claimed = checkpoint::claim(&dir)?;
    let saved = checkpoint::state(&dir)?;
    if saved.is_none() {
        // Nothing was trained from an earlier copy, and the bundle may be another by now.
        start::forget(&dir)?;
    }
    let shipped = start::student(stage, &dir, &photographs.dataset.taxonomy)?;
    let fingerprint = photographs.fingerprint(config, stage)?;
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
    // The run's own copy is written before anything is refused.
    run::write_config(config, &dir)?;
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
    let train = photographs.trained_on(stage);
    if train.is_empty() {
        bail!("stage `{}` has no photograph to train on", stage.name);
    }
    tch::manual_seed(config.seed_of(stage) as i64);
    let mut store = nn::VarStore::new(device);
    let options = NetOptions {
        dropout: training.dropout,
        head: stage.method.settings().head(taxonomy),
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
            let path = left_behind(config, config.stage_named(from)?, photographs)?;
            take_over(
                &mut store,
                &path,
                config.head_of(from, taxonomy)? == options.head,
            )
            .with_context(|| format!("stage `{}` starts from {}", stage.name, path.display()))?;
        }
        _ if config.starts_from_imagenet(stage) => {
            let path = weights::fetch(stage.arch, &config.weights)?;
            weights::load_imagenet(&mut store, stage.arch, &path)?;
        }
        _ => {}
    }
    Ok((store, net))
}

/// Fills the network with what the stage that left `path` learned: all of it
/// where the `heads` are of one kind, else its feature extractor alone.
fn take_over(store: &mut nn::VarStore, path: &Path, heads: bool) -> Result<()> {
    if heads {
        return Ok(store.load(path)?);
    }
    let saved: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)?.into_iter().collect();
    for (name, mut variable) in store.variables() {
        if name.starts_with("features") {
            let saved = saved
                .get(&name)
                .with_context(|| format!("it lacks `{name}`"))?;
            no_grad(|| variable.f_copy_(saved))?;
        }
    }
    Ok(())
}

/// The network that `stage` left behind, and the variables it reads.
///
/// # Errors
/// It is not trained to its end, or not as the run file has it now.
pub fn trained(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    precision: Precision,
    device: Device,
) -> Result<(nn::VarStore, Net)> {
    let path = left_behind(config, stage, photographs)?;
    let taxonomy = &photographs.dataset.taxonomy;
    let classes = taxonomy.finest_count() as i64;
    let shape = (classes, stage.method.settings().head(taxonomy));
    predict::load(&path, stage.arch, shape, precision, device)
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
    let with = config.stage_named(method.with())?;
    let precision = config.training_of(with).precision;
    let (other, _) = trained(config, with, photographs, precision, device)?;
    let taxonomy = &photographs.dataset.taxonomy;
    let classes = method.teachers[0]
        .classes
        .as_ref()
        .map(|classes| classes.among(taxonomy, &photographs.groups))
        .transpose()?;
    average::mix(&store, &other, method.share, classes.as_deref())
        .with_context(|| format!("stages `{}` and `{}`", stage.name, with.name))?;
    // What the other stage did not train, normalisation included, is in both.
    if !with.method.settings().keeps_extractor() {
        if with.frozen_blocks > 0 {
            net.freeze(with.frozen_blocks);
        }
        let train = photographs.trained_on(stage);
        let draw = (config.training_of(stage).batch, config.seed_of(stage));
        average::measure(&net, photographs, &train, draw, device)?;
    }
    write_network(&store, &config.stage_dir(&stage.name))
}
