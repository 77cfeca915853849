//! The largest values under a window.

use super::lanes::Lanes;

/// The most rows that a window may have.
pub(crate) const ROWS: usize = 16;

/// A row of output pixels of a pool of `kernel` columns, moved by `stride`.
///
/// The pointers lead to, in floats: each of `rows`, those under the window that
/// lie in the picture: `from` pixels of `channels` values; `y`: `width` such
/// pixels. The first window begins `left` columns before the picture, where
/// `left` is below `kernel`. `channels` is a multiple of the lanes.
pub(crate) struct PoolRow<'a> {
    pub rows: &'a [*const f32],
    pub channels: usize,
    pub from: usize,
    pub kernel: usize,
    pub stride: usize,
    pub left: usize,
    pub y: *mut f32,
    pub width: usize,
}

/// y = the largest value in each window; what is no number is the largest.
///
/// # Safety
/// The processor has `L`'s instructions, and the pointers lead to what
/// [`PoolRow`] says; what `y` leads to overlaps nothing else.
#[inline(always)]
pub(crate) unsafe fn row<L: Lanes>(p: &PoolRow<'_>) {
    for x in 0..p.width {
        let end = x * p.stride + p.kernel - p.left;
        let columns = (x * p.stride).saturating_sub(p.left)..end.min(p.from);
        for c in (0..p.channels).step_by(L::N) {
            // SAFETY: `c` stays below `channels` by whole vectors, the columns
            // below `from` and the pixels below `width`.
            unsafe {
                let mut most = L::splat(f32::NEG_INFINITY);
                for row in p.rows {
                    for column in columns.clone() {
                        most = L::most(most, L::load(row.add(column * p.channels + c)));
                    }
                }
                L::store(p.y.add(x * p.channels + c), most);
            }
        }
    }
}
