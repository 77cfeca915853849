//! The live view: the newest frame as it is shown, and when it is good enough to
//! release the shutter.

use std::time::Duration;

use embedded_graphics::prelude::Size;
use image::RgbImage;

use crate::camera::feed::Live;
use crate::camera::Frame;
use crate::exam::words::Eye;
use crate::live::{AutoCapture, Bars, Guidance, Instruction, BAR_LIMIT};
use crate::screen::{self, Bar, Preview, Ring};

/// How long the picture must be good where the configuration leaves the shutter
/// to the operator, who can still switch automatic capture on.
const BY_DEFAULT: Duration = Duration::from_secs(1);

/// The live view and its automatic shutter.
pub(super) struct LiveView {
    pub picture: LivePicture,
    auto: AutoCapture,
    /// Whether the shutter is released by itself.
    automatic: bool,
    /// When it was entered, and how many of its pictures were shown.
    since: Duration,
    shown: u32,
}

impl LiveView {
    /// On a screen of `size`; the shutter is released `after` so long of good
    /// picture, or by the operator alone.
    pub fn new(size: Size, after: Option<Duration>) -> LiveView {
        LiveView {
            picture: LivePicture::new(screen::live_picture(size)),
            auto: AutoCapture::new(after.unwrap_or(BY_DEFAULT)),
            automatic: after.is_some(),
            since: Duration::ZERO,
            shown: 0,
        }
    }

    /// The screen has another size now.
    pub fn resize(&mut self, size: Size) {
        self.picture = LivePicture::new(screen::live_picture(size));
    }

    /// Takes in the newest frame, of `eye` while its live view is shown. Whether
    /// the picture has been good for long enough to release the shutter.
    pub fn see(&mut self, eye: Option<Eye>) -> bool {
        let Some(((frame, guidance), eye)) = self.picture.take().zip(eye) else {
            return false;
        };
        self.auto.hear(eye, &guidance, frame.stamps.dequeued) && self.automatic
    }

    pub fn is_automatic(&self) -> bool {
        self.automatic
    }

    /// Leaves the shutter to the operator, or takes it again.
    pub fn switch(&mut self) {
        self.automatic = !self.automatic;
    }

    /// Arms the shutter, for another patient.
    pub fn arm(&mut self) {
        self.auto.arm();
    }

    /// A photograph is being taken, whoever released the shutter.
    pub fn disarm(&mut self) {
        self.auto.disarm();
    }

    /// How much of the time until the shutter has passed, 0 to 1.
    pub fn progress(&self) -> f32 {
        match self.automatic {
            true => self.auto.progress(),
            false => 0.0,
        }
    }

    /// One more picture of it was drawn.
    pub fn count(&mut self) {
        if self.picture.is_live() {
            self.shown += 1;
        }
    }

    /// Another view is shown from `now` on. Whoever wonders how smooth the live
    /// view is finds it in the log.
    pub fn leave(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.since).as_secs_f64();
        if self.shown > 0 && seconds > 0.0 {
            let rate = f64::from(self.shown) / seconds;
            tracing::info!(count = self.shown, rate, "the live view was left");
        }
        (self.since, self.shown) = (now, 0);
    }
}

/// The newest frame, scaled, and what the live gate said of it.
pub(super) struct LivePicture {
    seen: Option<Live<Guidance>>,
    preview: Preview,
    guidance: Option<Guidance>,
}

impl LivePicture {
    /// Nothing seen yet, for a live view of `size`.
    pub fn new(size: Size) -> LivePicture {
        LivePicture {
            seen: None,
            preview: Preview::new(size),
            guidance: None,
        }
    }

    /// The memory that the camera's thread swaps its newest frame into.
    pub fn slot(&mut self) -> &mut Option<Live<Guidance>> {
        &mut self.seen
    }

    /// Scales the frame that was swapped in.
    pub fn take(&mut self) -> Option<(&Frame, Guidance)> {
        let seen = self.seen.as_ref()?;
        let (width, height) = seen.frame.rgb.dimensions();
        self.preview.take(seen.frame.rgb.as_raw(), width, height);
        self.guidance = Some(seen.assessment);
        Some((&seen.frame, seen.assessment))
    }

    /// The camera is lost: what was seen is not live any more.
    pub fn forget(&mut self) {
        self.guidance = None;
    }

    /// Whether there is a live picture.
    pub fn is_live(&self) -> bool {
        self.guidance.is_some()
    }

    pub fn picture(&self) -> &RgbImage {
        self.preview.picture()
    }

    pub fn instruction(&self) -> Instruction {
        self.guidance
            .map_or(Instruction::LookForEye, |guidance| guidance.instruction)
    }

    /// Where the field lies in the picture.
    pub fn ring(&self) -> Option<Ring> {
        let guidance = self.guidance?;
        let field = guidance.assessment.field;
        // Without an edge of light there is nothing to draw a ring around.
        (field.support > 0.0).then(|| Ring {
            centre: self.preview.place(field.cx, field.cy),
            radius: field.rx.max(field.ry) * self.preview.scale(),
            good: guidance.good,
        })
    }

    pub fn bars(&self) -> [Bar; 4] {
        self.guidance
            .map_or_else(no_bars, |guidance| bars(&guidance.bars))
    }
}

fn bars(bars: &Bars) -> [Bar; 4] {
    [bars.focus, bars.light, bars.field, bars.steady].map(|value| Bar {
        value,
        limit: BAR_LIMIT,
    })
}

/// Bars of nothing.
pub(super) fn no_bars() -> [Bar; 4] {
    [Bar {
        value: 0.0,
        limit: BAR_LIMIT,
    }; 4]
}
