//! Where a feature map lies in the arena.

use std::ops::Range;

/// A feature map: row after row, pixel after pixel, the channels of a pixel
/// together. Rows may have columns of zeros on both sides, and where only the
/// latest `rows` of the `height` are kept, the next one takes the place of the
/// oldest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plane {
    /// The first float in the arena.
    pub offset: usize,
    /// Floats from a pixel to the next: the channels in whole vectors.
    pub pixel: usize,
    pub width: usize,
    pub height: usize,
    /// Columns of zeros.
    pub left: usize,
    pub right: usize,
    /// Rows that are kept.
    pub rows: usize,
}

impl Plane {
    /// Floats from a row to the next.
    pub fn line(&self) -> usize {
        (self.left + self.width + self.right) * self.pixel
    }

    /// Floats that it takes.
    pub fn len(&self) -> usize {
        self.rows * self.line()
    }

    /// Where it lies in the arena.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// The first pixel of row `y`, in floats from the plane's begin.
    pub fn row(&self, y: usize) -> usize {
        y % self.rows * self.line() + self.left * self.pixel
    }

    /// How many of the rows from `y` on lie one after the other.
    pub fn run(&self, y: usize) -> usize {
        self.rows - y % self.rows
    }

    /// Whether the rows follow each other without columns of zeros.
    pub fn gapless(&self) -> bool {
        self.left + self.right == 0
    }

    /// Writes the columns of zeros in `values`, which are those of the plane.
    pub fn clear_sides(&self, values: &mut [f32]) {
        if self.gapless() {
            return;
        }
        let (left, right) = (self.left * self.pixel, self.right * self.pixel);
        for row in values.chunks_exact_mut(self.line()) {
            let end = row.len() - right;
            row[..left].fill(0.0);
            row[end..].fill(0.0);
        }
    }
}
