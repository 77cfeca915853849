//! Why a verdict is what it is, in the screen's language. The record keeps the
//! same reasons in English; these are made from the same findings.

use std::cmp::Reverse;

use fovea_core::decision::{nearest_referable, Finding, ReferralDecision};
use fovea_core::taxonomy::{Level, Node, Referral, Subject};

use super::model::Judged;
use super::words::{fill, Texts};

/// The reasons, the weightiest first.
pub(super) fn of(judged: &Judged, texts: &Texts) -> Vec<String> {
    match judged.record.referral.decision {
        ReferralDecision::NoReferableDisease => all_clear(judged, texts),
        _ => referred(judged, texts),
    }
}

fn referred(judged: &Judged, texts: &Texts) -> Vec<String> {
    let mut found: Vec<(&Node, &Finding)> = committed(judged)
        .filter(|(node, _)| node.referral != Referral::None)
        .collect();
    found.sort_by_key(|(node, _)| Reverse((node.referral, node.severity)));
    let mut reasons: Vec<String> = found
        .into_iter()
        .map(|(node, finding)| match node.level {
            Level::Finest => about(&texts.result.reaches, texts, finding),
            _ => about(&texts.result.open, texts, finding),
        })
        .collect();
    if let (Some(score), Some(point)) = (judged.record.referral.score, judged.operating_point) {
        if score >= point {
            let (p, t) = numbers(score, point);
            let alone = reasons.is_empty();
            reasons.push(fill(&texts.result.any_disease, &[("p", &p), ("t", &t)]));
            // The composite alone: say where to look first.
            if alone {
                reasons.extend(nearest(judged, texts));
            }
        }
    }
    reasons
}

/// What came nearest to a referral, and what was found that needs none.
fn all_clear(judged: &Judged, texts: &Texts) -> Vec<String> {
    committed(judged)
        .filter(|(node, _)| node.severity > 0)
        .map(|(_, finding)| about(&texts.result.not_referred, texts, finding))
        .chain(nearest(judged, texts))
        .collect()
}

/// The referable finding that came nearest to its limit.
fn nearest(judged: &Judged, texts: &Texts) -> Option<String> {
    let finding = nearest_referable(judged.taxonomy, &judged.record.findings)?;
    Some(about(&texts.result.nearest, texts, finding))
}

/// The findings of the eye that the verdict commits to.
fn committed<'a>(judged: &'a Judged) -> impl Iterator<Item = (&'a Node, &'a Finding)> {
    judged
        .record
        .committed
        .iter()
        .filter_map(|&k| {
            Some((
                judged.taxonomy.nodes().get(k)?,
                judged.record.findings.get(k)?,
            ))
        })
        .filter(|(node, _)| node.subject == Subject::Eye)
}

fn about(template: &str, texts: &Texts, finding: &Finding) -> String {
    let (p, t) = numbers(finding.probability, finding.threshold);
    let name = texts.finding(&finding.id, &finding.name);
    fill(template, &[("name", name), ("p", &p), ("t", &t)])
}

/// Two numbers with two digits, or with as many as it takes (up to six) to
/// show that they differ.
fn numbers(a: f32, b: f32) -> (String, String) {
    (2..=6)
        .map(|digits| (format!("{a:.digits$}"), format!("{b:.digits$}")))
        .find(|(shown, other)| a == b || shown != other)
        .unwrap_or_else(|| (a.to_string(), b.to_string()))
}
