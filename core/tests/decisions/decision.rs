//! From logits to a verdict: the sums, the reasons, and what never happens.

use std::collections::BTreeMap;

use crate::common::{identity, logit, small};
use fovea_core::calibration::{Calibration, CompositeRule, NodeCalibration, ParentRule};
use fovea_core::decision::{
    decide, probabilities, raw_composites, raw_logits, retake, Likeliest, OutputError, Reason,
    ReferralDecision, Verdict,
};
use fovea_core::gate::GateReason;
use fovea_core::photograph::FileFault;
use fovea_core::taxonomy::Taxonomy;
use proptest::prelude::*;

type Table = BTreeMap<String, NodeCalibration>;

/// Logits of the small taxonomy from probabilities of its finest nodes: well,
/// mild, severe, haze, lens, blur.
fn logits(p: [f64; 6]) -> Vec<f32> {
    p.map(|p| logit(p) as f32).to_vec()
}

/// Noisy-or: then a parent is as certain as its children are together, which
/// makes cases easy to write.
fn noisy(taxonomy: &Taxonomy) -> Calibration {
    Calibration {
        parent_rule: ParentRule::NoisyOr,
        ..identity(taxonomy)
    }
}

fn ids<'a>(taxonomy: &'a Taxonomy, nodes: &[usize]) -> Vec<&'a str> {
    nodes
        .iter()
        .map(|&i| taxonomy.nodes()[i].id.as_str())
        .collect()
}

/// The verdict on probabilities under noisy-or, after a change of operating
/// points.
fn verdict(p: [f64; 6], thresholds: &[(&str, f32)]) -> Verdict {
    let t = small();
    let mut calibration = noisy(&t);
    for &(id, threshold) in thresholds {
        let table = if t.index(id).is_some() {
            &mut calibration.nodes
        } else {
            &mut calibration.composites
        };
        table.get_mut(id).unwrap().threshold = threshold;
    }
    decide(&t, &calibration, &logits(p)).unwrap()
}

#[test]
fn a_parents_logit_is_the_sum_of_its_childrens() {
    let t = small();
    let raw = raw_logits(&t, &identity(&t), &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]).unwrap();
    let of = |id: &str| raw[t.index(id).unwrap()];
    assert_eq!(raw[..6], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
    // haze adds to both its parents.
    assert_eq!((of("dr"), of("lens_disease")), (14.0, 24.0));
    assert_eq!(
        (of("vessels"), of("media"), of("healthy")),
        (14.0, 24.0, 1.0)
    );
}

#[test]
fn a_probability_is_the_sigmoid_of_the_scaled_logit() {
    let t = small();
    let mut calibration = identity(&t);
    let severe = calibration.nodes.get_mut("severe").unwrap();
    (severe.temperature, severe.bias) = (2.0, -0.5);
    let p = probabilities(&t, &calibration, &[0.0, 0.0, 3.0, 0.0, 0.0, 0.0]).unwrap();
    assert!((f64::from(p.nodes[2]) - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-7);
    assert_eq!(p.nodes[0], 0.5);
    // The composite of one node is that node, calibrated; then its own step.
    assert!((p.composites["referable_dr"] - p.nodes[2]).abs() < 1e-6);
    calibration.composites.get_mut("referable_dr").unwrap().bias = -1.0;
    let p = probabilities(&t, &calibration, &[0.0, 0.0, 3.0, 0.0, 0.0, 0.0]).unwrap();
    assert!((p.composites["referable_dr"] - 0.5).abs() < 1e-6);
}

#[test]
fn outputs_that_cannot_be_judged_give_no_verdict() {
    let t = small();
    let calibration = identity(&t);
    for got in [0, 5, 7, 27] {
        let error = decide(&t, &calibration, &vec![0.0; got]).unwrap_err();
        assert_eq!(error, OutputError::Count { expected: 6, got });
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for k in 0..6 {
            let mut z = vec![-9.0; 6];
            z[k] = bad;
            let error = decide(&t, &calibration, &z).unwrap_err();
            assert!(
                matches!(&error, OutputError::NotFinite { node, .. } if *node == t.nodes()[k].id)
            );
        }
    }
}

#[test]
fn an_unusable_calibration_gives_no_verdict() {
    let t = small();
    let z = [-9.0; 6];
    let missing = |calibration: &Calibration| match decide(&t, calibration, &z) {
        Err(OutputError::Uncalibrated { id }) => id,
        other => panic!("{other:?}"),
    };
    let nodes: fn(&mut Calibration) -> &mut Table = |c| &mut c.nodes;
    let composites: fn(&mut Calibration) -> &mut Table = |c| &mut c.composites;
    for (table, id) in [(nodes, "severe"), (composites, "referable")] {
        let faults: [fn(&mut NodeCalibration); 3] = [
            |own| own.temperature = 0.0,
            |own| own.temperature = f32::NAN,
            |own| own.threshold = f32::NAN, // would compare as never reached
        ];
        for fault in faults {
            let mut calibration = identity(&t);
            fault(table(&mut calibration).get_mut(id).unwrap());
            assert_eq!(missing(&calibration), id);
        }
        let mut calibration = identity(&t);
        table(&mut calibration).remove(id);
        assert_eq!(missing(&calibration), id);
    }
}

/// The reasons in a few letters, numbers to two digits.
fn told(decision: &Verdict) -> Vec<String> {
    let mark = |set: bool, word: &str| {
        if set {
            format!(" {word}")
        } else {
            String::new()
        }
    };
    let one = |reason: &Reason| match reason {
        Reason::Refers {
            node,
            probability: p,
            threshold: t,
            urgent,
            open,
        } => {
            let (urgent, open) = (mark(*urgent, "urgent"), mark(*open, "open"));
            format!("{node} {p:.2}/{t:.2}{urgent}{open}")
        }
        Reason::AnyReferable {
            probability: p,
            threshold: t,
            likeliest,
        } => {
            let most = |l: &Likeliest| format!(", most likely {} {:.2}", l.node, l.probability);
            let most = likeliest.as_ref().map(most).unwrap_or_default();
            format!("any {p:.2}/{t:.2}{most}")
        }
        Reason::NoneReferable {
            probability: p,
            threshold: t,
        } => format!("none {p:.2}/{t:.2}"),
        Reason::Nearest {
            node,
            probability: p,
            threshold: t,
        } => format!("nearest: {node} {p:.2}/{t:.2}"),
        Reason::NotReferred {
            node,
            probability: p,
            threshold: t,
        } => format!("not referred: {node} {p:.2}/{t:.2}"),
        other => format!("{other:?}"),
    };
    decision.reasons.iter().map(one).collect()
}

/// Kept in every exam: what is written today is read for as long as there are
/// exams.
#[test]
fn reasons_are_written_with_a_kind_and_come_back() {
    let reasons = [
        (
            Reason::Refers {
                node: "pdr".to_owned(),
                probability: 0.1,
                threshold: 0.05,
                urgent: true,
                open: false,
            },
            r#"{"kind":"refers","node":"pdr","probability":0.1,"threshold":0.05,"urgent":true,"open":false}"#,
        ),
        (
            Reason::Gate {
                gate: GateReason::TooDark,
            },
            r#"{"kind":"gate","gate":"too_dark"}"#,
        ),
        (
            Reason::File {
                fault: FileFault::Empty,
                detail: "x".to_owned(),
            },
            r#"{"kind":"file","fault":"empty","detail":"x"}"#,
        ),
        (
            Reason::AnyReferable {
                probability: 0.5,
                threshold: 0.25,
                likeliest: None,
            },
            r#"{"kind":"any_referable","probability":0.5,"threshold":0.25}"#,
        ),
        (
            Reason::AnyReferable {
                probability: 0.5,
                threshold: 0.25,
                likeliest: Some(Likeliest {
                    node: "dr".to_owned(),
                    probability: 0.25,
                }),
            },
            r#"{"kind":"any_referable","probability":0.5,"threshold":0.25,"likeliest":{"node":"dr","probability":0.25}}"#,
        ),
        (Reason::NothingLookedFor, r#"{"kind":"nothing_looked_for"}"#),
        (
            Reason::NoneReferable {
                probability: 0.3,
                threshold: 0.7,
            },
            r#"{"kind":"none_referable","probability":0.3,"threshold":0.7}"#,
        ),
    ];
    for (reason, json) in reasons {
        assert_eq!(serde_json::to_string(&reason).unwrap(), json);
        assert_eq!(serde_json::from_str::<Reason>(json).unwrap(), reason);
    }
}

#[test]
fn an_urgent_finding_is_referred_urgently_and_first() {
    let d = verdict([0.01, 0.02, 0.81, 0.01, 0.7, 0.01], &[("severe", 0.4)]);
    assert_eq!(d.referral, ReferralDecision::ReferUrgent);
    assert_eq!(
        told(&d),
        ["severe 0.81/0.40 urgent", "lens 0.70/0.50", "any 0.94/0.50",]
    );
    assert!((d.score - 0.943).abs() < 1e-3);
    assert!((d.referable_dr.unwrap() - 0.81).abs() < 1e-6);
}

#[test]
fn a_routine_finding_is_referred() {
    let d = verdict([0.01, 0.02, 0.01, 0.01, 0.7, 0.01], &[]);
    assert_eq!(d.referral, ReferralDecision::Refer);
    assert_eq!(ids(&small(), &d.committed), ["lens"]);
}

#[test]
fn a_parent_counts_only_where_no_child_is_certain() {
    // Mild DR makes DR certain, and is not referred for all that.
    let d = verdict([0.01, 0.9, 0.02, 0.01, 0.01, 0.01], &[]);
    assert!(d.findings.iter().any(|f| f.id == "dr" && f.positive));
    assert_eq!(ids(&small(), &d.committed), ["mild"]);
    assert_eq!(d.referral, ReferralDecision::NoReferableDisease);
    assert_eq!(told(&d)[0], "not referred: mild 0.90/0.50");

    // Mild or severe is open: DR alone is reported, and referred.
    let d = verdict([0.01, 0.4, 0.35, 0.01, 0.01, 0.01], &[]);
    assert_eq!(ids(&small(), &d.committed), ["dr"]);
    assert_eq!(d.referral, ReferralDecision::Refer);
    assert_eq!(told(&d), ["dr 0.61/0.50 open"]);
}

#[test]
fn a_group_alone_is_referred_too() {
    let d = verdict([0.01, 0.4, 0.35, 0.01, 0.01, 0.01], &[("dr", 0.9)]);
    assert_eq!(ids(&small(), &d.committed), ["vessels"]);
    assert_eq!(d.referral, ReferralDecision::Refer);
    // But a finding two levels down explains it.
    let d = verdict([0.01, 0.6, 0.02, 0.01, 0.01, 0.01], &[("dr", 0.9)]);
    assert_eq!(ids(&small(), &d.committed), ["mild"]);
}

#[test]
fn the_composite_refers_by_itself() {
    // No disease alone would be referred; the likeliest is named all the same.
    let d = verdict([0.01, 0.02, 0.25, 0.01, 0.2, 0.01], &[("referable", 0.3)]);
    assert_eq!(d.referral, ReferralDecision::Refer);
    assert!(d.committed.is_empty());
    assert_eq!(told(&d), ["any 0.40/0.30, most likely dr 0.27"]);
}

#[test]
fn the_likeliest_disease_is_named_once() {
    // A cataract passes its own operating point, but retinopathy is likelier.
    let d = verdict(
        [0.01, 0.02, 0.6, 0.01, 0.3, 0.01],
        &[
            ("severe", 0.7),
            ("dr", 0.8),
            ("vessels", 0.8),
            ("lens", 0.2),
        ],
    );
    assert_eq!(
        told(&d),
        ["any 0.72/0.50, most likely dr 0.61", "lens 0.30/0.20"]
    );
    // What is named itself, by its form or by the disease, is not named again.
    let d = verdict([0.01, 0.02, 0.6, 0.01, 0.3, 0.01], &[("dr", 0.5)]);
    assert_eq!(told(&d), ["severe 0.60/0.50 urgent", "any 0.72/0.50"]);
    let d = verdict([0.01, 0.4, 0.35, 0.01, 0.3, 0.01], &[("referable", 0.4)]);
    assert_eq!(told(&d), ["dr 0.61/0.50 open", "any 0.55/0.40"]);
}

#[test]
fn the_likeliest_disease_is_one_that_speaks_for_the_referral() {
    // Retinopathy is likelier, but mild, which is not referred.
    let d = verdict([0.01, 0.9, 0.02, 0.01, 0.45, 0.01], &[("referable", 0.4)]);
    assert_eq!(told(&d), ["any 0.46/0.40, most likely lens_disease 0.46"]);
}

#[test]
fn what_cannot_wait_stands_before_what_is_likeliest() {
    let d = verdict(
        [0.01, 0.02, 0.6, 0.01, 0.9, 0.01],
        &[("lens", 0.95), ("lens_disease", 0.95), ("media", 0.95)],
    );
    assert_eq!(
        told(&d),
        [
            "severe 0.60/0.50 urgent",
            "any 0.96/0.50, most likely lens_disease 0.90"
        ]
    );
}

#[test]
fn the_likeliest_disease_counts_and_not_that_there_are_many() {
    let t = Taxonomy::builtin("odir").unwrap();
    let mut calibration = noisy(&t);
    calibration.composite_rule = CompositeRule::LikeliestDisease;
    let score = |likely: &[(&str, f64)], calibration: &Calibration| {
        let mut p = vec![0.04; t.finest_count()];
        likely
            .iter()
            .for_each(|(id, likely)| p[t.index(id).unwrap()] = *likely);
        let logits: Vec<f32> = p.into_iter().map(|p| logit(p) as f32).collect();
        f64::from(decide(&t, calibration, &logits).unwrap().score)
    };
    let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-5, "{got} {wanted}");
    // Unsure of everything: twenty findings at 4 % are no likely disease.
    close(score(&[], &calibration), 1.0 - 0.96f64.powi(3));
    assert!(score(&[], &noisy(&t)) > 0.5);
    close(score(&[("cataract", 0.7)], &calibration), 1.0 - 0.3 * 0.96);
    // Grades of one disease exclude each other and add up.
    let grades = [("npdr_moderate", 0.3), ("npdr_severe", 0.3), ("pdr", 0.3)];
    close(score(&grades, &calibration), 1.0 - 0.7f64.powi(3));
}

#[test]
fn an_all_clear_names_what_came_nearest() {
    let d = verdict([0.9, 0.02, 0.1, 0.01, 0.2, 0.01], &[("severe", 0.11)]);
    assert_eq!(d.referral, ReferralDecision::NoReferableDisease);
    assert_eq!(ids(&small(), &d.committed), ["well"]);
    assert_eq!(told(&d), ["nearest: severe 0.10/0.11", "none 0.28/0.50"]);
}

#[test]
fn a_rare_finding_is_not_near_because_its_operating_point_is_low() {
    let d = verdict(
        [0.9, 0.02, 0.1, 0.01, 0.001, 0.01],
        &[("severe", 0.11), ("lens", 0.002)],
    );
    assert_eq!(told(&d)[0], "nearest: severe 0.10/0.11");
}

#[test]
fn what_speaks_of_the_photograph_refers_nobody() {
    let d = verdict([0.9, 0.02, 0.02, 0.01, 0.01, 0.99], &[]);
    assert_eq!(d.referral, ReferralDecision::NoReferableDisease);
    assert_eq!(ids(&small(), &d.committed), ["well", "blur"]);
    assert!(!d.reasons.iter().any(|r| r.node() == Some("blur")));
}

#[test]
fn a_taxonomy_that_refers_nothing_says_so() {
    let text = crate::common::SMALL
        .replace("\"urgent\"", "\"none\"")
        .replace("\"routine\"", "\"none\"");
    let t = Taxonomy::parse(&text).unwrap();
    let mut calibration = identity(&t);
    // Even an operating point of 0 cannot refer for a disease there is not.
    calibration
        .composites
        .get_mut("referable")
        .unwrap()
        .threshold = 0.0;
    let d = decide(&t, &calibration, &[9.0; 6]).unwrap();
    assert_eq!(
        (d.referral, d.score),
        (ReferralDecision::NoReferableDisease, 0.0)
    );
    assert_eq!(d.reasons.last(), Some(&Reason::NothingLookedFor));
}

#[test]
fn a_refused_photograph_never_reads_as_an_all_clear() {
    let clear = verdict([0.9, 0.02, 0.02, 0.01, 0.01, 0.01], &[]);
    let again = retake(clear.clone(), GateReason::TooDark);
    assert_eq!(again.referral, ReferralDecision::Retake);
    let gate = GateReason::TooDark;
    assert_eq!(again.reasons, [Reason::Gate { gate }]);
    assert_eq!(
        (again.score, &again.findings),
        (clear.score, &clear.findings)
    );

    let ill = verdict([0.01, 0.02, 0.9, 0.01, 0.01, 0.01], &[]);
    let again = retake(ill.clone(), GateReason::TooDark);
    assert_eq!(again.referral, ReferralDecision::Retake);
    assert_eq!(again.reasons[1..], ill.reasons);
}

#[test]
fn verdicts_are_written_in_snake_case() {
    let word = |r: ReferralDecision| {
        toml::Value::try_from(r)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(word(ReferralDecision::ReferUrgent), "refer_urgent");
    assert_eq!(word(ReferralDecision::Refer), "refer");
    assert_eq!(
        word(ReferralDecision::NoReferableDisease),
        "no_referable_disease"
    );
    assert_eq!(word(ReferralDecision::Retake), "retake");
}

/// Sum of the logits below a node, counting a shared finding once per path.
fn sum_below(t: &Taxonomy, node: usize, z: &[f32]) -> f64 {
    if node < z.len() {
        return f64::from(z[node]);
    }
    t.nodes()[node]
        .children
        .iter()
        .map(|&c| sum_below(t, c, z))
        .sum()
}

/// 1 - prod(1 - p) as written, for probabilities where that is exact enough.
fn or(p: impl Iterator<Item = f32>) -> f64 {
    1.0 - p.map(|p| 1.0 - f64::from(p)).product::<f64>()
}

fn shipped() -> impl Strategy<Value = Taxonomy> {
    prop::sample::select(vec!["odir", "rfmid"]).prop_map(|id| Taxonomy::builtin(id).unwrap())
}

/// Any finite number, however wild.
fn wild() -> impl Strategy<Value = f32> {
    prop_oneof![
        -20.0f32..20.0,
        any_finite(),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            1e-45,
            -1e38,
            1e38
        ]),
    ]
}

fn any_finite() -> impl Strategy<Value = f32> {
    prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO
}

proptest! {
    #[test]
    fn sums_follow_every_path(t in shipped(), z in prop::collection::vec(-20.0f32..20.0, 29)) {
        let z = &z[..t.finest_count()];
        let raw = raw_logits(&t, &identity(&t), z).unwrap();
        prop_assert_eq!(raw.len(), t.nodes().len());
        for (i, &got) in raw.iter().enumerate() {
            let expected = sum_below(&t, i, z);
            prop_assert!((f64::from(got) - expected).abs() < 1e-2, "{}: {got} {expected}", t.nodes()[i].id);
        }
    }

    #[test]
    fn noisy_or_is_any_of_the_children(t in shipped(), z in prop::collection::vec(-6.0f32..4.0, 29)) {
        let z = &z[..t.finest_count()];
        let calibration = noisy(&t);
        let p = probabilities(&t, &calibration, z).unwrap();
        for (i, node) in t.nodes().iter().enumerate().skip(t.finest_count()) {
            let expected = or(node.children.iter().map(|&c| p.nodes[c]));
            prop_assert!((f64::from(p.nodes[i]) - expected).abs() < 1e-5);
        }
        let raw = raw_logits(&t, &calibration, z).unwrap();
        let composites = raw_composites(&t, &calibration, &raw).unwrap();
        for (id, members) in t.composites() {
            let expected = or(members.iter().map(|&m| p.nodes[m]));
            prop_assert!((f64::from(p.composites[id]) - expected).abs() < 1e-5);
            // Raw means before the composite's own temperature, here 1.
            let sigmoid = 1.0 / (1.0 + (-f64::from(composites[id])).exp());
            prop_assert!((f64::from(p.composites[id]) - sigmoid).abs() < 1e-6);
        }
    }

    #[test]
    fn whatever_is_finite_gets_a_verdict_that_agrees_with_itself(
        t in shipped(),
        z in prop::collection::vec(wild(), 29),
        sum in any::<bool>(),
        likeliest in any::<bool>(),
        temperature in prop::sample::select(vec![1.0f32, 1e-45, 0.3, f32::MAX]),
        bias in wild(),
        threshold in 0.0f32..=1.0,
    ) {
        let mut calibration = identity(&t);
        calibration.parent_rule = if sum { ParentRule::SumOfLogits } else { ParentRule::NoisyOr };
        calibration.composite_rule =
            if likeliest { CompositeRule::LikeliestDisease } else { CompositeRule::NoisyOr };
        for own in calibration.nodes.values_mut().chain(calibration.composites.values_mut()) {
            (own.temperature, own.bias, own.threshold) = (temperature, bias, threshold);
        }
        calibration.check(&t).unwrap();
        let d = decide(&t, &calibration, &z[..t.finest_count()]).unwrap();

        prop_assert!((0.0..=1.0).contains(&d.score));
        prop_assert!(!d.reasons.is_empty());
        prop_assert_eq!(d.findings.len(), t.nodes().len());
        for f in &d.findings {
            prop_assert!((0.0..=1.0).contains(&f.probability), "{}", f.probability);
            prop_assert_eq!(f.positive, f.probability >= f.threshold);
        }
        // Any referable finding or the composite refers, and nothing else but
        // a parent that stands alone.
        let referable = t.composite("referable").unwrap();
        let reached = referable.iter().any(|&i| d.findings[i].positive) || d.score >= threshold;
        let alone = d.committed.iter().any(|&i| i >= t.finest_count());
        match d.referral {
            ReferralDecision::NoReferableDisease => prop_assert!(!reached),
            _ => prop_assert!(reached || alone),
        }
        for &i in &d.committed {
            prop_assert!(d.findings[i].positive);
            prop_assert!(t.nodes()[i].children.iter().all(|&c| !d.findings[c].positive));
        }
    }

    #[test]
    fn more_of_a_finding_never_means_less_disease(
        z in prop::collection::vec(-8.0f32..8.0, 6),
        k in 0usize..6,
        more in 0.0f32..5.0,
        sum in any::<bool>(),
        likeliest in any::<bool>(),
    ) {
        let t = small();
        let mut calibration = identity(&t);
        calibration.parent_rule = if sum { ParentRule::SumOfLogits } else { ParentRule::NoisyOr };
        calibration.composite_rule =
            if likeliest { CompositeRule::LikeliestDisease } else { CompositeRule::NoisyOr };
        let less = probabilities(&t, &calibration, &z).unwrap();
        let mut z = z;
        z[k] += more;
        let grown = probabilities(&t, &calibration, &z).unwrap();
        for (a, b) in less.nodes.iter().zip(&grown.nodes) {
            prop_assert!(b >= &(a - 1e-6));
        }
        for (id, a) in &less.composites {
            prop_assert!(grown.composites[id] >= a - 1e-6);
        }
    }
}
