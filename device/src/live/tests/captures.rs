use super::*;
use crate::exam::words::Eye;

fn guidance(instruction: Instruction, good: bool) -> Guidance {
    let assessment = super::good();
    Guidance {
        assessment,
        instruction,
        good,
        bars: Bars::of(&assessment, &LiveLimits::default()),
    }
}

const NEVER: [u64; 0] = [];

/// Feeds frames of a kind from one time to another, 25 a second, and says when
/// the shutter was released.
fn feed(
    auto: &mut AutoCapture,
    eye: Eye,
    kind: &Guidance,
    times: std::ops::Range<u64>,
) -> Vec<u64> {
    times
        .step_by(40)
        .filter(|&at| auto.hear(eye, kind, ms(at)))
        .collect()
}

fn a_second() -> AutoCapture {
    AutoCapture::new(Duration::from_secs(1))
}

#[test]
fn a_picture_that_stays_good_is_taken_once() {
    let mut auto = a_second();
    let ready = guidance(Instruction::Ready, true);
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 0..600), NEVER);
    assert!((auto.progress() - 0.56).abs() < 0.01, "{}", auto.progress());
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 600..5000), [1000]);
    assert_eq!(auto.progress(), 0.0);
}

#[test]
fn after_a_capture_the_picture_must_have_been_bad() {
    let mut auto = a_second();
    let ready = guidance(Instruction::Ready, true);
    let blink = guidance(Instruction::Ready, false);
    let blurred = guidance(Instruction::Blurred, false);
    feed(&mut auto, Eye::Right, &ready, 0..1040);
    feed(&mut auto, Eye::Right, &blink, 1040..1200);
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 1200..4000), NEVER);
    feed(&mut auto, Eye::Right, &blurred, 4000..4040);
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 4040..6000), [5040]);
}

#[test]
fn an_eye_that_still_sits_there_is_not_taken_as_the_other() {
    let ready = guidance(Instruction::Ready, true);
    let away = guidance(Instruction::LookForEye, false);
    // Whether it was taken or not.
    for until in [1040, 600] {
        let mut auto = a_second();
        feed(&mut auto, Eye::Right, &ready, 0..until);
        assert_eq!(feed(&mut auto, Eye::Left, &ready, until..5000), NEVER);
        assert_eq!(auto.progress(), 0.0);
        feed(&mut auto, Eye::Left, &away, 5000..5040);
        assert_eq!(feed(&mut auto, Eye::Left, &ready, 5040..7000), [6040]);
    }
}

#[test]
fn the_next_patient_arms_it_for_either_eye() {
    let mut auto = a_second();
    let ready = guidance(Instruction::Ready, true);
    for (eye, at) in [(Eye::Left, 0), (Eye::Left, 2000), (Eye::Right, 4000)] {
        auto.arm();
        let taken = feed(&mut auto, eye, &ready, at..at + 2000);
        assert_eq!(taken, [at + 1000]);
    }
}

#[test]
fn what_the_operator_took_is_not_taken_again() {
    let mut auto = a_second();
    let ready = guidance(Instruction::Ready, true);
    feed(&mut auto, Eye::Right, &ready, 0..600);
    auto.disarm();
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 2000..5000), NEVER);
}

#[test]
fn time_does_not_count_while_frames_are_bad_or_missing() {
    let mut auto = a_second();
    let ready = guidance(Instruction::Ready, true);
    feed(&mut auto, Eye::Right, &ready, 0..800);
    let blink = guidance(Instruction::Ready, false);
    feed(&mut auto, Eye::Right, &blink, 800..840);
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 840..1600), NEVER);
    // The camera stalls; what was before says nothing of now.
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 2400..3000), NEVER);
    assert_eq!(feed(&mut auto, Eye::Right, &ready, 3000..4000), [3400]);
}
