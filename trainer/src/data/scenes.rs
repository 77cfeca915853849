//! Pictures that are no fundus, drawn by seed: what a camera in a clinic sees
//! when no retina is before it. Outside of the eye, closed lids, a dark room, a
//! white frame, noise, a page; and ordinary photographs in a round reddish
//! field, so that a black border, a circle and red never alone mean a retina.
//!
//! They go through the same preparation as photographs.

use std::collections::BTreeMap;
use std::f32::consts::{PI, TAU};

use anyhow::{Context, Result};
use fovea_core::prepare::prepare;
use fovea_core::taxonomy::{ids, Taxonomy};
use image::{Rgb, RgbImage};
use rand::seq::IndexedRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::config::{SourceConfig, Statement};
use super::labels::{Said, Sheet};
use super::{Example, Origin, Split};

/// The examples of a source of drawn scenes: `draws` of each split, labelled
/// by `every`, or `non_fundus` where that says nothing.
pub fn import(taxonomy: &Taxonomy, config: &SourceConfig) -> Result<Vec<Example>> {
    let source = &config.name;
    let draws = config
        .draws
        .with_context(|| format!("source {source} needs `draws`"))?;
    let mut every = config.every.clone();
    if every == Statement::default() {
        every.present.push(ids::NON_FUNDUS.to_owned());
    }
    let mut sheet = Sheet::new(taxonomy);
    sheet.apply(&Said::resolve(
        taxonomy,
        &every,
        &format!("source {source}: `every`"),
    )?)?;
    let labels = sheet.finish(&[])?;
    let counts = [
        (Split::Train, draws.train),
        (Split::Val, draws.val),
        (Split::Test, draws.test),
    ];
    let all = counts.iter().enumerate().flat_map(|(k, &(split, count))| {
        (0..count).map(move |n| (split, ((k as u64) << 32) + n as u64))
    });
    Ok(all
        .map(|(split, seed)| {
            let name = format!("{source}-{}-{:05}", split.name(), seed & 0xFFFF_FFFF);
            Example {
                source: source.clone(),
                image: name.clone().into(),
                origin: Origin::Scene { seed },
                patient: name,
                split,
                labels: labels.clone(),
                aspect: 1.0,
                raw: BTreeMap::new(),
            }
        })
        .collect())
}

/// Draws one scene and prepares it to `size` pixels a side. `photographs` are
/// ordinary photographs, prepared to the same size, that may be built upon.
pub fn draw(size: u32, photographs: &[&[u8]], rng: &mut ChaCha8Rng) -> RgbImage {
    // A frame as a camera gives it: wider than high, mostly.
    let height = (size as f32 * rng.random_range(1.0..1.3)) as u32;
    let width = (height as f32 * rng.random_range(1.0..1.6)) as u32;
    let scene = match rng.random_range(0..100) {
        0..30 => eye(width, height, rng),
        30..40 => skin(width, height, rng),
        40..50 => dark_room(width, height, rng),
        50..60 => plain(width, height, rng),
        60..66 => static_noise(width, height, rng),
        66..72 => page(width, height, rng),
        _ => match photographs.choose(rng) {
            Some(photograph) => round(photograph, size, rng),
            None => eye(width, height, rng),
        },
    };
    prepare(&scene, size).rgb
}

/// Smooth random field: value noise over a lattice, with octaves.
struct Cloud {
    seed: u32,
    /// Lattice cells per unit.
    scale: f32,
    octaves: u32,
}

impl Cloud {
    fn new(scale: f32, octaves: u32, rng: &mut ChaCha8Rng) -> Cloud {
        Cloud {
            seed: rng.random(),
            scale,
            octaves,
        }
    }

    /// From -1 to 1.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (mut sum, mut weight, mut scale) = (0.0, 0.0, self.scale);
        for octave in 0..self.octaves {
            let share = 0.5f32.powi(octave as i32);
            sum += share * self.lattice(x * scale, y * scale, self.seed.wrapping_add(octave));
            weight += share;
            scale *= 2.0;
        }
        sum / weight
    }

    fn lattice(&self, x: f32, y: f32, seed: u32) -> f32 {
        let corner = |i: i32, j: i32| {
            let mut h = (i as u32).wrapping_mul(0x8DA6_B343)
                ^ (j as u32).wrapping_mul(0xD816_3841)
                ^ seed.wrapping_mul(0xCB1A_B31F);
            h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
            h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
            (h ^ (h >> 15)) as f32 / u32::MAX as f32 * 2.0 - 1.0
        };
        let (i, j) = (x.floor(), y.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (ease(x - i), ease(y - j));
        let (i, j) = (i as i32, j as i32);
        let upper = corner(i, j) * (1.0 - u) + corner(i + 1, j) * u;
        let lower = corner(i, j + 1) * (1.0 - u) + corner(i + 1, j + 1) * u;
        upper * (1.0 - v) + lower * v
    }
}

type Colour = [f32; 3];

fn blend(a: Colour, b: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|c| a[c] * (1.0 - share) + b[c] * share)
}

fn lit(colour: Colour, light: f32) -> Colour {
    colour.map(|v| v * light)
}

/// Paints `width` x `height`; `colour` gets places from -1 to 1 on the shorter
/// axis, about the centre, and answers in 0..255.
fn paint(width: u32, height: u32, colour: impl Fn(f32, f32) -> Colour) -> RgbImage {
    let half = width.min(height) as f32 / 2.0;
    RgbImage::from_fn(width, height, |x, y| {
        let px = (x as f32 - width as f32 / 2.0) / half;
        let py = (y as f32 - height as f32 / 2.0) / half;
        Rgb(colour(px, py).map(|v| v.clamp(0.0, 255.0) as u8))
    })
}

fn skin_tone(rng: &mut ChaCha8Rng) -> Colour {
    const TONES: [Colour; 6] = [
        [238.0, 200.0, 178.0],
        [222.0, 172.0, 142.0],
        [198.0, 142.0, 108.0],
        [160.0, 108.0, 78.0],
        [116.0, 76.0, 54.0],
        [78.0, 52.0, 38.0],
    ];
    let tone = *TONES.choose(rng).unwrap_or(&TONES[0]);
    tone.map(|v| v * rng.random_range(0.92..1.08))
}

/// Where light falls: a soft spot on an otherwise dimmer scene, or even light.
fn illumination(rng: &mut ChaCha8Rng) -> impl Fn(f32, f32) -> f32 {
    let (cx, cy) = (rng.random_range(-0.6..0.6), rng.random_range(-0.6..0.6));
    let width: f32 = rng.random_range(0.7..3.0);
    let floor: f32 = rng.random_range(0.15..0.9);
    let gain: f32 = rng.random_range(0.6..1.25);
    move |x: f32, y: f32| {
        let off = ((x - cx).powi(2) + (y - cy).powi(2)) / (width * width);
        gain * (floor + (1.0 - floor) * (-off).exp())
    }
}

/// The outside of an open eye: lids, sclera with vessels, iris, pupil, lashes.
fn eye(width: u32, height: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    const IRISES: [Colour; 6] = [
        [62.0, 36.0, 20.0],
        [96.0, 60.0, 30.0],
        [120.0, 92.0, 48.0],
        [88.0, 104.0, 72.0],
        [92.0, 118.0, 142.0],
        [46.0, 30.0, 24.0],
    ];
    let zoom = rng.random_range(0.5..1.8);
    let (cx, cy) = (rng.random_range(-0.35..0.35), rng.random_range(-0.3..0.3));
    let tilt: f32 = rng.random_range(-0.3..0.3);
    let (sin, cos) = tilt.sin_cos();
    let skin = skin_tone(rng);
    let pores = Cloud::new(5.0, 4, rng);
    let vessels = Cloud::new(3.0, 3, rng);
    let fibres = Cloud::new(1.0, 3, rng);
    let light = illumination(rng);
    let iris = *IRISES.choose(rng).unwrap_or(&IRISES[0]);
    let iris_radius = rng.random_range(0.34..0.44);
    let pupil_radius = iris_radius * rng.random_range(0.25..0.75);
    let (ix, iy) = (rng.random_range(-0.25..0.25), rng.random_range(-0.1..0.1));
    // Through a fundus camera the pupil often shines back.
    let pupil = match rng.random_range(0..3) {
        0 => [
            rng.random_range(120.0..240.0),
            rng.random_range(30.0..110.0),
            20.0,
        ],
        _ => [rng.random_range(4.0..22.0); 3],
    };
    let upper = rng.random_range(0.22..0.55);
    let lower = rng.random_range(0.2..0.42);
    let glints: Vec<[f32; 3]> = (0..rng.random_range(0..4))
        .map(|_| {
            [
                ix + rng.random_range(-0.2..0.2),
                iy + rng.random_range(-0.2..0.2),
                rng.random_range(0.015..0.07),
            ]
        })
        .collect();
    let redness = rng.random_range(0.05..0.5);
    let lashes = lash_strokes(rng);
    let lash_colour = [rng.random_range(5.0..60.0); 3];
    paint(width, height, |px, py| {
        let (dx, dy) = (px - cx, py - cy);
        let (x, y) = ((dx * cos + dy * sin) / zoom, (dy * cos - dx * sin) / zoom);
        // Lids: two arcs that meet at the corners.
        let arc = (1.0 - x * x).max(0.0);
        let (top, bottom) = (-upper * arc.powf(0.75), lower * arc);
        let opening = (y - top).min(bottom - y);
        let fold = (-((y - top * 1.5 + 0.12) / 0.03).powi(2)).exp();
        let mut colour = lit(skin, 1.0 + 0.12 * pores.at(x, y) - 0.3 * fold);
        if x.abs() < 1.0 && opening > 0.0 {
            let red = (1.0 - vessels.at(x, y * 2.0).abs() * 5.0).max(0.0) * redness;
            colour = blend([226.0, 216.0, 210.0], [176.0, 70.0, 60.0], red);
            let r = (x - ix).hypot(y - iy);
            if r < iris_radius {
                let angle = (y - iy).atan2(x - ix);
                let ray = fibres.at(angle * 14.0, r * 9.0);
                let rim = ((r - iris_radius * 0.85) / (iris_radius * 0.15)).max(0.0);
                colour = lit(iris, 1.0 + 0.45 * ray - 0.6 * rim);
                if r < pupil_radius {
                    colour = pupil;
                }
            }
            // The upper lid throws its shadow.
            colour = lit(colour, (0.45 + (y - top) * 3.5).clamp(0.45, 1.0));
            for [gx, gy, radius] in &glints {
                if (x - gx).hypot(y - gy) < *radius {
                    colour = [250.0; 3];
                }
            }
        } else if x.abs() < 1.0 && opening > -0.03 {
            colour = blend(colour, [170.0, 90.0, 80.0], 0.6);
        }
        let hair = lashes(x, y, top);
        lit(blend(colour, lash_colour, hair), light(px, py))
    })
}

/// How much of a lash there is at a place near the lid edge `top`.
fn lash_strokes(rng: &mut ChaCha8Rng) -> impl Fn(f32, f32, f32) -> f32 {
    let lashes: Vec<[f32; 3]> = (0..rng.random_range(15..50))
        .map(|_| {
            [
                rng.random_range(-0.95..0.95),
                rng.random_range(0.1..0.32),
                rng.random_range(-0.3..0.3),
            ]
        })
        .collect();
    move |x, y, top| {
        let up = top - y;
        let mut share = 0.0f32;
        for [place, length, lean] in &lashes {
            if up > -0.02 && up < *length {
                let bend = place * 0.5 + lean;
                let off = (x - place - bend * up - up * up * bend).abs();
                share = share.max((1.0 - off / (0.016 * (1.1 - up / length))).clamp(0.0, 1.0));
            }
        }
        share
    }
}

/// Skin close by, with the crease and the lashes of a closed lid: without them
/// it would look like a retina behind dense haze, which has a label of its own.
fn skin(width: u32, height: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let tone = skin_tone(rng);
    let coarse = Cloud::new(rng.random_range(0.8..2.0), 3, rng);
    let pores = Cloud::new(18.0, 2, rng);
    let light = illumination(rng);
    let lashes = lash_strokes(rng);
    let (bend, at): (f32, f32) = (rng.random_range(-0.4..0.4), rng.random_range(-0.5..0.5));
    let angle: f32 = rng.random_range(0.0..TAU);
    let (sin, cos) = angle.sin_cos();
    paint(width, height, |px, py| {
        let (x, y) = (px * cos + py * sin, py * cos - px * sin);
        let mut colour = lit(tone, 1.0 + 0.15 * coarse.at(x, y) + 0.08 * pores.at(x, y));
        let edge = at + bend * x * x;
        let crease = (-((y - edge) / 0.035).powi(2)).exp();
        colour = lit(colour, 1.0 - 0.55 * crease);
        colour = blend(colour, [20.0, 14.0, 12.0], lashes(x, y, edge));
        lit(colour, light(px, py))
    })
}

/// Almost nothing, with a lamp or a window somewhere.
fn dark_room(width: u32, height: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let base = rng.random_range(0.0..22.0);
    let tint = [0; 3].map(|_| rng.random_range(0.5..1.2));
    let shapes = Cloud::new(rng.random_range(1.0..4.0), 3, rng);
    let lamps: Vec<[f32; 4]> = (0..rng.random_range(0..3))
        .map(|_| {
            [
                rng.random_range(-1.2..1.2),
                rng.random_range(-1.0..1.0),
                rng.random_range(0.05..0.4),
                rng.random_range(20.0..220.0),
            ]
        })
        .collect();
    let picture = paint(width, height, |x, y| {
        let mut light = base * (1.0 + shapes.at(x, y));
        for [lx, ly, radius, strength] in &lamps {
            let off = ((x - lx).powi(2) + (y - ly).powi(2)) / (radius * radius);
            light += strength * (-off).exp();
        }
        tint.map(|t: f32| t * light)
    });
    grain(picture, rng.random_range(0.0..8.0), rng)
}

/// A frame of one colour or a soft gradient: a white wall, the lens cap, paper.
fn plain(width: u32, height: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let colour = |rng: &mut ChaCha8Rng| -> Colour {
        let level = rng.random_range(60.0..255.0);
        let tint = rng.random_range(0.0..0.35);
        // Never redder than blue by much: that is what an overexposed retina
        // may look like, and it has a label of its own.
        let blue = level * (1.0 + tint);
        [level, level * rng.random_range(0.9..1.1), blue]
    };
    let (from, to) = (colour(rng), colour(rng));
    let even = rng.random_bool(0.5);
    let angle: f32 = rng.random_range(0.0..TAU);
    let (sin, cos) = angle.sin_cos();
    let picture = paint(width, height, |x, y| match even {
        true => from,
        false => blend(from, to, 0.5 + 0.5 * (x * cos + y * sin)),
    });
    grain(picture, rng.random_range(0.0..5.0), rng)
}

/// A broken signal: grain, stripes or a chequerboard.
fn static_noise(width: u32, height: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let kind = rng.random_range(0..3);
    let period = rng.random_range(0.05..0.5);
    let angle: f32 = rng.random_range(0.0..PI);
    let (sin, cos) = angle.sin_cos();
    let (low, high): (Colour, Colour) = (
        [0; 3].map(|_| rng.random_range(0.0..120.0)),
        [0; 3].map(|_| rng.random_range(120.0..255.0)),
    );
    let middle = blend(low, high, 0.5);
    let picture = paint(width, height, |px, py| {
        let (x, y) = (px * cos + py * sin, py * cos - px * sin);
        let odd = |v: f32| (v / period).floor().rem_euclid(2.0) > 0.5;
        match kind {
            0 => middle,
            1 if odd(x) => low,
            2 if odd(x) != odd(y) => low,
            _ => high,
        }
    });
    let sigma = match kind {
        0 => rng.random_range(30.0..110.0),
        _ => rng.random_range(0.0..15.0),
    };
    grain(picture, sigma, rng)
}

/// Lines of print on paper or light on a screen.
fn page(width: u32, height: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let (paper, ink): (Colour, Colour) = match rng.random_bool(0.7) {
        true => (
            [rng.random_range(180.0..255.0); 3],
            [rng.random_range(0.0..70.0); 3],
        ),
        false => (
            [rng.random_range(0.0..50.0); 3],
            [rng.random_range(150.0..255.0); 3],
        ),
    };
    let line = rng.random_range(0.06..0.2);
    let letters = Cloud::new(3.0 / line, 1, rng);
    let words = Cloud::new(0.9 / line, 1, rng);
    let tilt: f32 = rng.random_range(-0.2..0.2);
    let (sin, cos) = tilt.sin_cos();
    let light = illumination(rng);
    paint(width, height, |px, py| {
        let (x, y) = (px * cos + py * sin, py * cos - px * sin);
        let row = (y / line).floor();
        let within = y / line - row;
        let inked = within > 0.25
            && within < 0.8
            && letters.at(x, y) > 0.05
            && words.at(x, row * 7.3) > -0.35
            && x.abs() < 1.1;
        lit(if inked { ink } else { paper }, light(px, py))
    })
}

/// Gaussian grain, the same in all channels by half.
fn grain(mut picture: RgbImage, sigma: f32, rng: &mut ChaCha8Rng) -> RgbImage {
    for pixel in picture.pixels_mut() {
        let bytes: [u8; 8] = rng.random();
        let pair = |i: usize| f32::from(bytes[i]) + f32::from(bytes[i + 1]) - 255.0;
        for c in 0..3 {
            let shift = (pair(0) + pair(2 + 2 * c)) * sigma / 148.0;
            pixel.0[c] = (f32::from(pixel.0[c]) + shift).clamp(0.0, 255.0) as u8;
        }
    }
    picture
}

/// An ordinary photograph as a fundus camera would frame it: a round field on
/// black, often cut at top and bottom, tinted like a retina.
fn round(photograph: &[u8], size: u32, rng: &mut ChaCha8Rng) -> RgbImage {
    let side = size as f32;
    let tint: Colour = match rng.random_bool(0.75) {
        true => [
            rng.random_range(0.9..1.5),
            rng.random_range(0.4..0.9),
            rng.random_range(0.1..0.6),
        ],
        false => [1.0; 3],
    };
    // Retinas are of one hue: take the photograph's own colours back.
    let grey = rng.random_range(0.0..1.0);
    let cut = match rng.random_bool(0.5) {
        true => rng.random_range(0.7..1.0),
        false => 1.0,
    };
    let turn = rng.random_bool(0.5);
    let radius = rng.random_range(0.42..0.5) * side;
    let dim = rng.random_range(0.0..0.6);
    RgbImage::from_fn(size, size, |x, y| {
        let (dx, dy) = (x as f32 + 0.5 - side / 2.0, y as f32 + 0.5 - side / 2.0);
        let off = dx.hypot(dy) / radius;
        if off > 1.0 || dy.abs() > radius * cut {
            return Rgb([0; 3]);
        }
        let (sx, sy) = if turn { (y, x) } else { (x, y) };
        let at = ((sy * size + sx) * 3) as usize;
        let colour: Colour = std::array::from_fn(|c| f32::from(photograph[at + c]));
        let luma = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];
        let colour = lit(blend(colour, [luma; 3], grey), 1.0 - dim * off * off);
        Rgb(std::array::from_fn(|c| {
            (colour[c] * tint[c]).clamp(0.0, 255.0) as u8
        }))
    })
}
