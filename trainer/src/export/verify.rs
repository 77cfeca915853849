//! The exported file as the device runs it, beside the network it was made from.

use anyhow::{ensure, Context, Result};
use fovea_engine::Student;
use serde::Serialize;
use tch::{Kind, Tensor};

use crate::nets::{channels_last, Net};

/// How far an exported file and its network are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Photographs compared.
    pub photographs: usize,
    /// The largest absolute difference of a logit.
    pub max_abs: f32,
}

/// Runs the bytes of an ONNX file, made by [`super::to_onnx`] for `size` x `size` pixels, on
/// `photographs` and compares its logits with those of `net` in evaluation, in float on the CPU.
///
/// A photograph is 3 x size x size values in (v - 127) / 128 units, as `fovea_core::prepare` gives it.
///
/// # Errors
/// The device cannot run the file, a photograph is of another size, there is none, or a logit is apart
/// by more than `tolerance` or is not a number.
pub fn verify(
    onnx: &[u8],
    net: &Net,
    size: u32,
    photographs: &[Vec<f32>],
    tolerance: f32,
) -> Result<Agreement> {
    let outputs = usize::try_from(net.classifier()?.ws.size()[0])?;
    let student = Student::load(onnx, size, outputs)
        .context("the device cannot load the exported student")?;
    // A copy, because a network on a GPU or in bfloat16 is not what the device will run.
    let reference = net.in_float_on_cpu();
    on_photographs(size, photographs, |i, photograph, image| {
        let output = student
            .run(photograph)
            .context("the device cannot run the exported student")?
            .logits;

        let logits = tch::no_grad(|| reference.forward(image, false).logits);
        let mut expected = vec![0f32; logits.numel()];
        logits
            .to_kind(Kind::Float)
            .contiguous()
            .copy_data(&mut expected, logits.numel());

        ensure!(
            output.len() == expected.len(),
            "the exported student gives {} logits, the network {}",
            output.len(),
            expected.len()
        );
        let mut max_abs = 0f32;
        for (k, (found, expected)) in output.iter().zip(&expected).enumerate() {
            let apart = (found - expected).abs();
            // Written so that NaN fails too.
            ensure!(
                apart <= tolerance,
                "the exported student differs from the network: logit {k} of photograph {i} is {found} where \
                 {expected} was expected, and {tolerance} is the most allowed"
            );
            max_abs = max_abs.max(apart);
        }
        Ok(max_abs)
    })
}

/// What `apart` measures on each of `photographs` (its number, its values, and these as a tensor for
/// libtorch), at most.
pub fn on_photographs(
    size: u32,
    photographs: &[Vec<f32>],
    apart: impl Fn(usize, &[f32], &Tensor) -> Result<f32>,
) -> Result<Agreement> {
    ensure!(
        !photographs.is_empty(),
        "an exported network cannot be verified without a photograph"
    );
    let side = size as usize;
    let mut max_abs = 0f32;
    for (i, photograph) in photographs.iter().enumerate() {
        ensure!(
            photograph.len() == 3 * side * side,
            "photograph {i} has {} values, where {size} px need {}",
            photograph.len(),
            3 * side * side
        );
        let x = Tensor::from_slice(photograph).reshape([1, 3, i64::from(size), i64::from(size)]);
        max_abs = max_abs.max(apart(i, photograph, &channels_last(&x))?);
    }
    Ok(Agreement {
        photographs: photographs.len(),
        max_abs,
    })
}
