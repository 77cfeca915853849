//! A taxonomy small enough to check by hand: a finding with two parents, one
//! urgent, one routine, one not referred, and a photograph node.

use fovea_core::calibration::Calibration;
use fovea_core::taxonomy::Taxonomy;

/// Finest nodes, in the order of the outputs: well, mild, severe, haze, lens, blur.
pub const SMALL: &str = r#"
format = 1
id = "small"
title = "Small"

[[node]]
id = "well"
name = "Well"
level = "finest"
severity = 0
referral = "none"
parents = ["no_disease"]
aliases = ["normal"]

[[node]]
id = "mild"
name = "Mild DR"
level = "finest"
severity = 2
referral = "none"
parents = ["dr"]
aliases = ["mild retinopathy"]

[[node]]
id = "severe"
name = "Severe DR"
level = "finest"
severity = 4
referral = "urgent"
parents = ["dr"]

[[node]]
id = "haze"
name = "Haze"
level = "finest"
severity = 1
referral = "none"
parents = ["dr", "lens_disease"]

[[node]]
id = "lens"
name = "Cataract"
level = "finest"
severity = 2
referral = "routine"
parents = ["lens_disease"]

[[node]]
id = "blur"
name = "Blurred"
level = "finest"
subject = "photograph"
severity = 0
referral = "none"
parents = ["poor"]

[[node]]
id = "no_disease"
name = "No disease"
level = "disease"
severity = 0
referral = "none"
parents = ["healthy"]

[[node]]
id = "dr"
name = "DR"
level = "disease"
severity = 4
referral = "routine"
parents = ["vessels"]

[[node]]
id = "lens_disease"
name = "Disease of the lens"
level = "disease"
severity = 2
referral = "routine"
parents = ["media"]

[[node]]
id = "poor"
name = "Poor photograph"
level = "disease"
subject = "photograph"
severity = 0
referral = "none"
parents = ["unusable"]

[[node]]
id = "healthy"
name = "Healthy"
level = "group"
severity = 0
referral = "none"

[[node]]
id = "vessels"
name = "Vessels"
level = "group"
severity = 4
referral = "routine"

[[node]]
id = "media"
name = "Media"
level = "group"
severity = 2
referral = "routine"

[[node]]
id = "unusable"
name = "Unusable"
level = "group"
subject = "photograph"
severity = 0
referral = "none"

[composite.referable_dr]
any_of = ["severe"]

[view.two]
title = "Two classes"
[[view.two.class]]
id = "ill"
name = "Ill"
any_of = ["lens", "dr"]
[[view.two.class]]
id = "well"
name = "Well"
any_of = ["well"]
"#;

pub fn small() -> Taxonomy {
    Taxonomy::parse(SMALL).unwrap()
}

/// Temperature 1, bias 0, operating points at one half.
pub fn identity(taxonomy: &Taxonomy) -> Calibration {
    Calibration::identity(taxonomy, &"0".repeat(64))
}

/// `text` with its first `from` replaced; `from` must be there.
pub fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the text to edit");
    text.replacen(from, to, 1)
}

pub fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}
