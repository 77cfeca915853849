//! What is said of a camera, and of what is wrong with it.

use fovea_core::photograph::FileFault;

use super::{About, CameraError, Control, ControlKind, ConvertError, DriverTask, Offered};
use crate::exam::Cause;
use crate::language::{fill, shown_in_english, InWords, Texts};

shown_in_english!(About, CameraError, Control, ControlKind, ConvertError);

/// Width and height in pixels.
fn size((width, height): (u32, u32)) -> String {
    format!("{width}x{height}")
}

impl InWords for About {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.camera;
        match self {
            About::V4l {
                place,
                preview,
                still,
            } if still.looks_like(preview) => fill(
                &table.v4l,
                &[("preview", preview), ("place", &place.display())],
            ),
            About::V4l {
                place,
                preview,
                still,
            } => fill(
                &table.v4l_photographs,
                &[
                    ("preview", preview),
                    ("place", &place.display()),
                    ("format", &still.format),
                    ("size", &size((still.width, still.height))),
                ],
            ),
            About::Folder {
                folder,
                photographs,
                rate,
            } => fill(
                &table.folder,
                &[
                    ("folder", &folder.display()),
                    ("n", photographs),
                    ("rate", rate),
                ],
            ),
            About::Drawn { names, side, rate } => fill(
                &table.drawn,
                &[
                    ("names", &names.join(", ")),
                    ("size", &size((*side, *side))),
                    ("rate", rate),
                ],
            ),
        }
    }
}

impl InWords for ControlKind {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.controls;
        let name = match self {
            ControlKind::Exposure => &table.exposure,
            ControlKind::Gain => &table.gain,
            ControlKind::Focus => &table.focus,
            ControlKind::WhiteBalance => &table.white_balance,
        };
        name.clone()
    }
}

/// With the values that it takes: `gain 0 to 100 or auto`.
impl InWords for Control {
    fn in_words(&self, texts: &Texts) -> String {
        let template = match self.automatic {
            true => &texts.controls.or_auto,
            false => &texts.controls.range,
        };
        let (low, high) = (self.range.start(), self.range.end());
        let control = self.kind.in_words(texts);
        fill(
            template,
            &[("control", &control), ("low", low), ("high", high)],
        )
    }
}

impl InWords for ConvertError {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.pictures;
        match self {
            ConvertError::WrongSize { got, agreed } => fill(
                &table.wrong_size,
                &[("got", &size(*got)), ("agreed", &size(*agreed))],
            ),
            ConvertError::Short { have, need } => {
                fill(&table.short, &[("have", have), ("need", need)])
            }
            ConvertError::OddSize {
                format,
                width,
                height,
            } => fill(
                &table.odd_size,
                &[("format", format), ("size", &size((*width, *height)))],
            ),
            ConvertError::NarrowRows { stride, width } => {
                fill(&table.narrow_rows, &[("stride", stride), ("width", width)])
            }
            ConvertError::NoJpeg => table.no_jpeg.clone(),
            ConvertError::EndsEarly => table.ends_early.clone(),
            ConvertError::Marked => table.marked.clone(),
            ConvertError::Damaged(detail) => fill(&table.damaged, &[("detail", detail)]),
        }
    }
}

impl InWords for Offered {
    fn in_words(&self, texts: &Texts) -> String {
        match self {
            Offered::Formats(names) => names.clone(),
            Offered::NoFormats => texts.camera.no_formats.clone(),
            Offered::ImpossibleSizes => texts.camera.impossible_sizes.clone(),
        }
    }
}

impl From<CameraError> for Cause {
    fn from(error: CameraError) -> Cause {
        Cause::new(error)
    }
}

impl InWords for CameraError {
    fn in_words(&self, texts: &Texts) -> String {
        use CameraError as E;

        let table = &texts.camera_errors;
        let at = |template: &str, place: &str| fill(template, &[("place", &place)]);
        match self {
            E::Missing { place } => at(&table.missing, place),
            E::NoneFound => table.none_found.clone(),
            E::Unplugged { place } => at(&table.unplugged, place),
            E::Busy { place } => at(&table.busy, place),
            E::SettingUp { place } => at(&table.setting_up, place),
            E::NoPermission { place } => at(&table.no_permission, place),
            E::NoCamera { place } => at(&table.no_camera, place),
            E::Planes { place } => at(&table.planes, place),
            E::NoFormat { place, offered } => fill(
                &table.no_format,
                &[("place", place), ("offered", &offered.in_words(texts))],
            ),
            E::Stalled { place } => at(&table.stalled, place),
            E::WrongSize { place, got, agreed } => fill(
                &table.wrong_size,
                &[
                    ("place", place),
                    ("got", &size(*got)),
                    ("agreed", &size(*agreed)),
                ],
            ),
            E::Corrupt { place, reason } => fill(
                &table.corrupt,
                &[("place", place), ("reason", &reason.in_words(texts))],
            ),
            E::NoControl(control) => {
                fill(&table.no_control, &[("control", &control.in_words(texts))])
            }
            E::ControlRefused {
                place,
                control,
                value,
                reason,
            } => fill(
                &table.control_refused,
                &[
                    ("place", place),
                    ("control", &control.in_words(texts)),
                    ("value", value),
                    ("reason", reason),
                ],
            ),
            E::Driver {
                place,
                task,
                reason,
            } => {
                let template = match task {
                    DriverTask::Open => &table.driver_open,
                    DriverTask::Tell => &table.driver_tell,
                    DriverTask::ChangeFormat => &table.driver_change_format,
                    DriverTask::SetControl => &table.driver_set_control,
                    DriverTask::Start => &table.driver_start,
                    DriverTask::SendPicture => &table.driver_send_picture,
                };
                fill(template, &[("place", place), ("reason", reason)])
            }
            E::BrokeDown { reason: None } => table.broke_down.clone(),
            E::BrokeDown {
                reason: Some(reason),
            } => fill(&table.broke_down_saying, &[("detail", reason)]),
            E::Profile(other) => {
                let (expected, found) = (other.expected, other.found);
                fill(
                    &table.profile,
                    &[
                        ("expected", &size((expected.width, expected.height))),
                        ("found", &size((found.width, found.height))),
                    ],
                )
            }
            E::EmptyFolder(folder) => fill(&table.empty_folder, &[("path", &folder.display())]),
            E::NoFolder(folder) => fill(&table.no_folder, &[("path", &folder.display())]),
            E::Photograph { path, fault } => fill(
                &table.photograph,
                &[("path", &path.display()), ("fault", &fault.in_words(texts))],
            ),
        }
    }
}

impl InWords for FileFault {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.file_faults;
        let said = match self {
            FileFault::Io => &table.io,
            FileFault::NotAFile => &table.not_a_file,
            FileFault::Empty => &table.empty,
            FileFault::FileTooLarge => &table.file_too_large,
            FileFault::UnknownFormat => &table.unknown_format,
            FileFault::OtherFormat => &table.other_format,
            FileFault::NoPixels => &table.no_pixels,
            FileFault::TooManyPixels => &table.too_many_pixels,
            FileFault::TooMuchMemory => &table.too_much_memory,
            FileFault::Truncated => &table.truncated,
            FileFault::Damaged => &table.damaged,
            FileFault::FirstIsBlack => &table.first_is_black,
            FileFault::Unsupported => &table.unsupported,
        };
        said.clone()
    }
}
