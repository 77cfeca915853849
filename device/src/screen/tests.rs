mod samples;

use std::path::PathBuf;
use std::{env, fs};

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, RgbImage};

use super::*;
use crate::draw::canvas::Canvas;
use crate::language::{english_words, InWords as _, Language};
use crate::live::Instruction;
use crate::panel::{SMALLEST, SMALLEST_UPRIGHT};
use samples::Samples;

/// The screens that are laid out for.
const SIZES: [Size; 6] = [
    SMALLEST,
    Size::new(1024, 600),
    Size::new(1280, 800),
    SMALLEST_UPRIGHT,
    Size::new(720, 1280),
    Size::new(800, 1280),
];

fn drawn(view: &View, language: Language, size: Size, pressed: Option<Action>) -> RgbImage {
    let mut canvas = Canvas::new(size.width, size.height, theme::INK);
    draw(view, Texts::of(language), pressed, &mut canvas).unwrap();
    canvas.into_picture()
}

#[test]
fn what_can_be_touched_is_large_on_the_screen_and_apart() {
    for size in SIZES {
        let screen = Rectangle::new(Point::zero(), size);
        for (name, _, view) in Samples::new(size).views() {
            let touches = touches(&view, size);
            for (i, touch) in touches.iter().enumerate() {
                let area = touch.area;
                let least = area.size.width.min(area.size.height);
                assert!(least >= LEAST_TOUCH, "{name} at {size}: {touch:?}");
                assert_eq!(area.intersection(&screen), area, "{name} at {size}");
                for other in &touches[i + 1..] {
                    let shared = area.intersection(&other.area);
                    let apart = shared.is_zero_sized();
                    assert!(apart, "{name} at {size}: {touch:?} and {other:?}");
                }
            }
        }
    }
}

#[test]
fn a_touch_asks_for_what_is_under_it_and_for_nothing_elsewhere() {
    let samples = Samples::new(SMALLEST);
    for (name, _, view) in samples.views() {
        let touches = touches(&view, SMALLEST);
        for touch in &touches {
            let (first, last) = (touch.area.top_left, touch.area.bottom_right().unwrap());
            let expected = touch.enabled.then_some(touch.action);
            for point in [first, touch.area.center(), last] {
                assert_eq!(hit(&view, SMALLEST, point), expected, "{name} {touch:?}");
            }
        }
        for (x, y) in (0..80).flat_map(|x| (0..48).map(move |y| (10 * x, 10 * y))) {
            let point = Point::new(x, y);
            let under = touches.iter().any(|touch| touch.area.contains(point));
            assert!(under || hit(&view, SMALLEST, point).is_none(), "{name}");
        }
    }
}

/// Where a finger changes the picture is where it is answered.
#[test]
fn buttons_are_drawn_where_they_are_touched() {
    let samples = Samples::new(SMALLEST);
    for (name, language, view) in samples.views() {
        let touches = touches(&view, SMALLEST);
        let calm = drawn(&view, language, SMALLEST, None);
        let asked = touches.iter().filter(|touch| touch.enabled);
        for action in asked.map(|touch| touch.action) {
            if matches!(action, Action::Type(letter) if letter != 'A' && letter != 'a') {
                continue; // one key stands for all
            }
            let pressed = drawn(&view, language, SMALLEST, Some(action));
            let mut changed = 0;
            for (x, y, pixel) in pressed.enumerate_pixels() {
                if calm.get_pixel(x, y) != pixel {
                    let point = Point::new(x as i32, y as i32);
                    assert_eq!(hit(&view, SMALLEST, point), Some(action), "{name}");
                    changed += 1;
                }
            }
            let seen = touches
                .iter()
                .any(|touch| touch.action == action && touch.is_button());
            assert_eq!(changed > 0, seen, "{name} {action:?}");
        }
    }
}

#[test]
fn the_words_of_buttons_fit_in_every_language() {
    for size in SIZES {
        let samples = Samples::new(size);
        for (name, _, view) in samples.views() {
            for language in Language::ALL {
                let page = Page {
                    target: &mut Canvas::new(1, 1, theme::GROUND),
                    grid: Grid::of(size),
                    texts: Texts::of(language),
                    pressed: None,
                };
                for touch in touches(&view, size) {
                    assert!(page.fits(&touch), "{name} {language:?} {touch:?}");
                }
            }
        }
    }
}

/// What stands in the sentences of the self-test and of what does not work,
/// with a camera and a store that fail among them.
#[test]
fn what_is_wrong_is_not_said_in_english_on_a_spanish_screen() {
    let spanish = Texts::of(Language::Spanish);
    let mut said = Vec::new();
    for (_, _, view) in Samples::new(SMALLEST).views() {
        match view {
            View::Ready(ready) => {
                said.extend(ready.health.iter().map(|line| line.found.in_words(spanish)));
            }
            View::Problem(Trouble { problem, detail }) => {
                let (what, remedy) = spanish.problem(problem);
                said.extend([what.to_owned(), remedy.to_owned()]);
                said.extend(detail.map(|detail| detail.in_words(spanish)));
            }
            View::Settings(settings) => said.push(settings.disk.in_words(spanish)),
            _ => {}
        }
    }
    for wanted in [
        "/dev/video0 se ha desconectado",
        "los registros están dañados",
    ] {
        assert!(said.iter().any(|text| text.contains(wanted)), "{wanted}");
    }
    for text in &said {
        assert!(english_words(text).is_empty(), "{text}");
    }
}

#[test]
fn a_live_view_that_follows_another_is_the_same_as_one_drawn_afresh() {
    let samples = Samples::new(SMALLEST);
    let views = samples.views();
    let mut screen = Screen::new(SMALLEST);
    let mut follow = |view: &View, pressed| {
        screen.show(view, Language::English, pressed);
        let afresh = drawn(view, Language::English, SMALLEST, pressed);
        assert!(screen.canvas().picture() == &afresh, "{view:?}");
    };
    for instruction in Instruction::ALL {
        let View::Live(live) = samples.live(instruction) else {
            panic!("{instruction:?} is an instruction of the live view");
        };
        let ring = live.ring.map(|ring| Ring {
            radius: ring.radius * 0.7,
            ..ring
        });
        follow(&View::Live(live), None);
        follow(&View::Live(Live { ring, ..live }), None);
        follow(&View::Live(Live { ring, ..live }), Some(Action::Capture));
        let bars = [Bar {
            value: 0.1,
            limit: 0.9,
        }; 4];
        let moved = Live {
            bars,
            progress: 0.9,
            ring: None,
            ..live
        };
        follow(&View::Live(moved), Some(Action::Capture));
        follow(&views[0].2, None);
        follow(&View::Live(moved), Some(Action::Capture));
    }
}

#[test]
fn a_screen_of_any_size_is_drawn_without_a_panic() {
    let samples = Samples::new(SMALLEST);
    for size in [
        Size::zero(),
        Size::new(1, 1),
        Size::new(40, 300),
        Size::new(480, 320),
    ] {
        for (_, language, view) in samples.views() {
            drawn(&view, language, size, None);
        }
    }
}

/// Views that lie otherwise on an upright screen.
const UPRIGHT: [&str; 13] = [
    "grading",
    "live_ready",
    "patient_note",
    "ready",
    "ready_not",
    "refused",
    "result_evidence",
    "result_many",
    "settings",
    "skip",
    "summary_one_eye",
    "today",
    "warning",
];

/// Every view as it was last looked at: each on the smallest screen, those that
/// lie otherwise on the smallest upright one, and one on each larger one. `FOVEA_UPDATE_SNAPSHOTS=1` takes them anew.
#[test]
fn every_view_looks_as_it_did() {
    let mut wrong = Vec::new();
    for size in SIZES {
        for (name, language, view) in Samples::new(size).views() {
            let shown = match (size.width, size.height) {
                (1024, _) => name == "live_ready",
                (1280, _) => name == "result_open",
                (720, 1280) => name == "live",
                (800, 1280) => name == "result_open",
                (720, _) => UPRIGHT.contains(&name),
                _ => true,
            };
            if shown {
                let name = format!("{name}_{}x{}", size.width, size.height);
                compare(&name, &drawn(&view, language, size, None), &mut wrong);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these views look different; look at them, and take them anew with \
         FOVEA_UPDATE_SNAPSHOTS=1 if they are right:\n{}",
        wrong.join("\n")
    );
}

fn compare(name: &str, picture: &RgbImage, wrong: &mut Vec<String>) {
    let file = format!("{name}.png");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots/screen")
        .join(&file);
    let known = image::open(&path).map(|known| known.into_rgb8());
    if known.is_ok_and(|known| known == *picture) {
        return;
    }
    if env::var_os("FOVEA_UPDATE_SNAPSHOTS").is_some_and(|set| set == "1") {
        fs::write(&path, png(picture)).unwrap();
        return;
    }
    let kept = env::temp_dir().join(format!("fovea-screen-{file}"));
    fs::write(&kept, png(picture)).unwrap();
    wrong.push(format!("{} (expected {})", kept.display(), path.display()));
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}
