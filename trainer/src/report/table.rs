//! Reports as text.

use std::fmt::Write as _;

use fovea_core::taxonomy::Level;

use super::{by_source, DecisionScores, Measured, Report, Section, Share};

/// Rows of cells, printed in columns: the first to the left, all others to the
/// right.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// A column that stands to the left as well.
    words: Option<usize>,
}

impl Table {
    pub fn new(header: &[&str]) -> Table {
        let mut table = Table {
            rows: Vec::new(),
            words: None,
        };
        table.row(header.iter().map(|cell| cell.to_string()));
        table
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn words_in(mut self, column: usize) -> Table {
        self.words = Some(column);
        self
    }

    /// Ends with a line break.
    pub fn to_text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 || self.words == Some(column) {
                    line.push_str(&format!("  {cell:<width$}"));
                } else {
                    line.push_str(&format!("  {cell:>width$}"));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A share as "12.3", or a dash where it is not defined.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share))
}

/// In percent with the interval.
pub(crate) fn measured(measured: Option<Measured>) -> String {
    let Some(measured) = measured else {
        return "-".to_owned();
    };
    let value = percent(Some(measured.value));
    match measured.interval {
        None => value,
        Some(i) => format!("{value} [{:.1}, {:.1}]", 100.0 * i.low, 100.0 * i.high),
    }
}

/// In percent with the interval and what was counted.
pub(crate) fn share(share: Option<Share>) -> String {
    share.map_or_else(
        || "-".to_owned(),
        |s| {
            format!(
                "{:.1} [{:.1}, {:.1}] {}/{}",
                100.0 * s.value,
                100.0 * s.interval.low,
                100.0 * s.interval.high,
                s.count,
                s.of
            )
        },
    )
}

/// Calibration errors are small: three decimals, no percent.
pub(crate) fn error(error: Option<f64>) -> String {
    error.map_or_else(|| "-".to_owned(), |error| format!("{error:.3}"))
}

pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Finest => "finest",
        Level::Disease => "disease",
        Level::Group => "group",
    }
}

impl Report {
    /// The whole report as aligned text; shares and measures in percent with
    /// their 95 % intervals. A source by itself is not told twice when it is
    /// the only one.
    pub fn to_text(&self) -> String {
        let calibration = match &self.calibration {
            Some(id) => format!("calibration {id}"),
            None => "not calibrated".to_owned(),
        };
        let mut text = format!(
            "Taxonomy {}, split {}, {calibration}. In percent, with 95 % intervals\n\
             (patients drawn {} times; shares of counts: Wilson).\n",
            self.taxonomy,
            self.splits.join(" and "),
            self.bootstrap_draws
        );
        text.push_str(&self.by_source());
        let one = self.sources.len() == 1;
        if !one {
            text.push_str(&section("All sources", &self.overall));
        }
        for (source, scores) in &self.sources {
            text.push_str(&section(source, scores));
        }
        text
    }

    /// The sources beside each other.
    pub fn by_source(&self) -> String {
        let sources = self.sources.iter();
        let named: Vec<_> = sources
            .map(|(name, section)| (name.as_str(), section))
            .collect();
        by_source(&named, false)
    }
}

fn section(title: &str, section: &Section) -> String {
    let mut text = format!(
        "\n{title}: {} photographs of {} patients\n",
        section.photographs, section.patients
    );
    let groups = &section.groups;
    if groups.average.is_some() {
        let mut table = Table::new(&["", "many", "medium", "few", "average", "macro AUC"]);
        table.row([
            "mAP".to_owned(),
            measured(groups.many),
            measured(groups.medium),
            measured(groups.few),
            measured(groups.average),
            measured(groups.macro_auc),
        ]);
        text.push_str(&table.to_text());
        if !groups.left_out.is_empty() {
            let _ = writeln!(text, "  without a positive: {}", groups.left_out.join(", "));
        }
    }
    if section.levels.iter().any(|level| level.classes > 0) {
        let mut table = Table::new(&[
            "level",
            "classes",
            "mAP",
            "macro AUC",
            "ECE before",
            "after",
        ]);
        for scores in section.levels.iter().filter(|level| level.classes > 0) {
            table.row([
                level(scores.level).to_owned(),
                scores.classes.to_string(),
                measured(scores.map),
                measured(scores.macro_auc),
                error(scores.ece_before),
                error(scores.ece_after),
            ]);
        }
        if let Some(paper) = section
            .paper_classes
            .as_ref()
            .filter(|set| set.map.is_some())
        {
            let counted = paper
                .classes
                .iter()
                .filter(|class| class.positives > 0)
                .count();
            table.row([
                paper.id.clone(),
                counted.to_string(),
                measured(paper.map),
                measured(paper.macro_auc),
            ]);
        }
        text.push_str(&table.to_text());
    }
    text.push_str(&decisions(section));
    if let Some(gate) = &section.gate {
        let mut table = Table::new(&["gate", "refused", "for"]).words_in(2);
        for row in &gate.refused {
            let reasons: Vec<String> = row
                .reasons
                .iter()
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            table.row([
                row.what.clone(),
                share(Some(row.refused)),
                reasons.join(", "),
            ]);
        }
        text.push_str(&table.to_text());
        if gate.reject_auc.is_some() {
            let _ = writeln!(
                text,
                "  EyeQ reject against good: AUC {}",
                measured(gate.reject_auc)
            );
        }
    }
    let mut table = Table::new(&[
        "node",
        "level",
        "known",
        "positive",
        "AP",
        "AUC",
        "sensitivity",
        "specificity",
        "ECE before",
        "after",
    ]);
    let told = section.nodes.iter().filter(|node| node.positives > 0);
    for node in told {
        table.row([
            node.id.clone(),
            level(node.level).to_owned(),
            node.known.to_string(),
            node.positives.to_string(),
            measured(node.average_precision),
            measured(node.auc),
            measured(node.sensitivity.map(Measured::from)),
            measured(node.specificity.map(Measured::from)),
            error(node.ece_before),
            error(node.ece_after),
        ]);
    }
    text.push_str(&table.to_text());
    text
}

fn decisions(section: &Section) -> String {
    let told: Vec<(&str, &DecisionScores)> = [
        ("referral", &section.referral),
        ("referable DR", &section.referable_dr),
        ("any DR by column", &section.any_dr_by_column),
    ]
    .into_iter()
    .filter_map(|(what, scores)| Some((what, scores.as_ref()?)))
    .collect();
    if told.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        "decision",
        "sources",
        "yes",
        "no",
        "AUC",
        "sensitivity",
        "specificity",
        "at 90 % sens.",
        "ECE before",
        "after",
    ]);
    for (what, scores) in told {
        table.row([
            what.to_owned(),
            scores.sources.join("+"),
            scores.positives.to_string(),
            scores.negatives.to_string(),
            measured(scores.auc),
            share(scores.sensitivity),
            share(scores.specificity),
            measured(scores.specificity_at_90),
            error(scores.ece_before),
            error(scores.ece_after),
        ]);
    }
    table.to_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["a", "number"]);
        table.row(["longer".to_owned(), "7".to_owned()]);
        assert_eq!(table.to_text(), "  a       number\n  longer       7\n");
        assert_eq!(percent(None), "-");
        assert_eq!(percent(Some(0.4215)), "42.1");
        assert_eq!(share(Share::of(9, 10)), "90.0 [59.6, 98.2] 9/10");
    }
}
