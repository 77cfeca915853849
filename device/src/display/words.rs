//! What is said of a display.

use embedded_graphics::prelude::Size;

use super::About;
use crate::language::{fill, shown_in_english, InWords, Texts};
use crate::panel::layout::Layout;

shown_in_english!(About);

impl InWords for About {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.display;
        match self {
            About::Screen {
                card,
                output,
                rate,
                layout,
            } => fill(
                &table.screen,
                &[
                    ("card", &card.display()),
                    ("output", output),
                    ("size", &size(layout.panel)),
                    ("rate", rate),
                    ("changed", &changed(layout, texts)),
                ],
            ),
            About::Window(layout) => fill(
                &table.window,
                &[
                    ("size", &size(layout.panel)),
                    ("changed", &changed(layout, texts)),
                ],
            ),
            About::Pictures {
                folder,
                layout,
                to_be_made,
            } => {
                let template = match to_be_made {
                    true => &table.pictures_to_be_made,
                    false => &table.pictures,
                };
                fill(
                    template,
                    &[
                        ("size", &size(layout.panel)),
                        ("changed", &changed(layout, texts)),
                        ("folder", &folder.display()),
                    ],
                )
            }
        }
    }
}

fn size(Size { width, height }: Size) -> String {
    format!("{width}x{height}")
}

/// What is to be said of a picture that does not lie on its panel pixel by
/// pixel: its size, and how far it is turned.
fn changed(layout: &Layout, texts: &Texts) -> String {
    let mut said = String::new();
    if layout.panel != layout.picture {
        said += &fill(&texts.display.picture, &[("size", &size(layout.picture))]);
    }
    if layout.is_turned() {
        said += &fill(&texts.display.turned, &[("degrees", &layout.rotation)]);
    }
    said
}
