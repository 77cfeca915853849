//! Every kernel, on random layers of every size, beside plain loops; each in a
//! chain as in a network of its own, for every kind of processor that this one
//! is.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::kernel::Isa;
use crate::net::{Kind, Layer, Net, Shape};
use crate::oracle;
use crate::plan::Plan;
use crate::run::{self, Arena};

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
        let (before, after) = (before.min(kernel - 1), after.min(kernel - 1));
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
        agrees(&self.net, &photograph);
    }
}

/// Runs `net` twice, the second time in used memory, and compares with the
/// oracle: to a part in ten thousand of the largest value that enters a sum.
fn agrees(net: &Net, photograph: &[f32]) {
    let expected = oracle::maps(net, photograph);
    let scale = expected
        .iter()
        .fold(1.0, |most: f64, value| most.max(value.abs()));
    for isa in Isa::available() {
        let plan = Plan::new(net.clone(), isa).expect("every layer has a kernel");
        let mut arena = Arena::new(&plan);
        for round in 0..2 {
            let mut maps = vec![f32::NAN; expected.len()];
            run::run(&plan, &mut arena, photograph, &mut maps, |_| ());
            for (i, (&found, &expected)) in maps.iter().zip(&expected).enumerate() {
                let apart = (f64::from(found) - expected).abs();
                assert!(
                    apart <= 1e-4 * scale || (found.is_nan() && expected.is_nan()),
                    "{isa:?}, round {round}, value {i}: {found} for {expected} in {net:?}"
                );
            }
        }
    }
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
        agrees(&net.net, &photograph);
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
    agrees(&net.net, &photograph);
}
