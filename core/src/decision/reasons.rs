//! Why a verdict is what it is, in plain English.

use super::{nearest_referable, refers, Decision, Finding, ReferralDecision};
use crate::taxonomy::{Level, Node, Referral, Subject, Taxonomy};

/// The reasons of a decision whose other fields are filled. `operating_point`
/// is that of the composite `referable`.
pub(super) fn of(taxonomy: &Taxonomy, decision: &Decision, operating_point: f32) -> Vec<String> {
    if decision.referral == ReferralDecision::NoReferableDisease {
        return all_clear(taxonomy, decision, operating_point);
    }
    let mut referred: Vec<(&Node, &Finding)> = decision
        .committed
        .iter()
        .map(|&i| (&taxonomy.nodes()[i], &decision.findings[i]))
        .filter(|(node, _)| node.subject == Subject::Eye && node.referral != Referral::None)
        .collect();
    // Stable: what weighs the same stays in the taxonomy's order.
    referred.sort_by_key(|(node, _)| std::cmp::Reverse((node.referral, node.severity)));

    let mut reasons: Vec<String> = referred
        .into_iter()
        .map(|(n, f)| of_finding(n, f))
        .collect();
    if refers(taxonomy) && decision.score >= operating_point {
        let numbers = passes(decision.score, operating_point);
        let mut reason = format!("Any referable disease {numbers}");
        // The composite alone: say so, and where to look first.
        if reasons.is_empty() {
            reason.push_str(", though no single finding does: which one is open");
            if let Some(f) = nearest_referable(taxonomy, &decision.findings) {
                let (p, t) = two(f.probability, f.threshold);
                reason.push_str(&format!("; the nearest is {} with {p} of {t}", f.name));
            }
        }
        reasons.push(reason);
    }
    reasons
}

fn of_finding(node: &Node, finding: &Finding) -> String {
    let numbers = passes(finding.probability, finding.threshold);
    let alone = match node.level {
        Level::Finest => "",
        _ => ", though no single finding within it does: which one is open",
    };
    let urgent = match node.referral {
        Referral::Urgent => "; this is urgent",
        _ => "",
    };
    format!("{} {numbers}{alone}{urgent}", node.name)
}

/// Names what came nearest to a referral: the reader can judge the margin.
fn all_clear(taxonomy: &Taxonomy, decision: &Decision, operating_point: f32) -> Vec<String> {
    let mut reasons = Vec::new();
    match nearest_referable(taxonomy, &decision.findings) {
        None => reasons.push("This student looks for nothing that is referred".to_owned()),
        Some(f) => {
            let (p, t) = two(f.probability, f.threshold);
            reasons.push(format!(
                "No referable finding passes its operating point; the nearest is {} with {p} of {t}",
                f.name
            ));
            let (p, t) = two(decision.score, operating_point);
            reasons.push(format!(
                "Any referable disease {p} stays below its operating point {t}"
            ));
        }
    }
    for &i in &decision.committed {
        let (node, finding) = (&taxonomy.nodes()[i], &decision.findings[i]);
        if node.subject == Subject::Eye && node.severity > 0 {
            let numbers = passes(finding.probability, finding.threshold);
            reasons.push(format!("{} {numbers} but is not referred", node.name));
        }
    }
    reasons
}

fn passes(probability: f32, threshold: f32) -> String {
    let (p, t) = two(probability, threshold);
    format!("{p} passes its operating point {t}")
}

/// Two numbers with two digits, or with as many as it takes (up to six) to
/// show that they differ.
fn two(a: f32, b: f32) -> (String, String) {
    let mut shown = (format!("{a:.2}"), format!("{b:.2}"));
    for digits in 3..=6 {
        if a == b || shown.0 != shown.1 {
            break;
        }
        shown = (format!("{a:.digits$}"), format!("{b:.digits$}"));
    }
    shown
}
