//! Distribution-balanced loss with focal loss (Wu et al., ECCV 2020).
//!
//! Re-balanced weighting: a photograph's class k weighs by how much rarer it is
//! than the photograph, r = (1 / n_k) / sum of 1 / n_j over its positive j,
//! smoothed to 0.1 + sigmoid(10 (r - mu)). Negative-tolerant regularisation: a
//! bias of the class's prior, and the logits of negatives times lambda, their
//! loss over lambda.
//!
//! The authors' settings for COCO are the defaults (mu 0.2, lambda 2, kappa
//! 0.05), and draws are class-aware as theirs are: r makes up for the common
//! classes that come along with rare ones. Ours: a photograph with no positive
//! class has r = 0 throughout, the lowest weight, for nothing in it is rare. Their
//! formula divides by the empty sum there and gives the highest, 1.1; of theirs
//! none is without a class.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::focal::each_focal;
use super::{
    above_nought, default, from_nought, Method, MethodContext, Settings, Step, Term, LABELS,
};
use crate::losses::masked_mean;
use crate::samplers::Sampling;

/// Settings of the method `db_focal`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbFocal {
    /// Exponent of the focusing factor, 0 or more; 2 by default.
    #[serde(default = "default::two")]
    pub gamma: f64,
    /// Middle of the smoothing, 0 or more; 0.2 by default, 0.2 or 0.3 in the authors' runs.
    #[serde(default = "fifth")]
    pub mu: f64,
    /// How much negatives are tolerated, above 0; 2 by default, 2 or 5 in the authors' runs.
    #[serde(default = "default::two")]
    pub lambda: f64,
    /// Share of the class's prior in its bias, 0 or more; 0.05 by default.
    #[serde(default = "twentieth")]
    pub kappa: f64,
}

fn fifth() -> f64 {
    0.2
}
fn twentieth() -> f64 {
    0.05
}

impl Settings for DbFocal {
    fn check(&self) -> Result<()> {
        from_nought("gamma", self.gamma)?;
        from_nought("mu", self.mu)?;
        from_nought("kappa", self.kappa)?;
        above_nought("lambda", self.lambda)
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let rows = |values: Vec<f32>| {
            Tensor::from_slice(&values)
                .view([1, -1])
                .to_device(context.device)
        };
        let (counts, all) = (context.finest_counts(), context.photographs as f32);
        Ok(Box::new(DistributionBalanced {
            inverse: rows(counts.iter().map(|&n| inverse(n)).collect()),
            prior: rows(counts.iter().map(|&n| prior(n, all)).collect()),
            settings: self.clone(),
        }))
    }
}

struct DistributionBalanced {
    /// 1 / n per class, 1 x k.
    inverse: Tensor,
    /// ln(N / n - 1) per class, 1 x k.
    prior: Tensor,
    settings: DbFocal,
}

impl Method for DistributionBalanced {
    fn draws(&self) -> Sampling {
        Sampling::ClassBalanced
    }

    fn losses(&self, step: &Step) -> Vec<Term> {
        let logits = &step.output.logits;
        let (targets, mask) = step.batch.finest(logits.size()[1]);
        let each = self.each(logits, &targets);
        vec![Term::new(LABELS, 1.0, masked_mean(&each, &mask))]
    }
}

impl DistributionBalanced {
    /// The loss of each label, b x k.
    fn each(&self, logits: &Tensor, targets: &Tensor) -> Tensor {
        let DbFocal {
            gamma,
            mu,
            lambda,
            kappa,
        } = self.settings;
        let positive = (targets * &self.inverse).sum_dim_intlist(1, true, Kind::Float);
        let rarer = &self.inverse / positive.clamp_min(1e-12);
        let rarer = rarer.where_self(&positive.gt(0.0), &rarer.zeros_like());
        let weights = ((rarer - mu) * 10.0).sigmoid() + 0.1;
        let biased = logits - &self.prior * (kappa / lambda);
        // lambda for negatives, 1 for positives.
        let tolerance = (1.0 - targets) * (lambda - 1.0) + 1.0;
        each_focal(&(biased * &tolerance), targets, gamma) * weights / tolerance
    }
}

fn inverse(n: f32) -> f32 {
    if n > 0.0 {
        1.0 / n
    } else {
        0.0
    }
}

/// ln(N / n - 1), nought where it has no meaning.
fn prior(n: f32, all: f32) -> f32 {
    if n > 0.0 && n < all {
        (all / n - 1.0).ln()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: [f32; 3] = [100.0, 10.0, 1.0];

    /// With the defaults, on three classes of 200 photographs.
    fn of_three() -> DistributionBalanced {
        let rows = |value: fn(f32) -> f32| Tensor::from_slice(&COUNTS.map(value)).view([1, -1]);
        DistributionBalanced {
            inverse: rows(inverse),
            prior: rows(|n| prior(n, 200.0)),
            settings: toml::from_str("").unwrap(),
        }
    }

    #[test]
    fn a_photograph_without_a_class_weighs_least() {
        let loss = of_three();
        let nothing = Tensor::zeros([1, 3], (Kind::Float, tch::Device::Cpu));
        // Where the bias is undone, the loss of a negative is weight / 2 * p^2 * -ln(1 - p).
        let undecided = &loss.prior * (0.05 / 2.0);
        let each = loss.each(&undecided, &nothing);
        let weight = 0.1 + 1.0 / (1.0 + 2f64.exp());
        let expected = weight / 2.0 * 0.25 * 2f64.ln();
        for k in 0..3 {
            assert!((each.double_value(&[0, k]) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn the_formula_worked_out_by_hand() {
        let loss = of_three();
        let z = [0.3f32, -1.0, 2.0];
        let y = [1f32, 1.0, 0.0];
        let each = loss.each(
            &Tensor::from_slice(&z).view([1, 3]),
            &Tensor::from_slice(&y).view([1, 3]),
        );
        let each = Vec::<f32>::try_from(each.view([-1])).unwrap();
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        for k in 0..3 {
            let n = f64::from(COUNTS[k]);
            let r = (1.0 / n) / (1.0 / 100.0 + 1.0 / 10.0);
            let weight = 0.1 + sigmoid(10.0 * (r - 0.2));
            let biased = f64::from(z[k]) - 0.05 / 2.0 * (200.0 / n - 1.0).ln();
            let expected = if y[k] == 1.0 {
                let p = sigmoid(biased);
                weight * (1.0 - p).powi(2) * -p.ln()
            } else {
                let p = sigmoid(2.0 * biased);
                weight / 2.0 * p.powi(2) * -(1.0 - p).ln()
            };
            let found = f64::from(each[k]);
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }
}
