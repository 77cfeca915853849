//! What is to be photographed, and how badly.

use super::rng::{Dice, Purpose};

/// Smallest side of a drawn photograph, pixels. A smaller size counts as this.
pub const MIN_SIZE: u32 = 32;
/// Largest side of a drawn photograph, pixels. A larger size counts as this.
pub const MAX_SIZE: u32 = 4096;

/// Which eye: the disc lies on the nasal side, to the right in the right eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eye {
    /// The patient's right eye (OD).
    #[default]
    Right,
    /// The patient's left eye (OS).
    Left,
}

/// How the camera's field stop meets the sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frame {
    /// The whole circle on black.
    #[default]
    Circle,
    /// Circle cut at top and bottom by a wide sensor.
    CutCircle,
    /// The field fills the frame; black remains in the corners.
    Filled,
}

/// One photograph to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Decides everything that is not asked for below: where vessels run,
    /// where findings lie, the camera's tint, the noise.
    pub seed: u64,
    /// Which of the patient's eyes.
    pub eye: Eye,
    /// Side of the square photograph, pixels, [`MIN_SIZE`] to [`MAX_SIZE`].
    pub size: u32,
    /// How much of the field of view the photograph holds.
    pub frame: Frame,
    /// The eye as it is without disease.
    pub anatomy: Anatomy,
    /// Signs of disease; none by default.
    pub findings: Findings,
    /// Faults of the photograph; none by default.
    pub camera: CameraFaults,
}

impl Default for Scene {
    fn default() -> Scene {
        Scene {
            seed: 0,
            eye: Eye::Right,
            size: 1024,
            frame: Frame::Circle,
            anatomy: Anatomy::default(),
            findings: Findings::default(),
            camera: CameraFaults::default(),
        }
    }
}

/// What differs between healthy eyes. All 0..1; values outside count as the
/// nearer end, here and in all strengths below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anatomy {
    /// Vertical cup-to-disc ratio.
    pub cup_ratio: f32,
    /// From a blond to a dark fundus.
    pub pigment: f32,
    /// How far the choroid's vessels show through.
    pub tessellation: f32,
    /// Silvery sheen of the nerve fibres and reflexes about the macula: the young eye.
    pub sheen: f32,
    /// From straight to winding vessels.
    pub tortuosity: f32,
}

impl Default for Anatomy {
    fn default() -> Anatomy {
        Anatomy {
            cup_ratio: 0.35,
            pigment: 0.35,
            tessellation: 0.2,
            sheen: 0.35,
            tortuosity: 0.4,
        }
    }
}

impl Anatomy {
    /// A healthy eye as `seed` has it.
    pub fn of(seed: u64) -> Anatomy {
        let mut dice = Dice::new(seed, Purpose::Anatomy);
        let tessellation = dice.unit();
        Anatomy {
            cup_ratio: dice.range(0.25, 0.5),
            pigment: dice.range(0.05, 0.85),
            tessellation: tessellation * tessellation * tessellation,
            sheen: dice.range(0.05, 0.8),
            tortuosity: dice.range(0.2, 0.7),
        }
    }
}

/// What disease has left. Each is a strength: 0 is absent, 1 is as much as is
/// seen in advanced disease.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Findings {
    /// Small red dots about the macula; about 70 at 1.
    pub microaneurysms: f32,
    /// Round haemorrhages in the deep retina.
    pub blot_haemorrhages: f32,
    /// Haemorrhages spread along the nerve fibres.
    pub flame_haemorrhages: f32,
    /// Blood before the retina, with a level.
    pub preretinal_haemorrhage: f32,
    /// Clusters of waxy yellow specks about the macula; about 7 clusters at 1.
    pub hard_exudates: f32,
    /// Fluffy grey-white patches beside the arcades; about 10 at 1.
    pub cotton_wool_spots: f32,
    /// Tufts of new vessels at the disc and along the arcades.
    pub new_vessels: f32,
    /// Pale spots in the macula; about 190 at 1.
    pub drusen: f32,
    /// Geographic atrophy of the macula.
    pub atrophy: f32,
    /// Takes the cup from the healthy [`Anatomy::cup_ratio`] to 0.92, thins the
    /// rim above and below, and takes nerve fibres with it.
    pub cupping: f32,
}

/// What went wrong between eye and file. Each is a strength: 0 is absent, 1 is
/// a photograph that nobody can read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CameraFaults {
    /// Light scattered by the lens: cataract.
    pub haze: f32,
    /// Gaussian blur; 1 has a standard deviation of about 1.7 % of the side.
    pub defocus: f32,
    /// 1 takes away seven stops.
    pub under_exposure: f32,
    /// 1 adds three stops.
    pub over_exposure: f32,
    /// A pupil too small or off the light's path: one side in the dark.
    pub uneven_light: f32,
    /// Upper lid and its lashes in the light's path.
    pub lashes: f32,
    /// 1 moves the field by three disc diameters.
    pub off_centre: f32,
    /// Dust and smears on the front lens.
    pub dust: f32,
}

impl Scene {
    /// The same scene with every strength brought into 0..1; one that is not a
    /// number counts as absent.
    pub(super) fn within_range(&self) -> Scene {
        let mut scene = self.clone();
        let Anatomy {
            cup_ratio,
            pigment,
            tessellation,
            sheen,
            tortuosity,
        } = &mut scene.anatomy;
        bring_in([cup_ratio, pigment, tessellation, sheen, tortuosity]);
        let Findings {
            microaneurysms,
            blot_haemorrhages,
            flame_haemorrhages,
            preretinal_haemorrhage,
            hard_exudates,
            cotton_wool_spots,
            new_vessels,
            drusen,
            atrophy,
            cupping,
        } = &mut scene.findings;
        bring_in([
            microaneurysms,
            blot_haemorrhages,
            flame_haemorrhages,
            preretinal_haemorrhage,
            hard_exudates,
            cotton_wool_spots,
            new_vessels,
            drusen,
            atrophy,
            cupping,
        ]);
        let CameraFaults {
            haze,
            defocus,
            under_exposure,
            over_exposure,
            uneven_light,
            lashes,
            off_centre,
            dust,
        } = &mut scene.camera;
        bring_in([
            haze,
            defocus,
            under_exposure,
            over_exposure,
            uneven_light,
            lashes,
            off_centre,
            dust,
        ]);
        scene
    }
}

fn bring_in<const N: usize>(strengths: [&mut f32; N]) {
    for strength in strengths {
        *strength = if strength.is_nan() {
            0.0
        } else {
            strength.clamp(0.0, 1.0)
        };
    }
}
