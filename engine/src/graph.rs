//! From tract's graph to a list of layers that own kernels exist for.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::AxisOp;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer};

use crate::net::{Kind, Layer, Net, Shape};

/// Reads `model`, a typed graph that has not been decluttered, with the outputs
/// logits and maps. Gives nothing where anything in it is not known here: then
/// tract runs the whole.
pub(crate) fn read(model: &TypedModel) -> Option<Net> {
    let (&[input], &[logits, maps]) = (&model.inputs[..], &model.outputs[..]) else {
        return None;
    };
    let mut reader = Reader {
        model,
        layers: Vec::new(),
        made: HashMap::new(),
    };
    for id in model.eval_order().ok()? {
        let node = model.node(id);
        if id == input.node {
            reader.photograph(input)?;
        } else if !is_constant(model, id) && !reader.is_after(node, maps) {
            reader.node(node)?;
        }
    }
    let maps = *reader.made.get(&maps)?;
    is_mean(model, logits, model.outputs[1])?;
    Some(Net {
        layers: reader.layers,
        maps,
    })
}

struct Reader<'a> {
    model: &'a TypedModel,
    layers: Vec<Layer>,
    /// The layer whose output an outlet is.
    made: HashMap<OutletId, usize>,
}

impl Reader<'_> {
    fn photograph(&mut self, input: OutletId) -> Option<()> {
        let output = self.shape(input)?;
        self.made.insert(input, 0);
        let bias = vec![0.0; output.channels];
        self.layers.push(Layer::photograph(output, bias));
        Some(())
    }

    /// Whether `node` belongs to what becomes of the maps: their mean.
    fn is_after(&self, node: &TypedNode, maps: OutletId) -> bool {
        node.inputs
            .first()
            .is_some_and(|&input| input == maps || !self.made.contains_key(&input))
            && self.made.contains_key(&maps)
    }

    fn node(&mut self, node: &TypedNode) -> Option<()> {
        if let Some(conv) = node.op_as::<Conv>() {
            self.conv(node, conv)
        } else if let Some(pool) = node.op_as::<MaxPool>() {
            if pool.with_index_outputs.is_some() {
                return None;
            }
            let layer = self.window(node, &pool.pool_spec, Kind::MaxPool)?;
            self.push(node, layer)
        } else if let Some(op) = node.op_as::<TypedBinOp>() {
            let (&[a, b], None) = (&node.inputs[..], &op.1) else {
                return None;
            };
            match op.0.name() {
                "Add" => self.add(node, a, b),
                name @ ("Max" | "Min") => {
                    let (value, bound) = match constant(self.model, b) {
                        Some(bound) => (a, bound),
                        None => (b, constant(self.model, a)?),
                    };
                    self.clip(node, value, one_value(&bound)?, name == "Max")
                }
                _ => None,
            }
        } else {
            None
        }
    }

    fn conv(&mut self, node: &TypedNode, conv: &Conv) -> Option<()> {
        let &[input, kernel, bias] = &node.inputs[..] else {
            return None;
        };
        let inputs = self.shape(input)?.channels;
        let outputs = self.shape(OutletId::new(node.id, 0))?.channels;
        let kind = match conv.group {
            1 => Kind::Conv,
            group if group == inputs && group == outputs => Kind::Depthwise,
            _ => return None,
        };
        if conv.q_params.is_some() || conv.kernel_fmt != KernelFormat::OIHW {
            return None;
        }
        let mut layer = self.window(node, &conv.pool_spec, kind)?;
        layer.weights = constant(self.model, kernel)?;
        layer.bias = constant(self.model, bias)?;
        if let [bias] = layer.bias[..] {
            layer.bias = vec![bias; outputs];
        }
        let taps = layer.kernel * layer.kernel;
        let expected = outputs * taps * (inputs / conv.group);
        let fits = layer.weights.len() == expected && layer.bias.len() == outputs;
        fits.then(|| self.push(node, layer))?
    }

    /// A layer whose kernel moves as `pool` says.
    fn window(&self, node: &TypedNode, pool: &PoolSpec, kind: Kind) -> Option<Layer> {
        let input = node.inputs[0];
        let alike = |values: &[usize]| match *values {
            [a, b] if a == b => Some(a),
            _ => None,
        };
        let kernel = alike(&pool.kernel_shape)?;
        let stride = pool.strides.as_deref().map_or(Some(1), alike)?;
        let dilation = pool.dilations.as_deref().map_or(Some(1), alike)?;
        let (above, left) = match &pool.padding {
            PaddingSpec::Valid => (0, 0),
            PaddingSpec::Explicit(before, _) | PaddingSpec::ExplicitOnnxPool(before, _, _) => {
                (*before.first()?, *before.get(1)?)
            }
            _ => return None,
        };
        if pool.data_format != DataFormat::NCHW || dilation != 1 || above.max(left) >= kernel {
            return None;
        }
        Some(Layer {
            kind,
            input: *self.made.get(&input)?,
            kernel,
            stride,
            above,
            left,
            output: self.shape(OutletId::new(node.id, 0))?,
            weights: Vec::new(),
            bias: Vec::new(),
            residual: None,
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
        })
    }

    fn push(&mut self, node: &TypedNode, layer: Layer) -> Option<()> {
        self.made.insert(node.id.into(), self.layers.len());
        self.layers.push(layer);
        Some(())
    }

    /// An addition: a shift of the photograph's channels, or a residual that the
    /// later of two layers takes in.
    fn add(&mut self, node: &TypedNode, a: OutletId, b: OutletId) -> Option<()> {
        if let (Some(&0), Some(shift)) = (self.made.get(&a), constant(self.model, b)) {
            let shape = &self.model.outlet_fact(b).ok()?.shape;
            let channels = self.layers[0].bias.len();
            let by_channel = *shape.as_concrete()? == [1, channels, 1, 1];
            if !by_channel || !self.is_only_reader(a) {
                return None;
            }
            for (bias, shift) in self.layers[0].bias.iter_mut().zip(shift) {
                *bias += shift;
            }
            self.made.insert(node.id.into(), 0);
            return Some(());
        }
        let (later, earlier) = match (self.made.get(&a)?, self.made.get(&b)?) {
            (i, j) if i > j => (a, *j),
            (i, _) => (b, *i),
        };
        let shape = self.shape(node.id.into())?;
        let fits = self.layers[earlier].output == shape;
        let layer = self.inlined(node, later)?;
        let free = layer.kind == Kind::Conv && layer.residual.is_none() && !layer.is_clipped();
        if !fits || !free || layer.output != shape {
            return None;
        }
        layer.residual = Some(earlier);
        Some(())
    }

    fn clip(
        &mut self,
        node: &TypedNode,
        value: OutletId,
        bound: f32,
        from_below: bool,
    ) -> Option<()> {
        let shape = self.shape(node.id.into())?;
        let layer = self.inlined(node, value)?;
        // A bound may have a shape that spreads the value.
        if layer.output != shape {
            return None;
        }
        let (low, high) = (&mut layer.low, &mut layer.high);
        let may = matches!(layer.kind, Kind::Conv | Kind::Depthwise) && !bound.is_nan();
        // The kernels clip from below first.
        if from_below && may && *low == f32::NEG_INFINITY && *high == f32::INFINITY {
            *low = bound;
        } else if !from_below && may && *high == f32::INFINITY {
            *high = bound;
        } else {
            return None;
        }
        Some(())
    }

    /// The layer that gives `value`, which from now on gives what `node` makes of
    /// it, if nothing else needs it as it was.
    fn inlined(&mut self, node: &TypedNode, value: OutletId) -> Option<&mut Layer> {
        let &layer = self.made.get(&value)?;
        if !self.is_only_reader(value) {
            return None;
        }
        self.made.insert(node.id.into(), layer);
        self.layers.get_mut(layer)
    }

    /// Whether a single node reads `outlet`, and nobody outside.
    fn is_only_reader(&self, outlet: OutletId) -> bool {
        let output = self.model.node(outlet.node).outputs.get(outlet.slot);
        !self.model.outputs.contains(&outlet)
            && output.is_some_and(|output| output.successors.len() == 1)
    }

    /// The shape of an outlet that is one float picture.
    fn shape(&self, outlet: OutletId) -> Option<Shape> {
        let fact = self.model.outlet_fact(outlet).ok()?;
        match *fact.shape.as_concrete()? {
            [1, channels, height, width]
                if fact.datum_type == f32::datum_type() && channels * height * width > 0 =>
            {
                Some(Shape {
                    channels,
                    height,
                    width,
                })
            }
            _ => None,
        }
    }
}

impl Layer {
    fn is_clipped(&self) -> bool {
        self.low != f32::NEG_INFINITY || self.high != f32::INFINITY
    }
}

/// Whether nothing but constants goes into a node.
fn is_constant(model: &TypedModel, id: usize) -> bool {
    let node = model.node(id);
    node.op_is::<Const>()
        || (!node.inputs.is_empty()
            && node
                .inputs
                .iter()
                .all(|&input| is_constant(model, input.node)))
}

/// The values of a constant, also behind a cast that changes nothing, as the
/// reader of ONNX files puts them around biases.
fn constant(model: &TypedModel, outlet: OutletId) -> Option<Vec<f32>> {
    let fact = model.outlet_fact(outlet).ok()?;
    if fact.datum_type != f32::datum_type() {
        return None;
    }
    let node = model.node(outlet.node);
    match &fact.konst {
        Some(tensor) => {
            let values = tensor.to_plain_array_view::<f32>().ok()?;
            Some(values.iter().copied().collect())
        }
        None if node.op().name() == "Cast" => constant(model, *node.inputs.first()?),
        None => None,
    }
}

/// The one value that a constant consists of.
fn one_value(values: &[f32]) -> Option<f32> {
    let (&first, rest) = values.split_first()?;
    rest.iter().all(|&value| value == first).then_some(first)
}

/// Whether `logits` are the mean of each of the `maps` and nothing more.
fn is_mean(model: &TypedModel, logits: OutletId, maps: OutletId) -> Option<()> {
    let mut at = logits;
    while let Some(AxisOp::Rm(2 | 3)) = model.node(at.node).op_as::<AxisOp>() {
        at = *model.node(at.node).inputs.first()?;
    }
    let divide = model.node(at.node);
    let divides = divide.op_as::<TypedBinOp>()?.0.name() == "Div";
    let (&[sum, by], true) = (&divide.inputs[..], divides) else {
        return None;
    };
    let node = model.node(sum.node);
    let reduce = node.op_as::<Reduce>()?;
    let sums = reduce.reducer == Reducer::Sum && reduce.axes[..] == [2, 3];
    let shape = model.outlet_fact(maps).ok()?.shape.as_concrete()?;
    let area = shape.get(2..)?.iter().product::<usize>();
    let by = constant(model, by)?;
    (sums && node.inputs[..] == [maps] && one_value(&by)? == area as f32).then_some(())
}
