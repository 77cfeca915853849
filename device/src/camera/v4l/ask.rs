//! Two questions to a driver that the `v4l` crate asks, but panics on answers
//! it does not expect: names that are no UTF-8 (a product name cut in the
//! middle of a character), kinds of controls newer than the crate.

use std::ffi::c_void;
use std::io;
use std::mem;

use ::v4l::capability::Flags;
use ::v4l::device::Device;
use ::v4l::v4l2::{self, vidioc};
use ::v4l::v4l_sys::{v4l2_capability, v4l2_query_ext_ctrl};

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The product's name.
    pub card: String,
    /// Where it is plugged in.
    pub bus: String,
}

/// What a device sends, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    Pictures,
    /// Pictures by the multi-planar interface alone.
    Planes,
    NoPictures,
}

impl Sends {
    /// By the capabilities of one of the driver's nodes.
    fn of(flags: Flags) -> Sends {
        if flags.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
            Sends::Pictures
        } else if flags.contains(Flags::VIDEO_CAPTURE_MPLANE) {
            Sends::Planes
        } else {
            Sends::NoPictures
        }
    }
}

/// What the device is and sends.
///
/// # Errors
/// The driver's own.
pub fn identity(device: &Device) -> io::Result<(Identity, Sends)> {
    // SAFETY: the structure is plain numbers and bytes; the driver fills the
    // one that this request is defined for.
    let answer = unsafe {
        let mut answer: v4l2_capability = mem::zeroed();
        ask(device, vidioc::VIDIOC_QUERYCAP, &mut answer)?;
        answer
    };
    // One driver may serve several nodes; `device_caps` speaks of this one.
    let flags = Flags::from(answer.device_caps);
    let identity = Identity {
        card: text(&answer.card),
        bus: text(&answer.bus_info),
    };
    Ok((identity, Sends::of(flags)))
}

/// What the driver says of the control `id`; an error where it has none.
///
/// # Errors
/// The driver's own.
pub fn control(device: &Device, id: u32) -> io::Result<v4l2_query_ext_ctrl> {
    // SAFETY: as above.
    unsafe {
        let mut answer: v4l2_query_ext_ctrl = mem::zeroed();
        answer.id = id;
        ask(device, vidioc::VIDIOC_QUERY_EXT_CTRL, &mut answer)?;
        Ok(answer)
    }
}

/// # Safety
/// `answer` must be the structure that `request` is defined for.
unsafe fn ask<T>(device: &Device, request: vidioc::_IOC_TYPE, answer: &mut T) -> io::Result<()> {
    v4l2::ioctl(
        device.handle().fd(),
        request,
        std::ptr::from_mut(answer).cast::<c_void>(),
    )
}

/// The text before the first zero, whatever its encoding.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sends_pictures_in_planes_only_is_told_from_what_sends_none() {
        let sends = |flags: u32| Sends::of(Flags::from(flags));
        // V4L2_CAP_VIDEO_CAPTURE, _VIDEO_CAPTURE_MPLANE, _META_CAPTURE, _STREAMING.
        let (single, planar, meta, streaming) = (0x1, 0x1000, 0x80_0000, 0x400_0000);
        assert_eq!(sends(single | streaming), Sends::Pictures);
        assert_eq!(sends(single | planar | streaming), Sends::Pictures);
        assert_eq!(sends(planar | streaming), Sends::Planes);
        assert_eq!(sends(meta | streaming), Sends::NoPictures);
        assert_eq!(sends(single), Sends::NoPictures);
    }

    #[test]
    fn a_name_cut_in_the_middle_of_a_character_is_still_a_name() {
        assert_eq!(text(b"HD Camera\0\0\0"), "HD Camera");
        let cut = &"Webcam é".as_bytes()[..8];
        assert_eq!(text(cut), "Webcam \u{fffd}");
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn what_is_no_video_device_answers_with_an_error() {
        let null = Device::with_path("/dev/null").unwrap();
        assert!(identity(&null).is_err());
        assert!(control(&null, 0x0098_0913).is_err());
    }
}
