//! Predictions drawn from a known model, for tests.

use std::collections::BTreeMap;

use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::predictions::{PredictedPhotograph, Predictions};

/// How the synthetic network misjudges its own certainty: what it says is
/// `SHARPNESS * true logit + SHIFT`.
pub const SHARPNESS: f64 = 2.0;
pub const SHIFT: f64 = 1.5;

/// `count` photographs, two a patient, each with one or two finest findings of
/// the eye, or unusable (one in ten; then nothing is known of the eye).
/// Evidence for a class is normal with variance 4 around -2 or 2, for which
/// the true logit of presence is the evidence plus the logit of prevalence.
pub fn predictions(taxonomy: &Taxonomy, source: &str, count: usize, seed: u64) -> Predictions {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let finest: Vec<usize> = taxonomy.level(Level::Finest).collect();
    let subject = |node: usize| taxonomy.nodes()[node].subject;
    let (eye, faults): (Vec<usize>, Vec<usize>) = finest
        .iter()
        .partition(|&&node| subject(node) == Subject::Eye);
    let mut predictions = Predictions {
        taxonomy_id: taxonomy.id.clone(),
        ..Predictions::default()
    };
    for i in 0..count {
        // Parents follow from the finest findings.
        let mut labels = vec![Label::Unknown; taxonomy.nodes().len()];
        labels[..finest.len()].fill(Label::Absent);
        if random.random::<f64>() < 0.1 {
            for &node in &eye {
                labels[node] = Label::Unknown;
            }
            labels[faults[random.random_range(0..faults.len())]] = Label::Present;
        } else if random.random::<f64>() < 0.5 {
            labels[eye[0]] = Label::Present;
        } else {
            // Falling prevalence, as in life.
            let place = random.random::<f64>().powi(2) * (eye.len() - 1) as f64;
            labels[eye[1 + place as usize]] = Label::Present;
        }
        taxonomy.complete(&mut labels).expect("no conflict");
        for &node in &finest {
            let present = labels[node] == Label::Present;
            let evidence = normal(&mut random) * 2.0 + if present { 2.0 } else { -2.0 };
            predictions
                .logits
                .push((SHARPNESS * evidence + SHIFT) as f32);
        }
        predictions.labels.extend(labels);
        predictions.photographs.push(PredictedPhotograph {
            image: format!("{source}-{i}.jpg"),
            source: source.to_owned(),
            of: None,
            patient: (i / 2).to_string(),
            split: "val".to_owned(),
            raw: BTreeMap::new(),
        });
    }
    predictions
}

/// Standard normal, by Box and Muller.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
