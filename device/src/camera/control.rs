//! What can be set at a camera.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A property of the camera that the configuration may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// Exposure time.
    Exposure,
    /// Amplification of the sensor's signal.
    Gain,
    /// Distance in focus.
    Focus,
    /// Colour temperature taken for white.
    WhiteBalance,
}

impl ControlKind {
    /// Every kind.
    pub const ALL: [ControlKind; 4] = [
        ControlKind::Exposure,
        ControlKind::Gain,
        ControlKind::Focus,
        ControlKind::WhiteBalance,
    ];
}

/// What a control is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The camera decides.
    Automatic,
    /// This value, in the camera's own unit; brought into the control's range.
    Fixed(i64),
}

/// A control that a camera has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Which property it sets.
    pub kind: ControlKind,
    /// Values it takes, in the camera's own unit: exposure often in 0.1 ms,
    /// white balance in kelvin.
    pub range: RangeInclusive<i64>,
    /// Distance between the values it takes, at least 1.
    pub step: i64,
    /// What the camera starts with.
    pub default: i64,
    /// Whether the camera can decide by itself.
    pub automatic: bool,
}

impl Control {
    /// Whether it can be set so. A value out of its range is brought into it.
    pub fn takes(&self, level: Level) -> bool {
        self.automatic || level != Level::Automatic
    }

    /// The value the camera takes that is nearest to `value`, in the camera's own unit.
    pub fn nearest(&self, value: i64) -> i64 {
        let (low, high) = (*self.range.start(), *self.range.end());
        let steps = (value.clamp(low, high) - low + self.step / 2) / self.step;
        let value = low + steps * self.step;
        if value > high {
            value - self.step
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_brought_to_one_the_camera_takes() {
        let control = Control {
            kind: ControlKind::Focus,
            range: 0..=250,
            step: 20,
            default: 0,
            automatic: true,
        };
        for (asked, taken) in [
            (-5, 0),
            (0, 0),
            (9, 0),
            (10, 20),
            (131, 140),
            (250, 240),
            (9_999, 240),
        ] {
            assert_eq!(control.nearest(asked), taken, "{asked}");
        }
    }
}
