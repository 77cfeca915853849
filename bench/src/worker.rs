//! The worker for the engines of this workspace; worker.py is that for the others and says
//! what they are asked and answer.

use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{bail, ensure, Context, Result};
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
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {}", name(engine))?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("run", count)) => {
                let count: usize = count.parse().context("`run` needs a number")?;
                write!(out, "times")?;
                for _ in 0..count {
                    let start = Instant::now();
                    black_box(student.run(black_box(&input))?);
                    write!(out, " {}", start.elapsed().as_nanos())?;
                }
            }
            None if line == "answer" => {
                write!(out, "answer")?;
                for logit in student.run(&input)?.logits {
                    write!(out, " {logit}")?;
                }
            }
            _ => bail!("{line:?} is no question"),
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

fn engine(name: &str) -> Result<Engine> {
    if name == "tract" {
        return Ok(Engine::Stock);
    }
    Isa::available()
        .into_iter()
        .find(|isa| isa.name() == name)
        .map(Engine::Own)
        .with_context(|| format!("this processor has no {name}"))
}

fn name(engine: Engine) -> String {
    match engine {
        Engine::Own(isa) => format!("Fovea, {}", isa.name()),
        Engine::Stock => "tract".to_owned(),
    }
}
