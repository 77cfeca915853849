//! Real photographs, where the checkout has them beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use fovea_core::field::FieldShape;
use fovea_core::gate::{gate_pixels, GateLimits};
use fovea_core::photograph::read;
use fovea_core::prepare::prepare;
use fovea_core::quality::measure;

/// Photographs of each folder that are looked at, evenly spread over it.
const SAMPLE: usize = 40;

/// Of a folder's sample, how many show a field and how many pass the gate's
/// first step; `None`, said aloud, where the folder is not there.
fn look_at(folder: &str) -> Option<(usize, usize, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        // What `println!` says in a test that passes is never shown.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no photographs at {}",
            folder.display()
        );
        return None;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let step = files.len().div_ceil(SAMPLE);
    let (mut seen, mut with_field, mut passed) = (0, 0, 0);
    for file in files.iter().step_by(step) {
        let prepared = prepare(&read(file).unwrap().rgb, 224);
        seen += 1;
        with_field += usize::from(prepared.field.shape != FieldShape::None);
        passed += usize::from(gate_pixels(&measure(&prepared), &GateLimits::default()).accepted);
    }
    Some((seen, with_field, passed))
}

#[test]
fn retinas_have_a_field_and_pass() {
    for folder in ["odir", "eyepacs", "aptos", "palm", "tvhl"] {
        if let Some((seen, with_field, passed)) = look_at(&format!("{folder}/images")) {
            assert!(
                with_field + 1 >= seen,
                "{folder}: field in {with_field} of {seen}"
            );
            assert!(passed + 1 >= seen, "{folder}: {passed} of {seen} pass");
        }
    }
}

#[test]
fn other_pictures_have_none() {
    if let Some((seen, with_field, passed)) = look_at("nonfundus/photos") {
        assert!(
            with_field <= seen / 20,
            "field in {with_field} of {seen} photographs"
        );
        assert!(passed < seen, "{passed} of {seen} photographs pass");
    }
    if let Some((_, with_field, passed)) = look_at("nonfundus/oct") {
        assert_eq!((with_field, passed), (0, 0), "OCT");
    }
}

/// Haze, yellow light, light of one side and the outside of the eye. Two of ten
/// are left to the student, prepared as small as here.
#[test]
fn what_no_one_could_judge_is_refused() {
    if let Some((seen, _, passed)) = look_at("ungradable/images") {
        assert!(passed <= 2, "{passed} of {seen} pass");
    }
}
