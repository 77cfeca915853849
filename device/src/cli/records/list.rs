//! Exams as an aligned table.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use super::show::local;
use crate::grade::report::names::printable;
use crate::records::{eye_words, overall_words, words, Listed};

const HEAD: [&str; 7] = [
    "EXAM",
    "BEGAN",
    "RESULT",
    "RIGHT EYE",
    "LEFT EYE",
    "ENDING",
    "PATIENT",
];

/// Writes one line per exam, below the names of the columns if `head`.
pub(super) fn write(out: &mut impl Write, exams: &[Listed], head: bool) -> io::Result<()> {
    let names = head.then(|| HEAD.map(str::to_owned));
    let lines: Vec<_> = names.into_iter().chain(exams.iter().map(line)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max();
    let widths: [usize; HEAD.len()] = std::array::from_fn(|column| width(column).unwrap_or(0));
    for line in &lines {
        let mut text = String::new();
        for (cell, wide) in line.iter().zip(widths) {
            text.push_str(cell);
            text.push_str(&" ".repeat(wide - cell.width() + 2));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn line(exam: &Listed) -> [String; HEAD.len()] {
    let summary = &exam.summary;
    [
        exam.number.to_string(),
        local(exam.began),
        overall_words(summary.overall),
        eye_words(summary.right),
        eye_words(summary.left),
        match exam.changed {
            true => format!("{}, changed since", words(&summary.ending)),
            false => words(&summary.ending),
        },
        printable(&summary.patient.id),
    ]
}
