//! The thread that grades: it owns the student, so that the interface never
//! waits for inference.

use std::io;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use embedded_graphics::prelude::Size;
use fovea_core::bundle::Bundle;
use fovea_core::calibration::Calibration;
use fovea_core::gate::GateReason;
use fovea_core::prepare;
use fovea_core::taxonomy::Taxonomy;
use image::RgbImage;

use super::pulse::Pulse;
use crate::exam::{ShotId, ShotVerdict};
use crate::grade::picture::attention;
use crate::grade::record::Record;
use crate::grade::report::reasons;
use crate::grade::Grader;
use crate::health::check::Found;
use crate::live::laterality;

/// A photograph to be graded.
pub(super) struct Job {
    pub shot: ShotId,
    pub photograph: Arc<RgbImage>,
    /// How long it took from the shutter until its pixels were there, in
    /// milliseconds.
    pub read_ms: f64,
    /// Size in which views show it.
    pub shown: Size,
}

enum Request {
    Grade(Job),
    /// For the self-test: grade this and answer there.
    Try(RgbImage, Sender<Result<Record, Found>>),
}

/// What the thread has to say.
pub(super) enum Answer {
    /// The student is loaded; or it never will be, and why.
    Loaded(Result<Arc<Model>, Found>),
    /// The photograph as views show it; its verdict follows.
    Prepared(ShotId, RgbImage),
    Graded(Box<GradedShot>),
    /// There is no verdict and none will come; it was said why.
    Failed(ShotId),
}

/// The model as the views and the records name it.
#[derive(Debug)]
pub(super) struct Model {
    pub taxonomy: Taxonomy,
    pub calibration: Calibration,
}

/// What came of a photograph.
pub(super) struct GradedShot {
    pub shot: ShotId,
    pub verdict: ShotVerdict,
    /// The photograph as views show it with the evidence for its gravest
    /// finding over it, and that finding's index in the taxonomy.
    pub evidence: Option<(RgbImage, usize)>,
}

/// The grading thread. It ends when this is dropped, after the photograph it
/// is busy with.
pub(super) struct Grading {
    requests: Sender<Request>,
    answers: Receiver<Answer>,
    pulse: Pulse,
    thread: thread::JoinHandle<()>,
}

/// Grades for the self-test, from another thread.
#[derive(Clone)]
pub(super) struct Trial {
    requests: Sender<Request>,
}

impl Grading {
    /// Starts the thread, which loads the student of `bundle` first.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(bundle: Bundle) -> io::Result<Grading> {
        let (requests, asked) = channel();
        let (answering, answers) = channel();
        let pulse = Pulse::new();
        let thread = thread::Builder::new().name("grade".to_owned()).spawn({
            let pulse = pulse.clone();
            move || work(bundle, &asked, &answering, &pulse)
        })?;
        Ok(Grading {
            requests,
            answers,
            pulse,
            thread,
        })
    }

    /// Asks for a photograph to be graded.
    pub fn grade(&self, job: Job) {
        if self.requests.send(Request::Grade(job)).is_err() {
            tracing::error!("the grading thread has ended");
        }
    }

    /// The next answer, if one has come.
    pub fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }

    /// How long the thread has been busy with one photograph; none where it has
    /// ended.
    pub fn busy(&self) -> Option<Duration> {
        (!self.thread.is_finished()).then(|| self.pulse.busy())
    }

    pub fn trial(&self) -> Trial {
        Trial {
            requests: self.requests.clone(),
        }
    }
}

impl Trial {
    /// Grades `photograph` when its turn comes.
    pub fn grade(&self, photograph: RgbImage) -> Result<Record, Found> {
        let (answering, answer) = channel();
        self.requests
            .send(Request::Try(photograph, answering))
            .map_err(|_| Found::StudentGone)?;
        answer.recv().map_err(|_| Found::StudentGone)?
    }
}

fn work(bundle: Bundle, asked: &Receiver<Request>, answers: &Sender<Answer>, pulse: &Pulse) {
    let loaded = pulse
        .job(|| {
            Grader::new(bundle).map_err(|error| Found::NoStudent {
                detail: error.to_string(),
            })
        })
        .unwrap_or_else(|detail| Err(Found::StudentBrokeDown { detail }));
    let model = loaded.as_ref().map(|grader| Arc::new(Model::of(grader)));
    if answers
        .send(Answer::Loaded(model.map_err(Clone::clone)))
        .is_err()
    {
        return;
    }
    for request in asked {
        match (request, &loaded) {
            (Request::Grade(job), Ok(grader)) => {
                let shot = job.shot;
                let answered = pulse
                    .job(|| {
                        let picture = prepare::prepare(&job.photograph, job.shown.width).rgb;
                        let shown = answers.send(Answer::Prepared(shot, picture));
                        shown.is_ok() && answer_with_verdict(grader, job, answers)
                    })
                    .unwrap_or_else(|panic| failed(shot, &panic, answers));
                if !answered {
                    return;
                }
            }
            // No exam begins without a student; a verdict would be made up.
            (Request::Grade(job), Err(why)) => {
                if !failed(job.shot, &why.to_string(), answers) {
                    return;
                }
            }
            (Request::Try(photograph, answer), grader) => {
                let tried = match grader {
                    Ok(grader) => pulse
                        .job(|| grader.grade("self-test", photograph, 0.0).record)
                        .map_err(|detail| Found::StudentBrokeDown { detail }),
                    Err(why) => Err(why.clone()),
                };
                // The self-test may have given up.
                let _ = answer.send(tried);
            }
        }
    }
}

/// Grades, and says whether anybody still listens.
fn answer_with_verdict(grader: &Grader, job: Job, answers: &Sender<Answer>) -> bool {
    let graded = grade(grader, job);
    let record = &graded.verdict.record;
    if record.gate.reason == GateReason::StudentFailed {
        let why = reasons::in_english(record).join(": ");
        return failed(graded.shot, &why, answers);
    }
    answers.send(Answer::Graded(Box::new(graded))).is_ok()
}

/// Says that there is no verdict on a photograph, and whether anybody listens.
fn failed(shot: ShotId, why: &str, answers: &Sender<Answer>) -> bool {
    tracing::error!(error = %why, "the student failed");
    answers.send(Answer::Failed(shot)).is_ok()
}

fn grade(grader: &Grader, job: Job) -> GradedShot {
    // Not by its eye, which may be corrected afterwards.
    let name = format!("photograph {}", job.shot.0);
    let graded = grader.grade(&name, RgbImage::clone(&job.photograph), job.read_ms);
    let (record, seen) = (graded.record, graded.seen);
    let shows = seen
        .as_ref()
        .and_then(|seen| laterality::of(&seen.prepared).certain());
    let evidence = seen.and_then(|seen| {
        let taxonomy = grader.taxonomy();
        let node = attention::node(&record, taxonomy)?;
        let picture = attention::picture(&seen, taxonomy, node, job.shown.width)?;
        Some((picture, node))
    });
    GradedShot {
        shot: job.shot,
        verdict: ShotVerdict::of(record, shows),
        evidence,
    }
}

impl Model {
    fn of(grader: &Grader) -> Model {
        Model {
            taxonomy: grader.taxonomy().clone(),
            calibration: grader.calibration().clone(),
        }
    }
}
