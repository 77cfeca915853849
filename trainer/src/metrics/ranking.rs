//! Measures of an ordering: average precision, AUC and their curves.

/// Photographs ordered by falling score, with equal scores kept together.
///
/// Sorting once serves every measure, and each bootstrap draw (which only
/// changes how often a photograph counts) then costs one pass.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// Indices into the scores, highest score first.
    order: Vec<usize>,
    /// Ends (exclusive, into `order`) of the runs of equal scores.
    tie_ends: Vec<usize>,
    positives: Vec<bool>,
    scores: Vec<f32>,
}

/// One point of a ROC or precision-recall curve: what holds when every score
/// at or above `threshold` is called positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Lowest score that is called positive.
    pub threshold: f32,
    /// Share of the positives found (recall, true positive rate), 0..1.
    pub sensitivity: f64,
    /// Share of the negatives called positive, 0..1; 0 without negatives.
    pub false_positive_rate: f64,
    /// Share of the calls that are right, 0..1.
    pub precision: f64,
}

impl Ranking {
    /// `scores` and `positives` run in parallel. NaN scores rank as
    /// [`f32::total_cmp`] orders them; predictions with such scores are
    /// refused before they get here.
    pub fn new(scores: &[f32], positives: &[bool]) -> Ranking {
        assert_eq!(scores.len(), positives.len(), "one score per truth");
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let mut tie_ends = Vec::new();
        for rank in 1..=order.len() {
            if rank == order.len() || scores[order[rank]] != scores[order[rank - 1]] {
                tie_ends.push(rank);
            }
        }
        Ranking {
            order,
            tie_ends,
            positives: positives.to_vec(),
            scores: scores.to_vec(),
        }
    }

    /// Running weights of (true positives, false positives) after each run of
    /// equal scores.
    fn cumulative<'a>(
        &'a self,
        weight: impl Fn(usize) -> f64 + 'a,
    ) -> impl Iterator<Item = (f64, f64)> + 'a {
        let mut begin = 0;
        let (mut true_positives, mut false_positives) = (0.0, 0.0);
        self.tie_ends.iter().map(move |&end| {
            for &index in &self.order[begin..end] {
                if self.positives[index] {
                    true_positives += weight(index);
                } else {
                    false_positives += weight(index);
                }
            }
            begin = end;
            (true_positives, false_positives)
        })
    }

    /// Average precision, `sum (R_n - R_(n-1)) P_n` over the distinct scores
    /// as scikit-learn's `average_precision_score` has it (no interpolation;
    /// equal scores are one step). `None` without positives.
    pub fn average_precision(&self) -> Option<f64> {
        self.weighted_average_precision(|_| 1.0)
    }

    /// As [`Ranking::average_precision`], photograph `i` counting `weight(i)`
    /// times.
    pub fn weighted_average_precision(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let mut area = 0.0;
        let mut found = 0.0;
        for (true_positives, false_positives) in self.cumulative(weight) {
            if true_positives > found {
                let precision = true_positives / (true_positives + false_positives);
                area += (true_positives - found) * precision;
                found = true_positives;
            }
        }
        (found > 0.0).then(|| area / found)
    }

    /// Area under the ROC curve: how often a positive scores above a negative,
    /// equal scores counting half. `None` unless both are there.
    pub fn auc(&self) -> Option<f64> {
        self.weighted_auc(|_| 1.0)
    }

    /// As [`Ranking::auc`], photograph `i` counting `weight(i)` times.
    pub fn weighted_auc(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let mut area = 0.0;
        let mut last = (0.0, 0.0);
        for (true_positives, false_positives) in self.cumulative(weight) {
            area += (false_positives - last.1) * (true_positives + last.0) / 2.0;
            last = (true_positives, false_positives);
        }
        let pairs = last.0 * last.1;
        (pairs > 0.0).then(|| area / pairs)
    }

    /// Specificity at the strictest threshold that finds at least `sensitivity`
    /// (0..1) of the positives. `None` unless both answers are there.
    pub fn specificity_at(&self, sensitivity: f64) -> Option<f64> {
        self.weighted_specificity_at(sensitivity, |_| 1.0)
    }

    /// As [`Ranking::specificity_at`], photograph `i` counting `weight(i)` times.
    pub fn weighted_specificity_at(
        &self,
        sensitivity: f64,
        weight: impl Fn(usize) -> f64,
    ) -> Option<f64> {
        let steps: Vec<(f64, f64)> = self.cumulative(weight).collect();
        let &(positives, negatives) = steps.last()?;
        if positives == 0.0 || negatives == 0.0 {
            return None;
        }
        let (_, called) = steps.iter().find(|(t, _)| *t >= sensitivity * positives)?;
        Some(1.0 - called / negatives)
    }

    /// The operating points, from the strictest threshold to the laxest: one
    /// per distinct score. Empty without positives.
    pub fn curve(&self) -> Vec<CurvePoint> {
        let positives = self.positives.iter().filter(|&&p| p).count() as f64;
        let negatives = self.positives.len() as f64 - positives;
        if positives == 0.0 {
            return Vec::new();
        }
        self.cumulative(|_| 1.0)
            .zip(&self.tie_ends)
            .map(|((true_positives, false_positives), &end)| CurvePoint {
                threshold: self.scores[self.order[end - 1]],
                sensitivity: true_positives / positives,
                false_positive_rate: if negatives > 0.0 {
                    false_positives / negatives
                } else {
                    0.0
                },
                precision: true_positives / (true_positives + false_positives),
            })
            .collect()
    }
}

/// [`Ranking::average_precision`] of scores used once.
pub fn average_precision(scores: &[f32], positives: &[bool]) -> Option<f64> {
    Ranking::new(scores, positives).average_precision()
}

/// [`Ranking::auc`] of scores used once.
pub fn auc(scores: &[f32], positives: &[bool]) -> Option<f64> {
    Ranking::new(scores, positives).auc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Option<f64>, b: f64) {
        let a = a.expect("defined");
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn the_example_of_scikit_learns_documentation() {
        // y = [0, 0, 1, 1], scores [0.1, 0.4, 0.35, 0.8]: AP 0.8333, AUC 0.75.
        let scores = [0.1, 0.4, 0.35, 0.8];
        let truth = [false, false, true, true];
        near(average_precision(&scores, &truth), 0.5 + 0.5 * 2.0 / 3.0);
        near(auc(&scores, &truth), 0.75);
    }

    #[test]
    fn ties_are_one_step_for_ap_and_half_a_pair_for_auc() {
        // All equal: one step, precision = prevalence; AUC one half.
        let truth = [true, false, false, true];
        near(average_precision(&[0.5; 4], &truth), 0.5);
        near(auc(&[0.5; 4], &truth), 0.5);
        // 0.9: one of each; 0.2: one positive, two negatives.
        // AP = 1/2 * 1/2 + 1/2 * 2/5; pairs: 0.5 + 2 + 0 + 1 of 6.
        let scores = [0.9, 0.9, 0.2, 0.2, 0.2];
        let truth = [true, false, true, false, false];
        near(average_precision(&scores, &truth), 0.25 + 0.2);
        near(auc(&scores, &truth), 3.5 / 6.0);
    }

    #[test]
    fn what_is_not_defined_is_none() {
        assert_eq!(average_precision(&[0.1, 0.2], &[false, false]), None);
        assert_eq!(auc(&[0.1, 0.2], &[false, false]), None);
        assert_eq!(auc(&[0.1, 0.2], &[true, true]), None);
        assert_eq!(average_precision(&[], &[]), None);
        near(average_precision(&[0.1, 0.2], &[true, true]), 1.0);
    }

    #[test]
    fn a_weight_is_the_same_as_a_repetition() {
        let scores = [0.9, 0.8, 0.8, 0.3, 0.1];
        let truth = [false, true, false, true, false];
        let times = [1usize, 3, 2, 0, 2];
        let ranking = Ranking::new(&scores, &truth);
        let weight = |i: usize| times[i] as f64;
        let (mut repeated, mut repeated_truth) = (Vec::new(), Vec::new());
        for i in 0..5 {
            for _ in 0..times[i] {
                repeated.push(scores[i]);
                repeated_truth.push(truth[i]);
            }
        }
        near(
            ranking.weighted_average_precision(weight),
            average_precision(&repeated, &repeated_truth).expect("has positives"),
        );
        near(
            ranking.weighted_auc(weight),
            auc(&repeated, &repeated_truth).expect("has both"),
        );
    }

    #[test]
    fn the_curve_ends_where_everything_is_called() {
        let scores = [0.9, 0.8, 0.8, 0.3];
        let truth = [true, false, true, false];
        let curve = Ranking::new(&scores, &truth).curve();
        assert_eq!(curve.len(), 3);
        assert_eq!(curve[0].sensitivity, 0.5);
        assert_eq!(curve[0].false_positive_rate, 0.0);
        assert_eq!(curve[1].threshold, 0.8);
        assert_eq!(curve[1].sensitivity, 1.0);
        assert_eq!(curve[1].precision, 2.0 / 3.0);
        assert_eq!(curve[2].false_positive_rate, 1.0);
        assert!(Ranking::new(&scores, &[false; 4]).curve().is_empty());
    }

    #[test]
    fn specificity_is_read_off_where_enough_positives_are_found() {
        let ranking = Ranking::new(
            &[0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
            &[true, false, true, false, true, false],
        );
        let third = 1.0 / 3.0;
        for (sensitivity, expected) in [(0.3, 1.0), (0.5, 2.0 * third), (0.9, third)] {
            let found = ranking.specificity_at(sensitivity).expect("both answers");
            assert!((found - expected).abs() < 1e-9, "{sensitivity}: {found}");
        }
        // The lowest positive left out, the second one is the last.
        let drawn = ranking.weighted_specificity_at(0.9, |i| if i == 4 { 0.0 } else { 1.0 });
        assert!((drawn.expect("both answers") - 2.0 * third).abs() < 1e-9);
        assert_eq!(Ranking::new(&[0.1], &[true]).specificity_at(0.9), None);
    }
}
