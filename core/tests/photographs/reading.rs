//! Files of every kind become the same pixels; hostile ones become errors.

use std::io::Cursor;

use fovea_core::photograph::{decode, pixels, read, ReadError, MAX_SIDE};
use image::codecs::gif::GifEncoder;
use image::codecs::png::PngEncoder;
use image::{
    DynamicImage, ExtendedColorType, Frame, GrayImage, ImageEncoder as _, ImageFormat, Luma, Rgb,
    Rgb32FImage, RgbImage, Rgba, RgbaImage,
};

const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
    ImageFormat::WebP,
    ImageFormat::Pnm,
];

fn gradient() -> RgbImage {
    RgbImage::from_fn(48, 40, |x, y| {
        Rgb([200, (60 + 2 * x) as u8, (20 + 2 * y) as u8])
    })
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn assert_near(got: &RgbImage, wanted: &RgbImage, tolerance: u8, what: &str) {
    assert_eq!(got.dimensions(), wanted.dimensions(), "{what}");
    let worst = got
        .as_raw()
        .iter()
        .zip(wanted.as_raw())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(worst <= Some(tolerance), "{what}: off by {worst:?}");
}

#[test]
fn every_format_is_read_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join("photograph.txt");
        std::fs::write(&path, encoded(&gradient().into(), format)).unwrap();
        let tolerance = match format {
            ImageFormat::Jpeg => 12,
            // A GIF has 256 colours.
            ImageFormat::Gif => 40,
            _ => 0,
        };
        let got = read(&path).unwrap();
        assert_near(&got.rgb, &gradient(), tolerance, &format!("{format:?}"));
    }
}

#[test]
fn depth_grey_and_transparency() {
    let deep = DynamicImage::from(gradient()).into_rgb16();
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
        let got = decode(&encoded(&deep.clone().into(), format)).unwrap();
        assert_near(&got.rgb, &gradient(), 0, &format!("16-bit {format:?}"));
    }

    let float = Rgb32FImage::from_pixel(8, 8, Rgb([2.0, 0.5, -1.0]));
    let got = decode(&encoded(&float.into(), ImageFormat::Tiff)).unwrap();
    assert_near(
        &got.rgb,
        &RgbImage::from_pixel(8, 8, Rgb([255, 128, 0])),
        1,
        "float",
    );

    let grey = GrayImage::from_pixel(8, 8, Luma([77]));
    let got = decode(&encoded(&grey.into(), ImageFormat::Jpeg)).unwrap();
    assert_near(
        &got.rgb,
        &RgbImage::from_pixel(8, 8, Rgb([77; 3])),
        1,
        "grey",
    );

    let glass = RgbaImage::from_fn(8, 8, |x, _| {
        Rgba([200, 100, 50, if x < 4 { 0 } else { 128 }])
    });
    let got = decode(&encoded(&glass.into(), ImageFormat::Png))
        .unwrap()
        .rgb;
    assert_eq!(got.get_pixel(0, 0).0, [0; 3], "transparent is black");
    assert_eq!(
        got.get_pixel(7, 0).0,
        [100, 50, 25],
        "half transparent is half dark"
    );
}

/// The fixture is the 48 x 48 gradient as Adobe (inverted) CMYK.
#[test]
fn cmyk_has_the_right_colours() {
    let got = decode(include_bytes!("files/cmyk.jpg")).unwrap();
    let wanted = RgbImage::from_fn(48, 48, |x, y| {
        Rgb([200, (60 + 2 * x) as u8, (20 + 2 * y) as u8])
    });
    assert_near(&got.rgb, &wanted, 6, "CMYK");
}

/// Both frames of each animation are 48 x 48; the second is the first mirrored.
#[test]
fn of_an_animation_the_first_frame_is_read() {
    let wanted = RgbImage::from_fn(48, 48, |x, y| {
        Rgb([200, (60 + 2 * x) as u8, (20 + 2 * y) as u8])
    });
    let webp = decode(include_bytes!("files/animated.webp")).unwrap();
    assert_near(&webp.rgb, &wanted, 0, "WebP");
    let png = decode(include_bytes!("files/animated.png")).unwrap();
    assert_near(&png.rgb, &wanted, 0, "PNG");

    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for colour in [[200, 80, 40, 255], [10, 20, 200, 255]] {
        encoder
            .encode_frame(Frame::new(RgbaImage::from_pixel(16, 16, Rgba(colour))))
            .unwrap();
    }
    drop(encoder);
    let got = decode(&gif).unwrap();
    assert_near(
        &got.rgb,
        &RgbImage::from_pixel(16, 16, Rgb([200, 80, 40])),
        8,
        "GIF",
    );
}

#[test]
fn a_frame_larger_than_its_animation_is_no_second_picture() {
    let mut gif = Vec::new();
    let black = RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 255]));
    GifEncoder::new(&mut gif)
        .encode_frame(Frame::new(black.clone()))
        .unwrap();
    assert_eq!(gif.pop(), Some(0x3B), "the trailer");
    let descriptor = [0x2C, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0];
    gif.extend(descriptor);
    // A code size, one block of data that ends at once, no more blocks, the trailer.
    gif.extend([2, 1, 0x2C, 0, 0x3B]);
    let got = decode(&gif).unwrap();
    assert_eq!(got.rgb.dimensions(), black.dimensions());
}

#[test]
fn exif_orientation_is_applied() {
    let jpeg = encoded(&gradient().into(), ImageFormat::Jpeg);
    // Big-endian TIFF with one entry: orientation (0x112), SHORT, 1 value.
    let turned = |orientation: u8| {
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let length = (exif.len() as u16 + 2).to_be_bytes();
        let mut file = jpeg[..2].to_vec();
        file.extend([0xFF, 0xE1, length[0], length[1]]);
        file.extend(exif);
        file.extend(&jpeg[2..]);
        decode(&file).unwrap().rgb
    };
    let upright = decode(&jpeg).unwrap().rgb;
    assert_eq!(turned(1), upright);
    assert_eq!(turned(3), image::imageops::rotate180(&upright));
    assert_eq!(turned(6), image::imageops::rotate90(&upright));
    assert_eq!(turned(99), upright, "nonsense is ignored");
}

#[test]
fn half_a_photograph_is_no_photograph() {
    for format in FORMATS {
        let whole = encoded(&gradient().into(), format);
        for end in 0..whole.len() {
            let got = decode(&whole[..end]);
            // A BMP's or PNG's last bytes may carry no pixels; a JPEG's do, but
            // for its end marker.
            let is_jpeg = format == ImageFormat::Jpeg;
            if end
                < if is_jpeg {
                    whole.len() - 2
                } else {
                    whole.len() / 2
                }
            {
                assert!(got.is_err(), "{format:?} cut at {end} of {}", whole.len());
            }
        }
    }
    let jpeg = encoded(&gradient().into(), ImageFormat::Jpeg);
    // A copy that broke off in the pixels, on a card that pads with zeros.
    let mut padded = jpeg[..jpeg.len() - 20].to_vec();
    padded.resize(jpeg.len(), 0);
    assert!(decode(&padded).is_err());
}

#[test]
fn damage_never_panics() {
    let mut state = 5u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for format in FORMATS {
        let whole = encoded(&gradient().into(), format);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            for _ in 0..4 {
                let at = random() % damaged.len();
                damaged[at] = random() as u8;
            }
            if let Ok(photograph) = decode(&damaged) {
                assert!(photograph.rgb.width().max(photograph.rgb.height()) <= MAX_SIDE);
            }
        }
    }
}

#[test]
fn what_is_no_file_or_no_photograph_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read(folder.path()), Err(ReadError::NotAFile)));
    assert!(matches!(
        read(&folder.path().join("gone.jpg")),
        Err(ReadError::Io(_))
    ));
    assert!(matches!(decode(b""), Err(ReadError::Empty)));
    assert!(matches!(decode(b"GIF"), Err(ReadError::UnknownFormat)));
    let heic = decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap_err();
    assert!(heic.to_string().contains("HEIC"), "{heic}");
    assert!(matches!(
        decode(b"%PDF-1.7 and so on"),
        Err(ReadError::UnknownFormat)
    ));
    #[cfg(unix)]
    assert!(matches!(
        read("/dev/zero".as_ref()),
        Err(ReadError::NotAFile)
    ));

    let large = folder.path().join("large.jpg");
    let file = std::fs::File::create(&large).unwrap();
    file.set_len(fovea_core::photograph::MAX_FILE_BYTES + 1)
        .unwrap();
    assert!(matches!(read(&large), Err(ReadError::FileTooLarge)));
}

#[test]
fn an_unsupported_coding_is_not_called_damage() {
    let whole = encoded(&gradient().into(), ImageFormat::Jpeg);
    let frame = whole.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for (marker, coding) in [
        (0xc9, "arithmetic"),
        (0xca, "arithmetic"),
        (0xc3, "lossless"),
        (0xc5, "hierarchical"),
    ] {
        let mut other = whole.clone();
        other[frame + 1] = marker;
        let error = decode(&other).unwrap_err();
        assert!(matches!(error, ReadError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(coding), "{error}");
    }
}

#[test]
fn a_colour_profile_of_any_size_changes_nothing() {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(vec![0; 24_000_000]).unwrap();
    let picture = gradient();
    let (width, height) = picture.dimensions();
    encoder
        .write_image(&picture, width, height, ExtendedColorType::Rgb8)
        .unwrap();
    assert!(file.windows(4).any(|kind| kind == b"iCCP"));
    assert_eq!(decode(&file).unwrap().rgb, picture);
    assert_eq!(pixels(&file), Some(u64::from(width) * u64::from(height)));
}
