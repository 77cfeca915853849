//! Networks, each in every engine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use fovea_bench::asked::{in_turn, Asked};
use fovea_bench::machine;
use fovea_bench::times::Times;
use fovea_core::bundle::Bundle;
use fovea_engine::Isa;

use crate::Measure;

/// What bench/python/nets.py wrote: file, name, side, outputs.
const NETS: [(&str, &str); 4] = [
    ("efficientnet_lite0", "EfficientNet-Lite0"),
    ("mobilenet_v2", "MobileNetV2"),
    ("resnet18", "ResNet-18"),
    ("resnet34", "ResNet-34"),
];
const SIDE: u32 = 224;
const OUTPUTS: usize = 27;

/// The engines of worker.py. The last computes in another precision.
const OTHERS: [&str; 2] = ["onnxruntime", "openvino"];
const LOWER_PRECISION: &str = "openvino-bf16";

/// Runs of an engine in one round that are timed, after one that is not: it finds the
/// caches full of another engine's things.
const RUNS: usize = 5;

/// Largest difference between two engines' logits that is rounding, as a share of the largest.
const ROUNDING: f64 = 1e-3;

/// A network in every engine; Fovea's fastest in floats is the first.
pub struct Measured {
    pub network: String,
    pub rows: Vec<Row>,
}

/// One engine.
pub struct Row {
    pub engine: String,
    pub times: Times,
    /// Largest difference of its logits to the first engine's, as a share of the largest.
    pub apart: f64,
}

struct Network {
    name: String,
    onnx: PathBuf,
    side: u32,
    outputs: usize,
}

/// Measures the shipped student and the networks of [`NETS`].
pub fn measure(options: &Measure) -> Result<Vec<Measured>> {
    let mut networks = vec![student()?];
    networks.extend(NETS.map(|(file, name)| Network {
        name: format!("{name}, {SIDE} px"),
        onnx: options.nets.join(format!("{file}.onnx")),
        side: SIDE,
        outputs: OUTPUTS,
    }));
    networks
        .iter()
        .map(|network| one(options, network).with_context(|| network.name.clone()))
        .collect()
}

fn student() -> Result<Network> {
    let folder = Path::new("models/student");
    let bundle = Bundle::open(folder).context("the shipped student cannot be opened")?;
    let side = bundle.manifest.network.input_size;
    Ok(Network {
        name: format!("shipped student, {side} px"),
        onnx: folder.join("student.onnx"),
        side,
        outputs: bundle.taxonomy.finest_count(),
    })
}

fn one(options: &Measure, network: &Network) -> Result<Measured> {
    eprintln!("{}", network.name);
    let input = options.nets.join(format!("input-{}", network.side));
    std::fs::write(&input, photograph(network.side))
        .with_context(|| format!("cannot write {}", input.display()))?;
    let mut asked = Vec::new();
    for mut worker in workers(options, network, &input)? {
        asked.push(Asked::start(&mut worker)?);
    }
    let mut rows = Vec::new();
    let first = asked[0].answer()?;
    let largest = first
        .iter()
        .fold(0.0f64, |most, logit| most.max(logit.abs()));
    for worker in &mut asked {
        let answer = worker.answer()?;
        ensure!(
            answer.len() == first.len(),
            "{} has {} logits",
            worker.name,
            answer.len()
        );
        let apart = answer.iter().zip(&first).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f64::max) / largest;
        ensure!(
            apart <= ROUNDING || worker.name.contains("bfloat16"),
            "the logits of {} are {apart:.1e} apart: it does not compute the same network",
            worker.name
        );
        rows.push(Row {
            engine: worker.name.clone(),
            times: Times::default(),
            apart,
        });
    }
    let times = in_turn(&mut asked, options.rounds, (1, RUNS))?;
    for (row, times) in rows.iter_mut().zip(times) {
        row.times = times;
    }
    Ok(Measured {
        network: network.name.clone(),
        rows,
    })
}

/// The processes, Fovea's fastest kernels for floats first; every one on the same core.
fn workers(options: &Measure, network: &Network, input: &Path) -> Result<Vec<Command>> {
    let pinned = || machine::pinned(options.core);
    let this = std::env::current_exe().context("this program cannot find itself")?;
    let isas = Isa::available().into_iter().map(Isa::name);
    // Any processor has the portable ones, and nobody uses them where there are others.
    let own = isas.filter(|name| *name != "portable" || Isa::best().name() == "portable");
    let own = own.chain(Isa::bfloat16().map(Isa::name));
    let rust = own.chain(["tract"]).map(|engine| {
        let mut worker = pinned();
        worker.arg(&this).args(["worker", engine]);
        worker.arg(&network.onnx).arg(input);
        worker.arg(network.outputs.to_string());
        worker
    });
    let lower = machine::has("avx512_bf16").then_some(LOWER_PRECISION);
    let others = OTHERS.into_iter().chain(lower).map(|engine| {
        let mut worker = pinned();
        worker.arg(&options.python).arg("bench/python/worker.py");
        worker.arg(engine).arg(&network.onnx).arg(input);
        worker
    });
    Ok(rust.chain(others).collect())
}

/// A picture of waves, as little-endian floats in the units of the network's input.
fn photograph(side: u32) -> Vec<u8> {
    let plane = side * side;
    (0..3 * plane)
        .flat_map(|i| (((i % plane) as f32 * 0.37).sin() * 0.9).to_le_bytes())
        .collect()
}
