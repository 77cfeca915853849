//! What every trunk is made of: convolution + batch normalisation + activation, and residual blocks.

use std::cell::Cell;

use tch::nn::{self, ModuleT};
use tch::{no_grad, Kind, TchError, Tensor};

use super::Precision;

/// What follows a normalised convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    None,
    Relu,
    Relu6,
}

impl Activation {
    /// In place: batch normalisation's and addition's backward passes do not need their own results,
    /// and a copy of every activation is what fills the memory in training.
    fn apply(self, mut x: Tensor) -> Tensor {
        match self {
            Activation::None => x,
            Activation::Relu => x.relu_(),
            Activation::Relu6 => x.relu6_(),
        }
    }
}

/// How a convolution pads its input with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// Half the kernel on every side, as PyTorch and the ResNet papers do.
    Half,
    /// TensorFlow's SAME: just enough for ceil(size / stride) outputs, an odd rest going to the
    /// right and bottom.
    Same,
}

/// Shape of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    pub input: i64,
    pub output: i64,
    pub kernel: i64,
    pub stride: i64,
    pub groups: i64,
    pub padding: Padding,
}

impl ConvShape {
    /// Zeros before and after one side of `size` pixels.
    pub fn pads(&self, size: i64) -> (i64, i64) {
        match self.padding {
            Padding::Half => (self.kernel / 2, self.kernel / 2),
            Padding::Same => {
                let outputs = (size + self.stride - 1) / self.stride;
                let total = ((outputs - 1) * self.stride + self.kernel - size).max(0);
                (total / 2, total - total / 2)
            }
        }
    }
}

/// A convolution without bias, its batch normalisation and its activation.
#[derive(Debug)]
pub(crate) struct ConvNorm {
    pub shape: ConvShape,
    /// output x input / groups x kernel x kernel
    pub weight: Tensor,
    pub norm: nn::BatchNorm,
    pub eps: f64,
    pub activation: Activation,
}

impl ConvNorm {
    pub fn new(vs: &nn::Path, shape: ConvShape, eps: f64, activation: Activation) -> ConvNorm {
        let fan_out = shape.kernel * shape.kernel * shape.output / shape.groups;
        let weight = (vs / "conv").var(
            "weight",
            &[
                shape.output,
                shape.input / shape.groups,
                shape.kernel,
                shape.kernel,
            ],
            // He et al. 2015 by fan-out; tch's own Kaiming does not know of groups.
            nn::Init::Randn {
                mean: 0.0,
                stdev: (2.0 / fan_out as f64).sqrt(),
            },
        );
        let norm = nn::batch_norm2d(
            vs / "norm",
            shape.output,
            nn::BatchNormConfig {
                eps,
                ws_init: nn::Init::Const(1.0),
                ..Default::default()
            },
        );
        ConvNorm {
            shape,
            weight,
            norm,
            eps,
            activation,
        }
    }

    pub fn forward(&self, x: &Tensor, precision: Precision, train: bool) -> Tensor {
        let x = self.convolve(x, precision, train);
        self.activation.apply(self.norm.forward_t(&x, train))
    }

    /// The unit in evaluation, with the convolution that [`ConvNorm::folded`] gave.
    fn forward_folded(&self, x: &Tensor, (weight, bias): &(Tensor, Tensor)) -> Tensor {
        self.activation
            .apply(self.convolve_with(x, weight, Some(bias)))
    }

    fn convolve(&self, x: &Tensor, precision: Precision, train: bool) -> Tensor {
        let depthwise = self.shape.groups > 1;
        let kind = match precision {
            // The backward pass of a depthwise convolution in bfloat16 is so slow on a CPU that it
            // eats what the dense convolutions gain; in float, and these in bfloat16, EfficientNet-
            // Lite0 trains a third faster than in either alone.
            Precision::Bfloat16 if depthwise && train && !x.device().is_cuda() => Kind::Float,
            precision => precision.kind(),
        };
        self.convolve_with(x, &self.weight.to_kind(kind), None)
    }

    /// In the kind of `weight`.
    fn convolve_with(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let size = x.size();
        let (top, bottom) = self.shape.pads(size[2]);
        let (left, right) = self.shape.pads(size[3]);
        let x = x.to_kind(weight.kind());
        let (x, padding) = if top == bottom && left == right {
            (x, [top, left])
        } else {
            (x.constant_pad_nd([left, right, top, bottom]), [0, 0])
        };
        x.conv2d(
            weight,
            bias,
            [self.shape.stride; 2],
            padding,
            [1, 1],
            self.shape.groups,
        )
    }

    /// Takes over the convolution `weight` and `bias` that [`ConvNorm::folded`] gave: the
    /// normalisation only adds the bias then.
    pub fn unfold(&self, weight: &Tensor, bias: &Tensor) -> Result<(), TchError> {
        let norm = &self.norm;
        no_grad(|| {
            self.weight.shallow_clone().f_copy_(weight)?;
            let _ = norm.running_mean.shallow_clone().f_zero_()?;
            let _ = norm.running_var.shallow_clone().f_fill_(1.0 - self.eps)?;
            if let (Some(scale), Some(shift)) = (&norm.ws, &norm.bs) {
                let _ = scale.shallow_clone().f_fill_(1.0)?;
                shift.shallow_clone().f_copy_(bias)?;
            }
            Ok(())
        })
    }

    /// Makes the running statistics those of the unit's own convolution over the batch `x`, and
    /// scale and shift such that the unit's answer in evaluation stays what it was. In training,
    /// which normalises by the batch, it is then nearly that too.
    pub fn recentre(&self, x: &Tensor) {
        let norm = &self.norm;
        let (Some(scale), Some(shift)) = (&norm.ws, &norm.bs) else {
            return;
        };
        no_grad(|| {
            let maps = self.convolve(x, Precision::Float, false);
            let (variance, mean) = maps.var_mean_dim([0i64, 2, 3].as_slice(), false, false);
            let old = scale / (&norm.running_var + self.eps).sqrt();
            let new_shift = shift + (&mean - &norm.running_mean) * &old;
            let new_scale = (&variance + self.eps).sqrt() * old;
            norm.running_mean.shallow_clone().copy_(&mean);
            norm.running_var.shallow_clone().copy_(&variance);
            scale.shallow_clone().copy_(&new_scale);
            shift.shallow_clone().copy_(&new_shift);
        });
    }

    /// Its variables and running statistics.
    pub fn tensors(&self) -> Vec<&Tensor> {
        let mut tensors = vec![
            &self.weight,
            &self.norm.running_mean,
            &self.norm.running_var,
        ];
        tensors.extend(&self.norm.ws);
        tensors.extend(&self.norm.bs);
        tensors
    }

    /// The convolution that equals this unit in evaluation (without the activation): weight and
    /// bias, float, on the CPU. Folded in double precision, so that only the last rounding differs.
    pub fn folded(&self) -> (Tensor, Tensor) {
        let double = |t: &Tensor| t.detach().to_device(tch::Device::Cpu).to_kind(Kind::Double);
        let variance = double(&self.norm.running_var) + self.eps;
        // Both always exist: `new` leaves the configuration affine.
        let gamma = self
            .norm
            .ws
            .as_ref()
            .map(double)
            .unwrap_or_else(|| variance.ones_like());
        let beta = self
            .norm
            .bs
            .as_ref()
            .map(double)
            .unwrap_or_else(|| variance.zeros_like());
        let scale = gamma / variance.sqrt();
        let weight = double(&self.weight) * scale.reshape([-1, 1, 1, 1]);
        let bias = beta - double(&self.norm.running_mean) * scale;
        (weight.to_kind(Kind::Float), bias.to_kind(Kind::Float))
    }
}

/// How one unit is run on its input.
type RunUnit<'a> = dyn Fn(&ConvNorm, &Tensor) -> Tensor + 'a;

/// What is added to a block's branch.
#[derive(Debug)]
pub(crate) enum Shortcut {
    None,
    Identity,
    Project(ConvNorm),
}

/// A residual block.
#[derive(Debug)]
pub(crate) struct Block {
    pub branch: Vec<ConvNorm>,
    pub shortcut: Shortcut,
    /// After the sum.
    pub activation: Activation,
}

impl Block {
    /// In the order of the forward pass.
    fn units(&self) -> impl Iterator<Item = &ConvNorm> {
        let shortcut = match &self.shortcut {
            Shortcut::Project(unit) => Some(unit),
            Shortcut::None | Shortcut::Identity => None,
        };
        self.branch.iter().chain(shortcut)
    }

    fn forward(&self, x: &Tensor, run: &RunUnit) -> Tensor {
        let mut branch = x.shallow_clone();
        for unit in &self.branch {
            branch = run(unit, &branch);
        }
        let sum = match &self.shortcut {
            Shortcut::None => branch,
            Shortcut::Identity => branch + x,
            Shortcut::Project(unit) => branch + run(unit, x),
        };
        self.activation.apply(sum)
    }
}

/// Everything up to the last maps.
#[derive(Debug)]
pub(crate) struct Trunk {
    /// Added to the red, green and blue input before the first convolution.
    pub shift: Option<[f32; 3]>,
    pub stem: ConvNorm,
    /// A 3x3 max-pool of stride 2 after the stem.
    pub pool: bool,
    pub blocks: Vec<Block>,
    pub head: Option<ConvNorm>,
}

impl Trunk {
    /// Every convolution, in the order of the forward pass.
    pub fn units(&self) -> impl Iterator<Item = &ConvNorm> {
        let blocks = self.blocks.iter().flat_map(Block::units);
        std::iter::once(&self.stem).chain(blocks).chain(&self.head)
    }

    /// The last maps of `x`; with `train`, by the statistics of this batch.
    pub fn forward(&self, x: &Tensor, precision: Precision, train: bool) -> Tensor {
        self.walk(x, 0, &|unit, x| unit.forward(x, precision, train))
    }

    /// The maps after the stem and the first `blocks` blocks, in evaluation.
    pub fn first(&self, x: &Tensor, blocks: usize, precision: Precision) -> Tensor {
        let run = |unit: &ConvNorm, x: &Tensor| unit.forward(x, precision, false);
        let first = self.blocks.iter().take(blocks);
        first.fold(self.start(x, &run), |x, block| block.forward(&x, &run))
    }

    /// The last maps from those after the first `blocks` blocks, 1 or more, in evaluation.
    pub fn rest(&self, maps: &Tensor, blocks: usize, precision: Precision) -> Tensor {
        self.walk(maps, blocks, &|unit, x| unit.forward(x, precision, false))
    }

    /// The stem and the first `blocks` blocks as they are now, to be run without learning.
    pub fn freeze(&self, blocks: usize, precision: Precision) -> Frozen {
        let blocks = blocks.min(self.blocks.len());
        let first = self.blocks[..blocks].iter().flat_map(Block::units);
        let units = std::iter::once(&self.stem).chain(first);
        Frozen {
            blocks,
            folded: Folded::of(units, precision),
        }
    }

    /// Every unit as it is now, to be run by [`Trunk::forward_folded`].
    pub fn fold(&self, precision: Precision) -> Folded {
        Folded::of(self.units(), precision)
    }

    /// The last maps of `x` in evaluation, by what [`Trunk::fold`] gave.
    pub fn forward_folded(&self, folded: &Folded, x: &Tensor) -> Tensor {
        no_grad(|| {
            let next = Cell::new(0);
            self.walk(x, 0, &|unit, x| folded.run(&next, unit, x))
        })
    }

    /// The last maps in training, where the first layers are `frozen` and no gradient reaches them.
    pub fn forward_after(&self, frozen: &Frozen, x: &Tensor, precision: Precision) -> Tensor {
        let x = no_grad(|| {
            let next = Cell::new(0);
            let run = |unit: &ConvNorm, x: &Tensor| frozen.folded.run(&next, unit, x);
            let mut x = self.start(x, &run);
            for block in &self.blocks[..frozen.blocks] {
                x = block.forward(&x, &run);
            }
            x
        });
        self.walk(&x, frozen.blocks, &|unit, x| {
            unit.forward(x, precision, true)
        })
    }

    /// Every unit's [`ConvNorm::recentre`] by what reaches it when the batch `x` comes in.
    pub fn recentre(&self, x: &Tensor) {
        let _maps = no_grad(|| {
            self.walk(x, 0, &|unit, x| {
                unit.recentre(x);
                unit.forward(x, Precision::Float, false)
            })
        });
    }

    /// Everything from block `from` on; from 0, the stem before it.
    fn walk(&self, x: &Tensor, from: usize, run: &RunUnit) -> Tensor {
        let mut x = match from {
            0 => self.start(x, run),
            _ => x.shallow_clone(),
        };
        for block in self.blocks.iter().skip(from) {
            x = block.forward(&x, run);
        }
        match &self.head {
            Some(head) => run(head, &x),
            None => x,
        }
    }

    /// What comes before the blocks.
    fn start(&self, x: &Tensor, run: &RunUnit) -> Tensor {
        let shifted = self.shift.map(|shift| {
            x + Tensor::from_slice(&shift)
                .to_device(x.device())
                .reshape([1, 3, 1, 1])
        });
        let x = run(&self.stem, shifted.as_ref().unwrap_or(x));
        match self.pool {
            true => x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false),
            false => x,
        }
    }
}

/// The first layers of a trunk with their normalisations folded in: what a stage runs but does not
/// train. At 384 pixels the stem and four blocks of EfficientNet-Lite0 are two thirds of the work of
/// a step.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// At least one block, so that [`Trunk::walk`] knows that the stem is done.
    blocks: usize,
    folded: Folded,
}

/// Weight and bias of units with their normalisation folded in, in the order of the forward pass.
#[derive(Debug)]
pub(crate) struct Folded(Vec<(Tensor, Tensor)>);

impl Folded {
    /// On the units' device.
    fn of<'a>(units: impl Iterator<Item = &'a ConvNorm>, precision: Precision) -> Folded {
        let fold = |unit: &ConvNorm| {
            let (device, kind) = (unit.weight.device(), precision.kind());
            let (weight, bias) = unit.folded();
            let there = |t: Tensor| t.to_device(device).to_kind(kind);
            (there(weight), there(bias))
        };
        Folded(units.map(fold).collect())
    }

    /// Runs `unit`, whose turn it is, and counts on.
    fn run(&self, turn: &Cell<usize>, unit: &ConvNorm, x: &Tensor) -> Tensor {
        unit.forward_folded(x, &self.0[turn.replace(turn.get() + 1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pads(kernel: i64, stride: i64, padding: Padding, size: i64) -> (i64, i64) {
        ConvShape {
            input: 1,
            output: 1,
            kernel,
            stride,
            groups: 1,
            padding,
        }
        .pads(size)
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_last() {
        assert_eq!(pads(3, 2, Padding::Same, 224), (0, 1));
        assert_eq!(pads(3, 2, Padding::Same, 225), (1, 1));
        assert_eq!(pads(5, 2, Padding::Same, 112), (1, 2));
        assert_eq!(pads(5, 1, Padding::Same, 7), (2, 2));
        assert_eq!(pads(1, 1, Padding::Same, 7), (0, 0));
    }

    #[test]
    fn half_padding_is_the_same_on_both_sides() {
        assert_eq!(pads(7, 2, Padding::Half, 224), (3, 3));
        assert_eq!(pads(1, 2, Padding::Half, 56), (0, 0));
    }
}
