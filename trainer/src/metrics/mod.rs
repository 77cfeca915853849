//! The measures every result is told in, on plain slices.
//!
//! A measure that is not defined for what it was given (no positives, one
//! class only) is `None`, never a number that looks like one: a mean over
//! classes then leaves it out instead of counting a zero.

mod answers;
mod bootstrap;
mod calibration_error;
mod counts;
mod groups;
mod ranking;

pub use answers::Answers;
pub use bootstrap::{Interval, PatientBootstrap, BOOTSTRAP_DRAWS};
pub use calibration_error::{
    expected_calibration_error, reliability, ReliabilityBin, CALIBRATION_BINS,
};
pub use counts::{wilson_interval, Counts};
pub use groups::{group_map, ClassGroups, GroupMap};
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
    use super::mean;

    #[test]
    fn mean_leaves_out_what_is_not_defined() {
        assert_eq!(mean([Some(1.0), None, Some(2.0)]), Some(1.5));
        assert_eq!(mean([None, None]), None);
    }
}
