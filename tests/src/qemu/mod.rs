//! A real Linux kernel on an emulated machine, for what no simulation can vouch
//! for: V4L2, DRM, evdev and a file system that loses its power.
//!
//! [`Parts::get`] brings QEMU, Debian's kernel and busybox together below
//! `target/`; nothing of them is committed, and the kernel is never installed.
//! A [`Share`] is the folder that host and machine both see: programs go in,
//! logs and pictures come out. [`Machine::boot`] starts the kernel in software
//! emulation (no KVM, so that it runs inside a container too) and hands back a
//! machine that obeys shell commands, shows its screen, takes key strokes and
//! can be cut off at any moment. A [`Disk`] is an ext4 image that forgets, when
//! the power goes, what it was never told to keep.
//!
//! Every wait has a deadline, and dropping a machine ends its QEMU.

mod console;
mod disk;
mod failure;
mod initramfs;
mod machine;
mod modules;
mod parts;
mod power;
mod qmp;
mod share;
mod shell;

pub use console::Console;
pub use disk::Disk;
pub use failure::{Failure, Result};
pub use machine::{Machine, Setup};
pub use parts::Parts;
pub use power::Fate;
pub use share::Share;
pub use shell::Answer;

use crate::say;

/// The parts, or `None` with the reason said where they cannot be had: not
/// every machine is a Debian with a network. `test` is what is skipped.
///
/// # Panics
/// The parts cannot be had and `FOVEA_CUTS` is set: who asks for a soak must
/// not be told that all is well when nothing ran.
pub fn parts(test: &str) -> Option<&'static Parts> {
    static PARTS: std::sync::OnceLock<Result<Parts>> = std::sync::OnceLock::new();
    match PARTS.get_or_init(|| Parts::get(&crate::root().join("target/qemu"))) {
        Ok(parts) => Some(parts),
        Err(failure) if std::env::var_os("FOVEA_CUTS").is_some() => panic!("{test}: {failure}"),
        Err(failure) => {
            say(&format!("{test}: skipped, {failure}"));
            None
        }
    }
}
