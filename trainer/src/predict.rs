//! A trained network looks at photographs.

use std::sync::Arc;

use anyhow::{Context, Result};
use tch::{nn, Device, Kind, Tensor};

use crate::data::{Batch, Loader};
use crate::methods::TensorBatch;
use crate::nets::{Arch, Net, Precision};
use crate::predictions::{PredictedPhotograph, Predictions};
use crate::photographs::Photographs;

/// Bytes of the loader to tensors on the training device, channels last.
pub fn to_tensors(batch: &Batch, size: u32, nodes: usize, device: Device) -> TensorBatch {
    let (b, s, n) = (batch.index.len() as i64, i64::from(size), nodes as i64);
    let pixels = Tensor::from_data_size(&batch.pixels, &[b, s, s, 3], Kind::Uint8);
    // The bytes lie row by row with the channels innermost: permuting the axes
    // is all it takes to have a channels-last tensor.
    let images = (pixels.to_device(device).permute([0, 3, 1, 2]).to_kind(Kind::Float) - 127.0) / 128.0;
    let table = |values: &[f32]| Tensor::from_slice(values).view([b, n]).to_device(device);
    TensorBatch { images, targets: table(&batch.targets), mask: table(&batch.mask) }
}

/// Loads the network a stage left behind.
pub fn load(path: &std::path::Path, arch: Arch, classes: i64, precision: Precision, device: Device) -> Result<(nn::VarStore, Net)> {
    let mut store = nn::VarStore::new(device);
    let net = Net::new(&store.root(), arch, classes, precision);
    store.load(path).with_context(|| format!("cannot load the network {}", path.display()))?;
    store.freeze();
    Ok((store, net))
}

/// Logits for `which`, photograph by photograph, k each.
pub fn logits(net: &Net, photographs: &Photographs, which: &[usize], batch: usize, device: Device) -> Result<Vec<f32>> {
    let loader = Loader::new(Arc::clone(&photographs.dataset), Arc::clone(&photographs.cache), None, batch, photographs.threads);
    let nodes = photographs.dataset.taxonomy.nodes().len();
    let mut all = Vec::with_capacity(which.len() * photographs.dataset.taxonomy.finest_count());
    for batch in loader.epoch(which.to_vec(), 0)? {
        let tensors = to_tensors(&batch, photographs.size, nodes, device);
        let logits = tch::no_grad(|| net.forward(&tensors.images, false).logits);
        let flat: Vec<f32> = Vec::try_from(logits.to_device(Device::Cpu).contiguous().view([-1]))?;
        all.extend(flat);
    }
    Ok(all)
}

pub fn predictions(net: &Net, photographs: &Photographs, which: &[usize], batch: usize, device: Device) -> Result<Predictions> {
    let dataset = &photographs.dataset;
    let logits = logits(net, photographs, which, batch, device)?;
    let examples = || which.iter().map(|&i| &dataset.examples[i]);
    Ok(Predictions {
        taxonomy_id: dataset.taxonomy.id.clone(),
        photographs: examples()
            .map(|e| PredictedPhotograph {
                image: e.image.display().to_string(),
                source: e.source.clone(),
                patient: e.patient.clone(),
                split: e.split.name().to_string(),
                raw: e.raw.clone(),
            })
            .collect(),
        logits,
        labels: examples().flat_map(|e| e.labels.iter().copied()).collect(),
    })
}
