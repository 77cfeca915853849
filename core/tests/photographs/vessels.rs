//! In how much of the field vessels are seen, on drawn photographs.

use crate::drawing::{noise, Noise, Scene};
use fovea_core::prepare::prepare;
use fovea_core::vessels::vessel_share;
use image::{imageops, Rgb, RgbImage};

fn share(picture: &RgbImage) -> f32 {
    vessel_share(&prepare(picture, 384))
}

/// A field with a tree of vessels, as wide and as dark as on a retina.
fn retina() -> RgbImage {
    with_lines(|shade| 1.0 - shade)
}

/// A lit disc, whose light `drawn` changes where a line (1 in its middle, 0
/// beside it) runs.
fn with_lines(drawn: impl Fn(f32) -> f32) -> RgbImage {
    let mut grain = Noise(5);
    RgbImage::from_fn(600, 600, |x, y| {
        let (u, v) = ((x as f32 - 299.5) / 280.0, (y as f32 - 299.5) / 280.0);
        if u * u + v * v > 1.0 {
            return Rgb([2; 3]);
        }
        let from_disc = u - 0.5;
        let arcs = [1.0f32, -1.0, 0.45, -0.45, 0.15, -0.15].map(|bend| {
            let width = 0.008 + 0.01 * bend.abs();
            let away = (v - bend * from_disc.abs().sqrt() * 0.7).abs();
            (1.0 - away / width).clamp(0.0, 1.0)
        });
        let line = arcs.into_iter().fold(0.0, f32::max);
        let light = (1.0 - 0.3 * (u * u + v * v)) * drawn(0.3 * line);
        let step = 3.0 * (grain.next() - 0.5);
        Rgb([170.0, 85.0, 40.0].map(|c: f32| (c * light + step).clamp(0.0, 255.0) as u8))
    })
}

#[test]
fn vessels_are_seen_wherever_they_run() {
    let picture = retina();
    let seen = share(&picture);
    assert!(seen > 0.2, "{seen}");
    for turned in [
        imageops::rotate90(&picture),
        imageops::flip_vertical(&picture),
    ] {
        let other = share(&turned);
        assert!((other - seen).abs() < 0.05, "{seen} {other}");
    }
    for size in [224, 256, 320, 512] {
        let other = vessel_share(&prepare(&picture, size));
        assert!((other - seen).abs() < 0.08, "{size}: {seen} {other}");
    }
}

#[test]
fn lines_brighter_than_their_sides_are_no_vessels() {
    let seen = share(&with_lines(|shade| 1.0 + shade));
    assert!(seen < 0.03, "{seen}");
}

#[test]
fn haze_and_defocus_hide_vessels() {
    let picture = retina();
    let plain = share(&picture);
    let hazy = |share: f32| {
        let mut hazy = picture.clone();
        for pixel in hazy.pixels_mut().filter(|p| p.0[0] > 10) {
            pixel.0 = pixel
                .0
                .map(|v| (f32::from(v) * (1.0 - share) + 170.0 * share) as u8);
        }
        hazy
    };
    let veiled = vessel_share(&prepare(&hazy(0.95), 384));
    assert!(veiled < 0.02, "{veiled}");
    let blurred = share(&imageops::blur(&picture, 14.0));
    assert!(blurred < 0.25 * plain, "{plain} {blurred}");
}

/// Each would otherwise be a proof of a retina.
#[test]
fn little_else_is_taken_for_vessels() {
    let mut plain = Scene::new((600, 600), (300.0, 300.0), (280.0, 280.0));
    plain.structure = false;
    let mut grainy = plain.clone();
    grainy.grain = 60.0;
    let blocks = RgbImage::from_fn(600, 600, |x, y| {
        let shade = Noise((x / 12) * 7919 + (y / 12) * 104_729).next();
        Rgb([150.0, 90.0, 50.0].map(|c: f32| (c * (1.0 + 0.1 * shade)) as u8))
    });
    // A lid's edge across the frame: one long line between light and dark.
    let edge = RgbImage::from_fn(600, 600, |x, y| {
        Rgb(if y < 200 + x / 4 {
            [150, 90, 70]
        } else {
            [210, 150, 120]
        })
    });
    for (what, picture) in [
        ("a plain disc", plain.draw()),
        ("a grainy disc", grainy.draw()),
        ("noise", noise(600, 600)),
        ("JPEG blocks", blocks),
        ("black", RgbImage::new(600, 600)),
        ("white", RgbImage::from_pixel(600, 600, Rgb([255; 3]))),
        ("one pixel", RgbImage::new(1, 1)),
        ("no pixel", RgbImage::new(0, 0)),
    ] {
        let seen = share(&picture);
        assert!((0.0..0.06).contains(&seen), "{what}: {seen}");
    }
    // One dark line beside it, no more than its length.
    let seen = share(&edge);
    assert!(seen < 0.1, "an edge: {seen}");
}
