//! The shipped student on own kernels beside tract.

use std::path::Path;
use std::thread;

use fovea_engine::{Answer, Engine, Isa, Student};

const SIZE: u32 = 384;
const OUTPUTS: usize = 29;

fn onnx() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/student/student.onnx");
    std::fs::read(path).expect("the shipped student")
}

fn load(onnx: &[u8], engine: Engine) -> Student {
    let student = Student::load_with(onnx, SIZE, OUTPUTS, engine).unwrap();
    assert_eq!(student.engine(), engine);
    student
}

/// Inputs unlike each other: nothing, all of one value, waves, noise, a disc.
fn inputs() -> Vec<Vec<f32>> {
    let side = SIZE as usize;
    let input = |value: &dyn Fn(usize, usize, usize) -> f32| {
        let places = (0..3 * side * side).map(|i| (i / side / side, i / side % side, i % side));
        places.map(|(c, y, x)| value(c, y, x)).collect()
    };
    let noise = |c: usize, y: usize, x: usize| {
        let mixed = ((c * side + y) * side + x).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let disc = |c: usize, y: usize, x: usize| {
        let (dy, dx) = (y as f32 - 190.0, x as f32 - 200.0);
        let inside = dy.hypot(dx) < 170.0;
        let tint = [0.3, -0.3, -0.7][c];
        if inside {
            tint + 0.1 * noise(c, y, x)
        } else {
            -1.0
        }
    };
    vec![
        input(&|_, _, _| 0.0),
        input(&|_, _, _| -1.0),
        input(&|c, y, x| ((x + 2 * y) as f32 * 0.05 * (c + 1) as f32).sin()),
        input(&noise),
        input(&disc),
    ]
}

/// The largest difference, as a part of the largest value.
fn apart(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().chain(expected).all(|value| value.is_finite()));
    let largest = expected.iter().fold(1.0, |most: f32, v| most.max(v.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}

fn agree(found: &Answer, expected: &Answer, what: &str) {
    assert_eq!(
        (found.height, found.width),
        (expected.height, expected.width)
    );
    let (logits, maps) = (
        apart(&found.logits, &expected.logits),
        apart(&found.maps, &expected.maps),
    );
    assert!(logits < 1e-4 && maps < 1e-4, "{what}: {logits}, {maps}");
}

#[test]
fn own_kernels_answer_as_tract_does() {
    let onnx = onnx();
    let stock = load(&onnx, Engine::Stock);
    let inputs = inputs();
    let expected: Vec<Answer> = inputs.iter().map(|i| stock.run(i).unwrap()).collect();
    for isa in Isa::available() {
        let own = load(&onnx, Engine::Own(isa));
        for (i, (input, expected)) in inputs.iter().zip(&expected).enumerate() {
            agree(
                &own.run(input).unwrap(),
                expected,
                &format!("{isa:?}, input {i}"),
            );
        }
    }
}

#[test]
fn the_fastest_kernels_are_what_a_student_gets() {
    let student = Student::load(&onnx(), SIZE, OUTPUTS).unwrap();
    assert_eq!(student.engine(), Engine::Own(Isa::best()));
    assert_eq!(student.size(), SIZE);
}

/// A student is shared; what threads do at the same time does not mix.
#[test]
fn answers_do_not_depend_on_what_other_threads_ask() {
    let student = load(&onnx(), Engine::default());
    let inputs = inputs();
    let expected: Vec<Answer> = inputs.iter().map(|i| student.run(i).unwrap()).collect();
    thread::scope(|scope| {
        for (input, expected) in inputs.iter().zip(&expected) {
            let student = student.clone();
            scope.spawn(move || {
                for _ in 0..3 {
                    assert_eq!(student.run(input).unwrap(), *expected);
                }
            });
        }
    });
}

#[test]
fn layers_say_how_long_they_took() {
    let own = load(&onnx(), Engine::default());
    let times = own.timed(&inputs()[0]);
    let multiplications: usize = times.iter().map(|time| time.multiplications).sum();
    assert!((1_100_000_000..1_200_000_000).contains(&multiplications));
    assert!(load(&onnx(), Engine::Stock).timed(&inputs()[0]).is_empty());
}
