//! What a network of several tasks (MTL-KD) answers: diseases, findings, words.

use anyhow::Result;
use fovea_core::caption;
use fovea_core::taxonomy::{Label, Level};
use serde::{Deserialize, Serialize};
use tch::{no_grad, Device, Tensor};

use crate::data::Captions;
use crate::metrics::{bleu, mean};
use crate::nets::Net;
use crate::photographs::Photographs;
use crate::progress::progress;
use crate::report::{percent, Table};

/// Captions that are followed at once when the likeliest is looked for.
const BEAM: usize = 3;
/// Findings among which the right one may be.
const TOP: usize = 5;

/// Shares of photographs, 0..1, and BLEU-1 to 4, 0..1; absent where the network has no
/// such task, or no photograph tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskScores {
    /// The likeliest node of the second level is there, of the photographs that are known to show
    /// one.
    pub coarse: Option<f64>,
    /// The likeliest finest node is there, of the photographs that are known to show one.
    pub fine: Option<f64>,
    /// One of the five likeliest finest nodes is there, of the same photographs.
    pub fine_top5: Option<f64>,
    /// BLEU of captions that take the likeliest word each time.
    pub greedy: Option<[f64; 4]>,
    /// BLEU of captions that a beam of three finds.
    pub beam: Option<[f64; 4]>,
    /// Photographs with a caption.
    pub captions: usize,
}

/// Scores of the photographs `which` (indices of examples), `batch` to a forward pass; `None` of a
/// network without several tasks.
///
/// # Errors
/// A photograph is not in the cache, or the network's answers cannot be read.
pub fn scores(
    net: &Net,
    photographs: &Photographs,
    which: &[usize],
    batch: usize,
    device: Device,
) -> Result<Option<TaskScores>> {
    let Some(tasks) = net.tasks() else {
        return Ok(None);
    };
    let taxonomy = &photographs.dataset.taxonomy;
    let nodes = taxonomy.nodes();
    let finest: Vec<usize> = (0..taxonomy.finest_count()).collect();
    let diseases: Vec<usize> = taxonomy.level(Level::Disease).collect();
    let rows = tasks.decoder().map_or(0, |decoder| decoder.rows());
    let captions = Captions::of(&photographs.dataset, caption::vocabulary(rows));
    let (mut coarse, mut fine, mut top5) = (Vec::new(), Vec::new(), Vec::new());
    let (mut captioned, mut greedy, mut beam) = (Vec::new(), Vec::new(), Vec::new());
    let bar = progress(which.len() as u64, "tasks");
    for batch in photographs.loader(None, batch).epoch(which.to_vec(), 0)? {
        let images = batch.images(device);
        let features = no_grad(|| net.forward(&images, false).features);
        let rows = || batch.labels.chunks_exact(nodes.len());
        if let Some(logits) = no_grad(|| tasks.coarse(&features)) {
            let logits = numbers(&logits)?;
            let each = logits.chunks_exact(diseases.len()).zip(rows());
            coarse.extend(each.map(|(logits, labels)| among(logits, labels, &diseases, 1)));
        }
        if tasks.has_fine() {
            let logits = numbers(&no_grad(|| tasks.fine(&features)))?;
            for (logits, labels) in logits.chunks_exact(finest.len()).zip(rows()) {
                fine.push(among(logits, labels, &finest, 1));
                top5.push(among(logits, labels, &finest, TOP));
            }
        }
        if let Some(decoder) = tasks.decoder() {
            let said = no_grad(|| decoder.greedy(&features)).to_device(Device::Cpu);
            for (row, &example) in batch.index.iter().enumerate() {
                if captions.written(example).is_none() {
                    continue;
                }
                captioned.push(example);
                greedy.push(Vec::<i64>::try_from(said.get(row as i64))?);
                let one = features.narrow(0, row as i64, 1);
                beam.push(no_grad(|| decoder.beam(&one, BEAM)));
            }
        }
        bar.inc(batch.index.len() as u64);
    }
    bar.finish_and_clear();
    Ok(Some(TaskScores {
        coarse: mean(coarse),
        fine: mean(fine),
        fine_top5: mean(top5),
        greedy: bleu_of(&captions, &captioned, &greedy),
        beam: bleu_of(&captions, &captioned, &beam),
        captions: captioned.len(),
    }))
}

impl TaskScores {
    /// The mean over several trainings; the captions are those of the first.
    pub fn mean(of: &[TaskScores]) -> TaskScores {
        let one = |number: fn(&TaskScores) -> Option<f64>| mean(of.iter().map(number));
        let four = |scores: fn(&TaskScores) -> Option<[f64; 4]>| {
            let all: Vec<[f64; 4]> = of.iter().filter_map(scores).collect();
            let sum = |n: usize| all.iter().map(|scores| scores[n]).sum::<f64>();
            (!all.is_empty()).then(|| [0, 1, 2, 3].map(|n| sum(n) / all.len() as f64))
        };
        TaskScores {
            coarse: one(|s| s.coarse),
            fine: one(|s| s.fine),
            fine_top5: one(|s| s.fine_top5),
            greedy: four(|s| s.greedy),
            beam: four(|s| s.beam),
            captions: of.first().map_or(0, |s| s.captions),
        }
    }

    /// In percent, as tables have them: disease, finding, one of five, BLEU-1 to 4 and
    /// BLEU-4 of the beam.
    pub fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            percent(self.coarse),
            percent(self.fine),
            percent(self.fine_top5),
        ];
        cells.extend((0..4).map(|n| percent(self.greedy.map(|bleu| bleu[n]))));
        cells.push(percent(self.beam.map(|bleu| bleu[3])));
        cells
    }

    /// What [`TaskScores::cells`] are.
    pub const HEADER: [&'static str; 8] = [
        "disease",
        "finding",
        "one of five",
        "BLEU-1",
        "BLEU-2",
        "BLEU-3",
        "BLEU-4",
        "BLEU-4, beam",
    ];
}

/// Stages beside one another, for the terminal.
pub fn table(stages: &[(String, TaskScores)]) -> String {
    let header: Vec<&str> = std::iter::once("stage").chain(TaskScores::HEADER).collect();
    let mut table = Table::new(&header);
    for (stage, scores) in stages {
        table.row(std::iter::once(stage.clone()).chain(scores.cells()));
    }
    format!(
        "Diseases, findings and words, in percent\n{}",
        table.to_text()
    )
}

/// BLEU of what was `said`, in numbers, against what is written of the `examples`: a word that the
/// vocabulary lacks is one that nothing said can match.
fn bleu_of(captions: &Captions, examples: &[usize], said: &[Vec<i64>]) -> Option<[f64; 4]> {
    let written = |&example: &usize| -> Vec<&str> {
        let words = captions.written(example).unwrap_or_default();
        words.iter().map(String::as_str).collect()
    };
    let right: Vec<Vec<&str>> = examples.iter().map(written).collect();
    let vocabulary = captions.vocabulary();
    let said: Vec<Vec<&str>> = said
        .iter()
        .map(|numbers| vocabulary.words(numbers))
        .collect();
    bleu(&said, &right)
}

fn numbers(logits: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(
        logits.to_device(Device::Cpu).contiguous().view([-1]),
    )?)
}

/// 1 where one of the `top` likeliest of `nodes` is there, 0 where none is; `None` where
/// no label says that any is. A node of which nothing is known is no answer, neither right nor wrong.
fn among(logits: &[f32], labels: &[Label], nodes: &[usize], top: usize) -> Option<f64> {
    let there = |&place: &usize| labels[nodes[place]] == Label::Present;
    let known = |&place: &usize| labels[nodes[place]] != Label::Unknown;
    let mut places: Vec<usize> = (0..nodes.len()).filter(known).collect();
    if !places.iter().any(there) {
        return None;
    }
    places.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    Some(f64::from(u8::from(places.iter().take(top).any(there))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Example, Origin, Split};
    use fovea_core::caption::{END, OTHER};
    use fovea_core::taxonomy::Taxonomy;
    use Label::{Absent, Present, Unknown};

    #[test]
    fn a_word_that_the_vocabulary_lacks_is_never_right() {
        let example = |split: Split, keywords: &str| Example {
            source: "captioned".into(),
            image: "a.png".into(),
            origin: Origin::File,
            patient: "a".into(),
            split,
            labels: Vec::new(),
            aspect: 1.0,
            raw: [("keywords".to_owned(), keywords.to_owned())].into(),
        };
        let dataset = Dataset {
            taxonomy: std::sync::Arc::new(Taxonomy::builtin("odir").expect("ships")),
            examples: vec![
                example(Split::Train, "cataract"),
                example(Split::Val, "cataract rare"),
            ],
            sources: Vec::new(),
        };
        let captions = Captions::of(&dataset, 1);
        let cataract = captions.numbers(0).expect("a caption")[0];
        assert_eq!(
            captions.vocabulary().words(&[cataract, OTHER, END]),
            ["cataract", "?"]
        );
        assert_eq!(
            captions.written(1).expect("a caption"),
            ["cataract", "rare"]
        );
        let said = [vec![cataract, OTHER, END]];
        let [one, two, ..] = bleu_of(&captions, &[1], &said).expect("a caption");
        assert!((one - 0.5).abs() < 1e-12 && two == 0.0, "{one} and {two}");
    }

    #[test]
    fn the_likeliest_are_those_that_count() {
        let labels = [Absent, Unknown, Present, Absent];
        let nodes = [0, 1, 2];
        assert_eq!(among(&[2.0, 0.0, 1.0], &labels, &nodes, 1), Some(0.0));
        assert_eq!(among(&[2.0, 0.0, 1.0], &labels, &nodes, 2), Some(1.0));
        assert_eq!(among(&[2.0, 0.0], &labels, &nodes[..2], 1), None);
    }
}
