//! The worker for the engines of this workspace; worker.py is that for the others. The answer is
//! the logits.

use std::hint::black_box;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};
use fovea_bench::asked::{serve, Work};
use fovea_engine::{Engine, Isa, Student};

#[derive(clap::Args)]
pub struct Options {
    /// `tract`, or the kind of processor that Fovea's own kernels are for
    engine: String,
    onnx: PathBuf,
    /// The photograph as little-endian floats, 3 x side x side
    input: PathBuf,
    /// How many logits the network has
    outputs: usize,
}

/// Answers until standard input ends.
pub fn run(options: &Options) -> Result<()> {
    let onnx = std::fs::read(&options.onnx)
        .with_context(|| format!("cannot read {}", options.onnx.display()))?;
    let input = std::fs::read(&options.input)
        .with_context(|| format!("cannot read {}", options.input.display()))?;
    let (floats, rest) = input.as_chunks::<4>();
    ensure!(rest.is_empty(), "the photograph is cut off");
    let input: Vec<f32> = floats
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let side = (input.len() / 3).isqrt() as u32;
    let engine = engine(&options.engine)?;
    let student = Student::load_with(&onnx, side, options.outputs, engine)?;
    ensure!(
        student.engine() == engine,
        "there are no own kernels for {}",
        options.onnx.display()
    );
    serve(&name(engine), &mut Network { student, input })
}

struct Network {
    student: Student,
    input: Vec<f32>,
}

impl Work for Network {
    fn run(&mut self) -> Result<()> {
        black_box(self.student.run(black_box(&self.input))?);
        Ok(())
    }

    fn answer(&mut self) -> Result<Vec<f64>> {
        let logits = self.student.run(&self.input)?.logits;
        Ok(logits.into_iter().map(f64::from).collect())
    }
}

fn engine(name: &str) -> Result<Engine> {
    if name == "tract" {
        return Ok(Engine::Stock);
    }
    Isa::available()
        .into_iter()
        .chain(Isa::bfloat16())
        .find(|isa| isa.name() == name)
        .map(Engine::Own)
        .with_context(|| format!("this processor has no {name}"))
}

fn name(engine: Engine) -> String {
    match engine {
        Engine::Own(isa) if Isa::bfloat16() == Some(isa) => "Fovea, bfloat16".to_owned(),
        Engine::Own(isa) => format!("Fovea, {}", isa.name()),
        Engine::Stock => "tract".to_owned(),
    }
}
