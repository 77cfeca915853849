//! The student: its file, what it is asked and what it answers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tract_onnx::prelude::*;

use crate::graph;
use crate::kernel::Isa;
use crate::plan::Plan;
use crate::run::{self, Arena};

/// Name of every network's input.
const INPUT: &str = "photograph";

/// What a network's file is called, and in it the outputs that own kernels give.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) file: &'static str,
    /// One number per output, the mean of its map.
    pub(crate) logits: &'static str,
    pub(crate) maps: &'static str,
}

const STUDENT: Names = Names {
    file: "student.onnx",
    logits: "logits",
    maps: "maps",
};

/// Why a student cannot be opened or gave no answer.
#[derive(Debug, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum StudentError {
    #[error("{file} cannot be loaded ({why}): export the bundle again with `fovea-train export`")]
    Load { file: &'static str, why: String },
    #[error(
        "{file} has no {kind} named \"{name}\": export the bundle again with `fovea-train export`"
    )]
    Missing {
        file: &'static str,
        kind: &'static str,
        name: &'static str,
    },
    #[error("{file} {what} has the shape {found}, but the manifest says {expected}: the bundle's parts do not belong together")]
    Shape {
        file: &'static str,
        what: String,
        found: String,
        expected: String,
    },
    #[error("the network was given {found} values instead of {expected}")]
    Input { found: usize, expected: usize },
    #[error("the student failed on this photograph ({0})")]
    Run(String),
}

/// The network's answer for one photograph.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One logit per output, in the manifest's order.
    pub logits: Vec<f32>,
    /// Class activation: for each output `height` x `width` values, row by
    /// row, whose mean is the output's logit.
    pub maps: Vec<f32>,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
}

impl Answer {
    /// The activation map of output `k`, `height` x `width` values row by row;
    /// `None` where there is no such output.
    pub fn map(&self, k: usize) -> Option<&[f32]> {
        let area = self.height * self.width;
        self.maps.get(k * area..(k + 1) * area)
    }
}

/// What runs a student.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Own kernels, for this kind of processor.
    Own(Isa),
    /// tract, as it comes.
    Stock,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::Own(Isa::best())
    }
}

/// A loaded student. It can be shared between threads, as can its clones, which
/// are the same student; each call of [`Student::run`] uses only the thread it
/// is called on.
#[derive(Clone)]
pub struct Student {
    network: Arc<Network>,
    engine: Engine,
    size: usize,
    outputs: usize,
    map: (usize, usize),
}

/// How long a layer took.
#[derive(Clone, Debug)]
pub struct LayerTime {
    /// Its place in the network.
    pub layer: usize,
    /// What kind of layer it is.
    pub name: String,
    /// Multiplications (each with an addition) that it consists of.
    pub multiplications: usize,
    /// Wall-clock time over one run of the network.
    pub time: Duration,
}

/// A network in the form in which its engine runs it.
enum Network {
    Own {
        plan: Plan,
        /// The memory of runs that are over: as many as there ever were at the
        /// same time.
        idle: Mutex<Vec<Arena>>,
    },
    Stock(Arc<TypedSimplePlan>),
}

impl fmt::Debug for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Student")
            .field("engine", &self.engine)
            .field("size", &self.size)
            .field("outputs", &self.outputs)
            .field("map", &self.map)
            .finish_non_exhaustive()
    }
}

impl Student {
    /// Loads `onnx`, checks that it takes one `size` x `size` photograph and
    /// gives `outputs` logits with their maps, and makes it ready for the engine
    /// that is fastest here.
    ///
    /// # Errors
    /// When it is no network that tract can read, or another one than that.
    pub fn load(onnx: &[u8], size: u32, outputs: usize) -> Result<Student, StudentError> {
        Student::load_with(onnx, size, outputs, Engine::default())
    }

    /// The same, for `engine`. Own kernels know the layers of the networks that
    /// the trainer exports; a network with any other is run by tract, as
    /// [`Student::engine`] then says.
    ///
    /// # Errors
    /// As for [`Student::load`].
    pub fn load_with(
        onnx: &[u8],
        size: u32,
        outputs: usize,
        engine: Engine,
    ) -> Result<Student, StudentError> {
        Student::named(STUDENT, onnx, size, Some(outputs), engine)
    }

    /// The same for a network whose file and outputs have other `names`; of any number of
    /// outputs where `outputs` is none.
    pub(crate) fn named(
        names: Names,
        onnx: &[u8],
        size: u32,
        outputs: Option<usize>,
        engine: Engine,
    ) -> Result<Student, StudentError> {
        let Names { file, logits, maps } = names;
        let size = size as usize;
        let load = |error: TractError| StudentError::load(file, &error);
        let mut model = tract_onnx::onnx()
            .model_for_read(&mut &*onnx)
            .map_err(load)?;

        let inputs = model.input_outlets().map_err(load)?.to_vec();
        let [input] = inputs[..] else {
            return Err(StudentError::Load {
                file,
                why: format!("it takes {} inputs instead of one", inputs.len()),
            });
        };
        if model.node(input.node).name != INPUT {
            return Err(StudentError::Missing {
                file,
                kind: "input",
                name: INPUT,
            });
        }
        select(&mut model, file, &[logits, maps])?;

        let typed = model.into_typed().map_err(load)?;
        let count = outputs.map_or("any".to_owned(), |outputs| outputs.to_string());
        expect(
            file,
            &format!("input \"{INPUT}\""),
            typed.input_fact(0),
            f32::datum_type(),
            &format!("1,3,{size},{size},F32"),
            |found| found == [1, 3, size, size],
        )?;
        let found = expect(
            file,
            &format!("output \"{logits}\""),
            typed.output_fact(0),
            f32::datum_type(),
            &format!("1,{count},F32"),
            |found| matches!(found, [1, k] if outputs.is_none_or(|outputs| *k == outputs)),
        )?;
        let outputs = found[1];
        let map = expect(
            file,
            &format!("output \"{maps}\""),
            typed.output_fact(1),
            f32::datum_type(),
            &format!("1,{outputs},height,width,F32"),
            |found| matches!(found, [1, k, height, width] if *k == outputs && height * width > 0),
        )?;

        let own = match engine {
            Engine::Own(isa) => graph::read(&typed).and_then(|net| Plan::new(net, isa)),
            Engine::Stock => None,
        };
        let (network, engine) = match own {
            Some(plan) => {
                let idle = Mutex::default();
                (Network::Own { plan, idle }, engine)
            }
            None => {
                let plan = typed
                    .into_optimized()
                    .and_then(TypedModel::into_runnable)
                    .map_err(load)?;
                (Network::Stock(plan), Engine::Stock)
            }
        };
        Ok(Student {
            network: Arc::new(network),
            engine,
            size,
            outputs,
            map: (map[2], map[3]),
        })
    }

    /// What runs it.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// How many logits it gives.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Side of the square input in pixels.
    pub fn size(&self) -> u32 {
        self.size as u32
    }

    /// Runs the network on one photograph: `input` is 3 x size x size values,
    /// channel by channel, in the units of `fovea_core::prepare::to_tensor`.
    ///
    /// # Errors
    /// When the input has another length or tract fails. That the answer is
    /// finite is for the decision to check.
    pub fn run(&self, input: &[f32]) -> Result<Answer, StudentError> {
        let expected = 3 * self.size * self.size;
        if input.len() != expected {
            return Err(StudentError::Input {
                found: input.len(),
                expected,
            });
        }
        match &*self.network {
            Network::Own { plan, idle } => Ok(self.run_own(plan, idle, input, |_| ())),
            Network::Stock(plan) => self.run_stock(plan, input),
        }
    }

    /// Runs it as [`Student::run`] does and says how long each layer took, in the
    /// order of the network; nothing where tract runs it. For benchmarks.
    ///
    /// # Panics
    /// Where own kernels run it and `input` has another length than
    /// 3 x size x size.
    pub fn timed(&self, input: &[f32]) -> Vec<LayerTime> {
        let Network::Own { plan, idle } = &*self.network else {
            return Vec::new();
        };
        let stages = plan.chains.iter().flat_map(|chain| &chain.stages);
        let mut times: Vec<LayerTime> = stages
            .map(|stage| LayerTime {
                layer: stage.index,
                name: stage.name(),
                multiplications: stage.multiplications(),
                time: Duration::ZERO,
            })
            .collect();
        times.sort_by_key(|time| time.layer);
        let mut last = Instant::now();
        self.run_own(plan, idle, input, |layer| {
            let now = Instant::now();
            times[layer].time += now - last;
            last = now;
        });
        times
    }

    /// Runs own kernels. Memory is asked for only where more runs go on at the
    /// same time than ever before, and for the answer.
    fn run_own(
        &self,
        plan: &Plan,
        idle: &Mutex<Vec<Arena>>,
        input: &[f32],
        made: impl FnMut(usize),
    ) -> Answer {
        let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = lock().pop();
        let mut arena = taken.unwrap_or_else(|| Arena::new(plan));
        let (height, width) = self.map;
        let area = height * width;
        let mut maps = vec![0.0; self.outputs * area];
        run::run(plan, &mut arena, input, &mut maps, made);
        lock().push(arena);
        let mean = |map: &[f32]| map.iter().sum::<f32>() / area as f32;
        Answer {
            logits: maps.chunks_exact(area).map(mean).collect(),
            maps,
            height,
            width,
        }
    }

    fn run_stock(
        &self,
        plan: &Arc<TypedSimplePlan>,
        input: &[f32],
    ) -> Result<Answer, StudentError> {
        let run = |error: TractError| StudentError::run(&error);
        let tensor = Tensor::from_shape(&[1, 3, self.size, self.size], input).map_err(run)?;
        let outputs = plan.run(tvec!(tensor.into_tvalue())).map_err(run)?;
        let values = |k: usize, len: usize| -> Result<Vec<f32>, StudentError> {
            let tensor = outputs
                .get(k)
                .ok_or_else(|| StudentError::Run("an output is missing".to_owned()))?;
            let view = tensor.to_plain_array_view::<f32>().map_err(run)?;
            let values: Vec<f32> = view.iter().copied().collect();
            if values.len() != len {
                return Err(StudentError::Run(format!(
                    "an output has {} values instead of {len}",
                    values.len()
                )));
            }
            Ok(values)
        };
        let (height, width) = self.map;
        Ok(Answer {
            logits: values(0, self.outputs)?,
            maps: values(1, self.outputs * height * width)?,
            height,
            width,
        })
    }
}

impl StudentError {
    pub(crate) fn load(file: &'static str, error: &TractError) -> StudentError {
        let why = one_line(error);
        StudentError::Load { file, why }
    }

    pub(crate) fn run(error: &TractError) -> StudentError {
        StudentError::Run(one_line(error))
    }
}

/// Makes the outputs of these names `model`'s outputs, in this order.
pub(crate) fn select(
    model: &mut InferenceModel,
    file: &'static str,
    names: &[&'static str],
) -> Result<(), StudentError> {
    let load = |error: TractError| StudentError::load(file, &error);
    let named = model.output_outlets().map_err(load)?.to_vec();
    let mut wanted = Vec::new();
    for &name in names {
        let outlet = named
            .iter()
            .find(|&&outlet| {
                model.outlet_label(outlet) == Some(name) || model.node(outlet.node).name == name
            })
            .ok_or(StudentError::Missing {
                file,
                kind: "output",
                name,
            })?;
        wanted.push(*outlet);
    }
    model.select_output_outlets(&wanted).map_err(load)
}

/// The shape of a tensor of numbers of type `kind`, where it `fits`.
pub(crate) fn expect(
    file: &'static str,
    what: &str,
    fact: TractResult<&TypedFact>,
    kind: DatumType,
    expected: &str,
    fits: impl Fn(&[usize]) -> bool,
) -> Result<Vec<usize>, StudentError> {
    let fact = fact.map_err(|error| StudentError::load(file, &error))?;
    match fact.shape.as_concrete().map(<[usize]>::to_vec) {
        Some(found) if fact.datum_type == kind && fits(&found) => Ok(found),
        _ => Err(StudentError::Shape {
            file,
            what: what.to_owned(),
            found: format!("{fact:?}"),
            expected: expected.to_owned(),
        }),
    }
}

/// tract's chain of causes in one line.
fn one_line(error: &TractError) -> String {
    format!("{error:#}")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
