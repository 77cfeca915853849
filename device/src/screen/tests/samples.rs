//! Every view with something in it: what is usual, and what is long.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use fovea_core::calibration::NodeCalibration;
use fovea_core::decision::{self, Finding, ReferralDecision, Verdict};
use fovea_core::gate::{GateReason, GateVerdict};
use fovea_core::taxonomy::{Node, Taxonomy};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::camera::negotiate::{Interval, Mode, PixelFormat};
use crate::camera::{self, CameraError, ConvertError};
use crate::draw::shape::mix;
use crate::exam::words::{Eye, PatientField, SkipReason};
use crate::exam::{EyeOutcome, PatientOutcome};
use crate::grade::record::{Model, Record, Referral};
use crate::health::check::{Check, Found, Part};
use crate::language::{InWords, Language};
use crate::live::Instruction;
use crate::panel::layout::Layout;
use crate::panel::rotation::Rotation;
use crate::panel::SMALLEST;
use crate::records::{Damage, Glance, Room, StoreError};
use crate::screen::*;
use crate::{display, input};

/// What the views borrow.
pub(super) struct Samples {
    taxonomy: Taxonomy,
    urgent: Record,
    open: Record,
    any: Record,
    clear: Record,
    many: Record,
    worded: Record,
    live: RgbImage,
    ring: Ring,
    photograph: RgbImage,
    evidence: RgbImage,
    blurred: RgbImage,
}

/// Side of the drawn eye in a frame, in pixels.
const EYE: u32 = 420;

const LONG_ID: &str = "MUESTRA-DE-NUMERO-LARGO-2026-000000123456789-B";
const LONG_HASH: &str = "9f2c41d07be68a35c2d1fa905e77b1340c6a8de2f31b9547a0e6c83d5b7f1e20";

impl Samples {
    pub(super) fn new(size: Size) -> Samples {
        let taxonomy = Taxonomy::builtin("odir").unwrap();
        let record = |decision, found: &[(&str, f32)]| record(&taxonomy, decision, found);
        let side = photograph(size).width;
        let healthy = blocks("moderate_npdr", side);
        let mut preview = Preview::new(live_picture(size));
        let frame = frame();
        preview.take(frame.as_raw(), frame.width(), frame.height());
        let (x, y) = preview.place(320.0, 240.0);
        let ring = Ring {
            centre: (x, y),
            radius: 0.49 * EYE as f32 * preview.scale(),
            good: false,
        };
        Samples {
            worded: Record {
                words: Some(
                    "drusen, epiretinal membrane over the macula, moderate non proliferative retinopathy"
                        .to_owned(),
                ),
                ..record(
                    ReferralDecision::Refer,
                    &[
                        ("npdr_moderate", 0.77),
                        ("diabetic_retinopathy", 0.9),
                        ("drusen", 0.61),
                        ("erm_macular", 0.55),
                        ("epiretinal_membrane", 0.57),
                    ],
                )
            },
            urgent: record(
                ReferralDecision::ReferUrgent,
                &[
                    ("npdr_severe", 0.84),
                    ("npdr_moderate", 0.41),
                    ("diabetic_retinopathy", 0.97),
                    ("drusen", 0.22),
                ],
            ),
            any: record(
                ReferralDecision::Refer,
                &[
                    ("npdr_moderate", 0.44),
                    ("npdr_severe", 0.21),
                    ("diabetic_retinopathy", 0.47),
                    ("macular_edema", 0.52),
                ],
            ),
            open: record(
                ReferralDecision::Refer,
                &[("amd_dry", 0.48), ("amd_wet", 0.31), ("amd", 0.77)],
            ),
            clear: record(
                ReferralDecision::NoReferableDisease,
                &[
                    ("normal", 0.93),
                    ("normal_fundus", 0.94),
                    ("glaucoma_suspect", 0.31),
                ],
            ),
            many: record(
                ReferralDecision::ReferUrgent,
                &[
                    ("npdr_severe", 0.91),
                    ("pdr", 0.83),
                    ("diabetic_retinopathy", 0.99),
                    ("hypertensive_retinopathy", 0.66),
                    ("hypertensive", 0.71),
                    ("amd_wet", 0.62),
                    ("amd", 0.7),
                    ("erm_macular", 0.58),
                    ("epiretinal_membrane", 0.61),
                    ("brvo", 0.55),
                    ("vascular_occlusion", 0.57),
                    ("media_opacity", 0.6),
                    ("lens_and_media", 0.64),
                    ("vitreous_degeneration", 0.52),
                    ("vitreous", 0.53),
                    ("laser_scars", 0.9),
                    ("treated_retina", 0.9),
                ],
            ),
            taxonomy,
            live: preview.picture().clone(),
            ring,
            evidence: heated(&healthy),
            photograph: healthy,
            blurred: blocks("blurred", side),
        }
    }

    /// Every view under a name of its own, with its language.
    pub(super) fn views(&self) -> Vec<(&'static str, Language, View<'_>)> {
        use Language::{English, Spanish};
        let mut views = self.before_a_photograph();
        views.extend(self.after_a_photograph());
        views.extend([
            ("saving", Spanish, View::Saving),
            ("saved", English, View::Saved(self.saved())),
            ("saved_one_eye", English, View::Saved(self.saved_one_eye())),
            ("today", English, View::Today(today(0, Some(1)))),
            ("today_further", Spanish, View::Today(today(5, Some(6)))),
            (
                "today_none",
                English,
                View::Today(Today {
                    exams: &[],
                    first: 0,
                    selected: None,
                    trouble: None,
                }),
            ),
            (
                "today_damaged",
                English,
                View::Today(Today {
                    trouble: Some(ListTrouble::Damaged(2)),
                    ..today(0, None)
                }),
            ),
            (
                "today_unread",
                Spanish,
                View::Today(Today {
                    trouble: Some(ListTrouble::Unread),
                    ..today(0, None)
                }),
            ),
            ("settings", Spanish, View::Settings(settings(true))),
            ("settings_manual", English, View::Settings(settings(false))),
        ]);
        views.extend(self.troubles());
        views
    }

    fn before_a_photograph(&self) -> Vec<(&'static str, Language, View<'_>)> {
        use Language::{English, Spanish};
        let good = Ready {
            device: "clinic-07",
            clock: "14:32",
            health: &HEALTHY,
            may_start: true,
            saved_today: 12,
            ended_early: false,
        };
        let early = Ready {
            ended_early: true,
            health: &HEALTHY[..3],
            ..good
        };
        let testing = Ready {
            health: &[],
            may_start: false,
            ..good
        };
        let bad = Ready {
            health: &AILING,
            may_start: false,
            ..good
        };
        let locked = Locked {
            clock: "19:05",
            ended_early: true,
        };
        let patient = Patient {
            id: "RC-20491",
            age: Some(57),
            note: "",
            field: PatientField::Id,
            keyboard: &Texts::of(English).keyboard,
            photographed: false,
        };
        let note = Patient {
            id: LONG_ID,
            age: Some(107),
            note: "Diabetes desde hace doce años, ve peor por la noche",
            field: PatientField::Note,
            keyboard: &Texts::of(Spanish).keyboard,
            photographed: true,
        };
        let age = Patient {
            age: None,
            field: PatientField::Age,
            ..patient
        };
        vec![
            ("ready", English, View::Ready(good)),
            ("ready_testing", English, View::Ready(testing)),
            ("ready_ended_early", Spanish, View::Ready(early)),
            ("ready_not", Spanish, View::Ready(bad)),
            ("locked", Spanish, View::Locked(locked)),
            ("patient", English, View::Patient(patient)),
            ("patient_age", English, View::Patient(age)),
            ("patient_note", Spanish, View::Patient(note)),
            ("live", English, self.live(Instruction::Blurred)),
            (
                "live_not_retina",
                Spanish,
                self.live(Instruction::LookForEye),
            ),
            ("live_ready", English, self.live(Instruction::Ready)),
            ("live_waiting", Spanish, self.live_waiting()),
            ("live_taking", Spanish, self.live_taking()),
            ("skip", Spanish, View::Skip(Skip { eye: Eye::Left })),
        ]
    }

    fn after_a_photograph(&self) -> Vec<(&'static str, Language, View<'_>)> {
        use Language::{English, Spanish};
        let grading = Grading {
            eye: Eye::Right,
            patient: "RC-20491",
            picture: Some(&self.photograph),
            progress: 0.6,
        };
        let urgent = self.judged(&self.urgent);
        let with_evidence = Judged {
            attention: true,
            ..urgent
        };
        let many = Judged {
            patient: LONG_ID,
            calibration: LONG_HASH,
            ..self.judged(&self.many)
        };
        let clear = Judged {
            evidence: None,
            ..self.judged(&self.clear)
        };
        let refused = Refused {
            eye: Eye::Left,
            patient: "",
            reason: GateReason::Artefact,
            picture: Some(&self.blurred),
            refusals: 1,
            most: 3,
            stands: None,
        };
        let stands = Refused {
            stands: Some(ReferralDecision::NoReferableDisease),
            refusals: 3,
            ..refused
        };
        let ungradable = Refused {
            refusals: 3,
            ..refused
        };
        let summary = Summary {
            patient: "RC-20491",
            overall: PatientOutcome::ReferUrgent,
            grading: false,
            right: EyeSummary {
                outcome: EyeOutcome::Decided(ReferralDecision::ReferUrgent),
                picture: Some(&self.photograph),
                finding: self.node("npdr_severe"),
                likeliest: false,
            },
            left: EyeSummary {
                outcome: EyeOutcome::Decided(ReferralDecision::NoReferableDisease),
                picture: Some(&self.blurred),
                finding: None,
                likeliest: false,
            },
        };
        let one_eye = Summary {
            patient: LONG_ID,
            overall: PatientOutcome::CannotBeGraded,
            grading: false,
            right: EyeSummary {
                outcome: EyeOutcome::CannotBeGraded,
                ..summary.left
            },
            left: EyeSummary {
                outcome: EyeOutcome::Skipped(SkipReason::NotPossible),
                picture: None,
                finding: None,
                likeliest: false,
            },
        };
        let likeliest = Summary {
            overall: PatientOutcome::Refer,
            right: EyeSummary {
                outcome: EyeOutcome::Decided(ReferralDecision::Refer),
                finding: self.node("diabetic_retinopathy"),
                likeliest: true,
                ..summary.right
            },
            ..summary
        };
        let pending = Summary {
            overall: PatientOutcome::NoVerdict,
            grading: true,
            right: summary.left,
            left: EyeSummary {
                outcome: EyeOutcome::Pending,
                ..summary.left
            },
            ..summary
        };
        vec![
            ("grading", Spanish, View::Grading(grading)),
            ("result_urgent", English, View::Result(urgent)),
            ("result_evidence", Spanish, View::Result(with_evidence)),
            (
                "result_open",
                English,
                View::Result(self.judged(&self.open)),
            ),
            ("result_any", Spanish, View::Result(self.judged(&self.any))),
            ("result_clear", Spanish, View::Result(clear)),
            ("result_many", Spanish, View::Result(many)),
            (
                "result_words",
                Spanish,
                View::Result(self.judged(&self.worded)),
            ),
            ("refused", English, View::Refused(refused)),
            ("ungradable", Spanish, View::Refused(ungradable)),
            ("summary", English, View::Summary(summary)),
            ("summary_one_eye", Spanish, View::Summary(one_eye)),
            ("summary_likeliest", Spanish, View::Summary(likeliest)),
            ("refused_stands", Spanish, View::Refused(stands)),
            ("summary_pending", Spanish, View::Summary(pending)),
        ]
    }

    fn troubles(&self) -> Vec<(&'static str, Language, View<'_>)> {
        let names = [
            "problem_camera",
            "problem_capture",
            "problem_no_more",
            "problem_code_too_long",
            "problem_code_not_taken",
            "problem_grading",
            "problem_begin",
            "problem_disk",
            "problem_save",
            "problem_save_disk",
        ];
        let mut views: Vec<_> = names
            .into_iter()
            .zip(Problem::ALL)
            .zip(Language::ALL.into_iter().rev().cycle())
            .map(|((name, problem), language)| {
                let detail = detail(problem);
                let trouble = Trouble { problem, detail };
                (name, language, View::Problem(trouble))
            })
            .collect();
        let warning = Warning {
            chosen: Eye::Right,
            picture: Some(&self.photograph),
        };
        views.push(("warning", Language::Spanish, View::Warning(warning)));
        views
    }

    fn node(&self, id: &str) -> Option<&Node> {
        self.taxonomy.nodes().iter().find(|node| node.id == id)
    }

    fn judged<'a>(&'a self, record: &'a Record) -> Judged<'a> {
        Judged {
            eye: Eye::Right,
            patient: "RC-20491",
            record,
            taxonomy: &self.taxonomy,
            calibration: "student 77ab12c0",
            picture: Some(&self.photograph),
            evidence: Some(Evidence {
                picture: &self.evidence,
                node: self.taxonomy.index("npdr_severe").unwrap(),
            }),
            attention: false,
        }
    }

    fn saved(&self) -> Saved<'_> {
        Saved {
            record: "2026-03-21-0013",
            patient: "RC-20491",
            overall: PatientOutcome::NoReferableDisease,
            right: EyeOutcome::Decided(ReferralDecision::NoReferableDisease),
            left: EyeOutcome::Decided(ReferralDecision::NoReferableDisease),
        }
    }

    fn saved_one_eye(&self) -> Saved<'_> {
        Saved {
            left: EyeOutcome::Skipped(SkipReason::Declined),
            ..self.saved()
        }
    }

    /// A live view that gives this instruction.
    pub(super) fn live(&self, instruction: Instruction) -> View<'_> {
        let good = instruction == Instruction::Ready;
        let bar = |value| Bar { value, limit: 0.5 };
        View::Live(Live {
            panel: Panel {
                eye: Eye::Right,
                patient: "RC-20491",
                state: LiveState::Guiding(instruction),
                automatic: true,
                may_skip: !good,
            },
            picture: Some(&self.live),
            ring: Some(Ring { good, ..self.ring }),
            bars: [
                bar(if good { 0.8 } else { 0.3 }),
                bar(0.7),
                bar(0.9),
                bar(0.5),
            ],
            progress: if good { 0.4 } else { 0.0 },
        })
    }

    fn live_waiting(&self) -> View<'_> {
        View::Live(Live {
            panel: Panel {
                eye: Eye::Left,
                patient: "",
                state: LiveState::Waiting,
                automatic: true,
                may_skip: true,
            },
            picture: None,
            ring: None,
            bars: [Bar {
                value: 0.0,
                limit: 0.5,
            }; 4],
            progress: 0.0,
        })
    }

    fn live_taking(&self) -> View<'_> {
        let View::Live(live) = self.live(Instruction::Ready) else {
            unreachable!("a live view is one")
        };
        View::Live(Live {
            panel: Panel {
                state: LiveState::Taking,
                ..live.panel
            },
            ..live
        })
    }
}

type Lines = LazyLock<Vec<HealthLine<'static>>>;

static HEALTHY: Lines = LazyLock::new(|| lines(&SOUND));
static AILING: Lines = LazyLock::new(|| lines(&BROKEN));

fn lines(checks: &'static [Check]) -> Vec<HealthLine<'static>> {
    let line = |check: &'static Check| HealthLine {
        part: check.part,
        state: check.state(),
        found: &check.found,
    };
    checks.iter().map(line).collect()
}

static SOUND: LazyLock<Vec<Check>> = LazyLock::new(|| {
    let camera = Found::Camera {
        about: Arc::new(CAMERA.clone()),
        controls: Vec::new(),
    };
    checks([
        vec![Found::Grades {
            bundle: "student-student".to_owned(),
            ms: 84.0,
        }],
        vec![Found::Calibrated {
            id: "student 77ab12c0".to_owned(),
            sensitivity: 0.9,
        }],
        vec![camera],
        vec![Found::Display(DISPLAY.clone())],
        vec![Found::Input(input::About::Devices(vec![
            panel(),
            input::AboutDevice {
                name: None,
                keys: Some(input::AboutKeys {
                    scanner: true,
                    layout: "us".to_owned(),
                }),
            },
        ]))],
        vec![store(), Found::Writable("/var/lib/fovea/exams".into())],
        vec![Found::ClockBeforeExam],
        vec![Found::Room(ROOM)],
    ])
});

static BROKEN: LazyLock<Vec<Check>> = LazyLock::new(|| {
    checks([
        vec![Found::NoStudent {
            detail: "student.onnx cannot be loaded".to_owned(),
        }],
        vec![Found::NotMeasured {
            id: LONG_HASH.to_owned(),
        }],
        vec![Found::NoCamera(UNPLUGGED.clone())],
        vec![Found::Display(DISPLAY.clone())],
        vec![Found::Input(input::About::Devices(Vec::new()))],
        vec![
            Found::StoreUnusable(StoreError::Damaged(Damage::Missing)),
            store(),
        ],
        vec![Found::ClockRight],
        vec![Found::Room(Room { free: 1, ..ROOM })],
    ])
});

fn checks(found: [Vec<Found>; 8]) -> Vec<Check> {
    let parts = [
        Part::Bundle,
        Part::Calibration,
        Part::Camera,
        Part::Display,
        Part::Input,
        Part::Store,
        Part::Clock,
        Part::Disk,
    ];
    let check = |(part, found)| Check { part, found };
    parts.into_iter().zip(found).map(check).collect()
}

static CAMERA: LazyLock<camera::About> = LazyLock::new(|| {
    let mode = |width, height, rate| Mode {
        format: PixelFormat::Mjpg,
        width,
        height,
        interval: Some(Interval {
            numerator: 1,
            denominator: rate,
        }),
    };
    camera::About::V4l {
        place: "/dev/video0".into(),
        preview: mode(1280, 720, 30),
        still: mode(2592, 1944, 15),
    }
});

static DISPLAY: LazyLock<display::About> = LazyLock::new(|| display::About::Screen {
    card: "/dev/dri/card0".into(),
    output: "HDMI-A-1".to_owned(),
    rate: 60,
    layout: Layout::fit(SMALLEST, Rotation::Half),
});

static UNPLUGGED: LazyLock<CameraError> = LazyLock::new(|| CameraError::Unplugged {
    place: "/dev/video0".to_owned(),
});

const ROOM: Room = Room {
    free: 18_200_000_000,
    needed: 500_000_000,
};

fn panel() -> input::AboutDevice {
    input::AboutDevice {
        name: Some("ILITEK ILITEK-TP".to_owned()),
        keys: None,
    }
}

fn store() -> Found {
    Found::Store(Glance {
        exams: 312,
        latest: None,
        migrates: None,
        half_written: 0,
    })
}

/// What happened where something does not work, as far as it is known.
fn detail(problem: Problem) -> Option<&'static dyn InWords> {
    static CAPTURE: LazyLock<CameraError> = LazyLock::new(|| CameraError::Corrupt {
        place: "/dev/video0".to_owned(),
        reason: ConvertError::EndsEarly,
    });
    static BEGIN: LazyLock<StoreError> = LazyLock::new(|| StoreError::Write {
        path: "/var/lib/fovea/exams/lock".into(),
        reason: "Read-only file system (os error 30)".to_owned(),
    });
    match problem {
        Problem::CameraLost => Some(&*UNPLUGGED),
        Problem::CaptureFailed => Some(&*CAPTURE),
        Problem::CannotBegin => Some(&*BEGIN),
        Problem::DiskFull => Some(&Room {
            free: 120_000_000,
            ..ROOM
        }),
        Problem::SaveFailed => Some(&*BEGIN),
        Problem::SaveDiskFull => Some(&StoreError::Full),
        Problem::NoMorePhotographs
        | Problem::CodeTooLong
        | Problem::CodeNotTaken
        | Problem::GradingFailed => None,
    }
}

fn today(first: usize, selected: Option<usize>) -> Today<'static> {
    const DECIDED: EyeOutcome = EyeOutcome::Decided(ReferralDecision::NoReferableDisease);
    const CLEAR: ExamLine = ExamLine {
        time: "14:20",
        record: "2026-03-21-0012",
        patient: "RC-20490",
        age: Some(61),
        note: "",
        overall: PatientOutcome::NoReferableDisease,
        right: DECIDED,
        left: DECIDED,
    };
    const EXAMS: [ExamLine; 8] = [
        CLEAR,
        ExamLine {
            time: "13:58",
            patient: LONG_ID,
            note: "Diabetes for twelve years, sees worse at night",
            overall: PatientOutcome::ReferUrgent,
            right: EyeOutcome::Decided(ReferralDecision::ReferUrgent),
            ..CLEAR
        },
        ExamLine {
            time: "13:31",
            patient: "",
            age: None,
            overall: PatientOutcome::CannotBeGraded,
            left: EyeOutcome::CannotBeGraded,
            ..CLEAR
        },
        ExamLine {
            time: "12:49",
            overall: PatientOutcome::Refer,
            left: EyeOutcome::Decided(ReferralDecision::Refer),
            ..CLEAR
        },
        ExamLine {
            time: "12:20",
            left: EyeOutcome::NotExamined,
            ..CLEAR
        },
        CLEAR,
        ExamLine {
            time: "09:15",
            overall: PatientOutcome::NoVerdict,
            right: EyeOutcome::Refused(1),
            left: EyeOutcome::Skipped(SkipReason::NotPossible),
            ..CLEAR
        },
        CLEAR,
    ];
    Today {
        exams: &EXAMS,
        first,
        selected,
        trouble: None,
    }
}

fn settings(automatic: bool) -> Settings<'static> {
    Settings {
        automatic,
        device: "clinic-07",
        version: "0.1.0",
        model: "student-student 3fa9c102, taxonomy odir",
        calibration: LONG_HASH,
        profile: "none",
        disk: &[Found::Room(ROOM)],
    }
}

/// A drawn eye in coarse pixels and few colours, so that the pictures of the
/// views stay small.
fn blocks(preset: &str, side: u32) -> RgbImage {
    let mut coarse = fovea_render::by_name(preset)
        .unwrap()
        .draw(2, side.div_ceil(3));
    for value in coarse.iter_mut() {
        *value &= 0xf0;
    }
    imageops::resize(&coarse, side, side, FilterType::Nearest)
}

/// A camera's frame: a drawn eye on black.
fn frame() -> RgbImage {
    let mut frame = RgbImage::new(640, 480);
    let (x, y) = ((640 - EYE) / 2, (480 - EYE) / 2);
    imageops::replace(&mut frame, &blocks("healthy", EYE), x.into(), y.into());
    frame
}

/// A photograph with a warm spot, as where evidence lies.
fn heated(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let mut heated = picture.clone();
    for (x, y, pixel) in heated.enumerate_pixels_mut() {
        let (dx, dy) = (
            x as f32 / width as f32 - 0.6,
            y as f32 / height as f32 - 0.4,
        );
        let near = (1.0 - 5.0 * dx.hypot(dy)).max(0.0);
        let Rgb([r, g, b]) = *pixel;
        let mixed = mix(Rgb888::new(r, g, b), Rgb888::new(255, 190, 40), 0.7 * near);
        *pixel = Rgb([mixed.r() & 0xf0, mixed.g() & 0xf0, mixed.b() & 0xf0]);
    }
    heated
}

/// A record in which these nodes have these probabilities and all others a
/// small one; every operating point is a half.
fn record(taxonomy: &Taxonomy, decision: ReferralDecision, found: &[(&str, f32)]) -> Record {
    let findings: Vec<Finding> = taxonomy
        .nodes()
        .iter()
        .enumerate()
        .map(|(k, node)| {
            let named = found.iter().find(|(id, _)| *id == node.id);
            let probability = named.map_or(0.02 + 0.003 * k as f32, |(_, p)| *p);
            Finding {
                id: node.id.clone(),
                name: node.name.clone(),
                level: node.level,
                probability,
                threshold: 0.5,
                positive: probability >= 0.5,
            }
        })
        .collect();
    let committed = (0..findings.len())
        .filter(|&k| {
            let children = &taxonomy.nodes()[k].children;
            findings[k].positive && !children.iter().any(|&child| findings[child].positive)
        })
        .collect();
    let positive = decision != ReferralDecision::NoReferableDisease;
    let decided = Verdict {
        referral: decision,
        score: if positive { 0.88 } else { 0.12 },
        reasons: Vec::new(),
        findings,
        committed,
        referable_dr: None,
    };
    Record {
        gate: GateVerdict {
            accepted: true,
            reason: GateReason::Ok,
            scores: BTreeMap::new(),
        },
        referral: Referral {
            decision,
            score: Some(decided.score),
            reasons: decision::reasons(taxonomy, &decided, &NodeCalibration::IDENTITY),
        },
        findings: decided.findings,
        model: Model {
            bundle: "student-student".to_owned(),
            sha256: LONG_HASH.to_owned(),
        },
        committed: decided.committed,
        ..Record::blank()
    }
}
