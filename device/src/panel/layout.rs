//! Which picture is drawn for a panel, and where on the panel it lies.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use super::rotation::Rotation;
use super::{SMALLEST, SMALLEST_UPRIGHT};

/// The sizes that the interface is drawn for, from small to large.
pub const SIZES: [Size; 3] = [SMALLEST, Size::new(1024, 600), Size::new(1280, 800)];

/// Those for a screen that is higher than it is wide.
pub const UPRIGHT_SIZES: [Size; 3] = [SMALLEST_UPRIGHT, Size::new(720, 1280), Size::new(800, 1280)];

/// Panels with more pixels than this are driven in a smaller mode where they
/// have one: the interface is never drawn so large, and every pixel is copied
/// 30 times a second.
const MOST_PIXELS: u32 = 1920 * 1200;

/// A picture on a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The panel, in its own pixels.
    pub panel: Size,
    /// How far the picture is turned to lie on it.
    pub rotation: Rotation,
    /// The picture as it is drawn.
    pub picture: Size,
    /// Where the screen shows the picture, in the screen's pixels: the panel's,
    /// as somebody sees it who stands before it. Of the picture's own size
    /// unless the picture is scaled.
    pub area: Rectangle,
}

impl Layout {
    /// The largest picture that the panel can show pixel by pixel once it is
    /// turned, or else the smallest; scaled with its proportions kept until it
    /// touches two edges, and centred.
    pub fn fit(panel: Size, rotation: Rotation) -> Layout {
        let screen = rotation.size(panel);
        let fits = |size: &&Size| size.width <= screen.width && size.height <= screen.height;
        let sizes = match screen.height > screen.width {
            true => UPRIGHT_SIZES,
            false => SIZES,
        };
        let picture = sizes.iter().rev().find(fits).copied().unwrap_or(sizes[0]);
        let size = grow(picture, screen);
        let corner = (screen - size) / 2;
        Layout {
            panel,
            rotation,
            picture,
            area: Rectangle::new(Point::new(corner.width as i32, corner.height as i32), size),
        }
    }

    /// A picture as large as the panel, where the interface can be drawn so
    /// large, or else as [`Layout::fit`] has it.
    pub fn fill(panel: Size, rotation: Rotation) -> Layout {
        let screen = rotation.size(panel);
        let smallest = match screen.height > screen.width {
            true => SMALLEST_UPRIGHT,
            false => SMALLEST,
        };
        if screen.width < smallest.width || screen.height < smallest.height {
            return Layout::fit(panel, rotation);
        }
        Layout {
            panel,
            rotation,
            picture: screen,
            area: Rectangle::new(Point::zero(), screen),
        }
    }

    /// A panel that shows a picture of its own size.
    #[cfg(test)]
    pub fn exact(size: Size) -> Layout {
        Layout {
            panel: size,
            rotation: Rotation::None,
            picture: size,
            area: Rectangle::new(Point::zero(), size),
        }
    }

    /// Whether a pixel of the picture is a pixel of the panel.
    pub fn is_exact(&self) -> bool {
        self.area.size == self.picture
    }

    /// Whether the picture's rows are other than the panel's.
    pub fn is_turned(&self) -> bool {
        self.rotation != Rotation::None
    }

    /// Where the panel shows the picture, in the panel's own pixels.
    pub fn on_panel(&self) -> Rectangle {
        let screen = self.rotation.size(self.panel);
        self.rotation.area(self.area, screen)
    }

    /// The pixel of the picture at a place on the panel, given as shares (0..1)
    /// of its own width and height. Outside the picture where the panel shows
    /// none of it.
    pub fn to_picture(&self, x: f32, y: f32) -> Point {
        let screen = self.rotation.size(self.panel);
        let (x, y) = self.rotation.undo(x, y);
        let along = |share: f32, screen: u32, start: i32, length: u32, picture: u32| {
            let pixel = share * screen.saturating_sub(1) as f32 - start as f32 + 0.5;
            (pixel * picture as f32 / length as f32).floor() as i32
        };
        let (start, size) = (self.area.top_left, self.area.size);
        Point::new(
            along(x, screen.width, start.x, size.width, self.picture.width),
            along(y, screen.height, start.y, size.height, self.picture.height),
        )
    }
}

/// `picture` as large as `screen` allows, never empty.
fn grow(picture: Size, screen: Size) -> Size {
    // Compared crosswise: which edge is met first, without rounding.
    let (across, down) = (
        u64::from(screen.width) * u64::from(picture.height),
        u64::from(screen.height) * u64::from(picture.width),
    );
    let size = if across <= down {
        let height = across / u64::from(picture.width);
        Size::new(screen.width, height as u32)
    } else {
        let width = down / u64::from(picture.height);
        Size::new(width as u32, screen.height)
    };
    size.component_max(Size::new_equal(1))
}

/// What a screen offers to be driven in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// In pixels.
    pub size: Size,
    /// The screen's own choice: its native pixels.
    pub preferred: bool,
    /// Pictures a second.
    pub refresh: u32,
}

/// The offer to take: the screen's own choice, unless that has more pixels
/// than the interface could ever use; else the largest that the interface
/// fills, else the smallest there is. Of equal sizes the fastest. `None` when
/// nothing is offered.
pub fn choose(offers: &[Offer]) -> Option<usize> {
    let pixels = |offer: &Offer| u64::from(offer.size.width) * u64::from(offer.size.height);
    let best = |wanted: &dyn Fn(&Offer) -> bool| {
        offers
            .iter()
            .enumerate()
            .filter(|(_, offer)| wanted(offer))
            .max_by_key(|(index, offer)| (pixels(offer), offer.refresh, usize::MAX - index))
            .map(|(index, _)| index)
    };
    // A panel that is mounted turned is filled as well as one that is not.
    let filled = |size: Size| {
        let largest = SIZES[SIZES.len() - 1];
        size.width.max(size.height) <= largest.width
            && size.width.min(size.height) <= largest.height
    };
    best(&|offer| offer.preferred && pixels(offer) <= u64::from(MOST_PIXELS))
        .or_else(|| best(&|offer| filled(offer.size)))
        .or_else(|| (0..offers.len()).min_by_key(|&index| pixels(&offers[index])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(panel: Size) -> Layout {
        Layout::fit(panel, Rotation::None)
    }

    fn area(panel: Size) -> (Size, Point, Size) {
        let layout = fit(panel);
        (layout.picture, layout.area.top_left, layout.area.size)
    }

    #[test]
    fn panels_of_our_sizes_are_filled_pixel_by_pixel() {
        for size in SIZES.into_iter().chain(UPRIGHT_SIZES) {
            assert_eq!(fit(size), Layout::exact(size));
            assert!(fit(size).is_exact());
        }
    }

    #[test]
    fn other_panels_are_filled_to_two_edges_and_centred() {
        assert_eq!(
            area(Size::new(1024, 768)),
            (SIZES[1], Point::new(0, 84), Size::new(1024, 600))
        );
        assert_eq!(
            area(Size::new(1920, 1080)),
            (SIZES[2], Point::new(96, 0), Size::new(1728, 1080))
        );
        assert_eq!(
            area(Size::new(640, 480)),
            (SIZES[0], Point::new(0, 48), Size::new(640, 384))
        );
        assert_eq!(
            area(Size::new(480, 800)),
            (UPRIGHT_SIZES[0], Point::new(0, 16), Size::new(480, 768))
        );
        // Of no use, but no reason to stop.
        assert_eq!(area(Size::new(1, 300)).2, Size::new(1, 1));
    }

    #[test]
    fn touches_find_the_pixel_under_them() {
        let exact = Layout::exact(SIZES[0]);
        assert_eq!(exact.to_picture(0.0, 0.0), Point::zero());
        assert_eq!(exact.to_picture(1.0, 1.0), Point::new(799, 479));
        assert_eq!(exact.to_picture(400.0 / 799.0, 0.5).x, 400);

        let bordered = fit(Size::new(1024, 768));
        assert_eq!(bordered.to_picture(0.5, 84.0 / 767.0).y, 0);
        assert!(bordered.to_picture(0.5, 0.0).y < 0);
        assert!(bordered.to_picture(0.5, 1.0).y >= 600);

        let scaled = fit(Size::new(1920, 1080));
        assert_eq!(scaled.to_picture(96.0 / 1919.0, 0.0), Point::zero());
        assert_eq!(scaled.to_picture(1823.0 / 1919.0, 1.0).x, 1279);
    }

    #[test]
    fn a_turned_panel_is_filled_as_one_that_stands_like_its_picture() {
        let native = Size::new(800, 1280);
        for (rotation, picture) in [
            (Rotation::None, UPRIGHT_SIZES[2]),
            (Rotation::Quarter, SIZES[2]),
            (Rotation::Half, UPRIGHT_SIZES[2]),
            (Rotation::ThreeQuarters, SIZES[2]),
        ] {
            let layout = Layout::fit(native, rotation);
            assert_eq!((layout.picture, layout.is_exact()), (picture, true));
            assert_eq!(layout.on_panel(), Rectangle::new(Point::zero(), native));
        }
        // A border at the screen's left and right is one above and below on the
        // panel, and the odd pixel of it stays on the screen's right.
        let layout = Layout::fit(Size::new(1080, 1921), Rotation::Quarter);
        assert_eq!(layout.area.top_left, Point::new(96, 0));
        let on_panel = layout.on_panel();
        assert_eq!(
            on_panel,
            Rectangle::new(Point::new(0, 96), Size::new(1080, 1728))
        );
        let layout = Layout::fit(Size::new(1080, 1921), Rotation::ThreeQuarters);
        assert_eq!(layout.on_panel().top_left, Point::new(0, 97));
    }

    #[test]
    fn a_panel_of_any_size_is_filled_unless_the_interface_has_no_room_on_it() {
        for (panel, rotation, picture) in [
            ((900, 500), Rotation::None, Size::new(900, 500)),
            ((500, 900), Rotation::Quarter, Size::new(900, 500)),
            ((1000, 1300), Rotation::Half, Size::new(1000, 1300)),
            ((800, 480), Rotation::Quarter, SMALLEST_UPRIGHT),
            ((720, 1100), Rotation::None, SMALLEST_UPRIGHT),
        ] {
            let layout = Layout::fill(Size::new(panel.0, panel.1), rotation);
            assert_eq!(layout.picture, picture, "{panel:?}");
            assert_eq!(layout.is_exact(), picture != SMALLEST_UPRIGHT);
        }
    }

    #[test]
    fn touches_on_a_turned_panel_find_the_pixel_under_them() {
        // The panel's corners, clockwise from its own top left, and where they
        // are on the picture.
        let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let clockwise = |size: Size| {
            let (right, below) = (size.width as i32 - 1, size.height as i32 - 1);
            [(0, 0), (right, 0), (right, below), (0, below)].map(|(x, y)| Point::new(x, y))
        };
        for (turns, rotation) in Rotation::ALL.into_iter().enumerate() {
            let layout = Layout::fit(Size::new(800, 1280), rotation);
            let found = corners.map(|(x, y)| layout.to_picture(x, y));
            let mut expected = clockwise(layout.picture);
            expected.rotate_right(turns);
            assert_eq!(found, expected, "{rotation:?}");
        }
        let bordered = Layout::fit(Size::new(768, 1024), Rotation::Quarter);
        assert_eq!(bordered.picture, SIZES[1]);
        assert_eq!(bordered.to_picture(1.0 - 84.0 / 767.0, 0.5).y, 0);
        assert!(bordered.to_picture(1.0, 0.5).y < 0);
        assert!(bordered.to_picture(0.0, 0.5).y >= 600);
    }

    fn offer(width: u32, height: u32, preferred: bool, refresh: u32) -> Offer {
        Offer {
            size: Size::new(width, height),
            preferred,
            refresh,
        }
    }

    #[test]
    fn the_screens_own_mode_is_taken_unless_it_is_huge() {
        let monitor = [
            offer(3840, 2160, true, 60),
            offer(1920, 1080, false, 60),
            offer(1280, 800, false, 60),
            offer(1280, 800, false, 75),
            offer(1280, 720, false, 100),
            offer(640, 480, false, 60),
        ];
        assert_eq!(choose(&monitor), Some(3));
        assert_eq!(choose(&monitor[1..2]), Some(0));
        assert_eq!(choose(&[monitor[5], offer(1366, 768, true, 60)]), Some(1));
        assert_eq!(choose(&[monitor[0], monitor[1]]), Some(1));
        assert_eq!(choose(&[]), None);
        let upright = [offer(2160, 3840, true, 60), offer(800, 1280, false, 60)];
        assert_eq!(choose(&upright), Some(1));
    }
}
