//! What a camera sends becomes RGB.
//!
//! Integers only, so that the same bytes come out on every processor: a
//! photograph must not be graded differently because another camera's computer
//! multiplies in another way. Nothing is allocated for raw formats; for motion
//! JPEG, only what the decoder itself asks for.

use super::error::ConvertError;
use super::jpeg;
use super::negotiate::PixelFormat;

/// How a picture lies in a camera's buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// How the pixels are encoded.
    pub format: PixelFormat,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes from the start of a row to the start of the next; 0 when rows
    /// follow each other without a gap. Has no meaning for MJPG.
    pub stride: u32,
    /// What luma and colour differences mean, for YUYV and NV12.
    pub coding: Coding,
}

/// Turns pictures into RGB, keeping the memory it needs from one to the next.
#[derive(Debug, Default)]
pub struct Converter {
    scratch: Vec<u8>,
}

impl Converter {
    /// Converts the picture in `data`, the bytes that the driver says are
    /// filled, into `rgb`: `width` x `height` pixels of 3 bytes, row by row.
    ///
    /// # Errors
    /// When `data` is too short, too narrow or no JPEG of that size, when the
    /// format needs even sides and has odd ones, or when `rgb` is too short.
    pub fn convert(
        &mut self,
        data: &[u8],
        layout: &Layout,
        rgb: &mut [u8],
    ) -> Result<(), ConvertError> {
        let (width, height) = (layout.width as usize, layout.height as usize);
        let rgb = front(rgb, 3 * width * height)?;
        if rgb.is_empty() {
            return Ok(());
        }
        let rows = rgb.chunks_exact_mut(3 * width);
        match layout.format {
            PixelFormat::Mjpg => {
                let size = (layout.width, layout.height);
                jpeg::decode(data, size, rgb, &mut self.scratch)?;
            }
            PixelFormat::Rgb3 => {
                for (to, from) in rows.zip(plane(data, layout, 3 * width, height)?) {
                    to.copy_from_slice(from);
                }
            }
            PixelFormat::Grey => {
                for (to, from) in rows.zip(plane(data, layout, width, height)?) {
                    for (pixel, &grey) in to.chunks_exact_mut(3).zip(from) {
                        pixel.fill(grey);
                    }
                }
            }
            PixelFormat::Yuyv => {
                even(layout, layout.width)?;
                for (to, from) in rows.zip(plane(data, layout, 2 * width, height)?) {
                    yuyv_row(from, to, &layout.coding);
                }
            }
            PixelFormat::Nv12 => {
                even(layout, layout.width | layout.height)?;
                let luma = plane(data, layout, width, height)?;
                // The plane of colour begins where the last whole row of luma ends.
                let below = data
                    .get(stride(layout, width)? * height..)
                    .unwrap_or_default();
                let colour = plane(below, layout, width, height / 2)?;
                let each_twice = colour.flat_map(|row| [row, row]);
                for ((to, luma), colour) in rows.zip(luma).zip(each_twice) {
                    nv12_row(luma, colour, to, &layout.coding);
                }
            }
        }
        Ok(())
    }
}

/// What luma and colour differences mean: 16.16 fixed point, from the weights
/// of red and blue in luma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    black: i32,
    luma: i32,
    red: i32,
    green_from_blue: i32,
    green_from_red: i32,
    blue: i32,
}

impl Coding {
    /// ITU-R BT.601, luma from 16 to 235: what cameras send unless they say
    /// otherwise.
    pub const BT601: Coding = Coding::new(0.299, 0.114, false);
    /// BT.601 over the whole range from 0 to 255.
    pub const BT601_FULL: Coding = Coding::new(0.299, 0.114, true);
    /// ITU-R BT.709, luma from 16 to 235: high definition, HDMI.
    pub const BT709: Coding = Coding::new(0.2126, 0.0722, false);
    /// BT.709 over the whole range.
    pub const BT709_FULL: Coding = Coding::new(0.2126, 0.0722, true);

    const fn new(red: f64, blue: f64, full: bool) -> Coding {
        let (black, luma, colour) = if full {
            (0, 1.0, 1.0)
        } else {
            (16, 255.0 / 219.0, 255.0 / 224.0)
        };
        let green = 1.0 - red - blue;
        let (from_red, from_blue) = (2.0 * (1.0 - red) * colour, 2.0 * (1.0 - blue) * colour);
        Coding {
            black,
            luma: fixed(luma),
            red: fixed(from_red),
            green_from_blue: fixed(from_blue * blue / green),
            green_from_red: fixed(from_red * red / green),
            blue: fixed(from_blue),
        }
    }

    /// What two pixels share.
    fn colour(&self, u: u8, v: u8) -> [i32; 3] {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [
            self.red * v,
            -self.green_from_blue * u - self.green_from_red * v,
            self.blue * u,
        ]
    }

    fn pixel(&self, luma: u8, colour: [i32; 3], to: &mut [u8]) {
        const HALF: i32 = 1 << 15;
        let luma = (i32::from(luma) - self.black) * self.luma + HALF;
        for (to, colour) in to.iter_mut().zip(colour) {
            *to = ((luma + colour) >> 16).clamp(0, 255) as u8;
        }
    }
}

/// Rounded to 16.16 fixed point; no weight is negative.
const fn fixed(value: f64) -> i32 {
    (value * 65_536.0 + 0.5) as i32
}

fn yuyv_row(from: &[u8], to: &mut [u8], coding: &Coding) {
    for (from, to) in from.chunks_exact(4).zip(to.chunks_exact_mut(6)) {
        let &[first, u, second, v] = from else {
            continue;
        };
        let colour = coding.colour(u, v);
        let (left, right) = to.split_at_mut(3);
        coding.pixel(first, colour, left);
        coding.pixel(second, colour, right);
    }
}

fn nv12_row(luma: &[u8], colour: &[u8], to: &mut [u8], coding: &Coding) {
    let pairs = luma.chunks_exact(2).zip(colour.chunks_exact(2));
    for ((luma, colour), to) in pairs.zip(to.chunks_exact_mut(6)) {
        let colour = coding.colour(colour[0], colour[1]);
        let (left, right) = to.split_at_mut(3);
        coding.pixel(luma[0], colour, left);
        coding.pixel(luma[1], colour, right);
    }
}

/// The `height` rows of a plane, `row` bytes of each. The last may end where
/// its pixels end: drivers leave out the padding behind it.
fn plane<'a>(
    data: &'a [u8],
    layout: &Layout,
    row: usize,
    height: usize,
) -> Result<impl Iterator<Item = &'a [u8]>, ConvertError> {
    let stride = stride(layout, row)?;
    let need = stride * height.saturating_sub(1) + row;
    if data.len() < need {
        return Err(ConvertError::Short {
            have: data.len(),
            need,
        });
    }
    Ok(data.chunks(stride).take(height).map(move |all| &all[..row]))
}

/// Bytes from row to row, where a row's pixels fill `row` bytes.
fn stride(layout: &Layout, row: usize) -> Result<usize, ConvertError> {
    match layout.stride as usize {
        0 => Ok(row),
        stride if stride < row => Err(ConvertError::NarrowRows {
            stride,
            width: layout.width,
        }),
        stride => Ok(stride),
    }
}

/// Checks that a format whose neighbours share their colour has pairs only:
/// `sides` is one side, or two joined by "or".
fn even(layout: &Layout, sides: u32) -> Result<(), ConvertError> {
    if sides.is_multiple_of(2) {
        return Ok(());
    }
    Err(ConvertError::OddSize {
        format: layout.format,
        width: layout.width,
        height: layout.height,
    })
}

/// The first `length` bytes.
fn front(bytes: &mut [u8], length: usize) -> Result<&mut [u8], ConvertError> {
    let have = bytes.len();
    bytes
        .get_mut(..length)
        .ok_or(ConvertError::Short { have, need: length })
}

#[cfg(test)]
mod tests {
    use super::PixelFormat::{Grey, Mjpg, Nv12, Rgb3, Yuyv};
    use super::*;

    fn layout(format: PixelFormat, width: u32, height: u32, stride: u32) -> Layout {
        Layout {
            format,
            width,
            height,
            stride,
            coding: Coding::BT601,
        }
    }

    fn converted(data: &[u8], layout: &Layout) -> Result<Vec<u8>, ConvertError> {
        let mut rgb = vec![7; 3 * (layout.width * layout.height) as usize];
        Converter::default()
            .convert(data, layout, &mut rgb)
            .map(|()| rgb)
    }

    /// The bars of a test card, as in the tables of BT.601 and BT.709.
    #[test]
    fn colours_are_those_of_the_standards() {
        let bars = |coding: Coding, bars: &[([u8; 3], [u8; 3])]| {
            for &([y, u, v], rgb) in bars {
                let layout = Layout {
                    coding,
                    ..layout(Yuyv, 2, 1, 0)
                };
                let got = converted(&[y, u, y, v], &layout).unwrap();
                for (got, wanted) in got.iter().zip(rgb.iter().cycle()) {
                    assert!(
                        got.abs_diff(*wanted) <= 1,
                        "{y} {u} {v}: {got}, not {wanted}"
                    );
                }
            }
        };
        bars(
            Coding::BT601,
            &[
                ([16, 128, 128], [0, 0, 0]),
                ([235, 128, 128], [255, 255, 255]),
                ([126, 128, 128], [128, 128, 128]),
                ([81, 90, 240], [255, 0, 0]),
                ([145, 54, 34], [0, 255, 0]),
                ([41, 240, 110], [0, 0, 255]),
                ([210, 16, 146], [255, 255, 0]),
                // Blacker than black and whiter than white are cut off.
                ([0, 128, 128], [0, 0, 0]),
                ([255, 128, 128], [255, 255, 255]),
            ],
        );
        bars(
            Coding::BT601_FULL,
            &[
                ([0, 128, 128], [0, 0, 0]),
                ([255, 128, 128], [255, 255, 255]),
                ([76, 85, 255], [254, 0, 0]),
                ([29, 255, 107], [0, 0, 254]),
            ],
        );
        bars(
            Coding::BT709,
            &[
                ([63, 102, 240], [255, 0, 0]),
                ([173, 42, 26], [0, 255, 0]),
                ([32, 240, 118], [0, 0, 255]),
            ],
        );
        bars(Coding::BT709_FULL, &[([54, 99, 255], [254, 0, 0])]);
    }

    #[test]
    fn neighbours_share_colour_and_keep_their_own_light() {
        let yuyv = converted(&[81, 90, 16, 240], &layout(Yuyv, 2, 1, 0)).unwrap();
        assert!(yuyv[0] > 250 && yuyv[3] > 170 && yuyv[3] < 185, "{yuyv:?}");
        // The same square of two by two, as NV12: one colour for four.
        let nv12 = [81, 16, 235, 81, 90, 240];
        let rgb = converted(&nv12, &layout(Nv12, 2, 2, 0)).unwrap();
        assert_eq!(rgb[..6], yuyv[..]);
        assert_eq!(rgb[9..], rgb[..3]);
    }

    /// Rows as drivers pad them, with bytes in the gap that must not show.
    #[test]
    fn padding_between_rows_is_left_out() {
        const GAP: u8 = 99;
        let cases: [(Layout, &[usize]); 4] = [
            (layout(Rgb3, 4, 3, 0), &[12, 12, 12]),
            (layout(Grey, 4, 3, 0), &[4, 4, 4]),
            (layout(Yuyv, 4, 3, 0), &[8, 8, 8]),
            (layout(Nv12, 4, 4, 0), &[4, 4, 4, 4, 4, 4]),
        ];
        for (tight, rows) in cases {
            let mut value = 0u8;
            let (mut plain, mut padded) = (Vec::new(), Vec::new());
            let stride = rows[0] + 5;
            for &row in rows {
                let bytes: Vec<u8> = (0..row)
                    .map(|_| {
                        value = value.wrapping_add(37);
                        value
                    })
                    .collect();
                plain.extend_from_slice(&bytes);
                padded.extend_from_slice(&bytes);
                padded.extend_from_slice(&[GAP; 5]);
            }
            let wide = Layout {
                stride: stride as u32,
                ..tight
            };
            let wanted = converted(&plain, &tight).unwrap();
            assert_eq!(converted(&padded, &wide).unwrap(), wanted, "{tight:?}");
            // Without the padding behind the very last row.
            padded.truncate(padded.len() - 5);
            assert_eq!(converted(&padded, &wide).unwrap(), wanted, "{tight:?}");
            padded.truncate(padded.len() - 1);
            assert!(matches!(
                converted(&padded, &wide),
                Err(ConvertError::Short { .. })
            ));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for format in [Yuyv, Nv12] {
            let error = converted(&[0; 64], &layout(format, 3, 2, 0)).unwrap_err();
            assert!(matches!(error, ConvertError::OddSize { .. }), "{error}");
        }
        let error = converted(&[0; 64], &layout(Nv12, 2, 3, 0)).unwrap_err();
        assert!(matches!(error, ConvertError::OddSize { .. }), "{error}");
        for format in PixelFormat::ALL {
            assert!(
                converted(&[], &layout(format, 4, 4, 0)).is_err(),
                "{format}"
            );
        }
        let error = converted(&[0; 64], &layout(Rgb3, 4, 2, 11)).unwrap_err();
        assert!(matches!(error, ConvertError::NarrowRows { .. }), "{error}");
        let mut small = [0; 5];
        let error = Converter::default()
            .convert(&[0; 64], &layout(Grey, 2, 1, 0), &mut small)
            .unwrap_err();
        assert_eq!(error, ConvertError::Short { have: 5, need: 6 });
        assert!(converted(&[], &layout(Mjpg, 0, 0, 0)).unwrap().is_empty());
    }
}
