//! The emulated camera: pictures held in front of it, and that it shows what is
//! held.

use std::path::Path;

use fovea_tests::qemu::{self, Machine, Setup, Share};
use image::RgbImage;

use crate::rig::{SCREEN, SOON};

/// What the camera sends.
pub const FRAME: (u32, u32) = (1280, 720);

/// The photograph of a preset in the middle of a camera's black frame.
pub fn frame(preset: &str, seed: u64) -> RgbImage {
    let preset = fovea_render::by_name(preset).expect("a preset");
    let photograph = preset.draw(seed, FRAME.1);
    let mut frame = RgbImage::new(FRAME.0, FRAME.1);
    let left = i64::from((FRAME.0 - FRAME.1) / 2);
    image::imageops::replace(&mut frame, &photograph, left, 0);
    frame
}

/// Loops the output device to the camera: [`show`] then holds pictures in front of it.
pub fn loop_back(machine: &mut Machine, camera: &str, output: &str) -> qemu::Result<()> {
    // Refused while the camera is in use.
    machine.run(&format!("vivid {output} slow; vivid {camera} slow"), SOON)?;
    for control in ["'OSD Text Mode' 2", "'Loop Video' 1"] {
        machine.ask(&format!("vivid {camera} set {control}"), SOON)?;
    }
    Ok(())
}

/// Holds a picture of the share in front of the camera, in the stead of the one before.
pub fn show(machine: &mut Machine, output: &str, picture: &str) -> qemu::Result<()> {
    let from = machine.console().len();
    let picture = format!("/host/{picture}");
    let show = format!("vivid {output} show {picture} >/dev/console 2>&1");
    machine.run(&format!("killall vivid; ({show} &)"), SOON)?;
    machine
        .console()
        .wait_for(&format!("vivid: shows {picture}"), from, SOON)?;
    Ok(())
}

/// What the configuration sets the camera's gain to.
const GAIN: &str = "77";

/// Turns the gain away from where the configuration has it.
pub fn detune(machine: &mut Machine, camera: &str) -> qemu::Result<()> {
    let detune = format!("vivid {camera} set Gain 10");
    machine.ask(&detune, SOON).map(drop)
}

/// The camera has the gain that the configuration sets, and no longer decides it itself.
pub fn assert_tuned(machine: &mut Machine, camera: &str) -> qemu::Result<()> {
    let gain = format!("vivid {camera} get Gain && vivid {camera} get 'Gain, Automatic'");
    assert_eq!(machine.ask(&gain, SOON)?, format!("{GAIN}\n0"));
    Ok(())
}

#[test]
fn a_photograph_passes_through_the_kernel_unchanged() -> qemu::Result<()> {
    let Some(parts) = qemu::parts("a_photograph_passes_through_the_kernel_unchanged") else {
        return Ok(());
    };
    let share = Share::new()?;
    share.add_program(Path::new(env!("CARGO_BIN_EXE_vivid")))?;
    let setup = Setup {
        share: &share,
        disks: &[],
        camera: true,
        screen: SCREEN,
    };
    let mut machine = Machine::boot(parts, &setup)?;
    loop_back(&mut machine, "/dev/video0", "/dev/video1")?;
    for (preset, seed) in [("healthy", 1), ("moderate_npdr", 2)] {
        let held = frame(preset, seed);
        held.save(share.path("held.png"))?;
        show(&mut machine, "/dev/video1", "held.png")?;
        machine.ask("vivid /dev/video0 photograph /host/seen.png", SOON)?;
        let seen = image::open(share.path("seen.png"))?.into_rgb8();
        assert!(seen == held, "{preset}");
    }
    Ok(())
}
