//! A window on a developer's desktop. The mouse is the finger.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::RgbImage;
use minifb::{InputCallback, MouseButton, MouseMode, WindowOptions};

use super::fit::Fit;
use super::{fits, About, Display, DisplayError, Screen};
use crate::input::tap::Tap;
use crate::input::{self, Events, Input, InputEvent, Key};
use crate::panel::layout::Layout;

/// A desktop's window has nothing that could be waited on: it is asked this
/// often.
const ASK: Duration = Duration::from_millis(8);

/// Opens a window as large as the panel of `layout`.
///
/// # Errors
/// When there is no desktop to open it on.
pub fn open(layout: Layout) -> Result<Screen, DisplayError> {
    let (width, height) = (layout.panel.width as usize, layout.panel.height as usize);
    let mut window = minifb::Window::new("Fovea", width, height, WindowOptions::default())
        .map_err(|error| DisplayError::Window(error.to_string()))?;
    // Whoever draws sets the pace.
    window.set_target_fps(0);
    let keys = Rc::new(RefCell::new(Events::new()));
    window.set_input_callback(Box::new(Keys(keys.clone())));
    let shared = Rc::new(RefCell::new(Window {
        window,
        pixels: vec![0; width * height],
        layout,
        fit: Fit::new(layout),
    }));
    Ok(Screen {
        display: Box::new(Pane(shared.clone())),
        input: Box::new(Desk {
            window: shared,
            keys,
            tap: Tap::default(),
            closed: false,
        }),
    })
}

/// What the display and the input share.
struct Window {
    window: minifb::Window,
    /// As shown: red in bits 16 to 23, green, blue.
    pixels: Vec<u32>,
    layout: Layout,
    fit: Fit,
}

impl Window {
    /// Shows the picture again, also where another window covered it, and
    /// takes in what was typed and clicked meanwhile.
    fn refresh(&mut self) -> Result<(), DisplayError> {
        let Size { width, height } = self.layout.panel;
        self.window
            .update_with_buffer(&self.pixels, width as usize, height as usize)
            .map_err(|error| DisplayError::Window(error.to_string()))
    }
}

/// The window as a display.
struct Pane(Rc<RefCell<Window>>);

impl Display for Pane {
    fn size(&self) -> Size {
        self.0.borrow().layout.picture
    }

    fn present(&mut self, frame: &RgbImage, _: Option<Rectangle>) -> Result<(), DisplayError> {
        let window = &mut *self.0.borrow_mut();
        let layout = window.layout;
        fits(frame, layout.picture)?;
        let whole = Rectangle::new(Point::zero(), layout.picture);
        let (picture, _) = window.fit.bring(frame, whole);
        let at = layout.on_panel().top_left;
        let (left, width) = (at.x as usize, layout.panel.width as usize);
        let rows = window.pixels.chunks_exact_mut(width).skip(at.y as usize);
        for (pixels, row) in picture.rows().zip(rows) {
            for (pixel, out) in pixels.zip(&mut row[left..]) {
                let [r, g, b] = pixel.0;
                *out = u32::from_be_bytes([0, r, g, b]);
            }
        }
        window.refresh()
    }

    fn about(&self) -> About {
        About::Window(self.0.borrow().layout)
    }
}

/// The window's keys and mouse.
struct Desk {
    window: Rc<RefCell<Window>>,
    keys: Rc<RefCell<Events>>,
    tap: Tap,
    closed: bool,
}

impl Desk {
    fn take(&mut self, events: &mut Events) {
        let mut window = self.window.borrow_mut();
        // A window that cannot be shown is reported when it is drawn next.
        let _ = window.refresh();
        while !events.is_full() {
            let Some(event) = self.keys.borrow_mut().pop_front() else {
                break;
            };
            let _ = events.push_back(event);
        }
        let mouse = window.window.get_mouse_pos(MouseMode::Pass);
        let down = window.window.get_mouse_down(MouseButton::Left);
        let layout = window.layout;
        let share = |at: f32, length: u32| at / length.saturating_sub(1).max(1) as f32;
        let at = mouse.map_or(Point::new(-1, -1), |(x, y)| {
            let Size { width, height } = layout.panel;
            layout.to_picture(share(x.floor(), width), share(y.floor(), height))
        });
        self.tap.follow(down, at, layout.picture, events);
        if !window.window.is_open() && !self.closed {
            self.closed = events.push_back(InputEvent::Quit).is_ok();
        }
    }
}

impl Input for Desk {
    fn poll(&mut self, wait: Duration, events: &mut Events) {
        let start = Instant::now();
        loop {
            self.take(events);
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() || !events.is_empty() {
                return;
            }
            thread::sleep(left.min(ASK));
        }
    }

    fn about(&self) -> input::About {
        input::About::Window
    }
}

/// Receives what is typed into the window.
struct Keys(Rc<RefCell<Events>>);

impl Keys {
    fn put(&self, key: Key) {
        // Nobody types faster than the queue is emptied.
        let _ = self.0.borrow_mut().push_back(InputEvent::Key(key));
    }
}

impl InputCallback for Keys {
    fn add_char(&mut self, unicode: u32) {
        if let Some(c) = char::from_u32(unicode).filter(|c| !c.is_control()) {
            self.put(Key::Char(c));
        }
    }

    fn set_key_state(&mut self, key: minifb::Key, down: bool) {
        let named = match key {
            minifb::Key::Enter | minifb::Key::NumPadEnter => Key::Enter,
            minifb::Key::Escape => Key::Escape,
            minifb::Key::Backspace => Key::Backspace,
            minifb::Key::Delete => Key::Delete,
            minifb::Key::Tab => Key::Tab,
            minifb::Key::Up => Key::Up,
            minifb::Key::Down => Key::Down,
            minifb::Key::Left => Key::Left,
            minifb::Key::Right => Key::Right,
            minifb::Key::PageUp => Key::PageUp,
            minifb::Key::PageDown => Key::PageDown,
            _ => return,
        };
        if down {
            self.put(named);
        }
    }
}
