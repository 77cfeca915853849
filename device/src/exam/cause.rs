//! Why the device could not do what the exam asked for.

use std::sync::Arc;

use crate::language::{fill, shown_in_english, InWords, Texts};

/// Why an exam cannot begin or be saved, or why there is no photograph. The exam
/// hands it on to what shows it, and knows nothing of cameras and disks but
/// whether one is full. Two that say the same are equal.
#[derive(Clone, Debug)]
pub struct Cause {
    what: Arc<dyn InWords + Send + Sync>,
    full_disk: bool,
}

impl Cause {
    /// A cause that is not a full disk.
    pub fn new(what: impl InWords + Send + Sync + 'static) -> Cause {
        Cause {
            what: Arc::new(what),
            full_disk: false,
        }
    }

    /// The disk is full, or so nearly that it counts as full.
    pub fn full_disk(what: impl InWords + Send + Sync + 'static) -> Cause {
        Cause {
            full_disk: true,
            ..Cause::new(what)
        }
    }

    /// Whether [`Cause::full_disk`] made it. The operator is then told to make room.
    pub fn is_full_disk(&self) -> bool {
        self.full_disk
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Cause) -> bool {
        self.full_disk == other.full_disk && self.to_string() == other.to_string()
    }
}

impl Eq for Cause {}

shown_in_english!(Cause);

impl InWords for Cause {
    fn in_words(&self, texts: &Texts) -> String {
        self.what.in_words(texts)
    }
}

/// What goes wrong between the parts of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The camera has too much to do already.
    CameraBusy,
    /// The store did not answer in time.
    StoreSilent,
    /// The program failed while it used the store, and what it said, in English.
    StoreBrokeDown(String),
}

impl From<Trouble> for Cause {
    fn from(trouble: Trouble) -> Cause {
        Cause::new(trouble)
    }
}

impl InWords for Trouble {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.causes;
        match self {
            Trouble::CameraBusy => table.camera_busy.clone(),
            Trouble::StoreSilent => table.store_silent.clone(),
            Trouble::StoreBrokeDown(detail) => fill(&table.store_broke_down, &[("detail", detail)]),
        }
    }
}
