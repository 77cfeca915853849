//! What a bundle says of itself: the manifest for programs, the model card for
//! people. Every figure comes out of the run; none is written by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;
use fovea_core::bundle::{self, Manifest, Network, SourceCounts, FORMAT};
use fovea_core::caption::LONGEST;
use fovea_core::prepare::PREPARATION;
use serde::Serialize;

use crate::config::{RunConfig, StageConfig, Training};
use crate::data::AugmentConfig;
use crate::evaluate::tasks::TaskScores;
use crate::export::{Agreement, OPSET};
use crate::photographs::Photographs;
use crate::report::Report;
use crate::{checkpoint, machine, start};

/// Heading of the part that tells of the training.
pub const TRAINING: &str = "## How it was trained";

/// The manifest of the bundle made of `stage`; its hashes are filled in when
/// the bundle is written.
pub fn manifest(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
) -> Result<Manifest> {
    let taxonomy = &photographs.dataset.taxonomy;
    let data = photographs
        .statistics
        .sources
        .iter()
        .map(|s| {
            let counts = SourceCounts {
                train: s.train as u64,
                val: s.val as u64,
                test: s.test as u64,
            };
            (s.name.clone(), counts)
        })
        .collect();
    Ok(Manifest {
        format: FORMAT,
        name: format!("{}-{}", config.name, stage.name),
        taxonomy: taxonomy.id.clone(),
        network: Network {
            arch: stage.arch.to_string(),
            input_size: config.size,
            preparation: PREPARATION.to_owned(),
            opset: OPSET,
            outputs: taxonomy.nodes()[..taxonomy.finest_count()]
                .iter()
                .map(|n| n.id.clone())
                .collect(),
        },
        training: bundle::Training {
            run: config.name.clone(),
            method: stage.method.name().to_owned(),
            seed: config.seed_of(stage),
            epochs: history(config, stage)?.len() as u32,
            machine: machines(config, stage)?,
        },
        captioner: None,
        data,
        files: BTreeMap::new(),
    })
}

/// A stage's method with its settings.
fn method(stage: &StageConfig) -> Result<String> {
    let settings = stage.method.written()?;
    let name = stage.method.name();
    Ok(match settings.as_slice() {
        [] => name.to_owned(),
        _ => format!("{name} (`{}`)", settings.join("`, `")),
    })
}

/// The card, in Markdown.
pub fn model_card(
    config: &RunConfig,
    stage: &StageConfig,
    photographs: &Photographs,
    agreement: &Agreement,
    report: &Report,
) -> Result<String> {
    let taxonomy = &photographs.dataset.taxonomy;
    let mut card = String::new();
    let w = &mut card;
    writeln!(w, "# {} ({})\n", config.name, stage.arch)?;
    writeln!(
        w,
        "For research. It is not a cleared medical device: no authority has examined it, and no one \
         may be treated, or sent home, on its word alone.\n"
    )?;
    writeln!(
        w,
        "Takes one colour fundus photograph, prepared as `{PREPARATION}` to {size} x {size} pixels, \
         and gives {k} logits over the taxonomy `{id}` ({title}), with one activation map each. The \
         exported file agrees with the trained network, in float, to {apart:.1e} in logits on \
         {photographs} photographs.\n",
        size = config.size,
        k = taxonomy.finest_count(),
        id = taxonomy.id,
        title = taxonomy.title,
        apart = agreement.max_abs,
        photographs = agreement.photographs,
    )?;

    writeln!(w, "{TRAINING}\n")?;
    writeln!(
        w,
        "On {}, seed {}, by these stages, each from ImageNet weights unless it says otherwise:\n",
        machines(config, stage)?,
        config.seed
    )?;
    for name in lineage(config, stage) {
        let stage = config.stage_named(name)?;
        write!(w, "- `{}`: {}, {}", stage.name, stage.arch, method(stage)?)?;
        if stage.method.settings().is_trained() {
            let history = history(config, stage)?;
            let training = config.training_of(stage);
            let seconds = history.iter().map(|l| l.seconds).sum::<f64>();
            write!(
                w,
                "; {} epochs of batches of {}, {:?} at {:.0e}, {}",
                history.len(),
                training.batch,
                training.optimiser,
                training.learning_rate,
                duration(seconds)
            )?;
        }
        let state = checkpoint::state(&config.stage_dir(&stage.name))?;
        if let Some(ended) = state.and_then(|state| state.ended) {
            write!(w, ", {ended}, its schedule following the time")?;
        }
        if let Some(seed) = stage.seed {
            write!(w, ", seed {seed}")?;
        }
        if let Some(from) = &stage.from {
            write!(w, ", from `{from}`")?;
        }
        let begins = stage.from.is_none() && stage.from_bundle.is_none();
        if begins && stage.method.settings().is_trained() && !config.starts_from_imagenet(stage) {
            write!(w, ", from random weights")?;
        }
        if let Some(origin) = start::origin(stage, &config.stage_dir(&stage.name))? {
            write!(w, ", from {origin}")?;
        }
        let method = stage.method.settings();
        let others: Vec<&str> = method.teachers().iter().map(|t| t.stage.as_str()).collect();
        match listed(&others) {
            None => {}
            Some(others) if method.is_trained() => write!(w, ", taught by {others}")?,
            Some(other) => write!(
                w,
                ", moved by that share towards {other}, where classes are named \
                                      only in their rows of the classifier"
            )?,
        }
        writeln!(w)?;
    }
    writeln!(
        w,
        "\nWith all settings, as a run file has them:\n\n```toml\n{}```\n",
        settings(config, stage)?
    )?;
    for name in lineage(config, stage) {
        let stage = config.stage_named(name)?;
        if let Some(story) = start::story(stage, &config.stage_dir(name))? {
            writeln!(
                w,
                "### How the student that `{name}` started from was trained\n\n{story}\n"
            )?;
        }
    }

    let presumed = presumed_healthy(config, stage);
    writeln!(w, "## What it was trained on\n")?;
    writeln!(
        w,
        "| source | train | val | test | patients |\n|---|---:|---:|---:|---:|"
    )?;
    for s in &photographs.statistics.sources {
        writeln!(
            w,
            "| {} | {} | {} | {} | {} |",
            s.name, s.train, s.val, s.test, s.patients
        )?;
    }
    writeln!(
        w,
        "\nA source labels only what it looked for; everything else is unknown and entered no \
         figure below, and no loss{}. `scenes` are drawn, not photographed. `{}` are test photographs \
         after artificial damage.\n",
        match presumed {
            Some(_) => " but the one named under known weaknesses",
            None => "",
        },
        crate::data::DAMAGED
    )?;

    writeln!(
        w,
        "## Figures on the test split\n\n```text\n{}```\n",
        report.to_text()
    )?;

    writeln!(w, "## Known weaknesses\n")?;
    for weakness in presumed.into_iter().chain(weaknesses(photographs, report)) {
        writeln!(w, "- {weakness}")?;
    }
    Ok(card)
}

/// What the card says of the second network, which `stage` left behind; `scores` are of the test
/// split.
pub fn captioner(stage: &StageConfig, scores: &TaskScores) -> Result<String> {
    let mut card = String::new();
    let w = &mut card;
    writeln!(w, "\n## What it says in words\n")?;
    writeln!(
        w,
        "A second network, `{}` ({}, {}), writes what a photograph shows, in at most {LONGEST} words, \
         the likeliest each time. The line is shown as generated text and decides nothing: it can \
         contradict the verdict, and then the verdict stands.\n",
        stage.name,
        stage.arch,
        method(stage)?
    )?;
    match scores.greedy {
        Some(bleu) => writeln!(
            w,
            "Against what readers wrote of {} test photographs it has BLEU-1 to 4 of {} %.",
            scores.captions,
            bleu.map(|share| format!("{:.1}", 100.0 * share)).join(", ")
        )?,
        None => writeln!(w, "No test photograph has words to compare it with.")?,
    }
    Ok(card)
}

/// Where it learned what nobody said.
fn presumed_healthy(config: &RunConfig, stage: &StageConfig) -> Option<String> {
    let stages = lineage(config, stage);
    let stages = config
        .stage
        .iter()
        .filter(|s| stages.contains(&s.name.as_str()));
    let sources: BTreeSet<String> = stages
        .flat_map(|stage| config.training_of(stage).presumed_healthy)
        .filter(|&(_, weight)| weight > 0.0)
        .map(|(source, _)| source)
        .collect();
    (!sources.is_empty()).then(|| {
        format!(
            "Eyes of {} in which the source found nothing of the disease that it looked for were \
             taught as not referable. Some will have another disease, and these labels cannot tell \
             how many of those it now misses.",
            Vec::from_iter(sources).join(", ")
        )
    })
}

/// What the figures themselves say against it.
fn weaknesses(photographs: &Photographs, report: &Report) -> Vec<String> {
    let mut said = Vec::new();
    let eye = |n: &&crate::report::NodeScores| {
        n.level == fovea_core::taxonomy::Level::Finest
            && n.subject == fovea_core::taxonomy::Subject::Eye
    };
    let names = |ids: Vec<&str>| ids.join(", ");
    let weak: Vec<&str> = report
        .overall
        .nodes
        .iter()
        .filter(eye)
        .filter(|n| n.average_precision.is_some_and(|ap| ap.value < 0.3))
        .map(|n| n.id.as_str())
        .collect();
    if !weak.is_empty() {
        said.push(format!(
            "Found poorly (average precision under 30 %): {}.",
            names(weak)
        ));
    }
    let few: Vec<&str> = report
        .overall
        .nodes
        .iter()
        .filter(eye)
        .filter(|n| n.positives < 10)
        .map(|n| n.id.as_str())
        .collect();
    if !few.is_empty() {
        said.push(format!(
            "Measured on fewer than ten test photographs each: {}.",
            names(few)
        ));
    }
    if let Some(referral) = report.overall.referral.as_ref().and_then(|r| r.sensitivity) {
        said.push(format!(
            "Of {} referable test photographs it misses {}.",
            referral.of,
            referral.of - referral.count
        ));
    }
    let specificity = report.overall.referral.as_ref().and_then(|r| r.specificity);
    if let Some(kept) = specificity {
        said.push(format!(
            "Of {} test photographs without a referable finding it refers {}.",
            kept.of,
            kept.of - kept.count
        ));
    }
    let gate = report.overall.gate.iter().flat_map(|gate| &gate.refused);
    for row in gate.filter(|row| row.what == "EyeQ reject") {
        said.push(format!(
            "Of {} photographs that EyeQ rejects, the student's own gate lets {} pass.",
            row.refused.of,
            row.refused.of - row.refused.count
        ));
    }
    said.push(
        "The figures of the gate are the student's; the measures on pixels that come before it on \
         the device are not in them. `scenes` are drawn by the code that drew those it learnt from."
            .to_owned(),
    );
    said.push(format!(
        "Trained at {} pixels a side: the smallest microaneurysms and drusen cannot be seen.",
        photographs.size
    ));
    said.push("Labels are those of the sources; most are one reader's keywords, and mild findings are often missing from them.".to_owned());
    let sources = photographs.dataset.sources.iter();
    let outside: Vec<&str> = sources
        .filter(|source| source.evaluate_only)
        .map(|source| source.name.as_str())
        .collect();
    said.push(if outside.is_empty() {
        "Cameras, ages and peoples other than those of the sources were not tried.".to_owned()
    } else {
        format!(
            "Cameras, ages and peoples other than those it was trained on were tried with {} only: \
             see there how far the verdict travels.",
            names(outside)
        )
    });
    said
}

/// The stages that `stage` was made from, itself last.
pub fn lineage<'a>(config: &'a RunConfig, stage: &'a StageConfig) -> Vec<&'a str> {
    let mut wanted = vec![stage.name.as_str()];
    // A stage's needs stand before it, so one walk from the end finds them all.
    for earlier in config.stage.iter().rev() {
        if wanted.contains(&earlier.name.as_str()) {
            wanted.extend(earlier.needs());
        }
    }
    let stages = config.stage.iter().map(|s| s.name.as_str());
    stages.filter(|name| wanted.contains(name)).collect()
}

/// The settings that made `stage`, all defaults written out.
fn settings(config: &RunConfig, stage: &StageConfig) -> Result<String> {
    #[derive(Serialize)]
    struct Settings<'a> {
        training: &'a Training,
        augment: &'a AugmentConfig,
        stage: Vec<&'a StageConfig>,
    }
    let stages = lineage(config, stage);
    Ok(toml::to_string_pretty(&Settings {
        training: &config.training,
        augment: &config.augment,
        stage: config
            .stage
            .iter()
            .filter(|s| stages.contains(&s.name.as_str()))
            .collect(),
    })?)
}

/// Where the stages that made `stage` were trained.
fn machines(config: &RunConfig, stage: &StageConfig) -> Result<String> {
    let mut machines = BTreeSet::new();
    for name in lineage(config, stage) {
        if let Some(state) = checkpoint::state(&config.stage_dir(name))? {
            machines.extend(state.machine);
        }
    }
    if machines.is_empty() {
        machines.insert(machine::name());
    }
    Ok(machines.into_iter().collect::<Vec<_>>().join("; "))
}

fn history(config: &RunConfig, stage: &StageConfig) -> Result<Vec<crate::report::EpochLine>> {
    let state = checkpoint::state(&config.stage_dir(&stage.name))?;
    Ok(state.map(|state| state.history).unwrap_or_default())
}

/// `a`, `b` and `c`.
fn listed(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (last, others) = quoted.split_last()?;
    Some(match others {
        [] => last.clone(),
        _ => format!("{} and {last}", others.join(", ")),
    })
}

fn duration(seconds: f64) -> String {
    match seconds < 3600.0 {
        true => format!("{:.1} minutes", seconds / 60.0),
        false => format!("{:.1} hours", seconds / 3600.0),
    }
}
