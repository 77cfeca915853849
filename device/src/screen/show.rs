//! A screen in memory, drawn no more than it has to be.

use std::hash::{DefaultHasher, Hash, Hasher};

use embedded_graphics::prelude::*;

use super::grid::Grid;
use super::model::{Panel, View};
use super::page::Page;
use super::theme::GROUND;
use super::{draw, views};
use crate::draw::canvas::Canvas;
use crate::exam::words::Action;
use crate::language::{Language, Texts};

/// What a display presents.
///
/// The live view comes thirty times a second, but little of it moves: where one
/// follows another and its panel says the same, only picture and bars are drawn
/// again. That allocates nothing.
#[derive(Clone, Debug)]
pub struct Screen {
    canvas: Canvas,
    /// What stands still of the live view that was drawn last; nothing when
    /// that was another view.
    still: Option<u64>,
}

impl Screen {
    /// A dark screen of `size`.
    pub fn new(size: Size) -> Screen {
        Screen {
            canvas: Canvas::new(size.width, size.height, GROUND),
            still: None,
        }
    }

    /// Draws `view`; `pressed` as for [`draw`].
    pub fn show(&mut self, view: &View, language: Language, pressed: Option<Action>) {
        let still = match view {
            View::Live(live) => Some(hash(&live.panel, language, pressed)),
            _ => None,
        };
        let before = std::mem::replace(&mut self.still, still);
        let drawn = match view {
            View::Live(live) if still == before => {
                let mut page = Page {
                    grid: Grid::of(self.canvas.size()),
                    target: &mut self.canvas,
                    texts: Texts::of(language),
                    pressed,
                };
                views::live::draw_moving(live, &mut page)
            }
            _ => draw(view, Texts::of(language), pressed, &mut self.canvas),
        };
        match drawn {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// What was drawn last.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }
}

fn hash(panel: &Panel, language: Language, pressed: Option<Action>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (panel, language, pressed).hash(&mut hasher);
    hasher.finish()
}
