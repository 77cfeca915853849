use image::{imageops, Rgb, RgbImage};

use super::*;
use fovea_render::{by_name, Moment, Scene, Setup};

/// Side of the drawn eye in a preview frame.
const SIDE: u32 = 680;

/// A preview frame of 1280 x 720 with `picture` in it at `(x, y)`.
fn frame(picture: &RgbImage, (x, y): (i64, i64)) -> RgbImage {
    let mut frame = RgbImage::new(1280, 720);
    imageops::overlay(&mut frame, picture, x, y);
    frame
}

fn preset(name: &str) -> RgbImage {
    by_name(name).expect("a preset").draw(2, SIDE)
}

/// What is told after a second of the same frame.
fn told(frame: &RgbImage) -> Guidance {
    let mut gate = LiveGate::new(LiveLimits::default());
    let mut look = |at| gate.look(frame, ms(at));
    (0..10).map(|i| look(100 * i)).last().expect("frames")
}

#[test]
fn every_picture_gets_its_instruction() {
    const MIDDLE: (i64, i64) = (300, 20);
    let healthy = preset("healthy");
    let far = imageops::thumbnail(&healthy, 260, 260);
    let cases = [
        ("healthy", frame(&healthy, MIDDLE), Instruction::Ready),
        ("far", frame(&far, (510, 230)), Instruction::Closer),
        ("aside", frame(&healthy, (60, 20)), Instruction::Centre),
        ("cut", frame(&healthy, (300, 360)), Instruction::Centre),
        (
            "nothing",
            RgbImage::from_pixel(1280, 720, Rgb([3, 2, 2])),
            Instruction::LookForEye,
        ),
    ];
    for (what, frame, instruction) in cases {
        let told = told(&frame);
        assert_eq!(told.instruction, instruction, "{what}: {told:?}");
        assert_eq!(told.good, instruction == Instruction::Ready, "{what}");
    }
    for (name, instruction) in [
        ("severe_npdr", Instruction::Ready),
        ("dark", Instruction::TooDark),
        ("bright", Instruction::TooBright),
        ("blurred", Instruction::Blurred),
        ("cataract", Instruction::Blurred),
        ("wall", Instruction::NotRetina),
        ("white_frame", Instruction::TooBright),
    ] {
        let told = told(&frame(&preset(name), MIDDLE));
        assert_eq!(told.instruction, instruction, "{name}: {told:?}");
    }
}

fn eye() -> Setup {
    Setup::new(
        &Scene {
            size: SIDE,
            ..Scene::default()
        },
        0.05,
    )
}

#[test]
fn motion_is_told_from_light_and_noise() {
    let eye = eye();
    let start = eye.photograph(&Moment::default());
    let speed_to = |moment: Moment| {
        let mut assessor = Assessor::new();
        assert_eq!(assessor.assess(&start, ms(0)).motion, None);
        let later = eye.photograph(&Moment { frame: 1, ..moment });
        assessor.assess(&later, ms(100)).motion.expect("a speed")
    };
    let still = speed_to(Moment::default());
    let flicker = speed_to(Moment {
        exposure: 0.1,
        ..Moment::default()
    });
    assert!(still < 0.02 && flicker < 0.03, "{still} {flicker}");
    // A hundredth of the picture in a tenth of a second: the field is a little
    // smaller than the picture.
    for shift in [[0.01, 0.0], [0.0, -0.01], [0.007, 0.007]] {
        let speed = speed_to(Moment {
            shift,
            ..Moment::default()
        });
        assert!((0.08..0.14).contains(&speed), "{shift:?}: {speed}");
    }
    let jerk = speed_to(Moment {
        shift: [0.04, 0.0],
        ..Moment::default()
    });
    assert!(jerk > 0.25, "{jerk}");
}

#[test]
fn speed_is_not_known_across_a_gap() {
    let picture = preset("healthy");
    let mut assessor = Assessor::new();
    let mut motion = |at| assessor.assess(&picture, ms(at)).motion;
    assert_eq!([motion(0), motion(40)], [None, None], "too near");
    assert_eq!([motion(120), motion(160)], [Some(0.0), Some(0.0)]);
    assert_eq!(motion(5000), None);
    assert_eq!(motion(5100), Some(0.0));
}

#[test]
fn the_finer_focus_sees_a_little_defocus() {
    let eye = eye();
    let mut last = f32::MAX;
    let mut seen = Vec::new();
    for defocus in [0.0, 0.1, 0.2, 0.4] {
        let picture = eye.photograph(&Moment {
            defocus,
            ..Moment::default()
        });
        let now = Assessor::new().assess(&picture, ms(0));
        assert!(now.focus < last, "{defocus}: {} after {last}", now.focus);
        last = now.focus;
        seen.push((now.focus, now.measures.sharpness));
    }
    let left = |part: fn(&(f32, f32)) -> f32| part(&seen[1]) / part(&seen[0]);
    assert!(left(|s| s.0) < 0.6, "{seen:?}");
    assert!(left(|s| s.1) > 0.75, "{seen:?}");
}

#[test]
fn any_frame_gives_finite_measures() {
    let mut gate = LiveGate::new(LiveLimits::default());
    for (i, (width, height)) in [(0, 0), (1, 1), (3, 900), (1280, 2), (64, 48)]
        .into_iter()
        .enumerate()
    {
        let frame = RgbImage::from_pixel(width, height, Rgb([90, 40, 20]));
        let seen = gate.look(&frame, ms(200 * i as u64));
        let assessment = seen.assessment;
        let numbers = [
            assessment.size,
            assessment.focus,
            assessment.shade,
            assessment.motion.unwrap_or(0.0),
            assessment.retina,
            seen.bars.focus,
            seen.bars.light,
            seen.bars.field,
            seen.bars.steady,
        ];
        assert!(
            numbers.iter().all(|n| n.is_finite()),
            "{width} x {height}: {seen:?}"
        );
    }
}
