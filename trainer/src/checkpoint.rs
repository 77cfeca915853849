//! What a stage leaves on disk, so that a process killed at any moment goes on
//! from its last epoch with the same result as one that was not.
//!
//! A stage's folder holds `epoch-N.safetensors` (network, averages, moments),
//! `state.json` that names it, `final.safetensors` (the network alone, which
//! later stages load) and `history.jsonl`. `state.json` is renamed into place last: it either names a
//! complete file or the one before.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use anyhow::{bail, Context, Result};
use fovea_core::files::{self, Readers, Unfinished};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::clock::Ended;
use crate::report::EpochLine;

const STATE: &str = "state.json";

/// Where a stage stands after an epoch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Hash of everything that decides the result; another one means another run.
    pub fingerprint: String,
    /// File with the tensors, beside this one.
    pub tensors: String,
    pub epochs_done: usize,
    pub finished: bool,
    /// How much of its schedule is behind it, 0..1; of a stage trained against
    /// the clock more than its epochs say.
    #[serde(default)]
    pub progress: f64,
    /// Where its time ended it, not its epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Where it is trained.
    #[serde(default)]
    pub machine: Option<String>,
    pub best: Option<f64>,
    pub epochs_since_best: usize,
    /// Of the plateau schedule.
    pub learning_rate: f64,
    pub lowest_loss: Option<f64>,
    pub epochs_since_lowest: usize,
    pub history: Vec<EpochLine>,
}

/// Keeps `dir` from every other training until the file is dropped.
pub fn claim(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another process is training in {}; wait for it to end, or stop it",
            dir.display()
        ),
        Err(TryLockError::Error(e)) => {
            Err(e).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Where the stage in `dir` stands; `None` before its first epoch is done.
pub fn state(dir: &Path) -> Result<Option<State>> {
    let path = dir.join(STATE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
    };
    let state = serde_json::from_str(&text).with_context(|| damaged(&path))?;
    Ok(Some(state))
}

/// The tensors that go with a state.
pub fn tensors(dir: &Path, state: &State) -> Result<BTreeMap<String, Tensor>> {
    let path = dir.join(&state.tensors);
    let tensors = Tensor::read_safetensors(&path).with_context(|| damaged(&path))?;
    Ok(tensors.into_iter().collect())
}

/// One of a checkpoint's tensors.
pub fn named<'a>(tensors: &'a BTreeMap<String, Tensor>, name: &str) -> Result<&'a Tensor> {
    tensors.get(name).with_context(|| {
        format!("the checkpoint lacks `{name}`; delete it to start the stage again")
    })
}

fn damaged(path: &Path) -> String {
    format!(
        "{} is damaged; delete the folder to train the stage again",
        path.display()
    )
}

pub fn save(dir: &Path, state: &mut State, tensors: &[(String, Tensor)]) -> Result<()> {
    let before = std::mem::replace(
        &mut state.tensors,
        format!("epoch-{}.safetensors", state.epochs_done),
    );
    write_tensors(&dir.join(&state.tensors), tensors)?;
    write(
        &dir.join(STATE),
        serde_json::to_string_pretty(state)?.as_bytes(),
    )?;
    if !before.is_empty() && before != state.tensors {
        // Only disk space is lost if this fails.
        let _ = std::fs::remove_file(dir.join(before));
    }
    Ok(())
}

/// Leaves `path` either as it was or whole and on the disk.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |file| Ok(file.write_all(bytes)?))
}

pub fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    // Safetensors know no strides: channels-last weights must be laid out plainly.
    let plain: Vec<(String, Tensor)> = tensors
        .iter()
        .map(|(n, t)| (n.clone(), t.contiguous()))
        .collect();
    replace(path, |file| {
        Ok(Tensor::write_safetensors(&plain, file.path())?)
    })
}

fn replace(path: &Path, fill: impl FnOnce(&mut Unfinished) -> Result<()>) -> Result<()> {
    files::write_atomically(path, Readers::Owner, fill)
        .with_context(|| format!("cannot write {}", path.display()))
}
