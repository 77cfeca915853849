//! Keras weights as TensorFlow.js stores them: `model.json` with a list of tensors, and shards that,
//! put together, hold their values one after the other.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use serde::Deserialize;
use tch::Tensor;

use super::Tensors;

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "weightsManifest")]
    manifest: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
}

/// The tensors of a model folder, given as its files by name, in Keras' own layouts.
pub fn read(files: &BTreeMap<String, Vec<u8>>) -> Result<Tensors> {
    let model = files
        .get("model.json")
        .context("the package has no model.json")?;
    let model: Model =
        serde_json::from_slice(model).context("model.json is not a TensorFlow.js model")?;
    let mut tensors = Tensors::new();
    for group in &model.manifest {
        let mut bytes = Vec::new();
        for path in &group.paths {
            let shard = files
                .get(path)
                .with_context(|| format!("the package lacks its shard {path}"))?;
            bytes.extend_from_slice(shard);
        }
        let mut rest = bytes.as_slice();
        for Entry { name, shape, dtype } in &group.weights {
            ensure!(
                dtype == "float32",
                "{name} is of type {dtype}, where only float32 is read"
            );
            let length = shape
                .iter()
                .try_fold(size_of::<f32>(), |product, &side| product.checked_mul(side))
                .filter(|&length| length <= rest.len())
                .with_context(|| format!("the shards end before {name}"))?;
            let (values, after) = rest.split_at(length);
            rest = after;
            let values: Vec<f32> = values
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            let shape: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
            tensors.insert(name.clone(), Tensor::from_slice(&values).f_reshape(&shape)?);
        }
        ensure!(
            rest.is_empty(),
            "the shards hold {} bytes more than model.json lists",
            rest.len()
        );
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dtype: &str, values: &[f32]) -> BTreeMap<String, Vec<u8>> {
        let json = format!(
            r#"{{"weightsManifest": [{{"paths": ["a", "b"], "weights": [
                {{"name": "x", "shape": [2, 2], "dtype": "{dtype}"}},
                {{"name": "y", "shape": [1], "dtype": "float32"}}]}}]}}"#
        );
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        // A tensor may straddle shards.
        let (a, b) = bytes.split_at(bytes.len().min(6));
        BTreeMap::from([
            ("model.json".into(), json.into_bytes()),
            ("a".into(), a.into()),
            ("b".into(), b.into()),
        ])
    }

    #[test]
    fn tensors_follow_each_other_across_shards() {
        let tensors = read(&files("float32", &[1.0, 2.0, 3.0, 4.0, 5.0])).unwrap();
        assert_eq!(tensors["x"].size(), [2, 2]);
        assert_eq!(tensors["x"].double_value(&[1, 0]), 3.0);
        assert_eq!(tensors["y"].double_value(&[0]), 5.0);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        assert!(read(&files("float32", &[1.0; 4]))
            .unwrap_err()
            .to_string()
            .contains("end before y"));
        assert!(read(&files("float32", &[1.0; 6]))
            .unwrap_err()
            .to_string()
            .contains("4 bytes more"));
        assert!(read(&files("uint8", &[1.0; 5]))
            .unwrap_err()
            .to_string()
            .contains("uint8"));
        let mut lacking = files("float32", &[1.0; 5]);
        lacking.remove("b");
        assert!(read(&lacking).unwrap_err().to_string().contains("shard b"));
    }
}
