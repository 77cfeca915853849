//! One network's heads for several tasks: findings, diseases and words.

use fovea_core::caption::{self, END, START};
use tch::{nn, Device, Kind, Tensor};

use super::HeadKind;

/// Units between features and logits, as the code of MTL-KD has them.
const HIDDEN: i64 = 512;
/// Length of a word's embedding, and units of the decoder (MTL-KD, section 4.1).
const EMBEDDING: i64 = 256;
const UNITS: i64 = 512;
/// Steps of a decoder: the words, and the end behind them.
pub const STEPS: i64 = caption::STEPS as i64;

/// The heads that a network was given; those of tasks it does not have are absent.
#[derive(Debug)]
pub struct Tasks {
    classes: i64,
    fine: Option<TwoLayers>,
    coarse: Option<TwoLayers>,
    words: Option<Decoder>,
}

/// features -> [`HIDDEN`], rectified -> logits.
#[derive(Debug)]
struct TwoLayers {
    hidden: nn::Linear,
    out: nn::Linear,
}

/// One LSTM layer that says a caption word by word. It hears the features first, as
/// if they were a word, then [`START`], then its words.
#[derive(Debug)]
pub struct Decoder {
    pub(crate) features: nn::Linear,
    /// rows x embedding.
    pub(crate) embedding: Tensor,
    /// 4 x units x inputs, and what goes with it.
    pub(crate) of_input: Tensor,
    pub(crate) of_state: Tensor,
    pub(crate) of_neither: Tensor,
    pub(crate) out: nn::Linear,
}

/// Between two words: output and cell, b x units.
struct State(Tensor, Tensor);

/// What a decoder said of b photographs.
pub struct Said {
    /// b x steps x rows of the vocabulary.
    pub logits: Tensor,
    /// What it heard before each, b x steps.
    pub heard: Tensor,
}

impl Tasks {
    /// The heads that `kind` names, on features of length `width`, for `classes` finest nodes.
    ///
    /// # Panics
    /// `kind` is not [`HeadKind::Tasks`].
    pub fn new(path: &nn::Path, kind: HeadKind, width: i64, classes: i64) -> Tasks {
        let HeadKind::Tasks {
            fine,
            coarse,
            words,
        } = kind
        else {
            unreachable!("only such a head is made here")
        };
        let layers = |name: &str, out: i64| TwoLayers::new(&(path / name), width, out);
        Tasks {
            classes,
            fine: fine.then(|| layers("fine", classes)),
            coarse: coarse.map(|diseases| layers("coarse", diseases)),
            words: words.map(|rows| Decoder::new(&(path / "words"), width, rows)),
        }
    }

    /// Number of finest nodes, whether or not they are a task.
    pub fn classes(&self) -> i64 {
        self.classes
    }

    /// Logits of the findings, b x classes, from features b x width; nought where the network has
    /// no such task.
    pub fn fine(&self, features: &Tensor) -> Tensor {
        match &self.fine {
            Some(fine) => fine.forward(features),
            None => Tensor::zeros(
                [features.size()[0], self.classes],
                (Kind::Float, features.device()),
            ),
        }
    }

    /// Whether the network has logits for the finest nodes.
    pub fn has_fine(&self) -> bool {
        self.fine.is_some()
    }

    /// Whether the network has logits for the diseases.
    pub fn has_coarse(&self) -> bool {
        self.coarse.is_some()
    }

    /// Logits of the diseases, b x diseases, from features b x width; `None` where the network has
    /// no such task.
    pub fn coarse(&self, features: &Tensor) -> Option<Tensor> {
        Some(self.coarse.as_ref()?.forward(features))
    }

    /// What says captions; `None` where the network has no such task.
    pub fn decoder(&self) -> Option<&Decoder> {
        self.words.as_ref()
    }

    /// Its variables, in a fixed order.
    pub fn tensors(&self) -> Vec<&Tensor> {
        let layers = self.fine.iter().chain(&self.coarse);
        let mut tensors: Vec<&Tensor> = layers
            .flat_map(|layers| [&layers.hidden, &layers.out])
            .flat_map(linear)
            .collect();
        if let Some(words) = &self.words {
            tensors.extend(linear(&words.features));
            tensors.extend([&words.embedding, &words.of_input]);
            tensors.extend([&words.of_state, &words.of_neither]);
            tensors.extend(linear(&words.out));
        }
        tensors
    }

    /// The same heads on the same variables.
    pub fn share(&self) -> Tasks {
        Tasks {
            classes: self.classes,
            fine: self.fine.as_ref().map(TwoLayers::share),
            coarse: self.coarse.as_ref().map(TwoLayers::share),
            words: self.words.as_ref().map(Decoder::share),
        }
    }
}

fn linear(linear: &nn::Linear) -> impl Iterator<Item = &Tensor> {
    std::iter::once(&linear.ws).chain(&linear.bs)
}

fn shared(linear: &nn::Linear) -> nn::Linear {
    nn::Linear {
        ws: linear.ws.shallow_clone(),
        bs: linear.bs.as_ref().map(Tensor::shallow_clone),
    }
}

impl TwoLayers {
    fn new(path: &nn::Path, width: i64, out: i64) -> TwoLayers {
        TwoLayers {
            hidden: nn::linear(path / "hidden", width, HIDDEN, Default::default()),
            out: nn::linear(path / "out", HIDDEN, out, Default::default()),
        }
    }

    fn forward(&self, features: &Tensor) -> Tensor {
        features.apply(&self.hidden).relu().apply(&self.out)
    }

    fn share(&self) -> TwoLayers {
        TwoLayers {
            hidden: shared(&self.hidden),
            out: shared(&self.out),
        }
    }
}

impl Decoder {
    fn new(path: &nn::Path, width: i64, rows: i64) -> Decoder {
        let bound = (UNITS as f64).sqrt().recip();
        let uniform = nn::Init::Uniform {
            lo: -bound,
            up: bound,
        };
        Decoder {
            features: nn::linear(path / "features", width, EMBEDDING, Default::default()),
            embedding: path.randn_standard("embedding", &[rows, EMBEDDING]),
            of_input: path.var("of_input", &[4 * UNITS, EMBEDDING], uniform),
            of_state: path.var("of_state", &[4 * UNITS, UNITS], uniform),
            of_neither: path.var("of_neither", &[4 * UNITS], uniform),
            out: nn::linear(path / "out", UNITS, rows, Default::default()),
        }
    }

    fn share(&self) -> Decoder {
        Decoder {
            features: shared(&self.features),
            embedding: self.embedding.shallow_clone(),
            of_input: self.of_input.shallow_clone(),
            of_state: self.of_state.shallow_clone(),
            of_neither: self.of_neither.shallow_clone(),
            out: shared(&self.out),
        }
    }

    /// Rows of its vocabulary's table.
    pub fn rows(&self) -> i64 {
        self.embedding.size()[0]
    }

    /// Before the first word of b captions, whose features (b x width) it has heard.
    fn begin(&self, features: &Tensor) -> State {
        let b = features.size()[0];
        let nought = || Tensor::zeros([b, UNITS], (Kind::Float, features.device()));
        self.step(&features.apply(&self.features), &State(nought(), nought()))
    }

    fn step(&self, input: &Tensor, state: &State) -> State {
        let (output, cell) = input.lstm_cell(
            &[&state.0, &state.1],
            &self.of_input,
            &self.of_state,
            Some(&self.of_neither),
            None::<&Tensor>,
        );
        State(output, cell)
    }

    /// Logits of the next word behind `words` (b), and the state behind them.
    fn next(&self, words: &Tensor, state: &State) -> (Tensor, State) {
        let state = self.step(
            &Tensor::embedding(&self.embedding, words, -1, false, false),
            state,
        );
        (state.0.apply(&self.out), state)
    }

    /// Says captions of features (b x width). Before each word it hears the right one
    /// before it, of `right` (b x steps), or with a chance of 1 - `forcing` what it
    /// said itself.
    pub fn taught(&self, features: &Tensor, right: &Tensor, forcing: f64) -> Said {
        let draws = Vec::<f64>::try_from(Tensor::rand([STEPS], (Kind::Double, Device::Cpu)));
        let draws = draws.unwrap_or_default();
        self.said(features, |step, before| {
            let forced = draws.get(step - 1).is_none_or(|&draw| draw < forcing);
            match forced {
                true => right.select(1, step as i64 - 1),
                false => before.argmax(1, false),
            }
        })
    }

    /// Says captions of features (b x width), where it hears what another `heard` (b x steps):
    /// logits, b x steps x rows.
    pub fn followed(&self, features: &Tensor, heard: &Tensor) -> Tensor {
        // What was heard before the last word is the last that is asked for.
        let at = |step: usize| (step as i64).min(STEPS - 1);
        self.said(features, |step, _| heard.select(1, at(step)))
            .logits
    }

    /// The likeliest word each time, b x steps.
    pub fn greedy(&self, features: &Tensor) -> Tensor {
        self.said(features, |_, before| before.argmax(1, false))
            .logits
            .argmax(2, false)
    }

    /// `hear(step, logits before)` is what it hears before word `step`, counted from 0,
    /// for all but the first.
    fn said(&self, features: &Tensor, hear: impl Fn(usize, &Tensor) -> Tensor) -> Said {
        let b = features.size()[0];
        let mut state = self.begin(features);
        let mut word = Tensor::full([b], START, (Kind::Int64, features.device()));
        let (mut logits, mut heard) = (Vec::new(), Vec::new());
        for step in 1..=STEPS as usize {
            let (next, after) = self.next(&word, &state);
            heard.push(word);
            word = hear(step, &next.detach());
            logits.push(next);
            state = after;
        }
        Said {
            logits: Tensor::stack(&logits, 1),
            heard: Tensor::stack(&heard, 1),
        }
    }

    /// The likeliest caption of features (1 x width) that a beam of that many finds, by
    /// its mean logarithm of probability per word, so that long ones have a chance.
    pub fn beam(&self, features: &Tensor, width: usize) -> Vec<i64> {
        struct Way {
            words: Vec<i64>,
            chance: f64,
            state: State,
        }
        let mean = |way: &Way| way.chance / way.words.len().max(1) as f64;
        let mut open = vec![Way {
            words: Vec::new(),
            chance: 0.0,
            state: self.begin(features),
        }];
        let mut ended: Vec<Way> = Vec::new();
        for _ in 0..STEPS {
            let mut longer = Vec::new();
            for way in &open {
                let last = way.words.last().copied().unwrap_or(START);
                let last = Tensor::from_slice(&[last]).to_device(features.device());
                let (logits, state) = self.next(&last, &way.state);
                let (chances, words) =
                    logits
                        .log_softmax(1, Kind::Float)
                        .topk(width as i64, 1, true, true);
                for k in 0..width as i64 {
                    let mut said = way.words.clone();
                    said.push(words.int64_value(&[0, k]));
                    longer.push(Way {
                        words: said,
                        chance: way.chance + chances.double_value(&[0, k]),
                        state: State(state.0.shallow_clone(), state.1.shallow_clone()),
                    });
                }
            }
            longer.sort_by(|a, b| b.chance.total_cmp(&a.chance));
            longer.truncate(width);
            let (done, going): (Vec<Way>, Vec<Way>) = longer
                .into_iter()
                .partition(|way| way.words.last() == Some(&END));
            ended.extend(done);
            open = going;
            // A way still open may end better than those that ended early.
            if open.is_empty() {
                break;
            }
        }
        // Those still open have all the words there may be, as a caption that has ended.
        ended.extend(open);
        let best = ended.into_iter().max_by(|a, b| mean(a).total_cmp(&mean(b)));
        best.map(|way| way.words).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder that hears the last word alone: `after` has the chances of the words behind each.
    fn speaker(after: &[(i64, &[(i64, f64)])], words: usize) -> (nn::VarStore, Tasks) {
        let rows = caption::rows(words);
        let store = nn::VarStore::new(Device::Cpu);
        let kind = HeadKind::Tasks {
            fine: false,
            coarse: None,
            words: Some(rows),
        };
        let tasks = Tasks::new(&store.root(), kind, 2, 1);
        let decoder = tasks.decoder().expect("it says words");
        let numbers = (Kind::Float, Device::Cpu);
        // Word n opens unit n and no other, and nothing is remembered.
        let own = Tensor::eye(rows, numbers) * 20.0;
        let gate = |open: f64| Tensor::full([UNITS], open, numbers);
        let gates = [gate(20.0), gate(-20.0), gate(0.0), gate(20.0)];
        let mut logits = Tensor::full([rows, UNITS], -30.0, numbers);
        for &(word, next) in after {
            for &(said, chance) in next {
                let _ = logits.get(said).get(word).fill_(chance.ln());
            }
        }
        let _ = tch::no_grad(|| {
            let _ = decoder.embedding.shallow_clone().zero_();
            let mut embedding = decoder.embedding.narrow(1, 0, rows);
            embedding.copy_(&own);
            let _ = decoder.of_input.shallow_clone().zero_();
            let cell = decoder.of_input.narrow(0, 2 * UNITS, rows);
            cell.narrow(1, 0, rows).copy_(&Tensor::eye(rows, numbers));
            let _ = decoder.of_state.shallow_clone().zero_();
            decoder
                .of_neither
                .shallow_clone()
                .copy_(&Tensor::cat(&gates, 0));
            // An open unit says the tangent of its cell of 1.
            logits = &logits / 1f64.tanh();
            decoder.out.ws.shallow_clone().copy_(&logits);
            let bias = decoder.out.bs.as_ref().expect("a bias");
            bias.shallow_clone().zero_()
        });
        (store, tasks)
    }

    #[test]
    fn a_beam_waits_for_the_likeliest_caption_to_end() {
        let (a, b, x, z) = (3, 4, 5, 6);
        let (_store, tasks) = speaker(
            &[
                (
                    START,
                    &[(a, 0.60), (b, 0.25), (END, 0.10), (caption::OTHER, 0.05)],
                ),
                (a, &[(x, 0.90), (END, 0.06), (caption::OTHER, 0.04)]),
                (b, &[(END, 0.90), (caption::OTHER, 0.10)]),
                (x, &[(z, 0.95), (caption::OTHER, 0.05)]),
                (z, &[(END, 0.95), (caption::OTHER, 0.05)]),
                (caption::OTHER, &[(END, 1.0)]),
            ],
            4,
        );
        let decoder = tasks.decoder().expect("it says words");
        let features = Tensor::zeros([1, 2], (Kind::Float, Device::Cpu));
        // After two words three captions have ended: `END`, `b END` and `a END`.
        assert_eq!(decoder.beam(&features, 3), [a, x, z, END]);
    }
}
