//! A run from its photographs to the bundle: prepare, train, calibrate, export,
//! evaluate. Each step leaves files that the next one reads.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{bail, ensure, Context, Result};
use fovea_core::bundle::{sha256_hex, Bundle, Captioner};
use fovea_core::calibration::Calibration;
use fovea_core::caption;
use tch::{Device, Kind, Tensor};

use crate::clock::Clock;
use crate::config::{DeviceChoice, RunConfig, Ship, StageConfig};
use crate::data::{Packed, Split};
use crate::evaluate::tasks::{self, TaskScores};
use crate::methods::Teacher;
use crate::nets::{HeadKind, Precision};
use crate::photographs::Photographs;
use crate::predictions::Predictions;
use crate::progress::progress;
use crate::report::{self, Report};
use crate::{calibrate, card, checkpoint, data, evaluate, export, machine, predict, probe, train};

/// Photographs on which an exported student must agree with libtorch.
const VERIFIED_ON: usize = 64;
/// Largest difference in a logit that is still rounding.
const TOLERANCE: f32 = 1e-3;
/// Photographs on which the loader is timed.
const TIMED_ON: usize = 1024;
/// Share of the time of a whole run that is for preparing and training; the
/// rest is for calibrating, exporting and evaluating.
const TRAINED_FOR: f64 = 0.85;
/// Sensitivity that stages are compared at, where none is shipped.
const COMPARED_AT: f32 = 0.9;

/// The effective settings: in a run's folder those of the last call, in a stage's folder those that
/// it is trained with.
pub const CONFIG: &str = "config.toml";

/// Reads labels and photographs, prepares those that are not in the cache, and writes what there is
/// to learn from into the run's folder.
///
/// # Errors
/// A label or a photograph cannot be used and the source does not allow for it, or nothing can be
/// written.
pub fn prepare(config: &RunConfig) -> Result<Photographs> {
    let photographs = Photographs::open(config)?;
    let dir = config.run_dir();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    write_config(config, &dir)?;
    photographs.write_statistics(&dir)?;
    Ok(photographs)
}

/// Leaves the effective settings in the folder `dir`.
pub(crate) fn write_config(config: &RunConfig, dir: &Path) -> Result<()> {
    let text = toml::to_string_pretty(config)?;
    checkpoint::write(&dir.join(CONFIG), text.as_bytes())
}

/// Prints what the data hold and how fast the loader alone hands them out.
pub fn show(config: &RunConfig, photographs: &Photographs) -> Result<()> {
    print!("{}", photographs.statistics);
    let mut some = photographs.indices(Split::Train, &[]);
    some.truncate(TIMED_ON);
    let loader = photographs.loader(Some(config.augment.clone()), config.training.batch);
    let started = Instant::now();
    let loaded: usize = loader
        .epoch(some, config.seed)?
        .map(|b| b.index.len())
        .sum();
    println!(
        "\nThe loader alone makes {:.0} images/s at {} pixels on {} threads.",
        loaded as f64 / started.elapsed().as_secs_f64(),
        config.size,
        photographs.threads
    );
    Ok(())
}

/// Packs the run's photographs into the new folder `dir`, in parts of at most
/// `part_bytes`.
pub fn pack(config: &RunConfig, dir: &Path, part_bytes: u64) -> Result<()> {
    data::vacant(dir)?;
    let photographs = Photographs::open(config)?;
    let bar = progress(0, "pack");
    let (dataset, cache) = (&photographs.dataset, &photographs.cache);
    let left_out = &photographs.left_out;
    let packed = Packed::write(dataset, cache, left_out, dir, part_bytes, &bar)?;
    bar.finish_and_clear();
    println!(
        "{} photographs are in {}: {} parts, {:.1} MB, {:.0} bytes each\nsha256 {}",
        packed.photographs,
        dir.display(),
        packed.parts,
        packed.bytes as f64 / 1e6,
        packed.bytes as f64 / packed.photographs.max(1) as f64,
        packed.sha256
    );
    Ok(())
}

/// Trains the stages `only`, all where none is named, until `clock` ends, where
/// there is one.
pub fn train(
    config: &RunConfig,
    photographs: &Photographs,
    only: &[String],
    clock: Option<&Clock>,
) -> Result<()> {
    for name in only {
        config.stage_named(name)?;
    }
    if let Some(threads) = config.threads {
        tch::set_num_threads(threads as i32);
    }
    let device = device(config);
    if config.device == DeviceChoice::Cuda && !device.is_cuda() {
        bail!("`device = \"cuda\"`, but libtorch finds no GPU; {CUDA_REMEDY}, or choose \"auto\"");
    }
    let mut wanted = Vec::new();
    for stage in &config.stage {
        if only.is_empty() || only.contains(&stage.name) {
            let open = stage.method.settings().is_trained() && !train::finished(config, stage)?;
            wanted.push((stage, open));
        }
    }
    let open = wanted.iter().filter(|(_, open)| *open);
    let mut shares: f64 = open.map(|(stage, _)| config.share_of(stage)).sum();
    for (stage, open) in wanted {
        let time = match clock {
            Some(clock) if open => {
                let share = config.share_of(stage);
                let time = clock.allot(share, shares)?;
                shares -= share;
                Some(time)
            }
            _ => None,
        };
        train::stage(config, stage, photographs, device, time)?;
    }
    Ok(())
}

/// From the prepared photographs to the bundle and its figures: trains the
/// stages `only`, all where none is named, and calibrates and exports the
/// shipped one where it is trained by then. Of `minutes` from `start` on, where
/// there are some, the last part is for what follows the training.
pub fn whole(
    config: &RunConfig,
    photographs: &Photographs,
    only: &[String],
    (start, minutes): (Instant, Option<f64>),
) -> Result<()> {
    let clock = minutes
        .map(|minutes| Clock::new(start, minutes, TRAINED_FOR))
        .transpose()?;
    let (_, stage) = shipped(config)?;
    train(config, photographs, only, clock.as_ref())?;
    if only.is_empty() || train::finished(config, stage)? {
        calibrate(config, photographs)?;
        export(config, photographs)?;
    } else {
        eprintln!(
            "stage `{}` is to be shipped and not trained yet: no bundle is written",
            stage.name
        );
    }
    evaluate(config, photographs)
}

/// Measures every trained stage on the test split, and sets the stages side by
/// side. The shipped stage is judged with its calibration where it has one, the
/// others with one fitted on val for the purpose: parents and referral rest on
/// several logits, and those of a stage trained on re-drawn photographs are
/// not on one scale before.
pub fn evaluate(config: &RunConfig, photographs: &Photographs) -> Result<()> {
    let device = device(config);
    let (mut reports, mut answered) = (Vec::new(), Vec::new());
    for stage in &config.stage {
        // A teacher's network may have stayed where it was trained.
        let network = config.stage_dir(&stage.name).join(train::FINAL);
        if !train::finished(config, stage)? || !network.is_file() {
            eprintln!("{}: not trained to its end here, left out", stage.name);
            continue;
        }
        let test = photographs.indices(Split::Test, &[]);
        if let Some(scores) = tasks_of(config, stage, photographs, &test)? {
            answered.push((stage.name.clone(), scores));
        }
        if !stage.method.settings().learns_findings() {
            continue;
        }
        let calibration = match &config.ship {
            Some(ship) if ship.stage == stage.name && calibration_file(config, ship).is_file() => {
                let onnx = exported(config, stage, photographs)?;
                calibration_of(config, ship, &onnx)?
            }
            _ => {
                let val = predicted(config, stage, photographs, Split::Val, device)?;
                let network = std::fs::read(&network)?;
                let taxonomy = &photographs.dataset.taxonomy;
                calibrate::fit(&val, taxonomy, (COMPARED_AT, None), &sha256_hex(&network))?.0
            }
        };
        let report = measure(config, stage, photographs, &calibration, device)?;
        if config.ship.as_ref().is_some_and(|s| s.stage == stage.name) {
            println!("{}", report.to_text());
        }
        reports.push((stage.name.clone(), report));
    }
    if reports.is_empty() && answered.is_empty() {
        bail!(
            "no stage of `{}` is trained; run `fovea-train train` first",
            config.name
        );
    }
    if !reports.is_empty() {
        let table = report::side_by_side(&reports, &config.validate_on);
        checkpoint::write(&config.run_dir().join("stages.txt"), table.as_bytes())?;
        println!("{table}");
    }
    if !answered.is_empty() {
        let table = tasks::table(&answered);
        checkpoint::write(&config.run_dir().join("tasks.txt"), table.as_bytes())?;
        println!("{table}");
    }
    Ok(())
}

/// Fits temperatures and operating points of the shipped stage on val.
pub fn calibrate(config: &RunConfig, photographs: &Photographs) -> Result<()> {
    let (ship, stage) = shipped(config)?;
    let device = device(config);
    let onnx = exported(config, stage, photographs)?;
    let val = predicted(config, stage, photographs, Split::Val, device)?;
    let val = val.filter(|photograph| {
        ship.calibrate_on.is_empty()
            || photograph.source == data::DAMAGED
            || ship.calibrate_on.contains(&photograph.source)
    });
    val.save(&config.stage_dir(&stage.name).join("predictions-val.jsonl"))?;
    let taxonomy = &photographs.dataset.taxonomy;
    let (calibration, summary) = calibrate::fit(
        &val,
        taxonomy,
        (ship.target_sensitivity as f32, ship.composite_rule),
        &sha256_hex(&onnx),
    )?;
    println!("{}", summary.to_text());
    std::fs::create_dir_all(&ship.calibration)
        .with_context(|| format!("cannot make {}", ship.calibration.display()))?;
    let file = calibration_file(config, ship);
    checkpoint::write(&file, calibration.to_toml()?.as_bytes())?;
    println!("operating points are in {}", file.display());
    Ok(())
}

/// Writes the bundle. Nothing is written unless the device's engine and libtorch agree.
pub fn export(config: &RunConfig, photographs: &Photographs) -> Result<()> {
    let (ship, stage) = shipped(config)?;
    let student = trained(config, stage, photographs, Device::Cpu)?;
    let onnx = export::to_onnx(&student.net, config.size)?;
    let calibration = calibration_of(config, ship, &onnx)?;
    let side = config.size;
    let checked: Vec<Vec<f32>> = photographs
        .indices(Split::Val, &config.validate_on)
        .into_iter()
        .filter_map(|i| photographs.cache.get(i))
        .filter_map(|pixels| image::RgbImage::from_raw(side, side, pixels.to_vec()))
        .take(VERIFIED_ON)
        .map(|prepared| fovea_core::prepare::to_tensor(&prepared))
        .collect();
    ensure!(
        checked.len() == VERIFIED_ON,
        "an export is checked on {VERIFIED_ON} photographs, but the validation split has only {}",
        checked.len()
    );
    let agreement = export::verify(&onnx, &student.net, side, &checked, TOLERANCE)?;
    println!(
        "the engine and libtorch agree on {} photographs to {:.1e} in logits",
        agreement.photographs, agreement.max_abs
    );
    let captions = ship.captioner.as_deref();
    let captions = captions
        .map(|name| captions_of(config, name, photographs, &checked))
        .transpose()?;
    let report = measure(config, stage, photographs, &calibration, device(config))?;
    let mut card = card::model_card(config, stage, photographs, &agreement, &report)?;
    let mut manifest = card::manifest(config, stage, photographs)?;
    if let Some(captions) = &captions {
        card.push_str(&captions.card);
        manifest.captioner = Some(captions.manifest.clone());
    }
    let captioner = captions.as_ref().map(|captions| captions.onnx.as_slice());
    Bundle::write(
        &ship.bundle,
        manifest,
        &photographs.dataset.taxonomy,
        &calibration,
        &onnx,
        captioner,
        &card,
    )?;
    println!(
        "the bundle is in {} ({:.1} MB)",
        ship.bundle.display(),
        (onnx.len() + captioner.map_or(0, <[u8]>::len)) as f64 / 1e6
    );
    Ok(())
}

/// A bundle's second network, and what is said of it.
struct Captions {
    onnx: Vec<u8>,
    manifest: Captioner,
    /// A part of the model card.
    card: String,
}

/// The captioner that stage `name` left behind, checked on the prepared photographs `checked`.
fn captions_of(
    config: &RunConfig,
    name: &str,
    photographs: &Photographs,
    checked: &[Vec<f32>],
) -> Result<Captions> {
    let stage = config.stage_named(name)?;
    let network = trained(config, stage, photographs, Device::Cpu)?;
    let onnx = export::captioner_to_onnx(&network.net, config.size)?;
    let agreement = export::verify_captioner(&onnx, &network.net, config.size, checked, TOLERANCE)?;
    println!(
        "of {} photographs the engine says what libtorch finds likeliest, to {:.1e} in logits",
        agreement.photographs, agreement.max_abs
    );
    let decoder = network.net.tasks().and_then(|tasks| tasks.decoder());
    let rows = decoder.map_or(0, |decoder| decoder.rows());
    let captions = data::Captions::of(&photographs.dataset, caption::vocabulary(rows));
    let test = photographs.indices(Split::Test, &[]);
    let scores = tasks_of(config, stage, photographs, &test)?.unwrap_or_default();
    Ok(Captions {
        onnx,
        manifest: Captioner {
            stage: name.to_owned(),
            words: captions.vocabulary().clone(),
        },
        card: card::captioner(stage, &scores)?,
    })
}

/// What the shipped stage with its calibration says of the test photographs of
/// `sources`.
pub fn judge(config: &RunConfig, photographs: &Photographs, sources: &[String]) -> Result<Report> {
    let (ship, stage) = shipped(config)?;
    let device = device(config);
    let onnx = exported(config, stage, photographs)?;
    let calibration = calibration_of(config, ship, &onnx)?;
    let student = trained(config, stage, photographs, device)?;
    let which = photographs.indices(Split::Test, sources);
    let batch = config.training.predict_batch;
    let predictions = predict::these(&student.net, photographs, &which, None, batch, device)?;
    let taxonomy = &photographs.dataset.taxonomy;
    evaluate::evaluate(
        &predictions,
        taxonomy,
        Some(&calibration),
        &photographs.groups,
    )
}

/// What the shipped stage could go by without looking at the disease.
pub fn probe(config: &RunConfig, photographs: &Photographs) -> Result<()> {
    let (_, stage) = shipped(config)?;
    let device = device(config);
    let student = trained(config, stage, photographs, device)?;
    let batch = config.training.predict_batch;
    let found = probe::probe(&student.net, photographs, batch, device)?;
    let dir = config.stage_dir(&stage.name);
    checkpoint::write(
        &dir.join("probe.json"),
        serde_json::to_string_pretty(&found)?.as_bytes(),
    )?;
    let text = found.to_text();
    checkpoint::write(&dir.join("probe.txt"), text.as_bytes())?;
    println!("{text}");
    Ok(())
}

/// The ONNX file of a trained stage: a calibration is for its hash.
fn exported(config: &RunConfig, stage: &StageConfig, photographs: &Photographs) -> Result<Vec<u8>> {
    let student = trained(config, stage, photographs, Device::Cpu)?;
    export::to_onnx(&student.net, config.size)
}

/// Report, plots and predictions of one stage on test, into its folder.
fn measure(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    calibration: &Calibration,
    device: Device,
) -> Result<Report> {
    let dir = config.stage_dir(&stage.name);
    let taxonomy = &photographs.dataset.taxonomy;
    let test = predicted(config, stage, photographs, Split::Test, device)?;
    test.save(&dir.join("predictions-test.jsonl"))?;
    let report = evaluate::evaluate(&test, taxonomy, Some(calibration), &photographs.groups)?;
    checkpoint::write(
        &dir.join("report.json"),
        serde_json::to_string_pretty(&report)?.as_bytes(),
    )?;
    checkpoint::write(&dir.join("report.txt"), report.to_text().as_bytes())?;
    evaluate::plot(&test, taxonomy, Some(calibration), &dir)?;
    Ok(report)
}

fn shipped(config: &RunConfig) -> Result<(&Ship, &StageConfig)> {
    let ship = config
        .ship
        .as_ref()
        .context("the run file has no [ship] table that says which stage to ship")?;
    Ok((ship, config.stage_named(&ship.stage)?))
}

/// The network a stage left behind, in float as the device runs it, whatever
/// it was trained in.
pub fn trained(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    device: Device,
) -> Result<Teacher> {
    let (store, net) = train::trained(config, stage, photographs, Precision::Float, device)?;
    Ok(Teacher { store, net })
}

fn predicted(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    split: Split,
    device: Device,
) -> Result<Predictions> {
    let student = trained(config, stage, photographs, device)?;
    let damaged = photographs.indices(split, &config.validate_on);
    let batch = config.training.predict_batch;
    predict::split(&student.net, photographs, split, &damaged, batch, device)
}

/// What a trained stage says of the photographs `which`: read from its folder
/// where it said so before, and the stage is the same.
pub fn predictions_of(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    which: &[usize],
) -> Result<Predictions> {
    let key = asked(config, stage, photographs, which)?;
    let file = config
        .stage_dir(&stage.name)
        .join(format!("said-{}.jsonl", &sha256_hex(&key)[..16]));
    if file.is_file() {
        return Predictions::load(&file);
    }
    let device = device(config);
    let trained = trained(config, stage, photographs, device)?;
    let batch = config.training.predict_batch;
    let said = predict::these(&trained.net, photographs, which, None, batch, device)?;
    said.save(&file)?;
    Ok(said)
}

/// The stage and what is known of the photographs `which` that it is asked about.
fn asked(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    which: &[usize],
) -> Result<Vec<u8>> {
    let mut key = photographs.fingerprint(config, stage)?.into_bytes();
    for &i in which {
        key.extend(photographs.known_of(i));
    }
    Ok(key)
}

/// What a trained stage of several tasks answers of the photographs `which`, if it is
/// one: read from its folder where that was asked before, and the stage is the same.
pub fn tasks_of(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    which: &[usize],
) -> Result<Option<TaskScores>> {
    let taxonomy = &photographs.dataset.taxonomy;
    let head = stage.method.settings().head(taxonomy);
    if !matches!(head, HeadKind::Tasks { .. }) {
        return Ok(None);
    }
    let mut key = asked(config, stage, photographs, which)?;
    for &i in which {
        key.extend(photographs.caption_of(i));
    }
    let file = config
        .stage_dir(&stage.name)
        .join(format!("tasks-{}.json", &sha256_hex(&key)[..16]));
    if let Ok(text) = std::fs::read_to_string(&file) {
        let read = serde_json::from_str(&text);
        return Ok(Some(read.with_context(|| {
            format!("{} is damaged; delete it", file.display())
        })?));
    }
    let device = device(config);
    let trained = trained(config, stage, photographs, device)?;
    let batch = config.training.predict_batch;
    let scores = tasks::scores(&trained.net, photographs, which, batch, device)?;
    checkpoint::write(&file, serde_json::to_string_pretty(&scores)?.as_bytes())?;
    Ok(scores)
}

fn calibration_file(config: &RunConfig, ship: &Ship) -> PathBuf {
    ship.calibration.join(format!("{}.toml", config.name))
}

/// The calibration that was fitted for the student `onnx`.
fn calibration_of(config: &RunConfig, ship: &Ship, onnx: &[u8]) -> Result<Calibration> {
    let path: &Path = &calibration_file(config, ship);
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "{} cannot be read; run `fovea-train calibrate` first",
            path.display()
        )
    })?;
    let calibration =
        Calibration::parse(&text).with_context(|| format!("{} is damaged", path.display()))?;
    ensure!(
        sha256_hex(onnx) == calibration.student_sha256,
        "{} was measured for another student; run `fovea-train calibrate` again",
        path.display()
    );
    ensure!(
        calibration.target_sensitivity == ship.target_sensitivity as f32,
        "{} was made for a sensitivity of {} where the run asks for {}; run `fovea-train calibrate` \
         again",
        path.display(),
        calibration.target_sensitivity,
        ship.target_sensitivity
    );
    ensure!(
        ship.composite_rule
            .is_none_or(|rule| rule == calibration.composite_rule),
        "{} was made by another composite rule than the run asks for; run `fovea-train calibrate` \
         again",
        path.display()
    );
    Ok(calibration)
}

/// There where the first NVIDIA GPU has a driver.
const GPU: &str = "/dev/nvidia0";
/// What brings libtorch and a GPU together.
const CUDA_REMEDY: &str =
    "let LIBTORCH name the `torch` folder of a Python torch 2.11.0 with CUDA, \
                         build again, and see that `nvidia-smi` works";

/// What networks are trained on here, in words, after it has multiplied two matrices right.
///
/// # Errors
/// There is a GPU, but libtorch does not find it or it does not compute.
pub fn check_device() -> Result<String> {
    load_cuda();
    let (device, words) = if tch::Cuda::is_available() {
        (Device::Cuda(0), "the GPU")
    } else if Path::new(GPU).exists() {
        bail!("a GPU is here, but libtorch does not find it: {CUDA_REMEDY}");
    } else {
        (Device::Cpu, "the processor")
    };
    const SIDE: i64 = 64;
    let ones = Tensor::f_ones([SIDE, SIDE], (Kind::Float, device));
    let sum = ones
        .and_then(|ones| ones.f_matmul(&ones))
        .and_then(|product| f64::try_from(product.f_sum(Kind::Double)?))
        .with_context(|| format!("{words} does not compute; {CUDA_REMEDY}"))?;
    ensure!(
        sum == SIDE.pow(3) as f64,
        "{words} computes wrongly; {CUDA_REMEDY}"
    );
    Ok(format!("{words} ({})", machine::name()))
}

/// Where networks are trained and run.
pub fn device(config: &RunConfig) -> Device {
    if config.device == DeviceChoice::Cpu {
        return Device::Cpu;
    }
    load_cuda();
    if tch::Cuda::is_available() {
        return Device::Cuda(0);
    }
    let hidden = std::env::var_os("CUDA_VISIBLE_DEVICES").is_some_and(|seen| seen.is_empty());
    if config.device == DeviceChoice::Auto && Path::new(GPU).exists() && !hidden {
        eprintln!("a GPU is here, but libtorch does not find it: {CUDA_REMEDY}");
    }
    Device::Cpu
}

/// The program is linked against libtorch's CPU half only, so that it starts
/// where there is no CUDA; the other half registers itself when it is loaded.
fn load_cuda() {
    // SAFETY: the name is a C string, and libtorch expects to be loaded so.
    unsafe {
        libc::dlopen(
            c"libtorch_cuda.so".as_ptr(),
            libc::RTLD_NOW | libc::RTLD_GLOBAL,
        );
    }
}
