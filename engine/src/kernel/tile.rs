//! The heart of every convolution: a tile of the product of two matrices, kept
//! in registers.

use super::lanes::Lanes;

/// One tile: `M` pixels by `NV` vectors of output channels.
///
/// The pointers lead to, in floats: `a`: `M` rows `a_stride` apart of `depth`
/// values; `weights`: `depth` times `NV` vectors; `bias`: `NV` vectors; `c`:
/// `M` rows `c_stride` apart of `NV` vectors; `residual`: the like, or null.
pub(crate) struct Tile {
    pub a: *const f32,
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
}

/// c = clip(a x weights + bias + residual).
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`Tile`] says; what `c` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn tile<L: Lanes, const M: usize, const NV: usize>(t: &Tile) {
    // SAFETY: rows below `M`, vectors below `NV` and values below `depth` are
    // what the caller answers for.
    unsafe {
        let mut acc = [[L::splat(0.0); NV]; M];
        for row in &mut acc {
            for (j, v) in row.iter_mut().enumerate() {
                *v = L::load(t.bias.add(j * L::N));
            }
        }
        let mut weights = t.weights;
        for k in 0..t.depth {
            let mut w = [L::splat(0.0); NV];
            for (j, v) in w.iter_mut().enumerate() {
                *v = L::load(weights.add(j * L::N));
            }
            weights = weights.add(NV * L::N);
            for (i, row) in acc.iter_mut().enumerate() {
                let x = L::splat(*t.a.add(i * t.a_stride + k));
                for (v, &w) in row.iter_mut().zip(&w) {
                    *v = L::mul_add(x, w, *v);
                }
            }
        }
        if !t.residual.is_null() {
            for (i, row) in acc.iter_mut().enumerate() {
                for (j, v) in row.iter_mut().enumerate() {
                    let more = L::load(t.residual.add(i * t.residual_stride + j * L::N));
                    *v = L::add(*v, more);
                }
            }
        }
        let (low, high) = (L::splat(t.low), L::splat(t.high));
        for (i, row) in acc.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                let v = L::at_most(high, L::at_least(low, v));
                L::store(t.c.add(i * t.c_stride + j * L::N), v);
            }
        }
    }
}
