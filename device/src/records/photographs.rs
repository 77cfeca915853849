//! Photographs as files under the SHA-256 of what they hold.
//!
//! A verdict must be reproducible from what is kept, so stills are kept
//! without loss: as PNG, in the encoder's fast mode. A fundus of 2592 x 1944
//! pixels with a sensor's noise takes 8 MB, half of the bare pixels, and 0.1 s
//! of one core. The default mode takes ten times as long and saves nothing.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fovea_core::bundle::sha256_hex;
use fovea_core::files::{Readers, Unfinished};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, ImageResult, RgbImage};
use rusqlite::types::Value;
use serde::Serialize;

use super::{Encoded, StoreError};
use crate::files;

pub(super) use fovea_core::files::UNDER_WAY;

/// A photograph that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Photograph {
    /// Of its file, in hexadecimal.
    pub sha256: String,
    /// Length of its file.
    pub bytes: i64,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl Photograph {
    pub(super) fn row(&self) -> Vec<Value> {
        vec![
            self.sha256.clone().into(),
            self.bytes.into(),
            self.width.into(),
            self.height.into(),
        ]
    }
}

/// Where the photograph of this hash lies, below the folder of all; none when
/// it is no hash, such as one that was tampered with to lead elsewhere.
pub(super) fn place(sha256: &str) -> Option<PathBuf> {
    let hexadecimal = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    (sha256.len() == 64 && sha256.bytes().all(hexadecimal))
        .then(|| Path::new(&sha256[..2]).join(format!("{sha256}.png")))
}

/// Keeps a photograph below `folder`.
///
/// One that is there already is written again: that costs little, happens
/// with simulated cameras only, and repairs a damaged file.
pub(super) fn put(folder: &Path, pixels: &RgbImage) -> Result<Photograph, StoreError> {
    let bytes = encode(pixels).map_err(|error| StoreError::Encode {
        what: Encoded::Photograph,
        reason: error.to_string(),
    })?;
    let sha256 = sha256_hex(&bytes);
    write(folder, &sha256, &bytes).map_err(|error| StoreError::write(folder, error))?;
    Ok(Photograph {
        sha256,
        bytes: bytes.len() as i64,
        width: pixels.width(),
        height: pixels.height(),
    })
}

/// The file of a photograph.
pub(super) fn encode(pixels: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(
            pixels,
            pixels.width(),
            pixels.height(),
            ExtendedColorType::Rgb8,
        )?;
    Ok(bytes)
}

/// Either the whole file is there for good under its name, or nothing is.
fn write(folder: &Path, sha256: &str, bytes: &[u8]) -> io::Result<()> {
    let place = place(sha256).ok_or(io::ErrorKind::InvalidInput)?;
    let path = folder.join(place);
    let drawer = path.parent().unwrap_or(folder);
    files::private_folder(drawer)?;
    // Beside the drawers, where `sweep` finds it after a cut.
    let mut file = Unfinished::new_in(folder, Readers::Owner)?;
    file.write_all(bytes)?;
    file.keep_as(&path)
}

/// Removes what a program that was killed had under way.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNDER_WAY) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn stripes(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8])
        })
    }

    #[test]
    fn pixels_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = stripes(61, 43);
        let kept = put(folder.path(), &pixels).unwrap();
        assert_eq!((kept.width, kept.height), (61, 43));
        let path = folder.path().join(place(&kept.sha256).unwrap());
        assert_eq!(image::open(&path).unwrap().to_rgb8(), pixels);
        let file = fs::metadata(&path).unwrap();
        assert_eq!(file.len() as i64, kept.bytes);
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        let drawer = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(drawer.permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn putting_again_mends_and_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let kept = put(folder.path(), &stripes(20, 20)).unwrap();
        let path = folder.path().join(place(&kept.sha256).unwrap());
        fs::write(&path, b"damaged").unwrap();
        assert_eq!(put(folder.path(), &stripes(20, 20)).unwrap(), kept);
        assert_eq!(sha256_hex(&fs::read(&path).unwrap()), kept.sha256);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_hash_leads_out_of_the_folder() {
        for hostile in [
            "",
            "../../../../etc/passwd",
            &"é".repeat(32),
            &"A".repeat(64),
            &format!("../{}", "a".repeat(61)),
        ] {
            assert_eq!(place(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn a_picture_without_pixels_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = put(folder.path(), &RgbImage::new(0, 0)).unwrap_err();
        assert!(matches!(error, StoreError::Encode { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
