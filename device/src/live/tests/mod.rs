//! The live gate on drawn eyes, and its parts on made-up measures.

mod captures;
mod guides;
mod sees;
mod sides;

use std::time::Duration;

use fovea_core::field::{Field, FieldShape};
use fovea_core::quality::Measures;

use super::*;

fn ms(at: u64) -> Duration {
    Duration::from_millis(at)
}

/// A frame with which nothing is wrong.
fn good() -> Assessment {
    Assessment {
        field: Field {
            cx: 640.0,
            cy: 360.0,
            rx: 340.0,
            ry: 340.0,
            shape: FieldShape::Circle,
            coverage: 1.0,
            support: 0.98,
            frame: (1280, 720),
        },
        measures: Measures {
            field_shape: FieldShape::Circle,
            field_coverage: 1.0,
            off_centre: 0.02,
            mean_luma: 0.4,
            dark_share: 0.0,
            bright_share: 0.0,
            contrast: 0.09,
            redness: 0.5,
            saturation: 0.6,
            green_over_red: 0.5,
            light_balance: 0.9,
            sharpness: 0.03,
            noise: 0.01,
            vessel_share: None,
        },
        size: 0.94,
        focus: 0.017,
        shade: 0.06,
        motion: Some(0.02),
        retina: 1.0,
    }
}
