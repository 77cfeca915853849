//! What a preview picture costs in memory on its way from the camera through
//! the live gate: nothing but what two libraries ask for, once the first few
//! were seen. An allocator counts.
//!
//! One test, so that nothing else allocates meanwhile.

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;
use std::time::Duration;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use fovea_core::field::Field;
use fovea_device::camera::convert::{Coding, Converter, Layout};
use fovea_device::camera::negotiate::PixelFormat;
use fovea_device::camera::{open, Clock, Frame};
use fovea_device::live::{LiveGate, LiveLimits};
use fovea_render::Scene;
use image::{imageops, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The system's allocator, counting this thread's requests.
struct Counting;

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and is not counted.
    let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
}

// SAFETY: every request goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        count();
        System.alloc(memory)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        System.dealloc(pointer, memory);
    }

    unsafe fn realloc(&self, pointer: *mut u8, memory: Memory, size: usize) -> *mut u8 {
        count();
        System.realloc(pointer, memory, size)
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Requests that `work` makes.
fn requests(work: impl FnOnce()) -> u64 {
    let before = REQUESTS.get();
    work();
    REQUESTS.get() - before
}

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

fn layout(format: PixelFormat) -> Layout {
    Layout {
        format,
        width: WIDTH,
        height: HEIGHT,
        stride: 0,
        coding: Coding::BT601,
    }
}

fn jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..3 * WIDTH * HEIGHT).map(|i| (i / 7) as u8).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    encoder
        .encode(&pixels, WIDTH as u16, HEIGHT as u16, ColorType::Rgb)
        .unwrap();
    file
}

/// What the JPEG decoder asks for by itself.
fn decoder_alone(file: &[u8], rgb: &mut [u8]) {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().unwrap();
    decoder.decode_into(rgb).unwrap();
}

/// A drawn eye in the middle of a preview frame of 1280 x 720.
fn eye() -> RgbImage {
    const SIDE: u32 = 680;
    let eye = fovea_render::draw(&Scene {
        size: SIDE,
        ..Scene::default()
    });
    let mut frame = RgbImage::new(1280, 720);
    imageops::overlay(&mut frame, &eye, 300, 20);
    frame
}

/// What the resampler asks for by itself where the live gate needs it: the copy
/// that the field is looked for on, the field cut out, the copy of it that is
/// measured. The middle of the field is measured at the size it has.
fn resampler_alone(frame: &RgbImage, field: &Field) -> u64 {
    let cut = RgbImage::new(256, 256);
    let mut pixels = vec![0; 3 * 256 * 256];
    let mut resizer = Resizer::new();
    let mut resample = |rgb: &RgbImage, width, height, options: ResizeOptions| {
        let (wide, high) = rgb.dimensions();
        let source = TypedImageRef::<U8x3>::from_buffer(wide, high, rgb).unwrap();
        let mut target =
            TypedImage::<U8x3>::from_buffer(width, height, pixels.as_mut_slice()).unwrap();
        resizer
            .resize_typed(&source, &mut target, &options)
            .unwrap();
    };
    let with = |filter| ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    let (left, top) = (field.cx - field.rx, field.cy - field.ry);
    let [left, top, width, height] = [left, top, 2.0 * field.rx, 2.0 * field.ry].map(f64::from);
    let mut all = || {
        resample(frame, 256, 144, with(FilterType::Box));
        let disc = with(FilterType::CatmullRom).crop(left, top, width, height);
        resample(frame, 256, 256, disc);
        resample(&cut, 128, 128, with(FilterType::Box));
    };
    all();
    requests(all)
}

#[test]
fn a_preview_picture_asks_for_no_memory() {
    let mut converter = Converter::default();
    let mut rgb = vec![0; 3 * (WIDTH * HEIGHT) as usize];

    let raw = vec![128; 3 * (WIDTH * HEIGHT) as usize];
    for format in [
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::Rgb3,
        PixelFormat::Grey,
    ] {
        let layout = layout(format);
        let asked = requests(|| converter.convert(&raw, &layout, &mut rgb).unwrap());
        assert_eq!(asked, 0, "{format}");
    }

    // The decoder has working memory of its own; nothing is added to it.
    let file = jpeg();
    let decoder = requests(|| decoder_alone(&file, &mut rgb));
    let layout = layout(PixelFormat::Mjpg);
    let ours = requests(|| converter.convert(&file, &layout, &mut rgb).unwrap());
    assert_eq!(ours, decoder);
    println!("MJPG: {ours} requests, all of them the decoder's");

    // A camera that needs no decoder: pictures go into the same frame.
    let mut camera = open(&"demo:hand".parse().unwrap(), [], &Clock::start()).unwrap();
    let mut frame = Frame::default();
    let mut next = || camera.next(&mut frame, Duration::from_secs(1)).unwrap();
    next();
    let asked = requests(|| (0..5).for_each(|_| next()));
    assert_eq!(asked, 0, "preview");

    // The resampler weighs anew for every frame; nothing is added to it.
    let frame = eye();
    let mut gate = LiveGate::new(LiveLimits::default());
    let mut times = (0..).map(|i| Duration::from_millis(100 * i));
    let mut look = || gate.look(&frame, times.next().unwrap());
    let seen = (0..10).map(|_| look()).last().unwrap();
    assert!(seen.good, "{seen:?}");
    let resampler = resampler_alone(&frame, &seen.assessment.field);
    let ours = requests(|| {
        look();
    });
    assert_eq!(ours, resampler, "live gate");
    println!("live gate: {ours} requests, all of them the resampler's");
}
