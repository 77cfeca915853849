//! The sample photographs: one that may be shipped, and drawn ones.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files;
use crate::process::Result;
use crate::steps::say;
use crate::wheels::{self, Wheel};

/// Holds `retina.jpg`: a healthy left eye by Mikael Haggstrom, CC0.
const WHEEL: Wheel = Wheel {
    file: "scikit_image-0.17.2-cp38-cp38-manylinux1_x86_64.whl",
    sha256: "178210582cc62a5b25c633966658f1f2598615f9c3f27f36cf45055d2a74b401",
    megabytes: 12,
};

/// What `fovea draw` is asked for: preset and seed.
const DRAWN: [(&str, u32); 8] = [
    ("healthy", 1),
    ("moderate_npdr", 2),
    ("proliferative_dr", 3),
    ("dry_amd", 4),
    ("cataract", 5),
    ("blurred", 6),
    ("dark", 7),
    ("outside_eye", 8),
];

/// Where the photographs lie, below the repository.
pub const FOLDER: &str = "target/samples";

/// One drawing that `fovea draw` makes.
pub struct Drawing {
    preset: &'static str,
    seed: u32,
}

/// The drawings, in the order in which they are screened.
pub fn drawings() -> impl Iterator<Item = Drawing> {
    DRAWN
        .into_iter()
        .map(|(preset, seed)| Drawing { preset, seed })
}

impl Drawing {
    /// Its path relative to the repository.
    pub fn file(&self) -> PathBuf {
        Path::new(FOLDER).join(format!("drawn_{}.png", self.preset))
    }

    /// What `fovea draw` is told.
    pub fn arguments(&self) -> Vec<OsString> {
        let seed = self.seed.to_string();
        vec![
            "--preset".into(),
            self.preset.into(),
            "--seed".into(),
            seed.into(),
            "--out".into(),
            self.file().into(),
        ]
    }
}

/// Fetches the photograph unless an earlier run has; its path relative to the repository.
///
/// # Errors
/// Those of [`wheels::unpack`]: most often, no network.
pub fn photograph(root: &Path) -> Result<PathBuf> {
    let folder = root.join(FOLDER);
    let file = folder.join("retina.jpg");
    if file.is_file() {
        say("retina.jpg: already in target/samples");
    } else {
        let staged = folder.join("part");
        files::remove(&staged)?;
        let members = [("skimage/data/retina.jpg", "retina.jpg")];
        wheels::unpack(root, &WHEEL, &members, &staged)?;
        let fetched = staged.join("retina.jpg");
        fs::rename(&fetched, &file).map_err(|error| files::cannot("create", &file, &error))?;
        files::remove(&staged)?;
    }
    Ok(Path::new(FOLDER).join("retina.jpg"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_drawing_has_a_file_of_its_own() {
        let files: BTreeSet<PathBuf> = drawings().map(|drawing| drawing.file()).collect();
        assert_eq!(files.len(), DRAWN.len());
    }

    #[test]
    fn a_drawing_names_its_preset_its_seed_and_its_file() {
        let drawing = Drawing {
            preset: "cataract",
            seed: 5,
        };
        assert_eq!(
            drawing.arguments().join(std::ffi::OsStr::new(" ")),
            "--preset cataract --seed 5 --out target/samples/drawn_cataract.png"
        );
    }
}
