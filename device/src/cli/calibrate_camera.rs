//! `fovea calibrate-camera`: photographs of a white target become the camera's
//! profile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fovea_core::photograph;
use fovea_core::profile::{CameraProfile, MIN_FRAMES};
use image::RgbImage;

use super::{config::Flags, say, Failure};
use crate::camera::{patiently, Camera, CameraError, Frame};
use crate::config::Camera as CameraConfig;

/// Measures the camera's light and tint on a white target
///
/// Hold plain white paper, evenly lit, close in front of the lens in a dark room, so
/// that it fills the whole field of view. What is found is written where
/// `camera.profile` of the configuration says, and taken out of every
/// photograph before it is graded.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Measure on these photographs of the target instead of taking some
    #[arg(long, value_name = "FILES", num_args = 1..)]
    pub frames: Vec<PathBuf>,
    /// Take so many photographs of the target
    #[arg(long, value_name = "N", default_value_t = 5, conflicts_with = "frames",
          value_parser = clap::value_parser!(u16).range(MIN_FRAMES as i64..=50))]
    pub count: u16,
    #[command(flatten)]
    pub flags: Flags,
}

/// Measures the profile and writes it, or says why not. `open` opens the
/// camera, when no photographs were named.
pub(super) fn run(
    options: &Options,
    open: impl FnOnce(&CameraConfig) -> Result<Box<dyn Camera>, CameraError>,
) -> Result<u8, Failure> {
    let config = options.flags.config()?;
    let (camera, path) = (config.camera.source.to_string(), &config.camera.profile);
    let frames = if options.frames.is_empty() {
        open(&config.camera)
            .and_then(|mut camera| take(camera.as_mut(), options.count))
            .map_err(|error| Failure::Refused(error.to_string()))?
    } else {
        read(&options.frames)?
    };
    let refused = |error: fovea_core::profile::ProfileError| Failure::Refused(error.to_string());
    let profile = CameraProfile::measure(&camera, &frames).map_err(refused)?;
    profile.write(path).map_err(refused)?;
    say(&sentence(&profile, path));
    Ok(0)
}

/// Photographs from the camera.
fn take(camera: &mut dyn Camera, count: u16) -> Result<Vec<RgbImage>, CameraError> {
    /// Pictures after which the camera's automatic exposure has settled: a
    /// second at thirty a second.
    const SETTLING: u32 = 30;
    /// Slower no camera sends them.
    const WAIT: Duration = Duration::from_secs(2);
    let mut frame = Frame::default();
    for _ in 0..SETTLING {
        patiently(|| camera.next(&mut frame, WAIT))?;
    }
    let mut photographs = Vec::new();
    for _ in 0..count {
        patiently(|| camera.still(&mut frame))?;
        photographs.push(std::mem::take(&mut frame.rgb));
    }
    Ok(photographs)
}

/// Photographs from files.
fn read(paths: &[PathBuf]) -> Result<Vec<RgbImage>, Failure> {
    let read = |path: &PathBuf| match photograph::read(path) {
        Ok(photograph) => Ok(photograph.rgb),
        Err(error) => Err(Failure::Refused(format!("{}: {error}", path.display()))),
    };
    paths.iter().map(read).collect()
}

fn sentence(profile: &CameraProfile, path: &Path) -> String {
    let (white, measured) = (profile.white_balance, profile.measured);
    format!(
        "wrote {}: red x {:.2}, blue x {:.2}, grain {:.1} %, unevenness {:.1} %, from {} frames",
        path.display(),
        white.red,
        white.blue,
        100.0 * measured.noise,
        100.0 * measured.uneven,
        measured.frames
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{About, ConvertError};
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    /// A camera before a white target, every third of whose pictures is
    /// damaged.
    #[derive(Default)]
    struct Target {
        asked: u32,
    }

    impl Camera for Target {
        fn about(&self) -> About {
            About::Drawn {
                names: vec!["a white target"],
                side: 0,
                rate: 0,
            }
        }

        fn next(&mut self, frame: &mut Frame, _: Duration) -> Result<(), CameraError> {
            self.asked += 1;
            if self.asked.is_multiple_of(3) {
                return Err(CameraError::Corrupt {
                    place: "here".to_owned(),
                    reason: ConvertError::EndsEarly,
                });
            }
            frame.rgb = target();
            Ok(())
        }

        fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
            self.next(frame, Duration::ZERO)
        }
    }

    /// A disc that darkens towards its rim.
    fn target() -> RgbImage {
        RgbImage::from_fn(200, 160, |x, y| {
            let (u, v) = ((x as f32 - 99.5) / 70.0, (y as f32 - 79.5) / 70.0);
            let r = u * u + v * v;
            let light = if r < 1.0 { 1.0 - 0.3 * r } else { 0.0 };
            image::Rgb([220.0, 180.0, 120.0].map(|value| (value * light) as u8))
        })
    }

    fn options(words: &[&str]) -> Options {
        Line::parse_from(std::iter::once(&"fovea").chain(words)).options
    }

    #[test]
    fn a_live_camera_is_calibrated_and_the_profile_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("camera.toml");
        let options = options(&[
            "--camera",
            "folder:here",
            "--profile",
            path.to_str().unwrap(),
            "--count",
            "4",
        ]);
        run(&options, |_| Ok(Box::new(Target::default()))).unwrap();
        let profile = CameraProfile::open(&path).unwrap();
        assert_eq!(
            (profile.camera.as_str(), profile.measured.frames),
            ("folder:here", 4)
        );
        assert!(
            (profile.white_balance.blue - 1.5).abs() < 0.02,
            "{profile:?}"
        );
    }

    #[test]
    fn named_photographs_are_used_and_the_camera_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, frame) = (folder.path().join("c.toml"), folder.path().join("f.png"));
        target().save(&frame).unwrap();
        let (path, frame) = (path.to_str().unwrap(), frame.to_str().unwrap());
        let untouched = |_: &CameraConfig| -> Result<Box<dyn Camera>, CameraError> {
            panic!("the camera was opened")
        };
        let ok = options(&["--profile", path, "--frames", frame, frame, frame]);
        assert_eq!(run(&ok, untouched).unwrap(), 0);
        let few = options(&["--profile", path, "--frames", frame]);
        let said = run(&few, untouched).unwrap_err().to_string();
        assert!(said.starts_with("there are 1 frames"), "{said}");
        let none = options(&["--profile", path, "--frames", "/no/such.png"]);
        let said = run(&none, untouched).unwrap_err().to_string();
        assert!(said.starts_with("/no/such.png: "), "{said}");
    }
}
