//! From a folder of photographs to verdicts: `fovea grade` beside what one would write in
//! Python, both whole programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use fovea_bench::machine;
use fovea_bench::times::Times;
use fovea_engine::Isa;

use crate::Measure;

/// Rounds; a folder takes a second or more.
const ROUNDS: u32 = 7;

/// A folder of square JPEGs.
#[derive(Clone, Debug)]
pub struct Folder {
    side: u32,
    path: PathBuf,
}

/// Parses `SIDE=DIR`.
pub fn folder(text: &str) -> Result<Folder, String> {
    let parsed = text.split_once('=').and_then(|(side, path)| {
        let side = side.parse().ok().filter(|side| *side > 0)?;
        let path = PathBuf::from(path);
        Some(Folder { side, path })
    });
    parsed.ok_or_else(|| format!("{text} is not SIDE=DIR"))
}

/// The command that grades a folder.
type Program<'a> = &'a dyn Fn(&Path) -> Command;

/// All programs on one folder; Fovea's is the first.
pub struct Graded {
    pub photographs: String,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub program: &'static str,
    /// Of one photograph more: all of them beyond the first alone, shared among the others.
    pub each: Times,
    /// From the start of the program to the end of the first photograph.
    pub first: Times,
}

/// Grades every folder in turn with all programs.
pub fn measure(options: &Measure) -> Result<Vec<Graded>> {
    options
        .photographs
        .iter()
        .map(|folder| one(options, folder))
        .collect()
}

fn one(options: &Measure, folder: &Folder) -> Result<Graded> {
    let files = files(&folder.path)?;
    let (Some(first), many) = (files.first(), files.len()) else {
        anyhow::bail!("{} holds no JPEG", folder.path.display());
    };
    ensure!(
        many > 1,
        "{} needs two photographs or more",
        folder.path.display()
    );
    let megapixels = f64::from(folder.side).powi(2) / 1e6;
    let photographs = format!(
        "{many} JPEGs of {0} x {0} ({megapixels:.1} MP)",
        folder.side
    );
    eprintln!("{photographs}");
    // The programs are given folders.
    let alone = options.nets.join("alone");
    match std::fs::remove_dir_all(&alone) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::fs::create_dir(&alone)?;
    std::fs::copy(first, alone.join("first.jpg"))?;

    let grade = |folder: &Path, more: &[&str]| {
        let mut command = machine::pinned(options.core);
        command.arg(&options.fovea);
        command.args(["grade", "--json", "--threads", "1"]);
        command.args(more).arg(folder);
        command
    };
    let fovea = |folder: &Path| grade(folder, &[]);
    let in_floats = |folder: &Path| grade(folder, &["--engine", "float"]);
    let side = fovea_core::bundle::Bundle::open(Path::new("models/student"))?
        .manifest
        .network
        .input_size;
    let python = |folder: &Path| {
        let mut command = machine::pinned(options.core);
        command.arg(&options.python).arg("bench/python/grade.py");
        command
            .arg("models/student/student.onnx")
            .arg(side.to_string());
        command.arg(folder);
        command
    };
    let mut programs: Vec<(&'static str, Program)> = vec![("fovea grade", &fovea)];
    // Elsewhere both are the same.
    if Isa::bfloat16().is_some() {
        programs.push(("fovea grade --engine float", &in_floats));
    }
    programs.push(("Python: OpenCV, ONNX Runtime", &python));
    // Of each program: its first photograph alone, and all of them.
    let mut taken = vec![(Times::default(), Times::default()); programs.len()];
    for _ in 0..ROUNDS {
        for ((_, program), (first, all)) in programs.iter().zip(&mut taken) {
            first.push(vec![took(&mut program(&alone))?]);
            all.push(vec![took(&mut program(&folder.path))?]);
        }
    }
    let rows = programs.iter().zip(taken);
    let rows = rows.map(|((program, _), (first, all))| Row {
        program,
        each: all.beyond(&first, many - 1),
        first,
    });
    let rows = rows.collect();
    Ok(Graded { photographs, rows })
}

/// Milliseconds that a command takes.
fn took(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    let taken = start.elapsed().as_secs_f64() * 1e3;
    ensure!(status.success(), "{command:?} failed ({status})");
    Ok(taken)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("{} cannot be read", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "jpg") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_side() {
        let found = folder("384=target/a=b").unwrap();
        assert_eq!((found.side, found.path), (384, PathBuf::from("target/a=b")));
        for wrong in ["384", "=a", "0=a", "x=a"] {
            assert!(folder(wrong).is_err(), "{wrong}");
        }
    }
}
