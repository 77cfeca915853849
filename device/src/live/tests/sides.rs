use std::io::Write as _;
use std::path::{Path, PathBuf};

use fovea_core::photograph;
use fovea_core::prepare::prepare;
use image::{imageops, Rgb, RgbImage};

use crate::exam::words::Eye;
use crate::live::laterality::{self, Laterality};
use fovea_render::by_name;

fn of(photograph: &RgbImage) -> Laterality {
    laterality::of(&prepare(photograph, 192))
}

#[test]
fn drawn_eyes_are_told_apart() {
    for name in ["healthy", "drusen", "severe_npdr", "glaucoma", "cut_circle"] {
        let preset = by_name(name).expect("a preset");
        for seed in 0..4 {
            let photograph = preset.draw(seed, 384);
            let (own, other) = match seed % 2 {
                0 => (Eye::Right, Eye::Left),
                _ => (Eye::Left, Eye::Right),
            };
            assert_eq!(of(&photograph).certain(), Some(own), "{name} {seed}");
            let mirrored = imageops::flip_horizontal(&photograph);
            assert_eq!(of(&mirrored).certain(), Some(other), "{name} {seed}");
        }
    }
}

#[test]
fn without_a_disc_nothing_is_certain() {
    let far_from_the_disc = by_name("off_centre").expect("a preset").draw(1, 384);
    assert_eq!(of(&far_from_the_disc).certain(), None);
    for size in [0, 1, 40, 300] {
        let blank = RgbImage::from_pixel(size, size, Rgb([180, 80, 30]));
        assert_eq!(of(&blank).certain(), None, "{size}");
    }
}

/// Photographs that are looked at, evenly spread over the folder.
const SAMPLE: usize = 150;

#[test]
fn photographs_are_rarely_taken_for_the_other_eye() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/odir/images");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        // What `println!` says in a test that passes is never shown.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no photographs at {}",
            folder.display()
        );
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut seen, mut right, mut wrong) = (0, 0, 0);
    for file in files.iter().step_by(files.len().div_ceil(SAMPLE)) {
        let own = if file.to_string_lossy().ends_with("_right.jpg") {
            Eye::Right
        } else {
            Eye::Left
        };
        let certain = of(&photograph::read(file).unwrap().rgb).certain();
        seen += 1;
        right += usize::from(certain == Some(own));
        wrong += usize::from(certain == Some(own.other()));
    }
    assert!(
        wrong * 50 <= seen,
        "{wrong} of {seen} are certain and wrong"
    );
    assert!(right * 4 >= seen * 3, "{right} of {seen} are certain");
}
