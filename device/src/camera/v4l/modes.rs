//! What a driver offers, in the words of [`negotiate`](crate::camera::negotiate).

use std::path::Path;

use ::v4l::device::Device;
use ::v4l::format::{Colorspace, FourCC, Quantization};
use ::v4l::frameinterval::FrameIntervalEnum;
use ::v4l::framesize::FrameSizeEnum;
use ::v4l::video::capture::Parameters;
use ::v4l::video::Capture as _;
use ::v4l::{Format, Fraction};

use crate::camera::convert::{Coding, Layout};
use crate::camera::error::{CameraError, DriverTask, Offered};
use crate::camera::negotiate::{Interval, Mode, PixelFormat, Range};

/// What a device was set to before anything was changed.
pub struct Before {
    format: Format,
    /// `None` where the driver does not say.
    rate: Option<Parameters>,
}

impl Before {
    /// Nothing where the driver does not say.
    pub fn of(device: &Device) -> Option<Before> {
        Some(Before {
            format: device.format().ok()?,
            rate: device.params().ok(),
        })
    }

    /// Sets the device to that again. Nothing can be done about one that
    /// refuses: it may have been unplugged.
    pub fn restore(&self, device: &Device) {
        let _ = device.set_format(&self.format);
        if let Some(rate) = &self.rate {
            let _ = device.set_params(rate);
        }
    }
}

/// Every mode of the device that can be used; at least one.
///
/// # Errors
/// When the driver does not answer, or offers nothing that can be used.
pub fn offered(device: &Device, place: &Path) -> Result<Vec<Mode>, CameraError> {
    let refused = |error| CameraError::driver(place, DriverTask::Tell, &error);
    let formats = device.enum_formats().map_err(refused)?;
    // What the driver has set is the sensor's or the input's own size.
    let current = device.format().map_err(refused)?;
    let current = (current.width, current.height);
    let mut modes = Vec::new();
    for fourcc in formats.iter().map(|format| format.fourcc) {
        let Some(format) = PixelFormat::of(&fourcc.repr) else {
            continue;
        };
        for (width, height) in sizes(device, fourcc, current) {
            let mode = |interval| Mode {
                format,
                width,
                height,
                interval,
            };
            let intervals = intervals(device, fourcc, width, height);
            if intervals.is_empty() {
                modes.push(mode(None));
            }
            modes.extend(intervals.into_iter().map(|interval| mode(Some(interval))));
        }
    }
    if modes.is_empty() {
        let names: Vec<String> = formats.iter().map(|f| f.fourcc.to_string()).collect();
        return Err(CameraError::NoFormat {
            place: place.display().to_string(),
            offered: match names.is_empty() {
                true => Offered::NoFormats,
                false => Offered::Formats(names.join(", ")),
            },
        });
    }
    Ok(modes)
}

/// The sizes of one format. A driver that lists none has the one that is set.
fn sizes(device: &Device, fourcc: FourCC, current: (u32, u32)) -> Vec<(u32, u32)> {
    let listed = device.enum_framesizes(fourcc).unwrap_or_default();
    let sizes: Vec<(u32, u32)> = listed
        .into_iter()
        .flat_map(|size| match size.size {
            FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
            FrameSizeEnum::Stepwise(range) => {
                let range = Range {
                    least: (range.min_width, range.min_height),
                    most: (range.max_width, range.max_height),
                    step: (range.step_width, range.step_height),
                };
                range.sizes(current).to_vec()
            }
        })
        .collect();
    if sizes.is_empty() {
        vec![current]
    } else {
        sizes
    }
}

/// How often the device can send such pictures; nothing where it does not say.
/// Of a range, its fastest.
fn intervals(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<Interval> {
    let listed = device.enum_frameintervals(fourcc, width, height);
    listed
        .unwrap_or_default()
        .into_iter()
        .map(|interval| match interval.interval {
            FrameIntervalEnum::Discrete(each) => each,
            FrameIntervalEnum::Stepwise(range) => range.min,
        })
        .map(|each| Interval {
            numerator: each.numerator,
            denominator: each.denominator,
        })
        .filter(|interval| interval.rate().is_some())
        .collect()
}

/// Sets the device to `mode`. The driver has the last word: what it set comes
/// back, and how its pictures lie in memory.
///
/// # Errors
/// When the driver refuses, or sets a format that cannot be used.
pub fn set(device: &Device, place: &Path, mode: &Mode) -> Result<(Mode, Layout), CameraError> {
    let asked = Format::new(mode.width, mode.height, FourCC::new(mode.format.fourcc()));
    let set = device
        .set_format(&asked)
        .map_err(|error| CameraError::driver(place, DriverTask::ChangeFormat, &error))?;
    let Some(format) = PixelFormat::of(&set.fourcc.repr) else {
        return Err(CameraError::NoFormat {
            place: place.display().to_string(),
            offered: Offered::Formats(set.fourcc.to_string()),
        });
    };
    let layout = Layout {
        format,
        width: set.width,
        height: set.height,
        stride: set.stride,
        coding: coding(set.colorspace, set.quantization),
    };
    let mode = Mode {
        format,
        width: set.width,
        height: set.height,
        interval: mode.interval.map(|interval| set_interval(device, interval)),
    };
    Ok((mode, layout))
}

/// Asks for one picture per `interval`; what will really come. Many drivers
/// cannot choose: then they send as often as they do.
fn set_interval(device: &Device, interval: Interval) -> Interval {
    let asked = Fraction::new(interval.numerator, interval.denominator);
    let Ok(set) = device.set_params(&Parameters::new(asked)) else {
        return interval;
    };
    let set = Interval {
        numerator: set.interval.numerator,
        denominator: set.interval.denominator,
    };
    set.rate().map_or(interval, |_| set)
}

/// What YUYV and NV12 mean in these words of a driver. One that says nothing
/// means what webcams have always meant.
fn coding(space: Colorspace, range: Quantization) -> Coding {
    let high_definition = matches!(space, Colorspace::Rec709);
    let full = match range {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => matches!(space, Colorspace::JPEG),
    };
    match (high_definition, full) {
        (false, false) => Coding::BT601,
        (false, true) => Coding::BT601_FULL,
        (true, false) => Coding::BT709,
        (true, true) => Coding::BT709_FULL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_mean_what_the_driver_says_they_mean() {
        use Colorspace::{Default, Rec709, JPEG, SRGB};
        use Quantization::{FullRange, LimitedRange};

        for (space, range, wanted) in [
            (Default, Quantization::Default, Coding::BT601),
            (SRGB, Quantization::Default, Coding::BT601),
            (SRGB, FullRange, Coding::BT601_FULL),
            (JPEG, Quantization::Default, Coding::BT601_FULL),
            (JPEG, LimitedRange, Coding::BT601),
            (Rec709, Quantization::Default, Coding::BT709),
            (Rec709, FullRange, Coding::BT709_FULL),
        ] {
            assert_eq!(coding(space, range), wanted, "{space}, {range}");
        }
    }
}
