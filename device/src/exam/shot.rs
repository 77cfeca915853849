//! A photograph of an exam, as it is asked for and as it comes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One request for a photograph and all that comes of it: the photograph
/// itself, its verdict, its place in the record. The exam never gives one out
/// twice while the program runs, whatever the camera's frame ids do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShotId(pub u64);

/// A photograph as the camera gave it; its pixels stay with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Still {
    /// The camera's id of the frame.
    pub frame: u64,
    /// When it was exposed, since the program's start; `None` where the camera
    /// does not say.
    pub captured: Option<Duration>,
    /// When it was taken from the camera's queue; since the program's start.
    pub dequeued: Duration,
}
