//! From pooled features to logits.

use serde::{Deserialize, Serialize};
use tch::{nn, Kind, Tensor};

use super::tasks::Tasks;

/// Which head a network has; a method says which it trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    /// A weight per feature and a bias. The only one that can be exported.
    #[default]
    Linear,
    /// `scale` times the cosine between features and a class's weights (LDAM, Cao et al., NeurIPS
    /// 2019).
    Cosine {
        /// Factor of the cosine, and so the largest absolute logit.
        scale: f64,
    },
    /// A cosine classifier of 16 times x / (1 + |x|), on features that a memory of class centroids
    /// adds to (OLTR, Liu et al., CVPR 2019, eqs. 2 to 5).
    Memory,
    /// Heads of several tasks (MTL-KD): findings, diseases and words.
    Tasks {
        /// Whether it has logits for the finest nodes; without, they are all nought.
        fine: bool,
        /// Number of diseases; `None` without logits for them.
        coarse: Option<i64>,
        /// Rows of the vocabulary's table, [`fovea_core::caption::rows`]; `None` without a
        /// decoder of captions.
        words: Option<i64>,
    },
}

/// OLTR's scale of the cosine classifier.
const MEMORY_SCALE: f64 = 16.0;
/// OLTR's reachability is this over the distance to the nearest centroid.
const REACH: f64 = 10.0;

/// `classifier.…` of a network's variables.
#[derive(Debug)]
pub enum Head {
    /// `weight` (classes x width) and `bias` (classes).
    Linear(nn::Linear),
    /// Cosine between features and a class's weights.
    Cosine {
        /// classes x width
        weight: Tensor,
        /// Factor of the cosine.
        scale: f64,
    },
    /// OLTR's head.
    Memory(Memory),
    /// The heads of MTL-KD.
    Tasks(Tasks),
}

/// OLTR's head: what it knows of the other classes, added to what it sees.
#[derive(Debug)]
pub struct Memory {
    /// classes x width: where the features of each class lie. The head reads them; only a loss on
    /// the features moves them.
    pub centroids: Tensor,
    /// How much of each centroid a photograph calls up.
    hallucinator: nn::Linear,
    /// How much of that is let in, per feature.
    selector: nn::Linear,
    weight: Tensor,
}

impl Head {
    /// A freshly initialised head for `classes` finest classes on features of length `width`; its
    /// variables are named below `path`.
    pub fn new(path: &nn::Path, kind: HeadKind, width: i64, classes: i64) -> Head {
        // Small, so that every class starts near its undecided probability of one half.
        let small = nn::Init::Randn {
            mean: 0.0,
            stdev: 0.01,
        };
        let weight = || path.var("weight", &[classes, width], small);
        match kind {
            HeadKind::Linear => Head::Linear(nn::linear(
                path,
                width,
                classes,
                nn::LinearConfig {
                    ws_init: small,
                    bs_init: Some(nn::Init::Const(0.0)),
                    bias: true,
                },
            )),
            HeadKind::Cosine { scale } => Head::Cosine {
                weight: weight(),
                scale,
            },
            HeadKind::Memory => Head::Memory(Memory {
                centroids: path.var("centroids", &[classes, width], nn::Init::Const(0.0)),
                hallucinator: nn::linear(path / "hallucinator", width, classes, Default::default()),
                selector: nn::linear(path / "selector", width, width, Default::default()),
                weight: weight(),
            }),
            HeadKind::Tasks { .. } => Head::Tasks(Tasks::new(path, kind, width, classes)),
        }
    }

    /// Logits (B x classes) of pooled features (B x width). Of several tasks, those of the finest
    /// nodes.
    pub fn forward(&self, features: &Tensor) -> Tensor {
        match self {
            Head::Linear(linear) => features.apply(linear),
            Head::Cosine { weight, scale } => unit(features).matmul(&unit(weight).tr()) * *scale,
            Head::Memory(memory) => memory.forward(features),
            Head::Tasks(tasks) => tasks.fine(features),
        }
    }

    /// Number of finest classes.
    pub fn classes(&self) -> i64 {
        match self {
            Head::Linear(linear) => linear.ws.size()[0],
            Head::Cosine { weight, .. } => weight.size()[0],
            Head::Memory(memory) => memory.weight.size()[0],
            Head::Tasks(tasks) => tasks.classes(),
        }
    }

    /// Its variables, in a fixed order.
    pub fn tensors(&self) -> Vec<&Tensor> {
        match self {
            Head::Linear(linear) => std::iter::once(&linear.ws).chain(&linear.bs).collect(),
            Head::Cosine { weight, .. } => vec![weight],
            Head::Memory(memory) => {
                let mut tensors = vec![&memory.centroids, &memory.weight];
                for linear in [&memory.hallucinator, &memory.selector] {
                    tensors.extend(std::iter::once(&linear.ws).chain(&linear.bs));
                }
                tensors
            }
            Head::Tasks(tasks) => tasks.tensors(),
        }
    }
}

impl Memory {
    fn forward(&self, features: &Tensor) -> Tensor {
        let nearest = self.distances(features).min_dim(1, true).0;
        let reachability = REACH / nearest.clamp_min(1e-3);
        let called_up = features
            .apply(&self.hallucinator)
            .softmax(1, Kind::Float)
            .matmul(&self.centroids.detach());
        let added = features.apply(&self.selector).tanh() * called_up;
        let seen = reachability * (features + added);
        let squashed: Tensor = &seen / (1.0 + norm(&seen));
        squashed.matmul(&unit(&self.weight).tr()) * MEMORY_SCALE
    }

    /// Euclidean distances of features (B x width) to the centroids: B x classes.
    pub fn distances(&self, features: &Tensor) -> Tensor {
        Tensor::cdist(features, &self.centroids.detach(), 2.0, None::<i64>)
    }
}

/// The length of each row, as a column.
fn norm(rows: &Tensor) -> Tensor {
    rows.norm_scalaropt_dim(2.0, [1i64].as_slice(), true)
}

/// Rows of length one.
fn unit(rows: &Tensor) -> Tensor {
    rows / norm(rows).clamp_min(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn head(kind: HeadKind) -> (nn::VarStore, Head) {
        tch::manual_seed(3);
        let store = nn::VarStore::new(Device::Cpu);
        let head = Head::new(&(store.root() / "classifier"), kind, 6, 4);
        (store, head)
    }

    #[test]
    fn a_cosine_does_not_know_how_bright_the_features_are() {
        let (_store, head) = head(HeadKind::Cosine { scale: 30.0 });
        let features = Tensor::randn([5, 6], (Kind::Float, Device::Cpu));
        let logits = head.forward(&features);
        let brighter = head.forward(&(&features * 7.0));
        assert!((&logits - brighter).abs().max().double_value(&[]) < 1e-4);
        assert!(logits.abs().max().double_value(&[]) <= 30.0);
    }

    #[test]
    fn the_memory_head_does_not_move_its_centroids() {
        let (_store, head) = head(HeadKind::Memory);
        let features = Tensor::randn([5, 6], (Kind::Float, Device::Cpu));
        head.forward(&features).sum(Kind::Float).backward();
        let Head::Memory(memory) = &head else {
            panic!("not a memory head");
        };
        assert!(!memory.centroids.grad().defined());
        assert!(memory.selector.ws.grad().defined());
    }

    #[test]
    fn the_memory_head_is_the_published_one() {
        let (_store, head) = head(HeadKind::Memory);
        let Head::Memory(memory) = &head else {
            panic!("not a memory head");
        };
        let _ = tch::no_grad(|| memory.centroids.shallow_clone().fill_(0.5));
        let x = Tensor::from_slice(&[1.0f32, 2.0, 0.0, -1.0, 0.5, 3.0]).view([1, 6]);
        // By hand, feature by feature, in doubles.
        let row = |t: &Tensor| Vec::<f64>::try_from(t.to_kind(Kind::Double).view([-1])).unwrap();
        let (v, c) = (row(&x), 0.5);
        let nearest = v.iter().map(|v| (v - c) * (v - c)).sum::<f64>().sqrt();
        let gate = row(&x.apply(&memory.selector).tanh());
        // Every centroid is alike, so whatever the shares are, 0.5 is called up.
        let seen: Vec<f64> = v
            .iter()
            .zip(&gate)
            .map(|(v, g)| 10.0 / nearest * (v + g * c))
            .collect();
        let length = seen.iter().map(|s| s * s).sum::<f64>().sqrt();
        let logits = row(&head.forward(&x));
        for (class, logit) in logits.iter().enumerate() {
            let w = row(&memory.weight.get(class as i64));
            let size = w.iter().map(|w| w * w).sum::<f64>().sqrt();
            let dot: f64 = seen.iter().zip(&w).map(|(s, w)| s * w).sum();
            let expected = 16.0 * dot / size / (1.0 + length);
            assert!((logit - expected).abs() < 1e-4, "{logit} is not {expected}");
        }
    }
}
