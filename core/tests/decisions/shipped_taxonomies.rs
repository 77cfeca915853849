//! The two taxonomies shipped, against the data and tables they come from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::path::PathBuf;

use fovea_core::taxonomy::{Level, Subject, Taxonomy, Urgency};

/// A folder of `../shared/data`; says so where it is absent.
fn shared(what: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data")
        .join(what);
    if path.exists() {
        return Some(path);
    }
    // What `println!` says in a test that passes is never shown.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {} is not there",
        path.display()
    );
    None
}

fn rows(path: PathBuf) -> Vec<HashMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn children<'a>(taxonomy: &'a Taxonomy, id: &str) -> Vec<&'a str> {
    let node = &taxonomy.nodes()[taxonomy.index(id).unwrap()];
    node.children
        .iter()
        .map(|&c| taxonomy.nodes()[c].id.as_str())
        .collect()
}

fn referred(taxonomy: &Taxonomy, level: Level, referral: Urgency) -> Vec<&str> {
    let nodes = taxonomy.nodes()[taxonomy.level(level)].iter();
    nodes
        .filter(|n| n.referral == referral)
        .map(|n| n.id.as_str())
        .collect()
}

#[test]
fn odir_has_the_students_outputs_in_their_order() {
    let t = Taxonomy::builtin("odir").unwrap();
    let finest: Vec<&str> = t.nodes()[t.level(Level::Finest)]
        .iter()
        .map(|n| n.id.as_str())
        .collect();
    assert_eq!(
        finest.join(" "),
        "normal npdr_mild npdr_moderate npdr_severe pdr cataract media_opacity glaucoma \
         glaucoma_suspect pathological_myopia amd_dry amd_wet drusen hypertensive_retinopathy \
         erm_macular erm myelinated_fibres vitreous_degeneration laser_scars brvo occlusion_other \
         macular_edema maculopathy other \
         non_fundus dark bright blurred artefact"
    );
    for (id, expected) in [
        (
            "diabetic_retinopathy",
            "npdr_mild npdr_moderate npdr_severe pdr",
        ),
        ("lens_and_media", "cataract media_opacity"),
        ("glaucoma_any", "glaucoma glaucoma_suspect"),
        ("amd", "amd_dry amd_wet drusen"),
        ("epiretinal_membrane", "erm_macular erm"),
        ("low_quality", "dark bright blurred artefact"),
        (
            "retinal_vessels",
            "diabetic_retinopathy hypertensive treated_retina vascular_occlusion",
        ),
        ("macula", "amd epiretinal_membrane macula_other"),
        ("optic_disc", "glaucoma_any nerve_fibres"),
        ("media", "lens_and_media vitreous"),
        ("whole_retina", "myopia other_disease"),
        ("photograph", "not_a_fundus low_quality"),
    ] {
        assert_eq!(children(&t, id).join(" "), expected, "{id}");
    }
    for node in t.nodes() {
        let of_photograph = matches!(
            node.id.as_str(),
            "non_fundus"
                | "dark"
                | "bright"
                | "blurred"
                | "artefact"
                | "not_a_fundus"
                | "low_quality"
                | "photograph"
        );
        assert_eq!(
            node.subject == Subject::Photograph,
            of_photograph,
            "{}",
            node.id
        );
    }
}

#[test]
fn odir_refers_what_it_should() {
    let t = Taxonomy::builtin("odir").unwrap();
    assert_eq!(
        referred(&t, Level::Finest, Urgency::Urgent),
        ["npdr_severe", "pdr", "amd_wet", "brvo", "occlusion_other"]
    );
    assert_eq!(
        referred(&t, Level::Finest, Urgency::None),
        [
            "normal",
            "npdr_mild",
            "drusen",
            "myelinated_fibres",
            "vitreous_degeneration",
            "laser_scars",
            "non_fundus",
            "dark",
            "bright",
            "blurred",
            "artefact"
        ]
    );
    let names = |list: &[usize]| {
        list.iter()
            .map(|&i| t.nodes()[i].id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(t.composite("referable_dr").unwrap()),
        ["npdr_moderate", "npdr_severe", "pdr"]
    );
    assert_eq!(t.composite("referable").unwrap().len(), 18);
}

#[test]
fn table_ii_of_the_paper_covers_every_finding_of_the_eye_once() {
    let t = Taxonomy::builtin("odir").unwrap();
    let view = t.view("hkgl12").unwrap();
    assert_eq!(view.classes.len(), 12);
    let mut members: Vec<usize> = view.classes.iter().flat_map(|c| c.any_of.clone()).collect();
    members.sort_unstable();
    let eye: Vec<usize> = t
        .level(Level::Finest)
        .filter(|&i| t.nodes()[i].subject == Subject::Eye)
        .collect();
    assert_eq!(members, eye);
}

/// Words of ODIR-5K about the photograph: the importer's business.
const ABOUT_THE_PHOTOGRAPH: [&str; 5] = [
    "lens dust",
    "image offset",
    "no fundus image",
    "anterior segment image",
    "optic disk photographically invisible",
];

#[test]
fn odir_keywords_follow_the_rule_of_ten() {
    let Some(folder) = shared("odir") else { return };
    let t = Taxonomy::builtin("odir").unwrap();
    let splits: HashMap<String, String> = rows(folder.join("splits.csv"))
        .into_iter()
        .map(|r| (r["ID"].clone(), r["split"].clone()))
        .collect();
    // Training photographs of each keyword, of the photographs that exist.
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows(folder.join("annotations.csv")) {
        for eye in ["Left", "Right"] {
            let photograph = folder.join("images").join(&row[&format!("{eye}-Fundus")]);
            let counted =
                splits.get(&row["ID"]).is_some_and(|s| s == "train") && photograph.exists();
            let words: BTreeSet<String> = row[&format!("{eye}-Diagnostic Keywords")]
                .split(['，', ','])
                .map(|w| w.trim().to_lowercase())
                .collect();
            for word in words {
                *counts.entry(word).or_default() += u32::from(counted);
            }
        }
    }
    assert!(counts.len() > 50, "only {} keywords read", counts.len());
    let other = t.index("other");
    let mut own_class: BTreeMap<usize, u32> = BTreeMap::new();
    for (word, &count) in &counts {
        let suspected = word.starts_with("suspected ") || word.starts_with("suspicious ");
        if ABOUT_THE_PHOTOGRAPH.contains(&word.as_str()) {
            assert_eq!(t.by_alias(word), None, "{word}");
        } else if suspected && word != "suspected glaucoma" {
            assert_eq!(t.by_alias(word), None, "{word}");
            let bare = word.split_once(' ').unwrap().1;
            assert!(t.by_alias(bare).is_some(), "{bare}");
        } else {
            let node = t.by_alias(word);
            assert!(node.is_some(), "{word:?} stands for no node");
            if count >= 10 {
                assert_ne!(node, other, "{word:?} has {count} training photographs");
            }
            *own_class.entry(node.unwrap()).or_default() += count;
        }
    }
    // And no class of the eye has fewer than ten, but for those that other sources bring.
    for i in t.level(Level::Finest) {
        let elsewhere = ["occlusion_other", "macular_edema"].contains(&t.nodes()[i].id.as_str());
        if t.nodes()[i].subject == Subject::Eye && !elsewhere {
            let count = own_class.get(&i).copied().unwrap_or_default();
            assert!(
                count >= 10,
                "{} has {count} training photographs",
                t.nodes()[i].id
            );
        }
    }
}

#[test]
fn rfmid_has_29_classes_by_the_published_rule() {
    let t = Taxonomy::builtin("rfmid").unwrap();
    assert_eq!(t.finest_count(), 29);
    for i in t.level(Level::Finest) {
        assert!(
            t.by_alias(&t.nodes()[i].id) == Some(i),
            "{}",
            t.nodes()[i].id
        );
    }
    let Some(folder) = shared("rfmid") else {
        return;
    };
    let (mut all, mut training): (BTreeMap<String, u32>, BTreeMap<String, u32>) =
        Default::default();
    for split in ["Training", "Validation", "Testing"] {
        for row in rows(folder.join(format!("RFMiD_{split}_Labels.csv"))) {
            for (column, value) in row {
                if column == "ID" || column == "Disease_Risk" {
                    continue;
                }
                let count: u32 = value.parse().unwrap();
                *all.entry(column.clone()).or_default() += count;
                *training.entry(column).or_default() += if split == "Training" { count } else { 0 };
            }
        }
    }
    // What the comment at the head of rfmid.toml says of the rule's readings.
    assert_eq!(all.len(), 45);
    assert_eq!(training.values().filter(|&&n| n > 10).count(), 24);
    assert_eq!(all.values().filter(|&&n| n > 10).count(), 25);
    assert_eq!(all.values().filter(|&&n| n >= 10).count(), 27);
    for (column, &count) in &all {
        let node = &t.nodes()[t.by_alias(column).unwrap()];
        assert_eq!(node.id == "other", count < 10, "{column}: {count} images");
        if count >= 10 {
            assert_eq!(node.id, column.to_lowercase());
        }
    }
}

#[test]
fn rfmid_keeps_the_edges_of_the_published_tree() {
    let t = Taxonomy::builtin("rfmid").unwrap();
    let Some(folder) = shared("hierarchies") else {
        return;
    };
    let json = std::fs::read_to_string(folder.join("rfmid_hkgl.json")).unwrap();
    // Branch, branch below it, disease, signs.
    type Tree = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<String>>>>;
    let tree: Tree = serde_json::from_str(&json).unwrap();
    let mut edges = 0;
    for branches in tree.values() {
        for diseases in branches.values() {
            for (disease, signs) in diseases {
                // The disease's own classes, where it has any.
                let own: Vec<usize> = disease
                    .split('+')
                    .map(|code| t.by_alias(code).unwrap())
                    .filter(|&i| t.nodes()[i].id != "other")
                    .collect();
                let Some(&first) = own.first() else { continue };
                let [parent] = t.nodes()[first].parents[..] else {
                    panic!("{disease} has several parents");
                };
                let mut expected: BTreeSet<usize> = own.into_iter().collect();
                for sign in signs {
                    let sign = t.by_alias(sign).unwrap();
                    if t.nodes()[sign].id != "other" {
                        expected.insert(sign);
                    }
                }
                edges += expected.len();
                let got: BTreeSet<usize> = t.nodes()[parent].children.iter().copied().collect();
                assert_eq!(got, expected, "{disease}");
            }
        }
    }
    assert!(edges > 30, "only {edges} edges read");
}

#[test]
fn severities_are_those_of_retina_1m() {
    let Some(folder) = shared("hierarchies") else {
        return;
    };
    let published: HashMap<String, u8> = rows(folder.join("retina1m_hkgl.csv"))
        .into_iter()
        .map(|r| {
            (
                r["hierarchy 2"].trim().to_owned(),
                r["severity"].parse().unwrap(),
            )
        })
        .collect();
    for (taxonomy, pairs) in [
        (
            "odir",
            &[
                ("normal", "normal"),
                ("npdr_mild", "NPDRI"),
                ("npdr_moderate", "NPDRII"),
                ("npdr_severe", "NPDRIII"),
                ("pdr", "PDR"),
                ("glaucoma", "glaucoma"),
                ("pathological_myopia", "diffuse atrophy"),
                ("amd_wet", "cnv"),
                ("drusen", "small drusen"),
                ("hypertensive_retinopathy", "HypertensiveRetinaII"),
                ("erm_macular", "epiretinal membranes"),
                ("erm", "epiretinal membranes"),
                ("myelinated_fibres", "nerve fiber"),
                ("vitreous_degeneration", "vitreous degeneration"),
                ("laser_scars", "laser-point"),
                ("brvo", "BRVO"),
                ("occlusion_other", "CRVO"),
                ("macular_edema", "macular edm"),
                ("maculopathy", "macular other"),
                ("other", "others observe"),
                ("non_fundus", "non-fundus"),
                ("dark", "dark"),
                ("bright", "bright"),
                ("blurred", "indistinct/cataract"),
            ][..],
        ),
        (
            "rfmid",
            &[
                ("normal", "normal"),
                ("dr", "PDR"),
                ("armd", "cnv"),
                ("dn", "small drusen"),
                ("mya", "diffuse atrophy"),
                ("brvo", "BRVO"),
                ("tsln", "myopia"),
                ("erm", "epiretinal membranes"),
                ("ls", "laser-point"),
                ("ms", "macular other"),
                ("csr", "macular csc"),
                ("odc", "glaucoma"),
                ("crvo", "CRVO"),
                ("ah", "vitreous degeneration"),
                ("odp", "od atrophy"),
                ("ode", "od edm"),
                ("st", "od other"),
                ("aion", "od anterior ischemic"),
                ("pt", "macular other"),
                ("rs", "others treate"),
                ("crs", "others treate"),
                ("mhl", "macular hole"),
                ("rp", "Retinitis pigmentasa"),
                ("other", "others observe"),
            ][..],
        ),
    ] {
        let t = Taxonomy::builtin(taxonomy).unwrap();
        for (id, finding) in pairs {
            let severity = t.nodes()[t.index(id).unwrap()].severity;
            assert_eq!(
                severity, published[*finding],
                "{taxonomy}: {id} as {finding}"
            );
        }
    }
}

#[test]
fn a_feature_is_shared_by_several_findings_of_the_eye() {
    for id in ["odir", "rfmid"] {
        let taxonomy = Taxonomy::builtin(id).unwrap();
        let mut shared: BTreeMap<&str, usize> = BTreeMap::new();
        for (n, node) in taxonomy.nodes().iter().enumerate() {
            for feature in &node.features {
                assert!(n < taxonomy.finest_count(), "{}", node.id);
                assert_eq!(node.subject, Subject::Eye, "{}", node.id);
                *shared.entry(feature).or_default() += 1;
            }
        }
        assert!(shared.len() > 4, "{id}");
        assert!(shared.values().all(|&n| n > 1), "{id}: {shared:?}");
    }
}
