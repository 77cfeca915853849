//! Which picture is drawn for a panel, and where on the panel it lies.

use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

/// The sizes that the interface is drawn for, from small to large.
pub const SIZES: [Size; 3] = [
    Size::new(800, 480),
    Size::new(1024, 600),
    Size::new(1280, 800),
];

/// Panels with more pixels than this are driven in a smaller mode where they
/// have one: the interface is never drawn so large, and every pixel is copied
/// 30 times a second.
const MOST_PIXELS: u32 = 1920 * 1200;

/// A picture on a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The panel, in its own pixels.
    pub panel: Size,
    /// The picture as it is drawn.
    pub picture: Size,
    /// Where the panel shows the picture, in the panel's pixels. Of the
    /// picture's own size unless the picture is scaled.
    pub area: Rectangle,
}

impl Layout {
    /// The largest picture that the panel can show pixel by pixel, or else the
    /// smallest; scaled with its proportions kept until it touches two edges,
    /// and centred.
    pub fn fit(panel: Size) -> Layout {
        let fits = |size: &&Size| size.width <= panel.width && size.height <= panel.height;
        let picture = SIZES.iter().rev().find(fits).copied().unwrap_or(SIZES[0]);
        let size = grow(picture, panel);
        let corner = (panel - size) / 2;
        Layout {
            panel,
            picture,
            area: Rectangle::new(Point::new(corner.width as i32, corner.height as i32), size),
        }
    }

    /// A panel that shows a picture of its own size.
    pub fn exact(size: Size) -> Layout {
        Layout {
            panel: size,
            picture: size,
            area: Rectangle::new(Point::zero(), size),
        }
    }

    /// Whether a pixel of the picture is a pixel of the panel.
    pub fn is_exact(&self) -> bool {
        self.area.size == self.picture
    }

    /// The pixel of the picture at a place on the panel, given as shares (0..1)
    /// of its width and height. Outside the picture where the panel shows
    /// none of it.
    pub fn to_picture(&self, x: f32, y: f32) -> Point {
        let along = |share: f32, panel: u32, start: i32, length: u32, picture: u32| {
            let pixel = share * panel.saturating_sub(1) as f32 - start as f32 + 0.5;
            (pixel * picture as f32 / length as f32).floor() as i32
        };
        let (start, size) = (self.area.top_left, self.area.size);
        Point::new(
            along(x, self.panel.width, start.x, size.width, self.picture.width),
            along(
                y,
                self.panel.height,
                start.y,
                size.height,
                self.picture.height,
            ),
        )
    }
}

/// `picture` as large as `panel` allows, never empty.
fn grow(picture: Size, panel: Size) -> Size {
    // Compared crosswise: which edge is met first, without rounding.
    let (across, down) = (
        u64::from(panel.width) * u64::from(picture.height),
        u64::from(panel.height) * u64::from(picture.width),
    );
    let size = if across <= down {
        let height = across / u64::from(picture.width);
        Size::new(panel.width, height as u32)
    } else {
        let width = down / u64::from(picture.height);
        Size::new(width as u32, panel.height)
    };
    size.component_max(Size::new_equal(1))
}

/// What a screen offers to be driven in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
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
    let largest = SIZES[SIZES.len() - 1];
    best(&|offer| offer.preferred && pixels(offer) <= u64::from(MOST_PIXELS))
        .or_else(|| best(&|o| o.size.width <= largest.width && o.size.height <= largest.height))
        .or_else(|| (0..offers.len()).min_by_key(|&index| pixels(&offers[index])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(panel: Size) -> (Size, Point, Size) {
        let layout = Layout::fit(panel);
        (layout.picture, layout.area.top_left, layout.area.size)
    }

    #[test]
    fn panels_of_our_sizes_are_filled_pixel_by_pixel() {
        for size in SIZES {
            assert_eq!(Layout::fit(size), Layout::exact(size));
            assert!(Layout::fit(size).is_exact());
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
        // Upright, and of no use, but no reason to stop.
        assert_eq!(area(Size::new(1, 300)).2, Size::new(1, 1));
    }

    #[test]
    fn touches_find_the_pixel_under_them() {
        let exact = Layout::exact(SIZES[0]);
        assert_eq!(exact.to_picture(0.0, 0.0), Point::zero());
        assert_eq!(exact.to_picture(1.0, 1.0), Point::new(799, 479));
        assert_eq!(exact.to_picture(400.0 / 799.0, 0.5).x, 400);

        let bordered = Layout::fit(Size::new(1024, 768));
        assert_eq!(bordered.to_picture(0.5, 84.0 / 767.0).y, 0);
        assert!(bordered.to_picture(0.5, 0.0).y < 0);
        assert!(bordered.to_picture(0.5, 1.0).y >= 600);

        let scaled = Layout::fit(Size::new(1920, 1080));
        assert_eq!(scaled.to_picture(96.0 / 1919.0, 0.0), Point::zero());
        assert_eq!(scaled.to_picture(1823.0 / 1919.0, 1.0).x, 1279);
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
    }
}
