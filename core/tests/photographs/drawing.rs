//! Draws photographs to test with: a lit disc with vessels and grain on a
//! border. Plain arithmetic only, so the bytes are the same everywhere.

use image::{Rgb, RgbImage};

/// A photograph to draw; start from [`Scene::new`] and change what matters.
#[derive(Clone)]
pub struct Scene {
    pub frame: (u32, u32),
    pub centre: (f32, f32),
    pub radii: (f32, f32),
    /// Colour of the middle of the retina.
    pub retina: [f32; 3],
    pub border: [f32; 3],
    /// How much of the retina's light spills onto the border next to it.
    pub glow: f32,
    /// Largest difference that grain makes, in levels.
    pub grain: f32,
    /// Draws the disc, the vessels and a bright spot.
    pub structure: bool,
}

impl Scene {
    pub fn new(frame: (u32, u32), centre: (f32, f32), radii: (f32, f32)) -> Scene {
        Scene {
            frame,
            centre,
            radii,
            retina: [190.0, 100.0, 45.0],
            border: [2.0, 2.0, 2.0],
            glow: 0.0,
            grain: 4.0,
            structure: true,
        }
    }

    pub fn draw(&self) -> RgbImage {
        let mut grain = Noise(7);
        RgbImage::from_fn(self.frame.0, self.frame.1, |x, y| {
            let u = (x as f32 + 0.5 - self.centre.0) / self.radii.0;
            let v = (y as f32 + 0.5 - self.centre.1) / self.radii.1;
            let from_centre = (u * u + v * v).sqrt();
            let step = self.grain * (grain.next() - 0.5);
            let colour = if from_centre <= 1.0 {
                self.retina_at(u, v)
            } else {
                let glow = self.glow * (1.0 - 4.0 * (from_centre - 1.0)).max(0.0);
                [0, 1, 2].map(|i| self.border[i] + glow * self.retina[i])
            };
            Rgb(colour.map(|c| (c + step).clamp(0.0, 255.0) as u8))
        })
    }

    fn retina_at(&self, u: f32, v: f32) -> [f32; 3] {
        let fall_off = 1.0 - 0.35 * (u * u + v * v);
        let mut colour = self.retina.map(|c| c * fall_off);
        if self.structure {
            let vessel = |offset: f32, bend: f32| (v - offset - bend * (u - 0.4) * (u - 0.4)).abs();
            if vessel(0.05, 0.7) < 0.02 || vessel(-0.05, -0.7) < 0.02 || vessel(0.0, -0.2) < 0.01 {
                colour = [colour[0] * 0.75, colour[1] * 0.5, colour[2] * 0.6];
            }
            if (u - 0.5) * (u - 0.5) + v * v < 0.02 {
                colour = [1.3, 1.8, 2.0].map(|gain: f32| gain * 90.0);
            }
        }
        colour
    }
}

/// White noise, 0 to 1.
pub struct Noise(pub u32);

impl Noise {
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

/// Every pixel its own random colour.
pub fn noise(width: u32, height: u32) -> RgbImage {
    let mut noise = Noise(3);
    RgbImage::from_fn(width, height, |_, _| {
        Rgb([0; 3].map(|_| (noise.next() * 255.0) as u8))
    })
}

/// An ordinary picture: overlapping rectangles of the given colours over the
/// whole frame, every one a little shaded.
pub fn clutter(width: u32, height: u32, colours: &[[f32; 3]]) -> RgbImage {
    let mut noise = Noise(11);
    let mut picture = RgbImage::from_pixel(width, height, Rgb(colours[0].map(|c| c as u8)));
    for i in 0..60 {
        let colour = colours[i % colours.len()];
        let shade = 0.6 + 0.6 * noise.next();
        let (x, y) = (noise.next() * width as f32, noise.next() * height as f32);
        let (w, h) = (
            (0.05 + 0.3 * noise.next()) * width as f32,
            (0.05 + 0.3 * noise.next()) * height as f32,
        );
        for py in y as u32..((y + h) as u32).min(height) {
            for px in x as u32..((x + w) as u32).min(width) {
                let light = shade * (1.0 + 0.2 * (px as f32 - x) / w);
                picture.put_pixel(px, py, Rgb(colour.map(|c| (c * light).min(255.0) as u8)));
            }
        }
    }
    picture
}

/// Fills a rectangle, as burnt-in text and orientation tabs do.
pub fn block(picture: &mut RgbImage, x: u32, y: u32, width: u32, height: u32, colour: [u8; 3]) {
    for py in y..(y + height).min(picture.height()) {
        for px in x..(x + width).min(picture.width()) {
            picture.put_pixel(px, py, Rgb(colour));
        }
    }
}
