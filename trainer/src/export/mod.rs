//! The student as an ONNX file, and the proof that the file is the student.
//!
//! The network is written for one photograph of a fixed size, with every batch normalisation folded
//! into its convolution. It takes `photograph`, 1 x 3 x S x S float in (v - 127) / 128 units, and gives
//! `maps`, 1 x K x h x w, one activation map per class, and `logits`, 1 x K, their means. A class's map
//! shows where its logit comes from (class activation maps, Zhou et al. 2016). A network that says
//! captions can be written as a second file ([`captioner_to_onnx`]).

mod adopt;
mod captioner;
mod graph;
mod verify;

pub use adopt::adopt;
pub use captioner::{captioner_to_onnx, verify_captioner};
pub use graph::OPSET;
pub use verify::{verify, Agreement};

use anyhow::{ensure, Result};
use tch::{nn, Device, Kind, Tensor};

use crate::nets::{Activation, Block, ConvNorm, Net, Shortcut, Trunk};
use graph::{ints, Graph, Port, Value};

/// Name of the input.
pub const PHOTOGRAPH: &str = "photograph";
/// Name of the output of one activation map per class.
pub const MAPS: &str = "maps";
/// Name of the output of one logit per class.
pub const LOGITS: &str = "logits";

/// The side in pixels below which the last maps would shrink to less than one pixel's worth.
const SMALLEST: i64 = 32;

/// `net` in evaluation, as the bytes of an ONNX file for photographs of `size` x `size` pixels.
///
/// # Errors
/// `size` is less than 32.
pub fn to_onnx(net: &Net, size: u32) -> Result<Vec<u8>> {
    tch::no_grad(|| {
        let mut graph = Graph::new();
        let last = last_features(&mut graph, net, size)?;
        let classifier = net.classifier()?;
        mapped(
            &mut graph,
            &last,
            classifier,
            "classifier",
            (MAPS, "mean", LOGITS),
        );
        let (size, classes) = (i64::from(size), classifier.ws.size()[0]);
        Ok(graph.finish(
            net.arch().name(),
            Port::floats(PHOTOGRAPH, &[1, 3, size, size]),
            &[
                Port::floats(LOGITS, &[1, classes]),
                Port::floats(MAPS, &[1, classes, last.side, last.side]),
            ],
        ))
    })
}

/// From [`PHOTOGRAPH`] to the features before they are pooled.
fn last_features(graph: &mut Graph, net: &Net, size: u32) -> Result<Value> {
    let side = i64::from(size);
    ensure!(
        side >= SMALLEST,
        "a network for {size} px cannot be exported; {SMALLEST} px is the least"
    );
    let name = PHOTOGRAPH.into();
    Ok(trunk(graph, net.trunk(), Value { name, side }))
}

/// A linear layer on pooled features, of the same numbers in another order: before the features
/// are pooled, which gives a map for each of its outputs.
fn mapped(
    graph: &mut Graph,
    last: &Value,
    linear: &nn::Linear,
    name: &str,
    (maps, mean, out): (&str, &str, &str),
) {
    let weight = float(&linear.ws);
    let (outputs, width) = (weight.size()[0], weight.size()[1]);
    let weight = graph.tensor(
        &format!("{name}.weight"),
        &weight.reshape([outputs, width, 1, 1]),
    );
    let bias = graph.tensor(&format!("{name}.bias"), &bias_of(linear));
    let maps = graph.node("Conv", &[&last.name, &weight, &bias], vec![], maps);
    let mean = graph.node("GlobalAveragePool", &[&maps], vec![], mean);
    graph.node("Flatten", &[&mean], vec![], out);
}

/// What a linear layer adds to its outputs.
fn bias_of(linear: &nn::Linear) -> Tensor {
    match &linear.bs {
        Some(bias) => float(bias),
        None => Tensor::zeros([linear.ws.size()[0]], (Kind::Float, Device::Cpu)),
    }
}

fn float(tensor: &Tensor) -> Tensor {
    tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float)
}

fn trunk(graph: &mut Graph, trunk: &Trunk, photograph: Value) -> Value {
    let mut x = photograph;
    if let Some(shift) = trunk.shift {
        let shift = graph.tensor("shift", &Tensor::from_slice(&shift).reshape([1, 3, 1, 1]));
        x.name = graph.node("Add", &[&x.name, &shift], vec![], "shifted");
    }
    x = unit(graph, &trunk.stem, &x, "stem");
    if trunk.pool {
        let attributes = vec![
            ints("kernel_shape", &[3, 3]),
            ints("strides", &[2, 2]),
            ints("pads", &[1, 1, 1, 1]),
        ];
        let name = graph.node("MaxPool", &[&x.name], attributes, "pool");
        x = Value {
            name,
            side: (x.side - 1) / 2 + 1,
        };
    }
    for (i, b) in trunk.blocks.iter().enumerate() {
        x = block(graph, b, &x, &format!("blocks.{i}"));
    }
    match &trunk.head {
        Some(head) => unit(graph, head, &x, "head"),
        None => x,
    }
}

fn block(graph: &mut Graph, block: &Block, x: &Value, name: &str) -> Value {
    let mut branch = x.clone();
    for (i, u) in block.branch.iter().enumerate() {
        branch = unit(graph, u, &branch, &format!("{name}.branch.{i}"));
    }
    let shortcut = match &block.shortcut {
        Shortcut::None => None,
        Shortcut::Identity => Some(x.name.clone()),
        Shortcut::Project(u) => Some(unit(graph, u, x, &format!("{name}.shortcut")).name),
    };
    if let Some(shortcut) = shortcut {
        branch.name = graph.node(
            "Add",
            &[&branch.name, &shortcut],
            vec![],
            &format!("{name}.sum"),
        );
    }
    Value {
        name: activation(graph, block.activation, branch.name, name),
        ..branch
    }
}

fn unit(graph: &mut Graph, unit: &ConvNorm, x: &Value, name: &str) -> Value {
    let (weight, bias) = unit.folded();
    let weight = graph.tensor(&format!("{name}.weight"), &weight);
    let bias = graph.tensor(&format!("{name}.bias"), &bias);
    let shape = &unit.shape;
    let (before, after) = shape.pads(x.side);
    let attributes = vec![
        ints("kernel_shape", &[shape.kernel, shape.kernel]),
        ints("strides", &[shape.stride, shape.stride]),
        ints("pads", &[before, before, after, after]),
        graph::int("group", shape.groups),
    ];
    let conv = graph.node(
        "Conv",
        &[&x.name, &weight, &bias],
        attributes,
        &format!("{name}.conv"),
    );
    Value {
        name: activation(graph, unit.activation, conv, name),
        side: (x.side + before + after - shape.kernel) / shape.stride + 1,
    }
}

fn activation(graph: &mut Graph, activation: Activation, x: String, name: &str) -> String {
    match activation {
        Activation::None => x,
        Activation::Relu => graph.node("Relu", &[&x], vec![], &format!("{name}.relu")),
        Activation::Relu6 => {
            let zero = graph.scalar("zero", 0.0);
            let six = graph.scalar("six", 6.0);
            graph.node("Clip", &[&x, &zero, &six], vec![], &format!("{name}.relu6"))
        }
    }
}
