//! How far probabilities are from frequencies.

use serde::{Deserialize, Serialize};

/// Bins of equal width over 0..1 used throughout.
pub const CALIBRATION_BINS: usize = 15;

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Photographs in this bin.
    pub count: u32,
    /// Mean probability said in this bin, 0..1; 0 for an empty bin.
    pub confidence: f64,
    /// Share of positives in this bin, 0..1; 0 for an empty bin.
    pub frequency: f64,
}

/// Bins by the probability of the positive class (not of the likelier class,
/// as in the multi-class definition of Guo et al. 2017: the labels here are
/// independent yes-or-no questions). A bin without photographs has count 0.
pub fn reliability(probabilities: &[f32], positives: &[bool], bins: usize) -> Vec<ReliabilityBin> {
    let mut result = vec![ReliabilityBin::default(); bins];
    for (&probability, &positive) in probabilities.iter().zip(positives) {
        let place = (f64::from(probability) * bins as f64) as usize;
        let bin = &mut result[place.min(bins - 1)];
        bin.count += 1;
        bin.confidence += f64::from(probability);
        bin.frequency += f64::from(u8::from(positive));
    }
    for bin in &mut result {
        let count = f64::from(bin.count.max(1));
        bin.confidence /= count;
        bin.frequency /= count;
    }
    result
}

/// Expected calibration error: mean over the photographs of the distance
/// between said probability and observed frequency in their bin, 0..1.
/// `None` without photographs.
pub fn expected_calibration_error(
    probabilities: &[f32],
    positives: &[bool],
    bins: usize,
) -> Option<f64> {
    let total = probabilities.len() as f64;
    (total > 0.0).then(|| {
        reliability(probabilities, positives, bins)
            .iter()
            .map(|bin| f64::from(bin.count) / total * (bin.confidence - bin.frequency).abs())
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_with_two_bins() {
        // Lower bin: 0.25, 0.25 with one of two positive -> off by 0.25.
        // Upper bin: 0.5, 1.0 with both positive -> 0.75 said, off by 0.25.
        let probabilities = [0.25, 0.25, 0.5, 1.0];
        let truth = [true, false, true, true];
        let bins = reliability(&probabilities, &truth, 2);
        assert_eq!(bins[0].count, 2);
        assert_eq!(bins[0].confidence, 0.25);
        assert_eq!(bins[0].frequency, 0.5);
        assert_eq!(bins[1].confidence, 0.75);
        let error = expected_calibration_error(&probabilities, &truth, 2);
        assert_eq!(error, Some(0.25));
        assert_eq!(expected_calibration_error(&[], &[], 2), None);
    }

    #[test]
    fn certain_and_right_is_no_error_and_certain_and_wrong_is_all() {
        let sure = [0.0, 1.0];
        assert_eq!(
            expected_calibration_error(&sure, &[false, true], CALIBRATION_BINS),
            Some(0.0)
        );
        assert_eq!(
            expected_calibration_error(&sure, &[true, false], CALIBRATION_BINS),
            Some(1.0)
        );
    }
}
