//! A white target before the camera becomes its profile.

use fovea_core::profile::CameraProfile;
use fovea_tests::qemu::{self, Disk};
use image::{Rgb, RgbImage};

use crate::camera::{assert_tuned, detune, loop_back, show, FRAME};
use crate::rig::{boot, share, PATIENCE, SOON};

/// What the emulated lamp and sensor make of white.
const WHITE: [f32; 3] = [220.0, 180.0, 120.0];

/// Of the field of view, in pixels.
const RADIUS: f32 = 340.0;

/// Share of the light that is lost at the field's rim.
const FALL: f32 = 0.3;

#[test]
fn a_white_target_becomes_the_cameras_profile() -> qemu::Result<()> {
    let Some(parts) = qemu::parts("a_white_target_becomes_the_cameras_profile") else {
        return Ok(());
    };
    let share = share()?;
    target().save(share.path("target.png"))?;
    RgbImage::new(FRAME.0, FRAME.1).save(share.path("dark.png"))?;
    let disk = Disk::new(64)?;
    let mut machine = boot(parts, &share, true, &[&disk])?;
    loop_back(&mut machine, "/dev/video0", "/dev/video1")?;
    detune(&mut machine, "/dev/video0")?;

    // A lens cap is no target, and leaves no profile.
    show(&mut machine, "/dev/video1", "dark.png")?;
    let calibrate = "fovea calibrate-camera --config /host/fovea.toml --camera v4l:/dev/video0 \
                     --profile /disk/vda/camera.toml";
    let refused = machine.run(calibrate, PATIENCE)?;
    assert_eq!(refused.status, 2, "{}", refused.text);
    assert!(
        refused.text.contains("frame 1 shows no round field"),
        "{}",
        refused.text
    );
    machine.ask("! ls /disk/vda/camera.toml", SOON)?;

    show(&mut machine, "/dev/video1", "target.png")?;
    machine.ask(calibrate, PATIENCE)?;
    assert_tuned(&mut machine, "/dev/video0")?;
    let profile = machine.ask("cat /disk/vda/camera.toml", SOON)?;
    let profile = CameraProfile::parse(&profile).expect("a profile");

    let near = |found: f32, expected: f32| (found / expected - 1.0).abs() < 0.01;
    let [red, green, blue] = WHITE;
    assert!(near(profile.white_balance.red, green / red), "{profile:?}");
    assert!(
        near(profile.white_balance.blue, green / blue),
        "{profile:?}"
    );
    assert!(near(profile.circle.radius, RADIUS), "{profile:?}");
    // Undone, the field is as even as eight bits can be.
    let mut target = target();
    profile
        .apply(&mut target)
        .expect("a photograph of this camera");
    let (x, y) = (FRAME.0 / 2, FRAME.1 / 2);
    let middle = target.get_pixel(x, y).0;
    let rim = target.get_pixel(x + (0.9 * RADIUS) as u32, y).0;
    for value in middle.into_iter().chain(rim) {
        assert!(value.abs_diff(middle[1]) <= 3, "{middle:?}, {rim:?}");
    }
    Ok(())
}

/// White paper close before the lens.
fn target() -> RgbImage {
    let middle = (FRAME.0 as f32 / 2.0, FRAME.1 as f32 / 2.0);
    RgbImage::from_fn(FRAME.0, FRAME.1, |x, y| {
        let (u, v) = (x as f32 + 0.5 - middle.0, y as f32 + 0.5 - middle.1);
        let r = (u * u + v * v) / (RADIUS * RADIUS);
        let light = if r < 1.0 { 1.0 - FALL * r } else { 0.0 };
        Rgb(WHITE.map(|value| (value * light).round() as u8))
    })
}
