//! The bundle inside the binary, and the choice between it and a folder's.

use std::path::Path;

use fovea_core::bundle::{Bundle, BundleError};

/// The parts that lay in `models/student` when the device was built; none in a
/// checkout without a trained student.
mod parts {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// The bundle that the binary carries, or nothing where it was built without.
///
/// # Errors
/// When the parts do not make a bundle, as for one from a folder.
pub fn bundle() -> Option<Result<Bundle, BundleError>> {
    if parts::PARTS.is_empty() {
        return None;
    }
    let files = parts::PARTS
        .iter()
        .map(|&(name, bytes)| (name.to_owned(), bytes.to_vec()))
        .collect();
    Some(Bundle::from_parts(files))
}

/// The bundle in `folder`, or the one that the binary carries.
///
/// # Errors
/// In a sentence, when there is none or its parts do not make a bundle.
pub fn open(folder: Option<&Path>) -> Result<Bundle, String> {
    match folder {
        Some(folder) => Bundle::open(folder).map_err(|error| error.to_string()),
        None => bundle()
            .ok_or("this fovea was built without a bundle inside; name one with --bundle DIR")?
            .map_err(|error| format!("the bundle inside this fovea: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Grader;

    #[test]
    fn the_embedded_bundle_opens_and_grades() {
        let Some(bundle) = bundle() else {
            println!("skipped: models/student is empty, so no bundle is embedded");
            return;
        };
        Grader::new(bundle.unwrap()).unwrap();
    }
}
