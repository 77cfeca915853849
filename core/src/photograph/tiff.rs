//! The pages of a TIFF: which is the photograph, and whether it is whole.
//!
//! The decoder takes the first page, and cameras' software puts a thumbnail
//! there. Only the directories are read here; a page becomes the first by a
//! changed offset in the file's header.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::jpeg::{self, Fault};

/// Pages looked at; a loop of directories ends here.
const MOST_PAGES: usize = 256;
/// Most values of one tag: offsets of strips.
const MOST_VALUES: u64 = 1 << 20;

const SUBFILE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const STRIP_OFFSETS: u16 = 273;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_LENGTHS: u16 = 279;
const TILE_HEIGHT: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_LENGTHS: u16 = 325;
const SUB_PAGES: u16 = 330;
const JPEG_TABLES: u16 = 347;

/// Compression as whole JPEGs, one a strip or tile.
const JPEG: u64 = 7;

/// One directory.
#[derive(Debug)]
pub(super) struct Page {
    /// Where its directory is.
    offset: u64,
    /// Whether the header leads to it.
    first: bool,
    width: u64,
    height: u64,
    /// Whether it is a mask and no picture.
    mask: bool,
    /// Of pages that are JPEGs: where they are, and their common tables.
    jpegs: Option<Jpegs>,
}

#[derive(Debug)]
struct Jpegs {
    tables: Vec<u8>,
    /// Offset and length of each.
    places: Vec<(u64, u64)>,
    /// Rows of each, but for the last strip.
    rows: u64,
    tiled: bool,
}

/// The pages and sub-pages; as many as can be made out. Only the [`largest`] has its JPEGs.
pub(super) fn pages(bytes: &[u8]) -> Vec<Page> {
    let mut pages = Vec::new();
    let Some(file) = File::new(bytes) else {
        return pages;
    };
    let mut due: Vec<u64> = file.first().into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(offset) = due.pop() {
        // Directories without a picture count as well: each takes its time.
        if offset == 0 || seen.len() == MOST_PAGES || !seen.insert(offset) {
            continue;
        }
        let Some((mut page, further)) = file.page(offset, pages.is_empty()) else {
            continue;
        };
        // Only the largest page is looked at further, and lists of strips are long.
        if largest(&pages).is_some_and(|most| most.pixels() >= page.pixels()) {
            page.jpegs = None;
        } else if !page.mask {
            pages.iter_mut().for_each(|smaller| smaller.jpegs = None);
        }
        pages.push(page);
        due.extend(further.into_iter().take(MOST_PAGES));
    }
    pages
}

/// The page with the most pixels, the first of equals.
pub(super) fn largest(pages: &[Page]) -> Option<&Page> {
    pages
        .iter()
        .rev()
        .filter(|page| !page.mask)
        .max_by_key(|page| page.pixels())
}

impl Page {
    fn pixels(&self) -> u64 {
        self.width * self.height
    }

    /// The file with this page as its first.
    pub(super) fn as_first<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match File::new(bytes) {
            Some(file) if !self.first => Cow::Owned(file.beginning_at(self.offset)),
            _ => Cow::Borrowed(bytes),
        }
    }

    /// Checks each JPEG of the page, for the decoder fills in what they lack.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), Fault> {
        let Some(jpegs) = &self.jpegs else {
            return Ok(());
        };
        let mut whole = Vec::new();
        for (i, &(from, length)) in (0u64..).zip(&jpegs.places) {
            let end = from.saturating_add(length);
            let part = usize::try_from(from)
                .ok()
                .zip(usize::try_from(end).ok())
                .and_then(|(from, end)| bytes.get(from..end))
                .ok_or(Fault::EndsEarly)?;
            // Start marker and tables without their end, then the rest.
            whole.clear();
            match jpegs.tables.as_slice() {
                [tables @ .., 0xFF, 0xD9] => {
                    whole.extend_from_slice(tables);
                    whole.extend_from_slice(part.get(2..).unwrap_or_default());
                }
                _ => whole.extend_from_slice(part),
            }
            let found = jpeg::walk(&whole)?;
            // The last strip is shorter; planes of one colour each follow one another.
            let strip = i % self.height.div_ceil(jpegs.rows).max(1);
            let rows = match jpegs.tiled {
                true => jpegs.rows,
                false => jpegs.rows.min(self.height - strip * jpegs.rows),
            };
            if u64::from(found.height) < rows {
                return Err(Fault::EndsEarly);
            }
        }
        Ok(())
    }
}

/// Numbers of a TIFF or BigTIFF, of either byte order.
struct File<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// Offsets of 8 bytes.
    big: bool,
}

/// A directory's entry.
struct Entry {
    tag: u16,
    kind: u64,
    count: u64,
    /// Where its value, or the value's offset, is.
    at: usize,
}

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Option<File<'a>> {
        let (big_endian, big) = match bytes.get(..4)? {
            b"II\x2a\0" => (false, false),
            b"MM\0\x2a" => (true, false),
            b"II\x2b\0" => (false, true),
            b"MM\0\x2b" => (true, true),
            _ => return None,
        };
        Some(File {
            bytes,
            big_endian,
            big,
        })
    }

    /// Where the header's offset is.
    fn start(&self) -> usize {
        match self.big {
            true => 8,
            false => 4,
        }
    }

    /// Bytes of an offset.
    fn wide(&self) -> usize {
        match self.big {
            true => 8,
            false => 4,
        }
    }

    fn first(&self) -> Option<u64> {
        self.number(self.start(), self.wide())
    }

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let add = |sum: u64, &byte: &u8| (sum << 8) | u64::from(byte);
        Some(match self.big_endian {
            true => bytes.iter().fold(0, add),
            false => bytes.iter().rev().fold(0, add),
        })
    }

    fn beginning_at(&self, offset: u64) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let wide = self.wide();
        let offset = match self.big_endian {
            true => offset.to_be_bytes()[8 - wide..].to_vec(),
            false => offset.to_le_bytes()[..wide].to_vec(),
        };
        bytes[self.start()..self.start() + wide].copy_from_slice(&offset);
        bytes
    }

    /// The page whose directory is there, and those it leads to, the next last.
    fn page(&self, offset: u64, first: bool) -> Option<(Page, Vec<u64>)> {
        let at = usize::try_from(offset).ok()?;
        let (head, length) = match self.big {
            true => (8, 20),
            false => (2, 12),
        };
        let count = usize::try_from(self.number(at, head)?).ok()?;
        let entry = |i: usize| {
            let at = at.checked_add(head)?.checked_add(i.checked_mul(length)?)?;
            Some(Entry {
                tag: self.number(at, 2)? as u16,
                kind: self.number(at + 2, 2)?,
                count: self.number(at + 4, self.wide())?,
                at: at + 4 + self.wide(),
            })
        };
        let entries = (0..count).map_while(entry).collect::<Vec<_>>();
        let values = |tag: u16| {
            let found = entries.iter().find(|entry| entry.tag == tag);
            found
                .and_then(|entry| self.values(entry))
                .unwrap_or_default()
        };
        let value = |tag: u16| values(tag).first().copied();

        let mut further = values(SUB_PAGES);
        let behind = at + head + entries.len() * length;
        if entries.len() == count {
            further.extend(self.number(behind, self.wide()));
        }
        let (width, height) = (value(WIDTH)?, value(HEIGHT)?);
        let jpegs = (value(COMPRESSION) == Some(JPEG)).then(|| {
            let tiled = value(TILE_OFFSETS).is_some();
            let (offsets, lengths, rows) = match tiled {
                true => (TILE_OFFSETS, TILE_LENGTHS, TILE_HEIGHT),
                false => (STRIP_OFFSETS, STRIP_LENGTHS, ROWS_PER_STRIP),
            };
            Jpegs {
                tables: values(JPEG_TABLES).iter().map(|&v| v as u8).collect(),
                places: values(offsets).into_iter().zip(values(lengths)).collect(),
                rows: value(rows).unwrap_or(height).clamp(1, u64::from(u32::MAX)),
                tiled,
            }
        });
        let page = Page {
            offset,
            first,
            // No side is that long; then the product cannot overflow.
            width: width.min(u64::from(u32::MAX)),
            height: height.min(u64::from(u32::MAX)),
            mask: value(SUBFILE).is_some_and(|kind| kind & 4 != 0),
            jpegs,
        };
        Some((page, further))
    }

    /// An entry's whole numbers; none of other kinds.
    fn values(&self, entry: &Entry) -> Option<Vec<u64>> {
        let length = match entry.kind {
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => return None,
        };
        if entry.count > MOST_VALUES {
            return None;
        }
        let count = entry.count as usize;
        let at = match count * length <= self.wide() {
            true => entry.at,
            false => usize::try_from(self.number(entry.at, self.wide())?).ok()?,
        };
        (0..count)
            .map(|i| self.number(at.checked_add(i * length)?, length))
            .collect()
    }
}
