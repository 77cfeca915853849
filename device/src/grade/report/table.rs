//! An aligned table: photograph, verdict, score, and why.

use std::io::{self, Write};

use fovea_core::decision::ReferralDecision;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::names::printable;
use super::reasons;
use crate::grade::record::Record;
use crate::grade::verdict;

/// Longer names of photographs lose their beginning: the end tells them apart.
const WIDEST_NAME: usize = 48;

/// Columns wide enough for one batch.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    image: usize,
    verdict: usize,
}

impl Table {
    /// A table for photographs of these names. The names are known before the
    /// first is graded, so that lines can be written as they come and are
    /// aligned all the same.
    pub fn new<'a>(images: impl IntoIterator<Item = &'a str>) -> Table {
        let all = [
            ReferralDecision::ReferUrgent,
            ReferralDecision::Refer,
            ReferralDecision::NoReferableDisease,
            ReferralDecision::Retake,
        ];
        Table {
            image: images
                .into_iter()
                .map(|name| printable(name).width())
                .max()
                .unwrap_or(0)
                .clamp("PHOTOGRAPH".len(), WIDEST_NAME),
            verdict: all
                .map(|d| verdict::words(d).len())
                .into_iter()
                .max()
                .unwrap_or(0),
        }
    }

    /// Writes the names of the columns.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn head(&self, out: &mut impl Write) -> io::Result<()> {
        self.row(out, "PHOTOGRAPH", "VERDICT", "SCORE", "FINDINGS OR REASON")
    }

    /// Writes one record as one line.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write(&self, out: &mut impl Write, record: &Record) -> io::Result<()> {
        let score = match record.referral.score {
            Some(score) => format!("{score:.3}"),
            None => "-".to_owned(),
        };
        self.row(
            out,
            &printable(&record.image),
            verdict::words(record.referral.decision),
            &score,
            &printable(&told(record)),
        )
    }

    fn row(
        &self,
        out: &mut impl Write,
        image: &str,
        verdict: &str,
        score: &str,
        why: &str,
    ) -> io::Result<()> {
        let image = keep_end(image, self.image);
        let gap = " ".repeat(self.image.saturating_sub(image.width()));
        let wide = self.verdict;
        writeln!(out, "{image}{gap}  {verdict:<wide$}  {score:>5}  {why}")?;
        out.flush()
    }
}

/// Why the verdict is what it is, and behind it what the captioner says, marked as generated.
fn told(record: &Record) -> String {
    match &record.words {
        Some(words) => format!("{}  [generated: {words}]", why(record)),
        None => why(record),
    }
}

/// The findings that the verdict commits to, and the likeliest disease where the
/// reasons name one; or why there are none. Of a photograph to be retaken only the
/// first reason, which says what to do.
fn why(record: &Record) -> String {
    if record.referral.decision == ReferralDecision::Retake {
        return reasons::first_in_english(record).unwrap_or_default();
    }
    let findings = record
        .committed
        .iter()
        .filter_map(|&k| record.findings.get(k))
        .map(|f| format!("{} {:.2}", f.name, f.probability))
        .collect::<Vec<_>>()
        .join(", ");
    if findings.is_empty() {
        return reasons::in_english(record).join("; ");
    }
    let likeliest = record.likeliest().map(|disease| {
        let name = record.name_of(&disease.node);
        format!("most likely {name} {:.2}", disease.probability)
    });
    match likeliest {
        None => findings,
        Some(likeliest) if record.referral.decision == ReferralDecision::ReferUrgent => {
            format!("{findings}; {likeliest}")
        }
        Some(likeliest) => format!("{likeliest}; {findings}"),
    }
}

/// The end of `text` that fits into `limit` columns, marked where cut.
fn keep_end(text: &str, limit: usize) -> String {
    if text.width() <= limit {
        return text.to_owned();
    }
    let mut room = limit.saturating_sub(1);
    let mut kept: Vec<char> = Vec::new();
    for c in text.chars().rev() {
        let wide = c.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        kept.push(c);
    }
    kept.push('…');
    kept.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_names() {
        let long = format!("{}/eye.jpg", "clinic".repeat(20));
        let names = ["a.jpg", "右眼.png", "a\nb.png", &long];
        let table = Table::new(names);
        let mut out = Vec::new();
        table.head(&mut out).unwrap();
        for name in names {
            table
                .row(&mut out, &printable(name), "refer", "0.500", "x")
                .unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        let columns = text
            .lines()
            .map(|line| line[..line.find("efer").or(line.find("ERDICT")).unwrap()].width())
            .collect::<Vec<_>>();
        assert_eq!(columns.len(), 5);
        assert!(columns.iter().all(|&c| c == columns[0]), "{text}");
        assert!(text.contains("…") && text.contains("clinic/eye.jpg"));
    }

    #[test]
    fn words_of_the_captioner_are_marked_as_generated() {
        let mut record = Record {
            words: Some("cataract, drusen".to_owned()),
            ..Record::blank()
        };
        let line = |record: &Record| {
            let mut out = Vec::new();
            Table::new(["blank"]).write(&mut out, record).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(line(&record).ends_with("  [generated: cataract, drusen]\n"));
        record.words = None;
        assert!(!line(&record).contains("generated"));
    }
}
