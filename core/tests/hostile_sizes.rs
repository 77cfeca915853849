//! A header may claim any size: nothing is allocated for it. One test alone in
//! its binary, because it watches what the whole process allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use fovea_core::photograph::{decode, ReadError};
use image::{ImageFormat, RgbImage};

/// The system's allocator, remembering the largest request.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// A 4 x 4 photograph whose header claims another size.
fn claiming(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    RgbImage::new(4, 4).write_to(&mut file, format).unwrap();
    let mut bytes = file.into_inner();
    let put = |bytes: &mut Vec<u8>, at: usize, value: &[u8]| {
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    let (w, h) = (width as u16, height as u16);
    match format {
        ImageFormat::Png => {
            put(&mut bytes, 16, &width.to_be_bytes());
            put(&mut bytes, 20, &height.to_be_bytes());
            let crc = crc32(&bytes[12..29]);
            put(&mut bytes, 29, &crc.to_be_bytes());
        }
        ImageFormat::Jpeg => {
            let frame = bytes.windows(2).position(|m| m == [0xFF, 0xC0]).unwrap();
            put(&mut bytes, frame + 5, &h.to_be_bytes());
            put(&mut bytes, frame + 7, &w.to_be_bytes());
        }
        ImageFormat::Gif => {
            put(&mut bytes, 6, &w.to_le_bytes());
            put(&mut bytes, 8, &h.to_le_bytes());
        }
        ImageFormat::Bmp => {
            put(&mut bytes, 18, &width.to_le_bytes());
            put(&mut bytes, 22, &height.to_le_bytes());
        }
        ImageFormat::Tiff => {
            for (tag, value) in [(256u16, width), (257, height)] {
                let tag = tag.to_le_bytes();
                let entry = (8..bytes.len())
                    .find(|&i| bytes[i..].starts_with(&tag) && matches!(bytes[i + 2], 3 | 4))
                    .unwrap();
                // LONG, one value.
                put(&mut bytes, entry + 2, &[4, 0, 1, 0, 0, 0]);
                put(&mut bytes, entry + 8, &value.to_le_bytes());
            }
        }
        ImageFormat::Pnm => bytes = format!("P6 {width} {height} 255\n\0\0\0").into_bytes(),
        other => panic!("no header known for {other:?}"),
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn claimed_sizes_cost_nothing() {
    let formats = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::Pnm,
    ];
    for format in formats {
        let honest = claiming(format, 4, 4);
        if format != ImageFormat::Pnm {
            assert!(decode(&honest).is_ok(), "{format:?} is well made");
        }
        for (width, height) in [(30_000, 30_000), (17_000, 100), (12_000, 12_000)] {
            let file = claiming(format, width, height);
            LARGEST.store(0, Ordering::Relaxed);
            let got = decode(&file);
            let largest = LARGEST.load(Ordering::Relaxed);
            assert!(
                matches!(got, Err(ReadError::TooManyPixels { .. })),
                "{format:?} {width} x {height}: {got:?}"
            );
            assert!(largest < 1 << 20, "{format:?} asked for {largest} bytes");
        }
        for (width, height) in [(0, 0), (0, 30_000), (30_000, 0)] {
            LARGEST.store(0, Ordering::Relaxed);
            let got = decode(&claiming(format, width, height));
            let largest = LARGEST.load(Ordering::Relaxed);
            assert!(got.is_err(), "{format:?} {width} x {height}");
            assert!(largest < 1 << 20, "{format:?} asked for {largest} bytes");
        }
    }
}
