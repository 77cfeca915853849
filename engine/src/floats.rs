//! Floats that begin where a cache line begins.

use std::slice;

/// Floats in a cache line, and so what offsets are rounded up to.
pub(crate) const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A list of floats, the first of which begins a cache line: a vector that is
/// loaded from a whole number of vectors further on never crosses two lines.
pub(crate) struct Floats {
    lines: Vec<Line>,
}

impl Floats {
    /// At least `len` zeros.
    pub fn zeros(len: usize) -> Floats {
        Floats {
            lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)],
        }
    }

    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: a `Line` is `LINE` floats and nothing else, as its size, a
        // multiple of its alignment, says.
        unsafe { slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LINE) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.lines.len() * LINE;
        // SAFETY: as above, and `self` is borrowed for as long.
        unsafe { slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }
}
