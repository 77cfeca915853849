use super::*;

use fovea_core::decision::Finding;
use fovea_core::gate::GateVerdict;
use fovea_core::taxonomy::Taxonomy;

use crate::camera::ConvertError;
use crate::grade::record::Referral;
use crate::language::{InWords as _, Language, Texts};
use crate::panel::layout::Layout;
use crate::panel::rotation::Rotation;
use crate::panel::SMALLEST;
use crate::records::Damage;

/// A device all of whose parts work, until told otherwise.
struct Sound {
    probability: f32,
    accepts_black: bool,
    camera: Found,
    stored: Result<Option<Glance>, Found>,
    room: Room,
}

impl Default for Sound {
    fn default() -> Self {
        let about = camera::About::Folder {
            folder: "photographs".into(),
            photographs: 3,
            rate: 30,
        };
        Sound {
            probability: 0.1,
            accepts_black: false,
            camera: Found::Camera {
                about: Arc::new(about),
                controls: Vec::new(),
            },
            stored: Ok(Some(Glance {
                exams: 3,
                latest: None,
                migrates: None,
                half_written: 0,
            })),
            room: room(90_000),
        }
    }
}

impl Parts for Sound {
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, Found> {
        let lit = photograph.iter().any(|value| *value > 0);
        Ok(record(lit || self.accepts_black, self.probability))
    }

    fn calibration(&mut self) -> Result<Calibration, Found> {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        Ok(Calibration::identity(&taxonomy, &"0".repeat(64)))
    }

    fn camera(&mut self) -> Found {
        self.camera.clone()
    }

    fn display(&mut self) -> Found {
        Found::Display(display::About::Window(Layout::fill(
            SMALLEST,
            Rotation::None,
        )))
    }

    fn input(&mut self) -> Found {
        Found::Input(input::About::Window)
    }

    fn store(&mut self) -> Result<Option<Glance>, Found> {
        self.stored.clone()
    }

    fn room(&mut self) -> Result<Room, Found> {
        Ok(self.room)
    }
}

fn record(accepted: bool, probability: f32) -> Record {
    let decision = if accepted {
        ReferralDecision::NoReferableDisease
    } else {
        ReferralDecision::Retake
    };
    Record {
        gate: GateVerdict {
            accepted,
            ..Record::blank().gate
        },
        referral: Referral {
            decision,
            score: Some(probability),
            reasons: Vec::new(),
        },
        findings: vec![Finding {
            id: "normal".to_owned(),
            name: "Normal".to_owned(),
            level: fovea_core::taxonomy::Level::Finest,
            probability,
            threshold: 0.5,
            positive: false,
        }],
        ..Record::blank()
    }
}

/// So many megabytes free, 500 needed.
fn room(free_mb: u64) -> Room {
    Room {
        free: free_mb * 1_000_000,
        needed: 500_000_000,
    }
}

/// A day on which every clock check passes.
fn today() -> SystemTime {
    built() + Duration::from_secs(86_400)
}

fn places(folder: &Path) -> Places {
    Places {
        profile: folder.join("camera.toml"),
        store: folder.to_owned(),
    }
}

fn state(checks: &[Check], part: Part) -> State {
    let check = checks.iter().find(|check| check.part == part);
    check.unwrap().state()
}

#[test]
fn a_working_device_has_only_warnings_of_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let checks = all(&places(folder.path()), &mut Sound::default(), today());
    assert_eq!(worst(&checks), State::Warn);
    for check in &checks {
        let lacks = check.part == Part::Calibration;
        let wanted = if lacks { State::Warn } else { State::Ok };
        assert_eq!(check.state(), wanted, "{check:?}");
    }
}

#[test]
fn a_part_that_refuses_fails_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = Sound {
        camera: Found::NoCamera(CameraError::NoneFound),
        stored: Err(Found::StoreUnusable(StoreError::Damaged(Damage::Missing))),
        ..Sound::default()
    };
    let checks = all(&places(folder.path()), &mut parts, today());
    assert_eq!(worst(&checks), State::Fail);
    assert_eq!(state(&checks, Part::Camera), State::Fail);
    assert_eq!(state(&checks, Part::Store), State::Fail);
    let mut text = Vec::new();
    write(&mut text, &checks).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("FAIL  camera       no camera was found"),
        "{text}"
    );
    assert!(text.contains("ok    bundle       student grades"), "{text}");
    assert_eq!(text.lines().count(), checks.len());
}

#[test]
fn a_student_that_makes_no_sense_fails() {
    let said = |mut parts: Sound| bundle(&mut parts);
    assert_eq!(said(Sound::default()).state(), State::Ok);
    let nan = said(Sound {
        probability: f32::NAN,
        ..Sound::default()
    });
    assert_eq!(nan.state(), State::Fail);
    let blind = said(Sound {
        accepts_black: true,
        ..Sound::default()
    });
    assert!(matches!(blind, Found::AcceptsBlack { .. }), "{blind:?}");
    let refused = sane(&record(false, 0.1), &record(false, 0.1));
    assert_eq!(refused.state(), State::Fail);
}

#[test]
fn a_clock_that_cannot_be_right_fails() {
    let day = Duration::from_secs(86_400);
    let state = |now, newest| clock(now, newest).state();
    assert_eq!(state(today(), None), State::Ok);
    assert_eq!(state(UNIX_EPOCH + day, None), State::Fail);
    assert_eq!(state(built() + 20 * 365 * day, None), State::Fail);
    assert_eq!(state(today(), Some(today() + day)), State::Fail);
    assert_eq!(state(today(), Some(today() - day)), State::Ok);
}

#[test]
fn room_is_watched_before_it_is_gone() {
    assert_eq!(Found::Room(room(10_000)).state(), State::Ok);
    assert_eq!(Found::Room(room(999)).state(), State::Warn);
    assert_eq!(Found::Room(room(499)).state(), State::Fail);
}

#[test]
fn a_store_that_cannot_be_written_fails() {
    for folder in ["/dev/null/exams", "/dev/null"] {
        let found = writable(Path::new(folder));
        let sentence = found.to_string();
        assert_eq!(found.state(), State::Fail, "{sentence}");
        let said = format!("{folder} cannot be written");
        assert!(sentence.starts_with(&said), "{sentence}");
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("a/b");
    assert_eq!(writable(&missing), Found::CanBeMade(missing.clone()));
    assert!(!missing.parent().unwrap().exists());
}

#[test]
fn a_damaged_profile_fails_and_a_missing_one_warns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.toml");
    assert_eq!(profile(&path).state(), State::Warn);
    std::fs::write(&path, "format = 1").unwrap();
    assert_eq!(profile(&path).state(), State::Fail);
}

/// What a library says in English is for the log.
#[test]
fn what_was_found_is_said_in_the_language_of_the_screen() {
    let detail = || "the network has no input".to_owned();
    let found = [
        Found::NoStudent { detail: detail() },
        Found::StudentBrokeDown { detail: detail() },
        Found::ProfileUnusable { detail: detail() },
        Found::NoCamera(CameraError::Corrupt {
            place: "/dev/video0".to_owned(),
            reason: ConvertError::Damaged(detail()),
        }),
        Found::NoCamera(CameraError::BrokeDown {
            reason: Some(detail()),
        }),
        Found::StoreUnusable(StoreError::Damaged(Damage::Said(detail()))),
    ];
    for found in found {
        let english = found.to_string();
        assert!(english.contains(&detail()), "{english}");
        let spanish = found.in_words(Texts::of(Language::Spanish));
        assert!(!spanish.contains(&detail()), "{spanish}");
        assert_ne!(spanish, english);
    }
    let check = Check {
        part: Part::Store,
        found: vec![
            Found::NotWritable {
                path: "/exams".into(),
                reason: "EROFS".to_owned(),
            },
            Found::NoStore,
        ],
    };
    assert_eq!(check.state(), State::Fail);
    assert_eq!(
        check.in_words(Texts::of(Language::Spanish)),
        "no se puede escribir en /exams (EROFS); compruebe que la carpeta existe, que es del \
         usuario fovea y que el disco funciona; aún no hay registros: se crean al arrancar por \
         primera vez"
    );
}
