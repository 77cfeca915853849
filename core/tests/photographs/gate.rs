//! What the gate refuses, on drawn photographs, and for which reason.

use crate::drawing::{clutter, noise, Scene};
use fovea_core::field::FieldShape;
use fovea_core::gate::{gate_pixels, gate_student, GateLimits, GateReason, GateVerdict};
use fovea_core::prepare::prepare;
use fovea_core::quality::{measure, Measures};
use image::{imageops, Rgb, RgbImage};

fn measured(picture: &RgbImage) -> Measures {
    measure(&prepare(picture, 224))
}

fn reason(picture: &RgbImage) -> GateReason {
    gate_pixels(&measured(picture), &GateLimits::default()).reason
}

fn retina() -> Scene {
    Scene::new((640, 480), (320.0, 240.0), (220.0, 220.0))
}

#[test]
fn retinas_pass() {
    let mut grey = retina();
    grey.retina = [110.0; 3];
    let mut red_free = retina();
    red_free.retina = [20.0, 120.0, 30.0];
    let mut dim = retina();
    dim.retina = [70.0, 35.0, 15.0];
    let mut hazy = retina();
    hazy.retina = [190.0, 175.0, 160.0];
    let cut = Scene::new((640, 480), (320.0, 240.0), (290.0, 290.0));
    // No border at all: the middle of a retina.
    let borderless = Scene::new((400, 400), (200.0, 200.0), (900.0, 900.0));
    for (what, scene) in [
        ("plain", retina()),
        ("grey", grey),
        ("red-free", red_free),
        ("dim", dim),
        ("hazy", hazy),
        ("cut", cut),
        ("borderless", borderless),
    ] {
        let picture = scene.draw();
        assert_eq!(
            reason(&picture),
            GateReason::Ok,
            "{what}: {:?}",
            measured(&picture)
        );
    }
}

#[test]
fn what_is_certainly_no_retina_is_refused() {
    let sky = RgbImage::from_fn(640, 480, |_, y| {
        Rgb([90 + (y / 8) as u8, 140 + (y / 8) as u8, 225])
    });
    let grass = clutter(
        640,
        480,
        &[
            [60.0, 140.0, 50.0],
            [80.0, 160.0, 60.0],
            [50.0, 110.0, 40.0],
        ],
    );
    // A B-scan: grey layers across a dark frame.
    let oct = RgbImage::from_fn(480, 195, |x, y| {
        let depth = (y as f32 - 90.0 - 0.0004 * (x as f32 - 240.0).powi(2)).abs();
        Rgb([(220.0 - 6.0 * depth).clamp(12.0, 220.0) as u8; 3])
    });
    for (what, picture, wanted) in [
        ("black", RgbImage::new(640, 480), GateReason::TooDark),
        (
            "white",
            RgbImage::from_pixel(640, 480, Rgb([255; 3])),
            GateReason::TooBright,
        ),
        (
            "grey",
            RgbImage::from_pixel(640, 480, Rgb([128; 3])),
            GateReason::NonFundus,
        ),
        (
            "red",
            RgbImage::from_pixel(640, 480, Rgb([200, 60, 20])),
            GateReason::NonFundus,
        ),
        ("noise", noise(640, 480), GateReason::NonFundus),
        ("sky", sky, GateReason::NonFundus),
        ("grass", grass, GateReason::NonFundus),
        ("OCT", oct, GateReason::NonFundus),
    ] {
        assert_eq!(reason(&picture), wanted, "{what}: {:?}", measured(&picture));
    }
}

#[test]
fn retinas_that_show_nothing_are_refused() {
    let mut black = retina();
    black.retina = [12.0, 7.0, 4.0];
    black.border = [0.0; 3];
    black.grain = 0.0;
    let mut burnt = retina();
    burnt.retina = [400.0; 3];
    burnt.structure = false;
    // Thick fog: one flat disc of light.
    let flat = RgbImage::from_fn(640, 480, |x, y| {
        let (dx, dy) = (x as f32 - 320.0, y as f32 - 240.0);
        Rgb(if dx * dx + dy * dy < 220.0 * 220.0 {
            [150, 110, 90]
        } else {
            [0; 3]
        })
    });
    assert_eq!(reason(&black.draw()), GateReason::TooDark);
    assert_eq!(reason(&burnt.draw()), GateReason::TooBright);
    assert_eq!(reason(&flat), GateReason::Blurred);
}

#[test]
fn measures_follow_the_photograph() {
    let sharp = retina().draw();
    let plain = measured(&sharp);
    assert!(measured(&imageops::blur(&sharp, 6.0)).sharpness < 0.6 * plain.sharpness);
    assert!(measured(&noise(300, 300)).noise > 0.8);
    assert!(plain.noise < 0.3);

    let mut dark = retina();
    dark.retina = dark.retina.map(|c| c / 4.0);
    let dark = measured(&dark.draw());
    assert!(dark.mean_luma < 0.5 * plain.mean_luma && dark.dark_share > plain.dark_share);

    assert!(plain.redness > 0.4 && plain.saturation > 0.5);
    let grey = measured(&image::DynamicImage::from(sharp).grayscale().into_rgb8());
    assert!(grey.redness.abs() < 0.01 && grey.saturation < 0.01);

    let aside = Scene::new((800, 480), (500.0, 240.0), (200.0, 200.0));
    assert!(plain.off_centre < 0.02);
    assert!((measured(&aside.draw()).off_centre - 0.5).abs() < 0.02);
}

/// Detail means the same share of the retina at every size.
#[test]
fn measures_do_not_depend_on_the_size() {
    let picture = retina().draw();
    let small = measure(&prepare(&picture, 192));
    let large = measure(&prepare(&picture, 384));
    for (name, a, b) in [
        ("mean_luma", small.mean_luma, large.mean_luma),
        ("contrast", small.contrast, large.contrast),
        ("redness", small.redness, large.redness),
        ("sharpness", small.sharpness, large.sharpness),
    ] {
        assert!((a - b).abs() <= 0.1 * b, "{name}: {a} {b}");
    }
}

#[test]
fn measures_of_nothing_are_finite() {
    for picture in [RgbImage::new(1, 1), RgbImage::new(0, 0), noise(3, 2)] {
        for size in [1, 2, 224] {
            let m = measure(&prepare(&picture, size));
            for v in [
                m.mean_luma,
                m.contrast,
                m.redness,
                m.saturation,
                m.sharpness,
                m.noise,
                m.off_centre,
            ] {
                assert!(v.is_finite(), "{m:?}");
            }
        }
    }
}

fn accepted() -> GateVerdict {
    let verdict = gate_pixels(&measured(&retina().draw()), &GateLimits::default());
    assert!(verdict.accepted);
    verdict
}

#[test]
fn the_student_refuses_for_the_fault_that_is_furthest_over_its_limit() {
    let limits = GateLimits::default();
    let judged = |quality: &[(&str, f32)]| gate_student(accepted(), quality, &limits).reason;
    assert_eq!(
        judged(&[("non_fundus", 0.1), ("blurred", 0.2)]),
        GateReason::Ok
    );
    assert_eq!(
        judged(&[("blurred", 0.9), ("non_fundus", 0.9)]),
        GateReason::NonFundus
    );
    assert_eq!(
        judged(&[("blurred", 0.9), ("dark", 0.8)]),
        GateReason::Blurred
    );
    let strict = GateLimits {
        dark: 0.1,
        ..limits
    };
    let quality = [("blurred", 0.9), ("dark", 0.8)];
    assert_eq!(
        gate_student(accepted(), &quality, &strict).reason,
        GateReason::TooDark
    );
    let quality = [("blurred", 1.0), ("dark", 0.11)];
    assert_eq!(
        gate_student(accepted(), &quality, &strict).reason,
        GateReason::Blurred,
        "a low limit does not outweigh what is certain"
    );
    assert_eq!(
        judged(&[("bright", 0.9), ("artefact", 0.9)]),
        GateReason::TooBright
    );
    assert_eq!(judged(&[("artefact", 0.5)]), GateReason::Artefact);
    assert_eq!(judged(&[("something_else", 1.0)]), GateReason::Ok);
    assert_eq!(judged(&[("blurred", f32::NAN)]), GateReason::Blurred);
}

#[test]
fn low_quality_names_the_nearest_kind() {
    let quality = [
        ("low_quality", 0.8),
        ("dark", 0.1),
        ("artefact", 0.4),
        ("blurred", 0.3),
    ];
    let verdict = gate_student(accepted(), &quality, &GateLimits::default());
    assert_eq!(verdict.reason, GateReason::Artefact);
    assert_eq!(verdict.scores["low_quality"], 0.8);
}

#[test]
fn low_quality_refuses_where_its_kinds_are_unknown() {
    let verdict = gate_student(accepted(), &[("low_quality", 0.9)], &GateLimits::default());
    assert!(!verdict.accepted);
    assert_eq!(verdict.reason, GateReason::Blurred);
}

#[test]
fn a_refusal_on_pixels_stands() {
    let black = measured(&RgbImage::new(300, 300));
    let first = gate_pixels(&black, &GateLimits::default());
    let verdict = gate_student(first, &[("non_fundus", 1.0)], &GateLimits::default());
    assert!(!verdict.accepted);
    assert_eq!(verdict.reason, GateReason::TooDark);
    assert_eq!(verdict.scores["non_fundus"], 1.0);
}

#[test]
fn limits_come_back_from_their_file() {
    let limits = GateLimits::default();
    let text = toml::to_string(&limits).unwrap();
    assert_eq!(toml::from_str::<GateLimits>(&text).unwrap(), limits);
    assert!(toml::from_str::<GateLimits>(&(text + "unheard_of = 1.0\n")).is_err());
}

/// A photograph with which nothing is wrong, but for what `alter` does.
fn judged_with(alter: impl Fn(&mut Measures)) -> GateReason {
    let mut measures = measured(&retina().draw());
    measures.vessel_share = Some(0.4);
    alter(&mut measures);
    gate_pixels(&measures, &GateLimits::default()).reason
}

#[test]
fn a_photograph_without_vessels_is_refused_for_what_hides_them() {
    assert_eq!(judged_with(|_| {}), GateReason::Ok);
    assert_eq!(
        judged_with(|m| m.vessel_share = None),
        GateReason::Ok,
        "not looked for"
    );
    for (mean_luma, reason) in [
        (0.1, GateReason::TooDark),
        (0.4, GateReason::Blurred),
        (0.8, GateReason::TooBright),
    ] {
        let judged = judged_with(|m| {
            m.mean_luma = mean_luma;
            m.vessel_share = Some(0.02);
        });
        assert_eq!(judged, reason, "{mean_luma}");
    }
}

#[test]
fn a_picture_without_a_disc_needs_more_vessels() {
    let without_disc = |share: f32| {
        judged_with(|m| {
            m.field_shape = FieldShape::None;
            m.vessel_share = Some(share);
        })
    };
    assert_eq!(without_disc(0.2), GateReason::NonFundus);
    assert_eq!(without_disc(0.4), GateReason::Ok);
}

#[test]
fn yellow_light_and_light_of_one_side_are_refused() {
    let yellow = |share: f32, green_over_red: f32| {
        judged_with(|m| {
            m.green_over_red = green_over_red;
            m.saturation = 0.98;
            m.vessel_share = Some(share);
        })
    };
    assert_eq!(yellow(0.1, 0.84), GateReason::Blurred);
    assert_eq!(yellow(0.45, 0.84), GateReason::NonFundus);
    assert_eq!(yellow(0.45, 0.6), GateReason::Ok);
    assert_eq!(yellow(0.45, 4.0), GateReason::Ok, "red-free light");

    let one_sided = |burnt: f32| {
        judged_with(|m| {
            m.light_balance = 0.3;
            m.bright_share = burnt;
        })
    };
    assert_eq!(one_sided(0.1), GateReason::FieldOfView);
    assert_eq!(one_sided(0.0), GateReason::Ok, "a small pupil's shadow");
}

/// Calibrations of earlier versions lack the limits on vessels and light.
#[test]
fn limits_of_an_earlier_version_are_read() {
    let text = toml::to_string(&GateLimits::default()).unwrap();
    let newer = [
        "min_vessel_share",
        "min_light_balance",
        "max_burnt_share",
        "max_green_over_red",
        "veil_saturation",
    ];
    let earlier: String = text
        .lines()
        .filter(|line| !newer.iter().any(|name| line.starts_with(name)))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(earlier.lines().count(), 13);
    assert_eq!(
        toml::from_str::<GateLimits>(&earlier).unwrap(),
        GateLimits::default()
    );
}
