//! What can be touched: one list, from which a view is both drawn and answered,
//! so that a button cannot be in one place and work in another.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::grid::{columns, Grid};
use crate::exam::words::Action;
use crate::language::Texts;

/// The words of one language for a button.
pub(super) type Label = fn(&Texts) -> &str;

/// An area that asks for something when it is touched.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// In pixels of the picture shown.
    pub area: Rectangle,
    /// What it asks for when it is touched.
    pub action: Action,
    /// Whether it does anything now; it is shown all the same, dimmed.
    pub enabled: bool,
    pub(super) face: Face,
}

/// How a touch area looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Face {
    Button(Label, Look),
    /// A key of the keyboard on the screen.
    Key(char),
    /// The view draws it.
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The step that most operators take next; one to a view.
    Primary,
    Plain,
    /// The choice that holds now.
    Chosen,
}

impl Touch {
    pub(super) fn button(area: Rectangle, action: Action, label: Label, look: Look) -> Touch {
        Touch {
            area,
            action,
            enabled: true,
            face: Face::Button(label, look),
        }
    }

    pub(super) fn key(area: Rectangle, letter: char) -> Touch {
        Touch {
            area,
            action: Action::Type(letter),
            enabled: true,
            face: Face::Key(letter),
        }
    }

    pub(super) fn own(area: Rectangle, action: Action) -> Touch {
        Touch {
            area,
            action,
            enabled: true,
            face: Face::Own,
        }
    }

    /// Whether it looks like a button, and not like a part of the view.
    #[cfg(test)]
    pub(super) fn is_button(&self) -> bool {
        !matches!(self.face, Face::Own)
    }

    /// The same area, asleep unless `enabled`.
    pub(super) fn when(self, enabled: bool) -> Touch {
        Touch { enabled, ..self }
    }
}

/// Buttons of one width beside each other.
pub(super) fn row(area: Rectangle, grid: &Grid, buttons: &[(Action, Label, Look)]) -> Vec<Touch> {
    let count = u32::try_from(buttons.len()).unwrap_or(u32::MAX);
    columns(area, count, grid.px(8))
        .zip(buttons)
        .map(|(area, &(action, label, look))| Touch::button(area, action, label, look))
        .collect()
}

/// What a touch at `point` asks for, if anything.
pub(super) fn answer(touches: &[Touch], point: Point) -> Option<Action> {
    touches
        .iter()
        .find(|touch| touch.enabled && touch.area.contains(point))
        .map(|touch| touch.action)
}
