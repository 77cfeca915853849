//! Photographs that are in a run twice: copies between sources and splits, as
//! they are or mirrored.
//!
//! Of the green channel only what is finer than the illumination counts. Its
//! difference hash finds who may be a copy of whom, and a correlation decides.
//! Both look at the prepared pixels inside the field, so that another size, border
//! or another compression hides nothing.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anyhow::{bail, Result};
use fovea_core::bundle::sha256_hex;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checkpoint;

use super::{Broken, Cache, Dataset, Example, Split};

/// Of the search, for the results that are kept.
const VERSION: u32 = 1;
/// Side of the small picture that is compared.
const SIDE: usize = 64;
/// Side of the difference hash.
const HASHED: usize = 16;
/// Radius of the mean that is taken off, in pixels of the small picture: about
/// a fifth of the field, so that vessels stay and the illumination goes.
const BLUR: usize = 6;
/// Share of the radius that is looked at: the rim differs between two
/// preparations of one photograph.
const LOOKED_AT: f32 = 0.95;
/// Of 256 bits, how many may differ for a pair to be compared. Of the pairs
/// found so far none differed in more than 44.
const HASH_LIMIT: u32 = 56;
/// Correlation above which two photographs are one. Among 16 thousand of public
/// sets copies had 0.973 to 1, two shots of one eye up to 0.987 (so some of them
/// count as copies too), and eyes of different patients up to 0.953.
pub const SAME: f32 = 0.97;
/// Share of the field that two photographs must both show to be compared.
const SHARED: f32 = 0.5;
/// Deviation, in grey values, under which a picture has nothing to tell it by.
const LEAST_DETAIL: f32 = 1.0;
/// Pixel of the small picture that shows nothing.
const DARK: i8 = i8::MIN;
/// Pairs that a refusal lists.
const LISTED: usize = 20;

/// What becomes of a photograph of which one copy is in train and another in
/// val or test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaks {
    /// The run is refused, and the copies are named.
    #[default]
    Refuse,
    /// The copy in train is left out.
    DropTraining,
    /// The copy in val or test is left out.
    DropJudged,
}

/// Two examples of a dataset that show one photograph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Twins {
    /// Positions in the dataset, the smaller first.
    pub first: usize,
    pub second: usize,
    pub mirrored: bool,
    /// Above [`SAME`], up to 1.
    pub correlation: f32,
}

/// A pair in words, for lists and refusals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The photograph that comes first in the dataset.
    pub first: Copied,
    /// The photograph that comes later.
    pub second: Copied,
    /// Whether the one is the other's mirror image, left and right exchanged.
    pub mirrored: bool,
    /// Of what is finer than the illumination in the green channel: above 0.97, at most 1.
    pub correlation: f32,
}

/// One half of a [`Pair`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    pub source: String,
    pub split: Split,
    pub file: String,
    pub patient: String,
}

impl Copied {
    fn of(example: &Example) -> Copied {
        Copied {
            source: example.source.clone(),
            split: example.split,
            file: example.image.display().to_string(),
            patient: example.patient.clone(),
        }
    }

    fn same_patient(&self, other: &Copied) -> bool {
        self.source == other.source && self.patient == other.patient
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} of {}, {}", self.file, self.source, self.split.name())
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mirrored = if self.mirrored { ", mirrored" } else { "" };
        write!(
            f,
            "{} = {} (correlation {:.3}{mirrored})",
            self.first, self.second, self.correlation
        )
    }
}

impl Pair {
    /// Whether `other` is of the same two files.
    pub fn same_files(&self, other: &Pair) -> bool {
        self.first == other.first && self.second == other.second
    }

    /// Whether one half is trained on and the other is judged by.
    pub fn leaks(&self) -> bool {
        (self.first.split == Split::Train) != (self.second.split == Split::Train)
    }

    /// Whether one half calibrates and the other tests.
    pub fn judged_twice(&self) -> bool {
        !self.leaks() && self.first.split != self.second.split
    }

    /// Whether the two are of different sources.
    pub fn across_sources(&self) -> bool {
        self.first.source != self.second.source
    }

    /// Whether the two are of one patient of one source.
    pub fn of_one_patient(&self) -> bool {
        self.first.same_patient(&self.second)
    }
}

/// What is kept of a search, beside the cache that was searched.
#[derive(Serialize, Deserialize)]
struct Found {
    /// Hash of the way of searching and of all prepared pixels.
    key: String,
    pairs: Vec<FoundPair>,
}

/// Files and positions in the cache.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct FoundPair {
    first: (usize, usize),
    second: (usize, usize),
    mirrored: bool,
    correlation: f32,
}

/// Pairs of one photograph among the prepared ones, in order. Drawn scenes have
/// no pixels yet and take no part. What was found is kept in `dir`, so that a
/// second run over the same cache need not search.
///
/// # Errors
/// `dir` cannot be written.
pub fn find(cache: &Cache, dir: &Path) -> Result<Vec<Twins>> {
    let way = format!("{VERSION} {HASH_LIMIT} {SAME} {SHARED}\n{}", cache.keys());
    let key = sha256_hex(way.as_bytes());
    let path = dir.join(format!("pairs-{}-{}.json", cache.size(), &key[..12]));
    let places = cache.places();
    let kept = std::fs::read(&path).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice::<Found>(&bytes).ok());
    let pairs = match kept.filter(|found| found.key == key) {
        Some(found) => found.pairs,
        None => {
            let pairs = search(cache);
            let found = Found { key, pairs };
            checkpoint::write(&path, &serde_json::to_vec(&found)?)?;
            found.pairs
        }
    };
    let at: HashMap<(usize, usize), usize> = places
        .iter()
        .enumerate()
        .filter_map(|(i, place)| Some(((*place)?, i)))
        .collect();
    let example = |place: &(usize, usize)| at.get(place).copied();
    Ok(pairs
        .iter()
        .filter_map(|pair| {
            Some(Twins {
                first: example(&pair.first)?,
                second: example(&pair.second)?,
                mirrored: pair.mirrored,
                correlation: pair.correlation,
            })
        })
        .collect())
}

fn search(cache: &Cache) -> Vec<FoundPair> {
    let small: Vec<((usize, usize), Small)> = (0..cache.len())
        .into_par_iter()
        .filter_map(|i| {
            let small = Small::of(cache.get(i)?, cache.size() as usize);
            Some((cache.places()[i]?, small))
        })
        .collect();
    small
        .par_iter()
        .enumerate()
        .flat_map_iter(|(at, (first, a))| {
            let later = small[at + 1..].iter();
            later.filter_map(move |(second, b)| {
                let (correlation, mirrored) = a.compare(b)?;
                Some(FoundPair {
                    first: *first,
                    second: *second,
                    mirrored,
                    correlation,
                })
            })
        })
        .collect()
}

/// Puts pairs into words and settles those that leak: unless they are refused,
/// one copy leaves `dataset` and `cache`, and is returned with the reason.
///
/// # Errors
/// There are leaks and they are refused.
pub fn settle(
    dataset: &mut Dataset,
    cache: &mut Cache,
    twins: &[Twins],
    settled: Leaks,
) -> Result<(Vec<Pair>, Vec<Broken>)> {
    let pairs: Vec<Pair> = twins
        .iter()
        .map(|t| Pair {
            first: Copied::of(&dataset.examples[t.first]),
            second: Copied::of(&dataset.examples[t.second]),
            mirrored: t.mirrored,
            correlation: t.correlation,
        })
        .collect();
    let leaks: Vec<&Pair> = pairs.iter().filter(|pair| pair.leaks()).collect();
    if !leaks.is_empty() && settled == Leaks::Refuse {
        let listed: Vec<String> = leaks.iter().take(LISTED).map(|p| p.to_string()).collect();
        let more = match leaks.len() - listed.len() {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        bail!(
            "{} pairs of files show one photograph, of which one copy is trained on and the other is \
             in val or test; set `leaks = \"drop_training\"` to train without these copies or \
             `leaks = \"drop_judged\"` to judge without the others, or take them out of the labels:\n  \
             {}{more}",
            leaks.len(),
            listed.join("\n  ")
        );
    }
    let mut kept = vec![true; dataset.examples.len()];
    let mut dropped = Vec::new();
    for (twin, pair) in twins.iter().zip(&pairs).filter(|(_, pair)| pair.leaks()) {
        let first_is_trained = pair.first.split == Split::Train;
        let (left, other) = match first_is_trained == (settled == Leaks::DropTraining) {
            true => (twin.first, &pair.second),
            false => (twin.second, &pair.first),
        };
        if std::mem::replace(&mut kept[left], false) {
            let example = &dataset.examples[left];
            dropped.push(Broken {
                source: example.source.clone(),
                path: example.image.clone(),
                reason: format!("it is left out, for it is the same photograph as {other}"),
            });
        }
    }
    if !dropped.is_empty() {
        cache.keep(&kept);
        let mut at = kept.iter();
        dataset.examples.retain(|_| at.next() == Some(&true));
    }
    Ok((pairs, dropped))
}

/// What is compared of a photograph.
struct Small {
    /// Differences between neighbours, from left to right.
    hash: [u64; 4],
    /// The same of the mirrored photograph.
    mirrored: [u64; 4],
    /// [`SIDE`] x [`SIDE`], what is finer than [`BLUR`] in units of a 32nd of
    /// its deviation; [`DARK`] outside the field.
    detail: Vec<i8>,
}

impl Small {
    /// `pixels`: `size` x `size` x 3, prepared.
    fn of(pixels: &[u8], size: usize) -> Small {
        let detail = detail(&shrink(pixels, size));
        let turned: Vec<i8> = detail
            .chunks_exact(SIDE)
            .flat_map(|row| row.iter().rev().copied())
            .collect();
        Small {
            hash: hash(&detail),
            mirrored: hash(&turned),
            detail,
        }
    }

    /// Correlation, and whether it is that with the mirrored photograph; `None`
    /// for two photographs.
    fn compare(&self, other: &Small) -> Option<(f32, bool)> {
        let near = |hash: &[u64; 4]| {
            let differing = self
                .hash
                .iter()
                .zip(hash)
                .map(|(a, b)| (a ^ b).count_ones());
            differing.sum::<u32>() <= HASH_LIMIT
        };
        let plain = near(&other.hash).then(|| (self.correlation(other, false), false));
        let turned = near(&other.mirrored).then(|| (self.correlation(other, true), true));
        [plain, turned]
            .into_iter()
            .flatten()
            .filter(|(correlation, _)| *correlation > SAME)
            .max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Over what both show; 0 where that is too little.
    fn correlation(&self, other: &Small, mirrored: bool) -> f32 {
        let (mut ab, mut aa, mut bb, mut shown) = (0i64, 0i64, 0i64, 0i64);
        let rows = self.detail.chunks_exact(SIDE);
        for (own, others) in rows.zip(other.detail.chunks_exact(SIDE)) {
            let mut row = [0i32; 4];
            let mut add = |a: i8, b: i8| {
                let both = i32::from(a != DARK && b != DARK);
                let (a, b) = (i32::from(a) * both, i32::from(b) * both);
                row[0] += a * b;
                row[1] += a * a;
                row[2] += b * b;
                row[3] += both;
            };
            match mirrored {
                true => own
                    .iter()
                    .zip(others.iter().rev())
                    .for_each(|(&a, &b)| add(a, b)),
                false => own.iter().zip(others).for_each(|(&a, &b)| add(a, b)),
            }
            ab += i64::from(row[0]);
            aa += i64::from(row[1]);
            bb += i64::from(row[2]);
            shown += i64::from(row[3]);
        }
        let field = std::f32::consts::FRAC_PI_4 * (LOOKED_AT * SIDE as f32).powi(2);
        if aa == 0 || bb == 0 || (shown as f32) < SHARED * field {
            return 0.0;
        }
        (ab as f64 / ((aa as f64).sqrt() * (bb as f64).sqrt())) as f32
    }
}

/// The green channel as means over [`SIDE`] x [`SIDE`] cells.
fn shrink(pixels: &[u8], size: usize) -> Vec<f32> {
    let cell = |i: usize| i * size / SIDE..((i + 1) * size).div_ceil(SIDE);
    let mut small = Vec::with_capacity(SIDE * SIDE);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (mut sum, mut count) = (0u32, 0u32);
            for row in cell(y) {
                for column in cell(x) {
                    sum += u32::from(pixels[3 * (row * size + column) + 1]);
                    count += 1;
                }
            }
            small.push(sum as f32 / count as f32);
        }
    }
    small
}

/// Whether a point of a square of side `side` lies in the part of the field
/// that is looked at.
fn inside(x: f32, y: f32, side: usize) -> bool {
    let half = side as f32 / 2.0;
    (x - half).hypot(y - half) <= LOOKED_AT * half
}

fn hash(detail: &[i8]) -> [u64; 4] {
    const CELL: usize = SIDE / HASHED;
    let sum = |x: usize, y: usize| -> i32 {
        let rows =
            (y * CELL..(y + 1) * CELL).flat_map(|row| &detail[row * SIDE + x * CELL..][..CELL]);
        rows.filter(|&&value| value != DARK)
            .map(|&value| i32::from(value))
            .sum()
    };
    let mut bits = [0; 4];
    for y in 0..HASHED {
        for x in 0..HASHED - 1 {
            let border = inside(x as f32 + 1.0, y as f32 + 0.5, HASHED);
            if border && sum(x + 1, y) > sum(x, y) {
                let bit = y * HASHED + x;
                bits[bit / 64] |= 1 << (bit % 64);
            }
        }
    }
    bits
}

fn detail(green: &[f32]) -> Vec<i8> {
    let lit: Vec<bool> = (0..SIDE * SIDE)
        .map(|i| {
            let (x, y) = ((i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5);
            // The preparation fills what the frame cut off with 0.
            inside(x, y, SIDE) && green[i] > 0.0
        })
        .collect();
    // Sums over everything above and to the left, of values and of lit pixels.
    let mut sums = vec![(0.0f32, 0.0f32); (SIDE + 1) * (SIDE + 1)];
    for y in 0..SIDE {
        let mut row = (0.0, 0.0);
        for x in 0..SIDE {
            if lit[y * SIDE + x] {
                row.0 += green[y * SIDE + x];
                row.1 += 1.0;
            }
            let above = sums[y * (SIDE + 1) + x + 1];
            sums[(y + 1) * (SIDE + 1) + x + 1] = (above.0 + row.0, above.1 + row.1);
        }
    }
    let mut fine = vec![0.0f32; SIDE * SIDE];
    for y in 0..SIDE {
        for x in 0..SIDE {
            if lit[y * SIDE + x] {
                let (top, bottom) = (y.saturating_sub(BLUR), (y + BLUR + 1).min(SIDE));
                let (left, right) = (x.saturating_sub(BLUR), (x + BLUR + 1).min(SIDE));
                let at = |x: usize, y: usize| sums[y * (SIDE + 1) + x];
                let (a, b) = (at(right, bottom), at(left, bottom));
                let (c, d) = (at(right, top), at(left, top));
                let (sum, count) = (a.0 - b.0 - c.0 + d.0, a.1 - b.1 - c.1 + d.1);
                fine[y * SIDE + x] = green[y * SIDE + x] - sum / count;
            }
        }
    }
    let count = lit.iter().filter(|&&lit| lit).count().max(1) as f32;
    let deviation = (fine.iter().map(|v| v * v).sum::<f32>() / count).sqrt();
    if deviation < LEAST_DETAIL {
        return vec![DARK; SIDE * SIDE];
    }
    fine.iter()
        .zip(&lit)
        .map(|(&value, &lit)| match lit {
            true => (value / deviation * 32.0).round().clamp(-127.0, 127.0) as i8,
            false => DARK,
        })
        .collect()
}
