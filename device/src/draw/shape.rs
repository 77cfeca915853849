//! Filled outlines with smooth edges, and the signs that stand beside a verdict.

use std::f32::consts::{PI, TAU};

use ab_glyph_rasterizer::{point, Point as Vertex, Rasterizer};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

/// `share` (0..1) of `over` on `under`.
pub fn mix(under: Rgb888, over: Rgb888, share: f32) -> Rgb888 {
    let share = share.clamp(0.0, 1.0);
    let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round();
    Rgb888::new(
        channel(under.r(), over.r()) as u8,
        channel(under.g(), over.g()) as u8,
        channel(under.b(), over.b()) as u8,
    )
}

/// The sign of a verdict: each differs in outline, so that a verdict can be
/// told without seeing colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A triangle with an exclamation mark.
    Warning,
    /// A square with an arrow to the right.
    Arrow,
    /// A disc with a tick.
    Tick,
    /// A ring that turns back on itself.
    Again,
}

impl Sign {
    /// Draws the sign into the square of `side` pixels at `at`: its body in
    /// `colour`, its mark in `background`, which is also what lies behind it.
    ///
    /// # Errors
    /// Only the target's own.
    pub fn draw<D>(
        self,
        target: &mut D,
        at: Point,
        side: u32,
        colour: Rgb888,
        background: Rgb888,
    ) -> Result<(), D::Error>
    where
        D: DrawTarget<Color = Rgb888>,
    {
        let scale = side as f32;
        let mut raster = Rasterizer::new(side as usize, side as usize);
        for outline in self.outlines() {
            let mut corners = outline
                .iter()
                .map(|v| point(v.x * scale, v.y * scale))
                .collect::<Vec<Vertex>>();
            if let Some(&first) = corners.first() {
                corners.push(first);
            }
            for edge in corners.windows(2) {
                raster.draw_line(edge[0], edge[1]);
            }
        }
        let mut pixels = Vec::new();
        raster.for_each_pixel_2d(|x, y, coverage| {
            if coverage > 0.0 {
                pixels.push(Pixel(
                    at + Point::new(x as i32, y as i32),
                    mix(background, colour, coverage),
                ));
            }
        });
        target.draw_iter(pixels)
    }

    /// Outlines in the unit square; one that runs the other way round cuts a
    /// hole into what lies under it.
    fn outlines(self) -> Vec<Vec<Vertex>> {
        let corners = |c: &[(f32, f32)]| c.iter().map(|&(x, y)| point(x, y)).collect::<Vec<_>>();
        match self {
            Sign::Warning => vec![
                corners(&[(0.5, 0.04), (1.0, 0.94), (0.0, 0.94)]),
                hole(corners(&[
                    (0.43, 0.34),
                    (0.57, 0.34),
                    (0.54, 0.66),
                    (0.46, 0.66),
                ])),
                hole(disc(0.5, 0.78, 0.065)),
            ],
            Sign::Arrow => vec![
                corners(&[(0.04, 0.04), (0.96, 0.04), (0.96, 0.96), (0.04, 0.96)]),
                hole(corners(&[
                    (0.18, 0.42),
                    (0.50, 0.42),
                    (0.50, 0.22),
                    (0.84, 0.50),
                    (0.50, 0.78),
                    (0.50, 0.58),
                    (0.18, 0.58),
                ])),
            ],
            Sign::Tick => vec![
                disc(0.5, 0.5, 0.48),
                hole(corners(&[
                    (0.22, 0.53),
                    (0.32, 0.43),
                    (0.44, 0.55),
                    (0.69, 0.29),
                    (0.79, 0.39),
                    (0.44, 0.75),
                ])),
            ],
            Sign::Again => {
                // Three quarters of a ring, clockwise from the right to the
                // top, with an arrowhead at its end.
                let arc = |radius: f32| {
                    (0..=48).map(move |i| {
                        let angle = i as f32 / 48.0 * 1.5 * PI;
                        point(0.5 + radius * angle.cos(), 0.5 + radius * angle.sin())
                    })
                };
                let mut ring: Vec<Vertex> = arc(0.42).collect();
                ring.extend(arc(0.27).collect::<Vec<_>>().into_iter().rev());
                vec![ring, corners(&[(0.5, 0.0), (0.80, 0.155), (0.5, 0.31)])]
            }
        }
    }
}

/// A disc as a polygon fine enough for any size drawn here.
fn disc(x: f32, y: f32, radius: f32) -> Vec<Vertex> {
    (0..64)
        .map(|i| i as f32 / 64.0 * TAU)
        .map(|a| point(x + radius * a.cos(), y + radius * a.sin()))
        .collect()
}

fn hole(mut outline: Vec<Vertex>) -> Vec<Vertex> {
    outline.reverse();
    outline
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::canvas::Canvas;

    /// Share of the sign's square that is lit.
    fn lit(sign: Sign) -> (f32, Vec<bool>) {
        let mut canvas = Canvas::new(60, 60, Rgb888::BLACK);
        sign.draw(&mut canvas, Point::zero(), 60, Rgb888::WHITE, Rgb888::BLACK)
            .unwrap();
        let on: Vec<bool> = canvas.picture().pixels().map(|p| p.0[0] > 127).collect();
        (
            on.iter().filter(|&&b| b).count() as f32 / on.len() as f32,
            on,
        )
    }

    #[test]
    fn signs_differ_in_shape() {
        let signs = [Sign::Warning, Sign::Arrow, Sign::Tick, Sign::Again];
        for (i, &a) in signs.iter().enumerate() {
            let (share, on) = lit(a);
            assert!((0.2..0.8).contains(&share), "{a:?} covers {share}");
            for &b in &signs[i + 1..] {
                let apart = on.iter().zip(lit(b).1).filter(|(x, y)| *x != y).count();
                assert!(apart > on.len() / 8, "{a:?} and {b:?}: {apart}");
            }
        }
    }

    #[test]
    fn marks_are_cut_out() {
        let mut canvas = Canvas::new(100, 100, Rgb888::BLACK);
        Sign::Arrow
            .draw(
                &mut canvas,
                Point::zero(),
                100,
                Rgb888::WHITE,
                Rgb888::BLACK,
            )
            .unwrap();
        assert_eq!(canvas.picture().get_pixel(50, 50).0, [0, 0, 0]);
        assert_eq!(canvas.picture().get_pixel(50, 10).0, [255, 255, 255]);
    }

    #[test]
    fn mixing_ends_at_both_colours() {
        assert_eq!(mix(Rgb888::RED, Rgb888::BLUE, 0.0), Rgb888::RED);
        assert_eq!(mix(Rgb888::RED, Rgb888::BLUE, 1.5), Rgb888::BLUE);
    }
}
