//! What the kernels know of a network: a list of layers.

/// The size of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

/// What a layer does with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The network's input itself, its bias added; always the first layer and
    /// no other. Its values come plane by plane.
    Photograph,
    /// Weights: output channel x input channel x kernel x kernel.
    Conv,
    /// Weights: channel x kernel x kernel.
    Depthwise,
    /// The largest value under the kernel, as far as it lies in the picture.
    MaxPool,
}

/// One layer: a kernel of `kernel` x `kernel` moved by `stride`, then bias,
/// residual and clip.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub kind: Kind,
    /// The layer it reads, before this one in the list; unused in the first.
    pub input: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Rows of zeros above the input and columns of zeros left of it. Below and
    /// to the right there are as many as the output's size asks for.
    pub above: usize,
    pub left: usize,
    pub output: Shape,
    pub weights: Vec<f32>,
    /// One value for each output channel; empty in a pool.
    pub bias: Vec<f32>,
    /// A layer of the same shape, before this one in the list, that is added.
    pub residual: Option<usize>,
    pub low: f32,
    pub high: f32,
}

impl Layer {
    /// The network's input, with `bias` added to its channels.
    pub fn photograph(output: Shape, bias: Vec<f32>) -> Layer {
        Layer {
            kind: Kind::Photograph,
            input: 0,
            kernel: 1,
            stride: 1,
            above: 0,
            left: 0,
            output,
            weights: Vec::new(),
            bias,
            residual: None,
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
        }
    }
}

/// A network with one input, whose maps are the output of the layer `maps` and
/// whose logits are the maps' means.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    pub layers: Vec<Layer>,
    pub maps: usize,
}

impl Net {
    /// The layers that read layer `of` as their input or add it.
    pub fn readers(&self, of: usize) -> impl Iterator<Item = (usize, &Layer)> {
        let reads = move |layer: &Layer| layer.input == of || layer.residual == Some(of);
        let later = self.layers.iter().enumerate().skip(of + 1);
        later.filter(move |(_, layer)| reads(layer))
    }
}
