//! Photographs as they were taken, beside those that a camera's profile made of
//! them.
//!
//! What is graded and shown is the corrected photograph. A correction cannot be
//! undone: it rounds, and values that it made too bright are gone. So the
//! original is kept as well, with the profile that was applied to it, whole.

use fovea_core::bundle::sha256_hex;
use fovea_core::profile::{CameraProfile, ProfileError};
use rusqlite::types::Value;
use serde::Serialize;

use super::Photograph;
use crate::exam::ShotId;

/// A camera's profile that photographs were corrected with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Of `toml`, in hexadecimal; what tells it from others.
    pub sha256: String,
    /// The camera as the profile names it.
    pub camera: String,
    /// Version of the profile's format.
    pub format: u32,
    /// The profile as its file holds it. An export has it as a file as well.
    #[serde(skip)]
    pub toml: String,
}

impl Profile {
    /// What is kept of `profile`.
    ///
    /// # Errors
    /// When it cannot be written as TOML.
    pub fn of(profile: &CameraProfile) -> Result<Profile, ProfileError> {
        let toml = profile.to_toml()?;
        Ok(Profile {
            sha256: sha256_hex(toml.as_bytes()),
            camera: profile.camera.clone(),
            format: profile.format,
            toml,
        })
    }

    pub(super) fn row(&self) -> Vec<Value> {
        vec![
            self.sha256.clone().into(),
            self.camera.clone().into(),
            self.format.into(),
            self.toml.clone().into(),
        ]
    }
}

/// A photograph as it was taken, and what was applied to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Original {
    /// Its file: hash, length and size.
    #[serde(flatten)]
    pub photograph: Photograph,
    /// What was applied to it.
    pub profile: Profile,
}

impl Original {
    pub(super) fn row(&self, number: i64, shot: ShotId) -> Vec<Value> {
        vec![
            number.into(),
            shot.0.cast_signed().into(),
            self.photograph.sha256.clone().into(),
            self.profile.sha256.clone().into(),
        ]
    }
}
