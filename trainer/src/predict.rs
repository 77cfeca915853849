//! A trained network looks at photographs.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use fovea_core::taxonomy::Label;
use tch::{nn, Device, Tensor};

use crate::data::{is_sound, DegradeConfig, Loader, Split, DAMAGED};
use crate::nets::{Arch, HeadKind, Net, NetOptions, Precision};
use crate::photographs::Photographs;
use crate::predictions::{PredictedPhotograph, Predictions};
use crate::progress::progress;

/// The photographs `which` as they are, in one batch: b x 3 x S x S on `device`, channels last.
pub fn plain(photographs: &Photographs, which: Vec<usize>, device: Device) -> Result<Tensor> {
    let loader = photographs.loader(None, which.len());
    let batch = loader.epoch(which, 0)?.next().context("no photographs")?;
    Ok(batch.images(device))
}

/// Loads the network a stage left behind, of so many classes and such a head.
pub fn load(
    path: &std::path::Path,
    arch: Arch,
    (classes, head): (i64, HeadKind),
    precision: Precision,
    device: Device,
) -> Result<(nn::VarStore, Net)> {
    let mut store = nn::VarStore::new(device);
    let options = NetOptions {
        head,
        ..NetOptions::default()
    };
    let net = Net::with_options(&store.root(), arch, classes, precision, options);
    store
        .load(path)
        .with_context(|| format!("cannot load the network {}", path.display()))?;
    store.freeze();
    Ok((store, net))
}

/// What the network says of photographs, and what is known of them.
#[derive(Default)]
pub struct Answers {
    /// k per photograph.
    pub logits: Vec<f32>,
    /// One per node and photograph.
    pub labels: Vec<Label>,
}

/// Looks at the photographs `which` of the dataset as they are, or damaged as
/// `damage` says, the labels then being those of the damaged photograph.
pub fn look(
    net: &Net,
    photographs: &Photographs,
    which: &[usize],
    damage: Option<&DegradeConfig>,
    batch: usize,
    device: Device,
) -> Result<Answers> {
    let loader = match damage {
        None => photographs.loader(None, batch),
        Some(damage) => Loader::degraded(
            Arc::clone(&photographs.dataset),
            Arc::clone(&photographs.cache),
            damage.clone(),
            batch,
            photographs.threads,
        ),
    };
    let bar = progress(which.len() as u64, "predict");
    let mut answers = Answers::default();
    for batch in loader.epoch(which.to_vec(), 0)? {
        let images = batch.images(device);
        let logits = tch::no_grad(|| net.forward(&images, false).logits);
        let flat: Vec<f32> = Vec::try_from(logits.to_device(Device::Cpu).contiguous().view([-1]))?;
        answers.logits.extend(flat);
        answers.labels.extend(&batch.labels);
        bar.inc(batch.index.len() as u64);
    }
    bar.finish_and_clear();
    Ok(answers)
}

/// Predictions for every photograph of a split, and again for those that the
/// run validates on after severe damage, as a source of its own.
pub fn split(
    net: &Net,
    photographs: &Photographs,
    split: Split,
    damaged: &[usize],
    batch: usize,
    device: Device,
) -> Result<Predictions> {
    let all = photographs.indices(split, &[]);
    let mut predictions = these(net, photographs, &all, None, batch, device)?;
    let severe = DegradeConfig {
        chance: 1.0,
        severe: 1.0,
        mild: 0.0,
        combined: 0.0,
        kinds: Vec::new(),
    };
    // What has a fault already, or is no fundus, is not damaged again.
    let taxonomy = &photographs.dataset.taxonomy;
    let sound = |&&i: &&usize| is_sound(taxonomy, &photographs.dataset.examples[i].labels);
    let damaged: Vec<usize> = damaged.iter().filter(sound).copied().collect();
    let damaged = these(net, photographs, &damaged, Some(&severe), batch, device)?;
    predictions.photographs.extend(damaged.photographs);
    predictions.logits.extend(damaged.logits);
    predictions.labels.extend(damaged.labels);
    Ok(predictions)
}

/// Predictions for the photographs `which` as they are, or damaged as `damage`
/// says and then as a source of their own.
pub fn these(
    net: &Net,
    photographs: &Photographs,
    which: &[usize],
    damage: Option<&DegradeConfig>,
    batch: usize,
    device: Device,
) -> Result<Predictions> {
    let dataset = &photographs.dataset;
    let Answers { logits, labels } = look(net, photographs, which, damage, batch, device)?;
    let predicted = which.iter().map(|&i| {
        let example = &dataset.examples[i];
        let plain = PredictedPhotograph {
            image: example.image.display().to_string(),
            source: example.source.clone(),
            of: None,
            patient: example.patient.clone(),
            split: example.split.name().to_owned(),
            raw: example.raw.clone(),
        };
        match damage {
            None => plain,
            Some(_) => PredictedPhotograph {
                of: Some(plain.source),
                source: DAMAGED.to_owned(),
                // They speak of the photograph before it was damaged.
                raw: BTreeMap::new(),
                ..plain
            },
        }
    });
    Ok(Predictions {
        taxonomy_id: dataset.taxonomy.id.clone(),
        photographs: predicted.collect(),
        logits,
        labels,
    })
}
