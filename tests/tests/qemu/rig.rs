//! What the tests share: the device in a machine, and what it says.

use std::path::Path;
use std::time::{Duration, Instant};

use fovea_tests::qemu::{self, Disk, Machine, Parts, Setup, Share};
use fovea_tests::{fovea, root};
use image::RgbImage;

/// For a command that has nothing to wait for.
pub const SOON: Duration = Duration::from_secs(30);

/// For all that the device may be busy with: what takes a second on a small computer takes ten in
/// emulation, and the student minutes where others are at work.
pub const PATIENCE: Duration = Duration::from_secs(900);

pub const SCREEN: (u32, u32) = (800, 480);

/// What the device's log says, on standard error.
pub mod says {
    /// An exam may begin.
    pub const STARTED: &str = "the student is loaded";
    /// An exam is on the disk.
    pub const SAVED: &str = "an exam was saved";
    /// The camera sends no pictures; the reason follows.
    pub const LOST: &str = "the camera is lost";
    /// The camera sends pictures, again or for the first time.
    pub const LIVE: &str = "the camera shows pictures";

    /// A photograph's verdict is on the screen.
    pub const VERDICT: &str = "a verdict is shown";

    /// Nothing was ever kept here.
    pub const NO_STORE: &str = "there is no store in";

    /// The exam has come to this stage.
    pub fn stage(name: &str) -> String {
        format!("stage state=\"{name}\"")
    }
}

/// A share that holds the device, the hand that works the camera, and the configuration.
pub fn share() -> qemu::Result<Share> {
    let share = Share::new()?;
    share.add_program(Path::new(fovea().get_program()))?;
    share.add_program(Path::new(env!("CARGO_BIN_EXE_vivid")))?;
    share.write("fovea.toml", include_bytes!("fovea.toml"))?;
    Ok(share)
}

/// A machine whose disks are mounted at `/disk/vda`, `/disk/vdb` and so on.
pub fn boot(parts: &Parts, share: &Share, camera: bool, disks: &[&Disk]) -> qemu::Result<Machine> {
    let setup = Setup {
        share,
        disks,
        camera,
        screen: SCREEN,
    };
    let mut machine = Machine::boot(parts, &setup)?;
    for disk in names(disks.len()) {
        let mount = format!("mkdir -p /disk/{disk} && mount -t ext4 /dev/{disk} /disk/{disk}");
        machine.ask(&mount, SOON)?;
    }
    Ok(machine)
}

/// The disks of a machine, as its kernel calls them.
pub fn names(count: usize) -> impl Iterator<Item = String> {
    ('a'..='z').take(count).map(|letter| format!("vd{letter}"))
}

/// Starts the device in a machine, until an exam may begin; what it says is heard on the console.
pub fn run(machine: &mut Machine, arguments: &str) -> qemu::Result<()> {
    let from = machine.console().len();
    let device = format!("fovea run --config /host/fovea.toml --display drm {arguments}");
    // Through a pipe, because a log on a terminal has colours.
    let aloud = format!("({device} 2>&1 | cat >/dev/console &)");
    machine.ask(&aloud, SOON)?;
    machine.console().wait_for(says::STARTED, from, PATIENCE)?;
    Ok(())
}

/// Presses keys on the machine's keyboard, one after the other, until the device says `answer`.
pub fn press(machine: &mut Machine, keys: &[&str], answer: &str) -> qemu::Result<()> {
    let from = machine.console().len();
    for (number, key) in keys.iter().enumerate() {
        if number > 0 {
            // One after the other: what a busy machine takes in at once would be a scanned code.
            std::thread::sleep(Duration::from_secs(1));
        }
        machine.press(key)?;
    }
    machine.console().wait_for(answer, from, PATIENCE)?;
    Ok(())
}

/// Photographs the screen until `enough`; every picture of it is handed to that.
///
/// # Panics
/// It is not enough within `limit`.
pub fn watch(
    machine: &mut Machine,
    limit: Duration,
    mut enough: impl FnMut(&Machine, &RgbImage) -> bool,
) -> qemu::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let screen = machine.screen()?;
        if enough(machine, &screen) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let kept = root().join("target/qemu/screen.png");
            screen.save(&kept)?;
            panic!(
                "not within {limit:?}: the screen is kept in {}, the console says\n{}",
                kept.display(),
                machine.console().tail()
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
