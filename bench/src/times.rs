//! What was timed, and what two of such are to each other.

use std::fmt;

/// The times of one engine, in milliseconds: a few runs in each round.
#[derive(Clone, Debug, Default)]
pub struct Times {
    rounds: Vec<Vec<f64>>,
}

/// How many times longer one takes than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Of the least times: what it is where nothing disturbs.
    pub least: f64,
    /// With [`Ratio::high`], what the middle half of the rounds lies between.
    pub low: f64,
    /// See [`Ratio::low`].
    pub high: f64,
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ratio { least, low, high } = self;
        write!(f, "{least:.2} ({low:.2} to {high:.2})")
    }
}

impl Times {
    /// Adds the runs of a round; one of none is left out.
    pub fn push(&mut self, round: Vec<f64>) {
        if !round.is_empty() {
            self.rounds.push(round);
        }
    }

    /// The least of all: the one that other programs disturbed least.
    pub fn least(&self) -> f64 {
        self.leasts().into_iter().fold(f64::INFINITY, f64::min)
    }

    /// The median of all.
    pub fn median(&self) -> f64 {
        let mut all: Vec<f64> = self.rounds.iter().flatten().copied().collect();
        quantile(&mut all, 0.5)
    }

    /// What each of `more` things took that these times have beyond those of `first`: every run less
    /// the least of `first`, shared among them. So a `first` that was disturbed in one round makes
    /// nothing look faster.
    pub fn beyond(&self, first: &Times, more: usize) -> Times {
        let least = first.least();
        let each = |run: &f64| (run - least) / more as f64;
        let rounds = self.rounds.iter();
        Times {
            rounds: rounds.map(|runs| runs.iter().map(each).collect()).collect(),
        }
    }

    /// The least of each round.
    fn leasts(&self) -> Vec<f64> {
        let least = |round: &Vec<f64>| round.iter().copied().fold(f64::INFINITY, f64::min);
        self.rounds.iter().map(least).collect()
    }

    /// How many times longer this takes than `other`; also round by round, since what disturbed a
    /// round disturbed both.
    pub fn ratio_to(&self, other: &Times) -> Ratio {
        let pairs = self.leasts().into_iter().zip(other.leasts());
        let mut ratios: Vec<f64> = pairs.map(|(this, other)| this / other).collect();
        Ratio {
            least: self.least() / other.least(),
            low: quantile(&mut ratios, 0.25),
            high: quantile(&mut ratios, 0.75),
        }
    }
}

/// The value that `share` (0..1) of them do not exceed, between two of them where it falls
/// there; not a number where there are none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    values.sort_by(f64::total_cmp);
    let at = share * last as f64;
    let (below, part) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(last);
    values[below] * (1.0 - part) + values[above] * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(rounds: &[&[f64]]) -> Times {
        let mut times = Times::default();
        for round in rounds {
            times.push(round.to_vec());
        }
        times
    }

    #[test]
    fn least_and_median_are_over_all_rounds() {
        let times = times(&[&[3.0, 9.0], &[], &[2.0, 4.0]]);
        assert_eq!(times.least(), 2.0);
        assert_eq!(times.median(), 3.5);
        assert!(Times::default().median().is_nan());
    }

    #[test]
    fn a_disturbed_first_makes_nothing_after_it_look_faster() {
        // In the second round something else held up the first alone for longer than all took.
        let first = times(&[&[10.0], &[90.0], &[11.0]]);
        let all = times(&[&[52.0], &[50.0], &[70.0]]);
        let each = all.beyond(&first, 4);
        assert_eq!(each.least(), 10.0);
        assert_eq!(each.median(), 10.5);
        let ratio = each.ratio_to(&each);
        assert_eq!((ratio.low, ratio.least, ratio.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_ratio_compares_the_rounds_one_by_one() {
        // The machine was half as fast in the second round, for both.
        let one = times(&[&[2.0, 8.0], &[4.0], &[2.0]]);
        let other = times(&[&[6.0], &[12.0, 99.0], &[8.0]]);
        let ratio = other.ratio_to(&one);
        assert_eq!(ratio.least, 3.0);
        assert_eq!((ratio.low, ratio.high), (3.0, 3.5));
        let itself = one.ratio_to(&one);
        assert_eq!((itself.low, itself.least, itself.high), (1.0, 1.0, 1.0));
    }
}
