//! The photographs of the exam that goes on, as views show them.

use std::collections::BTreeMap;
use std::time::Duration;

use image::RgbImage;

use crate::exam::ShotId;
use crate::grade::record::Record;

/// One photograph.
pub(super) struct Entry {
    /// When the shutter was released.
    pub since: Duration,
    /// As views show it.
    pub picture: Option<RgbImage>,
    pub evidence: Option<(RgbImage, usize)>,
    pub record: Option<Record>,
}

/// Emptied when the exam is over: nobody's picture outlasts it.
#[derive(Default)]
pub(super) struct Album {
    entries: BTreeMap<ShotId, Entry>,
}

impl Album {
    /// Adds a photograph as it came.
    pub fn add(&mut self, shot: ShotId, since: Duration) {
        let entry = Entry {
            since,
            picture: None,
            evidence: None,
            record: None,
        };
        self.entries.insert(shot, entry);
    }

    /// Adds the picture that views show.
    pub fn prepared(&mut self, shot: ShotId, picture: RgbImage) {
        if let Some(entry) = self.entries.get_mut(&shot) {
            entry.picture = Some(picture);
        }
    }

    /// Adds what was found of it. A photograph of an exam that is over is not taken
    /// back in.
    pub fn graded(&mut self, shot: ShotId, record: Record, evidence: Option<(RgbImage, usize)>) {
        if let Some(entry) = self.entries.get_mut(&shot) {
            entry.evidence = evidence;
            entry.record = Some(record);
        }
    }

    pub fn get(&self, shot: ShotId) -> Option<&Entry> {
        self.entries.get(&shot)
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
