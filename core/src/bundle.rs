//! The folder that carries a student to the device.
//!
//! | file | what |
//! |---|---|
//! | `manifest.toml` | [`Manifest`], with the SHA-256 of every other file |
//! | `student.onnx` | input `photograph` 1 x 3 x S x S; outputs `logits` 1 x K and `maps` 1 x K x h x w |
//! | `taxonomy.toml` | the labels, see [`crate::taxonomy`] |
//! | `calibration.toml` | see [`crate::calibration`] |
//! | `MODEL_CARD.md` | for people |
//! | `captioner.onnx` | where there is one: input `photograph` as above; output `words` 15 x 1, the numbers of a [`crate::caption`] |
//!
//! A bundle is either whole and consistent or refused: there is no way to a
//! [`Bundle`] around the checks of [`Bundle::from_parts`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calibration::{Calibration, CalibrationError};
use crate::caption::Vocabulary;
use crate::files::{self, read_at_most};
use crate::gate;
use crate::prepare::PREPARATION;
use crate::taxonomy::{Taxonomy, TaxonomyError};
use crate::versioned;

/// The format this version writes and reads.
pub const FORMAT: u32 = 1;

/// The file that says what the bundle is; it alone has no hash.
pub const MANIFEST: &str = "manifest.toml";
/// The network.
pub const STUDENT: &str = "student.onnx";
/// What the network's outputs mean.
pub const TAXONOMY: &str = "taxonomy.toml";
/// What makes probabilities and a decision of its outputs.
pub const CALIBRATION: &str = "calibration.toml";
/// What is known of the student, for people.
pub const MODEL_CARD: &str = "MODEL_CARD.md";

/// What says in words what a photograph shows; a bundle may lack it.
pub const CAPTIONER: &str = "captioner.onnx";

/// The parts of every bundle, which the manifest holds the hashes of.
pub const PARTS: [&str; 4] = [STUDENT, TAXONOMY, CALIBRATION, MODEL_CARD];

/// No part may be larger. Students have some 20 MB.
const MAX_PART_BYTES: u64 = 256 << 20;

/// Sides of the network's input that make sense, in pixels.
const INPUT_SIZES: std::ops::RangeInclusive<u32> = 32..=2048;

/// `manifest.toml`: what the bundle is and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the bundle.
    pub name: String,
    /// Id of the taxonomy.
    pub taxonomy: String,
    /// What the student takes and gives.
    pub network: Network,
    /// Where the student comes from.
    pub training: Training,
    /// The second network, which says what a photograph shows, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captioner: Option<Captioner>,
    /// Photographs by source.
    pub data: BTreeMap<String, SourceCounts>,
    /// SHA-256 of each of [`PARTS`] and of [`CAPTIONER`] where there is one, in
    /// hexadecimal. [`Bundle::write`] fills it.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// What the student takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Such as `efficientnet_lite0`.
    pub arch: String,
    /// Side of the square input, pixels.
    pub input_size: u32,
    /// Name of the preparation, [`PREPARATION`].
    pub preparation: String,
    /// Version of the ONNX operator set.
    pub opset: u32,
    /// Ids of the finest nodes, in the order of the outputs.
    pub outputs: Vec<String>,
}

/// What the captioner says. It takes what the student takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captioner {
    /// The stage of the training run that made it.
    pub stage: String,
    /// The words it can say, in the order of their numbers: one or more.
    pub words: Vocabulary,
}

/// Where the student was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Name of the training run.
    pub run: String,
    /// Such as `hkgl` or `erm`.
    pub method: String,
    /// Of the random numbers of the run.
    pub seed: u64,
    /// Passes over the photographs, of the stage that made the student.
    pub epochs: u32,
    /// Processor or accelerator, in words.
    pub machine: String,
}

/// Photographs of one source that were used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCounts {
    /// Trained on.
    pub train: u64,
    /// Chosen and calibrated by.
    pub val: u64,
    /// Evaluated on, and used for nothing else.
    pub test: u64,
}

/// A student with everything that is needed to use it, checked.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// What the bundle says of itself.
    pub manifest: Manifest,
    /// What the outputs mean: one finest node each, in the same order.
    pub taxonomy: Taxonomy,
    /// Made for this taxonomy and this student.
    pub calibration: Calibration,
    /// The bytes of `student.onnx`.
    pub onnx: Vec<u8>,
    /// The bytes of `captioner.onnx`, where the manifest has one.
    pub captioner: Option<Vec<u8>>,
    /// SHA-256 of `student.onnx`, in hexadecimal.
    pub sha256: String,
}

/// Why a bundle was refused or could not be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum BundleError {
    #[error("cannot read {path}: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the bundle lacks `{0}`: copy the whole folder")]
    MissingPart(&'static str),
    #[error("`{0}` is larger than {MAX_PART_BYTES} bytes: it cannot belong to a bundle")]
    TooLarge(&'static str),
    #[error("`{0}` of the bundle is not UTF-8 text: copy the bundle again")]
    NotText(&'static str),
    #[error("`manifest.toml` is not valid: {0}")]
    Manifest(String),
    #[error("the bundle has format {found} but this version of Fovea reads format {FORMAT}: use a version made for it")]
    Format { found: u32 },
    #[error("`manifest.toml` has no hash of `{0}`: export the bundle again")]
    Unhashed(&'static str),
    #[error("`manifest.toml` names the file `{0}`, which is no part of a bundle: export it again")]
    UnknownPart(String),
    #[error("`{part}` has the SHA-256 {found} but the manifest says {expected}: it was changed or damaged, copy the bundle again")]
    Hash {
        part: &'static str,
        expected: String,
        found: String,
    },
    #[error("the bundle expects the preparation `{found}` but this version of Fovea has `{PREPARATION}`: export it again with this version")]
    Preparation { found: String },
    #[error("the bundle's input size is {found} pixels but must be {min} to {max}: export it again", min = INPUT_SIZES.start(), max = INPUT_SIZES.end())]
    InputSize { found: u32 },
    #[error("`taxonomy.toml` of the bundle: {0}")]
    Taxonomy(#[from] TaxonomyError),
    #[error("the manifest names the taxonomy `{expected}` but `taxonomy.toml` is `{found}`: export the bundle again")]
    TaxonomyId { expected: String, found: String },
    #[error("the manifest lists {found} outputs but the taxonomy has {expected} finest nodes: export the bundle again")]
    OutputCount { expected: usize, found: usize },
    #[error("output {position} is `{found}` in the manifest but `{expected}` in the taxonomy: export the bundle again")]
    Output {
        position: usize,
        expected: String,
        found: String,
    },
    #[error("`calibration.toml` of the bundle: {0}")]
    Calibration(#[from] CalibrationError),
    #[error("the captioner of `manifest.toml` has no words: export the bundle again")]
    NoWords,
    #[error("the captioner of `manifest.toml` has the word {0:?}, which cannot be shown: export the bundle again")]
    Word(String),
    #[error("the taxonomy has no node `{0}` of the photograph, so the student could not refuse one for it: add it, or set `pixels_only = true` below [gate] of the calibration")]
    NoQuality(&'static str),
    #[error("the calibration was made for the student {calibrated} but the bundle has {found}: calibrate this student")]
    OtherStudent { calibrated: String, found: String },
    #[error("cannot write the manifest or the calibration as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
    #[error("{path} exists and is not a bundle: choose another folder", path = .0.display())]
    NotABundle(PathBuf),
}

/// SHA-256 in lower-case hexadecimal, the form of every hash in these files.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

impl Bundle {
    /// Opens a bundle folder. Files that are no part of a bundle are ignored.
    ///
    /// # Errors
    /// When a file is missing, cannot be read or is larger than 256 MiB, and as
    /// [`Bundle::from_parts`].
    pub fn open(dir: &Path) -> Result<Bundle, BundleError> {
        let mut files = BTreeMap::new();
        for part in std::iter::once(MANIFEST).chain(PARTS) {
            files.insert(part.to_owned(), read_part(dir, part)?);
        }
        let manifest = files.get(MANIFEST).cloned().unwrap_or_default();
        if read_manifest(&text(MANIFEST, manifest)?)?
            .captioner
            .is_some()
        {
            files.insert(CAPTIONER.to_owned(), read_part(dir, CAPTIONER)?);
        }
        Bundle::from_parts(files)
    }

    /// A bundle from the bytes of its files by name, such as those embedded in
    /// a binary. Other names are ignored.
    ///
    /// # Errors
    /// When a file is missing, is not what the manifest's hash says or is not
    /// valid, when the files do not belong together, or when this version of
    /// Fovea does not read the format or prepares photographs otherwise.
    pub fn from_parts(mut files: BTreeMap<String, Vec<u8>>) -> Result<Bundle, BundleError> {
        let manifest = read_manifest(&text(MANIFEST, take(&mut files, MANIFEST)?)?)?;
        let [onnx, taxonomy, calibration, card] = PARTS.map(|part| take(&mut files, part));
        let (onnx, taxonomy, calibration, card) = (onnx?, taxonomy?, calibration?, card?);
        let captioner = manifest.captioner.as_ref();
        let captioner = captioner.map(|_| take(&mut files, CAPTIONER)).transpose()?;
        let bytes = [&onnx, &taxonomy, &calibration, &card];
        let parts = PARTS.into_iter().zip(bytes);
        for (part, bytes) in parts.chain(captioner.as_ref().map(|bytes| (CAPTIONER, bytes))) {
            let expected = manifest.files.get(part);
            let expected = expected.ok_or(BundleError::Unhashed(part))?;
            let found = sha256_hex(bytes);
            if *expected != found {
                let expected = expected.clone();
                return Err(BundleError::Hash {
                    part,
                    expected,
                    found,
                });
            }
        }
        text(MODEL_CARD, card)?;
        let taxonomy = Taxonomy::parse(&text(TAXONOMY, taxonomy)?)?;
        check_outputs(&manifest, &taxonomy)?;
        let calibration = Calibration::parse(&text(CALIBRATION, calibration)?)?;
        calibration.check(&taxonomy)?;
        match gate::lacks(&taxonomy) {
            Some(node) if !calibration.gate.pixels_only => {
                return Err(BundleError::NoQuality(node));
            }
            _ => {}
        }
        let sha256 = sha256_hex(&onnx);
        if calibration.student_sha256 != sha256 {
            return Err(BundleError::OtherStudent {
                calibrated: calibration.student_sha256,
                found: sha256,
            });
        }
        Ok(Bundle {
            manifest,
            taxonomy,
            calibration,
            onnx,
            captioner,
            sha256,
        })
    }

    /// Writes a bundle folder, its hashes filled in, and returns what opening
    /// it gives. An earlier bundle at `dir` is replaced. `captioner` has the
    /// bytes of the second network where the manifest has one.
    ///
    /// All or nothing: the files are written beside `dir` and renamed into
    /// place at the end, and nothing is written that would not open.
    ///
    /// # Errors
    /// As [`Bundle::from_parts`], when `dir` is neither a bundle nor an empty
    /// folder, and when the folder cannot be written.
    pub fn write(
        dir: &Path,
        mut manifest: Manifest,
        taxonomy: &Taxonomy,
        calibration: &Calibration,
        onnx: &[u8],
        captioner: Option<&[u8]>,
        model_card: &str,
    ) -> Result<Bundle, BundleError> {
        let mut files = BTreeMap::from([
            (STUDENT.to_owned(), onnx.to_vec()),
            (TAXONOMY.to_owned(), taxonomy.source().as_bytes().to_vec()),
            (CALIBRATION.to_owned(), calibration.to_toml()?.into_bytes()),
            (MODEL_CARD.to_owned(), model_card.as_bytes().to_vec()),
        ]);
        if let Some(captioner) = captioner.filter(|_| manifest.captioner.is_some()) {
            files.insert(CAPTIONER.to_owned(), captioner.to_vec());
        }
        manifest.files = files
            .iter()
            .map(|(name, bytes)| (name.clone(), sha256_hex(bytes)))
            .collect();
        let text = toml::to_string(&manifest)?;
        files.insert(MANIFEST.to_owned(), text.into_bytes());
        let bundle = Bundle::from_parts(files.clone())?;
        write_folder(dir, &files)?;
        Ok(bundle)
    }
}

fn take(files: &mut BTreeMap<String, Vec<u8>>, part: &'static str) -> Result<Vec<u8>, BundleError> {
    files.remove(part).ok_or(BundleError::MissingPart(part))
}

fn text(part: &'static str, bytes: Vec<u8>) -> Result<String, BundleError> {
    String::from_utf8(bytes).map_err(|_| BundleError::NotText(part))
}

fn read_part(dir: &Path, part: &'static str) -> Result<Vec<u8>, BundleError> {
    let path = dir.join(part);
    match read_at_most(&path, MAX_PART_BYTES) {
        Ok(bytes) => bytes.ok_or(BundleError::TooLarge(part)),
        Err(e) if e.kind() == io::ErrorKind::NotFound && dir.is_dir() => {
            Err(BundleError::MissingPart(part))
        }
        Err(source) => Err(BundleError::Read { path, source }),
    }
}

fn read_manifest(toml: &str) -> Result<Manifest, BundleError> {
    let other = |found| BundleError::Format { found };
    let manifest: Manifest = versioned::parse(toml, FORMAT, BundleError::Manifest, other)?;
    let captioner = manifest.captioner.as_ref();
    let is_part = |file: &str| PARTS.contains(&file) || (file == CAPTIONER && captioner.is_some());
    if let Some(name) = manifest.files.keys().find(|file| !is_part(file)) {
        return Err(BundleError::UnknownPart(name.clone()));
    }
    if let Some(Captioner { words, .. }) = captioner {
        if words.is_empty() {
            return Err(BundleError::NoWords);
        }
        if let Some(word) = words.unusable() {
            return Err(BundleError::Word(word.to_owned()));
        }
    }
    if manifest.network.preparation != PREPARATION {
        return Err(BundleError::Preparation {
            found: manifest.network.preparation,
        });
    }
    if !INPUT_SIZES.contains(&manifest.network.input_size) {
        return Err(BundleError::InputSize {
            found: manifest.network.input_size,
        });
    }
    Ok(manifest)
}

fn check_outputs(manifest: &Manifest, taxonomy: &Taxonomy) -> Result<(), BundleError> {
    if manifest.taxonomy != taxonomy.id {
        return Err(BundleError::TaxonomyId {
            expected: manifest.taxonomy.clone(),
            found: taxonomy.id.clone(),
        });
    }
    let outputs = &manifest.network.outputs;
    if outputs.len() != taxonomy.finest_count() {
        return Err(BundleError::OutputCount {
            expected: taxonomy.finest_count(),
            found: outputs.len(),
        });
    }
    for (position, (found, node)) in outputs.iter().zip(taxonomy.nodes()).enumerate() {
        if *found != node.id {
            return Err(BundleError::Output {
                position,
                expected: node.id.clone(),
                found: found.clone(),
            });
        }
    }
    Ok(())
}

/// Writes the parts into a temporary folder beside `dir` and renames it, all on
/// the disk before and after.
fn write_folder(dir: &Path, parts: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BundleError::Write { path, source }
    };
    let parent = files::folder_of(dir);
    fs::create_dir_all(parent).map_err(failed(parent))?;
    // Removed with all it holds when this returns.
    let staging = tempfile::Builder::new()
        .prefix(".bundle-")
        .tempdir_in(parent)
        .map_err(failed(parent))?;
    let (new, old) = (staging.path().join("new"), staging.path().join("old"));
    fs::create_dir(&new).map_err(failed(&new))?;
    for (name, bytes) in parts {
        let path = new.join(name);
        fs::write(&path, bytes).map_err(failed(&path))?;
    }
    // While an earlier bundle is still in its place.
    files::sync_tree(&new).map_err(failed(&new))?;
    let replaces = dir.exists();
    if replaces {
        if !replaceable(dir).map_err(failed(dir))? {
            return Err(BundleError::NotABundle(dir.to_owned()));
        }
        fs::rename(dir, &old).map_err(failed(dir))?;
    }
    let renamed = fs::rename(&new, dir);
    if renamed.is_err() && replaces && fs::rename(&old, dir).is_err() {
        // The earlier bundle could not go back: do not delete it as well.
        let kept = staging.keep();
        return renamed.map_err(failed(&kept));
    }
    renamed.map_err(failed(dir))?;
    // Before an earlier bundle is deleted with what else is in `staging`.
    files::sync_folder(parent).map_err(failed(dir))
}

/// Whether a folder may be replaced: a bundle, or empty.
fn replaceable(dir: &Path) -> io::Result<bool> {
    Ok(dir.join(MANIFEST).is_file() || fs::read_dir(dir)?.next().is_none())
}
