//! The taxonomy's format, its refusals, its labels, and the two files shipped.

use fovea_core::taxonomy::Taxonomy;

#[test]
fn shipped_taxonomies_parse() {
    for text in [
        include_str!("../../models/taxonomies/odir.toml"),
        include_str!("../../models/taxonomies/rfmid.toml"),
    ] {
        if let Err(e) = Taxonomy::parse(text) {
            panic!("{e}");
        }
    }
}
