//! The captioner: says in words what a photograph shows.
//!
//! It is a network like the student's, run by the same kernels, whose outputs are
//! what a decoder hears first (`heard`, 1 x width), and that decoder, which
//! tract runs.

use std::fmt;
use std::sync::Arc;

use tract_onnx::prelude::*;

use crate::student::{expect, select, Engine, Names, Student, StudentError};

const CAPTIONER: Names = Names {
    file: "captioner.onnx",
    logits: "heard",
    maps: "heard_maps",
};
/// The decoder's outputs: a number for each word, and the scores of all that it chose among.
const WORDS: &str = "words";
const SCORES: &str = "scores";

/// A loaded captioner. Like a [`Student`] it can be shared between threads.
#[derive(Clone)]
pub struct Captioner {
    looks: Student,
    says: Arc<TypedSimplePlan>,
}

impl fmt::Debug for Captioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captioner")
            .field("looks", &self.looks)
            .finish_non_exhaustive()
    }
}

impl Captioner {
    /// Loads `onnx` and checks that it takes one `size` x `size` photograph and says at most
    /// `steps` words out of at least `rows` numbers: where readers use fewer words than a decoder
    /// has room for, it has more.
    ///
    /// # Errors
    /// When it is no network that tract can read, or another one than that.
    pub fn load(
        onnx: &[u8],
        size: u32,
        (steps, rows): (usize, usize),
        engine: Engine,
    ) -> Result<Captioner, StudentError> {
        let file = CAPTIONER.file;
        let load = |error: TractError| StudentError::load(file, &error);
        let looks = Student::named(CAPTIONER, onnx, size, None, engine)?;
        let mut model = tract_onnx::onnx()
            .model_for_read(&mut &*onnx)
            .map_err(load)?;
        select(&mut model, file, &[WORDS, SCORES])?;
        model.set_input_names([CAPTIONER.logits]).map_err(load)?;
        let heard = f32::fact([1, looks.outputs()]).into();
        model.set_input_fact(0, heard).map_err(load)?;
        let mut typed = model.into_typed().map_err(load)?;
        expect(
            file,
            &format!("output \"{WORDS}\""),
            typed.output_fact(0),
            i64::datum_type(),
            &format!("{steps},1,I64"),
            |found| found == [steps, 1],
        )?;
        expect(
            file,
            &format!("output \"{SCORES}\""),
            typed.output_fact(1),
            f32::datum_type(),
            &format!("{steps},1,{rows} or more,F32"),
            |found| matches!(found, [s, 1, r] if *s == steps && *r >= rows),
        )?;
        let words = typed.output_outlets().map_err(load)?[..1].to_vec();
        typed.select_output_outlets(&words).map_err(load)?;
        let says = typed
            .into_optimized()
            .and_then(TypedModel::into_runnable)
            .map_err(load)?;
        Ok(Captioner { looks, says })
    }

    /// The numbers of the words for one photograph, as [`Student::run`] takes it, one for each
    /// step of the decoder: also those behind its end.
    ///
    /// # Errors
    /// When the input has another length or tract fails.
    pub fn run(&self, input: &[f32]) -> Result<Vec<i64>, StudentError> {
        let failed = |error: TractError| StudentError::run(&error);
        let heard = self.looks.run(input)?.logits;
        let heard = Tensor::from_shape(&[1, heard.len()], &heard).map_err(failed)?;
        let said = self.says.run(tvec!(heard.into_tvalue())).map_err(failed)?;
        let words = said
            .first()
            .ok_or_else(|| StudentError::Run("an output is missing".to_owned()))?;
        let words = words.to_plain_array_view::<i64>().map_err(failed)?;
        Ok(words.iter().copied().collect())
    }
}
