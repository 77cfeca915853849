//! Verdicts from bfloat16 beside those from 32-bit floats.

use std::fs;
use std::path::Path;

use fovea_core::photograph;
use fovea_core::prepare::{self, Prepared};
use fovea_device::grade::quick::APART;
use fovea_device::grade::{embedded, gate, quick};
use fovea_engine::{Engine, Isa, Student};
use fovea_render::presets;

/// Drawn eyes, and of each source of photographs beside the repository, where there are some,
/// every so many.
fn prepared(size: u32) -> Vec<(String, image::RgbImage, Prepared)> {
    let mut found = Vec::new();
    for preset in presets() {
        let photograph = preset.draw(11, 600);
        let prepared = prepare::prepare(&photograph, size);
        found.push((preset.name.to_owned(), photograph, prepared));
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for source in ["odir", "eyepacs", "idrid", "vietai", "hygd", "tvhl"] {
        let Ok(files) = fs::read_dir(data.join(source).join("images")) else {
            continue;
        };
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        files.sort();
        for file in files.iter().step_by(files.len().div_ceil(8).max(1)) {
            let Ok(read) = photograph::read(file) else {
                continue;
            };
            let prepared = prepare::prepare(&read.rgb, size);
            found.push((file.display().to_string(), read.rgb, prepared));
        }
    }
    found
}

/// The arithmetic is that of a processor with bfloat16 where this one has none.
#[test]
fn no_decision_depends_on_the_arithmetic() {
    let Some(bundle) = embedded::bundle() else {
        eprintln!("skipped: models/student is empty, so no bundle is embedded");
        return;
    };
    let bundle = bundle.unwrap();
    let (taxonomy, calibration) = (&bundle.taxonomy, &bundle.calibration);
    let size = bundle.manifest.network.input_size;
    let load = |isa| {
        let outputs = taxonomy.finest_count();
        let engine = Engine::Own(isa);
        let student = Student::load_with(&bundle.onnx, size, outputs, engine).unwrap();
        assert_eq!(student.engine(), engine);
        student
    };
    let short = Isa::bfloat16().unwrap_or(Isa::bfloat16_anywhere());
    let (short, float) = (load(short), load(Isa::best()));
    let (mut sure, mut furthest) = (0, 0.0f32);
    let photographs = prepared(size);
    for (name, photograph, prepared) in &photographs {
        let input = prepare::to_tensor(&prepared.rgb);
        let [short, float] = [&short, &float].map(|student| student.run(&input).unwrap().logits);
        for (short, float) in short.iter().zip(&float) {
            furthest = furthest.max((short - float).abs());
        }
        let first = gate::by_pixels(photograph, prepared, calibration);
        if quick::is_sure(taxonomy, calibration, &first, &short) {
            sure += 1;
            let said = |logits: &[f32]| {
                let verdict = fovea_core::decision::decide(taxonomy, calibration, logits).unwrap();
                let gate =
                    gate::by_student(first.clone(), taxonomy, calibration, &verdict.findings);
                (verdict.referral, gate.reason)
            };
            assert_eq!(said(&short), said(&float), "{name}");
        }
    }
    assert!(furthest < APART, "{furthest}");
    // Else it would be a detour.
    let share = f64::from(sure) / photographs.len() as f64;
    assert!(share > 0.6, "{share}");
}

#[test]
fn what_lies_at_an_operating_point_is_not_sure() {
    let Some(bundle) = embedded::bundle() else {
        return;
    };
    let bundle = bundle.unwrap();
    let (taxonomy, calibration) = (&bundle.taxonomy, &bundle.calibration);
    let pdr = taxonomy.index("pdr").unwrap();
    let own = &calibration.nodes["pdr"];
    let at = ((own.threshold / (1.0 - own.threshold)).ln() - own.bias) * own.temperature;
    let first = gate::without_scores(fovea_core::gate::GateReason::Ok);
    let first = fovea_core::gate::GateVerdict {
        accepted: true,
        ..first
    };
    for (above, expected) in [(-3.0, true), (-0.1, false), (0.1, false), (2.0, true)] {
        let mut logits = vec![-12.0; taxonomy.finest_count()];
        logits[taxonomy.index("normal").unwrap()] = 6.0;
        logits[pdr] = at + above;
        let sure = quick::is_sure(taxonomy, calibration, &first, &logits);
        assert_eq!(sure, expected, "{above}");
    }
    let broken = vec![f32::NAN; taxonomy.finest_count()];
    assert!(!quick::is_sure(taxonomy, calibration, &first, &broken));
}
