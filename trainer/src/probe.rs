//! What the student could go by without looking at the disease: whether its
//! features tell the sources apart, and how much of its evidence lies on the
//! rim of the field.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use fovea_core::taxonomy::{ids, Label, Subject};
use serde::{Deserialize, Serialize};
use tch::{no_grad, Device, Kind, Tensor};

use crate::data::{deal, Example, Fractions, Origin, Split};
use crate::metrics::{auc, mean};
use crate::nets::Net;
use crate::photographs::Photographs;
use crate::progress::progress;
use crate::report::{percent, Table};

/// Composite whose evidence is looked at.
const EVIDENCE_FOR: &str = ids::REFERABLE_DR;
/// Where the rim begins, as a share of the field's radius.
const RIM: f64 = 0.9;
/// Side at which evidence is summed: the maps are too coarse for the rim.
const FINE: i64 = 160;
/// Healthy photographs of a source that each half must hold.
const LEAST: usize = 5;
/// Weight of half the squared length of the probe's weights, beside the mean
/// loss.
const PENALTY: f64 = 0.01;
const STEPS: usize = 500;

/// The shortcut report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Mean AUC over the sources, each against all others, of a linear probe on healthy eyes of
    /// patients it was not fitted on; 0.5 tells nothing. `None` with fewer than two sources to tell
    /// apart.
    pub mean_auc: Option<f64>,
    /// Share of the field's area that the rim has, 0..1.
    pub rim_area: f64,
    /// Share of the positive evidence for referable diabetic retinopathy that lies on the rim,
    /// 0..1; `None` where there is no evidence.
    pub rim_evidence: Option<f64>,
    /// In the order of their names.
    pub sources: Vec<ProbedSource>,
}

/// What the probe found on the validation photographs of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbedSource {
    /// Name of the source.
    pub source: String,
    /// Validation photographs.
    pub photographs: usize,
    /// Of these, with no known disease.
    pub healthy: usize,
    /// AUC of the probe, of this source against all others, 0..1; `None` where a half of its
    /// patients has fewer than five healthy photographs, or there is no other source to tell it
    /// from.
    pub auc: Option<f64>,
    /// As [`Probe::rim_evidence`], over the photographs of this source.
    pub rim_evidence: Option<f64>,
}

/// Probes `net` on the validation photographs of all sources, `batch` to a forward pass.
///
/// # Errors
/// There is no validation photograph, the taxonomy lacks `referable_dr`, or the head of `net` is
/// not linear.
pub fn probe(net: &Net, photographs: &Photographs, batch: usize, device: Device) -> Result<Probe> {
    let dataset = &photographs.dataset;
    let members = dataset
        .taxonomy
        .composite(EVIDENCE_FOR)
        .with_context(|| format!("the taxonomy has no composite `{EVIDENCE_FOR}` to probe"))?;
    let members: Vec<i64> = members.iter().map(|&node| node as i64).collect();
    let members = Tensor::from_slice(&members).to_device(device);
    let mut which = photographs.indices(Split::Val, &[]);
    which.retain(|&i| dataset.examples[i].origin == Origin::File);
    anyhow::ensure!(
        !which.is_empty(),
        "there is no validation photograph to probe on; give the run a validation split"
    );
    let loader = photographs.loader(None, batch);
    let (field, rim) = masks(FINE);
    let (field_on, rim_on) = (field.to_device(device), rim.to_device(device));
    let classifier = net.classifier()?.ws.index_select(0, &members);
    let bar = progress(which.len() as u64, "probe");
    let mut features = Vec::new();
    let mut evidence: Vec<(f64, f64)> = Vec::new();
    for batch in loader.epoch(which.clone(), 0)? {
        let images = batch.images(device);
        no_grad(|| -> Result<()> {
            let maps = net.maps(&images, false);
            let pooled = maps.mean_dim([2i64, 3].as_slice(), false, Kind::Float);
            features.push(pooled.to_device(Device::Cpu));
            let on_rim = rim_mass(&maps, &classifier, &rim_on)?;
            let in_field = rim_mass(&maps, &classifier, &field_on)?;
            evidence.extend(on_rim.into_iter().zip(in_field));
            Ok(())
        })?;
        bar.inc(batch.index.len() as u64);
    }
    bar.finish_and_clear();

    let examples: Vec<&Example> = which.iter().map(|&i| &dataset.examples[i]).collect();
    let healthy: Vec<usize> = (0..examples.len())
        .filter(|&i| no_disease_known(photographs, examples[i]))
        .collect();
    let people: Vec<(&str, &str)> = healthy
        .iter()
        .map(|&i| (examples[i].source.as_str(), examples[i].patient.as_str()))
        .collect();
    let rows: Vec<i64> = healthy.iter().map(|&i| i as i64).collect();
    let chosen = Tensor::cat(&features, 0).index_select(0, &Tensor::from_slice(&rows));
    let told = tell_apart(&chosen, &people)?;
    let mut sources: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, example) in examples.iter().enumerate() {
        sources.entry(&example.source).or_default().push(i);
    }
    let share = |of: &[usize]| {
        let sum = |pick: fn(&(f64, f64)) -> f64| of.iter().map(|&i| pick(&evidence[i])).sum();
        let (rim, all): (f64, f64) = (sum(|e| e.0), sum(|e| e.1));
        (all > 0.0).then(|| rim / all)
    };
    let all: Vec<usize> = (0..examples.len()).collect();
    Ok(Probe {
        mean_auc: mean(told.values().map(|auc| Some(*auc))),
        rim_area: rim.sum(Kind::Double).double_value(&[])
            / field.sum(Kind::Double).double_value(&[]),
        rim_evidence: share(&all),
        sources: sources
            .into_iter()
            .map(|(source, of)| ProbedSource {
                source: source.to_owned(),
                photographs: of.len(),
                healthy: people.iter().filter(|(s, _)| *s == source).count(),
                auc: told.get(source).copied(),
                rim_evidence: share(&of),
            })
            .collect(),
    })
}

/// Something of the eye was ruled out and nothing found but that it is normal.
fn no_disease_known(photographs: &Photographs, example: &Example) -> bool {
    let nodes = photographs.dataset.taxonomy.nodes();
    let eye = || {
        let both = nodes.iter().zip(&example.labels);
        both.filter(|(node, _)| node.subject == Subject::Eye)
    };
    eye().any(|(_, label)| *label == Label::Absent)
        && eye().all(|(node, label)| *label != Label::Present || node.severity == 0)
}

/// FINE x FINE, 1 in the field and 1 on its rim, else 0.
fn masks(side: i64) -> (Tensor, Tensor) {
    let half = side as f64 / 2.0;
    let radius = |i: i64| {
        let (x, y) = ((i % side) as f64 + 0.5, (i / side) as f64 + 0.5);
        (x - half).hypot(y - half) / half
    };
    let mask = |from: f64| {
        let inside = |i| f32::from(u8::from(radius(i) > from && radius(i) <= 1.0));
        let values: Vec<f32> = (0..side * side).map(inside).collect();
        Tensor::from_slice(&values).view([side, side])
    };
    (mask(-1.0), mask(RIM))
}

/// For each photograph the positive evidence under `mask` (side x side): class
/// activation maps (Zhou et al. 2016) of the `classifier` rows (k x width) over
/// `maps` (B x width x h x w), each without its negative part, summed.
fn rim_mass(maps: &Tensor, classifier: &Tensor, mask: &Tensor) -> Result<Vec<f64>> {
    let (k, width) = (classifier.size()[0], classifier.size()[1]);
    let weight = classifier.reshape([k, width, 1, 1]);
    let positive = maps
        .conv2d::<Tensor>(&weight, None, 1, 0, 1, 1)
        .relu()
        .sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
    let fine = positive.upsample_bilinear2d(mask.size(), false, None, None) * mask;
    let mass = fine.sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Double);
    Ok(Vec::try_from(mass.to_device(Device::Cpu))?)
}

/// AUC per source, each against all others, of a logistic regression with an
/// L2 penalty on `features` (n x width). `people` are source and patient by
/// row: it is fitted on half of the patients and asked about the other half.
/// Sources with fewer than [`LEAST`] rows in a half are left out, and nothing
/// is told of one source alone.
fn tell_apart(features: &Tensor, people: &[(&str, &str)]) -> Result<BTreeMap<String, f64>> {
    let halves = Fractions {
        train: 0.5,
        val: 0.0,
        test: 0.5,
    };
    let fitted_on: Vec<bool> = people
        .iter()
        .map(|(source, patient)| deal(&format!("probe {source}"), patient, halves) == Split::Train)
        .collect();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for ((source, _), &fit) in people.iter().zip(&fitted_on) {
        let count = counts.entry(source).or_default();
        match fit {
            true => count.0 += 1,
            false => count.1 += 1,
        }
    }
    counts.retain(|_, count| count.0 >= LEAST && count.1 >= LEAST);
    if counts.len() < 2 {
        return Ok(BTreeMap::new());
    }
    let names: Vec<&str> = counts.into_keys().collect();
    let half = |fit: bool| -> Vec<usize> {
        let rows = 0..people.len();
        rows.filter(|&i| fitted_on[i] == fit && names.contains(&people[i].0))
            .collect()
    };
    let rows = |which: &[usize]| {
        let which: Vec<i64> = which.iter().map(|&i| i as i64).collect();
        features.index_select(0, &Tensor::from_slice(&which))
    };
    let is = |which: &[usize], name: &str| -> Vec<bool> {
        which.iter().map(|&i| people[i].0 == name).collect()
    };
    let (train, test) = (half(true), half(false));
    let x = rows(&train);
    let centre = x.mean_dim([0i64].as_slice(), true, Kind::Float);
    let spread = x.std_dim([0i64].as_slice(), false, true) + 1e-6;
    let scaled = |x: Tensor| (x - &centre) / &spread;
    let columns: Vec<Tensor> = names
        .iter()
        .map(|name| {
            let targets: Vec<f32> = is(&train, name)
                .into_iter()
                .map(|is| f32::from(u8::from(is)))
                .collect();
            Tensor::from_slice(&targets)
        })
        .collect();
    let (weights, bias) = logistic(&scaled(x), &Tensor::stack(&columns, 1));
    let answers = scaled(rows(&test)).matmul(&weights) + bias;
    let mut told = BTreeMap::new();
    for (k, name) in names.iter().enumerate() {
        let scores: Vec<f32> = Vec::try_from(answers.select(1, k as i64).contiguous())?;
        let auc = auc(&scores, &is(&test, name));
        told.extend(auc.map(|auc| ((*name).to_owned(), auc)));
    }
    Ok(told)
}

/// Weights (width x k) and biases (k) of k logistic regressions of `targets`
/// (n x k, 0 or 1) on `x` (n x width), by Nesterov's descent.
fn logistic(x: &Tensor, targets: &Tensor) -> (Tensor, Tensor) {
    let n = x.size()[0] as f64;
    // The step that the largest curvature allows, found by the power method.
    let mut direction = Tensor::ones([x.size()[1], 1], (Kind::Float, Device::Cpu));
    let mut largest = 1.0;
    for _ in 0..30 {
        let next = x.tr().matmul(&x.matmul(&direction));
        largest = next.norm().double_value(&[]) / direction.norm().double_value(&[]).max(1e-12);
        direction = &next / next.norm();
    }
    let step = 1.0 / (0.25 * (1.1 * largest / n + 1.0) + PENALTY);
    let mut weights = Tensor::zeros([x.size()[1], targets.size()[1]], (Kind::Float, Device::Cpu));
    let mut bias = Tensor::zeros([targets.size()[1]], (Kind::Float, Device::Cpu));
    let (mut weights_ahead, mut bias_ahead) = (weights.copy(), bias.copy());
    for at in 0..STEPS {
        let wrong = (x.matmul(&weights_ahead) + &bias_ahead).sigmoid() - targets;
        let slope = x.tr().matmul(&wrong) / n + &weights_ahead * PENALTY;
        let next = &weights_ahead - slope * step;
        let next_bias = &bias_ahead - wrong.mean_dim([0i64].as_slice(), false, Kind::Float) * step;
        let momentum = at as f64 / (at as f64 + 3.0);
        weights_ahead = &next + (&next - &weights) * momentum;
        bias_ahead = &next_bias + (&next_bias - &bias) * momentum;
        (weights, bias) = (next, next_bias);
    }
    (weights, bias)
}

impl Probe {
    /// An aligned table, in percent.
    pub fn to_text(&self) -> String {
        let mut table = Table::new(&[
            "source",
            "photographs",
            "healthy",
            "told by features, AUC",
            "evidence on the rim",
        ]);
        for source in &self.sources {
            table.row([
                source.source.clone(),
                source.photographs.to_string(),
                source.healthy.to_string(),
                percent(source.auc),
                percent(source.rim_evidence),
            ]);
        }
        table.row([
            "mean, all".to_owned(),
            String::new(),
            String::new(),
            percent(self.mean_auc),
            percent(self.rim_evidence),
        ]);
        format!(
            "Shortcuts, on the validation photographs, in percent. Healthy: something was ruled out and\n\
             no disease is known of. Told by features: a linear probe on the student's pooled features\n\
             tells the source of a healthy eye from all others (50 tells nothing). On the rim: share of\n\
             the positive evidence for {EVIDENCE_FOR} beyond {RIM} of the field's radius, which has {} of\n\
             the field's area.\n{}",
            percent(Some(self.rim_area)),
            table.to_text()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_hold_the_source_are_found_out() {
        tch::manual_seed(3);
        let names: Vec<String> = (0..240).map(|i| (i / 2).to_string()).collect();
        let sources = ["aptos", "idrid", "odir"];
        let people: Vec<(&str, &str)> = names
            .iter()
            .enumerate()
            .map(|(i, name)| (sources[i % 3], name.as_str()))
            .collect();
        let noise = Tensor::randn([240, 20], (Kind::Float, Device::Cpu));
        let blind = tell_apart(&noise, &people).expect("three sources");
        assert_eq!(blind.len(), 3);
        let blind = mean(blind.values().map(|v| Some(*v))).expect("defined");
        assert!((0.35..0.65).contains(&blind), "{blind}");
        let place: Vec<f32> = (0..240 * 20)
            .map(|i| if i % 20 == (i / 20) % 3 { 4.0 } else { 0.0 })
            .collect();
        let plain = noise + Tensor::from_slice(&place).view([240, 20]);
        let told = tell_apart(&plain, &people).expect("three sources");
        assert!(told.values().all(|&auc| auc > 0.97), "{told:?}");
        let one: Vec<(&str, &str)> = people.iter().map(|(_, name)| ("odir", *name)).collect();
        assert!(tell_apart(&plain, &one)
            .expect("nothing to tell")
            .is_empty());
    }

    #[test]
    fn evidence_on_the_rim_is_measured_against_its_area() {
        let (field, rim) = masks(FINE);
        let area =
            rim.sum(Kind::Double).double_value(&[]) / field.sum(Kind::Double).double_value(&[]);
        assert!((area - (1.0 - RIM * RIM)).abs() < 0.01, "{area}");
        // Two classes; the second has only evidence against it.
        let classifier = Tensor::from_slice(&[1.0f32, 0.0, 0.0, -1.0]).view([2, 2]);
        let share = |maps: &Tensor| {
            let mass = |mask| rim_mass(maps, &classifier, mask).expect("a mass")[0];
            mass(&rim) / mass(&field)
        };
        let even = Tensor::ones([1, 2, 8, 8], (Kind::Float, Device::Cpu));
        assert!((share(&even) - area).abs() < 1e-6);
        let mut middle = vec![0.0f32; 2 * 64];
        middle[3 * 8 + 3] = 1.0;
        let middle = Tensor::from_slice(&middle).view([1, 2, 8, 8]);
        assert!(share(&middle) < 1e-6);
        let mut edge = vec![0.0f32; 2 * 64];
        edge[3 * 8] = 1.0;
        let edge = Tensor::from_slice(&edge).view([1, 2, 8, 8]);
        assert!(share(&edge) > 2.0 * area, "{}", share(&edge));
    }
}
