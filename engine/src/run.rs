//! Running a plan.

use std::ops::Range;
use std::ptr;

use crate::floats::Floats;
use crate::kernel::depthwise::DepthwiseRows;
use crate::kernel::narrow::Narrow;
use crate::kernel::pool::{self, PoolRow};
use crate::kernel::{Kernels, NarrowKernel, RowsKernel};
use crate::plan::{rows_of_pairs, window_pixel, windows, Chain, Plan, Stage, Work};
use crate::plane::Plane;
use crate::product::{product, Extent, Packed, Pixels, PixelsMut, Source};
use crate::winograd::{Places, Winograd};

/// The memory of one run, to be used again by the next.
pub(crate) struct Arena {
    values: Floats,
    zeros: Floats,
    /// What a layer works with beside maps.
    scratch: Floats,
    /// Rows that each stage of the chain at hand has made and is asked for.
    done: Vec<usize>,
    need: Vec<usize>,
}

impl Arena {
    pub fn new(plan: &Plan) -> Arena {
        let longest = plan.chains.iter().map(|chain| chain.stages.len()).max();
        Arena {
            values: Floats::zeros(plan.arena),
            zeros: Floats::zeros(plan.zeros),
            scratch: Floats::zeros(plan.scratch),
            done: Vec::with_capacity(longest.unwrap_or(0)),
            need: Vec::with_capacity(longest.unwrap_or(0)),
        }
    }
}

/// Runs `plan` on a photograph of planes and writes the maps, plane by plane.
/// `made` is told after each piece of work which layer it belonged to.
///
/// # Panics
/// When `photograph` or `maps` has another length than the plan's input and
/// output.
pub(crate) fn run(
    plan: &Plan,
    arena: &mut Arena,
    photograph: &[f32],
    maps: &mut [f32],
    mut made: impl FnMut(usize),
) {
    for chain in &plan.chains {
        run_chain(plan.kernels, chain, arena, photograph, &mut made);
    }
    let (plane, values) = (&plan.maps, arena.values.as_slice());
    let area = plane.width * plane.height;
    assert_eq!(maps.len(), plan.outputs * area);
    for (channel, map) in maps.chunks_exact_mut(area).enumerate() {
        for (y, row) in map.chunks_exact_mut(plane.width).enumerate() {
            let from = &values[plane.offset + plane.row(y) + channel..];
            for (value, &found) in row.iter_mut().zip(from.iter().step_by(plane.pixel)) {
                *value = found;
            }
        }
    }
}

fn run_chain(
    kernels: &Kernels,
    chain: &Chain,
    arena: &mut Arena,
    photograph: &[f32],
    made: &mut impl FnMut(usize),
) {
    let stages = &chain.stages;
    for stage in stages {
        let output = &stage.output;
        output.clear_sides(&mut arena.values.as_mut_slice()[output.range()]);
    }
    let n = stages.len();
    let height = stages[n - 1].output.height;
    arena.done.clear();
    arena.done.resize(n, 0);
    for y in (0..height).step_by(chain.turn) {
        arena.need.clear();
        arena.need.resize(n, 0);
        arena.need[n - 1] = (y + chain.turn).min(height);
        for i in (1..n).rev() {
            arena.need[i - 1] = stages[i].needs(arena.need[i]).max(arena.done[i - 1]);
        }
        for (i, stage) in stages.iter().enumerate() {
            let rows = arena.done[i]..arena.need[i];
            stage.run(kernels, arena, photograph, rows);
            arena.done[i] = arena.need[i];
            made(stage.index);
        }
    }
}

impl Stage {
    /// Makes these rows of the output. What they are made of is there.
    fn run(&self, kernels: &Kernels, arena: &mut Arena, photograph: &[f32], rows: Range<usize>) {
        let zeros = arena.zeros.as_slice();
        let (others, output) = apart(arena.values.as_mut_slice(), self.output.range());
        match &self.work {
            Work::Photograph(shift) => self.take_photograph(shift, photograph, output, rows),
            Work::Pointwise(packed) => self.pointwise(packed, &others, output, rows),
            Work::Pairs(packed, narrow) => {
                let scratch = arena.scratch.as_mut_slice();
                self.pairs(packed, *narrow, &others, scratch, output, rows);
            }
            Work::Conv(packed, segments) => {
                let packed = (packed, *segments);
                self.conv(packed, &others, zeros, output, rows);
            }
            Work::Windows(packed, segments) => {
                let packed = (packed, *segments);
                let places = (zeros, arena.scratch.as_mut_slice());
                self.windows(packed, &others, places, output, rows);
            }
            Work::Winograd(winograd) => {
                let scratch = arena.scratch.as_mut_slice();
                self.winograd(kernels, winograd, &others, (zeros, scratch), output, rows);
            }
            Work::Depthwise {
                kernel,
                weights,
                bias,
            } => {
                let input = others.of(&self.input);
                self.depthwise(*kernel, (weights, bias), (input, zeros), output, rows);
            }
            Work::MaxPool => self.max_pool(kernels, others.of(&self.input), output, rows),
        }
    }

    /// The input's values from where the window of output row `y` begins, in
    /// its line `ky`, or `zeros` where that lies outside.
    fn input_row<'a>(&self, input: &'a [f32], zeros: &'a [f32], y: usize, ky: usize) -> &'a [f32] {
        match (y * self.stride + ky).checked_sub(self.above) {
            Some(row) if row < self.input.height => {
                &input[self.input.row(row) - self.left * self.input.pixel..]
            }
            _ => zeros,
        }
    }

    fn take_photograph(
        &self,
        shift: &[f32],
        photograph: &[f32],
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let plane = &self.output;
        let area = plane.width * plane.height;
        assert_eq!(photograph.len(), self.channels * area);
        let line = |channel: usize, y: usize| {
            let from = channel * area + y * plane.width;
            &photograph[from..from + plane.width]
        };
        for y in rows {
            let to = &mut output[plane.row(y)..][..plane.width * plane.pixel];
            if let (&[r, g, b], 3) = (shift, plane.pixel) {
                let pixels = to.chunks_exact_mut(3).zip(line(0, y));
                for (((to, red), green), blue) in pixels.zip(line(1, y)).zip(line(2, y)) {
                    to.copy_from_slice(&[red + r, green + g, blue + b]);
                }
                continue;
            }
            for channel in 0..plane.pixel {
                let to = to[channel..].iter_mut().step_by(plane.pixel);
                match shift.get(channel) {
                    Some(shift) => to
                        .zip(line(channel, y))
                        .for_each(|(to, from)| *to = from + shift),
                    // It only fills the last vector.
                    None => to.for_each(|to| *to = 0.0),
                }
            }
        }
    }

    fn pointwise(
        &self,
        packed: &Packed,
        others: &Others<'_>,
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let input = others.of(&self.input);
        let mut y = rows.start;
        while y < rows.end {
            let n = (rows.end - y)
                .min(self.input.run(y))
                .min(self.output.run(y));
            let values = &input[self.input.row(y)..];
            let line = self.input.line();
            let from = Source {
                segments: 1,
                pixel: self.input.pixel,
                segment: |n: usize, _| &values[n * line..],
            };
            let gapless = self.input.gapless();
            self.multiply(packed, others, (&from, gapless), output, y..y + n);
            y += n;
        }
    }

    /// Makes some rows of the input pairs at a time, and multiplies those.
    fn pairs(
        &self,
        packed: &Packed,
        narrow: NarrowKernel,
        others: &Others<'_>,
        scratch: &mut [f32],
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let input = others.of(&self.input);
        let (line, most) = (self.input.line(), rows_of_pairs(&self.input));
        let mut y = rows.start;
        while y < rows.end {
            let n = (rows.end - y)
                .min(self.input.run(y))
                .min(self.output.run(y))
                .min(most);
            let start = self.input.row(y) - self.input.left * self.input.pixel;
            let mut lines = Narrow {
                floats: &input[start..start + n * line],
                pairs: &mut scratch[..n * line / 2],
            };
            // SAFETY: the kernel is of this processor.
            unsafe { narrow(&mut lines) }
            let values = &lines.pairs[self.input.left * self.input.pixel / 2..];
            let from = Source {
                segments: 1,
                pixel: self.input.pixel / 2,
                segment: |n: usize, _| &values[n * line / 2..],
            };
            let gapless = self.input.gapless();
            self.multiply(packed, others, (&from, gapless), output, y..y + n);
            y += n;
        }
    }

    fn conv(
        &self,
        (packed, segments): (&Packed, usize),
        others: &Others<'_>,
        zeros: &[f32],
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let input = others.of(&self.input);
        let each = segments / self.kernel;
        let mut y = rows.start;
        while y < rows.end {
            let n = (rows.end - y).min(self.output.run(y));
            let from = Source {
                segments,
                pixel: self.input.pixel * self.stride,
                segment: |line: usize, segment: usize| {
                    let (ky, kx) = (segment / each, segment % each);
                    let row = self.input_row(input, zeros, y + line, ky);
                    &row[kx * self.input.pixel..]
                },
            };
            self.multiply(packed, others, (&from, false), output, y..y + n);
            y += n;
        }
    }

    /// Lays out the windows of some rows at a time, multiplies them, and brings
    /// what comes of it to its place.
    fn windows(
        &self,
        (packed, segments): (&Packed, usize),
        others: &Others<'_>,
        (zeros, scratch): (&[f32], &mut [f32]),
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let input = others.of(&self.input);
        let (each, depth) = (segments / self.kernel, packed.depth / segments);
        let (width, channels) = (self.output.width, packed.channels);
        let pixel = window_pixel(packed.depth);
        let (most, _) = windows(packed, &self.output);
        let (values, products) = scratch.split_at_mut(most * width * pixel);
        for top in rows.clone().step_by(most) {
            let rows = top..rows.end.min(top + most);
            let lines = values.chunks_exact_mut(width * pixel);
            for (y, line) in rows.clone().zip(lines) {
                for ky in 0..self.kernel {
                    let row = self.input_row(input, zeros, y, ky);
                    for (x, window) in line.chunks_exact_mut(pixel).enumerate() {
                        let parts = window[ky * each * depth..].chunks_exact_mut(depth);
                        for (kx, part) in parts.take(each).enumerate() {
                            let from = (x * self.stride + kx) * self.input.pixel;
                            part.copy_from_slice(&row[from..from + depth]);
                        }
                    }
                }
            }
            let extent = Extent {
                lines: 1,
                width: rows.len() * width,
                low: f32::NEG_INFINITY,
                high: f32::INFINITY,
            };
            let from = Source {
                segments: 1,
                pixel,
                segment: |_, _| &*values,
            };
            let to = PixelsMut {
                values: products,
                pixel: channels,
                line: 0,
            };
            product(packed, extent, &from, None, to);
            for (y, line) in rows.zip(products.chunks_exact(width * channels)) {
                let to = &mut output[self.output.row(y)..][..line.len()];
                match self.residual {
                    Some(plane) => {
                        let more = &others.of(&plane)[plane.row(y)..];
                        for ((to, value), more) in to.iter_mut().zip(line).zip(more) {
                            *to = self.clip(value + more);
                        }
                    }
                    None => {
                        for (to, &value) in to.iter_mut().zip(line) {
                            *to = self.clip(value);
                        }
                    }
                }
            }
        }
    }

    /// As the kernels clip: what is no number stays.
    fn clip(&self, value: f32) -> f32 {
        let value = if value < self.low { self.low } else { value };
        if value > self.high {
            self.high
        } else {
            value
        }
    }

    /// The output is kept whole, as that of a layer by itself.
    fn winograd(
        &self,
        kernels: &Kernels,
        winograd: &Winograd,
        others: &Others<'_>,
        (zeros, scratch): (&[f32], &mut [f32]),
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let input = others.of(&self.input);
        let plane = &self.output;
        let mut places = Places {
            input: |y, ky| self.input_row(input, zeros, y, ky),
            pixel: self.input.pixel,
            to: PixelsMut {
                values: &mut output[plane.row(0)..],
                pixel: plane.pixel,
                line: plane.line(),
            },
            residual: self.residual.map(|plane| Pixels {
                values: &others.of(&plane)[plane.row(0)..],
                pixel: plane.pixel,
                line: plane.line(),
            }),
            width: plane.width,
            low: self.low,
            high: self.high,
        };
        winograd.run(kernels, &mut places, scratch, rows);
    }

    fn depthwise(
        &self,
        kernel: RowsKernel,
        (weights, bias): (&Floats, &Floats),
        (input, zeros): (&[f32], &[f32]),
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        /// Rows of input of one call of the kernel.
        const MOST: usize = 64;
        let (from, to) = (&self.input, &self.output);
        let span = ((to.width - 1) * self.stride + self.kernel) * from.pixel;
        let most = (MOST - self.kernel) / self.stride + 1;
        assert_eq!(from.pixel, to.pixel);
        assert!(weights.as_slice().len() >= self.kernel * self.kernel * to.pixel);
        assert!(bias.as_slice().len() >= to.pixel);
        let mut y = rows.start;
        while y < rows.end {
            let count = (rows.end - y).min(to.run(y)).min(most);
            let mut starts = [zeros.as_ptr(); MOST];
            let starts = &mut starts[..(count - 1) * self.stride + self.kernel];
            for (ky, start) in starts.iter_mut().enumerate() {
                *start = self.input_row(input, zeros, y, ky)[..span].as_ptr();
            }
            let output = &mut output[to.row(y)..];
            assert!(output.len() >= (count - 1) * to.line() + to.width * to.pixel);
            let rows = DepthwiseRows {
                rows: starts,
                count,
                channels: to.pixel,
                width: to.width,
                weights: weights.as_slice().as_ptr(),
                bias: bias.as_slice().as_ptr(),
                y: output.as_mut_ptr(),
                line: to.line(),
                low: self.low,
                high: self.high,
            };
            // SAFETY: the kernel is of this processor and of this stage's size;
            // the slices that the pointers were taken from are as long as it
            // asks for; the output is borrowed to be written.
            unsafe { kernel(&rows) }
            y += count;
        }
    }

    /// Multiplies the pixels of some rows that lie one after the other in the
    /// output; `gapless` says whether they are one long line in the input.
    fn multiply<'a>(
        &self,
        packed: &Packed,
        others: &Others<'_>,
        (from, gapless): (&Source<impl Fn(usize, usize) -> &'a [f32]>, bool),
        output: &mut [f32],
        rows: Range<usize>,
    ) {
        let residual = self.residual.map(|plane| Pixels {
            values: &others.of(&plane)[plane.row(rows.start)..],
            pixel: plane.pixel,
            line: plane.line(),
        });
        let mut extent = Extent {
            lines: rows.len(),
            width: self.output.width,
            low: self.low,
            high: self.high,
        };
        // Lines without gaps are one long line, which splits into fuller tiles.
        if gapless && self.output.gapless() && self.residual.is_none_or(|plane| plane.gapless()) {
            extent.width *= extent.lines;
            extent.lines = 1;
        }
        let to = PixelsMut {
            pixel: self.output.pixel,
            line: self.output.line(),
            values: &mut output[self.output.row(rows.start)..],
        };
        product(packed, extent, from, residual, to);
    }

    fn max_pool(&self, kernels: &Kernels, input: &[f32], output: &mut [f32], rows: Range<usize>) {
        let (from, to) = (&self.input, &self.output);
        assert_eq!(from.pixel, to.pixel);
        assert_eq!(from.pixel % kernels.lanes, 0);
        for y in rows {
            let below = y * self.stride + self.kernel - self.above;
            let lines = (y * self.stride).saturating_sub(self.above)..below.min(from.height);
            let mut starts = [ptr::null(); pool::ROWS];
            let starts = &mut starts[..lines.len()];
            for (start, line) in starts.iter_mut().zip(lines) {
                *start = input[from.row(line)..][..from.width * from.pixel].as_ptr();
            }
            let row = PoolRow {
                rows: starts,
                channels: from.pixel,
                from: from.width,
                kernel: self.kernel,
                stride: self.stride,
                left: self.left,
                y: output[to.row(y)..][..to.width * to.pixel].as_mut_ptr(),
                width: to.width,
            };
            // SAFETY: the kernel is of this processor; the lines and the output
            // are as long as it asks for; the output is borrowed to be written.
            unsafe { (kernels.pool)(&row) }
        }
    }
}

/// The arena without the part that is being written.
struct Others<'a> {
    before: &'a [f32],
    after: &'a [f32],
    /// Where `after` begins.
    end: usize,
}

impl Others<'_> {
    /// The values of a plane.
    fn of(&self, plane: &Plane) -> &[f32] {
        let range = plane.range();
        match range.start.checked_sub(self.end) {
            Some(start) => &self.after[start..start + plane.len()],
            None => &self.before[range],
        }
    }
}

/// Takes `written` out of the arena.
fn apart(arena: &mut [f32], written: Range<usize>) -> (Others<'_>, &mut [f32]) {
    let (before, rest) = arena.split_at_mut(written.start);
    let (output, after) = rest.split_at_mut(written.len());
    let others = Others {
        before,
        after,
        end: written.end,
    };
    (others, output)
}
