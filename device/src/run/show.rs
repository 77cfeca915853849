//! What the main loop shows.

use std::time::Duration;

use embedded_graphics::prelude::Size;

use super::live::LivePicture;
use super::views::Sight;
use super::{open_display, stages, Appliance, PROGRESS, REFRESH, RETRY};
use crate::exam::{Event, Judgement, ShotId, Stage};
use crate::screen;

impl Appliance {
    /// Everything that the view is made of.
    pub(super) fn sight(&self) -> Sight<'_> {
        Sight {
            now: self.clock.now(),
            exam: &self.exam,
            album: &self.album,
            model: self.model.as_deref(),
            live: self.live.is_live().then_some(&self.live),
            camera: &self.camera,
            camera_says: &self.camera_says,
            checks: &self.checks,
            today: &self.today,
            damaged: self.damaged.len(),
            first_row: self.first_row,
            selected: self.selected,
            automatic: self.automatic,
            auto_progress: match self.automatic {
                true => self.auto.progress(),
                false => 0.0,
            },
            disk_full: self.disk_full,
            device: &self.config.device.id,
            saved_as: &self.saved_as,
            details: &self.details,
        }
    }

    /// The stage's name, for scripts, the log and pictures.
    pub(super) fn stage_name(&self) -> &'static str {
        stages::name(&self.exam, self.sight().may_start())
    }

    /// Draws and presents, where there is something new to see.
    pub(super) fn draw(&mut self) {
        if self.output.is_none() && !self.reopen() {
            return;
        }
        let every = match self.exam.stage() {
            Stage::Result { .. } if self.exam.is_grading() => PROGRESS,
            _ => REFRESH,
        };
        let now = self.clock.now();
        if !self.stale && now.saturating_sub(self.drawn_at) < every {
            return;
        }
        self.stale = false;
        self.drawn_at = now;
        // Out of the way, so that the view can borrow all the rest.
        let mut canvas = std::mem::replace(&mut self.screen, screen::Screen::new(Size::zero()));
        let (language, pressed) = (self.language, self.pressed);
        self.sight()
            .view(|view| canvas.show(view, language, pressed));
        self.screen = canvas;
        self.present();
        if matches!(self.exam.stage(), Stage::Live { .. }) && self.live.is_live() {
            self.live_shown += 1;
        }
        if let Some((shot, waited)) = self.newly_shown() {
            tracing::info!(waited_ms = millis(waited), "a verdict is shown");
            self.tell(Event::Shown { shot });
        }
    }

    fn present(&mut self) {
        let stage = self.stage_name();
        let Some(output) = &mut self.output else {
            return;
        };
        let picture = self.screen.canvas().picture();
        let mut shown = output.display.present(picture, None);
        if stage != self.noted {
            self.noted = stage;
            shown = shown.and_then(|()| output.display.note(&stage.replace(' ', "-")));
        }
        for name in self.wanted.drain(..) {
            shown = shown.and_then(|()| output.display.note(&name));
        }
        if let Err(error) = shown {
            tracing::error!(error = %error, "nothing can be shown");
            // It must be gone before another can be opened.
            self.output = None;
            self.opened_at = self.clock.now();
            return;
        }
        if !self.ready {
            self.ready = true;
            let waited_ms = millis(self.clock.now());
            tracing::info!(waited_ms, "the first picture is shown");
            if let Err(error) = self.watchdog.ready() {
                tracing::warn!(error = %error, "systemd cannot be reached");
            }
        }
    }

    /// Looks for a display that was lost; whether there is one.
    fn reopen(&mut self) -> bool {
        if self.clock.now().saturating_sub(self.opened_at) < RETRY {
            return false;
        }
        self.opened_at = self.clock.now();
        let Ok(output) = open_display(&self.config) else {
            return false;
        };
        tracing::info!(display = output.display.describe(), "the display is back");
        let size = output.display.size();
        if size != self.size {
            self.size = size;
            self.screen = screen::Screen::new(size);
            self.live = LivePicture::new(screen::live_picture(size));
        }
        self.output = Some(output);
        self.stale = true;
        // What the self-test said of a screen that was gone holds no more.
        self.tested_at = None;
        true
    }

    /// The photograph whose verdict is on the screen for the first time, and how
    /// long after the shutter.
    fn newly_shown(&self) -> Option<(ShotId, Duration)> {
        let Stage::Result { eye, .. } = self.exam.stage() else {
            return None;
        };
        let shot = self.exam.latest_shot(eye)?;
        let given = matches!(shot.judgement, Judgement::Given(_));
        let since = self.album.get(shot.id)?.since;
        let waited = self.clock.now().saturating_sub(since);
        (given && shot.stamps.shown.is_none()).then_some((shot.id, waited))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
