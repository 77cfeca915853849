//! Stages of a run beside each other, in the paper's measure.

use super::{percent, Measured, Report, Section, Table};

/// One line per stage: mAP by group, macro AUC and the AUC of the referral on
/// the first of `sources` (all photographs when none is named), then the AUC of
/// retinopathy on every source that has it. Then the sources of every stage
/// beside each other. In percent.
pub fn side_by_side(reports: &[(String, Report)], sources: &[String]) -> String {
    let with_dr: Vec<&String> = reports
        .first()
        .map(|(_, report)| {
            let sources = report.sources.iter();
            sources
                .filter(|(_, s)| retinopathy(s).is_some())
                .map(|(name, _)| name)
                .collect()
        })
        .unwrap_or_default();
    let titles: Vec<String> = with_dr
        .iter()
        .map(|name| format!("DR AUC {name}"))
        .collect();
    let mut header = vec![
        "stage",
        "many",
        "medium",
        "few",
        "average",
        "macro AUC",
        "referral AUC",
    ];
    header.extend(titles.iter().map(String::as_str));
    let mut table = Table::new(&header);
    let value = |measured: Option<Measured>| percent(measured.map(|m| m.value));
    for (name, report) in reports {
        let source = sources.first().and_then(|s| report.sources.get(s));
        let scores = source.unwrap_or(&report.overall);
        let groups = &scores.groups;
        let mut cells = vec![name.clone()];
        cells.extend(
            [
                groups.many,
                groups.medium,
                groups.few,
                groups.average,
                groups.macro_auc,
            ]
            .map(value),
        );
        cells.push(value(scores.referral.as_ref().and_then(|r| r.auc)));
        cells.extend(
            with_dr
                .iter()
                .map(|source| value(report.sources.get(*source).and_then(retinopathy))),
        );
        table.row(cells);
    }
    let mut text = table.to_text();
    for (name, report) in reports {
        text.push_str(&format!(
            "\nStage {name}, source by source\n{}",
            report.by_source()
        ));
    }
    text
}

/// By the source's own column where it grades no finer than that.
fn retinopathy(section: &Section) -> Option<Measured> {
    let scores = section
        .any_dr_by_column
        .as_ref()
        .or(section.referable_dr.as_ref());
    scores.and_then(|s| s.auc)
}
