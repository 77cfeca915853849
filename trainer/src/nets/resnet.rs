//! ResNet-18, 34 and 50 (He et al. 2016).
//!
//! ResNet-50 has the original layout, which its Keras ImageNet weights need: the stride of a stage
//! sits on the first 1x1 convolution of its first block (and on the shortcut), not on the 3x3.

use tch::nn;

use super::layers::{Activation, Block, ConvNorm, ConvShape, Padding, Shortcut, Trunk};

const EPS: f64 = 1e-3;

/// The ImageNet mean of red, green and blue, 0..255, that Keras subtracts from its input.
pub(crate) const MEAN: [f32; 3] = [123.68, 116.779, 103.939];

/// Channels of the four stages' 3x3 convolutions.
const STAGES: [i64; 4] = [64, 128, 256, 512];

fn unit(
    vs: nn::Path,
    (input, output): (i64, i64),
    kernel: i64,
    stride: i64,
    activation: Activation,
) -> ConvNorm {
    let shape = ConvShape {
        input,
        output,
        kernel,
        stride,
        groups: 1,
        padding: Padding::Half,
    };
    ConvNorm::new(&vs, shape, EPS, activation)
}

/// ResNet of two 3x3 convolutions per block, with `repeats` blocks in each stage.
pub(super) fn basic(vs: &nn::Path, repeats: [usize; 4]) -> Trunk {
    trunk(vs, repeats, 1, |vs, input, channels, stride| {
        vec![
            unit(vs / 0, (input, channels), 3, stride, Activation::Relu),
            unit(vs / 1, (channels, channels), 3, 1, Activation::None),
        ]
    })
}

/// ResNet of 1x1, 3x3 and 1x1 convolutions per block, with `repeats` blocks in each stage.
pub(super) fn bottleneck(vs: &nn::Path, repeats: [usize; 4]) -> Trunk {
    trunk(vs, repeats, 4, |vs, input, channels, stride| {
        vec![
            unit(vs / 0, (input, channels), 1, stride, Activation::Relu),
            unit(vs / 1, (channels, channels), 3, 1, Activation::Relu),
            unit(vs / 2, (channels, 4 * channels), 1, 1, Activation::None),
        ]
    })
}

fn trunk(
    vs: &nn::Path,
    repeats: [usize; 4],
    expansion: i64,
    branch: impl Fn(&nn::Path, i64, i64, i64) -> Vec<ConvNorm>,
) -> Trunk {
    let stem = unit(vs / "stem", (3, STAGES[0]), 7, 2, Activation::Relu);
    let mut blocks = Vec::new();
    let mut input = STAGES[0];
    for (stage, (&channels, &repeat)) in STAGES.iter().zip(&repeats).enumerate() {
        let output = channels * expansion;
        for i in 0..repeat {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            let vs = vs / "blocks" / blocks.len() as i64;
            let shortcut = if stride == 1 && input == output {
                Shortcut::Identity
            } else {
                Shortcut::Project(unit(
                    &vs / "shortcut",
                    (input, output),
                    1,
                    stride,
                    Activation::None,
                ))
            };
            let branch = branch(&(&vs / "branch"), input, channels, stride);
            blocks.push(Block {
                branch,
                shortcut,
                activation: Activation::Relu,
            });
            input = output;
        }
    }
    Trunk {
        // The network's own input is (v - mean) / 128. A shift of its own, not folded into the first
        // convolution: that one pads with zeros, which stand for the mean and not for 127.
        shift: Some(MEAN.map(|mean| (127.0 - mean) / 128.0)),
        stem,
        pool: true,
        blocks,
        head: None,
    }
}
