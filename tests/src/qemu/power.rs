//! What a disk holds after the plug was pulled.
//!
//! Killing QEMU alone loses nothing: the host keeps what it was given. A real
//! disk has a cache: a write is safe once a flush after it was answered, and
//! until then it may be there, or not, or in part, whatever came before or after
//! it. QEMU's `blklogwrites` notes writes and flushes in the format of the
//! kernel's dm-log-writes; this plays them back as a disk would have kept them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::failure::{Failure, Result};

/// What became of a write that was not flushed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Kept,
    Lost,
    /// It was written up to this part of its length, 0..1, in whole `BLOCK`s.
    Torn(f64),
}

/// The unit of the log.
const SECTOR: u64 = 512;
/// What a disk writes whole or not at all: the sector of today's disks. ext4 relies on it: it does
/// not mount after a commit block of its journal was torn.
const BLOCK: u64 = 4096;
const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
/// The write itself goes past the cache.
const FUA: u64 = 2;
const DISCARD: u64 = 4;

/// One note of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// First sector on the disk.
    sector: u64,
    sectors: u64,
    flags: u64,
    /// Where its bytes begin in the log.
    data: u64,
}

impl Entry {
    /// How many bytes of the log it takes, after its head.
    fn held(&self) -> u64 {
        // A discard writes nothing.
        let sectors = if self.flags & DISCARD == 0 {
            self.sectors
        } else {
            0
        };
        sectors.saturating_mul(SECTOR)
    }

    /// Where the next one begins.
    pub fn end(&self) -> u64 {
        self.data.saturating_add(self.held())
    }
}

/// Plays the log at `writes`, up to byte `until`, onto the disk at `image`.
pub(super) fn replay(
    writes: &Path,
    until: u64,
    image: &Path,
    fate: impl FnMut() -> Fate,
) -> Result<()> {
    let mut entries = entries(writes)?;
    entries.retain(|entry| entry.end() <= until);
    let mut log = File::open(writes).map_err(Failure::file("read", writes))?;
    let mut disk = File::options()
        .write(true)
        .open(image)
        .map_err(Failure::file("write", image))?;
    apply(&entries, &mut log, &mut disk, fate).map_err(Failure::file("write", image))
}

fn apply(
    entries: &[Entry],
    log: &mut (impl Read + Seek),
    disk: &mut (impl Write + Seek),
    mut fate: impl FnMut() -> Fate,
) -> io::Result<()> {
    let flushed = entries.iter().rposition(|entry| entry.flags & FLUSH != 0);
    for (at, entry) in entries.iter().enumerate() {
        let safe = flushed.is_some_and(|last| at <= last) || entry.flags & FUA != 0;
        let bytes = match if safe { Fate::Kept } else { fate() } {
            Fate::Kept => entry.held(),
            Fate::Lost => 0,
            Fate::Torn(part) => (entry.held() as f64 * part) as u64 / BLOCK * BLOCK,
        };
        log.seek(SeekFrom::Start(entry.data))?;
        disk.seek(SeekFrom::Start(entry.sector * SECTOR))?;
        io::copy(&mut log.by_ref().take(bytes), disk)?;
    }
    Ok(())
}

/// Every entry that QEMU had written whole.
pub(super) fn entries(path: &Path) -> Result<Vec<Entry>> {
    let file = File::open(path).map_err(Failure::file("read", path))?;
    let length = file.metadata().map_err(Failure::file("read", path))?.len();
    let mut log = BufReader::new(file);
    let mut found = Vec::new();
    let mut at = 0;
    while at + SECTOR <= length {
        log.seek(SeekFrom::Start(at))
            .map_err(Failure::file("read", path))?;
        let words = words(&mut log).map_err(Failure::file("read", path))?;
        if at == 0 {
            if words[0] != MAGIC || words[3] & 0xffff_ffff != SECTOR {
                return Err(damaged(path, at));
            }
            at += SECTOR;
            continue;
        }
        let entry = Entry {
            sector: words[0],
            sectors: words[1],
            flags: words[2],
            data: at + SECTOR,
        };
        // The end of the log, or the entry that QEMU was writing when it was killed.
        let unwritten = entry.sectors == 0 && entry.flags == 0;
        if unwritten || entry.end() > length {
            break;
        }
        found.push(entry);
        at = entry.end();
    }
    Ok(found)
}

fn words(log: &mut impl Read) -> io::Result<[u64; 4]> {
    let mut words = [0; 4];
    for word in &mut words {
        let mut bytes = [0; 8];
        log.read_exact(&mut bytes)?;
        *word = u64::from_le_bytes(bytes);
    }
    Ok(words)
}

fn damaged(path: &Path, at: u64) -> Failure {
    Failure::Log {
        path: path.to_path_buf(),
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(words: [u64; 4]) -> Vec<u8> {
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.resize(SECTOR as usize, 0);
        bytes
    }

    /// Each write covers two blocks with its letter; a flush has no letter. Places are blocks.
    fn log(entries: &[(u64, u64, Option<u8>)]) -> Vec<u8> {
        let mut bytes = head([MAGIC, 1, 0, SECTOR]);
        for &(block, flags, letter) in entries {
            let blocks = if letter.is_some() { 2 } else { 0 };
            let [sector, sectors] = [block, blocks].map(|blocks| blocks * BLOCK / SECTOR);
            bytes.extend(head([sector, sectors, flags, 0]));
            bytes.extend(
                letter
                    .into_iter()
                    .flat_map(|letter| [letter; 2 * BLOCK as usize]),
            );
        }
        bytes
    }

    /// The first byte of each of eight blocks.
    fn disk_after(log: &[u8], until: usize, fate: impl FnMut() -> Fate) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (writes, image) = (folder.path().join("writes"), folder.path().join("image"));
        std::fs::write(&writes, log).unwrap();
        std::fs::write(&image, vec![b'.'; 8 * BLOCK as usize]).unwrap();
        replay(&writes, until as u64, &image, fate).unwrap();
        let disk = std::fs::read(&image).unwrap();
        let firsts = disk.chunks(BLOCK as usize).map(|block| block[0] as char);
        firsts.collect()
    }

    #[test]
    fn what_was_flushed_stays_and_the_rest_has_its_fate() {
        let log = log(&[
            (0, 0, Some(b'a')),
            (0, FLUSH, None),
            (2, 0, Some(b'b')),
            (4, FUA, Some(b'c')),
            (6, 0, Some(b'd')),
        ]);
        assert_eq!(disk_after(&log, log.len(), || Fate::Kept), "aabbccdd");
        assert_eq!(disk_after(&log, log.len(), || Fate::Lost), "aa..cc..");
        assert_eq!(disk_after(&log, log.len(), || Fate::Torn(0.9)), "aab.ccd.");
        let mut fates = [Fate::Lost, Fate::Kept].into_iter();
        assert_eq!(
            disk_after(&log, log.len(), || fates.next().unwrap()),
            "aa..ccdd"
        );
    }

    #[test]
    fn the_power_may_go_before_the_flush() {
        let sector = SECTOR as usize;
        let log = log(&[(0, 0, Some(b'a')), (2, 0, Some(b'b')), (0, FLUSH, None)]);
        assert_eq!(disk_after(&log, log.len(), || Fate::Lost), "aabb....");
        assert_eq!(
            disk_after(&log, log.len() - sector, || Fate::Lost),
            "........"
        );
        assert_eq!(
            disk_after(&log, log.len() - 2 * sector, || Fate::Kept),
            "aa......"
        );
    }

    #[test]
    fn an_entry_cut_in_the_middle_was_never_written() {
        let mut log = log(&[(0, 0, Some(b'a')), (2, 0, Some(b'b'))]);
        log.truncate(log.len() - 1);
        assert_eq!(disk_after(&log, log.len(), || Fate::Kept), "aa......");
    }

    #[test]
    fn a_file_that_is_no_log_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let writes = folder.path().join("writes");
        std::fs::write(&writes, vec![7; 4096]).unwrap();
        assert!(matches!(entries(&writes), Err(Failure::Log { .. })));
    }
}
