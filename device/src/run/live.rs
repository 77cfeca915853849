//! The newest frame as the live view shows it.

use embedded_graphics::prelude::Size;
use image::RgbImage;

use crate::camera::feed::Live;
use crate::camera::Frame;
use crate::live::{Bars, Guidance, Instruction, BAR_LIMIT};
use crate::screen::{Bar, Preview, Ring};

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
