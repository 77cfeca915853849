//! One photograph from file to record.
//!
//! The [`gate`] decides whether it can be judged, the student of the bundle
//! ([`embedded`], or a folder's) answers, and what was decided is a [`record`].
//! [`quick`] says where cheaper arithmetic is good enough for that.
//! [`photographs`] lists those that paths lead to, [`batch`] grades many at a
//! time; [`report`] and [`picture`] show records, [`verdict`] has the words and
//! signs of a decision.

pub mod batch;
pub mod embedded;
pub mod gate;
pub mod photographs;
pub mod picture;
pub mod quick;
pub mod record;
pub mod report;
pub mod verdict;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fovea_core::bundle::Bundle;
use fovea_core::calibration::Calibration;
use fovea_core::caption::{self, Vocabulary};
use fovea_core::decision::{self, Reason};
use fovea_core::gate::{GateReason, GateVerdict};
use fovea_core::photograph::{self, ReadError};
use fovea_core::prepare::{self, Prepared};
use fovea_core::taxonomy::Taxonomy;
use fovea_engine::{Answer, Captioner, Engine, Isa, Student, StudentError};
use image::RgbImage;
use thiserror::Error;

use record::{Elapsed, Model, Record, Referral};
use report::names;

/// Photographs of more pixels wait for one another, so that a batch of them on
/// many cores asks for the memory of one. No fundus camera takes larger ones.
const LARGE: u64 = 30_000_000;
static TURN: Mutex<()> = Mutex::new(());

/// Why a bundle that opened cannot grade.
#[derive(Debug, Error)]
#[error("bundle \"{bundle}\": {reason}")]
pub struct GraderError {
    bundle: String,
    reason: StudentError,
}

impl GraderError {
    fn of(bundle: &Bundle, reason: StudentError) -> GraderError {
        let bundle = bundle.manifest.name.clone();
        GraderError { bundle, reason }
    }
}

/// The student of `bundle`, run by `engine`.
fn load(bundle: &Bundle, engine: Engine) -> Result<Student, GraderError> {
    Student::load_with(
        &bundle.onnx,
        bundle.manifest.network.input_size,
        bundle.taxonomy.finest_count(),
        engine,
    )
    .map_err(|reason| GraderError::of(bundle, reason))
}

/// What says in words what a photograph shows.
#[derive(Clone, Debug)]
struct Words {
    captioner: Captioner,
    vocabulary: Vocabulary,
}

impl Words {
    /// The captioner of `bundle`, run by `engine`; none where it has none.
    fn load(bundle: &Bundle, engine: Engine) -> Result<Option<Words>, GraderError> {
        let (Some(onnx), Some(captioner)) = (&bundle.captioner, &bundle.manifest.captioner) else {
            return Ok(None);
        };
        let vocabulary = captioner.words.clone();
        let says = (
            caption::STEPS,
            caption::rows(vocabulary.len()).unsigned_abs() as usize,
        );
        let size = bundle.manifest.network.input_size;
        let captioner = Captioner::load(onnx, size, says, engine)
            .map_err(|reason| GraderError::of(bundle, reason))?;
        Ok(Some(Words {
            captioner,
            vocabulary,
        }))
    }

    /// A line for what the network sees in `input`; none where it says nothing or fails: a verdict
    /// does not hang on it.
    fn say(&self, input: &[f32]) -> Option<String> {
        match self.captioner.run(input) {
            Ok(numbers) => self.vocabulary.line(&numbers),
            Err(error) => {
                tracing::warn!(%error, "no words for this photograph");
                None
            }
        }
    }
}

/// Grades photographs with one bundle. Shared between threads.
#[derive(Clone, Debug)]
pub struct Grader {
    taxonomy: Taxonomy,
    calibration: Calibration,
    model: Model,
    student: Student,
    /// The same in bfloat16, where the processor multiplies that faster.
    quick: Option<Student>,
    words: Option<Words>,
}

/// A record, with what it was made from where there was something to see.
#[derive(Clone, Debug)]
pub struct Graded {
    /// The result, also where the photograph could not be graded.
    pub record: Record,
    /// `None` where the photograph could not be read or the student failed.
    pub seen: Option<Seen>,
}

/// What the device and its student saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Upright pixels; of a large JPEG file, the means of squares of them.
    pub photograph: RgbImage,
    /// The square that the student was given.
    pub prepared: Prepared,
    /// The student's logits and class activation maps.
    pub answer: Answer,
}

impl Grader {
    /// Loads the student of `bundle`, to be run in the fastest way that gives the verdicts of
    /// 32-bit floats.
    ///
    /// # Errors
    /// When its network is not what its manifest says.
    pub fn new(bundle: Bundle) -> Result<Grader, GraderError> {
        let engine = Isa::bfloat16().map(Engine::Own);
        let quick = engine.map(|engine| load(&bundle, engine)).transpose()?;
        // Without a kernel for some layer tract would run it, in floats.
        let quick = quick.filter(|student| Some(student.engine()) == engine);
        Ok(Grader {
            quick,
            ..Grader::with_engine(bundle, Engine::default())?
        })
    }

    /// The same, with the student run by `engine` and no other.
    ///
    /// # Errors
    /// As for [`Grader::new`].
    pub fn with_engine(bundle: Bundle, engine: Engine) -> Result<Grader, GraderError> {
        let student = load(&bundle, engine)?;
        let words = Words::load(&bundle, engine)?;
        Ok(Grader {
            model: Model {
                bundle: bundle.manifest.name,
                sha256: bundle.sha256,
            },
            taxonomy: bundle.taxonomy,
            calibration: bundle.calibration,
            student,
            quick: None,
            words,
        })
    }

    /// The labels that records speak of.
    pub fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// The operating points.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Grades the file at `path` and hands the answer to `then`. Whatever lies
    /// there, the answer is a record. Photographs of many pixels take turns, and
    /// the next one's begins when `then` is through with this one's pixels.
    pub fn grade_file<T>(&self, path: &Path, then: impl FnOnce(Graded) -> T) -> T {
        let image = names::of(path);
        let (loaded, loading) = timed(|| photograph::load(path));
        // A poisoned turn is a turn.
        let _turn = loaded
            .as_ref()
            .ok()
            .and_then(|bytes| photograph::pixels(bytes))
            .filter(|&pixels| pixels > LARGE)
            .map(|_| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        let size = self.student.size();
        let (opened, opening) = timed(|| loaded.and_then(|bytes| prepare::open(&bytes, size)));
        let mut graded = match opened {
            Ok(opened) => {
                let elapsed_ms = Elapsed {
                    read: round(loading + milliseconds(opened.decoding)),
                    prepare: round(milliseconds(opened.preparing)),
                    ..Elapsed::default()
                };
                self.grade_prepared(&image, opened.photograph, opened.prepared, elapsed_ms)
            }
            Err(error) => self.unreadable(&image, &error, round(loading + opening)),
        };
        graded.record.image_bytes = names::bytes_of(path);
        then(graded)
    }

    /// The record of a photograph on which the program itself failed.
    pub fn gave_up(&self, path: &Path) -> Graded {
        let why = "the program failed on this photograph; report it with the photograph";
        let mut graded = self.student_failed(&names::of(path), why, Elapsed::default());
        graded.record.image_bytes = names::bytes_of(path);
        graded
    }

    /// Grades a photograph in memory, named `image` in its record, that took
    /// `read_ms` milliseconds to get.
    pub fn grade(&self, image: &str, photograph: RgbImage, read_ms: f64) -> Graded {
        let (prepared, spent) = timed(|| prepare::prepare(&photograph, self.student.size()));
        let elapsed_ms = Elapsed {
            read: read_ms,
            prepare: spent,
            ..Elapsed::default()
        };
        self.grade_prepared(image, photograph, prepared, elapsed_ms)
    }

    /// The same from the prepared photograph on.
    fn grade_prepared(
        &self,
        image: &str,
        photograph: RgbImage,
        prepared: Prepared,
        mut elapsed_ms: Elapsed,
    ) -> Graded {
        let (taxonomy, calibration) = (&self.taxonomy, &self.calibration);
        let (first, spent) = timed(|| gate::by_pixels(&photograph, &prepared, calibration));
        elapsed_ms.gate = spent;
        // The student is asked whatever the first step says: its score is
        // reported also for a photograph that is refused.
        let input = prepare::to_tensor(&prepared.rgb);
        let (answer, spent) = timed(|| self.ask(&input, &first));
        elapsed_ms.infer = spent;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.student_failed(image, &error.to_string(), elapsed_ms),
        };
        let (verdict, spent) = timed(|| decision::decide(taxonomy, calibration, &answer.logits));
        elapsed_ms.decide = spent;
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => return self.student_failed(image, &error.to_string(), elapsed_ms),
        };
        let (gate, spent) =
            timed(|| gate::by_student(first, taxonomy, calibration, &verdict.findings));
        elapsed_ms.gate = round(elapsed_ms.gate + spent);

        // Only of what can be seen into is there anything to say.
        let words = self.words.as_ref().filter(|_| gate.accepted);
        let (words, spent) = timed(|| words.and_then(|words| words.say(&input)));
        elapsed_ms.words = words.as_ref().map_or(0.0, |_| spent);
        let verdict = if gate.accepted {
            verdict
        } else {
            decision::retake(verdict, gate.reason)
        };
        Graded {
            record: Record {
                image: image.to_owned(),
                image_bytes: None,
                gate,
                referral: Referral {
                    decision: verdict.referral,
                    score: Some(verdict.score),
                    reasons: verdict.reasons,
                },
                findings: verdict.findings,
                referable_dr: verdict.referable_dr,
                words,
                model: self.model.clone(),
                elapsed_ms,
                committed: verdict.committed,
            },
            seen: Some(Seen {
                photograph,
                prepared,
                answer,
            }),
        }
    }

    /// The student's answer: the quick one where it is sure.
    fn ask(&self, input: &[f32], first: &GateVerdict) -> Result<Answer, StudentError> {
        if let Some(quick) = &self.quick {
            let answer = quick.run(input)?;
            if quick::is_sure(&self.taxonomy, &self.calibration, first, &answer.logits) {
                return Ok(answer);
            }
        }
        self.student.run(input)
    }

    fn unreadable(&self, image: &str, error: &ReadError, read_ms: f64) -> Graded {
        let elapsed_ms = Elapsed {
            read: read_ms,
            ..Elapsed::default()
        };
        let reasons = vec![Reason::File {
            fault: error.fault(),
            detail: error.to_string(),
        }];
        self.without_verdict(image, GateReason::Unreadable, reasons, elapsed_ms)
    }

    /// The record where the student gave no answer that can be used: the
    /// photograph is not to blame, and no score may stand for it.
    fn student_failed(&self, image: &str, why: &str, elapsed_ms: Elapsed) -> Graded {
        let gate = GateReason::StudentFailed;
        let detail = why.to_owned();
        let reasons = vec![Reason::Gate { gate }, Reason::Student { detail }];
        self.without_verdict(image, gate, reasons, elapsed_ms)
    }

    /// The record of what could not be graded.
    fn without_verdict(
        &self,
        image: &str,
        reason: GateReason,
        reasons: Vec<Reason>,
        elapsed_ms: Elapsed,
    ) -> Graded {
        Graded {
            record: Record {
                image: image.to_owned(),
                image_bytes: None,
                gate: gate::without_scores(reason),
                referral: Referral {
                    decision: decision::ReferralDecision::Retake,
                    score: None,
                    reasons,
                },
                findings: Vec::new(),
                referable_dr: None,
                words: None,
                model: self.model.clone(),
                elapsed_ms,
                committed: Vec::new(),
            },
            seen: None,
        }
    }
}

/// Runs `work` and says how many milliseconds it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, round(milliseconds(start.elapsed())))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// To the microsecond: more digits would only look exact.
fn round(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
