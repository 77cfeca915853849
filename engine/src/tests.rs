//! Every kernel, on random layers of every size, beside plain loops; each in a
//! chain as in a network of its own, for every kind of processor that this one
//! is.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::kernel::winograd::{Gather, Scatter, SIDE};
use crate::kernel::Isa;
use crate::net::{Kind, Layer, Net, Shape};
use crate::oracle::{self, both_ways, Matrices};
use crate::plan::{Plan, Work};
use crate::run::{self, Arena};
use crate::winograd::Form;

/// Numbers without end from a seed: what they are does not matter, only that
/// they are always the same.
struct Numbers(u64);

impl Numbers {
    /// A number from -1 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn take(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// A network that is built layer by layer.
struct Builder {
    net: Net,
    numbers: Numbers,
}

impl Builder {
    fn new(channels: usize, height: usize, width: usize, seed: u64) -> Builder {
        let mut numbers = Numbers(seed);
        let output = Shape {
            channels,
            height,
            width,
        };
        let photograph = Layer::photograph(output, numbers.take(channels));
        Builder {
            net: Net {
                layers: vec![photograph],
                maps: 0,
            },
            numbers,
        }
    }

    fn last(&mut self) -> &mut Layer {
        &mut self.net.layers[self.net.maps]
    }

    /// Adds a layer after the last one. `before` and `after` are the zeros on
    /// either side. A layer that does not fit into its input is left out.
    fn layer(
        &mut self,
        kind: Kind,
        channels: usize,
        (kernel, stride): (usize, usize),
        (before, after): (usize, usize),
    ) -> &mut Builder {
        let input = self.net.maps;
        let from = self.net.layers[input].output;
        let before = before.min(kernel - 1);
        // Nothing is the largest of no values.
        let most = match kind {
            Kind::MaxPool => kernel - 1,
            _ => usize::MAX,
        };
        let after = after.min(most);
        let outputs = |size: usize| {
            (size + before + after)
                .checked_sub(kernel)
                .map(|rest| rest / stride + 1)
        };
        let (Some(height), Some(width)) = (outputs(from.height), outputs(from.width)) else {
            return self;
        };
        let (channels, depth) = match kind {
            Kind::Conv => (channels, from.channels),
            _ => (from.channels, 1),
        };
        let is_pool = kind == Kind::MaxPool;
        let weights = if is_pool {
            0
        } else {
            channels * depth * kernel * kernel
        };
        let layer = Layer {
            kind,
            input,
            kernel,
            stride,
            above: before,
            left: before,
            output: Shape {
                channels,
                height,
                width,
            },
            weights: self.numbers.take(weights),
            bias: self.numbers.take(if is_pool { 0 } else { channels }),
            residual: None,
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
        };
        self.net.layers.push(layer);
        self.net.maps = self.net.layers.len() - 1;
        self
    }

    fn clip(&mut self, low: f32, high: f32) -> &mut Builder {
        if self.net.maps > 0 {
            (self.last().low, self.last().high) = (low, high);
        }
        self
    }

    /// Adds the output of layer `of` to that of the last one, if it fits.
    fn residual(&mut self, of: usize) -> &mut Builder {
        let shape = self.last().output;
        let fits = of < self.net.maps && self.net.layers[of].output == shape;
        if fits && self.last().kind == Kind::Conv {
            self.last().residual = Some(of);
        }
        self
    }

    fn photograph(&mut self) -> Vec<f32> {
        let shape = self.net.layers[0].output;
        self.numbers
            .take(shape.channels * shape.height * shape.width)
    }

    /// Runs the network on every kind of processor and compares.
    fn agrees(&mut self) {
        let photograph = self.photograph();
        agrees(&self.net, &photograph, None);
    }

    /// The same with all layers that can be done by Winograd's way done so.
    fn agrees_by(&mut self, form: Form) {
        let photograph = self.photograph();
        agrees(&self.net, &photograph, Some(form));
    }
}

/// Runs `net` on floats and compares with the oracle: to a part in ten thousand of the largest
/// value that enters a sum.
fn agrees(net: &Net, photograph: &[f32], form: Option<Form>) {
    let expected = oracle::maps(net, photograph);
    agrees_with(net, photograph, form, (&Isa::available(), &expected, 1e-4));
}

/// Every kind of processor that multiplies bfloat16, with the one that any can run.
fn of_pairs() -> Vec<Isa> {
    let own = Isa::bfloat16().into_iter();
    own.chain([Isa::bfloat16_anywhere()]).collect()
}

/// Runs `net` twice on each of `isas`, the second time in used memory, and compares: to `near`
/// parts of the largest value.
fn agrees_with(
    net: &Net,
    photograph: &[f32],
    form: Option<Form>,
    (isas, expected, near): (&[Isa], &[f64], f64),
) {
    let scale = expected
        .iter()
        .fold(1.0, |most: f64, value| most.max(value.abs()));
    for &isa in isas {
        let plan = plan(net, isa, form);
        let mut arena = Arena::new(&plan);
        for round in 0..2 {
            let mut maps = vec![f32::NAN; expected.len()];
            run::run(&plan, &mut arena, photograph, &mut maps, |_| ());
            for (i, (&found, &expected)) in maps.iter().zip(expected).enumerate() {
                let apart = (f64::from(found) - expected).abs();
                assert!(
                    apart <= near * scale || (found.is_nan() && expected.is_nan()),
                    "{isa:?}, round {round}, value {i}: {found} for {expected} in {net:?}"
                );
            }
        }
    }
}

/// A plan as it is made for use, or one that does by Winograd's way what it can.
fn plan(net: &Net, isa: Isa, form: Option<Form>) -> Plan {
    let plan = match form {
        Some(form) => Plan::with(net.clone(), isa, |_, _| Some(form)),
        None => Plan::new(net.clone(), isa),
    };
    plan.expect("every layer has a kernel")
}

fn check<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    )
    .run(strategy, |value| {
        test(value);
        Ok(())
    })
    .unwrap();
}

#[test]
fn pointwise_convolutions_of_every_size() {
    let sizes = (1..70usize, 1..130usize, 1..9usize, 1..40usize, any::<u64>());
    check(150, &sizes, |(inputs, outputs, height, width, seed)| {
        Builder::new(inputs, height, width, seed)
            .layer(Kind::Conv, outputs, (1, 1), (0, 0))
            .clip(0.0, 6.0)
            .agrees();
    });
}

/// Zeros after the input that no kernel needs make rows and columns of bias alone.
#[test]
fn pointwise_convolutions_with_zeros_after() {
    let sizes = (
        1..20usize,
        1..40usize,
        1..9usize,
        1..20usize,
        1..4usize,
        any::<u64>(),
    );
    check(
        50,
        &sizes,
        |(inputs, outputs, height, width, after, seed)| {
            Builder::new(inputs, height, width, seed)
                .layer(Kind::Conv, outputs, (1, 1), (0, after))
                .layer(Kind::Depthwise, 0, (3, 1), (1, 1 + after))
                .layer(Kind::Conv, 5, (1, 1), (0, 1))
                .agrees();
        },
    );
}

/// A product of bfloat16 is exact in a float, so only sums are rounded. What the layer reads has so
/// few digits that it is exact as well.
#[test]
fn products_of_pairs_of_every_size() {
    let sizes = (1..70usize, 1..130usize, 1..9usize, 1..40usize, any::<u64>());
    check(150, &sizes, |(inputs, outputs, height, width, seed)| {
        let outputs = if seed % 3 == 0 { inputs } else { outputs };
        let mut net = Builder::new(3, height, width, seed);
        net.layer(Kind::Conv, inputs, (2, 1), (0, 1));
        let before = net.net.maps;
        net.layer(Kind::Conv, outputs, (1, 1), (0, 0))
            .residual(before)
            .clip(-3.0, 3.0);
        net.layer(Kind::MaxPool, 0, (1, 1), (0, 0));
        let coarse = |values: &mut Vec<f32>| {
            for value in values {
                *value = (*value * 8.0).round() / 8.0;
            }
        };
        for layer in &mut net.net.layers[..2] {
            coarse(&mut layer.weights);
            coarse(&mut layer.bias);
        }
        let mut photograph = net.photograph();
        coarse(&mut photograph);
        let expected = oracle::maps_by(&net.net, &photograph, true);
        agrees_with(&net.net, &photograph, None, (&of_pairs(), &expected, 1e-4));
        assert_eq!(paired(&net.net), 1);
    });
}

/// The layers that multiply pairs.
fn paired(net: &Net) -> usize {
    let plan = plan(net, Isa::bfloat16_anywhere(), None);
    let stages = plan.chains.iter().flat_map(|chain| &chain.stages);
    stages
        .filter(|stage| matches!(stage.work, Work::Pairs(..)))
        .count()
}

/// Blocks whose rows go by turns; a value that lies between two of bfloat16 may be rounded to
/// either, so what comes of it is only near.
#[test]
fn pairs_in_chains() {
    let sizes = (8..40usize, 30..90usize, 1..3usize, any::<u64>());
    check(30, &sizes, |(narrow, side, stride, seed)| {
        let mut net = Builder::new(3, side, side, seed);
        net.layer(Kind::Conv, narrow, (3, 2), (0, 1)).clip(0.0, 6.0);
        let before = net.net.maps;
        net.layer(Kind::Conv, 6 * narrow, (1, 1), (0, 0))
            .clip(0.0, 6.0);
        net.layer(Kind::Depthwise, 0, (3, stride), (1, 1))
            .clip(0.0, 6.0);
        net.layer(Kind::Conv, narrow, (1, 1), (0, 0))
            .residual(before);
        net.layer(Kind::Conv, 9, (1, 1), (0, 0));
        assert_eq!(paired(&net.net), 2);
        let photograph = net.photograph();
        let expected = oracle::maps_by(&net.net, &photograph, true);
        agrees_with(&net.net, &photograph, None, (&of_pairs(), &expected, 1e-2));
    });
}

/// What is no number stays none in a pair, and does not spread to other pixels.
#[test]
fn pairs_of_extreme_values() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40] {
        let mut net = Builder::new(3, 5, 20, 7);
        net.layer(Kind::Conv, 21, (3, 1), (1, 1));
        net.layer(Kind::Conv, 37, (1, 1), (0, 0));
        net.layer(Kind::MaxPool, 0, (1, 1), (0, 0));
        let mut photograph = net.photograph();
        photograph[47] = value;
        let expected = oracle::maps_by(&net.net, &photograph, true);
        for isa in of_pairs() {
            let plan = plan(&net.net, isa, None);
            let mut maps = vec![0.0; expected.len()];
            let mut arena = Arena::new(&plan);
            run::run(&plan, &mut arena, &photograph, &mut maps, |_| ());
            for (i, (&found, &expected)) in maps.iter().zip(&expected).enumerate() {
                // Within a row and a column of it.
                let (y, x) = (i / 20 % 5, i % 20);
                let touched = y.abs_diff(2) <= 1 && x.abs_diff(7) <= 1;
                let apart = (f64::from(found) - expected).abs();
                assert!(
                    apart < 0.05
                        || (touched && value != 1e-40 && !found.is_finite())
                        || (touched && value == f32::MAX && found.abs() > 1e30),
                    "{isa:?}, {value}, {i}: {found} for {expected}"
                );
            }
        }
    }
}

#[test]
fn dense_convolutions_of_every_size() {
    let window = (1..8usize, 1..4usize, 0..4usize, 0..4usize);
    let sizes = (1..20usize, 1..40usize, 1..24usize, 1..24usize, any::<u64>());
    check(
        150,
        &(window, sizes),
        |((k, s, before, after), (inputs, outputs, h, w, seed))| {
            Builder::new(inputs, h, w, seed)
                .layer(Kind::Conv, outputs, (k, s), (before, after))
                .clip(-1.0, f32::INFINITY)
                .agrees();
        },
    );
}

#[test]
fn depthwise_convolutions_of_every_size() {
    let window = (
        prop_oneof![Just(3usize), Just(5)],
        1..3usize,
        0..5usize,
        0..5usize,
    );
    let sizes = (1..70usize, 1..24usize, 1..40usize, any::<u64>());
    check(
        150,
        &(window, sizes),
        |((k, s, before, after), (channels, h, w, seed))| {
            Builder::new(channels, h, w, seed)
                .layer(Kind::Depthwise, 0, (k, s), (before, after))
                .clip(-0.5, 0.5)
                .agrees();
        },
    );
}

#[test]
fn pools_of_every_size() {
    let window = (1..5usize, 1..4usize, 0..3usize, 0..3usize);
    let sizes = (1..40usize, 1..20usize, 1..20usize, any::<u64>());
    check(
        100,
        &(window, sizes),
        |((k, s, before, after), (channels, h, w, seed))| {
            Builder::new(channels, h, w, seed)
                .layer(Kind::MaxPool, 0, (k, s), (before, after))
                .agrees();
        },
    );
}

/// A stem, inverted residuals of random shapes, a pool and a head.
#[test]
fn networks_of_every_shape() {
    let block = (
        1..50usize,
        prop_oneof![Just(3usize), Just(5)],
        1..3usize,
        0..3usize,
        1..30usize,
        any::<bool>(),
    );
    let blocks = proptest::collection::vec(block, 0..5);
    let sizes = (1..5usize, 1..60usize, 1..60usize, any::<u64>());
    check(60, &(sizes, blocks), |((channels, h, w, seed), blocks)| {
        let mut net = Builder::new(channels, h, w, seed);
        net.layer(Kind::Conv, 10, (3, 2), (0, 1)).clip(0.0, 6.0);
        for (wide, k, s, pad, narrow, keeps) in blocks {
            let before = net.net.maps;
            let narrow = if keeps {
                net.last().output.channels
            } else {
                narrow
            };
            net.layer(Kind::Conv, wide, (1, 1), (0, 0)).clip(0.0, 6.0);
            net.layer(Kind::Depthwise, 0, (k, s), (pad, k / 2))
                .clip(-2.0, 2.0);
            net.layer(Kind::Conv, narrow, (1, 1), (0, 0))
                .residual(before);
        }
        net.layer(Kind::MaxPool, 0, (3, 2), (1, 1));
        let before = net.net.maps;
        net.layer(Kind::Conv, 24, (3, 1), (1, 1))
            .clip(0.0, f32::INFINITY);
        net.layer(Kind::Conv, 24, (3, 1), (1, 1)).residual(before);
        net.layer(Kind::Conv, 7, (1, 1), (0, 0)).agrees();
    });
}

fn forms() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Two), Just(Form::Four)]
}

#[test]
fn winograd_convolutions_of_every_size() {
    let sizes = (1..40usize, 1..70usize, 1..24usize, 1..24usize, any::<u64>());
    let window = (0..3usize, 0..3usize, any::<bool>());
    check(
        200,
        &(forms(), window, sizes),
        |(form, (before, after, keeps), (inputs, outputs, h, w, seed))| {
            let outputs = if keeps { inputs } else { outputs };
            let mut net = Builder::new(3, h, w, seed);
            net.layer(Kind::Conv, inputs, (1, 1), (0, 0));
            let first = net.net.maps;
            net.layer(Kind::Conv, outputs, (3, 1), (before, after))
                .clip(-0.5, 1.0)
                .residual(first)
                .agrees_by(form);
        },
    );
}

/// Layers that follow each other, whose maps have columns of zeros of different
/// widths and take each other's places.
#[test]
fn networks_of_winograd_convolutions() {
    let layer = (
        1..40usize,
        prop_oneof![Just((3usize, 1usize)), Just((3, 2)), Just((1, 1))],
        0..2usize,
        0..3usize,
    );
    let layers = proptest::collection::vec(layer, 1..6);
    let sizes = (1..30usize, 1..30usize, any::<u64>());
    check(
        60,
        &(forms(), sizes, layers),
        |(form, (h, w, seed), layers)| {
            let mut net = Builder::new(3, h, w, seed);
            net.layer(Kind::Conv, 12, (1, 1), (0, 0));
            for (channels, kernel, pad, residual) in layers {
                let before = net.net.maps.saturating_sub(residual);
                net.layer(Kind::Conv, channels, kernel, (pad, pad))
                    .residual(before)
                    .clip(0.0, f32::INFINITY);
            }
            net.layer(Kind::Depthwise, 0, (3, 1), (1, 1))
                .layer(Kind::Conv, 8, (3, 1), (1, 1))
                .agrees_by(form);
        },
    );
}

/// A map so large that its tiles are made a few rows at a time.
#[test]
fn winograd_convolutions_in_blocks() {
    for form in [Form::Two, Form::Four] {
        let mut net = Builder::new(3, 67, 91, 9);
        net.layer(Kind::Conv, 70, (1, 1), (0, 0));
        net.layer(Kind::Conv, 37, (3, 1), (1, 1)).agrees_by(form);
    }
}

/// Each kernel beside the matrices that it stands for.
#[test]
fn winograd_kernels_are_their_matrices() {
    check(
        100,
        &(forms(), 1..5usize, 1..4usize, any::<u64>()),
        |(form, tiles, vectors, seed)| {
            let (side, out, points) = (form.side(), form.out(), form.side() * form.side());
            let matrices = Matrices::new(form.finite());
            let mut numbers = Numbers(seed);
            for isa in Isa::available() {
                let kernels = form.kernels(isa.kernels());
                let channels = vectors * isa.kernels().lanes;
                let near = |found: f32, expected: f64| {
                    let apart = (f64::from(found) - expected).abs();
                    assert!(apart < 1e-5, "{isa:?}, {form:?}: {found} for {expected}");
                };

                let line = (tiles * out + side - out) * channels;
                let picture = numbers.take(side * line);
                let matrix = tiles * channels + 5;
                let mut values = vec![f32::NAN; points * matrix];
                let mut rows = [picture.as_ptr(); SIDE];
                for (row, from) in rows.iter_mut().zip(picture.chunks_exact(line)) {
                    *row = from.as_ptr();
                }
                let gather = Gather {
                    rows,
                    channels,
                    tiles,
                    to: values.as_mut_ptr(),
                    matrix,
                };
                // SAFETY: the kernel is of this processor, and all lists are as
                // long as it asks for.
                unsafe { (kernels.gather)(&gather) }
                for (tile, c) in (0..tiles * channels).map(|i| (i / channels, i % channels)) {
                    let at = |i: usize| {
                        let x = tile * out + i % side;
                        f64::from(picture[i / side * line + x * channels + c])
                    };
                    let square: Vec<f64> = (0..points).map(at).collect();
                    let expected = both_ways(&matrices.before, &square);
                    for (point, expected) in expected.into_iter().enumerate() {
                        near(values[point * matrix + tile * channels + c], expected);
                    }
                }

                let products = numbers.take(points * matrix);
                let (bias, line) = (numbers.take(channels), tiles * out * channels);
                let residual = numbers.take(out * line);
                let mut output = vec![f32::NAN; out * line];
                let scatter = Scatter {
                    from: products.as_ptr(),
                    matrix,
                    channels,
                    tiles,
                    height: out,
                    width: tiles * out,
                    bias: bias.as_ptr(),
                    y: output.as_mut_ptr(),
                    line,
                    pixel: channels,
                    residual: residual.as_ptr(),
                    residual_line: line,
                    residual_pixel: channels,
                    low: -2.0,
                    high: 2.0,
                };
                // SAFETY: as above.
                unsafe { (kernels.scatter)(&scatter) }
                for (tile, c) in (0..tiles * channels).map(|i| (i / channels, i % channels)) {
                    let at = |i: usize| f64::from(products[i * matrix + tile * channels + c]);
                    let square: Vec<f64> = (0..points).map(at).collect();
                    let expected = both_ways(&matrices.after, &square);
                    for (i, expected) in expected.into_iter().enumerate() {
                        let at = i / out * line + (tile * out + i % out) * channels + c;
                        let expected = expected + f64::from(bias[c]) + f64::from(residual[at]);
                        near(output[at], expected.clamp(-2.0, 2.0));
                    }
                }
            }
        },
    );
}

/// Without rounding, the matrices give the convolution.
#[test]
fn winograd_matrices_convolve() {
    for form in [Form::Two, Form::Four] {
        let matrices = Matrices::new(form.finite());
        let weights: Vec<Vec<f64>> = form.weights().iter().map(|row| row.to_vec()).collect();
        let (side, out) = (form.side(), form.out());
        let mut numbers = Numbers(1);
        let mut take =
            |n: usize| -> Vec<f64> { numbers.take(n).into_iter().map(f64::from).collect() };
        let (d, w) = (take(side * side), take(9));
        let points = both_ways(&matrices.before, &d);
        let weights = both_ways(&weights, &w);
        let products: Vec<f64> = points.iter().zip(&weights).map(|(a, b)| a * b).collect();
        for (i, found) in both_ways(&matrices.after, &products).iter().enumerate() {
            let (y, x) = (i / out, i % out);
            let under = |tap: usize| d[(y + tap / 3) * side + x + tap % 3] * w[tap];
            let expected: f64 = (0..9).map(under).sum();
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
    }
}

/// The maps of a network whose convolutions are done by Winograd's way.
fn made(net: &Net, photograph: &[f32], isa: Isa, form: Form) -> Vec<f32> {
    let plan = plan(net, isa, Some(form));
    let maps = &plan.maps;
    let mut made = vec![0.0; plan.outputs * maps.height * maps.width];
    run::run(&plan, &mut Arena::new(&plan), photograph, &mut made, |_| ());
    made
}

/// Rounding errors are of the size of those of a direct convolution.
#[test]
fn winograd_convolutions_are_exact_to_rounding() {
    let mut net = Builder::new(3, 21, 21, 7);
    net.layer(Kind::Conv, 96, (1, 1), (0, 0)).clip(0.0, 6.0);
    net.layer(Kind::Conv, 32, (3, 1), (1, 1));
    let photograph = net.photograph();
    let expected = oracle::maps(&net.net, &photograph);
    let square = |sum: f64, value: f64| sum + value * value;
    let whole = expected.iter().copied().fold(0.0, square).sqrt();
    for isa in Isa::available() {
        for (form, most) in [(Form::Two, 1e-6), (Form::Four, 1.5e-6)] {
            let maps = made(&net.net, &photograph, isa, form);
            let apart = maps.iter().zip(&expected).map(|(&m, e)| f64::from(m) - e);
            let apart = apart.fold(0.0, square).sqrt() / whole;
            assert!(apart < most, "{isa:?}, {form:?}: {apart:e}");
        }
    }
}

#[test]
fn winograd_convolutions_of_extreme_values() {
    for form in [Form::Two, Form::Four] {
        for value in [1e30, -1e30, f32::MIN_POSITIVE, 1e-40, 0.0, -0.0] {
            let mut net = Builder::new(3, 9, 11, 3);
            net.layer(Kind::Conv, 9, (1, 1), (0, 0));
            net.layer(Kind::Conv, 5, (3, 1), (1, 1));
            let photograph = vec![value; net.photograph().len()];
            agrees(&net.net, &photograph, Some(form));
        }
        // What is not finite stays seen, though the pixels next to it are lost.
        for value in [f32::NAN, f32::INFINITY, f32::MAX] {
            let mut net = Builder::new(1, 9, 11, 3);
            net.layer(Kind::Conv, 3, (1, 1), (0, 0));
            net.last().weights.fill(1.0);
            net.layer(Kind::Conv, 5, (3, 1), (1, 1)).clip(0.0, 6.0);
            net.last().weights.fill(1.0);
            let mut photograph = net.photograph();
            photograph[38] = value;
            let expected = oracle::maps(&net.net, &photograph);
            for isa in Isa::available() {
                let maps = made(&net.net, &photograph, isa, form);
                let pixels = maps.iter().zip(&expected).enumerate();
                for (i, (&found, &expected)) in pixels.filter(|(_, (found, _))| !found.is_nan()) {
                    let apart = (f64::from(found) - expected).abs();
                    assert!(
                        apart < 1e-4,
                        "{isa:?}, {form:?}, {i}: {found} for {expected}"
                    );
                }
                assert!(maps.iter().any(|value| value.is_nan()));
            }
        }
    }
}

/// Large maps are made by large tiles, small ones of many channels by small
/// tiles, and what no tile pays for directly.
#[test]
fn the_fastest_way_depends_on_the_size() {
    let fastest = |side: usize, channels: usize, lanes: usize| {
        let output = Shape {
            channels,
            height: side,
            width: side,
        };
        Form::fastest(channels, output, lanes)
    };
    for lanes in [4, 8, 16] {
        assert_eq!(fastest(56, 64, lanes), Some(Form::Four));
        assert_eq!(fastest(28, 128, lanes), Some(Form::Four));
        assert_eq!(fastest(1, 512, lanes), None);
        assert_eq!(fastest(96, 2, lanes), None);
    }
    assert_eq!(fastest(14, 256, 16), Some(Form::Two));
    assert_eq!(fastest(14, 256, 8), Some(Form::Four));
    assert_eq!(fastest(7, 512, 16), Some(Form::Two));
    assert_eq!(fastest(7, 512, 8), Some(Form::Two));
}

/// A picture so large that a chain makes it in many turns, and rows take the
/// places of older ones.
#[test]
fn a_chain_of_many_turns() {
    for (k, s) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
        let mut net = Builder::new(3, 161, 203, 1);
        net.layer(Kind::Conv, 24, (3, 1), (1, 1)).clip(0.0, 6.0);
        net.layer(Kind::Depthwise, 0, (k, s), (k / 2, k / 2))
            .clip(0.0, 6.0);
        net.layer(Kind::Conv, 9, (1, 1), (0, 0));
        let before = net.net.maps;
        net.layer(Kind::Conv, 70, (1, 1), (0, 0)).clip(0.0, 6.0);
        net.layer(Kind::Depthwise, 0, (k, 1), (k / 2, k / 2))
            .clip(0.0, 6.0);
        net.layer(Kind::Conv, 9, (1, 1), (0, 0))
            .residual(before)
            .agrees();
    }
}

#[test]
fn extreme_values_stay_what_they_are() {
    for value in [
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::MIN_POSITIVE,
        1e-40,
        0.0,
    ] {
        let mut net = Builder::new(1, 5, 7, 3);
        net.layer(Kind::Depthwise, 0, (3, 1), (1, 1)).clip(0.0, 6.0);
        net.last().weights.fill(1.0);
        net.layer(Kind::Conv, 3, (1, 1), (0, 0)).clip(-1.0, 1.0);
        let mut photograph = net.photograph();
        photograph[17] = value;
        agrees(&net.net, &photograph, None);
    }
}

/// A network that fails must be seen to fail, whatever clips it.
#[test]
fn what_is_no_number_is_not_clipped_away() {
    let mut net = Builder::new(2, 6, 6, 5);
    net.layer(Kind::Conv, 20, (3, 1), (1, 1)).clip(0.0, 6.0);
    net.layer(Kind::Depthwise, 0, (3, 1), (1, 1)).clip(0.0, 6.0);
    net.layer(Kind::Conv, 5, (1, 1), (0, 0)).clip(0.0, 6.0);
    net.layer(Kind::MaxPool, 0, (2, 2), (0, 0));
    let mut photograph = net.photograph();
    photograph[8] = f32::NAN;
    let expected = oracle::maps(&net.net, &photograph);
    assert!(expected.iter().any(|value| value.is_nan()));
    agrees(&net.net, &photograph, None);
}
