//! Temperature and bias by maximum likelihood (Platt scaling).

/// A logit and whether the node was present.
pub type Pair = (f64, bool);

/// probability = sigmoid(scale * z + bias); the temperature is 1 / scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Above 0.
    pub scale: f64,
    pub bias: f64,
}

impl Line {
    pub const IDENTITY: Line = Line {
        scale: 1.0,
        bias: 0.0,
    };

    /// Mean negative log-likelihood in nats; `None` of nothing.
    pub fn mean_loss(&self, pairs: &[Pair]) -> Option<f64> {
        (!pairs.is_empty()).then(|| self.loss(pairs) / pairs.len() as f64)
    }

    fn loss(&self, pairs: &[Pair]) -> f64 {
        pairs
            .iter()
            .map(|&(z, present)| loss(self.scale * z + self.bias, present))
            .sum()
    }
}

/// Negative log-likelihood of the answer where the logit is `u`, in nats.
fn loss(u: f64, present: bool) -> f64 {
    let wrong = if present { -u } else { u };
    wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()
}

/// Steps of Newton's method; a handful is the rule, this is a bound.
const STEPS: usize = 100;

/// Scale and bias that fit `pairs` best, drawn towards `prior` as by one
/// photograph's worth of evidence: ln(scale) and bias have unit variance around
/// it. That keeps separable pairs from an infinite scale, and in its logarithm
/// the scale cannot become negative.
pub fn fit(pairs: &[Pair], prior: Line) -> Line {
    newton(&shifted(pairs, 0.0), prior, true)
}

/// As [`fit`], keeping the prior's scale.
pub fn fit_bias(pairs: &[Pair], prior: Line) -> Line {
    newton(&shifted(pairs, 0.0), prior, false)
}

/// As [`fit`], for pairs of several sources whose biases differ: by how many of
/// their photographs show the thing, by cameras. Each source has a bias of its
/// own, of unit variance around the common one, and the common one is answered:
/// what to expect of a source that is not among them.
pub fn fit_sources(sources: &[Vec<Pair>], prior: Line) -> Line {
    let mut own = vec![0.0; sources.len()];
    let mut common = prior;
    for _ in 0..STEPS {
        let of_all: Vec<Shifted> = sources
            .iter()
            .zip(&own)
            .flat_map(|(pairs, &by)| shifted(pairs, by))
            .collect();
        let before = std::mem::replace(&mut common, newton(&of_all, prior, true));
        for (pairs, own) in sources.iter().zip(&mut own) {
            let at_zero = Line {
                scale: common.scale,
                bias: 0.0,
            };
            *own = newton(&shifted(pairs, common.bias), at_zero, false).bias;
        }
        let moved = (common.bias - before.bias).abs() + (common.scale / before.scale).ln().abs();
        if moved < 1e-6 {
            break;
        }
    }
    common
}

/// A pair with what is added to its scaled logit.
type Shifted = (f64, f64, bool);

fn shifted(pairs: &[Pair], by: f64) -> Vec<Shifted> {
    pairs.iter().map(|&(z, present)| (z, by, present)).collect()
}

fn newton(pairs: &[Shifted], prior: Line, free_scale: bool) -> Line {
    let prior_log = prior.scale.ln();
    let at = |log_scale: f64, bias: f64| Line {
        scale: log_scale.exp(),
        bias,
    };
    let objective = |log_scale: f64, bias: f64| {
        let penalty = (log_scale - prior_log).powi(2) + (bias - prior.bias).powi(2);
        let line = at(log_scale, bias);
        let losses = pairs
            .iter()
            .map(|&(z, by, present)| loss(line.scale * z + by + line.bias, present));
        losses.sum::<f64>() + penalty / 2.0
    };
    let (mut log_scale, mut bias) = (prior_log, prior.bias);
    let mut value = objective(log_scale, bias);
    for _ in 0..STEPS {
        let scale = log_scale.exp();
        // Gradient, and the Fisher information in place of the Hessian: it is
        // positive definite in ln(scale) as well, so the step leads downhill.
        let (mut g_scale, mut g_bias) = (log_scale - prior_log, bias - prior.bias);
        let (mut h_scale, mut h_both, mut h_bias) = (1.0, 0.0, 1.0);
        for &(z, by, present) in pairs {
            let p = 1.0 / (1.0 + (-(scale * z + by + bias)).exp());
            let slope = scale * z;
            let off = p - f64::from(u8::from(present));
            let weight = p * (1.0 - p);
            g_scale += off * slope;
            g_bias += off;
            h_scale += weight * slope * slope;
            h_both += weight * slope;
            h_bias += weight;
        }
        if !free_scale {
            (g_scale, h_both) = (0.0, 0.0);
        }
        let determinant = h_scale * h_bias - h_both * h_both;
        let step_scale = (h_bias * g_scale - h_both * g_bias) / determinant;
        let step_bias = (h_scale * g_bias - h_both * g_scale) / determinant;
        let mut share = 1.0;
        let accepted = loop {
            let tried = (log_scale - share * step_scale, bias - share * step_bias);
            let reached = objective(tried.0, tried.1);
            if reached < value {
                break Some((tried, reached));
            }
            share /= 2.0;
            if share < 1e-6 {
                break None;
            }
        };
        let Some(((next_scale, next_bias), reached)) = accepted else {
            break;
        };
        (log_scale, bias) = (next_scale, next_bias);
        let gained = value - reached;
        value = reached;
        if gained < 1e-10 {
            break;
        }
    }
    at(log_scale, bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts in which sigmoid(z) is exactly the observed frequency at the two
    /// logits there are.
    fn two_logits(z: f64, times: usize) -> Vec<Pair> {
        // At -z one of four, at z three of four: true logits -+ln 3.
        let mut pairs = Vec::new();
        for i in 0..4 * times {
            pairs.push((-z, i % 4 == 0));
            pairs.push((z, i % 4 != 0));
        }
        pairs
    }

    #[test]
    fn a_saturated_model_is_fitted_exactly() {
        // scale * 2 = ln 3, bias 0. 4,000 photographs leave the prior nothing.
        let line = fit(&two_logits(2.0, 500), Line::IDENTITY);
        assert!((line.scale - 3f64.ln() / 2.0).abs() < 1e-3, "{line:?}");
        assert!(line.bias.abs() < 1e-3, "{line:?}");
    }

    #[test]
    fn a_shift_of_the_logits_is_taken_back() {
        let shifted: Vec<Pair> = two_logits(1.0, 500)
            .into_iter()
            .map(|(z, present)| (3.0 * z + 5.0, present))
            .collect();
        let line = fit(&shifted, Line::IDENTITY);
        let expected = 3f64.ln() / 3.0;
        assert!((line.scale - expected).abs() < 2e-3, "{line:?}");
        assert!((line.bias + 5.0 * expected).abs() < 2e-2, "{line:?}");
        // With the scale held, the bias alone makes the mean right.
        let prior = Line {
            scale: 0.5,
            bias: 0.0,
        };
        let line = fit_bias(&shifted, prior);
        assert!((line.scale - 0.5).abs() < 1e-12);
        let mean: f64 = shifted
            .iter()
            .map(|(z, _)| 1.0 / (1.0 + (-(line.scale * z + line.bias)).exp()))
            .sum::<f64>()
            / shifted.len() as f64;
        assert!((mean - 0.5).abs() < 1e-2, "{mean}");
    }

    #[test]
    fn scikit_learn_gives_the_same() {
        // LogisticRegression without a penalty on z = (s - 26) / 8: coefficient
        // 0.28681, intercept -1.02047. Twenty copies drown the prior.
        let pairs: Vec<Pair> = (0..10_000u32)
            .map(|k| {
                let i = k % 500;
                let score = f64::from((i * 37 + 11) % 53);
                let noise = f64::from((i * i * 7 + i * 3) % 11);
                ((score - 26.0) / 8.0, noise + score / 9.0 > 9.0)
            })
            .collect();
        let line = fit(&pairs, Line::IDENTITY);
        assert!((line.scale - 0.28681).abs() < 2e-3, "{line:?}");
        assert!((line.bias + 1.02047).abs() < 2e-3, "{line:?}");
    }

    #[test]
    fn a_source_with_many_of_them_does_not_move_the_others() {
        // Two clinics alike, and a collection that holds far more of the sick:
        // its logits say less than the truth by 2.
        let clinic = two_logits(2.0, 200);
        let collection: Vec<Pair> = two_logits(2.0, 200)
            .into_iter()
            .map(|(z, present)| (z - 4.0, present))
            .collect();
        let all = [clinic.clone(), clinic.clone(), collection];
        let common = fit_sources(&all, Line::IDENTITY);
        let expected = 3f64.ln() / 2.0;
        assert!((common.scale - expected).abs() < 0.02, "{common:?}");
        // Half a third of the collection's own shift, as the shrinkage has it.
        assert!((0.2..0.9).contains(&common.bias), "{common:?}");
        let pooled = fit(&all.concat(), Line::IDENTITY);
        assert!(pooled.scale < 0.8 * expected, "{pooled:?}");
        let alone = fit_sources(std::slice::from_ref(&clinic), Line::IDENTITY);
        let plain = fit(&clinic, Line::IDENTITY);
        assert!(
            (alone.scale - plain.scale).abs() < 0.01,
            "{alone:?} {plain:?}"
        );
    }

    #[test]
    fn separable_pairs_and_no_pairs_stay_finite() {
        let separable: Vec<Pair> = (0..50).map(|i| (f64::from(i) - 24.5, i > 24)).collect();
        let line = fit(&separable, Line::IDENTITY);
        assert!(line.scale.is_finite() && line.scale > 1.0, "{line:?}");
        assert_eq!(fit(&[], Line::IDENTITY), Line::IDENTITY);
        let never = vec![(1e4, false); 20];
        let line = fit(&never, Line::IDENTITY);
        assert!(line.scale > 0.0 && line.bias.is_finite(), "{line:?}");
        // Worse than guessing: the scale shrinks but stays positive.
        let inverted: Vec<Pair> = (0..50).map(|i| (f64::from(i) - 24.5, i < 25)).collect();
        let line = fit(&inverted, Line::IDENTITY);
        assert!(line.scale > 0.0 && line.scale < 0.1, "{line:?}");
    }

    #[test]
    fn the_loss_is_the_likelihood() {
        let pairs = [(0.0, true), (0.0, false)];
        let loss = Line::IDENTITY.mean_loss(&pairs).expect("two");
        assert!((loss - 2f64.ln()).abs() < 1e-12);
        assert_eq!(Line::IDENTITY.mean_loss(&[]), None);
    }
}
