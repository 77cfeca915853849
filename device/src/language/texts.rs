//! Everything that a language has words for, as its file holds it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use fovea_core::gate::GateReason;
use fovea_core::taxonomy::Node;
use serde::Deserialize;

#[cfg(doc)]
use super::InWords;
use super::Language;

/// Tables of texts. Every key must be there and no other may be.
macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident { $($key:ident),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $table {
                $(pub(crate) $key: String,)+
            }
        )+
    };
}

/// Everything that is said in one language. What a value is called in it stands
/// beside the value, as methods of this type or as its [`InWords`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// The language's own name for itself.
    pub(crate) name: String,
    /// Its code of ISO 639.
    code: String,
    pub(crate) common: Common,
    pub(crate) eyes: Eyes,
    pub(crate) skips: Skips,
    pub(crate) instructions: Instructions,
    pub(crate) measures: Measures,
    pub(crate) checks: Checks,
    pub(crate) verdicts: Verdicts,
    pub(crate) overall: Overalls,
    pub(crate) refusals: Refusals,
    pub(crate) remedies: Refusals,
    pub(crate) ready: Ready,
    pub(crate) locked: Locked,
    pub(crate) patient: Patient,
    pub(crate) keyboard: Keyboard,
    pub(crate) live: Live,
    pub(crate) grading: Grading,
    pub(crate) result: Result,
    pub(crate) reasons: Reasons,
    pub(crate) refused: Refused,
    pub(crate) ungradable: Ungradable,
    pub(crate) skip: Skip,
    pub(crate) summary: Summary,
    pub(crate) save: Save,
    pub(crate) today: Today,
    pub(crate) settings: Settings,
    pub(crate) problems: Problems,
    pub(crate) warning: Warning,
    pub(crate) self_test: SelfTest,
    pub(crate) camera: Cameras,
    pub(crate) controls: Controls,
    pub(crate) camera_errors: CameraErrors,
    pub(crate) pictures: Pictures,
    pub(crate) file_faults: FileFaults,
    pub(crate) display: Displays,
    pub(crate) input: Inputs,
    pub(crate) store: Stores,
    pub(crate) store_errors: StoreErrors,
    pub(crate) damage: Damages,
    pub(crate) room: Rooms,
    pub(crate) causes: Causes,
    /// The findings' names by the taxonomy's node ids. A finding without one
    /// is shown under the taxonomy's own name, which is English.
    #[serde(default)]
    pub(crate) findings: BTreeMap<String, String>,
}

/// The keyboard on the screen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyboard {
    /// The first three rows, of at most ten keys.
    pub(crate) rows: [String; 3],
    /// The fourth row where a number is written: at most nine keys, then the one
    /// that erases.
    pub(crate) number: String,
    /// The fourth row where a note is written: at most eight keys, then space
    /// and the one that erases.
    pub(crate) note: String,
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
        attention, photograph, evidence, findings, more, more_positive, words, made_by,
    }
    Refused { attempt, skip, stands }
    Ungradable { why, hint }
    Skip { title, hint }
    Summary {
        save, one_eye, no_eye, photograph, again, not_examined, pending, skipped, refused,
        likeliest,
    }
    Save { saving, saving_hint, saved, saved_hint, number, next, home }
    Today { title, none, damaged, unread, hint, up, down, range, number, age }
    Settings {
        title, language, automatic, on, off, device, version, model, calibration,
        profile, disk,
    }
    Problems {
        camera_lost, camera_lost_remedy, capture_failed, capture_failed_remedy, no_more, no_more_remedy,
        code_too_long, code_too_long_remedy, code_not_taken, code_not_taken_remedy,
        grading_failed, grading_failed_remedy, cannot_begin, cannot_begin_remedy, disk_full,
        disk_full_remedy, save_failed, save_failed_remedy, save_disk_full_remedy, try_again, understood,
    }
    Warning { title, looks, chosen }
    /// Why a photograph was refused, or what to do about it.
    Refusals {
        ok, non_fundus, too_dark, too_bright, blurred, field_of_view, artefact, unreadable,
        several_fields, not_colour, too_small, student_failed,
    }
    /// Why a verdict is what it is.
    Reasons {
        refers, refers_open, urgent, urgent_open, any_referable, any_likeliest, nearest, none_referable,
        not_referred, nothing_looked_for, file, student,
    }
    /// What the self-test found.
    SelfTest {
        grades, no_probabilities, refuses_eye, accepts_black, no_drawn_eye, no_student,
        student_broke_down, student_gone, calibrated, not_measured, pixels_only,
        no_calibration, profile, no_profile, profile_unusable, connecting, display_gone,
        no_display, display_not_tried, nothing_to_touch, no_input, no_store, store_gone,
        writable, can_be_made, not_writable, clock_right, clock_before_built,
        clock_beyond_life, clock_before_exam,
    }
    /// What a camera is.
    Cameras {
        v4l, v4l_photographs, folder, drawn, no_formats, impossible_sizes,
    }
    /// What can be set at a camera.
    Controls {
        exposure, gain, focus, white_balance, range, or_auto,
    }
    /// Why there is no picture.
    CameraErrors {
        missing, none_found, unplugged, busy, setting_up, no_permission, no_camera, planes,
        no_format, stalled, wrong_size, corrupt, no_control, control_refused, driver_open,
        driver_tell, driver_change_format, driver_set_control, driver_start,
        driver_send_picture, broke_down, broke_down_saying, profile, empty_folder,
        no_folder, photograph,
    }
    /// Why the bytes of a camera are no picture.
    Pictures {
        wrong_size, short, odd_size, narrow_rows, no_jpeg, ends_early, marked, damaged,
    }
    /// What is wrong with a photograph's file.
    FileFaults {
        io, not_a_file, empty, file_too_large, unknown_format, other_format, no_pixels,
        too_many_pixels, too_much_memory, truncated, damaged, first_is_black, unsupported,
    }
    /// What a display is.
    Displays {
        screen, window, pictures, pictures_to_be_made, picture, turned,
    }
    /// What is touched and typed on.
    Inputs {
        none, window, nothing_yet, nameless, keyboard, scanner,
    }
    /// What there is of a store.
    Stores {
        exams_one, exams_many, migrates, half_written_one, half_written_many,
    }
    /// Why the store cannot do what it was asked for.
    StoreErrors {
        in_use, missing, foreign, newer, older, damaged, unreadable, full, target_full,
        ended, no_photograph, encode_exam, encode_photograph, read, write, occupied,
        inside_store, database,
    }
    /// What of a database is damaged.
    Damages {
        missing, empty, no_hash, said,
    }
    /// How much room there is for exams.
    Rooms {
        enough, scarce, full,
    }
    /// Why the device could not do what an exam asked for.
    Causes {
        camera_busy, store_silent, store_broke_down,
    }
}

impl Texts {
    /// What is said in `language`.
    pub fn of(language: Language) -> &'static Texts {
        static EACH: [OnceLock<Texts>; Language::ALL.len()] =
            [const { OnceLock::new() }; Language::ALL.len()];
        // The files are compiled in: they are whole, or no test passes.
        EACH[language as usize]
            .get_or_init(|| toml::from_str(language.source()).expect("a file of texts is whole"))
    }

    /// The language's own name for itself.
    pub fn language(&self) -> &str {
        &self.name
    }

    /// Why a photograph was refused.
    pub(crate) fn refusal(&self, reason: GateReason) -> &str {
        self.refusals.of(reason)
    }

    /// What to do about it.
    pub(crate) fn remedy(&self, reason: GateReason) -> &str {
        self.remedies.of(reason)
    }

    /// Why a photograph was refused and what to do about it, as one sentence.
    pub(crate) fn advice(&self, reason: GateReason) -> String {
        let (refusal, remedy) = (self.refusal(reason), self.remedy(reason));
        format!("{refusal}: {}", lowered(remedy))
    }

    /// What a node of a taxonomy is called in this language: by the taxonomy, else
    /// by the language's own table, else in English.
    pub(crate) fn finding<'a>(&'a self, node: &'a Node) -> &'a str {
        let translated = node.names.get(&self.code);
        let translated = translated.or_else(|| self.findings.get(&node.id));
        translated.unwrap_or(&node.name)
    }
}

/// `text` as it reads in the middle of a sentence.
fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

impl Refusals {
    fn of(&self, reason: GateReason) -> &str {
        match reason {
            GateReason::Ok => &self.ok,
            GateReason::NonFundus => &self.non_fundus,
            GateReason::TooDark => &self.too_dark,
            GateReason::TooBright => &self.too_bright,
            GateReason::Blurred => &self.blurred,
            GateReason::FieldOfView => &self.field_of_view,
            GateReason::Artefact => &self.artefact,
            GateReason::Unreadable => &self.unreadable,
            GateReason::SeveralFields => &self.several_fields,
            GateReason::NotColour => &self.not_colour,
            GateReason::TooSmall => &self.too_small,
            GateReason::StudentFailed => &self.student_failed,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use fovea_core::taxonomy::Taxonomy;

    use super::*;

    /// Every text of a language under its path, but for the findings' names and
    /// the keys.
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
        table.remove("keyboard");
        let mut texts = BTreeMap::new();
        collect("", &table, &mut texts);
        texts
    }

    /// What a library said in English: another language may leave it out, or say the
    /// fault in its own words.
    const DETAIL: &str = "detail";
    const FAULT: &str = "fault";

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
                let mut expected = placeholders(&english[key]);
                let mut own = placeholders(text);
                if !own.contains(DETAIL) && expected.remove(DETAIL) {
                    own.remove(FAULT);
                }
                assert_eq!(own, expected, "{language:?} {key}");
            }
            assert_eq!(Texts::of(language).language(), own[".name"]);
            let code = serde_json::to_value(language).unwrap();
            assert_eq!(code, own[".code"].as_str());
        }
    }

    /// Words that English sentences are made of and no other language has.
    const ENGLISH: [&str; 30] = [
        "and", "again", "are", "be", "been", "by", "cannot", "check", "for", "from", "has", "is",
        "it", "its", "of", "off", "on", "or", "that", "the", "there", "this", "to", "was", "were",
        "which", "with", "without", "yet", "you",
    ];

    /// Without what stands between backquotes or in braces: commands and values.
    pub(crate) fn english_words(text: &str) -> Vec<&str> {
        let prose = text.split('`').step_by(2);
        let prose = prose.flat_map(|part| part.split('{').map(after_value));
        prose
            .flat_map(|part| part.split(|letter: char| !letter.is_alphanumeric()))
            .filter(|word| ENGLISH.contains(&word.to_lowercase().as_str()))
            .collect()
    }

    fn after_value(part: &str) -> &str {
        part.split_once('}').map_or(part, |(_, after)| after)
    }

    #[test]
    fn no_other_language_says_anything_in_english() {
        assert_eq!(english_words("`of` {the} no, IT"), ["IT"]);
        let english = texts(Language::English);
        // Numbers, names and what only English is cited for.
        let alike = [".camera.v4l", ".measures.focus", ".reasons.file"];
        for language in Language::ALL.into_iter().skip(1) {
            for (key, text) in texts(language) {
                let found = english_words(&text);
                assert!(found.is_empty(), "{language:?} {key}: {text}: {found:?}");
                let wordless = !text.contains(' ');
                let same = text == english[&key] && !wordless;
                assert!(!same || alike.contains(&key.as_str()), "{language:?} {key}");
            }
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

    #[test]
    fn the_keys_of_every_language_fit_and_none_is_there_twice() {
        for language in Language::ALL {
            let keyboard = &Texts::of(language).keyboard;
            for (last, most) in [(&keyboard.number, 9), (&keyboard.note, 8)] {
                let rows = keyboard.rows.iter().map(|row| (row, 10));
                for (row, most) in rows.chain([(last, most)]) {
                    assert!(
                        (1..=most).contains(&row.chars().count()),
                        "{language:?} {row}"
                    );
                }
                let keys: Vec<char> = keyboard
                    .rows
                    .iter()
                    .chain([last])
                    .flat_map(|row| row.chars())
                    .collect();
                let once: BTreeSet<&char> = keys.iter().collect();
                assert_eq!(once.len(), keys.len(), "{language:?}");
                assert!(
                    ('0'..='9').chain('a'..='z').all(|key| once.contains(&key)),
                    "{language:?}"
                );
            }
        }
    }
}
