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
    let finest = &taxonomy.nodes()[..taxonomy.finest_count()];
    let ids: Vec<&str> = finest.iter().map(|node| node.id.as_str()).collect();
    let mut graph = one_layer(&ids, more, ["maps", "pooled", "logits"]);
    let k = ids.len() as i64;
    graph.output = vec![
        value("logits", &[1, k], DataType::Float),
        value("maps", &[1, k, 4, 4], DataType::Float),
    ];
    model(graph)
}

/// What the tiny captioner can say.
#[allow(dead_code, reason = "not every test has one")]
pub const WORDS: [&str; 4] = ["normal", "severe", ",", "npdr"];

/// A captioner of these words as ONNX: of a green-poor retina it says "severe npdr", of an orange
/// one "normal".
#[allow(dead_code, reason = "not every test has one")]
pub fn captioner() -> Vec<u8> {
    use fovea_core::caption::{rows, STEPS};
    let (steps, rows) = (STEPS as i64, rows(WORDS.len()));
    let names = ["heard_maps", "heard_pooled", "heard"];
    let mut graph = one_layer(&["normal", "npdr_severe"], 0.0, names);
    // Scores of each step's words by what is seen: numbers 3 to 6 are the words, 0 ends.
    let mut weights = vec![0.0; (2 * steps * rows) as usize];
    let mut bias = vec![0.0; (steps * rows) as usize];
    let all = bias.len();
    weights[3] = 1.0;
    weights[all + 4] = 1.0;
    weights[rows as usize] = 1.0;
    weights[all + rows as usize + 6] = 1.0;
    for step in 2..steps {
        bias[(step * rows) as usize] = 1.0;
    }
    graph.node.extend([
        node("Gemm", &["heard", "weights", "starts"], "flat", vec![]),
        node("Reshape", &["flat", "shape"], "scores", vec![]),
        node(
            "ArgMax",
            &["scores"],
            "words",
            vec![int("axis", 2), int("keepdims", 0)],
        ),
    ]);
    graph.initializer.extend([
        tensor("weights", &[2, steps * rows], weights),
        tensor("starts", &[steps * rows], bias),
        TensorProto {
            name: "shape".to_owned(),
            dims: vec![3],
            data_type: DataType::Int64 as i32,
            int64_data: vec![steps, 1, rows],
            ..TensorProto::default()
        },
    ]);
    graph.output = vec![
        value("words", &[steps, 1], DataType::Int64),
        value("scores", &[steps, 1, rows], DataType::Float),
        value("heard", &[1, 2], DataType::Float),
        value("heard_maps", &[1, 2, 4, 4], DataType::Float),
    ];
    model(graph)
}

/// One layer with an output for each of `ids`, `more` added to it; its maps, these pooled, and
/// that flat have these names.
fn one_layer(ids: &[&str], more: f32, [maps, pooled, flat]: [&str; 3]) -> GraphProto {
    let (mut kernel, mut bias) = (Vec::new(), Vec::new());
    for id in ids {
        let [r, g, b, at_zero] = weights(id);
        for weight in [r, g, b] {
            kernel.extend([weight / 64.0; 64]);
        }
        bias.push(at_zero + more);
    }
    let k = ids.len() as i64;
    let size = i64::from(SIZE);
    GraphProto {
        name: "tiny".to_owned(),
        node: vec![
            node(
                "Conv",
                &["photograph", "kernel", "bias"],
                maps,
                vec![ints("kernel_shape", &[8, 8]), ints("strides", &[8, 8])],
            ),
            node("GlobalAveragePool", &[maps], pooled, vec![]),
            node("Flatten", &[pooled], flat, vec![]),
        ],
        initializer: vec![
            tensor("kernel", &[k, 3, 8, 8], kernel),
            tensor("bias", &[k], bias),
        ],
        input: vec![value("photograph", &[1, 3, size, size], DataType::Float)],
        ..GraphProto::default()
    }
}

fn model(graph: GraphProto) -> Vec<u8> {
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

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
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

fn value(name: &str, dims: &[i64], kind: DataType) -> ValueInfoProto {
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
                elem_type: kind as i32,
                shape: Some(TensorShapeProto { dim }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
