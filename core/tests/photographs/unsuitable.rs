//! What is no single colour photograph of one eye is refused, and why.

use crate::drawing::Scene;
use fovea_core::gate::{gate_pixels, GateLimits, GateReason};
use fovea_core::prepare::prepare;
use fovea_core::quality::measure;
use fovea_core::unsuitable::gate_photograph;
use image::{imageops, Rgb, RgbImage};

fn reason(picture: &RgbImage) -> GateReason {
    let prepared = prepare(picture, 224);
    let first = gate_pixels(&measure(&prepared), &GateLimits::default());
    let verdict = gate_photograph(first, picture, &prepared);
    assert_eq!(verdict.accepted, verdict.reason == GateReason::Ok);
    verdict.reason
}

fn retina() -> Scene {
    Scene::new((640, 480), (320.0, 240.0), (220.0, 220.0))
}

fn mapped(picture: &RgbImage, colour: impl Fn([u8; 3]) -> [u8; 3]) -> RgbImage {
    let mut picture = picture.clone();
    for pixel in picture.pixels_mut() {
        pixel.0 = colour(pixel.0);
    }
    picture
}

#[test]
fn single_colour_photographs_pass() {
    let mut pale = retina();
    pale.retina = [170.0, 165.0, 150.0];
    let cut = Scene::new((640, 480), (320.0, 240.0), (290.0, 290.0));
    let aside = Scene::new((800, 480), (540.0, 240.0), (200.0, 200.0));
    let squashed = Scene::new((480, 480), (240.0, 240.0), (170.0, 230.0));
    for (what, scene) in [
        ("plain", retina()),
        ("pale", pale),
        ("cut", cut),
        ("aside", aside),
        ("squashed", squashed),
    ] {
        assert_eq!(reason(&scene.draw()), GateReason::Ok, "{what}");
    }
}

#[test]
fn one_eye_per_photograph() {
    let one = retina().draw();
    let (width, height) = one.dimensions();
    for gap in [0, 30] {
        let mut beside = RgbImage::new(2 * width + gap, height);
        let mut below = RgbImage::new(width, 2 * height + gap);
        for picture in [&mut beside, &mut below] {
            imageops::overlay(picture, &one, 0, 0);
        }
        imageops::overlay(&mut beside, &one, i64::from(width + gap), 0);
        imageops::overlay(&mut below, &one, 0, i64::from(height + gap));
        assert_eq!(reason(&beside), GateReason::SeveralFields, "gap {gap}");
        assert_eq!(reason(&below), GateReason::SeveralFields, "gap {gap}");
        // On a page of paper.
        let (w, h) = beside.dimensions();
        let mut report = RgbImage::from_pixel(w + 200, h + 500, Rgb([255; 3]));
        imageops::overlay(&mut report, &beside, 100, 250);
        assert_eq!(reason(&report), GateReason::SeveralFields, "gap {gap}");
    }
    // Cut so close that a part shows no border of its own, on a page.
    let close = imageops::crop_imm(&one, width / 2 - 120, height / 2 - 120, 240, 240).to_image();
    for (dx, dy) in [(300, 0), (0, 300)] {
        let mut report = RgbImage::from_pixel(700, 700, Rgb([255; 3]));
        imageops::overlay(&mut report, &close, 50, 50);
        assert_ne!(reason(&report), GateReason::SeveralFields);
        imageops::overlay(&mut report, &close, 50 + dx, 50 + dy);
        assert_eq!(reason(&report), GateReason::SeveralFields, "{dx} {dy}");
    }
    // Three, of which the middle one is a little larger than its neighbours.
    let smaller = imageops::thumbnail(&one, width * 19 / 20, height * 19 / 20);
    let mut three = RgbImage::new(3 * width, height);
    imageops::overlay(&mut three, &smaller, 0, 10);
    imageops::overlay(&mut three, &one, i64::from(width), 0);
    imageops::overlay(&mut three, &smaller, i64::from(2 * width) + 10, 10);
    assert_eq!(reason(&three), GateReason::SeveralFields);
    let three = imageops::rotate90(&three);
    assert_eq!(reason(&three), GateReason::SeveralFields);
    // Half as large as the other.
    let mut unequal = RgbImage::new(width * 3 / 2, height);
    imageops::overlay(&mut unequal, &one, 0, 0);
    let small = imageops::thumbnail(&one, width / 2, height / 2);
    imageops::overlay(&mut unequal, &small, i64::from(width), 0);
    assert_eq!(reason(&unequal), GateReason::SeveralFields);
    // Discs that touch, in a frame without borders between them.
    let mut touching = RgbImage::new(880, 480);
    let disc = imageops::crop_imm(&one, 100, 0, 440, 480).to_image();
    imageops::overlay(&mut touching, &disc, 0, 0);
    imageops::overlay(&mut touching, &disc, 440, 0);
    assert_eq!(reason(&touching), GateReason::SeveralFields);
}

#[test]
fn other_than_colour_photographs_are_refused_as_that() {
    let colour = retina().draw();
    for (what, picture) in [
        (
            "grey",
            mapped(&colour, |[r, g, b]| {
                [((u16::from(r) + u16::from(g) + u16::from(b)) / 3) as u8; 3]
            }),
        ),
        ("red-free, grey", mapped(&colour, |[_, g, _]| [g; 3])),
        ("red-free, green", mapped(&colour, |[_, g, _]| [0, g, 0])),
        ("red-free, cyan", mapped(&colour, |[_, g, b]| [0, g, b])),
        (
            "angiogram",
            mapped(&colour, |[r, g, _]| [if r < 24 { 0 } else { 200 - g }; 3]),
        ),
        (
            "sepia",
            mapped(&colour, |[_, g, _]| {
                [g, (u16::from(g) * 3 / 5) as u8, g / 4]
            }),
        ),
        ("negative", mapped(&colour, |rgb| rgb.map(|v| 255 - v))),
    ] {
        assert_eq!(reason(&picture), GateReason::NotColour, "{what}");
    }
}

#[test]
fn too_few_pixels_are_named() {
    let small = Scene::new((60, 40), (30.0, 20.0), (18.0, 18.0)).draw();
    assert_eq!(reason(&small), GateReason::TooSmall);
    let enough = Scene::new((224, 224), (112.0, 112.0), (76.0, 76.0)).draw();
    assert_eq!(reason(&enough), GateReason::Ok);
}
