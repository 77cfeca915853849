//! Touch panels and keyboards, straight from the kernel.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use evdev::raw_stream::RawDevice;
use evdev::{AbsInfo, AbsoluteAxisCode, KeyCode, PropType};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::fs::{open, Mode, OFlags};

use super::keyboard::{knows, Keyboard};
use super::keymap::{Keymap, KeymapError, LayoutName};
use super::scan::Scans;
use super::surface::{Axis, Orientation, Surface};
use super::touch::{Touch, FINGERS};
use super::{About, AboutDevice, Events, Input};
use crate::panel::layout::Layout;

/// How often new devices are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Devices that are listened to at a time.
const MOST_DEVICES: usize = 16;

/// What one reading of a device may become: the library reads 32 events at
/// once, and each becomes at most one of ours, save that their first report may
/// also tell of every finger whose events were read before, or of the keys that
/// were no code after all.
const ROOM: usize = 32 + FINGERS + Scans::MOST_EVENTS;

/// Words in the name of a device that is a bar code scanner.
const SCANNERS: [&str; 5] = ["scan", "barcode", "bar code", "bar-code", "qr code"];

/// How touch panels and keyboards are wired to the box.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// How a touch panel is mounted on its screen.
    pub orientation: Orientation,
    /// What the keys of keyboards print.
    pub keyboard: Keymap,
    /// What the keys that a bar code scanner presses print.
    pub scanner: Keymap,
    /// Part of the name, in lower case, of a device that is a scanner though its
    /// name does not say so; empty where there is none.
    pub scanner_name: String,
}

impl Wiring {
    /// With the layouts of these names.
    ///
    /// # Errors
    /// When there is no such layout.
    pub fn new(
        orientation: Orientation,
        keyboard: &LayoutName,
        scanner: &LayoutName,
        scanner_name: &str,
    ) -> Result<Wiring, KeymapError> {
        let keymap = Keymap::load(keyboard)?;
        Ok(Wiring {
            orientation,
            scanner: match scanner == keyboard {
                true => keymap.clone(),
                false => Keymap::load(scanner)?,
            },
            keyboard: keymap,
            scanner_name: scanner_name.to_lowercase(),
        })
    }

    /// Whether a device of this name is a scanner.
    fn is_scanner(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let named = !self.scanner_name.is_empty() && name.contains(&self.scanner_name);
        named || SCANNERS.iter().any(|word| name.contains(word))
    }
}

/// All touch panels and keyboards, also those that are plugged in later.
///
/// They are ours alone while they are open: what is typed must not reach the
/// console's login behind the screen.
pub struct Evdev {
    folder: PathBuf,
    layout: Layout,
    wiring: Wiring,
    devices: heapless::Vec<Device, MOST_DEVICES>,
    /// Nodes that are neither a touch panel nor a keyboard, by inode: a name
    /// may be given to another device, an inode is not.
    refused: Vec<u64>,
    looked: Option<Instant>,
}

struct Device {
    inode: u64,
    raw: RawDevice,
    touch: Option<Touch>,
    keyboard: Option<Keyboard>,
}

impl Evdev {
    /// Listens to the devices in `folder` (`/dev/input`), now or as soon as
    /// there are any. Touches are in pixels of the picture that `layout` puts
    /// on the panel.
    pub fn new(folder: PathBuf, layout: Layout, wiring: Wiring) -> Evdev {
        let mut input = Evdev {
            folder,
            layout,
            wiring,
            devices: heapless::Vec::new(),
            refused: Vec::new(),
            looked: None,
        };
        input.look();
        input
    }

    /// Opens what is new since the last look.
    fn look(&mut self) {
        self.looked = Some(Instant::now());
        // Without the folder there is no device yet.
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let nodes: Vec<(u64, PathBuf)> = entries
            .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"event"))
            .map(|entry| (entry.ino(), entry.path()))
            .collect();
        self.refused
            .retain(|inode| nodes.iter().any(|(there, _)| there == inode));
        for (inode, path) in nodes {
            if self.refused.contains(&inode) || self.devices.iter().any(|d| d.inode == inode) {
                continue;
            }
            // One that cannot be opened or taken now is tried again: its
            // permissions are set some time after it appears.
            match self.device(inode, &path) {
                Ok(Some(device)) => {
                    // One too many waits until another is unplugged.
                    let _ = self.devices.push(device);
                }
                Ok(None) => self.refused.push(inode),
                Err(_) => {}
            }
        }
    }

    /// The device of a node; `None` when it is of no use here.
    fn device(&self, inode: u64, path: &Path) -> io::Result<Option<Device>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let node: OwnedFd = open(path, flags, Mode::empty())?;
        let mut raw = RawDevice::from_fd(node)?;
        let touch = self.touch(&raw)?;
        let keyboard = self.keyboard(&raw);
        if touch.is_none() && keyboard.is_none() {
            return Ok(None);
        }
        raw.grab()?;
        Ok(Some(Device {
            inode,
            raw,
            touch,
            keyboard,
        }))
    }

    /// Its decoder, where any key of the device means anything here; a power
    /// button's does not.
    fn keyboard(&self, raw: &RawDevice) -> Option<Keyboard> {
        let scanner = raw.name().is_some_and(|name| self.wiring.is_scanner(name));
        let keymap = if scanner {
            &self.wiring.scanner
        } else {
            &self.wiring.keyboard
        };
        let keys = raw.supported_keys()?;
        keys.iter()
            .any(|key| knows(keymap, key))
            .then(|| Keyboard::new(keymap.clone(), scanner))
    }

    /// Its decoder, where the device is a touch panel. A touch pad is not: it
    /// moves a pointer that there is none of.
    fn touch(&self, raw: &RawDevice) -> io::Result<Option<Touch>> {
        if raw.properties().contains(PropType::POINTER) {
            return Ok(None);
        }
        let axes: Vec<(AbsoluteAxisCode, AbsInfo)> = match raw.supported_absolute_axes() {
            Some(_) => raw.get_absinfo()?.collect(),
            None => return Ok(None),
        };
        let axis = |code| {
            let found = axes.iter().find(|(known, _)| *known == code);
            found.map(|&(_, about)| about)
        };
        let surface = |x: AbsInfo, y: AbsInfo| Surface {
            x: ends(x),
            y: ends(y),
            orientation: self.wiring.orientation,
            layout: self.layout,
        };
        if let (Some(slot), Some(x), Some(y)) = (
            axis(AbsoluteAxisCode::ABS_MT_SLOT),
            axis(AbsoluteAxisCode::ABS_MT_POSITION_X),
            axis(AbsoluteAxisCode::ABS_MT_POSITION_Y),
        ) {
            return Ok(Some(Touch::several(surface(x, y), slot.value())));
        }
        let pressed = raw.supported_keys().is_some_and(|keys| {
            keys.contains(KeyCode::BTN_TOUCH) || keys.contains(KeyCode::BTN_LEFT)
        });
        Ok(
            match (axis(AbsoluteAxisCode::ABS_X), axis(AbsoluteAxisCode::ABS_Y)) {
                (Some(x), Some(y)) if pressed => {
                    Some(Touch::single(surface(x, y), x.value(), y.value()))
                }
                _ => None,
            },
        )
    }

    fn keyboards(&self) -> impl Iterator<Item = &Keyboard> {
        self.devices
            .iter()
            .filter_map(|device| device.keyboard.as_ref())
    }

    /// Which devices have something to tell, or are gone, as a bit each.
    fn ready(&self, wait: Duration) -> u32 {
        let mut fds: heapless::Vec<PollFd<'_>, MOST_DEVICES> = self
            .devices
            .iter()
            .map(|device| PollFd::from_borrowed_fd(device.raw.as_fd(), PollFlags::IN))
            .collect();
        let Ok(wait) = wait.try_into() else {
            return 0;
        };
        if poll(&mut fds, Some(&wait)).is_err() {
            // A signal: the caller asks again.
            return 0;
        }
        fds.iter()
            .enumerate()
            .filter(|(_, fd)| !fd.revents().is_empty())
            .fold(0, |bits, (index, _)| bits | 1 << index)
    }
}

impl Input for Evdev {
    fn poll(&mut self, wait: Duration, events: &mut Events) {
        let now = SystemTime::now();
        let due = self.keyboards().filter_map(|keyboard| keyboard.due(now));
        let wait = due.fold(wait.min(LOOK_INTERVAL), Duration::min);
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL) {
            self.look();
        }
        if self.devices.is_empty() {
            return thread::sleep(wait);
        }
        let ready = self.ready(if events.is_empty() {
            wait
        } else {
            Duration::ZERO
        });
        let mut index = 0;
        self.devices.retain_mut(|device| {
            let told = ready & 1 << index != 0;
            index += 1;
            !told || device.read(events).is_ok()
        });
        let now = SystemTime::now();
        for device in &mut self.devices {
            if events.capacity() - events.len() >= ROOM {
                if let Some(keyboard) = &mut device.keyboard {
                    keyboard.pass_time(now, events);
                }
            }
        }
    }

    fn about(&self) -> About {
        About::Devices(self.devices.iter().map(Device::about).collect())
    }
}

impl Device {
    fn about(&self) -> AboutDevice {
        AboutDevice {
            name: self.raw.name().map(str::to_owned),
            keys: self.keyboard.as_ref().map(Keyboard::about),
        }
    }

    /// Decodes what is there; what finds no room waits in the kernel.
    ///
    /// # Errors
    /// When the device is gone.
    fn read(&mut self, events: &mut Events) -> io::Result<()> {
        if events.capacity() - events.len() < ROOM {
            return Ok(());
        }
        let read = match self.raw.fetch_events() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            read => read?,
        };
        for raw in read {
            if let Some(touch) = &mut self.touch {
                touch.feed(raw, events);
            }
            if let Some(keyboard) = &mut self.keyboard {
                keyboard.feed(raw, events);
            }
        }
        Ok(())
    }
}

fn ends(about: AbsInfo) -> Axis {
    Axis {
        least: about.minimum(),
        most: about.maximum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::prelude::Size;

    fn input(folder: &Path) -> Evdev {
        let layout = Layout::exact(Size::new(800, 480));
        Evdev::new(folder.to_owned(), layout, wiring(""))
    }

    fn wiring(scanner_name: &str) -> Wiring {
        let us = LayoutName::default();
        Wiring::new(Orientation::default(), &us, &us, scanner_name).unwrap()
    }

    #[test]
    fn scanners_are_known_by_their_names() {
        let told = wiring("Symbol DS");
        for name in [
            "Honeywell Scanning and Mobility",
            "USB Barcode Reader",
            "symbol ds2208",
        ] {
            assert!(told.is_scanner(name), "{name}");
        }
        for name in ["Logitech K120", "AT Translated Set 2 keyboard", ""] {
            assert!(!told.is_scanner(name), "{name}");
        }
        assert!(!wiring("").is_scanner("Symbol DS2208"));
    }

    #[test]
    fn without_devices_it_waits_and_tells_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut events = Events::new();
        for folder in [dir.path().to_owned(), dir.path().join("missing")] {
            let mut input = input(&folder);
            input.poll(Duration::ZERO, &mut events);
            assert!(events.is_empty());
            assert_eq!(input.about(), About::Devices(Vec::new()));
        }
    }

    #[test]
    fn what_is_no_device_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("event0"), b"no device").unwrap();
        fs::write(dir.path().join("mouse0"), b"of no interest").unwrap();
        let mut input = input(dir.path());
        input.poll(Duration::ZERO, &mut Events::new());
        assert!(input.devices.is_empty() && input.refused.is_empty());
    }
}
