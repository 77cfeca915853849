//! The worker that makes the trainer's steps; step.py is that for PyTorch. The answer is the logits
//! of the first step and the losses of the first few.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fovea_bench::asked::{serve, Work};
use fovea_trainer::checkpoint;
use fovea_trainer::config::{Optimiser, Training};
use fovea_trainer::losses::masked_bce;
use fovea_trainer::nets::{channels_last, Arch, Net, NetOptions, Precision};
use fovea_trainer::train::Adam;
use tch::{nn, no_grad, Device, Kind, Tensor};

/// Losses that are answered; the last one comes after two steps of Adam with what they remember.
pub const LOSSES: usize = 4;

/// Learning rate of every step, which takes the same time at any. At the trainer's default, Adam
/// makes so much of what rounding leaves that after two steps the losses tell nothing.
pub const RATE: f64 = 1e-5;

#[derive(clap::Args)]
pub struct Options {
    arch: Arch,
    /// The weights and the batch, which `measure` wrote
    start: PathBuf,
    /// Convolve in bfloat16
    #[arg(long)]
    bfloat16: bool,
}

/// Answers until standard input ends.
pub fn run(options: &Options) -> Result<()> {
    let mut work = Steps {
        options,
        learner: Learner::begin(options)?,
    };
    serve("Fovea's trainer", &mut work)
}

struct Steps<'a> {
    options: &'a Options,
    learner: Learner,
}

impl Work for Steps<'_> {
    fn run(&mut self) -> Result<()> {
        let _logits_and_loss = self.learner.step();
        Ok(())
    }

    fn answer(&mut self) -> Result<Vec<f64>> {
        let mut learner = Learner::begin(self.options)?;
        let steps: Vec<(Tensor, Tensor)> = (0..LOSSES).map(|_| learner.step()).collect();
        let logits = steps[0].0.detach().to_kind(Kind::Double).view([-1]);
        let mut answer = Vec::try_from(logits)?;
        answer.extend(steps.iter().map(|(_, loss)| loss.double_value(&[])));
        Ok(answer)
    }
}

/// A network on its way, with a batch that it learns again and again.
struct Learner {
    net: Net,
    adam: Adam,
    clip: f64,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
}

impl Learner {
    /// At the start that the options name.
    fn begin(options: &Options) -> Result<Learner> {
        let start: BTreeMap<String, Tensor> = Tensor::read_safetensors(&options.start)
            .with_context(|| format!("cannot read {}", options.start.display()))?
            .into_iter()
            .collect();
        let named = |name: &str| checkpoint::named(&start, name);
        let precision = match options.bfloat16 {
            true => Precision::Bfloat16,
            false => Precision::Float,
        };
        let classes = named("net/classifier.bias")?.size()[0];
        let (store, net) = network(options.arch, classes, precision);
        for (name, mut variable) in store.variables() {
            let saved = named(&format!("net/{name}"))?;
            no_grad(|| variable.f_copy_(saved))?;
        }
        let training = Training::default();
        let learned = store.variables().into_iter();
        let adam = Adam::new(
            learned.filter(|(_, v)| v.requires_grad()).collect(),
            training.weight_decay,
            training.optimiser == Optimiser::Adamw,
        );
        Ok(Learner {
            net,
            adam,
            clip: training.clip,
            images: channels_last(named("images")?),
            targets: named("targets")?.shallow_clone(),
            mask: named("mask")?.shallow_clone(),
        })
    }

    /// One step; its logits and its loss.
    fn step(&mut self) -> (Tensor, Tensor) {
        let output = self.net.forward(&self.images, true);
        let loss = masked_bce(&output.logits, &self.targets, &self.mask, None);
        self.adam.step(&loss, RATE, self.clip);
        (output.logits, loss)
    }
}

/// Without dropout, which draws other numbers in PyTorch.
fn network(arch: Arch, classes: i64, precision: Precision) -> (nn::VarStore, Net) {
    let store = nn::VarStore::new(Device::Cpu);
    let options = NetOptions {
        dropout: 0.0,
        ..NetOptions::default()
    };
    let net = Net::with_options(&store.root(), arch, classes, precision, options);
    (store, net)
}

/// Writes where all workers start: the weights of a fresh network under `net/`, and a batch of
/// `batch` pictures of `side` pixels in which no two are alike, with labels of which some are
/// unknown.
pub fn write_start(path: &Path, arch: Arch, classes: i64, batch: i64, side: i64) -> Result<()> {
    tch::manual_seed(1);
    let (store, _net) = network(arch, classes, Precision::Float);
    let even = |size: &[i64]| Tensor::rand(size, (Kind::Float, Device::Cpu));
    let coarse = even(&[batch, 3, 14, 14]).upsample_bilinear2d([side, side], false, None, None);
    let fine = even(&[batch, 3, side, side]);
    let share_of = |share: f64| even(&[batch, classes]).lt(share).to_kind(Kind::Float);
    let variables = store.variables().into_iter();
    let mut start: Vec<(String, Tensor)> = variables
        .map(|(name, tensor)| (format!("net/{name}"), tensor))
        .collect();
    start.push(("images".to_owned(), coarse * 1.5 + fine * 0.5 - 1.0));
    start.push(("targets".to_owned(), share_of(0.3)));
    start.push(("mask".to_owned(), share_of(0.7)));
    checkpoint::write_tensors(path, &start)
}
