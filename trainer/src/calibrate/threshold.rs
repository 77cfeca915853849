//! Thresholds on probabilities.

use crate::metrics::{Answers, Counts};

/// A probability above `low` and at most `high`, half way in logits: new
/// photographs will not fall exactly where the measured ones did.
pub fn between(low: f32, high: f32) -> f32 {
    let logit = |p: f32| {
        let p = f64::from(p).clamp(1e-12, 1.0 - 1e-12);
        (p / (1.0 - p)).ln()
    };
    let middle = 1.0 / (1.0 + (-(logit(low) + logit(high)) / 2.0).exp());
    let above = next_float(low).min(1.0);
    (middle as f32).max(above).min(high.max(above))
}

/// The next number above a probability.
fn next_float(p: f32) -> f32 {
    f32::from_bits(p.to_bits() + 1)
}

/// A probability and how much its photograph counts: sources differ in size, and
/// the largest must not decide for all.
#[derive(Clone, Copy, Debug)]
pub struct Weighed {
    pub probability: f32,
    /// Above 0.
    pub weight: f64,
}

/// Weights are sums of roots: what is nearer than this is equal.
const SLIVER: f64 = 1e-9;

/// The lowest threshold that lets at most a share `1 - specificity` of the
/// negatives' weight pass; 0 where all may. `others` are the probabilities it
/// should keep its distance from, too.
pub fn at_specificity(negatives: &[Weighed], others: &[f32], specificity: f64) -> f32 {
    let all: f64 = negatives.iter().map(|n| n.weight).sum();
    let may_pass = (1.0 - specificity) * all + SLIVER;
    let mut passed = 0.0;
    for negative in falling(negatives) {
        passed += negative.weight;
        if passed > may_pass {
            let stopped = negative.probability;
            let probabilities = negatives.iter().map(|n| &n.probability);
            return between(stopped, next_above(stopped, probabilities.chain(others)));
        }
    }
    0.0
}

/// The highest threshold that lets at least the weight `wanted` of the positives
/// pass; 1 where none must.
pub fn at_weight(positives: &[Weighed], others: &[f32], wanted: f64) -> f32 {
    if wanted <= SLIVER {
        return 1.0;
    }
    let mut passed = 0.0;
    let mut lowest = 1.0;
    for positive in falling(positives) {
        passed += positive.weight;
        lowest = positive.probability;
        if passed > wanted - SLIVER {
            break;
        }
    }
    let probabilities = positives.iter().map(|p| p.probability);
    let below = probabilities
        .chain(others.iter().copied())
        .filter(|&p| p < lowest);
    between(below.fold(0.0, f32::max), lowest)
}

fn falling(all: &[Weighed]) -> Vec<Weighed> {
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    sorted
}

/// The threshold at or above `lowest` with the best F1; `lowest` where no
/// probability reaches it.
pub fn best_f1(answers: &Answers, lowest: f32) -> f32 {
    let mut candidates: Vec<f32> = answers
        .after
        .iter()
        .copied()
        .filter(|&p| p >= lowest)
        .collect();
    candidates.sort_by(f32::total_cmp);
    candidates.dedup();
    let mut best = (lowest, 0.0);
    let mut below = None;
    for &candidate in &candidates {
        let counts = Counts::at_threshold(&answers.after, &answers.positives, candidate);
        if let Some(f1) = counts.f1().filter(|&f1| f1 > best.1) {
            let threshold = below.map_or(lowest, |below| between(below, candidate));
            best = (threshold, f1);
        }
        below = Some(candidate);
    }
    best.0
}

fn next_above<'a>(bar: f32, all: impl Iterator<Item = &'a f32>) -> f32 {
    all.copied().filter(|&p| p > bar).fold(1.0, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_way_in_logits_and_always_above_the_lower() {
        assert!((between(0.2, 0.8) - 0.5).abs() < 1e-6);
        // ln(0.01/0.99) = -4.595, ln(0.5/0.5) = 0 -> sigmoid(-2.298) = 0.0913
        assert!((between(0.01, 0.5) - 0.0913).abs() < 1e-4);
        let close = next_float(0.5);
        assert!(close > 0.5 && close < 0.5000001);
        assert_eq!(between(0.5, close), close);
        assert_eq!(between(1.0, 1.0), 1.0);
    }

    fn alike(probabilities: &[f32]) -> Vec<Weighed> {
        let weight = 1.0;
        probabilities
            .iter()
            .map(|&probability| Weighed {
                probability,
                weight,
            })
            .collect()
    }

    #[test]
    fn thresholds_keep_their_promise() {
        let negatives: Vec<f32> = (0..100).map(|i| i as f32 / 200.0).collect();
        let passing = |threshold: f32| negatives.iter().filter(|&&p| p >= threshold).count();
        for (specificity, allowed) in [(1.0, 0), (0.99, 1), (0.98, 2), (0.5, 50)] {
            let threshold = at_specificity(&alike(&negatives), &[], specificity);
            assert_eq!(passing(threshold), allowed, "{specificity}");
        }
        assert_eq!(at_specificity(&[], &[], 0.99), 0.0);
        // It stays clear of the positives just above.
        let threshold = at_specificity(&alike(&[0.2, 0.1]), &[0.3], 1.0);
        assert!(threshold > 0.2 && threshold < 0.3);

        let positives = [0.9, 0.7, 0.4, 0.2];
        let passing = |threshold: f32| positives.iter().filter(|&&p| p >= threshold).count();
        for wanted in 1..=4 {
            let threshold = at_weight(&alike(&positives), &[0.5], wanted as f64);
            assert_eq!(passing(threshold), wanted);
        }
        assert!(at_weight(&alike(&positives), &[0.65], 2.0) > 0.65);
        assert_eq!(at_weight(&alike(&positives), &[], 0.0), 1.0);
    }

    #[test]
    fn a_small_source_counts_as_its_weight_says() {
        // Ten negatives of a large source and one of a small one, which weighs as
        // much as five of them.
        let mut negatives = alike(&[0.1; 10]);
        negatives.push(Weighed {
            probability: 0.6,
            weight: 5.0,
        });
        assert!(at_specificity(&negatives, &[], 0.9) > 0.6);
        assert!(at_specificity(&negatives, &[], 0.6) < 0.6);
        let mut positives = alike(&[0.9; 10]);
        positives.push(Weighed {
            probability: 0.3,
            weight: 5.0,
        });
        assert!(at_weight(&positives, &[], 10.0) > 0.3);
        assert!(at_weight(&positives, &[], 10.5) < 0.3);
    }

    #[test]
    fn the_best_f1_by_hand() {
        // F1 from each score on: .9: 2/4, .8: 2/5, .6: 4/6, .3: 6/7, .1: 6/8.
        let answers = Answers {
            after: vec![0.9, 0.8, 0.6, 0.3, 0.1],
            positives: vec![true, false, true, true, false],
            ..Answers::default()
        };
        let threshold = best_f1(&answers, 0.0);
        assert!(threshold > 0.1 && threshold <= 0.3, "{threshold}");
        let threshold = best_f1(&answers, 0.5);
        assert!((0.5..=0.6).contains(&threshold), "{threshold}");
        assert_eq!(best_f1(&answers, 0.95), 0.95);
    }
}
