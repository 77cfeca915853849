//! Floats made pairs of bfloat16.

use super::lanes::Pairs;

/// `floats`, of a length that is a multiple of the lanes, and room for half as many pairs.
pub(crate) struct Narrow<'a> {
    pub floats: &'a [f32],
    pub pairs: &'a mut [f32],
}

/// pairs = the floats, each rounded to the nearest bfloat16.
///
/// # Safety
/// The processor has `L`'s instructions, those for bfloat16 too.
///
/// # Panics
/// When the lists are not as long as [`Narrow`] says.
#[inline(always)]
pub(crate) unsafe fn narrow<L: Pairs>(n: &mut Narrow<'_>) {
    assert_eq!(n.floats.len() % L::N, 0);
    assert_eq!(n.floats.len(), 2 * n.pairs.len());
    let pairs = n.pairs.chunks_exact_mut(L::N / 2);
    for (from, to) in n.floats.chunks_exact(L::N).zip(pairs) {
        // SAFETY: the chunks are a vector and half of one, and the caller answers
        // for the instructions.
        unsafe { L::narrow(from.as_ptr(), to.as_mut_ptr()) }
    }
}
