//! What comes before and after the products of a Winograd convolution: tiles of
//! a picture and of its output, taken to where each of their values is
//! multiplied by itself, and back.
//!
//! A tile of the output is `Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A`, where `d` is the part of
//! the input below it and `w` the 3 x 3 weights: the values at some points of a
//! polynomial, which are multiplied point by point, and the polynomial through
//! the products. `G w Gᵀ` is made once, when a network is planned; `Bᵀ d B` is
//! [`gather`] and `Aᵀ m A` is [`scatter`].

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::f64;

use super::lanes::Lanes;

/// The longest side of an input's tile and of an output's.
pub(crate) const SIDE: usize = 6;
pub(crate) const OUT: usize = 4;

/// A choice of points. Lists are filled up to the longest side with what is
/// never read.
pub(crate) trait Points {
    /// Those that are not infinity, which is the last.
    const FINITE: &'static [f64];
    /// The side of an input's tile and of an output's.
    const SIDE: usize;
    const OUT: usize;

    /// `Bᵀ d`.
    ///
    /// # Safety
    /// The processor has `L`'s instructions.
    unsafe fn before<L: Lanes>(d: [L::V; SIDE]) -> [L::V; SIDE];

    /// `Aᵀ m`.
    ///
    /// # Safety
    /// The processor has `L`'s instructions.
    unsafe fn after<L: Lanes>(m: [L::V; SIDE]) -> [L::V; OUT];
}

/// F(2x2, 3x3): 0, 1, -1 and infinity.
pub(crate) struct Two;

impl Points for Two {
    const FINITE: &'static [f64] = &[0.0, 1.0, -1.0];
    const SIDE: usize = 4;
    const OUT: usize = 2;

    #[inline(always)]
    unsafe fn before<L: Lanes>(d: [L::V; SIDE]) -> [L::V; SIDE] {
        // SAFETY: the caller answers for the instructions.
        unsafe {
            [
                L::sub(d[2], d[0]),
                L::add(d[1], d[2]),
                L::sub(d[2], d[1]),
                L::sub(d[3], d[1]),
                d[4],
                d[5],
            ]
        }
    }

    #[inline(always)]
    unsafe fn after<L: Lanes>(m: [L::V; SIDE]) -> [L::V; OUT] {
        // SAFETY: the caller answers for the instructions.
        unsafe {
            let even = L::add(m[1], m[2]);
            let odd = L::sub(m[1], m[2]);
            [L::add(m[0], even), L::add(odd, m[3]), m[4], m[5]]
        }
    }
}

/// F(4x4, 3x3): 0, √½, -√½, √2, -√2 and infinity. The usual 0, ±1, ±2 take less
/// to multiply by, but their sums are of so different sizes that rounding errors
/// are three times as large (and five times those of a direct convolution;
/// these come to less than twice).
pub(crate) struct Four;

impl Points for Four {
    const FINITE: &'static [f64] = &[
        0.0,
        f64::consts::FRAC_1_SQRT_2,
        -f64::consts::FRAC_1_SQRT_2,
        f64::consts::SQRT_2,
        -f64::consts::SQRT_2,
    ];
    const SIDE: usize = 6;
    const OUT: usize = 4;

    #[inline(always)]
    unsafe fn before<L: Lanes>(d: [L::V; SIDE]) -> [L::V; SIDE] {
        // SAFETY: the caller answers for the instructions.
        unsafe {
            let (half, two) = (L::splat(-0.5), L::splat(-2.0));
            let both = L::splat(-2.5);
            let (small, large) = (FRAC_1_SQRT_2, SQRT_2);
            let (even, odd) = (L::mul_add(two, d[2], d[4]), L::mul_add(two, d[1], d[3]));
            let (even2, odd2) = (L::mul_add(half, d[2], d[4]), L::mul_add(half, d[1], d[3]));
            [
                L::mul_add(both, d[2], L::add(d[0], d[4])),
                L::mul_add(L::splat(small), odd, even),
                L::mul_add(L::splat(-small), odd, even),
                L::mul_add(L::splat(large), odd2, even2),
                L::mul_add(L::splat(-large), odd2, even2),
                L::mul_add(both, d[3], L::add(d[1], d[5])),
            ]
        }
    }

    #[inline(always)]
    unsafe fn after<L: Lanes>(m: [L::V; SIDE]) -> [L::V; OUT] {
        // SAFETY: the caller answers for the instructions.
        unsafe {
            let (even, odd) = (L::add(m[1], m[2]), L::sub(m[1], m[2]));
            let (even2, odd2) = (L::add(m[3], m[4]), L::sub(m[3], m[4]));
            let zero = L::splat(0.0);
            let times = |c: f32, v: L::V, more: L::V| L::mul_add(L::splat(c), v, more);
            let (small, large) = (FRAC_1_SQRT_2, SQRT_2);
            [
                L::add(m[0], L::add(even, even2)),
                times(small, odd, times(large, odd2, zero)),
                times(0.5, even, times(2.0, even2, zero)),
                times(0.5 * small, odd, times(2.0 * large, odd2, m[5])),
            ]
        }
    }
}

/// Tiles of the input, side by side.
///
/// The pointers lead to, in floats: each of `rows`, one for each row of a tile:
/// the pixels below `tiles` tiles of the output, of `channels` values; `to`: for
/// each value of a tile, `matrix` apart, `tiles` pixels of `channels` values.
/// `channels` is a multiple of the lanes.
pub(crate) struct Gather {
    pub rows: [*const f32; SIDE],
    pub channels: usize,
    pub tiles: usize,
    pub to: *mut f32,
    pub matrix: usize,
}

/// to = Bᵀ d B for each tile `d` and each channel.
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`Gather`] says; what `to` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn gather<L: Lanes, P: Points>(g: &Gather) {
    // SAFETY: rows and columns below `P::SIDE`, tiles below `tiles` and
    // channels below `channels` by whole vectors are what the caller answers for.
    unsafe {
        for tile in 0..g.tiles {
            for c in (0..g.channels).step_by(L::N) {
                let mut half = [[L::splat(0.0); SIDE]; SIDE];
                for x in 0..P::SIDE {
                    let at = (tile * P::OUT + x) * g.channels + c;
                    let mut column = [L::splat(0.0); SIDE];
                    for (v, row) in column.iter_mut().zip(&g.rows).take(P::SIDE) {
                        *v = L::load(row.add(at));
                    }
                    for (row, v) in half.iter_mut().zip(P::before::<L>(column)) {
                        row[x] = v;
                    }
                }
                let mut to = g.to.add(tile * g.channels + c);
                for &row in half.iter().take(P::SIDE) {
                    for &v in P::before::<L>(row).iter().take(P::SIDE) {
                        L::store(to, v);
                        to = to.wrapping_add(g.matrix);
                    }
                }
            }
        }
    }
}

/// Tiles of the output, side by side.
///
/// The pointers lead to, in floats: `from`: for each value of a tile, `matrix`
/// apart, `tiles` pixels of `channels` values; `bias`: `channels`; `y`: `height`
/// rows, `line` apart, of `width` pixels, `pixel` apart, of `channels` values;
/// `residual`: the like, or null. `channels` is a multiple of the lanes; `height`
/// is at most that of a tile, and the last tile has at least one column in
/// `width`.
pub(crate) struct Scatter {
    pub from: *const f32,
    pub matrix: usize,
    pub channels: usize,
    pub tiles: usize,
    pub height: usize,
    pub width: usize,
    pub bias: *const f32,
    pub y: *mut f32,
    pub line: usize,
    pub pixel: usize,
    pub residual: *const f32,
    pub residual_line: usize,
    pub residual_pixel: usize,
    pub low: f32,
    pub high: f32,
}

/// y = clip(Aᵀ m A + bias + residual) for each tile `m` and each channel.
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`Scatter`] says; what `y` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn scatter<L: Lanes, P: Points>(s: &Scatter) {
    // SAFETY: rows below `height`, columns below `width`, tiles below `tiles`
    // and channels below `channels` by whole vectors are what the caller answers
    // for.
    unsafe {
        let (low, high) = (L::splat(s.low), L::splat(s.high));
        for tile in 0..s.tiles {
            let left = tile * P::OUT;
            let columns = P::OUT.min(s.width - left);
            for c in (0..s.channels).step_by(L::N) {
                let from = s.from.add(tile * s.channels + c);
                let mut half = [[L::splat(0.0); SIDE]; OUT];
                for x in 0..P::SIDE {
                    let mut column = [L::splat(0.0); SIDE];
                    for (y, v) in column.iter_mut().enumerate().take(P::SIDE) {
                        *v = L::load(from.add((y * P::SIDE + x) * s.matrix));
                    }
                    for (row, v) in half.iter_mut().zip(P::after::<L>(column)) {
                        row[x] = v;
                    }
                }
                let bias = L::load(s.bias.add(c));
                for (y, &row) in half.iter().enumerate().take(P::OUT.min(s.height)) {
                    let to = s.y.add(y * s.line + left * s.pixel + c);
                    let at = y * s.residual_line + left * s.residual_pixel + c;
                    for (x, &v) in P::after::<L>(row).iter().enumerate().take(columns) {
                        let mut v = L::add(v, bias);
                        if !s.residual.is_null() {
                            v = L::add(v, L::load(s.residual.add(at + x * s.residual_pixel)));
                        }
                        let v = L::at_most(high, L::at_least(low, v));
                        L::store(to.add(x * s.pixel), v);
                    }
                }
            }
        }
    }
}
