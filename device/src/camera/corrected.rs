//! A camera whose light and tint are taken out of its photographs.

use std::sync::Arc;
use std::time::Duration;

use fovea_core::profile::CameraProfile;

use super::{About, Camera, CameraError, Control, ControlKind, Frame, Level};
use crate::exam::words::Eye;

/// Applies a profile to every photograph, and leaves the original beside it: it
/// cannot be got back from what the profile made. The preview stays as it
/// comes: it is for aiming, and must be quick.
pub struct Corrected {
    camera: Box<dyn Camera>,
    profile: Arc<CameraProfile>,
}

impl Corrected {
    /// A camera whose photographs `profile` is applied to.
    pub fn new(camera: Box<dyn Camera>, profile: Arc<CameraProfile>) -> Corrected {
        Corrected { camera, profile }
    }
}

impl Camera for Corrected {
    fn about(&self) -> About {
        self.camera.about()
    }

    fn next(&mut self, frame: &mut Frame, wait: Duration) -> Result<(), CameraError> {
        self.camera.next(frame, wait)
    }

    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
        self.camera.still(frame)?;
        frame.original = Some(frame.rgb.clone());
        // Graded without it, the photograph would be judged as if another
        // camera had taken it.
        self.profile
            .apply(&mut frame.rgb)
            .map_err(CameraError::Profile)
    }

    fn controls(&self) -> &[Control] {
        self.camera.controls()
    }

    fn set(&mut self, control: ControlKind, level: Level) -> Result<(), CameraError> {
        self.camera.set(control, level)
    }

    fn aim(&mut self, eye: Eye) {
        self.camera.aim(eye);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{open, Clock};

    /// Photographs of a grey target that is bright in its middle only.
    fn profile() -> CameraProfile {
        let target = image::RgbImage::from_fn(400, 400, |x, y| {
            let (u, v) = ((x as f32 - 199.5) / 190.0, (y as f32 - 199.5) / 190.0);
            let r = u * u + v * v;
            let light = if r < 1.0 { 1.0 - 0.4 * r } else { 0.0 };
            image::Rgb([200.0, 180.0, 160.0].map(|value| (value * light) as u8))
        });
        CameraProfile::measure("here", &[target.clone(), target.clone(), target]).unwrap()
    }

    #[test]
    fn photographs_are_corrected_and_the_preview_is_not() {
        let clock = Clock::start();
        let source = "demo:healthy".parse().unwrap();
        let profile = Arc::new(profile());
        let mut plain = open(&source, [], &clock).unwrap();
        let mut corrected = Corrected::new(open(&source, [], &clock).unwrap(), profile.clone());
        let (mut expected, mut found) = (Frame::default(), Frame::default());
        plain.still(&mut expected).unwrap();
        corrected.still(&mut found).unwrap();
        assert_eq!(found.rgb.dimensions(), expected.rgb.dimensions());
        assert!(expected.original.is_none(), "it would be the same twice");
        let mut again = found.original.clone().unwrap();
        assert_ne!(again, found.rgb);
        profile.apply(&mut again).unwrap();
        assert_eq!(again, found.rgb);
        profile.apply(&mut expected.rgb).unwrap();
        let mean = |frame: &Frame| {
            let bytes = frame.rgb.as_raw();
            bytes.iter().map(|&v| f64::from(v)).sum::<f64>() / bytes.len() as f64
        };
        // The drawn eye moves between the two, but not by much.
        assert!((mean(&expected) - mean(&found)).abs() < 3.0);
        assert_eq!(corrected.about(), plain.about());
    }
}
