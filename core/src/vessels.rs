//! Proof of a retina: how much of the field shows blood vessels.
//!
//! Haze, a lid and defocus show none, whatever their colour and light. A vessel
//! is a line that is darker in green than both of its sides, long and
//! connected. Noise, texture and JPEG blocks make dark lines as well, but as
//! many bright ones, and on a retina bright lines are few: so a line counts
//! only where it stands out from the bright lines around it. Vessels are
//! counted by area and not by strength, so that dates burnt into the frame and
//! reflections hardly matter.
//!
//! Two things it cannot tell: the white of the eye has vessels too, and the
//! mean around a pixel makes a dark line beside a hard edge, so that a picture
//! full of edges, such as most photographs of other things, has some. The gate
//! asks for more vessels where it found no disc.
//!
//! The measure works on a copy of fixed size, in integers only: every
//! processor gives the same number.

use fast_image_resize::FilterType;

use crate::prepare::Prepared;
use crate::resample::Resampler;

/// Side of the copy, in pixels: the large vessels are four to five wide there,
/// the smallest that count about one.
const SIDE: usize = 256;
/// Pixels around the copy, so that a line and its sides need no bounds check.
const PAD: usize = 16;
const STRIDE: usize = SIDE + 2 * PAD;
const AREA: usize = STRIDE * STRIDE;

/// Least value of the brightest channel in the lit field, of 255.
const LIT: u8 = 14;
/// Half of the side of the square whose mean green contrast is related to.
const AROUND: usize = 12;
/// Contrast of 1 (as bright again as the surroundings) in a plane's numbers.
const ONE: i32 = 4096;
/// Contrast is cut off here, so that the sum of a line fits 16 bits.
const MOST: i32 = 2047;
/// Least mean green that contrast is related to, of 255.
const LEAST_GREEN: i32 = 8;

/// A line is 2 x 7 + 1 pixels long.
const HALF_LINE: i32 = 7;
const LINE: i32 = 2 * HALF_LINE + 1;
/// Distances of a line's sides, in pixels: for thin vessels and for wide ones.
const SIDES: [i32; 2] = [3, 5];
/// Directions of lines, 15 degrees apart, as x and y of a vector of length 256.
const DIRECTIONS: [(i32, i32); 12] = [
    (256, 0),
    (247, 66),
    (222, 128),
    (181, 181),
    (128, 222),
    (66, 247),
    (0, 256),
    (-66, 247),
    (-128, 222),
    (-181, 181),
    (-222, 128),
    (-247, 66),
];

/// Lines nearer than this to the lit field's edge do not count, in pixels.
const MARGIN: usize = 6;
/// Of the square that the margin makes, how many pixels may be dark.
const DARK_IN_MARGIN: u32 = 12;
/// Least contrast of a vessel with its sides, in thousandths.
const LEAST_CONTRAST: i32 = 20;
/// How many times the mean strength of the bright lines around it a vessel must
/// have, in halves.
const OVER_BRIGHT: u32 = 5;
/// Half of the side of the square in which the bright lines are averaged.
const BRIGHT_AROUND: usize = 32;
/// Least extent of a connected vessel, in pixels: a tenth of the field.
const LEAST_EXTENT: usize = 24;
/// Directions by which neighbours on one vessel may differ: 30 degrees.
const BEND: u8 = 2;
/// Farthest neighbour on one vessel, across and down: a gap of one pixel.
const REACH: usize = 2;

/// Side of a cell, in pixels: the field is about 200 of them.
const CELL: usize = 16;
/// Pixels of a vessel's middle line that make a cell show it.
const IN_CELL: usize = 6;

/// Share of the lit field in which vessels can be seen, 0 to 1: of the cells
/// of a grid, those that a vessel passes through. A sharp photograph of a
/// healthy eye has 0.35 to 0.65; where there is no vessel it is 0 or nearly.
///
/// The photograph should be prepared at no less than about 200 pixels. Costs
/// some milliseconds: for the photograph that is graded, not for every frame.
pub fn vessel_share(prepared: &Prepared) -> f32 {
    let side = (SIDE as u32, SIDE as u32);
    let mut resampler = Resampler::default();
    let rgb = resampler.resample(&prepared.rgb, None, side, FilterType::Bilinear);
    let lit = lit(rgb);
    let counts = Sums::of(|i| u32::from(lit[i]));
    let lines = Lines::of(&contrast(rgb, &lit, &counts));
    let inner = inner(&counts);
    share(&vessels(&lines, &inner), &inner)
}

/// The pixels that show something, and whose neighbours do: all of the field
/// but its rim, which blends into the black.
fn lit(rgb: &[u8]) -> Vec<bool> {
    let bright: Vec<bool> = rgb
        .chunks_exact(3)
        .map(|pixel| pixel.iter().any(|&v| v >= LIT))
        .collect();
    (0..SIDE * SIDE)
        .map(|i| {
            let (x, y) = (i % SIDE, i / SIDE);
            let inside = x > 0 && y > 0 && x + 1 < SIDE && y + 1 < SIDE;
            inside
                && [i, i - 1, i + 1, i - SIDE, i + SIDE]
                    .iter()
                    .all(|&j| bright[j])
        })
        .collect()
}

/// Sums over rectangles of the copy.
struct Sums(Vec<u32>);

impl Sums {
    const ROW: usize = SIDE + 1;

    fn of(value: impl Fn(usize) -> u32) -> Sums {
        let mut sums = vec![0u32; Sums::ROW * Sums::ROW];
        for y in 0..SIDE {
            let mut row = 0u32;
            for x in 0..SIDE {
                row += value(y * SIDE + x);
                let i = (y + 1) * Sums::ROW + x + 1;
                sums[i] = sums[i - Sums::ROW].wrapping_add(row);
            }
        }
        Sums(sums)
    }

    /// The sum over the square around pixel `i`, as far as the copy goes.
    fn around(&self, i: usize, half: usize) -> u32 {
        let (x, y) = (i % SIDE, i / SIDE);
        let (left, right) = (x.saturating_sub(half), (x + half + 1).min(SIDE));
        let (top, bottom) = (y.saturating_sub(half), (y + half + 1).min(SIDE));
        let at = |x: usize, y: usize| self.0[y * Sums::ROW + x];
        // The whole may have overflowed; what a square adds to it has not.
        at(right, bottom)
            .wrapping_sub(at(left, bottom))
            .wrapping_sub(at(right, top))
            .wrapping_add(at(left, top))
    }

    /// [`Sums::around`] of every pixel, many at once.
    fn around_each(&self, half: usize) -> Vec<u32> {
        let mut squares = Vec::with_capacity(SIDE * SIDE);
        // Squares that lie between the left and the right edge of the copy.
        let whole = SIDE - 2 * half;
        for y in 0..SIDE {
            let row = |y: usize| &self.0[y * Sums::ROW..][..Sums::ROW];
            let (top, bottom) = (row(y.saturating_sub(half)), row((y + half + 1).min(SIDE)));
            let between = |left: usize, right: usize| {
                let down = |x: usize| bottom[x].wrapping_sub(top[x]);
                down(right).wrapping_sub(down(left))
            };
            squares.extend((0..half).map(|x| between(0, x + half + 1)));
            let left = bottom[..whole].iter().zip(&top[..whole]);
            let right = bottom[2 * half + 1..].iter().zip(&top[2 * half + 1..]);
            squares.extend(left.zip(right).map(|((b, t), (b_right, t_right))| {
                let (left, right) = (b.wrapping_sub(*t), b_right.wrapping_sub(*t_right));
                right.wrapping_sub(left)
            }));
            squares.extend((SIDE - half..SIDE).map(|x| between(x - half, SIDE)));
        }
        squares
    }
}

/// Whether a line through a pixel lies in the lit field with both its sides, of each.
fn inner(counts: &Sums) -> Vec<bool> {
    let whole = (2 * MARGIN + 1).pow(2) as u32;
    let lit = counts.around_each(MARGIN);
    lit.iter()
        .map(|&lit| lit + DARK_IN_MARGIN >= whole)
        .collect()
}

/// Where pixel `i` of the copy is in a padded plane.
fn padded(i: usize) -> usize {
    (i / SIDE + PAD) * STRIDE + i % SIDE + PAD
}

/// How far green stands above its mean around, over that mean, as a padded
/// plane; 0 where nothing is lit.
fn contrast(rgb: &[u8], lit: &[bool], counts: &Sums) -> Vec<i16> {
    let green = Sums::of(|i| match lit[i] {
        true => u32::from(rgb[3 * i + 1]),
        false => 0,
    });
    let (counts, sums) = (counts.around_each(AROUND), green.around_each(AROUND));
    let mut plane = vec![0; AREA];
    for i in (0..SIDE * SIDE).filter(|&i| lit[i]) {
        let (count, sum) = (counts[i] as i32, sums[i] as i32);
        let above = i32::from(rgb[3 * i + 1]) * count - sum;
        let value = ONE * above / sum.max(LEAST_GREEN * count);
        plane[padded(i)] = value.clamp(-MOST, MOST) as i16;
    }
    plane
}

/// For every pixel, the strongest dark and the strongest bright line through
/// it, in contrast times [`LINE`]. Planes are padded.
struct Lines {
    dark: Vec<i16>,
    /// Index into [`DIRECTIONS`] of the dark line.
    direction: Vec<i16>,
    bright: Vec<i16>,
}

impl Lines {
    fn of(green: &[i16]) -> Lines {
        let mut lines = Lines {
            dark: vec![0; AREA],
            direction: vec![0; AREA],
            bright: vec![0; AREA],
        };
        let mut sums = vec![0i16; AREA];
        for (k, &direction) in DIRECTIONS.iter().enumerate() {
            sum_along(green, direction, &mut sums);
            for side in SIDES {
                lines.add(&sums, across(direction, side), k as i16);
            }
        }
        lines
    }

    fn add(&mut self, sums: &[i16], across: usize, k: i16) {
        for y in PAD..PAD + SIDE {
            for at in (y * STRIDE + PAD..y * STRIDE + PAD + SIDE).step_by(LANES) {
                let (dark, bright) = (
                    lanes_mut(&mut self.dark, at),
                    lanes_mut(&mut self.bright, at),
                );
                let (one, other) = (lanes(sums, at - across), lanes(sums, at + across));
                let direction = lanes_mut(&mut self.direction, at);
                stronger(lanes(sums, at), one, other, dark, bright, direction, k);
            }
        }
    }
}

/// A line is as dark as it is darker than the darker one of its sides: the edge of
/// something is no line.
fn stronger(
    middle: &[i16; LANES],
    one: &[i16; LANES],
    other: &[i16; LANES],
    dark: &mut [i16; LANES],
    bright: &mut [i16; LANES],
    direction: &mut [i16; LANES],
    k: i16,
) {
    // One thing at a time, which compilers turn into vector instructions.
    let mut darker = [0; LANES];
    for x in 0..LANES {
        darker[x] = one[x].min(other[x]).saturating_sub(middle[x]);
    }
    for x in 0..LANES {
        let is_darker = -i16::from(darker[x] > dark[x]);
        direction[x] = (k & is_darker) | (direction[x] & !is_darker);
    }
    for x in 0..LANES {
        dark[x] = dark[x].max(darker[x]);
    }
    for x in 0..LANES {
        bright[x] = bright[x].max(middle[x].saturating_sub(one[x].max(other[x])));
    }
}

/// Pixels that are worked on at once: as many as registers hold.
const LANES: usize = 32;
const _: () = assert!(SIDE.is_multiple_of(LANES) && STRIDE.is_multiple_of(LANES));

fn lanes(plane: &[i16], at: usize) -> &[i16; LANES] {
    plane[at..].first_chunk().expect("planes are padded")
}

fn lanes_mut(plane: &mut [i16], at: usize) -> &mut [i16; LANES] {
    plane[at..].first_chunk_mut().expect("planes are padded")
}

/// Sums of [`LINE`] pixels around every pixel of the copy and as far around it as a
/// line's sides are; what is beyond means nothing.
fn sum_along(plane: &[i16], direction: (i32, i32), sums: &mut [i16]) {
    let steps = [(); LINE as usize];
    let mut step = -HALF_LINE - 1;
    let along = steps.map(|()| {
        step += 1;
        offset(direction, step)
    });
    let edge = PAD - SIDES[1] as usize - 1;
    for at in (edge * STRIDE..(STRIDE - edge) * STRIDE).step_by(LANES) {
        let mut sum = [0i16; LANES];
        for step in along {
            let row = lanes(plane, at.wrapping_add_signed(step));
            for (sum, &value) in sum.iter_mut().zip(row) {
                // Contrasts are cut off so that this has room.
                *sum = sum.wrapping_add(value);
            }
        }
        *lanes_mut(sums, at) = sum;
    }
}

/// From a pixel to the one `step` pixels along `direction`, in a padded plane.
fn offset((x, y): (i32, i32), step: i32) -> isize {
    let rounded = |v: i32| (v * step + 128 * (v * step).signum()) / 256;
    rounded(y) as isize * STRIDE as isize + rounded(x) as isize
}

/// The same at right angles to `direction`, to the side that is later in the
/// plane.
fn across((x, y): (i32, i32), step: i32) -> usize {
    offset((-y, x), step).unsigned_abs()
}

/// The middle lines of vessels, as pixels of a padded plane.
fn vessels(lines: &Lines, inner: &[bool]) -> Vec<usize> {
    let dark = &lines.dark;
    let bright = Sums::of(|i| match inner[i] {
        true => lines.bright[padded(i)] as u32,
        false => 0,
    });
    let counts = Sums::of(|i| u32::from(inner[i]));
    let least = LEAST_CONTRAST * ONE * LINE / 1000;
    let mut open = vec![false; AREA];
    for i in (0..SIDE * SIDE).filter(|&i| inner[i]) {
        let p = padded(i);
        let strength = dark[p];
        if i32::from(strength) < least {
            continue;
        }
        let side = across(DIRECTIONS[lines.direction[p] as usize], 1);
        let is_middle = strength >= dark[p - side] && strength > dark[p + side];
        let (sum, count) = (
            bright.around(i, BRIGHT_AROUND),
            counts.around(i, BRIGHT_AROUND),
        );
        open[p] = is_middle && 2 * strength as u32 * count >= OVER_BRIGHT * sum;
    }
    let mut found = Vec::new();
    for start in 0..AREA {
        if open[start] {
            let from = found.len();
            follow(start, &lines.direction, &mut open, &mut found);
            if extent_squared(&found[from..]) < LEAST_EXTENT.pow(2) {
                found.truncate(from);
            }
        }
    }
    found
}

/// Takes everything connected to `start` out of `open` and adds it to `found`.
fn follow(start: usize, direction: &[i16], open: &mut [bool], found: &mut Vec<usize>) {
    let mut next = found.len();
    open[start] = false;
    found.push(start);
    while next < found.len() {
        let p = found[next];
        next += 1;
        // `open` holds no pixel of the padding, which is wider than the reach.
        for row in (p - REACH * STRIDE..=p + REACH * STRIDE).step_by(STRIDE) {
            for q in row - REACH..=row + REACH {
                if open[q] && turn(direction[p], direction[q]) <= u16::from(BEND) {
                    open[q] = false;
                    found.push(q);
                }
            }
        }
    }
}

/// By how many of [`DIRECTIONS`] two differ.
fn turn(a: i16, b: i16) -> u16 {
    let turn = a.abs_diff(b);
    turn.min(DIRECTIONS.len() as u16 - turn)
}

/// The diagonal of what holds these pixels, squared.
fn extent_squared(pixels: &[usize]) -> usize {
    let span = |at: fn(usize) -> usize| {
        let (least, most) = pixels.iter().fold((usize::MAX, 0), |(least, most), &p| {
            (least.min(at(p)), most.max(at(p)))
        });
        most.saturating_sub(least)
    };
    span(|p| p % STRIDE).pow(2) + span(|p| p / STRIDE).pow(2)
}

/// Of the cells that lie in the field by half or more, how many show a vessel.
fn share(vessels: &[usize], inner: &[bool]) -> f32 {
    const ROW: usize = SIDE / CELL;
    let mut field = [0usize; ROW * ROW];
    let mut shown = [0usize; ROW * ROW];
    for i in (0..SIDE * SIDE).filter(|&i| inner[i]) {
        field[i / SIDE / CELL * ROW + i % SIDE / CELL] += 1;
    }
    for &p in vessels {
        let (x, y) = (p % STRIDE - PAD, p / STRIDE - PAD);
        shown[y / CELL * ROW + x / CELL] += 1;
    }
    let cells = || (0..ROW * ROW).filter(|&c| 2 * field[c] >= CELL * CELL);
    let with_vessel = cells().filter(|&c| shown[c] >= IN_CELL).count();
    with_vessel as f32 / cells().count().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_all_squares_are_those_of_each() {
        let value = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 24;
        let sums = Sums::of(value);
        for half in [MARGIN, AROUND, BRIGHT_AROUND] {
            let all = sums.around_each(half);
            assert_eq!(all.len(), SIDE * SIDE);
            for (i, &square) in all.iter().enumerate() {
                assert_eq!(square, sums.around(i, half), "{half} around {i}");
            }
            // In a corner, pixel by pixel.
            let corner = (0..=half).flat_map(|y| (0..=half).map(move |x| value(y * SIDE + x)));
            assert_eq!(all[0], corner.sum::<u32>());
        }
    }
}
