//! A student small enough to be made by each test: a network of one layer that
//! tells colours apart, so that its verdicts can be foretold.

use fovea_core::taxonomy::Taxonomy;
use prost::Message as _;
use tract_onnx::pb::{
    attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto::dimension,
    tensor_shape_proto::Dimension, type_proto, AttributeProto, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
};

/// Side of the tiny student's input; its maps are 4 x 4.
pub const SIZE: u32 = 32;

/// Weights for red, green and blue, and a bias, of each output.
///
/// A green-poor retina has severe NPDR, an orange one is normal, a blue
/// picture is no retina, one without red is dark; nothing else is ever found.
fn weights(id: &str) -> [f32; 4] {
    match id {
        "normal" => [0.0, 20.0, 0.0, 13.0],
        "npdr_severe" => [0.0, -20.0, 0.0, -13.0],
        "non_fundus" => [0.0, 0.0, 20.0, 0.0],
        "dark" => [-20.0, 0.0, 0.0, -14.0],
        _ => [0.0, 0.0, 0.0, -6.0],
    }
}

/// The labels of the tiny student.
pub fn taxonomy() -> Taxonomy {
    Taxonomy::builtin("odir").unwrap()
}

/// The tiny student for `taxonomy` as ONNX.
pub fn onnx(taxonomy: &Taxonomy) -> Vec<u8> {
    network(taxonomy, 0.0)
}

/// One whose outputs are no numbers.
#[allow(dead_code, reason = "not every test has one that fails")]
pub fn failing_onnx(taxonomy: &Taxonomy) -> Vec<u8> {
    network(taxonomy, f32::NAN)
}

/// The tiny student, with this added to every output.
fn network(taxonomy: &Taxonomy, more: f32) -> Vec<u8> {
    let outputs = taxonomy.finest_count();
    let (mut kernel, mut bias) = (Vec::new(), Vec::new());
    for node in &taxonomy.nodes()[..outputs] {
        let [r, g, b, at_zero] = weights(&node.id);
        for weight in [r, g, b] {
            kernel.extend([weight / 64.0; 64]);
        }
        bias.push(at_zero + more);
    }
    let k = outputs as i64;
    let size = i64::from(SIZE);
    let graph = GraphProto {
        name: "tiny".to_owned(),
        node: vec![
            node(
                "Conv",
                &["photograph", "kernel", "bias"],
                "maps",
                vec![ints("kernel_shape", &[8, 8]), ints("strides", &[8, 8])],
            ),
            node("GlobalAveragePool", &["maps"], "pooled", vec![]),
            node("Flatten", &["pooled"], "logits", vec![]),
        ],
        initializer: vec![
            tensor("kernel", &[k, 3, 8, 8], kernel),
            tensor("bias", &[k], bias),
        ],
        input: vec![value("photograph", &[1, 3, size, size])],
        output: vec![value("logits", &[1, k]), value("maps", &[1, k, 4, 4])],
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 13,
        }],
        graph: Some(graph),
        ..ModelProto::default()
    }
    .encode_to_vec()
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        name: output.to_owned(),
        op_type: op.to_owned(),
        input: inputs.iter().map(|&i| i.to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..NodeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

fn tensor(name: &str, dims: &[i64], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        float_data: values,
        ..TensorProto::default()
    }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|&d| Dimension {
            value: Some(dimension::Value::DimValue(d)),
            ..Dimension::default()
        })
        .collect();
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: DataType::Float as i32,
                shape: Some(TensorShapeProto { dim }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
