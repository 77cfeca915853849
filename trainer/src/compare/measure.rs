//! From what the methods said to the numbers of the report.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use fovea_core::taxonomy::{Label, Taxonomy};
use serde::{Deserialize, Serialize};

use super::{Compare, Trained};
use crate::config::RunConfig;
use crate::evaluate::tasks::TaskScores;
use crate::metrics::{
    class_precisions, mean, ClassGroups, GroupMap, Interval, PatientBootstrap, Ranking,
    BOOTSTRAP_DRAWS,
};

/// Everything the report says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the compared run.
    pub name: String,
    /// Side of the prepared photographs, in pixels.
    pub size: u32,
    /// Split that the methods are judged on: `val` or `test`.
    pub split: String,
    /// Number of photographs judged.
    pub photographs: usize,
    /// Number of different patients among them, told apart by source and name.
    pub patients: usize,
    /// Seeds that every method below has.
    pub seeds: Vec<u64>,
    /// Place of the baseline in `methods`.
    pub baseline: usize,
    /// The finest classes of the eye that the photographs show, by shot group.
    pub classes: Vec<Class>,
    /// Classes that none of the photographs shows: no number speaks of them.
    pub left_out: Vec<String>,
    /// In the order of the run file.
    pub methods: Vec<Compared>,
    /// Draws of patients behind every interval.
    pub draws: usize,
}

/// A finest class of the eye that the judged photographs show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Class {
    /// Id of its node in the taxonomy.
    pub id: String,
    /// Name of its node, in English.
    pub name: String,
    /// "many", "medium" or "few" training photographs.
    pub shot: String,
    /// Names of its parents, which are diseases; more than one where the taxonomy is no tree.
    pub parents: Vec<String>,
    /// Photographs that show it.
    pub positives: usize,
}

/// One method, over all seeds. Shares are 0..1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// As the report's tables call the method.
    pub name: String,
    /// Name of the stage it ends with.
    pub stage: String,
    /// Method of that stage, as run files name it, such as `hybrid_kd`.
    pub kind: String,
    /// mAP over the classes with many training photographs.
    pub many: Spread,
    /// mAP over the classes with a medium number of training photographs.
    pub medium: Spread,
    /// mAP over the classes with few training photographs.
    pub few: Spread,
    /// Mean of the three groups.
    pub average: Spread,
    /// Its average less the baseline's; `None` for the baseline, or where either is not defined.
    pub gain: Option<Gain>,
    /// AP of each class, the mean over the seeds. Of a network that never learned findings this is
    /// empty, as all that is measured on them is absent.
    pub precisions: Vec<f64>,
    /// Mean AP of the classes below each parent, by the parent's name.
    pub parents: BTreeMap<String, f64>,
    /// What the likeliest class is, of photographs that show a disease.
    pub answers: Option<Answers>,
    /// Of photographs that show one class: that class by rows, the likeliest one
    /// by columns; counts over all seeds.
    pub confusion: Vec<Vec<u32>>,
    /// What a network of several tasks answers, the mean over the seeds; `None` for another
    /// network.
    pub tasks: Option<TaskScores>,
    /// Validation mAP after each epoch, the mean over the seeds.
    pub curve: Vec<f64>,
    /// Mean training time per seed, in seconds, that of the stages it needs included.
    pub seconds: f64,
}

/// Mean and standard deviation over the seeds; no deviation of one seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// `None` where no seed defines it.
    pub mean: Option<f64>,
    /// Sample standard deviation (n - 1); `None` with fewer than two seeds.
    pub deviation: Option<f64>,
}

/// What a method gains over the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// In mAP, -1..1.
    pub value: f64,
    /// By drawing patients again; `None` where too few draws define the difference.
    pub interval: Option<Interval>,
}

/// Shares of the photographs that show a disease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// The likeliest class is there.
    pub right: f64,
    /// It is not, but a sister of it is: a shifted prediction (HKGL section
    /// V-F).
    pub shifted: f64,
    /// Neither it nor a sister of it is there.
    pub wrong: f64,
}

impl Class {
    /// Whether the two have a parent in common; a class is no sister of itself.
    pub fn is_sister(&self, other: &Class) -> bool {
        self.id != other.id && self.parents.iter().any(|p| other.parents.contains(p))
    }
}

impl Answers {
    /// Share of the misses whose class is under the right parent, 0..1; `None` without a miss.
    pub fn shifted_share(&self) -> Option<f64> {
        let missed = self.shifted + self.wrong;
        (missed > 0.0).then(|| self.shifted / missed)
    }
}

impl Spread {
    fn of(values: &[Option<f64>]) -> Spread {
        let mean = mean(values.iter().copied());
        let defined: Vec<f64> = values.iter().copied().flatten().collect();
        let deviation = mean.filter(|_| defined.len() > 1).map(|mean| {
            let squares = defined.iter().map(|v| (v - mean) * (v - mean));
            (squares.sum::<f64>() / (defined.len() - 1) as f64).sqrt()
        });
        Spread { mean, deviation }
    }
}

impl Comparison {
    /// `trained` holds every method for each of some of the seeds. The classes come in the order
    /// of `groups`.
    ///
    /// # Errors
    /// Nothing was trained, or predictions are not over `taxonomy`.
    pub fn of(
        config: &RunConfig,
        compare: &Compare,
        taxonomy: &Taxonomy,
        groups: &ClassGroups,
        trained: &[Trained],
    ) -> Result<Comparison> {
        let first = &trained.first().context("nothing was compared")?.predictions;
        for one in trained {
            one.predictions.check(taxonomy)?;
        }
        let shown = Shown::of(taxonomy, groups, &first.labels);
        let photographs = first.photographs.iter();
        let mut people: Vec<String> = photographs.map(|photograph| photograph.person()).collect();
        let bootstrap = PatientBootstrap::new(&people, BOOTSTRAP_DRAWS, config.seed);
        let mut seeds: Vec<u64> = trained.iter().map(|one| one.seed).collect();
        seeds.dedup();
        let baseline = compare
            .methods
            .iter()
            .position(|method| method.name == compare.baseline)
            .context("the baseline is among the methods")?;
        let (mut methods, mut drawn) = (Vec::new(), Vec::new());
        for (method, entry) in compare.methods.iter().enumerate() {
            let of: Vec<&Trained> = trained.iter().filter(|t| t.method == method).collect();
            let mut compared = shown.compared(taxonomy, groups, &of);
            compared.name.clone_from(&entry.name);
            compared.stage.clone_from(&entry.stage);
            compared.kind = config.stage_named(&entry.stage)?.method.name().to_owned();
            methods.push(compared);
            drawn.push(shown.draws(taxonomy, groups, &of, &bootstrap));
        }
        let base = methods[baseline].average.mean;
        for (place, method) in methods.iter_mut().enumerate() {
            let less = |own: Option<f64>, base: Option<f64>| Some(own? - base?);
            let gain = less(method.average.mean, base).filter(|_| place != baseline);
            method.gain = gain.map(|value| {
                let draws = drawn[place].iter().zip(&drawn[baseline]);
                let differences: Vec<_> = draws.map(|(own, base)| less(*own, *base)).collect();
                Gain {
                    value,
                    interval: Interval::of_draws(&differences),
                }
            });
        }
        people.sort_unstable();
        people.dedup();
        Ok(Comparison {
            name: config.name.clone(),
            size: config.size,
            split: compare.split.split().name().to_owned(),
            photographs: first.len(),
            patients: people.len(),
            seeds,
            baseline,
            classes: shown.classes(taxonomy),
            left_out: shown.left_out(taxonomy),
            methods,
            draws: BOOTSTRAP_DRAWS,
        })
    }
}

/// The finest classes of the eye, and which of them the photographs show.
struct Shown {
    /// Node, shot group and photographs that show it.
    classes: Vec<(usize, &'static str, usize)>,
    none: Vec<usize>,
}

impl Shown {
    fn of(taxonomy: &Taxonomy, groups: &ClassGroups, labels: &[Label]) -> Shown {
        let width = taxonomy.nodes().len();
        let mut shown = Shown {
            classes: Vec::new(),
            none: Vec::new(),
        };
        for (shot, ids) in [
            ("many", &groups.many),
            ("medium", &groups.medium),
            ("few", &groups.few),
        ] {
            for node in ids.iter().filter_map(|id| taxonomy.index(id)) {
                let present = |row: &&[Label]| row[node] == Label::Present;
                match labels.chunks_exact(width).filter(present).count() {
                    0 => shown.none.push(node),
                    positives => shown.classes.push((node, shot, positives)),
                }
            }
        }
        shown
    }

    fn classes(&self, taxonomy: &Taxonomy) -> Vec<Class> {
        let class = |&(node, shot, positives): &(usize, &str, usize)| {
            let own = &taxonomy.nodes()[node];
            let parents = own.parents.iter();
            Class {
                id: own.id.clone(),
                name: own.name.clone(),
                shot: shot.to_owned(),
                parents: parents.map(|&p| taxonomy.nodes()[p].name.clone()).collect(),
                positives,
            }
        };
        self.classes.iter().map(class).collect()
    }

    fn left_out(&self, taxonomy: &Taxonomy) -> Vec<String> {
        let name = |&node: &usize| taxonomy.nodes()[node].id.clone();
        self.none.iter().map(name).collect()
    }

    /// The mean over the seeds of a method's average mAP, for every draw.
    fn draws(
        &self,
        taxonomy: &Taxonomy,
        groups: &ClassGroups,
        seeds: &[&Trained],
        bootstrap: &PatientBootstrap,
    ) -> Vec<Option<f64>> {
        let rankings: Vec<BTreeMap<usize, (Ranking, Vec<usize>)>> = with_findings(seeds)
            .into_iter()
            .map(|one| {
                let of = |&(node, ..): &(usize, &str, usize)| (node, ranking(one, taxonomy, node));
                self.classes.iter().map(of).collect()
            })
            .collect();
        bootstrap.values(|weights| {
            let of_seed = |classes: &BTreeMap<usize, (Ranking, Vec<usize>)>| {
                GroupMap::of(groups, |id| {
                    let (ranking, which) = classes.get(&taxonomy.index(id)?)?;
                    ranking.weighted_average_precision(|i| f64::from(weights[which[i]]))
                })
                .average
            };
            mean(rankings.iter().map(of_seed))
        })
    }

    fn compared(&self, taxonomy: &Taxonomy, groups: &ClassGroups, all: &[&Trained]) -> Compared {
        let seeds = with_findings(all);
        let precisions: Vec<Vec<Option<f64>>> = seeds
            .iter()
            .map(|one| class_precisions(taxonomy, &one.predictions.logits, &one.predictions.labels))
            .collect();
        let maps: Vec<GroupMap> = precisions
            .iter()
            .map(|of| crate::metrics::group_map(taxonomy, groups, of))
            .collect();
        let spread =
            |of: fn(&GroupMap) -> Option<f64>| Spread::of(&maps.iter().map(of).collect::<Vec<_>>());
        let of_class = |node: usize| mean(precisions.iter().map(|of| of[node])).unwrap_or(0.0);
        let classes = self.classes.iter().filter(|_| !seeds.is_empty());
        let own: Vec<f64> = classes.map(|class| of_class(class.0)).collect();
        let mut parents: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (class, precision) in self.classes(taxonomy).iter().zip(&own) {
            for parent in &class.parents {
                parents.entry(parent.clone()).or_default().push(*precision);
            }
        }
        let parents = parents
            .into_iter()
            .map(|(parent, of)| (parent, of.iter().sum::<f64>() / of.len() as f64));
        let mut answers = Answers::default();
        let mut confusion = vec![vec![0u32; self.classes.len()]; self.classes.len()];
        for one in &seeds {
            let (of_seed, table) = self.answers(taxonomy, one);
            answers.right += of_seed.right / seeds.len() as f64;
            answers.shifted += of_seed.shifted / seeds.len() as f64;
            answers.wrong += of_seed.wrong / seeds.len() as f64;
            for (sum, row) in confusion.iter_mut().zip(table) {
                sum.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
            }
        }
        let epochs = seeds.iter().map(|one| one.history.len()).min().unwrap_or(0);
        let curve = (0..epochs)
            .filter_map(|epoch| mean(seeds.iter().map(|one| one.history[epoch].val_map_average)));
        let seconds = all.iter().map(|one| one.seconds).sum::<f64>();
        let tasks: Vec<TaskScores> = all.iter().filter_map(|one| one.tasks).collect();
        Compared {
            name: String::new(),
            stage: String::new(),
            kind: String::new(),
            many: spread(|map| map.many),
            medium: spread(|map| map.medium),
            few: spread(|map| map.few),
            average: spread(|map| map.average),
            gain: None,
            precisions: own,
            parents: parents.collect(),
            answers: (!seeds.is_empty()).then_some(answers),
            confusion,
            tasks: (!tasks.is_empty()).then(|| TaskScores::mean(&tasks)),
            curve: curve.collect(),
            seconds: seconds / all.len().max(1) as f64,
        }
    }

    /// The likeliest class of every photograph that shows a disease: how often
    /// it is right, and the confusion of those that show one class.
    fn answers(&self, taxonomy: &Taxonomy, one: &Trained) -> (Answers, Vec<Vec<u32>>) {
        let (outputs, width) = (taxonomy.finest_count(), taxonomy.nodes().len());
        let nodes = taxonomy.nodes();
        let rows = one.predictions.logits.chunks_exact(outputs);
        let mut counts = [0u32; 3];
        let mut confusion = vec![vec![0u32; self.classes.len()]; self.classes.len()];
        for (logits, labels) in rows.zip(one.predictions.labels.chunks_exact(width)) {
            let there = (0..self.classes.len())
                .filter(|&class| labels[self.classes[class].0] == Label::Present);
            let there: Vec<usize> = there.collect();
            let sick = |&class: &usize| nodes[self.classes[class].0].severity > 0;
            let logit = |class: usize| logits[self.classes[class].0];
            // Of what is not known it cannot be said whether it is right.
            let known = |&class: &usize| labels[self.classes[class].0] != Label::Unknown;
            let likeliest = (0..self.classes.len()).filter(known);
            let likeliest = likeliest.max_by(|&a, &b| logit(a).total_cmp(&logit(b)));
            let (Some(likeliest), true) = (likeliest, !there.is_empty()) else {
                continue;
            };
            if let [only] = there[..] {
                confusion[only][likeliest] += 1;
            }
            if !there.iter().any(sick) {
                continue;
            }
            let parents = |class: usize| &nodes[self.classes[class].0].parents;
            let sister = |&class: &usize| {
                let own = parents(class);
                own.iter().any(|p| parents(likeliest).contains(p))
            };
            counts[if there.contains(&likeliest) {
                0
            } else if there.iter().any(sister) {
                1
            } else {
                2
            }] += 1;
        }
        let all = f64::from(counts.iter().sum::<u32>().max(1));
        let [right, shifted, wrong] = counts.map(|count| f64::from(count) / all);
        (
            Answers {
                right,
                shifted,
                wrong,
            },
            confusion,
        )
    }
}

/// Those whose network learned findings: of MTL-KD's others, which learned diseases or words alone,
/// the outputs for findings are as they were at the start.
fn with_findings<'a>(seeds: &[&'a Trained]) -> Vec<&'a Trained> {
    let learned = |one: &&&Trained| one.tasks.is_none_or(|tasks| tasks.fine.is_some());
    seeds.iter().filter(learned).copied().collect()
}

/// The order of the photographs where it is known whether they show the node,
/// and which photographs those are.
fn ranking(one: &Trained, taxonomy: &Taxonomy, node: usize) -> (Ranking, Vec<usize>) {
    let (outputs, width) = (taxonomy.finest_count(), taxonomy.nodes().len());
    let label = |i: usize| one.predictions.labels[i * width + node];
    let known = (0..one.predictions.len()).filter(|&i| label(i) != Label::Unknown);
    let which: Vec<usize> = known.collect();
    let score = |&i: &usize| one.predictions.logits[i * outputs + node];
    let scores: Vec<f32> = which.iter().map(score).collect();
    let positives: Vec<bool> = which.iter().map(|&i| label(i) == Label::Present).collect();
    (Ranking::new(&scores, &positives), which)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::compare::{Entry, Judged};
    use crate::evaluate::synthetic;
    use crate::predictions::Predictions;
    use fovea_core::taxonomy::{Level, Subject};

    /// Two methods over two seeds: the second knows what the first guesses at.
    pub fn comparison() -> Comparison {
        where_the_second(Some(0.5))
    }

    /// The same where the second is a network of several tasks that finds so many findings; `None`
    /// of one that never learned any.
    pub fn where_the_second(fine: Option<f64>) -> Comparison {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let finest = taxonomy.level(Level::Finest);
        let eye = finest.filter(|&n| taxonomy.nodes()[n].subject == Subject::Eye);
        let ids: Vec<String> = eye.map(|n| taxonomy.nodes()[n].id.clone()).collect();
        let groups = ClassGroups {
            many: ids[..4].to_vec(),
            medium: ids[4..12].to_vec(),
            few: ids[12..].to_vec(),
        };
        let stages = ["plain", "better"].map(|name| {
            format!("[[stage]]\nname = \"{name}\"\narch = \"resnet18\"\nmethod = {{ kind = \"erm\" }}\n")
        });
        let text = format!(
            "name = \"both\"\nsize = 64\n[[source]]\nname = \"odir\"\nformat = \"folder\"\n\
             images = \"images\"\n{}",
            stages.concat()
        );
        let config: RunConfig = toml::from_str(&text).expect("a run file");
        let entry = |name: &str, stage: &str| Entry {
            name: name.to_owned(),
            stage: stage.to_owned(),
        };
        let compare = Compare {
            seeds: vec![1, 2],
            methods: vec![entry("ERM", "plain"), entry("HKGL", "better")],
            baseline: "ERM".to_owned(),
            on: None,
            split: Judged::Val,
        };
        compare.check(&config).expect("both are there");
        let truth = synthetic::predictions(&taxonomy, "odir", 300, 9);
        let (outputs, width) = (taxonomy.finest_count(), taxonomy.nodes().len());
        let mut trained = Vec::new();
        for seed in [1u64, 2] {
            for method in 0..2 {
                let mut predictions = truth.clone();
                for (i, logit) in predictions.logits.iter_mut().enumerate() {
                    let label = truth.labels[i / outputs * width + i % outputs];
                    let noise = ((i as u64 * (31 + seed)) % 97) as f32 / 97.0;
                    let knows = f32::from(label == Label::Present) * (0.5 + method as f32);
                    *logit = noise + knows;
                }
                trained.push(Trained {
                    method,
                    seed,
                    predictions,
                    tasks: (method > 0).then(|| TaskScores {
                        coarse: Some(0.5 + 0.1 * seed as f64),
                        fine,
                        greedy: Some([0.4, 0.3, 0.2, 0.1]),
                        ..TaskScores::default()
                    }),
                    history: Vec::new(),
                    seconds: 60.0 * (1.0 + method as f64),
                });
            }
        }
        Comparison::of(&config, &compare, &taxonomy, &groups, &trained).expect("compared")
    }

    #[test]
    fn the_better_method_gains_and_its_interval_says_so() {
        let comparison = comparison();
        let [plain, better] = &comparison.methods[..] else {
            panic!("two methods");
        };
        assert_eq!(comparison.seeds, [1, 2]);
        assert!(plain.gain.is_none(), "the baseline has nothing to gain");
        assert!(plain.average.deviation.is_some());
        let gain = better.gain.expect("measured");
        let interval = gain.interval.expect("many patients");
        assert!(interval.low > 0.0 && interval.low <= gain.value && gain.value <= interval.high);
        let expected = better.average.mean.unwrap() - plain.average.mean.unwrap();
        assert!((gain.value - expected).abs() < 1e-12);
        let [of_plain, of_better] =
            [plain, better].map(|m| m.answers.expect("both learn findings"));
        assert!(of_better.right > of_plain.right);
        for (method, answers) in [(plain, of_plain), (better, of_better)] {
            let Answers {
                right,
                shifted,
                wrong,
            } = answers;
            assert!((right + shifted + wrong - 1.0).abs() < 1e-9);
            assert_eq!(method.precisions.len(), comparison.classes.len());
        }
        let all: u32 = better.confusion.iter().flatten().sum();
        assert!(all > 0 && better.seconds == 120.0);
    }

    #[test]
    fn no_number_on_findings_speaks_of_a_network_that_never_learned_them() {
        let comparison = where_the_second(None);
        let [plain, words] = &comparison.methods[..] else {
            panic!("two methods");
        };
        assert!(plain.average.mean.is_some() && plain.answers.is_some());
        assert_eq!(words.average, Spread::default());
        assert!(words.gain.is_none() && words.answers.is_none());
        assert!(words.precisions.is_empty() && words.parents.is_empty());
        assert!(words.tasks.is_some() && words.seconds == 120.0);
        let report = comparison.to_markdown();
        let row = report.lines().find(|line| line.starts_with("| HKGL"));
        let row = row.expect("a row of the first table");
        assert_eq!(row.matches(" - ").count(), 5, "{row}");
    }

    /// Of the taxonomy `rfmid` some classes have several parents.
    #[test]
    fn a_class_counts_under_each_of_its_parents() {
        let taxonomy = Taxonomy::builtin("rfmid").expect("ships");
        let nodes = taxonomy.nodes();
        let finest = taxonomy.level(Level::Finest);
        let groups = ClassGroups {
            many: finest.map(|node| nodes[node].id.clone()).collect(),
            ..ClassGroups::default()
        };
        // A photograph of each class, and answers without a pattern.
        let (mut labels, mut logits) = (Vec::new(), Vec::new());
        for class in 0..taxonomy.finest_count() {
            let mut row = vec![Label::Unknown; nodes.len()];
            row[..taxonomy.finest_count()].fill(Label::Absent);
            row[class] = Label::Present;
            labels.extend(row);
            logits.extend((0..taxonomy.finest_count()).map(|n| ((7 * class + 5 * n) % 13) as f32));
        }
        let trained = Trained {
            method: 0,
            seed: 1,
            predictions: Predictions {
                labels,
                logits,
                ..Predictions::default()
            },
            tasks: None,
            history: Vec::new(),
            seconds: 1.0,
        };
        let shown = Shown::of(&taxonomy, &groups, &trained.predictions.labels);
        let compared = shown.compared(&taxonomy, &groups, &[&trained]);
        let mut several = 0;
        for disease in taxonomy.level(Level::Disease) {
            let below = (0..shown.classes.len())
                .filter(|&class| nodes[shown.classes[class].0].parents.contains(&disease));
            let below: Vec<f64> = below.map(|class| compared.precisions[class]).collect();
            let expected =
                (!below.is_empty()).then(|| below.iter().sum::<f64>() / below.len() as f64);
            let found = compared.parents.get(&nodes[disease].name).copied();
            assert_eq!(found.is_some(), expected.is_some(), "{}", nodes[disease].id);
            let apart = found.unwrap_or(0.0) - expected.unwrap_or(0.0);
            assert!(apart.abs() < 1e-12, "{}", nodes[disease].id);
            several += below.len();
        }
        assert!(several > shown.classes.len());
        // Scars of the macula and of lasers are signs of myopia, the first parent of neither.
        let classes = shown.classes(&taxonomy);
        let class = |id: &str| classes.iter().find(|class| class.id == id).expect(id);
        assert!(class("ms").is_sister(class("ls")));
        assert!(!class("ms").is_sister(class("normal")));
        assert!(!class("ms").is_sister(class("ms")));
    }

    #[test]
    fn a_class_that_no_photograph_shows_is_named_and_counts_nowhere() {
        let taxonomy = Taxonomy::builtin("odir").expect("ships");
        let groups = ClassGroups {
            many: vec!["normal".to_owned()],
            few: vec!["brvo".to_owned()],
            ..ClassGroups::default()
        };
        let mut labels = vec![Label::Absent; taxonomy.nodes().len()];
        labels[taxonomy.index("normal").unwrap()] = Label::Present;
        let shown = Shown::of(&taxonomy, &groups, &labels);
        assert_eq!(shown.left_out(&taxonomy), ["brvo"]);
        assert_eq!(shown.classes(&taxonomy).len(), 1);
    }

    #[test]
    fn a_spread_of_one_seed_has_no_deviation() {
        assert_eq!(Spread::of(&[Some(0.5)]).deviation, None);
        let two = Spread::of(&[Some(0.4), Some(0.6), None]);
        assert!((two.mean.unwrap() - 0.5).abs() < 1e-12);
        assert!((two.deviation.unwrap() - 0.02f64.sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of(&[None]), Spread::default());
    }
}
