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

/// The lowest threshold that lets at most a share `1 - specificity` of the
/// negatives pass; 0 where all may. `others` are the probabilities it should
/// keep its distance from, too.
pub fn at_specificity(negatives: &[f32], others: &[f32], specificity: f64) -> f32 {
    let mut sorted = negatives.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    // The sliver makes 1 - 0.98 of 100 two, which in binary it is not quite.
    let may_pass = ((1.0 - specificity) * sorted.len() as f64 + 1e-6) as usize;
    let Some(&stopped) = sorted.get(may_pass) else {
        return 0.0;
    };
    between(stopped, next_above(stopped, negatives.iter().chain(others)))
}

/// The highest threshold that lets at least `wanted` of the positives pass; 1
/// where none must.
pub fn at_count(positives: &[f32], others: &[f32], wanted: usize) -> f32 {
    let mut sorted = positives.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let Some(&passed) = wanted.checked_sub(1).and_then(|last| sorted.get(last)) else {
        return 1.0;
    };
    let below = positives
        .iter()
        .chain(others)
        .copied()
        .filter(|&p| p < passed);
    between(below.fold(0.0, f32::max), passed)
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

    #[test]
    fn thresholds_keep_their_promise() {
        let negatives: Vec<f32> = (0..100).map(|i| i as f32 / 200.0).collect();
        let passing = |threshold: f32| negatives.iter().filter(|&&p| p >= threshold).count();
        for (specificity, allowed) in [(1.0, 0), (0.99, 1), (0.98, 2), (0.5, 50)] {
            let threshold = at_specificity(&negatives, &[], specificity);
            assert_eq!(passing(threshold), allowed, "{specificity}");
        }
        assert_eq!(at_specificity(&[], &[], 0.99), 0.0);
        // It stays clear of the positives just above.
        let threshold = at_specificity(&[0.2, 0.1], &[0.3], 1.0);
        assert!(threshold > 0.2 && threshold < 0.3);

        let positives = [0.9, 0.7, 0.4, 0.2];
        let passing = |threshold: f32| positives.iter().filter(|&&p| p >= threshold).count();
        for wanted in 1..=4 {
            assert_eq!(passing(at_count(&positives, &[0.5], wanted)), wanted);
        }
        assert!(at_count(&positives, &[0.65], 2) > 0.65);
        assert_eq!(at_count(&positives, &[], 0), 1.0);
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
