//! The place between the camera's thread and everybody else's: the newest
//! picture, and how the camera is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::camera::error::CameraError;
use crate::camera::{About, Frame};

/// How the camera is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being opened for the first time.
    Connecting,
    /// Pictures come; what it is and what was chosen.
    Live(Arc<About>),
    /// No pictures come, and why. Whatever was shown before is not live any
    /// more. It is tried again and again.
    Lost(CameraError),
}

/// A picture of the live view and what was made of it.
#[derive(Clone, Debug)]
pub struct Live<T> {
    /// The picture with its id and stamps.
    pub frame: Frame,
    /// What the feed's `assess` made of it.
    pub assessment: T,
}

/// Keeps the newest picture and no other. Pictures go in and out by swapping,
/// so three of them go round for ever: one being filled, one here, one being
/// shown.
pub struct Slot<T> {
    held: Mutex<Held<T>>,
}

struct Held<T> {
    /// The newest, or one that was seen and whose memory waits to be filled.
    picture: Option<Live<T>>,
    fresh: bool,
    status: Status,
}

impl<T> Slot<T> {
    pub fn new() -> Slot<T> {
        Slot {
            held: Mutex::new(Held {
                picture: None,
                fresh: false,
                status: Status::Connecting,
            }),
        }
    }

    /// Puts `live` in; gives back a frame whose memory can be filled.
    pub fn put(&self, live: Live<T>) -> Frame {
        let mut held = self.held();
        held.fresh = true;
        held.picture
            .replace(live)
            .map(|old| old.frame)
            .unwrap_or_default()
    }

    /// Swaps the newest picture into `seen`, unless it was taken before.
    pub fn take(&self, seen: &mut Option<Live<T>>) -> bool {
        let mut held = self.held();
        let fresh = std::mem::take(&mut held.fresh);
        if fresh {
            std::mem::swap(seen, &mut held.picture);
        }
        fresh
    }

    pub fn status(&self) -> Status {
        self.held().status.clone()
    }

    /// Pictures come.
    pub fn live(&self, about: About) {
        self.held().status = Status::Live(Arc::new(about));
    }

    /// No pictures come: what nobody has taken yet is not live any more.
    pub fn lost(&self, why: CameraError) {
        let mut held = self.held();
        held.fresh = false;
        held.status = Status::Lost(why);
    }

    /// A thread that panicked while holding the lock left whole values behind:
    /// all that is done under it is moving them.
    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
