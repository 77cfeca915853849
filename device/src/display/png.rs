//! Pictures in a folder instead of a screen.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::{ImageFormat, RgbImage};

use super::{fits, Display, DisplayError};

/// Keeps a picture of every view in a folder, numbered in their order:
/// `0001-ready.png`, `0002-patient.png`, and so on.
///
/// What is presented is only remembered; [`Display::note`] writes it, so that
/// a live view does not fill the disk. Pictures that lie there already are
/// kept, and the numbers go on after theirs.
pub struct Png {
    folder: PathBuf,
    shown: RgbImage,
    written: u32,
}

impl Png {
    /// Makes `folder` where there is none. Pictures are of `size`.
    ///
    /// # Errors
    /// When it cannot be made or listed.
    pub fn open(folder: &Path, size: Size) -> Result<Png, DisplayError> {
        let failed = |error: std::io::Error| DisplayError::Write {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        fs::create_dir_all(folder).map_err(failed)?;
        Ok(Png {
            folder: folder.to_owned(),
            shown: RgbImage::new(size.width, size.height),
            written: last_number(folder).map_err(failed)?,
        })
    }
}

impl Display for Png {
    fn size(&self) -> Size {
        Size::new(self.shown.width(), self.shown.height())
    }

    fn present(&mut self, frame: &RgbImage, _: Option<Rectangle>) -> Result<(), DisplayError> {
        fits(frame, self.size())?;
        self.shown.copy_from_slice(frame);
        Ok(())
    }

    fn note(&mut self, name: &str) -> Result<(), DisplayError> {
        let file = format!("{:04}-{}.png", self.written + 1, plain(name));
        let path = self.folder.join(&file);
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

    fn describe(&self) -> String {
        let Size { width, height } = self.size();
        format!("pictures of {width}x{height} in {}", self.folder.display())
    }
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
        let size = Size::new(3, 2);
        let mut display = Png::open(&folder, size).unwrap();
        let red = RgbImage::from_pixel(3, 2, Rgb([200, 0, 0]));
        display.present(&red, None).unwrap();
        assert!(names(&folder).is_empty());
        display.note("ready").unwrap();
        display.note("live/right eye").unwrap();

        let mut again = Png::open(&folder, size).unwrap();
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
        let said = Png::open(&file.join("shots"), Size::new(1, 1))
            .err()
            .unwrap();
        assert!(said.to_string().contains("file/shots cannot be written"));
    }

    #[test]
    fn a_picture_that_could_not_be_written_takes_no_number() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shots");
        let mut display = Png::open(&folder, Size::new(2, 2)).unwrap();
        fs::remove_dir(&folder).unwrap();
        assert!(display.note("ready").is_err());
        fs::create_dir(&folder).unwrap();
        display.note("ready").unwrap();
        assert_eq!(names(&folder), ["0001-ready.png"]);
    }
}
