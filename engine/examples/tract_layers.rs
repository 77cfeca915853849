//! How fast tract runs the kinds of convolution that a student is made of, one layer at a time on
//! one thread.
//!
//! `tract_layers [ROUNDS]` makes each layer with weights of its own, optimises it as tract does and
//! takes the least time of so many rounds (200). Pin it to a core (`taskset -c 1`).

use std::hint::black_box;
use std::time::Instant;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

/// A layer with as many channels behind as before it.
struct Layer {
    channels: usize,
    /// Of the square map before it, in pixels.
    side: usize,
    kernel: usize,
    stride: usize,
    depthwise: bool,
}

/// Those of EfficientNet-Lite0 at 384 pixels with most to compute, of each kind.
const LAYERS: [Layer; 8] = [
    depthwise(96, 192, 3, 2),
    depthwise(144, 96, 3, 1),
    depthwise(144, 96, 5, 2),
    depthwise(240, 48, 5, 1),
    depthwise(672, 24, 5, 1),
    depthwise(672, 24, 5, 2),
    pointwise(144, 96),
    pointwise(672, 24),
];

const fn depthwise(channels: usize, side: usize, kernel: usize, stride: usize) -> Layer {
    Layer {
        channels,
        side,
        kernel,
        stride,
        depthwise: true,
    }
}

const fn pointwise(channels: usize, side: usize) -> Layer {
    Layer {
        channels,
        side,
        kernel: 1,
        stride: 1,
        depthwise: false,
    }
}

fn main() -> TractResult<()> {
    let rounds: usize = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 200,
    };
    println!(
        "{:<10} {:>8} {:>5} {:>7} {:>7} {:>9} {:>7}",
        "layer", "channels", "side", "kernel", "stride", "least us", "GMAC/s"
    );
    for layer in LAYERS {
        let (seconds, multiplications) = time(&layer, rounds)?;
        println!(
            "{:<10} {:>8} {:>5} {:>7} {:>7} {:>9.0} {:>7.1}",
            if layer.depthwise {
                "depthwise"
            } else {
                "pointwise"
            },
            layer.channels,
            layer.side,
            layer.kernel,
            layer.stride,
            seconds * 1e6,
            multiplications / seconds / 1e9
        );
    }
    Ok(())
}

/// The least time of a run in seconds, and its multiplications.
fn time(layer: &Layer, rounds: usize) -> TractResult<(f64, f64)> {
    let Layer {
        channels,
        side,
        kernel,
        stride,
        depthwise,
    } = *layer;
    let (group, depth) = if depthwise {
        (channels, 1)
    } else {
        (1, channels)
    };
    let input = numbers(&[1, channels, side, side])?;
    let mut model = TypedModel::default();
    let x = model.add_source("x", f32::fact(input.shape()))?;
    let weights = model.add_const("weights", numbers(&[channels, depth, kernel, kernel])?)?;
    let bias = model.add_const("bias", numbers(&[channels])?)?;
    let before = (kernel - 1) / 2;
    let pool = PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: tvec!(kernel, kernel),
        padding: PaddingSpec::Explicit(tvec!(before, before), tvec!(before, before)),
        dilations: None,
        strides: Some(tvec!(stride, stride)),
        input_channels: channels,
        output_channels: channels,
    };
    let conv = Conv::new(pool, KernelFormat::OIHW, group, None);
    let y = model.wire_node("conv", conv, &[x, weights, bias])?;
    model.select_output_outlets(&y)?;
    let runnable = model.into_optimized()?.into_runnable()?;
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let input = tvec!(input.clone().into_tvalue());
        let start = Instant::now();
        black_box(runnable.run(black_box(input))?);
        least = least.min(start.elapsed().as_secs_f64());
    }
    let out = side.div_ceil(stride);
    let taps = channels * depth * kernel * kernel;
    Ok((least, (out * out * taps) as f64))
}

/// A tensor of numbers from -1 to 1.
fn numbers(shape: &[usize]) -> TractResult<Tensor> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    Tensor::from_shape(shape, &values)
}
