//! An exported student taken back into a network, so that a later run can train on from it.
//!
//! The file holds no batch normalisation: each was folded into its convolution. It is given back
//! from what the convolutions answer to some photographs, which leaves the network's own answers
//! as they were.

use anyhow::{bail, ensure, Context, Result};
use prost::Message;
use tch::{no_grad, Tensor};
use tract_onnx::pb::{GraphProto, ModelProto};

use crate::nets::Net;

/// Fills `net` with the weights in `onnx`, a file made by [`super::to_onnx`] from a network of the
/// same architecture. `rows` says for every class of `net` which output of the file it takes over;
/// a class without one starts undecided, at small weights of its own. `photographs` (B x 3 x S x S, in (v - 127) / 128 units,
/// channels-last) give the statistics of the normalisations; some dozens do.
///
/// # Errors
/// The file is damaged or of another network. `net` may be changed in part then.
pub fn adopt(onnx: &[u8], net: &Net, rows: &[Option<usize>], photographs: &Tensor) -> Result<()> {
    let graph = ModelProto::decode(onnx)
        .ok()
        .and_then(|model| model.graph)
        .context("the student is damaged: it is no ONNX file")?;
    let convolutions: Vec<_> = graph.node.iter().filter(|n| n.op_type == "Conv").collect();
    let units: Vec<_> = net.trunk().units().collect();
    ensure!(
        convolutions.len() == units.len() + 1,
        "the student has {} convolutions where {} has {}: it is of another network",
        convolutions.len(),
        net.arch(),
        units.len() + 1
    );
    // Export writes convolutions in the order of the forward pass, the classifier last.
    let parameters = |k: usize| -> Result<(Tensor, Tensor)> {
        match &convolutions[k].input[..] {
            [_, weight, bias] => Ok((constant(&graph, weight)?, constant(&graph, bias)?)),
            _ => bail!("convolution {k} of the student has no bias: it was not exported here"),
        }
    };
    for (k, unit) in units.iter().enumerate() {
        let (weight, bias) = parameters(k)?;
        unit.unfold(&weight, &bias)
            .with_context(|| format!("the student is not of {}", net.arch()))?;
    }
    let (weight, bias) = parameters(units.len())?;
    let classifier = net.classifier()?;
    no_grad(|| -> Result<()> {
        let flat = weight.f_view([-1, classifier.ws.size()[1]].as_slice())?;
        for (class, row) in rows.iter().enumerate() {
            let (class, Some(row)) = (class as i64, row.map(|row| row as i64)) else {
                continue;
            };
            classifier.ws.f_get(class)?.f_copy_(&flat.f_get(row)?)?;
            if let Some(own) = &classifier.bs {
                own.f_get(class)?.f_copy_(&bias.f_get(row)?)?;
            }
        }
        Ok(())
    })
    .context("the student has other classes")?;
    net.recentre(photographs);
    Ok(())
}

fn constant(graph: &GraphProto, name: &str) -> Result<Tensor> {
    let found = graph
        .initializer
        .iter()
        .find(|constant| constant.name == name)
        .with_context(|| format!("the student is damaged: it lacks `{name}`"))?;
    let values: Vec<f32> = found
        .raw_data
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    Tensor::from_slice(&values)
        .f_view(found.dims.as_slice())
        .with_context(|| format!("the student is damaged: `{name}` is cut short"))
}
