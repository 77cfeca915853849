//! `fovea grade` as it is run: the real program, its output and exit status.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use embedded_graphics::prelude::RgbColor as _;
use fovea_core::bundle::{sha256_hex, Bundle, Captioner, Manifest, Network, Training, FORMAT};
use fovea_core::calibration::{Calibration, ParentRule};
use fovea_core::caption::Vocabulary;
use fovea_core::decision::ReferralDecision;
use fovea_core::prepare::PREPARATION;
use fovea_core::taxonomy::Taxonomy;
use fovea_device::grade::verdict;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{DynamicImage, Frame, ImageFormat, RgbImage};
use serde_json::Value;

/// A folder with the tiny bundle in `bundle` and room for photographs.
struct Clinic {
    dir: tempfile::TempDir,
}

impl Clinic {
    fn new() -> Clinic {
        let dir = tempfile::tempdir().unwrap();
        write_bundle(&dir.path().join("bundle"));
        Clinic { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn put_eye(&self, name: &str, colour: [u8; 3]) -> PathBuf {
        self.put(name, &png(&eye(300, colour).into()))
    }

    /// Runs `fovea grade --bundle bundle` with these words in the clinic.
    fn grade(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = fovea(self.dir.path());
        command.args(["grade", "--bundle", "bundle"]).args(words);
        command
    }
}

fn fovea(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.current_dir(dir).stdin(Stdio::null());
    command
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    encoded(picture, ImageFormat::Png)
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The lines of a run that printed JSON and did not panic.
fn records(output: &Output) -> Vec<Value> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_record_has_exactly_the_documented_keys() {
    let clinic = Clinic::new();
    clinic.put_eye("eye.png", BLEEDING);
    let output = clinic.grade(&["eye.png", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let [record] = &records(&output)[..] else {
        panic!("one line expected");
    };
    let mut top = keys(record);
    top.sort_unstable();
    assert_eq!(
        top,
        [
            "elapsed_ms",
            "findings",
            "gate",
            "image",
            "model",
            "referable_dr",
            "referral"
        ]
    );
    let sorted = |value: &Value| {
        let mut keys: Vec<String> = keys(value).iter().map(|&k| k.to_owned()).collect();
        keys.sort_unstable();
        keys.join(" ")
    };
    assert_eq!(sorted(&record["gate"]), "accepted reason scores");
    assert_eq!(
        sorted(&record["referral"]),
        "because decision reasons score"
    );
    assert_eq!(sorted(&record["model"]), "bundle sha256");
    assert_eq!(
        sorted(&record["elapsed_ms"]),
        "decide gate infer prepare read"
    );
    let taxonomy = support::taxonomy();
    let findings = record["findings"].as_array().unwrap();
    assert_eq!(findings.len(), taxonomy.nodes().len());
    for (finding, node) in findings.iter().zip(taxonomy.nodes()) {
        assert_eq!(
            sorted(finding),
            "id level name positive probability threshold"
        );
        assert_eq!(finding["id"], node.id.as_str());
        assert!(["finest", "disease", "group"].contains(&finding["level"].as_str().unwrap()));
        assert!((0.0..=1.0).contains(&finding["probability"].as_f64().unwrap()));
    }
    assert_eq!(record["image"], "eye.png");
    assert_eq!(record["model"]["bundle"], "tiny");
    assert_eq!(
        record["model"]["sha256"],
        sha256_hex(&support::onnx(&taxonomy)).as_str()
    );
    for scores in record["gate"]["scores"].as_object().unwrap().values() {
        assert!(scores.is_number());
    }
}

/// The demonstration is the first thing that anybody sees: the shipped student,
/// which never trained on a drawn retina, must see in each what was drawn.
#[test]
fn drawn_eyes_are_judged_as_what_they_show() {
    let taxonomy = Taxonomy::builtin("odir").unwrap();
    let clinic = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| fovea(clinic.path()).args(words).output().unwrap();
    let drawn = [
        ("healthy", 1, "no_referable_disease", ""),
        ("moderate_npdr", 2, "refer", "diabetic_retinopathy"),
        ("proliferative_dr", 3, "refer", "diabetic_retinopathy"),
        ("dry_amd", 4, "refer", "amd"),
        ("cataract", 5, "refer", "media"),
        ("blurred", 6, "retake", "blurred"),
        ("dark", 7, "retake", "too_dark"),
        ("outside_eye", 8, "retake", "non_fundus"),
    ];
    for (preset, seed, decision, why) in drawn {
        let (seed, file) = (format!("{seed}"), format!("{preset}.png"));
        let output = run(&["draw", "--preset", preset, "--seed", &seed, "--out", &file]);
        assert!(output.status.success(), "{preset}");
        let output = run(&["grade", "--json", &file]);
        let [record] = &records(&output)[..] else {
            panic!("one line expected of {preset}");
        };
        let referral = &record["referral"];
        assert_eq!(referral["decision"], decision, "{preset}: {referral}");
        // The disease or one of its forms.
        let below = |node: &Value| {
            let node = node.as_str().and_then(|id| taxonomy.index(id));
            let why = taxonomy.index(why).map(|why| taxonomy.at_or_below(why));
            node.zip(why).is_some_and(|(node, why)| why.contains(&node))
        };
        let named = |reason: &Value| {
            let likeliest = &reason["likeliest"]["node"];
            below(&reason["node"]) || below(likeliest) || reason["gate"] == why
        };
        let reasons = referral["reasons"].as_array().unwrap();
        assert!(
            why.is_empty() || reasons.iter().any(named),
            "{preset}: {referral}"
        );
    }
}

#[test]
fn verdicts_follow_the_student() {
    let clinic = Clinic::new();
    clinic.put_eye("healthy.png", HEALTHY);
    clinic.put_eye("bleeding.png", BLEEDING);
    clinic.put(
        "sky.png",
        &png(&RgbImage::from_fn(200, 200, |x, y| {
            image::Rgb([(60 + x % 50) as u8, (70 + y % 50) as u8, 220])
        })
        .into()),
    );
    clinic.put("night.png", &png(&RgbImage::new(200, 200).into()));
    let output = clinic.grade(&[
        "healthy.png",
        "bleeding.png",
        "sky.png",
        "night.png",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let records = records(&output);

    let verdict = |i: usize| {
        let record: &Value = &records[i];
        (
            record["gate"]["reason"].as_str().unwrap(),
            record["referral"]["decision"].as_str().unwrap(),
        )
    };
    assert_eq!(verdict(0), ("ok", "no_referable_disease"));
    assert_eq!(verdict(1), ("ok", "refer_urgent"));
    assert_eq!(verdict(2), ("non_fundus", "retake"));
    assert_eq!(verdict(3).1, "retake");
    assert_ne!(verdict(3).0, "ok");
    for record in &records {
        assert_eq!(record["gate"]["accepted"], record["gate"]["reason"] == "ok");
        // Given also when the gate refuses.
        assert!(record["referral"]["score"].is_number());
        assert!(record["referable_dr"].is_number());
        assert!(!record["referral"]["because"].as_array().unwrap().is_empty());
    }
    let number = |i: usize, key: &str| records[i][key].as_f64().unwrap();
    assert!(number(1, "referable_dr") > 0.9 && number(0, "referable_dr") < 0.1);
}

#[test]
fn a_captioner_adds_a_line_of_words_and_changes_no_verdict() {
    let clinic = Clinic::new();
    let onnx = support::onnx(&support::taxonomy());
    write_bundle_with(&clinic.path("words"), &onnx, Some(&support::captioner()));
    clinic.put_eye("healthy.png", HEALTHY);
    clinic.put_eye("bleeding.png", BLEEDING);
    clinic.put_eye("blue.png", [40, 60, 220]);
    let photographs = ["healthy.png", "bleeding.png", "blue.png"];
    let graded = |bundle: &str, more: &[&str]| {
        let mut command = fovea(clinic.dir.path());
        command.args(["grade", "--bundle", bundle]);
        let output = command.args(photographs).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        output
    };
    for engine in ["own", "stock"] {
        let more = ["--json", "--engine", engine];
        let with = records(&graded("words", &more));
        let without = records(&graded("bundle", &more));
        for (with, without) in with.iter().zip(&without) {
            for key in ["gate", "referral", "findings", "referable_dr"] {
                assert_eq!(with[key], without[key]);
            }
            assert_eq!(without["words"], Value::Null);
        }
        assert_eq!(with[0]["words"], "normal");
        assert_eq!(with[1]["words"], "severe npdr");
        assert!(with[1]["elapsed_ms"]["words"].as_f64().unwrap() > 0.0);
        // What cannot be graded is not described.
        assert_eq!(with[2]["gate"]["accepted"], false);
        assert_eq!(with[2]["words"], Value::Null);
    }
    let table = String::from_utf8(graded("words", &[]).stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].ends_with("  [generated: normal]"), "{table}");
    assert!(lines[1].ends_with("  [generated: severe npdr]"), "{table}");
    assert!(!lines[2].contains("generated"), "{table}");
}

#[test]
fn a_captioner_that_cannot_be_run_is_refused_by_name() {
    let clinic = Clinic::new();
    let onnx = support::onnx(&support::taxonomy());
    write_bundle_with(&clinic.path("bundle"), &onnx, Some(b"not a network"));
    clinic.put_eye("healthy.png", HEALTHY);
    let output = clinic.grade(&["healthy.png"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("captioner.onnx cannot be loaded"), "{said}");
}

#[test]
fn both_engines_give_the_same_verdicts() {
    let clinic = Clinic::new();
    clinic.put_eye("eye.png", BLEEDING);
    let verdicts = |engine: &str| {
        let output = clinic.grade(&["eye.png", "--json", "--engine", engine]);
        assert_eq!(output.status.code(), Some(0));
        let record = records(&output).remove(0);
        (
            record["referral"]["decision"].clone(),
            record["findings"].clone(),
        )
    };
    let (own, stock) = (verdicts("own"), verdicts("stock"));
    assert_eq!(own.0, stock.0);
    assert_eq!(
        own.1.as_array().map(Vec::len),
        stock.1.as_array().map(Vec::len)
    );
    assert_eq!(
        clinic
            .grade(&["eye.png", "--engine", "other"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn hostile_files_get_records_and_the_others_are_graded() {
    let clinic = Clinic::new();
    let eye: DynamicImage = eye(300, HEALTHY).into();
    let jpeg = encoded(&eye, ImageFormat::Jpeg);

    // Each with whether it can be graded.
    let grey = DynamicImage::ImageLuma8(eye.to_luma8());
    let deep = DynamicImage::ImageRgb16(eye.to_rgb16());
    let clear = DynamicImage::ImageRgba8(eye.to_rgba8());
    let files: Vec<(&str, Vec<u8>, bool)> = vec![
        ("whole.jpg", jpeg.clone(), true),
        ("empty.jpg", Vec::new(), false),
        ("cut.jpg", jpeg[..jpeg.len() / 2].to_vec(), false),
        ("head.jpg", jpeg[..20].to_vec(), false),
        (
            "text.jpg",
            b"This is a letter, not a photograph.".to_vec(),
            false,
        ),
        ("flat.png", png_header(0, 0), false),
        ("huge.png", png_header(30_000, 30_000), false),
        ("wide.png", png_header(u32::MAX, 1), false),
        ("grey.png", png(&grey), true),
        ("deep.png", png(&deep), true),
        ("clear.png", png(&clear), true),
        ("moving.gif", gif(&eye), true),
        ("print.jpg", cmyk_jpeg(&eye), true),
        ("named.tiff", png(&eye), true),
        ("眼底 №1 ñ.jpg", jpeg, true),
    ];
    let mut words = vec!["--json", "missing.jpg"];
    for (name, bytes, _) in &files {
        clinic.put(name, bytes);
        words.push(name);
    }
    let output = clinic.grade(&words);
    assert_eq!(output.status.code(), Some(1));
    let records = records(&output);
    assert_eq!(records.len(), files.len() + 1);
    let expected = std::iter::once(("missing.jpg", false))
        .chain(files.iter().map(|(name, _, readable)| (*name, *readable)));
    for (record, (name, readable)) in records.iter().zip(expected) {
        assert_eq!(record["image"], name);
        let refused = record["gate"]["reason"] == "unreadable";
        assert_eq!(refused, !readable, "{name}: {record}");
        if refused {
            assert_eq!(record["gate"]["accepted"], false);
            assert_eq!(record["gate"]["scores"], serde_json::json!({}));
            assert_eq!(record["referral"]["decision"], "retake");
            assert_eq!(record["referral"]["score"], Value::Null);
            assert_eq!(record["findings"], serde_json::json!([]));
            assert_eq!(record["referable_dr"], Value::Null);
            let why = record["referral"]["because"][0].as_str().unwrap();
            assert!(why.len() > 10, "{name}: {why}");
        } else {
            assert!(record["referral"]["score"].is_number(), "{name}");
        }
    }
}

/// In a folder, nothing that looks like a picture is passed over in silence.
#[test]
fn pictures_of_other_formats_are_named_and_counted() {
    let clinic = Clinic::new();
    clinic.put_eye("day/eye.png", HEALTHY);
    let mut dicom = vec![0; 128];
    dicom.extend(b"DICM\x02\0\0\0UL");
    for (name, bytes) in [
        ("day/a.heic", &b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..]),
        ("day/b", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
        ("day/c.jp2", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 "),
        ("day/d.dcm", &dicom),
        ("day/notes.txt", b"Tuesday"),
    ] {
        clinic.put(name, bytes);
    }
    let output = clinic.grade(&["day"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (line, format) in lines.iter().zip(["HEIC", "AVIF", "JPEG 2000", "DICOM"]) {
        let sentence = format!("format is {format},");
        assert!(line.contains(&sentence), "{line}");
    }
    assert_eq!(lines.len(), 5, "{text}");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(
        summary.contains("5 photographs") && summary.contains("4 unreadable"),
        "{summary}"
    );
}

#[test]
fn names_that_are_not_utf8_lead_back_to_their_files() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let clinic = Clinic::new();
    let eye = png(&eye(300, HEALTHY).into());
    fs::create_dir(clinic.path("day")).unwrap();
    for name in [
        &b"Jos\xe8.png"[..],
        b"Jos\xe9.png",
        "a\u{202e}gnp.png".as_bytes(),
    ] {
        fs::write(clinic.path("day").join(OsStr::from_bytes(name)), &eye).unwrap();
    }
    let output = clinic.grade(&["day", "--json"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains(r"day/a\u202egnp.png"), "{text}");
    let records = records(&output);
    let field = |i: usize, key: &str| records[i][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(field(0, "image"), r"day/Jos\xE8.png");
    assert_eq!(field(1, "image"), r"day/Jos\xE9.png");
    assert_eq!(field(0, "image_bytes"), "6461792f4a6f73e82e706e67");
    assert_eq!(field(2, "image"), "day/a\u{202e}gnp.png");
    assert_eq!(records[2].get("image_bytes"), None);

    let output = clinic.grade(&["day"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r"day/Jos\xE8.png") && text.contains(r"day/Jos\xE9.png"));
    assert!(text.contains(r"day/a\u{202e}gnp.png"), "{text}");
}

/// What is readable and yet not to be graded says what it is.
#[test]
fn an_unsuitable_photograph_is_refused_with_its_cause() {
    let clinic = Clinic::new();
    let one = eye(300, HEALTHY);
    let mut pair = RgbImage::new(600, 300);
    for x in [0, 300] {
        image::imageops::overlay(&mut pair, &one, x, 0);
    }
    clinic.put("pair.png", &png(&pair.into()));
    clinic.put(
        "grey.png",
        &png(&DynamicImage::from(one.clone()).grayscale()),
    );
    clinic.put("small.png", &png(&eye(60, HEALTHY).into()));
    let output = clinic.grade(&["pair.png", "grey.png", "small.png", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    for (record, (reason, words)) in records(&output).iter().zip([
        ("several_fields", "one eye per photograph"),
        ("not_colour", "not a colour photograph of the retina"),
        ("too_small", "too few pixels"),
    ]) {
        assert_eq!(record["gate"]["reason"], reason, "{record}");
        assert_eq!(record["referral"]["decision"], "retake");
        let why = record["referral"]["because"][0].as_str().unwrap();
        assert!(why.contains(words), "{why}");
    }
}

/// A student that fails says nothing of the file.
#[test]
fn a_student_that_fails_is_not_an_unreadable_file() {
    let clinic = Clinic::new();
    let taxonomy = support::taxonomy();
    let onnx = support::failing_onnx(&taxonomy);
    write_bundle_of(&clinic.path("bundle"), &onnx);
    clinic.put_eye("eye.png", HEALTHY);
    let output = clinic.grade(&["eye.png", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let [record] = &records(&output)[..] else {
        panic!("one line expected");
    };
    assert_eq!(record["gate"]["reason"], "student_failed");
    assert_eq!(record["gate"]["accepted"], false);
    assert_eq!(record["referral"]["score"], Value::Null);
    let why = record["referral"]["because"][0].as_str().unwrap();
    assert!(why.contains("The model failed"), "{why}");
}

#[test]
fn folders_stand_for_their_photographs_and_order_is_kept() {
    let clinic = Clinic::new();
    for i in 0..12 {
        let colour = if i % 3 == 0 { BLEEDING } else { HEALTHY };
        clinic.put_eye(&format!("day/{i:02}.png"), colour);
    }
    clinic.put("day/notes.txt", b"Tuesday");
    clinic.put_eye("first.png", HEALTHY);
    let run = |threads: &str| {
        let output = clinic.grade(&[
            "first.png",
            "day",
            "first.png",
            "--json",
            "--threads",
            threads,
        ]);
        assert_eq!(output.status.code(), Some(0));
        let mut records = records(&output);
        for record in &mut records {
            record["elapsed_ms"].take();
        }
        records
    };
    let one = run("1");
    let names: Vec<&str> = one.iter().map(|r| r["image"].as_str().unwrap()).collect();
    let mut expected = vec!["first.png".to_owned()];
    expected.extend((0..12).map(|i| format!("day/{i:02}.png")));
    expected.push("first.png".to_owned());
    assert_eq!(names, expected);
    // However many threads: the same records in the same order.
    assert_eq!(one, run("4"));
}

#[test]
fn the_table_has_one_aligned_line_each() {
    let clinic = Clinic::new();
    clinic.put_eye("healthy.png", HEALTHY);
    clinic.put_eye("bleeding.png", BLEEDING);
    clinic.put("broken.png", b"");
    let output = clinic.grade(&["healthy.png", "bleeding.png", "broken.png"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("no referable disease"));
    assert!(lines[1].contains("refer urgently"));
    assert!(lines[2].contains("retake") && lines[2].contains("empty"));
    let start = |line: &str, word: &str| line.find(word).unwrap();
    assert_eq!(
        start(lines[0], "no referable"),
        start(lines[1], "refer urgently")
    );
    assert_eq!(start(lines[1], "refer urgently"), start(lines[2], "retake"));
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("3 photographs") && summary.contains("1 unreadable"));
}

#[test]
fn pictures_are_written_for_every_photograph() {
    let clinic = Clinic::new();
    clinic.put_eye("right/eye.png", BLEEDING);
    clinic.put_eye("left/eye.png", HEALTHY);
    clinic.put("broken.jpg", b"");
    let output = clinic.grade(&["right", "left", "broken.jpg", "--pictures", "out/pictures"]);
    assert_eq!(output.status.code(), Some(1));
    for (name, photograph, decision) in [
        ("eye.png", true, ReferralDecision::ReferUrgent),
        ("eye-2.png", true, ReferralDecision::NoReferableDisease),
        ("broken.png", false, ReferralDecision::Retake),
    ] {
        let picture = image::open(clinic.path("out/pictures").join(name)).unwrap();
        let picture = picture.into_rgb8();
        assert_eq!(picture.dimensions(), (1600, 900), "{name}");
        let [red, ..] = picture.get_pixel(450, 400).0;
        assert_eq!(red > 100, photograph, "{name}");
        let colour = verdict::colour(decision);
        let colour = [colour.r(), colour.g(), colour.b()];
        let panel = picture
            .enumerate_pixels()
            .filter(|(x, y, _)| *x > 900 && *y < 160);
        let shown = panel.filter(|(.., pixel)| pixel.0 == colour).count();
        assert!(shown > 2_000, "{name}: {shown} pixels of the verdict");
    }
    assert_eq!(
        fs::read_dir(clinic.path("out/pictures")).unwrap().count(),
        3
    );
}

#[test]
fn pictures_below_the_graded_folder_are_not_graded_themselves() {
    let clinic = Clinic::new();
    clinic.put_eye("day/a.png", BLEEDING);
    clinic.put_eye("day/b.png", HEALTHY);
    for run in 0..3 {
        let output = clinic.grade(&["day", "--pictures", "day/pictures"]);
        assert_eq!(output.status.code(), Some(0));
        let lines = output.stdout.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(lines, 2);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("2 pictures were left out"), run > 0, "{said}");
        assert_eq!(
            fs::read_dir(clinic.path("day/pictures")).unwrap().count(),
            2
        );
    }
}

#[test]
fn a_picture_that_cannot_be_written_stops_no_verdict() {
    let clinic = Clinic::new();
    clinic.put_eye("day/a.png", BLEEDING);
    clinic.put_eye("day/b.png", HEALTHY);
    fs::create_dir_all(clinic.path("out/a.png")).unwrap();
    let output = clinic.grade(&["day", "--pictures", "out"]);
    assert_eq!(output.status.code(), Some(2));
    let lines = output.stdout.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines, 2);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot write out/a.png"), "{said}");
    assert!(clinic.path("out/b.png").is_file());
}

#[test]
fn what_cannot_be_done_is_said_and_has_status_2() {
    let clinic = Clinic::new();
    clinic.put_eye("eye.png", HEALTHY);
    fs::create_dir(clinic.path("nothing")).unwrap();
    let bundle = fs::read(clinic.path("bundle/student.onnx")).unwrap();
    let mut damaged = bundle.clone();
    damaged[100] ^= 1;
    fs::create_dir(clinic.path("damaged")).unwrap();
    for part in fs::read_dir(clinic.path("bundle")).unwrap() {
        let part = part.unwrap();
        fs::copy(part.path(), clinic.path("damaged").join(part.file_name())).unwrap();
    }
    clinic.put("damaged/student.onnx", &damaged);
    clinic.put("file", b"in the way");

    for (words, said) in [
        (vec!["grade"], "PATHS"),
        (vec!["grade", "--colour", "eye.png"], "--colour"),
        (vec!["grade", "--threads", "0", "eye.png"], "--threads"),
        (
            vec!["grade", "--bundle", "bundle", "nothing"],
            "nothing to grade",
        ),
        (vec!["grade", "--bundle", "nothing", "eye.png"], "lacks"),
        (vec!["grade", "--bundle", "nowhere", "eye.png"], "nowhere"),
        (vec!["grade", "--bundle", "damaged", "eye.png"], "SHA-256"),
        (
            vec![
                "grade",
                "--bundle",
                "bundle",
                "eye.png",
                "--pictures",
                "file",
            ],
            "cannot write file",
        ),
        (vec!["bundle", "damaged"], "SHA-256"),
    ] {
        let output = fovea(clinic.dir.path()).args(&words).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {errors}");
        assert!(errors.contains(said), "{words:?}: {errors}");
        assert!(
            output.stdout.is_empty() && !errors.contains("panicked"),
            "{errors}"
        );
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let clinic = Clinic::new();
    let eye = clinic.put_eye("eye.png", HEALTHY);
    let words: Vec<&str> = std::iter::once("--json")
        .chain(std::iter::repeat_n(eye.to_str().unwrap(), 64))
        .collect();
    let mut child = clinic
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_bundle_is_described() {
    let clinic = Clinic::new();
    let output = fovea(clinic.dir.path())
        .args(["bundle", "bundle"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("tiny") && text.contains("one_layer, 32 x 32 pixels"),
        "{text}"
    );
}

/// Writes the tiny bundle to `dir`.
fn write_bundle(dir: &Path) {
    write_bundle_of(dir, &support::onnx(&support::taxonomy()));
}

fn write_bundle_of(dir: &Path, onnx: &[u8]) {
    write_bundle_with(dir, onnx, None);
}

fn write_bundle_with(dir: &Path, onnx: &[u8], captioner: Option<&[u8]>) {
    let taxonomy = support::taxonomy();
    let mut calibration = Calibration::identity(&taxonomy, &sha256_hex(onnx));
    calibration.parent_rule = ParentRule::NoisyOr;
    let outputs = taxonomy.nodes()[..taxonomy.finest_count()]
        .iter()
        .map(|node| node.id.clone())
        .collect();
    let manifest = Manifest {
        format: FORMAT,
        name: "tiny".to_owned(),
        taxonomy: taxonomy.id.clone(),
        network: Network {
            arch: "one_layer".to_owned(),
            input_size: support::SIZE,
            preparation: PREPARATION.to_owned(),
            opset: 13,
            outputs,
        },
        training: Training {
            run: "none".to_owned(),
            method: "by hand".to_owned(),
            seed: 0,
            epochs: 0,
            machine: "none".to_owned(),
        },
        captioner: captioner.map(|_| Captioner {
            stage: "words".to_owned(),
            words: Vocabulary::new(support::WORDS.map(str::to_owned).to_vec()),
        }),
        data: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    Bundle::write(
        dir,
        manifest,
        &taxonomy,
        &calibration,
        onnx,
        captioner,
        "# Tiny\n",
    )
    .unwrap();
}

/// A disc of one colour, a little darker towards its edge, on black.
fn eye(side: u32, colour: [u8; 3]) -> RgbImage {
    let middle = side as f32 / 2.0;
    RgbImage::from_fn(side, side, |x, y| {
        let (dx, dy) = (x as f32 + 0.5 - middle, y as f32 + 0.5 - middle);
        let r = (dx * dx + dy * dy).sqrt() / (middle * 0.96);
        if r > 1.0 {
            return image::Rgb([0, 0, 0]);
        }
        // Stripes stand for vessels: without detail it would be a blur.
        let stripe = if (x * 24 / side + y * 24 / side).is_multiple_of(6) {
            [0.9, 0.7, 0.8]
        } else {
            [1.0; 3]
        };
        let shade = 1.0 - 0.25 * r * r;
        image::Rgb([0, 1, 2].map(|i| (f32::from(colour[i]) * shade * stripe[i]) as u8))
    })
}

const HEALTHY: [u8; 3] = [215, 115, 55];
const BLEEDING: [u8; 3] = [235, 12, 12];

/// A PNG that claims this size and holds no pixels.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for chunk in [&header[..], b"IDAT\x78\x9c", b"IEND"] {
        bytes.extend((chunk.len() as u32 - 4).to_be_bytes());
        bytes.extend(chunk);
        bytes.extend(crc32(chunk).to_be_bytes());
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// An animation of the picture and its negative.
fn gif(picture: &DynamicImage) -> Vec<u8> {
    let mut negative = picture.clone();
    negative.invert();
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for frame in [picture, &negative] {
        encoder.encode_frame(Frame::new(frame.to_rgba8())).unwrap();
    }
    drop(encoder);
    bytes
}

/// A JPEG of four inks, as a print shop would send it.
fn cmyk_jpeg(picture: &DynamicImage) -> Vec<u8> {
    let inks: Vec<u8> = picture
        .to_rgb8()
        .pixels()
        .flat_map(|p| [255 - p.0[0], 255 - p.0[1], 255 - p.0[2], 0])
        .collect();
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 90)
        .encode(
            &inks,
            picture.width() as u16,
            picture.height() as u16,
            jpeg_encoder::ColorType::Cmyk,
        )
        .unwrap();
    bytes
}
