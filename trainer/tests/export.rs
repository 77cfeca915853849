//! Exported students and captioners as the device runs them, compared with their networks.

use fovea_core::caption;
use fovea_engine::{Captioner, Engine};
use fovea_trainer::export::{self, LOGITS, MAPS};
use fovea_trainer::nets::{channels_last, Arch, HeadKind, Net, NetOptions, Precision};
use tch::{nn, Device, Kind, Tensor};
use tract_onnx::prelude::{tvec, Framework, InferenceModelExt, IntoRunnable, IntoTValue};

const CLASSES: i64 = 5;

/// A network with random statistics in its normalisation and logits of a real student's size.
fn net(arch: Arch, precision: Precision) -> Net {
    let store = nn::VarStore::new(Device::Cpu);
    let net = Net::new(&store.root(), arch, CLASSES, precision);
    tch::no_grad(|| {
        for (name, mut variable) in store.variables() {
            let _ = match name.rsplit_once(".norm.") {
                Some((_, "running_var" | "weight")) => variable.uniform_(0.5, 1.5),
                Some(_) => variable.normal_(0.0, 0.2),
                None => continue,
            };
        }
        // Statistics that are not those of the activations let these grow or fade from layer to layer.
        let x = Tensor::from_slice(&photographs(64, 1)[0]).reshape([1, 3, 64, 64]);
        let largest = net.forward(&channels_last(&x), false).logits.abs().max();
        let mut weight = store.variables()["classifier.weight"].shallow_clone();
        let _ = weight.g_mul_(&(largest.reciprocal() * 5.0));
        let mut bias = store.variables()["classifier.bias"].shallow_clone();
        let _ = bias.normal_(0.0, 1.0);
    });
    net
}

fn photographs(size: u32, count: usize) -> Vec<Vec<f32>> {
    (0..count)
        .map(|i| {
            let values = (3 * size * size) as usize;
            (0..values)
                .map(|j| ((i + 1) as f32 * 0.37 * j as f32).sin())
                .collect()
        })
        .collect()
}

#[test]
fn exported_students_agree_with_their_networks() {
    // 75 px: sides that are odd on the way down, where SAME padding is another.
    for (arch, size) in [
        (Arch::EfficientnetLite0, 64),
        (Arch::EfficientnetLite0, 75),
        (Arch::Resnet18, 64),
        (Arch::Resnet50, 75),
    ] {
        let net = net(arch, Precision::Float);
        let onnx = export::to_onnx(&net, size).unwrap();
        let agreement = export::verify(&onnx, &net, size, &photographs(size, 3), 1e-3).unwrap();
        assert_eq!(agreement.photographs, 3, "{arch} at {size}");
    }
}

#[test]
fn the_reference_is_float_whatever_the_network_trained_in() {
    let net = net(Arch::EfficientnetLite0, Precision::Bfloat16);
    let onnx = export::to_onnx(&net, 64).unwrap();
    export::verify(&onnx, &net, 64, &photographs(64, 1), 1e-3).unwrap();
}

#[test]
fn another_networks_file_does_not_verify() {
    let onnx = export::to_onnx(&net(Arch::EfficientnetLite0, Precision::Float), 64).unwrap();
    let other = net(Arch::EfficientnetLite0, Precision::Float);
    let error = export::verify(&onnx, &other, 64, &photographs(64, 1), 1e-3).unwrap_err();
    assert!(
        error.to_string().contains("differs from the network"),
        "{error}"
    );
    assert!(export::verify(&onnx, &other, 64, &[], 1e-3).is_err());
    assert!(export::verify(&onnx, &other, 64, &photographs(32, 1), 1e-3).is_err());
    assert!(export::verify(b"not a network", &other, 64, &photographs(64, 1), 1e-3).is_err());
}

#[test]
fn logits_that_are_not_numbers_do_not_verify() {
    let net = net(Arch::EfficientnetLite0, Precision::Float);
    let onnx = export::to_onnx(&net, 64).unwrap();
    let broken = vec![vec![f32::NAN; 3 * 64 * 64]];
    assert!(export::verify(&onnx, &net, 64, &broken, 1e-3).is_err());
}

#[test]
fn maps_are_the_classifier_at_every_place() {
    let size = 96;
    let net = net(Arch::EfficientnetLite0, Precision::Float);
    let onnx = export::to_onnx(&net, size).unwrap();
    let student = tract_onnx::onnx()
        .model_for_read(&mut onnx.as_slice())
        .and_then(|model| model.with_outputs_by_name([MAPS, LOGITS]))
        .and_then(|model| model.into_optimized())
        .and_then(|model| model.into_runnable())
        .unwrap();
    let photograph = photographs(size, 1).remove(0);
    let side = size as usize;
    let input = tract_onnx::prelude::Tensor::from_shape(&[1, 3, side, side], &photograph).unwrap();
    let outputs = student.run(tvec!(input.into_tvalue())).unwrap();
    let maps = outputs[0].to_plain_array_view::<f32>().unwrap();
    assert_eq!(maps.shape(), [1, CLASSES as usize, 3, 3]);

    let x = Tensor::from_slice(&photograph).reshape([1, 3, i64::from(size), i64::from(size)]);
    let last = tch::no_grad(|| net.maps(&channels_last(&x), false));
    let places = last.permute([0, 2, 3, 1]).reshape([9, net.width()]);
    let expected = tch::no_grad(|| net.head(&places)).to_kind(Kind::Double);
    for k in 0..CLASSES {
        for place in 0..9i64 {
            let found =
                f64::from(maps[[0, k as usize, (place / 3) as usize, (place % 3) as usize]]);
            assert!(
                (found - expected.double_value(&[place, k])).abs() < 1e-3,
                "class {k} at {place}"
            );
        }
    }
}

#[test]
fn a_photograph_too_small_is_refused() {
    let error = export::to_onnx(&net(Arch::Resnet18, Precision::Float), 16).unwrap_err();
    assert!(error.to_string().contains("16 px"), "{error}");
}

#[test]
fn an_exported_student_can_be_trained_on() {
    for arch in [Arch::EfficientnetLite0, Arch::Resnet50] {
        let first = net(arch, Precision::Float);
        let onnx = export::to_onnx(&first, 64).unwrap();
        let store = nn::VarStore::new(Device::Cpu);
        let second = Net::new(&store.root(), arch, CLASSES, Precision::Float);
        let values = photographs(64, 24).concat();
        let x = channels_last(&Tensor::from_slice(&values).reshape([24, 3, 64, 64]));
        let rows: Vec<Option<usize>> = (0..CLASSES as usize).map(Some).collect();
        export::adopt(&onnx, &second, &rows, &x).unwrap();
        export::verify(&onnx, &second, 64, &photographs(64, 3), 1e-3).unwrap();

        // The same photographs are a batch whose statistics are the ones given back.
        // Rounding grows where a channel hardly varies, so the whole is compared.
        let features = |train| tch::no_grad(|| second.forward(&x, train).features);
        let (trained, evaluated) = (features(true), features(false));
        let apart = (trained - &evaluated).norm().double_value(&[]);
        let relative = apart / evaluated.norm().double_value(&[]);
        assert!(relative < 0.02, "{arch}: {relative}");
    }
}

#[test]
fn another_networks_student_is_not_taken_over() {
    let onnx = export::to_onnx(&net(Arch::Resnet18, Precision::Float), 64).unwrap();
    let x = Tensor::zeros([2, 3, 64, 64], (Kind::Float, Device::Cpu));
    let take = |onnx: &[u8], arch, classes| {
        let store = nn::VarStore::new(Device::Cpu);
        let other = Net::new(&store.root(), arch, classes, Precision::Float);
        let rows: Vec<Option<usize>> = (0..classes as usize).map(Some).collect();
        format!("{:#}", export::adopt(onnx, &other, &rows, &x).unwrap_err())
    };
    let error = take(&onnx, Arch::Resnet34, CLASSES);
    assert!(error.contains("another network"), "{error}");
    let error = take(&onnx, Arch::Resnet18, CLASSES + 1);
    assert!(error.contains("other classes"), "{error}");
    let error = take(b"no student", Arch::Resnet18, CLASSES);
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn a_class_the_student_never_had_starts_on_its_own() {
    let first = net(Arch::Resnet18, Precision::Float);
    let onnx = export::to_onnx(&first, 64).unwrap();
    let store = nn::VarStore::new(Device::Cpu);
    let second = Net::new(&store.root(), Arch::Resnet18, CLASSES + 1, Precision::Float);
    let x =
        channels_last(&Tensor::from_slice(&photographs(64, 24).concat()).reshape([24, 3, 64, 64]));
    // The new class comes second; all others keep their answers.
    let mut rows: Vec<Option<usize>> = (0..CLASSES as usize).map(Some).collect();
    rows.insert(1, None);
    export::adopt(&onnx, &second, &rows, &x).unwrap();
    let logits = |net: &Net| tch::no_grad(|| net.forward(&x, false).logits);
    let (old, new) = (logits(&first), logits(&second));
    for (class, row) in rows.into_iter().enumerate() {
        if let Some(row) = row {
            let apart = old.select(1, row as i64) - new.select(1, class as i64);
            assert!(apart.abs().max().double_value(&[]) < 1e-3, "class {class}");
        }
    }
}

const VOCABULARY: usize = 9;

/// A network that says captions, of as many words as there may be.
fn captioner(arch: Arch) -> (nn::VarStore, Net) {
    let store = nn::VarStore::new(Device::Cpu);
    let options = NetOptions {
        head: HeadKind::Tasks {
            fine: true,
            coarse: None,
            words: Some(caption::rows(VOCABULARY)),
        },
        ..NetOptions::default()
    };
    let net = Net::with_options(&store.root(), arch, CLASSES, Precision::Float, options);
    tch::no_grad(|| {
        for (name, mut variable) in store.variables() {
            // What it says is to hang on what it sees and on what it said.
            let factor = match name.as_str() {
                "classifier.words.features.weight" => 30.0,
                "classifier.words.of_state" => 4.0,
                "classifier.words.out.weight" => 20.0,
                _ => continue,
            };
            let _ = variable.g_mul_scalar_(factor);
        }
    });
    (store, net)
}

#[test]
fn an_exported_captioner_says_what_its_network_says() {
    let rows = caption::rows(VOCABULARY) as usize;
    for (arch, size) in [(Arch::EfficientnetLite0, 64), (Arch::Resnet18, 75)] {
        let (_store, net) = captioner(arch);
        let onnx = export::captioner_to_onnx(&net, size).unwrap();
        let photographs = photographs(size, 3);
        let agreement = export::verify_captioner(&onnx, &net, size, &photographs, 1e-3).unwrap();
        assert_eq!(agreement.photographs, 3, "{arch}");

        let engine = Engine::default();
        let device = Captioner::load(&onnx, size, (caption::STEPS, rows), engine).unwrap();
        let decoder = net.tasks().and_then(|tasks| tasks.decoder()).unwrap();
        let mut captions = Vec::new();
        for photograph in &photographs {
            let side = i64::from(size);
            let x = Tensor::from_slice(photograph).reshape([1, 3, side, side]);
            let features = tch::no_grad(|| net.forward(&channels_last(&x), false).features);
            let expected = tch::no_grad(|| decoder.greedy(&features));
            let expected = Vec::<i64>::try_from(expected.squeeze_dim(0)).unwrap();
            let said = device.run(photograph).unwrap();
            assert_eq!(said, expected, "{arch}");
            captions.push(said);
        }
        // Else anything that never listens would pass.
        let different = |words: &Vec<i64>| words.iter().any(|word| *word != words[0]);
        assert!(captions.iter().any(different), "{captions:?}");
        assert_ne!(captions[0], captions[1]);
    }
}

#[test]
fn a_captioner_that_is_none_or_another_is_refused() {
    let (_store, net) = captioner(Arch::Resnet18);
    let onnx = export::captioner_to_onnx(&net, 64).unwrap();
    let photographs = photographs(64, 1);
    let (_other_store, other) = captioner(Arch::Resnet18);
    let verify = |onnx: &[u8], net: &Net| {
        let verified = export::verify_captioner(onnx, net, 64, &photographs, 1e-3);
        format!("{:#}", verified.unwrap_err())
    };
    let error = verify(&onnx, &other);
    assert!(error.contains("differs from the network"), "{error}");
    let mute = self::net(Arch::Resnet18, Precision::Float);
    let error = verify(&onnx, &mute);
    assert!(error.contains("says no captions"), "{error}");
    assert!(export::captioner_to_onnx(&mute, 64).is_err());
    let student = export::to_onnx(&mute, 64).unwrap();
    let error = verify(&student, &net);
    assert!(error.contains("captioner.onnx has no output"), "{error}");

    let rows = caption::rows(VOCABULARY) as usize;
    let load = |size, shape| {
        let loaded = Captioner::load(&onnx, size, shape, Engine::default());
        loaded.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(load(64, (caption::STEPS, rows)), Ok(()));
    // Readers may use fewer words than the decoder has room for.
    assert_eq!(load(64, (caption::STEPS, rows - 1)), Ok(()));
    for (size, shape, named) in [
        (96, (caption::STEPS, rows), "photograph"),
        (64, (caption::STEPS, rows + 1), "scores"),
        (64, (caption::STEPS - 1, rows), "words"),
    ] {
        let error = load(size, shape).unwrap_err();
        assert!(
            error.contains(named) && error.contains("captioner.onnx"),
            "{error}"
        );
    }
}
