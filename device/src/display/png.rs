//! Pictures in a folder instead of a screen.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::{imageops, ImageFormat, RgbImage};

use super::fit::Fit;
use super::{fits, About, Display, DisplayError};
use crate::files::{existing, may_write};
use crate::panel::layout::Layout;

/// Keeps a picture of every view in a folder, numbered in their order:
/// `0001-ready.png`, `0002-patient.png`, and so on. Each has the pixels that a
/// panel of that size would have, turned as on one that is mounted turned.
///
/// What is presented is only remembered; [`Display::note`] writes it, so that
/// a live view does not fill the disk. Pictures that lie there already are
/// kept, and the numbers go on after theirs.
pub struct Png {
    folder: PathBuf,
    layout: Layout,
    fit: Fit,
    /// The panel's pixels.
    shown: RgbImage,
    written: u32,
}

impl Png {
    /// Makes `folder` where there is none. Pictures are those of the panel of
    /// `layout`.
    ///
    /// # Errors
    /// When it cannot be made or listed.
    pub fn open(folder: &Path, layout: Layout) -> Result<Png, DisplayError> {
        let failed = |error: std::io::Error| DisplayError::Write {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        fs::create_dir_all(folder).map_err(failed)?;
        Ok(Png {
            folder: folder.to_owned(),
            layout,
            fit: Fit::new(layout),
            shown: RgbImage::new(layout.panel.width, layout.panel.height),
            written: last_number(folder).map_err(failed)?,
        })
    }
}

impl Display for Png {
    fn size(&self) -> Size {
        self.layout.picture
    }

    fn present(&mut self, frame: &RgbImage, _: Option<Rectangle>) -> Result<(), DisplayError> {
        fits(frame, self.size())?;
        let (picture, _) = self
            .fit
            .bring(frame, Rectangle::new(Point::zero(), self.layout.picture));
        let at = self.layout.on_panel().top_left;
        imageops::replace(&mut self.shown, picture, at.x.into(), at.y.into());
        Ok(())
    }

    fn note(&mut self, name: &str) -> Result<(), DisplayError> {
        let file = format!("{:04}-{}.png", self.written + 1, plain(name));
        let path = self.folder.join(&file);
        // These are for looking at, not for keeping: they come to their name
        // whole, but no view waits until one is on the disk.
        let part = self.folder.join(format!(".{file}.part"));
        write(&self.shown, &part)
            .and_then(|()| Ok(fs::rename(&part, &path)?))
            .map_err(|error| DisplayError::Write {
                path,
                reason: error.to_string(),
            })?;
        self.written += 1;
        Ok(())
    }

    fn about(&self) -> About {
        About::Pictures {
            folder: self.folder.clone(),
            layout: self.layout,
            to_be_made: false,
        }
    }
}

/// What [`Png::open`] would give, without making its folder.
///
/// # Errors
/// When it could not be made, or pictures could not be written there.
pub(super) fn look(folder: &Path, layout: Layout) -> Result<About, DisplayError> {
    let there = existing(folder);
    may_write(there).map_err(|error| DisplayError::Write {
        path: folder.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(About::Pictures {
        folder: folder.to_owned(),
        layout,
        to_be_made: there != folder,
    })
}

/// Writes the whole picture, or an unfinished file that nobody takes for one.
fn write(picture: &RgbImage, path: &Path) -> image::ImageResult<()> {
    let mut file = BufWriter::new(File::create(path)?);
    picture.write_to(&mut file, ImageFormat::Png)?;
    file.flush()?;
    Ok(())
}

/// The highest number in use, 0 when there is none.
fn last_number(folder: &Path) -> std::io::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .filter(|name| name.ends_with(".png"))
            .and_then(|name| name.split_once('-'))
            .and_then(|(number, _)| number.parse::<u32>().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

/// `name` as a part of a file's name: other characters than letters, digits
/// and hyphens become hyphens.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::rotation::Rotation;
    use image::Rgb;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn noted_pictures_are_numbered_and_presented_ones_are_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shots");
        let layout = Layout::exact(Size::new(3, 2));
        let mut display = Png::open(&folder, layout).unwrap();
        let red = RgbImage::from_pixel(3, 2, Rgb([200, 0, 0]));
        display.present(&red, None).unwrap();
        assert!(names(&folder).is_empty());
        display.note("ready").unwrap();
        display.note("live/right eye").unwrap();

        let mut again = Png::open(&folder, layout).unwrap();
        again.note("ready").unwrap();
        assert_eq!(
            names(&folder),
            [
                "0001-ready.png",
                "0002-live-right-eye.png",
                "0003-ready.png"
            ]
        );
        let read = |name: &str| image::open(folder.join(name)).unwrap().to_rgb8();
        assert_eq!(read("0002-live-right-eye.png"), red);
        assert_eq!(read("0003-ready.png"), RgbImage::new(3, 2));
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        let said = Png::open(&file.join("shots"), Layout::exact(Size::new(1, 1)))
            .err()
            .unwrap();
        assert!(said.to_string().contains("file/shots cannot be written"));
    }

    #[test]
    fn a_picture_that_could_not_be_written_takes_no_number() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shots");
        let mut display = Png::open(&folder, Layout::exact(Size::new(2, 2))).unwrap();
        fs::remove_dir(&folder).unwrap();
        assert!(display.note("ready").is_err());
        fs::create_dir(&folder).unwrap();
        display.note("ready").unwrap();
        assert_eq!(names(&folder), ["0001-ready.png"]);
    }

    /// An upright L on a screen that is as wide as three of its strokes.
    #[test]
    fn pictures_are_turned_as_on_the_panel() {
        let dir = tempfile::tempdir().unwrap();
        let (ink, ground) = (Rgb([250, 250, 250]), Rgb([0, 0, 90]));
        for (rotation, corner) in [
            (Rotation::None, (0, 0)),
            (Rotation::Quarter, (1, 0)),
            (Rotation::Half, (1, 1)),
            (Rotation::ThreeQuarters, (0, 1)),
        ] {
            let folder = dir.path().join(rotation.to_string());
            let panel = rotation.size(Size::new(901, 513));
            let layout = Layout::fill(panel, rotation);
            let mut display = Png::open(&folder, layout).unwrap();
            assert_eq!(display.size(), Size::new(901, 513));
            let upright = RgbImage::from_fn(901, 513, |x, y| match (x < 30, y < 400) {
                (true, _) | (false, false) => ink,
                (false, true) => ground,
            });
            display.present(&upright, None).unwrap();
            display.note("l").unwrap();
            let seen = image::open(folder.join("0001-l.png")).unwrap().to_rgb8();
            let (width, height) = seen.dimensions();
            assert_eq!(Size::new(width, height), panel);
            let inked = seen.pixels().filter(|&&pixel| pixel == ink).count();
            assert_eq!(inked, 30 * 513 + 871 * 113);
            // Clockwise from the stroke's upper end.
            let at = |(right, below): (u32, u32)| {
                *seen.get_pixel(right * (width - 1), below * (height - 1))
            };
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)];
            let turns = corners.iter().position(|place| *place == corner).unwrap();
            for (place, expected) in [(0, ink), (1, ground), (2, ink), (3, ink)] {
                assert_eq!(at(corners[(turns + place) % 4]), expected, "{rotation:?}");
            }
            let said = display.about().to_string();
            let turned = format!("turned by {rotation} degrees");
            assert_eq!(said.contains(&turned), rotation != Rotation::None, "{said}");
        }
    }
}
