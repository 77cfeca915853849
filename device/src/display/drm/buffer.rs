//! A picture in a graphics card's memory.

use std::io;

use drm::buffer::DrmFourcc;
use drm::control::dumbbuffer::{DumbBuffer, DumbMapping};
use drm::control::{framebuffer, Device as _};
use drm::{Device as _, DriverCapability};
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;

use super::super::pixels::{Format, Surface};
use super::Card;

/// Memory that the card can show and we can write.
pub struct Buffer {
    memory: DumbBuffer,
    map: DumbMapping<'static>,
    shown: framebuffer::Handle,
    format: Format,
    /// The part of the picture that is newer than this buffer, in the
    /// picture's pixels.
    pub stale: Rectangle,
}

impl Buffer {
    /// Two black ones of one format: 32 bits a pixel where the card can, else
    /// 16; the other way round where it says that it would rather.
    pub fn pair(card: &Card, size: Size) -> io::Result<[Buffer; 2]> {
        let (first, second) = match card.get_driver_capability(DriverCapability::DumbPreferredDepth)
        {
            Ok(16) => (Format::Rgb565, Format::Xrgb8888),
            _ => (Format::Xrgb8888, Format::Rgb565),
        };
        let pair = |format| -> io::Result<[Buffer; 2]> {
            let one = Buffer::new(card, size, format)?;
            match Buffer::new(card, size, format) {
                Ok(other) => Ok([one, other]),
                Err(error) => {
                    one.release(card);
                    Err(error)
                }
            }
        };
        pair(first).or_else(|error| pair(second).map_err(|_| error))
    }

    fn new(card: &Card, size: Size, format: Format) -> io::Result<Buffer> {
        let code = match format {
            Format::Xrgb8888 => DrmFourcc::Xrgb8888,
            Format::Rgb565 => DrmFourcc::Rgb565,
        };
        let bits = 8 * format.bytes() as u32;
        let memory = card.create_dumb_buffer((size.width, size.height), code, bits)?;
        Buffer::map(card, memory, format).inspect_err(|_| {
            let _ = card.destroy_dumb_buffer(memory);
        })
    }

    fn map(card: &Card, memory: DumbBuffer, format: Format) -> io::Result<Buffer> {
        let (depth, bits) = match format {
            Format::Xrgb8888 => (24, 32),
            Format::Rgb565 => (16, 16),
        };
        // A mapping borrows the buffer's description. Leaking the description,
        // some dozen bytes for every opening of a screen, lets the mapping be
        // kept beside it instead of being made anew for every picture.
        let mut map = card.map_dumb_buffer(Box::leak(Box::new(memory)))?;
        map.fill(0);
        Ok(Buffer {
            shown: card.add_framebuffer(&memory, depth, bits)?,
            memory,
            map,
            format,
            stale: Rectangle::zero(),
        })
    }

    /// What the card knows it by.
    pub fn shown(&self) -> framebuffer::Handle {
        self.shown
    }

    /// Brings the stale part up to date; the picture's corner lies at `at`.
    pub fn paint(&mut self, picture: &RgbImage, at: Point) {
        use drm::buffer::Buffer as _;
        let mut surface = Surface {
            format: self.format,
            pitch: self.memory.pitch() as usize,
            memory: &mut self.map,
        };
        surface.paint(picture, self.stale, at);
        self.stale = Rectangle::zero();
    }

    /// Gives the card its memory back. What fails here is freed when the card
    /// is closed.
    pub fn release(&self, card: &Card) {
        let _ = card.destroy_framebuffer(self.shown);
        let _ = card.destroy_dumb_buffer(self.memory);
    }
}
