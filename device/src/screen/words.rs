//! What the screen's values are called in a language.

use fovea_core::decision::ReferralDecision;

use super::model::{Measure, Problem};
use crate::exam::words::{Eye, SkipReason};
use crate::exam::PatientOutcome;
use crate::health::check::Part;
use crate::language::Texts;
use crate::live::Instruction;

impl Texts {
    pub(super) fn eye(&self, eye: Eye) -> &str {
        match eye {
            Eye::Right => &self.eyes.right,
            Eye::Left => &self.eyes.left,
        }
    }

    pub(super) fn skip(&self, reason: SkipReason) -> &str {
        match reason {
            SkipReason::Declined => &self.skips.declined,
            SkipReason::EyeAbsent => &self.skips.eye_absent,
            SkipReason::NotPossible => &self.skips.not_possible,
            SkipReason::UnderTreatment => &self.skips.under_treatment,
        }
    }

    pub(super) fn instruction(&self, instruction: Instruction) -> &str {
        let table = &self.instructions;
        match instruction {
            Instruction::LookForEye => &table.look_for_eye,
            Instruction::Closer => &table.closer,
            Instruction::Centre => &table.centre,
            Instruction::TooDark => &table.too_dark,
            Instruction::TooBright => &table.too_bright,
            Instruction::Blurred => &table.blurred,
            Instruction::HoldStill => &table.hold_still,
            Instruction::NotRetina => &table.not_retina,
            Instruction::Ready => &table.ready,
        }
    }

    pub(super) fn measure(&self, measure: Measure) -> &str {
        match measure {
            Measure::Focus => &self.measures.focus,
            Measure::Light => &self.measures.light,
            Measure::Field => &self.measures.field,
            Measure::Steady => &self.measures.steady,
        }
    }

    pub(super) fn check(&self, part: Part) -> &str {
        match part {
            Part::Bundle => &self.checks.bundle,
            Part::Calibration => &self.checks.calibration,
            Part::Camera => &self.checks.camera,
            Part::Display => &self.checks.display,
            Part::Input => &self.checks.input,
            Part::Store => &self.checks.store,
            Part::Clock => &self.checks.clock,
            Part::Disk => &self.checks.disk,
        }
    }

    pub(super) fn verdict(&self, decision: ReferralDecision) -> &str {
        match decision {
            ReferralDecision::ReferUrgent => &self.verdicts.refer_urgent,
            ReferralDecision::Refer => &self.verdicts.refer,
            ReferralDecision::NoReferableDisease => &self.verdicts.no_referable_disease,
            ReferralDecision::Retake => &self.verdicts.retake,
        }
    }

    pub(super) fn overall(&self, overall: PatientOutcome) -> &str {
        match overall {
            PatientOutcome::ReferUrgent => &self.overall.refer_urgent,
            PatientOutcome::CannotBeGraded => &self.overall.cannot_be_graded,
            PatientOutcome::Refer => &self.overall.refer,
            PatientOutcome::NoVerdict => &self.overall.no_verdict,
            PatientOutcome::NoReferableDisease => &self.overall.no_referable_disease,
        }
    }

    /// What happened, and what is to be done.
    pub(super) fn problem(&self, problem: Problem) -> (&str, &str) {
        let table = &self.problems;
        match problem {
            Problem::CameraLost => (&table.camera_lost, &table.camera_lost_remedy),
            Problem::CaptureFailed => (&table.capture_failed, &table.capture_failed_remedy),
            Problem::CodeTooLong => (&table.code_too_long, &table.code_too_long_remedy),
            Problem::CodeNotTaken => (&table.code_not_taken, &table.code_not_taken_remedy),
            Problem::NoMorePhotographs => (&table.no_more, &table.no_more_remedy),
            Problem::GradingFailed => (&table.grading_failed, &table.grading_failed_remedy),
            Problem::CannotBegin => (&table.cannot_begin, &table.cannot_begin_remedy),
            Problem::DiskFull => (&table.disk_full, &table.disk_full_remedy),
            Problem::SaveFailed => (&table.save_failed, &table.save_failed_remedy),
            Problem::SaveDiskFull => (&table.save_failed, &table.save_disk_full_remedy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::verdict;
    use crate::language::Language;

    #[test]
    fn english_says_what_the_command_line_says() {
        let texts = Texts::of(Language::English);
        for decision in [
            ReferralDecision::ReferUrgent,
            ReferralDecision::Refer,
            ReferralDecision::NoReferableDisease,
            ReferralDecision::Retake,
        ] {
            assert_eq!(
                texts.verdict(decision).to_lowercase(),
                verdict::words(decision)
            );
        }
    }
}
