//! The taxonomy's format, its queries and its refusals.

use crate::common::{edited, small, SMALL};
use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy, TaxonomyError, Urgency};

/// What parsing `SMALL` says with its first `from` replaced by `to`.
fn refused(from: &str, to: &str) -> TaxonomyError {
    let error = Taxonomy::parse(&edited(SMALL, from, to)).unwrap_err();
    let sentence = error.to_string();
    assert!(!sentence.contains('\n'), "not one sentence: {sentence}");
    error
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_taxonomy_is_read_in_the_order_of_its_levels() {
    let taxonomy = small();
    let ids = |level| -> Vec<&str> {
        let nodes = &taxonomy.nodes()[taxonomy.level(level)];
        nodes.iter().map(|n| n.id.as_str()).collect()
    };
    assert_eq!(taxonomy.finest_count(), 6);
    assert_eq!(
        ids(Level::Finest),
        ["well", "mild", "severe", "haze", "lens", "blur"]
    );
    assert_eq!(
        ids(Level::Disease),
        ["no_disease", "dr", "lens_disease", "poor"]
    );
    assert_eq!(
        ids(Level::Group),
        ["healthy", "vessels", "media", "unusable"]
    );
    for level in Level::ALL {
        assert!(taxonomy.nodes()[taxonomy.level(level)]
            .iter()
            .all(|n| n.level == level));
    }
    let haze = &taxonomy.nodes()[taxonomy.index("haze").unwrap()];
    assert_eq!(
        haze.parents,
        [
            taxonomy.index("dr").unwrap(),
            taxonomy.index("lens_disease").unwrap()
        ]
    );
    let dr = &taxonomy.nodes()[taxonomy.index("dr").unwrap()];
    assert_eq!(dr.children, [1, 2, 3]);
    assert_eq!(taxonomy.source(), SMALL);
}

#[test]
fn the_order_of_the_file_does_not_move_levels() {
    // The group first: nodes are still finest, disease, group.
    let (head, nodes) = SMALL.split_once("[[node]]").unwrap();
    let group = "[[node]]\nid = \"skin\"\nname = \"Skin\"\nlevel = \"group\"\nseverity = 2\nreferral = \"routine\"\n";
    let text = edited(
        &format!("{head}{group}\n[[node]]{nodes}"),
        "parents = [\"media\"]",
        "parents = [\"media\", \"skin\"]",
    );
    let taxonomy = Taxonomy::parse(&text).unwrap();
    assert_eq!(taxonomy.nodes()[0].id, "well");
    assert_eq!(taxonomy.nodes()[10].id, "skin");
}

#[test]
fn words_find_their_node_whatever_their_case_and_spacing() {
    let taxonomy = small();
    assert_eq!(
        taxonomy.by_alias("mild retinopathy"),
        taxonomy.index("mild")
    );
    assert_eq!(
        taxonomy.by_alias("  Mild   RETINOPATHY "),
        taxonomy.index("mild")
    );
    assert_eq!(taxonomy.by_alias("retinopathy"), None);
    assert_eq!(taxonomy.index("Mild"), None);
}

#[test]
fn composites_and_views_list_their_nodes() {
    let taxonomy = small();
    assert_eq!(taxonomy.composite("referable"), Some(&[2, 4][..]));
    assert_eq!(taxonomy.composite("referable_dr"), Some(&[2][..]));
    assert_eq!(taxonomy.composite("other"), None);
    let view = taxonomy.view("two").unwrap();
    assert_eq!(view.classes[0].any_of, [4, taxonomy.index("dr").unwrap()]);
    assert!(taxonomy.view("three").is_none());
}

#[test]
fn a_taxonomy_without_referrals_has_an_empty_composite() {
    let text = SMALL
        .replace("\"urgent\"", "\"none\"")
        .replace("\"routine\"", "\"none\"");
    let taxonomy = Taxonomy::parse(&text).unwrap();
    assert_eq!(taxonomy.composite("referable"), Some(&[][..]));
}

#[test]
fn files_of_another_format_are_refused_before_their_keys() {
    let text = edited(SMALL, "format = 1", "format = 2\nnovelty = true");
    assert_eq!(
        Taxonomy::parse(&text).unwrap_err(),
        TaxonomyError::Format { found: 2 }
    );
}

#[test]
fn broken_files_are_refused_with_their_line() {
    for (from, to, says) in [
        ("format = 1", "format = \"one\"", "line 2"),
        ("format = 1", "", "format"),
        (
            "title = \"Small\"",
            "title = \"Small\"\ncolour = 1",
            "colour",
        ),
        ("severity = 0", "severity = 0\nparent = \"x\"", "parent"),
        ("level = \"finest\"", "level = \"fine\"", "line 9"),
        ("referral = \"none\"", "referral = \"soon\"", "soon"),
        ("severity = 0", "severity = 0.5", "line 10"),
        ("any_of = [\"severe\"]", "all_of = [\"severe\"]", "all_of"),
        ("[[node]]", "[[node]", "line 6"),
    ] {
        match refused(from, to) {
            TaxonomyError::Syntax(message) => {
                assert!(message.contains(says), "{to:?}: {message}");
            }
            other => panic!("{to:?}: {other}"),
        }
    }
}

#[test]
fn bad_words_are_refused() {
    for id in ["", "Well", "we ll", "wäll", "../well", &"w".repeat(65)] {
        let got = refused("id = \"well\"", &format!("id = {id:?}"));
        assert!(
            matches!(got, TaxonomyError::Id { what: "a node", .. }),
            "{id:?}: {got}"
        );
    }
    for name in ["", " ", "a\\u0007b", &"n".repeat(201)] {
        let got = refused("name = \"Well\"", &format!("name = \"{name}\""));
        assert_eq!(
            got,
            TaxonomyError::Text {
                field: "name",
                id: s("well")
            }
        );
    }
    assert!(matches!(
        refused("id = \"small\"", "id = \"\""),
        TaxonomyError::Id {
            what: "the taxonomy",
            ..
        }
    ));
    assert!(matches!(
        refused("composite.referable_dr", "composite.\"a b\""),
        TaxonomyError::Id {
            what: "a composite",
            ..
        }
    ));
    assert!(matches!(
        refused("id = \"ill\"", "id = \"Ill\""),
        TaxonomyError::Id {
            what: "a class",
            ..
        }
    ));
    let view = SMALL.replace("view.two", "view.\"2!\"");
    assert!(matches!(
        Taxonomy::parse(&view),
        Err(TaxonomyError::Id { what: "a view", .. })
    ));
}

#[test]
fn ids_are_unique() {
    let got = refused("id = \"mild\"", "id = \"well\"");
    assert_eq!(got, TaxonomyError::DuplicateId { id: s("well") });
    // Also across levels.
    let got = refused("id = \"healthy\"", "id = \"well\"");
    assert_eq!(got, TaxonomyError::DuplicateId { id: s("well") });
}

#[test]
fn bad_parents_are_refused() {
    let parents = "parents = [\"dr\"]"; // of mild
    assert_eq!(
        refused(parents, "parents = [\"drr\"]"),
        TaxonomyError::UnknownParent {
            node: s("mild"),
            parent: s("drr")
        }
    );
    assert_eq!(
        refused(parents, "parents = [\"dr\", \"dr\"]"),
        TaxonomyError::RepeatedParent {
            node: s("mild"),
            parent: s("dr")
        }
    );
    assert_eq!(
        refused(parents, ""),
        TaxonomyError::Orphan {
            node: s("mild"),
            level: "finest"
        }
    );
    assert_eq!(
        refused("parents = [\"vessels\"]", ""),
        TaxonomyError::Orphan {
            node: s("dr"),
            level: "disease"
        }
    );
    // Two levels up, the same level, and anything above a group.
    for (from, to, node, parent) in [
        (parents, "parents = [\"vessels\"]", "mild", "vessels"),
        (parents, "parents = [\"well\"]", "mild", "well"),
        (
            "severity = 4\nreferral = \"routine\"\n\n",
            "severity = 4\nreferral = \"routine\"\nparents = [\"media\"]\n\n",
            "vessels",
            "media",
        ),
    ] {
        match refused(from, to) {
            TaxonomyError::LevelOrder {
                node: n, parent: p, ..
            } => {
                assert_eq!((n.as_str(), p.as_str()), (node, parent));
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(
        refused(parents, "parents = [\"dr\", \"poor\"]"),
        TaxonomyError::Subject {
            node: s("mild"),
            parent: s("poor")
        }
    );
}

#[test]
fn cycles_are_named_as_such() {
    let got = refused("parents = [\"dr\"]", "parents = [\"mild\"]");
    assert_eq!(got, TaxonomyError::Cycle { node: s("mild") });
    // vessels -> dr -> vessels: a node of the cycle is named, not the ones below it.
    let text = edited(
        SMALL,
        "id = \"vessels\"",
        "id = \"vessels\"\nparents = [\"dr\"]",
    );
    match Taxonomy::parse(&text).unwrap_err() {
        TaxonomyError::Cycle { node } => assert!(node == "dr" || node == "vessels", "{node}"),
        other => panic!("{other}"),
    }
}

#[test]
fn parents_need_children() {
    let got = refused("parents = [\"no_disease\"]", "parents = [\"dr\"]");
    assert_eq!(
        got,
        TaxonomyError::Childless {
            node: s("no_disease"),
            level: "disease"
        }
    );
    let got = refused("parents = [\"healthy\"]", "parents = [\"media\"]");
    assert_eq!(
        got,
        TaxonomyError::Childless {
            node: s("healthy"),
            level: "group"
        }
    );
}

#[test]
fn a_network_needs_outputs() {
    let empty = "format = 1\nid = \"none\"\ntitle = \"None\"\n";
    assert_eq!(Taxonomy::parse(empty).unwrap_err(), TaxonomyError::NoFinest);
}

#[test]
fn severities_stay_in_their_range_and_agree_with_the_children() {
    for severity in [-1, 5, 256, i64::MAX] {
        let got = refused("severity = 4", &format!("severity = {severity}"));
        assert_eq!(
            got,
            TaxonomyError::Severity {
                node: s("severe"),
                severity
            }
        );
    }
    let got = refused("severity = 4", "severity = 3"); // severe, below dr with 4
    assert_eq!(
        got,
        TaxonomyError::ParentSeverity {
            node: s("dr"),
            severity: 4,
            expected: 3
        }
    );
}

#[test]
fn a_parents_referral_lies_between_what_its_children_allow() {
    let dr = |referral: &str| {
        let with = format!("id = \"dr\"\nname = \"DR\"\nlevel = \"disease\"\nseverity = 4\nreferral = \"{referral}\"");
        Taxonomy::parse(&edited(
            SMALL,
            &with.replace(&format!("\"{referral}\""), "\"routine\""),
            &with,
        ))
    };
    // Children: none, urgent, none. Routine and urgent are both a choice.
    assert!(dr("routine").is_ok());
    assert!(dr("urgent").is_ok());
    assert_eq!(
        dr("none").unwrap_err(),
        TaxonomyError::ParentReferral {
            node: s("dr"),
            referral: "none",
            weakest: "routine",
            strongest: "urgent"
        }
    );
    // The lens has nothing urgent; no disease has nothing referred.
    let got = refused(
        "id = \"media\"\nname = \"Media\"\nlevel = \"group\"\nseverity = 2\nreferral = \"routine\"",
        "id = \"media\"\nname = \"Media\"\nlevel = \"group\"\nseverity = 2\nreferral = \"urgent\"",
    );
    assert_eq!(
        got,
        TaxonomyError::ParentReferral {
            node: s("media"),
            referral: "urgent",
            weakest: "routine",
            strongest: "routine"
        }
    );
    let got = refused(
        "name = \"Healthy\"\nlevel = \"group\"\nseverity = 0\nreferral = \"none\"",
        "name = \"Healthy\"\nlevel = \"group\"\nseverity = 0\nreferral = \"routine\"",
    );
    assert_eq!(
        got,
        TaxonomyError::ParentReferral {
            node: s("healthy"),
            referral: "routine",
            weakest: "none",
            strongest: "none"
        }
    );
}

#[test]
fn photographs_refer_nobody() {
    let got = refused(
        "subject = \"photograph\"\nseverity = 0\nreferral = \"none\"",
        "subject = \"photograph\"\nseverity = 0\nreferral = \"routine\"",
    );
    assert_eq!(got, TaxonomyError::PhotographReferral { node: s("blur") });
}

#[test]
fn aliases_are_normal_and_unique() {
    for (alias, expected) in [("Normal", "normal"), (" normal", "normal"), ("a  b", "a b")] {
        let got = refused("aliases = [\"normal\"]", &format!("aliases = [{alias:?}]"));
        let (node, alias, expected) = (s("well"), s(alias), s(expected));
        assert_eq!(
            got,
            TaxonomyError::AliasForm {
                node,
                alias,
                expected
            }
        );
    }
    let got = refused("aliases = [\"mild retinopathy\"]", "aliases = [\"normal\"]");
    assert_eq!(
        got,
        TaxonomyError::DuplicateAlias {
            alias: s("normal"),
            first: s("well"),
            second: s("mild")
        }
    );
    let got = refused("aliases = [\"normal\"]", "aliases = [\"\"]");
    assert_eq!(
        got,
        TaxonomyError::Text {
            field: "alias",
            id: s("well")
        }
    );
}

#[test]
fn composites_and_views_are_checked() {
    assert_eq!(
        refused("[composite.referable_dr]", "[composite.referable]"),
        TaxonomyError::ReservedComposite
    );
    let composite = |to: &str| refused("any_of = [\"severe\"]", &format!("any_of = [{to}]"));
    let what = "the composite";
    assert_eq!(
        composite(""),
        TaxonomyError::Empty {
            what,
            id: s("referable_dr")
        }
    );
    assert_eq!(
        composite("\"sever\""),
        TaxonomyError::UnknownMember {
            what,
            id: s("referable_dr"),
            node: s("sever")
        }
    );
    assert_eq!(
        composite("\"mild\", \"mild\""),
        TaxonomyError::RepeatedMember {
            what,
            id: s("referable_dr"),
            node: s("mild")
        }
    );
    for node in ["dr", "blur"] {
        assert_eq!(
            composite(&format!("{node:?}")),
            TaxonomyError::CompositeLevel {
                id: s("referable_dr"),
                node: s(node)
            }
        );
    }
    let got = refused("any_of = [\"lens\", \"dr\"]", "any_of = []");
    assert_eq!(
        got,
        TaxonomyError::Empty {
            what: "the class",
            id: s("ill")
        }
    );
    let got = refused("any_of = [\"lens\", \"dr\"]", "any_of = [\"lense\"]");
    assert_eq!(
        got,
        TaxonomyError::UnknownMember {
            what: "the class",
            id: s("ill"),
            node: s("lense")
        }
    );
    let got = refused("id = \"ill\"", "id = \"well\"");
    assert_eq!(
        got,
        TaxonomyError::DuplicateClass {
            view: s("two"),
            class: s("well")
        }
    );
    let got = refused("[view.two]", "[view.empty]\ntitle = \"Empty\"\n[view.two]");
    assert_eq!(
        got,
        TaxonomyError::Empty {
            what: "the view",
            id: s("empty")
        }
    );
}

#[test]
fn hostile_sizes_are_refused() {
    let padded = format!("{SMALL}\n# {}", "x".repeat(1 << 20));
    assert!(matches!(
        Taxonomy::parse(&padded),
        Err(TaxonomyError::TooLarge { .. })
    ));

    let mut many = s("format = 1\nid = \"many\"\ntitle = \"Many\"\n");
    for i in 0..=4096 {
        many += &format!(
            "[[node]]\nid='n{i}'\nname='n'\nlevel='finest'\nseverity=0\nreferral='none'\n"
        );
    }
    let got = Taxonomy::parse(&many).unwrap_err();
    assert!(
        matches!(got, TaxonomyError::TooMany { count: 4097, .. }),
        "{got}"
    );

    let parents = vec!["\"dr\""; 65].join(", ");
    let got = refused("parents = [\"dr\"]", &format!("parents = [{parents}]"));
    assert!(
        matches!(got, TaxonomyError::TooMany { count: 65, .. }),
        "{got}"
    );

    let aliases = vec!["\"a\""; 1025].join(", ");
    let got = refused("aliases = [\"normal\"]", &format!("aliases = [{aliases}]"));
    assert!(
        matches!(got, TaxonomyError::TooMany { count: 1025, .. }),
        "{got}"
    );

    let lists: String = (0..256)
        .map(|i| format!("[composite.c{i}]\nany_of = [\"mild\"]\n"))
        .collect();
    let got = Taxonomy::parse(&format!("{SMALL}\n{lists}")).unwrap_err();
    assert!(
        matches!(got, TaxonomyError::TooMany { count: 257, .. }),
        "{got}"
    );

    // Nesting as deep as the size limit lets it be must not exhaust the stack.
    let nested = format!("format = {}", "[".repeat(1 << 19));
    assert!(matches!(
        Taxonomy::parse(&nested),
        Err(TaxonomyError::Syntax(_))
    ));
}

#[test]
fn builtin_taxonomies_are_known_by_name() {
    for id in ["odir", "rfmid"] {
        assert_eq!(Taxonomy::builtin(id).unwrap().id, id);
    }
    assert!(Taxonomy::builtin("jsiec").is_none());
}

#[test]
fn words_in_files_are_lower_case() {
    fn word(value: impl serde::Serialize) -> toml::Value {
        toml::Value::try_from(value).unwrap()
    }
    assert_eq!(word(Level::Finest), word("finest"));
    assert_eq!(word(Urgency::Urgent), word("urgent"));
    assert_eq!(word(Subject::Photograph), word("photograph"));
    assert_eq!(word(Label::Unknown), word("unknown"));
}

#[test]
fn a_node_may_have_codes_features_and_names_in_other_languages() {
    let with = |more: &str| {
        let text = crate::common::SMALL.replacen("[[node]]\n", &format!("[[node]]\n{more}\n"), 1);
        Taxonomy::parse(&text)
    };
    let more = "codes = { icd10 = \"Z01.0\", snomed = \"163131000119106\" }\nnames = { es = \"Fondo normal\" }\nfeatures = [\"haemorrhage\"]";
    let taxonomy = with(more).unwrap();
    let node = taxonomy
        .nodes()
        .iter()
        .find(|node| !node.codes.is_empty())
        .unwrap();
    assert_eq!(node.codes["icd10"], "Z01.0");
    assert_eq!(node.names["es"], "Fondo normal");
    assert_eq!(node.features, ["haemorrhage"]);
    for (wrong, named) in [
        ("names = { ES = \"Fondo\" }", "ES"),
        ("names = { es = \"\" }", "name"),
        ("codes = { icd10 = \" \" }", "code"),
        ("codes = [\"H36.0\"]", "a map"),
        ("features = [\"Red spots\"]", "Red spots"),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains(named), "{wrong}: {error}");
    }
}
