//! The product of pixels and weights, from tiles.

use std::ops::Range;
use std::ptr;

use crate::floats::{Floats, LINE};
use crate::kernel::lanes::pair;
use crate::kernel::tile::Tile;
use crate::kernel::{Kernels, PairKernels, TileKernel};

/// Vectors of output channels whose weights lie together.
struct Panel {
    /// The first channel.
    channel: usize,
    /// One to three.
    vectors: usize,
    /// Where its weights begin: for each matrix, for each value of a pixel, its
    /// vectors.
    weights: usize,
}

/// The weights of a convolution, one matrix or some, in the order in which tiles
/// read them.
pub(crate) struct Packed {
    values: Floats,
    bias: Floats,
    panels: Vec<Panel>,
    matrices: usize,
    lanes: usize,
    tiles: [&'static [TileKernel]; 3],
    /// Values of a pixel: floats, or pairs of bfloat16.
    pub depth: usize,
    /// Output channels in whole vectors.
    pub channels: usize,
}

impl Packed {
    /// Packs `weight(channel, k)` for `k` below `depth` with one `bias` for each
    /// channel. The channels that fill the last vector have zeros.
    pub fn new(
        kernels: &Kernels,
        depth: usize,
        bias: &[f32],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Packed {
        Packed::several(kernels, 1, depth, bias, |_, channel, k| weight(channel, k))
    }

    /// The same for pixels of `depth` bfloat16 values in pairs, where the processor multiplies those.
    /// An odd number of values is made even by one that does not count.
    pub fn pairs(
        kernels: &Kernels,
        with: &PairKernels,
        depth: usize,
        bias: &[f32],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Packed {
        let weight = |channel, k| if k < depth { weight(channel, k) } else { 0.0 };
        let packed = Packed::new(kernels, depth.div_ceil(2), bias, |channel, k| {
            pair(weight(channel, 2 * k), weight(channel, 2 * k + 1))
        });
        Packed {
            tiles: with.tiles,
            ..packed
        }
    }

    /// The same for so many matrices, as `weight(matrix, channel, k)` gives them.
    /// Those of a panel lie together.
    pub fn several(
        kernels: &Kernels,
        matrices: usize,
        depth: usize,
        bias: &[f32],
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Packed {
        let lanes = kernels.lanes;
        let vectors = bias.len().div_ceil(lanes);
        let mut values = Floats::zeros(matrices * vectors * lanes * depth);
        let mut panels = Vec::new();
        let (mut vector, mut at) = (0, 0);
        while vector < vectors {
            let wide = panel(vectors - vector, kernels.panel);
            let channel = vector * lanes;
            panels.push(Panel {
                channel,
                vectors: wide,
                weights: at,
            });
            let width = wide * lanes;
            let packed = &mut values.as_mut_slice()[at..at + matrices * depth * width];
            for (i, row) in packed.chunks_exact_mut(width).enumerate() {
                let (matrix, k) = (i / depth, i % depth);
                for (channel, value) in (channel..bias.len()).zip(row) {
                    *value = weight(matrix, channel, k);
                }
            }
            vector += wide;
            at += matrices * depth * width;
        }
        let mut padded = Floats::zeros(vectors * lanes);
        padded.as_mut_slice()[..bias.len()].copy_from_slice(bias);
        Packed {
            values,
            bias: padded,
            panels,
            matrices,
            lanes,
            tiles: kernels.tiles,
            depth,
            channels: vectors * lanes,
        }
    }

    /// How many panels there are.
    pub fn panels(&self) -> usize {
        self.panels.len()
    }

    /// The output channels of panel `i`, in whole vectors.
    pub fn panel(&self, i: usize) -> Range<usize> {
        let panel = &self.panels[i];
        panel.channel..panel.channel + panel.vectors * self.lanes
    }

    /// Where the weights of one of panel `i`'s matrices lie.
    fn weights(&self, i: usize, matrix: usize) -> Range<usize> {
        let each = self.depth * self.panel(i).len();
        let start = self.panels[i].weights + matrix * each;
        start..start + each
    }

    /// What is read after them; nothing after the last.
    fn next_weights(&self, i: usize, matrix: usize) -> Range<usize> {
        if matrix + 1 < self.matrices {
            self.weights(i, matrix + 1)
        } else if i + 1 < self.panels.len() {
            self.weights(i + 1, 0)
        } else {
            self.weights(i, matrix).end..self.weights(i, matrix).end
        }
    }
}

/// Vectors of the next panel where `rest` are left and `usual` are best: no
/// panel of one stays over where a wider one could have taken it in.
fn panel(rest: usize, usual: usize) -> usize {
    if rest <= 3 {
        rest
    } else {
        usual
    }
}

/// The most segments that the values of a pixel may come in.
pub(crate) const SEGMENTS: usize = 64;

/// Where the values of pixels come from: for each line some segments, as
/// `segment(line, n)` gives them. Each begins with its values of the line's
/// first pixel; those of the next one begin `pixel` floats further on.
pub(crate) struct Source<F> {
    pub segments: usize,
    pub pixel: usize,
    pub segment: F,
}

/// Pixels in lines: `values` begins with the first pixel of the first line.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub values: &'a [f32],
    /// Floats from a pixel to the next and from a line to the next.
    pub pixel: usize,
    pub line: usize,
}

/// The same, to be written.
pub(crate) struct PixelsMut<'a> {
    pub values: &'a mut [f32],
    pub pixel: usize,
    pub line: usize,
}

/// How many lines of how many pixels, none of them zero, and the bounds of the
/// result.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub lines: usize,
    pub width: usize,
    pub low: f32,
    pub high: f32,
}

impl Extent {
    /// Floats from the first to the last, where a pixel has `channels`.
    fn span(&self, pixel: usize, line: usize, channels: usize) -> usize {
        (self.lines - 1) * line + (self.width - 1) * pixel + channels
    }
}

/// `to` = clip(`from` x weights + bias + `residual`), pixel by pixel.
///
/// # Panics
/// When a slice is too short for the extent, pixels of `to` overlap, or the
/// segments are not what the weights were packed for.
pub(crate) fn product<'a>(
    packed: &Packed,
    extent: Extent,
    from: &Source<impl Fn(usize, usize) -> &'a [f32]>,
    residual: Option<Pixels<'_>>,
    to: PixelsMut<'_>,
) {
    for i in 0..packed.panels() {
        let channel = packed.panels[i].channel;
        let residual = residual.map(|residual| Pixels {
            values: &residual.values[channel..],
            ..residual
        });
        let to = PixelsMut {
            values: &mut to.values[channel..],
            ..to
        };
        multiply(packed, (i, 0), extent, from, residual, to);
    }
}

/// The same for the output channels of a single panel, with one of its matrices:
/// `residual` and `to` begin with its first channel.
///
/// # Panics
/// As [`product`] does.
pub(crate) fn multiply<'a>(
    packed: &Packed,
    (panel, matrix): (usize, usize),
    extent: Extent,
    from: &Source<impl Fn(usize, usize) -> &'a [f32]>,
    residual: Option<Pixels<'_>>,
    to: PixelsMut<'_>,
) {
    let (channels, width) = (packed.panel(panel), extent.width);
    let depth = packed.depth / from.segments;
    assert_eq!(depth * from.segments, packed.depth);
    assert!(to.values.len() >= extent.span(to.pixel, to.line, channels.len()));
    assert!(to.pixel >= channels.len());
    if let Some(residual) = residual {
        let span = extent.span(residual.pixel, residual.line, channels.len());
        assert!(residual.values.len() >= span);
    }
    let mut starts = [ptr::null(); SEGMENTS];
    let starts = &mut starts[..from.segments];
    let weights = &packed.values.as_slice()[packed.weights(panel, matrix)];
    // While the pixels go by these weights, the next ones are fetched: those of a
    // whole network come from far away. Memory is kept busy evenly, as it would
    // not keep up with more at a time.
    let next = packed.next_weights(panel, matrix);
    let tiles = packed.tiles[packed.panels[panel].vectors - 1];
    // As even as can be: a last tile of one pixel would cost as much as a whole
    // one. So the first ones have a pixel more than the rest.
    let count = width.div_ceil(tiles.len());
    let (pixels, larger) = (width / count, width % count);
    let values = extent.lines * count * packed.depth;
    let step = next.len().div_ceil(values).min(LINE);
    let mut ahead = next.start;
    for line in 0..extent.lines {
        let mut x = 0;
        for (pixels, repeat) in [(pixels + 1, larger), (pixels, count - larger)] {
            if repeat == 0 {
                continue;
            }
            for (n, start) in starts.iter_mut().enumerate() {
                let segment = (from.segment)(line, n);
                assert!(segment.len() >= (width - 1) * from.pixel + depth);
                *start = segment[x * from.pixel..].as_ptr();
            }
            let tile = Tile {
                segments: starts,
                a_stride: from.pixel,
                depth,
                weights: weights.as_ptr(),
                bias: packed.bias.as_slice()[channels.clone()].as_ptr(),
                c: to.values[line * to.line + x * to.pixel..].as_mut_ptr(),
                c_stride: to.pixel,
                residual: residual.map_or(ptr::null(), |r| {
                    r.values[line * r.line + x * r.pixel..].as_ptr()
                }),
                residual_stride: residual.map_or(0, |r| r.pixel),
                low: extent.low,
                high: extent.high,
                repeat,
                ahead: packed.values.as_slice()[ahead..].as_ptr(),
                ahead_len: next.end - ahead,
                ahead_step: step,
            };
            // SAFETY: the kernel is of this processor; the slices are as long as
            // the extent asks for, and `x` + `pixels` x `repeat` is at most its
            // width; the panel's weights and bias were made for the segments'
            // values and its vectors; `to` is borrowed to be written.
            unsafe { tiles[pixels - 1](&tile) }
            x += pixels * repeat;
            ahead = next.end.min(ahead + repeat * packed.depth * step);
        }
    }
}
