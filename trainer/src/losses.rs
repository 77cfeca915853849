//! Losses over tri-state labels: an unknown label has a mask of nought and
//! enters nothing.
//!
//! Shapes: `b` photographs, `k` finest classes, `n` nodes of the taxonomy.

use fovea_core::calibration::ParentRule;
use fovea_core::taxonomy::{Level, Taxonomy};
use tch::{Device, Kind, Reduction, Tensor};

/// Takes finest logits to the logits of every node, and knows the levels.
pub struct Hierarchy {
    /// k x n: how many paths lead from a node down to a finest class.
    paths: Tensor,
    /// First node and number of nodes of each level, finest first.
    levels: Vec<(i64, i64)>,
    /// k x c: which finest classes make each composite.
    members: Tensor,
    device: Device,
}

/// How the levels above the finest enter the loss.
#[derive(Clone, Copy, Debug)]
pub struct Parents {
    /// How a parent's logit follows from its children's.
    pub marginal: ParentRule,
    /// Weight of each of their levels, and of the composites; the finest level
    /// has 1, and so have all levels in HKGL eq. 1. A level is a mean over its
    /// nodes, and the fewer it has, the harder each pulls: at 1, a group of the
    /// taxonomy `odir` pulls on all the classes below it as hard as four of the
    /// finest do on themselves.
    pub weight: f64,
}

impl Parents {
    /// Levels by `marginal`, each above the finest weighing `weight`.
    pub fn new(marginal: ParentRule, weight: f64) -> Parents {
        Parents { marginal, weight }
    }
}

impl Hierarchy {
    /// The levels, paths and composites of `taxonomy`, as tensors on `device`.
    pub fn new(taxonomy: &Taxonomy, device: Device) -> Hierarchy {
        let n = taxonomy.nodes().len();
        let k = taxonomy.finest_count();
        let mut paths = vec![0f32; k * n];
        for class in 0..k {
            paths[class * n + class] = 1.0;
        }
        // Nodes are ordered finest first, so children are done before parents.
        for node in k..n {
            for &child in &taxonomy.nodes()[node].children {
                for class in 0..k {
                    paths[class * n + node] += paths[class * n + child];
                }
            }
        }
        let levels = [Level::Finest, Level::Disease, Level::Group]
            .into_iter()
            .map(|level| taxonomy.level(level))
            .filter(|range| !range.is_empty())
            .map(|range| (range.start as i64, range.len() as i64))
            .collect();
        let c = taxonomy.composites().len();
        let mut members = vec![0f32; k * c];
        for (column, finest) in taxonomy.composites().values().enumerate() {
            for &class in finest {
                members[class * c + column] = 1.0;
            }
        }
        let table = |values: &[f32], width: usize| {
            Tensor::from_slice(values)
                .view([-1, width as i64])
                .to_device(device)
        };
        Hierarchy {
            paths: table(&paths, n),
            levels,
            members: table(&members, c),
            device,
        }
    }

    /// First node and number of nodes of each level that has nodes, finest first.
    pub fn levels(&self) -> &[(i64, i64)] {
        &self.levels
    }

    /// The logits of every node from those of the finest: b x k -> b x n.
    pub fn marginalise(&self, logits: &Tensor, marginal: ParentRule) -> Tensor {
        match marginal {
            ParentRule::SumOfLogits => logits.matmul(&self.paths),
            ParentRule::NoisyOr => {
                let parents = any_of(logits, &self.paths);
                let k = logits.size()[1];
                let n = parents.size()[1];
                Tensor::cat(&[logits.shallow_clone(), parents.narrow(1, k, n - k)], 1)
            }
        }
    }

    /// Binary cross-entropy of the composites, such as "any referable finding":
    /// what the device's verdict rests on, so that training sees it too and not
    /// only its parts. A composite's logit is the noisy-or of its members.
    /// `logits` b x k; `targets` and `mask` b x c, of the composites; gives a scalar.
    pub fn composite_loss(&self, logits: &Tensor, targets: &Tensor, mask: &Tensor) -> Tensor {
        masked_bce(&any_of(logits, &self.members), targets, mask, None)
    }

    /// HKGL eq. 1: binary cross-entropy summed over levels. `logits` b x k; `targets`, `mask` and
    /// `weights` b x n; gives a scalar.
    pub fn level_loss(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        mask: &Tensor,
        weights: Option<&Tensor>,
        parents: Parents,
    ) -> Tensor {
        let logits = self.marginalise(logits, parents.marginal);
        let mut total = Tensor::zeros([], (Kind::Float, self.device));
        for (level, &(start, len)) in self.levels.iter().enumerate() {
            let loss = masked_bce(
                &logits.narrow(1, start, len),
                &targets.narrow(1, start, len),
                &mask.narrow(1, start, len),
                weights.map(|w| w.narrow(1, start, len)).as_ref(),
            );
            total += if level == 0 {
                loss
            } else {
                loss * parents.weight
            };
        }
        total
    }
}

/// Noisy-or: the logit of "at least one of them is there". `logits` b x k,
/// `members` k x m, how often each class counts -> b x m. In a DAG a class
/// counts once for every path, as it does where the device goes up by levels.
fn any_of(logits: &Tensor, members: &Tensor) -> Tensor {
    // ln(1 - p) of a class is logsigmoid(-z); over the classes that count they
    // add up to s = ln(1 - P), and ln(P / (1 - P)) = ln(1 - e^s) - s.
    let s = (-logits).log_sigmoid().matmul(members).clamp_max(-1e-6);
    (-s.expm1()).log() - s
}

/// Mean binary cross-entropy over the known labels (HKGL eq. 5), a scalar. All of one shape;
/// `weights` factors of each label, 1 when absent.
pub fn masked_bce(
    logits: &Tensor,
    targets: &Tensor,
    mask: &Tensor,
    weights: Option<&Tensor>,
) -> Tensor {
    let each = each_bce(logits, targets);
    let each = match weights {
        Some(weights) => each * weights,
        None => each,
    };
    masked_mean(&each, mask)
}

/// Binary cross-entropy of each label, all b x k.
pub fn each_bce(logits: &Tensor, targets: &Tensor) -> Tensor {
    logits.binary_cross_entropy_with_logits::<Tensor>(targets, None, None, Reduction::None)
}

/// Mean of what `each` label gives over those that `mask` counts, a scalar: nought where it counts
/// none. Both of one shape. A mask may hold weights from 0 to 1; where they sum to less than 1, the
/// sum is not divided.
pub fn masked_mean(each: &Tensor, mask: &Tensor) -> Tensor {
    (each * mask).sum(Kind::Float) / mask.sum(Kind::Float).clamp_min(1.0)
}

/// The features, whose slope is turned round and scaled by `strength`.
pub fn reversed(features: &Tensor, strength: f64) -> Tensor {
    features.detach() * (1.0 + strength) - features * strength
}

/// How strongly the slope is turned round when `progress`, 0..1, of the schedule is made: from 0
/// towards 1 (Ganin and Lempitsky, ICML 2015, section 5.2.2).
pub fn reversal(progress: f64) -> f64 {
    2.0 / (1.0 + (-10.0 * progress).exp()) - 1.0
}

/// Instance-wise class-balanced weights (HKGL eq. 6) for one level.
pub struct InstanceWeights {
    /// 1 x k: p_j = 1 / (K N_j), nought for a class that no photograph shows.
    class: Tensor,
    positives_only: bool,
}

impl InstanceWeights {
    /// `counts` holds N_j, the training photographs that show class j. The terms
    /// of a class without any weigh 1: there is nothing to balance.
    pub fn new(counts: &[f32], positives_only: bool, device: Device) -> InstanceWeights {
        let k = counts.len() as f32;
        let share = |n: f32| if n > 0.0 { 1.0 / (k * n) } else { 0.0 };
        let p: Vec<f32> = counts.iter().map(|&n| share(n)).collect();
        let class = Tensor::from_slice(&p).view([1, -1]).to_device(device);
        InstanceWeights {
            class,
            positives_only,
        }
    }

    /// sqrt(p_j / p_A) with p_A the sum over the photograph's positive classes: b x k, as
    /// `targets`. A photograph without positives weighs 1 throughout.
    pub fn weigh(&self, targets: &Tensor) -> Tensor {
        let actual = (targets * &self.class).sum_dim_intlist(1, true, Kind::Float);
        let delta = (&self.class / actual.clamp_min(1e-12)).sqrt();
        let balanced = actual.gt(0.0).logical_and(&self.class.gt(0.0));
        let ones = targets.ones_like();
        let delta = delta.where_self(&balanced, &ones);
        if self.positives_only {
            delta.where_self(&targets.gt(0.5), &ones)
        } else {
            delta
        }
    }
}

/// 1 - cos(v_t, v_s), mean over photographs (HKGL eq. 7): two tensors b x width -> a scalar, 0..2.
pub fn feature_distillation(teacher: &Tensor, student: &Tensor) -> Tensor {
    let cosine = Tensor::cosine_similarity(teacher, student, 1, 1e-8);
    1.0 - cosine.mean(Kind::Float)
}

/// How the student's logits are held to the teacher's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogitsLoss {
    /// HKGL eq. 8 as printed: KL(student || teacher) of the Bernoulli of each class.
    #[default]
    Kl,
    /// The released code's: cross-entropy against the teacher's soft labels.
    Bce,
}

/// HKGL eq. 8 on sigmoid(z / T) of each photograph and class: logits b x k -> b x k. `temperature`
/// is T, above 0.
pub fn each_distillation(
    kind: LogitsLoss,
    student: &Tensor,
    teacher: &Tensor,
    temperature: f64,
) -> Tensor {
    let (s, t) = (student / temperature, teacher / temperature);
    match kind {
        LogitsLoss::Kl => {
            let p = s.sigmoid();
            let yes = &p * (s.log_sigmoid() - t.log_sigmoid());
            let no = (1.0 - &p) * ((-&s).log_sigmoid() - (-&t).log_sigmoid());
            yes + no
        }
        LogitsLoss::Bce => each_bce(&s, &t.sigmoid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-5, "{a} is not {b}");
    }

    #[test]
    fn a_reversed_slope_leaves_the_value_as_it_is() {
        let x = Tensor::from_slice(&[1.0f32, -2.0]).set_requires_grad(true);
        let y = reversed(&x, 0.25);
        assert!((&y - &x).abs().max().double_value(&[]) < 1e-6);
        (y * 3.0).sum(Kind::Float).backward();
        assert_eq!(Vec::<f32>::try_from(x.grad()).unwrap(), [-0.75, -0.75]);
        assert_eq!(reversal(0.0), 0.0);
        close(reversal(0.1), 0.462_117_157);
        assert!(reversal(1.0) < 1.0);
    }

    #[test]
    fn unknown_labels_enter_nothing() {
        let logits = Tensor::from_slice(&[2.0f32, -50.0]).view([1, 2]);
        let targets = Tensor::from_slice(&[1.0f32, 1.0]).view([1, 2]);
        let mask = Tensor::from_slice(&[1.0f32, 0.0]).view([1, 2]);
        close(
            masked_bce(&logits, &targets, &mask, None).double_value(&[]),
            (1.0 + (-2.0f64).exp()).ln(),
        );
        let nothing = mask.zeros_like();
        close(
            masked_bce(&logits, &targets, &nothing, None).double_value(&[]),
            0.0,
        );
    }

    #[test]
    fn instance_weights_follow_equation_six() {
        // Two classes of 100 and 1 photographs: p = 1/200 and 1/2.
        let weights = InstanceWeights::new(&[100.0, 1.0], false, Device::Cpu);
        let both = weights.weigh(&Tensor::from_slice(&[1.0f32, 1.0]).view([1, 2]));
        close(both.double_value(&[0, 0]), (0.005f64 / 0.505).sqrt());
        close(both.double_value(&[0, 1]), (0.5f64 / 0.505).sqrt());
        let head = weights.weigh(&Tensor::from_slice(&[1.0f32, 0.0]).view([1, 2]));
        close(head.double_value(&[0, 1]), 10.0);
        let none = weights.weigh(&Tensor::from_slice(&[0.0f32, 0.0]).view([1, 2]));
        close(none.double_value(&[0, 1]), 1.0);
        let unseen = InstanceWeights::new(&[100.0, 0.0], false, Device::Cpu);
        let head = unseen.weigh(&Tensor::from_slice(&[1.0f32, 0.0]).view([1, 2]));
        close(head.double_value(&[0, 0]), 1.0);
        close(head.double_value(&[0, 1]), 1.0);
        let positives = InstanceWeights::new(&[100.0, 1.0], true, Device::Cpu);
        close(
            positives
                .weigh(&Tensor::from_slice(&[1.0f32, 0.0]).view([1, 2]))
                .double_value(&[0, 1]),
            1.0,
        );
    }

    #[test]
    fn a_student_equal_to_its_teacher_has_nothing_to_learn() {
        let z = Tensor::from_slice(&[1.5f32, -3.0, 0.2]).view([1, 3]);
        close(
            each_distillation(LogitsLoss::Kl, &z, &z, 3.0)
                .abs()
                .max()
                .double_value(&[]),
            0.0,
        );
        close(feature_distillation(&z, &(&z * 2.0)).double_value(&[]), 0.0);
        let other = Tensor::from_slice(&[0.0f32, 0.0, 0.0]).view([1, 3]);
        let each = each_distillation(LogitsLoss::Kl, &other, &z, 3.0);
        assert!(each.mean(Kind::Float).double_value(&[]) > 0.01);
    }

    #[test]
    fn a_composite_is_as_likely_as_any_of_its_members() {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let hierarchy = Hierarchy::new(&taxonomy, Device::Cpu);
        let (k, c) = (taxonomy.finest_count(), taxonomy.composites().len());
        let column = taxonomy
            .composites()
            .keys()
            .position(|id| id == "referable_dr")
            .unwrap();
        let loss = |likely: Option<&str>, target: f32, known: bool| {
            let mut logits = vec![-20f32; k];
            if let Some(id) = likely {
                logits[taxonomy.index(id).unwrap()] = 5.0;
            }
            let mut mask = vec![0f32; c];
            mask[column] = f32::from(known);
            let row = |values: &[f32]| Tensor::from_slice(values).view([1, -1]);
            hierarchy
                .composite_loss(&row(&logits), &row(&vec![target; c]), &row(&mask))
                .double_value(&[])
        };
        assert!(loss(Some("pdr"), 1.0, true) < 0.01);
        assert!(loss(Some("pdr"), 0.0, true) > 4.9);
        assert!(loss(Some("npdr_mild"), 1.0, true) > 10.0);
        assert!(loss(None, 0.0, true) < 1e-3);
        assert_eq!(loss(Some("pdr"), 0.0, false), 0.0);
    }

    #[test]
    fn parents_pull_by_their_weight() {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let (k, n) = (
            taxonomy.finest_count() as i64,
            taxonomy.nodes().len() as i64,
        );
        let hierarchy = Hierarchy::new(&taxonomy, Device::Cpu);
        let logits = (Tensor::arange(k, (Kind::Float, Device::Cpu)).sin() * 3.0).view([1, k]);
        let targets = Tensor::arange(n, (Kind::Float, Device::Cpu))
            .remainder(3.0)
            .eq(0.0)
            .to_kind(Kind::Float)
            .view([1, n]);
        let mask = Tensor::ones_like(&targets);
        for marginal in [ParentRule::SumOfLogits, ParentRule::NoisyOr] {
            let all = hierarchy.marginalise(&logits, marginal);
            let levels: Vec<f64> = hierarchy
                .levels()
                .iter()
                .map(|&(start, len)| {
                    let part = |t: &Tensor| t.narrow(1, start, len);
                    masked_bce(&part(&all), &part(&targets), &part(&mask), None).double_value(&[])
                })
                .collect();
            for weight in [0.0, 0.1, 1.0] {
                let parents = Parents::new(marginal, weight);
                let loss = hierarchy.level_loss(&logits, &targets, &mask, None, parents);
                let expected = levels[0] + weight * (levels[1] + levels[2]);
                close(loss.double_value(&[]), expected);
            }
        }
    }

    #[test]
    fn parents_are_what_the_device_computes() {
        for id in ["odir", "rfmid"] {
            let taxonomy = Taxonomy::builtin(id).unwrap();
            let k = taxonomy.finest_count();
            let logits: Vec<f32> = (0..k).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
            let hierarchy = Hierarchy::new(&taxonomy, Device::Cpu);
            let z = Tensor::from_slice(&logits).view([1, -1]);
            let sums = hierarchy.marginalise(&z, ParentRule::SumOfLogits);
            let ors = hierarchy.marginalise(&z, ParentRule::NoisyOr).sigmoid();
            for (i, node) in taxonomy.nodes().iter().enumerate().skip(k) {
                let children = node.children.iter().map(|&c| c as i64);
                let sum: f64 = children.clone().map(|c| sums.double_value(&[0, c])).sum();
                close(sums.double_value(&[0, i as i64]), sum);
                let absent: f64 = children.map(|c| 1.0 - ors.double_value(&[0, c])).product();
                close(ors.double_value(&[0, i as i64]), 1.0 - absent);
            }
        }
    }

    #[test]
    fn sure_classes_leave_their_parents_finite() {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let k = taxonomy.finest_count() as i64;
        let hierarchy = Hierarchy::new(&taxonomy, Device::Cpu);
        for z in [-300.0, 300.0] {
            let logits = Tensor::full([1, k], z, (Kind::Float, Device::Cpu));
            let parents = hierarchy.marginalise(&logits, ParentRule::NoisyOr);
            assert!(bool::try_from(parents.isfinite().all()).unwrap(), "{z}");
        }
    }
}
