//! A worker in its own process, asked line by line, and what it does to answer.
//!
//! It says `ready NAME`, then reads lines: `run N` does its work N times and answers `times` with
//! the nanoseconds of each; `answer` answers `answer` with numbers that tell whether it does the
//! same as the others. `bench/python/asked.py` is the same for workers in Python.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{bail, Context, Result};

use crate::times::Times;

/// What a worker does.
pub trait Work {
    /// Does once what is timed.
    ///
    /// # Errors
    /// It cannot be done.
    fn run(&mut self) -> Result<()>;

    /// What tells whether it does the same as the others.
    ///
    /// # Errors
    /// It cannot be told.
    fn answer(&mut self) -> Result<Vec<f64>>;
}

/// Does the `work` that is called `name` whenever standard input says so, until that ends.
///
/// # Errors
/// The work fails, or a line is no question.
pub fn serve(name: &str, work: &mut impl Work) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {name}")?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("run", count)) => {
                let count: usize = count.parse().context("`run` needs a number")?;
                write!(out, "times")?;
                for _ in 0..count {
                    let start = Instant::now();
                    work.run()?;
                    write!(out, " {}", start.elapsed().as_nanos())?;
                }
            }
            None if line == "answer" => {
                write!(out, "answer")?;
                for number in work.answer()? {
                    write!(out, " {number}")?;
                }
            }
            _ => bail!("{line:?} is no question"),
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

/// A worker that is ready; it waits while nobody asks it.
pub struct Asked {
    /// What it calls itself.
    pub name: String,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Asked {
    /// Starts `worker` and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or ends before it is ready.
    pub fn start(worker: &mut Command) -> Result<Asked> {
        let mut process = worker
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {worker:?}"))?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("{worker:?} has no pipes");
        };
        let mut asked = Asked {
            name: String::new(),
            process,
            questions,
            answers: BufReader::new(answers),
        };
        let line = asked.line()?;
        asked.name = after("ready", &line)?.to_owned();
        Ok(asked)
    }

    /// Has its work done `count` times; milliseconds of each.
    ///
    /// # Errors
    /// It ended, or says something else.
    pub fn run(&mut self, count: usize) -> Result<Vec<f64>> {
        let line = self.ask(&format!("run {count}"))?;
        times(&line, count)
    }

    /// What it answers with.
    ///
    /// # Errors
    /// It ended, or says something else.
    pub fn answer(&mut self) -> Result<Vec<f64>> {
        let line = self.ask("answer")?;
        numbers(after("answer", &line)?)
    }

    fn ask(&mut self, question: &str) -> Result<String> {
        writeln!(self.questions, "{question}")
            .and_then(|()| self.questions.flush())
            .with_context(|| format!("{} does not listen any more", self.name))?;
        self.line()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line)?;
        if read == 0 {
            bail!("a worker ended without an answer; what it said is above");
        }
        Ok(line)
    }
}

/// Gives each of `asked` its turn in every one of `rounds`: its work is done `untimed` times, for the
/// caches, and then `runs` times. The times of each.
///
/// # Errors
/// One of them ended, or says something else.
pub fn in_turn(
    asked: &mut [Asked],
    rounds: u32,
    (untimed, runs): (usize, usize),
) -> Result<Vec<Times>> {
    let mut all = vec![Times::default(); asked.len()];
    for _ in 0..rounds {
        for (worker, times) in asked.iter_mut().zip(&mut all) {
            let mut round = worker.run(untimed + runs)?;
            times.push(round.split_off(untimed));
        }
    }
    Ok(all)
}

impl Drop for Asked {
    fn drop(&mut self) {
        // It would end by itself when its questions do; nobody is to wait for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What follows the `word` that a line must begin with.
fn after<'a>(word: &str, line: &'a str) -> Result<&'a str> {
    line.trim_end()
        .strip_prefix(word)
        .and_then(|rest| rest.strip_prefix(' '))
        .filter(|rest| !rest.is_empty())
        .with_context(|| format!("a worker said {line:?} where `{word} ...` was expected"))
}

fn numbers(text: &str) -> Result<Vec<f64>> {
    text.split(' ')
        .map(|word| {
            let number = word.parse().ok().filter(|number: &f64| number.is_finite());
            number.with_context(|| format!("a worker said {word:?} where a number was expected"))
        })
        .collect()
}

/// Milliseconds of a line of nanoseconds.
fn times(line: &str, count: usize) -> Result<Vec<f64>> {
    let nanoseconds = numbers(after("times", line)?)?;
    if nanoseconds.len() != count || nanoseconds.iter().any(|&time| time <= 0.0) {
        bail!("a worker said {line:?} where {count} times were expected");
    }
    Ok(nanoseconds.into_iter().map(|time| time / 1e6).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        assert_eq!(times("times 1500000 2\n", 2).unwrap(), [1.5, 2e-6]);
        assert_eq!(after("ready", "ready tract 0.23\n").unwrap(), "tract 0.23");
        assert_eq!(numbers("-1.5 2e-3").unwrap(), [-1.5, 0.002]);
    }

    #[test]
    fn a_line_that_is_no_answer_is_named() {
        for line in [
            "times 5",
            "times 5 0",
            "times 5 x",
            "answer 1 2",
            "times",
            "",
        ] {
            let said = times(line, 2).unwrap_err().to_string();
            assert!(said.starts_with("a worker said "), "{said}");
        }
        assert!(numbers("nan").is_err());
    }

    #[test]
    fn a_worker_is_asked_and_its_end_noticed() {
        let mut shell = Command::new("sh");
        let script = "echo ready a shell; read q; echo times 2000000; read q; echo answer 1 -2.5";
        let mut asked = Asked::start(shell.args(["-c", script])).unwrap();
        assert_eq!(asked.name, "a shell");
        assert_eq!(asked.run(1).unwrap(), [2.0]);
        assert_eq!(asked.answer().unwrap(), [1.0, -2.5]);
        assert!(asked.run(1).is_err());
    }
}
