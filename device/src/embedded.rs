//! The bundle inside the binary.

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
