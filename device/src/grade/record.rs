//! What is kept and reported of one graded photograph.

use fovea_core::decision::{Finding, Likeliest, Reason, ReferralDecision};
use fovea_core::gate::GateVerdict;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::grade::report::names;

/// The result for one photograph, in no language. `fovea grade --json` adds the
/// reasons in words, and the store keeps it as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The photograph's path as given; see [`names::of`] for one that is not
    /// UTF-8.
    pub image: String,
    /// That path in hexadecimal bytes, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_bytes: Option<String>,
    /// Whether the photograph can be judged.
    pub gate: GateVerdict,
    /// The decision and what it rests on.
    pub referral: Referral,
    /// Every node of the taxonomy, in its order; empty when unreadable.
    pub findings: Vec<Finding>,
    /// Calibrated probability (0..1) of moderate NPDR or worse; none when
    /// unreadable, or when the taxonomy does not define it.
    pub referable_dr: Option<f32>,
    /// What the bundle's captioner says the photograph shows, in English: generated text that has no
    /// part in the decision. None without a captioner, and of a photograph that cannot be graded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Which student answered.
    pub model: Model,
    /// How long each step took.
    pub elapsed_ms: Elapsed,
    /// Indices into `findings` of what the verdict commits to: the deepest
    /// positive nodes. Not kept: the findings say it.
    #[serde(skip)]
    pub committed: Vec<usize>,
}

/// The referral decision and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Referral {
    /// One of four answers.
    pub decision: ReferralDecision,
    /// Calibrated probability (0..1) that any referable disease is present,
    /// also when the gate refuses; none only when unreadable.
    pub score: Option<f32>,
    /// The weightiest first.
    pub reasons: Vec<Reason>,
}

impl Record {
    /// The name of the node `id` in the taxonomy that the photograph was graded
    /// by, in English; the id itself where the record lacks it.
    pub fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        let finding = self.findings.iter().find(|finding| finding.id == id);
        finding.map_or(id, |finding| &finding.name)
    }

    /// The disease that "any referable disease" most likely is, where it refers
    /// and no other reason names that disease.
    pub fn likeliest(&self) -> Option<&Likeliest> {
        let reasons = self.referral.reasons.iter();
        reasons.filter_map(Reason::likeliest).next()
    }
}

#[cfg(test)]
impl Record {
    /// A record that says nothing, for tests to fill.
    pub(crate) fn blank() -> Record {
        Record {
            image: "blank".to_owned(),
            image_bytes: None,
            gate: GateVerdict {
                accepted: false,
                reason: fovea_core::gate::GateReason::Unreadable,
                scores: Default::default(),
            },
            referral: Referral {
                decision: ReferralDecision::Retake,
                score: None,
                reasons: Vec::new(),
            },
            findings: Vec::new(),
            referable_dr: None,
            words: None,
            model: Model {
                bundle: "student".to_owned(),
                sha256: "0".repeat(64),
            },
            elapsed_ms: Elapsed::default(),
            committed: Vec::new(),
        }
    }
}

/// Which student answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The bundle's name.
    pub bundle: String,
    /// sha256 of its `student.onnx`, in hexadecimal.
    pub sha256: String,
}

/// Wall-clock time of each step in milliseconds, to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Elapsed {
    /// From file to pixels.
    pub read: f64,
    /// From pixels to the network's input.
    pub prepare: f64,
    /// Both steps of the gate.
    pub gate: f64,
    /// The student.
    pub infer: f64,
    /// From logits to the decision.
    pub decide: f64,
    /// The captioner, where there is one.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub words: f64,
}

fn is_nought(milliseconds: &f64) -> bool {
    *milliseconds == 0.0
}

impl Elapsed {
    /// All steps together.
    pub fn total(&self) -> f64 {
        self.read + self.prepare + self.gate + self.infer + self.decide + self.words
    }
}
