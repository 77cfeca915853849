//! Convolution of each channel by itself.

use std::ops::Range;

use super::lanes::Lanes;

/// Rows of output pixels of a depthwise convolution of side `K`, moved by `S`.
///
/// The pointers lead to, in floats: each of the `(count - 1) * S + K` of
/// `rows`: the `(width - 1) * S + K` pixels of `channels` values that output
/// rows are made of, zeros outside the picture among them; `weights`: for each
/// vector of channels `K` x `K` vectors; `bias`: `channels`; `y`: `count` rows,
/// `line` apart, of `width` pixels of `channels` values. `channels` is a
/// multiple of the lanes.
pub(crate) struct DepthwiseRows<'a> {
    pub rows: &'a [*const f32],
    pub count: usize,
    pub channels: usize,
    pub width: usize,
    pub weights: *const f32,
    pub bias: *const f32,
    pub y: *mut f32,
    pub line: usize,
    pub low: f32,
    pub high: f32,
}

/// y = clip(depthwise(rows) + bias), `T` pixels at a time, and with `PAIRS`
/// those of two rows, which have most of their input in common.
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`DepthwiseRows`] says; what `y` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn rows<
    L: Lanes,
    const K: usize,
    const S: usize,
    const T: usize,
    const PAIRS: bool,
>(
    d: &DepthwiseRows<'_>,
) {
    // Narrow rows are gone through all at once for each vector of channels, so
    // that its weights are read once. Of wide ones so many would not stay in the
    // first cache: there it is some pixels of two rows for all channels.
    let wide = d.width > WIDE;
    let (across, down) = if wide { (CHUNK, 2) } else { (d.width, d.count) };
    for top in (0..d.count).step_by(down) {
        let bottom = d.count.min(top + down);
        for left in (0..d.width).step_by(across) {
            let right = d.width.min(left + across);
            for c in (0..d.channels).step_by(L::N) {
                // SAFETY: `c` stays below `channels` by whole vectors, the rows
                // below `count` and the pixels below `width`.
                unsafe { block::<L, K, S, T, PAIRS>(d, c, top..bottom, left..right) }
            }
        }
    }
}

/// Pixels of a row that is wide, and of what is then done at a time: a multiple
/// of every `T`.
const WIDE: usize = 32;
const CHUNK: usize = 24;

/// One vector of channels, from `c` on, of a rectangle of pixels.
///
/// # Safety
/// As for [`rows`], and `c` + lanes is at most `channels`, `ys` and `xs` lie
/// within `count` and `width`.
#[inline(always)]
unsafe fn block<L: Lanes, const K: usize, const S: usize, const T: usize, const PAIRS: bool>(
    d: &DepthwiseRows<'_>,
    c: usize,
    ys: Range<usize>,
    xs: Range<usize>,
) {
    for tap in 0..K * K {
        L::prefetch::<true>(d.weights.wrapping_add((c + L::N) * K * K + tap * L::N));
    }
    let mut y = ys.start;
    // SAFETY: whole tiles from the rectangle's begin to its end, which the
    // caller answers for.
    unsafe {
        while PAIRS && S == 1 && y + 2 <= ys.end {
            let mut x = xs.start;
            while x + T <= xs.end {
                pair::<L, K, T>(d, c, y, x);
                x += T;
            }
            while x + 2 <= xs.end {
                pair::<L, K, 2>(d, c, y, x);
                x += 2;
            }
            if x < xs.end {
                pair::<L, K, 1>(d, c, y, x);
            }
            y += 2;
        }
        while y < ys.end {
            let mut x = xs.start;
            while x + T <= xs.end {
                single::<L, K, S, T>(d, c, y, x);
                x += T;
            }
            while x + 2 <= xs.end {
                single::<L, K, S, 2>(d, c, y, x);
                x += 2;
            }
            if x < xs.end {
                single::<L, K, S, 1>(d, c, y, x);
            }
            y += 1;
        }
    }
}

/// One vector of channels, from `c` on, of `T` pixels of row `y` from `x` on.
///
/// # Safety
/// As for [`rows`], and `c` + lanes is at most `channels`, `y` + 1 at most
/// `count`, `x` + `T` at most `width`.
#[inline(always)]
unsafe fn single<L: Lanes, const K: usize, const S: usize, const T: usize>(
    d: &DepthwiseRows<'_>,
    c: usize,
    y: usize,
    x: usize,
) {
    // SAFETY: the last pixel read is (x + T - 1) * S + K - 1, which is below
    // (width - 1) * S + K; the last row is y * S + K - 1.
    unsafe {
        let mut acc = [L::load(d.bias.add(c)); T];
        for ky in 0..K {
            let from = d.rows.get_unchecked(y * S + ky);
            let from = from.add(x * S * d.channels + c);
            let w = taps::<L, K>(d, c, ky);
            for j in 0..(T - 1) * S + K {
                let v = L::load(from.add(j * d.channels));
                add::<L, K, S, T>(&mut acc, v, &w, j);
            }
        }
        store::<L, T>(d, &acc, c, y, x);
    }
}

/// The same for the rows `y` and `y` + 1 of a convolution that moves by one.
///
/// # Safety
/// As for [`single`], and `y` + 2 is at most `count`.
#[inline(always)]
unsafe fn pair<L: Lanes, const K: usize, const T: usize>(
    d: &DepthwiseRows<'_>,
    c: usize,
    y: usize,
    x: usize,
) {
    // SAFETY: as for `single`; the last row is y + K.
    unsafe {
        let mut first = [L::load(d.bias.add(c)); T];
        let mut second = first;
        let row = |ky: usize| d.rows.get_unchecked(y + ky).add(x * d.channels + c);
        let w = taps::<L, K>(d, c, 0);
        for j in 0..T - 1 + K {
            add::<L, K, 1, T>(&mut first, L::load(row(0).add(j * d.channels)), &w, j);
        }
        for ky in 1..K {
            let from = row(ky);
            let (w, above) = (taps::<L, K>(d, c, ky), taps::<L, K>(d, c, ky - 1));
            for j in 0..T - 1 + K {
                let v = L::load(from.add(j * d.channels));
                add::<L, K, 1, T>(&mut first, v, &w, j);
                add::<L, K, 1, T>(&mut second, v, &above, j);
            }
        }
        let w = taps::<L, K>(d, c, K - 1);
        for j in 0..T - 1 + K {
            add::<L, K, 1, T>(&mut second, L::load(row(K).add(j * d.channels)), &w, j);
        }
        store::<L, T>(d, &first, c, y, x);
        store::<L, T>(d, &second, c, y + 1, x);
    }
}

/// Row `ky` of the weights of the channels from `c` on.
///
/// # Safety
/// As for [`rows`], and `c` + lanes is at most `channels`, `ky` below `K`.
#[inline(always)]
unsafe fn taps<L: Lanes, const K: usize>(d: &DepthwiseRows<'_>, c: usize, ky: usize) -> [L::V; K] {
    // SAFETY: each vector of channels before `c` has K * K vectors of weights.
    unsafe {
        let from = d.weights.add(c * K * K + ky * K * L::N);
        let mut w = [L::splat(0.0); K];
        for (kx, v) in w.iter_mut().enumerate() {
            *v = L::load(from.add(kx * L::N));
        }
        w
    }
}

/// Adds input pixel `j` to each of `T` output pixels that it is under.
///
/// # Safety
/// The processor has `L`'s instructions.
#[inline(always)]
unsafe fn add<L: Lanes, const K: usize, const S: usize, const T: usize>(
    acc: &mut [L::V; T],
    v: L::V,
    w: &[L::V; K],
    j: usize,
) {
    for (t, acc) in acc.iter_mut().enumerate() {
        if j >= t * S && j < t * S + K {
            // SAFETY: the caller answers for the instructions.
            *acc = unsafe { L::mul_add(v, w[j - t * S], *acc) };
        }
    }
}

/// # Safety
/// As for [`single`].
#[inline(always)]
unsafe fn store<L: Lanes, const T: usize>(
    d: &DepthwiseRows<'_>,
    acc: &[L::V; T],
    c: usize,
    y: usize,
    x: usize,
) {
    // SAFETY: x + T is at most `width`, y below `count`.
    unsafe {
        let (low, high) = (L::splat(d.low), L::splat(d.high));
        for (t, &v) in acc.iter().enumerate() {
            let v = L::at_most(high, L::at_least(low, v));
            L::store(d.y.add(y * d.line + (x + t) * d.channels + c), v);
        }
    }
}
