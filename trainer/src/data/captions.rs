//! What a reader wrote of an eye, as a caption.
//!
//! The keywords of an eye (column `keywords`, one after the other with `;`) come in
//! alphabetical order, so that one finding has one place, with a comma between two.
//! Words are what blanks part; a comma is one.

use std::collections::BTreeMap;

use fovea_core::caption::{Vocabulary, LONGEST, OTHER};

use super::{Dataset, Split};

/// The captions of a dataset, in numbers.
#[derive(Clone, Debug)]
pub struct Captions {
    vocabulary: Vocabulary,
    written: BTreeMap<usize, Vec<String>>,
    of: BTreeMap<usize, Vec<i64>>,
}

impl Captions {
    /// The captions of all examples that have one, in the `vocabulary` commonest
    /// words of those to train on; of words that are equally common, the first in
    /// the alphabet.
    pub fn of(dataset: &Dataset, vocabulary: usize) -> Captions {
        let written: BTreeMap<usize, Vec<String>> = dataset
            .examples
            .iter()
            .enumerate()
            .filter_map(|(i, example)| Some((i, words(example.raw.get("keywords")?))))
            .filter(|(_, words)| !words.is_empty())
            .collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (&i, words) in &written {
            if dataset.examples[i].split == Split::Train {
                for word in words {
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        let mut common: Vec<(&str, usize)> = counts.into_iter().collect();
        // Stable, so the alphabet decides between equals.
        common.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let words = common.iter().take(vocabulary);
        let vocabulary = Vocabulary::new(words.map(|(word, _)| (*word).to_owned()).collect());
        let numbers: BTreeMap<&str, i64> = vocabulary.numbered().collect();
        let number = |word: &String| numbers.get(word.as_str()).copied().unwrap_or(OTHER);
        let of = written
            .iter()
            .map(|(&i, words)| (i, words.iter().map(number).collect()))
            .collect();
        Captions {
            vocabulary,
            written,
            of,
        }
    }

    /// The words of an example's caption, in numbers, without its end; none where
    /// nobody wrote one.
    pub fn numbers(&self, example: usize) -> Option<&[i64]> {
        self.of.get(&example).map(Vec::as_slice)
    }

    /// The words of an example's caption as they were written, those that the vocabulary lacks
    /// among them; none where nobody wrote one.
    pub fn written(&self, example: usize) -> Option<&[String]> {
        self.written.get(&example).map(Vec::as_slice)
    }

    /// The words that captions are made of.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }
}

/// At most [`LONGEST`] words of a caption.
fn words(keywords: &str) -> Vec<String> {
    let keywords = keywords.to_lowercase();
    let mut keywords: Vec<&str> = keywords.split(';').map(str::trim).collect();
    keywords.retain(|keyword| !keyword.is_empty());
    keywords.sort_unstable();
    keywords.dedup();
    let mut words = Vec::new();
    for keyword in keywords {
        if !words.is_empty() {
            words.push(",".to_owned());
        }
        words.extend(keyword.split_whitespace().map(str::to_owned));
    }
    words.truncate(LONGEST);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_come_in_one_order_and_captions_end_in_time() {
        let written = |text: &str| words(text).join(" ");
        assert_eq!(
            written("wet age-related macular degeneration; Cataract;cataract"),
            "cataract , wet age-related macular degeneration"
        );
        assert_eq!(written(" ; "), "");
        assert_eq!(words(&vec!["word"; 40].join(" ")).len(), LONGEST);
    }
}
