//! Loading and running students.

mod support;

use fovea_core::prepare;
use fovea_device::grade::embedded;
use fovea_engine::{Engine, Isa, Student, StudentError};
use fovea_render::presets;

fn load(size: u32, outputs: usize) -> Result<Student, StudentError> {
    Student::load(&support::onnx(&support::taxonomy()), size, outputs)
}

#[test]
fn logits_are_what_the_weights_say_and_the_mean_of_their_maps() {
    let taxonomy = support::taxonomy();
    let outputs = taxonomy.finest_count();
    let student = load(support::SIZE, outputs).unwrap();
    let plane = (support::SIZE * support::SIZE) as usize;
    let mut input = vec![0.5; plane];
    input.extend(vec![-0.75; plane]);
    input.extend(vec![0.25; plane]);
    let answer = student.run(&input).unwrap();
    let logit = |id: &str| answer.logits[taxonomy.index(id).unwrap()];
    for (id, expected) in [
        ("normal", -2.0),
        ("npdr_severe", 2.0),
        ("non_fundus", 5.0),
        ("dark", -24.0),
        ("drusen", -6.0),
    ] {
        assert!((logit(id) - expected).abs() < 1e-4, "{id}: {}", logit(id));
    }
    assert_eq!((answer.height, answer.width), (4, 4));
    for (k, logit) in answer.logits.iter().enumerate() {
        let map = answer.map(k).unwrap();
        let mean = map.iter().sum::<f32>() / map.len() as f32;
        assert!((mean - logit).abs() < 1e-4);
    }
    assert!(answer.map(outputs).is_none());
}

#[test]
fn a_network_of_other_shape_is_refused_by_name() {
    let outputs = support::taxonomy().finest_count();
    let error = load(64, outputs).unwrap_err().to_string();
    assert!(
        error.contains("photograph") && error.contains("64"),
        "{error}"
    );
    let error = load(support::SIZE, outputs + 1).unwrap_err().to_string();
    assert!(error.contains("logits"), "{error}");
}

#[test]
fn what_is_no_network_is_refused() {
    for bytes in [&b""[..], b"not a network", &[0xff; 64]] {
        let error = Student::load(bytes, 32, 27).unwrap_err().to_string();
        assert!(error.starts_with("student.onnx"), "{error}");
    }
    let whole = support::onnx(&support::taxonomy());
    assert!(Student::load(&whole[..whole.len() / 2], 32, 27).is_err());
}

#[test]
fn an_input_of_other_length_is_refused() {
    let student = load(support::SIZE, support::taxonomy().finest_count()).unwrap();
    assert!(matches!(
        student.run(&[0.0; 10]),
        Err(StudentError::Input { found: 10, .. })
    ));
}

/// Drawn eyes and what is none, in the shipped student.
#[test]
fn the_engines_answer_alike() {
    let Some(bundle) = embedded::bundle() else {
        println!("skipped: models/student is empty, so no bundle is embedded");
        return;
    };
    let bundle = bundle.unwrap();
    let size = bundle.manifest.network.input_size;
    let load = |engine| {
        let outputs = bundle.taxonomy.finest_count();
        Student::load_with(&bundle.onnx, size, outputs, engine).unwrap()
    };
    let stock = load(Engine::Stock);
    let owns: Vec<Student> = Isa::available()
        .into_iter()
        .map(|isa| load(Engine::Own(isa)))
        .collect();
    for preset in presets().iter().step_by(4) {
        let prepared = prepare::prepare(&preset.draw(7, 600), size);
        let input = prepare::to_tensor(&prepared.rgb);
        let expected = stock.run(&input).unwrap().logits;
        let largest = expected.iter().fold(1.0f32, |most, v| most.max(v.abs()));
        for own in &owns {
            let found = own.run(&input).unwrap().logits;
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-4 * largest,
                    "{}, {:?}: {found} for {expected}",
                    preset.name,
                    own.engine()
                );
            }
        }
    }
}
