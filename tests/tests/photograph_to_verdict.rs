//! From photographs to a verdict, through every crate: a student is trained
//! for a few seconds on drawn photographs, calibrated and exported, and the
//! device must then say of a file exactly what the trainer says of it.

use std::path::Path;

use fovea_core::bundle::Bundle;
use fovea_core::decision::{self, ReferralDecision};
use fovea_core::photograph;
use fovea_core::prepare::{prepare, to_tensor};
use fovea_device::grade::Grader;
use fovea_trainer::config::RunConfig;
use fovea_trainer::nets::{channels_last, Arch, HeadKind, Precision};
use fovea_trainer::{predict, run};

const SIZE: u32 = 64;
const PRESETS: [(&str, &str); 4] = [
    ("healthy", "normal"),
    ("moderate_npdr", "moderate non proliferative retinopathy"),
    ("glaucoma", "glaucoma"),
    ("cataract", "cataract"),
];

/// 40 photographs of each kind, and a run over them.
fn write_run(dir: &Path) -> std::path::PathBuf {
    let images = dir.join("images");
    std::fs::create_dir_all(&images).unwrap();
    let mut labels = String::from("image,label\n");
    for (preset, label) in PRESETS {
        let preset = fovea_render::by_name(preset).unwrap();
        for seed in 0..40 {
            let name = format!("{}-{seed}.png", preset.name);
            preset.draw(seed, 128).save(images.join(&name)).unwrap();
            labels += &format!("{name},{label}\n");
        }
    }
    std::fs::write(dir.join("labels.csv"), labels).unwrap();
    let text = format!(
        r#"
name = "drawn"
data = {dir:?}
cache = {cache:?}
out = {out:?}
size = {SIZE}
device = "cpu"

[training]
epochs = 2
batch = 16
pretrained = false

[[source]]
name = "drawn"
format = "csv"
images = "images"
labels = "labels.csv"
split = {{ train = 0.4, val = 0.5, test = 0.1 }}
looks_for = ["@eye", "@photograph"]

[[stage]]
name = "student"
arch = "resnet18"
method = {{ kind = "erm" }}

[ship]
stage = "student"
bundle = {bundle:?}
calibration = {calibration:?}
"#,
        cache = dir.join("cache"),
        out = dir.join("runs"),
        bundle = dir.join("bundle"),
        calibration = dir.join("calibration"),
    );
    let path = dir.join("drawn.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_device_says_what_the_trainer_says() {
    let dir = tempfile::tempdir().unwrap();
    let config = RunConfig::read(&write_run(dir.path())).unwrap();
    let photographs = run::prepare(&config).unwrap();
    run::train(&config, &photographs, &[], None).unwrap();
    run::calibrate(&config, &photographs).unwrap();
    run::export(&config, &photographs).unwrap();

    let bundle = Bundle::open(&dir.path().join("bundle")).unwrap();
    let (taxonomy, calibration) = (bundle.taxonomy.clone(), bundle.calibration.clone());
    let grader = Grader::new(bundle).unwrap();
    let (_store, net) = predict::load(
        &config.stage_dir("student").join("final.safetensors"),
        Arch::Resnet18,
        (taxonomy.finest_count() as i64, HeadKind::Linear),
        Precision::Float,
        tch::Device::Cpu,
    )
    .unwrap();
    let mut accepted = 0;
    for (preset, _) in PRESETS {
        // Large enough to be judged, which those it was trained on are not.
        let file = dir.path().join(format!("{preset}.png"));
        let photograph = fovea_render::by_name(preset).unwrap().draw(7, 512);
        photograph.save(&file).unwrap();
        let record = grader.grade_file(&file, |graded| graded.record);

        let prepared = prepare(&photograph::read(&file).unwrap().rgb, SIZE);
        let side = i64::from(SIZE);
        let input = tch::Tensor::from_slice(&to_tensor(&prepared.rgb)).view([1, 3, side, side]);
        let logits = tch::no_grad(|| net.forward(&channels_last(&input), false).logits);
        let logits: Vec<f32> = Vec::try_from(logits.view([-1])).unwrap();
        let expected = decision::decide(&taxonomy, &calibration, &logits).unwrap();

        assert_eq!(record.findings.len(), taxonomy.nodes().len());
        for (device, trainer) in record.findings.iter().zip(&expected.findings) {
            assert_eq!(device.id, trainer.id);
            let apart = (device.probability - trainer.probability).abs();
            assert!(apart < 1e-3, "{preset}: {} is {apart} apart", device.id);
        }
        let apart = (record.referral.score.unwrap() - expected.score).abs();
        assert!(apart < 1e-3, "{preset}: the referral is {apart} apart");
        assert_eq!(record.committed, expected.committed, "{preset}");
        let decision = if record.gate.accepted {
            accepted += 1;
            expected.referral
        } else {
            ReferralDecision::Retake
        };
        assert_eq!(record.referral.decision, decision, "{preset}");
    }
    assert!(accepted > 0, "no photograph was judged");
}
