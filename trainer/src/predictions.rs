//! What a network said of a set of photographs, with what is known of them.
//!
//! Every number that is reported comes from such a file, so that an evaluation
//! can be done again, and otherwise, without the network.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use fovea_core::taxonomy::{Label, Taxonomy};
use serde::{Deserialize, Serialize};

use crate::checkpoint;
use crate::data::truth::{label, letter};

/// Version of the file; a reader refuses newer ones.
const FORMAT: u32 = 1;

/// One photograph that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictedPhotograph {
    /// Path of the file, or the name of a drawn scene.
    pub image: String,
    /// Name of its source; [`crate::data::DAMAGED`] where it was damaged on purpose.
    pub source: String,
    /// Name of the source that it was taken from, where it was damaged on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The patient, by a name that is unique within the source.
    pub patient: String,
    /// "train", "val" or "test".
    pub split: String,
    /// The source's own columns, where they say more than the labels can.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, String>,
}

impl PredictedPhotograph {
    /// The patient, by a name that no other source has: two sources may have given one number to two
    /// people. A damaged copy is of the same person as the photograph.
    pub fn person(&self) -> String {
        let source = self.of.as_ref().unwrap_or(&self.source);
        format!("{source}/{}", self.patient)
    }
}

/// Photographs, the network's logits for them and their labels, in one order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// Id of the taxonomy that logits and labels are over.
    pub taxonomy_id: String,
    /// What was looked at; logits and labels have a row for each.
    pub photographs: Vec<PredictedPhotograph>,
    /// Row-major, photographs x finest nodes.
    pub logits: Vec<f32>,
    /// Row-major, photographs x all nodes.
    pub labels: Vec<Label>,
}

/// First line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    taxonomy: String,
    photographs: usize,
    /// Logits and labels per photograph.
    outputs: usize,
    nodes: usize,
}

/// Every further line.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    photograph: PredictedPhotograph,
    logits: Vec<f32>,
    /// One character per node in taxonomy order: `1` present, `0` absent, `?`
    /// unknown.
    labels: String,
}

impl Predictions {
    /// Number of photographs.
    pub fn len(&self) -> usize {
        self.photographs.len()
    }

    /// Whether there is no photograph.
    pub fn is_empty(&self) -> bool {
        self.photographs.is_empty()
    }

    /// Refuses predictions that were not made over `taxonomy`, or that hold a logit that is not
    /// finite.
    ///
    /// # Errors
    /// They are refused; the message says why.
    pub fn check(&self, taxonomy: &Taxonomy) -> Result<()> {
        ensure!(
            self.taxonomy_id == taxonomy.id,
            "these predictions are over the taxonomy `{}`, not `{}`",
            self.taxonomy_id,
            taxonomy.id
        );
        let (outputs, nodes) = (taxonomy.finest_count(), taxonomy.nodes().len());
        ensure!(
            self.logits.len() == self.len() * outputs && self.labels.len() == self.len() * nodes,
            "these predictions hold {} logits and {} labels for {} photographs, but the taxonomy \
             `{}` has {outputs} outputs and {nodes} nodes; predict again with the present taxonomy",
            self.logits.len(),
            self.labels.len(),
            self.len(),
            taxonomy.id
        );
        if let Some(place) = self.logits.iter().position(|z| !z.is_finite()) {
            bail!(
                "the logits of {} are not finite; the network that made them is broken",
                self.photographs[place / outputs].image
            );
        }
        Ok(())
    }

    /// The photographs that `keep` wants, in order.
    pub fn filter(&self, mut keep: impl FnMut(&PredictedPhotograph) -> bool) -> Predictions {
        let count = self.len().max(1);
        let (outputs, nodes) = (self.logits.len() / count, self.labels.len() / count);
        let mut kept = Predictions {
            taxonomy_id: self.taxonomy_id.clone(),
            ..Predictions::default()
        };
        for (i, photograph) in self.photographs.iter().enumerate() {
            if keep(photograph) {
                kept.photographs.push(photograph.clone());
                let row = |width: usize| i * width..(i + 1) * width;
                kept.logits.extend_from_slice(&self.logits[row(outputs)]);
                kept.labels.extend_from_slice(&self.labels[row(nodes)]);
            }
        }
        kept
    }

    /// Writes JSON Lines: a header, then one line per photograph. A killed write leaves the file as
    /// it was.
    ///
    /// # Errors
    /// A logit is not finite, or the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        // serde_json writes a number that is none as null.
        ensure!(
            self.logits.iter().all(|z| z.is_finite()),
            "predictions with logits that are not finite are not written to {}",
            path.display()
        );
        let count = self.len().max(1);
        let header = Header {
            format: FORMAT,
            taxonomy: self.taxonomy_id.clone(),
            photographs: self.len(),
            outputs: self.logits.len() / count,
            nodes: self.labels.len() / count,
        };
        let mut text = serde_json::to_string(&header)?;
        text.push('\n');
        for (i, photograph) in self.photographs.iter().enumerate() {
            let line = Line {
                photograph: photograph.clone(),
                logits: self.logits[i * header.outputs..(i + 1) * header.outputs].to_vec(),
                labels: self.labels[i * header.nodes..(i + 1) * header.nodes]
                    .iter()
                    .map(letter)
                    .collect(),
            };
            writeln!(text, "{}", serde_json::to_string(&line)?)?;
        }
        checkpoint::write(path, text.as_bytes())
    }

    /// Reads what [`Predictions::save`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, is cut short or damaged, or has a newer format than this program.
    pub fn load(path: &Path) -> Result<Predictions> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the predictions {}", path.display()))?;
        Predictions::parse(&text)
            .with_context(|| format!("{} does not hold whole predictions", path.display()))
    }

    fn parse(text: &str) -> Result<Predictions> {
        let mut lines = text.lines();
        let header: Header = serde_json::from_str(lines.next().unwrap_or_default())
            .context("its first line is not the header of a predictions file")?;
        ensure!(
            header.format <= FORMAT,
            "it has format {}, this program reads up to {FORMAT}; use a newer program",
            header.format
        );
        let mut predictions = Predictions {
            taxonomy_id: header.taxonomy,
            ..Predictions::default()
        };
        for (number, line) in lines.enumerate() {
            let place = || format!("line {}", number + 2);
            let line: Line = serde_json::from_str(line).with_context(place)?;
            let labels: Option<Vec<Label>> = line.labels.chars().map(label).collect();
            let labels = labels.filter(|labels| labels.len() == header.nodes);
            ensure!(
                line.logits.len() == header.outputs,
                "line {} has {} logits, not {}",
                number + 2,
                line.logits.len(),
                header.outputs
            );
            predictions.labels.extend(labels.with_context(|| {
                format!(
                    "line {}: labels must be {} characters of 0, 1 and ?",
                    number + 2,
                    header.nodes
                )
            })?);
            predictions.logits.extend(line.logits);
            predictions.photographs.push(line.photograph);
        }
        ensure!(
            predictions.len() == header.photographs,
            "it holds {} photographs, its header says {}",
            predictions.len(),
            header.photographs
        );
        Ok(predictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Predictions {
        let photograph = |image: &str, source: &str| PredictedPhotograph {
            image: image.to_owned(),
            source: source.to_owned(),
            of: None,
            patient: "7".to_owned(),
            split: "val".to_owned(),
            raw: BTreeMap::from([("dr".to_owned(), "none".to_owned())]),
        };
        use Label::{Absent, Present, Unknown};
        Predictions {
            taxonomy_id: "odir".to_owned(),
            photographs: vec![photograph("a.jpg", "odir"), photograph("b.jpg", "tvhl")],
            logits: vec![0.1, -7.25e-8, 1.0e9, f32::MIN_POSITIVE],
            labels: vec![Present, Absent, Unknown, Absent, Absent, Present],
        }
    }

    #[test]
    fn a_damaged_copy_is_of_the_same_person() {
        let [mut own, other] = two().photographs.try_into().expect("two");
        assert_ne!(own.person(), other.person());
        let person = own.person();
        (own.source, own.of) = (crate::data::DAMAGED.to_owned(), Some(own.source));
        assert_eq!(own.person(), person);
    }

    #[test]
    fn a_file_gives_back_every_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("val.jsonl");
        two().save(&path).expect("written");
        assert_eq!(Predictions::load(&path).expect("read"), two());
        let empty = Predictions::default();
        empty.save(&path).expect("written");
        assert_eq!(Predictions::load(&path).expect("read"), empty);
    }

    #[test]
    fn a_filter_keeps_rows_together() {
        let kept = two().filter(|photograph| photograph.source == "tvhl");
        assert_eq!(kept.photographs.len(), 1);
        assert_eq!(kept.logits, two().logits[2..]);
        assert_eq!(kept.labels, two().labels[3..]);
    }

    #[test]
    fn what_is_not_whole_is_refused_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("val.jsonl");
        two().save(&path).expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        let message = |text: &str| format!("{:#}", Predictions::parse(text).expect_err("broken"));

        let cut: String = text.lines().take(2).collect::<Vec<_>>().join("\n");
        assert!(message(&cut).contains("holds 1 photographs, its header says 2"));
        assert!(message(&text.replace("\"10?\"", "\"10x\"")).contains("line 2: labels"));
        assert!(message(&text.replace("\"001\"", "\"01\"")).contains("line 3: labels"));
        assert!(message(&text.replace("\"format\":1", "\"format\":9")).contains("format 9"));
        assert!(message("").contains("first line"));
        let mut broken = two();
        broken.logits[1] = f32::NAN;
        assert!(broken.save(&path).is_err());
    }
}
