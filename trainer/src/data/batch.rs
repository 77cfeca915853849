//! Photographs with what is known of them, a batch at a time: as bytes and
//! labels, and as the tensors that methods train on.

use fovea_core::taxonomy::Label;
use tch::{Device, Kind, Tensor};

/// N photographs as the loader makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Side of the square photographs, in pixels.
    pub size: u32,
    /// N x size x size x 3, RGB by rows.
    pub pixels: Vec<u8>,
    /// N x nodes of the taxonomy.
    pub labels: Vec<Label>,
    /// N x composites of the taxonomy.
    pub composites: Vec<Label>,
    /// N x composites, 0 to 1: how much each counts in training. 1 where it is
    /// known; where it is presumed absent, the weight of that.
    pub composite_weights: Vec<f32>,
    /// N indices into the dataset's examples.
    pub index: Vec<usize>,
}

/// A batch on the training device. `n` counts the nodes of the taxonomy, `k`
/// its finest classes, which come first, `c` its composites.
pub struct TensorBatch {
    /// b x 3 x S x S, channels last, (v - 127) / 128.
    pub images: Tensor,
    /// b x n, 1 where the node is present.
    pub targets: Tensor,
    /// b x n, 1 where the label is known.
    pub mask: Tensor,
    /// b x c, 1 where the composite is present.
    pub composite_targets: Tensor,
    /// b x c, 0 to 1, how much each composite counts: 1 where it is known, the weight of
    /// [`crate::config::Training::presumed_healthy`] where it is presumed absent, else 0.
    pub composite_mask: Tensor,
    /// b indices into the dataset's examples: who asks for more than labels
    /// finds it there.
    pub index: Vec<usize>,
}

impl Batch {
    /// The batch as tensors on `device`.
    pub fn to_tensors(&self, device: Device) -> TensorBatch {
        let b = self.index.len() as i64;
        let table = |values: Vec<f32>| Tensor::from_slice(&values).view([b, -1]).to_device(device);
        let targets = |labels: &[Label]| table(labels.iter().map(present).collect());
        TensorBatch {
            images: self.images(device),
            targets: targets(&self.labels),
            mask: table(self.labels.iter().map(known).collect()),
            composite_targets: targets(&self.composites),
            composite_mask: table(self.composite_weights.clone()),
            index: self.index.clone(),
        }
    }

    /// The photographs alone: b x 3 x S x S, channels last, (v - 127) / 128.
    pub fn images(&self, device: Device) -> Tensor {
        let (b, s) = (self.index.len() as i64, i64::from(self.size));
        let pixels = Tensor::from_data_size(&self.pixels, &[b, s, s, 3], Kind::Uint8);
        // The bytes lie row by row with the channels innermost: permuting the axes
        // is all it takes to have a channels-last tensor.
        let rows = pixels.to_device(device).permute([0, 3, 1, 2]);
        (rows.to_kind(Kind::Float) - 127.0) / 128.0
    }
}

impl TensorBatch {
    /// Targets and mask of the `k` finest classes, b x k each.
    pub fn finest(&self, k: i64) -> (Tensor, Tensor) {
        (self.targets.narrow(1, 0, k), self.mask.narrow(1, 0, k))
    }
}

fn present(label: &Label) -> f32 {
    f32::from(*label == Label::Present)
}

fn known(label: &Label) -> f32 {
    f32::from(*label != Label::Unknown)
}
