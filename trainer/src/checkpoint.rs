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
    /// Epochs trained; the clock may have cut the last one short.
    pub epochs_done: usize,
    /// Whether the stage is trained to its end: by its epochs, its patience or the clock.
    pub finished: bool,
    /// How much of its schedule is behind it, 0..1; of a stage trained against
    /// the clock more than its epochs say.
    #[serde(default)]
    pub progress: f64,
    /// Set where the clock ended the stage before its epochs were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// The machine it is trained on, in words.
    #[serde(default)]
    pub machine: Option<String>,
    /// Best validation mAP so far, 0..1, the mean of the three shot groups. Without a validation
    /// mAP the number of the last epoch.
    pub best: Option<f64>,
    /// Epochs since `best`, which [`crate::config::Training::patience`] limits.
    pub epochs_since_best: usize,
    /// Current learning rate of the plateau schedule.
    pub learning_rate: f64,
    /// Lowest validation loss so far; `None` before the first epoch.
    pub lowest_loss: Option<f64>,
    /// Epochs since `lowest_loss`, or since the plateau schedule last lowered the learning rate.
    pub epochs_since_lowest: usize,
    /// One line per epoch.
    pub history: Vec<EpochLine>,
}

/// Keeps every other training out of `dir` until the returned file is dropped.
///
/// # Errors
/// Another process trains there, or the lock file cannot be written.
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
///
/// # Errors
/// The state cannot be read or is damaged.
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

/// The tensors that go with a state, by name.
///
/// # Errors
/// Their file is missing or damaged.
pub fn tensors(dir: &Path, state: &State) -> Result<BTreeMap<String, Tensor>> {
    let path = dir.join(&state.tensors);
    let tensors = Tensor::read_safetensors(&path).with_context(|| damaged(&path))?;
    Ok(tensors.into_iter().collect())
}

/// One of a checkpoint's tensors.
///
/// # Errors
/// There is none of that name.
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

/// Writes `tensors` to `epoch-N.safetensors`, then `state` with the name of that file, and deletes
/// the tensors of the state before.
///
/// # Errors
/// A file cannot be written.
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
///
/// # Errors
/// It cannot be written; it is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |file| Ok(file.write_all(bytes)?))
}

/// Writes named tensors as safetensors, as [`write()`] does.
///
/// # Errors
/// The file cannot be written; it is then as it was.
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
