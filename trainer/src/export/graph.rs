//! A small builder of ONNX graphs on tract's own protobuf types.

use prost::Message;
use tch::{Kind, Tensor};
use tract_onnx::pb::{
    attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto,
};

/// The version of the operators: that of ONNX 1.8, which every runtime in use reads.
pub const OPSET: u32 = 13;
/// The file format's version that belongs to it.
const IR_VERSION: i64 = 7;

/// A square feature map in the graph.
#[derive(Clone)]
pub struct Value {
    pub name: String,
    /// Its height and width in pixels.
    pub side: i64,
}

/// An input or an output of a graph.
pub struct Port<'a> {
    name: &'a str,
    shape: &'a [i64],
    kind: DataType,
}

impl<'a> Port<'a> {
    /// Of floats.
    pub fn floats(name: &'a str, shape: &'a [i64]) -> Port<'a> {
        let kind = DataType::Float;
        Port { name, shape, kind }
    }

    /// Of whole numbers.
    pub fn whole(name: &'a str, shape: &'a [i64]) -> Port<'a> {
        let kind = DataType::Int64;
        Port { name, shape, kind }
    }
}

pub struct Graph(GraphProto);

impl Graph {
    pub fn new() -> Graph {
        Graph(GraphProto::default())
    }

    /// Adds a node named as its one output, which it gives back.
    pub fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
        output: &str,
    ) -> String {
        self.node_of_several(op, inputs, attribute, (output, &[output]));
        output.into()
    }

    /// Adds a node of that name with these outputs.
    pub fn node_of_several(
        &mut self,
        op: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
        (name, outputs): (&str, &[&str]),
    ) {
        let owned = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        self.0.node.push(NodeProto {
            op_type: op.into(),
            name: name.into(),
            input: owned(inputs),
            output: owned(outputs),
            attribute,
            ..NodeProto::default()
        });
    }

    /// Adds a constant from a float tensor on the CPU.
    pub fn tensor(&mut self, name: &str, tensor: &Tensor) -> String {
        let mut values = vec![0f32; tensor.numel()];
        tensor
            .to_kind(Kind::Float)
            .contiguous()
            .copy_data(&mut values, tensor.numel());
        self.constant(name, tensor.size(), &values)
    }

    /// The scalar constant of that name, added when it is first asked for.
    pub fn scalar(&mut self, name: &str, value: f32) -> String {
        if self
            .0
            .initializer
            .iter()
            .any(|constant| constant.name == name)
        {
            return name.into();
        }
        self.constant(name, vec![], &[value])
    }

    fn constant(&mut self, name: &str, dims: Vec<i64>, values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.raw(name, dims, DataType::Float, bytes.collect())
    }

    /// Adds a constant row of whole numbers.
    pub fn whole_numbers(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        let dims = vec![values.len() as i64];
        self.raw(name, dims, DataType::Int64, bytes.collect())
    }

    fn raw(&mut self, name: &str, dims: Vec<i64>, kind: DataType, bytes: Vec<u8>) -> String {
        self.0.initializer.push(TensorProto {
            name: name.into(),
            dims,
            data_type: kind.into(),
            raw_data: bytes,
            ..TensorProto::default()
        });
        name.into()
    }

    /// The graph with its name and its ends, as it is written or another one runs it.
    fn closed(mut self, name: &str, inputs: &[Port], outputs: &[Port]) -> GraphProto {
        self.0.name = name.into();
        self.0.input = inputs.iter().map(value_info).collect();
        self.0.output = outputs.iter().map(value_info).collect();
        self.0
    }

    /// An attribute that is this graph, which another one runs. It sees the constants of that one.
    pub fn body(self, name: &str, inputs: &[Port], outputs: &[Port]) -> AttributeProto {
        AttributeProto {
            name: name.into(),
            r#type: AttributeType::Graph.into(),
            g: Some(self.closed(name, inputs, outputs)),
            ..AttributeProto::default()
        }
    }

    /// The file's bytes.
    pub fn finish(self, name: &str, input: Port, outputs: &[Port]) -> Vec<u8> {
        ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPSET.into(),
            }],
            producer_name: env!("CARGO_PKG_NAME").into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.closed(name, &[input], outputs)),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }
}

/// An attribute of whole numbers.
pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints.into(),
        ints: ints.to_vec(),
        ..AttributeProto::default()
    }
}

/// An attribute of one whole number.
pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int.into(),
        i,
        ..AttributeProto::default()
    }
}

fn value_info(port: &Port) -> ValueInfoProto {
    let dim = port
        .shape
        .iter()
        .map(|&side| tensor_shape_proto::Dimension {
            value: Some(tensor_shape_proto::dimension::Value::DimValue(side)),
            ..tensor_shape_proto::Dimension::default()
        })
        .collect();
    ValueInfoProto {
        name: port.name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: port.kind.into(),
                shape: Some(TensorShapeProto { dim }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
