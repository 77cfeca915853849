//! Sensitivity and specificity at one operating point, with intervals.

use serde::{Deserialize, Serialize};

use super::Interval;

/// Decisions counted against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Present, and called.
    pub true_positives: u32,
    /// Present, and not called.
    pub false_negatives: u32,
    /// Absent, and not called.
    pub true_negatives: u32,
    /// Absent, and called.
    pub false_positives: u32,
}

impl Counts {
    /// Counts (truth, called) pairs.
    pub fn of(pairs: impl IntoIterator<Item = (bool, bool)>) -> Counts {
        let mut counts = Counts::default();
        for (truth, called) in pairs {
            match (truth, called) {
                (true, true) => counts.true_positives += 1,
                (true, false) => counts.false_negatives += 1,
                (false, false) => counts.true_negatives += 1,
                (false, true) => counts.false_positives += 1,
            }
        }
        counts
    }

    /// Counts scores against a threshold; a score equal to it passes.
    pub fn at_threshold(scores: &[f32], positives: &[bool], threshold: f32) -> Counts {
        Counts::of(
            positives
                .iter()
                .zip(scores)
                .map(|(&truth, &score)| (truth, score >= threshold)),
        )
    }

    /// How many are present, called or not.
    pub fn positives(&self) -> u32 {
        self.true_positives + self.false_negatives
    }

    /// How many are absent, called or not.
    pub fn negatives(&self) -> u32 {
        self.true_negatives + self.false_positives
    }

    /// Share of the positives called, 0..1. `None` without positives.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positives, self.positives())
    }

    /// Share of the negatives not called, 0..1. `None` without negatives.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.negatives())
    }

    /// Harmonic mean of precision and sensitivity, 0..1. `None` without
    /// positives.
    pub fn f1(&self) -> Option<f64> {
        (self.positives() > 0).then(|| {
            let twice = 2.0 * f64::from(self.true_positives);
            twice / (twice + f64::from(self.false_negatives) + f64::from(self.false_positives))
        })
    }
}

fn share(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

/// Wilson's 95 % score interval for `successes` of `trials`; 0..1 for no
/// trials. Unlike the plain normal interval it stays inside 0..1 and has a
/// width at 0 and 100 %, where small classes often are.
pub fn wilson_interval(successes: u32, trials: u32) -> Interval {
    if trials == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    // The 97.5 % point of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let n = f64::from(trials);
    let p = f64::from(successes) / n;
    let denominator = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / denominator;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / denominator;
    Interval {
        low: (centre - half).max(0.0),
        high: (centre + half).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let counts = Counts::at_threshold(
            &[0.9, 0.5, 0.4, 0.5, 0.1],
            &[true, true, true, false, false],
            0.5,
        );
        assert_eq!(
            counts,
            Counts {
                true_positives: 2,
                false_negatives: 1,
                true_negatives: 1,
                false_positives: 1
            }
        );
        assert_eq!(counts.sensitivity(), Some(2.0 / 3.0));
        assert_eq!(counts.specificity(), Some(0.5));
        assert_eq!(counts.f1(), Some(4.0 / 6.0));
        assert_eq!(Counts::default().sensitivity(), None);
        assert_eq!(Counts::default().f1(), None);
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe (1998), table I: 81 of 263 -> 0.2553..0.3662; 0 of 20 ->
        // 0..0.1611; 1 of 29 -> 0.0061..0.1718.
        for (k, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
            (15, 148, 0.0624, 0.1605),
        ] {
            let interval = wilson_interval(k, n);
            assert!((interval.low - low).abs() < 1e-4, "{k}/{n}: {interval:?}");
            assert!((interval.high - high).abs() < 1e-4, "{k}/{n}: {interval:?}");
        }
        assert_eq!(
            wilson_interval(0, 0),
            Interval {
                low: 0.0,
                high: 1.0
            }
        );
        assert_eq!(wilson_interval(7, 7).high, 1.0);
    }
}
