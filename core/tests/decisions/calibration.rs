//! The calibration file: what it keeps and what is refused.

use crate::common::{edited, identity, small};
use fovea_core::calibration::{
    Calibration, CalibrationError, CalibrationSource, NodeCalibration, ParentRule,
};
use fovea_core::taxonomy::Taxonomy;

/// The sentence of a refusal; the check must refuse.
fn fault(change: impl FnOnce(&mut Calibration)) -> CalibrationError {
    let taxonomy = small();
    let mut calibration = identity(&taxonomy);
    calibration.check(&taxonomy).unwrap();
    change(&mut calibration);
    let error = calibration.check(&taxonomy).unwrap_err();
    assert!(!error.to_string().contains('\n'));
    error
}

fn node<'a>(calibration: &'a mut Calibration, id: &str) -> &'a mut NodeCalibration {
    calibration.nodes.get_mut(id).unwrap()
}

#[test]
fn the_file_keeps_every_number() {
    for taxonomy in ["odir", "rfmid"].map(|id| Taxonomy::builtin(id).unwrap()) {
        let mut calibration = identity(&taxonomy);
        calibration.parent_rule = ParentRule::NoisyOr;
        for (i, own) in calibration.nodes.values_mut().enumerate() {
            *own = NodeCalibration {
                temperature: 0.1 + i as f32 / 7.0,
                bias: -(i as f32) / 3.0,
                threshold: 1.0 / (i as f32 + 1.0),
                positives: i as u32,
                negatives: u32::MAX,
                source: CalibrationSource::Parent,
            };
        }
        let text = calibration.to_toml().unwrap();
        let read = Calibration::parse(&text).unwrap();
        assert_eq!(read, calibration);
        read.check(&taxonomy).unwrap();
    }
}

#[test]
fn the_file_is_written_for_people() {
    let text = identity(&small()).to_toml().unwrap();
    assert!(text.starts_with("# Calibration"));
    assert!(text.contains("[nodes.severe]\ntemperature = 1.0\nbias = 0.0\nthreshold = 0.5\npositives = 0\nnegatives = 0\nsource = \"global\"\n"), "{text}");
    assert!(text.contains("[composites.referable_dr]"));
    assert!(text.contains("parent_rule = \"sum_of_logits\""));
    let mut third = identity(&small());
    node(&mut third, "severe").threshold = 0.1;
    // The shortest digits that give the same f32, not its expansion in f64.
    assert!(third.to_toml().unwrap().contains("threshold = 0.1\n"));
}

#[test]
fn files_that_are_no_calibration_are_refused() {
    let text = identity(&small()).to_toml().unwrap();
    let parse = |from: &str, to: &str| Calibration::parse(&edited(&text, from, to)).unwrap_err();
    assert_eq!(
        parse("format = 1", "format = 2\nnovelty = 1"),
        CalibrationError::Format { found: 2 }
    );
    for (from, to, says) in [
        ("bias = 0.0", "bias = 0.0\nslope = 1.0", "slope"),
        ("bias = 0.0", "", "bias"),
        ("positives = 0", "positives = -1", "-1"),
        ("source = \"global\"", "source = \"friend\"", "friend"),
        ("split = \"none\"", "split = \"none\"\ncolour = 1", "colour"),
        ("split = \"none\"", "split = none", "line"),
    ] {
        match parse(from, to) {
            CalibrationError::Syntax(message) => assert!(message.contains(says), "{message}"),
            other => panic!("{other}"),
        }
    }
    let long = text + "#" + &"x".repeat(4 << 20);
    assert!(matches!(
        Calibration::parse(&long),
        Err(CalibrationError::TooLarge { .. })
    ));
}

#[test]
fn a_calibration_for_something_else_is_refused() {
    let got = fault(|c| c.format = 0);
    assert_eq!(got, CalibrationError::Format { found: 0 });
    let got = fault(|c| c.taxonomy = "odir".to_owned());
    assert!(matches!(got, CalibrationError::Taxonomy { .. }), "{got}");
    for sha in ["", "0", &"G".repeat(64), &"A".repeat(64), &"0".repeat(65)] {
        assert_eq!(
            fault(|c| c.student_sha256 = sha.to_owned()),
            CalibrationError::StudentHash
        );
    }
}

#[test]
fn missing_and_extra_nodes_are_named() {
    let id = || "severe".to_owned();
    let got = fault(|c| {
        c.nodes.remove("severe");
    });
    assert_eq!(
        got,
        CalibrationError::Missing {
            what: "node",
            id: id()
        }
    );
    let got = fault(|c| {
        c.nodes
            .insert("severer".to_owned(), NodeCalibration::IDENTITY);
    });
    assert_eq!(
        got,
        CalibrationError::Unknown {
            what: "node",
            id: "severer".to_owned()
        }
    );
    let got = fault(|c| {
        c.composites.remove("referable");
    });
    assert_eq!(
        got,
        CalibrationError::Missing {
            what: "composite",
            id: "referable".to_owned()
        }
    );
    let got = fault(|c| {
        c.composites.insert(id(), NodeCalibration::IDENTITY);
    });
    assert_eq!(
        got,
        CalibrationError::Unknown {
            what: "composite",
            id: id()
        }
    );
}

#[test]
fn the_first_fault_in_the_taxonomys_order_is_reported() {
    // "dr" comes before "severe" in the file, after it in the taxonomy.
    let got = fault(|c| {
        node(c, "dr").bias = f32::NAN;
        node(c, "severe").bias = f32::NAN;
    });
    assert!(
        matches!(&got, CalibrationError::Value { id, .. } if id == "severe"),
        "{got}"
    );
}

#[test]
fn numbers_out_of_range_are_refused() {
    let is = |got: CalibrationError, expected: &str| match got {
        CalibrationError::Value { field, .. } => assert_eq!(field, expected),
        other => panic!("{other}"),
    };
    for bad in [0.0, -0.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        is(
            fault(|c| node(c, "severe").temperature = bad),
            "temperature",
        );
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        is(fault(|c| node(c, "vessels").bias = bad), "bias");
    }
    for bad in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        is(fault(|c| node(c, "blur").threshold = bad), "threshold");
        is(
            fault(|c| c.composites.get_mut("referable").unwrap().threshold = bad),
            "threshold",
        );
        is(fault(|c| c.target_sensitivity = bad), "target_sensitivity");
    }
    for bad in [f32::NAN, f32::INFINITY, -0.1, 1.1] {
        let got = fault(|c| c.gate.non_fundus = bad);
        assert!(
            matches!(&got, CalibrationError::Gate { field, .. } if field == "non_fundus"),
            "{got}"
        );
    }
    for bad in [f32::NAN, f32::INFINITY] {
        let got = fault(|c| c.gate.min_luma = bad);
        assert!(matches!(got, CalibrationError::Gate { .. }));
    }
}
