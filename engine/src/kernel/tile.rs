//! The heart of every convolution: a tile of the product of two matrices, kept
//! in registers.

use super::lanes::Lanes;

/// Tiles of `M` pixels by `NV` vectors of output channels, side by side.
///
/// The pointers lead to, in floats: each of `segments`: `repeat` x `M` pixels
/// `a_stride` apart, of which `depth` values each are read; `weights`: as many
/// times `NV` vectors as all segments have values of a pixel; `bias`: `NV`
/// vectors; `c`: `repeat` x `M` pixels `c_stride` apart of `NV` vectors;
/// `residual`: the like, or null.
pub(crate) struct Tile<'a> {
    pub segments: &'a [*const f32],
    pub a_stride: usize,
    pub depth: usize,
    pub weights: *const f32,
    pub bias: *const f32,
    pub c: *mut f32,
    pub c_stride: usize,
    pub residual: *const f32,
    pub residual_stride: usize,
    pub low: f32,
    pub high: f32,
    pub repeat: usize,
    /// What is wanted next, so many floats, to be asked for bit by bit: for each
    /// value of a tile's pixels a step of floats, at most a cache line.
    pub ahead: *const f32,
    pub ahead_len: usize,
    pub ahead_step: usize,
}

/// c = clip(the segments' values x weights + bias + residual).
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`Tile`] says; what `c` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn tile<L: Lanes, const M: usize, const NV: usize>(t: &Tile<'_>) {
    // SAFETY: rows below `repeat` x `M`, vectors below `NV` and values below
    // `depth` are what the caller answers for.
    unsafe {
        let (low, high) = (L::splat(t.low), L::splat(t.high));
        let values = t.segments.len() * t.depth;
        for first in (0..t.repeat * M).step_by(M) {
            let mut acc = [[L::splat(0.0); NV]; M];
            for row in &mut acc {
                for (j, v) in row.iter_mut().enumerate() {
                    *v = L::load(t.bias.add(j * L::N));
                }
            }
            let mut weights = t.weights;
            // Where nothing is wanted, what is there already is asked for: that
            // costs less than to ask whether.
            let wanted = first / M * values * t.ahead_step;
            let (mut ahead, step) = if wanted < t.ahead_len {
                (t.ahead.wrapping_add(wanted), t.ahead_step)
            } else {
                (t.weights, 0)
            };
            for segment in t.segments {
                let a = segment.add(first * t.a_stride);
                for k in 0..t.depth {
                    L::prefetch::<false>(ahead);
                    ahead = ahead.wrapping_add(step);
                    let mut w = [L::splat(0.0); NV];
                    for (j, v) in w.iter_mut().enumerate() {
                        *v = L::load(weights.add(j * L::N));
                    }
                    weights = weights.add(NV * L::N);
                    for (i, row) in acc.iter_mut().enumerate() {
                        let x = L::splat(*a.add(i * t.a_stride + k));
                        for (v, &w) in row.iter_mut().zip(&w) {
                            *v = L::mul_add(x, w, *v);
                        }
                    }
                }
            }
            if !t.residual.is_null() {
                let residual = t.residual.add(first * t.residual_stride);
                for (i, row) in acc.iter_mut().enumerate() {
                    for (j, v) in row.iter_mut().enumerate() {
                        let more = L::load(residual.add(i * t.residual_stride + j * L::N));
                        *v = L::add(*v, more);
                    }
                }
            }
            let c = t.c.add(first * t.c_stride);
            for (i, row) in acc.iter().enumerate() {
                for (j, &v) in row.iter().enumerate() {
                    let v = L::at_most(high, L::at_least(low, v));
                    L::store(c.add(i * t.c_stride + j * L::N), v);
                }
            }
        }
    }
}
