//! EfficientNet-Lite0, 1 and 2 (Tan and Le 2019, the "lite" variants for small devices): inverted
//! residual blocks with ReLU6 and without squeeze-and-excitation.

use tch::nn;

use super::layers::{Activation, Block, ConvNorm, ConvShape, Padding, Shortcut, Trunk};

const EPS: f64 = 1e-3;
const STEM: i64 = 32;
const HEAD: i64 = 1280;

struct Stage {
    repeat: usize,
    kernel: i64,
    stride: i64,
    expand: i64,
    output: i64,
}

const fn stage(repeat: usize, kernel: i64, stride: i64, expand: i64, output: i64) -> Stage {
    Stage {
        repeat,
        kernel,
        stride,
        expand,
        output,
    }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

/// `width` multiplies the channels of every stage, not of stem and head; `depth` the blocks of every
/// stage but the first and the last, rounded up.
pub(super) fn trunk(vs: &nn::Path, width: f64, depth: f64) -> Trunk {
    let conv = |input, output, kernel, stride, groups| ConvShape {
        input,
        output,
        kernel,
        stride,
        groups,
        padding: Padding::Same,
    };
    let unit = |vs: nn::Path, shape, activation| ConvNorm::new(&vs, shape, EPS, activation);

    let stem = unit(vs / "stem", conv(3, STEM, 3, 2, 1), Activation::Relu6);
    let mut blocks = Vec::new();
    let mut input = STEM;
    for (i, stage) in STAGES.iter().enumerate() {
        let repeat = if i == 0 || i + 1 == STAGES.len() {
            stage.repeat
        } else {
            (stage.repeat as f64 * depth).ceil() as usize
        };
        let output = scaled(stage.output, width);
        for j in 0..repeat {
            let stride = if j == 0 { stage.stride } else { 1 };
            let wide = input * stage.expand;
            let vs = vs / "blocks" / blocks.len() as i64 / "branch";
            let mut branch = Vec::new();
            if stage.expand > 1 {
                branch.push(unit(
                    &vs / "expand",
                    conv(input, wide, 1, 1, 1),
                    Activation::Relu6,
                ));
            }
            let depthwise = conv(wide, wide, stage.kernel, stride, wide);
            branch.push(unit(&vs / "depthwise", depthwise, Activation::Relu6));
            branch.push(unit(
                &vs / "project",
                conv(wide, output, 1, 1, 1),
                Activation::None,
            ));
            let shortcut = if stride == 1 && input == output {
                Shortcut::Identity
            } else {
                Shortcut::None
            };
            blocks.push(Block {
                branch,
                shortcut,
                activation: Activation::None,
            });
            input = output;
        }
    }
    let head = unit(vs / "head", conv(input, HEAD, 1, 1, 1), Activation::Relu6);
    Trunk {
        shift: None,
        stem,
        pool: false,
        blocks,
        head: Some(head),
    }
}

/// Channels times `width`, to the nearest multiple of 8 unless that loses more than a tenth.
fn scaled(channels: i64, width: f64) -> i64 {
    let exact = channels as f64 * width;
    let nearest = ((exact / 8.0 + 0.5).floor() as i64 * 8).max(8);
    if (nearest as f64) < 0.9 * exact {
        nearest + 8
    } else {
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_lite2_are_those_of_its_weights() {
        let found = STAGES.map(|stage| scaled(stage.output, 1.1));
        assert_eq!(found, [16, 24, 48, 88, 120, 208, 352]);
        for stage in STAGES {
            assert_eq!(scaled(stage.output, 1.0), stage.output);
        }
    }
}
