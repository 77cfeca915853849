//! Multi-task knowledge distillation (MTL-KD, Chelaramani et al., WACV 2021): one
//! network that finds diseases (task 1), the finer findings (task 2) and says the
//! diagnosis in words (task 3), taught by networks of every combination of tasks.
//!
//! Its three models are three stages. M1 (eq. 1) has labels and no teacher. M2
//! (eq. 2) starts from M1 and has both: `alpha` of the loss is the teachers', times
//! T^2, as the released code has it. M3 (eq. 3) starts from M2 and has teachers
//! alone (`labels = false`), on any photographs (`sources`). A task is taught by the
//! teachers that have learned it: one, or an ensemble, by the mean of their
//! probabilities.
//!
//! Ours, since an eye here can have several diseases and labels can be unknown: tasks
//! 1 and 2 are a sigmoid per class over the known labels, where the paper has a
//! softmax; their divergence is the cross-entropy against the teachers' soft labels,
//! which differs from it by what no training changes. Without a caption of its own
//! (unlabelled photographs) a photograph has that which the first teacher of words
//! says, and both are asked for the word behind each beginning of it.

use std::rc::Rc;

use anyhow::{ensure, Context, Result};
use fovea_core::caption::{self, END};
use fovea_core::taxonomy::{Level, Taxonomy};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{
    above_nought, default, from_nought, Method, MethodContext, Settings, Step, Teacher,
    TeacherConfig, Term,
};
use crate::data::Captions;
use crate::losses::{each_bce, masked_bce, masked_mean};
use crate::nets::tasks::{Tasks, STEPS};
use crate::nets::HeadKind;

/// What a network learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Task 1: the diseases, the taxonomy's second level.
    Coarse,
    /// Task 2: the finest nodes.
    Fine,
    /// Task 3: what the reader wrote.
    Words,
}

/// A number for each task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// Of the diseases.
    pub coarse: f64,
    /// Of the finest nodes.
    pub fine: f64,
    /// Of the words.
    pub words: f64,
}

impl Each {
    fn all(number: f64) -> Each {
        Each {
            coarse: number,
            fine: number,
            words: number,
        }
    }

    fn of(&self, task: Task) -> f64 {
        match task {
            Task::Coarse => self.coarse,
            Task::Fine => self.fine,
            Task::Words => self.words,
        }
    }
}

/// Settings of the method `mtl_kd`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MtlKd {
    /// What the network learns: one task or more, each once.
    pub tasks: Vec<Task>,
    /// None (the default) for M1, one or an ensemble for M2 and M3.
    #[serde(default)]
    pub teachers: Vec<TeacherConfig>,
    /// Whether labels are learned: true by default, false for M3.
    #[serde(default = "default::yes")]
    pub labels: bool,
    /// The teachers' share of the loss, where there are labels too: 0 to 1, 0.95 by default.
    #[serde(default = "most")]
    pub alpha: f64,
    /// lambda of eqs. 1 to 3: 0 or more, 1 for each task by default.
    #[serde(default = "ones")]
    pub weights: Each,
    /// Temperature of each task, above 0; 5 by default. 10 is best with few labels and 5 with many
    /// (table 4).
    #[serde(default = "fives")]
    pub temperatures: Each,
    /// Chance that the decoder hears the right word before the next, rather than its own: 0 to 1,
    /// 0.5 by default.
    #[serde(default = "half")]
    pub teacher_forcing: f64,
    /// How many words the vocabulary has, the commonest of the captions: 1 to 100000, 193 by
    /// default.
    #[serde(default = "vocabulary")]
    pub vocabulary: usize,
}

fn most() -> f64 {
    0.95
}
fn ones() -> Each {
    Each::all(1.0)
}
fn fives() -> Each {
    Each::all(5.0)
}
fn half() -> f64 {
    0.5
}
fn vocabulary() -> usize {
    193
}

const ALL: [Task; 3] = [Task::Coarse, Task::Fine, Task::Words];

impl Settings for MtlKd {
    fn check(&self) -> Result<()> {
        let twice = |&task: &Task| self.tasks.iter().filter(|&&t| t == task).count() > 1;
        ensure!(
            !self.tasks.is_empty() && !ALL.iter().any(twice),
            "`tasks` of mtl_kd names one or more of \"coarse\", \"fine\" and \"words\", each once"
        );
        ensure!(
            self.labels || !self.teachers.is_empty(),
            "mtl_kd with `labels = false` has nothing to learn from: name its `teachers`"
        );
        for teacher in &self.teachers {
            teacher.teaches_logits("mtl_kd")?;
            teacher.teaches_all("mtl_kd")?;
        }
        let alpha = self.alpha;
        ensure!(
            (0.0..=1.0).contains(&alpha),
            "alpha = {alpha} must lie between 0 and 1"
        );
        let forcing = self.teacher_forcing;
        ensure!(
            (0.0..=1.0).contains(&forcing),
            "teacher_forcing = {forcing} must lie between 0 and 1"
        );
        ensure!(
            (1..=100_000).contains(&self.vocabulary),
            "vocabulary = {} must lie between 1 and 100000",
            self.vocabulary
        );
        for task in ALL {
            from_nought("weights", self.weights.of(task))?;
            above_nought("temperatures", self.temperatures.of(task))?;
        }
        Ok(())
    }

    fn teachers(&self) -> &[TeacherConfig] {
        &self.teachers
    }

    fn learns_findings(&self) -> bool {
        self.tasks.contains(&Task::Fine)
    }

    fn learns_words(&self) -> bool {
        self.tasks.contains(&Task::Words)
    }

    fn head(&self, taxonomy: &Taxonomy) -> HeadKind {
        let has = |task: Task| self.tasks.contains(&task);
        let diseases = taxonomy.level(Level::Disease).len() as i64;
        HeadKind::Tasks {
            fine: has(Task::Fine),
            coarse: has(Task::Coarse).then_some(diseases),
            words: has(Task::Words).then(|| caption::rows(self.vocabulary)),
        }
    }

    fn build(&self, context: &MethodContext) -> Result<Box<dyn Method>> {
        let own = context
            .net
            .tasks()
            .context("mtl_kd needs heads of its own")?;
        let mut teachers = Vec::new();
        for teacher in &self.teachers {
            let stage = &teacher.stage;
            let teacher = context.looks.teacher(stage)?;
            let theirs = teacher
                .net
                .tasks()
                .with_context(|| format!("teacher `{stage}` of mtl_kd is not a stage of mtl_kd"))?;
            if let (Some(own), Some(theirs)) = (own.decoder(), theirs.decoder()) {
                ensure!(
                    own.rows() == theirs.rows(),
                    "teacher `{stage}` of mtl_kd has a `vocabulary` of {} words, not {}: the two \
                     must be equal",
                    caption::vocabulary(theirs.rows()),
                    self.vocabulary
                );
            }
            teachers.push(teacher);
        }
        let captions = own
            .decoder()
            .map(|_| context.looks.captions(self.vocabulary));
        let diseases = context.taxonomy.level(Level::Disease);
        ensure!(
            !diseases.is_empty() || !self.tasks.contains(&Task::Coarse),
            "the taxonomy `{}` has no diseases, which the task coarse of mtl_kd is",
            context.taxonomy.id
        );
        let method = Multi {
            level: (diseases.start as i64, diseases.len() as i64),
            tasks: own.share(),
            settings: self.clone(),
            captions,
            teachers,
        };
        if !self.teachers.is_empty() {
            for &task in &self.tasks {
                ensure!(
                    method.who_learned(task).next().is_some(),
                    "no teacher of mtl_kd has learned the task {}",
                    match task {
                        Task::Coarse => "coarse",
                        Task::Fine => "fine",
                        Task::Words => "words",
                    }
                );
            }
        }
        Ok(Box::new(method))
    }
}

struct Multi {
    settings: MtlKd,
    /// First node of the diseases, and how many there are.
    level: (i64, i64),
    tasks: Tasks,
    captions: Option<Captions>,
    teachers: Vec<Rc<Teacher>>,
}

impl Multi {
    fn who_learned(&self, task: Task) -> impl Iterator<Item = (usize, &Tasks)> {
        let tasks = self.teachers.iter().map(|teacher| teacher.net.tasks());
        tasks
            .enumerate()
            .filter_map(|(i, tasks)| Some((i, tasks?)))
            .filter(move |(_, tasks)| match task {
                Task::Coarse => tasks.has_coarse(),
                Task::Fine => tasks.has_fine(),
                Task::Words => tasks.decoder().is_some(),
            })
    }

    /// Adds what labels (where they are learned) and teachers (where there are) say of
    /// a task.
    fn add(&self, terms: &mut Vec<Term>, task: Task, labels: Tensor, taught: Option<Tensor>) {
        let (by_labels, by_teachers) = match task {
            Task::Coarse => ("coarse", "coarse, taught"),
            Task::Fine => ("fine", "fine, taught"),
            Task::Words => ("words", "words, taught"),
        };
        let weight = self.settings.weights.of(task);
        let alpha = match (self.settings.labels, taught.is_some()) {
            (true, true) => self.settings.alpha,
            (true, false) => 0.0,
            (false, _) => 1.0,
        };
        if self.settings.labels {
            terms.push(Term::new(by_labels, weight * (1.0 - alpha), labels));
        }
        if let Some(taught) = taught {
            let t = self.settings.temperatures.of(task);
            terms.push(Term::new(by_teachers, weight * alpha * t * t, taught));
        }
    }

    /// Cross-entropy of each class against the mean of what the teachers, whose logits
    /// these are, think likely at the task's temperature.
    fn soft(&self, task: Task, student: &Tensor, teachers: &[Tensor]) -> Option<Tensor> {
        let t = self.settings.temperatures.of(task);
        let likely: Vec<Tensor> = teachers.iter().map(|z| (z / t).sigmoid()).collect();
        let likely = mean(&likely)?;
        Some(each_bce(&(student / t), &likely).mean(Kind::Float))
    }

    /// Captions of a batch (b x steps, [`END`] behind the last word), and 1 for each
    /// word of one and the end behind it: read, or said by the first teacher of words.
    fn right(&self, index: &[usize], seen: &[Tensor], device: Device) -> (Tensor, Tensor) {
        let said = self.who_learned(Task::Words).next().and_then(|(i, tasks)| {
            let greedy = tch::no_grad(|| tasks.decoder().map(|d| d.greedy(&seen[i])))?;
            Vec::<i64>::try_from(greedy.to_device(Device::Cpu).contiguous().view([-1])).ok()
        });
        let steps = STEPS as usize;
        let (mut words, mut mask) = (Vec::new(), Vec::new());
        for (row, &example) in index.iter().enumerate() {
            let read = self.captions.as_ref().and_then(|c| c.numbers(example));
            let caption: &[i64] = match (read.filter(|_| self.settings.labels), &said) {
                (Some(read), _) => read,
                (None, Some(said)) => {
                    let said = &said[row * steps..(row + 1) * steps];
                    let end = said.iter().position(|&n| n == END);
                    &said[..end.unwrap_or(steps - 1).min(steps - 1)]
                }
                (None, None) => {
                    words.extend(std::iter::repeat_n(END, steps));
                    mask.extend(std::iter::repeat_n(0f32, steps));
                    continue;
                }
            };
            let rest = steps - caption.len() - 1;
            words.extend(
                caption
                    .iter()
                    .copied()
                    .chain(std::iter::repeat_n(END, rest + 1)),
            );
            mask.extend(std::iter::repeat_n(1f32, caption.len() + 1));
            mask.extend(std::iter::repeat_n(0f32, rest));
        }
        let table = |t: Tensor| t.view([-1, STEPS]).to_device(device);
        (
            table(Tensor::from_slice(&words)),
            table(Tensor::from_slice(&mask)),
        )
    }

    fn words(&self, terms: &mut Vec<Term>, step: &Step, seen: &[Tensor]) {
        let Some(decoder) = self.tasks.decoder() else {
            return;
        };
        let features = &step.output.features;
        let (right, mask) = self.right(&step.batch.index, seen, features.device());
        let forcing = self.settings.teacher_forcing;
        let said = decoder.taught(features, &right, forcing);
        let log = said.logits.log_softmax(2, Kind::Float);
        let each = -log.gather(2, &right.unsqueeze(2), false).squeeze_dim(2);
        let labels = masked_mean(&each, &mask);

        let t = self.settings.temperatures.words;
        let likely: Vec<Tensor> = self
            .who_learned(Task::Words)
            .filter_map(|(i, tasks)| {
                let decoder = tasks.decoder()?;
                let logits = tch::no_grad(|| decoder.followed(&seen[i], &said.heard));
                Some((logits / t).softmax(2, Kind::Float))
            })
            .collect();
        let taught = mean(&likely).map(|likely| {
            let log = (&said.logits / t).log_softmax(2, Kind::Float);
            let each = -(likely * log).sum_dim_intlist(2, false, Kind::Float);
            masked_mean(&each, &mask)
        });
        self.add(terms, Task::Words, labels, taught);
    }
}

/// The mean of tensors of one shape; none of none.
fn mean(tensors: &[Tensor]) -> Option<Tensor> {
    (!tensors.is_empty()).then(|| tensors.iter().sum::<Tensor>() / tensors.len() as f64)
}

impl Method for Multi {
    fn losses(&self, step: &Step) -> Vec<Term> {
        let (output, batch) = (step.output, step.batch);
        let seen: Vec<Tensor> = self
            .teachers
            .iter()
            .map(|teacher| teacher.look(&batch.images).features)
            .collect();
        let taught = |task: Task, student: &Tensor| {
            let logits = self.who_learned(task).filter_map(|(i, tasks)| match task {
                Task::Coarse => tasks.coarse(&seen[i]),
                _ => Some(tasks.fine(&seen[i])),
            });
            let logits: Vec<Tensor> = tch::no_grad(|| logits.collect());
            self.soft(task, student, &logits)
        };
        let mut terms = Vec::new();
        if let Some(logits) = self.tasks.coarse(&output.features) {
            let (first, count) = self.level;
            let of = |table: &Tensor| table.narrow(1, first, count);
            let labels = masked_bce(&logits, &of(&batch.targets), &of(&batch.mask), None);
            let taught = taught(Task::Coarse, &logits);
            self.add(&mut terms, Task::Coarse, labels, taught);
        }
        if self.tasks.has_fine() {
            let logits = &output.logits;
            let (targets, mask) = batch.finest(logits.size()[1]);
            let labels = masked_bce(logits, &targets, &mask, None);
            let taught = taught(Task::Fine, logits);
            self.add(&mut terms, Task::Fine, labels, taught);
        }
        self.words(&mut terms, step, &seen);
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn;

    fn tasks(store: &nn::VarStore) -> Tasks {
        let kind = HeadKind::Tasks {
            fine: true,
            coarse: Some(2),
            words: Some(caption::rows(4)),
        };
        Tasks::new(&store.root(), kind, 6, 4)
    }

    fn multi(tasks: Tasks, text: &str) -> Multi {
        Multi {
            settings: toml::from_str(text).unwrap(),
            level: (4, 2),
            tasks,
            captions: None,
            teachers: Vec::new(),
        }
    }

    #[test]
    fn soft_labels_are_those_of_the_formula() {
        tch::manual_seed(1);
        let store = nn::VarStore::new(Device::Cpu);
        let text = "tasks = ['fine']\ntemperatures = { coarse = 1.0, fine = 2.0, words = 1.0 }";
        let method = multi(tasks(&store), text);
        let student = [1.5f64, -1e4, 30.0, 0.2];
        let teachers = [[0.5f64, -3.0, 1e4, 2.0], [-1.0, 2.0, -1e4, 2.5]];
        let tensor = |z: &[f64; 4]| Tensor::from_slice(z).view([1, 4]).to_kind(Kind::Float);
        let got = method
            .soft(Task::Fine, &tensor(&student), &teachers.map(|z| tensor(&z)))
            .unwrap()
            .double_value(&[]);
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        let softplus = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
        let wanted = (0..4)
            .map(|k| {
                let likely = (sigmoid(teachers[0][k] / 2.0) + sigmoid(teachers[1][k] / 2.0)) / 2.0;
                let z = student[k] / 2.0;
                likely * softplus(-z) + (1.0 - likely) * softplus(z)
            })
            .sum::<f64>()
            / 4.0;
        assert!(
            (got - wanted).abs() < 1e-3 * wanted,
            "{got} is not {wanted}"
        );
    }

    /// A decoder that hears what it said itself says the same again.
    #[test]
    fn a_caption_followed_is_the_caption_said() {
        tch::manual_seed(2);
        let store = nn::VarStore::new(Device::Cpu);
        let tasks = tasks(&store);
        let decoder = tasks.decoder().unwrap();
        let features = Tensor::randn([3, 6], (Kind::Float, Device::Cpu));
        let greedy = decoder.greedy(&features);
        let never = decoder.taught(&features, &greedy, 0.0);
        let always = decoder.taught(&features, &greedy, 1.0);
        let followed = decoder.followed(&features, &never.heard);
        for logits in [&always.logits, &followed] {
            assert!((logits - &never.logits).abs().max().double_value(&[]) < 1e-5);
        }
        assert_eq!(never.logits.argmax(2, false), greedy);
        // A beam of one is greedy, up to the end.
        for i in 0..3 {
            let beam = decoder.beam(&features.narrow(0, i, 1), 1);
            let greedy = Vec::<i64>::try_from(greedy.get(i)).unwrap();
            assert_eq!(beam, greedy[..beam.len()]);
            let ended = beam.last() == Some(&END) || beam.len() == STEPS as usize;
            assert!(ended, "{beam:?}");
        }
    }

    #[test]
    fn settings_that_teach_nothing_are_refused() {
        for (text, why) in [
            ("tasks = []", "names one or more"),
            ("tasks = ['fine', 'fine']", "each once"),
            ("tasks = ['fine']\nlabels = false", "nothing to learn from"),
            ("tasks = ['fine']\nalpha = 1.5", "alpha = 1.5"),
            ("tasks = ['words']\nvocabulary = 0", "vocabulary = 0"),
        ] {
            let settings: MtlKd = toml::from_str(text).unwrap();
            let said = settings.check().unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }
}
