//! What a preview frame of a 1080p camera costs from the driver's bytes to the
//! canvas, on one core: all of it, and its parts. Decoding alone is what any
//! viewer of such a camera pays. Left out is the display's copy of the canvas.

use std::hint::black_box;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion};
use embedded_graphics::prelude::Size;
use fovea_core::prepare::prepare;
use fovea_device::camera::convert::{Coding, Converter, Layout};
use fovea_device::camera::negotiate::PixelFormat;
use fovea_device::exam::words::Eye;
use fovea_device::language::Language;
use fovea_device::live::{laterality, Guidance, LiveGate, LiveLimits, BAR_LIMIT};
use fovea_device::screen::{
    live_picture, Bar, Live, LiveState, Panel, Preview, Ring, Screen, View,
};
use fovea_render::Scene;
use image::{imageops, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const FRAME: (u32, u32) = (1920, 1080);
const SCREEN: Size = Size::new(800, 480);

/// A drawn eye in the middle of a frame, as a fundus camera shows it.
fn frame((width, height): (u32, u32)) -> RgbImage {
    let eye = fovea_render::draw(&Scene {
        size: height,
        ..Scene::default()
    });
    let mut frame = RgbImage::new(width, height);
    imageops::overlay(&mut frame, &eye, i64::from(width - height) / 2, 0);
    frame
}

/// The frame as a camera sends it in this format.
fn sent(frame: &RgbImage, format: PixelFormat) -> Vec<u8> {
    if format == PixelFormat::Yuyv {
        return yuyv(frame);
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 85);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    let (width, height) = (FRAME.0 as u16, FRAME.1 as u16);
    encoder
        .encode(frame.as_raw(), width, height, ColorType::Rgb)
        .expect("memory takes all that is written");
    file
}

/// BT.601, two pixels in four bytes.
fn yuyv(frame: &RgbImage) -> Vec<u8> {
    let pairs = frame.as_raw().chunks_exact(6);
    pairs
        .flat_map(|pair| {
            let luma = |rgb: &[u8]| {
                let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
                16.0 + 0.257 * r + 0.504 * g + 0.098 * b
            };
            let [r, g, b] = [pair[0], pair[1], pair[2]].map(f32::from);
            let blue = 128.0 - 0.148 * r - 0.291 * g + 0.439 * b;
            let red = 128.0 + 0.439 * r - 0.368 * g - 0.071 * b;
            [luma(pair), blue, luma(&pair[3..]), red].map(|value| value.round() as u8)
        })
        .collect()
}

/// What becomes of one frame after another.
struct Path {
    converter: Converter,
    rgb: RgbImage,
    gate: LiveGate,
    at: Duration,
    preview: Preview,
    screen: Screen,
}

impl Path {
    fn new(frame: &RgbImage) -> Path {
        Path {
            converter: Converter::default(),
            rgb: frame.clone(),
            gate: LiveGate::new(LiveLimits::default()),
            at: Duration::ZERO,
            preview: Preview::new(live_picture(SCREEN)),
            screen: Screen::new(SCREEN),
        }
    }

    fn convert(&mut self, bytes: &[u8], format: PixelFormat) {
        let layout = Layout {
            format,
            width: FRAME.0,
            height: FRAME.1,
            stride: 0,
            coding: Coding::BT601,
        };
        self.converter
            .convert(bytes, &layout, self.rgb.as_mut())
            .expect("a whole frame");
    }

    fn look(&mut self) -> Guidance {
        self.at += Duration::from_millis(33);
        self.gate.look(black_box(&self.rgb), self.at)
    }

    fn show(&mut self, guidance: &Guidance) {
        self.preview.take(self.rgb.as_raw(), FRAME.0, FRAME.1);
        let bar = |value| Bar {
            value,
            limit: BAR_LIMIT,
        };
        let (bars, field) = (&guidance.bars, &guidance.assessment.field);
        let ring = Ring {
            centre: self.preview.place(field.cx, field.cy),
            radius: field.rx.max(field.ry) * self.preview.scale(),
            good: guidance.good,
        };
        let view = View::Live(Live {
            panel: Panel {
                eye: Eye::Right,
                patient: "",
                state: LiveState::Guiding(guidance.instruction),
                automatic: true,
                may_skip: true,
            },
            picture: Some(self.preview.picture()),
            ring: Some(ring),
            bars: [bars.focus, bars.light, bars.field, bars.steady].map(bar),
            progress: 0.5,
        });
        self.screen.show(&view, Language::English, None);
    }
}

fn live_view(c: &mut Criterion) {
    let frame = frame(FRAME);
    let mut group = c.benchmark_group("a preview frame, 1920 x 1080");
    for format in [PixelFormat::Mjpg, PixelFormat::Yuyv] {
        let bytes = sent(&frame, format);
        let mut path = Path::new(&frame);
        group.bench_function(format!("{format}, decoded only"), |b| {
            b.iter(|| path.convert(black_box(&bytes), format));
        });
        let mut path = Path::new(&frame);
        group.bench_function(format!("{format}, decoded, gated and shown"), |b| {
            b.iter(|| {
                path.convert(black_box(&bytes), format);
                let guidance = path.look();
                path.show(&guidance);
            });
        });
    }
    let mut path = Path::new(&frame);
    group.bench_function("gated only", |b| b.iter(|| black_box(path.look())));
    let guidance = path.look();
    group.bench_function("shown only", |b| b.iter(|| path.show(&guidance)));
}

/// The live gate on a smaller frame, and what a photograph is asked besides.
fn gate(c: &mut Criterion) {
    let frame = frame((1280, 720));
    let mut path = Path::new(&frame);
    c.bench_function("live gate, 1280 x 720", |b| {
        b.iter(|| black_box(path.look()));
    });
    let prepared = prepare(&frame, 192);
    c.bench_function("which eye", |b| {
        b.iter(|| black_box(laterality::of(black_box(&prepared))));
    });
}

criterion_group!(benches, live_view, gate);
criterion_main!(benches);
