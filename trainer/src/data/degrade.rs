//! Graded damage to sound photographs, so that the network learns what cannot
//! be graded (HKGL section III-C) and how much damage a diagnosis survives.
//!
//! The strength `t` of the damage runs from 0 to 1. Up to [`MILD`] the
//! photograph keeps all its labels; from [`SEVERE`] on the kind of damage is
//! present and the eye's labels are unknown; between the two, where readers
//! would disagree, both are unknown.

use std::f32::consts::TAU;

use fovea_core::taxonomy::{ids, Label, Subject, Taxonomy};
use rand::seq::IndexedRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::labels::finest;
use super::pixels;

const MILD: f32 = 0.35;
const SEVERE: f32 = 0.6;
/// From here on darkness, glare or haze leave no trace of a retina: whether
/// there was one before the camera, nobody could tell.
const BLIND: f32 = 0.85;

/// How often photographs are damaged. The `augment.degrade` table of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DegradeConfig {
    /// Chance that a photograph without known fault is damaged, 0..1; 0.2 by default.
    pub chance: f64,
    /// Of the damaged ones, the share damaged severely, 0..1; 0.5 by default. With `mild` at most
    /// 1.
    pub severe: f64,
    /// Of the damaged ones, the share that stays mild, 0..1; 0.35 by default.
    pub mild: f64,
    /// Of the severe ones, the share with a second kind of damage, 0..1; 0.15 by default. A second
    /// kind that cannot be seen beside the first is left out.
    pub combined: f64,
    /// The kinds of damage that are done; all when empty. A kind left out here
    /// and asked for in evaluation tells how unseen faults fare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Damage>,
}

impl Default for DegradeConfig {
    fn default() -> Self {
        DegradeConfig {
            chance: 0.2,
            severe: 0.5,
            mild: 0.35,
            combined: 0.15,
            kinds: Vec::new(),
        }
    }
}

impl DegradeConfig {
    /// The same chance of damage, all of it too mild to change a label.
    pub(super) fn without_labels(&self) -> DegradeConfig {
        DegradeConfig {
            severe: 0.0,
            mild: 1.0,
            ..self.clone()
        }
    }

    fn kinds(&self) -> &[Damage] {
        match self.kinds.is_empty() {
            true => &Damage::ALL,
            false => &self.kinds,
        }
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, share) in [
            ("chance", self.chance),
            ("severe", self.severe),
            ("mild", self.mild),
            ("combined", self.combined),
        ] {
            anyhow::ensure!(
                (0.0..=1.0).contains(&share),
                "degrade.{name} is {share}; it lies in 0..1"
            );
        }
        anyhow::ensure!(
            self.severe + self.mild <= 1.0,
            "degrade.severe and degrade.mild are shares of one whole; their sum is above 1"
        );
        Ok(())
    }
}

/// What damage leaves of a photograph's labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that was known stays true.
    #[default]
    Sound,
    /// Too much to be sure, too little to refuse: these nodes and the eye's
    /// are unknown.
    Doubtful(Vec<&'static str>),
    /// These nodes are present, the eye's are unknown.
    Ungradable {
        /// Ids of the faults that are present now.
        nodes: Vec<&'static str>,
        /// Nothing shows any more that a retina was photographed, so
        /// `non_fundus` is unknown too: an empty dark frame looks the same.
        blind: bool,
    },
}

/// A kind of damage, as run files name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Too little light.
    Dark,
    /// Light on a small part of the field only, as through a narrow pupil.
    Pinhole,
    /// Too much light.
    Bright,
    /// Out of focus, by any amount.
    Defocus,
    /// Moved while the shutter was open.
    Motion,
    /// A veil of the retina's own colour.
    Haze,
    /// A veil of another colour, uneven: lens, tears, a dirty front glass.
    Veil,
    /// Light from one side, or in a ring.
    Uneven,
    /// Lashes, lids, dust, drops, reflections.
    Artefact,
}

impl Damage {
    /// Every kind there is.
    pub const ALL: [Damage; 9] = [
        Damage::Dark,
        Damage::Pinhole,
        Damage::Bright,
        Damage::Defocus,
        Damage::Motion,
        Damage::Haze,
        Damage::Veil,
        Damage::Uneven,
        Damage::Artefact,
    ];

    /// The node of the taxonomy that it makes present.
    fn node(self) -> &'static str {
        match self {
            Damage::Dark | Damage::Pinhole => ids::DARK,
            Damage::Bright => ids::BRIGHT,
            Damage::Defocus | Damage::Motion | Damage::Haze | Damage::Veil => ids::BLURRED,
            Damage::Uneven | Damage::Artefact => ids::ARTEFACT,
        }
    }

    /// Whether both can be seen. Dark and bright together would look like neither.
    fn goes_with(self, other: Damage) -> bool {
        let exposure = |d: Damage| matches!(d.node(), ids::DARK | ids::BRIGHT);
        self.node() != other.node() && !(exposure(self) && exposure(other))
    }

    fn inflict(self, pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
        match self {
            Damage::Dark => dark(pixels, size, t, rng),
            Damage::Pinhole => pinhole(pixels, size, t, rng),
            Damage::Bright => bright(pixels, size, t, rng),
            Damage::Defocus => defocus(pixels, size, t, rng),
            Damage::Motion => motion(pixels, size, t, rng),
            Damage::Haze => haze(pixels, size, t, rng),
            Damage::Veil => veil(pixels, size, t, rng),
            Damage::Uneven => uneven(pixels, size, t, rng),
            Damage::Artefact => artefact(pixels, size, t, rng),
        }
    }
}

/// Whether damage may be done: nothing is known to be wrong already.
pub fn is_sound(taxonomy: &Taxonomy, labels: &[Label]) -> bool {
    finest(taxonomy, Subject::Photograph).all(|node| labels[node] != Label::Present)
        && taxonomy
            .index(ids::LOW_QUALITY)
            .is_none_or(|node| labels[node] != Label::Present)
}

/// Damages `pixels` (size x size x 3, RGB by rows) or leaves them, as `config` and `rng` decide.
pub fn degrade(
    config: &DegradeConfig,
    pixels: &mut [u8],
    size: usize,
    rng: &mut ChaCha8Rng,
) -> Outcome {
    if !rng.random_bool(config.chance) {
        return Outcome::Sound;
    }
    let first = *config.kinds().choose(rng).unwrap_or(&Damage::Dark);
    let draw: f64 = rng.random();
    if draw < config.mild {
        first.inflict(pixels, size, rng.random_range(0.0..=MILD), rng);
        Outcome::Sound
    } else if draw < 1.0 - config.severe {
        first.inflict(pixels, size, rng.random_range(MILD..SEVERE), rng);
        Outcome::Doubtful(vec![first.node()])
    } else {
        let t = rng.random_range(SEVERE..=1.0);
        first.inflict(pixels, size, t, rng);
        let blind = t >= BLIND && first != Damage::Artefact;
        let mut nodes = vec![first.node()];
        if rng.random_bool(config.combined) {
            let second = *config.kinds().choose(rng).unwrap_or(&Damage::Dark);
            if first.goes_with(second) {
                second.inflict(pixels, size, SEVERE, rng);
                nodes.push(second.node());
            }
        }
        Outcome::Ungradable { nodes, blind }
    }
}

/// What degrading makes of a sound photograph in the mean.
pub struct Expected {
    /// The chance that the eye keeps its labels.
    pub kept: f64,
    /// Per node of the taxonomy, the chance that damage makes it present.
    pub present: Vec<f64>,
}

impl Expected {
    /// The chances under `config` for a photograph known to have no fault.
    pub fn of(config: &DegradeConfig, taxonomy: &Taxonomy) -> Expected {
        let mut present = vec![0.0; taxonomy.nodes().len()];
        let mut add = |nodes: Vec<&'static str>, chance: f64| {
            let mut labels = vec![Label::Unknown; present.len()];
            let blind = false;
            Outcome::Ungradable { nodes, blind }.apply(taxonomy, &mut labels);
            for (sum, label) in present.iter_mut().zip(labels) {
                *sum += chance * f64::from(u8::from(label == Label::Present));
            }
        };
        let kinds = config.kinds();
        let each = 1.0 / kinds.len() as f64;
        let severe = config.chance * config.severe;
        for &first in kinds {
            add(vec![first.node()], severe * each * (1.0 - config.combined));
            for &second in kinds {
                let mut nodes = vec![first.node()];
                nodes.extend(first.goes_with(second).then_some(second.node()));
                add(nodes, severe * each * config.combined * each);
            }
        }
        Expected {
            kept: 1.0 - config.chance * (1.0 - config.mild),
            present,
        }
    }
}

impl Outcome {
    /// Changes `labels`, complete over `taxonomy`, to what is still known.
    pub fn apply(&self, taxonomy: &Taxonomy, labels: &mut [Label]) {
        let (nodes, label) = match self {
            Outcome::Sound => return,
            Outcome::Doubtful(nodes) => (nodes, Label::Unknown),
            Outcome::Ungradable { nodes, .. } => (nodes, Label::Present),
        };
        if matches!(self, Outcome::Ungradable { blind: true, .. }) {
            for id in [ids::NON_FUNDUS, "not_a_fundus"] {
                if let Some(node) = taxonomy.index(id) {
                    labels[node] = Label::Unknown;
                }
            }
        }
        for (node, known) in taxonomy.nodes().iter().zip(labels.iter_mut()) {
            if node.subject == Subject::Eye {
                *known = Label::Unknown;
            }
        }
        for node in nodes.iter().filter_map(|id| taxonomy.index(id)) {
            labels[node] = label;
            let mut parents = taxonomy.nodes()[node].parents.clone();
            while let Some(parent) = parents.pop() {
                labels[parent] = label;
                parents.extend(&taxonomy.nodes()[parent].parents);
            }
        }
    }
}

/// Straight lines through (0, 0), (MILD, `mild`), (SEVERE, `severe`) and
/// (1, `worst`): each kind of damage says what its strength means there.
fn ramp(t: f32, mild: f32, severe: f32, worst: f32) -> f32 {
    let between = |from: f32, to: f32, a: f32, b: f32| a + (b - a) * (t - from) / (to - from);
    if t < MILD {
        between(0.0, MILD, 0.0, mild)
    } else if t < SEVERE {
        between(MILD, SEVERE, mild, severe)
    } else {
        between(SEVERE, 1.0, severe, worst)
    }
}

/// Calls `change` with the place of every pixel inside the field, as shares of
/// the side from -1 to 1 about the centre.
fn each_inside(pixels: &mut [u8], size: usize, mut change: impl FnMut(f32, f32, &mut [u8])) {
    let unit = 2.0 / size as f32;
    for (y, row) in pixels.chunks_exact_mut(size * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            if pixels::inside(pixel) {
                change(x as f32 * unit - 1.0, y as f32 * unit - 1.0, pixel);
            }
        }
    }
}

fn direction(rng: &mut ChaCha8Rng) -> (f32, f32) {
    let angle: f32 = rng.random_range(0.0..TAU);
    (angle.cos(), angle.sin())
}

/// Too little light, and less of it on one side.
fn dark(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let stops = ramp(t, 0.8, 1.8, 3.2);
    let tilt = rng.random_range(0.0..0.5);
    let (dx, dy) = direction(rng);
    // Between two flashes the room or the focusing light gives the colour.
    let cast = match rng.random_bool(0.3) {
        true => cast(rng, ramp(t, 0.1, 0.4, 0.8)),
        false => [1.0; 3],
    };
    each_inside(pixels, size, |x, y, pixel| {
        let gain = (-stops * (1.0 + tilt * (x * dx + y * dy))).exp();
        (0..3).for_each(|c| pixel[c] = (f32::from(pixel[c]) * gain * cast[c]) as u8);
    });
    pixels::noise(pixels, ramp(t, 2.0, 4.0, 6.0), rng);
}

/// Too much light: channels run into their end one after the other.
fn bright(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let stops = ramp(t, 0.4, 1.2, 2.0);
    let veil = ramp(t, 8.0, 55.0, 110.0);
    let tilt = rng.random_range(0.0..0.4);
    let (dx, dy) = direction(rng);
    each_inside(pixels, size, |x, y, pixel| {
        let more = 1.0 + tilt * (x * dx + y * dy);
        let gain = (stops * more).exp();
        pixel
            .iter_mut()
            .for_each(|v| *v = (f32::from(*v) * gain + veil * more).min(255.0) as u8);
    });
}

/// A factor per channel, up to `exp(+-strength)`.
fn cast(rng: &mut ChaCha8Rng, strength: f32) -> [f32; 3] {
    [0; 3].map(|_| (rng.random_range(-1.0..=1.0) * strength).exp())
}

/// Out of focus: from a softness that hides microaneurysms to nothing but light.
fn defocus(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let sigma = ramp(t, 0.005, 0.022, 0.09) * size as f32;
    let (x, y) = match rng.random_range(0..4) {
        0 => (1.3, 0.7),
        1 => (0.7, 1.3),
        _ => (1.0, 1.0),
    };
    keep_border(pixels, |p| pixels::blur(p, size, sigma * x, sigma * y));
}

/// The eye or the camera moved: smeared along a line in any direction.
fn motion(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let length = ramp(t, 0.015, 0.07, 0.2) * size as f32;
    let (dx, dy) = direction(rng);
    keep_border(pixels, |p| pixels::smear(p, size, length * dx, length * dy));
}

/// Only the part of the field is lit that a narrow pupil lets the flash reach.
fn pinhole(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    // Without damage the hole is wider than the field, wherever it lies.
    let radius = 2.0 - ramp(t, 0.9, 1.55, 1.85);
    let (dx, dy) = direction(rng);
    let off = rng.random_range(0.0..0.5);
    let soft = rng.random_range(0.15..0.5);
    let left = 1.0 - ramp(t, 0.5, 0.88, 0.97);
    each_inside(pixels, size, |x, y, pixel| {
        let beyond = ((x - dx * off).hypot(y - dy * off) - radius) / soft;
        let gain = 1.0 - (1.0 - left) * beyond.clamp(0.0, 1.0);
        pixel
            .iter_mut()
            .for_each(|v| *v = (f32::from(*v) * gain) as u8);
    });
    pixels::noise(pixels, ramp(t, 1.0, 3.0, 5.0), rng);
}

/// Light from one side that leaves the other dark and washes its own out, or a
/// bright ring about a dark middle, or the other way round.
fn uneven(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let depth = ramp(t, 0.35, 1.0, 1.6);
    let wash = ramp(t, 0.1, 0.55, 0.9);
    let ring = rng.random_bool(0.35);
    let inwards = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
    let (dx, dy) = direction(rng);
    let middle = rng.random_range(0.4..0.75);
    let red = rng.random_range(170.0..255.0);
    let green = red * rng.random_range(0.45..1.0);
    let colour = [red, green, green * rng.random_range(0.5..1.0)];
    each_inside(pixels, size, |x, y, pixel| {
        // From -1, where the light is least, to 1.
        let lit = match ring {
            true => inwards * (x.hypot(y) - middle) * 2.5,
            false => x * dx + y * dy,
        };
        let gain = (depth * lit.clamp(-1.0, 1.0) * 1.3).exp().min(1.6);
        pixel
            .iter_mut()
            .for_each(|v| *v = (f32::from(*v) * gain).min(255.0) as u8);
        mix(pixel, colour, wash * lit.clamp(0.0, 1.0));
    });
}

/// A veil of any colour that lets more through in some places than in others.
fn veil(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let share = ramp(t, 0.25, 0.82, 0.98);
    let sigma = ramp(t, 0.003, 0.012, 0.05) * size as f32;
    let light = rng.random_range(70.0..240.0);
    // Grey, then towards green, orange, pink or blue.
    let hues = [
        [0.8, 1.0, 0.7],
        [1.0, 0.65, 0.3],
        [1.0, 0.7, 0.65],
        [0.7, 0.85, 1.0],
        [1.0, 0.95, 0.85],
    ];
    let hue = *hues.choose(rng).unwrap_or(&[1.0; 3]);
    let pale = rng.random_range(0.0..0.8);
    let colour = hue.map(|h| light * (h + (1.0 - h) * pale));
    let (dx, dy) = direction(rng);
    let (slope, dome) = (rng.random_range(0.0..0.15), rng.random_range(-0.15..0.15));
    keep_border(pixels, |p| pixels::blur(p, size, sigma, sigma));
    // Where no veil is, it is not uneven either.
    let uneven = (1.0 - share).min(3.0 * share);
    each_inside(pixels, size, |x, y, pixel| {
        let here = share + uneven * (slope * (x * dx + y * dy) + dome * x.hypot(y)) * 3.0;
        mix(pixel, colour, here.clamp(0.0, 1.0));
    });
}

/// A veil before the retina. An eye with cataract is hazy too and its haze is
/// the diagnosis; only a veil that leaves nothing to see is called severe.
fn haze(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let share = ramp(t, 0.25, 0.78, 0.93);
    let sigma = ramp(t, 0.004, 0.015, 0.04) * size as f32;
    let light = rng.random_range(0.7..1.5);
    let pale = rng.random_range(0.1..0.7);
    let (mut sum, mut count) = ([0.0f32; 3], 0.0f32);
    each_inside(pixels, size, |_, _, pixel| {
        (0..3).for_each(|c| sum[c] += f32::from(pixel[c]));
        count += 1.0;
    });
    let mean = sum.map(|s| s / count.max(1.0));
    let grey = mean.iter().sum::<f32>() / 3.0;
    let veil = mean.map(|m| ((m + (grey - m) * pale) * light).min(240.0));
    keep_border(pixels, |p| pixels::blur(p, size, sigma, sigma));
    each_inside(pixels, size, |_, _, pixel| {
        for c in 0..3 {
            pixel[c] = (f32::from(pixel[c]) * (1.0 - share) + veil[c] * share) as u8;
        }
    });
}

/// Blurring must not carry light out of the field: cameras cut it sharply.
fn keep_border(pixels: &mut [u8], change: impl FnOnce(&mut [u8])) {
    let before = pixels.to_vec();
    change(pixels);
    for (pixel, old) in pixels.chunks_exact_mut(3).zip(before.chunks_exact(3)) {
        if !pixels::inside(old) {
            pixel.copy_from_slice(old);
        }
    }
}

fn artefact(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    match rng.random_range(0..4) {
        0 => crescent(pixels, size, t, rng),
        1 => lashes(pixels, size, t, rng),
        2 => lid(pixels, size, t, rng),
        _ => spots(pixels, size, t, rng),
    }
}

fn mix(pixel: &mut [u8], colour: [f32; 3], share: f32) {
    for c in 0..3 {
        pixel[c] =
            (f32::from(pixel[c]) * (1.0 - share) + colour[c] * share).clamp(0.0, 255.0) as u8;
    }
}

/// Light that falls in beside a badly placed pupil: a bright crescent from the
/// border inwards.
fn crescent(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let (dx, dy) = direction(rng);
    let reach = ramp(t, 0.25, 0.9, 1.5);
    let radius = rng.random_range(0.9..1.3);
    let soft = rng.random_range(0.1..0.3);
    let most = rng.random_range(0.75..1.0);
    // Skin and sclera: never bluer or greener than red.
    let red = rng.random_range(200.0..255.0);
    let green = red * rng.random_range(0.65..1.0);
    let colour = [red, green, green * rng.random_range(0.6..1.0)];
    // The part of the picture outside a circle that has moved off by `reach`.
    let (cx, cy) = (dx * reach, dy * reach);
    each_inside(pixels, size, |x, y, pixel| {
        let beyond = ((x - cx).hypot(y - cy) - radius) / soft;
        mix(pixel, colour, beyond.clamp(0.0, 1.0) * most);
    });
}

/// Shadows of lashes: dark soft strokes from one side.
fn lashes(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let count = ramp(t, 3.0, 14.0, 26.0).ceil() as usize;
    let (dx, dy) = direction(rng);
    let strokes: Vec<[f32; 4]> = (0..count)
        .map(|_| {
            [
                rng.random_range(-1.0..1.0),
                rng.random_range(-0.6..0.6),
                rng.random_range(0.02..0.05) * ramp(t, 0.7, 1.5, 2.2),
                ramp(t, 0.4, 1.2, 1.9) * rng.random_range(0.6..1.0),
            ]
        })
        .collect();
    let depth = ramp(t, 0.5, 0.85, 0.95);
    each_inside(pixels, size, |x, y, pixel| {
        // `into`: how far in from the side; `along`: the place on that side.
        let (into, along) = (1.0 + x * dx + y * dy, y * dx - x * dy);
        let mut light = 1.0f32;
        for [place, lean, width, length] in &strokes {
            let off = (along - place - lean * into * into).abs() / width;
            let fade = (1.0 - into / length).clamp(0.0, 1.0).sqrt();
            light = light.min(1.0 - depth * fade * (1.5 - off).clamp(0.0, 1.0));
        }
        pixel
            .iter_mut()
            .for_each(|v| *v = (f32::from(*v) * light) as u8);
    });
}

/// A lid or the iris before part of the field: dark, or skin-coloured where the
/// flash meets it.
fn lid(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let (dx, dy) = direction(rng);
    let cover = ramp(t, 0.2, 0.8, 1.4);
    let bend = rng.random_range(-0.3..0.3);
    let soft = rng.random_range(0.05..0.25);
    let lit = rng.random_range(0.0..1.0f32);
    let colour = [30.0 + 150.0 * lit, 15.0 + 85.0 * lit, 10.0 + 65.0 * lit];
    each_inside(pixels, size, |x, y, pixel| {
        let (into, along) = (1.0 + x * dx + y * dy, y * dx - x * dy);
        let over = (cover + bend * (along * along - 0.3) - into) / soft;
        mix(pixel, colour, over.clamp(0.0, 1.0) * 0.95);
    });
}

/// Dust and drops on the lens and reflections in it.
fn spots(pixels: &mut [u8], size: usize, t: f32, rng: &mut ChaCha8Rng) {
    let count = ramp(t, 5.0, 14.0, 24.0).ceil() as usize;
    let spots: Vec<([f32; 4], [f32; 3])> = (0..count)
        .map(|_| {
            let white = rng.random_bool(0.6);
            let colour = match white {
                true => [
                    rng.random_range(190.0..255.0),
                    rng.random_range(170.0..255.0),
                    rng.random_range(150.0..255.0),
                ],
                false => [rng.random_range(0.0..60.0); 3],
            };
            let place = [
                rng.random_range(-0.8..0.8),
                rng.random_range(-0.8..0.8),
                rng.random_range(0.25..1.0) * ramp(t, 0.06, 0.2, 0.35),
                rng.random_range(0.5..0.95) * ramp(t, 0.6, 0.95, 1.0),
            ];
            (place, colour)
        })
        .collect();
    each_inside(pixels, size, |x, y, pixel| {
        for ([cx, cy, radius, opacity], colour) in &spots {
            let off = (x - cx).hypot(y - cy) / radius;
            if off < 1.0 {
                mix(pixel, *colour, opacity * (2.0 - 2.0 * off).min(1.0));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SIZE: usize = 64;

    /// A lit field with a pattern on it, inside a black border.
    fn fundus() -> Vec<u8> {
        let mut pixels = vec![0; SIZE * SIZE * 3];
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((i % SIZE) as f32 - 31.5, (i / SIZE) as f32 - 31.5);
            if x.hypot(y) < 31.0 {
                let darker = 30.0 * (0.2 * x).sin() * (0.17 * y + 0.1 * x).cos();
                pixel.copy_from_slice(&[150.0 - darker, 80.0 - darker, 50.0].map(|v| v as u8));
            }
        }
        pixels
    }

    /// Of so many draws of `damage` at strength `t`, the mean of what `of` makes
    /// of the pixels before and after.
    fn mean(damage: Damage, t: f32, of: fn(f64, f64) -> f64) -> f64 {
        const DRAWS: u64 = 48;
        let before = fundus();
        let mut sum = 0.0;
        for seed in 0..DRAWS {
            let mut after = before.clone();
            damage.inflict(&mut after, SIZE, t, &mut ChaCha8Rng::seed_from_u64(seed));
            let both = before.iter().zip(&after);
            sum += both
                .map(|(&b, &a)| of(f64::from(b), f64::from(a)))
                .sum::<f64>();
        }
        sum / (DRAWS as f64 * before.len() as f64)
    }

    const STRENGTHS: [f32; 6] = [0.02, 0.15, MILD, 0.5, SEVERE, 1.0];

    #[test]
    fn the_stronger_the_damage_the_more_is_changed() {
        for damage in Damage::ALL {
            let changed = |t| mean(damage, t, |before, after| (before - after).abs());
            // An artefact may leave a thin rim of light or a lid at no strength at all.
            let least = if damage == Damage::Artefact { 1.0 } else { 0.0 };
            assert!(changed(0.0) <= least, "{damage:?}: {}", changed(0.0));
            let all = STRENGTHS.map(changed);
            assert!(all.is_sorted(), "{damage:?}: {all:?}");
        }
    }

    #[test]
    fn a_narrower_pupil_lets_less_light_in() {
        let light = |t| mean(Damage::Pinhole, t, |_, after| after);
        let all = STRENGTHS.map(light);
        assert!(all.is_sorted_by(|more, less| more > less), "{all:?}");
        let whole = mean(Damage::Pinhole, 0.0, |before, _| before);
        assert!(all[0] > 0.98 * whole, "{all:?} of {whole}");
    }
}
