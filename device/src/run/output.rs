//! The display, what was drawn for it last, and whether that is still true.

use std::time::Duration;

use embedded_graphics::prelude::Size;

use super::known::Known;
use crate::camera::Clock;
use crate::config::Config;
use crate::display::{self, DisplayError};
use crate::exam::words::Action;
use crate::input::{self, Events, ShotName};
use crate::screen;

/// How often a display that is gone is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// The display with all that is drawn for it.
pub(super) struct Output {
    clock: Clock,
    /// None while the display is gone.
    open: Option<display::Screen>,
    /// When it was opened, lost, or looked for the last time.
    tried_at: Duration,
    size: Size,
    canvas: screen::Screen,
    /// What has a finger on it.
    pressed: Option<Action>,
    /// Whether the view may have changed since it was drawn.
    stale: bool,
    drawn_at: Duration,
    /// The stage that the display was last told of.
    noted: &'static str,
    /// Names under which the script wants the picture kept.
    wanted: Vec<ShotName>,
}

impl Output {
    /// Opens the display that `config` names.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(config: &Config, clock: Clock) -> Result<Output, DisplayError> {
        let open = open(config)?;
        let size = open.display.size();
        Ok(Output {
            clock,
            open: Some(open),
            tried_at: clock.now(),
            size,
            canvas: screen::Screen::new(size),
            pressed: None,
            stale: true,
            drawn_at: Duration::ZERO,
            noted: "",
            wanted: Vec::new(),
        })
    }

    /// Looks for a display that was lost, now and then; whether there is one
    /// that was not there before.
    pub fn reopen(&mut self, config: &Config) -> bool {
        if self.clock.now().saturating_sub(self.tried_at) < RETRY {
            return false;
        }
        self.tried_at = self.clock.now();
        let Ok(output) = open(config) else {
            return false;
        };
        tracing::info!(display = %output.display.about(), "the display is back");
        let size = output.display.size();
        if size != self.size {
            self.size = size;
            self.canvas = screen::Screen::new(size);
        }
        self.open = Some(output);
        self.stale = true;
        true
    }

    /// Whether the display is gone.
    pub fn is_gone(&self) -> bool {
        self.open.is_none()
    }

    /// The size that views are drawn in.
    pub fn size(&self) -> Size {
        self.size
    }

    /// What display and input are; none while they are gone.
    pub fn about(&self) -> Option<(display::About, input::About)> {
        let output = self.open.as_ref()?;
        Some((output.display.about(), output.input.about()))
    }

    /// Waits for the operator, who has nothing to touch while the display is
    /// gone.
    pub fn poll(&mut self, wait: Duration, events: &mut Events) {
        match &mut self.open {
            Some(output) => output.input.poll(wait, events),
            None => std::thread::sleep(wait),
        }
    }

    /// Something was heard that may change the view.
    pub fn out_of_date(&mut self) {
        self.stale = true;
    }

    /// A finger lies on what asks for this, or on nothing.
    pub fn press(&mut self, pressed: Option<Action>) {
        self.pressed = pressed;
    }

    /// Keeps the next picture under this name.
    pub fn keep(&mut self, name: ShotName) {
        self.wanted.push(name);
    }

    /// Whether there is something new to see, or `every` has passed.
    pub fn is_due(&self, every: Duration) -> bool {
        self.stale || self.clock.now().saturating_sub(self.drawn_at) >= every
    }

    /// Draws the view of what is `known` and presents it; whether it was shown.
    /// One that cannot be is lost with its display.
    pub fn show(&mut self, known: &Known) -> bool {
        self.stale = false;
        self.drawn_at = self.clock.now();
        let (canvas, pressed) = (&mut self.canvas, self.pressed);
        known.view(self.drawn_at, |view| {
            canvas.show(view, known.language, pressed);
        });
        let shown = self.present(known.stage_name());
        if let Err(error) = &shown {
            tracing::error!(error = %error, "nothing can be shown");
            // It must be gone before another can be opened.
            self.open = None;
            self.tried_at = self.clock.now();
        }
        shown.is_ok()
    }

    fn present(&mut self, stage: &'static str) -> Result<(), DisplayError> {
        let Some(output) = &mut self.open else {
            return Ok(());
        };
        let picture = self.canvas.canvas().picture();
        let mut shown = output.display.present(picture, None);
        if stage != self.noted {
            self.noted = stage;
            shown = shown.and_then(|()| output.display.note(&stage.replace(' ', "-")));
        }
        for name in self.wanted.drain(..) {
            shown = shown.and_then(|()| output.display.note(&name));
        }
        shown
    }
}

fn open(config: &Config) -> Result<display::Screen, DisplayError> {
    display::open(
        &config.display.output,
        config.display.size.size(),
        config.display.rotation,
        &config.input.wiring()?,
    )
}
