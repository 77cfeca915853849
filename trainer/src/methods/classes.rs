//! Which classes a stage learns, or a teacher teaches.

use anyhow::{bail, ensure, Context, Result};
use fovea_core::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};

use crate::metrics::ClassGroups;

/// A subset of the finest classes, as a run file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Classes {
    /// `shot/few` (or `many`, `medium`), `below/macula` (a node of the taxonomy),
    /// `feature/haemorrhage` (one of its features): the rules of RSKD's section 2.1
    /// by shot, region and feature.
    Rule(String),
    /// Ids of finest nodes.
    Ids(Vec<String>),
}

impl Classes {
    /// Which of the finest classes are meant.
    ///
    /// # Errors
    /// A name that the taxonomy lacks, or no class at all.
    pub fn among(&self, taxonomy: &Taxonomy, groups: &ClassGroups) -> Result<Vec<bool>> {
        let finest = taxonomy.finest_count();
        let mut meant = vec![false; finest];
        match self {
            Classes::Ids(ids) => mark(&mut meant, ids, taxonomy)?,
            Classes::Rule(rule) => match rule.split_once('/') {
                Some(("shot", shot)) => {
                    let ids = match shot {
                        "many" => &groups.many,
                        "medium" => &groups.medium,
                        "few" => &groups.few,
                        _ => bail!("`{rule}` is none of shot/many, shot/medium and shot/few"),
                    };
                    mark(&mut meant, ids, taxonomy)?;
                }
                Some(("below", id)) => {
                    let node = taxonomy
                        .index(id)
                        .with_context(|| format!("`{rule}`: the taxonomy has no node `{id}`"))?;
                    below(taxonomy, node, &mut meant);
                }
                Some(("feature", feature)) => {
                    for (meant, node) in meant.iter_mut().zip(taxonomy.nodes()) {
                        *meant = node.features.iter().any(|own| own == feature);
                    }
                }
                _ => bail!(
                    "`classes = {rule:?}` must be shot/..., below/... or feature/..., or a list of \
                     ids"
                ),
            },
        }
        ensure!(
            meant.contains(&true),
            "`classes = {}` means no class of the taxonomy `{}`",
            self.written(),
            taxonomy.id
        );
        Ok(meant)
    }

    /// As a run file has it.
    pub fn written(&self) -> String {
        match self {
            Classes::Rule(rule) => rule.clone(),
            Classes::Ids(ids) => ids.join(", "),
        }
    }
}

fn mark(meant: &mut [bool], ids: &[String], taxonomy: &Taxonomy) -> Result<()> {
    for id in ids {
        match taxonomy.index(id) {
            Some(node) if node < meant.len() => meant[node] = true,
            _ => bail!("the taxonomy has no finest class `{id}`"),
        }
    }
    Ok(())
}

fn below(taxonomy: &Taxonomy, node: usize, meant: &mut [bool]) {
    match meant.get_mut(node) {
        Some(finest) => *finest = true,
        None => {
            for &child in &taxonomy.nodes()[node].children {
                below(taxonomy, child, meant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_rules_and_a_list_name_classes() {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let groups = ClassGroups {
            few: vec!["brvo".to_owned()],
            ..ClassGroups::default()
        };
        let ids = |classes: &str| -> Result<Vec<String>> {
            let text = format!("classes = {classes}");
            #[derive(Deserialize)]
            struct Stage {
                classes: Classes,
            }
            let stage: Stage = toml::from_str(&text)?;
            let meant = stage.classes.among(&taxonomy, &groups)?;
            let meant = meant
                .iter()
                .zip(taxonomy.nodes())
                .filter(|(meant, _)| **meant);
            Ok(meant.map(|(_, node)| node.id.clone()).collect())
        };
        assert_eq!(ids("'shot/few'").unwrap(), ["brvo"]);
        assert_eq!(
            ids("'below/optic_disc'").unwrap(),
            ["glaucoma", "glaucoma_suspect", "myelinated_fibres"]
        );
        assert_eq!(ids("'feature/membrane'").unwrap(), ["erm_macular", "erm"]);
        assert_eq!(ids("['pdr', 'normal']").unwrap(), ["normal", "pdr"]);
        for (wrong, named) in [
            ("'shot/none'", "shot/none"),
            ("'shot/many'", "shot/many"),
            ("'below/knee'", "knee"),
            ("'feature/red'", "feature/red"),
            ("'few'", "few"),
            ("['macula']", "macula"),
        ] {
            let said = ids(wrong).expect_err(wrong).to_string();
            assert!(said.contains(named), "{said}");
        }
    }
}
