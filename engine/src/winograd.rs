//! Dense convolutions of 3 x 3 that multiply less: Winograd's.
//!
//! The output is made in tiles of some pixels. What a tile is made of becomes
//! values that are each multiplied by themselves, which for all tiles and
//! channels are as many products of matrices; what comes of these becomes the
//! tile. The kernels are in `kernel::winograd`.
//!
//! Sums are rounded differently from those of a direct convolution, by parts of
//! the largest value that a tile is made of: beside a value that outweighs all
//! others by far, what the others give is lost, in every pixel of its tiles. One
//! of some 1e37 or more makes pixels of its tiles infinite or no numbers, which a
//! clip may hide.

use std::ops::Range;
use std::ptr;

use crate::floats::{Floats, LINE};
use crate::kernel::winograd::{Four, Gather, Points, Scatter, Two, SIDE};
use crate::kernel::{self, Kernels};
use crate::net::Shape;
use crate::product::{multiply, Extent, Packed, Pixels, PixelsMut, Source};

/// How large the tiles of the output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// F(2x2, 3x3).
    Two,
    /// F(4x4, 3x3).
    Four,
}

/// Floats of the input's and the products' values that are made at a time, where
/// the weights stay in the second-level cache beside them and where they do not.
/// Weights that come from further away should come once.
const BLOCK: usize = (512 << 10) / 4;
const LARGE_BLOCK: usize = (1280 << 10) / 4;
/// Floats of weights that stay there.
const NEAR: usize = (768 << 10) / 4;

impl Form {
    /// How a convolution from `inputs` channels to `output` is done the fastest
    /// on a processor of so many lanes; nothing where that is to multiply
    /// directly.
    pub fn fastest(inputs: usize, output: Shape, lanes: usize) -> Option<Form> {
        // Multiplications of vectors that take as long as to read one weight,
        // and as to take one vector of a point there or back. Measured on a Xeon
        // of the year 2023 at ResNet-18's layers, from 56 x 56 pixels of 64
        // channels to 7 x 7 of 512; in milliseconds
        //
        //                 AVX-512: direct  2x2   4x4   AVX2: direct  2x2   4x4
        //   56 x 56, 64             1.45   0.87  0.58          2.90  1.60  1.00
        //   28 x 28, 128            1.41   0.77  0.55          2.90  1.38  0.90
        //   14 x 14, 256            1.41   0.81  1.09          2.97  1.37  1.36
        //   7 x 7, 512              1.85   1.85  3.70          3.20  2.25  3.70
        //
        // Small maps are bound by their weights, of which the larger tiles have
        // four times as many as there are in the network.
        const READ: f64 = 1.0;
        const MOVE: f64 = 10.0;
        let lanes = lanes as f64;
        let vectors = |channels: usize| (channels as f64 / lanes).ceil();
        let (from, to) = (vectors(inputs), vectors(output.channels));
        let weights = inputs as f64 * to * lanes;
        let direct = {
            let pixels = (output.height * output.width) as f64;
            9.0 * weights * (pixels / lanes + READ)
        };
        let cost = |form: Form| {
            let tiles = output.height.div_ceil(form.out()) * output.width.div_ceil(form.out());
            let tiles = tiles as f64;
            let moved = MOVE * tiles * (from + to);
            form.points() as f64 * (weights * (tiles / lanes + READ) + moved)
        };
        [Form::Two, Form::Four]
            .into_iter()
            .map(|form| (cost(form), form))
            .filter(|&(cost, _)| cost < direct)
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, form)| form)
    }

    /// The side of an output's tile.
    pub fn out(self) -> usize {
        match self {
            Form::Two => Two::OUT,
            Form::Four => Four::OUT,
        }
    }

    /// The side of an input's tile.
    pub fn side(self) -> usize {
        match self {
            Form::Two => Two::SIDE,
            Form::Four => Four::SIDE,
        }
    }

    /// Values of a tile.
    fn points(self) -> usize {
        self.side() * self.side()
    }

    /// Columns of zeros right of an input that has `left` of them on its left, so
    /// that the last tile of `width` pixels of output reads nothing else.
    pub fn right(self, width: usize, left: usize, input: usize) -> usize {
        (width.next_multiple_of(self.out()) + 2).saturating_sub(left + input)
    }

    /// The points that are not infinity.
    pub fn finite(self) -> &'static [f64] {
        match self {
            Form::Two => Two::FINITE,
            Form::Four => Four::FINITE,
        }
    }

    /// `G`, which takes three weights to the points.
    pub fn weights(self) -> Vec<[f64; 3]> {
        let points = self.finite();
        let finite = points.iter().map(|&point| {
            let others = points.iter().filter(|&&other| other != point);
            let scale: f64 = others.map(|other| point - other).product();
            [1.0 / scale, point / scale, point * point / scale]
        });
        finite.chain([[0.0, 0.0, 1.0]]).collect()
    }

    /// Those of `kernels` for this size.
    pub fn kernels(self, kernels: &Kernels) -> &kernel::Winograd {
        match self {
            Form::Two => &kernels.two,
            Form::Four => &kernels.four,
        }
    }
}

/// A layer's weights, and how its output is gone through.
pub(crate) struct Winograd {
    pub form: Form,
    pub packed: Packed,
    bias: Floats,
    /// Rows of tiles that are made at a time, and tiles in a row.
    rows: usize,
    columns: usize,
}

/// What a layer reads and writes.
pub(crate) struct Places<'a, F> {
    /// For an output row and a row of the window below it, the input's values
    /// from where the window of the first pixel begins, with as many zeros to
    /// their right as [`Form::right`] says.
    pub input: F,
    /// Floats of a pixel of the input: its channels in whole vectors.
    pub pixel: usize,
    /// All of the output, and what is added to it.
    pub to: PixelsMut<'a>,
    pub residual: Option<Pixels<'a>>,
    pub width: usize,
    pub low: f32,
    pub high: f32,
}

impl Winograd {
    /// Prepares `weights`, output channel x input channel x 3 x 3, for an input
    /// of `pixel` floats a pixel and an output of `height` x `width` pixels.
    pub fn new(
        kernels: &Kernels,
        form: Form,
        weights: &[f32],
        bias: &[f32],
        pixel: usize,
        (height, width): (usize, usize),
    ) -> Winograd {
        let inputs = weights.len() / 9 / bias.len();
        let (points, g) = (form.points(), form.weights());
        // For each point the values of all pairs of channels.
        let pairs = weights.len() / 9;
        let mut values = vec![0.0; points * pairs];
        let (mut taps, mut sums) = (vec![0.0; 9 * inputs], vec![0.0; inputs]);
        for (channel, weights) in weights.chunks_exact(9 * inputs).enumerate() {
            for (i, value) in taps.iter_mut().enumerate() {
                *value = f64::from(weights[i % inputs * 9 + i / inputs]);
            }
            for point in 0..points {
                let (down, across) = (g[point / form.side()], g[point % form.side()]);
                sums.fill(0.0);
                for (tap, taps) in taps.chunks_exact(inputs).enumerate() {
                    let factor = down[tap / 3] * across[tap % 3];
                    if factor != 0.0 {
                        for (sum, tap) in sums.iter_mut().zip(taps) {
                            *sum += factor * tap;
                        }
                    }
                }
                let values = &mut values[point * pairs + channel * inputs..];
                for (value, &sum) in values.iter_mut().zip(&sums) {
                    *value = sum as f32;
                }
            }
        }
        let bare = vec![0.0; bias.len()];
        let packed = Packed::several(kernels, points, inputs, &bare, |point, channel, k| {
            values[point * pairs + channel * inputs + k]
        });
        let mut padded = Floats::zeros(packed.channels);
        padded.as_mut_slice()[..bias.len()].copy_from_slice(bias);

        let columns = width.div_ceil(form.out());
        let all = height.div_ceil(form.out());
        let row = points * columns * (pixel + packed.panel(0).len());
        let block = if points * inputs * packed.channels > NEAR {
            LARGE_BLOCK
        } else {
            BLOCK
        };
        let blocks = (all * row).div_ceil(block).min(all);
        Winograd {
            form,
            packed,
            bias: padded,
            rows: all.div_ceil(blocks),
            columns,
        }
    }

    /// Floats of memory that a run takes beside input and output, where the
    /// input has `pixel` floats a pixel.
    pub fn scratch(&self, pixel: usize) -> usize {
        let panels = 0..self.packed.panels();
        let widest = panels.map(|i| self.packed.panel(i).len()).max();
        self.form.points() * (self.matrix(pixel) + self.matrix(widest.unwrap_or(0)))
    }

    /// Floats from a value of all tiles to the next one, where a tile has `pixel`
    /// of each. It is an odd number of cache lines: the values of a tile are
    /// written together, and would else contend for the same few lines of the
    /// cache.
    fn matrix(&self, pixel: usize) -> usize {
        ((self.rows * self.columns * pixel).div_ceil(LINE) | 1) * LINE
    }

    /// Makes these rows of the output.
    ///
    /// # Panics
    /// When a slice is shorter than what the places say, or `scratch` than
    /// [`Winograd::scratch`].
    pub fn run<'a, F: Fn(usize, usize) -> &'a [f32]>(
        &self,
        kernels: &Kernels,
        places: &mut Places<'_, F>,
        scratch: &mut [f32],
        rows: Range<usize>,
    ) {
        let height = self.rows * self.form.out();
        for top in rows.clone().step_by(height) {
            let rows = top..rows.end.min(top + height);
            let matrix = self.matrix(places.pixel);
            let (values, products) = scratch.split_at_mut(self.form.points() * matrix);
            self.gather(kernels, places, values, rows.clone());
            for panel in 0..self.packed.panels() {
                self.multiply((&*values, places.pixel), products, panel, &rows);
                self.scatter(kernels, places, products, panel, rows.clone());
            }
        }
    }

    /// Takes the tiles below these rows of the output apart.
    fn gather<'a, F: Fn(usize, usize) -> &'a [f32]>(
        &self,
        kernels: &Kernels,
        places: &Places<'_, F>,
        values: &mut [f32],
        rows: Range<usize>,
    ) {
        let (out, side) = (self.form.out(), self.form.side());
        let (pixel, matrix) = (places.pixel, self.matrix(places.pixel));
        let line = self.columns * pixel;
        assert_eq!(pixel % kernels.lanes, 0);
        let reach = (self.columns * out + side - out) * pixel;
        for (i, y) in rows.step_by(out).enumerate() {
            let to = &mut values[i * line..];
            assert!(to.len() >= (self.form.points() - 1) * matrix + line);
            let mut lines = [ptr::null(); SIDE];
            for (ky, start) in lines.iter_mut().enumerate().take(side) {
                *start = (places.input)(y, ky)[..reach].as_ptr();
            }
            let gather = Gather {
                rows: lines,
                channels: pixel,
                tiles: self.columns,
                to: to.as_mut_ptr(),
                matrix,
            };
            // SAFETY: the kernel is of this processor; the lines are as long as
            // its tiles reach, and the values as it writes; they are borrowed to
            // be written.
            unsafe { (self.form.kernels(kernels).gather)(&gather) }
        }
    }

    /// Multiplies the values by a panel's weights.
    fn multiply(
        &self,
        (values, pixel): (&[f32], usize),
        products: &mut [f32],
        panel: usize,
        rows: &Range<usize>,
    ) {
        let channels = self.packed.panel(panel).len();
        let (from, to) = (self.matrix(pixel), self.matrix(channels));
        let extent = Extent {
            lines: 1,
            width: rows.len().div_ceil(self.form.out()) * self.columns,
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
        };
        for point in 0..self.form.points() {
            let source = Source {
                segments: 1,
                pixel,
                segment: |_, _| &values[point * from..],
            };
            let to = PixelsMut {
                values: &mut products[point * to..],
                pixel: channels,
                line: 0,
            };
            let place = (panel, point);
            multiply(&self.packed, place, extent, &source, None, to);
        }
    }

    /// Makes these rows of the output from a panel's products.
    fn scatter<F>(
        &self,
        kernels: &Kernels,
        places: &mut Places<'_, F>,
        products: &[f32],
        panel: usize,
        rows: Range<usize>,
    ) {
        let channels = self.packed.panel(panel);
        let (pixel, matrix) = (channels.len(), self.matrix(channels.len()));
        let bias = &self.bias.as_slice()[channels.clone()];
        let (width, line) = (places.width, self.columns * pixel);
        assert_eq!(width.div_ceil(self.form.out()), self.columns);
        for (i, y) in rows.clone().step_by(self.form.out()).enumerate() {
            let height = self.form.out().min(rows.end - y);
            let from = &products[i * line..];
            assert!(from.len() >= (self.form.points() - 1) * matrix + line);
            let span = |pixel: usize, line: usize| {
                (height - 1) * line + (width - 1) * pixel + channels.len()
            };
            let to = &mut places.to;
            let (to_pixel, to_line) = (to.pixel, to.line);
            let to = &mut to.values[y * to_line + channels.start..][..span(to_pixel, to_line)];
            let residual = places.residual.map(|r| {
                let values = &r.values[y * r.line + channels.start..];
                (values[..span(r.pixel, r.line)].as_ptr(), r.line, r.pixel)
            });
            let (residual, residual_line, residual_pixel) = residual.unwrap_or((ptr::null(), 0, 0));
            let scatter = Scatter {
                from: from.as_ptr(),
                matrix,
                channels: pixel,
                tiles: self.columns,
                height,
                width,
                bias: bias.as_ptr(),
                y: to.as_mut_ptr(),
                line: to_line,
                pixel: to_pixel,
                residual,
                residual_line,
                residual_pixel,
                low: places.low,
                high: places.high,
            };
            // SAFETY: the kernel is of this processor; the products, the bias,
            // the residual and the output are as long as it asks for; the last
            // of the tiles begins within the width, as there are no more than
            // that takes; the output is borrowed to be written.
            unsafe { (self.form.kernels(kernels).scatter)(&scatter) }
        }
    }
}
