//! The bundle folder: written whole, opened only when everything fits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{edited, identity, small};
use fovea_core::bundle::{
    sha256_hex, Bundle, BundleError, Captioner, Manifest, Network, SourceCounts, Training,
    CALIBRATION, CAPTIONER, MANIFEST, MODEL_CARD, PARTS, STUDENT, TAXONOMY,
};
use fovea_core::calibration::Calibration;
use fovea_core::caption::Vocabulary;
use fovea_core::prepare::PREPARATION;
use fovea_core::taxonomy::Taxonomy;

const ONNX: &[u8] = b"not a network, but bytes with a hash";
const CARD: &str = "# A card\n";

type Files = BTreeMap<String, Vec<u8>>;

fn manifest(taxonomy: &Taxonomy) -> Manifest {
    let finest = &taxonomy.nodes()[..taxonomy.finest_count()];
    Manifest {
        format: fovea_core::bundle::FORMAT,
        name: "small-1".to_owned(),
        taxonomy: taxonomy.id.clone(),
        network: Network {
            arch: "efficientnet_lite0".to_owned(),
            input_size: 224,
            preparation: PREPARATION.to_owned(),
            opset: 13,
            outputs: finest.iter().map(|n| n.id.clone()).collect(),
        },
        training: Training {
            run: "run-1".to_owned(),
            method: "hkgl".to_owned(),
            seed: u64::from(u32::MAX),
            epochs: 10,
            machine: "two cores".to_owned(),
        },
        captioner: None,
        data: BTreeMap::from([(
            "odir".to_owned(),
            SourceCounts {
                train: 3,
                val: 2,
                test: 1,
            },
        )]),
        files: BTreeMap::new(),
    }
}

fn calibration(taxonomy: &Taxonomy) -> Calibration {
    let mut calibration = identity(taxonomy);
    calibration.student_sha256 = sha256_hex(ONNX);
    calibration
}

fn write(dir: &Path) -> Result<Bundle, BundleError> {
    let t = small();
    Bundle::write(dir, manifest(&t), &t, &calibration(&t), ONNX, None, CARD)
}

/// The files of a good bundle, by name.
fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    write(&dir).unwrap();
    let read = |part: &str| (part.to_owned(), fs::read(dir.join(part)).unwrap());
    PARTS.into_iter().chain([MANIFEST]).map(read).collect()
}

/// One file's text changed, and its hash in the manifest made right again, so
/// that it is the change that is refused and not the hash.
fn changed(mut files: Files, part: &str, from: &str, to: &str) -> Files {
    let text = String::from_utf8(files[part].clone()).unwrap();
    let before = sha256_hex(text.as_bytes());
    let text = edited(&text, from, to);
    let after = sha256_hex(text.as_bytes());
    files.insert(part.to_owned(), text.into_bytes());
    if part == MANIFEST {
        return files;
    }
    changed(files, MANIFEST, &before, &after)
}

/// Why a bundle with such a change is refused.
fn refused(part: &str, from: &str, to: &str) -> BundleError {
    let error = Bundle::from_parts(changed(files(), part, from, to)).unwrap_err();
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_written_opens_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/folders/bundle");
    let written = write(&dir).unwrap();
    let opened = Bundle::open(&dir).unwrap();
    assert_eq!(opened.manifest, written.manifest);
    assert_eq!(opened.calibration, calibration(&small()));
    assert_eq!(opened.taxonomy.source(), small().source());
    assert_eq!(
        (opened.onnx.as_slice(), opened.sha256),
        (ONNX, sha256_hex(ONNX))
    );
    assert_eq!(
        names(&dir),
        [
            "MODEL_CARD.md",
            "calibration.toml",
            "manifest.toml",
            "student.onnx",
            "taxonomy.toml"
        ]
    );
    for part in PARTS {
        let hash = sha256_hex(&fs::read(dir.join(part)).unwrap());
        assert_eq!(opened.manifest.files[part], hash);
    }
    // Nothing is left beside it.
    assert_eq!(names(dir.parent().unwrap()), ["bundle"]);
}

#[test]
fn the_parts_alone_make_the_same_bundle() {
    assert_eq!(
        Bundle::from_parts(files()).unwrap().sha256,
        sha256_hex(ONNX)
    );
}

#[test]
fn the_hash_is_sha256() {
    assert_eq!(
        sha256_hex(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn an_earlier_bundle_is_replaced_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    write(&dir).unwrap();
    fs::write(dir.join("stale.txt"), "old").unwrap();
    let t = small();
    Bundle::write(
        &dir,
        manifest(&t),
        &t,
        &calibration(&t),
        ONNX,
        None,
        "# Another\n",
    )
    .unwrap();
    assert_eq!(
        fs::read_to_string(dir.join(MODEL_CARD)).unwrap(),
        "# Another\n"
    );
    assert!(!dir.join("stale.txt").exists());

    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    write(&empty).unwrap();

    let other = folder.path().join("photographs");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("1.jpg"), "precious").unwrap();
    assert!(matches!(write(&other), Err(BundleError::NotABundle(_))));
    assert_eq!(names(&other), ["1.jpg"]);
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    assert!(write(&file).is_err());
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(
        names(folder.path()),
        ["bundle", "empty", "file", "photographs"]
    );
}

#[test]
fn what_would_not_open_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    write(&dir).unwrap();
    let t = small();
    let other = identity(&t); // made for another student
    let got = Bundle::write(&dir, manifest(&t), &t, &other, ONNX, None, "# Another\n");
    assert!(matches!(got, Err(BundleError::OtherStudent { .. })));
    assert_eq!(fs::read_to_string(dir.join(MODEL_CARD)).unwrap(), CARD);
    assert_eq!(names(folder.path()), ["bundle"]);
}

#[test]
fn a_missing_part_is_named() {
    for part in PARTS.into_iter().chain([MANIFEST]) {
        let mut files = files();
        files.remove(part);
        let got = Bundle::from_parts(files).unwrap_err();
        assert!(
            matches!(got, BundleError::MissingPart(p) if p == part),
            "{got}"
        );

        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("bundle");
        write(&dir).unwrap();
        fs::remove_file(dir.join(part)).unwrap();
        let got = Bundle::open(&dir).unwrap_err();
        assert!(
            matches!(got, BundleError::MissingPart(p) if p == part),
            "{got}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let got = Bundle::open(&folder.path().join("nowhere")).unwrap_err();
    assert!(
        matches!(&got, BundleError::Read { .. }) && got.to_string().contains("nowhere"),
        "{got}"
    );
    let dir = folder.path().join("bundle");
    fs::create_dir_all(dir.join(MANIFEST)).unwrap(); // a folder where a file should be
    assert!(matches!(Bundle::open(&dir), Err(BundleError::Read { .. })));
}

#[test]
fn a_changed_part_is_named() {
    for part in PARTS {
        let mut files = files();
        let bytes = files.get_mut(part).unwrap();
        bytes[0] ^= 1;
        let got = Bundle::from_parts(files).unwrap_err();
        assert!(
            matches!(got, BundleError::Hash { part: p, .. } if p == part),
            "{got}"
        );

        let mut files = self::files();
        files.get_mut(part).unwrap().pop();
        let got = Bundle::from_parts(files).unwrap_err();
        assert!(
            matches!(got, BundleError::Hash { part: p, .. } if p == part),
            "{got}"
        );
    }
}

#[test]
fn every_part_needs_its_hash_and_nothing_else_has_one() {
    for part in PARTS {
        let line = |part: &str| {
            let text = String::from_utf8(files()[MANIFEST].clone()).unwrap();
            let line = text
                .lines()
                .find(|l| l.contains(part) && l.contains(" = "))
                .unwrap();
            line.to_owned()
        };
        let got = refused(MANIFEST, &line(part), "");
        assert!(
            matches!(got, BundleError::Unhashed(p) if p == part),
            "{got}"
        );
    }
    let got = refused(
        MANIFEST,
        "[files]",
        "[files]\n\"../../etc/passwd\" = \"00\"",
    );
    assert!(matches!(got, BundleError::UnknownPart(_)), "{got}");
}

#[test]
fn newer_formats_are_named_as_such() {
    let got = refused(MANIFEST, "format = 1", "format = 2\nnovelty = true");
    assert!(matches!(got, BundleError::Format { found: 2 }), "{got}");
    let got = refused(TAXONOMY, "format = 1", "format = 2");
    assert!(
        matches!(got, BundleError::Taxonomy(_)) && got.to_string().contains("format 2"),
        "{got}"
    );
    let got = refused(CALIBRATION, "format = 1", "format = 2");
    assert!(
        matches!(got, BundleError::Calibration(_)) && got.to_string().contains("format 2"),
        "{got}"
    );
}

#[test]
fn a_manifest_that_does_not_fit_is_refused() {
    for (from, to) in [
        ("name = \"small-1\"", ""),
        ("name = \"small-1\"", "name = \"small-1\"\ncolour = 1"),
        ("name = \"small-1\"", "name = small"),
        ("input_size = 224", "input_size = -1"),
    ] {
        let got = refused(MANIFEST, from, to);
        assert!(matches!(got, BundleError::Manifest(_)), "{got}");
    }
    let got = refused(MANIFEST, PREPARATION, "field-square-0");
    assert!(matches!(got, BundleError::Preparation { .. }), "{got}");
    for size in ["0", "31", "2049"] {
        let got = refused(
            MANIFEST,
            "input_size = 224",
            &format!("input_size = {size}"),
        );
        assert!(matches!(got, BundleError::InputSize { .. }), "{got}");
    }
}

#[test]
fn outputs_must_be_the_taxonomys() {
    let got = refused(MANIFEST, "taxonomy = \"small\"", "taxonomy = \"odir\"");
    assert!(matches!(got, BundleError::TaxonomyId { .. }), "{got}");
    let position = |got: BundleError| match got {
        BundleError::Output { position, .. } => position,
        other => panic!("{other}"),
    };
    assert_eq!(position(refused(MANIFEST, "\"lens\"", "\"lense\"")), 4);
    let mut t = manifest(&small());
    t.network.outputs.swap(1, 2);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    let got =
        Bundle::write(&dir, t, &small(), &calibration(&small()), ONNX, None, CARD).unwrap_err();
    assert_eq!(position(got), 1);
    assert!(names(folder.path()).is_empty());
    for outputs in [5, 7] {
        let mut t = manifest(&small());
        t.network.outputs.resize(outputs, "blur2".to_owned());
        let got =
            Bundle::write(&dir, t, &small(), &calibration(&small()), ONNX, None, CARD).unwrap_err();
        assert!(
            matches!(got, BundleError::OutputCount { expected: 6, .. }),
            "{got}"
        );
    }
}

#[test]
fn taxonomy_and_calibration_are_checked_too() {
    let got = refused(TAXONOMY, "id = \"mild\"", "id = \"well\"");
    assert!(matches!(got, BundleError::Taxonomy(_)), "{got}");
    let got = refused(CALIBRATION, "temperature = 1.0", "temperature = nan");
    assert!(matches!(got, BundleError::Calibration(_)), "{got}");
    let got = refused(CALIBRATION, "pixels_only = true", "pixels_only = false");
    assert!(matches!(got, BundleError::NoQuality("non_fundus")), "{got}");
    let got = refused(CALIBRATION, &sha256_hex(ONNX), &"0".repeat(64));
    assert!(matches!(got, BundleError::OtherStudent { .. }), "{got}");
}

#[test]
fn text_must_be_text() {
    for part in [MANIFEST, TAXONOMY, CALIBRATION, MODEL_CARD] {
        let mut files = files();
        let before = sha256_hex(&files[part]);
        files.get_mut(part).unwrap().push(0xff);
        let after = sha256_hex(&files[part]);
        if part != MANIFEST {
            files = changed(files, MANIFEST, &before, &after);
        }
        let got = Bundle::from_parts(files).unwrap_err();
        assert!(matches!(got, BundleError::NotText(p) if p == part), "{got}");
    }
}

#[test]
fn a_part_of_any_size_is_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    write(&dir).unwrap();
    let file = fs::File::options()
        .write(true)
        .open(dir.join(STUDENT))
        .unwrap();
    file.set_len((256 << 20) + 1).unwrap(); // sparse: takes no disk
    let got = Bundle::open(&dir).unwrap_err();
    assert!(
        matches!(got, BundleError::TooLarge(p) if p == STUDENT),
        "{got}"
    );
}

const SAYS: &[u8] = b"not a network either";

/// Writes a bundle whose captioner says these words.
fn with_captioner(dir: &Path, words: &[&str]) -> Result<Bundle, BundleError> {
    let t = small();
    let words = words.iter().map(|&word| word.to_owned()).collect();
    let manifest = Manifest {
        captioner: Some(Captioner {
            stage: "words".to_owned(),
            words: Vocabulary::new(words),
        }),
        ..manifest(&t)
    };
    let captioner = Some(SAYS);
    Bundle::write(dir, manifest, &t, &calibration(&t), ONNX, captioner, CARD)
}

#[test]
fn a_captioner_is_as_well_kept_as_the_other_parts() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    let file = dir.join(CAPTIONER);
    with_captioner(&dir, &["wet", "amd"]).unwrap();
    let opened = Bundle::open(&dir).unwrap();
    assert_eq!(opened.captioner.as_deref(), Some(SAYS));
    assert_eq!(opened.manifest.files[CAPTIONER], sha256_hex(SAYS));
    let said = opened.manifest.captioner.unwrap().words.line(&[4, 3]);
    assert_eq!(said.as_deref(), Some("amd wet"));

    fs::write(&file, "another").unwrap();
    let got = Bundle::open(&dir).unwrap_err();
    assert!(
        matches!(
            got,
            BundleError::Hash {
                part: CAPTIONER,
                ..
            }
        ),
        "{got}"
    );
    fs::remove_file(&file).unwrap();
    let got = Bundle::open(&dir).unwrap_err();
    assert!(matches!(got, BundleError::MissingPart(CAPTIONER)), "{got}");

    let got = with_captioner(&dir, &[]).unwrap_err();
    assert!(matches!(got, BundleError::NoWords), "{got}");
    let got = with_captioner(&dir, &["wet", "a\nb"]).unwrap_err();
    assert!(
        matches!(&got, BundleError::Word(word) if word == "a\nb"),
        "{got}"
    );
    assert!(!got.to_string().contains('\n'), "{got}");
}

#[test]
fn a_captioner_that_the_manifest_does_not_have_is_ignored_but_not_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("bundle");
    write(&dir).unwrap();
    fs::write(dir.join(CAPTIONER), SAYS).unwrap();
    assert_eq!(Bundle::open(&dir).unwrap().captioner, None);
    let got = refused(
        MANIFEST,
        "[files]\n",
        "[files]\n\"captioner.onnx\" = \"00\"\n",
    );
    assert!(matches!(got, BundleError::UnknownPart(_)), "{got}");
}
