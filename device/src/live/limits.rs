//! What a live picture must be like, and how near it comes to that.

use std::time::Duration;

use fovea_core::gate::GateLimits;

use super::assess::Assessment;

/// A measure that must be large enough. It is at fault below `fault` and in
/// order again from `clear` on; between the two it stays what it was, so that
/// a measure at the limit does not flicker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtLeast {
    fault: f32,
    clear: f32,
}

/// A measure that must not be too large: at fault above `fault`, in order
/// again from `clear` down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtMost {
    fault: f32,
    clear: f32,
}

/// Where [`AtLeast::bar`] and [`AtMost::bar`] have the limit.
pub const BAR_LIMIT: f32 = 0.6;

impl AtLeast {
    const fn new(fault: f32, clear: f32) -> AtLeast {
        AtLeast { fault, clear }
    }

    /// As strict as `limit` at least.
    fn raised(self, limit: f32) -> AtLeast {
        let by = (limit / self.fault).max(1.0);
        AtLeast::new(self.fault * by, self.clear * by)
    }

    /// Whether `value` is at fault, if it `was` before.
    pub fn is_fault(&self, value: f32, was: bool) -> bool {
        value < if was { self.clear } else { self.fault }
    }

    /// The value as the length of a bar, 0 to 1: [`BAR_LIMIT`] where it
    /// becomes good.
    pub fn bar(&self, value: f32) -> f32 {
        (BAR_LIMIT * value / self.clear).clamp(0.0, 1.0)
    }
}

impl AtMost {
    const fn new(fault: f32, clear: f32) -> AtMost {
        AtMost { fault, clear }
    }

    /// As strict as `limit` at least.
    fn lowered(self, limit: f32) -> AtMost {
        let by = (limit / self.fault).clamp(0.0, 1.0);
        AtMost::new(self.fault * by, self.clear * by)
    }

    /// Whether `value` is at fault, if it `was` before.
    pub fn is_fault(&self, value: f32, was: bool) -> bool {
        value > if was { self.clear } else { self.fault }
    }

    /// The value as the length of a bar, 0 to 1: full at 0, [`BAR_LIMIT`]
    /// where it becomes good.
    pub fn bar(&self, value: f32) -> f32 {
        (1.0 - (1.0 - BAR_LIMIT) * value / self.clear).clamp(0.0, 1.0)
    }
}

/// The limits of the live view, stricter than the gate's: they lead to a good
/// photograph, where the gate refuses only a bad one. The operator can always
/// take one all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveLimits {
    /// Mean luminance (0 to 1) below which there is nothing before the camera, where no
    /// field was found either.
    pub nothing: f32,
    /// How much it looks like a retina, 0 to 1
    /// ([`super::Assessment::retina`]).
    pub retina: AtLeast,
    /// Radius of the field over half of the frame's shorter side.
    pub size: AtLeast,
    /// Share of the field inside the frame, 0 to 1.
    pub coverage: AtLeast,
    /// Distance of the field from the frame's middle, in radii.
    pub off_centre: AtMost,
    /// Distance of the light's middle from the field's, in radii.
    pub shade: AtMost,
    /// Mean luminance, 0 to 1: too dark below this.
    pub dark: AtLeast,
    /// Mean luminance, 0 to 1: too bright above this.
    pub bright: AtMost,
    /// Share of the field in which nothing but white is left, 0 to 1.
    pub glare: AtMost,
    /// Standard deviation of the luminance, 0 to 0.5.
    pub contrast: AtLeast,
    /// Detail in the middle of the field ([`super::Assessment::focus`]).
    pub focus: AtLeast,
    /// Speed of the picture in field diameters per second.
    pub motion: AtMost,
    /// How long another instruction must hold before it is shown, ms.
    pub hold_ms: u32,
}

impl Default for LiveLimits {
    /// Of a hundred photographs in ODIR-5K's validation split, which an operator
    /// once kept, 91 are called ready, 5 blurred, 3 too dark or too bright; of
    /// EyePACS' 92, 3 and 4. A drawn eye is called blurred from about a
    /// seventh of the defocus that leaves nothing to read.
    fn default() -> LiveLimits {
        LiveLimits {
            nothing: 0.05,
            retina: AtLeast::new(0.3, 0.5),
            size: AtLeast::new(0.45, 0.5),
            coverage: AtLeast::new(0.6, 0.62),
            off_centre: AtMost::new(0.25, 0.2),
            shade: AtMost::new(0.3, 0.25),
            dark: AtLeast::new(0.15, 0.18),
            bright: AtMost::new(0.75, 0.72),
            glare: AtMost::new(0.06, 0.04),
            contrast: AtLeast::new(0.015, 0.018),
            focus: AtLeast::new(0.0065, 0.008),
            motion: AtMost::new(0.1, 0.06),
            hold_ms: 400,
        }
    }
}

impl LiveLimits {
    /// These limits, and where those of a bundle's gate are stricter, the
    /// gate's: the live view must not call ready what the gate refuses by.
    pub fn within(self, gate: &GateLimits) -> LiveLimits {
        LiveLimits {
            coverage: self.coverage.raised(gate.min_field_coverage),
            dark: self.dark.raised(gate.min_luma),
            bright: self.bright.lowered(gate.max_luma),
            contrast: self.contrast.raised(gate.min_contrast),
            ..self
        }
    }

    pub(super) fn hold(&self) -> Duration {
        Duration::from_millis(u64::from(self.hold_ms))
    }
}

/// How good a frame is, each 0 (bad) to 1; from [`BAR_LIMIT`] on it is
/// good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bars {
    /// Detail in the middle of the field, and contrast.
    pub focus: f32,
    /// Neither too dark nor too bright.
    pub light: f32,
    /// Large enough, whole and in the middle.
    pub field: f32,
    /// How little the picture moves; 1 before there are two frames to compare.
    pub steady: f32,
}

impl Bars {
    /// The bars of one frame. Each shows the worst of its measures.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_view_is_at_least_as_strict_as_the_gate() {
        let usual = LiveLimits::default();
        assert_eq!(usual.within(&GateLimits::default()), usual);
        let strict = GateLimits {
            min_luma: 0.2,
            max_luma: 0.6,
            min_contrast: 0.03,
            min_field_coverage: 0.9,
            ..GateLimits::default()
        };
        let live = usual.within(&strict);
        assert!(live.dark.is_fault(0.19, false) && !live.dark.is_fault(0.21, false));
        assert!(live.bright.is_fault(0.61, false) && !live.bright.is_fault(0.59, false));
        assert!(live.contrast.is_fault(0.029, false) && live.coverage.is_fault(0.89, false));
        // Hysteresis stays: what was at fault needs more.
        assert!(live.dark.is_fault(0.21, true) && live.bright.is_fault(0.59, true));
        assert_eq!((live.focus, live.motion), (usual.focus, usual.motion));
    }
}
