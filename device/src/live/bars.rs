//! The measures as bars beside the live picture.

use super::assess::Assessment;
use super::limits::LiveLimits;

/// How good a frame is, each 0 (bad) to 1; from [`super::BAR_LIMIT`] on it is
/// good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bars {
    pub focus: f32,
    /// Neither too dark nor too bright.
    pub light: f32,
    /// Large enough, whole and in the middle.
    pub field: f32,
    pub steady: f32,
}

impl Bars {
    pub fn of(seen: &Assessment, limits: &LiveLimits) -> Bars {
        let m = &seen.measures;
        let worst = |bars: &[f32]| bars.iter().copied().fold(1.0, f32::min);
        Bars {
            focus: worst(&[
                limits.focus.bar(seen.focus),
                limits.contrast.bar(m.contrast),
            ]),
            light: worst(&[
                limits.dark.bar(m.mean_luma),
                limits.bright.bar(m.mean_luma),
                limits.glare.bar(m.bright_share),
            ]),
            field: worst(&[
                limits.size.bar(seen.size),
                limits.coverage.bar(m.field_coverage),
                limits.off_centre.bar(m.off_centre),
                limits.shade.bar(seen.shade),
            ]),
            steady: limits.motion.bar(seen.motion.unwrap_or(0.0)),
        }
    }
}
