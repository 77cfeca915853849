//! The camera's controls, as drivers number them.

use std::io;
use std::path::Path;

use ::v4l::control::{Control as Setting, Flags, Value};
use ::v4l::device::Device;
use ::v4l::v4l_sys::{
    V4L2_CID_AUTOGAIN, V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CID_EXPOSURE_ABSOLUTE,
    V4L2_CID_EXPOSURE_AUTO, V4L2_CID_FOCUS_ABSOLUTE, V4L2_CID_FOCUS_AUTO, V4L2_CID_GAIN,
    V4L2_CID_WHITE_BALANCE_TEMPERATURE,
};
use heapless::Vec;

use super::ask;
use crate::camera::control::{Control, ControlKind, Level};
use crate::camera::error::{CameraError, DriverTask};

/// The controls of a camera: at most one of each kind.
pub type Controls = Vec<Control, { ControlKind::ALL.len() }>;

/// A driver's numbers for one kind of control.
struct Numbers {
    value: u32,
    /// Whether the camera decides by itself, and what says so and not so: the
    /// one for exposure is a menu that begins with "auto".
    automatic: u32,
    on: i64,
    off: i64,
}

const fn switch(value: u32, automatic: u32) -> Numbers {
    Numbers {
        value,
        automatic,
        on: 1,
        off: 0,
    }
}

fn numbers(kind: ControlKind) -> Numbers {
    /// Exposure by the camera at the aperture there is: what webcams have.
    const APERTURE_PRIORITY: i64 = 3;
    const MANUAL: i64 = 1;
    match kind {
        ControlKind::Exposure => Numbers {
            value: V4L2_CID_EXPOSURE_ABSOLUTE,
            automatic: V4L2_CID_EXPOSURE_AUTO,
            on: APERTURE_PRIORITY,
            off: MANUAL,
        },
        ControlKind::Gain => switch(V4L2_CID_GAIN, V4L2_CID_AUTOGAIN),
        ControlKind::Focus => switch(V4L2_CID_FOCUS_ABSOLUTE, V4L2_CID_FOCUS_AUTO),
        ControlKind::WhiteBalance => switch(
            V4L2_CID_WHITE_BALANCE_TEMPERATURE,
            V4L2_CID_AUTO_WHITE_BALANCE,
        ),
    }
}

/// The controls that the device has; none is an answer too.
pub fn list(device: &Device) -> Controls {
    ControlKind::ALL
        .into_iter()
        .filter_map(|kind| read(device, kind))
        .collect()
}

fn read(device: &Device, kind: ControlKind) -> Option<Control> {
    let Numbers {
        value, automatic, ..
    } = numbers(kind);
    let unusable = (Flags::DISABLED | Flags::READ_ONLY).bits();
    let answer = ask::control(device, value).ok()?;
    if answer.flags & unusable != 0 || answer.minimum > answer.maximum {
        return None;
    }
    Some(Control {
        kind,
        range: answer.minimum..=answer.maximum,
        step: i64::try_from(answer.step).unwrap_or(i64::MAX).max(1),
        default: answer.default_value,
        automatic: ask::control(device, automatic).is_ok_and(|a| a.flags & unusable == 0),
    })
}

/// Sets the device's `control`.
///
/// # Errors
/// When the driver refuses, or the camera cannot decide by itself.
pub fn set(
    device: &Device,
    place: &Path,
    control: &Control,
    level: Level,
) -> Result<(), CameraError> {
    let numbers = numbers(control.kind);
    let refused = |value: i64, reason: io::Error| match CameraError::driver(
        place,
        DriverTask::SetControl,
        &reason,
    ) {
        gone @ CameraError::Unplugged { .. } => gone,
        _ => CameraError::ControlRefused {
            place: place.display().to_string(),
            control: control.kind,
            value,
            reason: reason.to_string(),
        },
    };
    let write = |id: u32, value: i64| {
        let setting = Setting {
            id,
            value: Value::Integer(value),
        };
        device
            .set_control(setting)
            .map_err(|reason| refused(value, reason))
    };
    match level {
        Level::Automatic if control.automatic => write(numbers.automatic, numbers.on),
        Level::Automatic => Err(CameraError::NoControl(control.kind)),
        Level::Fixed(value) => {
            // A control that the camera decides itself takes no value.
            if control.automatic {
                write(numbers.automatic, numbers.off)?;
            }
            write(numbers.value, control.nearest(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_controls_has_none() {
        let null = Device::with_path("/dev/null").unwrap();
        assert!(list(&null).is_empty());
    }

    #[test]
    fn a_refusal_names_the_control_and_the_value_taken() {
        let null = Device::with_path("/dev/null").unwrap();
        let control = Control {
            kind: ControlKind::Gain,
            range: 0..=100,
            step: 10,
            default: 0,
            automatic: false,
        };
        let place = Path::new("/dev/null");
        let error = set(&null, place, &control, Level::Fixed(999)).unwrap_err();
        assert!(error.to_string().contains("gain to 100"), "{error}");
        assert!(error.passes(), "pictures go on");
        let error = set(&null, place, &control, Level::Automatic).unwrap_err();
        assert_eq!(error, CameraError::NoControl(ControlKind::Gain));
    }
}
