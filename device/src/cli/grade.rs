//! `fovea grade`: photographs in, one line each out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use fovea_core::gate::GateReason;
use fovea_engine::Engine;

use super::{open_bundle, say, stdout_failed, Failure, MODEL_FAILED, UNREADABLE};
use crate::grade::record::Record;
use crate::grade::report::{json, names, table::Table};
use crate::grade::{batch, photographs, picture, verdict};
use crate::grade::{Graded, Grader};

/// Grades photographs: one line each, in the order given
///
/// A folder stands for all photographs in it and in its sub-folders, sorted by
/// path; hidden files and links to folders are left out. Whether a file is a
/// photograph is decided by its content; one that is only named like a
/// photograph is reported as unreadable.
///
/// Exit status: 0 when every photograph was graded or refused, 1 when any was
/// unreadable (the others are graded all the same), 2 when the command line,
/// the bundle or the output cannot be used, 3 when the model failed on
/// a photograph that could be read.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Photographs, or folders of them
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object per photograph instead of the table
    #[arg(long)]
    pub json: bool,
    /// Write a picture of each photograph with its verdict into this folder
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
    /// Use this bundle instead of the one inside the program
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Grade this many photographs at a time [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// What runs the model
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t = EngineName::Own)]
    pub engine: EngineName,
}

/// What runs the model.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum EngineName {
    /// Fovea's own program for this kind of processor: the fastest
    Own,
    /// The same in 32-bit floats throughout, also where the processor multiplies shorter numbers
    /// faster: to compare with
    Float,
    /// The tract library as it comes: slower, to compare with
    Stock,
}

/// Grades what `options` name; the exit status says whether all was readable.
pub(super) fn run(options: &Options) -> Result<u8, Failure> {
    let inputs = photographs::list(&options.paths);
    for folder in &inputs.empty {
        say(&format!("no photographs in {}", names::shown(folder)));
    }
    match inputs.drawn {
        0 => {}
        1 => say("1 picture was left out: `fovea grade` drew it"),
        n => say(&format!(
            "{n} pictures were left out: `fovea grade` drew them"
        )),
    }
    if inputs.photographs.is_empty() {
        return Err(Failure::Refused(
            "nothing to grade: name photographs, or a folder that holds some".to_owned(),
        ));
    }
    let bundle = open_bundle(options.bundle.as_deref())?;
    let grader = match options.engine {
        EngineName::Own => Grader::new(bundle),
        EngineName::Float => Grader::with_engine(bundle, Engine::default()),
        EngineName::Stock => Grader::with_engine(bundle, Engine::Stock),
    };
    let grader = grader.map_err(|error| Failure::Refused(error.to_string()))?;
    let pool = batch::threads(options.threads.map(usize::from))
        .map_err(|error| Failure::Refused(format!("cannot start threads ({error})")))?;
    let pictures = match &options.pictures {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|error| Failure::output(folder, error))?;
            Some(picture_paths(folder, &inputs.photographs))
        }
        None => None,
    };

    let start = Instant::now();
    let photographs = &inputs.photographs;
    let mut printer = Printer::new(options.json, photographs);
    let mut tally = Tally::default();
    let mut undrawn = Vec::new();
    let mut failure = None;
    batch::in_order(
        &pool,
        photographs.len(),
        |i| grade_one(&grader, &photographs[i], pictures.as_ref().map(|p| &*p[i])),
        |(record, drawn)| {
            tally.count(&record);
            // What is graded is worth more than its picture: the batch goes on.
            undrawn.extend(drawn.err());
            match printer.print(&record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(stdout_failed(error));
                    ControlFlow::Break(())
                }
            }
        },
    );
    if let Some(failure) = failure {
        return Err(failure);
    }
    if !options.json {
        say(&tally.sentence(start.elapsed().as_secs_f64()));
    }
    if undrawn.len() > 1 {
        say(&format!("{} pictures could not be written", undrawn.len()));
    }
    if let Some(failure) = undrawn.into_iter().next() {
        return Err(failure);
    }
    Ok(match (tally.failed, tally.unreadable) {
        (0, 0) => 0,
        (0, _) => UNREADABLE,
        _ => MODEL_FAILED,
    })
}

/// One photograph's record and, where wanted, its picture. The pixels are gone
/// when this returns.
fn grade_one(
    grader: &Grader,
    photograph: &Path,
    picture_path: Option<&Path>,
) -> (Record, Result<(), Failure>) {
    let draw = |graded: Graded| {
        let drawn = picture_path.map_or(Ok(()), |path| {
            picture::save(&picture::draw(&graded, grader.taxonomy()), path)
                .map_err(|error| Failure::output(path, error))
        });
        (graded.record, drawn)
    };
    // One photograph must not take the others' results with it.
    panic::catch_unwind(AssertUnwindSafe(|| grader.grade_file(photograph, draw)))
        .unwrap_or_else(|_| draw(grader.gave_up(photograph)))
}

/// Where each photograph's picture goes: its own name as PNG, numbered from
/// the second of the same name on, and where a file of that name lies there that
/// is no such picture: it must not be lost.
fn picture_paths(folder: &Path, graded: &[PathBuf]) -> Vec<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let originals: BTreeSet<PathBuf> = graded.iter().filter_map(|p| real(p)).collect();
    let kept = |name: &str| {
        let path = folder.join(name);
        photographs::is_foreign(&path) || real(&path).is_some_and(|p| originals.contains(&p))
    };
    let mut taken = BTreeSet::new();
    graded
        .iter()
        .map(|photograph| {
            let stem = photograph
                .file_stem()
                .map_or_else(|| "photograph".into(), |stem| stem.to_string_lossy());
            let mut name = format!("{stem}.png");
            let mut number = 2;
            while kept(&name) || !taken.insert(name.to_lowercase()) {
                name = format!("{stem}-{number}.png");
                number += 1;
            }
            folder.join(name)
        })
        .collect()
}

/// Standard output in one of its two forms.
struct Printer {
    out: io::Stdout,
    /// The table; none for JSON.
    table: Option<Table>,
    head_due: bool,
}

impl Printer {
    fn new(json: bool, photographs: &[PathBuf]) -> Printer {
        let out = io::stdout();
        let names: Vec<_> = photographs.iter().map(|p| names::of(p)).collect();
        Printer {
            // A head line is for people; programs count lines.
            head_due: !json && out.is_terminal(),
            table: (!json).then(|| Table::new(names.iter().map(String::as_str))),
            out,
        }
    }

    fn print(&mut self, record: &Record) -> io::Result<()> {
        let mut out = self.out.lock();
        match &self.table {
            None => json::write_record(&mut out, record)?,
            Some(table) => {
                if std::mem::take(&mut self.head_due) {
                    table.head(&mut out)?;
                }
                table.write(&mut out, record)?;
            }
        }
        out.flush()
    }
}

/// How often each verdict was given.
#[derive(Default)]
struct Tally {
    photographs: usize,
    unreadable: usize,
    /// Readable, but the student failed.
    failed: usize,
    verdicts: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn count(&mut self, record: &Record) {
        self.photographs += 1;
        match record.gate.reason {
            GateReason::Unreadable => self.unreadable += 1,
            GateReason::StudentFailed => self.failed += 1,
            _ => {
                *self
                    .verdicts
                    .entry(verdict::words(record.referral.decision))
                    .or_default() += 1;
            }
        }
    }

    fn sentence(&self, seconds: f64) -> String {
        let mut parts: Vec<String> = self
            .verdicts
            .iter()
            .map(|(words, n)| format!("{n} {words}"))
            .collect();
        if self.unreadable > 0 {
            parts.push(format!("{} unreadable", self.unreadable));
        }
        if self.failed > 0 {
            parts.push(format!("{} on which the model failed", self.failed));
        }
        format!(
            "{} in {seconds:.1} s: {}",
            match self.photographs {
                1 => "1 photograph".to_owned(),
                n => format!("{n} photographs"),
            },
            parts.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_never_share_a_name() {
        let photographs =
            ["a/eye.jpg", "b/Eye.png", "eye-2.tif", "eye.bmp", ".."].map(PathBuf::from);
        assert_eq!(
            picture_paths(Path::new("out"), &photographs),
            [
                "out/eye.png",
                "out/Eye-2.png",
                "out/eye-2-2.png",
                "out/eye-3.png",
                "out/photograph.png"
            ]
            .map(PathBuf::from)
        );
    }

    #[test]
    fn no_picture_takes_the_place_of_a_photograph() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["eye.jpg", "eye.png", "eye-2.png", "mask.png"] {
            fs::write(at(name), name).unwrap();
        }
        picture::save(&image::RgbImage::new(8, 8), &at("drawn.png")).unwrap();
        let photographs = ["eye.jpg", "eye.png", "eye-2.png"].map(at);
        assert_eq!(
            picture_paths(folder.path(), &photographs),
            ["eye-3.png", "eye-4.png", "eye-2-2.png"].map(at)
        );
        // Nor of any other file, but that of the picture that was drawn last time.
        assert_eq!(
            picture_paths(folder.path(), &["mask.jpg", "drawn.jpg"].map(at)),
            ["mask-2.png", "drawn.png"].map(at)
        );
    }
}
