//! What trained stages look at and how they order photographs: Grad-CAM contact
//! sheets (HKGL figure 11), probabilities beside the truth (figure 10) and a map
//! of the features (figure 9).

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use fovea_core::calibration::ParentRule;
use fovea_core::taxonomy::{Label, Level, Subject, Taxonomy};
use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{no_grad, Device, Kind, Tensor};

use crate::config::{RunConfig, StageConfig};
use crate::data::Split;
use crate::losses::Hierarchy;
use crate::nets::Net;
use crate::photographs::Photographs;
use crate::plots;
use crate::progress::progress;
use crate::run;

/// Photographs on the sheets where no list is given.
const SHOWN: usize = 24;
/// Classes of a photograph that are looked into.
const LIKELIEST: usize = 3;
/// Photographs on the map of features at most.
const MAPPED: usize = 1500;

/// What is to be explained.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Stages by name; the shipped one, or the last, where none is named.
    pub stages: Vec<String>,
    /// Grad-CAM on the maps after this block, from 1; on the last maps when
    /// absent.
    pub layer: Option<usize>,
    /// A file with the name of one photograph per line; some of the validation
    /// photographs when absent.
    pub photographs: Option<PathBuf>,
}

/// Writes `gradcam.png` and `probabilities.png` to the folder `explain` of each stage and
/// `features.png` to the run's.
///
/// # Errors
/// A stage is unknown, not trained to its end or learns no findings, a listed photograph is not in the run, there are
/// too few photographs to show, `layer` is no block of the network, or a picture cannot be written.
pub fn run(config: &RunConfig, photographs: &Photographs, request: &Request) -> Result<()> {
    let stages = stages(config, &request.stages)?;
    let which = match &request.photographs {
        Some(list) => listed(photographs, list)?,
        None => some(photographs, config),
    };
    ensure!(
        !which.is_empty(),
        "there is no validation photograph to explain; name some with --photographs"
    );
    let device = run::device(config);
    let mapped = mapped(photographs, config);
    let mut maps = Vec::new();
    for stage in stages {
        let trained = run::trained(config, stage, photographs, device)?;
        let folder = config.stage_dir(&stage.name).join("explain");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let explained = looked_into(&trained.net, photographs, &which, request.layer, device)?;
        plots::contact_sheet(&explained, &folder.join("gradcam.png"))?;
        plots::probabilities(&explained, &folder.join("probabilities.png"))?;
        println!("{}", folder.display());
        let batch = config.training.predict_batch;
        let places = places(
            &trained.net,
            photographs,
            &mapped,
            batch,
            config.seed,
            device,
        )?;
        maps.push(FeatureMap {
            title: stage.name.clone(),
            places: mapped
                .iter()
                .zip(places)
                .map(|((_, parent), place)| (parent.clone(), place))
                .collect(),
        });
    }
    let path = config.run_dir().join("features.png");
    plots::feature_maps(&maps, &path)?;
    println!("{}", path.display());
    Ok(())
}

fn stages<'a>(config: &'a RunConfig, names: &[String]) -> Result<Vec<&'a StageConfig>> {
    let stages = match (&config.ship, config.stage.last()) {
        _ if !names.is_empty() => {
            let named = names.iter().map(|name| config.stage_named(name));
            named.collect::<Result<Vec<_>>>()?
        }
        (Some(ship), _) => vec![config.stage_named(&ship.stage)?],
        (None, Some(last)) => vec![last],
        (None, None) => bail!("the run file has no stage"),
    };
    for stage in &stages {
        ensure!(
            stage.method.settings().learns_findings(),
            "stage `{}` learns no findings, so there is nothing to explain; name another stage",
            stage.name
        );
    }
    Ok(stages)
}

/// The photographs that a file names, in its order.
fn listed(photographs: &Photographs, list: &Path) -> Result<Vec<usize>> {
    let text = std::fs::read_to_string(list)
        .with_context(|| format!("cannot read the list of photographs {}", list.display()))?;
    let examples = &photographs.dataset.examples;
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let find = |name: &str| {
        let there = (0..examples.len())
            .find(|&i| examples[i].image.ends_with(name) && photographs.cache.get(i).is_some());
        there.with_context(|| {
            format!(
                "{} names {name}, which is not among the photographs of the run",
                list.display()
            )
        })
    };
    names.map(find).collect()
}

/// Validation photographs of as many classes as there are, the rare ones first.
fn some(photographs: &Photographs, config: &RunConfig) -> Vec<usize> {
    let dataset = &photographs.dataset;
    let val = photographs.indices(Split::Val, &config.validate_on);
    let mut by_class: Vec<Vec<usize>> = eye_classes(&dataset.taxonomy)
        .map(|node| {
            let shows = |&&i: &&usize| dataset.examples[i].labels[node] == Label::Present;
            val.iter().filter(shows).copied().collect()
        })
        .collect();
    by_class.sort_by_key(Vec::len);
    let mut chosen = Vec::new();
    for round in 0.. {
        let before = chosen.len();
        for class in &by_class {
            match class.get(round) {
                Some(i) if chosen.len() < SHOWN && !chosen.contains(i) => chosen.push(*i),
                _ => {}
            }
        }
        let over = by_class.iter().all(|class| class.len() <= round);
        if over || (chosen.len() == SHOWN && before == chosen.len()) {
            break;
        }
    }
    chosen
}

fn eye_classes(taxonomy: &Taxonomy) -> impl Iterator<Item = usize> + '_ {
    let finest = taxonomy.level(Level::Finest);
    finest.filter(|&node| taxonomy.nodes()[node].subject == Subject::Eye)
}

/// A photograph and what a network says of it.
pub struct Explained {
    /// Path of the file, or the name of a drawn scene.
    pub name: String,
    /// As the network saw it: prepared, square.
    pub photograph: RgbImage,
    /// The likeliest finest classes of the eye, with where the network looked for each.
    pub classes: Vec<(Answer, Evidence)>,
    /// The finest classes that are there and not among the likeliest.
    pub missed: Vec<Answer>,
    /// The likeliest diseases, one level up, then those that are there and not
    /// among them.
    pub parents: Vec<Answer>,
    /// Finest classes that are there, by name.
    pub truth: Vec<String>,
}

/// What a network says of one node, beside the truth.
#[derive(Clone)]
pub struct Answer {
    /// Name of the node, in English.
    pub name: String,
    /// 0..1, not calibrated; parents by noisy-or.
    pub probability: f32,
    /// What is known of the node.
    pub label: Label,
}

/// A Grad-CAM map: where a network looked for a class.
pub struct Evidence {
    /// Side of the square map, which is that of the network's maps at the chosen block.
    pub side: usize,
    /// `side` x `side` by rows, 0..1; the strongest evidence is 1, and all are 0 where nothing
    /// speaks for the class.
    pub values: Vec<f32>,
}

/// Grad-CAM (Selvaraju et al., ICCV 2017) of the likeliest classes of each
/// photograph.
fn looked_into(
    net: &Net,
    photographs: &Photographs,
    which: &[usize],
    layer: Option<usize>,
    device: Device,
) -> Result<Vec<Explained>> {
    let taxonomy = &photographs.dataset.taxonomy;
    let hierarchy = Hierarchy::new(taxonomy, device);
    let bar = progress(which.len() as u64, "Grad-CAM");
    let mut explained = Vec::new();
    for batch in photographs.loader(None, 1).epoch(which.to_vec(), 0)? {
        let example = &photographs.dataset.examples[batch.index[0]];
        let (tap, output) = net.tapped(&batch.images(device), layer)?;
        let nodes = no_grad(|| {
            let logits = output.logits.detach();
            let nodes = hierarchy.marginalise(&logits, ParentRule::NoisyOr);
            Vec::<f32>::try_from(nodes.sigmoid().view([-1]))
        })?;
        let answer = |node: usize| Answer {
            name: taxonomy.nodes()[node].name.clone(),
            probability: nodes[node],
            label: example.labels[node],
        };
        let likeliest = |among: &mut dyn Iterator<Item = usize>| {
            let mut among: Vec<usize> = among.collect();
            among.sort_by(|&a, &b| nodes[b].total_cmp(&nodes[a]));
            among.truncate(LIKELIEST);
            among
        };
        let present = |&node: &usize| example.labels[node] == Label::Present;
        let named = likeliest(&mut eye_classes(taxonomy));
        let mut classes = Vec::new();
        for &node in &named {
            let logit = output.logits.get(0).get(node as i64);
            classes.push((answer(node), grad_cam(&logit, &tap)?));
        }
        let truth: Vec<usize> = eye_classes(taxonomy).filter(present).collect();
        let missed = truth.iter().filter(|node| !named.contains(node));
        let missed = missed.map(|&node| answer(node)).collect();
        let of_eye = |&node: &usize| taxonomy.nodes()[node].subject == Subject::Eye;
        let diseases = || taxonomy.level(Level::Disease).filter(of_eye);
        let mut parents = likeliest(&mut diseases());
        let there: Vec<usize> = diseases()
            .filter(|node| present(node) && !parents.contains(node))
            .collect();
        parents.extend(there);
        let side = batch.size;
        let photograph = RgbImage::from_raw(side, side, batch.pixels.clone())
            .context("a prepared photograph is square")?;
        explained.push(Explained {
            name: example.image.display().to_string(),
            photograph,
            classes,
            missed,
            parents: parents.into_iter().map(answer).collect(),
            truth: truth
                .into_iter()
                .map(|n| taxonomy.nodes()[n].name.clone())
                .collect(),
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(explained)
}

/// Maps weighed by the mean slope of the logit, what is above nought of their
/// sum, scaled to 1 at its highest. `tap` is 1 x channels x h x h.
fn grad_cam(logit: &Tensor, tap: &Tensor) -> Result<Evidence> {
    let slopes = Tensor::f_run_backward(&[logit], &[tap], true, false)?;
    no_grad(|| {
        let weights = slopes[0].mean_dim([2i64, 3].as_slice(), true, Kind::Float);
        let sum = (tap * weights).sum_dim_intlist(1, false, Kind::Float);
        let cam = sum.clamp_min(0.0);
        let highest = cam.max().clamp_min(1e-12);
        let side = usize::try_from(cam.size()[1])?;
        let flat = (cam / highest).contiguous().view([-1]);
        Ok(Evidence {
            side,
            values: Vec::try_from(flat.to_device(Device::Cpu))?,
        })
    })
}

/// Where a network's features lie in the plane.
pub struct FeatureMap {
    /// Name of the stage.
    pub title: String,
    /// Per photograph the name of the disease it shows, and its place by t-SNE, which has no unit.
    pub places: Vec<(String, (f32, f32))>,
}

/// Validation photographs whose disease is known, with its name.
fn mapped(photographs: &Photographs, config: &RunConfig) -> Vec<(usize, String)> {
    let taxonomy = &photographs.dataset.taxonomy;
    let nodes = taxonomy.nodes();
    let disease = |&i: &usize| {
        let labels = &photographs.dataset.examples[i].labels;
        let mut diseases = taxonomy.level(Level::Disease);
        let shown =
            diseases.find(|&n| nodes[n].subject == Subject::Eye && labels[n] == Label::Present)?;
        Some((i, nodes[shown].name.clone()))
    };
    let val = photographs.indices(Split::Val, &config.validate_on);
    val.iter().filter_map(disease).take(MAPPED).collect()
}

/// t-SNE of the pooled features, the same for the same network and seed.
fn places(
    net: &Net,
    photographs: &Photographs,
    which: &[(usize, String)],
    batch: usize,
    seed: u64,
    device: Device,
) -> Result<Vec<(f32, f32)>> {
    let order: Vec<usize> = which.iter().map(|(i, _)| *i).collect();
    let bar = progress(order.len() as u64, "features");
    let mut features: Vec<Vec<f32>> = Vec::new();
    for batch in photographs.loader(None, batch).epoch(order, seed)? {
        let rows = no_grad(|| net.forward(&batch.images(device), false).features);
        for row in 0..batch.index.len() as i64 {
            features.push(Vec::try_from(rows.get(row).to_device(Device::Cpu))?);
        }
        bar.inc(batch.index.len() as u64);
    }
    bar.finish_and_clear();
    // t-SNE needs three neighbours for each point of perplexity.
    let perplexity = (features.len() as f32 / 4.0).min(30.0);
    if perplexity < 1.0 {
        bail!(
            "the run has {} validation photographs of a known disease: too few for a map of their \
             features",
            features.len()
        );
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let start: Vec<f32> = (0..2 * features.len())
        .map(|_| 1e-2 * (rng.random::<f32>() - 0.5))
        .collect();
    let distance = |a: &Vec<f32>, b: &Vec<f32>| -> f32 {
        let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
        squares.sum::<f32>().sqrt()
    };
    let embedded = bhtsne::tSNE::<f32, Vec<f32>, 2>::new(&features)
        .perplexity(perplexity)
        .epochs(1000)
        .initial_embedding(start)
        .barnes_hut(0.5, distance)
        .embedding();
    Ok(embedded
        .chunks_exact(2)
        .map(|place| (place[0], place[1]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::{channels_last, Arch, Net, Precision};
    use tch::nn;

    fn net() -> (nn::VarStore, Net, Tensor) {
        tch::manual_seed(2);
        let store = nn::VarStore::new(Device::Cpu);
        let net = Net::new(&store.root(), Arch::Resnet18, 5, Precision::Float);
        let x = Tensor::randn([1, 3, 64, 64], (Kind::Float, Device::Cpu));
        (store, net, channels_last(&x))
    }

    #[test]
    fn a_stage_that_learns_no_findings_is_refused_by_name() {
        let stage = |name: &str, task: &str| {
            format!(
                "[[stage]]\nname = \"{name}\"\narch = \"resnet18\"\n\
                 method = {{ kind = \"mtl_kd\", tasks = [\"{task}\"] }}\n"
            )
        };
        let (findings, captions) = (stage("findings", "fine"), stage("captions", "words"));
        let text = format!("name = \"a\"\nsize = 64\n{findings}{captions}");
        let config: RunConfig = toml::from_str(&text).unwrap();
        assert_eq!(stages(&config, &["findings".to_owned()]).unwrap().len(), 1);
        for names in [vec![], vec!["captions".to_owned()]] {
            let said = stages(&config, &names).unwrap_err().to_string();
            assert!(said.contains("`captions` learns no findings"), "{said}");
        }
    }

    #[test]
    fn tapped_anywhere_the_output_is_the_same() {
        let (_store, net, x) = net();
        let expected = no_grad(|| net.forward(&x, false).logits);
        for layer in [None, Some(1), Some(5), Some(8)] {
            let (tap, output) = net.tapped(&x, layer).unwrap();
            let apart = (output.logits - &expected).abs().max().double_value(&[]);
            assert!(apart < 1e-5, "{layer:?}: {apart}");
            assert!(tap.requires_grad());
        }
        assert!(net.tapped(&x, Some(9)).is_err());
        assert!(net.tapped(&x, Some(0)).is_err());
    }

    /// On the last maps of a linear head Grad-CAM is the class activation map.
    #[test]
    fn grad_cam_of_a_linear_head_is_its_activation_map() {
        let (_store, net, x) = net();
        let (tap, output) = net.tapped(&x, None).unwrap();
        let mut seen = 0;
        for class in 0..5 {
            let found = grad_cam(&output.logits.get(0).get(class), &tap).unwrap();
            let expected = no_grad(|| {
                let weights = net.classifier().unwrap().ws.get(class);
                let map = &tap * weights.view([1, -1, 1, 1]);
                let above = map.sum_dim_intlist(1, false, Kind::Float).clamp_min(0.0);
                let highest = above.max().clamp_min(1e-12);
                Vec::<f32>::try_from((above / highest).view([-1])).unwrap()
            });
            assert_eq!(found.side * found.side, expected.len());
            for (found, expected) in found.values.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
                seen += usize::from(*found > 0.0);
            }
        }
        assert!(seen > 0, "nothing speaks for any class");
    }
}
