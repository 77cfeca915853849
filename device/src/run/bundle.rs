//! The bundle that the configuration names.

use fovea_core::bundle::Bundle;

use crate::config::BundleSource;
use crate::embedded;
use crate::grade::Grader;

/// Opens the bundle of `source`.
pub(super) fn open(source: &BundleSource) -> Result<Bundle, String> {
    match source {
        BundleSource::Folder(folder) => Bundle::open(folder).map_err(|error| error.to_string()),
        BundleSource::BuiltIn => embedded::bundle()
            .ok_or("this fovea was built without a bundle inside; name one with --bundle DIR")?
            .map_err(|error| format!("the bundle inside this fovea: {error}")),
    }
}

/// The grader of that bundle.
pub(super) fn grader(source: &BundleSource) -> Result<Grader, String> {
    Grader::new(open(source)?).map_err(|error| error.to_string())
}
