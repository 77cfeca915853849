//! Fundus photographs that nobody owns: drawn, not taken.
//!
//! The device needs photographs that may be shipped, that show what is asked
//! of them, and that are the same on every machine: for the demonstration, for
//! the simulated camera, for tests. Real photographs belong to patients and to
//! the owners of data sets. These are never used to train a student as if they
//! were real.
//!
//! Drawing has two halves, so that a simulated camera stays cheap:
//!
//! 1. [`Setup::new`] paints what is fixed to the eye: pigment and choroid, disc
//!    and macula, vessels, findings, as linear light.
//! 2. [`Setup::photograph`] makes what belongs to camera and moment:
//!    illumination, haze, focus, shift of the eye, exposure, noise, field stop.
//!
//! [`draw`] does both once. The same [`Scene`] gives the same bytes on every
//! run and processor: random numbers come from ChaCha, elementary functions
//! from `libm` and not from the platform, and no sum depends on the number of
//! threads.
//!
//! Lengths on the retina are in disc diameters (`dd`), as clinicians give
//! them, with the origin at the fovea, x towards the nose, y upwards.

#![warn(missing_docs)]

mod camera;
mod canvas;
mod colour;
mod fundus;
mod geometry;
mod non_fundus;
mod presets;
mod rng;
mod scene;
mod shadow;
#[cfg(test)]
mod tests;
mod texture;

pub use camera::{Moment, Setup};
pub use non_fundus::{draw_non_fundus, NonFundus};
pub use presets::{by_name, presets, Preset, Subject};
pub use scene::{Anatomy, CameraFaults, Eye, Findings, Frame, Scene, MAX_SIZE, MIN_SIZE};

/// The photograph of `scene`, `scene.size` pixels square.
pub fn draw(scene: &Scene) -> image::RgbImage {
    Setup::new(scene, 0.0).photograph(&Moment::default())
}
