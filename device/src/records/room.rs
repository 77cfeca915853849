//! Whether another exam fits on the disk.

use std::path::Path;

use super::StoreError;
use crate::exam::words::Eye;
use crate::exam::MOST_SHOTS;
use crate::files::existing;

/// Bytes for the rows of an exam and for what SQLite writes beside them: its
/// log of 1,000 pages of 4 KiB, and as much again where that is folded in.
const ROWS: u64 = 8 << 20;

/// What the photographs of an exam will be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stills {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Whether a camera's profile is applied: then each is kept as it was taken
    /// and as it was made.
    pub corrected: bool,
}

/// Space on the store's disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What this program may still write.
    pub free: u64,
    /// What must be free for an exam to begin: as much as one needs at most,
    /// every photograph that may be taken of both eyes and none any smaller for
    /// being encoded; or more, if the caller wants more.
    pub needed: u64,
}

impl Room {
    /// Space on the disk of the store in `dir`, and what an exam with such
    /// `stills` needs: at least `least` bytes.
    ///
    /// # Errors
    /// When the disk does not say.
    pub fn of(dir: &Path, stills: Stills, least: u64) -> Result<Room, StoreError> {
        // A folder that is not there yet will be made on the same disk.
        let disk = rustix::fs::statvfs(existing(dir))
            .map_err(|error| StoreError::read(dir, error.into()))?;
        let copies = if stills.corrected { 2 } else { 1 };
        let photographs = copies * (Eye::BOTH.len() * MOST_SHOTS) as u64;
        let pixels = u64::from(stills.width) * u64::from(stills.height);
        Ok(Room {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            needed: photographs
                .saturating_mul(pixels)
                .saturating_mul(3)
                .saturating_add(ROWS)
                .max(least),
        })
    }

    /// Whether an exam may begin.
    pub fn suffices(&self) -> bool {
        self.free >= self.needed
    }

    /// Whether it is time to make room: less than two exams may need.
    pub fn is_scarce(&self) -> bool {
        self.free < self.needed.saturating_mul(2)
    }
}
