//! JSON Lines.

use std::io::{self, Write};

use fovea_core::decision::{Finding, Reason, ReferralDecision};
use fovea_core::gate::GateVerdict;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{names, reasons};
use crate::grade::record::{Elapsed, Model, Record};

/// Writes `record` as one line of `fovea grade --json`: its keys, and in
/// `referral` the reasons in English words (`because`) before the typed ones.
///
/// # Errors
/// Only those of `out`.
pub fn write_record(out: &mut impl Write, record: &Record) -> io::Result<()> {
    write(
        out,
        &Line {
            image: &record.image,
            image_bytes: record.image_bytes.as_deref(),
            gate: &record.gate,
            referral: Told {
                decision: record.referral.decision,
                score: record.referral.score,
                because: reasons::in_english(record),
                reasons: &record.referral.reasons,
            },
            findings: &record.findings,
            referable_dr: record.referable_dr,
            words: record.words.as_deref(),
            model: &record.model,
            elapsed_ms: &record.elapsed_ms,
        },
    )
}

/// A [`Record`] with words.
#[derive(Serialize)]
struct Line<'a> {
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_bytes: Option<&'a str>,
    gate: &'a GateVerdict,
    referral: Told<'a>,
    findings: &'a [Finding],
    referable_dr: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a str>,
    model: &'a Model,
    elapsed_ms: &'a Elapsed,
}

#[derive(Serialize)]
struct Told<'a> {
    decision: ReferralDecision,
    score: Option<f32>,
    because: Vec<String>,
    reasons: &'a [Reason],
}

/// Writes `value` as one line of JSON. What a terminal would not show is
/// escaped, such as a character that turns the direction of reading.
///
/// # Errors
/// Only those of `out`.
pub fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Shown))?;
    out.write_all(b"\n")?;
    out.flush()
}

struct Shown;

impl Formatter for Shown {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| names::is_hidden(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_come_back() {
        let name = "a\u{202e}b\u{e0041}c\n\"é\"";
        let mut line = Vec::new();
        write(&mut line, &name).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, "\"a\\u202eb\\udb40\\udc41c\\n\\\"é\\\"\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
    }
}
