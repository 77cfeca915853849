//! The field is found and prepared whatever surrounds it, to the same bytes
//! everywhere.

use crate::drawing::{block, clutter, noise, Scene};
use fovea_core::field::{find_field, Field, FieldShape};
use fovea_core::photograph::decode;
use fovea_core::prepare::{open, prepare, to_tensor};
use image::{imageops, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use sha2::{Digest, Sha256};

/// The field is where the scene has it, to 1.5 % of the radius.
fn assert_found(scene: &Scene, picture: &RgbImage, shape: FieldShape, what: &str) -> Field {
    let field = find_field(picture);
    let near =
        |got: f32, wanted: f32| (got - wanted).abs() <= 0.015 * scene.radii.0.max(scene.radii.1);
    assert!(
        near(field.cx, scene.centre.0)
            && near(field.cy, scene.centre.1)
            && near(field.rx, scene.radii.0)
            && near(field.ry, scene.radii.1),
        "{what}: {field:?}, wanted {:?} {:?}",
        scene.centre,
        scene.radii
    );
    assert_eq!(field.shape, shape, "{what}: {field:?}");
    field
}

fn circle() -> Scene {
    Scene::new((800, 600), (400.0, 300.0), (270.0, 270.0))
}

#[test]
fn whole_cut_and_overfull_fields_are_found() {
    use FieldShape::{Circle, CutCircle, FillsFrame};
    let cases = [
        ("whole", circle(), Circle),
        (
            "off centre",
            Scene::new((900, 600), (560.0, 280.0), (250.0, 250.0)),
            Circle,
        ),
        (
            "small in the frame",
            Scene::new((1000, 1000), (400.0, 620.0), (180.0, 180.0)),
            Circle,
        ),
        (
            "cut at top and bottom",
            Scene::new((900, 600), (450.0, 300.0), (360.0, 360.0)),
            CutCircle,
        ),
        (
            "cut at the sides",
            Scene::new((500, 700), (250.0, 350.0), (300.0, 300.0)),
            CutCircle,
        ),
        (
            "cut at one side",
            Scene::new((700, 700), (240.0, 350.0), (330.0, 330.0)),
            CutCircle,
        ),
        (
            "corners cut",
            Scene::new((640, 640), (320.0, 320.0), (400.0, 400.0)),
            FillsFrame,
        ),
        (
            "tiny corners",
            Scene::new((640, 640), (322.0, 318.0), (425.0, 425.0)),
            FillsFrame,
        ),
        (
            "one megapixel",
            Scene::new((1200, 900), (600.0, 450.0), (440.0, 440.0)),
            Circle,
        ),
        (
            "small photograph",
            Scene::new((150, 130), (75.0, 65.0), (60.0, 60.0)),
            Circle,
        ),
    ];
    for (what, scene, shape) in cases {
        let field = assert_found(&scene, &scene.draw(), shape, what);
        assert_eq!(shape == Circle, field.coverage >= 0.98, "{what}: {field:?}");
    }
}

#[test]
fn coverage_is_the_share_of_the_disc_in_the_frame() {
    // Half the height above and below: the disc loses two equal segments.
    let scene = Scene::new((1000, 500), (500.0, 250.0), (400.0, 400.0));
    let inside = scene
        .draw()
        .enumerate_pixels()
        .filter(|(x, y, _)| {
            let (dx, dy) = (*x as f32 + 0.5 - 500.0, *y as f32 + 0.5 - 250.0);
            dx * dx + dy * dy <= 400.0 * 400.0
        })
        .count();
    let wanted = inside as f32 / (std::f32::consts::PI * 400.0 * 400.0);
    let got = find_field(&scene.draw()).coverage;
    assert!((got - wanted).abs() < 0.01, "{got}, wanted {wanted}");
}

#[test]
fn borders_of_every_kind() {
    let with = |change: fn(&mut Scene)| {
        let mut scene = circle();
        change(&mut scene);
        scene
    };
    let cases = [
        (
            "not quite black",
            with(|s| {
                s.border = [24.0, 22.0, 26.0];
                s.grain = 14.0
            }),
        ),
        ("dark photograph", with(|s| s.retina = [34.0, 17.0, 8.0])),
        ("glowing border", with(|s| s.glow = 0.1)),
        ("white border", with(|s| s.border = [250.0; 3])),
        ("grey border", with(|s| s.border = [90.0, 90.0, 95.0])),
        (
            "hazy",
            with(|s| {
                s.retina = [180.0, 170.0, 160.0];
                s.structure = false
            }),
        ),
        ("red-free", with(|s| s.retina = [90.0; 3])),
    ];
    for (what, scene) in cases {
        assert_found(&scene, &scene.draw(), FieldShape::Circle, what);
    }
}

#[test]
fn text_tabs_and_shadows_do_not_move_the_field() {
    let scene = circle();

    let mut text = scene.draw();
    for i in 0..12 {
        block(&mut text, 10 + 14 * i, 570, 9, 16, [255; 3]);
        block(&mut text, 620 + 14 * i, 12, 9, 16, [255, 255, 0]);
    }
    assert_found(&scene, &text, FieldShape::Circle, "text");

    let mut tab = scene.draw();
    block(&mut tab, 585, 75, 40, 40, [190, 100, 45]);
    assert_found(&scene, &tab, FieldShape::Circle, "tab");

    // A lid covers the lower fifth.
    let mut lid = scene.draw();
    block(&mut lid, 0, 460, 800, 140, [3; 3]);
    assert_found(&scene, &lid, FieldShape::Circle, "lid");

    // The camera's own mask cuts the disc inside the frame.
    let mut bars = scene.draw();
    block(&mut bars, 0, 0, 800, 90, [2; 3]);
    block(&mut bars, 0, 510, 800, 90, [2; 3]);
    assert_found(&scene, &bars, FieldShape::Circle, "bars");
}

#[test]
fn a_squashed_photograph_is_unsquashed() {
    for (squash, name) in [(2.0 / 3.0, "3:2"), (0.75, "4:3"), (0.82, "cropped")] {
        let scene = Scene::new((512, 512), (256.0, 256.0), (330.0 * squash, 330.0));
        let shape = if 330.0 * squash > 256.0 {
            FieldShape::FillsFrame
        } else {
            FieldShape::CutCircle
        };
        let field = assert_found(&scene, &scene.draw(), shape, name);
        assert!(
            (field.rx / field.ry - squash).abs() < 0.015,
            "{name}: {field:?}"
        );
    }
}

#[test]
fn circles_stay_circles() {
    let scenes = [
        circle(),
        Scene::new((900, 600), (450.0, 300.0), (360.0, 360.0)),
        Scene::new((640, 640), (320.0, 320.0), (400.0, 400.0)),
    ];
    for scene in scenes {
        let field = find_field(&scene.draw());
        assert_eq!(field.rx, field.ry, "{field:?}");
    }
}

#[test]
fn what_is_no_retina_has_no_field() {
    let meadow = clutter(
        640,
        480,
        &[
            [60.0, 140.0, 50.0],
            [90.0, 160.0, 70.0],
            [120.0, 110.0, 60.0],
        ],
    );
    let room = clutter(
        480,
        640,
        &[
            [200.0, 190.0, 180.0],
            [20.0, 20.0, 25.0],
            [140.0, 60.0, 50.0],
        ],
    );
    let pictures = [
        ("black", RgbImage::new(400, 300)),
        ("white", RgbImage::from_pixel(400, 300, Rgb([255; 3]))),
        ("red", RgbImage::from_pixel(400, 300, Rgb([200, 60, 20]))),
        ("noise", noise(400, 300)),
        ("meadow", meadow),
        ("room", room),
    ];
    for (what, picture) in pictures {
        let field = find_field(&picture);
        assert_eq!(field.shape, FieldShape::None, "{what}: {field:?}");
        let (w, h) = picture.dimensions();
        assert_eq!((field.cx, field.cy), (w as f32 / 2.0, h as f32 / 2.0));
        assert_eq!(
            (field.rx, field.ry),
            (w.min(h) as f32 / 2.0, w.min(h) as f32 / 2.0)
        );
    }
}

/// The same retina looks the same whatever camera frame it sits in.
#[test]
fn the_frame_leaves_no_trace() {
    let plain = prepare(&circle().draw(), 256).rgb;
    let mut framed = circle();
    framed.frame = (1200, 700);
    framed.centre = (650.0, 340.0);
    framed.border = [20.0, 20.0, 24.0];
    let mut picture = framed.draw();
    block(&mut picture, 20, 20, 120, 30, [255; 3]);
    let framed = prepare(&picture, 256).rgb;
    let total: u64 = plain
        .as_raw()
        .iter()
        .zip(framed.as_raw())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    let mean = total as f64 / plain.as_raw().len() as f64;
    assert!(mean < 2.0, "mean difference {mean}");
}

#[test]
fn outside_the_field_is_black_and_inside_is_not() {
    for scene in [
        circle(),
        Scene::new((900, 600), (450.0, 300.0), (360.0, 360.0)),
        Scene::new((640, 640), (320.0, 320.0), (400.0, 400.0)),
    ] {
        let prepared = prepare(&scene.draw(), 200);
        let mut shown = vec![false; 200 * 200];
        for (y, columns) in prepared.field_rows() {
            for x in columns {
                shown[(y * 200 + x) as usize] = true;
            }
        }
        for (x, y, pixel) in prepared.rgb.enumerate_pixels() {
            let is_black = pixel.0 == [0; 3];
            assert_eq!(
                is_black,
                !shown[(y * 200 + x) as usize],
                "{x} {y} {pixel:?}"
            );
        }
        let share = shown.iter().filter(|&&s| s).count() as f32 / shown.len() as f32;
        let wanted = prepared.field.coverage * std::f32::consts::PI / 4.0;
        assert!((share - wanted).abs() < 0.03, "{share}, wanted {wanted}");
    }
}

/// Byte for byte what students were trained on. When this has to change, so
/// has `PREPARATION`.
#[test]
fn prepared_bytes_are_golden() {
    let squashed = Scene::new((512, 512), (256.0, 256.0), (235.0, 330.0));
    let cases = [
        (
            "circle",
            circle().draw(),
            224,
            "8008e53a72d0c62dff62bea1c80db775d6fed964e40aab13a270f021c761bbe8",
        ),
        (
            "enlarged",
            imageops::crop_imm(&circle().draw(), 100, 0, 600, 600).to_image(),
            700,
            "b62c1c1b9bf77fcba311c4920634a4498d38073da1094950c9c3609e19a8434e",
        ),
        (
            "squashed",
            squashed.draw(),
            224,
            "6e3a8ee8340e714feff83f47a269645e9fe696be2705214cf5adafda03a933a8",
        ),
        (
            "corners cut",
            Scene::new((640, 640), (320.0, 320.0), (400.0, 400.0)).draw(),
            288,
            "f9c88b5b68f1b4ca841dc10524f94cf7fc3a6c1f21b3846d9825ea8767b4135f",
        ),
        (
            "no field",
            noise(400, 300),
            224,
            "d712619e9a0a36591aaf3a67d39acdff96db302d719dd02af21f8e7aec489604",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, picture, size, golden) in cases {
        let hash: String = Sha256::digest(prepare(&picture, size).rgb.as_raw())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if hash != golden {
            wrong.push(format!("{what}: {hash}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn any_frame_can_be_prepared() {
    for (width, height) in [(1, 1), (1, 5000), (5000, 1), (2, 3), (17, 16), (300, 20)] {
        for size in [0, 1, 2, 224] {
            let prepared = prepare(&noise(width, height), size);
            let side = size.max(1);
            assert_eq!(
                prepared.rgb.dimensions(),
                (side, side),
                "{width} x {height} to {size}"
            );
        }
    }
    assert_eq!(prepare(&RgbImage::new(0, 0), 8).rgb, RgbImage::new(8, 8));
}

#[test]
fn a_tensor_holds_the_channels_one_after_the_other() {
    let picture = RgbImage::from_raw(2, 1, vec![0, 127, 255, 10, 20, 30]).unwrap();
    let wanted = [0.0, 10.0, 127.0, 20.0, 255.0, 30.0].map(|v: f32| (v - 127.0) / 128.0);
    assert_eq!(to_tensor(&picture), wanted);
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 92);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    let (width, height) = picture.dimensions();
    encoder
        .encode(picture, width as u16, height as u16, ColorType::Rgb)
        .unwrap();
    file
}

/// A photograph of which only every second pixel or less is decoded looks as if all
/// were: the field is the same and no pixel is another.
#[test]
fn large_photographs_are_opened_smaller_and_prepared_alike() {
    for (side, reduced) in [(400, 1), (540, 2), (1070, 4), (2100, 8)] {
        let (middle, radius) = (side as f32 / 2.0, side as f32 * 0.49);
        let mut scene = Scene::new((side + 90, side), (middle + 45.0, middle), (radius, radius));
        scene.grain = 10.0;
        let file = jpeg(&scene.draw());
        let opened = open(&file, 128).unwrap();
        let whole = decode(&file).unwrap().rgb;
        let shrunk = whole.height() / opened.photograph.height();
        assert_eq!(shrunk, reduced, "{side}");
        let wanted = prepare(&whole, 128);
        let (field, wanted_field) = (opened.prepared.field, wanted.field);
        let apart = (field.rx * reduced as f32 - wanted_field.rx).abs() / wanted_field.rx;
        assert!(apart < 0.005, "{side}: {apart}");
        let differences = opened.prepared.rgb.iter().zip(wanted.rgb.iter());
        let apart: Vec<u8> = differences.map(|(a, b)| a.abs_diff(*b)).collect();
        let mean = apart.iter().map(|&d| f64::from(d)).sum::<f64>() / apart.len() as f64;
        println!("{side}: mean {mean:.2}, most {:?}", apart.iter().max());
        assert!(mean < 1.0, "{side}: {mean}");
    }
}

#[test]
fn a_small_field_in_a_large_frame_is_opened_whole() {
    let scene = Scene::new((1600, 1300), (700.0, 600.0), (230.0, 230.0));
    let file = jpeg(&scene.draw());
    let opened = open(&file, 128).unwrap();
    let whole = decode(&file).unwrap().rgb;
    assert!(opened.photograph == whole);
    assert!(opened.prepared.rgb == prepare(&whole, 128).rgb);
}
