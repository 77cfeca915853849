use super::*;

/// What a guide that has heard `seen` for a second shows.
fn told(seen: &Assessment) -> Instruction {
    let mut guide = Guide::new(LiveLimits::default());
    for at in (0..1000).step_by(40) {
        guide.hear(seen, ms(at));
    }
    guide.shown()
}

fn with(change: impl FnOnce(&mut Assessment)) -> Assessment {
    let mut seen = good();
    change(&mut seen);
    seen
}

#[test]
fn every_fault_has_its_instruction() {
    let cases = [
        (with(|_| {}), Instruction::Ready),
        (with(|s| s.retina = 0.0), Instruction::NotRetina),
        (with(|s| s.size = 0.3), Instruction::Closer),
        (
            with(|s| s.measures.field_coverage = 0.4),
            Instruction::Centre,
        ),
        (with(|s| s.measures.off_centre = 0.5), Instruction::Centre),
        (with(|s| s.shade = 0.4), Instruction::Centre),
        (with(|s| s.measures.mean_luma = 0.1), Instruction::TooDark),
        (with(|s| s.measures.mean_luma = 0.8), Instruction::TooBright),
        (
            with(|s| s.measures.bright_share = 0.1),
            Instruction::TooBright,
        ),
        (with(|s| s.motion = Some(0.5)), Instruction::HoldStill),
        (with(|s| s.focus = 0.003), Instruction::Blurred),
        (with(|s| s.measures.contrast = 0.01), Instruction::Blurred),
    ];
    for (seen, instruction) in cases {
        assert_eq!(told(&seen), instruction, "{seen:?}");
    }
    let black = with(|s| {
        s.measures.field_shape = FieldShape::None;
        s.measures.mean_luma = 0.01;
        s.retina = 0.0;
    });
    assert_eq!(told(&black), Instruction::LookForEye);
}

#[test]
fn of_several_faults_the_first_to_mend_is_told() {
    let hand = with(|s| {
        s.retina = 0.0;
        s.focus = 0.001;
        s.motion = Some(1.0);
    });
    assert_eq!(told(&hand), Instruction::NotRetina);
    let shaken = with(|s| {
        s.focus = 0.001;
        s.motion = Some(1.0);
    });
    assert_eq!(told(&shaken), Instruction::HoldStill);
}

#[test]
fn colour_is_not_asked_for_where_there_is_none_to_see() {
    let dim = with(|s| {
        s.measures.mean_luma = 0.02;
        s.retina = 0.0;
    });
    assert_eq!(told(&dim), Instruction::TooDark);
}

#[test]
fn a_measure_at_its_limit_does_not_flicker() {
    let mut guide = Guide::new(LiveLimits::default());
    let between = |focus| with(|s| s.focus = focus);
    let mut changes = 0;
    let mut last = None;
    for (i, focus) in [0.0070, 0.0079].into_iter().cycle().take(100).enumerate() {
        let now = guide.hear(&between(focus), ms(40 * i as u64));
        changes += usize::from(last.is_some_and(|last| last != now));
        last = Some(now);
    }
    assert_eq!((changes, last), (0, Some(Instruction::Ready)));
    // Once blurred, the same values are not good enough any more.
    guide.hear(&between(0.004), ms(5000));
    assert_eq!(guide.hear(&between(0.0079), ms(5040)), Instruction::Blurred);
    assert_eq!(guide.hear(&between(0.0081), ms(5080)), Instruction::Ready);
}

#[test]
fn a_blink_changes_nothing_and_a_lasting_fault_does() {
    let mut guide = Guide::new(LiveLimits::default());
    for at in (0..1000).step_by(40) {
        guide.hear(&good(), ms(at));
    }
    let lid = with(|s| s.measures.mean_luma = 0.08);
    for at in (1000..1280).step_by(40) {
        assert_eq!(guide.hear(&lid, ms(at)), Instruction::TooDark);
        assert_eq!(guide.shown(), Instruction::Ready);
    }
    guide.hear(&good(), ms(1280));
    for at in (1320..1720).step_by(40) {
        guide.hear(&lid, ms(at));
        assert_eq!(guide.shown(), Instruction::Ready);
    }
    guide.hear(&lid, ms(1720));
    assert_eq!(guide.shown(), Instruction::TooDark);
}

#[test]
fn bars_reach_their_limit_where_a_frame_becomes_good() {
    let limits = LiveLimits::default();
    let bars = |seen: &Assessment| Bars::of(seen, &limits);
    let good = bars(&good());
    for bar in [good.focus, good.light, good.field, good.steady] {
        assert!((BAR_LIMIT..=1.0).contains(&bar), "{good:?}");
    }
    let near = |bar: f32| (bar - BAR_LIMIT).abs() < 1e-5;
    assert!(near(bars(&with(|s| s.focus = 0.008)).focus));
    assert!(near(bars(&with(|s| s.motion = Some(0.06))).steady));
    assert!(near(bars(&with(|s| s.measures.mean_luma = 0.18)).light));
    assert!(near(bars(&with(|s| s.measures.mean_luma = 0.72)).light));
    assert!(near(bars(&with(|s| s.measures.off_centre = 0.2)).field));
    assert_eq!(bars(&with(|s| s.motion = Some(9.0))).steady, 0.0);
}
