//! What keeps a network from learning the source instead of the disease, as options of any method:
//! features that do not tell which source a photograph is of, and weights for the sources that are
//! learned worst.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use fovea_core::taxonomy::{ids, Taxonomy};
use tch::{nn, nn::Module, no_grad, Device, Kind, Reduction, Tensor};

use crate::data::{Dataset, TensorBatch};
use crate::losses::{each_bce, masked_mean, reversal, reversed};
use crate::methods::Term;
use crate::nets::Output;

/// What a sum of shares is divided by at least.
const LEAST: f64 = f32::MIN_POSITIVE as f64;
/// Hidden units of the discriminator.
const HIDDEN: i64 = 128;

/// The source of each example, as a number.
pub struct Sources {
    /// By example; of those that are not trained on it says nothing.
    rows: Vec<i64>,
    /// Sources that are trained on.
    pub count: i64,
    device: Device,
}

impl Sources {
    /// The sources of `train`, which are indices into the dataset's examples.
    pub fn new(dataset: &Dataset, train: &[usize], device: Device) -> Sources {
        let named = |&i: &usize| dataset.examples[i].source.as_str();
        let names: Vec<&str> = train
            .iter()
            .map(named)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let row = |name: &str| names.binary_search(&name).unwrap_or(0) as i64;
        Sources {
            rows: dataset.examples.iter().map(|e| row(&e.source)).collect(),
            count: names.len() as i64,
            device,
        }
    }

    /// Of each photograph of a batch, b.
    pub fn of(&self, batch: &TensorBatch) -> Tensor {
        let rows: Vec<i64> = batch.index.iter().map(|&i| self.rows[i]).collect();
        Tensor::from_slice(&rows).to_device(self.device)
    }
}

/// A discriminator of two layers that tells the source from the features. Its slope is turned round
/// before it reaches them (Ganin and Lempitsky, ICML 2015), so that they cease to tell. It compares
/// only photographs that are alike in being referable or not: the share of disease differs by
/// source, and features that gave no hint of the source at all would give none of the disease.
/// Where that is unknown a photograph takes no part.
pub struct Adversary {
    weight: f64,
    /// From width to 2 x sources: among those not referable, and among those that are.
    discriminator: nn::Sequential,
    /// How many there are to tell.
    sources: i64,
    /// Column of "any referable disease" among the composites.
    referable: i64,
}

impl Adversary {
    /// `width` features are looked at; the variables lie in `own`.
    ///
    /// # Errors
    /// The taxonomy says of nothing that it is referable.
    pub fn new(
        weight: f64,
        taxonomy: &Taxonomy,
        sources: &Sources,
        width: i64,
        own: nn::Path,
    ) -> Result<Adversary> {
        let referable = taxonomy
            .composites()
            .keys()
            .position(|id| id == ids::REFERABLE);
        let referable = referable.with_context(|| {
            format!(
                "`source_adversary` needs the composite `{}` in the taxonomy",
                ids::REFERABLE
            )
        })?;
        let hidden = nn::linear(&own / "hidden", width, HIDDEN, Default::default());
        let told = nn::linear(
            &own / "source",
            HIDDEN,
            2 * sources.count,
            Default::default(),
        );
        Ok(Adversary {
            weight,
            sources: sources.count,
            discriminator: nn::seq().add(hidden).add_fn(|x| x.relu()).add(told),
            referable: referable as i64,
        })
    }

    /// What photographs are compared by: whether each is referable, and whether that is known. Asked
    /// before labels are hidden from the method.
    pub fn alike(&self, batch: &TensorBatch) -> Alike {
        let column = |table: &Tensor| table.select(1, self.referable);
        Alike {
            referable: column(&batch.composite_targets).to_kind(Kind::Int64),
            known: column(&batch.composite_mask).gt(0.0).to_kind(Kind::Float),
        }
    }

    /// The term of a step: of `features`, b x width, `sources`, b, and `progress`, 0..1.
    pub fn term(&self, features: &Tensor, sources: &Tensor, alike: &Alike, progress: f64) -> Term {
        let told = self
            .discriminator
            .forward(&reversed(features, reversal(progress)));
        let told = told.view([-1, 2, self.sources]);
        let rows = alike.referable.view([-1, 1, 1]);
        let rows = rows.expand([-1, 1, self.sources], false);
        let told = told.gather(1, &rows, false).select(1, 0);
        let each = told.cross_entropy_loss::<Tensor>(sources, None, Reduction::None, -100, 0.0);
        Term::new("sources", self.weight, masked_mean(&each, &alike.known))
    }
}

/// What the adversary compares photographs by, each b: whether they are referable, 0 or 1, and 1
/// where that is known.
pub struct Alike {
    referable: Tensor,
    known: Tensor,
}

/// Weights of the sources that grow with their loss (group DRO: Sagawa et al., ICLR 2020,
/// algorithm 1): after every step q_g is multiplied by exp(rate x loss of g) for each source in the
/// batch, and these are brought to the sum they had. The slope of each photograph is then q_g times
/// what it would be if its source's share of the batch were alone. The loss that counts is plain BCE
/// over the finest classes, whatever the method minimises.
pub struct WorstSource {
    rate: f64,
    /// q, one a source. A variable, so that a stage that goes on has those of its last epoch.
    shares: Tensor,
}

impl WorstSource {
    /// Equal shares at first; they lie in `own`.
    pub fn new(rate: f64, sources: &Sources, own: nn::Path) -> WorstSource {
        let shares = own.zeros_no_train("shares", &[sources.count]);
        let _ = no_grad(|| shares.shallow_clone().fill_(1.0 / sources.count as f64));
        WorstSource { rate, shares }
    }

    /// What the network answered, with the slope of each photograph scaled. The values are as they
    /// were.
    pub fn weigh(&mut self, sources: &Sources, output: Output, batch: &TensorBatch) -> Output {
        let weights = no_grad(|| self.step(sources, &output, batch)).unsqueeze(1);
        let scaled = |x: &Tensor| x.detach() * (1.0 - &weights) + x * &weights;
        Output {
            features: scaled(&output.features),
            logits: scaled(&output.logits),
        }
    }

    /// The weight of each photograph, b, after the shares have followed its source's loss. Nothing
    /// here is read back from the device.
    fn step(&mut self, sources: &Sources, output: &Output, batch: &TensorBatch) -> Tensor {
        let (targets, mask) = batch.finest(output.logits.size()[1]);
        let known = mask.sum_dim_intlist(1, false, Kind::Float);
        let each =
            (each_bce(&output.logits, &targets) * mask).sum_dim_intlist(1, false, Kind::Float);
        let each = each / known.clamp_min(1.0);
        // b x sources.
        let member = sources
            .of(batch)
            .one_hot(sources.count)
            .to_kind(Kind::Float);
        let by_source =
            |per_photograph: &Tensor| per_photograph.unsqueeze(0).matmul(&member).squeeze_dim(0);
        let judged = known.gt(0.0).to_kind(Kind::Float);
        let loss = by_source(&(each * &judged)) / by_source(&judged).clamp_min(1.0);
        // Sources that the batch has nothing of keep their share, or they would lose it to the others
        // for being rare: the paper draws each source alike.
        let seen = by_source(&judged).gt(0.0).to_kind(Kind::Float);
        let before = &self.shares * &seen;
        let grown = &before * (loss * self.rate).exp();
        // Of a batch of which nothing is known it is nought. In float, the least of a double is too.
        let total = grown.sum(Kind::Float).clamp_min(LEAST);
        let grown = grown / total * before.sum(Kind::Float);
        self.shares.copy_(&(&self.shares * (1.0 - seen) + grown));

        let count = by_source(&judged.ones_like());
        let there = count.gt(0.0).to_kind(Kind::Float) * &self.shares;
        let of_source = &there / there.sum(Kind::Float).clamp_min(LEAST) / count.clamp_min(1.0);
        member.matmul(&of_source) * batch.index.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn::OptimizerConfig as _;

    fn sources(rows: &[i64]) -> Sources {
        Sources {
            rows: rows.to_vec(),
            count: rows.iter().max().map_or(0, |last| last + 1),
            device: Device::Cpu,
        }
    }

    /// One class, which is absent everywhere; a composite that is there as `referable` says, where
    /// it says so.
    fn batch(referable: &[Option<bool>]) -> TensorBatch {
        let b = referable.len() as i64;
        let column = |of: fn(Option<bool>) -> bool| {
            let values: Vec<f32> = referable.iter().map(|&r| f32::from(of(r))).collect();
            Tensor::from_slice(&values).view([b, 1])
        };
        let one = (Kind::Float, Device::Cpu);
        TensorBatch {
            images: Tensor::zeros([b, 3, 1, 1], one),
            targets: Tensor::zeros([b, 1], one),
            mask: Tensor::ones([b, 1], one),
            composite_targets: column(|r| r == Some(true)),
            composite_mask: column(|r| r.is_some()),
            index: (0..referable.len()).collect(),
        }
    }

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.to_kind(Kind::Double).view([-1])).unwrap()
    }

    #[test]
    fn shares_follow_the_losses_and_the_slopes_the_shares() {
        // Two photographs of one source, one of another, which is told worse.
        let sources = sources(&[0, 0, 1]);
        let store = nn::VarStore::new(Device::Cpu);
        let mut worst = WorstSource::new(2.0, &sources, store.root());
        let logits = Tensor::from_slice(&[-1.0f32, -1.0, 1.0])
            .view([3, 1])
            .set_requires_grad(true);
        let output = Output {
            features: logits.shallow_clone(),
            logits: logits.shallow_clone(),
        };
        let batch = batch(&[None; 3]);
        let weighed = worst.weigh(&sources, output, &batch);
        assert_eq!(numbers(&weighed.logits), numbers(&logits));

        // ln(1 + e^z) of an absent class.
        let loss = |z: f64| z.exp().ln_1p();
        let grown = [
            0.5 * (2.0 * loss(-1.0)).exp(),
            0.5 * (2.0 * loss(1.0)).exp(),
        ];
        let q = grown.map(|g| g / (grown[0] + grown[1]));
        for (got, want) in numbers(&worst.shares).iter().zip(q) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        // The slope of the mean is that of q_0 L_0 + q_1 L_1.
        weighed.logits.mean(Kind::Float).backward();
        for (got, want) in numbers(&logits.grad())
            .iter()
            .zip([q[0] / 2.0, q[0] / 2.0, q[1]])
        {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn a_source_that_is_not_in_the_batch_keeps_its_share_and_the_others_have_all_the_slope() {
        let of_three = sources(&[0, 1, 2]);
        let store = nn::VarStore::new(Device::Cpu);
        let mut worst = WorstSource::new(0.5, &of_three, store.root());
        let logits = Tensor::zeros([2, 1], (Kind::Float, Device::Cpu));
        let output = Output {
            features: logits.shallow_clone(),
            logits,
        };
        let weights = worst.step(&of_three, &output, &batch(&[None; 2]));
        assert_eq!(numbers(&weights), [1.0, 1.0]);
        for share in numbers(&worst.shares) {
            assert!((share - 1.0 / 3.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_batch_of_which_nothing_is_known_changes_no_share() {
        let sources = sources(&[0, 1]);
        let store = nn::VarStore::new(Device::Cpu);
        let mut worst = WorstSource::new(0.5, &sources, store.root());
        let logits = Tensor::zeros([2, 1], (Kind::Float, Device::Cpu));
        let output = Output {
            features: logits.shallow_clone(),
            logits,
        };
        let mut unknown = batch(&[None; 2]);
        unknown.mask = unknown.mask.zeros_like();
        assert_eq!(
            numbers(&worst.step(&sources, &output, &unknown)),
            [1.0, 1.0]
        );
        assert_eq!(numbers(&worst.shares), [0.5, 0.5]);
    }

    #[test]
    fn the_discriminator_learns_the_source_and_the_features_unlearn_it() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let place = taxonomy
            .composites()
            .keys()
            .position(|id| id == ids::REFERABLE);
        assert_eq!(place, Some(0), "the batch has it as its one column");
        let sources = sources(&[0, 1, 0, 1, 0, 1]);
        // The last two say nothing of referral and take no part.
        let batch = batch(&[Some(false), Some(false), Some(true), Some(true), None, None]);
        tch::manual_seed(1);
        let mut store = nn::VarStore::new(Device::Cpu);
        let adversary = Adversary::new(1.0, &taxonomy, &sources, 2, store.root() / "own").unwrap();
        let features = Tensor::from_slice(&[
            1.0f32, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 9.0, 9.0, 9.0, 9.0,
        ])
        .view([6, 2])
        .set_requires_grad(true);
        let alike = adversary.alike(&batch);
        let term = || {
            adversary
                .term(&features, &sources.of(&batch), &alike, 1.0)
                .value
        };
        let before = term().double_value(&[]);
        let mut adam = nn::Adam::default().build(&store, 0.005).unwrap();
        for _ in 0..20 {
            adam.backward_step(&term());
        }
        let told = term().double_value(&[]);
        assert!(told < 0.5 * before, "{before} {told}");
        // Down the slope the features get is the way in which the source is told worse.
        let mut features = features.shallow_clone();
        features.zero_grad();
        term().backward();
        let slope = features.grad();
        assert_eq!(numbers(&slope.narrow(0, 4, 2)), [0.0; 4]);
        no_grad(|| {
            let _ = features.g_sub_(&(slope * 20.0));
        });
        let unlearned = term().double_value(&[]);
        assert!(unlearned > told, "{told} {unlearned}");
        store.freeze();
    }
}
