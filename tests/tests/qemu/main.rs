//! The device on a real kernel: Debian's own, on an emulated machine, with a
//! V4L2 camera, a DRM screen, and a disk whose power can go.

mod calibrate;
mod camera;
mod exam;
mod faults;
mod power;
mod rig;
