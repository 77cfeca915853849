//! The shipped student that a stage starts from.

use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use fovea_core::bundle::{sha256_hex, Bundle, MODEL_CARD};
use fovea_core::taxonomy::Taxonomy;

use crate::card::TRAINING;
use crate::checkpoint;
use crate::config::StageConfig;

/// Its copy in the stage's folder: the bundle may be replaced by what the run ships.
const STUDENT: &str = "start.onnx";
/// What its manifest says of it.
const ORIGIN: &str = "start.txt";
/// What its model card says of its own training.
const STORY: &str = "start.md";
/// The ids of its outputs, one a line.
const OUTPUTS: &str = "start.outputs";

/// A shipped student that a stage starts from.
pub struct Student {
    /// Its ONNX file, byte for byte.
    pub onnx: Vec<u8>,
    /// Ids of the finest nodes it answers for, in their order.
    pub outputs: Vec<String>,
}

/// The student of the bundle that `stage` starts from; none where it starts from no bundle. `dir` is
/// the stage's folder, which keeps a copy from the first call on.
///
/// # Errors
/// The bundle does not open, or its student is of another network or shares no class with the run's
/// taxonomy.
pub fn student(stage: &StageConfig, dir: &Path, taxonomy: &Taxonomy) -> Result<Option<Student>> {
    let Some(folder) = &stage.from_bundle else {
        return Ok(None);
    };
    let copy = dir.join(STUDENT);
    match std::fs::read(&copy) {
        Ok(onnx) => {
            let outputs = dir.join(OUTPUTS);
            let outputs = std::fs::read_to_string(&outputs)
                .with_context(|| format!("cannot read {}; delete the stage", outputs.display()))?;
            let outputs = outputs.lines().map(str::to_owned).collect();
            return Ok(Some(Student { onnx, outputs }));
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => bail!("cannot read {} ({e})", copy.display()),
    }
    let bundle =
        Bundle::open(folder).with_context(|| format!("stage `{}` starts from it", stage.name))?;
    let network = &bundle.manifest.network;
    ensure!(
        network.arch == stage.arch.name(),
        "stage `{}` trains {}, but the student in {} is {}",
        stage.name,
        stage.arch,
        folder.display(),
        network.arch
    );
    let finest = &taxonomy.nodes()[..taxonomy.finest_count()];
    ensure!(
        finest.iter().any(|node| network.outputs.contains(&node.id)),
        "the student in {} knows no class of the run's taxonomy `{}`",
        folder.display(),
        taxonomy.id
    );
    let training = &bundle.manifest.training;
    let origin = format!(
        "the student of the run `{}` ({}, {size} x {size} pixels, seed {}, sha256 {})",
        training.run,
        training.method,
        training.seed,
        bundle.sha256,
        size = network.input_size,
    );
    let card = folder.join(MODEL_CARD);
    let card = std::fs::read_to_string(&card)
        .with_context(|| format!("cannot read {}", card.display()))?;
    checkpoint::write(&dir.join(STORY), training_of(&card).as_bytes())?;
    checkpoint::write(&dir.join(ORIGIN), origin.as_bytes())?;
    checkpoint::write(&dir.join(OUTPUTS), network.outputs.join("\n").as_bytes())?;
    checkpoint::write(&copy, &bundle.onnx)?;
    Ok(Some(Student {
        outputs: network.outputs.clone(),
        onnx: bundle.onnx,
    }))
}

/// Removes the stage's copy of the student that it starts from, so that the next call copies it anew.
///
/// # Errors
/// It cannot be removed.
pub fn forget(dir: &Path) -> Result<()> {
    let copy = dir.join(STUDENT);
    match std::fs::remove_file(&copy) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            bail!("cannot remove {} ({e})", copy.display())
        }
        _ => Ok(()),
    }
}

/// Which student `stage` started from, in words; `None` where it started from no bundle.
///
/// # Errors
/// What the stage's folder `dir` keeps of it cannot be read.
pub fn origin(stage: &StageConfig, dir: &Path) -> Result<Option<String>> {
    kept(stage, &dir.join(ORIGIN))
        .map(|text| text.map(|t| String::from_utf8_lossy(&t).into_owned()))
}

/// How the student that `stage` started from was trained, in its own card's words; `None` where it
/// started from no bundle or the card does not tell.
///
/// # Errors
/// What the stage's folder `dir` keeps of it cannot be read.
pub fn story(stage: &StageConfig, dir: &Path) -> Result<Option<String>> {
    let text = kept(stage, &dir.join(STORY))?;
    let text = text.map(|t| String::from_utf8_lossy(&t).into_owned());
    Ok(text.filter(|text| !text.is_empty()))
}

/// The part of a model card that tells of the training.
fn training_of(card: &str) -> &str {
    let part = card.split_once(TRAINING).map_or("", |(_, after)| after);
    part.split("\n## ").next().unwrap_or(part).trim()
}

/// SHA-256 of the student that `stage` started from, in hexadecimal; `None` where it started from
/// no bundle.
///
/// # Errors
/// The copy in the stage's folder `dir` cannot be read.
pub fn sha256(stage: &StageConfig, dir: &Path) -> Result<Option<String>> {
    kept(stage, &dir.join(STUDENT)).map(|onnx| onnx.map(|onnx| sha256_hex(&onnx)))
}

fn kept(stage: &StageConfig, file: &Path) -> Result<Option<Vec<u8>>> {
    if stage.from_bundle.is_none() {
        return Ok(None);
    }
    std::fs::read(file)
        .map(Some)
        .with_context(|| format!("cannot read {}; train the stage again", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_card_the_training_is_told_on() {
        let card = format!("# A (net)\n\nFor research.\n\n{TRAINING}\n\nOn one core.\n\n### More\n\nx\n\n## Figures\n");
        assert_eq!(training_of(&card), "On one core.\n\n### More\n\nx");
        assert_eq!(training_of("no card of ours"), "");
    }
}
