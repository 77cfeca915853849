//! Answers to one yes-or-no question, beside the truth.

use super::Ranking;

/// What was answered and what holds; the vectors run in parallel, one entry per photograph whose
/// truth is known. `before` and `after` may be left empty where only the ranking is asked for.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// What was asked: the name of a node or the id of a composite.
    pub title: String,
    /// Which photographs, as places in the list they were taken from.
    pub places: Vec<usize>,
    /// Any order-preserving score; used for ranking only.
    pub scores: Vec<f32>,
    /// Probabilities before calibration, 0..1.
    pub before: Vec<f32>,
    /// Probabilities after calibration, 0..1.
    pub after: Vec<f32>,
    /// The truth: whether the photograph shows it.
    pub positives: Vec<bool>,
    /// The shipped operating point, a probability that `after` is compared with; `None` without
    /// one.
    pub threshold: Option<f32>,
}

impl Answers {
    /// Number of photographs.
    pub fn len(&self) -> usize {
        self.positives.len()
    }

    /// Whether the truth of no photograph is known.
    pub fn is_empty(&self) -> bool {
        self.positives.is_empty()
    }

    /// Number of photographs that show it.
    pub fn positive_count(&self) -> usize {
        self.positives.iter().filter(|&&positive| positive).count()
    }

    /// The photographs in the order of `scores`.
    pub fn ranking(&self) -> Ranking {
        Ranking::new(&self.scores, &self.positives)
    }
}
