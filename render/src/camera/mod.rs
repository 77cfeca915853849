//! What belongs to camera and moment: light, lids, dust, focus, exposure.

mod dust;
mod illumination;
mod lids;
mod sensor;
mod stop;

use image::RgbImage;
use libm::exp2f;

use super::canvas::Canvas;
use super::colour::{plus, scaled, times, Light};
use super::fundus::{Fundus, Layout};
use super::scene::{CameraFaults, Scene};
pub use sensor::Sensor;

/// Blur of a well-focused photograph, and what full defocus adds to it, as shares
/// of its side.
const SHARPEST: f32 = 0.000_75;
const BLURRIEST: f32 = 0.016;

/// What changes from one frame of a live camera to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// How far the fundus has moved to the right and down, as a share of the
    /// photograph's side; held within the travel that was painted.
    pub shift: [f32; 2],
    /// Defocus beyond the scene's own, 0..1.
    pub defocus: f32,
    /// Exposure beyond the scene's own, stops.
    pub exposure: f32,
    /// Which frame this is: each has its own noise.
    pub frame: u64,
}

/// A camera in front of an eye: everything that stays while frames pass.
#[derive(Clone, Debug)]
pub struct Setup {
    fundus: Fundus,
    faults: CameraFaults,
    /// Per pixel of the photograph, what the light is multiplied with and
    /// what is added to it.
    gain: Vec<Light>,
    veil: Vec<Light>,
    sensor: Sensor,
}

impl Setup {
    /// Paints the eye of `scene` and prepares the camera. `travel`, 0..0.5, is
    /// how far the fundus may later move in any direction, as a share of the
    /// photograph's side; 0 for a still.
    pub fn new(scene: &Scene, travel: f32) -> Setup {
        let scene = &scene.within_range();
        let fundus = Fundus::paint(scene, travel);
        let layout = fundus.layout;
        let side = layout.size as usize;
        let mut gain = vec![[1.0; 3]; side * side];
        let mut veil = vec![[0.0; 3]; side * side];
        illumination::apply(&mut gain, &mut veil, scene, &layout, mean(&fundus.canvas));
        dust::apply(&mut gain, &mut veil, scene, &layout);
        lids::apply(&mut gain, &mut veil, scene, &layout);
        stop::apply(&mut gain, &mut veil, scene, &layout);
        Setup {
            fundus,
            faults: scene.camera,
            gain,
            veil,
            sensor: Sensor::new(scene.seed),
        }
    }

    /// One frame, square, of the scene's size.
    pub fn photograph(&self, moment: &Moment) -> RgbImage {
        let side = self.fundus.layout.size;
        let defocus = (self.faults.defocus + moment.defocus).clamp(0.0, 1.0);
        let sigma = (SHARPEST + BLURRIEST * defocus) * side as f32;
        let seen = window(&self.fundus, moment.shift).blurred(sigma);
        let stops =
            moment.exposure + 3.0 * self.faults.over_exposure - 7.0 * self.faults.under_exposure;
        let exposure = exp2f(stops);
        self.sensor.expose(side, side, moment.frame, |i| {
            scaled(
                plus(times(seen.pixels[i], self.gain[i]), self.veil[i]),
                exposure,
            )
        })
    }
}

/// The part of the painted retina that the photograph shows.
fn window(fundus: &Fundus, shift: [f32; 2]) -> Canvas {
    let Layout { size, margin, .. } = fundus.layout;
    let side = size as usize;
    let room = margin as f32;
    let start = shift.map(|s| {
        let s = if s.is_finite() { s } else { 0.0 };
        room - (s * size as f32).clamp(-room, room)
    });
    let whole = start.map(|s| s.floor() as usize);
    let part = [start[0] - whole[0] as f32, start[1] - whole[1] as f32];
    let from = &fundus.canvas;
    let last = from.width - 1;
    let mut out = Canvas::new(side, side);
    out.fill(|x, y| {
        let (x0, y0) = (x + whole[0], y + whole[1]);
        let (x1, y1) = ((x0 + 1).min(last), (y0 + 1).min(last));
        let at = |x: usize, y: usize| from.pixels[y * from.width + x];
        let (a, b, c, d) = (at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1));
        std::array::from_fn(|k| {
            let top = a[k] + (b[k] - a[k]) * part[0];
            let bottom = c[k] + (d[k] - c[k]) * part[0];
            top + (bottom - top) * part[1]
        })
    });
    out
}

/// Mean light of what is painted.
fn mean(canvas: &Canvas) -> Light {
    let mut sum = [0.0f64; 3];
    let mut count = 0.0f64;
    for pixel in canvas.pixels.iter().filter(|p| p[0] > 0.0) {
        for c in 0..3 {
            sum[c] += f64::from(pixel[c]);
        }
        count += 1.0;
    }
    sum.map(|s| (s / count.max(1.0)) as f32)
}
