//! Shapes, precision, memory format and weights of the networks, and their golden logits.

use std::path::{Path, PathBuf};

use fovea_trainer::config::RunConfig;
use fovea_trainer::nets::{channels_last, Arch, Net, NetOptions, Precision};
use fovea_trainer::weights;
use tch::{nn, Device, Kind, Tensor};

const CLASSES: i64 = 27;

fn net(arch: Arch, precision: Precision) -> (nn::VarStore, Net) {
    let store = nn::VarStore::new(Device::Cpu);
    let net = Net::new(&store.root(), arch, CLASSES, precision);
    (store, net)
}

fn photographs(count: i64, size: i64) -> Tensor {
    channels_last(
        &Tensor::rand([count, 3, size, size], (Kind::Float, Device::Cpu))
            .g_mul_scalar(2.0)
            .g_sub_scalar(1.0),
    )
}

fn apart(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn every_network_gives_maps_features_and_logits() {
    for arch in Arch::ALL {
        let (_store, net) = net(arch, Precision::Float);
        for (size, side) in [(64, 2), (75, 3)] {
            let x = photographs(2, size);
            let maps = net.maps(&x, false);
            assert_eq!(
                maps.size(),
                [2, net.width(), side, side],
                "{arch} at {size}"
            );
            let output = net.forward(&x, false);
            assert!(
                apart(
                    &output.features,
                    &maps.mean_dim([2i64, 3].as_slice(), false, Kind::Float)
                ) < 1e-5
            );
            assert_eq!(output.logits.size(), [2, CLASSES]);
            assert_eq!(apart(&output.logits, &net.head(&output.features)), 0.0);
        }
    }
}

#[test]
fn variables_are_named_by_features_and_classifier() {
    let (store, _net) = net(Arch::Resnet18, Precision::Float);
    for name in store.variables().keys() {
        let known = name.starts_with("features.")
            || ["classifier.weight", "classifier.bias"].contains(&name.as_str());
        assert!(known, "{name}");
    }
}

#[test]
fn names_are_those_of_the_files() {
    for arch in Arch::ALL {
        assert_eq!(arch.name().parse::<Arch>().unwrap(), arch);
        assert_eq!(serde_json::to_string(&arch).unwrap(), format!("\"{arch}\""));
    }
    assert!("resnet19".parse::<Arch>().unwrap_err().contains("resnet18"));
}

#[test]
fn the_memory_format_stays_channels_last() {
    for arch in [Arch::Resnet18, Arch::Resnet50, Arch::EfficientnetLite0] {
        for precision in [Precision::Float, Precision::Bfloat16] {
            let (_store, net) = net(arch, precision);
            for train in [false, true] {
                // 96 px leave 3 x 3 pixels: with one pixel both formats would have the same strides.
                let maps = net.maps(&photographs(2, 96), train);
                assert_eq!(
                    maps.stride()[1],
                    1,
                    "{arch} {precision:?} train {train}: {:?}",
                    maps.stride()
                );
            }
        }
    }
}

#[test]
fn bfloat16_is_close_to_float_and_trains() {
    for arch in [Arch::Resnet18, Arch::Resnet50, Arch::EfficientnetLite0] {
        let x = photographs(4, 64);
        let (float_store, float) = net(arch, Precision::Float);
        let (mut store, half) = net(arch, Precision::Bfloat16);
        store.copy(&float_store).unwrap();
        // In evaluation: statistics of a batch this small would magnify every rounding.
        let expected = tch::no_grad(|| float.maps(&x, false));
        let found = tch::no_grad(|| half.maps(&x, false));
        assert_eq!(found.kind(), Kind::Float);
        let relative =
            (&found - &expected).norm().double_value(&[]) / expected.norm().double_value(&[]);
        assert!(relative < 0.1, "{arch}: {relative}");
        assert!(relative > 0.0, "{arch} did not compute in bfloat16");

        half.forward(&x, true)
            .logits
            .square()
            .mean(Kind::Float)
            .backward();
        for (name, variable) in store.variables() {
            if variable.requires_grad() {
                let gradient = variable.grad();
                assert_eq!(gradient.kind(), Kind::Float, "{arch} {name}");
                assert!(
                    bool::try_from(gradient.isfinite().all()).unwrap(),
                    "{arch} {name}"
                );
            }
        }
    }
}

#[test]
fn only_training_moves_the_running_statistics() {
    let (store, net) = net(Arch::EfficientnetLite0, Precision::Float);
    let mean = || store.variables()["features.stem.norm.running_mean"].copy();
    let before = mean();
    net.forward(&photographs(2, 64), false);
    assert_eq!(apart(&before, &mean()), 0.0);
    net.forward(&photographs(2, 64), true);
    assert!(apart(&before, &mean()) > 0.0);
}

#[test]
fn dropout_acts_in_training_only() {
    let x = photographs(4, 64);
    let options = NetOptions {
        dropout: 0.5,
        ..NetOptions::default()
    };
    let store = nn::VarStore::new(Device::Cpu);
    let net = Net::with_options(
        &store.root(),
        Arch::EfficientnetLite0,
        CLASSES,
        Precision::Float,
        options,
    );
    let logits = |train| net.forward(&x, train).logits;
    assert_eq!(apart(&logits(false), &logits(false)), 0.0);
    assert!(apart(&logits(true), &logits(true)) > 0.0);
}

#[test]
fn imagenet_weights_fill_everything_but_the_classifier() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    let source = nn::VarStore::new(Device::Cpu);
    Net::new(&source.root(), Arch::Resnet18, 1000, Precision::Float);
    source.save(&path).unwrap();

    let (mut store, _net) = net(Arch::Resnet18, Precision::Float);
    let before = store.variables()["classifier.weight"].copy();
    weights::load_imagenet(&mut store, Arch::Resnet18, &path).unwrap();
    let published = source.variables();
    for (name, variable) in store.variables() {
        if name.starts_with("features.") {
            assert_eq!(apart(&variable, &published[&name]), 0.0, "{name}");
        }
    }
    assert_eq!(apart(&before, &store.variables()["classifier.weight"]), 0.0);
}

#[test]
fn weights_of_another_network_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    net(Arch::Resnet18, Precision::Float).0.save(&path).unwrap();

    let mut store = net(Arch::Resnet34, Precision::Float).0;
    let error = weights::load_imagenet(&mut store, Arch::Resnet34, &path).unwrap_err();
    assert!(error.to_string().contains("not of resnet34"), "{error}");
    let missing =
        weights::load_imagenet(&mut store, Arch::Resnet34, Path::new("nowhere.safetensors"))
            .unwrap_err();
    assert!(
        missing.to_string().contains("fovea-train weights resnet34"),
        "{missing}"
    );
}

#[test]
fn networks_without_published_weights_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = weights::fetch(Arch::Resnet18, dir.path()).unwrap_err();
    assert!(error.to_string().contains("efficientnet_lite0"), "{error}");
}

/// The published network's answer to x[i] = a sin(0.001 i), in its own input units.
struct Golden {
    arch: Arch,
    amplitude: f64,
    size: i64,
    /// What ours takes for a zero of the published network's input, and the published unit in ours.
    zero: [f32; 3],
    unit: f64,
    logits: [f64; 3],
    norm: f64,
}

/// The mean that Keras subtracts, in (v - 127) / 128 units.
const KERAS_MEAN: [f32; 3] = [
    (123.68 - 127.0) / 128.0,
    (116.779 - 127.0) / 128.0,
    (103.939 - 127.0) / 128.0,
];

const GOLDEN: [Golden; 4] = [
    Golden {
        arch: Arch::Resnet50,
        amplitude: 60.0,
        size: 224,
        zero: KERAS_MEAN,
        unit: 1.0 / 128.0,
        logits: [-3.4333, -1.5529, -2.6852],
        norm: 71.469,
    },
    Golden {
        arch: Arch::EfficientnetLite0,
        amplitude: 1.0,
        size: 224,
        zero: [0.0; 3],
        unit: 1.0,
        logits: [-0.1788, -0.8300, 0.0328],
        norm: 40.9119,
    },
    Golden {
        arch: Arch::EfficientnetLite1,
        amplitude: 1.0,
        size: 240,
        zero: [0.0; 3],
        unit: 1.0,
        logits: [-1.7090, 1.5248, -0.9444],
        norm: 37.6317,
    },
    Golden {
        arch: Arch::EfficientnetLite2,
        amplitude: 1.0,
        size: 260,
        zero: [0.0; 3],
        unit: 1.0,
        logits: [-1.0327, 0.8070, -0.1358],
        norm: 42.8737,
    },
];

fn weights_path(arch: Arch) -> PathBuf {
    let dir = match std::env::var_os("FOVEA_WEIGHTS") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/weights"),
    };
    weights::path_in(&dir, arch)
}

#[test]
fn imagenet_weights_give_the_golden_logits() {
    for golden in GOLDEN {
        let path = weights_path(golden.arch);
        if !path.is_file() {
            println!(
                "{} skipped: {} is missing; fetch it with fovea-train weights",
                golden.arch,
                path.display()
            );
            continue;
        }
        let mut store = nn::VarStore::new(Device::Cpu);
        let net = Net::new(&store.root(), golden.arch, 1000, Precision::Float);
        store.load(&path).unwrap();

        let size = golden.size;
        let x = Tensor::arange(3 * size * size, (Kind::Double, Device::Cpu)) * 0.001;
        let x = x.sin() * golden.amplitude * golden.unit;
        let x =
            x.reshape([1, 3, size, size]) + Tensor::from_slice(&golden.zero).reshape([1, 3, 1, 1]);
        let logits = tch::no_grad(|| {
            net.forward(&channels_last(&x.to_kind(Kind::Float)), false)
                .logits
                .squeeze()
        });

        for (k, expected) in golden.logits.into_iter().enumerate() {
            let found = logits.double_value(&[k as i64]);
            assert!(
                (found - expected).abs() < 2e-3,
                "{} logit {k}: {found}, not {expected}",
                golden.arch
            );
        }
        let norm = logits.norm().double_value(&[]);
        assert!(
            (norm - golden.norm).abs() < 5e-3,
            "{} norm: {norm}, not {}",
            golden.arch,
            golden.norm
        );
        assert_eq!(
            logits.argmax(0, false).int64_value(&[]),
            905,
            "{}",
            golden.arch
        );
    }
}

#[test]
fn a_folded_network_answers_as_before() {
    let x = channels_last(&Tensor::randn([4, 3, 64, 64], (Kind::Float, Device::Cpu)));
    for arch in [
        Arch::Resnet18,
        Arch::Resnet50,
        Arch::EfficientnetLite0,
        Arch::EfficientnetLite2,
    ] {
        let store = nn::VarStore::new(Device::Cpu);
        let mut net = Net::new(&store.root(), arch, 5, Precision::Float);
        // Statistics that are not those of a new network.
        tch::no_grad(|| (0..3).for_each(|_| drop(net.forward(&x, true))));
        let before = tch::no_grad(|| net.forward(&x, false));
        net.fold();
        let after = net.forward(&x, false);
        let largest = before.features.abs().max().double_value(&[]);
        let apart = (after.features - before.features).abs().max();
        assert!(apart.double_value(&[]) < 1e-4 * largest, "{arch}");
        let apart = (after.logits - before.logits).abs().max();
        assert!(apart.double_value(&[]) < 1e-4 * largest, "{arch}");
    }
}

#[test]
fn frozen_layers_run_as_in_evaluation_and_do_not_learn() {
    let x = channels_last(&Tensor::randn([2, 3, 64, 64], (Kind::Float, Device::Cpu)));
    for arch in [Arch::Resnet18, Arch::EfficientnetLite0] {
        let store = nn::VarStore::new(Device::Cpu);
        let mut net = Net::new(&store.root(), arch, 5, Precision::Float);
        net.freeze(2);
        net.forward(&x, true).logits.sum(Kind::Float).backward();
        let (mut still, mut learning) = (0, 0);
        for (name, variable) in store.variables() {
            if variable.requires_grad() {
                let frozen = Net::is_frozen(&name, 2);
                assert_eq!(variable.grad().defined(), !frozen, "{arch}: {name}");
                still += usize::from(frozen);
                learning += usize::from(!frozen);
            }
        }
        assert!(still >= 9 && learning > still, "{arch}: {still} {learning}");
    }
    // Without anything behind the blocks, all of it is as in evaluation.
    let store = nn::VarStore::new(Device::Cpu);
    let mut net = Net::new(&store.root(), Arch::Resnet18, 5, Precision::Float);
    let expected = tch::no_grad(|| net.maps(&x, false));
    net.freeze(usize::MAX);
    let apart = (net.maps(&x, true) - expected).abs().max();
    assert!(apart.double_value(&[]) < 1e-4);
    assert!(!Net::is_frozen("features.stem.conv.weight", 0));
}

#[test]
fn a_runs_weights_are_those_its_stages_start_from() {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let wanted = |name: &str| weights::wanted(&RunConfig::read(&configs.join(name)).unwrap());
    // The others start from their first teacher.
    assert_eq!(wanted("student.toml"), [Arch::EfficientnetLite0]);
    assert_eq!(
        wanted("student-384.toml"),
        [
            Arch::EfficientnetLite2,
            Arch::Resnet50,
            Arch::EfficientnetLite0
        ]
    );
}
