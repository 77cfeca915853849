//! Intervals for measures without a formula, by drawing patients again.

use std::collections::HashMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Draws behind every bootstrap interval that is reported.
pub const BOOTSTRAP_DRAWS: usize = 1000;

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, in the unit of the measure.
    pub low: f64,
    /// Upper end, in the unit of the measure.
    pub high: f64,
}

/// Draws of patients with replacement.
///
/// Patients are drawn, not photographs: two eyes of one patient are much
/// alike, and intervals that take them for independent come out too narrow.
/// All measures of one report share the draws.
pub struct PatientBootstrap {
    /// For every draw, how often each photograph counts.
    draws: Vec<Vec<u16>>,
}

impl PatientBootstrap {
    /// `patients[i]` names whose photograph `i` is. The same seed gives the
    /// same draws on every machine.
    pub fn new(patients: &[impl AsRef<str>], draws: usize, seed: u64) -> PatientBootstrap {
        let mut number_of: HashMap<&str, usize> = HashMap::new();
        let patient_of: Vec<usize> = patients
            .iter()
            .map(|patient| {
                let patient = patient.as_ref();
                let next = number_of.len();
                *number_of.entry(patient).or_insert(next)
            })
            .collect();
        let count = number_of.len();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let draws = (0..draws)
            .map(|_| {
                let mut times = vec![0u16; count];
                for _ in 0..count {
                    let drawn = &mut times[random.random_range(0..count)];
                    *drawn = drawn.saturating_add(1);
                }
                patient_of.iter().map(|&patient| times[patient]).collect()
            })
            .collect();
        PatientBootstrap { draws }
    }

    /// A measure over every draw. It gets how often each photograph counts.
    pub fn values(&self, measure: impl Fn(&[u16]) -> Option<f64>) -> Vec<Option<f64>> {
        self.draws.iter().map(|weights| measure(weights)).collect()
    }
}

impl Interval {
    /// 2.5 % and 97.5 % points of a measure's values over the draws. Draws in
    /// which it is not defined (no positive was drawn) are left out; `None`
    /// when that is over half of them, for then the interval would speak of
    /// the lucky draws only.
    pub fn of_draws(values: &[Option<f64>]) -> Option<Interval> {
        let mut defined: Vec<f64> = values.iter().copied().flatten().collect();
        if defined.is_empty() || defined.len() * 2 < values.len() {
            return None;
        }
        defined.sort_by(f64::total_cmp);
        Some(Interval {
            low: quantile(&defined, 0.025),
            high: quantile(&defined, 0.975),
        })
    }
}

/// Quantile of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::super::Ranking;
    use super::*;

    #[test]
    fn quantiles_are_linear_between_neighbours() {
        let sorted = [0.0, 1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&sorted, 0.5), 2.0);
        assert_eq!(quantile(&sorted, 0.025), 0.1);
        assert_eq!(quantile(&[7.0], 0.975), 7.0);
    }

    #[test]
    fn the_mean_of_a_coin_has_the_interval_of_the_normal_formula() {
        let names: Vec<String> = (0..400).map(|i| i.to_string()).collect();
        let patients: Vec<&str> = names.iter().map(String::as_str).collect();
        let mean = |weights: &[u16]| {
            let heads: f64 = weights.iter().step_by(2).map(|&w| f64::from(w)).sum();
            let all: f64 = weights.iter().map(|&w| f64::from(w)).sum();
            Some(heads / all)
        };
        let bootstrap = PatientBootstrap::new(&patients, BOOTSTRAP_DRAWS, 1);
        let interval = Interval::of_draws(&bootstrap.values(mean)).expect("always defined");
        // 0.5 -+ 1.96 * sqrt(0.25 / 400) = 0.5 -+ 0.049
        assert!((interval.low - 0.451).abs() < 0.008, "{interval:?}");
        assert!((interval.high - 0.549).abs() < 0.008, "{interval:?}");
    }

    #[test]
    fn photographs_of_one_patient_come_together() {
        let scores: Vec<f32> = (0..80).map(|i| (i * 37 % 80) as f32).collect();
        let truth: Vec<bool> = (0..80).map(|i| (i / 4) % 2 == 0).collect();
        let ranking = Ranking::new(&scores, &truth);
        let names: Vec<String> = (0..80).map(|i| format!("p{}", i / 4)).collect();
        let patients: Vec<&str> = names.iter().map(String::as_str).collect();
        let bootstrap = PatientBootstrap::new(&patients, 200, 7);
        for weights in &bootstrap.draws {
            for photographs in weights.chunks(4) {
                assert!(photographs.iter().all(|w| w == &photographs[0]));
            }
            let total: u32 = weights.iter().map(|&w| u32::from(w)).sum();
            assert_eq!(total, 80);
        }
        let measure = |w: &[u16]| ranking.weighted_auc(|i| f64::from(w[i]));
        let again = PatientBootstrap::new(&patients, 200, 7);
        assert_eq!(bootstrap.values(measure), again.values(measure));
        let other = PatientBootstrap::new(&patients, 200, 8);
        assert_ne!(bootstrap.values(measure), other.values(measure));
    }

    #[test]
    fn too_few_defined_draws_give_no_interval() {
        let mut values = vec![None; 60];
        values.extend([Some(0.5); 40]);
        assert_eq!(Interval::of_draws(&values), None);
        assert!(Interval::of_draws(&values[20..]).is_some());
        let nobody = PatientBootstrap::new(&[""; 0], 10, 1);
        let none = nobody.values(|w| w.first().map(|&w| f64::from(w)));
        assert_eq!(Interval::of_draws(&none), None);
    }
}
