//! A stage that learns some of the classes.

use anyhow::Result;
use fovea_core::taxonomy::{Label, Subject};
use tch::{Device, Tensor};

use crate::data::TensorBatch;
use crate::methods::{row, Classes};
use crate::photographs::Photographs;

/// The classes that a stage learns, where not all.
pub struct Subset {
    finest: Vec<bool>,
    /// Finest classes of the eye that mean health.
    sound: Vec<usize>,
    /// 1 x n: what may enter a loss. A node above the finest does where all
    /// below it are learned.
    nodes: Tensor,
}

impl Subset {
    pub fn new(classes: &Classes, photographs: &Photographs, device: Device) -> Result<Subset> {
        let taxonomy = &photographs.dataset.taxonomy;
        let finest = classes.among(taxonomy, &photographs.groups)?;
        let mut nodes = finest.clone();
        // Finest first: what is below a node is known before it.
        for node in &taxonomy.nodes()[finest.len()..] {
            nodes.push(node.children.iter().all(|&child| nodes[child]));
        }
        let sound = (0..finest.len()).filter(|&node| {
            let node = &taxonomy.nodes()[node];
            node.subject == Subject::Eye && node.severity == 0
        });
        Ok(Subset {
            sound: sound.collect(),
            nodes: row(&nodes, device),
            finest,
        })
    }

    /// Whether a photograph of these labels is trained on: it shows one of the
    /// classes, or a sound eye to tell them from.
    pub fn takes(&self, labels: &[Label]) -> bool {
        let shown = |node: usize| labels[node] == Label::Present;
        self.sound.iter().any(|&node| shown(node))
            || (0..self.finest.len()).any(|node| self.finest[node] && shown(node))
    }

    /// Whether the finest class `class` is learned.
    pub fn learns(&self, class: usize) -> bool {
        self.finest[class]
    }

    /// Takes what is not learned out of the losses: all other classes, and the composites.
    pub fn hide_others(&self, batch: &mut TensorBatch) {
        batch.mask = &batch.mask * &self.nodes;
        batch.composite_mask = batch.composite_mask.zeros_like();
    }
}
