//! The student network, run by tract on one core.

use std::sync::Arc;

use thiserror::Error;
use tract_onnx::prelude::*;

/// Names of the tensors that every student has.
const INPUT: &str = "photograph";
const LOGITS: &str = "logits";
const MAPS: &str = "maps";

/// Why a student cannot be opened or gave no answer.
#[derive(Debug, Error)]
pub enum StudentError {
    #[error(
        "student.onnx cannot be loaded ({0}): export the bundle again with `fovea-train export`"
    )]
    Load(String),
    #[error(
        "student.onnx has no {kind} named \"{name}\": export the bundle again with `fovea-train export`"
    )]
    Missing {
        kind: &'static str,
        name: &'static str,
    },
    #[error("student.onnx {what} has the shape {found}, but the manifest says {expected}: the bundle's parts do not belong together")]
    Shape {
        what: &'static str,
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
    pub height: usize,
    pub width: usize,
}

impl Answer {
    /// The activation map of output `k`, or nothing where there is no such
    /// output.
    pub fn map(&self, k: usize) -> Option<&[f32]> {
        let area = self.height * self.width;
        self.maps.get(k * area..(k + 1) * area)
    }
}

/// A loaded and optimised student. It can be shared between threads; each call
/// of [`Student::run`] uses only the thread it is called on.
#[derive(Clone, Debug)]
pub struct Student {
    plan: Arc<TypedSimplePlan>,
    size: usize,
    outputs: usize,
    map: (usize, usize),
}

impl Student {
    /// Loads `onnx`, checks that it takes one `size` x `size` photograph and
    /// gives `outputs` logits with their maps, and optimises it.
    ///
    /// # Errors
    /// When it is no network that tract can run, or another one than that.
    pub fn load(onnx: &[u8], size: u32, outputs: usize) -> Result<Student, StudentError> {
        let size = size as usize;
        let load = |error: TractError| StudentError::Load(one_line(&error));
        let mut model = tract_onnx::onnx()
            .model_for_read(&mut &*onnx)
            .map_err(load)?;

        let inputs = model.input_outlets().map_err(load)?.to_vec();
        let [input] = inputs[..] else {
            return Err(StudentError::Load(format!(
                "it takes {} inputs instead of one",
                inputs.len()
            )));
        };
        if model.node(input.node).name != INPUT {
            return Err(StudentError::Missing {
                kind: "input",
                name: INPUT,
            });
        }
        let named = model.output_outlets().map_err(load)?.to_vec();
        let mut wanted = Vec::new();
        for name in [LOGITS, MAPS] {
            let outlet = named
                .iter()
                .find(|&&outlet| {
                    model.outlet_label(outlet) == Some(name) || model.node(outlet.node).name == name
                })
                .ok_or(StudentError::Missing {
                    kind: "output",
                    name,
                })?;
            wanted.push(*outlet);
        }
        model.select_output_outlets(&wanted).map_err(load)?;

        let typed = model.into_typed().map_err(load)?;
        let shape = |fact: &TypedFact| fact.shape.as_concrete().map(<[usize]>::to_vec);
        let expect = |what,
                      fact: TractResult<&TypedFact>,
                      expected: &str,
                      fits: &dyn Fn(&[usize]) -> bool| {
            let fact = fact.map_err(load)?;
            match shape(fact) {
                Some(found) if fact.datum_type == f32::datum_type() && fits(&found) => Ok(found),
                _ => Err(StudentError::Shape {
                    what,
                    found: format!("{fact:?}"),
                    expected: expected.to_owned(),
                }),
            }
        };
        expect(
            "input \"photograph\"",
            typed.input_fact(0),
            &format!("1,3,{size},{size},F32"),
            &|found| found == [1, 3, size, size],
        )?;
        expect(
            "output \"logits\"",
            typed.output_fact(0),
            &format!("1,{outputs},F32"),
            &|found| found == [1, outputs],
        )?;
        let map = expect(
            "output \"maps\"",
            typed.output_fact(1),
            &format!("1,{outputs},height,width,F32"),
            &|found| matches!(found, [1, k, height, width] if *k == outputs && height * width > 0),
        )?;

        let plan = typed
            .into_optimized()
            .and_then(TypedModel::into_runnable)
            .map_err(load)?;
        Ok(Student {
            plan,
            size,
            outputs,
            map: (map[2], map[3]),
        })
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
        let run = |error: TractError| StudentError::Run(one_line(&error));
        let tensor = Tensor::from_shape(&[1, 3, self.size, self.size], input).map_err(run)?;
        let outputs = self.plan.run(tvec!(tensor.into_tvalue())).map_err(run)?;
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

/// tract's chain of causes in one line.
fn one_line(error: &TractError) -> String {
    format!("{error:#}")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
