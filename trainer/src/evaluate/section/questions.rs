//! What the device makes of photographs, beside what their labels answer.

use fovea_core::taxonomy::{ids, Label, Level, Subject};

use super::Surveyor;
use crate::data::truth;
use crate::report::{DecisionScores, NodeScores, QuestionScores, ReferredScores, Share};

impl Surveyor<'_> {
    /// Every composite, finest node and disease of the eye that has both
    /// answers among the photographs, composites first. `referral` and
    /// `referable_dr` are those of the section, `nodes` its nodes.
    pub(super) fn questions(
        &self,
        referral: Option<&DecisionScores>,
        referable_dr: Option<&DecisionScores>,
        nodes: &[NodeScores],
    ) -> Vec<QuestionScores> {
        let judged = self.judged;
        let taxonomy = judged.taxonomy;
        let mut questions = Vec::new();
        for (id, members) in taxonomy.composites() {
            let truth = |p: usize| truth::composite(taxonomy, members, judged.labels(p));
            let scores = match id.as_str() {
                ids::REFERABLE => referral.cloned(),
                ids::REFERABLE_DR => referable_dr.cloned(),
                _ => self
                    .passes(id)
                    .and_then(|passes| self.decision(id, truth, passes)),
            };
            let Some(scores) = scores else { continue };
            let known = judged.comparable(&self.which, truth);
            questions.push(QuestionScores {
                id: id.clone(),
                composite: true,
                positives: scores.positives,
                negatives: scores.negatives,
                auc: scores.auc,
                sensitivity: scores.sensitivity,
                specificity: scores.specificity,
                referred_positives: self.referred(&known, |p| truth(p) == Label::Present),
                referred_negatives: self.referred(&known, |p| truth(p) == Label::Absent),
                ece_after: scores.ece_after,
            });
        }
        for (node, scores) in nodes.iter().enumerate() {
            let told = scores.subject == Subject::Eye && scores.level != Level::Group;
            if !told || !(1..scores.known).contains(&scores.positives) {
                continue;
            }
            let is = |label: Label| move |p: usize| judged.labels(p)[node] == label;
            questions.push(QuestionScores {
                id: scores.id.clone(),
                composite: false,
                positives: scores.positives,
                negatives: scores.known - scores.positives,
                auc: scores.auc,
                sensitivity: scores.sensitivity,
                specificity: scores.specificity,
                referred_positives: self.referred(&self.which, is(Label::Present)),
                referred_negatives: self.referred(&self.which, is(Label::Absent)),
                ece_after: scores.ece_after,
            });
        }
        questions
    }

    /// Whom the device refers without need.
    pub(super) fn referred_of(&self) -> ReferredScores {
        let judged = self.judged;
        let taxonomy = judged.taxonomy;
        let absent = |composite: &str, also: &dyn Fn(&[Label]) -> bool| {
            let members = taxonomy.composite(composite)?;
            self.referred(&self.which, |p| {
                let labels = judged.labels(p);
                truth::composite(taxonomy, members, labels) == Label::Absent && also(labels)
            })
        };
        let referable = taxonomy.composite(ids::REFERABLE).unwrap_or_default();
        let nothing_found = |labels: &[Label]| {
            truth::composite(taxonomy, referable, labels) != Label::Present
                && !truth::may_be_one_of(taxonomy, referable, labels)
        };
        let not_referable = absent(ids::REFERABLE, &|_| true);
        let no_referable_dr = absent(ids::REFERABLE_DR, &nothing_found);
        let normal = judged.taxonomy.index("normal");
        ReferredScores {
            dr_only: not_referable.is_none() && no_referable_dr.is_some(),
            not_referable: not_referable.or(no_referable_dr),
            healthy: normal.and_then(|normal| {
                self.referred(&self.which, |p| judged.labels(p)[normal] == Label::Present)
            }),
        }
    }

    /// Share of the photographs that `wanted` picks which the device refers;
    /// `None` without such photographs or without a calibration.
    fn referred(&self, which: &[usize], wanted: impl Fn(usize) -> bool) -> Option<Share> {
        if !self.calibrated {
            return None;
        }
        let picked: Vec<usize> = which.iter().copied().filter(|&p| wanted(p)).collect();
        let referred = picked.iter().filter(|&&p| self.judged.referred[p]).count();
        Share::of(referred as u32, picked.len() as u32)
    }
}
