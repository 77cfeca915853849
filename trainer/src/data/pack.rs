//! The photographs of a run, and what is known of them, as a few files that
//! can be carried to a machine which has nothing else.
//!
//! A pack is a folder. `part-001.bin` and on hold the photographs' own files
//! one after another, none across two parts. They are kept as they are because
//! nothing without loss is smaller, and preparing them where they arrive gives
//! the same bytes as preparing them here: `examples.json.gz` says whose they
//! are, all labels, and a sum of each photograph's prepared pixels to check
//! that by. `pack.json` names every file with its length and SHA-256.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{bail, ensure, Context, Result};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::Compression;
use fovea_core::bundle::sha256_hex;
use fovea_core::files::{folder_of, put_in_place};
use fovea_core::photograph::READING;
use fovea_core::prepare::PREPARATION;
use fovea_core::taxonomy::{Label, Taxonomy};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::truth::{label, letter};
use super::{cache, Broken, Cache, Dataset, Example, Origin, Pair, SourceConfig, Split};

const FORMAT: u32 = 1;
const LIST: &str = "pack.json";
const EXAMPLES: &str = "examples.json.gz";

/// `pack.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    format: u32,
    /// Of the whole: over the files' names and sums.
    sha256: String,
    files: Vec<Sum>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    name: String,
    bytes: u64,
    sha256: String,
}

impl List {
    fn new(files: Vec<Sum>) -> List {
        List {
            format: FORMAT,
            sha256: sum_of(&files),
            files,
        }
    }
}

fn sum_of(files: &[Sum]) -> String {
    let lines: String = files
        .iter()
        .map(|file| format!("{}  {} {}\n", file.sha256, file.name, file.bytes))
        .collect();
    sha256_hex(lines.as_bytes())
}

/// `examples.json.gz`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    preparation: String,
    /// Side in pixels that the sums of the prepared pixels are for.
    size: u32,
    /// The taxonomy's file, word for word.
    taxonomy: String,
    /// The sources' settings as JSON.
    sources: String,
    broken: Vec<Broken>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaks: Vec<Broken>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pairs: Vec<Pair>,
    examples: Vec<Held>,
}

/// What was found before photographs were left out of a dataset, which tells it no more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftOut {
    /// Photographs that are missing or cannot be read.
    pub broken: Vec<Broken>,
    /// Photographs that are a copy of one in another split.
    pub leaks: Vec<Broken>,
    /// Pairs of files that show one photograph, those of `leaks` among them.
    pub pairs: Vec<Pair>,
}

/// An [`Example`] and where its file lies.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    source: String,
    image: PathBuf,
    patient: String,
    split: Split,
    /// A letter per node of the taxonomy: present `1`, absent `0`, unknown `?`.
    labels: String,
    aspect: f32,
    raw: BTreeMap<String, String>,
    place: Place,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    File {
        /// Counted from nought.
        part: usize,
        at: u64,
        bytes: u64,
        /// First half of the SHA-256 of the prepared pixels.
        prepared: String,
    },
    /// Drawn, not photographed.
    Scene { seed: u64 },
}

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// SHA-256 over the names, lengths and sums of all files but `pack.json`.
    pub sha256: String,
    /// Number of examples, drawn scenes included.
    pub photographs: usize,
    /// Number of `part-*.bin` files.
    pub parts: usize,
    /// Bytes of all files together, `pack.json` left out.
    pub bytes: u64,
}

impl Packed {
    /// Writes the photographs of `dataset`, prepared in `cache`, to the new
    /// folder `dir`, in parts of at most `part_bytes`, and what was `left_out`
    /// of it. The folder appears when all is written.
    ///
    /// # Errors
    /// `dir` holds something already, a photograph's file is larger than a
    /// part or cannot be read, or the folder cannot be written.
    pub fn write(
        dataset: &Dataset,
        cache: &Cache,
        left_out: &LeftOut,
        dir: &Path,
        part_bytes: u64,
        progress: &ProgressBar,
    ) -> Result<Packed> {
        vacant(dir)?;
        let failed = || format!("the pack {} cannot be written", dir.display());
        let parent = folder_of(dir);
        std::fs::create_dir_all(parent).with_context(failed)?;
        let temporary = tempfile::tempdir_in(parent).with_context(failed)?;
        let sums: Vec<Option<String>> = (0..dataset.examples.len())
            .into_par_iter()
            .map(|i| cache.get(i).map(half_sum))
            .collect();
        progress.set_length(sums.iter().flatten().count() as u64);

        let mut files = Vec::new();
        let mut part: Option<Part> = None;
        let mut examples = Vec::with_capacity(sums.len());
        for (example, sum) in dataset.examples.iter().zip(sums) {
            let place = match (example.origin, sum) {
                (Origin::Scene { seed }, _) => Place::Scene { seed },
                (Origin::File, None) => bail!("{} is not in the cache", example.image.display()),
                (Origin::File, Some(prepared)) => {
                    let bytes = std::fs::read(&example.image)
                        .with_context(|| format!("cannot read {}", example.image.display()))?;
                    let length = bytes.len() as u64;
                    ensure!(
                        length <= part_bytes,
                        "{} has {length} bytes and a part at most {part_bytes}; allow larger parts",
                        example.image.display()
                    );
                    if let Some(full) = part.take_if(|p| p.bytes + length > part_bytes) {
                        files.push(full.end().with_context(failed)?);
                    }
                    let into = match &mut part {
                        Some(part) => part,
                        None => {
                            let name = format!("part-{:03}.bin", files.len() + 1);
                            part.insert(Part::begin(temporary.path(), name).with_context(failed)?)
                        }
                    };
                    let at = into.bytes;
                    into.add(&bytes).with_context(failed)?;
                    progress.inc(1);
                    Place::File {
                        part: files.len(),
                        at,
                        bytes: length,
                        prepared,
                    }
                }
            };
            examples.push(Held {
                source: example.source.clone(),
                image: example.image.clone(),
                patient: example.patient.clone(),
                split: example.split,
                labels: example.labels.iter().map(letter).collect(),
                aspect: example.aspect,
                raw: example.raw.clone(),
                place,
            });
        }
        if let Some(part) = part {
            files.push(part.end().with_context(failed)?);
        }
        let parts = files.len();
        let photographs = examples.len();
        let contents = Contents {
            preparation: PREPARATION.to_owned(),
            size: cache.size(),
            taxonomy: dataset.taxonomy.source().to_owned(),
            sources: serde_json::to_string(&dataset.sources)?,
            broken: left_out.broken.clone(),
            leaks: left_out.leaks.clone(),
            pairs: left_out.pairs.clone(),
            examples,
        };
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        serde_json::to_writer(&mut packed, &contents)?;
        let mut list = Part::begin(temporary.path(), EXAMPLES.to_owned()).with_context(failed)?;
        list.add(&packed.finish()?).with_context(failed)?;
        files.push(list.end().with_context(failed)?);
        ensure!(
            files.iter().all(|file| file.bytes <= part_bytes),
            "{EXAMPLES} is larger than {part_bytes} bytes; allow larger parts"
        );

        let packed = Packed {
            sha256: sum_of(&files),
            photographs,
            parts,
            bytes: files.iter().map(|file| file.bytes).sum(),
        };
        let mut list = Part::begin(temporary.path(), LIST.to_owned()).with_context(failed)?;
        list.add(&serde_json::to_vec_pretty(&List::new(files))?)
            .with_context(failed)?;
        list.end().with_context(failed)?;
        put_in_place(temporary.path(), dir).with_context(failed)?;
        // It lies under its own name now: there is nothing left to remove.
        let _ = temporary.keep();
        Ok(packed)
    }
}

/// Refuses a folder that holds something.
///
/// # Errors
/// `dir` exists and is no empty folder.
pub fn vacant(dir: &Path) -> Result<()> {
    let empty = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    ensure!(
        empty,
        "{} is there already; delete it, or pack into another folder",
        dir.display()
    );
    Ok(())
}

/// A file while it is written.
struct Part {
    name: String,
    out: BufWriter<File>,
    bytes: u64,
    hash: Sha256,
}

impl Part {
    fn begin(dir: &Path, name: String) -> std::io::Result<Part> {
        Ok(Part {
            out: BufWriter::new(File::create(dir.join(&name))?),
            name,
            bytes: 0,
            hash: Sha256::new(),
        })
    }

    fn add(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn end(mut self) -> std::io::Result<Sum> {
        self.out.flush()?;
        Ok(Sum {
            name: self.name,
            bytes: self.bytes,
            sha256: hex(self.hash),
        })
    }
}

/// A pack that was found to be whole.
pub struct Pack {
    dir: PathBuf,
    sha256: String,
    parts: Vec<File>,
    contents: Contents,
}

impl Pack {
    /// Opens the pack in `dir` and looks at every byte of it.
    ///
    /// # Errors
    /// A file that is missing, cut short or altered; the message names each.
    /// A pack of another preparation.
    pub fn open(dir: &Path) -> Result<Pack> {
        let file = dir.join(LIST);
        let text = std::fs::read(&file).with_context(|| {
            format!(
                "cannot read {}; give the folder that `fovea-train pack` wrote",
                file.display()
            )
        })?;
        let list: List = serde_json::from_slice(&text)
            .ok()
            .filter(|list: &List| list.format == FORMAT && sum_of(&list.files) == list.sha256)
            .with_context(|| {
                format!(
                    "{} was altered, or is of another version of fovea-train; copy it again, or pack again",
                    file.display()
                )
            })?;
        let wrong: Vec<String> = list
            .files
            .par_iter()
            .filter_map(|sum| Some(format!("{}: {}", sum.name, fault(dir, sum)?)))
            .collect();
        if !wrong.is_empty() {
            bail!(
                "the pack {} is not whole; copy these files of it again:\n  {}",
                dir.display(),
                wrong.join("\n  ")
            );
        }
        let damaged = || format!("the pack {} cannot be read; pack again", dir.display());
        let zipped = File::open(dir.join(EXAMPLES)).with_context(damaged)?;
        let contents: Contents = serde_json::from_reader(BufReader::new(GzDecoder::new(zipped)))
            .with_context(damaged)?;
        ensure!(
            contents.preparation == PREPARATION,
            "the pack {} is for the preparation `{}`, and this fovea-train prepares as `{PREPARATION}`; \
             pack again",
            dir.display(),
            contents.preparation
        );
        let parts: Result<Vec<File>, _> = list
            .files
            .iter()
            .filter(|sum| sum.name != EXAMPLES)
            .map(|sum| File::open(dir.join(&sum.name)))
            .collect();
        Ok(Pack {
            dir: dir.to_owned(),
            sha256: list.sha256,
            parts: parts.with_context(damaged)?,
            contents,
        })
    }

    /// The dataset as the sources gave it, and its photographs prepared to
    /// `size` pixels a side, kept in the folder `cached`; what had been left
    /// out. `progress` counts photographs. At the size that was packed, the
    /// prepared pixels are compared with those of then.
    ///
    /// # Errors
    /// The pack is of another taxonomy or other sources, a photograph is
    /// prepared otherwise here than where it was packed, or the folder cannot
    /// be written.
    pub fn unpack(
        self,
        taxonomy: Arc<Taxonomy>,
        sources: &[SourceConfig],
        size: u32,
        cached: &Path,
        progress: &ProgressBar,
    ) -> Result<(Dataset, Cache, LeftOut)> {
        let dir = self.dir.display();
        ensure!(
            self.contents.taxonomy == taxonomy.source(),
            "the pack {dir} is of another taxonomy than the run's `{}`; pack again",
            taxonomy.id
        );
        ensure!(
            self.contents.sources == serde_json::to_string(sources)?,
            "the pack {dir} is of other [[source]] tables than the run file's; pack again"
        );
        let mut examples = Vec::with_capacity(self.contents.examples.len());
        let mut files = Vec::new();
        let mut places = Vec::with_capacity(examples.capacity());
        for held in self.contents.examples {
            let (origin, place) = match &held.place {
                Place::Scene { seed } => (Origin::Scene { seed: *seed }, None),
                Place::File { .. } => (Origin::File, Some(files.len())),
            };
            if origin == Origin::File {
                files.push((examples.len(), held.place));
            }
            places.push(place);
            let labels: Option<Vec<Label>> = held.labels.chars().map(label).collect();
            examples.push(Example {
                source: held.source,
                image: held.image,
                origin,
                patient: held.patient,
                split: held.split,
                labels: labels
                    .filter(|labels| labels.len() == taxonomy.nodes().len())
                    .with_context(|| format!("the pack {dir} cannot be read; pack again"))?,
                aspect: held.aspect,
                raw: held.raw,
            });
        }
        let same_size = size == self.contents.size;
        let prepared = |slot: usize| -> Result<Vec<u8>, String> {
            let (example, place) = &files[slot];
            let Place::File {
                part,
                at,
                bytes,
                prepared,
            } = place
            else {
                unreachable!("only files were put there")
            };
            let example = &examples[*example];
            let said = |error: String| format!("{}: {error}", example.image.display());
            let file = self.parts.get(*part);
            let file = file.ok_or_else(|| said(format!("there is no part {}", part + 1)))?;
            let mut held = vec![0; *bytes as usize];
            file.read_exact_at(&mut held, *at)
                .map_err(|error| said(error.to_string()))?;
            let pixels = cache::prepared(&held, example.aspect, size)
                .map_err(|error| said(error.to_string()))?;
            if same_size && half_sum(&pixels) != *prepared {
                return Err(said(
                    "is prepared to other pixels here than where it was packed; pack again with \
                     this fovea-train"
                        .to_owned(),
                ));
            }
            Ok(pixels)
        };
        let key = sha256_hex(format!("{READING} {PREPARATION} {size} {}", self.sha256).as_bytes());
        let cache = Cache::of_slots((cached, "pack", &key), size, places, progress, prepared)
            .with_context(|| format!("the pack {dir} cannot be used"))?;
        let dataset = Dataset {
            taxonomy,
            examples,
            sources: sources.to_vec(),
        };
        let left_out = LeftOut {
            broken: self.contents.broken,
            leaks: self.contents.leaks,
            pairs: self.contents.pairs,
        };
        Ok((dataset, cache, left_out))
    }
}

/// What is wrong with a file of a pack, if anything.
fn fault(dir: &Path, sum: &Sum) -> Option<String> {
    let mut file = match File::open(dir.join(&sum.name)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Some("missing".into())
        }
        Err(error) => return Some(error.to_string()),
    };
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut some = vec![0; 1 << 20];
    loop {
        match file.read(&mut some) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(&some[..read]);
                length += read as u64;
            }
            Err(error) => return Some(error.to_string()),
        }
    }
    if length < sum.bytes {
        return Some(format!("cut short, {length} of {} bytes", sum.bytes));
    }
    (hex(hash) != sum.sha256).then(|| "altered".to_owned())
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn half_sum(pixels: &[u8]) -> String {
    sha256_hex(pixels)[..32].to_owned()
}
