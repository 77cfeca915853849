//! Why the device could not do what the exam asked for.

use crate::camera::CameraError;
use crate::language::{fill, shown_in_english, InWords, Texts};
use crate::records::{Room, StoreError};

/// Why an exam cannot begin or be saved, or why there is no photograph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Camera(CameraError),
    /// The camera has too much to do already.
    CameraBusy,
    Store(StoreError),
    /// The store's disk has less room than an exam may need.
    NoRoom(Room),
    /// The store did not answer in time.
    StoreSilent,
    /// The program failed while it used the store, and what it said, in English.
    StoreBrokeDown(String),
}

impl Cause {
    /// Whether the disk is full, or so nearly that it counts as full.
    pub fn is_full_disk(&self) -> bool {
        matches!(self, Cause::NoRoom(_) | Cause::Store(StoreError::Full))
    }
}

shown_in_english!(Cause);

impl InWords for Cause {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.causes;
        match self {
            Cause::Camera(error) => error.in_words(texts),
            Cause::CameraBusy => table.camera_busy.clone(),
            Cause::Store(error) => error.in_words(texts),
            Cause::NoRoom(room) => room.in_words(texts),
            Cause::StoreSilent => table.store_silent.clone(),
            Cause::StoreBrokeDown(detail) => fill(&table.store_broke_down, &[("detail", detail)]),
        }
    }
}
