//! Pictures of formats that are not read. They are named, so that nobody takes
//! them for graded.

use std::borrow::Cow;

/// So many bytes from its start tell what a file is: DICOM says it after 128.
pub const START: usize = 160;

/// The name of the format, if a file that begins with `start` is a picture that
/// [`super::decode`] does not read.
pub fn format(start: &[u8]) -> Option<Cow<'static, str>> {
    match start {
        [0xff, 0x4f, 0xff, 0x51, ..] => return Some("JPEG 2000".into()),
        [b'I', b'I', 0x2b, 0, ..] | [b'M', b'M', 0, 0x2b, ..] => return Some("BigTIFF".into()),
        _ => {}
    }
    if let Ok(format) = image::guess_format(start) {
        let ending = format.extensions_str().first().copied().unwrap_or("image");
        return (!format.reading_enabled()).then(|| ending.to_uppercase().into());
    }
    let name = match infer::get(start)?.mime_type() {
        "application/dicom" => "DICOM",
        "image/avif" => "AVIF",
        "image/heif" => "HEIC",
        "image/jp2" => "JPEG 2000",
        "image/jxl" => "JPEG XL",
        "image/vnd.ms-photo" => "JPEG XR",
        "image/vnd.adobe.photoshop" => "Photoshop",
        "image/openraster" => "OpenRaster",
        "image/vnd.djvu" => "DjVu",
        _ => return None,
    };
    Some(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pictures_are_known_by_their_content() {
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM\x02\x00\x00\x00UL");
        let known: [(&str, &[u8]); 9] = [
            ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
            ("AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
            ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 "),
            ("JPEG 2000", b"\xff\x4f\xff\x51\0\x29\0\0"),
            ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl "),
            ("BigTIFF", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"),
            ("BigTIFF", b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10"),
            ("Photoshop", b"8BPS\0\x01\0\0\0\0\0\0\0\x03"),
            ("DICOM", &dicom),
        ];
        for (name, start) in known {
            assert_eq!(format(start).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_read_and_what_is_no_picture_have_no_name_here() {
        for start in [
            &b"\xff\xd8\xff\xe0\0\x10JFIF"[..],
            b"\x89PNG\r\n\x1a\n",
            b"II*\0\x08\0\0\0",
            b"BM\x46\0\0\0",
            b"GIF89a",
            b"RIFF\x24\0\0\0WEBPVP8 ",
            b"P6\n4 4\n255\n",
            b"patient,age\n1042,63\n",
            b"%PDF-1.7",
            b"",
        ] {
            assert_eq!(format(start), None, "{start:?}");
        }
    }
}
