//! The networks: ResNet-18/34/50 and EfficientNet-Lite0/1/2, for CPU and CUDA.
//!
//! All six are the same three parts, so that training, weight import and export walk one structure:
//! a *trunk* of convolution units (`features`), the mean over the last maps, and one linear
//! `classifier`. Because pooling and classifier are linear, the classifier applied to the maps as a
//! 1x1 convolution gives per-class activation maps whose mean is the logits; the exported student
//! relies on that (see [`crate::export`]).
//!
//! Every network takes the preparation's input units, (v - 127) / 128 of an RGB value v in 0..=255;
//! what a family wants beyond that, it does itself.
//!
//! Tensors stay in channels-last memory format from end to end. libtorch keeps the format of its
//! inputs, so giving the first convolution a channels-last batch is enough, and losing it costs
//! half of the speed on a CPU: [`channels_last`] makes such a batch.

mod efficientnet_lite;
mod head;
mod layers;
mod resnet;
pub mod tasks;

pub use head::{Head, HeadKind, Memory};
pub(crate) use layers::{Activation, Block, ConvNorm, Folded, Frozen, Shortcut, Trunk};

use std::fmt;
use std::str::FromStr;

use anyhow::{bail, Result};
use serde::{Deserialize, Serialize};
use tch::{nn, Device, Kind, Tensor};

/// What the names of the classifier's variables start with.
pub(crate) const CLASSIFIER: &str = "classifier";

/// A network architecture, by the name that configurations and manifests use (`resnet50`,
/// `efficientnet_lite0`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// 18 layers of basic blocks; 512 features.
    Resnet18,
    /// 34 layers of basic blocks; 512 features.
    Resnet34,
    /// 50 layers of bottleneck blocks; 2048 features.
    Resnet50,
    /// Width 1.0, depth 1.0; 1280 features.
    EfficientnetLite0,
    /// Width 1.0, depth 1.1; 1280 features.
    EfficientnetLite1,
    /// Width 1.1, depth 1.2; 1280 features.
    EfficientnetLite2,
}

impl Arch {
    /// Every architecture there is.
    pub const ALL: [Arch; 6] = [
        Arch::Resnet18,
        Arch::Resnet34,
        Arch::Resnet50,
        Arch::EfficientnetLite0,
        Arch::EfficientnetLite1,
        Arch::EfficientnetLite2,
    ];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Arch::Resnet18 => "resnet18",
            Arch::Resnet34 => "resnet34",
            Arch::Resnet50 => "resnet50",
            Arch::EfficientnetLite0 => "efficientnet_lite0",
            Arch::EfficientnetLite1 => "efficientnet_lite1",
            Arch::EfficientnetLite2 => "efficientnet_lite2",
        }
    }

    /// Channels of the last maps, and so the length of the pooled features.
    pub fn width(self) -> i64 {
        match self {
            Arch::Resnet18 | Arch::Resnet34 => 512,
            Arch::Resnet50 => 2048,
            Arch::EfficientnetLite0 | Arch::EfficientnetLite1 | Arch::EfficientnetLite2 => 1280,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(name: &str) -> Result<Arch, String> {
        Arch::ALL
            .into_iter()
            .find(|arch| arch.name() == name)
            .ok_or_else(|| {
                let known = Arch::ALL.map(Arch::name).join(", ");
                format!("there is no network named {name}; choose one of {known}")
            })
    }
}

/// What the convolutions compute in. Parameters, normalisation statistics, pooling and the
/// classifier are 32-bit floats either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Float,
    /// Needs a GPU, or a CPU with AMX or AVX512-BF16, to be the faster choice. On a CPU, depthwise
    /// convolutions still train in float, which is faster there.
    Bfloat16,
}

impl Precision {
    fn kind(self) -> Kind {
        match self {
            Precision::Float => Kind::Float,
            Precision::Bfloat16 => Kind::BFloat16,
        }
    }
}

/// Dropout, which acts in training only, and the head.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetOptions {
    /// Probability in 0..1 of dropping a pooled feature before the classifier; 0.2 by default.
    pub dropout: f64,
    /// Which head it has; linear by default.
    pub head: HeadKind,
}

impl Default for NetOptions {
    fn default() -> NetOptions {
        NetOptions {
            dropout: 0.2,
            head: HeadKind::Linear,
        }
    }
}

/// What a forward pass gives.
#[derive(Debug)]
pub struct Output {
    /// Mean of the last maps over height and width: B x width, float.
    pub features: Tensor,
    /// B x classes, float, before any sigmoid.
    pub logits: Tensor,
}

/// A network whose variables live in the `VarStore` it was built in.
///
/// Variables are named `features.…` and `classifier.…`, with a linear head `classifier.weight` and
/// `classifier.bias`.
#[derive(Debug)]
pub struct Net {
    arch: Arch,
    precision: Precision,
    options: NetOptions,
    trunk: Trunk,
    head: Head,
    /// First layers that are not trained, where there are any.
    frozen: Option<Frozen>,
    /// The trunk as evaluation runs it, where it changes no more.
    folded: Option<Folded>,
}

impl Net {
    /// A network with freshly initialised variables and default [`NetOptions`], for `classes`
    /// finest classes.
    pub fn new(vs: &nn::Path, arch: Arch, classes: i64, precision: Precision) -> Net {
        Net::with_options(vs, arch, classes, precision, NetOptions::default())
    }

    /// A network with freshly initialised variables, for `classes` finest classes.
    pub fn with_options(
        vs: &nn::Path,
        arch: Arch,
        classes: i64,
        precision: Precision,
        options: NetOptions,
    ) -> Net {
        let features = vs / "features";
        let trunk = match arch {
            Arch::Resnet18 => resnet::basic(&features, [2, 2, 2, 2]),
            Arch::Resnet34 => resnet::basic(&features, [3, 4, 6, 3]),
            Arch::Resnet50 => resnet::bottleneck(&features, [3, 4, 6, 3]),
            Arch::EfficientnetLite0 => efficientnet_lite::trunk(&features, 1.0, 1.0),
            Arch::EfficientnetLite1 => efficientnet_lite::trunk(&features, 1.0, 1.1),
            Arch::EfficientnetLite2 => efficientnet_lite::trunk(&features, 1.1, 1.2),
        };
        let head = Head::new(&(vs / CLASSIFIER), options.head, arch.width(), classes);
        Net {
            arch,
            precision,
            options,
            trunk,
            head,
            frozen: None,
            folded: None,
        }
    }

    /// Trains no more the stem and the first `blocks` blocks, 1 or more: with `train`, they run from
    /// now on as they are now and as they run in evaluation.
    pub fn freeze(&mut self, blocks: usize) {
        self.frozen = Some(self.trunk.freeze(blocks, self.precision));
    }

    /// Folds the normalisations into the convolutions for every evaluation from now on, which on a
    /// GPU saves a pass over each map. The trunk must not be trained, nor its variables changed,
    /// after that.
    pub fn fold(&mut self) {
        self.folded = Some(self.trunk.fold(self.precision));
    }

    /// Whether a variable of that name is left alone when `blocks` blocks are frozen.
    pub fn is_frozen(name: &str, blocks: usize) -> bool {
        let block = name
            .strip_prefix("features.blocks.")
            .and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        blocks > 0 && (name.starts_with("features.stem.") || block.is_some_and(|b| b < blocks))
    }

    /// The last maps, after their activation: B x width x h x w, float, h and w a 32nd of the
    /// input's side, rounded up. `x` is B x 3 x S x S, float, in (v - 127) / 128 units,
    /// channels-last.
    pub fn maps(&self, x: &Tensor, train: bool) -> Tensor {
        let maps = match (&self.frozen, &self.folded) {
            (Some(frozen), _) if train => self.trunk.forward_after(frozen, x, self.precision),
            (_, Some(folded)) if !train => self.trunk.forward_folded(folded, x),
            _ => self.trunk.forward(x, self.precision, train),
        };
        maps.to_kind(Kind::Float)
    }

    /// Features and logits of a batch `x` as [`Net::maps`] takes it. With `train`, normalisation
    /// uses and updates batch statistics, and dropout acts.
    pub fn forward(&self, x: &Tensor, train: bool) -> Output {
        let features = self
            .maps(x, train)
            .mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        let logits = self.head(&features.dropout(self.options.dropout, train));
        Output { features, logits }
    }

    /// The maps that the output of `x` (as [`Net::maps`] takes it) comes by, B x channels x h x w,
    /// and that output, in evaluation. They are those after block `layer`, from 1, or the last
    /// ones. The output has a slope in those maps and in nothing before them.
    ///
    /// # Errors
    /// The trunk has fewer blocks.
    pub fn tapped(&self, x: &Tensor, layer: Option<usize>) -> Result<(Tensor, Output)> {
        let blocks = self.trunk.blocks.len();
        let tap = match layer {
            Some(layer) if (1..=blocks).contains(&layer) => {
                tch::no_grad(|| self.trunk.first(x, layer, self.precision))
            }
            Some(layer) => bail!("there is no block {layer}: {} has {blocks}", self.arch),
            None => tch::no_grad(|| self.maps(x, false)),
        };
        let tap = tap.detach().set_requires_grad(true);
        let last = match layer {
            Some(layer) => self.trunk.rest(&tap, layer, self.precision),
            None => tap.shallow_clone(),
        };
        let features = last
            .to_kind(Kind::Float)
            .mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        let logits = self.head(&features);
        Ok((tap, Output { features, logits }))
    }

    /// Logits (B x classes) of pooled features (B x width).
    pub fn head(&self, features: &Tensor) -> Tensor {
        self.head.forward(features)
    }

    /// Length of the pooled features.
    pub fn width(&self) -> i64 {
        self.arch.width()
    }

    /// Makes the normalisations' statistics those over the batch `x` (as [`Net::maps`] takes it)
    /// without changing what the network answers in evaluation.
    pub(crate) fn recentre(&self, x: &Tensor) {
        self.trunk.recentre(x);
    }

    /// The network's architecture.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// What its convolutions compute in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A copy for evaluation that computes in float on the CPU, in variables of its own.
    pub(crate) fn in_float_on_cpu(&self) -> Net {
        let store = nn::VarStore::new(Device::Cpu);
        let copy = Net::with_options(
            &store.root(),
            self.arch,
            self.head.classes(),
            Precision::Float,
            self.options,
        );
        tch::no_grad(|| {
            for (to, from) in copy.tensors().into_iter().zip(self.tensors()) {
                let mut to = to.shallow_clone();
                to.copy_(from);
            }
        });
        copy
    }

    /// Every variable, in the order of the layers.
    fn tensors(&self) -> Vec<&Tensor> {
        let mut tensors: Vec<&Tensor> = self.trunk.units().flat_map(ConvNorm::tensors).collect();
        tensors.extend(self.head.tensors());
        tensors
    }

    pub(crate) fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    /// Its head where it is linear.
    ///
    /// # Errors
    /// It is another, which cannot be exported or read class by class.
    pub(crate) fn classifier(&self) -> Result<&nn::Linear> {
        match &self.head {
            Head::Linear(linear) => Ok(linear),
            _ => bail!(
                "its classifier is not linear: ship a student that is taught by this network instead"
            ),
        }
    }

    /// OLTR's memory, where it has one.
    pub(crate) fn memory(&self) -> Option<&Memory> {
        match &self.head {
            Head::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The heads of several tasks, where it has them.
    pub fn tasks(&self) -> Option<&tasks::Tasks> {
        match &self.head {
            Head::Tasks(tasks) => Some(tasks),
            _ => None,
        }
    }
}

/// `x` (B x C x H x W) with the same values in channels-last memory format.
///
/// A batch that was read as B x H x W x C bytes and permuted already is; this then copies nothing.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
