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
        self.0.node.push(NodeProto {
            op_type: op.into(),
            name: output.into(),
            input: inputs.iter().map(|&input| input.into()).collect(),
            output: vec![output.into()],
            attribute,
            ..NodeProto::default()
        });
        output.into()
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
        self.0.initializer.push(TensorProto {
            name: name.into(),
            dims,
            data_type: DataType::Float.into(),
            raw_data: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
            ..TensorProto::default()
        });
        name.into()
    }

    /// The file's bytes.
    pub fn finish(
        mut self,
        name: &str,
        input: (&str, &[i64]),
        outputs: &[(&str, &[i64])],
    ) -> Vec<u8> {
        self.0.name = name.into();
        self.0.input = vec![value_info(input)];
        self.0.output = outputs.iter().copied().map(value_info).collect();
        ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPSET.into(),
            }],
            producer_name: env!("CARGO_PKG_NAME").into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.0),
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

fn value_info((name, shape): (&str, &[i64])) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|&side| tensor_shape_proto::Dimension {
            value: Some(tensor_shape_proto::dimension::Value::DimValue(side)),
            ..tensor_shape_proto::Dimension::default()
        })
        .collect();
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: DataType::Float.into(),
                shape: Some(TensorShapeProto { dim }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
