//! How much of what was written is said.

use std::collections::HashMap;

/// Longest runs of words that are counted.
const LONGEST: usize = 4;

/// BLEU-1 to BLEU-4 of captions against one that is right each, over all of them
/// together (Papineni et al., ACL 2002): the geometric mean of the shares of runs of
/// 1 to n words that are right, with the penalty for saying too little. 0 to 1, nought
/// where no run of that length is right; `None` without captions.
pub fn bleu<W: AsRef<str>>(said: &[Vec<W>], right: &[Vec<W>]) -> Option<[f64; LONGEST]> {
    if said.is_empty() || said.len() != right.len() {
        return None;
    }
    let length = |captions: &[Vec<W>]| captions.iter().map(Vec::len).sum::<usize>() as f64;
    let (said_words, right_words) = (length(said), length(right));
    let brevity = match said_words >= right_words {
        true => 1.0,
        false if said_words == 0.0 => 0.0,
        false => (1.0 - right_words / said_words).exp(),
    };
    let mut logs = 0.0;
    let mut scores = [0.0; LONGEST];
    for (n, score) in (1..).zip(&mut scores) {
        let (mut hits, mut runs) = (0, 0);
        for (said, right) in said.iter().zip(right) {
            let right = counts(right, n);
            for (run, count) in counts(said, n) {
                hits += count.min(right.get(&run).copied().unwrap_or(0));
                runs += count;
            }
        }
        // A corpus without a run of that length is taken for one that has one wrong.
        logs += (hits as f64 / runs.max(1) as f64).ln();
        *score = brevity * (logs / n as f64).exp();
    }
    Some(scores)
}

fn counts<W: AsRef<str>>(words: &[W], n: usize) -> HashMap<Vec<&str>, usize> {
    let mut counts = HashMap::new();
    for run in words.windows(n) {
        let run = run.iter().map(AsRef::as_ref).collect();
        *counts.entry(run).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captions(lines: &[&'static str]) -> Vec<Vec<&'static str>> {
        let words = |line: &&'static str| line.split_whitespace().collect();
        lines.iter().map(words).collect()
    }

    fn close(got: Option<[f64; 4]>, wanted: [f64; 4]) {
        let got = got.unwrap();
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-12, "{got} is not {wanted}");
        }
    }

    /// Those of `BLEU(max_ngram_order=n, smooth_method="none", tokenize="none")` of
    /// sacreBLEU 2.6.0.
    #[test]
    fn scores_are_those_of_a_known_implementation() {
        let right = captions(&[
            "moderate non proliferative retinopathy , macular epiretinal membrane",
            "normal fundus",
            "dry age-related macular degeneration",
            "glaucoma , hypertensive retinopathy",
        ]);
        let said = captions(&[
            "moderate non proliferative retinopathy",
            "normal fundus",
            "dry age-related macular degeneration , drusen",
            "glaucoma , hypertensive retinopathy",
        ]);
        close(
            bleu(&said, &right),
            [
                0.7721847897615213,
                0.7535751926580163,
                0.7216764717225631,
                0.6679178036738126,
            ],
        );
        // A word said twice is right once.
        close(
            bleu(
                &captions(&["normal normal fundus", "wet"]),
                &captions(&["normal fundus of the eye", "dry"]),
            ),
            [0.30326532985631666, 0.30326532985631666, 0.0, 0.0],
        );
    }

    #[test]
    fn nothing_said_is_nothing_right() {
        close(bleu(&captions(&[""]), &captions(&["dry"])), [0.0; 4]);
        assert_eq!(bleu::<&str>(&[], &[]), None);
    }
}
