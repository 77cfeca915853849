//! A file becomes pixels, safely.
//!
//! Photographs come from memory cards, network shares and other people's
//! exports, so every file is taken for hostile until it has been decoded: what
//! it is is read from its content and never from its name, its size is checked
//! from the header before anything is allocated for pixels, and a decoder's
//! own bug ends in a [`ReadError`], not in a crash.

pub mod foreign;
pub mod jpeg;

mod bmp;
mod png;
mod tiff;

use std::borrow::Cow;
use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::catch_unwind;
use std::path::Path;

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::error::{ImageError, LimitErrorKind};
use image::metadata::Orientation;
use image::{
    AnimationDecoder as _, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Name of the way in which files become pixels. It changes whenever a file gives
/// other pixels than before, so that none are kept from another version.
pub const READING: &str = "reading-2";

/// Longest side accepted, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Most pixels accepted. No fundus camera comes near it; it bounds the memory
/// one photograph can ask for.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Largest file accepted, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Most memory a decoder may ask for, in bytes: 100 megapixels of 16-bit RGBA.
const MAX_DECODER_BYTES: u64 = MAX_PIXELS * 8;

/// Decoded pixels, upright.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photograph {
    /// 8-bit RGB as the file has it: no colour profile is applied.
    pub rgb: RgbImage,
    /// How many of the file's pixels a pixel is the mean of, across and down: 1
    /// but after [`decode_for`].
    pub reduced: u32,
}

/// Why a file is no photograph, and what to do about it.
#[derive(Debug, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum ReadError {
    #[error("the file cannot be read ({0}); check that it exists and that you may read it")]
    Io(#[from] std::io::Error),
    #[error("this is not a regular file; name a photograph or a folder of photographs")]
    NotAFile,
    #[error("the file is empty; copy it again from the camera")]
    Empty,
    #[error(
        "the file is larger than {} MB; export the photograph as a JPEG",
        MAX_FILE_BYTES / (1024 * 1024)
    )]
    FileTooLarge,
    #[error(
        "the content is no JPEG, PNG, BMP, GIF, TIFF, WebP or PNM, whatever the name says; \
         export the photograph as JPEG or PNG"
    )]
    UnknownFormat,
    #[error(
        "the picture's format is {0}, which cannot be read here; export the photograph as JPEG or PNG"
    )]
    OtherFormat(Cow<'static, str>),
    #[error("the photograph says it is {width} x {height} pixels, so there is nothing in it; take or export it again")]
    NoPixels { width: u32, height: u32 },
    #[error(
        "the photograph says it is {width} x {height} pixels, more than the {MAX_SIDE} a side and \
         {} megapixels accepted; export it smaller",
        MAX_PIXELS / 1_000_000
    )]
    TooManyPixels { width: u32, height: u32 },
    #[error(
        "decoding the photograph would take too much memory; export it as an 8-bit JPEG or PNG"
    )]
    TooMuchMemory,
    #[error("the {0} file ends before the photograph does; copy it again from the camera")]
    Truncated(&'static str),
    #[error("the {format} file is damaged ({reason}); copy it again from the camera")]
    Damaged {
        format: &'static str,
        reason: String,
    },
    #[error(
        "of the several pictures in the {0} file, the one that would be graded is black; \
         export the photograph as a JPEG or PNG of its own"
    )]
    FirstIsBlack(&'static str),
    #[error("the {format} file uses a feature that is not supported ({reason}); export it as an 8-bit JPEG or PNG")]
    Unsupported {
        format: &'static str,
        reason: String,
    },
}

/// What is wrong with a file, without the numbers and names of [`ReadError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFault {
    /// The path does not exist, or the system failed to read it.
    Io,
    /// The path is a folder, a pipe or a device.
    NotAFile,
    /// The file has no bytes.
    Empty,
    /// The file is larger than [`MAX_FILE_BYTES`].
    FileTooLarge,
    /// The content is of no known picture format.
    UnknownFormat,
    /// The format is known but not decoded here, such as HEIC or DICOM.
    OtherFormat,
    /// The header gives a width or a height of 0.
    NoPixels,
    /// The header gives more than [`MAX_SIDE`] a side or [`MAX_PIXELS`] in all.
    TooManyPixels,
    /// Decoding would take more than 800 MB, 8 bytes for each of [`MAX_PIXELS`].
    TooMuchMemory,
    /// The content ends before the picture does.
    Truncated,
    /// The content breaks the rules of its format, or the decoder panicked on it.
    Damaged,
    /// Of several frames or pages, the one that is taken shows nothing but black.
    FirstIsBlack,
    /// The format is decoded, but not this variant of it, such as a lossless JPEG.
    Unsupported,
}

impl ReadError {
    /// The variant of [`FileFault`] that has the same name.
    pub fn fault(&self) -> FileFault {
        match self {
            ReadError::Io(_) => FileFault::Io,
            ReadError::NotAFile => FileFault::NotAFile,
            ReadError::Empty => FileFault::Empty,
            ReadError::FileTooLarge => FileFault::FileTooLarge,
            ReadError::UnknownFormat => FileFault::UnknownFormat,
            ReadError::OtherFormat(_) => FileFault::OtherFormat,
            ReadError::NoPixels { .. } => FileFault::NoPixels,
            ReadError::TooManyPixels { .. } => FileFault::TooManyPixels,
            ReadError::TooMuchMemory => FileFault::TooMuchMemory,
            ReadError::Truncated(_) => FileFault::Truncated,
            ReadError::Damaged { .. } => FileFault::Damaged,
            ReadError::FirstIsBlack(_) => FileFault::FirstIsBlack,
            ReadError::Unsupported { .. } => FileFault::Unsupported,
        }
    }
}

/// Reads a photograph from a file.
///
/// # Errors
/// As [`load`] and [`decode`].
pub fn read(path: &Path) -> Result<Photograph, ReadError> {
    decode(&load(path)?)
}

/// The content of a file.
///
/// # Errors
/// When the path is no regular file (a pipe or a device might never end),
/// cannot be read, or is larger than [`MAX_FILE_BYTES`].
pub fn load(path: &Path) -> Result<Vec<u8>, ReadError> {
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let file = File::open(path)?;
    // Another file may have taken its place meanwhile.
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(ReadError::NotAFile);
    }
    if about.len() > MAX_FILE_BYTES {
        return Err(ReadError::FileTooLarge);
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    // The file may grow while it is being read.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Width times height, as the header of a file's content has it; nothing is
/// decoded. Of a TIFF's pages it is the one that [`decode`] takes. `None` where
/// [`decode`] would say why there are none.
pub fn pixels(bytes: &[u8]) -> Option<u64> {
    let format = image::guess_format(bytes).ok()?;
    // The decoders read hostile headers too.
    catch_unwind(|| {
        let (_, bytes) = picture(bytes, format);
        let (width, height) = ImageReader::with_format(Cursor::new(&*bytes), format)
            .into_dimensions()
            .ok()?;
        Some(u64::from(width) * u64::from(height))
    })
    .ok()?
}

/// The pages of a TIFF, none of another format, and the content with nothing before the picture
/// that is taken.
fn picture(bytes: &[u8], format: ImageFormat) -> (Vec<tiff::Page>, Cow<'_, [u8]>) {
    let pages = match format {
        ImageFormat::Tiff => tiff::pages(bytes),
        _ => Vec::new(),
    };
    let bytes = match tiff::largest(&pages) {
        Some(page) => page.as_first(bytes),
        None if format == ImageFormat::Png => png::without_inflated(bytes),
        None => Cow::Borrowed(bytes),
    };
    (pages, bytes)
}

/// Decodes a photograph held in memory: JPEG, PNG, BMP, GIF, TIFF, WebP or
/// PNM, recognised by content.
///
/// Grey, 16-bit, palette and CMYK become 8-bit RGB. Of an animation the first
/// frame is taken, of a TIFF's pages the largest: the first may be a thumbnail.
/// Transparency is laid over black, the colour of a fundus photograph's border;
/// where it would hide the whole picture, as in files whose alpha channel was
/// never written, it is left out. An Exif orientation is applied: then the device grades
/// what every viewer shows, and a phone-based camera held sideways gives an
/// upright retina.
///
/// # Errors
/// When the content is empty, larger than [`MAX_FILE_BYTES`], of no known
/// format, cut short, damaged, has no pixels, has more than [`MAX_SIDE`] a
/// side or [`MAX_PIXELS`] in all, uses what the decoder does not support, or
/// when the picture taken of several is black.
pub fn decode(bytes: &[u8]) -> Result<Photograph, ReadError> {
    decode_to(bytes, u32::MAX)
}

/// As [`decode`], but a baseline JPEG comes at a half, a quarter or an eighth of
/// its size, as small as leaves `side` pixels or more to both of its sides. Each
/// pixel is then the mean of a square of the file's. The larger the photograph,
/// the more time it saves: the pixels of the full size are never made.
///
/// # Errors
/// As [`decode`].
pub fn decode_for(bytes: &[u8], side: u32) -> Result<Photograph, ReadError> {
    decode_to(bytes, side.max(1))
}

fn decode_to(bytes: &[u8], side: u32) -> Result<Photograph, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ReadError::FileTooLarge);
    }
    if let Some(format) = foreign::format(bytes) {
        return Err(ReadError::OtherFormat(format));
    }
    let format = image::guess_format(bytes).map_err(|_| ReadError::UnknownFormat)?;
    // The decoders are fuzzed, but a panic on a hostile file would still take
    // the whole batch down with it.
    catch_unwind(|| decode_as(bytes, format, side)).unwrap_or_else(|_| {
        Err(ReadError::Damaged {
            format: name(format),
            reason: "the decoder gave up".to_owned(),
        })
    })
}

fn decode_as(bytes: &[u8], format: ImageFormat, side: u32) -> Result<Photograph, ReadError> {
    let error = |error| explain(error, format);
    let (pages, bytes) = picture(bytes, format);
    let bytes = &*bytes;
    if format == ImageFormat::Jpeg {
        // The decoder calls damaged what it does not know.
        jpeg::coding(bytes).map_err(|fault| not_whole(fault, format))?;
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(error)?;

    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ReadError::NoPixels { width, height });
    }
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ReadError::TooManyPixels { width, height });
    }
    if decoder.total_bytes() > MAX_DECODER_BYTES {
        return Err(ReadError::TooMuchMemory);
    }
    // A broken Exif block says nothing about the pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    // Some decoders fill what is missing with grey or black, and half a retina
    // must not be graded as a whole one.
    match format {
        ImageFormat::Jpeg => {
            let not_whole = |fault| not_whole(fault, format);
            let reduced = (width.min(height) / side)
                .min(8)
                .checked_ilog2()
                .unwrap_or(0);
            let small = match 1 << reduced {
                1 => None,
                by => jpeg::reduced::decode(bytes, by).map_err(not_whole)?,
            };
            if let Some(rgb) = small {
                let mut image = DynamicImage::from(rgb);
                image.apply_orientation(orientation);
                return Ok(Photograph {
                    rgb: image.into_rgb8(),
                    reduced: 1 << reduced,
                });
            }
            jpeg::walk(bytes).map_err(not_whole)?;
        }
        ImageFormat::Tiff => {
            if let Some(page) = tiff::largest(&pages) {
                page.check(bytes)
                    .map_err(|fault| not_whole(fault, format))?;
            }
        }
        ImageFormat::Bmp if !bmp::is_whole(bytes) => {
            return Err(ReadError::Truncated(name(format)));
        }
        _ => {}
    }
    let mut image = DynamicImage::from_decoder(decoder).map_err(error)?;
    image.apply_orientation(orientation);
    let rgb = flatten(image);
    if is_black(&rgb) && (pages.len() > 1 || is_animation(bytes, format)) {
        return Err(ReadError::FirstIsBlack(name(format)));
    }
    Ok(Photograph { rgb, reduced: 1 })
}

/// Whether nothing at all is to be seen.
fn is_black(rgb: &RgbImage) -> bool {
    const BLACK: u8 = 16;
    rgb.as_raw().iter().all(|&v| v <= BLACK)
}

/// Whether more than one frame is in a file that was decoded before.
fn is_animation(bytes: &[u8], format: ImageFormat) -> bool {
    let file = || Cursor::new(bytes);
    match format {
        ImageFormat::Gif => {
            // A frame may claim to be larger than the picture.
            let mut limits = Limits::default();
            limits.max_alloc = Some(MAX_DECODER_BYTES);
            GifDecoder::new(file()).is_ok_and(|mut gif| {
                gif.set_limits(limits).is_ok() && matches!(gif.into_frames().nth(1), Some(Ok(_)))
            })
        }
        ImageFormat::Png => PngDecoder::new(file()).is_ok_and(|png| png.is_apng().unwrap_or(false)),
        ImageFormat::WebP => WebPDecoder::new(file()).is_ok_and(|webp| webp.has_animation()),
        _ => false,
    }
}

fn not_whole(fault: jpeg::Fault, format: ImageFormat) -> ReadError {
    let format = name(format);
    match fault {
        jpeg::Fault::EndsEarly => ReadError::Truncated(format),
        jpeg::Fault::Damaged(reason) => ReadError::Damaged {
            format,
            reason: reason.to_owned(),
        },
        jpeg::Fault::Unsupported(reason) => ReadError::Unsupported {
            format,
            reason: reason.to_owned(),
        },
    }
}

/// 8-bit RGB, transparency over black unless nothing would be left.
fn flatten(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    if rgba.pixels().all(|pixel| pixel[3] == 0) {
        return DynamicImage::from(rgba).into_rgb8();
    }
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let over_black = |v: u8| ((u16::from(v) * u16::from(a) + 127) / 255) as u8;
        image::Rgb([over_black(r), over_black(g), over_black(b)])
    })
}

fn explain(error: ImageError, format: ImageFormat) -> ReadError {
    let format = name(format);
    match error {
        ImageError::Limits(limit) => match limit.kind() {
            LimitErrorKind::InsufficientMemory => ReadError::TooMuchMemory,
            _ => ReadError::Unsupported {
                format,
                reason: limit.to_string(),
            },
        },
        ImageError::Unsupported(what) => ReadError::Unsupported {
            format,
            reason: what.to_string(),
        },
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            ReadError::Truncated(format)
        }
        other => ReadError::Damaged {
            format,
            reason: other.to_string(),
        },
    }
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Pnm => "PNM",
        _ => "image",
    }
}
