//! The measures every result is told in, on plain slices.
//!
//! A measure that is not defined for what it was given (no positives, one
//! class only) is `None`, never a number that looks like one: a mean over
//! classes then leaves it out instead of counting a zero.

mod answers;
mod bleu;
mod bootstrap;
mod calibration_error;
mod counts;
mod groups;
mod ranking;

pub use answers::Answers;
pub use bleu::bleu;
pub use bootstrap::{Interval, PatientBootstrap, BOOTSTRAP_DRAWS};
pub use calibration_error::{
    expected_calibration_error, reliability, ReliabilityBin, CALIBRATION_BINS,
};
pub use counts::{wilson_interval, Counts};
pub use groups::{class_precisions, group_map, ClassGroups, GroupMap};
pub use ranking::{auc, average_precision, CurvePoint, Ranking};

/// Mean of the values that are defined; `None` when none is.
pub fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values
        .into_iter()
        .flatten()
        .fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_leaves_out_what_is_not_defined() {
        assert_eq!(mean([Some(1.0), None, Some(2.0)]), Some(1.5));
        assert_eq!(mean([None, None]), None);
    }

    /// 500 photographs with many equal scores, 139 of them positive.
    fn photographs() -> (Vec<f32>, Vec<bool>) {
        (0..500u32)
            .map(|i| {
                let score = (i * 37 + 11) % 53;
                let noise = (i * i * 7 + i * 3) % 11;
                let positive = f64::from(noise) + f64::from(score) / 9.0 > 9.0;
                (score as f32 / 53.0, positive)
            })
            .unzip()
    }

    #[test]
    fn scikit_learn_and_numpy_give_the_same() {
        let near = |value: Option<f64>, expected: f64| {
            let value = value.expect("defined");
            assert!((value - expected).abs() < 1e-7, "{value} is not {expected}");
        };
        let (scores, positives) = photographs();
        // average_precision_score, roc_auc_score; then with sample_weight i % 4.
        near(average_precision(&scores, &positives), 0.4000790070617159);
        near(auc(&scores, &positives), 0.6511987086231292);
        let ranking = Ranking::new(&scores, &positives);
        let weight = |i: usize| (i % 4) as f64;
        near(
            ranking.weighted_average_precision(weight),
            0.3978934591559947,
        );
        near(ranking.weighted_auc(weight), 0.6493803435912491);
        let error = expected_calibration_error(&scores, &positives, CALIBRATION_BINS);
        near(error, 0.24509432919695973);
    }
}
