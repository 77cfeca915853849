//! Which screen of a card is used, and how.

use std::io;

use drm::control::{connector, crtc, Device as _, Mode, ModeTypeFlags, ResourceHandles};
use embedded_graphics::prelude::*;

use super::Card;
use crate::panel::layout::{choose, Offer};

/// The way from the card's memory to a screen.
pub struct Output {
    /// What the screen is plugged into, for instance `HDMI-A-1`.
    pub name: String,
    pub connector: connector::Handle,
    pub crtc: crtc::Handle,
    pub mode: Mode,
}

impl Output {
    /// The first screen that can be driven: one that is known to be connected
    /// goes before one that cannot tell, one that is built in before one that
    /// is plugged in. `None` when there is none.
    pub fn find(card: &Card) -> io::Result<Option<Output>> {
        let resources = card.resource_handles()?;
        let mut screens = Vec::new();
        for &handle in resources.connectors() {
            let screen = card.get_connector(handle, true)?;
            if screen.state() != connector::State::Disconnected {
                screens.push(screen);
            }
        }
        screens.sort_by_key(|screen| {
            let known = screen.state() == connector::State::Connected;
            (!known, !is_built_in(screen.interface()))
        });
        for screen in screens {
            if let Some(output) = Output::through(card, &resources, &screen)? {
                return Ok(Some(output));
            }
        }
        Ok(None)
    }

    fn through(
        card: &Card,
        resources: &ResourceHandles,
        screen: &connector::Info,
    ) -> io::Result<Option<Output>> {
        let offers: Vec<Offer> = screen.modes().iter().map(offer).collect();
        let mode = choose(&offers).map(|index| screen.modes()[index]);
        let crtc = source(card, resources, screen)?;
        Ok(mode.zip(crtc).map(|(mode, crtc)| Output {
            name: screen.to_string(),
            connector: screen.handle(),
            crtc,
            mode,
        }))
    }
}

/// The part of the card that feeds the screen: the one that does already, or
/// else the first that can.
fn source(
    card: &Card,
    resources: &ResourceHandles,
    screen: &connector::Info,
) -> io::Result<Option<crtc::Handle>> {
    if let Some(encoder) = screen.current_encoder() {
        if let Some(crtc) = card.get_encoder(encoder)?.crtc() {
            return Ok(Some(crtc));
        }
    }
    for &encoder in screen.encoders() {
        let possible = card.get_encoder(encoder)?.possible_crtcs();
        if let Some(&crtc) = resources.filter_crtcs(possible).first() {
            return Ok(Some(crtc));
        }
    }
    Ok(None)
}

fn offer(mode: &Mode) -> Offer {
    let (width, height) = mode.size();
    Offer {
        size: Size::new(width.into(), height.into()),
        preferred: mode.mode_type().contains(ModeTypeFlags::PREFERRED),
        refresh: mode.vrefresh(),
    }
}

fn is_built_in(interface: connector::Interface) -> bool {
    use connector::Interface::{EmbeddedDisplayPort, DPI, DSI, LVDS};
    matches!(interface, EmbeddedDisplayPort | DPI | DSI | LVDS)
}
