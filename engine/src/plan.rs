//! How a network is run: its layers in chains, and a place in the arena for
//! each feature map.
//!
//! A chain goes through its layers a few rows at a time, so that what a layer
//! gives is still in the cache when the next one reads it; only the last
//! layer's map is kept whole. In a network of inverted residuals this keeps the
//! widest maps, which are those between a block's own layers, out of memory.

use crate::floats::{Floats, LINE};
use crate::kernel::{pool, Isa, Kernels, NarrowKernel, RowsKernel};
use crate::net::{Kind, Layer, Net};
use crate::plane::Plane;
use crate::product::{Packed, SEGMENTS};
use crate::winograd::{Form, Winograd};

/// Bytes that the rows of a chain's layers may take together: about half of the
/// second-level cache of a small processor.
const BUDGET: usize = 1024 << 10;

/// What a stage does, with its weights.
pub(crate) enum Work {
    /// Takes the photograph apart into pixels, adding one value per channel.
    Photograph(Vec<f32>),
    /// A convolution that reads one pixel for each of its own.
    Pointwise(Packed),
    /// The same in pairs of bfloat16, which the kernel makes of the input's floats.
    Pairs(Packed, NarrowKernel),
    /// Any other; the values under the kernel come in so many segments.
    Conv(Packed, usize),
    /// The same where rows are too narrow for large tiles: what is under the kernel
    /// is first laid out for all pixels of some rows.
    Windows(Packed, usize),
    /// One of 3 x 3 that moves by one, by Winograd's way.
    Winograd(Winograd),
    Depthwise {
        kernel: RowsKernel,
        weights: Floats,
        bias: Floats,
    },
    MaxPool,
}

/// A layer with its places in the arena.
pub(crate) struct Stage {
    /// The layer's place in the network's list.
    pub index: usize,
    pub work: Work,
    pub kernel: usize,
    pub stride: usize,
    pub above: usize,
    pub left: usize,
    pub low: f32,
    pub high: f32,
    /// Channels without those that fill the last vector.
    pub channels: usize,
    /// In the first layer that of its output: it reads no map.
    pub input: Plane,
    pub output: Plane,
    pub residual: Option<Plane>,
}

impl Stage {
    /// Rows of the input that the first `rows` of the output are made of.
    pub fn needs(&self, rows: usize) -> usize {
        match self.work {
            Work::Photograph(_) => 0,
            _ => window(self.kernel, self.stride, self.above, rows).min(self.input.height),
        }
    }

    /// What it does, in words.
    pub fn name(&self) -> String {
        let (k, s) = (self.kernel, self.stride);
        match &self.work {
            Work::Photograph(_) => "photograph".to_owned(),
            Work::Pointwise(_) => "pointwise".to_owned(),
            Work::Pairs(..) => "pointwise bfloat16".to_owned(),
            Work::Conv(..) | Work::Windows(..) => format!("dense {k}x{k} stride {s}"),
            Work::Winograd(winograd) => {
                let out = winograd.form.out();
                format!("dense {k}x{k} by {out}x{out}")
            }
            Work::Depthwise { .. } => format!("depthwise {k}x{k} stride {s}"),
            Work::MaxPool => format!("pool {k}x{k} stride {s}"),
        }
    }

    /// Multiplications that the layer consists of, however it is done.
    pub fn multiplications(&self) -> usize {
        let each = match &self.work {
            Work::Photograph(_) | Work::MaxPool => 0,
            Work::Pointwise(packed) | Work::Conv(packed, _) | Work::Windows(packed, _) => {
                packed.depth
            }
            Work::Pairs(packed, _) => 2 * packed.depth,
            Work::Winograd(winograd) => self.kernel * self.kernel * winograd.packed.depth,
            Work::Depthwise { .. } => self.kernel * self.kernel,
        };
        each * self.channels * self.output.width * self.output.height
    }
}

/// Rows of an input that the first `rows` rows of output reach down to.
fn window(kernel: usize, stride: usize, above: usize, rows: usize) -> usize {
    match rows {
        0 => 0,
        rows => ((rows - 1) * stride + kernel).saturating_sub(above),
    }
}

/// Layers that are run together.
pub(crate) struct Chain {
    pub stages: Vec<Stage>,
    /// Rows of the last stage that are made at a time.
    pub turn: usize,
}

/// A network, ready to run.
pub(crate) struct Plan {
    pub kernels: &'static Kernels,
    pub chains: Vec<Chain>,
    /// Floats of the arena, and of one row of zeros.
    pub arena: usize,
    pub zeros: usize,
    /// Floats that a layer works with beside maps.
    pub scratch: usize,
    /// The maps and how many channels of them are real.
    pub maps: Plane,
    pub outputs: usize,
}

impl Plan {
    /// Plans `net` for `isa`, or gives nothing where a layer has no kernel.
    pub fn new(net: Net, isa: Isa) -> Option<Plan> {
        let lanes = isa.kernels().lanes;
        Plan::with(net, isa, |layer, inputs| {
            Form::fastest(inputs, layer.output, lanes)
        })
    }

    /// The same where `form` says for each layer that could be done by
    /// Winograd's way, and the number of its input's channels, how, if at all.
    pub fn with(net: Net, isa: Isa, form: impl Fn(&Layer, usize) -> Option<Form>) -> Option<Plan> {
        let kernels = isa.kernels();
        let chains = chains(&net);
        let mut forms = vec![None; net.layers.len()];
        for chain in &chains {
            if let [i] = chain[..] {
                let layer = &net.layers[i];
                let inputs = net.layers[layer.input].output.channels;
                let may = layer.kind == Kind::Conv && layer.kernel == 3 && layer.stride == 1;
                // The photograph's channels are not in whole vectors.
                if may && layer.input != 0 {
                    forms[i] = form(layer, inputs);
                }
            }
        }
        let mut planes: Vec<Plane> = (0..net.layers.len())
            .map(|of| plane(&net, &forms, of, kernels.lanes))
            .collect();
        let turns: Vec<usize> = chains
            .iter()
            .map(|chain| match forms[chain[0]] {
                Some(_) => net.layers[chain[0]].output.height,
                None => turn(&net, chain, &mut planes),
            })
            .collect();
        let arena = place(&net, &chains, &mut planes);

        let (maps, outputs) = (planes[net.maps], net.layers[net.maps].output.channels);
        let mut layers: Vec<Option<Layer>> = net.layers.into_iter().map(Some).collect();
        let mut planned = Vec::new();
        for (chain, turn) in chains.iter().zip(turns) {
            let stages = chain
                .iter()
                .map(|&i| {
                    stage(
                        kernels,
                        layers[i].take()?,
                        forms[i],
                        (i, i == net.maps),
                        &planes,
                    )
                })
                .collect::<Option<Vec<Stage>>>()?;
            planned.push(Chain { stages, turn });
        }
        let stages = || planned.iter().flat_map(|chain| &chain.stages);
        let scratch = |stage: &Stage| match &stage.work {
            Work::Winograd(winograd) => winograd.scratch(stage.input.pixel),
            Work::Windows(packed, _) => windows(packed, &stage.output).1,
            Work::Pairs(..) => rows_of_pairs(&stage.input) * stage.input.line() / 2,
            _ => 0,
        };
        Some(Plan {
            kernels,
            arena,
            scratch: stages().map(scratch).max()?,
            zeros: stages().map(|stage| stage.input.line()).max()?,
            chains: planned,
            maps,
            outputs,
        })
    }
}

/// The layers of each chain, in the order in which the chains are run.
fn chains(net: &Net) -> Vec<Vec<usize>> {
    let mut chains: Vec<Vec<usize>> = Vec::new();
    let mut taken = vec![false; net.layers.len()];
    for start in 0..net.layers.len() {
        if taken[start] {
            continue;
        }
        let mut chain = vec![start];
        let mut last = start;
        while let Some(next) = follower(net, start, last) {
            chain.push(next);
            last = next;
        }
        for &i in &chain {
            taken[i] = true;
        }
        chains.push(chain);
    }
    chains
}

/// The layer that can take over from `last`, row by row, in a chain that begins
/// with `start`: its only reader, of a kind for which that pays.
fn follower(net: &Net, start: usize, last: usize) -> Option<usize> {
    let mut readers = net.readers(last);
    let (next, layer) = readers.next()?;
    if readers.next().is_some() || layer.input != last || last == net.maps {
        return None;
    }
    // What is added must be there before the chain begins.
    if layer.residual.is_some_and(|residual| residual >= start) {
        return None;
    }
    let pays = match (net.layers[last].kind, layer.kind) {
        (Kind::Photograph, Kind::Conv) | (Kind::Conv, Kind::Depthwise) => true,
        (Kind::Depthwise, Kind::Conv) => layer.kernel == 1,
        _ => false,
    };
    pays.then_some(next)
}

/// The plane of layer `of`, whole and not yet placed.
fn plane(net: &Net, forms: &[Option<Form>], of: usize, lanes: usize) -> Plane {
    let shape = net.layers[of].output;
    let (mut left, mut right) = (0, 0);
    for (i, layer) in net.readers(of) {
        if layer.input == of && layer.kind != Kind::MaxPool {
            left = left.max(layer.left);
            let reach = (layer.output.width - 1) * layer.stride + layer.kernel;
            right = right.max(reach.saturating_sub(layer.left + shape.width));
            if let Some(form) = forms[i] {
                right = right.max(form.right(layer.output.width, layer.left, shape.width));
            }
        }
    }
    // Convolutions can do without whole vectors, and the photograph's three
    // channels would fill only a part of one.
    let exact = of == 0
        && net
            .readers(of)
            .all(|(_, layer)| layer.kind == Kind::Conv && layer.residual != Some(of));
    Plane {
        offset: 0,
        pixel: if exact {
            shape.channels
        } else {
            shape.channels.next_multiple_of(lanes)
        },
        width: shape.width,
        height: shape.height,
        left,
        right,
        rows: shape.height,
    }
}

/// How many rows of its last layer a chain makes at a time; sets the rows that
/// its planes keep. The choice is the one for which the fewest bytes come from
/// beyond the cache: rows that do not stay there, and weights that are read again
/// in each turn. Where choices are alike, it is the one of fewest turns.
fn turn(net: &Net, chain: &[usize], planes: &mut [Plane]) -> usize {
    let height = net.layers[chain[chain.len() - 1]].output.height;
    let weights: usize = chain.iter().map(|&i| 4 * net.layers[i].weights.len()).sum();
    let bytes = |rows: &[usize]| -> usize {
        let planes = chain.iter().map(|&i| &planes[i]);
        planes.zip(rows).map(|(p, rows)| 4 * rows * p.line()).sum()
    };
    let whole: Vec<usize> = chain.iter().map(|&i| net.layers[i].output.height).collect();
    let cost = |kept: &[usize], turns: usize| {
        let rows = bytes(kept);
        if rows + weights <= BUDGET {
            weights
        } else if rows <= BUDGET {
            weights * turns
        } else {
            // Each row is written and read.
            weights * turns + 2 * bytes(&whole)
        }
    };
    let mut best = (usize::MAX, 1, Vec::new());
    for parts in 1..=height {
        let turn = height.div_ceil(parts);
        let kept = rows_kept(net, chain, turn);
        let cost = cost(&kept, height.div_ceil(turn));
        if cost < best.0 {
            best = (cost, turn, kept);
        }
    }
    let (_, turn, kept) = best;
    for (&i, rows) in chain.iter().zip(kept).take(chain.len() - 1) {
        planes[i].rows = rows;
    }
    turn
}

/// For each layer of a chain that makes `turn` rows at a time, how many of its
/// rows are in use together; for the last, the rows of a turn.
fn rows_kept(net: &Net, chain: &[usize], turn: usize) -> Vec<usize> {
    let n = chain.len();
    let layer = |i: usize| &net.layers[chain[i]];
    let mut kept = vec![1; n];
    kept[n - 1] = turn;
    let mut done = vec![0; n];
    let height = layer(n - 1).output.height;
    for y in (0..height).step_by(turn) {
        let mut need = vec![0; n];
        need[n - 1] = (y + turn).min(height);
        for i in (1..n).rev() {
            let l = layer(i);
            let rows = window(l.kernel, l.stride, l.above, need[i]);
            need[i - 1] = rows.min(layer(i - 1).output.height).max(done[i - 1]);
            let oldest = (done[i] * l.stride).saturating_sub(l.above);
            kept[i - 1] = kept[i - 1].max(need[i - 1].saturating_sub(oldest));
        }
        done = need;
    }
    kept
}

/// Gives every plane a place such that no two that are in use at the same time
/// overlap, and says how many floats that takes.
fn place(net: &Net, chains: &[Vec<usize>], planes: &mut [Plane]) -> usize {
    let mut chain_of = vec![0; net.layers.len()];
    for (c, chain) in chains.iter().enumerate() {
        for &i in chain {
            chain_of[i] = c;
        }
    }
    let last_use: Vec<usize> = (0..net.layers.len())
        .map(|of| match of {
            of if of == net.maps => chains.len(),
            of => net
                .readers(of)
                .map(|(i, _)| chain_of[i])
                .fold(chain_of[of], usize::max),
        })
        .collect();
    let mut live: Vec<usize> = Vec::new();
    let mut arena = 0;
    for (c, chain) in chains.iter().enumerate() {
        live.retain(|&i| last_use[i] >= c);
        for &i in chain {
            live.sort_by_key(|&i| planes[i].offset);
            let len = planes[i].len();
            let mut offset = 0;
            for &other in &live {
                if offset + len <= planes[other].offset {
                    break;
                }
                offset = planes[other].range().end.next_multiple_of(LINE);
            }
            planes[i].offset = offset;
            arena = arena.max(offset + len);
            live.push(i);
        }
    }
    arena
}

/// How many rows of `input` are made pairs at a time: what half of the first-level cache of most
/// processors holds.
pub(crate) fn rows_of_pairs(input: &Plane) -> usize {
    const PAIRS: usize = 16 << 10 >> 2;
    (2 * PAIRS / input.line()).clamp(1, input.rows)
}

/// Of how many rows of `output` the windows are laid out at a time, and how many
/// floats these and what becomes of them take.
pub(crate) fn windows(packed: &Packed, output: &Plane) -> (usize, usize) {
    let row = output.width * (window_pixel(packed.depth) + packed.channels);
    let most = (BUDGET / 4 / row).clamp(1, output.height);
    let rows = output.height.div_ceil(output.height.div_ceil(most));
    (rows, rows * row)
}

/// Floats from a window of `depth` values to the next: an odd number of cache
/// lines, since values of many windows are read together and would else contend
/// for the same few lines of the cache.
pub(crate) fn window_pixel(depth: usize) -> usize {
    (depth.div_ceil(LINE) | 1) * LINE
}

/// Packs a layer's weights and joins it to its planes.
fn stage(
    kernels: &Kernels,
    layer: Layer,
    form: Option<Form>,
    (index, last): (usize, bool),
    planes: &[Plane],
) -> Option<Stage> {
    let output = planes[index];
    let input = match layer.kind {
        Kind::Photograph => output,
        _ => planes[layer.input],
    };
    let (k, channels) = (layer.kernel, layer.output.channels);
    let work = match (layer.kind, form) {
        (Kind::Photograph, _) => Work::Photograph(layer.bias),
        (Kind::MaxPool, _) if k > pool::ROWS => return None,
        (Kind::MaxPool, _) => Work::MaxPool,
        (Kind::Depthwise, _) => {
            let (taps, lanes) = (k * k, kernels.lanes);
            let mut weights = Floats::zeros(taps * output.pixel);
            let values = weights.as_mut_slice();
            for channel in 0..channels {
                let vector = channel / lanes * taps * lanes + channel % lanes;
                for tap in 0..taps {
                    values[vector + tap * lanes] = layer.weights[channel * taps + tap];
                }
            }
            let mut bias = Floats::zeros(output.pixel);
            bias.as_mut_slice()[..channels].copy_from_slice(&layer.bias);
            Work::Depthwise {
                kernel: kernels.rows(k, layer.stride)?,
                weights,
                bias,
            }
        }
        (Kind::Conv, Some(form)) => Work::Winograd(Winograd::new(
            kernels,
            form,
            &layer.weights,
            &layer.bias,
            input.pixel,
            (output.height, output.width),
        )),
        (Kind::Conv, None) => {
            let depth = layer.weights.len() / channels;
            let inputs = depth / (k * k);
            // A pixel's values follow one another tap by tap.
            let weight = |channel: usize, at: usize| {
                let (tap, from) = (at / inputs, at % inputs);
                layer.weights[channel * depth + from * k * k + tap]
            };
            let same = (output.height, output.width) == (input.height, input.width);
            let pointwise = k == 1 && layer.stride == 1 && layer.above + layer.left == 0 && same;
            // Pairs are made of whole vectors; and the last layer, whose values are the maps, costs
            // little and is worth exact products.
            let pairs = kernels
                .pairs
                .as_ref()
                .filter(|_| pointwise && !last && input.pixel % kernels.lanes == 0);
            let packed = match pairs {
                Some(pairs) => Packed::pairs(kernels, pairs, depth, &layer.bias, weight),
                None => Packed::new(kernels, depth, &layer.bias, weight),
            };
            if let Some(pairs) = pairs {
                Work::Pairs(packed, pairs.narrow)
            } else if pointwise {
                Work::Pointwise(packed)
            } else {
                // Where pixels lie close to each other, a row of the kernel is
                // one segment.
                let segments = if inputs == input.pixel { k } else { k * k };
                if segments > SEGMENTS {
                    return None;
                }
                // A sum waits some four cycles for itself, in which a processor
                // could do eight: tiles of fewer are slow, and those of few more
                // still do not hide all that they wait for.
                let count = output
                    .width
                    .div_ceil(kernels.tiles[kernels.panel - 1].len());
                if output.width * kernels.panel < 10 * count {
                    Work::Windows(packed, segments)
                } else {
                    Work::Conv(packed, segments)
                }
            }
        }
    };
    Some(Stage {
        index,
        work,
        kernel: k,
        stride: layer.stride,
        above: layer.above,
        left: layer.left,
        low: layer.low,
        high: layer.high,
        channels,
        input,
        output,
        residual: layer.residual.map(|residual| planes[residual]),
    })
}
