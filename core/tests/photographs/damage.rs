//! A photograph of which a part is missing is never read as a whole one, and
//! one that lacks nothing is read.

use fovea_core::photograph::jpeg::{walk, Fault};
use fovea_core::photograph::{decode, pixels, ReadError};
use image::codecs::gif::GifEncoder;
use image::{Frame, ImageEncoder as _, Rgb, RgbImage, Rgba, RgbaImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::drawing::Scene;

const SIZE: (u32, u32) = (160, 120);
const END: [u8; 2] = [0xFF, 0xD9];

fn eye(light: f32) -> RgbImage {
    let mut scene = Scene::new(SIZE, (80.0, 60.0), (55.0, 55.0));
    scene.retina = scene.retina.map(|v| v * light);
    scene.draw()
}

fn jpeg(picture: &RgbImage, settings: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 88);
    settings(&mut encoder);
    let (width, height) = picture.dimensions();
    encoder
        .encode(picture, width as u16, height as u16, ColorType::Rgb)
        .unwrap();
    file
}

/// One of each kind that cameras and programs write.
fn jpegs(picture: &RgbImage) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("plain", jpeg(picture, |_| {})),
        (
            "4:2:0",
            jpeg(picture, |e| e.set_sampling_factor(SamplingFactor::R_4_2_0)),
        ),
        (
            "4:2:2, restarts",
            jpeg(picture, |e| {
                e.set_sampling_factor(SamplingFactor::R_4_2_2);
                e.set_restart_interval(10);
            }),
        ),
        ("progressive", jpeg(picture, |e| e.set_progressive(true))),
        (
            "own tables",
            jpeg(picture, |e| e.set_optimized_huffman_tables(true)),
        ),
        (
            "progressive 4:2:0, restarts",
            jpeg(picture, |e| {
                e.set_sampling_factor(SamplingFactor::R_4_2_0);
                e.set_progressive(true);
                e.set_restart_interval(7);
            }),
        ),
    ]
}

/// Where the data of the first scan begins.
fn data(file: &[u8]) -> usize {
    let at = file.windows(2).position(|b| b == [0xFF, 0xDA]).unwrap();
    at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]))
}

#[test]
fn a_jpeg_without_its_end_is_whole_and_without_more_is_not() {
    for (what, file) in jpegs(&eye(1.0)) {
        let wanted = decode(&file).unwrap();
        assert_eq!(walk(&file).unwrap().length, file.len(), "{what}");
        let endless = &file[..file.len() - 2];
        for behind in [&[][..], &[0xFF], &[0; 200]] {
            let got = decode(&[endless, behind].concat());
            assert_eq!(got.unwrap(), wanted, "{what} and {} bytes", behind.len());
        }
        let data = data(&file);
        for at in (data..endless.len() - 1).step_by(3) {
            let filled = [&[0; 500][..], &END].concat();
            for behind in [&[][..], &END, &[0; 500], &filled, &file] {
                // Of the last few bits zeros may be right.
                if behind.starts_with(&[0; 500]) && at + 40 > endless.len() {
                    continue;
                }
                let got = decode(&[&file[..at], behind].concat());
                let behind = behind.len();
                assert!(got.is_err(), "{what} cut at {at}, {behind} bytes behind");
            }
        }
    }
}

#[test]
fn a_jpeg_that_lost_or_changed_a_part_is_refused() {
    let (picture, other) = (eye(1.0), eye(0.6));
    for ((what, file), (_, other)) in jpegs(&picture).into_iter().zip(jpegs(&other)) {
        let from = data(&file);
        let (mut tried, mut passed) = (0, 0);
        let mut refused = |bytes: &[u8]| {
            tried += 1;
            passed += usize::from(decode(bytes).is_ok());
        };
        for at in (from..file.len() - 160).step_by(31) {
            let end = at + 150;
            refused(&[&file[..at], &file[end..]].concat());
            refused(&[&file[..at], &[0; 150], &file[end..]].concat());
            refused(&[&file[..end], &file[at..]].concat());
            let tail = other
                .len()
                .saturating_sub(file.len() - at)
                .max(data(&other));
            refused(&[&file[..at], &other[tail..]].concat());
        }
        // In so small a picture the codes behind a change happen to fill the
        // same number of blocks now and then; in a photograph, hardly ever.
        assert!(20 * passed <= tried, "{what}: {passed} of {tried}");
    }
}

#[test]
fn a_jpeg_that_promises_more_rows_than_it_has_is_refused() {
    for (what, mut file) in jpegs(&eye(1.0)) {
        let is_frame = |b: &[u8]| b == [0xFF, 0xC0] || b == [0xFF, 0xC2];
        let at = file.windows(2).position(is_frame).unwrap();
        file[at + 5..at + 7].copy_from_slice(&(2 * SIZE.1 as u16).to_be_bytes());
        assert!(decode(&file).is_err(), "{what}");
    }
}

#[test]
fn restarts_out_of_order_are_refused() {
    let file = jpeg(&eye(1.0), |e| e.set_restart_interval(10));
    let marker = |n: u8| file.windows(2).position(|b| b == [0xFF, 0xD0 + n]).unwrap();
    let (second, third) = (marker(1), marker(2));
    let lost = [&file[..second], &file[third..]].concat();
    assert!(matches!(walk(&lost), Err(Fault::Damaged(_))));
    assert!(matches!(decode(&lost), Err(ReadError::Damaged { .. })));
}

/// A picture in rows of runs, as 8-bit BMP with run lengths.
fn runs(rows: u32, all: bool) -> Vec<u8> {
    let mut pixels = Vec::new();
    for _ in 0..rows {
        pixels.extend([40, 1, 24, 2, 0, 0]);
    }
    if !all {
        pixels.truncate(pixels.len() / 2 / 6 * 6);
    }
    pixels.extend([0, 1]);
    let mut file = b"BM".to_vec();
    let head = 14 + 40 + 4 * 4;
    for word in [head + pixels.len() as u32, 0, head, 40, 64, rows] {
        file.extend(word.to_le_bytes());
    }
    file.extend([1, 0, 8, 0]);
    for word in [1, pixels.len() as u32, 0, 0, 4, 0] {
        file.extend(word.to_le_bytes());
    }
    for colour in [[0u8; 4], [30, 90, 200, 0], [20, 60, 160, 0], [9; 4]] {
        file.extend(colour);
    }
    file.extend(pixels);
    file
}

#[test]
fn a_bitmap_of_runs_that_ends_early_is_refused() {
    let whole = decode(&runs(48, true)).unwrap().rgb;
    assert_eq!(whole.get_pixel(0, 0).0, [200, 90, 30]);
    assert_eq!(whole.get_pixel(63, 47).0, [160, 60, 20]);
    assert!(matches!(
        decode(&runs(48, false)),
        Err(ReadError::Truncated("BMP"))
    ));
}

/// A TIFF of one JPEG a page: the pages' pictures in order, with the value of
/// `NewSubfileType` of each.
fn tiff(pages: &[(u32, &RgbImage, &[u8])]) -> Vec<u8> {
    let mut file = b"II\x2a\0".to_vec();
    let mut link = file.len();
    file.extend([0; 4]);
    for (kind, picture, bytes) in pages {
        let at = file.len() as u32;
        file.extend_from_slice(bytes);
        file.extend(vec![0; file.len() % 2]);
        let depths = file.len() as u32;
        file.extend([8, 0, 8, 0, 8, 0]);
        let directory = file.len() as u32;
        file[link..link + 4].copy_from_slice(&directory.to_le_bytes());
        let is_jpeg = bytes.starts_with(&[0xFF, 0xD8]);
        let entries = [
            (254u16, 1, *kind),
            (256, 1, picture.width()),
            (257, 1, picture.height()),
            (258, 3, depths),
            (259, 1, if is_jpeg { 7 } else { 1 }),
            (262, 1, 2),
            (273, 1, at),
            (277, 1, 3),
            (278, 1, picture.height()),
            (279, 1, bytes.len() as u32),
        ];
        file.extend((entries.len() as u16).to_le_bytes());
        for (tag, count, value) in entries {
            let kind: u16 = if tag == 258 { 3 } else { 4 };
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend([count, 0, 0, 0]);
            file.extend(value.to_le_bytes());
        }
        link = file.len();
        file.extend([0; 4]);
    }
    file
}

#[test]
fn of_a_tiffs_pages_the_largest_is_read() {
    let picture = eye(1.0);
    let small = image::imageops::thumbnail(&picture, 40, 30);
    let (page, thumbnail) = ((0, &picture, picture.as_raw()), (1, &small, small.as_raw()));
    for pages in [
        vec![(page.0, page.1, page.2.as_slice())],
        vec![
            (thumbnail.0, thumbnail.1, thumbnail.2.as_slice()),
            (page.0, page.1, page.2.as_slice()),
        ],
        vec![
            (page.0, page.1, page.2.as_slice()),
            (thumbnail.0, thumbnail.1, thumbnail.2.as_slice()),
        ],
    ] {
        let file = tiff(&pages);
        assert_eq!(decode(&file).unwrap().rgb, picture);
        let (width, height) = picture.dimensions();
        assert_eq!(pixels(&file), Some(u64::from(width) * u64::from(height)));
    }
    // Pages in a ring are an error, and no endless search.
    let mut ring = tiff(&[(0, &picture, picture.as_raw())]);
    let end = ring.len() - 4;
    let first: [u8; 4] = ring[4..8].try_into().unwrap();
    ring[end..].copy_from_slice(&first);
    assert!(matches!(decode(&ring), Err(ReadError::Damaged { .. })));
}

#[test]
fn a_tiff_of_jpegs_that_end_early_is_refused() {
    let picture = eye(1.0);
    let file = jpeg(&picture, |_| {});
    decode(&tiff(&[(0, &picture, &file)])).unwrap();
    let half = [&file[..file.len() / 2], &END].concat();
    assert!(decode(&tiff(&[(0, &picture, &half)])).is_err());
    // A small page whose JPEG claims more pixels than any photograph may have.
    let mut huge = file.clone();
    let frame = (0..file.len()).find(|&i| file[i..].starts_with(&[0xFF, 0xC0]));
    huge[frame.unwrap() + 5..][..4].fill(0xFF);
    let refused = decode(&tiff(&[(0, &picture, &huge)])).unwrap_err();
    assert!(refused.to_string().contains("more pixels"), "{refused}");
}

#[test]
fn what_other_formats_lack_is_never_filled_in() {
    let picture = eye(1.0);
    for format in [
        image::ImageFormat::Png,
        image::ImageFormat::Bmp,
        image::ImageFormat::Gif,
        image::ImageFormat::Tiff,
        image::ImageFormat::WebP,
        image::ImageFormat::Pnm,
    ] {
        let mut file = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        let file = file.into_inner();
        let whole = decode(&file).unwrap();
        for at in (0..file.len()).step_by(file.len() / 150) {
            // As it was cut, and with what a GIF ends with.
            for behind in [&[][..], &[0x00, 0x3B]] {
                if let Ok(got) = decode(&[&file[..at], behind].concat()) {
                    assert!(got == whole, "{format:?} cut at {at} of {}", file.len());
                }
            }
        }
    }
}

#[test]
fn an_alpha_channel_that_was_never_written_hides_nothing() {
    let picture = eye(1.0);
    let glass = RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0;
        Rgba([r, g, b, 0])
    });
    for format in [
        image::ImageFormat::Png,
        image::ImageFormat::Tiff,
        image::ImageFormat::Bmp,
        image::ImageFormat::WebP,
    ] {
        let mut file = std::io::Cursor::new(Vec::new());
        glass.write_to(&mut file, format).unwrap();
        let got = decode(&file.into_inner()).unwrap().rgb;
        assert!(got == picture, "{format:?}");
    }
}

#[test]
fn a_black_picture_before_others_is_named() {
    let picture = eye(1.0);
    let black = RgbImage::new(SIZE.0, SIZE.1);
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for frame in [&black, &picture] {
        let frame = image::DynamicImage::from(frame.clone()).into_rgba8();
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    assert!(matches!(decode(&gif), Err(ReadError::FirstIsBlack("GIF"))));
    let pages = tiff(&[(0, &black, black.as_raw()), (0, &picture, picture.as_raw())]);
    assert!(matches!(
        decode(&pages),
        Err(ReadError::FirstIsBlack("TIFF"))
    ));
    // Alone, black is for the gate to judge.
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(&black, SIZE.0, SIZE.1, image::ExtendedColorType::Rgb8)
        .unwrap();
    assert_eq!(decode(&png).unwrap().rgb.get_pixel(3, 3), &Rgb([0; 3]));
}
