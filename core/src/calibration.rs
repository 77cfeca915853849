//! From the network's logits to calibrated probabilities: the numbers, and
//! the TOML file that carries them.
//!
//! Per node a temperature and a bias (probability = sigmoid(z / temperature +
//! bias)) and an operating point, measured on a validation split and kept with
//! the counts they were measured on. How they are applied is
//! [`crate::decision`].

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::gate::{self, GateLimits};
use crate::taxonomy::Taxonomy;
use crate::versioned;

/// The format this version writes and reads.
pub const FORMAT: u32 = 1;

/// A calibration has a few numbers per node: anything longer is no calibration.
const MAX_BYTES: usize = 4 << 20;

/// How a parent's logit follows from its children's, in training and on the
/// device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentRule {
    /// Sum of the children's logits, as published (HKGL, equation 2). A child
    /// with two parents adds to both. Run files may call it `sum`.
    #[default]
    #[serde(alias = "sum")]
    SumOfLogits,
    /// logit(1 - product of (1 - p)) over the children's probabilities, which a
    /// calibration makes its own before: any of them, taken as independent. A
    /// parent is then as likely as its likeliest child at least, and confident
    /// siblings that are absent do not speak against it.
    NoisyOr,
}

/// How a composite's logit follows from its members' calibrated probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompositeRule {
    /// logit(1 - product of (1 - p)) over all members: any of them, taken as
    /// independent. Twenty findings that are each a little likely then make a
    /// likely composite, and a camera that the student never saw leaves it a
    /// little unsure of all of them.
    #[default]
    NoisyOr,
    /// The same over the members of each disease, whose forms exclude each
    /// other, and of the diseases the likeliest.
    LikeliestDisease,
}

/// Whose photographs a node's temperature and bias were fitted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationSource {
    /// Its own.
    Own,
    /// Its parent's: it had too few positives itself.
    Parent,
    /// Those of all nodes together.
    Global,
}

/// Calibration of one node or composite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCalibration {
    /// Above 0; 1 leaves the logit as it is.
    pub temperature: f32,
    /// Added to the logit after the division.
    pub bias: f32,
    /// Operating point, a probability: at or above it the node is positive.
    pub threshold: f32,
    /// Photographs of the split in which the node was present.
    pub positives: u32,
    /// Photographs of the split in which it was absent (unknown ones are in
    /// neither count).
    pub negatives: u32,
    /// Whose photographs gave temperature and bias.
    pub source: CalibrationSource,
}

impl NodeCalibration {
    /// Leaves a logit as it is, with the operating point at one half.
    pub const IDENTITY: NodeCalibration = NodeCalibration {
        temperature: 1.0,
        bias: 0.0,
        threshold: 0.5,
        positives: 0,
        negatives: 0,
        source: CalibrationSource::Global,
    };

    /// The first number that is out of its range: its field, itself, the range.
    pub(crate) fn fault(&self) -> Option<(&'static str, f32, &'static str)> {
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            Some(("temperature", self.temperature, "finite and above 0"))
        } else if !self.bias.is_finite() {
            Some(("bias", self.bias, "finite"))
        } else if !(0.0..=1.0).contains(&self.threshold) {
            Some(("threshold", self.threshold, "from 0 to 1"))
        } else {
            None
        }
    }
}

/// Everything between a student's logits and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// [`FORMAT`].
    pub format: u32,
    /// Names the calibration, in records and on the screen.
    pub id: String,
    /// Id of the taxonomy.
    pub taxonomy: String,
    /// Of the `student.onnx` these numbers were measured with: 64 lower-case
    /// hexadecimal digits.
    pub student_sha256: String,
    /// The photographs measured on, such as `odir val`.
    pub split: String,
    /// Sensitivity the operating points were chosen for, 0 to 1.
    pub target_sensitivity: f32,
    /// How a parent's logit is made of its children's.
    pub parent_rule: ParentRule,
    /// Calibrations of before this rule have none, and go by the noisy-or.
    #[serde(default)]
    pub composite_rule: CompositeRule,
    /// Below and above what a photograph is refused.
    pub gate: GateLimits,
    /// By composite id, `referable` among them.
    pub composites: BTreeMap<String, NodeCalibration>,
    /// By node id, every level.
    pub nodes: BTreeMap<String, NodeCalibration>,
}

/// Why a calibration was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum CalibrationError {
    #[error("the calibration has {bytes} bytes, more than the {MAX_BYTES} that are read: it cannot be one")]
    TooLarge { bytes: usize },
    #[error("the calibration is not valid: {0}")]
    Syntax(String),
    #[error("the calibration has format {found} but this version of Fovea reads format {FORMAT}: use a version made for it")]
    Format { found: u32 },
    #[error("the calibration was made for the taxonomy `{found}`, not for `{expected}`: calibrate again")]
    Taxonomy { found: String, expected: String },
    #[error(
        "the calibration's student_sha256 is not 64 lower-case hexadecimal digits: calibrate again"
    )]
    StudentHash,
    #[error("the calibration lacks the {what} `{id}`: calibrate again")]
    Missing { what: &'static str, id: String },
    #[error("the calibration has the {what} `{id}`, which the taxonomy does not know: remove it")]
    Unknown { what: &'static str, id: String },
    #[error("the {field} of `{id}` is {value} but must be {range}: calibrate again")]
    Value {
        id: String,
        field: &'static str,
        value: f32,
        range: &'static str,
    },
    #[error("the gate limit `{field}` is {value} but must be {range}: correct it")]
    Gate {
        field: String,
        value: f64,
        range: &'static str,
    },
}

const HEADING: &str = "\
# Calibration of a student: probability = sigmoid(logit / temperature + bias),
# positive from `threshold` on. `positives` and `negatives` are the photographs
# of `split` each node was measured on; `source` says whose photographs gave
# temperature and bias: its own, its parent's or all (global).

";

impl Calibration {
    /// The calibration that changes nothing: temperature 1, bias 0, operating
    /// points at one half. For a student that was not calibrated yet.
    pub fn identity(taxonomy: &Taxonomy, student_sha256: &str) -> Calibration {
        let same = |id: &String| (id.clone(), NodeCalibration::IDENTITY);
        Calibration {
            format: FORMAT,
            id: "identity".to_owned(),
            taxonomy: taxonomy.id.clone(),
            student_sha256: student_sha256.to_owned(),
            split: "none".to_owned(),
            target_sensitivity: 0.5,
            parent_rule: ParentRule::SumOfLogits,
            composite_rule: CompositeRule::NoisyOr,
            gate: GateLimits {
                pixels_only: gate::lacks(taxonomy).is_some(),
                ..GateLimits::default()
            },
            composites: taxonomy.composites().keys().map(same).collect(),
            nodes: taxonomy.nodes().iter().map(|n| same(&n.id)).collect(),
        }
    }

    /// Reads a calibration. What it says is not trusted before
    /// [`Calibration::check`].
    ///
    /// # Errors
    /// When the text is larger than 4 MiB, has another format than [`FORMAT`]
    /// or is no TOML of this form.
    pub fn parse(toml: &str) -> Result<Calibration, CalibrationError> {
        if toml.len() > MAX_BYTES {
            return Err(CalibrationError::TooLarge { bytes: toml.len() });
        }
        let other = |found| CalibrationError::Format { found };
        versioned::parse(toml, FORMAT, CalibrationError::Syntax, other)
    }

    /// The file's text, with a heading for its reader.
    ///
    /// # Errors
    /// Those of the TOML serialiser.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        Ok(HEADING.to_owned() + &toml::to_string(self)?)
    }

    /// Whether this calibration fits the taxonomy and every number is in its
    /// range; of the gate's limits on measures, whether they are finite.
    ///
    /// # Errors
    /// Otherwise, with the first fault in the taxonomy's order.
    pub fn check(&self, taxonomy: &Taxonomy) -> Result<(), CalibrationError> {
        if self.format != FORMAT {
            return Err(CalibrationError::Format { found: self.format });
        }
        if self.taxonomy != taxonomy.id {
            return Err(CalibrationError::Taxonomy {
                found: self.taxonomy.clone(),
                expected: taxonomy.id.clone(),
            });
        }
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if self.student_sha256.len() != 64 || !self.student_sha256.bytes().all(hex) {
            return Err(CalibrationError::StudentHash);
        }
        if !(0.0..=1.0).contains(&self.target_sensitivity) {
            return Err(CalibrationError::Value {
                id: self.id.clone(),
                field: "target_sensitivity",
                value: self.target_sensitivity,
                range: "from 0 to 1",
            });
        }
        let nodes = taxonomy.nodes().iter().map(|n| n.id.as_str());
        check_table("node", &self.nodes, nodes)?;
        let composites = taxonomy.composites().keys().map(String::as_str);
        check_table("composite", &self.composites, composites)?;
        check_gate(&self.gate)
    }
}

fn check_table<'a>(
    what: &'static str,
    table: &BTreeMap<String, NodeCalibration>,
    expected: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), CalibrationError> {
    for id in expected.clone() {
        let Some(node) = table.get(id) else {
            let id = id.to_owned();
            return Err(CalibrationError::Missing { what, id });
        };
        if let Some((field, value, range)) = node.fault() {
            return Err(CalibrationError::Value {
                id: id.to_owned(),
                field,
                value,
                range,
            });
        }
    }
    let known: HashSet<&str> = expected.collect();
    match table.keys().find(|id| !known.contains(id.as_str())) {
        None => Ok(()),
        Some(id) => Err(CalibrationError::Unknown {
            what,
            id: id.clone(),
        }),
    }
}

/// TOML has `nan` and `inf`, and a limit of `nan` would never refuse anything, nor would a
/// probability of more than 1.
fn check_gate(gate: &GateLimits) -> Result<(), CalibrationError> {
    let table = toml::Table::try_from(gate).map_err(|e| CalibrationError::Syntax(e.to_string()))?;
    for (field, value) in table {
        let Some(value) = value.as_float() else {
            continue;
        };
        let (fits, range) = match gate::STUDENT_NODES.contains(&field.as_str()) {
            true => ((0.0..=1.0).contains(&value), "from 0 to 1"),
            false => (value.is_finite(), "a finite number"),
        };
        if !fits {
            return Err(CalibrationError::Gate {
                field,
                value,
                range,
            });
        }
    }
    Ok(())
}
