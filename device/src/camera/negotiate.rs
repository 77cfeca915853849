//! Which of a camera's formats and sizes are used: pure choices among what it
//! offers.
//!
//! The preview is what the screen shows and the live gate measures, thirty
//! times a second: as large as that needs and no larger. The still is what is
//! graded: as large as the camera can.

use std::cmp::Reverse;
use std::fmt;

use fovea_core::photograph::{MAX_PIXELS, MAX_SIDE};
use heapless::Vec;

/// Rows that a preview needs: the largest screen shows fewer.
pub(super) const PREVIEW_HEIGHT: u32 = 720;
/// Pictures a second below which a preview is seen to stutter: as in film.
const SMOOTH: f64 = 24.0;
/// Pictures a second that are asked for where there is a choice.
const USUAL: f64 = 30.0;
/// Pictures a second of a still's mode, so that a photograph is not waited for.
const PROMPT: f64 = 10.0;

/// How a camera sends pixels. In the order of preference where all else is
/// equal: the more of the colour it keeps and the less it costs to convert,
/// the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PixelFormat {
    /// Three bytes a pixel: red, green, blue.
    Rgb3,
    /// Four bytes for two neighbours that share their colour.
    Yuyv,
    /// A plane of luma, then one of colour at half the size.
    Nv12,
    /// One JPEG file per picture.
    Mjpg,
    /// One byte a pixel, no colour.
    Grey,
}

impl PixelFormat {
    /// Every format, best first.
    pub const ALL: [PixelFormat; 5] = [
        PixelFormat::Rgb3,
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::Mjpg,
        PixelFormat::Grey,
    ];

    /// The four characters by which drivers name it.
    pub fn fourcc(self) -> &'static [u8; 4] {
        match self {
            PixelFormat::Rgb3 => b"RGB3",
            PixelFormat::Yuyv => b"YUYV",
            PixelFormat::Nv12 => b"NV12",
            PixelFormat::Mjpg => b"MJPG",
            PixelFormat::Grey => b"GREY",
        }
    }

    /// The format of this name; `None` for one that cannot be used.
    pub fn of(fourcc: &[u8; 4]) -> Option<PixelFormat> {
        PixelFormat::ALL.into_iter().find(|f| f.fourcc() == fourcc)
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fourcc()
            .iter()
            .try_for_each(|&c| write!(f, "{}", char::from(c)))
    }
}

/// Time from one picture to the next, as the fraction that drivers give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Seconds that `denominator` pictures take; 0 from a driver that gave nonsense.
    pub numerator: u32,
    /// Pictures in `numerator` seconds; 0 from a driver that gave nonsense.
    pub denominator: u32,
}

impl Interval {
    /// Pictures a second; `None` when a driver gave a zero.
    pub fn rate(self) -> Option<f64> {
        (self.numerator > 0 && self.denominator > 0)
            .then(|| f64::from(self.denominator) / f64::from(self.numerator))
    }
}

/// One way a camera can send pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How the pixels are encoded.
    pub format: PixelFormat,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// `None` when the driver does not say how often.
    pub interval: Option<Interval>,
}

impl Mode {
    /// Pictures a second, where known.
    pub fn rate(&self) -> Option<f64> {
        self.interval.and_then(Interval::rate)
    }

    /// Whether both send the same pictures, be it more or less often.
    pub fn looks_like(&self, other: &Mode) -> bool {
        (self.format, self.width, self.height) == (other.format, other.width, other.height)
    }

    fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn has_colour(&self) -> bool {
        self.format != PixelFormat::Grey
    }

    /// Distance from the usual rate. A driver that keeps silent is believed to
    /// be usual.
    fn unusual(&self) -> f64 {
        (self.rate().unwrap_or(USUAL) - USUAL).abs()
    }

    fn same_shape(&self, other: &Mode) -> bool {
        u64::from(self.width) * u64::from(other.height)
            == u64::from(other.width) * u64::from(self.height)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.format, self.width, self.height)?;
        match self.rate() {
            Some(rate) => write!(f, ", {}/s", (rate * 10.0).round() / 10.0),
            None => Ok(()),
        }
    }
}

/// The mode to photograph in: in colour if there is any, as large as possible,
/// then prompt, then in the best format. `None` when nothing is offered.
pub fn still(modes: &[Mode]) -> Option<Mode> {
    let worth = |mode: &Mode| {
        let prompt = mode.rate().is_none_or(|rate| rate >= PROMPT);
        (mode.has_colour(), mode.area(), prompt, Reverse(mode.format))
    };
    best(modes, |a, b| {
        worth(a)
            .cmp(&worth(b))
            .then(b.unusual().total_cmp(&a.unusual()))
    })
}

/// The mode to preview in, for stills taken in `still`: in colour if there is
/// any; as much as possible of the rows and the rate needed, a half of the one
/// being as bad as a half of the other; then of the still's shape, so that what
/// is seen is what will be photographed; then as small and as cheap as
/// possible. `None` when nothing is offered.
pub fn preview(modes: &[Mode], still: &Mode) -> Option<Mode> {
    let enough = |mode: &Mode| {
        let rows = f64::from(mode.height) / f64::from(PREVIEW_HEIGHT);
        let rate = mode.rate().unwrap_or(USUAL) / SMOOTH;
        rows.min(1.0) * rate.min(1.0)
    };
    best(modes, |a, b| {
        (a.has_colour().cmp(&b.has_colour()))
            .then(enough(a).total_cmp(&enough(b)))
            .then(a.same_shape(still).cmp(&b.same_shape(still)))
            .then(b.area().cmp(&a.area()))
            .then(b.unusual().total_cmp(&a.unusual()))
            .then(b.format.cmp(&a.format))
    })
}

/// The first of the best among the modes that are photographs at all.
fn best(modes: &[Mode], order: impl Fn(&Mode, &Mode) -> std::cmp::Ordering) -> Option<Mode> {
    let fits =
        |m: &&Mode| m.area() > 0 && m.area() <= MAX_PIXELS && m.width.max(m.height) <= MAX_SIDE;
    // Of equals `max_by` takes the last, so from the back.
    modes
        .iter()
        .rev()
        .filter(fits)
        .max_by(|a, b| order(a, b))
        .copied()
}

/// Sizes that a driver offers as a range instead of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Smallest width and height, in pixels.
    pub least: (u32, u32),
    /// Largest width and height, in pixels.
    pub most: (u32, u32),
    /// Step between two widths and between two heights, in pixels; 0 counts as 1.
    pub step: (u32, u32),
}

impl Range {
    /// The sizes of a range worth considering: the one the driver has set,
    /// which is its sensor's or its input's own; the largest; and this halved
    /// and quartered for the preview, which keeps its shape. A range that goes
    /// on to sizes no sensor has is a scaler's: beyond `current`, there is
    /// nothing to be had from it.
    pub fn sizes(&self, current: (u32, u32)) -> Vec<(u32, u32), 4> {
        let mut sizes = Vec::from_iter([current]);
        let (width, height) = self.most;
        if u64::from(width) * u64::from(height) > MAX_PIXELS || width.max(height) > MAX_SIDE {
            return sizes;
        }
        for part in [1, 2, 4] {
            let size = (
                on_step(width / part, self.least.0, self.step.0),
                on_step(height / part, self.least.1, self.step.1),
            );
            if size.0 >= self.least.0 && size.1 >= self.least.1 && !sizes.contains(&size) {
                // There is room: one and three halvings at most.
                let _ = sizes.push(size);
            }
        }
        sizes
    }
}

/// The largest value of the range that is no more than `value`.
fn on_step(value: u32, least: u32, step: u32) -> u32 {
    let step = step.max(1);
    match value.checked_sub(least) {
        Some(above) => least + above / step * step,
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::PixelFormat::{Grey, Mjpg, Nv12, Rgb3, Yuyv};
    use super::*;

    fn mode(format: PixelFormat, width: u32, height: u32, rate: u32) -> Mode {
        Mode {
            format,
            width,
            height,
            interval: Some(Interval {
                numerator: 1,
                denominator: rate,
            }),
        }
    }

    fn choose(modes: &[Mode]) -> (Mode, Mode) {
        let still = still(modes).unwrap();
        (preview(modes, &still).unwrap(), still)
    }

    /// What a USB 2 camera typically offers: raw pictures only slowly.
    #[test]
    fn a_common_usb_camera_previews_in_720_lines_and_photographs_in_full() {
        let modes = [
            mode(Yuyv, 640, 480, 30),
            mode(Yuyv, 1280, 720, 10),
            mode(Yuyv, 1920, 1080, 5),
            mode(Mjpg, 640, 480, 30),
            mode(Mjpg, 1280, 720, 60),
            mode(Mjpg, 1280, 720, 30),
            mode(Mjpg, 1920, 1080, 30),
        ];
        let (preview, still) = choose(&modes);
        assert_eq!(preview, mode(Mjpg, 1280, 720, 30));
        assert_eq!(still, mode(Mjpg, 1920, 1080, 30), "raw would be waited for");
    }

    #[test]
    fn the_best_format_wins_where_all_else_is_equal() {
        let all = |format| mode(format, 1280, 720, 30);
        for (offered, wanted) in [
            (vec![Grey, Mjpg, Nv12, Yuyv, Rgb3], Rgb3),
            (vec![Mjpg, Yuyv, Nv12], Yuyv),
            (vec![Mjpg, Grey, Nv12], Nv12),
            (vec![Grey, Mjpg], Mjpg),
            (vec![Grey], Grey),
        ] {
            let modes: Vec<Mode, 5> = offered.into_iter().map(all).collect();
            let (preview, still) = choose(&modes);
            assert_eq!((preview.format, still.format), (wanted, wanted));
            assert!(preview.looks_like(&still));
        }
    }

    #[test]
    fn colour_is_worth_more_than_size() {
        let modes = [mode(Grey, 4096, 3072, 30), mode(Mjpg, 1024, 768, 30)];
        let (preview, still) = choose(&modes);
        assert_eq!((preview, still), (modes[1], modes[1]));
    }

    #[test]
    fn the_preview_shows_what_the_still_will() {
        let modes = [
            mode(Mjpg, 1280, 720, 30),
            mode(Mjpg, 1280, 960, 30),
            mode(Mjpg, 2592, 1944, 15),
        ];
        let (preview, still) = choose(&modes);
        assert_eq!((preview, still), (modes[1], modes[2]));
    }

    #[test]
    fn neither_a_stamp_nor_a_slide_show_is_previewed_when_there_is_better() {
        let modes = [
            mode(Yuyv, 320, 240, 30),
            mode(Yuyv, 1280, 960, 12),
            mode(Yuyv, 2560, 1920, 2),
        ];
        let (preview, still) = choose(&modes);
        assert_eq!((preview, still), (modes[1], modes[2]));
    }

    #[test]
    fn a_silent_driver_is_trusted_and_hostile_sizes_are_not() {
        let silent = Mode {
            interval: None,
            ..mode(Yuyv, 1280, 720, 1)
        };
        let zero = Mode {
            interval: Some(Interval {
                numerator: 0,
                denominator: 0,
            }),
            ..silent
        };
        let modes = [
            mode(Yuyv, 0, 0, 30),
            mode(Yuyv, u32::MAX, u32::MAX, 30),
            mode(Yuyv, 1280, 720, 5),
            silent,
            zero,
        ];
        assert_eq!(choose(&modes).0, silent);
        assert_eq!(still(&modes[..2]), None);
        assert_eq!(still(&[]), None);
        assert_eq!(preview(&[], &silent), None);
    }

    #[test]
    fn a_range_is_asked_for_its_own_sizes_and_a_scaler_for_nothing() {
        let sensor = Range {
            least: (32, 32),
            most: (2592, 1944),
            step: (2, 2),
        };
        let sizes = sensor.sizes((1024, 768));
        assert_eq!(sizes, [(1024, 768), (2592, 1944), (1296, 972), (648, 486)]);
        assert_eq!(sensor.sizes((2592, 1944))[1], (1296, 972));
        let scaler = Range {
            least: (16, 16),
            most: (16_384, 8_640),
            step: (2, 1),
        };
        assert_eq!(scaler.sizes((1280, 720)), [(1280, 720)]);
        let fixed = Range {
            least: (640, 480),
            most: (640, 480),
            step: (0, 0),
        };
        assert_eq!(fixed.sizes((640, 480)), [(640, 480)]);
    }

    #[test]
    fn formats_are_known_by_their_names() {
        for format in PixelFormat::ALL {
            assert_eq!(PixelFormat::of(format.fourcc()), Some(format));
        }
        assert_eq!(PixelFormat::of(b"BA81"), None);
        assert_eq!(mode(Yuyv, 640, 480, 30).to_string(), "YUYV 640x480, 30/s");
        let ntsc = Interval {
            numerator: 1001,
            denominator: 30_000,
        };
        let ntsc = Mode {
            interval: Some(ntsc),
            ..mode(Mjpg, 640, 480, 1)
        };
        assert_eq!(ntsc.to_string(), "MJPG 640x480, 30/s");
    }
}
