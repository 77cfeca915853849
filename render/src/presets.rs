//! Scenes by name, for the command line, the demonstration and tests.

use image::RgbImage;

use super::scene::{Anatomy, CameraFaults, Eye, Findings, Frame, Scene};
use super::{draw, draw_non_fundus, NonFundus};

/// What a preset shows.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A retina, for [`draw`].
    Fundus(Scene),
    /// Anything else, for [`draw_non_fundus`].
    NonFundus(NonFundus),
}

/// A named scene; the seed makes the individual.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// As typed: lower case, underscores.
    pub name: &'static str,
    /// One line for a list.
    pub about: &'static str,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Fundus(fn(&mut Scene)),
    NonFundus(NonFundus),
}

impl Preset {
    /// The subject for `seed`; even seeds are right eyes, odd seeds left.
    pub fn subject(&self, seed: u64) -> Subject {
        match self.what {
            What::NonFundus(kind) => Subject::NonFundus(kind),
            What::Fundus(alter) => {
                let mut scene = Scene {
                    seed,
                    eye: if seed.is_multiple_of(2) {
                        Eye::Right
                    } else {
                        Eye::Left
                    },
                    anatomy: Anatomy::of(seed),
                    ..Scene::default()
                };
                alter(&mut scene);
                Subject::Fundus(scene)
            }
        }
    }

    /// The photograph for `seed`, `size` pixels square, held within
    /// [`MIN_SIZE`](crate::MIN_SIZE) and [`MAX_SIZE`](crate::MAX_SIZE).
    pub fn draw(&self, seed: u64, size: u32) -> RgbImage {
        match self.subject(seed) {
            Subject::Fundus(scene) => draw(&Scene { size, ..scene }),
            Subject::NonFundus(kind) => draw_non_fundus(kind, seed, size),
        }
    }
}

/// Every preset, in the order of a list: healthy, disease, poor photographs,
/// no fundus at all.
pub fn presets() -> &'static [Preset] {
    PRESETS
}

/// The preset of this name, lower case and with underscores; `None` where there
/// is none.
pub fn by_name(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

const fn fundus(name: &'static str, about: &'static str, alter: fn(&mut Scene)) -> Preset {
    Preset {
        name,
        about,
        what: What::Fundus(alter),
    }
}

const fn other(name: &'static str, about: &'static str, kind: NonFundus) -> Preset {
    Preset {
        name,
        about,
        what: What::NonFundus(kind),
    }
}

const PRESETS: &[Preset] = &[
    fundus("healthy", "a healthy eye", |_| {}),
    fundus(
        "tessellated",
        "a healthy, pale eye with the choroid showing",
        |s| {
            s.anatomy.tessellation = 0.9;
            s.anatomy.pigment = 0.25;
        },
    ),
    fundus("young", "a young eye with reflexes about the macula", |s| {
        s.anatomy.sheen = 1.0;
        s.anatomy.tessellation = 0.05;
    }),
    fundus(
        "cut_circle",
        "a healthy eye on a wide sensor: field cut at top and bottom",
        |s| {
            s.frame = Frame::CutCircle;
        },
    ),
    fundus("mild_npdr", "a few microaneurysms", |s| {
        s.findings.microaneurysms = 0.25;
    }),
    fundus(
        "moderate_npdr",
        "microaneurysms, blot haemorrhages, hard exudates",
        |s| {
            s.findings = Findings {
                microaneurysms: 0.6,
                blot_haemorrhages: 0.2,
                hard_exudates: 0.9,
                ..Findings::default()
            };
        },
    ),
    fundus(
        "severe_npdr",
        "haemorrhages in all quadrants, cotton-wool spots, exudates",
        |s| {
            s.findings = Findings {
                microaneurysms: 0.9,
                blot_haemorrhages: 1.0,
                flame_haemorrhages: 0.6,
                hard_exudates: 0.6,
                cotton_wool_spots: 0.6,
                ..Findings::default()
            };
            s.anatomy.tortuosity = 0.9;
        },
    ),
    fundus(
        "proliferative_dr",
        "new vessels and blood before the retina",
        |s| {
            s.findings = Findings {
                microaneurysms: 0.3,
                blot_haemorrhages: 0.1,
                hard_exudates: 1.0,
                cotton_wool_spots: 0.4,
                new_vessels: 0.9,
                preretinal_haemorrhage: 0.6,
                ..Findings::default()
            };
        },
    ),
    fundus("drusen", "drusen about the macula", |s| {
        s.findings.drusen = 0.5;
    }),
    fundus(
        "dry_amd",
        "many confluent drusen and a patch of atrophy",
        |s| {
            s.findings.drusen = 1.0;
            s.findings.atrophy = 0.6;
            s.anatomy.sheen = 0.05;
        },
    ),
    fundus(
        "glaucoma",
        "a deep cup with a thin rim and lost nerve fibres",
        |s| {
            s.findings.cupping = 0.85;
        },
    ),
    fundus("cataract", "a hazy view through a clouded lens", |s| {
        s.camera.haze = 0.75;
        s.camera.defocus = 0.3;
        s.anatomy.sheen = 0.0;
    }),
    fundus("blurred", "out of focus", |s| {
        s.camera.defocus = 0.9;
    }),
    fundus("dark", "too little flash", |s| {
        s.camera.under_exposure = 0.95;
        s.camera.uneven_light = 0.3;
    }),
    fundus("bright", "too much flash", |s| {
        s.camera.over_exposure = 0.75;
    }),
    fundus("uneven", "a small pupil: one side in the dark", |s| {
        s.camera.uneven_light = 0.9;
    }),
    fundus("eyelash", "lid and lashes in the light's path", |s| {
        s.camera.lashes = 0.8;
    }),
    fundus("off_centre", "the field far from disc and macula", |s| {
        s.camera.off_centre = 0.9;
    }),
    fundus("dust", "dust and smears on the front lens", |s| {
        s.camera = CameraFaults {
            dust: 0.8,
            ..CameraFaults::default()
        };
    }),
    other(
        "outside_eye",
        "the outside of the eye",
        NonFundus::OutsideEye,
    ),
    other("closed_lid", "a closed lid", NonFundus::ClosedLid),
    other(
        "dark_room",
        "a dark room: nothing before the camera",
        NonFundus::DarkRoom,
    ),
    other("white_frame", "a white frame", NonFundus::WhiteFrame),
    other("wall", "a blank wall", NonFundus::Wall),
    other("hand", "a hand before the camera", NonFundus::Hand),
];
