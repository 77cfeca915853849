//! What a network's layers mean, in plain loops and double precision.

use half::bf16;

use crate::net::{Kind, Layer, Net};

/// The maps that `net` makes of a photograph, plane by plane.
pub(crate) fn maps(net: &Net, photograph: &[f32]) -> Vec<f64> {
    maps_by(net, photograph, false)
}

/// The same, where with `pairs` pointwise layers but the last multiply what is rounded to
/// bfloat16, on both sides.
pub(crate) fn maps_by(net: &Net, photograph: &[f32], pairs: bool) -> Vec<f64> {
    let rounded = |value: f64| f64::from(bf16::from_f32(value as f32).to_f32());
    let mut outputs: Vec<Vec<f64>> = Vec::new();
    for (i, layer) in net.layers.iter().enumerate() {
        let pointwise = layer.kind == Kind::Conv && (layer.kernel, layer.stride) == (1, 1);
        let mut output = match layer.kind {
            Kind::Photograph => photograph.iter().map(|&value| f64::from(value)).collect(),
            Kind::Conv if pairs && pointwise && layer.input > 0 && i != net.maps => {
                let mut layer = layer.clone();
                for weight in &mut layer.weights {
                    *weight = rounded(f64::from(*weight)) as f32;
                }
                let input: Vec<f64> = outputs[layer.input].iter().map(|&v| rounded(v)).collect();
                window(net, &layer, &input)
            }
            _ => window(net, layer, &outputs[layer.input]),
        };
        let area = layer.output.height * layer.output.width;
        for (i, value) in output.iter_mut().enumerate() {
            *value += layer
                .bias
                .get(i / area)
                .map_or(0.0, |&bias| f64::from(bias));
            if let Some(residual) = layer.residual {
                *value += outputs[residual][i];
            }
            let (low, high) = (f64::from(layer.low), f64::from(layer.high));
            *value = if *value < low { low } else { *value };
            *value = if *value > high { high } else { *value };
        }
        outputs.push(output);
    }
    outputs.swap_remove(net.maps)
}

/// A kernel moved over a picture.
fn window(net: &Net, layer: &Layer, input: &[f64]) -> Vec<f64> {
    let from = net.layers[layer.input].output;
    let (k, to) = (layer.kernel, layer.output);
    let at = |channel: usize, y: usize, ky: usize, x: usize, kx: usize| -> Option<f64> {
        let y = (y * layer.stride + ky).checked_sub(layer.above)?;
        let x = (x * layer.stride + kx).checked_sub(layer.left)?;
        (y < from.height && x < from.width)
            .then(|| input[(channel * from.height + y) * from.width + x])
    };
    let mut output = Vec::new();
    for channel in 0..to.channels {
        let from = match layer.kind {
            Kind::Conv => 0..from.channels,
            _ => channel..channel + 1,
        };
        for y in 0..to.height {
            for x in 0..to.width {
                let (mut sum, mut most) = (0.0, f64::NEG_INFINITY);
                for (i, c) in from.clone().enumerate() {
                    for ky in 0..k {
                        for kx in 0..k {
                            let Some(value) = at(c, y, ky, x, kx) else {
                                continue;
                            };
                            most = if value > most || value.is_nan() {
                                value
                            } else {
                                most
                            };
                            let weight = (channel * from.len() + i) * k * k + ky * k + kx;
                            sum += value * layer.weights.get(weight).map_or(0.0, |&w| f64::from(w));
                        }
                    }
                }
                output.push(match layer.kind {
                    Kind::MaxPool => most,
                    _ => sum,
                });
            }
        }
    }
    output
}

/// What a Winograd convolution does to `N` values in a row, as matrices made from
/// its points, the last of which is infinity.
pub(crate) struct Matrices {
    /// `Bᵀ`, for each point its factors of the input.
    pub before: Vec<Vec<f64>>,
    /// `Aᵀ`, for each value of the output its factors of the points.
    pub after: Vec<Vec<f64>>,
}

impl Matrices {
    /// Those for the finite `points`.
    pub fn new(points: &[f64]) -> Matrices {
        let side = points.len() + 1;
        // The product of (x - point) over all finite points but one, by powers.
        let without = |left_out: Option<usize>| -> Vec<f64> {
            let mut polynomial = vec![1.0];
            for (i, point) in points.iter().enumerate() {
                if Some(i) != left_out {
                    let mut next = vec![0.0; polynomial.len() + 1];
                    for (power, factor) in polynomial.iter().enumerate() {
                        next[power + 1] += factor;
                        next[power] -= point * factor;
                    }
                    polynomial = next;
                }
            }
            polynomial.resize(side, 0.0);
            polynomial
        };
        let all = (0..points.len()).map(Some).chain([None]);
        let outputs = side - 2;
        Matrices {
            before: all.map(without).collect(),
            after: (0..outputs)
                .map(|power| {
                    let infinity = if power + 1 == outputs { 1.0 } else { 0.0 };
                    let finite = points.iter().map(|point| point.powi(power as i32));
                    finite.chain([infinity]).collect()
                })
                .collect(),
        }
    }
}

/// `m` x `square` x `m`, transposed; `square` row by row.
pub(crate) fn both_ways(m: &[Vec<f64>], square: &[f64]) -> Vec<f64> {
    let side = m[0].len();
    let mut found = Vec::new();
    for down in m {
        for across in m {
            let mut sum = 0.0;
            for y in 0..side {
                for x in 0..side {
                    sum += down[y] * square[y * side + x] * across[x];
                }
            }
            found.push(sum);
        }
    }
    found
}
