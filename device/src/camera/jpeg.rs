//! One picture of a motion JPEG stream.
//!
//! It is a JPEG file with two habits. Cameras may leave the Huffman tables out,
//! for they are always the standard's own. And a picture that lost a part on
//! the cable comes all the same: a decoder made for files fills the missing
//! part with grey, but half a retina must not be taken for a whole one. So the
//! picture's data is walked before it is decoded. What marks its end may be
//! missing: some cameras never write it.

use fovea_core::photograph::jpeg::{self, Fault, Whole};
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::error::ConvertError;

const START: [u8; 2] = [0xFF, 0xD8];
const END: [u8; 2] = [0xFF, 0xD9];
const HUFFMAN_TABLES: u8 = 0xC4;
const SCAN: u8 = 0xDA;
/// An application segment that says "motion JPEG": by it the decoder knows
/// that absent tables are the standard's.
const MOTION_JPEG: [u8; 9] = [0xFF, 0xE0, 0x00, 0x07, b'A', b'V', b'I', b'1', 0x00];

/// Decodes `data` into `rgb`, which holds `width` x `height` pixels. `scratch`
/// is only used for pictures without tables or end, and again for the next.
///
/// # Errors
/// When the picture is not whole, damaged, or of another size.
pub fn decode(
    data: &[u8],
    (width, height): (u32, u32),
    rgb: &mut [u8],
    scratch: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    let Whole {
        length, has_end, ..
    } = whole(data)?;
    let data = &data[..length];
    let has_tables = has_tables(data);
    let data = if has_tables && has_end {
        data
    } else {
        scratch.clear();
        scratch.extend_from_slice(&START);
        if !has_tables {
            scratch.extend_from_slice(&MOTION_JPEG);
        }
        scratch.extend_from_slice(&data[START.len()..]);
        if !has_end {
            scratch.extend_from_slice(&END);
        }
        scratch
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    decoder.decode_headers().map_err(damaged)?;
    let got = decoder
        .info()
        .map(|info| (u32::from(info.width), u32::from(info.height)));
    match got {
        Some(got) if got != (width, height) => Err(ConvertError::WrongSize {
            got,
            agreed: (width, height),
        }),
        _ => decoder.decode_into(rgb).map_err(damaged),
    }
}

/// How much of `data` is the picture, without what a driver left behind it.
fn whole(data: &[u8]) -> Result<Whole, ConvertError> {
    if !data.starts_with(&START) {
        return Err(ConvertError::NoJpeg);
    }
    jpeg::walk(data).map_err(|fault| match fault {
        Fault::EndsEarly => ConvertError::EndsEarly,
        other => ConvertError::Damaged(other.to_string()),
    })
}

/// Whether a segment with Huffman tables comes before the first scan.
fn has_tables(data: &[u8]) -> bool {
    let mut at = START.len();
    while let Some(&[0xFF, marker, high, low]) = data.get(at..at + 4) {
        match marker {
            HUFFMAN_TABLES => return true,
            SCAN => return false,
            // Fill bytes before a marker.
            0xFF => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    // Broken headers are the decoder's to describe.
    true
}

fn damaged(error: DecodeErrors) -> ConvertError {
    ConvertError::Damaged(format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    const SIZE: (u32, u32) = (64, 48);

    fn picture() -> Vec<u8> {
        (0..SIZE.1)
            .flat_map(|y| (0..SIZE.0).flat_map(move |x| [200, (3 * x) as u8, (4 * y) as u8]))
            .collect()
    }

    fn jpeg(pixels: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 95);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
        encoder
            .encode(pixels, SIZE.0 as u16, SIZE.1 as u16, ColorType::Rgb)
            .unwrap();
        file
    }

    fn decoded(data: &[u8]) -> Result<Vec<u8>, ConvertError> {
        let mut rgb = vec![0; picture().len()];
        decode(data, SIZE, &mut rgb, &mut Vec::new()).map(|()| rgb)
    }

    /// The file without its segments of Huffman tables.
    fn without_tables(file: &[u8]) -> Vec<u8> {
        let mut bare = file[..2].to_vec();
        let mut at = 2;
        while file[at + 1] != SCAN {
            let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            if file[at + 1] != HUFFMAN_TABLES {
                bare.extend_from_slice(&file[at..end]);
            }
            at = end;
        }
        bare.extend_from_slice(&file[at..]);
        bare
    }

    #[test]
    fn pixels_come_back_nearly_as_they_were() {
        let pixels = picture();
        let rgb = decoded(&jpeg(&pixels)).unwrap();
        let worst = rgb.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() < 16, "{worst:?}");
    }

    #[test]
    fn absent_tables_are_the_standards() {
        let file = jpeg(&picture());
        let bare = without_tables(&file);
        assert!(has_tables(&file) && !has_tables(&bare));
        assert_eq!(decoded(&bare).unwrap(), decoded(&file).unwrap());
    }

    #[test]
    fn what_a_driver_leaves_behind_the_end_is_no_part_of_the_picture() {
        let file = jpeg(&picture());
        let padded = [file.as_slice(), &[0; 300]].concat();
        assert_eq!(decoded(&padded).unwrap(), decoded(&file).unwrap());
    }

    #[test]
    fn a_picture_that_is_not_whole_is_refused() {
        let file = jpeg(&picture());
        assert!(matches!(
            decoded(&file[..file.len() / 2]),
            Err(ConvertError::EndsEarly)
        ));
        assert!(matches!(decoded(&[]), Err(ConvertError::NoJpeg)));
        assert!(matches!(decoded(&[0; 64]), Err(ConvertError::NoJpeg)));
        // A hole in the middle: the end is there, the rows are not.
        let hole = [&file[..file.len() / 2], END.as_slice()].concat();
        assert!(matches!(decoded(&hole), Err(ConvertError::EndsEarly)));
    }

    /// What happens to a frame on the cable, at every place it can happen.
    #[test]
    fn a_frame_that_lost_a_part_is_refused() {
        let file = jpeg(&picture());
        let older = jpeg(&picture().iter().map(|v| v / 2).collect::<Vec<_>>());
        let data = file.windows(2).position(|b| b == [0xFF, SCAN]).unwrap() + 14;
        let (mut tried, mut passed) = (0, 0);
        for at in data..file.len() - 2 {
            // Cut, with an end of its own.
            assert!(
                decoded(&[&file[..at], &END].concat()).is_err(),
                "cut at {at}"
            );
            // The next frame follows at once.
            assert!(decoded(&[&file[..at], &file].concat()).is_err(), "{at}");
            // A packet is lost.
            let behind = (at + 40).min(file.len() - 2);
            let lost = [&file[..at], &file[behind..]].concat();
            tried += 1;
            passed += usize::from(decoded(&lost).is_ok());
        }
        // The codes behind a gap may happen to fill the same number of blocks.
        assert!(50 * passed <= tried, "{passed} of {tried} lost packets");
        // The first half of this frame, the tail of the one before.
        let half = (data + file.len()) / 2;
        let spliced = [&file[..half], &older[older.len() / 2..]].concat();
        assert!(decoded(&spliced).is_err());
        // A header that promises twice the rows.
        let mut tall = file.clone();
        let header = tall.windows(2).position(|b| b == [0xFF, 0xC0]).unwrap();
        tall[header + 5..header + 7].copy_from_slice(&(2 * SIZE.1 as u16).to_be_bytes());
        let mut rgb = vec![0; 2 * picture().len()];
        let size = (SIZE.0, 2 * SIZE.1);
        let error = decode(&tall, size, &mut rgb, &mut Vec::new()).unwrap_err();
        assert_eq!(error, ConvertError::EndsEarly);
    }

    #[test]
    fn a_camera_may_never_write_the_end() {
        let file = jpeg(&picture());
        let wanted = decoded(&file).unwrap();
        let endless = &file[..file.len() - END.len()];
        for behind in [&[][..], &[0; 300], &[0xFF; 3], &file] {
            let frame = [endless, behind].concat();
            assert_eq!(decoded(&frame).unwrap(), wanted, "{} bytes", behind.len());
        }
        assert_eq!(decoded(&without_tables(endless)).unwrap(), wanted);
    }

    #[test]
    fn another_size_than_agreed_is_told_with_both() {
        let file = jpeg(&picture());
        let mut rgb = vec![0; 32 * 48 * 3];
        let error = decode(&file, (32, 48), &mut rgb, &mut Vec::new()).unwrap_err();
        assert!(matches!(
            error,
            ConvertError::WrongSize {
                got: SIZE,
                agreed: (32, 48)
            }
        ));
    }

    /// Every way of cutting and flipping: an error or a picture, never a panic.
    #[test]
    fn damage_anywhere_is_survived() {
        let file = jpeg(&picture());
        for at in 0..file.len() {
            let mut hurt = file.clone();
            hurt[at] ^= 0xFF;
            let _ = decoded(&hurt);
            let _ = decoded(&[&file[..at], END.as_slice()].concat());
        }
    }
}
