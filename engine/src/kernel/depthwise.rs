//! Convolution of each channel by itself.

use super::lanes::Lanes;

/// The largest side of a depthwise kernel.
pub(crate) const LARGEST: usize = 5;

/// One row of output pixels of a depthwise convolution of side `K`.
///
/// The pointers lead to, in floats: each of the first `K` of `rows`: the
/// `(width - 1) * S + K` pixels of `channels` values that the output row is
/// made of, zeros outside the picture among them; `weights`: `K` x `K` times
/// `channels`; `bias`: `channels`; `y`: `width` pixels of `channels` values.
/// `channels` is a multiple of the lanes.
pub(crate) struct DepthwiseRow {
    pub rows: [*const f32; LARGEST],
    pub channels: usize,
    pub width: usize,
    pub weights: *const f32,
    pub bias: *const f32,
    pub y: *mut f32,
    pub low: f32,
    pub high: f32,
}

/// y = clip(depthwise(rows) + bias), `T` pixels at a time.
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`DepthwiseRow`] says; what `y` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn row<L: Lanes, const K: usize, const S: usize, const T: usize>(
    d: &DepthwiseRow,
) {
    // SAFETY: `c` stays below `channels` by whole vectors and `x` below `width`
    // by whole tiles, which the caller answers for.
    unsafe {
        let mut c = 0;
        while c < d.channels {
            let mut x = 0;
            while x + T <= d.width {
                pixels::<L, K, S, T>(d, c, x);
                x += T;
            }
            while x + 2 <= d.width {
                pixels::<L, K, S, 2>(d, c, x);
                x += 2;
            }
            if x < d.width {
                pixels::<L, K, S, 1>(d, c, x);
            }
            c += L::N;
        }
    }
}

/// One vector of channels, from `c` on, of `T` pixels from `x` on.
///
/// # Safety
/// As for [`row`], and `c` + lanes is at most `channels`, `x` + `T` at most
/// `width`.
#[inline(always)]
unsafe fn pixels<L: Lanes, const K: usize, const S: usize, const T: usize>(
    d: &DepthwiseRow,
    c: usize,
    x: usize,
) {
    // SAFETY: the last pixel read is (x + T - 1) * S + K - 1, which is below
    // (width - 1) * S + K.
    unsafe {
        let mut acc = [L::load(d.bias.add(c)); T];
        for ky in 0..K {
            let from = d.rows[ky].add(x * S * d.channels + c);
            let mut w = [L::splat(0.0); K];
            for (kx, v) in w.iter_mut().enumerate() {
                *v = L::load(d.weights.add((ky * K + kx) * d.channels + c));
            }
            for j in 0..(T - 1) * S + K {
                let v = L::load(from.add(j * d.channels));
                for (t, acc) in acc.iter_mut().enumerate() {
                    if j >= t * S && j < t * S + K {
                        *acc = L::mul_add(v, w[j - t * S], *acc);
                    }
                }
            }
        }
        let (low, high) = (L::splat(d.low), L::splat(d.high));
        for (t, &v) in acc.iter().enumerate() {
            let v = L::at_most(high, L::at_least(low, v));
            L::store(d.y.add((x + t) * d.channels + c), v);
        }
    }
}
