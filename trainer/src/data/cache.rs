//! Photographs prepared once and kept as plain pixels in memory-mapped files.
//!
//! One file per source, so that runs which mix sources differently share the
//! work. Layout: the pixels of every example in order (`size * size * 3` bytes
//! each, RGB by rows; zero where the image is broken), a JSON footer, and the
//! footer's length in 8 little-endian bytes. The name and the footer hold a key
//! made of everything the pixels depend on, so a file is never used for
//! photographs, a size or a preparation it was not made for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{bail, Context, Result};
use fovea_core::bundle::sha256_hex;
use fovea_core::files::{self, Readers, Unfinished};
use fovea_core::photograph::{self, ReadError, READING};
use fovea_core::prepare::{self, PREPARATION};
use image::imageops::{self, FilterType};
use indicatif::ProgressBar;
use memmap2::Mmap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Broken, Dataset, Example, Origin};

/// Photographs in memory at once while a cache is built.
const CHUNK: usize = 32;

#[derive(Serialize, Deserialize)]
struct Footer {
    key: String,
    /// Position in the source's list of files, and why it cannot be read.
    broken: BTreeMap<usize, String>,
}

/// Prepared photographs of a [`Dataset`].
pub struct Cache {
    size: u32,
    /// Keys of the files, one a line.
    keys: String,
    files: Vec<Mmap>,
    /// Per example its file and position in it; none for a drawn scene.
    places: Vec<Option<(usize, usize)>>,
}

impl Cache {
    /// Opens the cache of `dataset` at `size` pixels a side in `dir`, preparing
    /// what is not there yet on all cores. `progress` counts photographs.
    ///
    /// Images that are missing or broken are dropped from `dataset` and
    /// returned, where the run or their source allows it.
    ///
    /// # Errors
    /// A missing or broken image that nobody allowed (the message lists them), a
    /// file that the system fails to read, or a folder that cannot be written.
    pub fn build(
        dataset: &mut Dataset,
        size: u32,
        dir: &Path,
        allow_broken: bool,
        progress: &ProgressBar,
    ) -> Result<(Cache, Vec<Broken>)> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("the cache folder {} cannot be made", dir.display()))?;
        let mut places = vec![None; dataset.examples.len()];
        let mut reasons: Vec<Option<String>> = vec![None; dataset.examples.len()];
        let mut files = Vec::new();
        let mut keys = String::new();
        let on_file = |e: &Example| e.origin == Origin::File;
        progress.set_length(dataset.examples.iter().filter(|e| on_file(e)).count() as u64);
        for source in &dataset.sources {
            let mut list = Vec::new();
            for (i, example) in dataset.examples.iter().enumerate() {
                if example.source != source.name || !on_file(example) {
                    continue;
                }
                match Stamp::of(example) {
                    Ok(stamp) => list.push((i, stamp)),
                    Err(reason) => {
                        reasons[i] = Some(reason);
                        progress.inc(1);
                    }
                }
            }
            if list.is_empty() {
                continue;
            }
            let key = key(size, &list);
            let path = dir.join(format!("{}-{size}-{}.cache", source.name, &key[..12]));
            let (file, broken) = match open(&path, &key, list.len(), size) {
                Some(found) => {
                    progress.inc(list.len() as u64);
                    found
                }
                None => {
                    let prepared = |slot: usize| pixels(&dataset.examples[list[slot].0], size);
                    write(list.len(), size, &key, &path, progress, prepared)?;
                    open(&path, &key, list.len(), size).with_context(|| {
                        format!("the cache {} changed while it was opened", path.display())
                    })?
                }
            };
            for (slot, (i, _)) in list.iter().enumerate() {
                match broken.get(&slot) {
                    Some(reason) => reasons[*i] = Some(reason.clone()),
                    None => places[*i] = Some((files.len(), slot)),
                }
            }
            files.push(file);
            keys += &format!("{key}\n");
        }
        let broken = dataset.drop_broken(&reasons, allow_broken)?;
        let mut at = reasons.iter();
        places.retain(|_| at.next().is_some_and(|reason| reason.is_none()));
        Ok((
            Cache {
                size,
                keys,
                files,
                places,
            },
            broken,
        ))
    }

    /// The cache of photographs whose files are held elsewhere, as one file in
    /// `dir`: slot by slot as `prepared` gives them, where it is not there yet.
    /// `key` names all that the pixels depend on; `places` says per example of
    /// the dataset which slot is its own.
    ///
    /// # Errors
    /// A photograph that cannot be prepared, or a folder that cannot be written.
    pub(super) fn of_slots(
        (dir, name, key): (&Path, &str, &str),
        size: u32,
        places: Vec<Option<usize>>,
        progress: &ProgressBar,
        prepared: impl Fn(usize) -> Result<Vec<u8>, String> + Sync,
    ) -> Result<Cache> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("the cache folder {} cannot be made", dir.display()))?;
        let count = places.iter().flatten().count();
        progress.set_length(count as u64);
        let path = dir.join(format!("{name}-{size}-{}.cache", &key[..12]));
        let (file, broken) = match open(&path, key, count, size) {
            Some(found) => {
                progress.inc(count as u64);
                found
            }
            None => {
                write(count, size, key, &path, progress, |slot| Ok(prepared(slot)))?;
                open(&path, key, count, size).with_context(|| {
                    format!("the cache {} changed while it was opened", path.display())
                })?
            }
        };
        if !broken.is_empty() {
            // Whatever was wrong may be mended: it is looked at again next time.
            let _ = std::fs::remove_file(&path);
            let reasons: Vec<&str> = broken.values().map(String::as_str).collect();
            bail!(
                "{} photographs cannot be prepared:\n  {}",
                reasons.len(),
                reasons.join("\n  ")
            );
        }
        Ok(Cache {
            size,
            files: vec![file],
            places: places
                .into_iter()
                .map(|slot| slot.map(|s| (0, s)))
                .collect(),
            keys: format!("{key}\n"),
        })
    }

    /// Per example its file and position in it; none for a drawn scene. As long
    /// as [`Cache::keys`] are the same, so are the pixels there.
    pub(super) fn places(&self) -> &[Option<(usize, usize)>] {
        &self.places
    }

    pub(super) fn keys(&self) -> &str {
        &self.keys
    }

    /// Forgets the examples that `keep` does not want; one entry per example.
    pub(super) fn keep(&mut self, keep: &[bool]) {
        let mut at = keep.iter();
        self.places.retain(|_| at.next() == Some(&true));
    }

    /// Side of the prepared photographs in pixels.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Examples of the dataset, drawn scenes included.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the dataset has no example.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// `size * size * 3` bytes, RGB by rows, of example `index`; none for a
    /// drawn scene.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let (file, slot) = (*self.places.get(index)?)?;
        let bytes = slot_bytes(self.size);
        self.files[file].get(slot * bytes..(slot + 1) * bytes)
    }
}

impl Dataset {
    /// Drops the examples that have a reason, or fails where that is not allowed.
    fn drop_broken(
        &mut self,
        reasons: &[Option<String>],
        allow_broken: bool,
    ) -> Result<Vec<Broken>> {
        let broken: Vec<Broken> = self
            .examples
            .iter()
            .zip(reasons)
            .filter_map(|(example, reason)| {
                Some(Broken {
                    source: example.source.clone(),
                    path: example.image.clone(),
                    reason: reason.clone()?,
                })
            })
            .collect();
        let refused: Vec<String> = broken
            .iter()
            .filter(|b| !allow_broken && !self.source(&b.source).is_some_and(|s| s.allow_broken))
            .map(Broken::to_string)
            .collect();
        if !refused.is_empty() {
            bail!(
                "{} images are missing or broken; repair them, or set allow_broken to go on without:\n  {}",
                refused.len(),
                refused.join("\n  ")
            );
        }
        let mut at = reasons.iter();
        self.examples
            .retain(|_| at.next().is_some_and(|reason| reason.is_none()));
        Ok(broken)
    }
}

/// What of a file tells whether its prepared pixels are still right.
struct Stamp {
    path: PathBuf,
    bytes: u64,
    modified: u128,
    aspect: f32,
}

impl Stamp {
    fn of(example: &Example) -> Result<Stamp, String> {
        let meta = std::fs::metadata(&example.image).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        })?;
        let modified = meta
            .modified()
            .ok()
            .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        Ok(Stamp {
            path: example.image.clone(),
            bytes: meta.len(),
            modified: modified.map_or(0, |t| t.as_nanos()),
            aspect: example.aspect,
        })
    }
}

fn key(size: u32, list: &[(usize, Stamp)]) -> String {
    let mut all = format!("{READING} {PREPARATION} {size}\n").into_bytes();
    for (_, s) in list {
        all.extend(s.path.as_os_str().as_encoded_bytes());
        all.extend(format!("\0{} {} {}\n", s.bytes, s.modified, s.aspect).bytes());
    }
    sha256_hex(&all)
}

fn slot_bytes(size: u32) -> usize {
    size as usize * size as usize * 3
}

/// None where there is no such file or it is not what it should be: it is then
/// written anew.
fn open(
    path: &Path,
    key: &str,
    count: usize,
    size: u32,
) -> Option<(Mmap, BTreeMap<usize, String>)> {
    let file = File::open(path).ok()?;
    // SAFETY: a cache file is put in place whole by a rename and never written
    // to again, so the mapped bytes do not change or vanish under the slices.
    let map = unsafe { Mmap::map(&file) }.ok()?;
    let pixels = count.checked_mul(slot_bytes(size))?;
    let tail = map.get(pixels..)?;
    let (json, length) = tail.split_at_checked(tail.len().checked_sub(8)?)?;
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let footer: Footer = serde_json::from_slice(json).ok()?;
    (length == json.len() as u64 && footer.key == key).then_some((map, footer.broken))
}

/// Keeps the pixels of each slot, or why it has none. An error beside these ends
/// the writing, and nothing is kept.
fn write(
    count: usize,
    size: u32,
    key: &str,
    path: &Path,
    progress: &ProgressBar,
    pixels: impl Fn(usize) -> io::Result<Result<Vec<u8>, String>> + Sync,
) -> Result<()> {
    let mut footer = Footer {
        key: key.to_owned(),
        broken: BTreeMap::new(),
    };
    let blank = vec![0; slot_bytes(size)];
    let fill = |out: &mut Unfinished| -> io::Result<()> {
        let mut slot = 0;
        for first in (0..count).step_by(CHUNK) {
            let prepared: Vec<Result<Vec<u8>, String>> = (first..(first + CHUNK).min(count))
                .into_par_iter()
                .map(|slot| {
                    let done = pixels(slot);
                    progress.inc(1);
                    done
                })
                .collect::<io::Result<_>>()?;
            for result in prepared {
                match result {
                    Ok(pixels) => out.write_all(&pixels),
                    Err(reason) => {
                        footer.broken.insert(slot, reason);
                        out.write_all(&blank)
                    }
                }?;
                slot += 1;
            }
        }
        let json = serde_json::to_vec(&footer)?;
        out.write_all(&json)?;
        out.write_all(&(json.len() as u64).to_le_bytes())
    };
    files::write_atomically(path, Readers::Owner, fill)
        .with_context(|| format!("the cache {} cannot be written", path.display()))
}

fn pixels(example: &Example, size: u32) -> io::Result<Result<Vec<u8>, String>> {
    let content = match photograph::load(&example.image) {
        Ok(content) => content,
        // It may pass, and the file's stamp would not tell: kept, it would be believed for good.
        Err(error @ ReadError::Io(_)) => {
            let said = format!("{}: {error}", example.image.display());
            return Err(io::Error::other(said));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(prepared(&content, example.aspect, size).map_err(|error| error.to_string()))
}

/// What the cache holds of a photograph: `size * size * 3` bytes, RGB by rows.
/// `content` is that of its file.
///
/// # Errors
/// When it cannot be decoded.
pub(super) fn prepared(content: &[u8], aspect: f32, size: u32) -> Result<Vec<u8>, ReadError> {
    let rgb = if aspect == 1.0 {
        prepare::open(content, size)?.prepared.rgb
    } else {
        let rgb = photograph::decode(content)?.rgb;
        let width = (rgb.width() as f32 * aspect).round().max(1.0) as u32;
        let stretched = imageops::resize(&rgb, width, rgb.height(), FilterType::CatmullRom);
        prepare::prepare(&stretched, size).rgb
    };
    Ok(rgb.into_raw())
}
