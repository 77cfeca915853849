//! One exam, for people.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use jiff::Timestamp;

use crate::exam::words::Eye;
use crate::exam::{Judgement, Shot, ShotVerdict, Side};
use crate::grade::report::names::printable;
use crate::grade::report::reasons;
use crate::grade::verdict;
use crate::records::{eye_words, moment, overall_words, words, StoredExam};

/// A moment on the clock of this place.
pub(super) fn local(moment: Timestamp) -> String {
    let here = moment.to_zoned_datetime(TimeZone::system());
    here.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Writes all that is kept of `exam`, apart from the labels that the student
/// did not find; the JSON has those too.
pub(super) fn write(out: &mut impl Write, exam: &StoredExam) -> io::Result<()> {
    for (key, value) in general(exam) {
        writeln!(out, "{key:<12} {}", printable(&value))?;
    }
    for eye in Eye::BOTH {
        write_eye(out, exam, eye)?;
    }
    writeln!(out, "\nwhat the operator did")?;
    for operation in &exam.record.operations {
        let time = local(moment(&exam.record.began, operation.at));
        writeln!(out, "  {time}  {}", printable(&words(&operation.action)))?;
    }
    Ok(())
}

/// The exam as a whole, line by line.
fn general(exam: &StoredExam) -> Vec<(&'static str, String)> {
    let (record, provenance) = (&exam.record, &exam.provenance);
    let time = |at| local(moment(&record.began, at));
    let mut lines = vec![
        ("exam", format!("{} ({})", exam.number, record.id)),
        ("began", time(record.began.since_start)),
        ("ended", time(record.ended)),
        ("ending", words(&record.ending)),
        ("patient", record.patient.id.clone()),
    ];
    if let Some(age) = record.patient.age {
        lines.push(("age", age.to_string()));
    }
    if !record.patient.note.is_empty() {
        lines.push(("note", record.patient.note.clone()));
    }
    lines.push(("result", overall_words(record.outcome.overall)));
    lines.push(("device", provenance.device.clone()));
    lines.push(("software", provenance.software.clone()));
    lines.push(("bundle", provenance.bundle.clone()));
    for (name, sha256) in &provenance.files {
        lines.push(("", format!("{sha256}  {name}")));
    }
    if let Some(sha256) = &provenance.camera_profile {
        let mut kept = exam.originals.values().map(|original| &original.profile);
        lines.push(match kept.find(|profile| profile.sha256 == *sha256) {
            Some(kept) => ("camera", format!("{sha256}  profile of {}", kept.camera)),
            None => ("camera", format!("{sha256}  profile")),
        });
    }
    lines
}

fn write_eye(out: &mut impl Write, exam: &StoredExam, eye: Eye) -> io::Result<()> {
    let record = exam.record.eye(eye);
    writeln!(out, "\n{} eye: {}", words(&eye), eye_words(record.outcome))?;
    for shot in &record.shots {
        write_shot(out, exam, shot)?;
        if record.decided_by == Some(shot.id) {
            writeln!(out, "    this photograph decides")?;
        }
    }
    Ok(())
}

fn write_shot(out: &mut impl Write, exam: &StoredExam, shot: &Shot) -> io::Result<()> {
    let taken = local(moment(&exam.record.began, shot.stamps.accepted));
    let by = words(&shot.shutter);
    writeln!(out, "  photograph {}, {taken}, {by}", shot.id.0)?;
    if let Some(kept) = exam.photographs.get(&shot.id) {
        let (sha256, wide, high) = (&kept.sha256, kept.width, kept.height);
        writeln!(out, "    {}, {wide} x {high} pixels", printable(sha256))?;
    }
    if let Some(original) = exam.originals.get(&shot.id) {
        let (taken, profile) = (&original.photograph.sha256, &original.profile.sha256);
        writeln!(out, "    {}  as it was taken", printable(taken))?;
        writeln!(out, "    {}  profile applied", printable(profile))?;
    }
    match &shot.judgement {
        Judgement::Given(verdict) => write_verdict(out, verdict)?,
        other => writeln!(out, "    no verdict: {}", words(other))?,
    }
    if shot.side != Side::Unquestioned {
        writeln!(out, "    looks like the other eye: {}", words(&shot.side))?;
    }
    Ok(())
}

fn write_verdict(out: &mut impl Write, verdict: &ShotVerdict) -> io::Result<()> {
    let decision = verdict::words(verdict.decision);
    match verdict.score {
        Some(score) => writeln!(out, "    {decision}, {score:.3}")?,
        None => writeln!(out, "    {decision}")?,
    }
    writeln!(out, "    gate: {}", words(&verdict.gate.reason))?;
    for reason in reasons::in_english(&verdict.record) {
        writeln!(out, "    {}", printable(&reason))?;
    }
    let findings = verdict.record.findings.iter();
    for finding in findings.filter(|finding| finding.positive) {
        let (found, from) = (finding.probability, finding.threshold);
        let name = printable(&finding.name);
        writeln!(out, "    {name} {found:.3}, from {from:.3}")?;
    }
    Ok(())
}
