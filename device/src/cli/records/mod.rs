//! `fovea records`: what the store holds.

mod list;
mod show;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use super::{say, stdout_failed, Failure};
use crate::config::Config;
use crate::grade::report::json;
use crate::records::{Fault, Listing, Records, StoreError, StoredExam, Verification};

/// Lists, shows, exports and verifies the exams that are kept
///
/// May be used during an exam; nothing in the store is changed.
///
/// Exit status: 0 when all is well, 1 when something is damaged or was changed
/// after it was saved (it is named, and the rest is done all the same), 2 when
/// the command line, the store or the output cannot be used.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
    /// Read this file for where exams are kept [default: /etc/fovea.toml, where it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Exams are kept in this folder
    #[arg(long, global = true, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// One line for each exam, the oldest first
    List {
        /// Print one JSON object per exam instead of the table
        #[arg(long)]
        json: bool,
    },
    /// All that is kept of one exam
    Show {
        /// Its number in the list, or its id
        exam: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Copies all exams and photographs, as CSV and JSON
    ///
    /// Where a camera's profile was applied, photographs/ has the photographs
    /// as they were graded, originals/ as they were taken, and profiles/ what
    /// was applied; photographs.csv names the three of each.
    Export {
        /// A folder that is new or empty, such as the top of a memory stick
        folder: PathBuf,
    },
    /// Compares every row and every photograph with its hash
    ///
    /// One line for each fault, then a summary.
    Verify,
}

/// Exit status when not all of the store is as it was saved.
const FAULTY: u8 = 1;

/// Does what `options` say with the store that they name.
pub(super) fn run(options: &Options) -> Result<u8, Failure> {
    let store = options.store()?;
    let head = io::stdout().is_terminal();
    let mut out = io::stdout().lock();
    match &options.command {
        Command::List { json } => list(&store, *json, head, &mut out),
        Command::Show { exam, json } => show(&store, exam, *json, &mut out),
        Command::Export { folder } => export(&store, folder, &mut out),
        Command::Verify => verify(&store, &mut out),
    }
}

impl Options {
    fn store(&self) -> Result<PathBuf, Failure> {
        match &self.store {
            Some(store) => Ok(store.clone()),
            None => Config::load(self.config.as_deref())
                .map(|config| config.store.folder)
                .map_err(|error| Failure::Refused(error.to_string())),
        }
    }
}

fn list(store: &Path, json: bool, head: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let listing = Records::open(store).and_then(|records| records.all());
    let Listing { exams, faults } = listing.map_err(refused)?;
    let written = if json {
        exams.iter().try_for_each(|exam| json::write(out, exam))
    } else {
        list::write(out, &exams, head)
    };
    written.and_then(|()| out.flush()).map_err(stdout_failed)?;
    Ok(told(&faults))
}

fn show(store: &Path, name: &str, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let records = Records::open(store).map_err(refused)?;
    let exam = named(&records, name).map_err(refused)?.ok_or_else(|| {
        Failure::Refused(format!(
            "there is no exam {name:?}; `fovea records list` shows those there are"
        ))
    })?;
    let written = if json {
        json::write(out, &exam)
    } else {
        show::write(out, &exam)
    };
    written.and_then(|()| out.flush()).map_err(stdout_failed)?;
    Ok(told(&exam.faults))
}

/// Says every fault on standard error; the exit status that follows.
fn told(faults: &[Fault]) -> u8 {
    for fault in faults {
        say(&fault.to_string());
    }
    if faults.is_empty() {
        0
    } else {
        FAULTY
    }
}

fn named(records: &Records, name: &str) -> Result<Option<StoredExam>, StoreError> {
    match records.find(name)? {
        Some(number) => records.get(number),
        None => Ok(None),
    }
}

fn export(store: &Path, folder: &Path, out: &mut impl Write) -> Result<u8, Failure> {
    let exported = Records::open(store).and_then(|records| records.export(folder));
    let exported = exported.map_err(refused)?;
    for line in &exported.troubles {
        say(line);
    }
    let (exams, photographs) = (
        count(exported.exams, "exam"),
        count(exported.photographs, "photograph"),
    );
    let what = match exported.originals {
        0 => format!("{exams} and {photographs}"),
        n => format!("{exams}, {photographs} and {}", count(n, "original")),
    };
    writeln!(out, "{what} are in {}", folder.display()).map_err(stdout_failed)?;
    Ok(if exported.troubles.is_empty() {
        0
    } else {
        FAULTY
    })
}

fn verify(store: &Path, out: &mut impl Write) -> Result<u8, Failure> {
    match Records::open(store).and_then(|records| records.verify()) {
        Ok(found) => {
            report(out, &found).map_err(stdout_failed)?;
            Ok(if found.faults.is_empty() { 0 } else { FAULTY })
        }
        // So damaged that nothing can be read is a fault too, not a wrong use.
        Err(error @ StoreError::Damaged(_)) => {
            writeln!(out, "{error}").map_err(stdout_failed)?;
            Ok(FAULTY)
        }
        Err(error) => Err(refused(error)),
    }
}

fn report(out: &mut impl Write, found: &Verification) -> io::Result<()> {
    for fault in &found.faults {
        writeln!(out, "{fault}")?;
    }
    for path in &found.unclaimed {
        writeln!(
            out,
            "{} is whole but not part of an exam yet, or the device was stopped before it was saved",
            path.display()
        )?;
    }
    let interrupted = match found.interrupted {
        0 => String::new(),
        n => format!(" ({n} interrupted)"),
    };
    let verdict = match found.faults.len() {
        0 => "all as saved".to_owned(),
        n => count(n, "fault"),
    };
    let originals = match found.originals {
        0 => String::new(),
        n => format!(", {}", count(n, "original")),
    };
    writeln!(
        out,
        "{}{interrupted}, {}{originals}: {verdict}",
        count(found.exams, "exam"),
        count(found.photographs, "photograph")
    )
}

fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn refused(error: StoreError) -> Failure {
    Failure::Refused(error.to_string())
}
