//! A network that says captions as an ONNX file, and the proof that the file says the same.
//!
//! Besides the words the file gives what they were chosen by, and what the decoder hears first with
//! its maps: the device runs the network up to there with its own kernels. The decoder takes the
//! likeliest word each time, as [`Decoder::greedy`] does.

use anyhow::{ensure, Context, Result};
use fovea_core::caption::{START, STEPS};
use fovea_engine::{Captioner, Engine};
use tch::{Kind, Tensor};

use super::graph::{int, Graph, Port};
use super::verify::on_photographs;
use super::{bias_of, float, last_features, mapped, Agreement, PHOTOGRAPH};
use crate::nets::tasks::Decoder;
use crate::nets::Net;

const HEARD: &str = "heard";
const HEARD_MAPS: &str = "heard_maps";
const WORDS: &str = "words";
const SCORES: &str = "scores";

/// An LSTM's gates, in the order in which libtorch has their weights.
const GATES: [&str; 4] = ["input", "forget", "cell", "output"];

/// `net` in evaluation, as the bytes of an ONNX file for photographs of `size` x `size` pixels.
///
/// # Errors
/// `net` says no captions, or `size` is less than 32.
pub fn captioner_to_onnx(net: &Net, size: u32) -> Result<Vec<u8>> {
    let decoder = decoder_of(net)?;
    tch::no_grad(|| {
        let mut graph = Graph::new();
        let last = last_features(&mut graph, net, size)?;
        let names = (HEARD_MAPS, "heard_mean", HEARD);
        mapped(&mut graph, &last, &decoder.features, "features", names);
        for (name, table) in [
            ("of_input", &decoder.of_input),
            ("of_state", &decoder.of_state),
            ("of_neither", &decoder.of_neither),
        ] {
            for (gate, part) in GATES.iter().zip(float(table).chunk(GATES.len() as i64, 0)) {
                graph.tensor(&format!("{name}.{gate}"), &part);
            }
        }
        let (hidden, cell) = cell(&mut graph, HEARD, None, "begun");

        let (rows, units) = (decoder.rows(), decoder.out.ws.size()[1]);
        let start = graph.whole_numbers("start", &[START]);
        let steps = STEPS as i64;
        let ticks = Tensor::zeros([steps], (Kind::Float, tch::Device::Cpu));
        let ticks = graph.tensor("ticks", &ticks);
        let state = ["hidden.last", "cell.last", "word.last"];
        graph.node_of_several(
            "Scan",
            &[&hidden, &cell, &start, &ticks],
            vec![step(decoder, rows, units), int("num_scan_inputs", 1)],
            ("said", &[state[0], state[1], state[2], WORDS, SCORES]),
        );
        let (side, width) = (i64::from(size), decoder.features.ws.size()[0]);
        Ok(graph.finish(
            net.arch().name(),
            Port::floats(PHOTOGRAPH, &[1, 3, side, side]),
            &[
                Port::whole(WORDS, &[steps, 1]),
                Port::floats(SCORES, &[steps, 1, rows]),
                Port::floats(HEARD, &[1, width]),
                Port::floats(HEARD_MAPS, &[1, width, last.side, last.side]),
            ],
        ))
    })
}

fn decoder_of(net: &Net) -> Result<&Decoder> {
    net.tasks().and_then(|tasks| tasks.decoder()).context(
        "the network says no captions: the captioner is a stage of mtl_kd with the task \"words\"",
    )
}

/// What is done for every word: it hears the last one.
fn step(decoder: &Decoder, rows: i64, units: i64) -> tract_onnx::pb::AttributeProto {
    let mut body = Graph::new();
    let table = body.tensor("embedding", &float(&decoder.embedding));
    let heard = body.node("Gather", &[&table, "word"], vec![], "word.heard");
    let (hidden, cell) = cell(&mut body, &heard, Some(("hidden", "cell")), "next");
    let weight = body.tensor("out.weight", &float(&decoder.out.ws));
    let product = vec![int("transB", 1)];
    let bias = body.tensor("out.bias", &bias_of(&decoder.out));
    let raw = body.node("Gemm", &[&hidden, &weight, &bias], product, "word.raw");
    // What is scanned, noughts, says how many steps there are; tract drops it where nothing reads it.
    let scores = body.node("Add", &[&raw, "tick"], vec![], "word.scores");
    let likeliest = vec![int("axis", 1), int("keepdims", 0)];
    let word = body.node("ArgMax", &[&scores], likeliest, "word.next");
    // What is collected has names of its own: tract would else change what goes on, too.
    let said = body.node("Identity", &[&word], vec![], "word.said");
    let chosen_by = body.node("Identity", &[&scores], vec![], "word.chosen_by");
    body.body(
        "body",
        &[
            Port::floats("hidden", &[1, units]),
            Port::floats("cell", &[1, units]),
            Port::whole("word", &[1]),
            Port::floats("tick", &[]),
        ],
        &[
            Port::floats(&hidden, &[1, units]),
            Port::floats(&cell, &[1, units]),
            Port::whole(&word, &[1]),
            Port::whole(&said, &[1]),
            Port::floats(&chosen_by, &[1, rows]),
        ],
    )
}

/// One step of the LSTM: its output and its cell after it heard `input`, from those before (none is
/// nought).
fn cell(
    graph: &mut Graph,
    input: &str,
    before: Option<(&str, &str)>,
    name: &str,
) -> (String, String) {
    let [entry, forget, change, exit] = GATES.map(|gate| {
        let name = format!("{name}.{gate}");
        let (weight, bias) = (format!("of_input.{gate}"), format!("of_neither.{gate}"));
        let product = || vec![int("transB", 1)];
        let mut sum = graph.node(
            "Gemm",
            &[input, &weight, &bias],
            product(),
            &format!("{name}.input"),
        );
        if let Some((hidden, _)) = before {
            let weight = format!("of_state.{gate}");
            let state = format!("{name}.state");
            let state = graph.node("Gemm", &[hidden, &weight], product(), &state);
            sum = graph.node("Add", &[&sum, &state], vec![], &format!("{name}.sum"));
        }
        let bent = if gate == "cell" { "Tanh" } else { "Sigmoid" };
        graph.node(bent, &[&sum], vec![], &name)
    });
    let part = |what: &str| format!("{name}.{what}");
    let mut cell = graph.node("Mul", &[&entry, &change], vec![], &part("entered"));
    if let Some((_, before)) = before {
        let kept = graph.node("Mul", &[&forget, before], vec![], &part("kept"));
        cell = graph.node("Add", &[&kept, &cell], vec![], &part("remembered"));
    }
    let bent = graph.node("Tanh", &[&cell], vec![], &part("bent"));
    let hidden = graph.node("Mul", &[&exit, &bent], vec![], &part("hidden"));
    (hidden, cell)
}

/// Runs the bytes of an ONNX file, made by [`captioner_to_onnx`] for `size` x `size` pixels, on
/// `photographs` as the device does, and looks how much less likely than the likeliest word, in
/// logits, each word is to `net` in evaluation, in float on the CPU. A photograph is as
/// [`super::verify`] takes it.
///
/// # Errors
/// The device cannot run the file, a photograph is of another size, there is none, or a word is less
/// likely than the likeliest by more than `tolerance`.
pub fn verify_captioner(
    onnx: &[u8],
    net: &Net,
    size: u32,
    photographs: &[Vec<f32>],
    tolerance: f32,
) -> Result<Agreement> {
    let rows = usize::try_from(decoder_of(net)?.rows())?;
    let captioner = Captioner::load(onnx, size, (STEPS, rows), Engine::default())
        .context("the device cannot load the exported captioner")?;
    let reference = net.in_float_on_cpu();
    let decoder = decoder_of(&reference)?;
    on_photographs(size, photographs, |i, photograph, image| {
        let said = captioner
            .run(photograph)
            .context("the device cannot run the exported captioner")?;
        let heard: Vec<i64> = [START].into_iter().chain(said.iter().copied()).collect();
        let scores = tch::no_grad(|| {
            let features = reference.forward(image, false).features;
            let heard = Tensor::from_slice(&heard[..STEPS]).unsqueeze(0);
            decoder.followed(&features, &heard).squeeze_dim(0)
        });
        let mut apart = 0f32;
        for (step, &word) in said.iter().enumerate() {
            let scores = scores.get(step as i64);
            let known = usize::try_from(word).is_ok_and(|word| word < rows);
            ensure!(known, "the exported captioner says word {word} of {rows}");
            let less = scores.max().double_value(&[]) - scores.double_value(&[word]);
            // Written so that NaN fails too.
            ensure!(
                less as f32 <= tolerance,
                "the exported captioner differs from the network: its word {step} of photograph {i} is \
                 less likely by {less}, and {tolerance} is the most allowed"
            );
            apart = apart.max(less as f32);
        }
        Ok(apart)
    })
}
