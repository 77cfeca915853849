//! Drawn eyes, live: for demonstrations, and for tests of the whole device.
//!
//! A picture takes longer to draw than a live camera has for it. But an eye
//! that is held before a camera moves little and always about the same place,
//! so a few moments of it, drawn once and shown again and again, are enough.

use std::time::Duration;

use image::RgbImage;

use super::negotiate::PREVIEW_HEIGHT;
use super::pace::{Pace, RATE};
use super::{About, Camera, CameraError, Clock, Frame, Stamps};
use crate::exam::words::Eye;
use fovea_render::{draw_non_fundus, Moment, Preset, Scene, Setup, Subject};

/// Sides of the square preview and of a photograph, pixels.
const PREVIEW: u32 = PREVIEW_HEIGHT;
const PHOTOGRAPH: u32 = 1080;
/// Even seeds are right eyes, the odd ones after them the left eyes.
const SEED: u64 = 2;

/// Where the eye wanders, in thousandths of the picture's side: round a small
/// hexagon, so that no step is larger than another.
const PLACES: [[f32; 2]; 6] = [
    [0.0, 2.0],
    [1.7, 1.0],
    [1.7, -1.0],
    [0.0, -2.0],
    [-1.7, -1.0],
    [-1.7, 1.0],
];
/// How far that is at most, as a share of the picture's side.
const TRAVEL: f32 = 0.002;
/// Frames that it stays at a place.
const REST: u32 = 4;
/// How far out of focus it is seen, from none to plainly blurred.
const DEFOCUS: [f32; 3] = [0.0, 0.25, 0.5];
/// Frames at each defocus, as an operator focuses: first blurred, then nearly
/// sharp, then sharp for a while.
const FOCUSING: [(usize, u32); 3] = [(2, RATE), (1, RATE / 2), (0, 7 * RATE)];

/// A camera before a drawn eye.
///
/// It shows the first of its presets as a right eye. When the other eye is
/// aimed at ([`Camera::aim`]), it shows that eye, as the next preset: with a
/// healthy and a diseased one, an exam sees a healthy right and a diseased
/// left eye. The same presets give the same pictures in the same order.
pub struct Demo {
    presets: Vec<Preset>,
    at: usize,
    eye: Eye,
    aimed: bool,
    /// Frames since this eye came before the camera.
    frames: u32,
    /// `None` until the first frame of this eye.
    seen: Option<Seen>,
    pace: Pace,
}

impl Demo {
    /// A camera before eyes as `presets` have them, one after the other; a
    /// healthy one when there are none.
    pub fn new(presets: &[&Preset], clock: &Clock) -> Demo {
        Demo::paced(presets, Pace::new(clock))
    }

    fn paced(presets: &[&Preset], pace: Pace) -> Demo {
        let mut presets: Vec<Preset> = presets.iter().map(|&&preset| preset).collect();
        if presets.is_empty() {
            presets.extend(fovea_render::presets().first());
        }
        Demo {
            presets,
            at: 0,
            eye: Eye::Right,
            aimed: false,
            frames: 0,
            seen: None,
            pace,
        }
    }

    fn seed(&self) -> u64 {
        match self.eye {
            Eye::Right => SEED,
            Eye::Left => SEED + 1,
        }
    }

    fn subject(&self) -> Subject {
        self.presets[self.at].subject(self.seed())
    }

    /// Which moment of the eye is before the camera now.
    fn moment(&self) -> Which {
        let mut left = self.frames % FOCUSING.iter().map(|(_, frames)| frames).sum::<u32>();
        let focus = FOCUSING.iter().find(|(_, frames)| {
            let now = left < *frames;
            left = left.saturating_sub(*frames);
            now
        });
        Which {
            place: (self.frames / REST) as usize % PLACES.len(),
            focus: focus.map_or(0, |&(focus, _)| focus),
        }
    }
}

impl Camera for Demo {
    fn about(&self) -> About {
        About::Drawn {
            names: self.presets.iter().map(|preset| preset.name).collect(),
            side: PREVIEW,
            rate: RATE,
        }
    }

    fn next(&mut self, frame: &mut Frame, _wait: Duration) -> Result<(), CameraError> {
        let (subject, seed, which) = (self.subject(), self.seed(), self.moment());
        let seen = self.seen.get_or_insert_with(|| Seen::new(&subject, seed));
        let picture = seen.at(which);
        let beat = self.pace.wait();
        frame
            .pixels(picture.width(), picture.height())
            .copy_from_slice(picture);
        frame.stamps = Stamps::at(beat);
        self.frames = self.frames.wrapping_add(1);
        Ok(())
    }

    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
        // The shutter falls now; drawing what it saw takes its time.
        let beat = self.pace.wait();
        frame.rgb = match self.subject() {
            Subject::Fundus(scene) => {
                let scene = Scene {
                    size: PHOTOGRAPH,
                    ..scene
                };
                Setup::new(&scene, TRAVEL).photograph(&self.moment().of_photograph())
            }
            Subject::NonFundus(kind) => draw_non_fundus(kind, self.seed(), PHOTOGRAPH),
        };
        frame.stamps = Stamps::at(beat);
        Ok(())
    }

    fn aim(&mut self, eye: Eye) {
        if eye != self.eye {
            if self.aimed {
                self.at = (self.at + 1) % self.presets.len();
            }
            self.eye = eye;
            self.frames = 0;
            self.seen = None;
        }
        self.aimed = true;
    }
}

/// A moment of the eye: where it is and how well it is focused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Which {
    /// Index into [`PLACES`] and [`DEFOCUS`].
    place: usize,
    focus: usize,
}

impl Which {
    fn index(self) -> usize {
        self.focus * PLACES.len() + self.place
    }

    fn of_photograph(self) -> Moment {
        Moment {
            shift: PLACES[self.place].map(|thousandths| thousandths / 1000.0),
            defocus: DEFOCUS[self.focus],
            exposure: 0.0,
            frame: self.index() as u64,
        }
    }
}

/// An eye before the camera: its moments, each drawn when it is first seen.
struct Seen {
    drawn: [Option<RgbImage>; PLACES.len() * DEFOCUS.len()],
    /// `None` for what is no eye: one picture of it is enough.
    setup: Option<Setup>,
}

impl Seen {
    fn new(subject: &Subject, seed: u64) -> Seen {
        let mut drawn = [const { None }; PLACES.len() * DEFOCUS.len()];
        let setup = match subject {
            Subject::Fundus(scene) => {
                let scene = Scene {
                    size: PREVIEW,
                    ..scene.clone()
                };
                Some(Setup::new(&scene, TRAVEL))
            }
            Subject::NonFundus(kind) => {
                drawn[0] = Some(draw_non_fundus(*kind, seed, PREVIEW));
                None
            }
        };
        Seen { drawn, setup }
    }

    fn at(&mut self, which: Which) -> &RgbImage {
        match &self.setup {
            Some(setup) => self.drawn[which.index()]
                .get_or_insert_with(|| setup.photograph(&which.of_photograph())),
            None => self.drawn[0].get_or_insert_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fovea_render::by_name;

    fn camera(names: &[&str]) -> Demo {
        let presets: Vec<&Preset> = names.iter().map(|name| by_name(name).unwrap()).collect();
        Demo::paced(&presets, Pace::of(&Clock::start(), Duration::ZERO))
    }

    fn shown(camera: &mut Demo) -> RgbImage {
        let mut frame = Frame::default();
        camera.next(&mut frame, Duration::ZERO).unwrap();
        frame.rgb
    }

    /// Mean step between horizontal neighbours in green, where vessels show;
    /// on a small copy, which noise does not reach.
    fn sharpness(rgb: &RgbImage) -> f64 {
        const SIDE: u32 = 270;
        let copy = image::imageops::thumbnail(rgb, SIDE, SIDE);
        let step = |x, y| {
            let (a, b) = (copy.get_pixel(x - 1, y)[1], copy.get_pixel(x, y)[1]);
            f64::from(a.abs_diff(b))
        };
        (0..SIDE)
            .flat_map(|y| (1..SIDE).map(move |x| (x, y)))
            .map(|(x, y)| step(x, y))
            .sum()
    }

    #[test]
    fn it_starts_blurred_moves_a_little_and_comes_into_focus() {
        let mut camera = camera(&["healthy"]);
        let first = shown(&mut camera);
        assert_eq!(first.dimensions(), (PREVIEW, PREVIEW));
        camera.frames = REST;
        let second = shown(&mut camera);
        assert_ne!(first, second, "it moves");
        camera.frames = 2 * RATE;
        let sharp = shown(&mut camera);
        assert!(sharpness(&sharp) > 1.3 * sharpness(&first));
        camera.frames = 0;
        assert_eq!(shown(&mut camera), first, "what was drawn is shown again");
    }

    #[test]
    fn every_moment_of_the_focusing_comes_and_it_begins_anew() {
        let mut camera = camera(&["healthy"]);
        let mut at = |frames: u32| {
            camera.frames = frames;
            camera.moment().focus
        };
        let frames = [0, RATE - 1, RATE, RATE + RATE / 2, 8 * RATE, 9 * RATE];
        assert_eq!(frames.map(&mut at), [2, 2, 1, 0, 0, 2]);
    }

    #[test]
    fn no_step_of_the_eye_is_larger_than_another() {
        let reach = |p: [f32; 2]| p[0].hypot(p[1]);
        for (i, place) in PLACES.iter().enumerate() {
            let next = PLACES[(i + 1) % PLACES.len()];
            let step = reach([next[0] - place[0], next[1] - place[1]]);
            assert!((1.9..2.1).contains(&step), "{i}: {step}");
            assert!(reach(*place) <= 1000.0 * TRAVEL + 0.001);
        }
    }

    #[test]
    fn an_exam_sees_a_healthy_right_and_a_diseased_left_eye() {
        let mut camera = camera(&["healthy", "glaucoma"]);
        let mut sees = |eye| {
            camera.aim(eye);
            let Subject::Fundus(scene) = camera.subject() else {
                panic!("an eye");
            };
            (scene.eye, scene.findings.cupping > 0.0)
        };
        use fovea_render::Eye as Drawn;
        assert_eq!(sees(Eye::Right), (Drawn::Right, false));
        assert_eq!(sees(Eye::Right), (Drawn::Right, false), "a second try");
        assert_eq!(sees(Eye::Left), (Drawn::Left, true));
        assert_eq!(sees(Eye::Right), (Drawn::Right, false), "the next patient");
    }

    #[test]
    fn a_photograph_is_larger_and_in_the_focus_of_the_moment() {
        let mut camera = camera(&["healthy"]);
        let mut photograph = |frames: u32| {
            camera.frames = frames;
            let mut frame = Frame::default();
            camera.still(&mut frame).unwrap();
            frame.rgb
        };
        let (blurred, sharp) = (photograph(0), photograph(3 * RATE));
        assert_eq!(sharp.dimensions(), (PHOTOGRAPH, PHOTOGRAPH));
        assert!(sharpness(&sharp) > 1.3 * sharpness(&blurred));
    }

    #[test]
    fn what_is_no_eye_is_shown_too() {
        let mut camera = camera(&["hand"]);
        let first = shown(&mut camera);
        camera.frames = REST;
        assert_eq!(shown(&mut camera), first);
        assert_eq!(first.dimensions(), (PREVIEW, PREVIEW));
    }
}
