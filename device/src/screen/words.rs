//! Everything the screen says, in each language: one file each.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use fovea_core::decision::ReferralDecision;
use fovea_core::gate::GateReason;
use fovea_core::taxonomy::Node;
use serde::Deserialize;

use super::model::{Measure, Problem};
use crate::exam::words::{Eye, SkipReason};
use crate::exam::Overall;
use crate::health::check::Part;
use crate::language::{tables, Language, Once, Reasons, Refusals, Wording};
use crate::live::Instruction;

/// Everything the screen says in one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// The language's own name for itself.
    pub(super) name: String,
    /// Its code of ISO 639.
    code: String,
    pub(super) common: Common,
    pub(super) eyes: Eyes,
    pub(super) skips: Skips,
    pub(super) instructions: Instructions,
    pub(super) measures: Measures,
    pub(super) checks: Checks,
    pub(super) verdicts: Verdicts,
    pub(super) overall: Overalls,
    pub(super) refusals: Refusals,
    pub(super) remedies: Refusals,
    pub(super) ready: Ready,
    pub(super) locked: Locked,
    pub(super) patient: Patient,
    pub(super) live: Live,
    pub(super) grading: Grading,
    pub(super) result: Result,
    reasons: Reasons,
    pub(super) refused: Refused,
    pub(super) ungradable: Ungradable,
    pub(super) skip: Skip,
    pub(super) summary: Summary,
    pub(super) save: Save,
    pub(super) today: Today,
    pub(super) settings: Settings,
    pub(super) problems: Problems,
    pub(super) warning: Warning,
    /// The findings' names by the taxonomy's node ids. A finding without one
    /// is shown under the taxonomy's own name, which is English.
    #[serde(default)]
    findings: BTreeMap<String, String>,
}

tables! {
    /// What several views say.
    Common { back, go_on, retake, end, research, no_id }
    Eyes { right, left }
    Skips { declined, eye_absent, not_possible, under_treatment }
    /// What the operator is to do at the live picture.
    Instructions {
        look_for_eye, closer, centre, too_dark, too_bright, blurred, hold_still, not_retina, ready,
    }
    /// The bars beside the live picture.
    Measures { focus, light, field, steady }
    /// The parts of the self-test.
    Checks { bundle, calibration, camera, display, input, store, clock, disk }
    Verdicts { refer_urgent, refer, no_referable_disease, retake }
    Overalls { refer_urgent, cannot_be_graded, refer, no_verdict, no_referable_disease }
    Ready { start, today, settings, testing, not_ready, saved_one, saved_many, ended_early }
    Locked { title, hint }
    Patient {
        title, hint, id, age, note, erase, space,
    }
    Live { capture, skip, waiting, taking, automatic }
    Grading { title, hint }
    Result {
        attention, photograph, evidence, findings, more, more_positive, made_by,
    }
    Refused { attempt, skip }
    Ungradable { why, hint }
    Skip { title, hint }
    Summary { save, one_eye, no_eye, photograph, again, not_examined, pending, skipped, refused }
    Save { saving, saving_hint, saved, saved_hint, number, next, home }
    Today { title, none, damaged, hint, up, down, range, number, age }
    Settings {
        title, language, automatic, on, off, device, version, model, calibration,
        profile, disk,
    }
    Problems {
        camera_lost, camera_lost_remedy, capture_failed, capture_failed_remedy, no_more, no_more_remedy,
        code_too_long, code_too_long_remedy, code_not_taken, code_not_taken_remedy,
        grading_failed, grading_failed_remedy, cannot_begin, cannot_begin_remedy, disk_full,
        disk_full_remedy, save_failed, save_failed_remedy, try_again, understood,
    }
    Warning { title, looks, chosen }
}

impl Texts {
    /// What the screen says in `language`.
    pub fn of(language: Language) -> &'static Texts {
        static EACH: Once<Texts> = [const { OnceLock::new() }; Language::ALL.len()];
        language.read_once(&EACH)
    }

    /// What it says of a verdict.
    pub(super) fn wording(&self) -> Wording<'_> {
        Wording {
            refusals: &self.refusals,
            remedies: &self.remedies,
            reasons: &self.reasons,
        }
    }

    /// The language's own name for itself.
    pub fn language(&self) -> &str {
        &self.name
    }

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

    pub(super) fn overall(&self, overall: Overall) -> &str {
        match overall {
            Overall::ReferUrgent => &self.overall.refer_urgent,
            Overall::CannotBeGraded => &self.overall.cannot_be_graded,
            Overall::Refer => &self.overall.refer,
            Overall::NoVerdict => &self.overall.no_verdict,
            Overall::NoReferableDisease => &self.overall.no_referable_disease,
        }
    }

    /// Why a photograph was refused.
    pub(super) fn refusal(&self, reason: GateReason) -> &str {
        self.refusals.of(reason)
    }

    /// What to do about it.
    pub(super) fn remedy(&self, reason: GateReason) -> &str {
        self.remedies.of(reason)
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
        }
    }

    /// What a node of a taxonomy is called in this language: by the taxonomy, else
    /// by the language's own table, else in English.
    pub(super) fn finding<'a>(&'a self, node: &'a Node) -> &'a str {
        let translated = node.names.get(&self.code);
        let translated = translated.or_else(|| self.findings.get(&node.id));
        translated.unwrap_or(&node.name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fovea_core::taxonomy::Taxonomy;

    use super::*;
    use crate::grade::verdict;

    /// Every text of a language under its path, but for the findings' names.
    fn texts(language: Language) -> BTreeMap<String, String> {
        fn collect(path: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
            for (key, value) in table {
                let path = format!("{path}.{key}");
                match value {
                    toml::Value::Table(table) => collect(&path, table, into),
                    toml::Value::String(text) => {
                        into.insert(path, text.clone());
                    }
                    other => panic!("{path} is {other}, not a text"),
                }
            }
        }
        let mut table: toml::Table = language.source().parse().unwrap();
        table.remove("findings");
        let mut texts = BTreeMap::new();
        collect("", &table, &mut texts);
        texts
    }

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').expect("a closing brace").0)
            .collect()
    }

    #[test]
    fn every_language_says_the_same_with_the_same_placeholders() {
        let english = texts(Language::English);
        for language in Language::ALL {
            let own = texts(language);
            assert_eq!(
                english.keys().collect::<Vec<_>>(),
                own.keys().collect::<Vec<_>>(),
                "{language:?}"
            );
            for (key, text) in &own {
                assert!(!text.trim().is_empty(), "{language:?} {key}");
                assert_eq!(
                    placeholders(text),
                    placeholders(&english[key]),
                    "{language:?} {key}"
                );
            }
            assert_eq!(Texts::of(language).language(), own[".name"]);
            let code = serde_json::to_value(language).unwrap();
            assert_eq!(code, own[".code"].as_str());
        }
    }

    #[test]
    fn a_key_too_many_or_too_few_is_refused() {
        let source = Language::English.source();
        let more = source.replace("[eyes]", "[eyes]\nmiddle = \"Middle\"");
        let error = toml::from_str::<Texts>(&more).unwrap_err().to_string();
        assert!(error.contains("middle"), "{error}");
        let fewer = source.replace("right = ", "# right = ");
        let error = toml::from_str::<Texts>(&fewer).unwrap_err().to_string();
        assert!(error.contains("right"), "{error}");
    }

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

    #[test]
    fn every_finding_has_a_spanish_name_and_no_name_is_for_nothing() {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let names = &Texts::of(Language::Spanish).findings;
        for node in taxonomy.nodes() {
            assert!(names.contains_key(&node.id), "{}", node.id);
        }
        for id in names.keys() {
            assert!(taxonomy.index(id).is_some(), "{id}");
        }
        let texts = Texts::of(Language::English);
        let node = |id: &str| taxonomy.nodes()[taxonomy.index(id).unwrap()].clone();
        assert_eq!(texts.finding(&node("pdr")), "Proliferative DR");
        let spanish = Texts::of(Language::Spanish);
        let mut pdr = node("pdr");
        assert_eq!(spanish.finding(&pdr), names["pdr"]);
        // What the taxonomy itself says is nearer to what was graded.
        pdr.names
            .insert("es".to_owned(), "RD con vasos nuevos".to_owned());
        assert_eq!(spanish.finding(&pdr), "RD con vasos nuevos");
        assert_eq!(texts.finding(&pdr), "Proliferative DR");
    }
}
