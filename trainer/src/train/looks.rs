//! What a method may ask about other stages and about photographs.

use std::rc::Rc;

use anyhow::Result;
use tch::{no_grad, Device, Kind, Tensor};

use super::trained;
use crate::config::RunConfig;
use crate::data::Captions;
use crate::methods::{Classes, Looks, Teacher};
use crate::nets::Net;
use crate::photographs::Photographs;
use crate::progress::progress;
use crate::{metrics, predict};

/// What methods ask of a stage in training.
pub struct StageLooks<'a> {
    pub config: &'a RunConfig,
    pub photographs: &'a Photographs,
    pub train: &'a [usize],
    pub validation: &'a [usize],
    pub batch: usize,
    pub device: Device,
}

impl Looks for StageLooks<'_> {
    fn teacher(&self, stage: &str) -> Result<Rc<Teacher>> {
        let stage = self.config.stage_named(stage)?;
        let precision = self.config.training_of(stage).precision;
        let (store, net) = trained(self.config, stage, self.photographs, precision, self.device)?;
        Ok(Rc::new(Teacher::new(store, net)))
    }

    fn classes_of(&self, stage: &str) -> Result<Option<Classes>> {
        Ok(self.config.stage_named(stage)?.classes.clone())
    }

    fn one_extractor(&self, first: &str, second: &str) -> bool {
        self.config.stage_named(second).is_ok_and(|stage| {
            stage.method.settings().keeps_extractor() && stage.from.as_deref() == Some(first)
        })
    }

    fn precisions(&self, net: &Net) -> Result<Vec<Option<f64>>> {
        let (photographs, which) = (self.photographs, self.validation);
        let answers = predict::look(net, photographs, which, None, self.batch, self.device)?;
        let taxonomy = &photographs.dataset.taxonomy;
        Ok(metrics::class_precisions(
            taxonomy,
            &answers.logits,
            &answers.labels,
        ))
    }

    fn captions(&self, vocabulary: usize) -> Captions {
        Captions::of(&self.photographs.dataset, vocabulary)
    }

    fn class_means(&self, net: &Net) -> Result<Tensor> {
        let k = self.photographs.dataset.taxonomy.finest_count() as i64;
        let options = (Kind::Float, self.device);
        let mut sums = Tensor::zeros([k, net.width()], options);
        let mut counts = Tensor::zeros([k, 1], options);
        let bar = progress(self.train.len() as u64, "class means");
        let loader = self.photographs.loader(None, self.batch);
        for batch in loader.epoch(self.train.to_vec(), 0)? {
            let tensors = batch.to_tensors(self.device);
            let (targets, _) = tensors.finest(k);
            no_grad(|| {
                let features = net.forward(&tensors.images, false).features;
                sums += targets.tr().matmul(&features);
                counts += targets.sum_dim_intlist(0, false, Kind::Float).view([-1, 1]);
            });
            bar.inc(batch.index.len() as u64);
        }
        bar.finish_and_clear();
        Ok(sums / counts.clamp_min(1.0))
    }
}
