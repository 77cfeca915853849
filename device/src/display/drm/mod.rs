//! The kernel's own screen, without a desktop: direct rendering manager (DRM).
//!
//! Two buffers in the graphics card's memory; the picture is copied into the
//! one that is not shown, and the card changes over between two refreshes, so
//! that no half-drawn picture is ever seen.

mod buffer;
mod output;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drm::control::{connector, crtc, Device as _, Event, Mode, PageFlipFlags};
use drm::Device as _;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;
use rustix::event::{poll, PollFd, PollFlags};

use super::fit::Fit;
use super::pixels::around;
use super::{fits, About, Display, DisplayError};
use crate::panel::layout::Layout;
use crate::panel::rotation::Rotation;
use buffer::Buffer;
use output::Output;

/// A refresh takes 17 ms; a card that needs this long has stopped.
const FLIP_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the cable is looked at.
const CABLE_INTERVAL: Duration = Duration::from_secs(1);

/// An open graphics card.
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// A screen of a graphics card.
///
/// It is ours from opening to dropping; dropping gives it back as it was
/// found, usually to the console.
pub struct Drm {
    path: PathBuf,
    card: Card,
    output: Output,
    before: crtc::Info,
    layout: Layout,
    buffers: [Buffer; 2],
    /// Which of the buffers is shown, or about to be.
    front: usize,
    /// The card has been told to change over and has not yet said that it did.
    changing: bool,
    cable_seen: Instant,
    fit: Fit,
}

impl Drm {
    /// Opens the screen of `card` (`/dev/dri/cardN`), or of the first card
    /// that has one connected, and shows black. Pictures are turned by
    /// `rotation`.
    ///
    /// # Errors
    /// When there is none, or another program owns it.
    pub fn open(card: Option<&Path>, rotation: Rotation) -> Result<Drm, DisplayError> {
        match card {
            Some(path) => Drm::open_card(path, rotation),
            None => {
                let mut last = DisplayError::NoCard;
                for path in cards() {
                    match Drm::open_card(&path, rotation) {
                        Ok(screen) => return Ok(screen),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    fn open_card(path: &Path, rotation: Rotation) -> Result<Drm, DisplayError> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let card = Card(opened.map_err(|source| DisplayError::Open {
            card: path.to_owned(),
            source,
        })?);
        card.acquire_master_lock()
            .map_err(|source| failed(path, "take the screen", source))?;
        let output = Output::find(&card)
            .map_err(|source| failed(path, "list its screens", source))?
            .ok_or_else(|| DisplayError::NoScreen {
                card: path.to_owned(),
            })?;
        let before = card
            .get_crtc(output.crtc)
            .map_err(|source| failed(path, "tell what it shows", source))?;
        let (width, height) = output.mode.size();
        let layout = Layout::fit(Size::new(width.into(), height.into()), rotation);
        let buffers = Buffer::pair(&card, layout.panel)
            .map_err(|source| failed(path, "give memory for two pictures", source))?;
        let screen = Drm {
            path: path.to_owned(),
            card,
            output,
            before,
            layout,
            buffers,
            front: 0,
            changing: false,
            cable_seen: Instant::now(),
            fit: Fit::new(layout),
        };
        // From here on dropping puts everything back.
        screen
            .show(screen.buffers[0].shown(), screen.output.mode)
            .map_err(|source| failed(path, "set the screen's mode", source))?;
        Ok(screen)
    }

    /// Where the picture lies on the screen.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    fn show(&self, buffer: drm::control::framebuffer::Handle, mode: Mode) -> io::Result<()> {
        let Output {
            connector, crtc, ..
        } = self.output;
        self.card
            .set_crtc(crtc, Some(buffer), (0, 0), &[connector], Some(mode))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> DisplayError {
        failed(&self.path, what, source)
    }

    /// Waits until the card shows what it was told last.
    fn settle(&mut self) -> Result<(), DisplayError> {
        let deadline = Instant::now() + FLIP_TIMEOUT;
        while self.changing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DisplayError::Stalled {
                    card: self.path.clone(),
                    waited: FLIP_TIMEOUT,
                });
            }
            match self.readable(left) {
                Ok(true) => {
                    let events = self
                        .card
                        .receive_events()
                        .map_err(|source| self.failed("report a change of picture", source))?;
                    for event in events {
                        if matches!(event, Event::PageFlip(_)) {
                            self.changing = false;
                        }
                    }
                }
                Ok(false) => {}
                Err(source) => return Err(self.failed("report a change of picture", source)),
            }
        }
        Ok(())
    }

    fn readable(&self, wait: Duration) -> io::Result<bool> {
        let wait = wait.try_into().map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.card, PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Notices a cable that was pulled: the card goes on without a screen, the
    /// technician cannot.
    fn look_at_cable(&mut self) -> Result<(), DisplayError> {
        if self.cable_seen.elapsed() < CABLE_INTERVAL {
            return Ok(());
        }
        self.cable_seen = Instant::now();
        let connector = self
            .card
            .get_connector(self.output.connector, false)
            .map_err(|source| self.failed("tell whether a screen is connected", source))?;
        if connector.state() == connector::State::Disconnected {
            return Err(DisplayError::Unplugged {
                card: self.path.clone(),
            });
        }
        Ok(())
    }

    /// Copies what is new into the buffer that is not shown.
    fn draw(&mut self, frame: &RgbImage, damage: Rectangle) {
        let (picture, damage) = self.fit.bring(frame, damage);
        for buffer in &mut self.buffers {
            buffer.stale = around(buffer.stale, damage);
        }
        self.buffers[1 - self.front].paint(picture, self.layout.on_panel().top_left);
    }
}

impl Display for Drm {
    fn size(&self) -> Size {
        self.layout.picture
    }

    fn present(&mut self, frame: &RgbImage, damage: Option<Rectangle>) -> Result<(), DisplayError> {
        let whole = Rectangle::new(Point::zero(), self.size());
        let damage = damage.unwrap_or(whole);
        fits(frame, self.size())?;
        self.look_at_cable()?;
        if damage.is_zero_sized() {
            return Ok(());
        }
        self.settle()?;
        self.draw(frame, damage);
        let back = 1 - self.front;
        let (crtc, buffer) = (self.output.crtc, self.buffers[back].shown());
        self.card
            .page_flip(crtc, buffer, PageFlipFlags::EVENT, None)
            .map_err(|source| self.failed("change to the next picture", source))?;
        self.front = back;
        self.changing = true;
        Ok(())
    }

    fn about(&self) -> About {
        About::Screen {
            card: self.path.clone(),
            output: self.output.name.clone(),
            rate: self.output.mode.vrefresh(),
            layout: self.layout,
        }
    }
}

impl Drop for Drm {
    fn drop(&mut self) {
        // Nothing can be done about a screen that does not take its old
        // picture back: it may have been unplugged.
        let Output {
            connector, crtc, ..
        } = self.output;
        let _ = self.settle();
        let before = &self.before;
        let _ = match (before.framebuffer(), before.mode()) {
            (Some(buffer), Some(mode)) => {
                let at = before.position();
                self.card
                    .set_crtc(crtc, Some(buffer), at, &[connector], Some(mode))
            }
            _ => self.card.set_crtc(crtc, None, (0, 0), &[], None),
        };
        for buffer in &self.buffers {
            buffer.release(&self.card);
        }
    }
}

/// Every graphics card, in the order of their numbers.
fn cards() -> Vec<PathBuf> {
    let mut cards: Vec<(u32, PathBuf)> = fs::read_dir("/dev/dri")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix("card")?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    cards.sort();
    cards.into_iter().map(|(_, path)| path).collect()
}

/// What an error of the kernel means to the operator.
fn failed(card: &Path, what: &'static str, source: io::Error) -> DisplayError {
    let card = card.to_owned();
    match source.kind() {
        // The kernel refuses whoever does not own the screen.
        io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy => {
            DisplayError::Taken { card }
        }
        _ if source.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error()) => {
            DisplayError::Unplugged { card }
        }
        _ => DisplayError::Driver { card, what, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(errno: rustix::io::Errno) -> String {
        failed(Path::new("/dev/dri/card7"), "do it", errno.into()).to_string()
    }

    #[test]
    fn errors_of_the_kernel_become_what_to_do() {
        use rustix::io::Errno;
        assert!(kernel(Errno::ACCESS).contains("another program owns"));
        assert!(kernel(Errno::BUSY).contains("another program owns"));
        assert!(kernel(Errno::NODEV).contains("was unplugged"));
        assert!(kernel(Errno::INVAL).contains("the driver cannot do it"));
    }

    #[test]
    fn a_card_that_is_not_there_is_named() {
        let said = Drm::open(Some(Path::new("/dev/dri/none")), Rotation::None)
            .err()
            .unwrap();
        assert!(said
            .to_string()
            .starts_with("/dev/dri/none cannot be opened"));
    }
}
