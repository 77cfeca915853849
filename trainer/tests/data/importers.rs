//! What each format's rows say of the eye and of the photograph.

use std::path::Path;

use fovea_core::taxonomy::Label::{self, Absent, Present, Unknown};
use fovea_core::taxonomy::Subject;
use fovea_trainer::data::{Dataset, Split};
use tempfile::TempDir;

use crate::{sources, taxonomy, write, Sources};

/// Labels of a one-patient ODIR table whose left eye has these keywords.
fn odir(keywords: &str) -> anyhow::Result<impl Fn(&str) -> Label> {
    let root = TempDir::new()?;
    let head = "ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,Right-Diagnostic Keywords,Normal ";
    write(
        root.path().join("odir.csv"),
        &format!("{head}\n7,60,Male,7_left.jpg,7_right.jpg,\"{keywords}\",normal fundus,0\n"),
    );
    let config = "[[source]]
        name = 'odir'
        format = 'odir'
        images = 'images'
        labels = 'odir.csv'
        split = { train = 1.0, val = 0.0, test = 0.0 }";
    let dataset = Dataset::import(taxonomy(), &sources(config), root.path())?;
    let labels = dataset.examples[0].labels.clone();
    let taxonomy = taxonomy();
    Ok(move |id: &str| labels[taxonomy.index(id).expect("a node")])
}

#[test]
fn odir_keywords_split_at_either_comma_and_what_is_not_named_is_absent() {
    let label =
        odir("moderate non proliferative retinopathy，laser spot, drusen").expect("imported");
    for id in [
        "npdr_moderate",
        "laser_scars",
        "drusen",
        "diabetic_retinopathy",
        "retinal_vessels",
        "amd",
    ] {
        assert_eq!(label(id), Present, "{id}");
    }
    for id in [
        "normal",
        "npdr_mild",
        "cataract",
        "optic_disc",
        "non_fundus",
        "blurred",
        "low_quality",
        "photograph",
    ] {
        assert_eq!(label(id), Absent, "{id}");
    }
}

#[test]
fn what_odir_has_no_keyword_for_is_unknown_beside_what_is_referred() {
    for (keywords, expected) in [
        ("normal fundus", Absent),
        ("mild nonproliferative retinopathy", Absent),
        ("drusen", Absent),
        ("moderate non proliferative retinopathy", Unknown),
        ("central retinal vein occlusion", Unknown),
        ("diabetic retinopathy", Unknown),
    ] {
        let label = odir(keywords).expect("imported");
        assert_eq!(label("macular_edema"), expected, "{keywords}");
        assert_ne!(label("brvo"), Unknown, "{keywords}");
    }
}

#[test]
fn odir_suspicion_is_unknown_unless_the_phrase_is_a_class_of_its_own() {
    let label = odir("suspected cataract").expect("imported");
    for id in ["cataract", "lens_and_media", "media", "normal"] {
        assert_eq!(label(id), Unknown, "{id}");
    }
    assert_eq!(label("media_opacity"), Absent);
    let label = odir("suspicious diabetic retinopathy，drusen").expect("imported");
    assert_eq!(
        (label("pdr"), label("diabetic_retinopathy"), label("normal")),
        (Unknown, Unknown, Absent)
    );
    let label = odir("suspected glaucoma").expect("imported");
    assert_eq!(
        (
            label("glaucoma_suspect"),
            label("glaucoma"),
            label("glaucoma_any")
        ),
        (Present, Absent, Present)
    );
    // Other evidence wins over doubt.
    let label = odir("suspected cataract, refractive media opacity").expect("imported");
    assert_eq!(
        (label("cataract"), label("lens_and_media")),
        (Unknown, Present)
    );
}

#[test]
fn odir_parent_keyword_leaves_its_children_unknown() {
    let label = odir("diabetic retinopathy").expect("imported");
    assert_eq!(label("diabetic_retinopathy"), Present);
    for id in ["npdr_mild", "npdr_moderate", "npdr_severe", "pdr"] {
        assert_eq!(label(id), Unknown, "{id}");
    }
    assert_eq!(label("glaucoma"), Absent);
    let label =
        odir("diabetic retinopathy，severe nonproliferative retinopathy").expect("imported");
    assert_eq!(
        (label("npdr_severe"), label("npdr_mild")),
        (Present, Absent)
    );
}

#[test]
fn odir_words_on_the_photograph_label_the_photograph() {
    let label = odir("lens dust，normal fundus").expect("imported");
    assert_eq!((label("normal"), label("cataract")), (Present, Absent));
    assert_eq!(
        (label("artefact"), label("blurred"), label("low_quality")),
        (Unknown, Absent, Unknown)
    );
    let label = odir("low image quality，maculopathy").expect("imported");
    assert_eq!(
        (label("low_quality"), label("dark"), label("non_fundus")),
        (Present, Unknown, Absent)
    );
    assert_eq!((label("maculopathy"), label("drusen")), (Present, Unknown));
    let label = odir("anterior segment image").expect("imported");
    assert_eq!(
        (label("non_fundus"), label("normal"), label("blurred")),
        (Present, Unknown, Unknown)
    );
    let label = odir("optic disk photographically invisible，drusen").expect("imported");
    assert_eq!(
        (
            label("glaucoma"),
            label("glaucoma_suspect"),
            label("drusen")
        ),
        (Unknown, Unknown, Present)
    );
}

#[test]
fn odir_keyword_that_nobody_knows_is_named() {
    let error = format!("{:#}", odir("martian retinopathy").err().expect("refused"));
    assert!(
        error.contains("martian retinopathy") && error.contains("patient 7"),
        "{error}"
    );
}

const GRADED: &str = "[[source]]
    name = 'graded'
    format = 'csv'
    images = 'images'
    labels = 'labels.csv'
    patient_column = 'patient'
    split = { train = 0.5, val = 0.25, test = 0.25 }
    every = { absent = ['non_fundus'] }
    [source.columns.grade]
    0 = { absent = ['diabetic_retinopathy'] }
    2 = { present = ['npdr_moderate'], absent = ['normal', 'pdr'] }
    [source.columns.quality]
    '' = {}
    good = { absent = ['dark', 'bright', 'blurred', 'artefact'] }
    reject = { present = ['low_quality'], unknown = ['@eye'] }";

fn graded(rows: &str) -> anyhow::Result<Dataset> {
    let root = TempDir::new()?;
    write(
        root.path().join("labels.csv"),
        &format!("image,patient,grade,quality,eye\n{rows}"),
    );
    Dataset::import(taxonomy(), &sources(GRADED), root.path())
}

#[test]
fn csv_columns_say_what_the_table_translates_and_nothing_else() {
    let rows =
        "a.jpg,1,0,good,left\nb.jpg,1,2,,right\nc.jpg,2,2,reject,left\nd.jpg,3,0,reject,left\n";
    let dataset = graded(rows).expect("imported");
    let label = |i: usize, id: &str| {
        dataset.examples[i].labels[dataset.taxonomy.index(id).expect("a node")]
    };
    assert_eq!(
        (
            label(0, "pdr"),
            label(0, "diabetic_retinopathy"),
            label(0, "normal")
        ),
        (Absent, Absent, Unknown)
    );
    assert_eq!(
        (
            label(0, "glaucoma"),
            label(0, "low_quality"),
            label(0, "photograph")
        ),
        (Unknown, Absent, Absent)
    );
    assert_eq!(
        (label(1, "npdr_moderate"), label(1, "retinal_vessels")),
        (Present, Present)
    );
    assert_eq!(
        (
            label(1, "npdr_mild"),
            label(1, "normal"),
            label(1, "blurred")
        ),
        (Unknown, Absent, Unknown)
    );
    // A grade read off a rejected photograph is taken back, also that of a healthy eye.
    for rejected in [2, 3] {
        assert!((0..dataset.taxonomy.nodes().len())
            .filter(|&n| dataset.taxonomy.nodes()[n].subject == Subject::Eye)
            .all(|n| dataset.examples[rejected].labels[n] == Unknown));
        assert_eq!(
            (
                label(rejected, "low_quality"),
                label(rejected, "dark"),
                label(rejected, "non_fundus")
            ),
            (Present, Unknown, Absent)
        );
    }
    assert_eq!(dataset.examples[1].raw["eye"], "right");
}

#[test]
fn what_is_taken_back_does_not_follow_from_an_absent_group() {
    let root = TempDir::new().expect("a folder");
    write(root.path().join("labels.csv"), "image,seen\na.jpg,part\n");
    let config = "[[source]]
        name = 'partly'
        format = 'csv'
        images = '.'
        labels = 'labels.csv'
        split = { train = 1.0, val = 0.0, test = 0.0 }
        every = { absent = ['retinal_vessels'] }
        columns.seen.part = { unknown = ['pdr'] }";
    let dataset = Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let label = |id: &str| dataset.examples[0].labels[dataset.taxonomy.index(id).expect("a node")];
    for id in ["pdr", "diabetic_retinopathy", "retinal_vessels"] {
        assert_eq!(label(id), Unknown, "{id}");
    }
    // What was not taken back stays absent.
    for id in ["npdr_mild", "npdr_severe", "vascular_occlusion", "brvo"] {
        assert_eq!(label(id), Absent, "{id}");
    }
}

#[test]
fn csv_value_without_translation_is_named() {
    let error = format!(
        "{:#}",
        graded("a.jpg,1,3,good,left\n").expect_err("refused")
    );
    assert!(
        error.contains("grade") && error.contains("\"3\"") && error.contains("a.jpg"),
        "{error}"
    );
}

#[test]
fn plain_csv_takes_ids_and_aliases_and_what_it_looked_for_is_absent() {
    let root = TempDir::new().expect("a folder");
    write(
        root.path().join("labels.csv"),
        "image,label\na.png,cataract;Normal fundus\nb.png,\n",
    );
    let config = "[[source]]
        name = 'plain'
        format = 'csv'
        images = '.'
        labels = 'labels.csv'
        looks_for = ['cataract', 'glaucoma']
        split = { train = 0.0, val = 0.0, test = 1.0 }";
    let dataset = Dataset::import(taxonomy(), &sources(config), root.path()).expect("imported");
    let label = |i: usize, id: &str| {
        dataset.examples[i].labels[dataset.taxonomy.index(id).expect("a node")]
    };
    assert_eq!(
        (
            label(0, "cataract"),
            label(0, "normal"),
            label(0, "glaucoma")
        ),
        (Present, Present, Absent)
    );
    assert_eq!(
        (
            label(1, "cataract"),
            label(1, "normal"),
            label(1, "lens_and_media")
        ),
        (Absent, Unknown, Unknown)
    );
    assert!(dataset.examples.iter().all(|e| e.split == Split::Test));
}

#[test]
fn both_photographs_of_a_patient_fall_together_and_shares_come_out() {
    let rows: String = (0..2000)
        .map(|n| format!("{n}.jpg,p{},0,,left\n", n / 2))
        .collect();
    let dataset = graded(&rows).expect("imported");
    for pair in dataset.examples.chunks(2) {
        assert_eq!(pair[0].split, pair[1].split);
    }
    let share = |split| dataset.indices(split).len() as f64 / 2000.0;
    assert!((share(Split::Train) - 0.5).abs() < 0.05 && (share(Split::Val) - 0.25).abs() < 0.05);
}

#[test]
fn contradictory_sources_are_refused_with_their_name() {
    let refused = |toml: &str, part: &str| {
        let error = match toml::from_str::<Sources>(toml) {
            Ok(s) => format!(
                "{:#}",
                Dataset::import(taxonomy(), &s.source, Path::new(".")).expect_err("refused")
            ),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(part), "{error}");
    };
    let base = "[[source]]\nname = 'x'\nformat = 'folder'\nimages = '.'\n";
    refused(base, "split");
    refused(
        &format!("{base}split = {{ train = 0.5, val = 0.1, test = 0.1 }}"),
        "sum to 1",
    );
    refused(
        &format!("{base}evaluate_only = true\nsplit = {{ train = 1.0, val = 0.0, test = 0.0 }}"),
        "evaluate_only",
    );
    refused(
        &format!("{base}evaluate_only = true\nlabels = 'x.csv'"),
        "does not read `labels`",
    );
    refused(&format!("{base}evaluate_only = true\ncolour = 1"), "colour");
    refused(
        &format!("{base}evaluate_only = true\nevery = {{ present = ['tooth'] }}"),
        "tooth",
    );
    let reserved = base.replace("'x'", "'damaged'");
    refused(
        &format!("{reserved}evaluate_only = true"),
        "cannot be named \"damaged\"",
    );
    refused(
        &format!("{base}evaluate_only = true\nweight = -1"),
        "weight",
    );
}
