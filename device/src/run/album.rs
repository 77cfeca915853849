//! The photographs of the exam that goes on, as views show them.

use std::collections::BTreeMap;
use std::time::Duration;

use image::RgbImage;

use crate::exam::ShotId;

/// One photograph.
pub(super) struct Entry {
    /// When the shutter was released.
    pub since: Duration,
    /// As views show it.
    pub picture: Option<RgbImage>,
    /// With the evidence for its gravest finding over it, and that finding's
    /// index in the taxonomy.
    pub evidence: Option<(RgbImage, usize)>,
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
        };
        self.entries.insert(shot, entry);
    }

    /// Adds the picture that views show.
    pub fn prepared(&mut self, shot: ShotId, picture: RgbImage) {
        if let Some(entry) = self.entries.get_mut(&shot) {
            entry.picture = Some(picture);
        }
    }

    /// Adds the picture with the evidence. A photograph of an exam that is over is
    /// not taken back in.
    pub fn graded(&mut self, shot: ShotId, evidence: Option<(RgbImage, usize)>) {
        if let Some(entry) = self.entries.get_mut(&shot) {
            entry.evidence = evidence;
        }
    }

    pub fn get(&self, shot: ShotId) -> Option<&Entry> {
        self.entries.get(&shot)
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
