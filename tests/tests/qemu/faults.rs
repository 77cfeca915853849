//! A camera that fails in every way its driver can bring about.

use fovea_tests::qemu::{self, Disk, Machine};
use image::{Rgb, RgbImage};

use crate::camera::{assert_tuned, detune, loop_back, show, FRAME};
use crate::rig::{boot, press, run, says, share, watch, PATIENCE, SOON};

/// Held in front of the camera in turn; neither is a colour of the device's own.
const CARDS: [(&str, Rgb<u8>); 2] = [
    ("blue.png", Rgb([20, 40, 200])),
    ("magenta.png", Rgb([200, 20, 180])),
];

/// How far a colour may be off on the screen, a channel.
const NEAR: u8 = 24;

/// The faults, each by the controls that bring it about, in this order. After a fatal one the
/// stream must be begun anew, which the control before it forbids once.
const FAULTS: &[&[&str]] = &[
    &["'Inject VIDIOC_QBUF Error' 1"],
    &["'Inject Fatal Streaming Error' 1"],
    &[
        "'Inject VIDIOC_STREAMON Error' 1",
        "'Inject Fatal Streaming Error' 1",
    ],
    &[
        "'Inject VIDIOC_REQBUFS Error' 1",
        "'Inject Fatal Streaming Error' 1",
    ],
];

#[test]
fn camera_faults_are_said_and_survived() -> qemu::Result<()> {
    let Some(parts) = qemu::parts("camera_faults_are_said_and_survived") else {
        return Ok(());
    };
    let share = share()?;
    for (card, colour) in CARDS {
        RgbImage::from_pixel(FRAME.0, FRAME.1, colour).save(share.path(card))?;
    }
    let disk = Disk::new(256)?;
    let mut machine = boot(parts, &share, true, &[&disk])?;
    loop_back(&mut machine, "/dev/video0", "/dev/video1")?;
    show(&mut machine, "/dev/video1", CARDS[0].0)?;
    run(&mut machine, "--camera v4l:/dev/video0")?;
    press(&mut machine, &["ret"], &says::stage("patient"))?;
    press(&mut machine, &["ret"], &says::stage("live right"))?;
    sees(&mut machine, CARDS[0].1)?;

    // A damaged picture is left out, and no more said of it: the live view goes on.
    let from = machine.console().len();
    set(&mut machine, "'Inject V4L2_BUF_FLAG_ERROR' 1")?;
    show(&mut machine, "/dev/video1", CARDS[1].0)?;
    sees(&mut machine, CARDS[1].1)?;
    let said = machine.console().lines().split_off(from);
    assert!(
        !said.iter().any(|line| line.contains(says::LOST)),
        "{said:#?}"
    );
    // The card changes each time: a picture that stands still is no live view.
    let mut cards = CARDS.iter().cycle();
    detune(&mut machine, "/dev/video0")?;
    for controls in FAULTS {
        let from = machine.console().len();
        for control in *controls {
            set(&mut machine, control)?;
        }
        machine.console().wait_for(says::LOST, from, PATIENCE)?;
        comes_back(&mut machine, from, "/dev/video1", cards.next())?;
    }

    // Whatever happened to the camera, it is set anew when it is opened anew.
    assert_tuned(&mut machine, "/dev/video0")?;
    detune(&mut machine, "/dev/video0")?;

    // Every picture is dropped: the camera is there and sends nothing.
    let from = machine.console().len();
    set(&mut machine, "'Percentage of Dropped Buffers' 100")?;
    machine.console().wait_for(says::LOST, from, PATIENCE)?;
    let from = machine.console().len();
    set(&mut machine, "'Percentage of Dropped Buffers' 0")?;
    comes_back(&mut machine, from, "/dev/video1", cards.next())?;
    assert_tuned(&mut machine, "/dev/video0")?;

    // Unplugged for a moment: the driver has it back when nobody holds it any more.
    let from = machine.console().len();
    set(&mut machine, "Disconnect 1")?;
    machine.ask("killall vivid", SOON)?;
    machine.console().wait_for(says::LOST, from, PATIENCE)?;
    comes_back(&mut machine, from, "/dev/video1", cards.next())?;

    // Unplugged, and plugged in again under other numbers.
    let from = machine.console().len();
    unplug(&mut machine)?;
    machine.console().wait_for(says::LOST, from, PATIENCE)?;
    plug_in(&mut machine, 6, 7)?;
    loop_back(&mut machine, "/dev/video6", "/dev/video7")?;
    comes_back(&mut machine, from, "/dev/video7", cards.next())?;
    assert_tuned(&mut machine, "/dev/video6")
}

/// The device says so, and shows what is held in front of the camera then.
fn comes_back(
    machine: &mut Machine,
    from: usize,
    output: &str,
    card: Option<&(&str, Rgb<u8>)>,
) -> qemu::Result<()> {
    machine.console().wait_for(says::LIVE, from, PATIENCE)?;
    let (picture, colour) = card.expect("a cycle has no end");
    show(machine, output, picture)?;
    sees(machine, *colour)
}

fn set(machine: &mut Machine, control: &str) -> qemu::Result<()> {
    machine
        .ask(&format!("vivid /dev/video0 set {control}"), SOON)
        .map(drop)
}

/// Takes the device away from its driver, whoever has it open.
fn unplug(machine: &mut Machine) -> qemu::Result<()> {
    let unbind = "killall vivid; echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind";
    machine.ask(unbind, SOON).map(drop)
}

/// Loads the driver anew with these numbers, as soon as nobody holds the old device any more.
fn plug_in(machine: &mut Machine, camera: u32, output: u32) -> qemu::Result<()> {
    let parameters = "$(sed -n 's/^vivid //p' /modules)";
    let load = format!(
        "until rmmod vivid; do sleep 1; done; \
         insmod /modules.d/vivid.ko {parameters} vid_cap_nr={camera} vid_out_nr={output}"
    );
    machine.ask(&load, PATIENCE).map(drop)
}

/// Waits until much of the screen has this colour: the live view shows what the camera sees.
fn sees(machine: &mut Machine, colour: Rgb<u8>) -> qemu::Result<()> {
    watch(machine, PATIENCE, |_, screen| {
        let near = |pixel: &&Rgb<u8>| {
            let channels = pixel.0.iter().zip(colour.0);
            channels.into_iter().all(|(a, b)| a.abs_diff(b) <= NEAR)
        };
        let seen = screen.pixels().filter(near).count();
        seen * 8 > screen.pixels().len()
    })
}
