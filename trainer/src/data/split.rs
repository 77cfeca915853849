//! Which patients train, validate and test.

use std::str::FromStr;

use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::config::{Fractions, SourceConfig};

/// What a photograph may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trained on.
    Train,
    /// Measured after every epoch and calibrated on: all that is chosen is chosen by it.
    Val,
    /// Measured at the end; nothing is chosen by it.
    Test,
}

impl Split {
    /// All three, in the order above.
    pub const ALL: [Split; 3] = [Split::Train, Split::Val, Split::Test];

    /// As files and tables write it: `train`, `val` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

impl FromStr for Split {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Split> {
        match Split::ALL.into_iter().find(|s| s.name() == text) {
            Some(split) => Ok(split),
            None => bail!("split {text:?} is none of train, val and test"),
        }
    }
}

/// The split of `patient`: test for a source that is never trained on, else dealt by hash.
///
/// # Errors
/// The source has no `split`.
pub(super) fn of(config: &SourceConfig, patient: &str) -> Result<Split> {
    if config.evaluate_only {
        return Ok(Split::Test);
    }
    let fractions = config
        .split
        .with_context(|| format!("source {} says nothing of its split", config.name))?;
    Ok(deal(&config.name, patient, fractions))
}

/// Where a patient stands among those of its source that are trained on, 0 to 1: in an
/// order that is no other's.
pub fn place(source: &str, patient: &str) -> f64 {
    hashed(&format!("part\n{source}\n{patient}"))
}

fn hashed(text: &str) -> f64 {
    let digest = Sha256::digest(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first) as f64 / u64::MAX as f64
}

/// Deals a patient by a hash of source and patient: both eyes fall together,
/// and who else is in the source changes nothing.
pub fn deal(source: &str, patient: &str, fractions: Fractions) -> Split {
    let at = hashed(&format!("{source}\n{patient}"));
    if at < fractions.train {
        Split::Train
    } else if at < fractions.train + fractions.val {
        Split::Val
    } else {
        Split::Test
    }
}
