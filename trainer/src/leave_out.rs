//! Judged by what was left out: the run is trained without a group of sources,
//! calibrated on what is left, and asked about all photographs of the group.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{bail, ensure, Context, Result};
use fovea_core::bundle::sha256_hex;
use serde::{Deserialize, Serialize};

use crate::config::{RunConfig, Ship};
use crate::data::Format;
use crate::photographs::Photographs;
use crate::report::{by_source, Report, Section};
use crate::{card, checkpoint, run};

/// What a group leaves in its folder.
const JUDGED: &str = "left_out.json";

/// The `[leave_out]` table of a run file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveOut {
    /// Names of sources that are left out together: those of one population or
    /// one label set.
    pub groups: Vec<Vec<String>>,
    /// The stage that is judged; it and those it needs are trained each time.
    pub stage: String,
    /// Instead of the run's side in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Instead of the epochs of the run and of its stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Instead of the run's batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
}

/// Trains without each group in turn, prints and writes what the student says
/// of the groups it never saw. What is done already is not done again.
pub fn run(config: &RunConfig) -> Result<()> {
    let rule = config.leave_out.as_ref().context(
        "the run file has no [leave_out] table; give it `groups` of sources and a `stage`",
    )?;
    let mut reports = BTreeMap::new();
    for group in &rule.groups {
        let left = without(config, group)?;
        eprintln!("without {}", group.join(", "));
        reports.insert(left.name.clone(), judged(&left, group)?);
    }
    let folder = folder(config);
    checkpoint::write(
        &folder.join("report.json"),
        serde_json::to_string_pretty(&reports)?.as_bytes(),
    )?;
    let text = to_text(&rule.stage, &reports);
    checkpoint::write(&folder.join("report.txt"), text.as_bytes())?;
    println!("{text}");
    Ok(())
}

/// Where the runs without a group lie.
fn folder(config: &RunConfig) -> PathBuf {
    config.run_dir().join("leave-out")
}

/// The run without the photographs of `group`: each of them is a test
/// photograph there, so that a copy of one among the others is a leak.
///
/// # Errors
/// Nothing would be left to train or calibrate on, or the stage starts from a
/// bundle, whose student may have seen the group.
pub fn without(config: &RunConfig, group: &[String]) -> Result<RunConfig> {
    let rule = config.leave_out.as_ref().context("no [leave_out] table")?;
    let name = group.join("+");
    let others = |names: &[String]| -> Vec<String> {
        let kept = names.iter().filter(|name| !group.contains(name));
        kept.cloned().collect()
    };
    let judged = config.stage_named(&rule.stage)?;
    let lineage: BTreeSet<&str> = card::lineage(config, judged).into_iter().collect();
    let mut left = config.clone();
    left.name = name.clone();
    left.out = folder(config);
    left.leave_out = None;
    left.compare = None;
    left.size = rule.size.unwrap_or(config.size);
    left.training.epochs = rule.epochs.unwrap_or(config.training.epochs);
    left.training.batch = rule.batch.unwrap_or(config.training.batch);
    left.stage
        .retain(|stage| lineage.contains(stage.name.as_str()));
    for stage in &mut left.stage {
        ensure!(
            stage.from_bundle.is_none(),
            "stage `{}` starts from a bundle, whose student may have seen the photographs of {name}; \
             let it start from ImageNet weights or from another stage",
            stage.name
        );
        if rule.epochs.is_some() {
            stage.epochs = None;
        }
        let all = stage.sources.is_empty();
        stage.sources = others(&stage.sources);
        ensure!(
            all || !stage.sources.is_empty(),
            "without {name} stage `{}` has no source to train on",
            stage.name
        );
    }
    for source in &mut left.source {
        if group.contains(&source.name) {
            source.evaluate_only = true;
            source.split = None;
            source.splits = None;
        }
    }
    left.validate_on = others(&config.validate_on);
    left.groups_from = config.groups_from.clone().filter(|s| !group.contains(s));
    let run_dir = left.run_dir();
    let mut ship = config.ship.clone().unwrap_or_else(|| Ship::of(&rule.stage));
    let all = ship.calibrate_on.is_empty();
    ship.stage = rule.stage.clone();
    ship.calibrate_on = others(&ship.calibrate_on);
    ensure!(
        all || !ship.calibrate_on.is_empty(),
        "without {name} nothing is left to calibrate on; name more sources in `calibrate_on`"
    );
    ship.calibration = run_dir.join("calibration");
    ship.bundle = run_dir.join("bundle");
    left.ship = Some(ship);
    Ok(left)
}

impl LeaveOut {
    /// Refuses groups that cannot be left out of `config`.
    pub fn check(&self, config: &RunConfig) -> Result<()> {
        config.stage_named(&self.stage)?;
        ensure!(
            !self.groups.is_empty(),
            "[leave_out] has no `groups` of sources"
        );
        let mut seen = BTreeSet::new();
        for group in &self.groups {
            ensure!(!group.is_empty(), "a group of [leave_out] names no source");
            for name in group {
                let source = config.source.iter().find(|s| &s.name == name);
                let Some(source) = source else {
                    bail!("[leave_out] names `{name}`, which is not among the [[source]] tables");
                };
                ensure!(
                    source.format != Format::Scenes,
                    "[leave_out] names `{name}`, whose pictures are drawn; leave it in"
                );
                ensure!(
                    seen.insert(name),
                    "[leave_out] names `{name}` twice; a source is left out once"
                );
            }
            let trains = |s: &&crate::data::SourceConfig| !s.evaluate_only;
            let rest = config.source.iter().filter(trains);
            ensure!(
                rest.clone().any(|s| !group.contains(&s.name)),
                "without {} there is no source to train on",
                group.join(", ")
            );
            let left = without(config, group)?;
            left.check()
                .with_context(|| format!("the run without {} cannot be trained", left.name))?;
        }
        Ok(())
    }
}

/// What the run `left` says of the photographs of `group`.
fn judged(left: &RunConfig, group: &[String]) -> Result<Report> {
    let photographs = run::prepare(left)?;
    let key = key(left, &photographs)?;
    let file = left.run_dir().join(JUDGED);
    if let Some(done) = done(&file, &key) {
        eprintln!("{}: judged already", left.name);
        return Ok(done);
    }
    run::train(left, &photographs, &[], None)?;
    run::calibrate(left, &photographs)?;
    let report = run::judge(left, &photographs, group)?;
    let done = Judged { key, report };
    checkpoint::write(&file, serde_json::to_string_pretty(&done)?.as_bytes())?;
    Ok(done.report)
}

#[derive(Serialize, Deserialize)]
struct Judged {
    /// Hash of all that decides the report.
    key: String,
    report: Report,
}

/// The report in `file`, where it is whole and of this `key`.
fn done(file: &std::path::Path, key: &str) -> Option<Report> {
    let text = std::fs::read_to_string(file).ok()?;
    let done: Judged = serde_json::from_str(&text).ok()?;
    (done.key == key).then_some(done.report)
}

fn key(left: &RunConfig, photographs: &Photographs) -> Result<String> {
    let mut all = Vec::new();
    for stage in &left.stage {
        all.extend(photographs.fingerprint(left, stage)?.bytes());
    }
    all.extend(serde_json::to_string(&left.ship)?.bytes());
    for i in 0..photographs.dataset.examples.len() {
        all.extend(photographs.known_of(i));
    }
    Ok(sha256_hex(&all))
}

/// The groups beside each other, then the sources within the groups.
pub fn to_text(stage: &str, reports: &BTreeMap<String, Report>) -> String {
    let groups: Vec<(&str, &Section)> = reports
        .iter()
        .map(|(name, report)| (name.as_str(), &report.overall))
        .collect();
    let mut text = format!(
        "Stage {stage}, trained and calibrated without the group and asked about all its photographs.\n\
         In percent, with 95 % intervals.\n{}",
        by_source(&groups, true)
    );
    for (name, report) in reports.iter().filter(|(_, r)| r.sources.len() > 1) {
        text.push_str(&format!("\nWithin {name}\n{}", report.by_source()));
    }
    text
}
