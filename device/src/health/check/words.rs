//! What is said of what the self-test found.

use super::{Check, Found};
use crate::language::{fill, shown_in_english, InWords, Texts};

shown_in_english!(Check, Found);

impl InWords for Check {
    fn in_words(&self, texts: &Texts) -> String {
        self.found.in_words(texts)
    }
}

impl InWords for [Found] {
    fn in_words(&self, texts: &Texts) -> String {
        let said: Vec<String> = self.iter().map(|found| found.in_words(texts)).collect();
        said.join("; ")
    }
}

impl InWords for Found {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.self_test;
        let of = |template: &str, bundle: &str| fill(template, &[("bundle", &bundle)]);
        let id = |template: &str, id: &str| fill(template, &[("id", &id)]);
        let detail = |template: &str, detail: &str| fill(template, &[("detail", &detail)]);
        match self {
            Found::Grades { bundle, ms } => fill(
                &table.grades,
                &[("bundle", bundle), ("ms", &format!("{ms:.0}"))],
            ),
            Found::NoProbabilities { bundle } => of(&table.no_probabilities, bundle),
            Found::RefusesEye { bundle } => of(&table.refuses_eye, bundle),
            Found::AcceptsBlack { bundle } => of(&table.accepts_black, bundle),
            Found::NoDrawnEye => table.no_drawn_eye.clone(),
            Found::NoStudent { detail: said } => detail(&table.no_student, said),
            Found::StudentBrokeDown { detail: said } => detail(&table.student_broke_down, said),
            Found::StudentGone => table.student_gone.clone(),

            Found::Calibrated { id, sensitivity } => {
                let percent = format!("{:.0}", 100.0 * sensitivity);
                fill(&table.calibrated, &[("id", id), ("percent", &percent)])
            }
            Found::NotMeasured { id: calibration } => id(&table.not_measured, calibration),
            Found::PixelsOnly { id: calibration } => id(&table.pixels_only, calibration),
            Found::NoCalibration => table.no_calibration.clone(),
            Found::Profile { camera, uneven } => {
                let percent = format!("{:.1}", 100.0 * uneven);
                fill(&table.profile, &[("camera", camera), ("percent", &percent)])
            }
            Found::NoProfile => table.no_profile.clone(),
            Found::ProfileUnusable { detail: said } => detail(&table.profile_unusable, said),

            Found::Camera { about, controls } => {
                let about = about.in_words(texts);
                let controls = controls.iter().map(|control| control.in_words(texts));
                let said: Vec<String> = [about].into_iter().chain(controls).collect();
                said.join("; ")
            }
            Found::Connecting => table.connecting.clone(),
            Found::NoCamera(error) => error.in_words(texts),

            Found::Display(about) => about.in_words(texts),
            Found::DisplayGone => table.display_gone.clone(),
            Found::NoDisplay { detail: said } => detail(&table.no_display, said),
            Found::DisplayNotTried { detail: said } => detail(&table.display_not_tried, said),
            Found::Input(about) => about.in_words(texts),
            Found::NothingToTouch => table.nothing_to_touch.clone(),
            Found::NoInput { detail: said } => detail(&table.no_input, said),

            Found::Store(glance) => glance.in_words(texts),
            Found::NoStore => table.no_store.clone(),
            Found::StoreUnusable(error) => error.in_words(texts),
            Found::StoreGone => table.store_gone.clone(),
            Found::Writable(path) => fill(&table.writable, &[("path", &path.display())]),
            Found::CanBeMade(path) => fill(&table.can_be_made, &[("path", &path.display())]),
            Found::NotWritable { path, reason } => fill(
                &table.not_writable,
                &[("path", &path.display()), ("reason", reason)],
            ),

            Found::ClockRight => table.clock_right.clone(),
            Found::ClockBeforeBuilt => table.clock_before_built.clone(),
            Found::ClockBeyondLife => table.clock_beyond_life.clone(),
            Found::ClockBeforeExam => table.clock_before_exam.clone(),

            Found::Room(room) => room.in_words(texts),
        }
    }
}
