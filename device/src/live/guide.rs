//! From measures to one instruction at a time.
//!
//! What is wrong with a frame is decided first, measure by measure, with a
//! limit to become wrong and another one to become right again. Of what is
//! wrong, the first in the order of [`Instruction`] is told: there is no use
//! in focusing on a wall. And a new instruction is shown only after it has
//! held for a while, so that a blink or a saccade changes nothing.

use std::time::Duration;

use fovea_core::field::FieldShape;
use fovea_core::gate::GateLimits;

use super::assess::Assessment;
use super::limits::LiveLimits;

/// What the operator is to do, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Instruction {
    /// Nothing is before the camera.
    LookForEye,
    /// This is not a retina.
    NotRetina,
    /// Move closer: the field is small.
    Closer,
    /// Centre the disc of light.
    Centre,
    /// Too dark: more flash.
    TooDark,
    /// Too bright: less flash.
    TooBright,
    /// Hold still.
    HoldStill,
    /// Blurred: adjust the focus.
    Blurred,
    /// Nothing but to keep it so.
    Ready,
}

impl Instruction {
    /// Every instruction, the most urgent first.
    pub const ALL: [Instruction; 9] = [
        Instruction::LookForEye,
        Instruction::NotRetina,
        Instruction::Closer,
        Instruction::Centre,
        Instruction::TooDark,
        Instruction::TooBright,
        Instruction::HoldStill,
        Instruction::Blurred,
        Instruction::Ready,
    ];
}

/// Keeps the operator on one instruction.
#[derive(Clone, Debug)]
pub struct Guide {
    limits: LiveLimits,
    faults: Faults,
    shown: Instruction,
    /// What would be shown instead, and since when.
    rival: Option<(Instruction, Duration)>,
}

/// Which measures are at fault.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    nothing: bool,
    no_retina: bool,
    small: bool,
    cut: bool,
    off_centre: bool,
    shade: bool,
    dark: bool,
    bright: bool,
    glare: bool,
    motion: bool,
    contrast: bool,
    focus: bool,
}

impl Guide {
    /// One that tells [`Instruction::LookForEye`] until another instruction has held
    /// for [`LiveLimits::hold_ms`].
    pub fn new(limits: LiveLimits) -> Guide {
        Guide {
            limits,
            faults: Faults::default(),
            shown: Instruction::LookForEye,
            rival: None,
        }
    }

    /// Takes in the measures of a frame, taken at `at` (on any clock that only
    /// goes forward), and says what it alone asks for.
    pub fn hear(&mut self, assessment: &Assessment, at: Duration) -> Instruction {
        self.faults = self.faults.after(assessment, &self.limits);
        let wanted = self.faults.first();
        self.rival = match self.rival {
            _ if wanted == self.shown => None,
            Some((rival, since)) if rival == wanted => {
                if at.saturating_sub(since) >= self.limits.hold() {
                    self.shown = wanted;
                }
                Some((rival, since))
            }
            _ => Some((wanted, at)),
        };
        wanted
    }

    /// The instruction to show.
    pub fn shown(&self) -> Instruction {
        self.shown
    }
}

impl Faults {
    fn after(self, seen: &Assessment, limits: &LiveLimits) -> Faults {
        let m = &seen.measures;
        let no_field = m.field_shape == FieldShape::None;
        let gate = GateLimits::default();
        // Colour says nothing where there is hardly light, or only light.
        let has_colour = (gate.min_luma..=gate.max_luma).contains(&m.mean_luma);
        Faults {
            nothing: no_field && m.mean_luma < limits.nothing,
            no_retina: has_colour && limits.retina.is_fault(seen.retina, self.no_retina),
            small: limits.size.is_fault(seen.size, self.small),
            cut: limits.coverage.is_fault(m.field_coverage, self.cut),
            off_centre: limits.off_centre.is_fault(m.off_centre, self.off_centre),
            shade: limits.shade.is_fault(seen.shade, self.shade),
            dark: limits.dark.is_fault(m.mean_luma, self.dark),
            bright: limits.bright.is_fault(m.mean_luma, self.bright),
            glare: limits.glare.is_fault(m.bright_share, self.glare),
            motion: match seen.motion {
                Some(speed) => limits.motion.is_fault(speed, self.motion),
                None => self.motion,
            },
            contrast: limits.contrast.is_fault(m.contrast, self.contrast),
            focus: limits.focus.is_fault(seen.focus, self.focus),
        }
    }

    fn first(&self) -> Instruction {
        let told = [
            (self.nothing, Instruction::LookForEye),
            (self.no_retina, Instruction::NotRetina),
            (self.small, Instruction::Closer),
            (
                self.cut || self.off_centre || self.shade,
                Instruction::Centre,
            ),
            (self.dark, Instruction::TooDark),
            (self.bright || self.glare, Instruction::TooBright),
            (self.motion, Instruction::HoldStill),
            (self.contrast || self.focus, Instruction::Blurred),
        ];
        let first = told.into_iter().find(|(holds, _)| *holds);
        first.map_or(Instruction::Ready, |(_, instruction)| instruction)
    }
}
