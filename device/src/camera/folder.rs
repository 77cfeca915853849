//! A folder of photographs, shown as a camera would show them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fovea_core::photograph;
use image::imageops;
use image::RgbImage;

use super::negotiate::PREVIEW_HEIGHT;
use super::pace::{Pace, RATE};
use super::{About, Camera, CameraError, Clock, Frame, Stamps};
use crate::exam::words::Eye;
use crate::grade::photographs;

/// Frames for which a photograph is shown: five seconds.
const STRETCH: u32 = 5 * RATE;

/// A camera that sees the photographs of a folder and its sub-folders, sorted
/// by path, round and round.
///
/// Each is shown for a stretch of frames. As soon as somebody aims
/// ([`Camera::aim`]), the stretch counts no more: a photograph then stays until
/// the other eye is aimed at, so that an exam sees one photograph per eye.
pub struct Folder {
    folder: PathBuf,
    photographs: Vec<PathBuf>,
    /// The photograph that is shown, and how many frames of it were.
    at: usize,
    shown: u32,
    /// As it is shown; `None` until it was read.
    preview: Option<RgbImage>,
    aimed: Option<Eye>,
    pace: Pace,
}

impl Folder {
    /// Lists the photographs of `folder`.
    ///
    /// # Errors
    /// When it is no folder or holds no photographs.
    pub fn open(folder: &Path, clock: &Clock) -> Result<Folder, CameraError> {
        Folder::paced(folder, Pace::new(clock))
    }

    fn paced(folder: &Path, pace: Pace) -> Result<Folder, CameraError> {
        if !folder.is_dir() {
            return Err(CameraError::NoFolder(folder.to_owned()));
        }
        let photographs = photographs::list(&[folder.to_owned()]).photographs;
        if photographs.is_empty() {
            return Err(CameraError::EmptyFolder(folder.to_owned()));
        }
        Ok(Folder {
            folder: folder.to_owned(),
            photographs,
            at: 0,
            shown: 0,
            preview: None,
            aimed: None,
            pace,
        })
    }

    fn go_on(&mut self) {
        self.at = (self.at + 1) % self.photographs.len();
        self.shown = 0;
        self.preview = None;
    }

    fn read(&self) -> Result<RgbImage, CameraError> {
        let path = &self.photographs[self.at];
        match photograph::read(path) {
            Ok(photograph) => Ok(photograph.rgb),
            Err(error) => Err(CameraError::Photograph {
                path: path.clone(),
                fault: error.fault(),
            }),
        }
    }
}

impl Camera for Folder {
    fn about(&self) -> About {
        About::Folder {
            folder: self.folder.clone(),
            photographs: self.photographs.len(),
            rate: RATE,
        }
    }

    /// A photograph that cannot be read is told once and passed over.
    fn next(&mut self, frame: &mut Frame, _wait: Duration) -> Result<(), CameraError> {
        let beat = self.pace.wait();
        if self.aimed.is_none() && self.shown >= STRETCH {
            self.go_on();
        }
        if self.preview.is_none() {
            match self.read() {
                Ok(photograph) => self.preview = Some(reduced(photograph)),
                Err(error) => {
                    self.go_on();
                    return Err(error);
                }
            }
        }
        if let Some(preview) = &self.preview {
            frame
                .pixels(preview.width(), preview.height())
                .copy_from_slice(preview);
        }
        self.shown += 1;
        frame.stamps = Stamps::at(beat);
        Ok(())
    }

    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
        let beat = self.pace.wait();
        frame.rgb = self.read()?;
        frame.stamps = Stamps::at(beat);
        Ok(())
    }

    fn aim(&mut self, eye: Eye) {
        if self.aimed.is_some_and(|before| before != eye) {
            self.go_on();
        }
        self.aimed = Some(eye);
    }
}

/// At the size of a preview, where it is larger.
fn reduced(photograph: RgbImage) -> RgbImage {
    let (width, height) = photograph.dimensions();
    if height <= PREVIEW_HEIGHT {
        return photograph;
    }
    let width = u64::from(width) * u64::from(PREVIEW_HEIGHT) / u64::from(height);
    imageops::thumbnail(&photograph, (width as u32).max(1), PREVIEW_HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of grey photographs, each of another level.
    fn folder(levels: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (i, &level) in levels.iter().enumerate() {
            RgbImage::from_pixel(1000, 1080, image::Rgb([level; 3]))
                .save(dir.path().join(format!("{i}.png")))
                .unwrap();
        }
        dir
    }

    fn camera(dir: &tempfile::TempDir) -> Folder {
        let unhurried = Pace::of(&Clock::start(), Duration::ZERO);
        Folder::paced(dir.path(), unhurried).unwrap()
    }

    /// The level of the picture shown next.
    fn level(camera: &mut Folder, frame: &mut Frame) -> u8 {
        camera.next(frame, Duration::ZERO).unwrap();
        frame.rgb.get_pixel(5, 5)[0]
    }

    #[test]
    fn each_photograph_is_shown_for_a_stretch_and_taken_in_full() {
        let dir = folder(&[50, 100]);
        let (mut camera, mut frame) = (camera(&dir), Frame::default());
        for wanted in [50, 100, 50] {
            for _ in 0..STRETCH {
                assert_eq!(level(&mut camera, &mut frame), wanted);
            }
        }
        assert_eq!(frame.rgb.dimensions(), (666, 720));
        camera.still(&mut frame).unwrap();
        assert_eq!(frame.rgb.dimensions(), (1000, 1080));
        assert_eq!(frame.rgb.get_pixel(5, 5)[0], 50, "as it was shown");
    }

    #[test]
    fn an_aimed_camera_shows_one_photograph_per_eye() {
        let dir = folder(&[50, 100, 150]);
        let (mut camera, mut frame) = (camera(&dir), Frame::default());
        for (eye, wanted) in [
            (Eye::Right, 50),
            (Eye::Right, 50),
            (Eye::Left, 100),
            (Eye::Right, 150),
            (Eye::Left, 50),
        ] {
            camera.aim(eye);
            for _ in 0..STRETCH + 2 {
                assert_eq!(level(&mut camera, &mut frame), wanted);
            }
        }
    }

    #[test]
    fn a_damaged_photograph_is_told_and_passed_over() {
        let dir = folder(&[50, 100]);
        std::fs::write(dir.path().join("0.png"), b"\x89PNG\r\n\x1a\n no more").unwrap();
        let (mut camera, mut frame) = (camera(&dir), Frame::default());
        let error = camera.next(&mut frame, Duration::ZERO).unwrap_err();
        assert!(
            error.passes() && error.to_string().contains("0.png"),
            "{error}"
        );
        assert_eq!(level(&mut camera, &mut frame), 100);
    }

    #[test]
    fn a_folder_without_photographs_is_no_camera() {
        let clock = Clock::start();
        let dir = folder(&[]);
        let refused = |path: &Path| Folder::open(path, &clock).map(|_| ()).unwrap_err();
        let (empty, none) = (dir.path(), dir.path().join("none"));
        assert_eq!(refused(empty), CameraError::EmptyFolder(empty.to_owned()));
        assert_eq!(refused(&none), CameraError::NoFolder(none.clone()));
    }
}
