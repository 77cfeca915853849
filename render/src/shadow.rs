//! Lashes: soft dark strokes, the deepest counts where they cross.

use super::canvas::span;
use super::geometry::{bump, point, Point};

/// How deep the shadow is at every pixel of a square, 0..1.
pub struct Shadow {
    side: usize,
    pub depth: Vec<f32>,
}

impl Shadow {
    pub fn new(side: usize) -> Shadow {
        Shadow {
            side,
            depth: vec![0.0; side * side],
        }
    }

    /// A stroke along `path` that thins and fades towards its end.
    pub fn stroke(&mut self, path: &[Point], width: f32, depth: f32) {
        let count = path.len().max(1) as f32;
        for (i, p) in path.iter().enumerate() {
            let share = i as f32 / count;
            let width = width * (1.0 - 0.7 * share);
            let depth = depth * (1.0 - 0.6 * share * share);
            let reach = width * 2.2;
            for y in span(p.y, reach, self.side) {
                for x in span(p.x, reach, self.side) {
                    let from = (point(x as f32, y as f32) - *p).length();
                    let at = &mut self.depth[y * self.side + x];
                    *at = at.max(depth * bump(from, width));
                }
            }
        }
    }
}
