//! Sources, or groups of them, beside each other: the worst one beside the mean.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::table::{error, measured, percent, share, Table};
use super::{GateRow, Measured, Section, Share};
use crate::data::DAMAGED;
use crate::metrics::mean;

/// A yes-or-no question that the labels of some photographs answer both ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuestionScores {
    /// Of a composite or of a node.
    pub id: String,
    /// Whether `id` is that of a composite.
    pub composite: bool,
    /// Photographs whose answer is yes.
    pub positives: u32,
    /// Photographs whose answer is no.
    pub negatives: u32,
    /// Of the question's own output.
    pub auc: Option<Measured>,
    /// At the shipped operating point; for `referable` the device's whole rule. `None` without a
    /// calibration.
    pub sensitivity: Option<Share>,
    /// At the same operating point, by the same rule.
    pub specificity: Option<Share>,
    /// Of the positives, those that the device's whole rule refers, for whatever finding; `None`
    /// without a calibration.
    pub referred_positives: Option<Share>,
    /// Of the negatives, those that it refers.
    pub referred_negatives: Option<Share>,
    /// Expected calibration error of the calibrated probability, 0..1; `None` without a
    /// calibration.
    pub ece_after: Option<f64>,
}

/// Whom the device's rule refers without need. The gate has no say in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReferredScores {
    /// Of those known to have no referable finding.
    pub not_referable: Option<Share>,
    /// Nobody is known to have none at all: `not_referable` is then of those
    /// known to have no referable diabetic retinopathy.
    pub dr_only: bool,
    /// Of those labelled normal.
    pub healthy: Option<Share>,
}

/// One named set of photographs.
pub type Named<'a> = (&'a str, &'a Section);

/// Two aligned tables: what the device refers and refuses by source, and how
/// each question is answered by source. Of a source whose labels answer a
/// composite only the composites are told, unless `every_question` is wanted.
/// Where two or more sources answer a question, mean and worst follow.
pub fn by_source(sections: &[Named], every_question: bool) -> String {
    let mut text = referrals(sections);
    text.push_str(&questions(sections, every_question));
    text
}

fn refused(section: &Section) -> Option<Share> {
    let rows = section.gate.iter().flat_map(|gate| &gate.refused);
    let every = |row: &&GateRow| row.what == "every photograph";
    rows.filter(every).map(|row| row.refused).next()
}

/// Whether the photographs are of eyes, and as they were taken.
fn of_eyes(&(name, section): &Named) -> bool {
    name != DAMAGED && (!section.questions.is_empty() || section.referred.not_referable.is_some())
}

fn referrals(sections: &[Named]) -> String {
    if sections.iter().all(|(_, section)| section.gate.is_none()) {
        return String::new();
    }
    let mut table = Table::new(&[
        "source",
        "photographs",
        "refused by the gate",
        "referred of healthy",
        "referred of not referable",
    ]);
    for (name, section) in sections {
        let dr_only = if section.referred.dr_only {
            " (DR)"
        } else {
            ""
        };
        let not_referable = section.referred.not_referable;
        table.row([
            (*name).to_owned(),
            section.photographs.to_string(),
            share(refused(section)),
            share(section.referred.healthy),
            format!("{}{dr_only}", share(not_referable)),
        ]);
    }
    let eyes: Vec<&Named> = sections.iter().filter(|named| of_eyes(named)).collect();
    if eyes.len() > 1 {
        let column = |pick: fn(&Section) -> Option<Share>| -> Vec<(&str, Option<f64>)> {
            eyes.iter()
                .map(|(name, section)| (*name, pick(section).map(|s| s.value)))
                .collect()
        };
        let columns = [
            column(refused),
            column(|s| s.referred.healthy),
            column(|s| s.referred.not_referable),
        ];
        let mut row = vec!["mean of eyes".to_owned(), String::new()];
        row.extend(columns.iter().map(|c| percent(mean_of(c))));
        table.row(row);
        let mut row = vec!["worst of eyes".to_owned(), String::new()];
        row.extend(columns.iter().map(|c| worst(c, true, |v| percent(Some(v)))));
        table.row(row);
    }
    format!(
        "\nReferred by the device's whole rule, and refused by the student's own gate, in percent.\n\
         Not referable: known to have no referable finding. (DR): the source did not look for every\n\
         referable finding; these eyes are known to have no referable diabetic retinopathy, and\n\
         nothing else that is or may be referable was found in them.\n{}",
        table.to_text()
    )
}

fn questions(sections: &[Named], every_question: bool) -> String {
    let told = |section: &'_ Section| -> Vec<QuestionScores> {
        let composites = section.questions.iter().any(|q| q.composite);
        let wanted = |q: &&QuestionScores| every_question || q.composite || !composites;
        section.questions.iter().filter(wanted).cloned().collect()
    };
    let mut asked: Vec<(String, Vec<(&str, QuestionScores)>)> = Vec::new();
    for (name, section) in sections.iter().filter(|named| of_eyes(named)) {
        for question in told(section) {
            match asked.iter_mut().find(|(id, _)| *id == question.id) {
                Some((_, answers)) => answers.push((name, question)),
                None => asked.push((question.id.clone(), vec![(name, question)])),
            }
        }
    }
    if asked.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        "question",
        "source",
        "yes",
        "no",
        "AUC",
        "sensitivity",
        "specificity",
        "referred of yes",
        "referred of no",
        "ECE",
    ])
    .words_in(1);
    for (id, answers) in &asked {
        for (name, q) in answers {
            table.row([
                id.clone(),
                (*name).to_owned(),
                q.positives.to_string(),
                q.negatives.to_string(),
                measured(q.auc),
                share(q.sensitivity),
                share(q.specificity),
                share(q.referred_positives),
                share(q.referred_negatives),
                error(q.ece_after),
            ]);
        }
        if answers.len() < 2 {
            continue;
        }
        let column = |pick: fn(&QuestionScores) -> Option<f64>| -> Vec<(&str, Option<f64>)> {
            answers.iter().map(|(name, q)| (*name, pick(q))).collect()
        };
        let columns = [
            (column(|q| q.auc.map(|m| m.value)), false),
            (column(|q| q.sensitivity.map(|s| s.value)), false),
            (column(|q| q.specificity.map(|s| s.value)), false),
            (column(|q| q.referred_positives.map(|s| s.value)), false),
            (column(|q| q.referred_negatives.map(|s| s.value)), true),
        ];
        let errors = column(|q| q.ece_after);
        let empty = || [String::new(), String::new()];
        let mut row = vec![id.clone(), format!("mean of {}", answers.len())];
        row.extend(empty());
        row.extend(columns.iter().map(|(c, _)| percent(mean_of(c))));
        row.push(error(mean_of(&errors)));
        table.row(row);
        let mut row = vec![id.clone(), "worst".to_owned()];
        row.extend(empty());
        let in_percent = |v: f64| percent(Some(v));
        row.extend(columns.iter().map(|(c, most)| worst(c, *most, in_percent)));
        row.push(worst(&errors, true, |v| error(Some(v))));
        table.row(row);
    }
    let mut text = String::new();
    let _ = write!(
        text,
        "\nSensitivity and specificity: of the question's own output at its shipped operating point,\n\
         of `referable` those of the device's whole rule. Referred: by that rule, for any finding.\n{}",
        table.to_text()
    );
    text
}

fn mean_of(column: &[(&str, Option<f64>)]) -> Option<f64> {
    mean(column.iter().map(|(_, value)| *value))
}

/// The largest value where `most`, else the smallest, with its source.
fn worst(column: &[(&str, Option<f64>)], most: bool, print: impl Fn(f64) -> String) -> String {
    let defined = column.iter().filter_map(|(name, v)| Some((*name, (*v)?)));
    let worst = match most {
        true => defined.max_by(|a, b| a.1.total_cmp(&b.1)),
        false => defined.min_by(|a, b| a.1.total_cmp(&b.1)),
    };
    worst.map_or("-".to_owned(), |(name, v)| format!("{} {name}", print(v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_named_and_what_is_not_defined_is_left_out() {
        let column = [("a", Some(0.75)), ("b", None), ("c", Some(0.5))];
        let print = |v: f64| percent(Some(v));
        assert_eq!(worst(&column, false, print), "50.0 c");
        assert_eq!(worst(&column, true, print), "75.0 a");
        assert_eq!(mean_of(&column), Some(0.625));
        assert_eq!(worst(&[("b", None)], true, print), "-");
    }
}
