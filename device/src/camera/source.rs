//! Which camera is meant, in words, and opening it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::demo::Demo;
use super::folder::Folder;
use super::v4l::{Identity, V4l};
use super::{guarded, Camera, CameraError, Clock, ControlKind, Level};
use fovea_render::{by_name, presets, Preset};

/// Where pictures come from, as the command line and the configuration name
/// it: `v4l`, `v4l:/dev/videoN`, `folder:DIR`, `demo`, `demo:PRESET,PRESET...`.
#[derive(Clone, Debug)]
pub enum Source {
    /// A V4L2 device; the first that can be used when none is named.
    V4l(Option<PathBuf>),
    /// The photographs of a folder, one after the other.
    Folder(PathBuf),
    /// Drawn eyes: the first eye photographed is as the first preset, the
    /// second as the second, and so on round the list, which is never empty.
    Demo(Vec<&'static Preset>),
}

/// Two sources are the same when they are written the same.
impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        self.to_string() == other.to_string()
    }
}

/// What `demo` alone shows: a healthy eye, then one to be referred.
const DEMO: &str = "healthy,moderate_npdr";

/// Why a text names no camera.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum SourceError {
    #[error(
        "\"{0}\" is not a camera; write v4l, v4l:/dev/video0, folder:DIR, demo or demo:PRESET"
    )]
    Unknown(String),
    #[error("\"{0}\" lacks a name behind the colon, as in v4l:/dev/video0 or folder:photographs")]
    Unnamed(String),
    #[error("there is no drawn eye \"{0}\"; there are {known}", known = names())]
    UnknownPreset(String),
}

fn names() -> String {
    let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
    names.join(", ")
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        let text = text.trim();
        let (kind, name) = match text.split_once(':') {
            Some((_, "")) => return Err(SourceError::Unnamed(text.to_owned())),
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        match (kind, name) {
            ("v4l", name) => Ok(Source::V4l(name.map(PathBuf::from))),
            ("folder", Some(name)) => Ok(Source::Folder(PathBuf::from(name))),
            ("folder", None) => Err(SourceError::Unnamed(text.to_owned())),
            ("demo", name) => demo(name.unwrap_or(DEMO)).map(Source::Demo),
            _ => Err(SourceError::Unknown(text.to_owned())),
        }
    }
}

fn demo(names: &str) -> Result<Vec<&'static Preset>, SourceError> {
    names
        .split(',')
        .map(str::trim)
        .map(|name| by_name(name).ok_or_else(|| SourceError::UnknownPreset(name.to_owned())))
        .collect()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::V4l(None) => f.write_str("v4l"),
            Source::V4l(Some(place)) => write!(f, "v4l:{}", place.display()),
            Source::Folder(folder) => write!(f, "folder:{}", folder.display()),
            Source::Demo(eyes) => {
                let names: Vec<&str> = eyes.iter().map(|preset| preset.name).collect();
                write!(f, "demo:{}", names.join(","))
            }
        }
    }
}

/// Opens a source, and opens it again when it was lost: a camera that comes
/// back under another number is recognised, and set as it was before.
#[derive(Clone, Debug)]
pub struct Opener {
    source: Source,
    levels: Vec<(ControlKind, Level)>,
    clock: Clock,
    known: Option<Identity>,
}

/// A camera that was just opened.
pub struct Opened {
    /// Ready to send pictures, with its controls set.
    pub camera: Box<dyn Camera>,
    /// The levels that it refused: it has no such control, or its driver will
    /// not. Its pictures may be of use all the same.
    pub refused: Vec<CameraError>,
}

impl Opener {
    /// Opens `source` when asked to, with its controls at `levels`; frames are
    /// stamped by `clock`.
    pub fn new(
        source: Source,
        levels: impl IntoIterator<Item = (ControlKind, Level)>,
        clock: &Clock,
    ) -> Opener {
        Opener {
            source,
            levels: levels.into_iter().collect(),
            clock: *clock,
            known: None,
        }
    }

    /// Opens the camera and sets all of its controls that it lets be set.
    ///
    /// # Errors
    /// When there is none, or none that can be used.
    pub fn open(&mut self) -> Result<Opened, CameraError> {
        guarded(|| {
            let mut camera: Box<dyn Camera> = match &self.source {
                Source::V4l(place) => {
                    let camera = V4l::open(place.as_deref(), self.known.as_ref(), &self.clock)?;
                    self.known = Some(camera.identity().clone());
                    Box::new(camera)
                }
                Source::Folder(folder) => Box::new(Folder::open(folder, &self.clock)?),
                Source::Demo(eyes) => Box::new(Demo::new(eyes, &self.clock)),
            };
            let refused = set(camera.as_mut(), &self.levels)?;
            Ok(Opened { camera, refused })
        })
    }
}

/// Sets the controls, and says which were refused.
fn set(
    camera: &mut dyn Camera,
    levels: &[(ControlKind, Level)],
) -> Result<Vec<CameraError>, CameraError> {
    let mut refused = Vec::new();
    for &(control, level) in levels {
        match camera.set(control, level) {
            Ok(()) => {}
            Err(error) if error.passes() => refused.push(error),
            Err(gone) => return Err(gone),
        }
    }
    Ok(refused)
}

/// Opens `source` once, with its controls at `levels`.
///
/// # Errors
/// As [`Opener::open`], and when it refuses one of them.
pub fn open(
    source: &Source,
    levels: impl IntoIterator<Item = (ControlKind, Level)>,
    clock: &Clock,
) -> Result<Box<dyn Camera>, CameraError> {
    let Opened { camera, refused } = Opener::new(source.clone(), levels, clock).open()?;
    refused.into_iter().next().map_or(Ok(camera), Err)
}

/// Opens `source` to be looked at: its controls are left as they are, and so is
/// its format once it is dropped.
///
/// # Errors
/// As [`open`], when it has no control of a kind that is in `levels`.
pub fn look(
    source: &Source,
    levels: impl IntoIterator<Item = (ControlKind, Level)>,
    clock: &Clock,
) -> Result<Box<dyn Camera>, CameraError> {
    let camera = match source {
        Source::V4l(place) => guarded(|| {
            let camera = V4l::look(place.as_deref(), clock)?;
            Ok(Box::new(camera) as Box<dyn Camera>)
        })?,
        Source::Folder(_) | Source::Demo(_) => open(source, [], clock)?,
    };
    for (kind, level) in levels {
        let found = camera.controls().iter().find(|each| each.kind == kind);
        if !found.is_some_and(|control| control.takes(level)) {
            return Err(CameraError::NoControl(kind));
        }
    }
    Ok(camera)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::camera::{About, Frame};

    fn said(text: &str) -> String {
        match text.parse::<Source>() {
            Ok(source) => source.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_way_of_naming_a_camera_is_understood() {
        for text in [
            "v4l",
            "v4l:/dev/video2",
            "v4l:/dev/v4l/by-id/usb-Maker_Camera:1-video-index0",
            "folder:some/photographs",
            "demo:healthy,glaucoma,hand",
        ] {
            assert_eq!(said(text), text);
        }
        assert_eq!(said(" demo "), format!("demo:{DEMO}"));
    }

    #[test]
    fn what_names_none_is_told_what_would() {
        for text in ["", "usb", "/dev/video0", "V4L:/dev/video0"] {
            assert!(said(text).contains("write v4l, v4l:/dev/video0"), "{text}");
        }
        for text in ["v4l:", "folder:", "folder", "demo:"] {
            assert!(said(text).contains("lacks a name"), "{text}");
        }
        let unknown = said("demo:healthy,helthy");
        assert!(
            unknown.contains("\"helthy\"") && unknown.contains("glaucoma"),
            "{unknown}"
        );
    }

    #[test]
    fn a_source_that_is_not_there_says_so() {
        let clock = Clock::start();
        for text in ["v4l:/dev/video_none", "folder:/no/such/folder"] {
            let error = open(&text.parse().unwrap(), [], &clock)
                .map(|_| ())
                .unwrap_err();
            let place = text.split_once(':').unwrap().1;
            assert!(error.to_string().contains(place), "{error}");
        }
    }

    /// A camera that has a gain and no focus, and remembers.
    struct Gain(Option<Level>);

    impl Camera for Gain {
        fn about(&self) -> About {
            About::Folder {
                folder: "a gain".into(),
                photographs: 0,
                rate: 1,
            }
        }

        fn next(&mut self, _: &mut Frame, _: Duration) -> Result<(), CameraError> {
            Ok(())
        }

        fn still(&mut self, _: &mut Frame) -> Result<(), CameraError> {
            Ok(())
        }

        fn set(&mut self, control: ControlKind, level: Level) -> Result<(), CameraError> {
            match (control, level) {
                (ControlKind::Gain, _) => self.0 = Some(level),
                (ControlKind::Exposure, _) => return Err(CameraError::NoneFound),
                _ => return Err(CameraError::NoControl(control)),
            }
            Ok(())
        }
    }

    #[test]
    fn what_a_camera_refuses_is_said_and_the_rest_is_set() {
        let mut camera = Gain(None);
        let focus = (ControlKind::Focus, Level::Automatic);
        let gain = (ControlKind::Gain, Level::Fixed(3));
        let refused = set(&mut camera, &[focus, gain]).unwrap();
        assert_eq!(refused, [CameraError::NoControl(ControlKind::Focus)]);
        assert_eq!(camera.0, Some(Level::Fixed(3)));
        let exposure = (ControlKind::Exposure, Level::Automatic);
        assert_eq!(
            set(&mut camera, &[exposure, gain]),
            Err(CameraError::NoneFound),
            "a camera that is gone is no use"
        );
    }

    #[test]
    fn a_look_tells_what_a_camera_lacks() {
        let (clock, demo) = (Clock::start(), Source::Demo(presets().iter().collect()));
        assert!(look(&demo, [], &clock).is_ok());
        let gain = [(ControlKind::Gain, Level::Fixed(3))];
        let lacks = look(&demo, gain, &clock).map(|_| ());
        assert_eq!(lacks, Err(CameraError::NoControl(ControlKind::Gain)));
        let none = look(&"v4l:/dev/video_none".parse().unwrap(), [], &clock);
        assert!(matches!(none, Err(CameraError::Missing { .. })));
    }

    #[test]
    fn a_camera_that_does_not_obey_is_opened_by_an_opener_only() {
        let (clock, demo) = (Clock::start(), Source::Demo(presets().iter().collect()));
        let gain = [(ControlKind::Gain, Level::Fixed(3))];
        let opened = Opener::new(demo.clone(), gain, &clock).open().unwrap();
        let expected = CameraError::NoControl(ControlKind::Gain);
        assert_eq!(opened.refused, std::slice::from_ref(&expected));
        assert_eq!(open(&demo, gain, &clock).map(|_| ()), Err(expected));
    }
}
