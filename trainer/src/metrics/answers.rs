//! Answers to one yes-or-no question, beside the truth.

use super::Ranking;

/// What was answered and what holds; the vectors run in parallel, one entry
/// per photograph whose truth is known.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub title: String,
    /// Which photographs, as places in the list they were taken from.
    pub places: Vec<usize>,
    /// Any order-preserving score; used for ranking only.
    pub scores: Vec<f32>,
    /// Probabilities before and after calibration.
    pub before: Vec<f32>,
    pub after: Vec<f32>,
    pub positives: Vec<bool>,
    /// The shipped operating point, a value of `after`.
    pub threshold: Option<f32>,
}

impl Answers {
    pub fn len(&self) -> usize {
        self.positives.len()
    }

    pub fn is_empty(&self) -> bool {
        self.positives.is_empty()
    }

    pub fn positive_count(&self) -> usize {
        self.positives.iter().filter(|&&positive| positive).count()
    }

    pub fn ranking(&self) -> Ranking {
        Ranking::new(&self.scores, &self.positives)
    }
}
