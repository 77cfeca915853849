//! A camera's profile: measured on drawn targets, applied, kept, refused.

use fovea_core::profile::{CameraProfile, MeasureError, ProfileError};
use image::{Rgb, RgbImage};

/// A white target before a camera that lights it unevenly and tints it.
#[derive(Clone, Copy)]
struct Target {
    width: u32,
    height: u32,
    centre: (f32, f32),
    radius: f32,
    /// Centre's colour.
    white: [f32; 3],
    /// How much darker the rim is, 0 to 1.
    falloff: f32,
    /// Largest noise, in values.
    noise: f32,
    /// How much darker a shadow over a quarter of the field is, 0 to 1.
    shadow: f32,
    seed: u32,
}

const CAMERA: Target = Target {
    width: 640,
    height: 480,
    centre: (331.0, 236.0),
    radius: 210.0,
    white: [230.0, 190.0, 130.0],
    falloff: 0.4,
    noise: 4.0,
    shadow: 0.0,
    seed: 1,
};

impl Target {
    fn photograph(&self) -> RgbImage {
        let mut state = self.seed;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.noise * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
        };
        RgbImage::from_fn(self.width, self.height, |x, y| {
            let u = (x as f32 + 0.5 - self.centre.0) / self.radius;
            let v = (y as f32 + 0.5 - self.centre.1) / self.radius;
            let r = u * u + v * v;
            if r > 1.0 {
                return Rgb([0; 3]);
            }
            let mut light = 1.0 - self.falloff * r * (0.65 + 0.35 * r) + 0.06 * u;
            if u > 0.0 && v > 0.0 {
                light *= 1.0 - self.shadow;
            }
            Rgb(self
                .white
                .map(|white| (white * light + noise() + 0.5) as u8))
        })
    }

    fn photographs(&self) -> Vec<RgbImage> {
        let seeds = [11, 22, 33, 44];
        seeds
            .map(|seed| Target { seed, ..*self }.photograph())
            .into()
    }

    fn profile(&self) -> CameraProfile {
        CameraProfile::measure("demo", &self.photographs()).unwrap()
    }

    /// Mean colour about a place, in radii from the centre.
    fn colour(&self, rgb: &RgbImage, u: f32, v: f32) -> [f32; 3] {
        const REACH: i32 = 8;
        let (x, y) = (
            self.centre.0 + u * self.radius,
            self.centre.1 + v * self.radius,
        );
        let mut sum = [0.0; 3];
        for dy in -REACH..=REACH {
            for dx in -REACH..=REACH {
                let pixel = rgb.get_pixel((x as i32 + dx) as u32, (y as i32 + dy) as u32);
                for (sum, value) in sum.iter_mut().zip(pixel.0) {
                    *sum += f32::from(value);
                }
            }
        }
        sum.map(|sum| sum / (2 * REACH + 1).pow(2) as f32)
    }

    /// How far the field is from one grey: the largest difference from the
    /// centre's green, as a share.
    fn unflat(&self, rgb: &RgbImage) -> f32 {
        let places = [
            (0.0, 0.0),
            (0.9, 0.0),
            (-0.9, 0.0),
            (0.0, 0.9),
            (0.0, -0.9),
            (0.6, 0.6),
        ];
        let green = self.colour(rgb, 0.0, 0.0)[1];
        let colours = places.map(|(u, v)| self.colour(rgb, u, v));
        let values = colours.iter().flatten();
        values
            .map(|value| (value / green - 1.0).abs())
            .fold(0.0, f32::max)
    }
}

#[test]
fn a_vignetted_tinted_target_is_brought_back_flat() {
    let profile = CAMERA.profile();
    let mut photograph = CAMERA.photograph();
    assert!(CAMERA.unflat(&photograph) > 0.3);
    profile.apply(&mut photograph).unwrap();
    let left = CAMERA.unflat(&photograph);
    assert!(left < 0.01, "{left} is left");
    assert_eq!(photograph.get_pixel(5, 5), &Rgb([0; 3]));

    assert!((profile.white_balance.red - 190.0 / 230.0).abs() < 0.01);
    assert!((profile.white_balance.blue - 190.0 / 130.0).abs() < 0.01);
    assert!(
        (profile.circle.radius - 210.0).abs() < 3.0,
        "{:?}",
        profile.circle
    );
}

#[test]
fn a_photograph_of_another_size_is_the_same_view_scaled() {
    let twice = Target {
        width: 1280,
        height: 960,
        centre: (662.0, 472.0),
        radius: 420.0,
        ..CAMERA
    };
    let mut photograph = twice.photograph();
    CAMERA.profile().apply(&mut photograph).unwrap();
    let left = twice.unflat(&photograph);
    assert!(left < 0.01, "{left} is left");
}

#[test]
fn another_view_is_refused_and_left_as_it_was() {
    let mut wide = RgbImage::from_pixel(1920, 1080, Rgb([90; 3]));
    let before = wide.clone();
    let error = CAMERA.profile().apply(&mut wide).unwrap_err();
    assert!(error
        .to_string()
        .contains("640 x 480 pixels, and this one is 1920 x 1080"));
    assert!(wide == before);
    assert!(CAMERA.profile().apply(&mut RgbImage::new(0, 0)).is_err());
}

#[test]
fn what_was_clipped_stays_clipped() {
    let mut photograph = RgbImage::from_pixel(640, 480, Rgb([255, 255, 200]));
    CAMERA.profile().apply(&mut photograph).unwrap();
    let centre = photograph.get_pixel(331, 236).0;
    assert_eq!(centre[..2], [255, 255]);
    assert_eq!(centre[2], 255, "blue is brightened beyond white");
}

#[test]
fn frames_that_make_no_profile_are_refused_for_what_is_wrong() {
    use MeasureError::*;
    let said = |frames: &[RgbImage]| match CameraProfile::measure("demo", frames) {
        Err(ProfileError::Measure(error)) => error,
        other => panic!("{other:?}"),
    };
    let refused = |target: Target| said(&target.photographs());
    let with_last = |last: Target| {
        let mut frames = CAMERA.photographs();
        frames.push(last.photograph());
        said(&frames)
    };
    let dim = [60.0, 55.0, 45.0];
    let red = [220.0, 120.0, 15.0];
    let over = [320.0, 190.0, 130.0];
    let faint = CAMERA.white.map(|white| white * 0.6);
    let blank = vec![RgbImage::from_pixel(640, 480, Rgb([200; 3])); 3];

    assert!(matches!(said(&[]), TooFew { found: 0 }));
    assert!(matches!(
        said(&CAMERA.photographs()[..2]),
        TooFew { found: 2 }
    ));
    assert!(matches!(said(&blank), NoField { frame: 1 }));
    assert!(matches!(
        refused(Target {
            white: dim,
            ..CAMERA
        }),
        TooDark { frame: 1, .. }
    ));
    assert!(matches!(
        refused(Target {
            white: over,
            ..CAMERA
        }),
        Clipped { .. }
    ));
    assert!(matches!(
        refused(Target {
            noise: 40.0,
            white: faint,
            ..CAMERA
        }),
        Noisy { .. }
    ));
    assert!(matches!(
        refused(Target {
            shadow: 0.2,
            ..CAMERA
        }),
        Uneven { .. }
    ));
    assert!(matches!(
        refused(Target {
            white: red,
            ..CAMERA
        }),
        Coloured {
            channel: "blue",
            ..
        }
    ));
    assert!(matches!(
        refused(Target {
            centre: (331.0, 20.0),
            ..CAMERA
        }),
        CutField { .. }
    ));
    assert!(matches!(
        with_last(Target {
            height: 500,
            ..CAMERA
        }),
        OtherSize { frame: 5, .. }
    ));
    assert!(matches!(
        with_last(Target {
            centre: (315.0, 236.0),
            ..CAMERA
        }),
        Moved { frame: 5 }
    ));
    assert!(matches!(
        with_last(Target {
            white: faint,
            ..CAMERA
        }),
        Disagrees { frame: 5, .. }
    ));
    assert!(matches!(
        with_last(Target {
            shadow: 0.2,
            ..CAMERA
        }),
        Disagrees { frame: 5, .. }
    ));
}

#[test]
fn a_lens_that_no_camera_has_is_refused() {
    let steep = Target {
        falloff: 0.85,
        noise: 1.0,
        ..CAMERA
    };
    let error = CameraProfile::measure("demo", &steep.photographs()).unwrap_err();
    assert!(matches!(error, ProfileError::Value { field, .. } if field.contains("illumination")));
}

#[test]
fn a_profile_survives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.toml");
    let profile = CAMERA.profile();
    std::fs::write(&path, "an older profile").unwrap();
    profile.write(&path).unwrap();
    assert_eq!(CameraProfile::open(&path).unwrap(), profile);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let lost = folder.path().join("none.toml");
    let error = CameraProfile::open(&lost).unwrap_err().to_string();
    assert!(
        error.contains("none.toml") && error.contains("calibrate-camera"),
        "{error}"
    );
    let error = profile.write(&folder.path().join("no/c.toml")).unwrap_err();
    assert!(error.to_string().contains("no/c.toml"), "{error}");
}

#[test]
fn a_file_that_was_edited_beyond_sense_is_refused() {
    let text = CAMERA.profile().to_toml().unwrap();
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        let error = CameraProfile::parse(&text.replacen(from, to, 1)).unwrap_err();
        error.to_string()
    };
    for (from, to, said) in [
        ("format = 1", "format = 2", "format 2"),
        (
            "[circle]",
            "[circle]\nsquash = 1.0",
            "unknown field `squash`",
        ),
        ("cx = ", "cx = 9", "circle.cx"),
        ("radius = ", "radius = nan #", "circle.radius is NaN"),
        (
            "red = ",
            "red = 7.0 #",
            "white_balance.red is 7 but must be from 0.4 to 2.5",
        ),
        ("width = 640", "width = 0", "frame.width"),
        ("[1.0, ", "[0.2, ", "coefficients[0]"),
        ("[1.0, ", "[", "invalid length 14"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(said), "{error}");
        assert!(error.contains("calibrate the camera again"), "{error}");
    }
}
