//! What the live gate costs per preview frame, on one core.

use std::hint::black_box;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion};
use fovea_core::prepare::prepare;
use fovea_device::live::{laterality, LiveGate, LiveLimits};
use fovea_device::render::{self, Scene};
use image::{imageops, RgbImage};

/// A drawn eye in the middle of a frame, as a fundus camera shows it.
fn frame(width: u32, height: u32) -> RgbImage {
    let eye = render::draw(&Scene {
        size: height,
        ..Scene::default()
    });
    let mut frame = RgbImage::new(width, height);
    imageops::overlay(&mut frame, &eye, i64::from(width - height) / 2, 0);
    frame
}

fn live_gate(c: &mut Criterion) {
    for (width, height) in [(1920, 1080), (1280, 720)] {
        let frame = frame(width, height);
        let mut gate = LiveGate::new(LiveLimits::default());
        let mut at = Duration::ZERO;
        c.bench_function(&format!("live gate, {width} x {height}"), |b| {
            b.iter(|| {
                at += Duration::from_millis(33);
                black_box(gate.look(black_box(&frame), at))
            });
        });
    }
    let prepared = prepare(&frame(1280, 720), 192);
    c.bench_function("which eye", |b| {
        b.iter(|| black_box(laterality::of(black_box(&prepared))));
    });
}

criterion_group!(benches, live_gate);
criterion_main!(benches);
