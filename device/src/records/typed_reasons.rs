//! Exams up to schema 2 kept the reasons of a verdict as English sentences.
//! This makes them typed, with the numbers that the same record holds.
//!
//! What an exam says is not changed by it: a sentence that is not one of those
//! that were ever written is kept as it is ([`Reason::Kept`]).

use fovea_core::decision::Reason;
use fovea_core::gate::GateReason;
use rusqlite::types::Value as Cell;
use rusqlite::Connection;
use serde_json::Value;

use super::row::EXAMS;
use super::{entry, StoreError};

/// Rewrites every exam whose seal is right. One that was damaged, or cannot be
/// read, stays as it is, so that it is still found.
pub(super) fn rewrite(db: &Connection) -> Result<(), StoreError> {
    let mut query = db.prepare(&EXAMS.select("ORDER BY number"))?;
    let mut rows = query.query([])?;
    let mut changed: Vec<Vec<Cell>> = Vec::new();
    while let Some(row) = rows.next()? {
        if !EXAMS.intact(row)? {
            continue;
        }
        let mut cells: Vec<Cell> = EXAMS
            .columns()
            .map(|column| row.get(column))
            .collect::<rusqlite::Result<_>>()?;
        let Some(Cell::Text(record)) = cells.get_mut(entry::RECORD) else {
            continue;
        };
        let Ok(mut exam) = serde_json::from_str::<Value>(record) else {
            continue;
        };
        if in_exam(&mut exam) {
            *record = entry::json(&exam)?;
            changed.push(cells);
        }
    }
    drop(rows);
    for cells in changed {
        EXAMS.change(db, cells)?;
    }
    Ok(())
}

/// Types the reasons of every verdict of an exam; whether there were any.
fn in_exam(exam: &mut Value) -> bool {
    let mut changed = false;
    for eye in ["right", "left"] {
        let shots = exam[eye]["shots"].as_array_mut();
        for shot in shots.into_iter().flatten() {
            let given = shot
                .get_mut("judgement")
                .and_then(|judgement| judgement.get_mut("given"))
                .and_then(|given| given.get_mut("record"));
            if let Some(record) = given {
                changed |= in_record(record);
            }
        }
    }
    changed
}

fn in_record(record: &mut Value) -> bool {
    let Some(because) = record["referral"]["because"].as_array() else {
        return false;
    };
    let reasons: Vec<Reason> = because
        .iter()
        .filter_map(Value::as_str)
        .flat_map(|sentence| typed(sentence, record))
        .collect();
    // What cannot be written as JSON cannot be read from it either.
    let Ok(reasons) = serde_json::to_string(&reasons).and_then(|text| serde_json::from_str(&text))
    else {
        return false;
    };
    if let Some(referral) = record["referral"].as_object_mut() {
        referral.remove("because");
        referral.insert("reasons".to_owned(), reasons);
    }
    true
}

/// The reasons that `sentence` gave.
fn typed(sentence: &str, record: &Value) -> Vec<Reason> {
    if sentence == "This student looks for nothing that is referred" {
        return vec![Reason::NothingLookedFor];
    }
    let found = gate(sentence)
        .map(|gate| vec![Reason::Gate { gate }])
        .or_else(|| of_all(sentence, record))
        .or_else(|| of_nearest(sentence, record))
        .or_else(|| of_finding(sentence, record).map(|reason| vec![reason]));
    found.unwrap_or_else(|| {
        let english = sentence.to_owned();
        vec![Reason::Kept { english }]
    })
}

/// What was said of photographs that the gate refused.
fn gate(sentence: &str) -> Option<GateReason> {
    use GateReason::*;
    let said = [
        (NonFundus, "This is not a photograph of a retina"),
        (TooDark, "The photograph is too dark"),
        (TooBright, "The photograph is too bright"),
        (Blurred, "The photograph is blurred or hazy"),
        (FieldOfView, "Too little of the retina is in view"),
        (Artefact, "Lashes, dust or reflections hide the retina"),
        (Unreadable, "The file cannot be read"),
        (SeveralFields, "More than one eye is in the photograph"),
        (NotColour, "This is not a colour photograph of the retina"),
        (TooSmall, "The photograph has too few pixels"),
        (StudentFailed, "The model failed on this photograph"),
    ];
    let beginning = sentence.split(": ").next()?;
    said.into_iter()
        .find(|(_, said)| *said == beginning)
        .map(|(reason, _)| reason)
}

const ALL: &str = "Any referable disease ";
const PASSES: &str = " passes its operating point ";
const ALONE: &str = ", though no single finding does: which one is open";

/// Any referable disease, above or below its operating point. That point was
/// never kept but in the sentence, with the digits it has there.
fn of_all(sentence: &str, record: &Value) -> Option<Vec<Reason>> {
    let numbers = sentence.strip_prefix(ALL)?;
    let probability = number(&record["referral"]["score"])?;
    if let Some((_, threshold)) = numbers.split_once(" stays below its operating point ") {
        let threshold = threshold.parse().ok()?;
        return Some(vec![Reason::NoneReferable {
            probability,
            threshold,
        }]);
    }
    let (_, rest) = numbers.split_once(PASSES)?;
    let (threshold, nearest) = match rest.split_once(ALONE) {
        None => (rest, ""),
        Some((threshold, nearest)) => (threshold, nearest),
    };
    let any = Reason::AnyReferable {
        probability,
        threshold: threshold.parse().ok()?,
        likeliest: None,
    };
    match nearest.strip_prefix("; the nearest is ") {
        None if nearest.is_empty() => Some(vec![any]),
        None => None,
        Some(nearest) => Some(vec![any, self::nearest(nearest, record)?]),
    }
}

/// What came nearest to a referral in an all-clear.
fn of_nearest(sentence: &str, record: &Value) -> Option<Vec<Reason>> {
    let nearest = sentence
        .strip_prefix("No referable finding passes its operating point; the nearest is ")?;
    Some(vec![self::nearest(nearest, record)?])
}

/// From `Cataract with 0.20 of 0.50`.
fn nearest(text: &str, record: &Value) -> Option<Reason> {
    let (name, _) = text.rsplit_once(" with ")?;
    let (node, probability, threshold) = finding(name, record)?;
    Some(Reason::Nearest {
        node,
        probability,
        threshold,
    })
}

/// From `Severe DR 0.81 passes its operating point 0.40` and what may follow.
fn of_finding(sentence: &str, record: &Value) -> Option<Reason> {
    let (head, tail) = sentence.split_once(PASSES)?;
    let (name, _) = head.rsplit_once(' ')?;
    let (node, probability, threshold) = finding(name, record)?;
    let (_, follows) = tail.split_at(tail.find([',', ';', ' ']).unwrap_or(tail.len()));
    if follows == " but is not referred" {
        return Some(Reason::NotReferred {
            node,
            probability,
            threshold,
        });
    }
    let (follows, urgent) = match follows.strip_suffix("; this is urgent") {
        Some(before) => (before, true),
        None => (follows, false),
    };
    let open = match follows {
        "" => false,
        ", though no single finding within it does: which one is open" => true,
        _ => return None,
    };
    Some(Reason::Refers {
        node,
        probability,
        threshold,
        urgent,
        open,
    })
}

/// The id, probability and operating point of the finding of that name.
fn finding(name: &str, record: &Value) -> Option<(String, f32, f32)> {
    let findings = record["findings"].as_array()?;
    let finding = findings.iter().find(|finding| finding["name"] == name)?;
    Some((
        finding["id"].as_str()?.to_owned(),
        number(&finding["probability"])?,
        number(&finding["threshold"])?,
    ))
}

fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Value {
        json!({
            "referral": { "score": 0.9375 },
            "findings": [
                { "id": "pdr", "name": "PDR (with signs)", "probability": 0.8125, "threshold": 0.4 },
                { "id": "dr", "name": "DR", "probability": 0.5, "threshold": 0.25 },
            ],
        })
    }

    fn written(sentence: &str) -> String {
        serde_json::to_string(&typed(sentence, &record())).unwrap()
    }

    #[test]
    fn every_sentence_that_was_ever_written_becomes_its_reason() {
        for (sentence, typed) in [
            (
                "PDR (with signs) 0.81 passes its operating point 0.40; this is urgent",
                r#"[{"kind":"refers","node":"pdr","probability":0.8125,"threshold":0.4,"urgent":true,"open":false}]"#,
            ),
            (
                "DR 0.50 passes its operating point 0.25, though no single finding within it does: which one is open",
                r#"[{"kind":"refers","node":"dr","probability":0.5,"threshold":0.25,"urgent":false,"open":true}]"#,
            ),
            (
                "DR 0.50 passes its operating point 0.25, though no single finding within it does: which one is open; this is urgent",
                r#"[{"kind":"refers","node":"dr","probability":0.5,"threshold":0.25,"urgent":true,"open":true}]"#,
            ),
            (
                "DR 0.50 passes its operating point 0.25 but is not referred",
                r#"[{"kind":"not_referred","node":"dr","probability":0.5,"threshold":0.25}]"#,
            ),
            (
                "Any referable disease 0.94 passes its operating point 0.42",
                r#"[{"kind":"any_referable","probability":0.9375,"threshold":0.42}]"#,
            ),
            (
                "Any referable disease 0.94 passes its operating point 0.42, though no single finding does: which one is open; the nearest is PDR (with signs) with 0.81 of 0.40",
                r#"[{"kind":"any_referable","probability":0.9375,"threshold":0.42},{"kind":"nearest","node":"pdr","probability":0.8125,"threshold":0.4}]"#,
            ),
            (
                "No referable finding passes its operating point; the nearest is DR with 0.50 of 0.25",
                r#"[{"kind":"nearest","node":"dr","probability":0.5,"threshold":0.25}]"#,
            ),
            (
                "Any referable disease 0.94 stays below its operating point 0.9401",
                r#"[{"kind":"none_referable","probability":0.9375,"threshold":0.9401}]"#,
            ),
            (
                "This student looks for nothing that is referred",
                r#"[{"kind":"nothing_looked_for"}]"#,
            ),
            (
                "The photograph is too dark: use more flash or dilate the pupil",
                r#"[{"kind":"gate","gate":"too_dark"}]"#,
            ),
        ] {
            assert_eq!(written(sentence), typed, "{sentence}");
        }
    }

    #[test]
    fn what_was_never_written_so_is_kept_as_it_is() {
        for sentence in [
            "",
            "Cataract 0.70 passes its operating point 0.50",
            "DR 0.50 passes its operating point 0.25, or so",
            "Any referable disease 0.94 passes its operating point high",
            "This student looks for nothing that is referred, at all",
        ] {
            let english = sentence.to_owned();
            assert_eq!(typed(sentence, &record()), [Reason::Kept { english }]);
        }
    }
}
