use super::*;

use fovea_core::decision::Finding;
use fovea_core::gate::{GateReason, GateVerdict};
use fovea_core::taxonomy::Taxonomy;

use crate::grade::record::{Elapsed, Model, Referral};

/// A device all of whose parts work, until told otherwise.
struct Sound {
    probability: f32,
    accepts_black: bool,
    camera: Result<String, String>,
    stored: Result<Stored, String>,
    room: Room,
}

impl Default for Sound {
    fn default() -> Self {
        Sound {
            probability: 0.1,
            accepts_black: false,
            camera: Ok("MJPG 1280x720".to_owned()),
            stored: Ok(Stored {
                says: "3 exams".to_owned(),
                newest: None,
            }),
            room: room(90_000),
        }
    }
}

impl Parts for Sound {
    fn grade(&mut self, photograph: RgbImage) -> Result<Record, String> {
        let lit = photograph.iter().any(|value| *value > 0);
        Ok(record(lit || self.accepts_black, self.probability))
    }

    fn calibration(&mut self) -> Result<Calibration, String> {
        let text = include_str!("../../../../models/taxonomies/odir.toml");
        let taxonomy = Taxonomy::parse(text).map_err(|error| error.to_string())?;
        Ok(Calibration::identity(&taxonomy, &"0".repeat(64)))
    }

    fn camera(&mut self) -> Result<String, String> {
        self.camera.clone()
    }

    fn display(&mut self) -> Result<String, String> {
        Ok("pictures".to_owned())
    }

    fn input(&mut self) -> Result<String, String> {
        Ok("a script".to_owned())
    }

    fn store(&mut self) -> Result<Stored, String> {
        self.stored.clone()
    }

    fn room(&mut self) -> Result<Room, String> {
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
        image: "drawn".to_owned(),
        image_bytes: None,
        gate: GateVerdict {
            accepted,
            reason: if accepted {
                GateReason::Ok
            } else {
                GateReason::TooDark
            },
            scores: Default::default(),
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
        referable_dr: None,
        model: Model {
            bundle: "student".to_owned(),
            sha256: "0".repeat(64),
        },
        elapsed_ms: Elapsed::default(),
        committed: Vec::new(),
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
    check.unwrap().state
}

#[test]
fn a_working_device_has_only_warnings_of_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let checks = all(&places(folder.path()), &mut Sound::default(), today());
    assert_eq!(worst(&checks), State::Warn);
    for check in &checks {
        let lacks = check.part == Part::Calibration;
        let wanted = if lacks { State::Warn } else { State::Ok };
        assert_eq!(check.state, wanted, "{check:?}");
    }
}

#[test]
fn a_part_that_refuses_fails_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = Sound {
        camera: Err("there is no camera: plug one in".to_owned()),
        stored: Err("the store is damaged".to_owned()),
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
        text.contains("FAIL  camera       there is no camera"),
        "{text}"
    );
    assert!(text.contains("ok    bundle       student grades"), "{text}");
    assert_eq!(text.lines().count(), checks.len());
}

#[test]
fn a_student_that_makes_no_sense_fails() {
    let said = |mut parts: Sound| bundle(&mut parts);
    assert_eq!(said(Sound::default()).state, State::Ok);
    let nan = said(Sound {
        probability: f32::NAN,
        ..Sound::default()
    });
    assert_eq!(nan.state, State::Fail);
    let blind = said(Sound {
        accepts_black: true,
        ..Sound::default()
    });
    assert!(blind.sentence.contains("black frame"), "{blind:?}");
    let refused = sane(&record(false, 0.1), &record(false, 0.1));
    assert_eq!(refused.0, State::Fail);
}

#[test]
fn a_clock_that_cannot_be_right_fails() {
    let day = Duration::from_secs(86_400);
    let state = |now, newest| clock(now, newest).0;
    assert_eq!(state(today(), None), State::Ok);
    assert_eq!(state(UNIX_EPOCH + day, None), State::Fail);
    assert_eq!(state(built() + 20 * 365 * day, None), State::Fail);
    assert_eq!(state(today(), Some(today() + day)), State::Fail);
    assert_eq!(state(today(), Some(today() - day)), State::Ok);
}

#[test]
fn room_is_watched_before_it_is_gone() {
    assert_eq!(disk(&room(10_000)).0, State::Ok);
    assert_eq!(disk(&room(999)).0, State::Warn);
    assert_eq!(disk(&room(499)).0, State::Fail);
}

#[test]
fn a_store_that_cannot_be_written_fails() {
    for folder in ["/dev/null/exams", "/dev/null"] {
        let (state, sentence) = writable(Path::new(folder));
        assert_eq!(state, State::Fail, "{sentence}");
        let said = format!("{folder} cannot be written");
        assert!(sentence.starts_with(&said), "{sentence}");
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("a/b");
    let (state, sentence) = writable(&missing);
    assert_eq!(state, State::Ok);
    assert!(sentence.ends_with("a/b can be made"), "{sentence}");
    assert!(!missing.parent().unwrap().exists());
}

#[test]
fn a_damaged_profile_fails_and_a_missing_one_warns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.toml");
    assert_eq!(profile(&path).0, State::Warn);
    std::fs::write(&path, "format = 1").unwrap();
    assert_eq!(profile(&path).0, State::Fail);
}
