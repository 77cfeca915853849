use image::RgbImage;
use sha2::{Digest, Sha256};

use super::*;

const SIZE: u32 = 192;

fn sha256(rgb: &RgbImage) -> String {
    Sha256::digest(rgb.as_raw())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn preset(name: &str, seed: u64) -> RgbImage {
    by_name(name)
        .expect("a preset of this name")
        .draw(seed, SIZE)
}

/// Luma of every pixel within 0.9 field radii.
fn field_luma(rgb: &RgbImage) -> Vec<f64> {
    let middle = f64::from(rgb.width()) / 2.0;
    rgb.enumerate_pixels()
        .filter(|(x, y, _)| {
            let (dx, dy) = (f64::from(*x) - middle, f64::from(*y) - middle);
            (dx * dx + dy * dy).sqrt() < 0.43 * f64::from(rgb.width())
        })
        .map(|(_, _, p)| {
            0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2])
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation as a share of the mean.
fn contrast(rgb: &RgbImage) -> f64 {
    let luma = field_luma(rgb);
    let middle = mean(&luma);
    let variance = luma
        .iter()
        .map(|v| (v - middle) * (v - middle))
        .sum::<f64>()
        / luma.len() as f64;
    variance.sqrt() / middle
}

/// Mean step between horizontal neighbours in green, where vessels show.
fn sharpness(rgb: &RgbImage) -> f64 {
    let mut sum = 0.0;
    let (from, to) = (SIZE / 4, SIZE * 3 / 4);
    for y in from..to {
        for x in from..to {
            let (a, b) = (rgb.get_pixel(x, y)[1], rgb.get_pixel(x + 1, y)[1]);
            sum += f64::from(a.abs_diff(b));
        }
    }
    sum / f64::from((to - from) * (to - from))
}

fn mean_luma(rgb: &RgbImage) -> f64 {
    mean(&field_luma(rgb))
}

/// How much of the two pictures differs by more than noise.
fn changed_share(a: &RgbImage, b: &RgbImage) -> f64 {
    let changed = a
        .pixels()
        .zip(b.pixels())
        .filter(|(p, q)| (0..3).any(|c| p[c].abs_diff(q[c]) > 12))
        .count();
    changed as f64 / f64::from(a.width() * a.height())
}

#[test]
fn same_seed_same_bytes_whatever_the_threads() {
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a pool");
    for preset in presets() {
        let together = preset.draw(7, 96);
        let again = alone.install(|| preset.draw(7, 96));
        assert_eq!(sha256(&together), sha256(&again), "{}", preset.name);
    }
}

#[test]
fn another_seed_is_another_eye() {
    // Too dark to see an eye, or none is there and nothing that has a place.
    let plain = ["dark", "dark_room", "white_frame", "wall"];
    for preset in presets().iter().filter(|p| !plain.contains(&p.name)) {
        // Both are left eyes.
        let share = changed_share(&preset.draw(7, 96), &preset.draw(9, 96));
        assert!(
            share > 0.2,
            "{}: {share} of the picture differs",
            preset.name
        );
    }
}

#[test]
fn the_field_stop_does_not_change_the_eye() {
    for seed in 0..4 {
        let scene = |frame| Scene {
            seed,
            frame,
            size: SIZE,
            ..Scene::default()
        };
        // The cut hides a part of the field and changes nothing of the rest.
        let (whole, cut) = (draw(&scene(Frame::Circle)), draw(&scene(Frame::CutCircle)));
        let middle = |x: u32, y: u32| {
            let away = |at: u32| f64::from(at) - f64::from(SIZE) / 2.0;
            away(x).hypot(away(y)) < 0.36 * f64::from(SIZE)
        };
        let changed = whole
            .enumerate_pixels()
            .filter(|&(x, y, pixel)| middle(x, y) && pixel != cut.get_pixel(x, y))
            .count();
        assert_eq!(changed, 0, "seed {seed}");
    }
}

/// Fixes the bytes across machines and versions. A change of the renderer
/// changes these; whoever makes one looks at the pictures first.
#[test]
fn bytes_are_those_on_record() {
    let drawn = ["healthy", "severe_npdr", "outside_eye"].map(|name| sha256(&preset(name, 2)));
    let record = [
        "13f9d3ff77ac9336701f6f2218cb0859310410d75486e1f882f81dccf331e2a6",
        "622117b0f905f82271cda00d9df7522a8d9c6c1c6a28afbb0128305b0f6f9709",
        "d5c5f59186f8e2ddb5ddd58bac1c27a3ec443e9144cf0e82427aa57e3033611a",
    ];
    assert_eq!(drawn, record);
}

#[test]
fn names_are_unique_and_found() {
    for preset in presets() {
        let found = by_name(preset.name).expect("found by its own name");
        assert_eq!(found.about, preset.about, "{} is listed twice", preset.name);
    }
    assert!(by_name("no_such_preset").is_none());
}

#[test]
fn disc_lies_on_the_nasal_side() {
    for seed in 0..6 {
        for (eye, nasal_is_right) in [(Eye::Right, true), (Eye::Left, false)] {
            let rgb = draw(&Scene {
                seed,
                eye,
                size: SIZE,
                ..Scene::default()
            });
            // The disc holds the brightest green of a healthy fundus.
            let soft = image::imageops::fast_blur(&rgb, 3.0);
            let (brightest, _, _) = soft
                .enumerate_pixels()
                .max_by_key(|(_, _, p)| p[1])
                .expect("a picture has pixels");
            assert_eq!(
                brightest > SIZE / 2,
                nasal_is_right,
                "seed {seed}, {eye:?}, brightest at {brightest}"
            );
        }
    }
}

#[test]
fn surround_is_black_and_field_is_red() {
    for frame in [Frame::Circle, Frame::CutCircle, Frame::Filled] {
        let rgb = draw(&Scene {
            frame,
            size: SIZE,
            ..Scene::default()
        });
        for (x, y) in [(0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1)] {
            assert!(
                rgb.get_pixel(x, y).0.iter().all(|&v| v < 12),
                "{frame:?} corner {x},{y}"
            );
        }
        let middle = rgb.get_pixel(SIZE / 2, SIZE / 2);
        assert!(
            middle[0] > middle[1] && middle[1] > middle[2],
            "{frame:?}: {middle:?}"
        );
        let top = rgb.get_pixel(SIZE / 2, 6)[0];
        assert_eq!(
            top > 30,
            frame != Frame::CutCircle,
            "{frame:?}: red {top} at the top"
        );
    }
}

#[test]
fn faults_do_what_they_say() {
    for seed in [2, 3] {
        let healthy = preset("healthy", seed);
        assert!(
            contrast(&preset("cataract", seed)) < 0.7 * contrast(&healthy),
            "haze, seed {seed}"
        );
        assert!(
            sharpness(&preset("blurred", seed)) < 0.6 * sharpness(&healthy),
            "defocus, seed {seed}"
        );
        assert!(
            mean_luma(&preset("dark", seed)) < 0.5 * mean_luma(&healthy),
            "dark, seed {seed}"
        );
        assert!(
            mean_luma(&preset("bright", seed)) > 1.3 * mean_luma(&healthy),
            "bright, seed {seed}"
        );
        assert!(
            contrast(&preset("uneven", seed)) > 1.5 * contrast(&healthy),
            "uneven, seed {seed}"
        );
        for name in ["eyelash", "off_centre", "dust"] {
            assert!(
                changed_share(&healthy, &preset(name, seed)) > 0.01,
                "{name}, seed {seed}"
            );
        }
    }
}

#[test]
fn stronger_faults_are_worse() {
    let with = |haze: f32, defocus: f32| {
        let camera = CameraFaults {
            haze,
            defocus,
            ..CameraFaults::default()
        };
        draw(&Scene {
            seed: 4,
            size: SIZE,
            camera,
            ..Scene::default()
        })
    };
    let steps = [0.0, 0.3, 0.6, 0.9];
    let hazy: Vec<f64> = steps.iter().map(|&s| contrast(&with(s, 0.0))).collect();
    let soft: Vec<f64> = steps.iter().map(|&s| sharpness(&with(0.0, s))).collect();
    assert!(hazy.windows(2).all(|w| w[1] < w[0]), "{hazy:?}");
    assert!(soft.windows(2).all(|w| w[1] < w[0]), "{soft:?}");
}

#[test]
fn every_finding_shows_and_leaves_the_rest_alone() {
    let scene = Scene {
        seed: 6,
        size: 2 * SIZE,
        ..Scene::default()
    };
    let healthy = draw(&scene);
    let none = Findings::default();
    let findings = [
        (
            "microaneurysms",
            Findings {
                microaneurysms: 1.0,
                ..none
            },
        ),
        (
            "blots",
            Findings {
                blot_haemorrhages: 1.0,
                ..none
            },
        ),
        (
            "flames",
            Findings {
                flame_haemorrhages: 1.0,
                ..none
            },
        ),
        (
            "preretinal",
            Findings {
                preretinal_haemorrhage: 1.0,
                ..none
            },
        ),
        (
            "exudates",
            Findings {
                hard_exudates: 1.0,
                ..none
            },
        ),
        (
            "cotton wool",
            Findings {
                cotton_wool_spots: 1.0,
                ..none
            },
        ),
        (
            "new vessels",
            Findings {
                new_vessels: 1.0,
                ..none
            },
        ),
        (
            "drusen",
            Findings {
                drusen: 1.0,
                ..none
            },
        ),
        (
            "atrophy",
            Findings {
                atrophy: 1.0,
                ..none
            },
        ),
        (
            "cupping",
            Findings {
                cupping: 1.0,
                ..none
            },
        ),
    ];
    for (name, findings) in findings {
        let share = changed_share(
            &healthy,
            &draw(&Scene {
                findings,
                ..scene.clone()
            }),
        );
        assert!(
            (0.0005..0.25).contains(&share),
            "{name} changes {share} of the picture"
        );
    }
}

#[test]
fn live_frames_move_with_the_eye_and_keep_its_anatomy() {
    let scene = Scene {
        seed: 3,
        size: SIZE,
        ..Scene::default()
    };
    let setup = Setup::new(&scene, 0.1);
    let still = setup.photograph(&Moment::default());
    assert!(
        changed_share(&still, &draw(&scene)) < 0.001,
        "room to travel must not change the still"
    );
    let pixels = 10;
    let moved = setup.photograph(&Moment {
        shift: [pixels as f32 / SIZE as f32, 0.0],
        ..Moment::default()
    });
    // Vignetting stays with the camera, so the match is near, not exact.
    let (mut same, mut other) = (0.0, 0.0);
    for y in SIZE / 3..SIZE * 2 / 3 {
        for x in SIZE / 4..SIZE * 3 / 4 {
            let before = f64::from(still.get_pixel(x, y)[1]);
            same += (f64::from(moved.get_pixel(x + pixels, y)[1]) - before).abs();
            other += (f64::from(moved.get_pixel(x, y)[1]) - before).abs();
        }
    }
    assert!(same < 0.6 * other, "{same} against {other}");

    let next = setup.photograph(&Moment {
        frame: 1,
        ..Moment::default()
    });
    assert_ne!(
        sha256(&still),
        sha256(&next),
        "each frame has its own noise"
    );
    assert!(changed_share(&still, &next) < 0.001);
    let far = Moment {
        shift: [9.0, f32::NAN],
        ..Moment::default()
    };
    assert_eq!(setup.photograph(&far).width(), SIZE);
}

#[test]
fn extreme_values_still_give_a_picture() {
    for size in [0, MIN_SIZE, 57] {
        for preset in presets() {
            let rgb = preset.draw(u64::MAX, size);
            assert_eq!(rgb.width(), size.max(MIN_SIZE), "{}", preset.name);
        }
    }
    let wild = CameraFaults {
        haze: 9.0,
        lashes: 5.0,
        off_centre: 40.0,
        dust: -1.0,
        ..CameraFaults::default()
    };
    let nameless = CameraFaults {
        haze: f32::NAN,
        lashes: f32::NAN,
        off_centre: f32::INFINITY,
        ..wild
    };
    let endless = Findings {
        microaneurysms: f32::INFINITY,
        drusen: f32::NAN,
        atrophy: 1e9,
        ..Findings::default()
    };
    for (camera, findings) in [(wild, Findings::default()), (nameless, endless)] {
        let rgb = draw(&Scene {
            camera,
            findings,
            size: 64,
            ..Scene::default()
        });
        assert_eq!(rgb.dimensions(), (64, 64));
    }
}

#[test]
fn non_fundus_scenes_are_what_they_are() {
    let luma = |kind| mean_luma(&draw_non_fundus(kind, 5, SIZE));
    assert!(luma(NonFundus::DarkRoom) < 45.0);
    assert!(luma(NonFundus::WhiteFrame) > 240.0);
    assert!(
        contrast(&draw_non_fundus(NonFundus::OutsideEye, 5, SIZE))
            > 2.0 * contrast(&draw_non_fundus(NonFundus::Wall, 5, SIZE))
    );
}
