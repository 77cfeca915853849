//! The eye from outside: what a fundus camera sees before it is brought near,
//! or when the patient blinks.

use super::skin::Skin;
use super::{pixel, place, Shot};
use crate::canvas::Canvas;
use crate::colour::{light, mix, plus, scaled, times, Light};
use crate::geometry::{bump, curve_through, point, smooth_step, Point};
use crate::rng::Dice;
use crate::shadow::Shadow;
use crate::texture::Texture;

/// The opening between the lids; in units of the frame's half side.
struct Opening {
    half_width: f32,
    /// Height of the upper and depth of the lower border at their middle.
    upper: f32,
    lower: f32,
    /// Where the upper border is highest, as a share of the half width.
    peak: f32,
}

impl Opening {
    fn new(dice: &mut Dice) -> Opening {
        Opening {
            half_width: dice.range(0.78, 1.05),
            upper: dice.range(0.30, 0.42),
            lower: dice.range(0.24, 0.32),
            peak: dice.range(-0.25, 0.05),
        }
    }

    fn arch(&self, x: f32, peak: f32) -> f32 {
        let t = (x / self.half_width).clamp(-1.0, 1.0);
        // Skews the arch without moving the corners.
        let t = t - peak * (1.0 - t * t);
        (1.0 - t * t).max(0.0)
    }

    fn top(&self, x: f32) -> f32 {
        self.upper * self.arch(x, self.peak)
    }

    fn bottom(&self, x: f32) -> f32 {
        -self.lower * self.arch(x, -self.peak * 0.6)
    }
}

pub fn open(side: usize, dice: &mut Dice) -> Shot {
    let skin = Skin::new(dice);
    let opening = Opening::new(dice);
    let ball = Eyeball::new(dice);
    let nose = dice.sign();
    let crease = dice.range(0.10, 0.20);
    let lift = Texture::clouds(dice, 1.3, 2);
    let flash = Flash::new(dice);

    let lashes = open_lashes(side, &opening, dice);
    let lids = |p: Point, top: f32, bottom: f32, corner: f32| {
        // The lid's rim is moist and pink, its fold deep.
        let to_rim = if p.y > 0.0 { p.y - top } else { bottom - p.y };
        let flesh = mix(
            skin.at(p),
            light(206, 132, 118),
            0.55 * bump(to_rim - 0.012, 0.022),
        );
        let from_fold = p.y - top - crease * (1.0 - 0.5 * corner) - 0.02 * lift.at(p);
        let fold = 0.26 * bump(from_fold, 0.014) + 0.2 * bump(from_fold.min(0.0), 0.07);
        let bag = bump(p.y - bottom + 0.17 + 0.02 * lift.at(p), 0.05);
        let socket = bump(p.y - top - 0.05, 0.16);
        scaled(flesh, 1.0 - fold - 0.14 * bag - 0.15 * socket)
    };
    let surface = |p: Point, top: f32, bottom: f32, corner: f32| {
        // Shade below the upper lid; the corners are deeper and redder.
        let shade = 1.0 - 0.5 * bump((top - p.y).max(0.0), 0.09) - 0.35 * corner;
        let wet = scaled(ball.at(p), shade.max(0.1));
        let caruncle = bump(
            (p - point(nose * opening.half_width * 0.92, -0.01)).length(),
            0.10,
        );
        let wet = mix(wet, light(198, 108, 96), 0.8 * caruncle);
        let tear =
            bump(p.y - bottom - 0.014, 0.008) * smooth_step(0.2, 0.7, lift.at(p * 6.0) + 0.5);
        plus(wet, scaled([0.25, 0.25, 0.25], tear))
    };
    let mut canvas = Canvas::new(side, side);
    canvas.fill(|x, y| {
        let p = place(x, y, side);
        let (top, bottom) = (opening.top(p.x), opening.bottom(p.x));
        let soft = 0.010;
        let between = smooth_step(-soft, soft, top - p.y) * smooth_step(-soft, soft, p.y - bottom);
        let corner = smooth_step(opening.half_width * 0.7, opening.half_width, p.x.abs());

        let flesh = if between < 1.0 {
            lids(p, top, bottom, corner)
        } else {
            [0.0; 3]
        };
        let wet = if between > 0.0 {
            surface(p, top, bottom, corner)
        } else {
            [0.0; 3]
        };
        let mut out = mix(flesh, wet, between);
        out = scaled(out, 1.0 - 0.9 * lashes.depth[y * side + x]);
        if between > 0.5 {
            out = plus(out, ball.reflexes(p));
        }
        scaled(out, flash.at(p))
    });
    let canvas = canvas.blurred(dice.range(0.0008, 0.004) * side as f32);
    Shot {
        canvas,
        round: dice.unit() < 0.6,
    }
}

pub fn closed(side: usize, dice: &mut Dice) -> Shot {
    let skin = Skin::new(dice);
    let opening = Opening::new(dice);
    let sag = dice.range(0.12, 0.22);
    let slit = |x: f32| -sag * opening.arch(x, opening.peak) - 0.02;
    let folds = Texture::clouds(dice, 1.2, 2);
    let flash = Flash::new(dice);
    let mut lashes = Shadow::new(side);
    let count = 46;
    for i in 0..count {
        let t = -1.0 + 2.0 * (i as f32 + 0.7 * dice.unit()) / count as f32;
        let root = point(
            t * opening.half_width * 0.93,
            slit(t * opening.half_width * 0.93),
        );
        lash(
            &mut lashes,
            side,
            root,
            -1.0,
            t,
            dice.range(0.14, 0.24),
            dice,
        );
    }
    let mut canvas = Canvas::new(side, side);
    canvas.fill(|x, y| {
        let p = place(x, y, side);
        let line = slit(p.x);
        let within = smooth_step(
            opening.half_width * 1.05,
            opening.half_width * 0.8,
            p.x.abs(),
        );
        let wave = 0.03 * folds.at(p);
        let seam = within * bump(p.y - line, 0.014);
        let fold = bump(p.y - line - 0.42 + 0.25 * p.x * p.x - wave, 0.022);
        let fine = bump(p.y - line - 0.30 + 0.2 * p.x * p.x - 2.0 * wave, 0.014);
        let below = bump(p.y - line + 0.16 + wave, 0.06);
        // The lid bulges over the cornea and catches the flash there.
        let bulge = bump((p - point(0.0, line + 0.18)).length(), 0.45);
        let relief = 1.0 - 0.65 * seam - 0.4 * fold - 0.15 * fine - 0.15 * below + 0.18 * bulge;
        let flesh = scaled(skin.at(p), relief);
        scaled(
            flesh,
            (1.0 - 0.85 * lashes.depth[y * side + x]) * flash.at(p),
        )
    });
    let canvas = canvas.blurred(dice.range(0.0008, 0.005) * side as f32);
    Shot {
        canvas,
        round: dice.unit() < 0.6,
    }
}

/// The camera's flash at this distance: a bright middle, dark corners.
struct Flash {
    aim: Point,
    strength: f32,
    width: f32,
}

impl Flash {
    fn new(dice: &mut Dice) -> Flash {
        Flash {
            aim: point(0.2 * dice.sway(), 0.2 * dice.sway()),
            strength: dice.range(0.7, 1.25),
            width: dice.range(0.9, 1.8),
        }
    }

    fn at(&self, p: Point) -> f32 {
        self.strength * bump((p - self.aim).length(), self.width)
    }
}

struct Eyeball {
    middle: Point,
    iris: f32,
    pupil: f32,
    colour: Light,
    inner: Light,
    /// Red light from the fundus in the pupil, 0..1.
    red: f32,
    fibres: Texture,
    vessels: Texture,
    reflexes: [(Point, f32); 2],
}

impl Eyeball {
    fn new(dice: &mut Dice) -> Eyeball {
        let irises = [
            (light(86, 52, 30), light(128, 82, 44)),
            (light(52, 32, 22), light(84, 54, 34)),
            (light(92, 112, 126), light(150, 160, 150)),
            (light(96, 92, 58), light(146, 116, 64)),
        ];
        let (colour, inner) = irises[dice.bits() as usize % irises.len()];
        let middle = point(0.18 * dice.sway(), 0.03 + 0.05 * dice.sway());
        let iris = dice.range(0.29, 0.36);
        let glint = point(dice.range(-0.08, 0.08), dice.range(-0.02, 0.10));
        Eyeball {
            middle,
            iris,
            pupil: iris * dice.range(0.36, 0.68),
            colour,
            inner,
            red: dice.range(-0.8, 0.9).max(0.0),
            fibres: Texture::clouds(dice, 1.0, 3),
            vessels: Texture::strands(dice, 2.2, 2),
            reflexes: [
                (middle + glint, dice.range(0.022, 0.045)),
                (
                    middle + glint + point(0.12 * dice.sway(), -0.12),
                    dice.range(0.008, 0.015),
                ),
            ],
        }
    }

    fn at(&self, p: Point) -> Light {
        let q = p - self.middle;
        let r = q.length();
        // The ball curves away from the flash.
        let turned = 1.0 - 0.28 * smooth_step(0.3, 1.0, r);
        let redness = smooth_step(0.62, 0.92, self.vessels.at(point(p.x * 1.2, p.y * 2.4)))
            * smooth_step(self.iris, self.iris + 0.35, r);
        let white = mix(light(226, 212, 202), light(196, 92, 82), 0.5 * redness);
        let white = mix(
            white,
            light(214, 160, 146),
            0.35 * smooth_step(0.5, 0.95, r),
        );

        let share = ((r - self.pupil) / (self.iris - self.pupil)).clamp(0.0, 1.0);
        let around = q.unit() * 9.0;
        let fibre = self
            .fibres
            .at(point(around.x + 0.8 * share, around.y + 0.8 * share));
        let collarette = bump(share - 0.32 - 0.06 * fibre, 0.16);
        let mut iris = mix(
            self.colour,
            self.inner,
            (0.75 * collarette + 0.35 * fibre + 0.1).clamp(0.0, 1.0),
        );
        iris = scaled(
            iris,
            (1.0 + 0.35 * fibre) * (1.0 - 0.55 * smooth_step(0.75, 1.0, share)),
        );

        let glow = mix(
            [0.004, 0.003, 0.003],
            light(222, 84, 34),
            self.red * bump(r, self.pupil * 1.3),
        );
        let inside = smooth_step(self.iris + 0.014, self.iris - 0.014, r);
        let pupil = smooth_step(self.pupil + 0.008, self.pupil - 0.008, r);
        mix(mix(times(white, [turned; 3]), iris, inside), glow, pupil)
    }

    fn reflexes(&self, p: Point) -> Light {
        let mut sum = 0.0;
        for (at, radius) in self.reflexes {
            let d = (p - at).length() / radius;
            sum += 1.6 * smooth_step(1.1, 0.8, d) + 0.10 * bump(d, 2.2);
        }
        scaled([1.0, 1.0, 0.98], sum)
    }
}

fn open_lashes(side: usize, opening: &Opening, dice: &mut Dice) -> Shadow {
    let mut out = Shadow::new(side);
    for (count, up) in [(70, 1.0f32), (40, -1.0)] {
        for i in 0..count {
            let t = -0.95 + 1.9 * (i as f32 + 0.8 * dice.unit()) / count as f32;
            let x = t * opening.half_width;
            let y = if up > 0.0 {
                opening.top(x) + 0.004
            } else {
                opening.bottom(x) - 0.012
            };
            let length = if up > 0.0 {
                dice.range(0.13, 0.24)
            } else {
                dice.range(0.05, 0.10)
            };
            lash(&mut out, side, point(x, y), up, t, length, dice);
        }
    }
    out
}

/// One lash from its root on a lid; `t`, -1..1, is where along the lid.
fn lash(out: &mut Shadow, side: usize, root: Point, up: f32, t: f32, length: f32, dice: &mut Dice) {
    let lean = 0.75 * t + 0.4 * dice.sway();
    // Lashes leave the lid outwards and curl.
    let knots: Vec<Point> = [(0.0f32, 0.0f32), (0.35, 0.12), (0.7, 0.48), (1.0, 1.0)]
        .iter()
        .map(|&(along, rise)| {
            pixel(
                root + point(
                    lean * along * length,
                    up * length * (0.35 * along + 0.65 * rise),
                ),
                side,
            )
        })
        .collect();
    let width = dice.range(0.006, 0.0105) * side as f32 / 2.0;
    let depth = if up > 0.0 {
        dice.range(0.7, 0.98)
    } else {
        dice.range(0.5, 0.85)
    };
    out.stroke(&curve_through(&knots, 1.0), width, depth);
}
