//! Takes the photograph when the picture has been good for long enough.

use std::time::Duration;

use super::{Guidance, Instruction};
use crate::exam::words::Eye;

/// A picture this old is another one: the time starts anew after a gap.
const MOST_APART: Duration = Duration::from_millis(500);

/// Releases the shutter once. It is armed again only when the operator has
/// been told something else than that all is well, or for another patient: so
/// a picture that was just taken, and refused, is not taken again at once; nor
/// is it as the other eye's while the patient still sits as before.
#[derive(Clone, Debug)]
pub struct AutoCapture {
    /// How long that is.
    after: Duration,
    eye: Option<Eye>,
    armed: bool,
    /// Since when every frame was good, and the last one of them.
    run: Option<(Duration, Duration)>,
}

impl AutoCapture {
    /// One that waits for `after` of good picture.
    pub fn new(after: Duration) -> AutoCapture {
        AutoCapture {
            after,
            eye: None,
            armed: true,
            run: None,
        }
    }

    /// Arms the shutter again, for another patient and whichever eye comes first.
    pub fn arm(&mut self) {
        self.eye = None;
        self.armed = true;
        self.run = None;
    }

    /// What is before the camera was dealt with: it must change first.
    pub fn disarm(&mut self) {
        self.armed = false;
        self.run = None;
    }

    /// Takes in a frame of the live view of `eye`, and says whether now is the
    /// moment. Only to be called while a photograph may be taken.
    pub fn hear(&mut self, eye: Eye, guidance: &Guidance, at: Duration) -> bool {
        if self.eye.replace(eye).is_some_and(|before| before != eye) {
            self.disarm();
        }
        self.armed |= guidance.instruction != Instruction::Ready;
        if !guidance.good {
            self.run = None;
            return false;
        }
        let (since, last) = self.run.unwrap_or((at, at));
        let broken = at.saturating_sub(last) > MOST_APART;
        let since = if broken { at } else { since };
        self.run = Some((since, at));
        let due = self.armed && at.saturating_sub(since) >= self.after;
        self.armed &= !due;
        due
    }

    /// How much of the time has passed, 0 to 1.
    pub fn progress(&self) -> f32 {
        let Some((since, last)) = self.run.filter(|_| self.armed) else {
            return 0.0;
        };
        let after = self.after.as_secs_f32().max(f32::MIN_POSITIVE);
        (last.saturating_sub(since).as_secs_f32() / after).min(1.0)
    }
}
