//! Which of the machine's video devices is the camera.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ::v4l::device::Device;

use super::ask::{self, Identity, Sends};
use super::modes;
use crate::camera::error::{CameraError, DriverTask};

/// A device that sends pictures, opened.
pub struct Found {
    pub place: PathBuf,
    pub device: Device,
    pub identity: Identity,
}

/// Opens the device that was named, or else the first that can be used.
///
/// `known` is the camera that was in use before, if any. Unplugged and plugged
/// in again it may come back under another number, and what is at the old one
/// may be something else: so the same product is looked for everywhere, at its
/// old socket first.
///
/// # Errors
/// When there is none, or the one that was named cannot be opened.
pub fn find(wanted: Option<&Path>, known: Option<&Identity>) -> Result<Found, CameraError> {
    let named = wanted.map(try_open);
    let Some(known) = known else {
        return named.unwrap_or_else(first_usable);
    };
    if let Some(Ok(found)) = named {
        // Another product at the place that was named: the camera was replaced,
        // unless it is found elsewhere.
        if found.identity.card == known.card {
            return Ok(found);
        }
        return same_product(known).map_or(Ok(found), Ok);
    }
    match (same_product(known), named) {
        (Some(found), _) => Ok(found),
        (None, Some(refusal)) => refusal,
        (None, None) => first_usable(),
    }
}

/// The device of the same product, at the same socket if there are several.
fn same_product(known: &Identity) -> Option<Found> {
    let mut found: Vec<Found> = nodes()
        .iter()
        .filter_map(|node| try_open(node).ok())
        .filter(|found| found.identity.card == known.card)
        .collect();
    let same_socket = found.iter().position(|f| f.identity.bus == known.bus);
    (!found.is_empty()).then(|| found.swap_remove(same_socket.unwrap_or(0)))
}

/// The first device that sends pictures of a kind that can be used. When there
/// is none, what the first that was looked at lacks.
fn first_usable() -> Result<Found, CameraError> {
    let mut refusal = CameraError::NoneFound;
    for node in nodes() {
        match try_open(&node).and_then(with_modes) {
            Ok(found) => return Ok(found),
            // A second node of the same camera, for its metadata, is no camera.
            Err(CameraError::NoCamera { .. }) => {}
            Err(error) if refusal == CameraError::NoneFound => refusal = error,
            Err(_) => {}
        }
    }
    Err(refusal)
}

fn with_modes(found: Found) -> Result<Found, CameraError> {
    modes::offered(&found.device, &found.place).map(|_| found)
}

fn try_open(place: &Path) -> Result<Found, CameraError> {
    let refused = |error: std::io::Error| CameraError::driver(place, DriverTask::Open, &error);
    // Asked first, because opening a pipe or a serial port has effects.
    let node = fs::metadata(place).map_err(refused)?;
    if !node.file_type().is_char_device() {
        return Err(no_camera(place));
    }
    let device = Device::with_path(place).map_err(|error| match refused(error) {
        CameraError::NoPermission { place } if is_young(&node, SystemTime::now()) => {
            CameraError::SettingUp { place }
        }
        other => other,
    })?;
    let (identity, sends) = ask::identity(&device).map_err(refused)?;
    match sends {
        Sends::Pictures => {}
        Sends::Planes => {
            let place = place.display().to_string();
            return Err(CameraError::Planes { place });
        }
        Sends::NoPictures => return Err(no_camera(place)),
    }
    Ok(Found {
        place: place.to_owned(),
        device,
        identity,
    })
}

/// Whether the node was made or changed a moment ago: udev may then still be at
/// giving it its group, and nobody needs to be told to.
fn is_young(node: &fs::Metadata, now: SystemTime) -> bool {
    const UDEV: Duration = Duration::from_secs(5);
    let seconds = u64::try_from(node.ctime()).unwrap_or(0);
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    now.duration_since(made).is_ok_and(|age| age < UDEV)
}

fn no_camera(place: &Path) -> CameraError {
    CameraError::NoCamera {
        place: place.display().to_string(),
    }
}

/// The machine's video devices, by number.
fn nodes() -> Vec<PathBuf> {
    let mut nodes: Vec<(u32, PathBuf)> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = number(entry.file_name().to_str()?)?;
            Some((number, entry.path()))
        })
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, path)| path).collect()
}

/// The 10 of "video10".
fn number(name: &str) -> Option<u32> {
    name.strip_prefix("video")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_young_for_a_moment_only() {
        let node = tempfile::NamedTempFile::new().unwrap();
        let node = node.as_file().metadata().unwrap();
        let made = SystemTime::now();
        assert!(is_young(&node, made));
        assert!(!is_young(&node, made + Duration::from_secs(6)));
        // A clock that was set back says nothing.
        assert!(!is_young(&node, made - Duration::from_secs(3_600)));
    }

    #[test]
    fn only_numbered_video_devices_are_looked_at() {
        assert_eq!(number("video10"), Some(10));
        for name in ["video", "video-1", "vbi0", "videoX", "media0"] {
            assert_eq!(number(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_named_and_is_no_camera_is_refused_with_a_reason() {
        let refused = |place: &str| find(Some(Path::new(place)), None).map(|_| ()).unwrap_err();
        let none = refused("/dev/video_none");
        assert!(matches!(none, CameraError::Missing { .. }), "{none}");
        for place in ["/dev/null", "/dev"] {
            let other = refused(place);
            assert!(matches!(other, CameraError::NoCamera { .. }), "{other}");
        }
    }
}
